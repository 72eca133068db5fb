"""A person as a platform is told of them: rows of an e-mail address' and a telephone's digest, each under the platform's own rule.

Owns the choosing. No digest is made here: what was hashed at the edge is used, under the rules that the platform's destination names,
best first. A value that no rule of the platform fits is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

from twofold.audiences.persons import Person
from twofold.audiences.reading import OWN_RULES, Read
from twofold.destinations import BY_PLATFORM
from twofold.matching.other_forms import field_of_rule

FIELDS = ("em", "ph")
MOST_OF_ONE = 5
"""Rows of one person at most: more addresses than that are a list, not a person's."""


class Row(NamedTuple):
    """One row of a list. Lower-case hexadecimal; empty where the person has none."""

    em: str
    ph: str


def rows_of(read: Read, person: Person, platform: str) -> list[Row]:
    """The rows of a person on this platform's lists, sorted; none where nothing of them fits its rules."""
    found = [_hexes(read, person, field, BY_PLATFORM[platform].identifiers.get(field, ())) for field in FIELDS]
    return [Row(em, ph) for em, ph in zip_longest(*found, fillvalue="")][:MOST_OF_ONE]


def _hexes(read: Read, person: Person, field: str, rules: Iterable[str]) -> list[str]:
    """A person's digests of a field under these rules. A digest that was sent stands beside one that we made of the same address only
    where it is another one."""
    own = sorted(m.value for n in person.marks if (m := read.marks[n]).kind == field)
    found: dict[str, None] = {}
    for rule in rules:
        if rule in OWN_RULES:
            found.update(dict.fromkeys(value for value in own if read.rules.get(value) == rule))
        elif field_of_rule(rule) == field:
            made = {form.hex for tie in person.ties for form in read.ties[tie].forms if form.rule == rule}
            found.update(dict.fromkeys(sorted(made)))
    return sorted(found)


def value_text(value: Decimal | None) -> str:
    """A person's value as a platform is told it: never below nothing, with two decimals; empty for none."""
    return "" if value is None else format(max(value, Decimal(0)).quantize(Decimal("0.01")), "f")


__all__ = ["FIELDS", "MOST_OF_ONE", "Row", "rows_of", "value_text"]
