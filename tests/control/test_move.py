"""A store taken from a folder into PostgreSQL and back: what arrives is what left, a move that breaks leaves nothing that could be
taken for whole, and nothing is written over.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.command_line import invoke
from tests.databases import Databases
from tests.facts import world as lives
from tests.store.copies import DAY, copy
from twofold.control import move as steps
from twofold.control.move import move
from twofold.errors import StoreDamaged, StoreError, StoreLocked
from twofold.matching.subject import Mark, SubjectRequest
from twofold.privacy.runner import Eraser
from twofold.report.verify import verify
from twofold.store import engines
from twofold.store.beside.folder import DATABASE, FolderLock
from twofold.store.beside.watermark import Mark as Watermarked
from twofold.store.beside.watermark import read_mark
from twofold.store.engine import RefusedRow
from twofold.store.fold import FoldVerdict
from twofold.store.opened.routes import Route
from twofold.store.secret import FILE as SECRET
from twofold.store.store import Store
from twofold.store.transfer.tables import KEYS, Row, Table, copy_all

postgres_needed = pytest.mark.postgres
CONFIG = '[[dataset]]\nid = "1"\nkey = "key-of-the-shop"\n[chain]\ncurrency = "EUR"\n'


def told_nothing(_what: str, _at: int, _of: int) -> None:
    return None


@pytest.fixture
def on_server(postgres: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Path]]:
    """The folders of this set have their database on PostgreSQL."""
    there: set[Path] = set()

    def of(folder: Path) -> str:
        return postgres.of(folder) if folder in there else ""

    for module in (engines, steps):
        monkeypatch.setattr(module, "address_of", of)
    yield there
    postgres.done()


def lived(folder: Path, monkeypatch: pytest.MonkeyPatch, steps: int = 60) -> None:
    """A folder with a row in nearly every table: orders, money, paths, signs, leases, a withdrawal, a path that was given up."""
    monkeypatch.setattr(lives, "HOSTILE", lives.HOSTILE.replace("\0", ""))
    with lives.world(folder) as one:
        one.live(steps)
        for n in range(3):
            one.buy(n)
        one.settle()
        one.forget("bought1")
        one._run(refused_and_gone(one.store, one.now))
        one.browse()


async def refused_and_gone(store: Store, now: int) -> None:
    """A body that was refused, somebody who withdrew, and somebody who was erased."""
    await store.append([], [RefusedRow(now, "capi", "1", "Lead", "e", "bad", 0, "data[0]", "a", "b", 9, "{...}", "T1")])
    await store.withdraw("1", [Mark("fbp", "fb.1.1790000000000.3")], now)
    eraser = Eraser(store, lambda: now)
    await eraser.start()
    await eraser.ask(SubjectRequest(order_ids=("bought2", "o3")), "a test")
    await eraser.finish_all()


def every_row(folder: Path, address: str = "") -> dict[str, list[Row]]:
    """All tables by name, each row's values by their columns' names: asked in each engine's own way, and not by what moves them."""
    found: dict[str, list[Row]] = {}
    if address:
        import psycopg

        with psycopg.connect(address) as server:
            names = server.execute(
                "select table_name, string_agg(column_name, ', ' order by column_name) from information_schema.columns "
                "where table_schema = 'twofold' and table_name not like 'held%' group by 1"
            ).fetchall()
            for name, columns in names:
                found[name] = server.execute(f"select {columns} from twofold.{name}").fetchall()
        found["meta"] = [row for row in found["meta"] if row[0] != "form"]
    else:
        db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
        kinds = "type = 'table' and name not glob 'fold_[0-9]*' and name != 'held_key'"
        for (name,) in db.execute(f"select name from sqlite_schema where {kinds}").fetchall():
            columns = ", ".join(sorted(str(row[1]) for row in db.execute(f"pragma table_xinfo({name})").fetchall()))
            found[str(name)] = db.execute(f"select {columns} from {name}").fetchall()
        db.close()
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def holds(folder: Path) -> None:
    assert [check.line for check in verify(folder, full=True) if not check.holds] == []


def verdict(folder: Path, event_id: str, at: int) -> FoldVerdict:
    """Of one more copy with this id."""

    with lives.world(folder) as one:

        async def append(store: Store) -> FoldVerdict:
            (found,) = await store.append([copy(event_id, name="Lead", value=None, at=at)])
            return found

        return one._run(append(one.store))


