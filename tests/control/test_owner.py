"""One way to ask whoever owns a folder: the gateway, or the folder itself; and what is said when the gateway goes away."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from twofold.app import Gateway
from twofold.config import Settings, settings_from
from twofold.control import erase as erasing
from twofold.control import owner as owners
from twofold.control.owner import FolderOwner, on_store, open_owner
from twofold.control.questions import (
    AnyQuestion,
    Append,
    AskClock,
    AskErasure,
    ChangeConsent,
    Erase,
    MakeTables,
    Note,
    Revive,
)
from twofold.control.socket import SOCKET
from twofold.control.tables import make_tables
from twofold.errors import StoreError, StoreInTheWay, StoreLocked
from twofold.importing.sinks import open_sink
from twofold.importing.statements.sink import open_line_sink
from twofold.matching.subject import Mark, SubjectRequest
from twofold.store.engines import open_reader
from twofold.store.gates.withdrawals import read_standing
from twofold.store.sqlite import commit

T = TypeVar("T")
DATASETS = ("1", "2", "3")
ORDER = Mark("order", "1001")
PATIENCE_S = 60
WITHDRAW = ChangeConsent(act="withdraw", marks={d: [ORDER] for d in DATASETS})

# Each question, and a word of its answer.
QUESTIONS: list[tuple[AnyQuestion, str]] = [
    (Revive(deliveries=[256, 512]), "revived"),
    (WITHDRAW, "changed"),
    (ChangeConsent(act="grant", marks={"1": [ORDER]}), "changed"),
    (Append(), "new"),
    (Erase(request=SubjectRequest(emails=("mary@example.com",))), "id"),
    (AskErasure(id="nobody-1"), "erasure"),
    (Note(kind="export", facts={"rows": 0}), ""),
    (MakeTables(), "number"),
]
NAMES = [type(q).__name__ + getattr(q, "act", "") for q, _ in QUESTIONS]


def settings_of(folder: Path) -> Settings:
    return settings_from(
        {"server": {"data": str(folder), "port": 0}, "dataset": [{"id": d} for d in DATASETS]}, environ={}
    )


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Of a folder that holds data of ours and that nobody has open."""
    made = settings_of(tmp_path / "data")
    open_owner(made, create=True).close()
    return made


def beside_a_gateway(settings: Settings, work: Callable[[], T]) -> T:
    """What ``work`` brings, done on another thread while a gateway runs on the folder."""

    async def main() -> T:
        gateway = Gateway(settings)
        ready = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(gateway.run(ready.set_result))
        await asyncio.wait([task, ready], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        try:
            return await asyncio.to_thread(work)
        finally:
            gateway._stop.set()
            await task

    return asyncio.run(main())


@contextmanager
def leaving(folder: Path, after: bytes) -> Iterator[list[bytes]]:
    """Whatever listens on the control socket like a gateway, reads one line, says ``after`` and is gone, as by kill -9."""
    lines: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / SOCKET))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                lines.append(connection.makefile("rb").readline())
                connection.sendall(after)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield lines
        thread.join(PATIENCE_S)
    (folder / SOCKET).unlink()


@pytest.mark.parametrize(("question", "word"), QUESTIONS, ids=NAMES)
def test_gateway_and_folder_answer_alike(settings, question, word):
    """The same question, the same answer, whoever owns the folder."""
    alone = on_store(settings, question)
    asked = beside_a_gateway(settings, lambda: on_store(settings, question))
    assert set(alone) == set(asked)
    assert not word or word in alone


@pytest.mark.parametrize("after", [b"", b'{"chan'], ids=["silent", "in the middle of its answer"])
@pytest.mark.parametrize("question", [q for q, _ in QUESTIONS], ids=NAMES)
def test_a_gateway_that_goes_away_is_an_error_that_says_so(settings, question, after):
    """Never half an answer, never a traceback, and never the folder taken behind the back of a gateway that may live."""
    with leaving(Path(settings.server.data), after), pytest.raises(StoreError, match="went away"):
        on_store(settings, question)


def test_a_withdrawal_over_several_datasets_is_one_question(settings):
    """A gateway that stops between two questions cannot leave the person consented in the rest: there is one question."""
    folder = Path(settings.server.data)
    with leaving(folder, b"") as lines, pytest.raises(StoreError):
        on_store(settings, WITHDRAW)
    assert len(lines) == 1
    assert all(f'"{d}"'.encode() in lines[0] for d in DATASETS)


@pytest.mark.parametrize("written", range(len(DATASETS)))
def test_a_withdrawal_is_in_all_datasets_or_in_none(settings, written):
    """The disk takes so many of the rows and then no more: nothing of the others stands."""
    full = (
        "create trigger full before insert on withdrawal when (select count(*) from withdrawal) >= "
        f"{written} begin select raise(abort, 'the disk says no'); end"
    )
    owner = open_owner(settings)
    assert isinstance(owner, FolderOwner)
    try:
        owner.run(owner.store.transact(lambda engine: engine.script(full)))
        with pytest.raises(StoreError):
            owner.ask(WITHDRAW)
        owner.run(owner.store.transact(lambda engine: engine.script("drop trigger full")))
    finally:
        owner.close()
    standing = [read_standing(Path(settings.server.data), d, [ORDER])[0] for d in DATASETS]
    assert [s.withdrawn for s in standing] == [False] * 3

    assert on_store(settings, WITHDRAW) == {"changed": {"1": 1, "2": 1, "3": 1}}
    standing = [read_standing(Path(settings.server.data), d, [ORDER])[0] for d in DATASETS]
    assert [s.withdrawn for s in standing] == [True] * 3


