"""One reader for each kind of plain value: amounts, currencies, times, whole numbers, ids that say nothing, shapes.

Owns how a value may be written, never where it stands or what follows from it. None means: no such value. Two degrees
of strictness have names: ``exact`` for bodies that we or Meta document, ``lenient`` for those that other systems
design, which nobody can ask to change. docs/wire.md says which door and which source has which.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from twofold.event.json import read_json
from twofold.event.refusal import Refusal

# -- amounts

PLACES = 6  # digits behind the point of an amount; no currency has more than three
# PHP with serialize_precision 100 writes all digits of a float: 48.10000000000000142108547152020037174224853515625
_EXACT = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,60}))?")
_LENIENT = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,2})?")
_NOISE = Decimal("1e-12")  # relative: what adding up some hundred amounts as floats can be off by
_MOST = 10**15
# As nearly every shop writes an amount: what stands there is exact, and none of the questions below is asked
_is_ordinary = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,6})?").fullmatch


def read_decimal(value: Any) -> Decimal | None:
    """A finite number from a JSON number or text, in any notation, with its sign; float noise is taken off."""
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str) and value.isascii() and len(value) <= 80 and "_" not in value:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return None
    else:
        return None
    if not number.is_finite():
        return None
    return without_noise(number) if number else number.copy_abs()  # no currency has a minus zero


def exact_amount(value: Any) -> Decimal | None:
    """Zero or more, plain digits with at most six behind the point, from text or a JSON number.

    Only float noise may have more: 48.099999999999994 is what PHP and JavaScript write for 48.10.
    """
    if isinstance(value, str) and _is_ordinary(value):
        return Decimal(value)
    number = _plain(value, _EXACT)
    return number if number is not None and number >= 0 and _places(number) <= PLACES else None


def lenient_amount(value: Any) -> Decimal | None:
    """An amount with its sign, from text or a JSON number, in any notation; read to six digits behind the point."""
    if isinstance(value, str):
        if _is_ordinary(value):
            return Decimal(value)
        value = value.strip()
    number = _plain(value, _LENIENT)
    if number is None or _places(number) <= PLACES:
        return number
    return _rounded(number)


def without_noise(number: Decimal) -> Decimal:
    """The amount that a float stands for: where thirteen digits, at most six of them behind the point, differ from it by
    no more than floats do, those; else the number itself."""
    if _places(number) <= PLACES or not -PLACES <= number.adjusted() < 15:
        return number
    rounded = _rounded(number, min(PLACES, max(12 - number.adjusted(), 0)))
    return rounded if abs(number - rounded) <= abs(number) * _NOISE else number


def _plain(value: Any, form: re.Pattern[str]) -> Decimal | None:
    if type(value) is int:
        return Decimal(value) if abs(value) < _MOST else None
    if isinstance(value, str):
        number = Decimal(value) if form.fullmatch(value) else None
    else:
        number = value if isinstance(value, Decimal) and value.is_finite() else None
    if number is None or (number and not -20 < number.adjusted() < 15):
        return None
    if not number:
        number = number.copy_abs()  # -0.00 is 0.00
    # Written out, so that 5E+1 and 50 are one amount.
    return without_noise(number) if number.as_tuple().exponent <= 0 else Decimal(int(number))  # type: ignore[operator]


def _rounded(number: Decimal, places: int = PLACES) -> Decimal:
    short = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN).normalize()
    return short if _places(short) >= 0 else short.quantize(Decimal(1))  # not 5E+1


def _places(number: Decimal) -> int:
    return -number.as_tuple().exponent  # type: ignore[operator]


# -- currencies

_CODES = (
    # ISO 4217, list one (amendment 180, 2026), without metals, funds of account, test and "no currency"
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP "
    "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB "
    "RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "UYI UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
    # list three: withdrawn since 2000; old orders have them, and the pixel's own list has VEF
    "ANG ATS AZM BEF BGL BGN BYB BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF LVL MGF MRO MTL MXV "
    "MZM NLG PTE ROL SDD SIT SKK SLL SRG STD TMM TPE TRL VEB VEF XEU YUM ZMK ZWD ZWL ZWN ZWR"
)


CURRENCIES = frozenset(_CODES.split())
"""Codes of money that is or was somewhere legal tender; the ones that stand for a unit of account are none."""


def read_currency(value: Any) -> str | None:
    """A code of ISO 4217 in capitals; None for any other word, "Dhs" and "XXX" among them."""
    if not isinstance(value, str):
        return None
    code = value.strip().upper()
    return code if code in CURRENCIES else None


NO_CURRENCY = "XXX"
"""ISO 4217's own code for no currency: of an order whose shop names money that no list knows."""


