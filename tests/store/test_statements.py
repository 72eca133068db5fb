"""Every named statement is used, described, and written in the common dialect; what an engine wants otherwise is marked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import twofold
from twofold.store.sqlite.statements import statement, written

PACKAGE = Path(twofold.__file__).parent
CODE = "\n".join(p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.py"))
NAMES = sorted({name for name, _ in written()})
# What only one engine understands: bound tables, silent conflicts, patterns, blobs made by a function.
OF_ONE_ENGINE = re.compile(r"carray|insert or |update or |\bglob\b|zeroblob|\bunnest\b|= any\(|::")


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_is_used(name):
    """By its name, in quotes, somewhere in the package."""
    assert f'"{name}"' in CODE


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_is_described(name):
    """At least one line of plain words between its name and its text."""
    for (known, _), text in written().items():
        if known == name:
            assert text.startswith("-- "), f"{name}: expected a line of plain words after its name"


@pytest.mark.parametrize(("key", "text"), written().items(), ids=lambda v: v[0] if isinstance(v, tuple) else "")
def test_what_one_engine_alone_understands_is_marked(key, text):
    """The common wording uses none of it; a wording for one engine says which."""
    sql = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    if not key[1]:
        assert not OF_ONE_ENGINE.search(sql)


NOTHING_UNDER_IT = {
    "suppress_merged": "an action that is merged is not sealed: nobody has claimed it",
    "free_claimed": "nobody heard of that claim, so nothing was sent under its lease",
    "suppress_erased": "nothing of an erased person is sent, whatever had arrived",
    "settle_deliveries": "whoever had the lease says what became of its requests",
    "revive_all": "a person takes it upon himself that one may have arrived",
    "shift_deliveries": "the lease goes on by another clock",
}


def test_a_lease_that_ends_in_no_settlement_leaves_its_delivery_in_doubt():
    """Each statement that ends or follows a lease writes down since when a request of it may have arrived, or says why none has."""
    ends = {
        name: "unsure_since = coalesce(unsure_since, " in text
        for (name, _), text in written().items()
        if re.search(r"update delivery set[^;]*\bleased_until = ", text)
    }
    assert {name for name, says_so in ends.items() if not says_so} == set(NOTHING_UNDER_IT)


def test_markers_become_the_engines_own_words():
    """Rows are repeated, a list is bound as one value, comparing two values is not the aggregate."""
    assert statement("insert_copies", 3).count("(?, ?)") == 3
    assert "id in (select value from carray(?))" in statement("select_actions")
    assert "from carray(?2) as a" in statement("release_deliveries")
    assert "min(due_at, ?1)" in statement("release_deliveries")
    assert "zeroblob(0)" in statement("empty_payloads_of")
