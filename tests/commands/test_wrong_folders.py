"""Every command in a place that holds no data of ours: one sentence, exit code 3, and not a byte made or changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.command_line import invoke
from twofold.cli import app
from twofold.config import load_settings
from twofold.control.owner import open_owner
from twofold.errors import NotHere, TwofoldError

# Commands that look into no data folder, and those that may make one.
WITHOUT_FOLDER = {
    "check",
    "connect meta",
    "connect bigcommerce",
    "connect klarna",
    "connect magento",
    "connect mollie",
    "connect prestashop",
    "connect shopware",
    "connect tbc",
    "connect shopify",
    "connect stripe",
    "connect woocommerce",
    "demo",
    "destinations",
    "schema",
    "disconnect meta",
    "disconnect bigcommerce",
    "disconnect klarna",
    "disconnect magento",
    "disconnect mollie",
    "disconnect prestashop",
    "disconnect shopware",
    "disconnect tbc",
    "disconnect shopify",
    "disconnect stripe",
    "accept diff",
    "accept verify",
    "alert test",
    "disconnect woocommerce",
    "explain-match",
    "explain-source",
    "hash",
    "init",
    "install-service",
    "sandbox",
    "shopify-senders",
    "snippet",
    "version",
    "warehouse",
    "tables list",
    "world",
}
FILES = {  # a file of each kind whose import may make a folder
    "bank": "account,currency,booked_at,amount,text\nGE00TB0000000000000001,GEL,2026-03-10,10.00,sale 1001\n",
    "costs": "sku,since,amount,currency\nsku-1,2026-01-01,4.00,GEL\n",
    "ga4": "# Start date: 20260310\n# End date: 20260310\nDate,Transaction ID,Ecommerce purchases,Purchase revenue\n20260310,1001,1,10.00\n",
    "parcels": "parcel,status,at\nP1,delivered,2026-03-10\n",
    "payouts": "batch,kind,order,gross,fee,currency,at\npo_1,charge,1001,10.00,0.30,GEL,2026-03-10\n",
    "rates": "day,currency,base,rate\n2026-03-10,USD,GEL,2.70\n",
    "remittances": "parcel,order,collected,fee,currency,remitted_at\nP1,1001,10.00,1.00,GEL,2026-03-10\n",
    "spend": "day,source,campaign,spend,currency\n2026-03-10,meta,Spring,10.00,GEL\n",
    "survey": "order_id,answered_at,answer\n1001,2026-03-10,a friend\n",
}
SAY_ALL = {"doctor"}  # names what is wrong with the folder among all else that it looks at
MAKE_ONE = {"restore", "serve", "pull", "import orders", "import sales", *(f"import {kind}" for kind in FILES)}
# What a command cannot do without.
NEEDS = {
    "backup": ["backups-of-nothing"],
    "move": ["--to", "a-new-folder"],
    "erase": ["--email", "mary@example.com", "--yes"],
    "export-subject": ["--email", "mary@example.com"],
    "shared": ["--order", "1001"],
    "orders show": ["1001"],
    "consent withdraw": ["--email", "mary@example.com"],
    "consent grant": ["--email", "mary@example.com"],
    "consent show": ["--email", "mary@example.com"],
    "tables export": ["orders", "orders-of-nothing.csv"],
    "trace": ["A0123456789abcdef0123"],
    "watermark accept": ["--reason", "a test"],
    "deliveries show": ["256"],
    "quarantine release": ["--all", "--yes"],
    "quarantine drop": ["--all", "--yes"],
    "chain": ["--since", "2026-03-01", "--until", "2026-03-31"],
    "day": ["2026-03-10"],
    "attribution": ["--since", "2026-03-01", "--until", "2026-03-31"],
    "experiment plan": ["spring", "--since", "2026-03-01"],
    "experiment read": ["spring"],
    "senders expect": ["Purchase", "shopify", "--dataset", "1"],
    "audiences export": ["cart", "--platform", "meta", "--out", "list.csv"],
    "money match": ["00ff", "order:1001", "--why", "a test"],
    "accept overrule": ["a1b2c3", "money", "--reason", "a test"],
    "accept tick": ["a1b2c3", "test_events"],
    "decide": ["a test", "--owner", "Nino", "--review", "2026-12-31"],
    "money unmatch": ["00ff", "order:1001", "--why", "a test"],
}
MORE = {  # further ways into the same command
    "backup": [["--erasures", "erasures-of-nothing"]],
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


COMMANDS = sorted(set(commands(typer.main.get_command(app))) - WITHOUT_FOLDER - MAKE_ONE - SAY_ALL)
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


FOREIGN = [a_file, with_a_foreign_database, with_no_database_under_its_name]
PLACES = [missing, empty, of_another_program, *FOREIGN]


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

    done = invoke([*command.split(), *words, "--config", str(configuration), "--data", str(tmp_path / "data")])

    assert isinstance(done.exception, TwofoldError), (done.exit_code, done.output, done.exception)
    assert done.exception.exit_code == 3
    assert str(tmp_path / "data") in str(done.exception)
    assert done.stdout == ""
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("make", PLACES, ids=lambda f: f.__name__)
def test_the_doctor_in_a_wrong_place_makes_nothing(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It has a line for the folder, like for all else, and ends with 1."""
    configuration = tmp_path / "twofold.toml"
    configuration.write_text(CONFIGURATION)
    make(tmp_path / "data")
    before = everything_in(tmp_path)
    done = invoke(["doctor", "--config", str(configuration), "--data", str(tmp_path / "data"), "--json"])
    assert done.exit_code == 1, (done.output, done.exception)
    assert str(tmp_path / "data") in done.stdout
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("kind", FILES)
def test_an_import_makes_a_folder_and_takes_nobody_elses(tmp_path: Path, kind: str) -> None:
    """Where nothing is a first import begins a folder; what is another program's stays as it is, to the byte."""
    configuration = tmp_path / "twofold.toml"
    configuration.write_text(CONFIGURATION)
    (tmp_path / "told.csv").write_text(FILES[kind])
    currency = [] if kind in ("rates", "survey") else ["--currency", "GEL"]
    call = ["import", kind, str(tmp_path / "told.csv"), *currency, "--config", str(configuration), "--data"]

    for make in FOREIGN:
        make(tmp_path / make.__name__)
        before = everything_in(tmp_path)
        done = invoke([*call, str(tmp_path / make.__name__)])
        assert isinstance(done.exception, TwofoldError), (make, done.exit_code, done.output, done.exception)
        assert (done.exception.exit_code, done.stdout) == (3, ""), make
        assert str(tmp_path / make.__name__) in str(done.exception)
        after = everything_in(tmp_path)
        after.pop(f"{make.__name__}/lock", None)  # taken before anything is looked at
        assert after == before, make

    done = invoke([*call, str(tmp_path / "new")])
    assert done.exit_code == 0, (done.output, done.exception)
    assert (tmp_path / "new" / "twofold.db").is_file()


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

    done = invoke([command, *words, "--config", str(configuration), "--data", str(folder)])

    assert isinstance(done.exception, NotHere), (done.exit_code, done.output, done.exception)
    assert done.exception.exit_code == 5
