"""Cells to values: money, times, ids, words. Exact or not at all: nothing is guessed for one cell alone.

Owns how a column writes its numbers and dates, which is found from the whole column or set by the operator, and
what is shown of a cell that could not be read. Everything comes in as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from twofold.event import scalars
from twofold.event.contact import MASK, mask_text, names_somebody

# Enough to name an amount's currency when nothing else does; `$`, `kr` and `¥` are many.
SYMBOLS = {"€": "EUR", "£": "GBP", "₹": "INR", "₾": "GEL", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₩": "KRW"}
MAX_ID = 256

_SIGNS = "$€£¥₹₾₽₺₴₪₩฿₫₱₦₡₲₵₸₼"
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,60})?")  # PHP may write all digits of a float
# A currency before or after a number: a code or abbreviation of up to three letters, a symbol, spaces.
_AROUND = re.compile(rf"^(?:[^\W\d]{{1,3}}\.?)?[\s{_SIGNS}]*|[\s{_SIGNS}]*(?:[^\W\d]{{1,3}}\.?)?$")
# Letters beside a number that are no currency: a side of an account (debit, credit, Soll, Haben), or so many thousands.
_NO_CURRENCY = re.compile(
    r"(?:^|[\d\s.,)])(?:dr|cr|db|d|c|s|h|k|m|b|mio|mrd|mil|tsd|bn|mn|mm|tys|тыс|млн)\.?$|^(?:dr|cr|db|d|c|h)\.?[\s\d(+-]",
    re.I,
)
_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_GROUPED = {
    ".": re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?"),  # also 1,00,000.00
    ",": re.compile(r"[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3}(?:,[0-9]+)?"),
}
_UNGROUPED = {".": re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?"), ",": re.compile(r"[0-9]{1,15}(?:,[0-9]{1,15})?")}
_NUMBER = re.compile(r"[0-9.,]*[0-9][0-9.,]*")
_CLEAR = 10  # so many times more cells of one kind decide against the other
_ROUNDED_ID = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,3}")
_INTEGER_FLOAT = re.compile(r"([0-9]{1,15})\.0+")
_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,?[ T]+(.*))?")
_YEAR_FIRST = re.compile(r"(\d{4})([./])(\d{1,2})\2(\d{1,2})(?:,?[ T]+(.*))?")
WORDED = (
    re.compile(r"(?P<d>\d{1,2})(?:\.?\s+|[-/])(?P<m>[A-Za-z]{3,9})(?:\.?,?\s+|[-/])(?P<y>\d{4}|\d{2})(?:,?[ T]+(?P<clock>\d.*))?"),
    re.compile(r"(?:[A-Za-z]{3,9},\s+)?(?P<m>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})(?:,?[ T]+(?P<clock>\d.*))?"),
)  # fmt: skip
"""Days with the month as an English word, as exports and spreadsheets write them: they can be read in one way only."""
_MONTH_NAMES = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
                "december")  # fmt: skip
_SERIAL = re.compile(r"([2-6]\d{4})(\.\d+)?")
_DAY_ZERO = datetime(1899, 12, 30)
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d", "-"))
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp])?\.?[Mm]?\.?")
_SPACED_OFFSET = re.compile(r"\s*(?:([+-]\d{2}:?(?:\d{2})?)|UTC|GMT|Z)$")
_UNIX = re.compile(r"1[0-9]{9}(?:[0-9]{3})?")
_QUOTED = re.compile(r"'[=+\-@\t\r0-9]")
_LONG_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")  # reads like a phone or account number
_YEARS = range(1995, 2101)
MAX_LABEL = 60


class NumberStyle(Struct, frozen=True):
    """How a column writes amounts. ``decimal`` is ".", "," or "" while no cell has shown it."""

    decimal: str = "."

    def read(self, text: str) -> Decimal | None:
        """The exact number; None when the text is not one in this style."""
        if _PLAIN.fullmatch(text) and (self.decimal == "." or text.isdigit()):
            return _decimal(text)
        number = _read_number(text, self.decimal)
        return None if number is None else scalars.without_noise(number)


def number_style(cells: Iterable[str], given: str = "", usual: str = "", elsewhere: str = "") -> NumberStyle | None:
    """The style of a column from its cells, or as ``given``; None when the cells contradict each other or say too little.

    A sign that stands last of two, or stands before one, two or four and more digits, is the decimal sign; one that
    stands twice is not. "1.234" alone says nothing: then the sign that the file's other columns show (``elsewhere``)
    is believed, and no habit, as a habit would make a thousandth of an amount. ``usual``, the format's habit, decides
    only between cells that contradict each other. Where no cell needs a sign, each later one must show its own.
    """
    if given:
        return NumberStyle(given)
    shown: Counter[str] = Counter()
    unsure = False
    for cell in cells:
        number = _bare(cell)
        if number.isdigit() or not _NUMBER.fullmatch(number):
            continue
        sign = _sign_of(number)
        shown[sign] += 1
        unsure = unsure or not sign
    del shown[""]
    if shown:
        sign = _clear_one(shown) or usual
        return NumberStyle(sign) if sign else None
    return None if unsure and not elsewhere else NumberStyle(elsewhere)


def shown_sign(columns: Iterable[Iterable[str]]) -> str:
    """The decimal sign that all columns of a file show which show one; "" when none does or they differ."""
    styles = (number_style([cell for cell in cells if _sign_of(_bare(cell))]) for cells in columns)
    signs = {style.decimal for style in styles if style is not None and style.decimal}
    return signs.pop() if len(signs) == 1 else ""


def _clear_one(shown: Counter[str]) -> str:
    """What nearly all cells show: a stray one costs its row, it does not stop the file."""
    (first, count), *others = shown.most_common(2)
    return first if not others or count >= _CLEAR * others[0][1] else ""


def currency_of(text: str) -> str | None:
    """The currency that an amount is written with: a code or an unmistakable symbol."""
    for symbol, code in SYMBOLS.items():
        if symbol in text:
            return code
    found = re.search(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text)
    return scalars.read_currency(found[0]) if found else None


def read_currency(text: str) -> str | None:
    """ISO 4217 in capitals, also from an unmistakable symbol; None for anything else."""
    return SYMBOLS.get(text.strip()) or scalars.read_currency(text)


class DateStyle(Struct, frozen=True):
    """How a column writes days and which zone its times without one are in. ``order`` is "dmy", "mdy" or ""; ``serial``: a
    workbook's, where a day that nobody formatted as one is a number. ``home``: the zone in which a day without a time has to
    be that day, too, where it is told of what has no zone of its own to be kept with it."""

    zone: tzinfo
    order: str = ""
    serial: bool = False
    home: tzinfo | None = None

    def read(self, text: str) -> int | None:
        """Unix seconds; None when the text is no time in this style."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return self._read_other(text)
        return self._seconds(moment, day_only=len(text) <= len("2026-05-14"))

    def _seconds(self, moment: datetime, *, day_only: bool = False) -> int | None:
        if moment.year not in _YEARS:
            return None
        if day_only:
            return self._day(moment)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return int(moment.timestamp())

    def _day(self, midnight: datetime) -> int:
        """A day without a time: when it begins; where that is another day at home, when it begins there."""
        begins = midnight.replace(tzinfo=self.zone)
        if self.home is not None and begins.astimezone(self.home).date() != midnight.date():
            begins = midnight.replace(tzinfo=self.home)
        return int(begins.timestamp())

    def _read_other(self, text: str) -> int | None:
        if _UNIX.fullmatch(text):
            return int(text[:10])
        offset = _SPACED_OFFSET.search(text)
        if offset:  # "2026-05-14 11:23:45 +0100", "… UTC"
            day = text[: offset.start()].rstrip()
            try:
                return None if day.isdigit() else self._seconds(datetime.fromisoformat(day + (offset[1] or "+00:00")))
            except ValueError:
                pass  # days as people write them, below
        found = _DATE.fullmatch(text) or _YEAR_FIRST.fullmatch(text)
        if not found:
            return self._read_worded(text) if text[-1:].isalnum() else None
        order = "ymd" if len(found[1]) == 4 else "dmy" if found[2] == "." else self.order
        if not order:
            return None
        year = found[1] if order == "ymd" else found[4]
        day, month = {"dmy": (found[1], found[3]), "mdy": (found[3], found[1])}.get(order, (found[4], found[3]))
        clock = _clock(found[5])
        if clock is None:
            return None
        hour, minute, second, zone = clock
        try:
            moment = datetime(int(year), int(month), int(day), hour, minute, second)
            return self._seconds(moment if zone is None else moment.replace(tzinfo=zone), day_only=not found[5])
        except ValueError:
            return None

    def _read_worded(self, text: str) -> int | None:
        if self.serial and (number := _SERIAL.fullmatch(text)):
            part = timedelta(seconds=round(float(number[2] or 0) * 86_400))
            return self._seconds(_DAY_ZERO + timedelta(days=int(number[1])) + part, day_only=not number[2])
        for form in WORDED:
            found = form.fullmatch(text)
            clock = _clock(found["clock"]) if found else None
            if found and clock is not None and (month := month_of(found["m"])):
                year, (hour, minute, second, zone) = full_year(found["y"]), clock
                try:
                    moment = datetime(year, month, int(found["d"]), hour, minute, second, tzinfo=zone)
                    return self._seconds(moment, day_only=not found["clock"])
                except ValueError:
                    return None
        return None


