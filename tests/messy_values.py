"""Contact values as people and shops write them, in eight scripts and every kind of disorder; the same list every run.

Owns input only, no expected value. Hand-picked texts first, then seeded mixtures of them.
"""

from __future__ import annotations

import random

NAMES = [
    "Mary", "MARY", " mary ", "Mary-Ann", "Jean  Luc", "O'Brien", "O’Brien", "Smith, Jr.", "Dr. Smith", "valéry", "VALÉRY",
    "Mu\u0308ller", "Müller", "Straße", "STRAẞE", "Øystein", "Łukasz", "Žižek", "Nguyễn", "Jose\u0301", "D'Arcy", "Anne_Marie",
    "İbrahim", "IŞIK", "ılgaz", "ŞÜKRÜ", "Иван", "ИВАНОВ", "Ёлкин", "Йо\u0301вана", "Ђорђе", "გიორგი", "ᲒᲘᲝᲠᲒᲘ", "ნინო-მარი",
    "Γιώργος", "ΓΙΩΡΓΟΣ", "ΝΙΚΟΣ ΠΑΠΑΣ", "Σ", "محمد", "عبد الله", "مُحَمَّد", "علی‌رضا", "أحمد", "ﷲ", "ﻣﺤﻤﺪ", "דוד", "שָׁלוֹם", "王小明", "王 小明",
    "阿里·木江", "山田太郎", "ﾔﾏﾀﾞ", "ヤマダ", "やまだ", "김철수", "정", "ชัย", "สำราญ", "ທອງຄຳ", "फ़िरोज़", "अमित", "ශ්‍රීමා", "Սևակ", "ԳԵՎՈՐԳ",
    "Ｊａｎｅ", "Jane\u200b", "\u200eJane", "\ufeffJane", "Ja\u00adne", "Jane\u00a0Doe", "Jane\u3000Doe", "Anna♥", "Anna 😀", "😀", "José²",
    "Mª Carmen", "J.R.R.", "...", "-", "_", "´", "null", "N/A", "John Doe", "McDonald", "van der Berg", "Ⅳ", "ﬁona", "Kelvin",
    "Ångström", "x" * 40, "a", "é", "\u0301", "\x1fJane\x1f", "\x85Jane", "Jane\n", "J\tD", "ǅamal", "ŉ", "𝓙ane", "𠮷野",
]  # fmt: skip

EMAILS = [
    "john_smith@gmail.com", " John_Smith@GMAIL.com\n", "john doe@example.com", "a@b", "a@b.c", "a@b.co", "Jörg@example.de",
    "jane+news.letter@example.co.uk", "jane@.example.com", "@example.com", "jane@", "jane@example", "jane@example..com",
    "jane.@example.com", ".jane@example.com", "jane..doe@example.com", "jane:.doe@example.com", "jane@exa_mple.com",
    "jane@-example.com", "jane@example-.com", "jane@1.2.3.4", "jane@[1.2.3.4]", "\"jane\"@example.com", "a@b@example.com",
    "jane@example.com,", "jane@example.com;", "<jane@example.com>", "mailto:jane@example.com", "jane@例え.jp", "用户@例子.广告",
    "jane@xn--r8jz45g.jp", "x" * 64 + "@example.com", "x" * 65 + "@example.com", "jane@" + "x" * 64 + ".com", "jane@EXAMPLE.COM ",
    "jane\u200b@example.com", "ｊａｎｅ@example.com", "jane@example.c", "jane@example.com.", "jane`@example.com", "`jane@example.com",
    "jane@example.com\nx", "o'brien@example.ie", "İ@example.com", "jane@example.museum", "jane@sub.sub.example.com", "j@e.cc",
    "jane@a--b.com", "jane@ex ample.com", "JANE@Example.Com", "jane%x@example.com", "jane!#$&'*/=?^{|}~-@example.com",
]  # fmt: skip

PHONES = [
    "+1 (650) 555-1212", "1-650-555-1212", "0016505551212", "650.555.1212", "(650) 555 1212", "16505551212", "+44 (0)20 7946 0958",
    "020 7946 0958", "+39 06 6982 1234", "٠٣٠ ٩٠١٨٢٠", "۰۹۱۲۳۴۵۶۷۸۹", "555-1212", "1-800-FLOWERS", "n/a", "0000000000", "0555 00 00 07",
    "+995 555 00 00 07", "00995555000007", "995555000007", "+995(555)000007", "+7 495 123-45-67", "8 (495) 123-45-67", "+49 30 901820",
    "030/901820", "+86 138 0013 8000", "13800138000", "+81-3-1234-5678", "03-1234-5678", "+90 532 123 45 67", "0532 123 45 67",
    "+55 11 91234-5678", "(11) 91234-5678", "+61 2 1234 5678", "+1 650 555 1212 ext. 5", "+1.650.555.1212", "tel:+16505551212",
    "+1650555121", "+123", "12345", "+", "", " ", "0", "00", "000", "+0", "+00 44 20 7946 0958", "＋１６５０５５５１２１２", "1" * 16, "1" * 17, "2" * 25,
    "+380 44 123 4567", "+972-3-123-4567", "+66 2 123 4567", "+91 98765 43210", "098765 43210", "+82 10-1234-5678", "#31#0650", "*100#",
    "650\u00a0555\u00a01212", "650\u20115551212", "\u202a+16505551212\u202c", "1(650)5551212", "1650(555)1212", "+1;650;555;1212", "16505551212x9",
]  # fmt: skip

