"""The only file that knows everyone: opens the store, wires doors and workers, runs and stops them.

Owns the order of starting and stopping and the two pages that speak of the whole (health, metrics). The rooms
know each other only through what is passed to them here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from twofold import __version__, tag
from twofold.clock import Clock, now_ms
from twofold.collect.doors.consent import answer_command
from twofold.collect.doors.router import Doors
from twofold.collect.doors.webhooks import WebhookDoor, Webhooks
from twofold.collect.limits.hourly_counts import HISTORY, HOUR, SLOT_MS
from twofold.collect.limits.past_counts import past_shares
from twofold.collect.limits.quarantine import WATCHED, ShareWatch
from twofold.collect.listen.asgi import Collector, Page
from twofold.collect.listen.protocol import GuardedProtocol
from twofold.collect.messages import Answer, Request
from twofold.collect.metrics import CollectMetrics
from twofold.collect.policy import DatasetPolicy, order_policy_of, policy_of
from twofold.config import Settings, secrets_of
from twofold.control.batches import append_batch, decode_batch
from twofold.control.socket import serve_control
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.worker import Worker
from twofold.destinations import DESTINATIONS
from twofold.errors import ConfigError, StoreError, StoreFailed, TwofoldError
from twofold.matching.normalise import load_tables
from twofold.privacy.retention import Days, Retention
from twofold.privacy.runner import Eraser
from twofold.report.quality import QualityMetrics
from twofold.sources import SHOP_SOURCES, SOURCES
from twofold.sources.contract import SourceOptions
from twofold.store.gates.trust import TrustGates
from twofold.store.lists import Reader
from twofold.store.store import Route, Store

log = logging.getLogger("twofold")

SWITCH_INTERVAL_S = 0.0001
"""Longest wait of the committing thread for the interpreter while the loop is busy. Twice in each commit it has to
get it back; the default of 5 ms was most of the time between two commits under load."""

STUCK_AFTER_S = 900.0  # a due delivery that nobody has tried for so long means that delivering has stopped
RETENTION_ALARM_S = 86_400.0  # data that should have been emptied a day ago: somebody has to look
QUALITY_EVERY_S = 300.0
DAY_S = 86_400.0
WITHDRAWALS_KEPT_MS = 64 * 86_400_000  # the longest window of the fold and a day: older events are sent no more
DRAIN_S = 10
BACKLOG = 2048


class Gateway:
    """One running gateway on one data folder."""

    def __init__(self, settings: Settings, *, clock: Clock = now_ms) -> None:
        self.settings = settings
        self.clock = clock
        self.started_at = clock()
        self.registry = CollectorRegistry()
        self.failure: BaseException | None = None
        self._stop = asyncio.Event()
        self.policies = policies_of(settings)
        self.store = open_store(settings, self.started_at, on_failure=self._failed)
        trust = TrustGates(self.policies)
        for gate in (trust.gate_bots, trust.gate_limits, trust.gate_unconfirmed):
            self.store.add_gate(gate)
        self.eraser = Eraser(self.store, clock)
        self.retention = Retention(self.store, days_of(settings))
        self.workers = self._workers()
        self.quality = QualityMetrics(self.store.folder)
        self.registry.register(_StoreMetrics(self.store))
        self.registry.register(_RetentionMetrics(self.retention))
        self.registry.register(self.quality)
        self.shares = ShareWatch(self.policies, self.registry)
        self.collector = self._collector()
        self._health: tuple[int, dict[str, Any]] | None = None

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Serves until SIGTERM, SIGINT or a failed store; raises `StoreFailed` after the latter."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        listener = await self._open()
        server = make_server(self.collector, self.settings.server.host, self.settings.server.port)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.run_in_executor(None, load_tables)  # beside the start, so that no first event waits for it
        control = await serve_control(self.store.folder, self._control)
        tasks = [asyncio.create_task(w.run(), name="deliver") for w in self.workers]
        tasks.append(asyncio.create_task(self.eraser.run(), name="erase"))
        keeping = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("retention", self.retention.run(self.clock)),
                ("quality", self._estimate_quality()),
                ("withdrawals", self._purge_withdrawals()),
                ("shares", self._restore_shares()),
            )
        ]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await _listening(server, serving)
            _settle_memory()
            on_ready(f"http://{self.settings.server.host}:{port_of(server)}")
            await self._until_stopped([*tasks, serving])
        finally:
            server.should_exit = True
            await asyncio.wait([serving], timeout=DRAIN_S)
            for worker in self.workers:
                worker.stop()
            self.eraser.stop()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*tasks, *keeping, return_exceptions=True)
            control.close()
            await self.store.close()
        if self.failure is not None:
            raise StoreFailed(f"the store failed and the gateway has stopped: {self.failure}")

    async def _open(self) -> socket.socket:
        """The folder first, then the port: a restored folder is erased again before anybody can ask it anything."""
        self.store.start()
        try:
            await self.eraser.start()
            return _listen(self.settings.server.host, self.settings.server.port)
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
                await self.store.purge_withdrawals(self.clock() - WITHDRAWALS_KEPT_MS)
            except StoreError as err:
                log.error("withdrawals that were taken back could not be forgotten, and are tried again later: %s", err)
            await asyncio.sleep(DAY_S)

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
        by_platform = {d.platform: d for d in DESTINATIONS}
        metrics = DeliverMetrics(self.registry)
        return [
            Worker(destination=by_platform[s.platform], target=s, outbox=self.store, clock=self.clock, metrics=metrics)
            for s in self.settings.destination
        ]

    def _collector(self) -> Collector:
        server = self.settings.server
        doors = Doors(
            self.store,
            datasets=self.policies,
            webhooks=Webhooks(webhook_doors(self.settings), self.policies, self.clock, ask_privacy=self.eraser.ask),
            metrics=CollectMetrics(self.registry),
            clock=self.clock,
            shares=self.shares,
            tag_path=server.path,
            strict=server.strict,
            proxies=server.proxies,
            max_body=server.max_body_bytes,
        )
        pages = {**tag_pages(server.path), "/health": self._health_page, "/metrics": self._metrics_page}
        return Collector(doors, pages)

    async def _control(self, question: dict[str, Any]) -> dict[str, Any]:
        if question.get("command") == "revive":
            revived = await self.store.revive(question["deliveries"], self.clock())
            return {"revived": revived}
        if question.get("command") == "consent":
            return await answer_command(self.store, question, self.clock())
        if question.get("command") == "append":
            orders, events = decode_batch(question)
            return {"new": await append_batch(self.store, orders, events)}
        if question.get("command") in ("erase", "erasure", "note"):
            return await self.eraser.control(question)
        return {"error": "expected the command revive, consent, append or erase"}

    # -- pages of the whole

    async def _health_page(self, _request: Request) -> Answer:
        now = self.clock()
        if self._health is None or now - self._health[0] >= 500:  # counting is not free: at most twice a second
            report = await asyncio.get_running_loop().run_in_executor(None, self._read_health, now)
            self._health = (now, report)
        report = self._health[1] | {"quarantine": self.shares.page(now)}
        return Answer(200 if report["status"] in ("ok", "idle") else 503, msgspec.json.encode(report))

    def _read_health(self, now: int) -> dict[str, Any]:
        with Reader(self.store.folder) as reader:
            tally, outbox = reader.tally(), reader.outbox()
            oldest_due_ms = reader.oldest_due()
        overdue_s = max(0.0, (now - oldest_due_ms) / 1000) if oldest_due_ms is not None else 0.0
        waiting = sum(states.get("waiting", 0) for states in outbox.values())
        late_s = max(self.retention.late_s.copy().values(), default=0.0)
        status = "failed" if self.store.failed else "stuck" if overdue_s > STUCK_AFTER_S else "ok"
        return {
            "status": status if tally.get("accepted") or status != "ok" else "idle",
            "version": __version__,
            "uptime_s": (now - self.started_at) // 1000,
            "journal": {
                "accepted": tally.get("accepted", 0),
                "refused": tally.get("refused", 0),
                "waiting_for_disk": self.store.queued,
                "last_commit_s_ago": (now - self.store.last_commit_ms) / 1000,
            },
            # Not part of the status: who is told "down" sends traffic elsewhere, and that would help nobody's privacy.
            "retention": {"state": "alarm" if late_s > RETENTION_ALARM_S else "ok", "late_s": late_s},
            "outbox": {
                "waiting": waiting,
                "overdue_s": overdue_s,
                "destinations": {
                    name: {**states, "paused_for": (self.store.pause_of(name) or ("", 0))[0]}
                    for name, states in outbox.items()
                },
            },
        }

    async def _metrics_page(self, _request: Request) -> Answer:
        text = generate_latest(self.registry)
        return Answer(200, text, ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


class _StoreMetrics:
    """Read at scrape time from the store's own counters, so they cannot drift from them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Any:
        yield GaugeMetricFamily(
            "twofold_waiting_for_disk", "Events handed to the writer and not committed.", value=self._store.queued
        )
        yield GaugeMetricFamily(
            "twofold_last_commit_timestamp_seconds",
            "When the last commit returned.",
            value=self._store.last_commit_ms / 1000,
        )


