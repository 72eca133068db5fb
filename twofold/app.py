"""The only file that knows everyone: opens the store, wires doors and workers, runs and stops them.

Owns the order of starting and stopping. The rooms know each other only through what is passed to them here.
"""

from __future__ import annotations

import asyncio
import contextlib
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

from twofold.audiences.schedule import ScheduledAudiences
from twofold.clock import Clock, Shift, TrustedTime, now_ms, steady_ms
from twofold.collect.description import PATH as DESCRIPTION
from twofold.collect.description import description_page
from twofold.collect.doors.router import ClosedDoors, Doors
from twofold.collect.doors.seen import META as SEEN
from twofold.collect.doors.seen import decode_seen
from twofold.collect.doors.webhooks import WebhookDoor, Webhooks
from twofold.collect.limits.quarantine import Quarantine
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
from twofold.duties.days import Days
from twofold.duties.notices import Notices
from twofold.duties.seen_notes import SeenNotes
from twofold.duties.upkeep import Upkeep
from twofold.errors import ConfigError, StoreError, StoreFailed, TwofoldError
from twofold.fetching.schedule import Fetches
from twofold.listening import make_server, open_listener, own_process, port_of, settle_memory, until_listening
from twofold.matching.normalise import load_tables
from twofold.policies import (
    OrdersWorth,
    asked_sources,
    days_of,
    declared_in,
    has_orders,
    is_shared,
    keeper_of,
    margins_of,
    open_store,
    policies_of,
    status_digest,
    tag_pages,
    webhook_doors,
)
from twofold.privacy.retention import Retention
from twofold.privacy.runner import Eraser
from twofold.pulling.schedule import ScheduledPulls
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
from twofold.router.task import FoundAt
from twofold.schema.watch import META as SCHEMA_SEEN
from twofold.schema.watch import decode_seen as decode_schema_seen

log = logging.getLogger("twofold")

DRAIN_S = 10
LEAVE_S = 3.0
"""So long a process that only takes events in says that it leaves, and still takes them: until others are sent them."""
DUTY_LOOK_S = 15.0


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
        self._restore_schemas()
        self.clock = self._trusted(clock)
        has_console = settings.console is not None and itself and role.delivers
        self.console = ConsoleProcess([*itself, *telling]) if has_console else None
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
        self.shares = Quarantine(self.policies, self.registry)
        self.loop_watch = LoopWatch()
        self.health = HealthPage(
            self.store, self.retention, self.shares, self.loop_watch, self.clock, status_digest(settings), settings.server.proxies,
            delivers=role.delivers,
        )  # fmt: skip
        self._register_metrics()
        self.webhooks = self._webhooks()
        self.days = Days(lambda: self.settings, self.clock, self.tables)
        self.notices = Notices(lambda: self.settings, self.store, self.clock, self._say_found)
        self.seen_notes = SeenNotes(self.store, self.webhooks, self.schemas)
        self.upkeep = Upkeep(self.store, self.clock, self.quality, self.shares, self.margins, self.started_at)
        self.collector = self._collector()

    def _restore_schemas(self) -> None:
        """What came undeclared is known from before the restart."""
        for name, kept in decode_schema_seen(self.store.note_of(SCHEMA_SEEN)).items():
            if name in self.schemas:
                self.schemas[name].restore(kept)

    def _register_metrics(self) -> None:
        for told in (
            StoreMetrics(self.store),
            RetentionMetrics(self.retention),
            self.quality,
            self.loop_watch,
            self.health,
        ):
            self.registry.register(told)

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
            self.notices.end()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*tasks, *keeping, return_exceptions=True)
            control.close()
            await self.seen_notes.keep_seen_now()  # what came within the last second before a clean end, too
            await self.seen_notes.keep_schema_now()
            await self.store.close()
        if self.failure is not None:
            raise StoreFailed(f"the store failed and the gateway has stopped: {self.failure}")

    def _works(self) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
        """What is done beside accepting and delivering, by the names that `roles` knows."""
        return {
            "erase": self.eraser.run,
            "retention": partial(self.retention.run, self.clock.sure),
            "quality": self.upkeep.estimate_quality,
            "withdrawals": self.upkeep.purge_withdrawals,
            "memory": self.upkeep.forget_known,
            "index": self.upkeep.index_words,
            "pulls": self.pulls.run,
            "audiences": self.audiences.run,
            "fetches": self.fetches.run,
            "shares": self.upkeep.restore_shares,
            "loop": self.loop_watch.run,
            "time": self.upkeep.keep_time,
            "seen": self.seen_notes.keep_seen,
            "days": self.days.run,
            "router": self.notices.keep_findings,
            "tokens": self.notices.keep_token_ends,
            "reviews": self.notices.keep_reviews,
            "tables": partial(self.tables.run, self.tables_every_s),
            "costs": self.upkeep.keep_costs,
            "schema": self.seen_notes.keep_schema,
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
            if self._is_on_duty and self.failure is None:
                with contextlib.suppress(StoreError, TimeoutError):  # it is another's a minute later in any case
                    async with asyncio.timeout(LEAVE_S):
                        await self.store.leave_duty(DUTY)

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
            self.store.moved(shift.before_ms, shift.after_ms)
        if not self._is_serving():
            return
        self._shifts = asyncio.ensure_future(self.store.shift(shift.before_ms, shift.after_ms))

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

    def _say_found(self, found: FoundAt) -> None:
        self.health.findings = msgspec.to_builtins(found)

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
