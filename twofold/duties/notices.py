"""What people are told without asking: what must not be done yet, which tokens and goes end, the week's review.

Owns when each is looked for and told. What is found is `router` and `acceptance`, in child processes; how it is written and sent is `alerts`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from twofold.acceptance.task import MODULE as ACCEPTANCE_MODULE
from twofold.acceptance.task import GoTask
from twofold.alerts.book import META as ALERTS_TOLD
from twofold.alerts.book import decode_book, encode_book, is_quiet, news_of, was_told
from twofold.alerts.sending import send as send_alert
from twofold.alerts.weekly import META as REVIEWS_TOLD
from twofold.alerts.weekly import Go, decode_goes, decode_times, decode_weekly, due_for, encode_times, notices_of
from twofold.clock import TrustedTime
from twofold.config import Settings
from twofold.duties.children import last_line
from twofold.errors import StoreError
from twofold.facts.child import Child
from twofold.policies import router_task, tokens_of
from twofold.router import MODULE as ROUTER_MODULE
from twofold.router.rules.ending import META as TOKEN_ENDS
from twofold.router.rules.ending import TokenInUse, decode_said, encode_said
from twofold.router.task import META as FOUND
from twofold.router.task import FoundAt, Looked, Standing
from twofold.setup.token_ends import ask_ends
from twofold.store.store import Store

log = logging.getLogger("twofold")

DAY_S = 86_400.0
FIRST_S, EVERY_S, WITHIN_S = 60.0, 900.0, 300.0
TOKENS_FIRST_S, TOKENS_LOOK_S = 90.0, 60.0
GOES_EVERY_S, REVIEW_LOOK_S = 3_600, 60.0


class Notices:
    """Of one gateway. ``tell`` takes what was found, for `/health`."""

    def __init__(
        self, settings: Callable[[], Settings], store: Store, clock: TrustedTime, tell: Callable[[FoundAt], None]
    ) -> None:
        self._settings, self._store, self._clock, self._tell = settings, store, clock, tell
        self._router, self._acceptance = Child(ROUTER_MODULE), Child(ACCEPTANCE_MODULE)
        self._goes, self._goes_at = list[Go](), 0
        self._asking_acceptance = asyncio.Lock()

    def end(self) -> None:
        """Ends the children that are at work."""
        self._router.end()
        self._acceptance.end()

    async def keep_findings(self) -> None:
        """What must not be done yet, for `/health`: found by a child process, soon after the start and each quarter of an hour."""
        pause = FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = EVERY_S
            now = self._clock.sure() // 1000
            self._router = Child(ROUTER_MODULE)
            try:
                told = await last_line(self._router, msgspec.json.encode(router_task(self._settings(), now)), WITHIN_S)
                if told is None:
                    log.error("what is wrong with the signal could not be looked for; it is tried again")
                else:
                    looked = msgspec.json.decode(told, type=Looked)
                    found = FoundAt(as_of=now, do_not_yet=looked.do_not_yet)
                    self._tell(found)
                    await self._store.keep_note(FOUND, msgspec.json.encode(found).decode())
                    await self._alert([*looked.do_not_yet, *looked.notices, *await self._notices_of_goes(now)], now)
            except StoreError as err:
                log.error("what is wrong with the signal could not be kept, and is looked for again: %s", err)
            except TimeoutError:
                log.error("looking for what is wrong took longer than %d s; it is tried again", WITHIN_S)

    async def keep_token_ends(self) -> None:
        """When each token ends: its platform is asked soon after the start, each day, and when another is in use."""
        asked_at, asked = 0, tuple[TokenInUse, ...]()
        await asyncio.sleep(TOKENS_FIRST_S)
        while True:
            now = self._clock.sure() // 1000
            if tokens_of(self._settings()) != asked or now - asked_at >= DAY_S:
                asked_at, asked = now, tokens_of(self._settings())
                try:
                    await self.ask_token_ends()
                except StoreError as err:
                    log.error("when tokens end could not be kept, and is asked again: %s", err)
            await asyncio.sleep(TOKENS_LOOK_S)

    async def ask_token_ends(self) -> None:
        """Asks each platform that tells it, beside the loop, and keeps the answers for the rules."""
        settings, before = self._settings(), decode_said(await self._store.note(TOKEN_ENDS))
        ask = partial(ask_ends, settings.destination, tokens_of(settings), before, self._clock.sure() // 1000)
        said = await asyncio.get_running_loop().run_in_executor(None, ask)
        if said != before:
            await self._store.keep_note(TOKEN_ENDS, encode_said(said).decode())

    async def _alert(self, found: Sequence[Standing], now: int) -> None:
        """Tells each address what is new for it. What nobody has is told again the next time."""
        if not self._settings().alert:
            return
        book = decode_book(await self._store.note(ALERTS_TOLD))
        book = {a.name: book.get(a.name, {}) for a in self._settings().alert}
        for alert in self._settings().alert:
            told = book[alert.name]
            news = news_of(told, found, now, quiet=is_quiet(alert.quiet, self._settings().chain.timezone, now))
            if news and (problem := await send_alert(alert, news, now, self._shop_name())):
                log.error("alert %s could not be sent (%s), and is tried again", alert.name, problem)
            elif news:
                was_told(told, news, now)
        try:
            await self._store.keep_note(ALERTS_TOLD, encode_book(book).decode())
        except StoreError as err:
            log.error("which alerts were sent could not be kept, and they may come again: %s", err)

    async def _notices_of_goes(self, now: int) -> list[Standing]:
        """Goes that end soon or hold no more, as they were found within the last hour; nobody is told where nobody asked."""
        if self._settings().alert and now - self._goes_at >= GOES_EVERY_S:
            answer = await self._ask_acceptance(weekly=False, now=now)
            if answer is not None:
                self._goes, self._goes_at = decode_goes(answer), now
        return notices_of(self._goes, self._settings().chain.timezone)

    async def _ask_acceptance(self, *, weekly: bool, now: int) -> bytes | None:
        """The answer of the child that knows goes and reviews; None where it gave none."""
        task = msgspec.json.encode(GoTask(settings=self._settings(), now=now, weekly=weekly))
        async with self._asking_acceptance:  # one at a time: it is one child that is ended when the gateway stops
            self._acceptance = Child(ACCEPTANCE_MODULE)
            try:
                told = await last_line(self._acceptance, task, WITHIN_S)
            except TimeoutError:
                log.error("looking at goes and the week took longer than %d s; it is tried again", WITHIN_S)
                return None
        if told is None:
            log.error("the goes of acceptance runs could not be looked at; it is tried again")
        return told

    async def keep_reviews(self) -> None:
        """Sends the week's review to each address whose time has come. What nobody took is sent a quarter of an hour later."""
        while True:
            await asyncio.sleep(REVIEW_LOOK_S)
            try:
                failed = await self._send_reviews(self._clock.sure() // 1000)
            except StoreError as err:
                failed = True
                log.error("which reviews were sent could not be kept, and they may come again: %s", err)
            if failed:
                await asyncio.sleep(EVERY_S)

    async def _send_reviews(self, now: int) -> bool:
        """True when one that is due could not be made or sent."""
        reviews = {a.name: a.review for a in self._settings().alert if a.review}
        told = decode_times(await self._store.note(REVIEWS_TOLD)) if reviews else {}
        due = due_for(reviews, told, self._settings().chain.timezone, now)
        times = {name: told.get(name, now) for name in reviews}
        failed = False
        answer = await self._ask_acceptance(weekly=True, now=now) if due else None
        for alert in (a for a in self._settings().alert if a.name in due):
            problem = "it could not be made"
            if answer is not None:
                problem = await send_alert(alert, decode_weekly(answer), now, self._shop_name())
            if problem:
                failed = True
                log.error("the review for alert %s could not be sent (%s), and is tried again", alert.name, problem)
            else:
                times[alert.name] = now
        if times != told:
            await self._store.keep_note(REVIEWS_TOLD, encode_times(times).decode())
        return failed

    def _shop_name(self) -> str:
        console = self._settings().console
        return console.name if console is not None else ""