class _RetentionMetrics:
    """How far retention is behind, as of its last step."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def collect(self) -> Any:
        family = GaugeMetricFamily(
            "twofold_retention_late_seconds", "How long the oldest data to be emptied is overdue.", labels=["kind"]
        )
        for kind, seconds in self._retention.late_s.copy().items():  # the writer's thread may add a kind meanwhile
            family.add_metric((kind,), seconds)
        yield family


def days_of(settings: Settings) -> Days:
    """How long each kind of data is kept."""
    kept = settings.retention
    return Days(
        address=kept.address_days,
        click_ids=kept.click_ids_days,
        contact=kept.contact_days,
        payload=kept.payload_days,
        refused=kept.refused_days,
        audit=kept.audit_days,
    )


def open_store(
    settings: Settings, opened_at: int, *, on_failure: Callable[[BaseException], None] | None = None
) -> Store:
    """The data folder as these settings want it kept, for the gateway and for commands that run without one."""
    return Store(
        settings.server.data,
        routes=routes_of(settings),
        opened_at=opened_at,
        window_days=settings.server.window_days,
        max_queue=settings.server.max_queue,
        refused_keep=settings.server.refused_keep,
        people_days=settings.retention.people_days,
        on_failure=on_failure,
    )


def has_orders(settings: Settings, dataset: str) -> bool:
    """True when a shop reports the orders of this dataset, so that a browser's Purchase has something to wait for."""
    return any(s.dataset == dataset and s.type in SHOP_SOURCES for s in settings.source)