def month_of(word: str) -> int:
    """The number of a month's English name or its first three letters; 0 for another word."""
    word = word.lower()
    return next((place for place, name in enumerate(_MONTH_NAMES, 1) if len(word) >= 3 and name.startswith(word)), 0)


def day_of_number(text: str) -> str | None:
    """The day that a spreadsheet keeps as a number, YYYY-MM-DD."""
    found = _SERIAL.fullmatch(text)
    day = _DAY_ZERO + timedelta(days=int(found[1])) if found else None
    return f"{day:%Y-%m-%d}" if day is not None and day.year in _YEARS else None


def full_year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def date_order(cells: Iterable[str], given: str = "") -> str | None:
    """ "dmy" or "mdy" from the days above twelve of a column; "" when no cell needs it, None when none tells."""
    if given:
        return given
    needed = False
    shown: Counter[str] = Counter()
    for cell in cells:
        found = _DATE.fullmatch(cell)
        if found and found[2] != ".":
            needed = True
            shown["dmy"] += int(found[1]) > 12
            shown["mdy"] += int(found[3]) > 12
    if not needed:
        return ""
    shown += Counter()  # without what was never seen
    return (_clear_one(shown) or None) if shown else None


def read_id(text: str) -> str | None:
    """An id as exact text. None when a spreadsheet rounded it, or when it holds an e-mail address."""
    whole = _INTEGER_FLOAT.fullmatch(text)
    if whole:
        return whole[1]
    if _ROUNDED_ID.fullmatch(text) or len(text) > MAX_ID or not text.isprintable() or names_somebody(text):
        return None
    return text


