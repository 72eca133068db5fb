"""Who bought and where the parcel goes, as every source tells it in its own words.

Owns the two readings: contact data of a `RawEvent` to a `Buyer`, held in memory until the edge has made digests of it; and a
delivery address to its country and first subdivision (ISO 3166-2), which are no contact data. Nothing finer is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from twofold.matching.normalise import normalise_country, normalise_name
from twofold.sources.contract import Buyer


def buyer_of(user: Any, *names: str | None) -> Buyer | None:
    """The buyer of Meta's names for contact data, plain or hashed; ``names``: whole names beside first and last."""
    if not isinstance(user, Mapping):
        return None
    own = " ".join(t for key in ("fn", "ln") for t in _texts(user.get(key))[:1])
    country = next(iter(_texts(user.get("country"))), "")
    buyer = Buyer(
        emails=tuple(_texts(user.get("em"))),
        phones=tuple(_texts(user.get("ph"))),
        names=tuple(dict.fromkeys(n for n in (own, *names) if n)),
        customers=tuple(_texts(user.get("external_id"))),
        country=normalise_country(country) or "" if len(country) < 60 else "",
    )
    return buyer if buyer.emails or buyer.phones or buyer.names or buyer.customers else None


def place_of(country: str | None, state: str | None = None) -> tuple[str, str]:
    """ISO 3166-1 alpha-2 and ISO 3166-2 of an address, upper-case; empty for what cannot be read.

    ``state``: the code with or without its country, or a name. A subdivision of a subdivision stands for the first.
    """
    code = normalise_country(country) if country and len(country) < 60 else None
    if code is None:
        return "", ""
    two = code.upper()
    text = (state or "").strip()
    if not text or len(text) > 80:
        return two, ""
    subdivisions = _subdivisions(two)
    bare = text.upper().removeprefix(f"{two}-")
    found = subdivisions.get(f"{two}-{bare}") or subdivisions.get(normalise_name(text) or "")
    return two, found or ""


@lru_cache(maxsize=64)
def _subdivisions(country: str) -> dict[str, str]:
    """Codes and names of a country's subdivisions to the first subdivision that they are or lie in."""
    import pycountry

    listed: Any = pycountry.subdivisions.get(country_code=country) or []  # type: ignore[no-untyped-call]
    parents = {s.code: s.parent_code for s in listed}

    def first(code: str) -> str:
        seen = 0
        while parents.get(code) and seen < 4:
            code, seen = parents[code], seen + 1
        return code

    found: dict[str, str] = {}
    for s in listed:
        found[s.code] = first(s.code)
        for name in _names(s.name):
            found.setdefault(normalise_name(name) or "", first(s.code))
    found.pop("", None)
    return found


def _names(name: str) -> Iterable[str]:
    yield name
    if "[" in name:  # Autonomous republics and the like: "Ajaria [Adjara]"
        yield from (part.strip(" ]") for part in name.split("["))
    if "(" in name:
        yield name.partition("(")[0]


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = [str(v).strip() for v in values if isinstance(v, (str, int)) and not isinstance(v, bool)]
    return [t for t in dict.fromkeys(texts) if t]