@postgres_needed
def test_there_and_back(tmp_path, postgres, on_server, monkeypatch):
    """Every row of every table is there, and the secret, the watermark, who withdrew; the fold knows what came before, numbers go on
    behind the last one, every sum holds, and what came in there comes back."""
    first, there, back = tmp_path / "first", tmp_path / "there", tmp_path / "back"
    lived(first, monkeypatch)
    assert verdict(first, "known", lives.NOW + 40 * DAY) is FoldVerdict.FIRST
    (first / "somebody").mkdir()
    (first / "somebody" / "note.txt").write_text("kept by a person")
    before = every_row(first)
    empty = {name for name, rows in before.items() if not rows}
    assert len(before) - len(empty) >= 35, empty

    on_server.add(there)
    said: list[tuple[str, int, int]] = []
    moved = move(first, there, lambda *told: said.append(told))
    assert every_row(there, postgres.of(there)) == before
    assert moved.rows == sum(map(len, before.values())) + keys_of(first)
    assert said[-1] == ("copied", 2 * moved.rows, 2 * moved.rows)
    assert every_row(first) == before
    for name in (SECRET, "withdrawals", "somebody/note.txt"):
        assert (there / name).read_bytes() == (first / name).read_bytes()
    old, new = read_mark(first), read_mark(there)
    assert isinstance(old, Watermarked)
    assert isinstance(new, Watermarked)
    assert (new.position, new.chain, new.run, new.told) == (old.position, old.chain, old.run, old.told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "there"]
    holds(there)

    assert verdict(there, "known", lives.NOW + 40 * DAY + 1) is FoldVerdict.REPEAT
    with lives.world(there, seed=2) as one:
        one.now = lives.NOW + 41 * DAY
        one.live(25)
    holds(there)
    on_the_server = every_row(there, postgres.of(there))
    assert len(on_the_server["event"]) > len(before["event"])
    for table in ("order_fact", "orders"):  # numbered by the server
        assert len(on_the_server[table]) > len(before[table])

    move(there, back, told_nothing)
    assert every_row(back) == on_the_server
    assert verdict(back, "known", lives.NOW + 42 * DAY) is FoldVerdict.REPEAT
    holds(back)


@postgres_needed
@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_back_from_gateways_that_were_several(tmp_path, postgres, on_server, monkeypatch, names):
    """As `serve` runs there, each under a name of its own; the last one's folder is moved back. Nothing is taken for lost, and the
    folder's next owner goes on behind what came in there."""
    first, back = tmp_path / "first", tmp_path / "back"
    for _ in range(3):  # it had more runs than the gateways there will have
        assert verdict(first, f"known{_}", lives.NOW) is FoldVerdict.FIRST
    shared = tmp_path / "there"
    on_server.add(shared)
    move(first, shared, told_nothing)
    folders = [shared, *(shared / f"peer-{name}" for name in names[1:])]
    on_server.update(folders)
    for name, folder in zip(names, folders, strict=True):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder != shared:
            (folder / SECRET).write_bytes((shared / SECRET).read_bytes())

        async def live(folder: Path = folder, name: str = name) -> FoldVerdict:
            store = Store(folder, routes={"1": Route(destinations=())}, opened_at=lives.NOW, peer=name)
            store.start()
            (found,) = await store.append([copy(f"of-{name}", name="Lead", value=None, at=lives.NOW + 1)])
            await store.close()
            return found

        assert asyncio.run(live()) is FoldVerdict.FIRST
    move(folders[-1], back, told_nothing)
    holds(back)
    for name in names:
        assert verdict(back, f"of-{name}", lives.NOW + 2) is FoldVerdict.REPEAT
    assert verdict(back, "new", lives.NOW + 3) is FoldVerdict.FIRST
    holds(back)


def keys_of(folder: Path) -> int:
    """Keys of the fold, each once."""
    db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    tables = [name for (name,) in db.execute("select name from sqlite_schema where name glob 'fold_[0-9]*'")]
    keys = {key for name in tables for (key,) in db.execute(f"select key from {name}")}
    db.close()
    return len(keys)


