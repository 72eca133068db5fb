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
from twofold.matching.user_data import RULE_META, RULE_SENT, hash_one, sha256, stated_country, texts_of

E164: Final = "e164"
MADE_ALWAYS: Final = frozenset({RULE_META, RULE_SENT})
"""Rules whose hashes stand in ``user_data`` of every event."""

_SHARED = {E164: "tiktok.ph"}

OtherForms: TypeAlias = Mapping[str, tuple[tuple[str, Callable[[str, Given], Form]], ...]]
"""Our field to the rules that are wanted of it, each with its function."""

NO_FORMS: Final[OtherForms] = {}


def wanted_forms(rules: Iterable[str]) -> OtherForms:
    """The functions of these rules by field; those that are made always need none. Unknown rules: KeyError."""
    found: dict[str, tuple[tuple[str, Callable[[str, Given], Form]], ...]] = {}
    for rule in sorted(set(rules) - MADE_ALWAYS):
        platform, _, field = _SHARED.get(rule, rule).partition(".")
        found[field] = (*found.get(field, ()), (rule, PROFILES[platform][field]))
    return found


def field_of_rule(rule: str) -> str:
    """The contact field that a rule of this module is about."""
    return _SHARED.get(rule, rule).partition(".")[2]


def other_forms(raw: Any, wanted: OtherForms, default_country: str = "") -> tuple[Hashed, ...]:
    """What ``wanted`` makes of a ``user_data`` object as received; of what the documented form cannot read, nothing."""
    tree = raw if isinstance(raw, dict) else as_object(raw)
    if not tree:
        return ()
    country = stated_country(tree.get("country")) or default_country or None
    given = Given(country=country)
    made: dict[Hashed, None] = {}
    for key, value in tree.items():
        field = CONTACT_ALIASES.get(key, key)
        rules = wanted.get(field)
        for text in texts_of(value) if rules else ():
            own = hash_one(field, text, country) if text else None
            if type(own) is not Hashed or own.rule != RULE_META:
                continue  # a hash, or a value that nobody can read
            for rule, function in rules or ():
                form = function(text or "", given)
                if form.value and form.outcome is FormOutcome.HASHED:
                    made[Hashed(rule, sha256(form.value.encode()).hexdigest())] = None
    return tuple(made)
