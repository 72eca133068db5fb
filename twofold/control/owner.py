"""Who owns a data folder right now: the running gateway, else whoever takes the folder. A command asks either in one way.

Owns that choice, the answers of both, and what is said when the gateway goes away between a question and its answer:
always a `StoreError`, never half an answer. A command that only reads uses `store.lists.Reader` instead: it neither asks
nor takes anything.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twofold.clock import TrustedTime, now_ms
from twofold.config import Settings
from twofold.control.batches import append_batch, decode_batch
from twofold.control.lines import keep_lines
from twofold.control.questions import (
    AcceptClock,
    AnyQuestion,
    Append,
    AskClock,
    AskErasure,
    BeginLines,
    ChangeConsent,
    DropLines,
    EndLines,
    Erase,
    JudgeKeptBack,
    MakeTables,
    Note,
    PutLines,
    Reload,
    Revive,
    TellLines,
)
from twofold.control.socket import Conversation
from twofold.errors import StoreError, StoreLocked
from twofold.matching.subject import SubjectRequest
from twofold.policies import OrdersWorth, keeper_of, open_store
from twofold.privacy.runner import COMMAND, Eraser
from twofold.store.engines import is_embedded, require_data
from twofold.store.sqlite.database import find_database
from twofold.store.store import Store, read_newest

if TYPE_CHECKING:  # it comes with the tables' libraries, which a command seldom needs
    from twofold.facts.keeper import Keeper

T = TypeVar("T")

MAKE_WAIT_S = 2.0
"""How long the owner waits with an answer for tables to be made, before it says how far they are."""
TURN_S = 10.0
"""How long whoever needs the folder waits for another command, or for tables that are made, to be done with it."""
_POLL_S = 0.1


async def answer(
    question: AnyQuestion, store: Store, eraser: Eraser, tables: Callable[[], Keeper], clock: TrustedTime
) -> dict[str, Any]:
    """What the owner of the store answers. Raises `StoreError` with a reason for the operator."""
    match question:
        case Revive():
            return {"revived": await store.revive(question.deliveries, clock())}
        case JudgeKeptBack():
            changed = await store.judge_kept_back(question.act, question.deliveries, clock())
            await eraser.note("quarantine", {"act": question.act, "deliveries": changed}, None)
            return {"changed": changed}
        case ChangeConsent(act="withdraw"):
            return {"changed": await store.withdraw_all(question.marks, clock())}
        case ChangeConsent():
            return {"changed": await store.grant_all(question.marks, clock())}
        case Append():
            return (await append_batch(store, *decode_batch(question)))._asdict()
        case BeginLines() | PutLines() | EndLines() | DropLines() | TellLines():
            return await keep_lines(store, question, clock())
        case Erase(request=SubjectRequest() as request):
            return {"id": await eraser.ask(request, COMMAND)}
        case Erase():
            return {"id": await eraser.release(question.release)}
        case AskErasure():
            return await eraser.look_up(question.id)
        case Note():
            await eraser.note(question.kind, question.facts, question.closes)
            return {}
        case MakeTables():
            keeper = tables()
            number = question.number or keeper.want()
            done = await keeper.wait(number, MAKE_WAIT_S)
            return {"number": number, "done": done, "failed": keeper.error if done else "", "progress": keeper.progress}
        case Reload():
            raise StoreError("only a gateway that runs reads its configuration again")
        case AskClock():
            return clock.report()
        case AcceptClock():
            doubted = clock.report()
            accepted = clock.accept()
            await store.keep_time(clock.sure())
            if accepted:
                await eraser.note("clock_accepted", {k: v for k, v in doubted.items() if isinstance(v, int)}, None)
            return {"accepted": accepted, "clock": clock.report()}


class GatewayOwner:
    """The gateway that runs on the folder."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation

    def ask(self, question: AnyQuestion) -> dict[str, Any]:
        self.conversation.tell(question)
        return self.conversation.hear()

    def close(self) -> None:
        self.conversation.close()


