"""How the whole is doing: the page for monitors, and the gauges that belong to no single room.

Owns the status of a gateway and what it rests on. Not: the counters of collecting and delivering, which their rooms
keep themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import Any

import apsw
import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from twofold import __version__
from twofold.backup.state import last_backup
from twofold.clock import Clock, TrustedTime
from twofold.collect.access import bearer_of, client_address, key_fits
from twofold.collect.limits.quarantine import Quarantine
from twofold.collect.messages import Answer, Request
from twofold.errors import StoreError
from twofold.event.addresses import MAX_ADDRESS, split_list
from twofold.privacy.retention import Retention
from twofold.privacy.tombstones import damaged_erasures
from twofold.report.database_watch import DatabaseWatch
from twofold.store.beside.withdrawn_file import FILE as WITHDRAWALS
from twofold.store.lists import Reader
from twofold.store.secret import FILE as ERASURES
from twofold.store.sqlite.commit import PATIENCE_S
from twofold.store.sqlite.page_check import DAMAGED
from twofold.store.store import Store

LATE_AFTER_S = 300.0  # what is due should have been tried by then
STUCK_AFTER_S = 900.0  # a due delivery that nobody has tried for so long means that delivering has stopped
RETENTION_ALARM_S = 86_400.0  # data that should have been emptied a day ago: somebody has to look


UNSETTLED = frozenset({"waiting", "paused"})
STATUSES = ("idle", "ok", "degraded", "stuck", "damaged", "failed", "leaving")

TEXT = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))
UNSEEN = b"metrics are for who shows server.status_token as Authorization: Bearer; see docs/wire.md\n"
COUNT_TIMES, COUNT_WAIT_S, COUNT_MOST_S = 20, 1.0, 300.0
"""All deliveries are counted again after twenty times of what it took; an answer waits for the first count this long."""
LOOP_TICK_S = 0.05
LOOP_WINDOW_S = 900  # the longest stop is that of the last quarter of an hour


class HealthPage:
    """The page `/health` of one running gateway: one word for anybody, everything for who shows the status token."""

    def __init__(
        self,
        store: Store,
        retention: Retention,
        shares: Quarantine,
        loop: LoopWatch,
        clock: Clock,
        token: bytes | None = None,
        proxies: int = 0,
        delivers: bool = True,
    ) -> None:
        """``proxies``: how many are believed to stand in front, see `client_address`. ``delivers``: whether this process sends
        what waits; what others do not send is no reason to take no events."""
        self._delivers = delivers
        self.leaving = False
        """True once the process was told to end: who balances load sends its requests elsewhere."""
        self._token = token
        self._proxies = proxies
        self._loop = loop
        self.store = store
        self.retention = retention
        self.shares = shares
        self.clock = clock
        self.started_at = clock()
        self.findings: dict[str, Any] | None = None  # what must not be done yet, once that was looked for
        self._last: tuple[int, dict[str, Any]] | None = None
        self._counts = Counts(store.folder)
        self._database = DatabaseWatch(store.folder)
        self._damaged_lines = {ERASURES: damaged_erasures(store.folder), WITHDRAWALS: store.damaged_withdrawals}

    async def answer(self, request: Request) -> Answer:
        """How much a shop sells, and whether an order is known already, are nobody's business but the operator's."""
        now = self.clock()
        report = await self.report(now)
        if self.leaving:
            report = report | {"status": "leaving"}
        status = 200 if report["status"] in ("ok", "idle", "degraded") else 503
        if not shows_token(request, self._token):
            word = "ok" if report["status"] == "idle" else report["status"]
            return Answer(status, f"{word}\n".encode(), TEXT)
        more: dict[str, Any] = {
            "quarantine": self.shares.page(now),
            "loop": {"longest_stop_s": round(self._loop.longest_s, 3)},
        }
        if self.findings is not None:
            more["signal"] = self.findings
        if isinstance(self.clock, TrustedTime):
            more["clock"] = self.clock.report()
        return Answer(status, msgspec.json.encode(report | more | {"client": self._client(request)}))

    def _client(self, request: Request) -> dict[str, Any]:
        """Who the asker is taken for, and by which hops: so that the number of proxies can be tried from outside."""
        forwarded = request.header(b"x-forwarded-for")
        return {
            "address": client_address(request.peer, forwarded, self._proxies),
            "hops": split_list(forwarded[-MAX_ADDRESS:]),
        }

    async def report(self, now: int) -> dict[str, Any]:
        """How it is doing; counted anew at most twice a second, as counting is not free."""
        if self._last is None or now - self._last[0] >= 500:
            await self._counts.bring(now)
            found = await asyncio.get_running_loop().run_in_executor(None, self._read, now)
            self._last = (now, found)
        return self._last[1]

    def collect(self) -> Any:
        """For the registry: what was last counted. Whoever scrapes has it counted first."""
        report = self._last[1] if self._last is not None else {}
        status = GaugeMetricFamily("twofold_status", "1 for the word that /health says.", labels=["status"])
        for word in STATUSES:
            status.add_metric((word,), int(report.get("status") == word))
        yield status
        outbox = report.get("outbox", {})
        yield GaugeMetricFamily(
            "twofold_overdue_seconds",
            "How long the oldest due delivery has not been tried.",
            value=outbox.get("overdue_s", 0),
        )
        states = GaugeMetricFamily("twofold_deliveries", "Deliveries by state.", labels=["destination", "state"])
        paused = GaugeMetricFamily(
            "twofold_destination_paused", "1 while nothing is sent there.", labels=["destination"]
        )
        for name, counts in outbox.get("destinations", {}).items():
            for state, count in counts.items():
                if state != "paused_for":
                    states.add_metric((name, state), count)
            paused.add_metric((name,), int(bool(counts["paused_for"])))
        yield states
        yield paused
        held = GaugeMetricFamily(
            "twofold_do_not_yet", "Findings for whose sake budgets, bids and creative must not be changed yet."
        )
        if self.findings is not None:  # before it was looked for, nothing is said of it
            held.add_metric((), len(self.findings["do_not_yet"]))
        yield held
        yield from self._database.collect()

    def _read(self, now: int) -> dict[str, Any]:
        try:
            return self._counted(now)
        except (
            StoreError,
            apsw.Error,
        ) as err:  # the folder is gone, or cannot be read: that is what a monitor asks for
            return {"status": "failed", "version": __version__, "problem": f"the data folder cannot be read: {err}"}

    def _counted(self, now: int) -> dict[str, Any]:
        with Reader(self.store.folder) as reader:
            tally, waiting_by = reader.tally(), reader.waiting()
            oldest_due_ms = reader.oldest_due()
        overdue_s = max(0.0, (now - oldest_due_ms) / 1000) if oldest_due_ms is not None else 0.0
        waiting = sum(states.get("waiting", 0) for states in waiting_by.values())
        outbox = self._counts.with_waiting(waiting_by)
        late_s = max(self.retention.late_s.copy().values(), default=0.0)
        damaged = self.store.altered or self.store.page_check.state == DAMAGED
        late_commit_s = self.store.late_s
        stuck = late_commit_s > PATIENCE_S or (self._delivers and overdue_s > STUCK_AFTER_S)
        # A paused destination loses nothing, so traffic must not be sent elsewhere: it is said, with status 200.
        # Nor may it be for a damaged line of a file beside the database: what it said counts on in the database.
        degraded = overdue_s > LATE_AFTER_S or any(self.store.pause_of(name) for name in waiting_by)
        degraded = degraded or any(self._damaged_lines.values())
        database = self._database.look()
        degraded = degraded or bool(database and database["problems"])
        status = "stuck" if stuck else "degraded" if degraded else "ok"
        status = "failed" if self.store.failed else "damaged" if damaged else status
        return ({"database": database} if database else {}) | {
            "status": status if tally.get("accepted") or status != "ok" else "idle",
            "version": __version__,
            "uptime_s": (now - self.started_at) // 1000,
            "journal": {
                "accepted": tally.get("accepted", 0),
                "refused": tally.get("refused", 0),
                "waiting_for_disk": self.store.queued,
                "last_commit_s_ago": (now - self.store.last_commit_ms) / 1000,
                "late_s": round(late_commit_s, 1),
                "watermark": self.store.watermark.lag(),
            },
            # Not part of the status: who is told "down" sends traffic elsewhere, and that would help nobody's privacy.
            "retention": {"state": "alarm" if late_s > RETENTION_ALARM_S else "ok", "late_s": late_s},
            "integrity": {
                **self.store.page_check.report(),
                "altered_while_closed": self.store.altered_file or "",
                "damaged_lines": self._damaged_lines,
            },
            # Nor is this: a gateway without a backup takes events as well as one that has it.
            "backup": self._backup(now),
            "outbox": {
                "waiting": waiting,
                "altered": self.store.altered,
                "overdue_s": overdue_s,
                "counted_s_ago": self._counts.age_s(now),
                "destinations": {
                    name: {**states, "paused_for": (self.store.pause_of(name) or ("", 0))[0]}
                    for name, states in outbox.items()
                },
            },
        }

    def _backup(self, now: int) -> dict[str, Any]:
        """When this folder was last kept elsewhere; an age of None: never."""
        last = last_backup(self.store.folder)
        return {
            "age_s": now // 1000 - last.at if last.at else None,
            "position": last.position,
            "erasures_age_s": now // 1000 - last.erasures_at if last.erasures_at else None,
            "erasures_behind": last.erasures_behind(self.store.folder),
        }


class Counts:
    """Deliveries that are settled, by destination and state: counted beside the answers, as walking over millions takes a
    second or more, and not more often than for a twentieth of the time. What waits is told by its index, at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, dict[str, int]] = {}
        self._at: int | None = None  # ms
        self._again_at = 0
        self._counting: asyncio.Future[None] | None = None

    async def bring(self, now: int) -> None:
        """Begins to count where it is time to, and waits a moment for it."""
        if self._counting is None or self._counting.done():
            if now < self._again_at:
                return
            self._counting = asyncio.get_running_loop().run_in_executor(None, self._count, now)
        await asyncio.wait({self._counting}, timeout=COUNT_WAIT_S)

    def _count(self, now: int) -> None:
        began = time.perf_counter()
        try:
            with Reader(self._folder) as reader:
                self._found, self._at = reader.outbox(), now
        except (StoreError, apsw.Error):
            return  # the report says so itself
        self._again_at = now + int(1000 * min(COUNT_MOST_S, COUNT_TIMES * (time.perf_counter() - began)))

    def with_waiting(self, waiting: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        """All states of each destination that has any delivery."""
        settled = {
            name: {state: n for state, n in states.items() if state not in UNSETTLED}
            for name, states in self._found.items()
        }
        whole = {name: {**settled.get(name, {}), **states} for name, states in waiting.items()}
        return {name: states for name, states in whole.items() if states}

    def age_s(self, now: int) -> float | None:
        """How old the counts are; None before the first."""
        return None if self._at is None else max(0.0, (now - self._at) / 1000)


FRONT = (
    "This is a Twofold gateway: it takes a shop's conversion events and tells the ad platforms of each once.\n"
    "Nothing is shown here. Whoever runs it looks with the command twofold on its machine, or at /health.\n"
)


async def front_page(_request: Request) -> Answer:
    """The page `/`: one word to a person who comes by, never an error of an API."""
    return Answer(200, FRONT.encode(), TEXT)


class MetricsPage:
    """The page `/metrics`: everything in one registry, as Prometheus reads it, for who shows the status token."""

    def __init__(self, registry: CollectorRegistry, health: HealthPage, token: bytes | None) -> None:
        self._registry = registry
        self._health = health
        self._token = token

    async def answer(self, request: Request) -> Answer:
        """The registry's figures as text."""
        if not shows_token(request, self._token):
            return Answer(401, UNSEEN, (*TEXT, (b"www-authenticate", b"Bearer")))
        await self._health.report(self._health.clock())
        text = generate_latest(self._registry)
        return Answer(200, text, ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


def shows_token(request: Request, token: bytes | None) -> bool:
    """True for a request with the status token in its ``Authorization: Bearer`` header; never where none is set."""
    return key_fits(bearer_of(request.header(b"authorization")), token)


class LoopWatch:
    """How long the loop has at most not come back to what waits for it. Ticks beside the rest; a late tick is a stop."""

    def __init__(self) -> None:
        self._stops: deque[tuple[float, float]] = deque()  # (when, how long), the longest first

    async def run(self) -> None:
        """Ticks until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOP_TICK_S
            await asyncio.sleep(LOOP_TICK_S)
            self.note(loop.time(), loop.time() - due)

    def note(self, now: float, late_s: float) -> None:
        """One tick. What is shorter and older than another stop is forgotten: it can never be the longest again."""
        while self._stops and self._stops[-1][1] <= late_s:
            self._stops.pop()
        self._stops.append((now, late_s))
        while self._stops[0][0] < now - LOOP_WINDOW_S:
            self._stops.popleft()

    @property
    def longest_s(self) -> float:
        """The longest stop of the last quarter of an hour."""
        return self._stops[0][1] if self._stops else 0.0

    def collect(self) -> Any:
        """For the registry."""
        yield GaugeMetricFamily(
            "twofold_loop_longest_stop_seconds",
            "How long the event loop was busy with one thing at most, in the last quarter of an hour.",
            value=self.longest_s,
        )


class StoreMetrics:
    """Read at scrape time from the store's own counters, so they cannot drift from them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Any:
        yield GaugeMetricFamily(
            "twofold_waiting_for_disk", "Events handed to the writer and not committed.", value=self._store.queued
        )
        yield GaugeMetricFamily(
            "twofold_commit_late_seconds",
            "How long events have waited without anything being committed; 0 while none waits.",
            value=self._store.late_s,
        )
        yield GaugeMetricFamily(
            "twofold_last_commit_timestamp_seconds",
            "When the last commit returned.",
            value=self._store.last_commit_ms / 1000,
        )
        yield GaugeMetricFamily(
            "twofold_damaged",
            "1 when something stored is not what was written: an altered delivery, or pages that are not sound.",
            value=int(bool(self._store.altered) or self._store.page_check.state == DAMAGED),
        )
        last = last_backup(self._store.folder)
        yield GaugeMetricFamily(
            "twofold_backup_timestamp_seconds", "When the last backup was taken; 0: never.", value=last.at
        )
        yield GaugeMetricFamily(
            "twofold_erasures_backup_timestamp_seconds",
            "When the files of erasures and withdrawals were last copied; 0: never.",
            value=last.erasures_at,
        )
        yield GaugeMetricFamily(
            "twofold_erasures_backup_behind",
            "1 when somebody was erased or withdrew since that copy, or there is none.",
            value=int(last.erasures_behind(self._store.folder)),
        )


class RetentionMetrics:
    """How far retention is behind, as of its last step."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def collect(self) -> Any:
        family = GaugeMetricFamily(
            "twofold_retention_late_seconds", "How long the oldest data to be emptied is overdue.", labels=["kind"]
        )
        for kind, seconds in self._retention.late_s.copy().items():  # whoever scrapes may be on another thread
            family.add_metric((kind,), seconds)
        yield family
