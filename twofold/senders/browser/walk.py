"""A real browser walks the operator's own site and tells which script sent which event where.

Owns the browser (Chromium through Playwright, the optional extra `twofold[browser]`), its time, and what is told of a walk. What a
site does besides is ``visit``'s to answer. It opens pages of the dataset's own origins only; what those load they load as for
anybody, so the platforms do hear of the visit. Left to itself it buys nothing: it stops where checkout begins. Whoever needs
another way (a test order) passes one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, structs

from twofold.errors import ConfigError
from twofold.senders.browser import journey
from twofold.senders.browser.calls import EVENT, Doors
from twofold.senders.browser.program import chromium
from twofold.senders.browser.recorder import Recording, play
from twofold.senders.browser.trace import Book, clean_page, credit
from twofold.senders.browser.visit import WALKED, Say, Visit, said
from twofold.senders.browser.watch import Call as Seen
from twofold.senders.browser.watch import Watch
from twofold.senders.browser.wire import Wire
from twofold.senders.call import OURS, Call, Step

WALK_S = 270.0
"""From the start of the browser; with its end it is less than five minutes."""
QUIET_S = 1.5
CLOSE_S = 10.0
NEEDS = "a walk needs a browser: pip install 'twofold[browser]', and Chromium; pages and journal are looked at without"

Way = Callable[[Visit], Coroutine[Any, Any, None]]
"""What to do at the site, from a browser that has opened nothing yet."""


class Order(Struct, frozen=True, kw_only=True):
    """What to walk: from ``start``, or as recorded. ``hosts``: the only ones whose pages are opened, with their ports."""

    hosts: frozenset[str]
    doors: Doors
    start: str = ""
    recording: Recording | None = None
    accept: str = ""  # selector of the consent banner's button; empty presses none
    most_s: float = WALK_S
    quiet_s: float = QUIET_S
    arguments: tuple[str, ...] = ()  # further ones for Chromium
    way: Way | None = None  # instead of ``start`` and ``recording``
    as_shopper: bool = False  # it calls itself as the same browser with a window does


class Walk(Struct, frozen=True, kw_only=True):
    """What was seen. ``ended`` is "walked" or why it ended before; ``notes`` say what the site did besides."""

    ended: str
    took_s: float
    steps: tuple[Step, ...]
    calls: tuple[Call, ...]
    libraries: tuple[Call, ...]  # loads of the platforms' own scripts, by who asked for them
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return self.ended == WALKED


def require_browser() -> str:
    """Chromium's program. Raises `ConfigError` with what is missing."""
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        raise ConfigError(NEEDS) from None
    program = chromium()
    if program is None:
        raise ConfigError(NEEDS)
    return program


def hosts_of(origins: tuple[str, ...]) -> frozenset[str]:
    """Hosts, with ports where there are any, of a dataset's origins."""
    return frozenset(urlsplit(o).netloc.lower() for o in origins if urlsplit(o).scheme in ("http", "https"))


def check_start(url: str, hosts: frozenset[str]) -> None:
    """Raises `ConfigError` for an address that is not the operator's own."""
    parts = urlsplit(url)
    if not hosts:
        raise ConfigError("--walk: expected `origins` of the dataset, the only pages that are opened, got none")
    if parts.scheme not in ("http", "https") or parts.netloc.lower() not in hosts:
        raise ConfigError(
            f"--walk: expected a page of {', '.join(sorted(hosts))}, got {parts.netloc[:80] or url[:80]!r}"
        )


def take_walk(order: Order, say: Say = lambda _: None) -> Walk:
    """Walks, and comes back within the order's time, whatever the site does. Raises `ConfigError` without a browser."""
    return asyncio.run(walk_shop(order, say))


async def walk_shop(order: Order, say: Say = lambda _: None) -> Walk:
    """The same, for whoever has a loop already."""
    return await _Walker(order, say).run(require_browser())