class FolderOwner:
    """This process, with the routes and rules that a gateway would use. Raises `StoreLocked` while another has it."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._runner = settings, asyncio.Runner()
        self._place, self._thread = Path(settings.server.data).resolve(), threading.get_ident()
        self._turn = threading.Lock()
        self._beside: set[Future[dict[str, Any]]] = set()
        self._is_closed = False
        try:
            self.store = open_store(settings, now_ms())
            self._clock = TrustedTime(newest_ms=self.store.newest_ms)
            self.store.trust(self._clock.sure)
            self.run(self._start())
            self.eraser = Eraser(
                self.store, self._clock, lambda days: self.tables.forget_days(days), OrdersWorth(settings)
            )
        except BaseException:
            self._runner.close()
            raise
        _here[self._place] = self

    def ask(self, question: AnyQuestion) -> dict[str, Any]:
        return self.run(self._answer(question))

    def ask_beside(self, question: AnyQuestion) -> dict[str, Any]:
        """A question of another thread: answered whenever the one that has the folder is at work on it, at its close at the latest.
        Raises `StoreLocked` where that was."""
        with self._turn:
            if self._is_closed:
                raise StoreLocked(f"{self._place} is being given back")
            asked = asyncio.run_coroutine_threadsafe(self._answer(question), self._runner.get_loop())
            self._beside.add(asked)
        try:
            return asked.result()
        finally:
            self._beside.discard(asked)

    def is_had_by_another_thread(self) -> bool:
        return self._thread != threading.get_ident()

    async def _answer(self, question: AnyQuestion) -> dict[str, Any]:
        return await answer(question, self.store, self.eraser, lambda: self.tables, self._clock)

    @cached_property
    def tables(self) -> Keeper:
        """Made when they are asked for."""
        return keeper_of(self._settings, self.store, self._clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Work on the store's loop."""
        return self._runner.run(work)

    def close(self) -> None:
        if "tables" in self.__dict__:
            self.tables.stop()
        with self._turn:
            self._is_closed = True
            if _here.get(self._place) is self:
                del _here[self._place]
            beside = tuple(self._beside)
        self.run(_ended(beside))
        self.run(self.store.close())
        self._runner.close()

    async def _start(self) -> None:
        self.store.start()


async def _ended(asked: Sequence[Future[dict[str, Any]]]) -> None:
    await asyncio.gather(*map(asyncio.wrap_future, asked), return_exceptions=True)


_here: dict[Path, FolderOwner] = {}
"""Folders that this process has. It may have each only once: a console without a gateway that makes tables takes decisions beside."""


def open_owner(settings: Settings, *, create: bool = False) -> GatewayOwner | FolderOwner:
    """The gateway when one runs on the folder, else the folder. Without ``create`` it must hold data of ours already:
    a command in the wrong place makes nothing there, and raises `StoreError`."""
    folder = Path(settings.server.data)
    if not create:
        require_data(folder)
    elif folder.exists() and is_embedded(folder):
        find_database(folder, may_be_new=True)
    conversation = Conversation.open(folder)
    return GatewayOwner(conversation) if conversation is not None else FolderOwner(settings)


def read_clock(folder: Path) -> dict[str, Any]:
    """How far the running gateway believes the clock; without one, how far it would. Reads only."""
    require_data(folder)
    conversation = Conversation.open(folder)
    if conversation is None:
        return TrustedTime(newest_ms=read_newest(folder)).report()
    with closing(GatewayOwner(conversation)) as owner:
        return owner.ask(AskClock())


def on_store(settings: Settings, question: AnyQuestion) -> dict[str, Any]:
    """One question to whoever owns the folder, and its answer; where another thread of this process has it, as a console that makes
    tables, beside its work. Another process has it for a moment: its end is waited for, at most `TURN_S`. Raises `StoreLocked` after
    that."""

    def asked() -> dict[str, Any]:
        here = _here.get(Path(settings.server.data).resolve())
        if here is not None and here.is_had_by_another_thread():
            return here.ask_beside(question)
        with closing(open_owner(settings)) as owner:
            return owner.ask(question)

    return patiently(asked, StoreLocked, TURN_S)


def open_in_turn(
    settings: Settings,
    *,
    create: bool = False,
    within_s: float | None = None,
    waits: Callable[[], None] = lambda: None,
) -> GatewayOwner | FolderOwner:
    """`open_owner` once whoever has the folder for a moment is done with it. ``within_s``: `TURN_S` where it is None. Raises
    `StoreLocked` after that."""
    return patiently(
        lambda: open_owner(settings, create=create), StoreLocked, TURN_S if within_s is None else within_s, waits
    )


def patiently(
    ask: Callable[[], T], held_up: type[StoreError], within_s: float, waits: Callable[[], None] = lambda: None
) -> T:
    """What is asked for, again and again while others hold it up. ``waits``: called before each further time. Raises ``held_up`` once
    they have done so for ``within_s``."""
    until = time.monotonic() + within_s
    while True:
        try:
            return ask()
        except held_up:
            if time.monotonic() >= until:
                raise
        waits()
        time.sleep(_POLL_S)
