"""One seed, one world: its machine, its gateway's life and deaths, its steps played and looked at one after the other.

Owns the machine (folder, disk, clock, platforms), what a crash leaves, and what is asked of the folder after each step.
What is right is `promises`'.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec
import pytest

from tests.disk import readable
from tests.store.faulty_disk import Disk, disk, nobody_hears
from tests.world import requests_in
from tests.world.audience_lists import Lists, settings_of_lists, settled_beside
from tests.world.destination_script import REFUSED, TAKEN, UNKNOWN_FATE, Script
from tests.world.fetched_shop import DOOR, WORD, FetchedShop, asked_here, settings_of_shop
from tests.world.gateway_inside import Inside
from tests.world.older_forms import forget_seal, put_back
from tests.world.promises import (
    BROWSER,
    DATASET_OF,
    KEPT_DAYS,
    KEPT_MS,
    PLATFORMS,
    SERVER,
    SLACK_MS,
    WEBHOOK,
    Copy,
    Place,
    Promises,
    Word,
)
from tests.world.steps import DATASETS, DAY, HOUR, MINUTE, PEOPLE, PLAIN, SHOP, Step, Thing, people, plan, things
from tests.world.virtual_loop import NoEnd, VirtualLoop
from twofold import app
from twofold.collect.messages import Answer, Request
from twofold.config import Settings, settings_from
from twofold.control.recover import accept_loss
from twofold.errors import StoreDamaged, StoreError
from twofold.matching.subject import SubjectRequest
from twofold.policies import open_store
from twofold.privacy import runner
from twofold.report.verify import verify
from twofold.store import bodies, folding
from twofold.store.beside.folder import DATABASE, is_open
from twofold.store.beside.watermark import FILE as WATERMARK
from twofold.store.sqlite import database
from twofold.store.sqlite.database import expected_schema
from twofold.store.touches import signs
from twofold.store.visitors import noted

BEGIN_MS = 1_790_000_000_000
LOG = f"{DATABASE}-wal"
WAIT_S = 600  # seconds a Purchase waits for its order
ROUNDS = 120  # of waiting at the end


class Outcome(NamedTuple):
    """What became of a world. ``trace``: a digest of every answer and of all that left, by which two runs are held together."""

    broken: list[str]
    trace: str


def run_world(seed: int, steps: Sequence[Step] | None = None) -> Outcome:
    """Plays a seed's own steps, or these."""
    with _quiet(), _small(), _listed_later(seed), _room() as room, disk() as layer:
        steps = plan(seed) if steps is None else steps
        world = World(seed, room, layer, next((int(step[1]) for step in steps if step[0] == "fetched"), None))
        try:
            with asked_here(world.fetched):
                broken = world.play(steps)
        finally:
            world.leave()
        return Outcome(broken, hashlib.sha256("\n".join(world.trace).encode()).hexdigest()[:16])


@contextmanager
def _small() -> Iterator[None]:
    """A process of a world is begun some thousand times a minute: its tables in memory are small, what never changes is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noted, "_FACTS", 1 << 10)
        patch.setattr(noted, "_BROWSERS", 1 << 10)
        patch.setattr(signs, "_PLACES", 1 << 10)
        patch.setattr(database, "expected_schema", _schema)
        patch.setattr(runner, "BREATH_S", 0.0)
        patch.setattr(bodies, "_decompressor", _decompressor)
        patch.setattr(app, "description_page", _description_page)
        yield


@contextmanager
def _listed_later(seed: int) -> Iterator[None]:
    """In every other world what is accepted for more than one platform is listed as due by who claims, as for three or more elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr(folding, "SEVERAL", 2)
        yield


_schema = lru_cache(expected_schema)
_decompressor = lru_cache(bodies._decompressor)  # there is one thread
_description_page = lru_cache(app.description_page)


@lru_cache
def _new_folder() -> dict[str, bytes]:
    """The files of a folder that was made and closed; each world begins with a copy."""
    with tempfile.TemporaryDirectory() as name:

        async def begin_and_end() -> None:
            store = open_store(_settings(Path(name)), BEGIN_MS)
            store.start()
            await store.close()

        asyncio.run(begin_and_end())
        return {path.name: path.read_bytes() for path in Path(name).iterdir() if path.name != "lock"}


