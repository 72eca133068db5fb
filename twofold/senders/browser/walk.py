"""A real browser walks the operator's own site and tells which script sent which event where.

Owns the browser (Chromium through Playwright, the optional extra `twofold[browser]`), its limits, and what becomes of a page that hangs, loops,
asks, opens windows, hands out files or leads elsewhere: the walk goes on where it can, ends in time where it cannot, and says what
happened. It opens pages of the dataset's own origins only; what those load they load as for anybody, so the platforms do hear of the
visit. Nothing is bought: it stops where checkout begins.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urljoin, urlsplit

from msgspec import Struct, structs

from twofold.errors import ConfigError
from twofold.event.contact import mask_text
from twofold.senders.browser import journey
from twofold.senders.browser.calls import EVENT, Doors
from twofold.senders.browser.recorder import Recording, play
from twofold.senders.browser.trace import Book, clean_page, credit
from twofold.senders.browser.watch import Call as Seen
from twofold.senders.browser.watch import Watch
from twofold.senders.browser.wire import Wire
from twofold.senders.call import OURS, Call

WALK_S = 270.0
"""From the start of the browser; with its end it is less than five minutes."""
OPEN_MS = 30_000
QUIET_S, SETTLE_S = 1.5, 8.0
"""A page is done when it has asked for nothing so long; a page that never rests gets no longer than the second."""
CLOSE_S = 10.0
MOST_WINDOWS = 20
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEEDS = "a walk needs a browser: pip install 'twofold[browser]', and Chromium; pages and journal are looked at without"

Say = Callable[[str], None]


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


class Step(Struct, frozen=True, kw_only=True):
    """One part of the walk; ``page`` is where it ended."""

    name: str
    done: bool
    page: str = ""


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
        return self.ended == "walked"


def require_browser() -> str:
    """Chromium's program. Raises `ConfigError` with what is missing."""
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        raise ConfigError(NEEDS) from None
    program = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
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
        self._order, self._say = order, say
        self._watch = Watch(order.doors, order.hosts, lambda: int(time.time() * 1000))
        self._steps: list[Step] = []
        self._page: Any = None
        self._windows = 0
        self._ended, self._refused = "walked", ""
        self._pending: set[asyncio.Task[Any]] = set()

    async def run(self, program: str) -> Walk:
        from playwright.async_api import Error, async_playwright

        began = time.monotonic()
        wire = Wire(self._watch.hear)
        self._watch.follow(wire)
        try:
            await wire.start(program, self._order.arguments)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.connect_over_cdp(wire.address)
                try:
                    await self._within(browser, self._order.most_s - (time.monotonic() - began))
                finally:
                    self._unfinished()
                    await self._close(browser)
        except (TimeoutError, Error):
            raise ConfigError(f"a walk needs a browser: {program} did not start, or did not answer") from None
        finally:
            await wire.stop()
        return self._told(time.monotonic() - began)

    async def _within(self, browser: Any, most_s: float) -> None:
        """The journey, as long as it may take; full, or gone, is an end like any other."""
        from playwright.async_api import Error

        full = asyncio.ensure_future(self._watch.ended.wait())
        journey_task = asyncio.ensure_future(self._journey(browser))
        done, _ = await asyncio.wait(
            {full, journey_task}, timeout=max(most_s, 1.0), return_when=asyncio.FIRST_COMPLETED
        )
        full.cancel()
        if not done:
            self._ended = f"the time was up ({self._order.most_s:g} s)"
        elif self._watch.full:
            self._ended = self._watch.full
        if not journey_task.done():
            journey_task.cancel()
        try:
            await asyncio.wait_for(asyncio.gather(journey_task, return_exceptions=True), CLOSE_S)
            if journey_task.done() and not journey_task.cancelled():
                journey_task.result()
        except TimeoutError:
            self._note("the browser did not stop by itself")
        except Error as err:
            if self._ended == "walked":
                self._ended = _said(err)

    async def _close(self, browser: Any) -> None:
        try:
            await asyncio.wait_for(browser.close(), CLOSE_S)
        except Exception:  # what was seen is worth more than a tidy end; Playwright kills it when it leaves
            self._note("the browser did not close in time")

    # -- the journey

    async def _journey(self, browser: Any) -> None:
        context = await browser.new_context(
            accept_downloads=False, locale="en-US", viewport={"width": 1280, "height": 900}
        )
        self._watch.expect()
        self._page = await context.new_page()
        self._listen(context)
        if self._order.recording is not None:
            await self._play(self._order.recording)
        else:
            await self._find()
        await self._rest()

    async def _find(self) -> None:
        page, opens, note = self._page, self._open, self._note
        self._begin("product")
        if not await self._open(self._order.start):
            self._ended = self._refused or "the first page could not be opened"
            self._end(done=False)
            return
        await self._accept()
        self._end(done=await self._try(journey.to_product(page, opens, note)))
        await self._rest()
        self._begin("cart")
        added = await self._try(journey.add_to_cart(page, note))
        await self._rest()
        self._end(done=await self._try(journey.to_cart(page, opens, note)) and added)
        await self._rest()
        self._begin("checkout")
        self._end(done=await self._try(journey.to_checkout(page, opens, note)))

    async def _try(self, part: Coroutine[Any, Any, bool]) -> bool:
        """A part of the walk; a page that goes away under it costs this part, and not what comes after."""
        from playwright.async_api import Error

        try:
            return await part
        except Error as err:
            self._note(f"{self._watch.stage}: {_said(err)}")
            return False

    async def _play(self, recording: Recording) -> None:
        from playwright.async_api import Error

        for number, step in enumerate(recording.steps, 1):
            self._begin(f"step {number} {step.type}")
            try:
                await play(self._page, step)
            except Error as err:
                self._end(done=False)
                self._ended = f"step {number} ({step.type}) could not be taken: {_said(err)}"
                return
            if step.type not in ("setViewport", "keyDown", "change"):
                await self._rest()
            self._end(done=True)
            if number == 1 or step.type == "navigate":
                await self._accept()

    async def _open(self, url: str) -> bool:
        """True when the page is there. A page that refuses is seen as it is, and noted."""
        from playwright.async_api import Error

        url = urljoin(self._watch.page, url)
        if urlsplit(url).netloc.lower() not in self._order.hosts:
            self._note(f"a page of another host was not opened: {urlsplit(url).hostname or '?'}")
            return False
        try:
            answer = await self._page.goto(url, wait_until="domcontentloaded", timeout=OPEN_MS)
        except Error as err:
            self._refused = f"{clean_page(url)} did not open: {_said(err)}"
            self._note(self._refused)
            return False
        await self._rest()
        if answer is not None and answer.status >= 400:
            self._refused = f"{clean_page(url)} answered {answer.status}"
            self._note(self._refused)
            return False
        return True

    async def _accept(self) -> None:
        from playwright.async_api import Error

        if not self._order.accept:
            return
        try:
            await self._page.locator(self._order.accept).first.click(timeout=journey.CLICK_MS)
        except Error:
            self._note("the button of the consent banner was not found, and nothing was agreed to")
        else:
            await self._rest()

    async def _rest(self) -> None:
        await self._watch.settle(self._order.quiet_s, SETTLE_S)

    def _begin(self, name: str) -> None:
        self._watch.stage = name
        self._say(f"  {name}")

    def _end(self, *, done: bool) -> None:
        page = clean_page(self._page.url)
        self._steps.append(Step(name=self._watch.stage, done=done, page=page))
        calls = sum(c.reading.what == EVENT for c in self._watch.calls if c.stage == self._watch.stage)
        self._say(f"    {page or 'no page'}: {calls} calls{'' if done else ', not done'}")

    def _unfinished(self) -> None:
        if self._watch.stage and (not self._steps or self._steps[-1].name != self._watch.stage):
            self._steps.append(Step(name=self._watch.stage, done=False, page=clean_page(self._watch.page)))

    # -- what a site does besides

    def _listen(self, context: Any) -> None:
        context.on("page", self._window)
        self._page.on("dialog", self._dialog)
        self._page.on("download", lambda _: self._note("a file was offered for download, and not taken"))
        self._page.on("crash", lambda _: self._stop("the page crashed"))

    def _note(self, text: str) -> None:
        self._watch.notes[text] += 1
        if self._watch.notes[text] == 1:
            self._say(f"    {text}")

    def _stop(self, why: str) -> None:
        self._watch.full = self._watch.full or why
        self._watch.ended.set()

    def _window(self, page: Any) -> None:
        self._windows += 1
        self._note("a window was opened, and closed")
        if self._windows >= MOST_WINDOWS:
            self._stop(f"{MOST_WINDOWS} windows were opened")
        self._later(page.close())

    def _dialog(self, dialog: Any) -> None:
        self._note(f"the page asked ({dialog.type}), and was answered no")
        if self._watch.notes[f"the page asked ({dialog.type}), and was answered no"] >= 200:
            self._stop("the page asked 200 times")
        # Who says no to "leave this page?" stays for ever.
        self._later(dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._pending.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()  # a window or a question that is gone already

    # -- what is told

    def _told(self, took_s: float) -> Walk:
        calls = [(c, self._call(c)) for c in _once(self._watch.calls, self._watch.book)]
        notes = [f"{text}{f' ({n} times)' if n > 1 else ''}" for text, n in self._watch.notes.items()]
        return Walk(
            ended=self._ended, took_s=round(took_s, 1), steps=tuple(self._steps), notes=tuple(notes),
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


def _said(err: Exception) -> str:
    """The first line of Playwright's words, without addresses: those may carry what is secret."""
    line = (str(err).splitlines() or [type(err).__name__])[0].removeprefix("Page.goto: ")
    line = line.partition(" at http")[0].partition(" navigating to")[0][:160]
    return mask_text({"net::ERR_ABORTED": "it led nowhere"}.get(line, line))