@postgres_needed
def test_both_sides_answer_alike(tmp_path, postgres, on_server, monkeypatch):
    """By the commands as they are called: moved, then asked on both sides. Then somebody is erased there, and only there."""
    monkeypatch.undo()  # by the configuration alone
    monkeypatch.setenv(engines.TOLD, "")
    first, there, back = tmp_path / "first", tmp_path / "there", tmp_path / "back"
    with pytest.MonkeyPatch.context() as patch:
        lived(first, patch)
    folder, server = tmp_path / "folder.toml", tmp_path / "server.toml"
    folder.write_text(f'[server]\ndata = "{first}"\n{CONFIG}')
    server.write_text(f'[server]\ndata = "{there}"\nstore = "{postgres.new()}"\n{CONFIG}')
    moved, *checks = told(server, "move", "--from", str(first))
    assert moved["row"] == "moved"
    assert moved["rows"] > 300
    assert {check["row"] for check in checks} == {"check"}
    assert all(check["holds"] for check in checks)
    questions = [
        ("events", "--limit", "0"), ("actions", "--limit", "0"), ("deliveries", "--limit", "0"), ("orders", "list", "--limit", "0"),
        ("orders", "show", "bought0"), ("chain", "--since", "2026-09-01", "--until", "2026-12-31"),
        ("attribution", "--since", "2026-09-01", "--until", "2026-12-31"), ("money", "lines"),
        ("export-subject", "--order", "bought0"), ("erase", "--order", "bought0", "--dry-run"),
        ("why",), ("watermark", "show"),
    ]  # fmt: skip
    for words in questions:
        ours = told(folder, *words)
        assert told(server, *words) == ours, words
        assert ours, words
    states = [{row["name"]: row["state"] for row in told(config, "doctor")[1:]} for config in (folder, server)]
    assert ["database server" in state for state in states] == [False, True]
    assert [state["clock"] for state in states] == ["do", "do"]  # the events are of another year than this machine's
    assert [row["row"] for row in told(server, "erase", "--order", "bought0", "--yes")] == ["receipt"]
    assert told(server, "move", "--to", str(back))
    folder.write_text(f'[server]\ndata = "{back}"\n{CONFIG}')
    for words in questions[:4]:
        assert told(folder, *words) == told(server, *words), words
    assert "bought0" not in repr(told(folder, "orders", "list", "--limit", "0"))


def told(config: Path, *words: str) -> list[Any]:
    """What a command says inside this process, but for when it was asked, and since when where that is counted back from it."""
    done = invoke([*words, "--json", "--config", str(config)])
    assert done.exit_code in (0, 1), (
        words,
        done.output,
        done.exception,
    )  # 1 where sums leave a residual
    asked = {"until", "as_of"} | (set() if "--since" in words else {"since"})
    return [{n: v for n, v in json.loads(line).items() if n not in asked} for line in done.stdout.splitlines()]


