"""Why a contact value leaves as it does: each key under every rule, what is sent, and what stands in the way.

For the operator's own values, on the operator's own screen: the answers hold them in the clear. Nothing of the gateway
calls this on a shopper's event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from twofold.event.model import Hashed, UserData
from twofold.event.refusal import Refusal
from twofold.event.vocabulary import CONTACT_ALIASES, LEGACY_HASHED_FIELDS, PLAIN_FIELDS
from twofold.matching import phones
from twofold.matching.normalise import FORMS, NEEDS_COUNTRY, compose
from twofold.matching.profiles import PROFILES, Form, Given, form
from twofold.matching.user_data import RULE_META, hash_form, hash_user_data, stated_country

NEVER_HASHED = frozenset(PLAIN_FIELDS)
KEYS = frozenset(FORMS) | frozenset(CONTACT_ALIASES) | NEVER_HASHED | frozenset(LEGACY_HASHED_FIELDS)
"""Every key that may be asked about."""


class RuleAnswer(Struct, frozen=True):
    """One rule's view of a value. ``hash`` is what travels, which is the value itself where the outcome says so."""

    outcome: str  # hashed, kept, plain, dropped, refused
    value: str | None = None
    hash: str | None = None
    appendix: str = ""
    reason: str = ""


class Explained(Struct, frozen=True, kw_only=True):
    """One value of one key."""

    key: str
    given: Any
    rules: dict[str, RuleAnswer]  # "meta" is the documented form, the others are profiles
    agree: list[list[str]]  # rules that put the same on the wire, the largest group first
    sent: list[str]  # what we would send to Meta, in order
    reason: str  # why nothing is sent, or what is worth knowing; empty when all is plain


def explain(
    raw: dict[str, Any],
    *,
    default_country: str = "",
    variants: frozenset[str] = frozenset(),
    profiles: Iterable[str] = PROFILES,
    year: int,
) -> list[Explained]:
    """Each value of a ``user_data`` object under the documented rule and ``profiles``; unknown keys are left out."""
    country = stated_country(raw.get("country")) or default_country or None
    given = Given(country=country, year=year)
    chosen = tuple(profiles)
    rows = []
    for key, values in raw.items():
        field = CONTACT_ALIASES.get(key, key)
        for value in values if isinstance(values, list) else [values]:
            # The country decides about its neighbours, so it is there when one of them is asked about alone.
            alone = {field: value} if field == "country" else {"country": country, field: value}
            sent = hash_user_data(alone, variants=variants)
            if field in FORMS:
                rows.append(_contact(key, field, value, sent, given, chosen))
            elif field in KEYS:
                rows.append(_other(key, field, value, sent))
    return rows


def _contact(
    key: str, field: str, value: Any, sent: tuple[UserData, list[str]] | Refusal, given: Given, chosen: tuple[str, ...]
) -> Explained:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if isinstance(sent, Refusal):
        hashes: tuple[Hashed, ...] = ()
        why = "a cut or foreign hash: an event with it is refused; expected plain text or a whole SHA-256"
    else:
        hashes = getattr(sent[0], field)
        why = "" if hashes else why_unusable(field, text, given.country)
    rules: dict[str, RuleAnswer] = {}
    if text is not None:
        rules[RULE_META] = _documented(field, text, hashes, isinstance(sent, Refusal), why, given)
        rules |= {name: _answer(form(name, field, text, given)) for name in chosen}
    return Explained(key=key, given=value, rules=rules, agree=_groups(rules), sent=[h.hex for h in hashes], reason=why)


def _documented(field: str, text: str, hashes: tuple[Hashed, ...], refused: bool, why: str, given: Given) -> RuleAnswer:
    if not hashes:
        return RuleAnswer("refused" if refused else "dropped", reason=why)
    first = hashes[0]
    if first.rule != RULE_META:
        return RuleAnswer("kept", first.hex, first.hex)
    value = FORMS[field](text, given.country) if field in NEEDS_COUNTRY else FORMS[field](text)
    return RuleAnswer("hashed", value, first.hex)


def _answer(answer: Form) -> RuleAnswer:
    return RuleAnswer(answer.outcome.value, answer.value, hash_form(answer), answer.appendix, answer.reason)


def _groups(rules: dict[str, RuleAnswer]) -> list[list[str]]:
    same: dict[str, list[str]] = {}
    for name, answer in rules.items():
        if answer.hash is not None:
            same.setdefault(answer.hash, []).append(name)
    return sorted(same.values(), key=len, reverse=True)


def _other(key: str, field: str, value: Any, sent: tuple[UserData, list[str]] | Refusal) -> Explained:
    assert not isinstance(sent, Refusal)
    user, warnings = sent
    found = user.other.get(field, getattr(user, field, None))
    values = [] if found is None else [str(f) for f in found] if isinstance(found, list) else [str(found)]
    about = "must arrive hashed" if field in LEGACY_HASHED_FIELDS else "never hashed; sent as it is"
    return Explained(key=key, given=value, rules={}, agree=[], sent=values, reason=warnings[0] if warnings else about)


def why_unusable(field: str, text: str | None, country: str | None) -> str:
    """Why a plain value has no documented form, in words for a merchant; never repeats the value."""
    if text is None:
        return "expected text or a whole number"
    if not compose(text):
        return "empty"
    return _why_no_phone(text, country) if field == "ph" else _WHY[field]


def _why_no_phone(text: str, country: str | None) -> str:
    digits = sum(c.isdecimal() for c in text)
    if digits < phones.FEWEST_DIGITS:
        return f"fewer than {phones.FEWEST_DIGITS} digits"
    if digits > 20:
        return "more than 20 digits"
    if compose(text)[0] == "+" or compose(text)[:2] == "00":
        return "no possible number of the country whose code it begins with"
    if country is None:
        return "written locally and no country is known: give country, or begin it with + and the country code"
    return f"no possible number in {country.upper()}"


_WHY = {
    "em": "expected local@domain.tld without white space",
    "fn": "no letter or digit",
    "ln": "no letter or digit",
    "ct": "no letter or digit",
    "st": "no letter or digit",
    "zp": "nothing left without spaces and dashes",
    "country": "no ISO 3166-1 code and no English name of a country",
    "ge": "expected female or male, in a word or letter; the field has no other documented value",
    "db": "expected year-month-day, month/day/year or YYYYMMDD, of a date that can exist",
    "external_id": "empty",
}