@contextmanager
def _room() -> Iterator[Path]:
    """In memory where the machine has such a place: a crash is made by copying, not by pulling the plug."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as name:
        yield Path(name)


@contextmanager
def _quiet() -> Iterator[None]:
    """No lines in the log, and no search for garbage that takes longer than the world."""
    before, often = logging.root.manager.disable, gc.get_threshold()
    logging.disable(logging.CRITICAL)
    gc.set_threshold(50_000, 20, 1_000)
    try:
        yield
    finally:
        logging.disable(before)
        gc.set_threshold(*often)


class World:
    """``folder`` is the present process's; a crash moves on to another."""

    def __init__(self, seed: int, room: Path, layer: Disk, list_minutes: int | None = None) -> None:
        """``list_minutes``: None where the shop's webhooks say what an order is; see `fetched_shop`."""
        self.seed, self.room, self.layer = seed, room, layer
        self.people, self.things = people(seed), things(seed)
        self.promises = Promises(self.people, self.things)
        self.scripts = {
            name: Script(name, self, partial(self._refuses, dataset)) for name, dataset in DATASET_OF.items()
        }
        self.lists = Lists(self)
        self.fetched = None if list_minutes is None else FetchedShop(self, list_minutes)
        self.promises.orders_name_browsers = self.fetched is None
        self._past_ms = 0  # of loops that are gone
        self._jump_ms, self._jump_ends = 0, 0
        self._jumped_at = -1
        self._opened_at = 0  # by the steady clock
        self._pauses_ms = 16 * MINUTE  # after which a platform that was asked too often is asked again
        self._lines = 0
        self._kill_at: int | None = None
        self._cut: random.Random | None = None
        self._image: Path | None = None  # what the crash of this step left
        self._mark_on_disk = b""
        self._full = 0
        self._lives = 0
        self._seen: tuple[int, ...] = ()
        self._word_of: dict[tuple[str, bytes], Word | None] = {}  # of frozen bytes
        self._word_under: dict[int, Word] = {}  # by delivery: whose bytes those were that retention has emptied since
        self._ending = False
        self._has_aged = False
        self._said: dict[int, list[tuple[int, str]]] = {}  # by thing: what its shop said of it, with the version
        self._meanwhile: list[tuple[int, Step]] = []  # what comes at which line
        self._asking: dict[asyncio.Task[Any], Callable[[Any], None]] = {}
        self._full_at = 0  # when the disk was last full, by the steady clock
        self.trace: list[str] = []
        self._news: dict[str, int] = {}
        self.folder = room / "0"
        self.folder.mkdir(mode=0o700)
        for name, content in _new_folder().items():
            (self.folder / name).write_bytes(content)
        self.loop = VirtualLoop()
        self.gateway: Inside

    # -- the machine

    def steady(self) -> int:
        return self._past_ms + int(self.loop.now_s * 1000)

    def wall(self) -> int:
        return BEGIN_MS + self.steady() + self._jump_ms

    def _true_s(self) -> int:
        """By everybody else's clock."""
        return (BEGIN_MS + self.steady()) // 1000

    def _sure_s(self) -> int | None:
        """The same where the gateway has no reason to doubt it: no clock was wrong, and it has not begun a moment ago."""
        doubts = self._jump_ms or self._jumped_at >= 0 or self.steady() - self._opened_at < 15 * MINUTE
        return None if doubts else self._true_s()

    def shop_clock_s(self) -> int:
        return self._true_s()

    def jumped_at(self) -> int:
        return self.steady() if self._jump_ms else self._jumped_at

    def is_gone(self) -> bool:
        return self._image is not None

    def line(self, _name: str) -> None:
        self._lines += 1
        if self._kill_at is not None and self._lines >= self._kill_at and self._image is None:
            self._crash()
        while self._meanwhile and self._lines >= self._meanwhile[0][0]:
            self.loop.call_soon(self._in_between, self._meanwhile.pop(0)[1])

    def between(self, step: Step | None) -> None:
        if step is not None and not self.is_gone() and self.gateway.failure is None:
            self._say(step)
        settled_beside(self.loop.settle)

    def flushed(self, _name: str) -> None:
        if self._image is None:
            self._mark_on_disk = (self.folder / WATERMARK).read_bytes()

    def leaves(self, platform: str, bodies: list[bytes]) -> None:
        self.trace += [f"{platform} {body!r}" for body in bodies]
        self._words(None)  # what a clock of years ago stamped is emptied as soon as it was sent
        right_s = None if self._jump_ms or self._jumped_at >= 0 else self._true_s()
        self.promises.leaves(platform, bodies, self._sure_s(), right_s)

    def unreached(self, platform: str, bodies: list[bytes]) -> None:
        self.promises.unreached(platform, bodies)

    def arrives(self, platform: str, bodies: list[bytes]) -> None:
        self.promises.arrives(platform, bodies)

    def answered(self, platform: str, bodies: list[bytes], *, word: str) -> None:
        if self._image is None:
            self.promises.answered(
                platform,
                bodies,
                self._true_s(),
                taken=word in TAKEN,
                unknown=word in UNKNOWN_FATE,
                failed=word == "liar",
                refused=word in REFUSED,
            )

    def _refuses(self, dataset: str, event: dict[str, Any]) -> bool:
        """True for what the platform of a dataset never takes."""
        name = dataset, event["event_name"]
        return any(
            t.poison and event["event_id"] in (t.event_id, t.browser_id) and name == (t.dataset, t.name)
            for t in self.things
        )

    def _crash(self) -> None:
        """What is on disk at this moment is what the next process finds. The present one goes on unseen to the step's end."""
        self._kill_at = None
        self._lives += 1
        self.promises.crashed(self._true_s())
        image = self.room / str(self._lives)
        if self._cut is None:
            self._copy_files(self.folder, image)
        else:
            self.layer.image(self.folder, image, torn=self._cut)
            self._copy_files(self.folder, image, beside=True)
            if self._cut.randrange(2) and self._mark_on_disk:
                (image / WATERMARK).write_bytes(self._mark_on_disk)
            self._cut = None
        self._image = image

    @staticmethod
    def _copy_files(folder: Path, image: Path, *, beside: bool = False) -> None:
        image.mkdir(mode=0o700, exist_ok=True)
        for path in folder.iterdir():
            left = ("lock", f"{DATABASE}-shm", *((DATABASE, LOG, WATERMARK) if beside else ()))
            if path.is_file() and path.name not in left:
                shutil.copyfile(path, image / path.name)

    def _settings(self) -> Settings:
        return _settings(self.folder, None if self.fetched is None else self.fetched.list_minutes)

    # -- a process's life

    def _open(self, *, accepted: bool = False) -> None:
        """``accepted``: somebody has just said that what the folder does not hold is gone."""
        self.gateway, self._opened_at = Inside(self._settings(), self), self.steady()
        if accepted:
            self.promises.lost(self._marks())  # before the new process does anything
            if self.fetched is not None:
                self.fetched.lost()
        if abs(self._jump_ms) > 86_400_000 and not self._rows("select 1 from event limit 1"):
            raise _Over  # by the first clock that a folder ever had everything is stamped: nothing better is promised
        self.flushed("at the start")
        self.promises.reopened(self._words("delivered"), self._words(None))
        beginning = self.loop.create_task(self.gateway.begin())
        for _ in range(20):
            self.loop.settle()
            if beginning.done():
                break
            self.loop.now_s += 1
        if not beginning.done():
            self.promises.breaks("did not begin within 20 s")
            raise _Over
        beginning.result()

    def _bury(self) -> None:
        """The process that was killed: what it still holds is let go."""
        store = self.gateway.store
        store._commits.failed = store._commits.failed or StoreError("killed")
        self._end_time()
        self.layer.full = False
        self.layer.failing_syncs = 0
        store._folding.close()
        store._engine.db.close()
        if is_open(self.folder):
            store._engine.lock.release()
        if not store.watermark._done.is_set():
            store.watermark._done.set()
            os.close(store.watermark._fd)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_time(self) -> None:
        """Of this loop; its time goes on in another."""
        self._past_ms += int(self.loop.now_s * 1000)
        _cancel_all(self.loop)
        self.loop = VirtualLoop()

    def _revive(self, damage: Step | None = None) -> None:
        """A new process on what the crash left. ``damage``: to the files before it starts."""
        self._move_on()
        image = self.folder
        whole = (image / LOG).read_bytes() if (image / LOG).exists() else b""
        if damage is not None:
            self.promises.forgot = True
            if not _is_moved(image):
                _damage(image / LOG, random.Random(f"{damage}"))
        try:
            self._open()
        except StoreDamaged as err:
            self._told_of_loss(err, damage, whole)
        self._after_start(damage)

    def _move_on(self) -> None:
        """To what a crash left, or leaves now."""
        if self._image is None:
            self._crash()
        image = self._image
        assert image is not None
        self._bury()
        self.folder, self._image = image, None
        self.promises.claimed_at_its_end(self._claimed())

    def _told_of_loss(self, err: StoreDamaged, damage: Step | None, whole: bytes) -> None:
        if damage is None:
            self.promises.breaks(f"refuses to start though nothing is missing: {err}")
            raise _Over from err
        accepted = bool(damage[2])
        if accepted:
            accept_loss(self.folder, "the disk lied", self.wall())
            self._word_under.clear()  # numbers are given anew
        else:
            (self.folder / LOG).write_bytes(whole)  # the operator finds the right disk
        try:
            self._open(accepted=accepted)
        except StoreDamaged as again:
            self.promises.breaks(f"refuses to start after the loss was made good: {again}")
            raise _Over from again

    def _after_start(self, damage: Step | None) -> None:
        missing = (
            {c.mark for c in self.promises.copies if c.known and c.tier < WEBHOOK}
            - self._marks()
            - self._erased_marks()
        )
        if missing:
            said = " in silence, though the disk had lost it" if damage else ""
            self.promises.breaks(f"acknowledged and gone{said}: marks {sorted(missing)}")

    # -- steps

    def play(self, steps: Sequence[Step]) -> list[str]:
        try:
            self._open()
            for number, step in enumerate(steps):
                self.promises.step = number
                self._do(step)
                self._look()
                if step[0] == "age":
                    self._look_at_days()
                if self.promises.broken:
                    return self.promises.broken
            self.promises.step = len(steps)
            self._make_well()
        except _Over:
            pass
        except NoEnd as err:
            self.promises.breaks(str(err))
        return self.promises.broken

    def leave(self) -> None:
        """Lets go of everything."""
        self._bury()
        self.loop.close()

    def _do(self, step: Step) -> None:
        name, *n = step
        match name:
            case "meanwhile":
                self._meanwhile.append((self._lines + int(n[0]), tuple(n[1:])))
                self._meanwhile.sort(key=lambda planned: planned[0])
            case "pass":
                self._pass(n[0])
            case "age":
                self._age(n[0])
            case "dark":
                self._dark(int(n[0]))
            case "answers":
                script = self.scripts[list(self.scripts)[n[0]]]
                script.add(tuple(n[1:]))
                if len(n) > 6:
                    self.promises.down_for_days.add(script.name)
            case "kill" | "cut":
                self._kill_at = self._lines + n[0]
                self._cut = random.Random(f"{step}") if name == "cut" else None
            case "lose":
                self._cut = None  # the watermark is as it was written: it is by it that a lie is seen
                self._revive(step)
            case "stop":
                if self._end():
                    self._begin_anew()
            case "upgrade":
                self._upgrade(*map(int, n))
            case "lists":
                others = ("withdraw", n[0], 1) if n[0] < PEOPLE else None
                ill = self.layer.full or self.layer.failing_syncs > 0
                self.lists.bring_up_to_date(self._settings(), n[1:], others, may_fail=ill)
            case "fetched":
                pass  # so it was from the beginning
            case "api":
                if self.fetched is not None:
                    self.fetched.answers([int(x) for x in n])
            case "full":
                self._full, self.layer.full = n[0], True
            case "sync":
                self.layer.failing_syncs = 1
            case "jump":
                self._jump_ms, self._jump_ends = n[0], self.steady() + n[1]
                if 0 < n[0] <= DAY:  # a pause that begins now lasts so much longer
                    self._pauses_ms = max(self._pauses_ms, 16 * MINUTE + n[0])
            case _:
                self._say(step)
                self.loop.settle()
        self._unheard()
        if self.layer.full:
            self._full_at = self.steady()
        if name not in ("full", "pass", "age", "meanwhile") and self.layer.full:
            self._full -= 1
            self.layer.full = self._full > 0

    def _say(self, step: Step) -> None:
        """What somebody asks of the gateway is on its way."""
        name, *n = step
        match name:
            case "browser":
                self._copies([n[0]], BROWSER)
            case "server":
                self._server([int(x) for x in n])
            case "shop":
                self._shop(n[0], "paid")
            case "news":
                self._shop(n[0], ("unpaid", "cancelled", "cancelled", "paid")[n[1]])
            case "stale":
                self._shop(n[0], ("unpaid", "paid", "unpaid", "paid")[n[1]], late=True)
            case "unnoticed":
                self._shop(n[0], ("unpaid", "cancelled", "paid", "paid")[n[1]], noticed=False)
            case "forged":
                thing = self.things[n[0]]
                self.promises.forged.add(thing.number)
                self._ask(requests_in.forged(thing, n[1], self._true_s()), self._forged_heard)
            case "mixed":
                self._mixed(n[0], n[1])
            case "bad":
                self._ask(requests_in.unreadable(n[0], DATASETS[n[0] % 2]), partial(self._bad_heard, n[0]))
            case "withdraw" | "grant":
                self._consent(n[0], n[1], name)
            case "erase":
                self._erase(n[0])
            case "erase_of":
                self._erase(self.things[n[0]].person)

    def _in_between(self, step: Step) -> None:
        """Something comes in the middle of something else, in the turn of the loop in which its line is reached."""
        if not self.is_gone() and self.gateway.failure is None and not self._ending:
            self._say(step)

    def _forged_heard(self, reply: Answer | None) -> None:
        self.promises.rows += reply is not None and reply.status == 200

    def _bad_heard(self, kind: int, reply: Answer | None) -> None:
        if reply is not None:
            self.promises.refused += reply.status in (400, 401, 403)
            if reply.status == 200:
                self.promises.breaks(f"took what cannot be read, kind {kind}")

    def _mixed(self, number: int, kind: int) -> None:
        """One good copy beside one that must be refused."""
        thing = self.things[number]
        if self.promises.is_over(thing, self.steady()):
            return
        copy = self.promises.sent(number, SERVER, self.steady())
        copy.odd = abs(self._jump_ms) > DAY
        request = requests_in.beside_unreadable(thing, self.people, copy.mark, self._true_s(), kind)
        self._ask(request, partial(self._mixed_heard, copy))

    def _mixed_heard(self, copy: Copy, reply: Answer | None) -> None:
        self.promises.refused += reply is not None and reply.status == 200
        self._copies_heard([copy], reply)

    def _server(self, numbers: list[int]) -> None:
        dataset = self.things[numbers[0]].dataset
        self._copies([n for n in numbers if self.things[n].dataset == dataset], SERVER)

    def _copies(self, numbers: list[int], tier: int) -> None:
        some = [t for n in numbers if not self.promises.is_over(t := self.things[n], self.steady())]
        if not some:
            return
        copies = [self.promises.sent(t.number, tier, self.steady()) for t in some]
        for copy in copies:
            copy.odd = abs(self._jump_ms) > DAY
        marks = [c.mark for c in copies]
        if tier == BROWSER:
            request = requests_in.from_browser(some[0], self.people[some[0].person], marks[0], self._true_s())
        else:
            request = requests_in.from_server(some, self.people, marks, self._true_s())
        self._ask(request, partial(self._copies_heard, copies))

    def _copies_heard(self, copies: list[Copy], reply: Answer | None) -> None:
        if reply is None:
            return
        if reply.status == 200:
            self.promises.answered_copies(copies)
        elif reply.status not in (429, 503):
            self.promises.breaks(f"a good copy was answered {reply.status} {reply.body[:200]!r}")

    def _shop(self, number: int, word: str, *, late: bool = False, noticed: bool = True) -> None:
        """``late``: what it had said before its last word, and what comes behind that; ``noticed``: the notice of a shop that is asked
        leaves it."""
        thing, said = self.things[number], self._said.setdefault(number, [])
        over = self.promises.is_over(thing, self.steady())
        # What was refused, as a signature by a clock that is hours ahead, is as if it had not been said.
        heard = bool(said) and (self.fetched is not None or any(t == number for t, _ in self.promises.told))
        if not thing.sold or any(w == "cancelled" for _, w in said) or (late and not said) or (over and not heard):
            return
        newest = said[-1][0] if said else 0
        version = newest - 1 if late else max(self._true_s(), newest + 10)  # when the order changed, as the shop says
        if not late:
            said.append((version, word))
        if self.fetched is not None:
            self._changes(thing, word, version, changed=not late, noticed=noticed)
            return
        fresh = (number, word) not in self.promises.told
        self.promises.told.add((number, word))  # it may be heard before it is answered
        copy = self.promises.sent(number, WEBHOOK, self.steady())
        request = requests_in.from_shop(thing, self.people[thing.person], word, version, self._true_s())
        self._ask(request, partial(self._shop_heard, copy, word, version, fresh))

    def _changes(self, thing: Thing, word: str, version: int, *, changed: bool, noticed: bool) -> None:
        """At a shop that is asked; or it says once more that something did."""
        shop = self.fetched
        assert shop is not None
        if changed:
            shop.change(thing.number, word, version)
        if noticed:
            told = shop.version(thing.number)
            shop.noticed(thing.number, told, known=False)
            self._ask(requests_in.notice(thing, WORD), partial(self._notice_heard, thing.number, told))

    def _notice_heard(self, number: int, version: int, reply: Answer | None) -> None:
        assert self.fetched is not None
        if reply is not None:
            self.fetched.noticed(number, version, known=reply.status == 200)
            if reply.status not in (200, 429, 503):
                self.promises.breaks(f"a notice was answered {reply.status} {reply.body[:200]!r}")

    def _shop_heard(self, copy: Copy, word: str, version: int, fresh: bool, reply: Answer | None) -> None:
        known = reply is not None and reply.status == 200
        # Nothing of it was kept, unless the disk failed under it: then nobody knows.
        if reply is not None and not known and self.gateway.failure is None:
            if fresh:
                self.promises.told.discard((copy.thing, word))
        else:
            self.promises.order_told(copy.thing, word, version, known=known)
        if known and word != "cancelled":
            copy.known, copy.step = True, self.promises.step

    def _consent(self, person: int, by: int, word: str) -> None:
        """``by``: see `requests_in.consent`; from 3 on in one dataset only."""
        for dataset in DATASETS if by < 3 else (DATASETS[by // 3 - 1],):
            if word == "grant":
                self.promises.granted(dataset, person)
            state = "denied" if word == "withdraw" else "granted"
            grants = self.promises.grants[dataset, person]
            heard = partial(self._withdrawal_heard, dataset, person, grants) if word == "withdraw" else _nobody
            # An order that was fetched has no browser's own id: who says no to it is named by an address.
            told_by = 1 if self.fetched is not None and dataset == SHOP else by % 3
            self._ask(requests_in.consent(dataset, self.people[person], state, told_by), heard)

    def _withdrawal_heard(self, dataset: str, person: int, grants: int, reply: Answer | None) -> None:
        self.promises.withdrawn(dataset, person, grants, known=reply is not None and reply.status == 200)

    def _erase(self, person: int) -> None:
        request = SubjectRequest(emails=(self.people[person].email,))
        heard = partial(self.promises.erasure_answered, self.promises.erasure_asked(person))
        self._begin(self.gateway.eraser.ask(request, runner.COMMAND), heard)

    def _ask(self, request: Request, heard: Callable[[Answer | None], None]) -> None:
        """``heard`` is told the answer, if anybody lives to give it, else None."""

        def noted(answer: Answer | None) -> None:
            self.trace.append(f"{request.path} {answer.status}" if answer is not None else "no answer")
            heard(answer)

        self._begin(self.gateway.answer(request), noted)

    def _begin(self, asked: Coroutine[Any, Any, Any], heard: Callable[[Any], None]) -> None:
        asking = self.loop.create_task(asked)
        self._asking[asking] = heard
        asking.add_done_callback(self._answered)

    def _answered(self, asking: asyncio.Task[Any]) -> None:
        heard = self._asking.pop(asking, None)
        if heard is not None:
            nothing = self.is_gone() or asking.cancelled() or asking.exception() is not None
            heard(None if nothing else asking.result())

    def _unheard(self) -> None:
        """Nobody will answer these."""
        waiting, self._asking = self._asking, {}
        for heard in waiting.values():
            heard(None)

    def _pass(self, ms: int) -> None:
        """Time, without stopping at each moment: whoever wanted to be woken meanwhile is woken once, at its end."""
        under_way = ms % 1_000 == 500
        while ms > 0 and not self.is_gone():
            part = ms
            if self._jump_ms and self._jump_ends > self.steady():
                part = min(ms, self._jump_ends - self.steady())
            ms -= part
            self.loop.now_s += part / 1000
            self._put_clock_right()
            self.loop.settle()
        for _ in range(2):  # requests that were begun at its end come to theirs
            if not self.is_gone() and not under_way:
                self.loop.now_s += 0.1
                self.loop.settle()

    def _put_clock_right(self) -> None:
        """Where it is time to."""
        if self._jump_ms and self.steady() >= self._jump_ends:
            self._jump_ms, self._jumped_at = 0, self.steady()

    def _age(self, days: int) -> None:
        """Days, of which the first hours pass as such: what failed is tried again."""
        self._has_aged = True
        self.layer.full, self.layer.failing_syncs = False, 0  # somebody has looked after the disk
        passed = 0
        while passed < days * DAY and not self.is_gone() and self.gateway.failure is None:
            part = HOUR if passed < 4 * HOUR else 12 * HOUR
            self._pass(part)
            passed += part
            if not self.is_gone() and self.gateway.failure is None:
                self._words(None)  # bytes are looked at before their days are over

    def _dark(self, hours: int) -> None:
        """The machine is off from now on, for so long."""
        self._has_aged = True
        self._kill_at = self._cut = None
        self._move_on()
        self._past_ms += hours * HOUR
        self._put_clock_right()
        self._open()
        self._after_start(None)

    def _end(self) -> bool:
        """In order, as on SIGTERM; False where the process was killed or failed before."""
        self.layer.full, self.layer.failing_syncs = False, 0  # at the close the engine's own word of it goes to nobody
        self._ending = True
        ending = self.loop.create_task(self.gateway.end())
        for _ in range(8):
            self.loop.settle()
            if ending.done():
                break
            self.loop.now_s += 3
        self._ending = False
        if self.is_gone() or self.gateway.failure is not None:
            return False
        if not ending.done():
            self.promises.breaks("did not end within 24 s")
            raise _Over
        ending.result()
        self._end_time()
        self.promises.claimed_at_its_end(self._claimed())
        return True

    def _begin_anew(self) -> None:
        self._open()
        self._after_start(None)

    def _upgrade(self, form: int, written: int, in_order: int, torn: int) -> None:
        """The folder is as a program of an older form left it, and is begun by this one, which may be killed in the middle."""
        if not in_order or not self._end():
            self._move_on()
        if torn:
            self._cut = random.Random(torn)
        put_back(self.folder / DATABASE, form if self.fetched is None else max(form, _WITH_FETCHES))
        forget_seal(self.folder / WATERMARK)
        self._kill_at = self._lines + written if written else None
        self.layer.on_write = partial(self.line, "a step between forms")
        try:
            self._open()
        except StoreDamaged as err:
            self._told_of_loss(err, None, b"")
        finally:
            self.layer.on_write = nobody_hears
        if not self.is_gone():
            self._after_start(None)

    # -- looking

    def _look(self) -> None:
        """After each step: nobody writes now."""
        if self.is_gone() or self.gateway.failure is not None:
            self._revive()
        is_well = self.steady() - self._full_at > 5_000 and not self.layer.full and not self.layer.failing_syncs
        if is_well:
            self.promises.written()
        promises, db = self.promises, self.gateway.store._engine.db
        seen = (
            id(db),
            db.total_changes(),
            promises.rows,
            promises.refused,
            len(promises.settled),
            len(promises.erasing),
        )
        if seen == self._seen:
            return  # nobody wrote anything since the last look, nor was told anything
        self._seen = seen
        if self.fetched is not None:
            self.fetched.look(
                self._wanted(), is_listed=bool(self._rows("select 1 from fetch_door where until is not null"))
            )
        for number in list(promises.erasing):
            ((state,),) = self._rows("select state from erasure where id = ?", number)
            if state == "done":
                promises.erasure_done(number)
            elif state in ("asked", "found"):
                promises.erasure_open(number)
        for word in self._words(None) - promises.frozen.keys():
            promises.frozen[word] = promises.step
        if is_well:
            unkept = promises.kept_for_sure() - self._words("delivered")
            if unkept:
                promises.breaks(f"taken, and that is not kept: {sorted(unkept)}")
        promises.waits |= {(n, ended, to): wait for n, ended, to, wait in self._rows(_WAITS)}
        promises.tried({number: (n, since) for number, n, since in self._rows(_TRIED)})
        for destination, attempts, counted in self._rows(_ATTEMPTS):
            promises.written_down(self._name_of(destination, list(self.scripts)), attempts, counted)
        ((rows, last),) = self._rows("select count(*), coalesce(max(position), 0) from event")
        if rows < promises.rows or rows != last:
            promises.breaks(f"the journal holds {rows} rows up to {last}, {promises.rows} were acknowledged")
        tally = dict(self._rows("select name, value from counter"))
        verdicts = sum(tally.get(v, 0) for v in ("first", "repeat", "twin", "conflict"))
        if not rows == tally.get("accepted", 0) == verdicts:
            promises.breaks(f"{rows} rows, {tally.get('accepted', 0)} accepted, {verdicts} verdicts")
        if tally.get("refused", 0) < promises.refused:
            promises.breaks(f"{tally.get('refused', 0)} rows of refusals, {promises.refused} were told")
        for dataset, names in PLATFORMS.items():
            odd = self._rows(_ODD_ACTIONS, dataset, len(names))
            if odd:
                promises.breaks(f"actions without one delivery for each platform: {odd}")
        dropped = self._rows("select id from delivery where state in ('suppressed', 'dead') and reason = ''")
        if dropped:
            promises.breaks(f"deliveries that ended without a reason: {dropped}")

    def _look_at_days(self) -> None:
        """What retention had to empty and what it had to leave."""
        places: dict[tuple[str, str], set[int]] = {}
        for t in self.things:
            for name in filter(None, (t.event_id, t.browser_id, t.order)):
                places.setdefault((t.dataset, name), set()).add(t.number)
        waiting = {
            number
            for dataset, event_id, order in self._rows(_WAITING)
            for name in (event_id, order)
            for number in places.get((dataset, name), ())
        }
        bodies = [
            (mark, text) for (raw,) in self._rows(_BODIES) if (mark := _mark_in(text := bytes(raw).decode())) >= 0
        ]
        self.promises.kept(bodies, waiting, self.steady())
        due = (
            BEGIN_MS - DAY,
            self.wall() - KEPT_MS - SLACK_MS,
        )  # what a clock that was years behind stamped is due later
        for table, count in (
            ("sent bytes", self._rows(_OLD_BYTES, *due)),
            ("refused bodies", self._rows(_OLD_REFUSED, *due)),
        ):
            if count != [(0,)]:
                self.promises.breaks(f"{count[0][0]} {table} are kept beyond their days")

    def _make_well(self) -> None:
        """The world recovers, and time passes until nothing is left to be done."""
        self._kill_at = self._cut = None
        self._meanwhile.clear()
        self._jump_ms = 0
        self.layer.full, self.layer.failing_syncs = False, 0
        for script in self.scripts.values():
            script.next.clear()
        if self.fetched is not None:
            self.fetched.recover()
            for _ in range(3):  # a pause that was asked for, and the list
                self._pass((max(60, self.fetched.list_minutes) + 1) * MINUTE)
            self._look()
        for number in range(
            ROUNDS
        ):  # longer ones at last: a pause that was planned by a clock two hours ahead is waited for
            self._pass(
                max(61_000 if number < ROUNDS // 2 else 600_000, min(self._next_due() - self.wall() + 1_000, 3_700_000))
            )
            self._look()
            if self.promises.broken:
                return
            if not self._next_due() and not self.promises.erasing and not (self.fetched and self._wanted()):
                break
        if self.fetched is not None:
            self.fetched.at_the_end(self._wanted())
        if self._has_aged:
            for _ in range(2):  # a clock that was doubted at the last start is believed, and retention has its work
                self._pass(11 * MINUTE)
            self._look()
            self._look_at_days()
        if self.lists.used:
            self._pass(self._pauses_ms)
            self.lists.bring_up_to_date(self._settings())
            self.promises.lists_at_the_end(self.lists.there, aged=self._has_aged)
        self.promises.at_the_end(self._standings(), aged=self._has_aged)
        if self.promises.erasing:
            self.promises.breaks(f"erasures that do not end: {list(self.promises.erasing)}")
        self._search_for_people()
        if self._end():
            self._begin_anew()
        self.promises.broken += [f"verify: {c.line}" for c in verify(self.folder) if not c.holds]

    def _wanted(self) -> list[str]:
        """What the shop is to be asked for."""
        return [thing for (thing,) in self._rows("select thing from fetch_wanted where door = ?", DOOR)]

    def _next_due(self) -> int:
        """0 when nothing waits but orders that are not paid."""
        ((due,),) = self._rows(
            "select coalesce(min(due_at), 0) from delivery where state = 'waiting' and reason != 'not_paid'"
        )
        return int(due)

    def _search_for_people(self) -> None:
        """Nobody's address anywhere; of the erased, nothing."""
        found = readable(self.folder)
        for person in self.people:
            since = self.promises.cleared.get(person.number)
            gone = since is not None and not any(
                self.things[c.thing].person == person.number and self.promises.is_behind(c, since)
                for c in self.promises.copies
            )
            for text in (person.email, *((person.hash, person.fbp) if gone else ())):
                places = [name for name, raw in found.items() if text.encode() in raw]
                if places:
                    self.promises.breaks(f"{text} stands in {places}")

    def _rows(self, sql: str, *bindings: Any) -> list[tuple[Any, ...]]:
        db: apsw.Connection = self.gateway.store._engine.db
        return db.execute(sql, bindings).fetchall()

    def _marks(self) -> set[int]:
        """Of all copies in the journal."""
        return {mark for (body,) in self._rows(_BODIES) if (mark := _mark_in(bytes(body).decode())) >= 0}

    def _erased_marks(self) -> set[int]:
        return {c.mark for c in self.promises.copies if self.things[c.thing].person in self.promises.asked}

    def _words(self, state: str | None) -> set[Word]:
        """Whose bytes are frozen, of those in one state."""
        return self._words_in(self._rows(_FROZEN, state, state))

    def _claimed(self) -> set[Word]:
        """Whose bytes the process that is gone had in hand. The folder stays as it is: no log is moved and no file made."""
        db = apsw.Connection(str(self.folder / DATABASE), vfs="unix")
        try:
            db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            db.pragma("locking_mode", "exclusive")  # without it a file would be made beside the log
            return self._words_in(db.execute(_CLAIMED).fetchall())
        finally:
            db.close()

    def _words_in(self, rows: list[tuple[Any, ...]]) -> set[Word]:
        """``rows``: of frozen bytes, with the platform's name and the delivery."""
        found = set()
        for name, payload, delivery in rows:
            frozen = (name, payload)
            if frozen not in self._word_of:
                self._word_of[frozen] = self._word(name, payload)
            word = self._word_of[frozen]
            if word is not None:
                self._word_under[delivery] = word
            found.add(word or self._word_under.get(delivery))
        return {word for word in found if word is not None}

    def _word(self, name: str, payload: bytes) -> Word | None:
        event = _event_of(payload)
        thing = self.promises.thing_of(name, event) if event is not None else None
        return None if thing is None or event is None else self.promises.word_of(name, thing, event)

    def _name_of(self, destination: int, names: list[str]) -> str:
        if not self._news or destination not in self._news.values():
            self._news = {name: n for n, name in self._rows("select id, name from destination")}
        return next(name for name in names if self._news[name] == destination)

    def _standings(self) -> dict[Place, str]:
        found = {}
        names = list(self.scripts)
        for dataset, event_id, order, destination, state, reason in self._rows(_STANDINGS):
            for t in self.things:
                if t.dataset == dataset and (event_id in (t.event_id, t.browser_id) or (order and order == t.order)):
                    place = (t.number, self._name_of(destination, names))
                    found[place] = f"{found.get(place, '')} {state} {reason}".strip()
        return found


_ODD_ACTIONS = """
select a.id from action a where a.dataset = ?1 and a.merged_into is null
and (select count(*) from delivery d where d.id between a.id * 256 and a.id * 256 + 255) <> ?2
"""
_WAITS = """
select d.attempts, a.ended_at, d.destination, d.due_at - a.ended_at from delivery d join attempt a on a.delivery = d.id
where d.state = 'waiting' and d.attempts > 0 and d.reason = a.outcome and a.outcome in ('transient', 'ambiguous', 'partial')
  and a.ended_at = (select max(ended_at) from attempt where delivery = d.id)
"""
_TRIED = "select id, attempts, first_attempt_at from delivery where attempts > 0"
_ATTEMPTS = """
select d.destination, sum((select count(*) from attempt a where a.delivery = d.id and a.outcome not in ('not_sent', 'told'))),
       sum(d.attempts)
from delivery d group by 1
"""
_ALL_FROZEN = """
select n.name, f.payload, d.id from frozen f join delivery d on d.id = f.delivery join destination n on n.id = d.destination
"""
_FROZEN = f"{_ALL_FROZEN} where ? is null or d.state = ?"
_CLAIMED = f"{_ALL_FROZEN} where d.leased_until is not null"
_BODIES = "select plain_body(body) from event"
_WAITING = """
select a.dataset, a.event_id, a.order_id from delivery d join action a on a.id = d.id / 256 where d.state = 'waiting'
"""
_OLD_BYTES = """
select count(*) from frozen f join delivery d on d.id = f.delivery
where length(f.payload) > 0 and d.state <> 'waiting' and d.settled_at between ? and ?
"""
_OLD_REFUSED = "select count(*) from refused where received_at between ? and ?"
_STANDINGS = """
select a.dataset, a.event_id, a.order_id, d.destination, d.state, d.reason
from delivery d join action a on a.id = d.id / 256 where a.merged_into is null
"""


class _Over(Exception):
    """Nothing further can be played."""


def _nobody(_answer: object) -> None:
    """Nobody listens."""


def _event_of(payload: bytes) -> dict[str, Any] | None:
    try:
        tree = json.loads(payload)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) and "event_id" in tree else None


def _mark_in(body: str) -> int:
    """Of a copy's body; -1 where there is none."""
    _, mark, rest = body.partition('"mark-')
    return int(rest.partition(".")[0]) if mark else -1


def _is_moved(folder: Path) -> bool:
    """True when the end of the write-ahead log stands in the database already: a disk that lost it there and kept it here would
    leave neither the old nor the new, of which no more can be asked than that `verify` says so."""
    log, data = ((folder / name).read_bytes() if (folder / name).exists() else b"" for name in (LOG, DATABASE))
    for at in range(len(log) - len(log[32:]) % 4120 - 4120, 31, -4120):
        if log[at + 8 : at + 16] == log[16:24]:  # salts: what lies behind the last such frame is an older log's
            page = int.from_bytes(log[at : at + 4], "big") - 1
            return log[at + 24 : at + 4120] == data[page * 4096 : page * 4096 + 4096]
    return False


def _damage(log: Path, draw: random.Random) -> None:
    """Cuts the write-ahead log somewhere, or alters one bit of it."""
    data = bytearray(log.read_bytes()) if log.exists() else bytearray()
    if not data:
        return
    if draw.randrange(2):
        frames = (len(data) - 32) // 4120
        del data[32 + 4120 * draw.randrange(frames) if frames > 0 else 0 :]
    else:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    log.write_bytes(data)


def _cancel_all(loop: VirtualLoop) -> None:
    for _ in range(4):
        waiting = asyncio.all_tasks(loop)
        if not waiting:
            break
        for task in waiting:
            task.cancel()
        loop.now_s += 10
        loop.settle()
    loop.set_exception_handler(lambda *_: None)
    loop.close()


_WITH_FETCHES = 22  # the form that brought the book of what is to be asked for
_SETTINGS: dict[int | None, Settings] = {}


def _settings(folder: Path, list_minutes: int | None = None) -> Settings:
    """Two datasets: one whose shop reports orders, told to two platforms; one without. ``list_minutes``: of a shop that is asked."""
    if list_minutes not in _SETTINGS:
        own = {"type": "own", "dataset": SHOP, "shop": requests_in.SITE, "secret": requests_in.SECRET}
        tree = {
            "server": {"data": "somewhere", "port": 0},
            "dataset": [
                {"id": SHOP, "key": requests_in.KEY, "orders": {"wait_s": WAIT_S}},
                {"id": PLAIN, "key": requests_in.KEY},
            ],
            "retention": dict.fromkeys(
                ("address_days", "click_ids_days", "contact_days", "payload_days", "refused_days"), KEPT_DAYS
            ),
            "source": [own if list_minutes is None else settings_of_shop(list_minutes)],
            "destination": [
                {"platform": "meta", "dataset": dataset, "name": name, "endpoint": f"http://127.0.0.1:{9 + n}", "token": "t" * 16,
                 "batch": 4}
                for dataset, names in PLATFORMS.items() for n, name in enumerate(names)
            ],
            **settings_of_lists(),
        }  # fmt: skip
        _SETTINGS[list_minutes] = settings_from(tree, environ={})
    base = _SETTINGS[list_minutes]
    return msgspec.structs.replace(base, server=msgspec.structs.replace(base.server, data=str(folder)))
