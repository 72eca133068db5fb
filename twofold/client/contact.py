"""What of a person may stand in a file: hashes under Meta's documented forms, ids that are no contact data, no more.

Owns the forms that need no table. A phone number without its country code, a state's name or a country's name would
need one: such a value is left out of the file, while the copy in memory, which is what is usually sent, keeps it.
The forms are those of the gateway (Meta's "Customer information parameters" page, September 2026).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

# The names of docs/own-shop.md -> Meta's.
NAMES = {
    "email": "em", "phone": "ph", "first_name": "fn", "last_name": "ln", "birth_date": "db", "gender": "ge",
    "city": "ct", "state": "st", "zip": "zp", "id": "external_id", "ip": "client_ip_address",
    "user_agent": "client_user_agent",
}  # fmt: skip

# Never hashed, and no contact data.
PLAIN = frozenset({
    "client_ip_address", "client_user_agent", "fbc", "fbp", "subscription_id", "fb_login_id", "lead_id", "anon_id",
    "madid", "page_id", "page_scoped_user_id", "ctwa_clid", "ig_account_id", "instagram_business_account_id",
    "ig_sid", "whatsapp_business_account_id", "partner_id", "partner_name",
})  # fmt: skip

MASK = "masked"
# The gateway's own pattern and digest for ids: a copy that comes from the file must have the id of the copy in memory.
_EMAIL_IN_ID = re.compile(r"[^\s@<>\"',;:=&?/()]{1,64}(?:@|%40)[^\s@<>\"',;:=&?/()]+\.[^\s@<>\"',;:=&?/()]+")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_EMAIL_INSIDE = re.compile(r"[^\s@<>\"',;:=&?/()]{1,64}(?:@|%40)[^\s@<>\"',;:=&?/()]+")
_HASH = re.compile(r"[0-9a-f]{64}")
# The gateway's own decisions about Unicode; docs/match-keys.md has them for readers.
_PRESENTATION = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdff\ufe70-\ufefc\uff00-\uffef]+")
_JOINERS = frozenset("\u200c\u200d")
_JOINED = frozenset({"Lo", "Mn", "Mc"})
_NOT_IN_NAMES = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Sk"})
_NOT_IN_PLACES = _NOT_IN_NAMES | {"Sm", "Sc", "So"}
_PHONE = re.compile(r"\+[1-9][0-9 .\-/]{6,24}")
_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")


def meta_names(user: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under Meta's names, without empty ones."""
    return {NAMES.get(name, name): value for name, value in user.items() if value not in (None, "", [])}


def hashed_user(user: Mapping[str, Any]) -> dict[str, Any]:
    """``user_data`` for a file. Values that cannot be brought into their form here are left out."""
    country = _code(_first(user.get("country")))
    kept: dict[str, Any] = {}
    for name, value in user.items():
        meta = NAMES.get(name, name)
        if meta in PLAIN:
            kept[meta] = masked(value)
        elif meta in _FORMS:
            texts = [_hash(meta, item, country) for item in (value if isinstance(value, (list, tuple)) else [value])]
            hashes = [text for text in texts if text]
            if hashes:
                kept[meta] = hashes
    return kept


def hashed_customer(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The ``customer`` of an order's body for a file: the same names, hashed. ``id`` stays `external_id`."""
    hashed = hashed_user(customer)
    names = {meta: ours for ours, meta in NAMES.items() if meta in _FORMS}
    found = {names.get(meta, meta): value for meta, value in hashed.items() if meta in _FORMS}
    return {name: value if name in ("email", "phone") else value[0] for name, value in found.items()}


def masked(value: Any) -> Any:
    """The value without e-mail addresses in any of its texts and keys."""
    if isinstance(value, str):
        return _EMAIL_INSIDE.sub(MASK, value) if "@" in value or "%40" in value else value
    if isinstance(value, Mapping):
        return {masked(key): masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return value


def safe_id(text: str) -> str:
    """The id, or the digest that the gateway makes of one that holds an e-mail address: equal ids stay equal."""
    if "@" not in text or not _EMAIL_IN_ID.search(text):
        return text
    return f"tf-id-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def _hash(name: str, value: Any, country: str) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = _compose(str(value))
    if _HASH.fullmatch(text):
        return text
    form = _FORMS[name](text, country)
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest() if form else None


def _compose(text: str) -> str:
    """The gateway's one spelling: composed, presentation forms as the letters they show, no format characters."""
    if text.isascii():
        return text.strip()
    shown = _PRESENTATION.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    composed = unicodedata.normalize("NFC", shown)
    return "".join(c for at, c in enumerate(composed) if _stays(composed, at)).strip()


def _stays(text: str, at: int) -> bool:
    """Format characters go; a joiner between letters of a script without capitals is spelling and stays."""
    if unicodedata.category(text[at]) != "Cf":
        return True
    if text[at] not in _JOINERS or not 0 < at < len(text) - 1:
        return False
    return {unicodedata.category(text[at - 1]), unicodedata.category(text[at + 1])} <= _JOINED


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower())


def _email(text: str, _country: str) -> str:
    text = _lower(text)
    return text if _EMAIL.fullmatch(text) else ""


def _phone(text: str, _country: str) -> str:
    return re.sub("[^0-9]", "", text) if _PHONE.fullmatch(text) else ""


def _name(text: str, _country: str) -> str:
    return _without(text, _NOT_IN_NAMES)


def _city(text: str, _country: str) -> str:
    return _without(text, _NOT_IN_PLACES)


def _without(text: str, categories: frozenset[str]) -> str:
    kept = (c for c in _lower(text) if c in _JOINERS or unicodedata.category(c) not in categories)
    # Of ASCII only letters and digits, also where Unicode calls a character a symbol.
    return unicodedata.normalize("NFC", "".join(c for c in kept if not c.isascii() or c.isalnum()))


def _state(text: str, country: str) -> str:
    name = _city(text, "")
    return name if len(name) == 2 or country not in ("", "us") else ""


def _zip(text: str, country: str) -> str:
    joined = _joined(_lower(text).replace("-", " ").replace("\u2013", " "))
    if not country:
        return ""  # only in the United States is the code cut, so without a country its form is unknown
    return joined[:5] if country == "us" else joined


def _joined(text: str) -> str:
    """Without white space. What then stands side by side may compose: NFC again."""
    return unicodedata.normalize("NFC", "".join(text.split()))


def _code(text: Any) -> str:
    """The country as two letters; "" when it is written in another way."""
    plain = _compose(text).lower() if isinstance(text, str) else ""
    return plain if len(plain) == 2 and plain.isascii() and plain.isalpha() and plain != "uk" else ""


def _gender(text: str, _country: str) -> str:
    return {"f": "f", "female": "f", "m": "m", "male": "m"}.get(text.lower(), "")


def _date(text: str, _country: str) -> str:
    found = _DATE.fullmatch(text)
    return "".join(found.groups()) if found else ""


def _external_id(text: str, _country: str) -> str:
    return _joined(_lower(text))


def _first(value: Any) -> Any:
    items: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    return items[0] if items else None


_FORMS: dict[str, Callable[[str, str], str]] = {
    "em": _email,
    "ph": _phone,
    "fn": _name,
    "ln": _name,
    "db": _date,
    "ge": _gender,
    "ct": _city,
    "st": _state,
    "zp": _zip,
    "country": lambda text, _country: _code(text),
    "external_id": _external_id,
}
