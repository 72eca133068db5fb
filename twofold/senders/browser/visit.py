"""One visit at a site: opening, pressing, waiting, and answering what the site does besides.

Owns the page that is walked and what becomes of one that asks, opens windows, hands out files or leads elsewhere: the visit goes on
where it can, and says what happened. Which way it takes is its caller's; who called whom is `watch`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urljoin, urlsplit

from twofold.event.contact import mask_text
from twofold.senders.browser.calls import EVENT
from twofold.senders.browser.journey import CLICK_MS
from twofold.senders.browser.trace import clean_page
from twofold.senders.browser.watch import Watch
from twofold.senders.call import Step

OPEN_MS = 30_000
SETTLE_S = 8.0
"""A page that never rests gets no longer."""
MOST_WINDOWS, MOST_QUESTIONS = 20, 200
WALKED = "walked"

Say = Callable[[str], None]


class Visit:
    """``page`` is Playwright's. ``ended`` is "walked" or why it ended before; ``refused`` why a page was not opened."""

    def __init__(self, watch: Watch, hosts: frozenset[str], quiet_s: float, say: Say) -> None:
        self.browser: Any = None
        self.agent: str | None = None  # how the browser calls itself, where not by its own name
        self.page: Any = None
        self.steps: list[Step] = []
        self.ended, self.refused = WALKED, ""
        self._watch, self._hosts, self._quiet_s, self._say = watch, hosts, quiet_s, say
        self._windows = 0
        self._pending: set[asyncio.Task[Any]] = set()

    async def begin_anew(self) -> None:
        """A browser that nobody has seen: no cookie, no consent; what was open before is closed."""
        before = self.page
        context = await self.browser.new_context(
            accept_downloads=False, locale="en-US", viewport={"width": 1280, "height": 900}, user_agent=self.agent
        )
        self._watch.expect()
        self.page = await context.new_page()
        self._listen(context)
        if before is not None:
            await before.context.close()

    # -- what is done

    async def open(self, url: str) -> bool:
        """True when the page is there. A page that refuses is seen as it is, and noted."""
        from playwright.async_api import Error

        url = urljoin(self._watch.page, url)
        if urlsplit(url).netloc.lower() not in self._hosts:
            self.note(f"a page of another host was not opened: {urlsplit(url).hostname or '?'}")
            return False
        try:
            answer = await self.page.goto(url, wait_until="domcontentloaded", timeout=OPEN_MS)
        except Error as err:
            self.refused = f"{clean_page(url)} did not open: {said(err)}"
            self.note(self.refused)
            return False
        await self.rest()
        if answer is not None and answer.status >= 400:
            self.refused = f"{clean_page(url)} answered {answer.status}"
            self.note(self.refused)
            return False
        return True

    async def press(self, selector: str) -> bool:
        """True when it was there to be pressed."""
        from playwright.async_api import Error

        try:
            await self.page.locator(selector).first.click(timeout=CLICK_MS)
        except Error:
            return False
        await self.rest()
        return True

    async def attempt(self, part: Coroutine[Any, Any, bool]) -> bool:
        """A part of the walk; a page that goes away under it costs this part, and not what comes after."""
        from playwright.async_api import Error

        try:
            return await part
        except Error as err:
            self.note(f"{self._watch.stage}: {said(err)}")
            return False

    async def rest(self) -> None:
        """Until the page has asked for nothing for a while."""
        await self._watch.settle(self._quiet_s, SETTLE_S)

    # -- what is told

    def begin(self, name: str) -> None:
        """A part of the walk begins: what is called from now on is of it."""
        self._watch.stage = name
        self.say(name)

    def end(self, *, done: bool) -> None:
        """It is over."""
        page = clean_page(self.page.url)
        self.steps.append(Step(name=self._watch.stage, done=done, page=page))
        calls = sum(c.reading.what == EVENT for c in self._watch.calls if c.stage == self._watch.stage)
        self.say(f"  {page or 'no page'}: {calls} call{'' if calls == 1 else 's'}{'' if done else ', not done'}")

    def unfinished(self) -> None:
        """The walk is over; a part that was under way is told as not done."""
        if self._watch.stage and (not self.steps or self.steps[-1].name != self._watch.stage):
            self.steps.append(Step(name=self._watch.stage, done=False, page=clean_page(self._watch.page)))

    def note(self, text: str) -> None:
        """What the site did besides, said once and counted."""
        self._watch.notes[text] += 1
        if self._watch.notes[text] == 1:
            self.say(f"  {text}")

    def say(self, text: str) -> None:
        """To whoever waits at the terminal."""
        self._say(f"  {text}")

    # -- what a site does besides

    def _listen(self, context: Any) -> None:
        context.on("page", self._window)
        self.page.on("dialog", self._dialog)
        self.page.on("download", lambda _: self.note("a file was offered for download, and not taken"))
        self.page.on("crash", lambda _: self._stop("the page crashed"))

    def _stop(self, why: str) -> None:
        self._watch.full = self._watch.full or why
        self._watch.ended.set()

    def _window(self, page: Any) -> None:
        self._windows += 1
        self.note("a window was opened, and closed")
        if self._windows >= MOST_WINDOWS:
            self._stop(f"{MOST_WINDOWS} windows were opened")
        self._later(page.close())

    def _dialog(self, dialog: Any) -> None:
        text = f"the page asked ({dialog.type}), and was answered no"
        self.note(text)
        if self._watch.notes[text] >= MOST_QUESTIONS:
            self._stop(f"the page asked {MOST_QUESTIONS} times")
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


def said(err: Exception) -> str:
    """The first line of Playwright's words, without addresses: those may carry what is secret."""
    line = (str(err).splitlines() or [type(err).__name__])[0].removeprefix("Page.goto: ")
    line = line.partition(" at http")[0].partition(" navigating to")[0][:160]
    return mask_text({"net::ERR_ABORTED": "it led nowhere"}.get(line, line))
