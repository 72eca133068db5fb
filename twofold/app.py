"""The only file that knows everyone: opens the store, wires doors and workers, runs and stops them.

Owns the order of starting and stopping. The rooms know each other only through what is passed to them here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from twofold.acceptance.task import MODULE as ACCEPTANCE_MODULE
from twofold.acceptance.task import GoTask
from twofold.alerts.book import META as ALERTS_TOLD
from twofold.alerts.book import decode_book, encode_book, is_quiet, news_of, was_told
from twofold.alerts.sending import send as send_alert
from twofold.alerts.weekly import META as REVIEWS_TOLD
from twofold.alerts.weekly import Go, decode_goes, decode_times, decode_weekly, due_for, encode_times, notices_of
from twofold.audiences.schedule import ScheduledAudiences
from twofold.clock import Clock, Shift, TrustedTime, now_ms, steady_ms
from twofold.collect.description import PATH as DESCRIPTION
from twofold.collect.description import description_page
from twofold.collect.doors.router import ClosedDoors, Doors
from twofold.collect.doors.seen import META as SEEN
from twofold.collect.doors.seen import decode_seen
from twofold.collect.doors.webhooks import WebhookDoor, Webhooks
from twofold.collect.limits.hourly_counts import HISTORY, HOUR, SLOT_MS
from twofold.collect.limits.past_counts import past_shares
from twofold.collect.limits.quarantine import WATCHED, Quarantine
from twofold.collect.listen.asgi import Collector
from twofold.collect.metrics import CollectMetrics
from twofold.config import DestinationSettings, Settings
from twofold.control.console import ConsoleProcess
from twofold.control.owner import answer
from twofold.control.questions import AnyQuestion, MakeTables, Reload
from twofold.control.secrets import held, take_over
from twofold.control.socket import serve_control
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.worker import Worker
from twofold.destinations import BY_PLATFORM
from twofold.errors import ConfigError, StoreError, StoreFailed, TwofoldError
from twofold.facts.child import Child
from twofold.fetching.schedule import Fetches
from twofold.listening import make_server, open_listener, own_process, port_of, settle_memory, until_listening
from twofold.matching.normalise import load_tables
from twofold.matching.user_data import forget_known
from twofold.policies import (
    OrdersWorth,
    asked_sources,
    day_task,
    days_of,
    declared_in,
    has_orders,
    is_shared,
    keeper_of,
    margins_of,
    open_store,
    policies_of,
    router_task,
    status_digest,
    tag_pages,
    tokens_of,
    webhook_doors,
)
from twofold.privacy.retention import Retention
from twofold.privacy.runner import Eraser
from twofold.pulling.schedule import ScheduledPulls
from twofold.reconcile.reading.keeping import Kept, encode_task
from twofold.report.health import (
    HealthPage,
    LoopWatch,
    MetricsPage,
    RetentionMetrics,
    StoreMetrics,
    front_page,
)
from twofold.report.quality import QualityMetrics
from twofold.roles import DUTY, ON_DUTY, Role, is_for, name_of, require_alone
from twofold.router import MODULE as ROUTER_MODULE
from twofold.router.rules.ending import META as TOKEN_ENDS
from twofold.router.rules.ending import TokenInUse, decode_said, encode_said
from twofold.router.task import META as FOUND
from twofold.router.task import FoundAt, Looked, Standing
from twofold.schema.watch import META as SCHEMA_SEEN
from twofold.schema.watch import decode_seen as decode_schema_seen
from twofold.schema.watch import encode_seen as encode_schema_seen
from twofold.setup.token_ends import ask_ends
from twofold.touch.source import forget_sources

log = logging.getLogger("twofold")

QUALITY_EVERY_S = 300.0
DAY_S = 86_400.0
FORGET_EVERY_S = 3_600.0
INDEX_EVERY_S = 0.5
INDEX_STEPS = 40  # of some three milliseconds, with room for accepts between them
BUSY_EVENTS = 1_000  # accepted a second: with so many the index waits,
BEHIND_AT_MOST = 200_000  # until it is so many rows behind, which a search reads in some seconds
WITHDRAWALS_KEPT_MS = 64 * 86_400_000  # the longest window of the fold and a day: older events are sent no more
DRAIN_S = 10
LEAVE_S = 3.0
"""So long a process that only takes events in says that it leaves, and still takes them: until others are sent them."""
DUTY_LOOK_S = 15.0
DAYS_MODULE = "twofold.reconcile"
DAYS_FIRST_S, DAYS_EVERY_S, DAYS_WITHIN_S = 30.0, 3_600.0, 1_800.0
ROUTER_FIRST_S, ROUTER_EVERY_S, ROUTER_WITHIN_S = 60.0, 900.0, 300.0
TOKENS_FIRST_S, TOKENS_LOOK_S = 90.0, 60.0
GOES_EVERY_S, REVIEW_LOOK_S = 3_600, 60.0
KEEP_TIME_MS = 30_000
SEEN_EVERY_S = 1.0
COSTS_EVERY_S = 5.0
SCHEMA_EVERY_S = 20.0


async def _last_line(child: Child, task: bytes, within_s: float) -> bytes | None:
    """What a child said last; None of one that failed, or said nothing. Raises `TimeoutError`."""
    told: list[bytes] = []
    code = await asyncio.get_running_loop().run_in_executor(None, child.run, task, told.append, within_s)
    return None if code or not told else told[-1]


async def _ended(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Gateway:
    """One running gateway on one data folder, or one of several processes that share its work on a database."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = now_ms,
        itself: Sequence[str] = (),
        telling: Sequence[str] = (),
        reread: Callable[[], Settings] | None = None,
        role: Role = Role.ALL,
        name: str = "",
    ) -> None:
        """``role`` and ``name``: see `roles`. ``itself``: the arguments by which a child of the same program finds the same configuration; ``telling``: those by
        which the console says where it is; ``reread``: the configuration as it is in its files now."""
        if not is_shared(settings):
            require_alone(role, name)
        self.role = role
        self.settings = settings
        self._reread = reread
        self._is_on_duty = False
        self.started_at = clock()
        self.registry = CollectorRegistry()
        self.failure: BaseException | None = None
        self._stop = asyncio.Event()
        self.policies = policies_of(settings)
        self.schemas = {name: policy.schema for name, policy in self.policies.items() if policy.schema is not None}
        self.margins = margins_of(settings)
        peer = name_of(role, name) if is_shared(settings) else None
        self.store = open_store(settings, self.started_at, on_failure=self._failed, margins=self.margins, peer=peer)
        for name, kept in decode_schema_seen(self.store.note_of(SCHEMA_SEEN)).items():
            if name in self.schemas:
                self.schemas[name].restore(kept)
        self.clock = self._trusted(clock)
        self.days = Child(DAYS_MODULE)
        self.router = Child(ROUTER_MODULE)
        self.reviews = Child(ACCEPTANCE_MODULE)
        self._goes, self._goes_at = list[Go](), 0
        self._asking_acceptance = asyncio.Lock()
        self.console = (
            ConsoleProcess([*itself, *telling]) if settings.console is not None and itself and role.delivers else None
        )
        self.tables = keeper_of(settings, self.store, self.clock)
        self.tables_every_s = settings.analytics.every_minutes * 60
        self.eraser = Eraser(self.store, self.clock, self.tables.forget_days, OrdersWorth(settings))
        self.retention = Retention(self.store, days_of(settings), OrdersWorth(settings))
        self.workers = self._workers() if role.delivers else []
        self.pulls = ScheduledPulls(settings.account, self.store.folder, itself, self.clock.sure)
        self.audiences = ScheduledAudiences(settings.audience, self.store.folder, itself, self.clock.sure)
        self.fetches = Fetches(
            asked_sources(settings, self.store.purchase_ids), self.store, self._keep_fetched, self._give_up_fetching, self.clock.sure
        )  # fmt: skip
        self.quality = QualityMetrics(self.store.folder)
        self.registry.register(StoreMetrics(self.store))
        self.registry.register(RetentionMetrics(self.retention))
        self.registry.register(self.quality)
        self.shares = Quarantine(self.policies, self.registry)
        self.loop_watch = LoopWatch()
        self.registry.register(self.loop_watch)
        token = status_digest(settings)
        self.health = HealthPage(
            self.store,
            self.retention,
            self.shares,
            self.loop_watch,
            self.clock,
            token,
            settings.server.proxies,
            delivers=role.delivers,
        )
        self.webhooks = self._webhooks()
        self.registry.register(self.health)
        self.collector = self._collector()

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Serves until SIGTERM, SIGINT or a failed store; raises `StoreFailed` after the latter."""
        with own_process():
            await self._serve(on_ready)

    async def _serve(self, on_ready: Callable[[str], None]) -> None:
        listener = await self._open()
        server = make_server(self.collector, self.settings.server.host, self.settings.server.port)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.run_in_executor(None, load_tables)  # beside the start, so that no first event waits for it
        control = await serve_control(self.store.folder, self._control)
        tasks = [asyncio.create_task(w.run(), name="deliver") for w in self.workers]
        works = {name: work for name, work in self._works().items() if is_for(name, self.role)}
        if self.store.alone:
            tasks.append(asyncio.create_task(self.eraser.run(), name="erase"))
            del works["erase"]
        else:
            duties = {name: works.pop(name) for name in sorted(ON_DUTY & works.keys())}
            if duties:
                works["duty"] = partial(self._keep_duty, duties)
            else:
                works["tables"] = self._leave_tables
        keeping = [asyncio.create_task(work(), name=name) for name, work in works.items()]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until_listening(server, serving)
            settle_memory()
            on_ready(f"http://{self.settings.server.host}:{port_of(server)}")
            if self.console is not None:
                keeping.append(asyncio.create_task(self.console.run(), name="console"))
            await self._until_stopped([*tasks, serving])
            if self.role is Role.COLLECT and self.failure is None:
                self.health.leaving = True
                await asyncio.sleep(LEAVE_S)
        finally:
            server.should_exit = True
            if self.console is not None:
                self.console.end()
            await asyncio.wait([serving], timeout=DRAIN_S)
            for worker in self.workers:
                worker.stop()
            self.eraser.stop()
            self.tables.stop()
            self.days.end()
            self.router.end()
            self.reviews.end()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*tasks, *keeping, return_exceptions=True)
            control.close()
            await self._keep_seen_now()  # what came within the last second before a clean end, too
            await self._keep_schema_now()
            await self.store.close()
        if self.failure is not None:
            raise StoreFailed(f"the store failed and the gateway has stopped: {self.failure}")

    def _works(self) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
        """What is done beside accepting and delivering, by the names that `roles` knows."""
        return {
            "erase": self.eraser.run,
            "retention": partial(self.retention.run, self.clock.sure),
            "quality": self._estimate_quality,
            "withdrawals": self._purge_withdrawals,
            "memory": self._forget_known,
            "index": self._index_words,
            "pulls": self.pulls.run,
            "audiences": self.audiences.run,
            "fetches": self.fetches.run,
            "shares": self._restore_shares,
            "loop": self.loop_watch.run,
            "time": self._keep_time,
            "seen": self._keep_seen,
            "days": self._keep_days,
            "router": self._keep_findings,
            "tokens": self._keep_token_ends,
            "reviews": self._keep_reviews,
            "tables": partial(self.tables.run, self.tables_every_s),
            "costs": self._keep_costs,
            "schema": self._keep_schema,
        }

    async def _keep_duty(self, duties: Mapping[str, Callable[[], Coroutine[Any, Any, Any]]]) -> None:
        """Of several processes one does these: begun when this one is on duty, and ended as soon as it cannot be sure to be."""
        running: list[asyncio.Task[Any]] = []
        try:
            while True:
                try:
                    async with asyncio.timeout(DUTY_LOOK_S):
                        on_duty = await self.store.on_duty(DUTY, self.clock())
                except (StoreError, TimeoutError) as err:
                    log.error("whose turn it is could not be asked, and is asked again: %s", err)
                    on_duty = False
                self._is_on_duty = on_duty
                if on_duty and not running:
                    running = [asyncio.create_task(work(), name=name) for name, work in duties.items()]
                if not on_duty:
                    await _ended(running)
                    running = []
                    await self._leave_tables()
                self.eraser.hear()
                for source in self.fetches.sources.values():  # another process may have been told what to ask for
                    source.wake()
                await asyncio.sleep(DUTY_LOOK_S)
        finally:
            await _ended(running)

    async def _leave_tables(self) -> None:
        try:
            await self.tables.leave()
        except (TwofoldError, OSError) as err:
            log.error("tables of reports that are another process's now could not be taken away: %s", err)

    def _trusted(self, clock: Clock) -> TrustedTime:
        """The time of this process. A clock that a test hands in is its own monotonic clock: it moves when told to."""
        steady = steady_ms if clock is now_ms else clock
        trusted = TrustedTime(clock, steady, newest_ms=self.store.newest_ms)
        trusted.on_shift = self._shifted
        self.store.trust(trusted.sure)
        return trusted

    @staticmethod
    def _is_serving() -> bool:
        """False before the loop runs: nothing can be planned or waiting for a commit yet."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def _shifted(self, shift: Shift) -> None:
        """The time moved at once, by a clock that is believed now."""
        if shift.before_ms != shift.after_ms:
            log.warning("the time moved from %d to %d ms; what waits is planned anew", shift.before_ms, shift.after_ms)
        if not self._is_serving():
            return
        self._shifts = asyncio.ensure_future(self.store.shift(shift.before_ms, shift.after_ms))

    async def _keep_days(self) -> None:
        """What was said of a day 1, 3, 7 and 28 days after: made by a child process, soon after the start and each hour."""
        pause = DAYS_FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = DAYS_EVERY_S
            try:
                done = await self._days_child(with_tables=False)
                if done is not None and done.due and await self.tables.wait(self.tables.want(), DAYS_WITHIN_S):
                    done = await self._days_child(with_tables=True)
                if done is None:
                    log.error("the versions of days could not be made; they are tried again")
            except TimeoutError:
                log.error("the versions of days took longer than %d s; they are tried again", DAYS_WITHIN_S)

    async def _days_child(self, *, with_tables: bool) -> Kept | None:
        """What the child says: which versions are due, or with the tables how many it made. None where it failed."""
        task = day_task(self.settings, self.clock.sure() // 1000, with_tables=with_tables)
        self.days = Child(DAYS_MODULE)
        told = await _last_line(self.days, encode_task(task), DAYS_WITHIN_S)
        return None if told is None else msgspec.json.decode(told, type=Kept)

    async def _keep_findings(self) -> None:
        """What must not be done yet, for `/health`: found by a child process, soon after the start and each quarter of an hour."""
        pause = ROUTER_FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = ROUTER_EVERY_S
            now = self.clock.sure() // 1000
            self.router = Child(ROUTER_MODULE)
            try:
                told = await _last_line(
                    self.router, msgspec.json.encode(router_task(self.settings, now)), ROUTER_WITHIN_S
                )
                if told is None:
                    log.error("what is wrong with the signal could not be looked for; it is tried again")
                else:
                    looked = msgspec.json.decode(told, type=Looked)
                    found = FoundAt(as_of=now, do_not_yet=looked.do_not_yet)
                    self.health.findings = msgspec.to_builtins(found)
                    await self.store.keep_note(FOUND, msgspec.json.encode(found).decode())
                    await self._alert([*looked.do_not_yet, *looked.notices, *await self._notices_of_goes(now)], now)
            except StoreError as err:
                log.error("what is wrong with the signal could not be kept, and is looked for again: %s", err)
            except TimeoutError:
                log.error("looking for what is wrong took longer than %d s; it is tried again", ROUTER_WITHIN_S)

    async def _keep_token_ends(self) -> None:
        """When each token ends: its platform is asked soon after the start, each day, and when another is in use."""
        asked_at, asked = 0, tuple[TokenInUse, ...]()
        await asyncio.sleep(TOKENS_FIRST_S)
        while True:
            now = self.clock.sure() // 1000
            if tokens_of(self.settings) != asked or now - asked_at >= DAY_S:
                asked_at, asked = now, tokens_of(self.settings)
                try:
                    await self.ask_token_ends()
                except StoreError as err:
                    log.error("when tokens end could not be kept, and is asked again: %s", err)
            await asyncio.sleep(TOKENS_LOOK_S)

    async def ask_token_ends(self) -> None:
        """Asks each platform that tells it, beside the loop, and keeps the answers for the rules."""
        settings, before = self.settings, decode_said(await self.store.note(TOKEN_ENDS))
        ask = partial(ask_ends, settings.destination, tokens_of(settings), before, self.clock.sure() // 1000)
        said = await asyncio.get_running_loop().run_in_executor(None, ask)
        if said != before:
            await self.store.keep_note(TOKEN_ENDS, encode_said(said).decode())

    async def _alert(self, found: Sequence[Standing], now: int) -> None:
        """Tells each address what is new for it. What nobody has is told again the next time."""
        if not self.settings.alert:
            return
        book = decode_book(await self.store.note(ALERTS_TOLD))
        book = {a.name: book.get(a.name, {}) for a in self.settings.alert}
        for alert in self.settings.alert:
            told = book[alert.name]
            news = news_of(told, found, now, quiet=is_quiet(alert.quiet, self.settings.chain.timezone, now))
            if news and (problem := await send_alert(alert, news, now, self._shop_name())):
                log.error("alert %s could not be sent (%s), and is tried again", alert.name, problem)
            elif news:
                was_told(told, news, now)
        try:
            await self.store.keep_note(ALERTS_TOLD, encode_book(book).decode())
        except StoreError as err:
            log.error("which alerts were sent could not be kept, and they may come again: %s", err)

    async def _notices_of_goes(self, now: int) -> list[Standing]:
        """Goes that end soon or hold no more, as they were found within the last hour; nobody is told where nobody asked."""
        if self.settings.alert and now - self._goes_at >= GOES_EVERY_S:
            answer = await self._ask_acceptance(weekly=False, now=now)
            if answer is not None:
                self._goes, self._goes_at = decode_goes(answer), now
        return notices_of(self._goes, self.settings.chain.timezone)

    async def _ask_acceptance(self, *, weekly: bool, now: int) -> bytes | None:
        """The answer of the child that knows goes and reviews; None where it gave none."""
        task = msgspec.json.encode(GoTask(settings=self.settings, now=now, weekly=weekly))
        async with self._asking_acceptance:  # one at a time: it is one child that is ended when the gateway stops
            self.reviews = Child(ACCEPTANCE_MODULE)
            try:
                told = await _last_line(self.reviews, task, ROUTER_WITHIN_S)
            except TimeoutError:
                log.error("looking at goes and the week took longer than %d s; it is tried again", ROUTER_WITHIN_S)
                return None
        if told is None:
            log.error("the goes of acceptance runs could not be looked at; it is tried again")
        return told

    async def _keep_reviews(self) -> None:
        """Sends the week's review to each address whose time has come. What nobody took is sent a quarter of an hour later."""
        while True:
            await asyncio.sleep(REVIEW_LOOK_S)
            try:
                failed = await self._send_reviews(self.clock.sure() // 1000)
            except StoreError as err:
                failed = True
                log.error("which reviews were sent could not be kept, and they may come again: %s", err)
            if failed:
                await asyncio.sleep(ROUTER_EVERY_S)

    async def _send_reviews(self, now: int) -> bool:
        """True when one that is due could not be made or sent."""
        reviews = {a.name: a.review for a in self.settings.alert if a.review}
        told = decode_times(await self.store.note(REVIEWS_TOLD)) if reviews else {}
        due = due_for(reviews, told, self.settings.chain.timezone, now)
        times = {name: told.get(name, now) for name in reviews}
        failed = False
        answer = await self._ask_acceptance(weekly=True, now=now) if due else None
        for alert in (a for a in self.settings.alert if a.name in due):
            problem = "it could not be made"
            if answer is not None:
                problem = await send_alert(alert, decode_weekly(answer), now, self._shop_name())
            if problem:
                failed = True
                log.error("the review for alert %s could not be sent (%s), and is tried again", alert.name, problem)
            else:
                times[alert.name] = now
        if times != told:
            await self.store.keep_note(REVIEWS_TOLD, encode_times(times).decode())
        return failed

    def _shop_name(self) -> str:
        return self.settings.console.name if self.settings.console is not None else ""

    async def _keep_time(self) -> None:
        """Looks at the clock each second, so that no jump goes unseen, and keeps the time that is certain on disk."""
        kept = self.store.newest_ms
        while True:
            self.clock.look()
            sure = self.clock.sure()
            # A doubted clock that is behind is no reason to forget how late it was already.
            if sure - kept >= KEEP_TIME_MS or (self.clock.doubt is None and kept - sure >= KEEP_TIME_MS):
                try:
                    await self.store.keep_time(sure)
                    kept = sure
                except StoreError as err:
                    log.error("the time could not be kept, and is tried again: %s", err)
            await asyncio.sleep(1)

    async def _keep_schema(self) -> None:
        """What came undeclared, and of which types, is on disk some seconds later."""
        while True:
            await asyncio.sleep(SCHEMA_EVERY_S)
            await self._keep_schema_now()

    async def _keep_schema_now(self) -> None:
        if any(watch.changed for watch in self.schemas.values()):
            try:
                await self.store.keep_note(SCHEMA_SEEN, encode_schema_seen(self.schemas))
            except StoreError as err:
                for watch in self.schemas.values():
                    watch.changed = True
                log.error("what came undeclared could not be kept, and is tried again: %s", err)

    async def _keep_costs(self) -> None:
        """Reads costs some seconds after they were imported, beside the loop; nothing where nobody is told margins."""
        while self.margins is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(None, self.margins.refresh)
            except Exception as err:  # also of the engine: the gateway goes on by the costs that it has
                log.error("costs could not be read, and are read again: %s", type(err).__name__)
            await asyncio.sleep(COSTS_EVERY_S)

    async def _keep_seen(self) -> None:
        """Which webhooks came is on disk a second later: who asks after a start must not read that none ever did."""
        while True:
            await asyncio.sleep(SEEN_EVERY_S)
            await self._keep_seen_now()

    async def _keep_seen_now(self) -> None:
        if self.webhooks.seen.changed:
            try:
                await self.store.keep_note(SEEN, self.webhooks.seen.encode())
            except StoreError as err:
                self.webhooks.seen.changed = True
                log.error("which webhooks came could not be kept, and is tried again: %s", err)

    async def _open(self) -> socket.socket:
        """The folder first, then the port: a restored folder is erased again before anybody can ask it anything."""
        self.store.start()
        try:
            if self.clock.doubt is None:
                await self.store.replan(self.clock())
            await self.eraser.start()
            return open_listener(self.settings.server.host, self.settings.server.port)
        except BaseException:
            await self.store.close()
            raise

    async def _estimate_quality(self) -> None:
        """Keeps the gauges of match quality fresh. Counting two days takes a while, so it is never done at a scrape."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(None, self.quality.refresh, self.clock())
            except Exception:  # the database's own errors: the estimate is a figure to look at, nothing rests on it
                log.exception("the estimate of match quality could not be read, and is tried again later")
            await asyncio.sleep(QUALITY_EVERY_S)

    async def _purge_withdrawals(self) -> None:
        while True:
            try:
                await self.store.purge_withdrawals(self.clock.sure() - WITHDRAWALS_KEPT_MS)
            except StoreError as err:
                log.error("withdrawals that were taken back could not be forgotten, and are tried again later: %s", err)
            await asyncio.sleep(DAY_S)

    async def _index_words(self) -> None:
        """The index by which a person is found, behind the accepts: a busy gateway first takes what comes."""
        while True:
            before = self.store.accepted
            await asyncio.sleep(INDEX_EVERY_S)
            try:
                busy = self.store.accepted - before > INDEX_EVERY_S * BUSY_EVENTS
                if not busy or await self.store.words_behind() > BEHIND_AT_MOST:
                    for _ in range(INDEX_STEPS):
                        if not await self.store.index_words():
                            break
            except StoreError as err:
                log.error("the index of words could not go on, and tries again later: %s", err)

    async def _forget_known(self) -> None:
        """Plain names, places and dates of birth stay in memory for at most an hour."""
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            forget_known()
            forget_sources()

    async def _restore_shares(self) -> None:
        """What came before the start, read beside the first requests: the share watch judges nothing without it."""
        until, loop = self.started_at, asyncio.get_running_loop()
        since = until - (HOUR + HISTORY) * SLOT_MS
        try:
            past = await loop.run_in_executor(None, past_shares, self.store.folder, WATCHED, since, until, SLOT_MS)
        except Exception:  # the database's own errors: the watch then needs a day to know what is usual
            log.exception("the last days' shares could not be read")
            return
        self.shares.restore(past, self.clock())

    def _failed(self, err: BaseException) -> None:
        self.failure = err
        self._stop.set()

    async def _until_stopped(self, tasks: list[asyncio.Task[Any]]) -> None:
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in done - {stop}:
            error = task.exception()
            if error is not None:
                raise error

    def _workers(self) -> list[Worker]:
        metrics, withheld = DeliverMetrics(self.registry), declared_in(self.settings).withheld()
        return [self._worker(to, metrics=metrics, withheld=withheld) for to in self.settings.destination]

    def _worker(self, to: DestinationSettings, **others: Any) -> Worker:
        return Worker(
            destination=BY_PLATFORM[to.platform],
            target=to,
            outbox=self.store,
            clock=self.clock,
            sure=self.clock.sure,
            **others,
        )

    def _webhooks(self) -> Webhooks:
        return Webhooks(
            webhook_doors(self.settings, self.store.purchase_ids),
            self.policies,
            self.clock,
            self.store.ring,
            ask_privacy=self.eraser.ask,
            seen=decode_seen(self.store.note_of(SEEN)),
            want=self.fetches.want,
        )

    async def _keep_fetched(self, door: WebhookDoor, body: bytes) -> None:
        """What was fetched comes in by the door of its source."""
        await self.collector.doors.keep(self.webhooks.fetched(door, body))

    async def _give_up_fetching(self, door: WebhookDoor, thing: str, why: str) -> None:
        await self.collector.doors.keep(self.webhooks.given_up(door, thing, why))

    def _collector(self) -> Collector:
        server = self.settings.server
        doors = (Doors if self.role.collects else ClosedDoors)(
            self.store,
            datasets=self.policies,
            webhooks=self.webhooks,
            metrics=CollectMetrics(self.registry),
            clock=self.clock,
            shares=self.shares,
            tag_path=server.tag_path,
            strict=server.strict,
            proxies=server.proxies,
            max_body=server.max_body_bytes,
        )
        pages = {
            **tag_pages(server.tag_path),
            "/": front_page,
            DESCRIPTION: description_page(server.tag_path),
            "/health": self.health.answer,
            "/metrics": MetricsPage(self.registry, self.health, status_digest(self.settings)).answer,
        }
        return Collector(doors, pages)

    async def _control(self, question: AnyQuestion) -> dict[str, Any]:
        if isinstance(question, Reload):
            return self._reload()
        if isinstance(question, MakeTables) and not (self.store.alone or self._is_on_duty):
            raise StoreError(await self._whose_tables())
        return await answer(question, self.store, self.eraser, lambda: self.tables, self.clock)

    async def _whose_tables(self) -> str:
        """Of several processes one keeps the tables of reports, in its folder, so that an erasure reaches all there are."""
        name = await self.store.who_is_on_duty(DUTY, self.clock())
        if name is None:
            return (
                "the tables of reports are kept by a gateway that delivers, and none does; start one, or wait a minute"
            )
        return f"the tables of reports are kept by the gateway {name}, which has the duties; ask in its folder, or in its console"

    def _reload(self) -> dict[str, Any]:
        """Takes over what can change under a running gateway. Raises `StoreError` for a configuration that cannot be read."""
        if self._reread is None:
            raise StoreError("this gateway was started without a configuration file")
        try:
            new = self._reread()
            taken = take_over(self.settings, new)
            doors = webhook_doors(taken.settings, self.store.purchase_ids)
            asked = asked_sources(taken.settings, self.store.purchase_ids)
        except ConfigError as err:
            raise StoreError(str(err)) from None
        self.settings, restart = taken.settings, taken.restart
        self.webhooks.exchange(doors)
        self.fetches.exchange(asked)
        self.collector.doors.hang(self.webhooks)
        self.store.orders.with_source = frozenset(
            d.id for d in self.settings.dataset if has_orders(self.settings, d.id)
        )
        for worker, destination in zip(self.workers, self.settings.destination, strict=self.role.delivers):
            worker.retarget(destination)
        log.info(
            "the configuration was read again%s", f"; a restart is needed for {', '.join(restart)}" if restart else ""
        )
        return {"held": held(self.settings), "restart": restart}


def serve(
    settings: Settings,
    on_ready: Callable[[str], None],
    itself: Sequence[str] = (),
    telling: Sequence[str] = (),
    reread: Callable[[], Settings] | None = None,
    role: Role = Role.ALL,
    name: str = "",
) -> None:
    """Runs a gateway until it is told to stop. All but ``on_ready``: see `Gateway`."""
    import uvloop

    os.umask(0o077)
    folder = Path(settings.server.data)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise StoreError(
            f"the data folder {folder} cannot be made: {err.strerror}; name another: `data` under [server], or --data"
        ) from None

    async def main() -> None:
        gateway = Gateway(settings, itself=itself, telling=telling, reread=reread, role=role, name=name)
        await gateway.run(on_ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
