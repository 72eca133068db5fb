"""The languages of the console: one catalogue each, beside this file; numbers, money and times as each writes them.

Owns reading the catalogues and formats. English is in the code and the templates; a further language is a further ``.po``
file. What other rooms say, such as the doctor, stands there, too, with numbered places for its values. Money is never rounded: it is shown with every digit it has.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from msgspec import Struct

SOURCE = "en"
_LETTERS = re.compile(r"([A-Z])(\d)")
LANGUAGES = {"en": "English", "ka": "ქართული"}


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> dict[str, str]:
    """Text to its translation; empty for English, which needs none."""
    if language == SOURCE:
        return {}
    data = resources.files(__name__).joinpath(f"{language}.po").read_bytes()
    read = read_po(BytesIO(data), locale=language)
    return {str(m.id): str(m.string) for m in read if m.id and isinstance(m.id, str) and m.string}


@lru_cache(maxsize=len(LANGUAGES))
def sentences(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Those of the catalogue with values at ``{1}``, ``{2}``: what such a sentence looks like, and the sentence; the one
    with the most words of its own first."""
    found = []
    for text in catalogue(language):
        if "{1}" in text:
            parts = re.split(r"\{\d\}", text)
            found.append((re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL), text))
    return sorted(found, key=lambda one: (-len(one[1]), one[1]))


class Words(Struct, frozen=True):
    """How one reader is spoken to."""

    language: str
    zone: str

    def say(self, text: str, **values: object) -> str:
        """The text in the reader's language, with values put in their places."""
        said = catalogue(self.language).get(text, text)
        return said.format(**values) if values else said

    def told(self, text: str) -> str:
        """What another room said in English: the catalogue's sentence for it, with the same values; else, of several that
        are joined, each; else as it is."""
        known = catalogue(self.language)
        if text in known:
            return known[text]
        each = [self.told(part) for part in text.split("; ")] if "; " in text else [text]
        if all(new != old for new, old in zip(each, text.split("; "), strict=True)):
            return "; ".join(each)
        for pattern, sentence in sentences(self.language):
            found = pattern.fullmatch(text)
            if found is not None:
                return known[sentence].format("", *map(self.told, found.groups()))
        for mark in ("; ", ", ", ": "):
            if mark in text:
                return mark.join(map(self.told, text.split(mark)))
        return text

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.language)

    def number(self, value: int | Decimal | float) -> str:
        return str(format_decimal(value, locale=self.language))

    def figure(self, value: float) -> str:
        """A value of a chart: whole where it is whole, else with the two digits that can be seen."""
        return (
            self.number(int(value))
            if value == int(value)
            else str(format_decimal(round(value, 2), locale=self.language))
        )

    def rate(self, value: Decimal | float, digits: int = 2) -> str:
        """A return or a mark: always so many digits, so that those of a column stand one below the other."""
        return str(format_decimal(value, format=f"#,##0.{'0' * digits}", locale=self.language))

    def clock(self, at_s: int) -> str:
        """The time of a day in the shop's zone."""
        return str(
            format_datetime(
                datetime.fromtimestamp(at_s, UTC), "HH:mm", tzinfo=ZoneInfo(self.zone), locale=self.language
            )
        )

    def short(self, value: int) -> str:
        return str(format_compact_decimal(value, locale=self.language))

    def share(self, value: float | None, digits: int = 0) -> str:
        """A share of one as percent; a dash where there is none."""
        if value is None:
            return "–"
        return str(format_percent(value, format=f"#,##0{'.' + '0' * digits if digits else ''} %", locale=self.language))

    def money(self, amount: Decimal, currency: str) -> str:
        """All digits, at least those of the currency."""
        exponent = amount.as_tuple().exponent
        is_fine = isinstance(exponent, int) and -exponent > 2
        shown = format_currency(
            amount, currency, locale=self.language, decimal_quantization=False, currency_digits=not is_fine
        )
        return _LETTERS.sub("\\1\u00a0\\2", str(shown))  # a code of letters stands apart from its digits

    def amount(self, amount: Decimal | str | int | None, currency: str) -> str:
        """Money that is told as a text; a dash for none, and no sign of a currency that nobody knows."""
        if amount is None:
            return "–"
        exact = Decimal(amount)
        return (
            self.money(exact, currency)
            if currency
            else str(format_decimal(exact, locale=self.language, decimal_quantization=False))
        )

    def time(self, at_s: int | None) -> str:
        """A moment in the shop's zone; a dash for none."""
        if at_s is None:
            return "–"
        moment = datetime.fromtimestamp(at_s, UTC)
        return str(format_datetime(moment, "d MMM y, HH:mm:ss", tzinfo=ZoneInfo(self.zone), locale=self.language))

    def booked(self, at_s: int | None) -> str:
        """A moment, or only its day where it is the day's first second: banks book days."""
        if at_s is None or datetime.fromtimestamp(at_s, ZoneInfo(self.zone)).strftime("%H%M%S") != "000000":
            return self.time(at_s)
        return self.whole_day(datetime.fromtimestamp(at_s, ZoneInfo(self.zone)).date())

    def month(self, month: str) -> str:
        """A month with its year, of YYYY-MM."""
        return str(format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale=self.language))

    def whole_day(self, day: date | str) -> str:
        """A day with its year; a text is one as YYYY-MM-DD or YYYY-Www-D."""
        given = date.fromisoformat(day) if isinstance(day, str) else day
        return str(format_date(given, "d MMM y", locale=self.language))

    def day(self, day: date) -> str:
        return str(format_date(day, "d MMM", locale=self.language))


def language_of(accepted: str, chosen: str, usual: str) -> str:
    """The language for a reader: chosen, else the first of the browser's that there is, else the usual one."""
    if chosen in LANGUAGES:
        return chosen
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().partition("-")[0].casefold()
        if tag in LANGUAGES:
            return tag
    return usual if usual in LANGUAGES else SOURCE