def read_order_currency(value: Any) -> str | None:
    """The same for an order, which is a fact whatever its money is called: `NO_CURRENCY` for any other word. None where
    nothing is said, or no text."""
    if not isinstance(value, str) or says_nothing(value):
        return None
    return read_currency(value) or NO_CURRENCY


# -- whole numbers and times

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_ZEROS = re.compile(r"(-?\d{1,18})\.0*")
_FIRST_MS = 10**11  # a number of seconds this large would be the year 5138
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def exact_integer(value: Any) -> int | None:
    """A JSON number without a point."""
    return value if type(value) is int else None


UNSAID_LIFETIME_S = 300
MOST_LIFETIME_S = 86_400


def read_integer(value: Any) -> int | None:
    """A whole number, also as text and as 2.0."""
    if type(value) is int:
        return value
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else None
    if isinstance(value, str) and value.isascii():
        found = value.strip()
        if _INTEGER.fullmatch(found):
            return int(found)
        whole = _ZEROS.fullmatch(found)
        return int(whole[1]) if whole else None
    return None


_FIRST_UNSURE = 1 << 53
"""From here on a number with a point may be another than was meant."""


def id_text(value: Any) -> str | None:
    """An id as text: text as it is, a whole number as its digits, also where a program wrote it with a point: a table with gaps makes
    1001.0 of each number. None for all else."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= _FIRST_UNSURE:
        return None
    return str(int(value)) if value == value.to_integral_value() else None


def read_lifetime_s(value: Any) -> int:
    """For how many seconds an access token is used, by the ``expires_in`` of the answer that gave it: a whole number, which some write
    as text. A day at most, and `UNSAID_LIFETIME_S` where nothing that can be meant is said."""
    told = read_integer(value)
    return min(told, MOST_LIFETIME_S) if told is not None and told > 0 else UNSAID_LIFETIME_S


def read_time_ms(value: Any, *, zone: tzinfo | None = None) -> int | None:
    """Unix milliseconds of ISO 8601 text with its offset, or of Unix seconds as a number.

    ``zone``: of text that names no offset; without it such text is no time.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.upper())  # RFC 3339 lets T and Z be small, too
            if moment.tzinfo is None:
                if zone is None:
                    return None
                moment = moment.replace(tzinfo=zone)
            since = (moment - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            return None
        return since if since > 0 else None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 0 < value < _FIRST_MS:
        return int(value * 1000)
    return None


def seems_ms(value: Any) -> bool:
    """True for a number that would be Unix milliseconds."""
    return type(value) is int and value >= _FIRST_MS


_BOOLEANS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "y", "on", "enabled"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "n", "off", "disabled"), False),
}


def read_boolean(value: Any) -> bool | None:
    """A yes or a no, also as a number or as a word that forms write; None for all else."""
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, (str, int, float, Decimal)) else None


# -- what programs write when they know nothing

_WORDS = ("undefined", "null", "none", "(null)", "(none)", "[object object]", "n/a", "[]", "{}")
_OF_IDS = ("0", "nan", "nil", "false", "true", "unknown", "anonymous", "guest", "(not set)", "not set")
_SPELT = ("", " ", "[object Object]", "NaN", "N/A", *(
    spelt for word in (*_WORDS, *_OF_IDS) for spelt in (word, word.upper(), word.capitalize())
))  # fmt: skip
_HASHES = (hashlib.sha256, hashlib.md5, hashlib.sha1, hashlib.sha512)

SAYS_NOTHING = frozenset(("", *_WORDS))
"""Texts, in lower case, that stand in a field of which a program knew nothing."""

HASHES_OF_NOTHING = frozenset(make(text.encode()).hexdigest() for text in _SPELT for make in _HASHES)
"""The same after hashing, and the usual other spellings: SHA-256 of the empty text is sent by many."""

_NOBODY = SAYS_NOTHING | set(_OF_IDS) | HASHES_OF_NOTHING | {
    b64encode(make(b"").digest()).decode().lower() for make in _HASHES
}  # fmt: skip
_LONGEST_WORD = 16

