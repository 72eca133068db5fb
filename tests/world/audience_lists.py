"""Lists of people at a platform, brought up to date by the program's own rounds beside the gateway of a world.

Owns the platform's side of lists and what a round runs in: virtual time, scripted answers, others who speak in the middle of it, and
the death of the machine under it. Who may be on a list is `promises`'s to say.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.world.steps import PLAIN, SHOP, Step
from tests.world.virtual_loop import VirtualLoop
from twofold.audiences import run, sync
from twofold.config import Settings
from twofold.destinations.contract import Failure, PlatformAnswer, Request
from twofold.errors import StoreError

REMOTE = {SHOP: "23850000000000001", PLAIN: "23850000000000002"}
"""Dataset to the list of its buyers."""
ANSWERS = ("ok", "ok", "down", "cut", "void", "liar", "throttled")
_ARRIVES = ("ok", "cut", "liar")


class Machine(Protocol):
    """What the rounds share with their world."""

    promises: Any

    def is_gone(self) -> bool: ...
    def wall(self) -> int: ...
    def line(self, name: str) -> None: ...
    def between(self, step: Step | None) -> None:
        """Whatever else happens at this moment; ``step``: this, too."""
        ...


class _Killed(Exception):
    """The machine died under the round."""


class Lists:
    """``there``: dataset to the digests that its list has. ``used``: whether any round was played."""

    def __init__(self, machine: Machine) -> None:
        self.there: dict[str, set[str]] = {dataset: set() for dataset in REMOTE}
        self.used = False
        self._machine = machine
        self._answers: deque[str] = deque()
        self._in_between: Step | None = None

    def bring_up_to_date(
        self,
        settings: Settings,
        answers: tuple[int, ...] = (),
        in_between: Step | None = None,
        *,
        may_fail: bool = False,
    ) -> None:
        """One round. ``answers``: to its requests, of `ANSWERS`; ``in_between``: what comes while the first is on its way;
        ``may_fail``: the disk is not well, so that the command may end with an error."""
        self.used = True
        self._answers = deque(ANSWERS[n] for n in answers)
        self._in_between = in_between
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sync, "Sender", self._sender)
            patch.setattr(run.asyncio, "run", _played)
            try:
                run.sync(settings, [], self._machine.wall)
            except _Killed:
                return
            except StoreError:
                if not may_fail:
                    raise

    def _sender(self, **_: Any) -> _ListSender:
        return _ListSender(self)

    def told(self, request: Request) -> PlatformAnswer:
        """The platform's answer, and what it has then."""
        if self._machine.is_gone():
            raise _Killed
        form = parse_qs(request.body.decode())
        rows = {em for em, _ph in json.loads(form["payload"][0])["data"]}
        remote = urlsplit(request.url).path.split("/")[2]
        dataset = next(d for d, number in REMOTE.items() if number == remote)
        if request.method == "POST":
            self._machine.promises.put_on_list(dataset, rows)
        word = self._answers.popleft() if self._answers else "ok"
        if word in _ARRIVES:
            own = self.there[dataset]
            own.update(rows) if request.method == "POST" else own.difference_update(rows)
        self._machine.line("a list was told")
        self._machine.between(self._in_between)
        self._in_between = None
        if self._machine.is_gone():
            raise _Killed
        return _spoken(word, len(rows))


class _ListSender:
    """In the place of `deliver.sender.Sender`."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def __aenter__(self) -> _ListSender:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""

    async def send(self, request: Request) -> PlatformAnswer:
        return self._lists.told(request)


def _spoken(word: str, count: int) -> PlatformAnswer:
    match word:
        case "down":
            return _said(503, {"error": {"code": 2, "message": "down"}})
        case "cut":
            return PlatformAnswer(failure=Failure.BROKEN)
        case "void":
            return PlatformAnswer(failure=Failure.SLOW)
        case "liar":
            return _said(500, {})
        case "throttled":
            return _said(400, {"error": {"code": 4, "message": "too many"}})
    return _said(200, {"num_received": count, "num_invalid_entries": 0})


def _said(status: int, tree: dict[str, Any]) -> PlatformAnswer:
    return PlatformAnswer(status=status, body=json.dumps(tree).encode())


def _played(work: Coroutine[Any, Any, Any]) -> Any:
    """In the place of `asyncio.run`: to its end, in virtual time."""
    loop = VirtualLoop()
    try:
        task = loop.create_task(work)
        while not task.done():
            loop.settle()
            loop.now_s += 1
        return task.result()
    finally:
        loop.close()


def settled_beside(settle: Callable[[], None]) -> None:
    """Lets another loop of this thread run in the middle of a task of this one."""
    running = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    try:
        settle()
    finally:
        asyncio.events._set_running_loop(running)


def settings_of_lists() -> dict[str, Any]:
    """What a configuration says of them."""
    return {
        "account": [{"platform": "meta", "id": "act_1", "name": "lists", "token": "t" * 16, "endpoint": "http://127.0.0.1:9"}],
        "audience": [
            {"name": f"buyers-{dataset}", "dataset": dataset, "rule": "bought_once", "days": 540, "smallest": 1,
             "lists": {"lists": remote}}
            for dataset, remote in REMOTE.items()
        ],
    }  # fmt: skip