PLACES = [
    "Menlo Park", "São Paulo", "St. John's", "Zürich", "ZÜRICH", "Paris 15", "東京", "東京都", "Москва", "Санкт-Петербург", "თბილისი", "Αθήνα", "القاهرة",
    "תל אביב", "서울", "กรุงเทพมหานคร", "İstanbul", "Köln (Altstadt)", "New York", "NY", "ny", "California", "CA", "ca.", "N.Y.", "Île-de-France", "NSW",
    "New South Wales", "Ontario", "ON", "Québec", "QC", "Washington D.C.", "DC", "West Virginia", "Kansas City", "Georgia", "1st District", "84",
    "Bayern", "BY", "US-CA", "Tbilisi 0105", "'s-Hertogenbosch", "Aix-en-Provence", "-", "London\u00a0W1", "ﬆ. ives", "Ñuñoa", "P", "12", "São",
]  # fmt: skip

ZIPS = [
    "94025", "94025-1234", "94025 1234", "M1 1AE", "m11ae", "NR-3 2AB", "1012 AB", "123-4567", "100-0001", "1", "12", "   ", "K1A 0B1", "00-950", "０１２３４",
    "١٢٣٤٥", "D-10115", "-94025", "94025\u00a0", "AD500", "SW1A\u00a01AA", "１００-0001", "-", "1-", "😀", "0105", "EC1A–1BB",
]  # fmt: skip

DATES = [
    "2/16/1997", "16/2/1997", "1997-02-16", "1997-2-16T00:00:00Z", "16.02.1997", "19970216", "02/03/1997", "1997-13-40", "16 February", "02/16/97",
    "1997/16/2", "16-1997-02", "02161997", "19971340", "1799-01-01", "2027-01-01", "2028-01-01", "1997 2 16", "Feb 16, 1997", "1997.2.16.", "0/0/0", "31/12/1999",
    "٢/١٦/١٩٩٧", "1997", "199702", "1997021", "12/31/99999999999999999999", "99/1/1", "1-1-1",
]  # fmt: skip

GENDERS = [
    "f",
    "F",
    "Female",
    " M ",
    "male",
    "woman",
    "Man",
    "divers",
    "ma'am",
    "w",
    "Ms.",
    "she",
    "Frau",
    "f.",
    "0",
    "MALE ",
    "ｆ",
]

COUNTRIES = [
    "US", "us", "USA", "United States", "united states of america", "UK", "GB", "Great Britain", "United Kingdom", "DEU", "Germany", "de", "Deutschland",
    "Georgia", "GE", "Narnia", "XK", "Kosovo", "AN", "Türkiye", "Turkey", "Côte d'Ivoire", "CI", "Republic of India", "India", "Korea, Republic of",
    "Russia", "Russian Federation", "中国", "U.S.", "u s", "ß", "ﬁ", "SS", "Jerusalem", "Viet Nam", "Vietnam", "the Netherlands", "nl.", "+1",
]  # fmt: skip

IDS = ["User 42", " ABC-def ", "42", "a" * 32, "A" * 32, "ab" * 32, "AB" * 32, " " + "ab" * 32 + " ", "ab" * 31, "ab" * 32 + ".AQICAQMC",
       "AB" * 32 + ".BA", "ab" * 32 + ".XX", "cd" * 16 + ".AQYCAQMB", "ab" * 32 + ".12345678", "gid://shopify/Customer/7"]  # fmt: skip

ALL = [*NAMES, *EMAILS, *PHONES, *PLACES, *ZIPS, *DATES, *GENDERS, *COUNTRIES, *IDS]


def values(more: int = 700) -> list[str]:
    """The hand-picked texts and ``more`` mixtures: halves joined, other case, things put around and inside."""
    chance = random.Random(20_260_901)
    around = [
        " ",
        "\t",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "-",
        ".",
        "'",
        "(",
        ")",
        "+",
        "0",
        "00",
        "\u0301",
        "\x1c",
        "\u3000",
        ",",
        "@",
        "é",
        "İ",
        "Σ",
    ]
    found = list(ALL)
    for _ in range(more):
        text = chance.choice(ALL)
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(0, len(text))
            what = chance.randint(0, 5)
            if what == 0:
                text = text[:at] + chance.choice(around) + text[at:]
            elif what == 1:
                text = text.swapcase() if chance.random() < 0.5 else text.upper()
            elif what == 2:
                text = text[:at] + text[at + 1 :]
            elif what == 3:
                text = text[:at] + chance.choice(ALL)[-6:]
            elif what == 4:
                text = chance.choice(around) + text + chance.choice(around)
            else:
                text = text[:at] + str(chance.randint(0, 99)) + text[at:]
        found.append(text)
    return list(dict.fromkeys(found))