def policies_of(settings: Settings) -> dict[str, DatasetPolicy]:
    """Dataset id to what the doors and steps are told about it."""
    return {d.id: policy_of(d) for d in settings.dataset}


def webhook_doors(settings: Settings) -> dict[str, WebhookDoor]:
    """Path to the source behind it."""
    return {
        s.path: WebhookDoor(
            source=SOURCES[s.type],
            dataset=s.dataset,
            secrets=secrets_of(s),
            verify_token=s.verify_token,
            options=SourceOptions(
                shop=s.shop, event_id=s.event_id, fields=s.fields, stages=s.stages, currency=s.currency
            ),
        )
        for s in settings.source
    }


def routes_of(settings: Settings) -> dict[str, Route]:
    """Dataset id to where its actions go and how long they are held."""
    return {
        d.id: Route(
            destinations=tuple(x.name for x in settings.destination if x.dataset == d.id),
            hold_ms={name: int(seconds * 1000) for name, seconds in d.hold.items()},
            require_consent=d.consent.require,
            orders=order_policy_of(d.orders),
            has_orders=has_orders(settings, d.id),
            # What is sent as measurement only, although it was denied, keeps nothing back.
            purposes={
                x.name: tuple(p for p in x.purposes if p not in d.consent.opt_out_when_denied)
                for x in settings.destination
                if x.dataset == d.id
            },
        )
        for d in settings.dataset
    }


def tag_pages(path: str) -> dict[str, Page]:
    """The tag under its short name, checked by ETag, and under the name with its digest, kept for a year."""
    etag = f'"{tag.digest()}"'
    common = (
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"etag", etag.encode()),
        (b"access-control-allow-origin", b"*"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    )

    def page(cache: bytes) -> Page:
        async def serve(request: Request) -> Answer:
            headers = (*common, (b"cache-control", cache))
            if etag in request.header(b"if-none-match"):
                return Answer(304, b"", headers)
            return Answer(200, tag.source(), headers)

        return serve

    return {
        f"{path}/twofold.js": page(b"public, max-age=3600"),
        f"{path}/twofold.{tag.digest()}.js": page(b"public, max-age=31536000, immutable"),
    }


def _settle_memory() -> None:
    """Takes what was loaded out of the garbage collector's sight and lets it look less often.

    A request makes some hundred objects that die with it, without cycles; looking through them every 700
    allocations cost 7 % of an accept.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Accepted connections inherit it; servers set it only on sockets they made themselves, and without it an
        # answer written in two parts waits 40 ms for the other side.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as err:
        reason = err.strerror or err
        raise ConfigError(f"cannot listen on {host} port {port}: {reason}; choose another with --port") from None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: they stop the workers too."""
        yield


def make_server(app: Any, host: str, port: int) -> uvicorn.Server:
    """The HTTP server with our guard, without its own signal handling and access log (URLs may carry tokens)."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        backlog=BACKLOG,
        log_config=None,
    )
    return _Server(config)


def port_of(server: uvicorn.Server) -> int:
    """The port that was taken."""
    return int(server.servers[0].sockets[0].getsockname()[1])


async def _listening(server: uvicorn.Server, serving: asyncio.Task[Any]) -> None:
    while not server.started:
        if serving.done():
            raise TwofoldError(f"cannot listen on {server.config.host}:{server.config.port}; is the port taken?")
        await asyncio.sleep(0.01)


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Runs a gateway until it is told to stop."""
    import uvloop

    os.umask(0o077)
    Path(settings.server.data).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def main() -> None:
        await Gateway(settings).run(on_ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
