"""Every command in a place that holds no data of ours: one sentence, exit code 3, and not a byte made or changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from twofold.cli import app
from twofold.config import load_settings
from twofold.control.owner import open_owner
from twofold.errors import NotHere, TwofoldError

# Commands that look into no data folder, and those that may make one.
WITHOUT_FOLDER = {"check", "demo", "explain-match", "hash", "sandbox", "shopify-senders", "version", "world"}
MAKE_ONE = {"restore", "serve", "import orders", "import sales"}
# What a command cannot do without.
NEEDS = {
    "erase": ["--email", "mary@example.com", "--yes"],
    "export-subject": ["--email", "mary@example.com"],
    "shared": ["--order", "1001"],
    "orders show": ["1001"],
    "consent withdraw": ["--email", "mary@example.com"],
    "consent grant": ["--email", "mary@example.com"],
    "consent show": ["--email", "mary@example.com"],
    "watermark accept": ["--reason", "a test"],
    "deliveries show": ["256"],
    "quarantine release": ["--all", "--yes"],
    "quarantine drop": ["--all", "--yes"],
}
MORE = {  # further ways into the same command
    "erase": [["--request", "nobody-1", "--yes"], ["--order", "1001", "--dry-run"]],
    "export-subject": [["--request", "nobody-1"]],
    "shared": [["--event-id", "e1"], ["--email", "mary@example.com"], []],
}
CONFIGURATION = '[[dataset]]\nid = "1"\nkey = "key-of-the-shop"\n'


def commands(command: Any, before: str = "") -> Iterator[str]:
    """The words of every command; a group that does something by itself is one too."""
    inside = getattr(command, "commands", None)
    if before and (inside is None or command.invoke_without_command):
        yield before.strip()
    for name, command in (inside or {}).items():
        yield from commands(command, f"{before} {name}")


COMMANDS = sorted(set(commands(typer.main.get_command(app))) - WITHOUT_FOLDER - MAKE_ONE)
CALLS = [(c, words) for c in COMMANDS for words in [NEEDS.get(c, []), *MORE.get(c, [])]]


def missing(_folder: Path) -> None:
    return None


def empty(folder: Path) -> None:
    folder.mkdir()


def a_file(folder: Path) -> None:
    folder.write_text("not a folder")


def of_another_program(folder: Path) -> None:
    folder.mkdir()
    (folder / "index.html").write_text("<title>somebody's site</title>")
    (folder / "lock").write_text("1\n")


def with_a_foreign_database(folder: Path) -> None:
    folder.mkdir()
    db = sqlite3.connect(folder / "twofold.db")
    db.execute("create table event (position integer primary key, body blob)")
    db.execute("insert into event values (1, 'theirs')")
    db.commit()
    db.close()


def with_no_database_under_its_name(folder: Path) -> None:
    folder.mkdir()
    (folder / "twofold.db").write_text("a note to myself\n" * 100)


PLACES = [missing, empty, a_file, of_another_program, with_a_foreign_database, with_no_database_under_its_name]


def everything_in(path: Path) -> dict[str, bytes | None]:
    found = {str(p.relative_to(path)): p.read_bytes() if p.is_file() else None for p in sorted(path.rglob("*"))}
    return {name: content for name, content in found.items() if not name.endswith(("-shm", "-wal"))}


@pytest.mark.parametrize("make", PLACES, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("command", "words"), CALLS, ids=[" ".join([c, *w]) for c, w in CALLS])
def test_a_command_in_a_wrong_place_makes_nothing(
    tmp_path: Path, command: str, words: list[str], make: Callable[[Path], None]
) -> None:
    """A receipt, an empty list or a fresh store would all be taken for an answer; so would a traceback for a defect."""
    configuration = tmp_path / "twofold.toml"
    configuration.write_text(CONFIGURATION)
    make(tmp_path / "data")
    before = everything_in(tmp_path)

    done = CliRunner().invoke(
        app, [*command.split(), *words, "--config", str(configuration), "--data", str(tmp_path / "data")]
    )

    assert isinstance(done.exception, TwofoldError), (done.exit_code, done.output, done.exception)
    assert done.exception.exit_code == 3
    assert str(tmp_path / "data") in str(done.exception)
    assert done.stdout == ""
    assert everything_in(tmp_path) == before


NOBODY = [
    ("erase", ["--email", "nobody@example.com", "--yes"]),
    ("erase", ["--phone", "+491701234567", "--yes"]),
    ("erase", ["--order", "9999", "--dry-run"]),
    ("export-subject", ["--email", "nobody@example.com"]),
    ("export-subject", ["--external-id", "c-9999"]),
]


@pytest.mark.parametrize(("command", "words"), NOBODY, ids=[" ".join([c, *w]) for c, w in NOBODY])
def test_nobody_found_is_an_answer_of_its_own(tmp_path: Path, command: str, words: list[str]) -> None:
    """In a folder of ours where nothing of the person is: exit code 5, so that no script takes it for done."""
    configuration = tmp_path / "twofold.toml"
    configuration.write_text(CONFIGURATION)
    folder = tmp_path / "data"
    open_owner(load_settings(configuration, environ={}, data=str(folder)), create=True).close()

    done = CliRunner().invoke(app, [command, *words, "--config", str(configuration), "--data", str(folder)])

    assert isinstance(done.exception, NotHere), (done.exit_code, done.output, done.exception)
    assert done.exception.exit_code == 5