def generation(settings: Settings) -> str:
    """The number that every opening for writing raises, which voids the leases of whoever had the folder before."""
    db = open_reader(Path(settings.server.data))
    try:
        return str(db.execute("select value from meta where name = 'generation'").fetchall())
    finally:
        db.close()


def test_a_read_opens_nothing_for_writing(settings):
    """How a person's consent stands is read without taking the folder, with a gateway or without one."""
    on_store(settings, WITHDRAW)
    folder = Path(settings.server.data)
    before = generation(settings)
    assert read_standing(folder, "1", [ORDER])[0].withdrawn
    assert generation(settings) == before
    assert beside_a_gateway(settings, lambda: read_standing(folder, "1", [ORDER])[0].withdrawn)
    assert generation(settings) != before, "which the gateway raised"


def test_two_owners_are_never(settings):
    """While a command has the folder, another is refused."""
    owner = open_owner(settings)
    try:
        with pytest.raises(StoreLocked):
            open_owner(settings)
    finally:
        owner.close()


def test_a_question_beside_work_of_the_same_process_is_answered_while_it_goes_on(settings, monkeypatch):
    """A console that makes tables for minutes takes a decision meanwhile; what comes as it is through is answered as well."""
    monkeypatch.setattr(owners, "TURN_S", 0.0)
    with ThreadPoolExecutor() as pool:
        with closing(open_owner(settings)) as owner:
            asked = pool.submit(on_store, settings, WITHDRAW)
            while not asked.done():
                owner.ask(AskClock())
            assert asked.result() == {"changed": dict.fromkeys(DATASETS, 1)}
            late = pool.submit(on_store, settings, WITHDRAW)
            while not (owner._beside or late.done()):
                time.sleep(0.001)
        assert late.result(60) == asked.result()


MARY = SubjectRequest(emails=("mary@example.com",))
NEEDS_THE_FOLDER: dict[str, Callable[[Settings], object]] = {
    "a short question": lambda settings: on_store(settings, WITHDRAW),
    "an erasure": lambda settings: erasing.erase(settings, MARY, lambda *_: None),
    "tables": lambda settings: make_tables(settings, turn_s=owners.TURN_S),
    "an import of orders": lambda settings: open_sink(settings).close(),
    "an import of lines": lambda settings: open_line_sink(settings).close(),
}


@pytest.mark.parametrize("what", list(NEEDS_THE_FOLDER))
def test_whoever_needs_the_folder_waits_their_turn(settings, monkeypatch, what):
    """Whoever has the folder for a moment, a console that makes tables also, is waited for; who stays is named."""
    owner = open_owner(settings)
    with monkeypatch.context() as patch:
        patch.setattr(owners, "TURN_S", 0.0)
        patch.setattr(erasing, "PATIENCE_S", 0.0)
        with pytest.raises(StoreLocked, match="other work of this process"):
            NEEDS_THE_FOLDER[what](settings)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(NEEDS_THE_FOLDER[what], settings)
        with pytest.raises(TimeoutError):
            asked.result(0.3)
        owner.close()
        asked.result(60)


@pytest.mark.postgres
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a gateway"])
def test_an_erasure_waits_for_whoever_holds_its_table(postgres, tmp_path, monkeypatch, beside):
    """Until the command has said what it waits for another session holds the table, which is longer than the store tries; then the
    receipt comes. Whoever is held up for longer than the command waits is told what was in the way."""
    address = postgres.new()
    tree = {"server": {"data": str(tmp_path / "data"), "port": 0, "store": address}, "dataset": [{"id": "1"}]}
    settings = settings_from(tree, environ={})
    open_owner(settings, create=True).close()
    monkeypatch.setattr(commit, "TRIES", 1)
    said: list[str] = []
    with psycopg.connect(address) as other:

        def progress(what: str, _at: int, _of: int) -> None:
            if what.startswith("waiting for other writers") and what not in said:
                said.append(what)
                other.rollback()

        def work() -> dict[str, Any]:
            other.execute("lock table twofold.erasure in access exclusive mode")
            with monkeypatch.context() as patch:
                patch.setattr(erasing, "PATIENCE_S", 0)
                with pytest.raises(StoreInTheWay, match="wrote at the same moment"):
                    erasing.erase(settings, mary, progress)
            return erasing.erase(settings, mary, progress)

        mary = SubjectRequest(emails=("mary@example.com",))
        done = beside_a_gateway(settings, work) if beside else work()
    assert said
    assert done["kind"] == "erase"