def read_label(text: str) -> str:
    """A short word of the shop's own, without what reads like an address or a long number."""
    return _LONG_NUMBER.sub(MASK, mask_text(" ".join(text.split())))[:MAX_LABEL]


def unquoted(text: str) -> str:
    """A cell without the apostrophe that spreadsheets put before what would be a formula or a rounded number."""
    return text[1:] if text[:1] == "'" and _QUOTED.match(text) else text


def shape(text: str) -> str:
    """What a cell looks like, never what it says: letters become x, digits 9."""
    if not text:
        return "nothing"
    drawn = "".join("9" if c.isdigit() else "x" if c.isalpha() else c if c.isprintable() else "?" for c in text[:40])
    return f"{drawn}{'…' if len(text) > 40 else ''}"


@lru_cache(maxsize=65_536)
def _decimal(text: str) -> Decimal:
    return scalars.without_noise(Decimal(text))


def _bare(cell: str) -> str:
    """The number in a cell without currency, spaces and signs: before it, or behind it as bookkeeping systems write a minus."""
    text = _unsigned(cell.translate(_MINUS).strip().strip("()").strip())
    return _unsigned(_SPACES.sub("", _AROUND.sub("", text)))


def _unsigned(text: str) -> str:
    return text[1:] if text[:1] in ("-", "+") else text[:-1] if text[-1:] == "-" else text


def _sign_of(number: str) -> str:
    """Which decimal sign a number shows; "" when it could be either, or has none."""
    if number.isdigit() or not _NUMBER.fullmatch(number):
        return ""
    dot, comma = number.rfind("."), number.rfind(",")
    if dot >= 0 and comma >= 0:
        return "." if dot > comma else ","
    sign, other = (".", ",") if dot >= 0 else (",", ".")
    if number.count(sign) > 1:
        return other
    whole, _, rest = number.partition(sign)
    # 0.500 and 1234.500 cannot be thousands either.
    return sign if len(rest) != 3 or whole == "0" or not 1 <= len(whole) <= 3 else ""


def _read_number(text: str, decimal: str) -> Decimal | None:
    text = text.translate(_MINUS).strip()
    bracketed = text.startswith("(") and text.endswith(")")  # accountants' minus
    if text.count("-") + text.count("+") + bracketed > 1:
        return None
    if (text[:1].isalpha() or not text[-1:].isdigit()) and _NO_CURRENCY.search(text.rstrip("-")):
        return None  # "60.00 DR" is no 60.00
    number = _bare(text)
    decimal = decimal or _sign_of(number)
    if not decimal and not number.isdigit():
        return None
    decimal = decimal or "."
    if not (_UNGROUPED[decimal].fullmatch(number) or _GROUPED[decimal].fullmatch(number)):
        return None
    if decimal == ",":
        number = number.replace(".", "").replace(",", ".")
    exact = Decimal(number.replace(",", ""))
    return -exact if bracketed or "-" in text else exact


def _clock(text: str | None) -> tuple[int, int, int, tzinfo | None] | None:
    if not text:
        return 0, 0, 0, None
    zone: tzinfo | None = None
    offset = _SPACED_OFFSET.search(text)
    if offset:
        zone = datetime.fromisoformat(f"2000-01-01T00:00{offset[1]}").tzinfo if offset[1] else UTC
        text = text[: offset.start()].strip()
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return None
    hour = int(found[1])
    if found[4]:
        hour = hour % 12 + (12 if found[4] in "Pp" else 0)
    return hour, int(found[2]), int(found[3] or 0), zone