NO_ID = frozenset(
    spelt for text in (*_SPELT, "00", "000", *HASHES_OF_NOTHING) for spelt in (text, text.lower(), text.upper())
)
"""The usual spellings of `names_nobody`, for ids that are compared letter by letter: an event's, an order's."""


# What a template has where a value belongs, when nobody filled it in: Liquid, Handlebars, GTM, JavaScript, PHP, ERB, mail.
_PLACE = r"\{\{.*\}\}|\{%.*%\}|\$\{.*\}|#\{.*\}|<%.*%>|<\?.*\?>|%%.+%%|\[\[.+\]\]"
_IS_PLACE = re.compile(rf"\s*(?:{_PLACE})\s*", re.S).fullmatch
# In an id also as a part of it, and between single signs: {order_id}, %ORDER_ID%, [order_id], <order_id>, __ORDER_ID__
_HAS_PLACE = re.compile(
    rf"(?:{_PLACE})|^\s*(?:\{{[a-z][a-z_. ]+\}}|\[[a-z][a-z_. ]+\]|<[a-z][a-z_. ]+>|%[a-z][a-z_.]+%|__[a-z][a-z_]+__)\s*$",
    re.S | re.I,
).search


def says_nothing(text: str) -> bool:
    """True for a text that a program wrote because it knew nothing: "", "undefined", "null", "[object Object]", or the
    place of a template that was never filled in: "{{ customer.email }}"."""
    if len(text) < _LONGEST_WORD and text.strip().lower() in SAYS_NOTHING:
        return True
    if text[-1:].isalnum():  # no place ends so, and nearly every user agent does, each of which is asked for
        return False
    return ("{" in text or "<" in text or "%%" in text or "[[" in text) and _IS_PLACE(text) is not None


LONGEST_PLACE = 256


def is_unfilled(text: str) -> bool:
    """True for an id in which a template's place stands: every order, person or event would have the same. Looked for in its first
    `LONGEST_PLACE` characters: of signs that only open a place each one costs a look at all that follows."""
    # Looks in C for a letter first: this runs for every event.
    signs = "{" in text or "%" in text or "[" in text or "<" in text or "__" in text
    return signs and _HAS_PLACE(text[:LONGEST_PLACE]) is not None


def is_no_id(text: str) -> bool:
    """`names_nobody` in its usual spellings, for an id that is compared letter by letter: an event's, an order's."""
    return text in NO_ID or is_unfilled(text)


_PLAIN_ID = re.compile(r"[!-$')*,-;=>?A-Z\]-z|}~]+").fullmatch


def is_plain_id(text: str) -> bool:
    """True for an id that says something, in printable ASCII without spaces and without a sign that contact data or a template's
    place begins with: as nearly all are, so that neither has to be looked for."""
    # One look in C for all that is asked of an event's id: this runs for every event.
    return _PLAIN_ID(text) is not None and "__" not in text and text not in NO_ID


def names_nobody(text: str) -> bool:
    """The same for an id of a person, browser, order or event: also zeros alone, a hash of one of these words, and a
    template's place anywhere in it."""
    bare = text.strip().lower()
    return bare in _NOBODY or not bare.strip("0-") or is_unfilled(bare)


# -- shapes

_OPENING = ("[", "{")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


def as_object(value: Any) -> dict[str, Any] | None:
    """An object, also as JSON text; PHP's empty list and an empty text are an empty one."""
    if isinstance(value, dict):
        return value
    if value == [] or value == "":
        return {}
    read = _unpacked(value)
    return read if isinstance(read, dict) else {} if read == [] else None


def as_list(value: Any, *, alone: bool = False) -> list[Any] | None:
    """A list, also as JSON text or as an object whose keys count ({"0": …}, which PHP makes of a list with a gap).

    ``alone``: one item without a list around it counts too.
    """
    if isinstance(value, str) and value.lstrip()[:1] in _OPENING:
        value = _unpacked(value)
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    if value == "" or (isinstance(value, dict) and all(map(_INDEX.fullmatch, value))):
        return list(value.values()) if value else []
    is_item = isinstance(value, (str, int, Decimal, dict)) and not isinstance(value, bool)
    return [value] if alone and is_item else None


def _unpacked(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in _OPENING:
        return None
    read = read_json(value)
    return None if isinstance(read, Refusal) else read
