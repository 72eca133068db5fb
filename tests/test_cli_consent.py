"""`twofold consent`: what an operator types, on a folder that no gateway holds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.command_line import invoke
from twofold.store.store import Store

CONFIGURATION = """
[[dataset]]
id = "1"
country = "DE"

[[dataset]]
id = "2"
"""


def make_store(folder: Path) -> None:
    """A data folder in which nothing has happened yet."""

    async def made() -> None:
        store = Store(folder, routes={}, opened_at=1_790_000_000_000)
        store.start()
        await store.close()

    asyncio.run(made())


@pytest.fixture
def run(tmp_path):
    settings = tmp_path / "twofold.toml"
    settings.write_text(CONFIGURATION)
    folder = tmp_path / "data"
    make_store(folder)

    def typed(*words: str, stdin: str = ""):
        return invoke(["consent", *words, "--config", str(settings), "--data", str(folder)], given=stdin)

    typed.folder = folder
    return typed


def test_withdraw_show_grant_show(run):
    """A person is withdrawn under every spelling of the same value, and shown so, until consent is given again."""
    done = run("withdraw", "--email", "Mary@Example.com", "--dataset", "1")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("dataset 1: withdrawn (")
    shown = run("show", "--email", " mary@example.com ", "--json")
    first, second = [json.loads(line) for line in shown.output.splitlines()]
    assert (first["dataset"], first["kind"], first["state"]) == ("1", "em", "withdrawn")
    assert (second["dataset"], second["state"]) == ("2", "not withdrawn")
    assert shown.exit_code == 1, "a script can ask"
    assert run("grant", "--email", "mary@example.com").exit_code == 0
    again = run("show", "--email", "mary@example.com", "--dataset", "1")
    assert "em given again since" in again.output
    assert again.exit_code == 0


def test_a_value_may_come_by_standard_input(run):
    """So that no list of processes shows it; and nothing of it is on disk afterwards."""
    done = run("withdraw", "--phone", "-", stdin="0170 1234567\n")
    assert done.exit_code == 0, done.output
    assert run("show", "--phone", "+49 170 1234567", "--dataset", "1").exit_code == 1, "the dataset's country was used"
    kept = b"".join(p.read_bytes() for p in Path(run.folder).iterdir() if p.is_file())
    assert b"1701234567" not in kept


WRONG = [
    ([], "name the person"),
    (["--phone", "none"], "not usable as ph"),
    (["--email", "mary"], "not usable as em"),
    (["--email", "-", "--phone", "-"], "standard input can give one value only"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_done_is_said(run, words, message):
    refused = run("withdraw", *words)
    assert refused.exit_code == 2
    assert message in " ".join(refused.output.replace("│", " ").split())


def test_an_unknown_dataset_is_named(run):
    refused = run("withdraw", "--order", "1001", "--dataset", "3")
    assert "expected one of 1, 2, got 3" in str(refused.exception)