def twofold(config: Path, *words: str) -> None:
    """A command in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "twofold", *words, "--config", config], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


class Broken(Exception):
    """The end of the process, at some line."""


@postgres_needed
@pytest.mark.parametrize("place", ["copying", "before the commit", "before the folder is in its place"])
def test_a_move_that_breaks_is_no_store_and_is_gone_on_with(tmp_path, postgres, on_server, monkeypatch, place):
    """The target opens nowhere as if it were whole; the same command again ends in the whole store."""
    first, there = tmp_path / "first", tmp_path / "there"
    lived(first, monkeypatch, 15)
    before = every_row(first)
    on_server.add(there)

    def breaks(*_: object) -> None:
        raise Broken

    with pytest.MonkeyPatch.context() as patch:
        if place == "copying":
            patch.setattr("twofold.store.transfer.tables.TELL_EVERY", 200)
        elif place == "before the commit":
            patch.setattr(steps, "flush_folder", breaks)
        else:
            patch.setattr(steps, "_put_in_place", breaks)
        with pytest.raises(Broken):
            move(first, there, breaks if place == "copying" else told_nothing)
    assert not there.exists()
    if place == "before the folder is in its place":
        with pytest.raises(StoreError, match="watermark is missing"):
            Store(there, routes={}, opened_at=lives.NOW)
        assert [path.name for path in there.iterdir()] == ["lock"]
    else:
        assert every_row(there, postgres.of(there))["event"] == []
    moved = move(first, there, told_nothing)
    assert moved.finished == (place == "before the folder is in its place")
    assert every_row(there, postgres.of(there)) == before
    holds(there)


@postgres_needed
@pytest.mark.process
def test_killed_at_any_moment(tmp_path, postgres, on_server, monkeypatch):
    """SIGKILL after some share of the time that a move takes; the same command then ends in the whole store, both ways."""
    monkeypatch.undo()
    first = tmp_path / "first"
    with pytest.MonkeyPatch.context() as patch:
        lived(first, patch)
    before = every_row(first)
    config, address = tmp_path / "server.toml", postgres.new()
    there = tmp_path / "there"
    config.write_text(f'[server]\ndata = "{there}"\nstore = "{address}"\n{CONFIG}')
    for words, target in ((("--from", str(first)), there), (("--to", str(tmp_path / "back")), tmp_path / "back")):
        for share in range(1, 9):
            child = subprocess.Popen(
                [sys.executable, "-m", "twofold", "move", *words, "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )  # fmt: skip
            until = time.monotonic() + 0.4 * share
            while time.monotonic() < until and child.poll() is None:
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
            if child.wait() == 0 or target.exists():
                break
        if not target.exists():
            twofold(config, "move", *words)
    assert every_row(there, address) == before
    assert every_row(tmp_path / "back") == before


@postgres_needed
def test_what_is_refused(tmp_path, postgres, on_server, monkeypatch):
    """Nothing is written over, nothing is taken from under a gateway, nothing that lacks something is copied; each with words, and
    the target is as it was."""
    first, there = tmp_path / "first", tmp_path / "there"
    lived(first, monkeypatch, 5)

    def refused(source: Path, target: Path, words: str, error: type[StoreError] = StoreError) -> None:
        with pytest.raises(error, match=words):
            move(source, target, told_nothing)
        assert not there.exists() or sorted(path.name for path in there.iterdir()) in (
            ["lock"],
            ["lock", "mine"],
            ["mine"],
        )

    refused(first, there, "PostgreSQL on one side")
    refused(first, first, "both sides")
    on_server.add(there)
    lock = FolderLock(first)
    refused(first, there, "in use by a gateway", StoreLocked)
    lock.release()
    there.mkdir()
    (there / "mine").write_text("x")
    refused(first, there, "not empty")
    (there / "mine").unlink()
    lock = FolderLock(there)
    refused(first, there, "in use by a gateway", StoreLocked)
    lock.release()
    other = tmp_path / "other"
    on_server.add(other)
    store = Store(other, routes={}, opened_at=lives.NOW)
    monkeypatch.setattr(engines, "address_of", lambda f: postgres.of(other) if f in (there, other) else "")
    monkeypatch.setattr(steps, "address_of", engines.address_of)
    refused(first, there, "in use by gateways", StoreLocked)
    store._engine.close()
    refused(first, there, r"database of \[server\] store is not empty")
    held = read_mark(first)
    assert isinstance(held, Watermarked)
    db = apsw.Connection(str(first / DATABASE))
    db.execute("delete from event where position = (select max(position) from event)")
    db.close()
    refused(first, there, f"{held.position} were acknowledged", StoreDamaged)


@postgres_needed
def test_what_postgres_cannot_hold_is_said(tmp_path, postgres, on_server):
    """The character NUL in a row that has a digest of its own; in the body of what was refused it becomes its picture, as there."""
    first, there = tmp_path / "first", tmp_path / "there"
    with lives.world(first) as one:
        one.view()
    db = apsw.Connection(str(first / DATABASE))
    db.execute("insert into meta (name, value) values ('a', 'b' || char(0))")
    db.close()
    (first / "watermark").rename(tmp_path / "watermark")
    on_server.add(there)
    with pytest.raises(StoreError, match="nobody can tell"):
        move(first, there, told_nothing)
    (tmp_path / "watermark").rename(first / "watermark")
    with pytest.raises(StoreError, match="meta holds the character NUL"):
        move(first, there, told_nothing)


class Kept:
    """A side in memory; ``harm`` is what becomes of the rows of one table on their way."""

    TABLE = Table("thing", (("id", "bigint"), ("name", "text")))

    def __init__(self, rows: list[Row], harm: Any = list) -> None:
        self._rows: dict[str, list[Row]] = {self.TABLE.name: rows, KEYS.name: []}
        self._harm = harm

    def tables(self) -> tuple[Table, ...]:
        return (self.TABLE,)

    def count(self, table: Table) -> int:
        return len(self._rows[table.name])

    def read(self, table: Table) -> Iterator[Row]:
        return iter(self._rows[table.name])

    def form(self, _table: Table, row: Row) -> Row:
        return row

    def write(self, table: Table, rows: Any) -> None:
        self._rows[table.name] = self._harm(rows) if table is self.TABLE else list(rows)


ROWS: list[Row] = [(1, "a"), (2, None), (3, "c")]


@pytest.mark.parametrize(
    "harm",
    [
        lambda rows: list(rows)[1:],
        lambda rows: [*rows, (4, "d")],
        lambda rows: [(n, name if n != 3 else "C") for n, name in rows],
        lambda rows: [(n, name or "") for n, name in rows],
        lambda rows: [(row if row[0] != 3 else (1, "a")) for row in rows],
        lambda rows: [(row[0] if row[0] != 2 else 2.5, row[1]) for row in rows],
    ],
    ids=["one less", "one more", "another text", "empty for none", "one twice for another", "another number"],
)
def test_what_arrives_otherwise_is_not_kept(harm):
    with pytest.raises(StoreDamaged, match="thing"):
        copy_all(Kept(ROWS), Kept([], harm), told_nothing)


def test_the_order_of_rows_is_nobodys():
    target = Kept([], lambda rows: list(rows)[::-1])
    assert copy_all(Kept(ROWS), target, told_nothing) == 3
    assert list(target.read(Kept.TABLE)) == ROWS[::-1]
