"""Contact values under the rules of other platforms than Meta, hashed at the edge.

Owns which rules can be asked for, and their making. A rule is named ``platform.field``, as ``reddit.em``, after the tables of
`profiles.platforms`; ``e164``, a phone number with its plus, is one that several platforms share. What a rule makes stands in an
event's ``forms``, apart from its ``user_data``: a second hash of one address must never look like a second person. Where a
platform's rule is Meta's own, nothing is made; its file names the rule ``meta`` then. A value that came hashed is nobody's to
bring into another form. The plain value is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from twofold.event.model import Hashed
from twofold.event.scalars import as_object
from twofold.event.vocabulary import CONTACT_ALIASES
from twofold.matching.profiles import PROFILES
from twofold.matching.profiles.contract import Form, FormOutcome, Given
from twofold.matching.profiles.platforms import FROM_DOCUMENTED
from twofold.matching.user_data import (
    REPEATING,
    RULE_META,
    RULE_SENT,
    forget_with_known,
    plain_form,
    sha256,
    stated_country,
    texts_of,
)

E164: Final = "e164"
MADE_ALWAYS: Final = frozenset({RULE_META, RULE_SENT})
"""Rules whose hashes stand in ``user_data`` of every event."""

_SHARED = {E164: "tiktok.ph"}

Maker: TypeAlias = Callable[[str, str, Given], str | None]
"""A value's text and its documented form to the form that a rule hashes."""

OtherForms: TypeAlias = Mapping[str, tuple[tuple[str, Maker], ...]]
"""A field, by our name and by each other that senders have for it, to the rules that are wanted of it, each with its function."""

NO_FORMS: Final[OtherForms] = {}

_MOST = 8_192
_KNOWN: dict[tuple[str, tuple[tuple[str, Maker], ...]], tuple[Hashed, ...]] = {}
"""Names to their hashes under the rules that were asked: they repeat from person to person. Bounded in number and in time, as
`user_data` keeps its own."""
forget_with_known(_KNOWN)


def wanted_forms(rules: Iterable[str]) -> OtherForms:
    """The functions of these rules by field; those that are made always need none. Unknown rules: KeyError."""
    found: dict[str, tuple[tuple[str, Maker], ...]] = {}
    for rule in sorted(set(rules) - MADE_ALWAYS):
        name = _SHARED.get(rule, rule)
        platform, _, field = name.partition(".")
        made = FROM_DOCUMENTED.get(name)
        maker = _after_documented(made) if made else _after_text(PROFILES[platform][field])
        found[field] = (*found.get(field, ()), (rule, maker))
    return found | {alias: found[field] for alias, field in CONTACT_ALIASES.items() if field in found}


def _after_documented(made: Callable[[str], str | None]) -> Maker:
    return lambda _text, documented, _given: made(documented)


def _after_text(function: Callable[[str, Given], Form]) -> Maker:
    def maker(text: str, _documented: str, given: Given) -> str | None:
        form = function(text, given)
        return form.value if form.outcome is FormOutcome.HASHED else None

    return maker


def field_of_rule(rule: str) -> str:
    """The contact field that a rule of this module is about."""
    return _SHARED.get(rule, rule).partition(".")[2]


def other_forms(raw: Any, wanted: OtherForms, default_country: str = "") -> tuple[Hashed, ...]:
    """What ``wanted`` makes of a ``user_data`` object as received; of what the documented form cannot read, nothing."""
    tree = raw if isinstance(raw, dict) else as_object(raw)
    if not tree or wanted.keys().isdisjoint(tree):
        return ()
    country = stated_country(tree.get("country")) or default_country or None
    given = Given(country=country)
    made: list[Hashed] = []
    for key, value in tree.items():
        if rules := wanted.get(key):
            field = CONTACT_ALIASES.get(key, key)
            of_field = _forms_known if field in REPEATING else _forms_of
            for text in texts_of(value):
                made += of_field(field, text, rules, given) if text else ()
    return tuple(dict.fromkeys(made))


def _forms_known(field: str, text: str, rules: tuple[tuple[str, Maker], ...], given: Given) -> tuple[Hashed, ...]:
    found = _KNOWN.get((text, rules))
    if found is None:
        if len(_KNOWN) >= _MOST:
            _KNOWN.clear()
        found = _KNOWN[text, rules] = _forms_of(field, text, rules, given)
    return found


def _forms_of(field: str, text: str, rules: tuple[tuple[str, Maker], ...], given: Given) -> tuple[Hashed, ...]:
    documented = plain_form(field, text, given.country)
    if documented is None:
        return ()  # a hash, or a value that nobody can read
    made = []
    for rule, maker in rules:
        form = maker(text, documented, given)
        if form:
            made.append(Hashed(rule, sha256(form.encode()).hexdigest()))
    return tuple(made)
