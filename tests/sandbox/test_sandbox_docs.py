"""docs/sandbox.md says what the code does: tables, paths, settings and the first command."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from running_sandbox import Running

from twofold.sandbox.judge.reference import TABLES, with_tables
from twofold.sandbox.pytest_plugin import RunningSandbox
from twofold.sandbox.wire.answers import TABLE, Origin, RefusalKind

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
TEXT = PAGE.read_text(encoding="utf-8")

# Subcodes that public sources name (RudderStack fixtures, official SDK issues, practitioners' notes).
METAS_SUBCODES = {33, 2804001, 2804003, 2804010, 2804016, 2804043, 2804050, 2804063, 2804064, 2804066, 2804072, 2804075, 2804079,
                  2804087, 2804133}  # fmt: skip
INFERRED_SUBCODES = {33, 2804009, 2804030}


def test_tables_are_the_codes() -> None:
    """Every table of the page is what the code makes now; `python -m twofold.sandbox.judge.reference` renews them."""
    assert with_tables(TEXT) == TEXT
    assert re.findall(r"<!-- table: (\w+) -->", TEXT) == ["refusals", "reasons", "diagnostics"]
    assert len(TABLES) == 3


@pytest.mark.parametrize("kind", RefusalKind)
def test_whose_numbers(kind: RefusalKind) -> None:
    """A subcode is called Meta's only when a public source names it; ours are all 99xxxxx."""
    answer = TABLE[kind]
    if answer.subcode is None:
        assert answer.origin is not Origin.OURS
    elif answer.origin is Origin.OURS:
        assert 9_900_000 <= answer.subcode < 10_000_000
    else:
        assert answer.subcode in (METAS_SUBCODES if answer.origin is Origin.META else INFERRED_SUBCODES)


def test_every_method_of_the_fixture_is_named() -> None:
    """The page's table knows all public words of `twofold_sandbox`."""
    public = {name for name in vars(RunningSandbox) if not name.startswith("_")} | {"address"}

    assert {name for name in public - {"close"} if f"`{name}" not in TEXT} == set()


def test_the_lists_exist(sandbox: Running) -> None:
    """Every list the page names answers."""
    (row,) = re.findall(r"\| `/sandbox/events`(.*?) \|", TEXT)
    for name in ["events", *re.findall(r"`(\w+)`", row)]:
        assert sandbox.read(name) == []


def test_the_first_request_of_the_page(start_sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The curl command on the first screen, as written, is accepted."""
    (command,) = re.findall(r"```\n(curl .*?)\n```", TEXT, flags=re.DOTALL)
    sandbox = start_sandbox()
    sandbox.now = 1_000 * int(subprocess.run(["date", "+%s"], capture_output=True, text=True, timeout=60).stdout)
    command = command.replace("http://127.0.0.1:8401", sandbox.base)
    assert shlex.split(command)[0] == "curl"

    done = subprocess.run(["bash", "-c", command + " -sS"], capture_output=True, text=True, timeout=60)
    assert '"events_received":1' in done.stdout, done.stdout + done.stderr
    assert sandbox.counted() == 1