class _Walker:
    def __init__(self, order: Order, say: Say) -> None:
        self._order = order
        self._watch = Watch(order.doors, order.hosts, lambda: int(time.time() * 1000))
        self._visit = Visit(self._watch, order.hosts, order.quiet_s, say)

    async def run(self, program: str) -> Walk:
        from playwright.async_api import Error, async_playwright

        began = time.monotonic()
        wire = Wire(self._watch.hear)
        self._watch.follow(wire)
        try:
            await wire.start(program, self._order.arguments)
            if self._order.as_shopper:
                self._visit.agent = wire.agent.replace("Headless", "")
            async with async_playwright() as playwright:
                browser = await playwright.chromium.connect_over_cdp(
                    wire.address, artifacts_dir=wire.scratch / "artifacts"
                )
                try:
                    await self._within(browser, self._order.most_s - (time.monotonic() - began))
                finally:
                    self._visit.unfinished()
                    await self._close(browser)
        except (TimeoutError, Error):
            raise ConfigError(f"a walk needs a browser: {program} did not start, or did not answer") from None
        finally:
            await wire.stop()
        return self._told(time.monotonic() - began)

    async def _within(self, browser: Any, most_s: float) -> None:
        """The journey, as long as it may take; full, or gone, is an end like any other."""
        from playwright.async_api import Error

        visit = self._visit
        full = asyncio.ensure_future(self._watch.ended.wait())
        journey_task = asyncio.ensure_future(self._journey(browser))
        done, _ = await asyncio.wait(
            {full, journey_task}, timeout=max(most_s, 1.0), return_when=asyncio.FIRST_COMPLETED
        )
        full.cancel()
        if not done:
            visit.ended = f"the time was up ({self._order.most_s:g} s)"
        elif self._watch.full:
            visit.ended = self._watch.full
        if not journey_task.done():
            journey_task.cancel()
        try:
            await asyncio.wait_for(asyncio.gather(journey_task, return_exceptions=True), CLOSE_S)
            if journey_task.done() and not journey_task.cancelled():
                journey_task.result()
        except TimeoutError:
            visit.note("the browser did not stop by itself")
        except Error as err:
            if visit.ended == WALKED:
                visit.ended = said(err)

    async def _close(self, browser: Any) -> None:
        try:
            await asyncio.wait_for(browser.close(), CLOSE_S)
        except Exception:  # what was seen is worth more than a tidy end; Playwright kills it when it leaves
            self._visit.note("the browser did not close in time")

    # -- the journey

    async def _journey(self, browser: Any) -> None:
        visit, recording = self._visit, self._order.recording
        visit.browser = browser
        if self._order.way is not None:
            await self._order.way(visit)
            return
        await visit.begin_anew()
        if recording is not None:
            await self._play(visit, recording)
        else:
            await self._find(visit)
        await visit.rest()

    async def _find(self, visit: Visit) -> None:
        page, opens, note = visit.page, visit.open, visit.note
        visit.begin("product")
        if not await visit.open(self._order.start):
            visit.ended = visit.refused or "the first page could not be opened"
            visit.end(done=False)
            return
        await self._accept(visit)
        visit.end(done=await visit.attempt(journey.to_product(page, opens, note)))
        await visit.rest()
        visit.begin("cart")
        added = await visit.attempt(journey.add_to_cart(page, note))
        await visit.rest()
        visit.end(done=await visit.attempt(journey.to_cart(page, opens, note)) and added)
        await visit.rest()
        visit.begin("checkout")
        visit.end(done=await visit.attempt(journey.to_checkout(page, opens, note)))

    async def _play(self, visit: Visit, recording: Recording) -> None:
        from playwright.async_api import Error

        for number, step in enumerate(recording.steps, 1):
            visit.begin(f"step {number} {step.type}")
            try:
                await play(visit.page, step)
            except Error as err:
                visit.end(done=False)
                visit.ended = f"step {number} ({step.type}) could not be taken: {said(err)}"
                return
            if step.type not in ("setViewport", "keyDown", "change"):
                await visit.rest()
            visit.end(done=True)
            if number == 1 or step.type == "navigate":
                await self._accept(visit)

    async def _accept(self, visit: Visit) -> None:
        if self._order.accept and not await visit.press(self._order.accept):
            visit.note("the button of the consent banner was not found, and nothing was agreed to")

    # -- what is told

    def _told(self, took_s: float) -> Walk:
        calls = [(c, self._call(c)) for c in _once(self._watch.calls, self._watch.book)]
        notes = [f"{text}{f' ({n} times)' if n > 1 else ''}" for text, n in self._watch.notes.items()]
        return Walk(
            ended=self._visit.ended, took_s=round(took_s, 1), steps=tuple(self._visit.steps), notes=tuple(notes),
            calls=merge_calls([call for seen, call in calls if seen.reading.what == EVENT]),
            libraries=merge_calls([call for seen, call in calls if seen.reading.what != EVENT]),
        )  # fmt: skip

    def _call(self, seen: Seen) -> Call:
        book, at = self._watch.book, seen.at_ms // 1000
        made = credit(
            book,
            seen.stack,
            seen.place,
            seen.page,
            self._order.doors.tag_path,
            way=seen.way,
            ours=seen.reading.platform == OURS,
        )
        place = book.places.get(seen.place)
        r = seen.reading
        return Call(
            platform=r.platform, event=r.event, sender_class=made.kind, script=made.script, first_seen=at, last_seen=at,
            certain=made.certain, chain=made.chain, place=place.kind if place is not None else "page",
            page=clean_page(seen.page), step=seen.stage, account=r.account, event_id=r.event_id, order_id=r.order_id,
            value=_money(r.value), currency=r.currency, agent=r.agent, url=clean_page(f"https://{seen.door}"),
        )  # fmt: skip


def merge_calls(calls: list[Call]) -> tuple[Call, ...]:
    """Calls that are the same in all but their time are one, with how often."""
    found: dict[Call, list[int]] = {}
    for call in calls:
        found.setdefault(structs.replace(call, first_seen=0, last_seen=0), []).append(call.first_seen)
    return tuple(
        structs.replace(call, first_seen=min(times), last_seen=max(times), count=len(times))
        for call, times in found.items()
    )


def _once(calls: list[Seen], book: Book) -> list[Seen]:
    """Each call once: what a service worker only passed on belongs to the page, and X's two hosts hear the same."""
    passed = [c.digest for c in calls if c.by_worker]
    kept: list[Seen] = []
    told: set[tuple[str, str, str]] = set()
    for call in calls:
        place = book.places.get(call.place)
        if place is not None and place.kind == "service worker" and call.digest in passed:
            passed.remove(call.digest)
            continue
        r = call.reading
        if r.platform == "x" and r.event_id:
            if (r.account, r.event, r.event_id) in told:
                continue
            told.add((r.account, r.event, r.event_id))
        kept.append(call)
    return kept


def _money(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ".")) if text else None
    except InvalidOperation:
        return None
