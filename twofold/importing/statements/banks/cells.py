"""Cells of a bank's table: days as written, amounts with the signs that banks put on them.

Owns what a column of them shows as a whole. A day is the bank's: a time beside it is left aside, never turned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from twofold.importing.readers.values import NumberStyle, date_order, number_style

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ,].*)?")
_PACKED = re.compile(r"(20\d{2})(\d{2})(\d{2})(?:\d{6})?")
_OURS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[,T ].*)?")
_NAMED = re.compile(r"(\d{1,2})[.\s-]*([^\W\d_]{3,})[.\s,-]*(\d{4}|\d{2})(?:[,T ].*)?")
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,})[.\s-]+(\d{1,2})[\s,]+(\d{4})(?:[,T ].*)?")
_SERIAL = re.compile(r"([2-6]\d{4})(?:\.\d+)?")
_SIDE = re.compile(r"(.*[0-9)])\s*(CR|DR|Cr|Dr|cr|dr|H|S)\.?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan იან", "feb თებ", "mar mär mrz მარ", "apr აპრ", "may mai მაი", "jun ივნ", "jul ივლ", "aug აგვ", "sep სექ",
         "oct okt ოქტ", "nov ნოე", "dec dez დეკ"), 1)
    for name in names.split()
}  # fmt: skip
_EPOCH = date(1899, 12, 30)  # Excel's day 0, with its 29 February 1900
_YEARS = range(1995, 2101)


def read_day(text: str, order: str, serial: bool = False) -> date | None:
    """The day in a cell; None when it is none. ``order``: "dmy", "mdy" or "" for days that need one. ``serial``: the cell
    is a workbook's, where a day without a format is a number."""
    text = text.strip()
    found = _ISO.fullmatch(text)
    if found:
        return _day(found[1], found[3], found[4])
    found = _PACKED.fullmatch(text)
    if found:
        return _day(*found.groups()[:3])
    found = _OURS.fullmatch(text)
    if found:
        way = "dmy" if found[2] == "." else order
        if not way:
            return None
        day, month = (found[1], found[3]) if way == "dmy" else (found[3], found[1])
        return _day(found[4], month, day)
    found = _NAMED.fullmatch(text)
    if found and found[2].casefold()[:3] in _MONTHS:
        return _day(found[3], str(_MONTHS[found[2].casefold()[:3]]), found[1])
    found = _NAMED_FIRST.fullmatch(text)
    if found and found[1].casefold()[:3] in _MONTHS:
        return _day(found[3], str(_MONTHS[found[1].casefold()[:3]]), found[2])
    found = _SERIAL.fullmatch(text) if serial else None
    return _EPOCH + timedelta(days=int(found[1])) if found else None


def order_of(cells: Iterable[str], given: str, usual: str) -> str | None:
    """How days with strokes are written in a column; None when it cannot be told and matters."""
    found = date_order([re.sub(r"[,T ].*", "", cell.strip()) for cell in cells], given)
    return usual or None if found is None else found


def style_of(cells: Iterable[str], given: str, usual: str, elsewhere: str) -> NumberStyle | None:
    """How a column writes amounts; None when its cells contradict each other."""
    return number_style([_bare(cell)[0] for cell in cells], given, usual, elsewhere)


def read_amount(text: str, style: NumberStyle) -> Decimal | None:
    """The exact signed amount: a minus before or after, brackets, CR and DR, H and S."""
    bare, side = _bare(text)
    number = style.read(bare)
    if number is None:
        return None
    return -abs(number) if side < 0 else abs(number) if side > 0 else number


def is_blank(text: str) -> bool:
    """Nothing, or a sign that stands for it."""
    return text.strip() in ("", "-", "--", "–", "—")


def _bare(text: str) -> tuple[str, int]:
    """(the number without signs that the reader of numbers does not know, the side that it was written with)"""
    text = text.strip().replace("\u2212", "-").replace("\u2013", "-").removeprefix("'")
    found = _SIDE.fullmatch(text)
    side = 0
    if found:
        text, side = found[1], 1 if found[2].upper() in ("CR", "H") else -1
    if text.endswith("-"):  # 5,00- as bookkeeping systems write it
        text = f"-{text[:-1].strip()}"
    return text.removeprefix("+").strip().removesuffix("+").strip(), side


def _day(year: str, month: str, day: str) -> date | None:
    number = int(year) + (2000 if len(year) == 2 else 0)
    try:
        return date(number, int(month), int(day)) if number in _YEARS else None
    except ValueError:
        return None
