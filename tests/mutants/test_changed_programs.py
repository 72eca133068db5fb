"""What can be changed in a module, and that a change is noticed where a test is about it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.alike import ALIKE, why_alike
from tests.mutants.changes import changed, changes_of
from tests.mutants.noticing import file_of
from tests.mutants.planting import TESTS

SOURCE = '''
"""A module."""

LIMIT = 3


def judge(given: int = 1, said: str = "x") -> bool:
    """Tells."""
    log.info("looked at %d", 1)
    if given > 2 and said:
        note(given + 1)
    if said == "":
        raise ValueError(f"expected a word, got {given + 1}")
    given = max(given, len(said))
    return True
'''
EXPECTED = [
    (10, "And is Or", "if given > 2 or said"),
    (10, "Gt is GtE", "if given >= 2 and said"),
    (10, "2 is 3", "if given > 3 and said"),
    (10, "not given > 2 and said", "if not (given > 2 and said)"),
    (11, "without note(given + 1)", "pass"),
    (11, "Add is turned", "note(given - 1)"),
    (11, "1 is 2", "note(given + 2)"),
    (12, "Eq is NotEq", "if said != ''"),
    (14, "max is min", "given = min(given, len(said))"),
    (15, "True is False", "return False"),
]


def test_every_change_is_in_the_list_and_nothing_that_nobody_acts_on():
    assert sorted((c.line, c.what) for c in changes_of(SOURCE)) == sorted((line, what) for line, what, _ in EXPECTED)


@pytest.mark.parametrize(("line", "what", "text"), EXPECTED)
def test_a_change_is_made_and_no_other(line, what, text):
    number = next(n for n, c in enumerate(changes_of(SOURCE)) if (c.line, c.what) == (line, what))
    before, after = ast.unparse(ast.parse(SOURCE)).split("\n"), ast.unparse(changed(SOURCE, number)).split("\n")
    other = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(other) == 1
    assert text in other[0][1]


@pytest.mark.parametrize("module", list(TESTS))
def test_the_modules_are_there_and_have_changes_and_tests(module):
    source = file_of(module).read_text(encoding="utf-8")
    assert changes_of(source)
    assert all((file_of("x").parents[1] / test).exists() for test in TESTS[module])


@pytest.mark.parametrize("alike", ALIKE, ids=lambda a: f"{a.module} {a.what}")
def test_what_changes_nothing_is_still_in_the_program(alike):
    """Once, so that no other line of the same words is excused with it."""
    source = file_of(alike.module).read_text(encoding="utf-8")
    found = [n for n, change in enumerate(changes_of(source)) if why_alike(alike.module, source, n) == alike.why]
    lines = {changes_of(source)[n].line for n in found}
    assert [source.split("\n")[line - 1].strip() for line in lines].count(alike.line) == 1


TRIED = """
import ast, sys
from tests.mutants import noticing
if sys.argv[1] == "none":
    noticing.changed = lambda source, _number: ast.parse(source)
told = []
def look(suite):
    assert suite.failing() == []
    assert suite.about("ledger.money", 36), "the tests enter the function"
    for number in range(2):
        try:
            told.append(suite.notices("ledger.money", number))
        except noticing.NotMade:
            told.append(None)
noticing.within_suite({"ledger.money": ("tests/ledger/test_money.py",)}, (), look)
sys.exit({(True, True): 7, (None, None): 5}.get(tuple(told), 1))
"""


@pytest.mark.parametrize(("what", "code"), [("changes", 7), ("none", 5)])
def test_a_change_is_noticed_and_none_is_not_made(what, code):
    """Two changes of a module, and the module as it stands, each tried in a child in the same way."""
    tried = subprocess.run([sys.executable, "-c", TRIED, what], cwd=Path(__file__).parents[2], check=False, timeout=300)
    assert tried.returncode == code


UNNOTICED = """
import sys
from tests.mutants import noticing
from tests.mutants.changes import changes_of
number = next(n for n, c in enumerate(changes_of(noticing.source_of("ledger.money"))) if c.line == 36)
noticing.Suite.about = lambda suite, module, line: []
told = []
noticing.within_suite({"ledger.money": ("tests/ledger/test_money.py",)}, (), lambda s: told.append(s.notices("ledger.money", number)))
sys.exit(7 if told == [False] else 1)
"""


def test_what_nobody_looks_at_survives():
    done = subprocess.run([sys.executable, "-c", UNNOTICED], cwd=Path(__file__).parents[2], check=False, timeout=300)
    assert done.returncode == 7
