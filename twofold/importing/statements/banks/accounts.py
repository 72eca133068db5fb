"""Whose account, in which zone: account numbers as banks write them.

Owns IBANs (length by country, check digits), the currency that Georgian banks append, and days as times.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from twofold.event.scalars import read_currency
from twofold.importing.statements.contract import StatementOptions

# Lengths by the IBAN registry (ISO 13616), of the countries that have one.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,33}")
IBAN_IN_TEXT = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,33}")
_ZONES = {"GE": "Asia/Tbilisi"}  # Georgian banks tell days of +04:00, without summer time


def squeezed(text: str) -> str:
    """An account number without blanks, in capitals."""
    return re.sub(r"[\s\u00a0]+", "", text).upper()


def split_account(text: str) -> tuple[str, str]:
    """(account, the currency that was appended to it): ``GE00BG…GEL`` is an IBAN and GEL."""
    account = squeezed(text)
    length = IBAN_LENGTHS.get(account[:2], 0)
    if _IBAN.fullmatch(account) and length and len(account) == length + 3:
        currency = read_currency(account[length:])
        if currency:
            return account[:length], currency
    return account, ""


def is_iban(account: str) -> bool:
    """Does it have an IBAN's form and its country's length?"""
    return bool(_IBAN.fullmatch(account)) and IBAN_LENGTHS.get(account[:2]) == len(account)


def has_broken_checksum(account: str) -> bool:
    """An account in an IBAN's form whose check digits (ISO 7064, 97-10) are wrong."""
    if not is_iban(account):
        return False
    moved = account[4:] + account[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 != 1


def iban_in(text: str) -> str:
    """The first account of a right length in a text; "" when none."""
    for found in IBAN_IN_TEXT.finditer(text.upper()):
        words = found[0].split()
        for end in range(len(words), 0, -1):
            account, _ = split_account("".join(words[:end]))
            if is_iban(account):
                return account
    return ""


def zone_of(account: str, options: StatementOptions) -> tuple[tzinfo, str]:
    """The zone of a statement's days: as the operator says, else the bank's country's, else the shop's."""
    name = "" if options.zone_given else _ZONES.get(account[:2], "")
    return (ZoneInfo(name), name) if name and is_iban(account) else (options.zone, options.zone_name)


def day_start(day: date, zone: tzinfo) -> int:
    """Unix s of a day's beginning in its zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def day_of(at: int, zone: tzinfo) -> date:
    """The day of a moment in a zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date()


def lenient_day(year: int, month: int, day: int) -> tuple[date, bool] | None:
    """A day, and whether it had to be moved: 30 February and 31 June, which banks that count months of 30 days
    write, are their month's last day. None for what is no day at all."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1 <= year <= 9999):
        return None
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day, last)), day > last
