"""A signal world through a gateway: its requests in the order of their time, by a clock that is moved along with them.

Owns the stage (gateway, sandbox, configuration) and the moving of time. Doors, store, gates, workers and the sandbox's wire are
the real ones; only time is made. What is planted is `simulate.signal`'s, what is found is `router`'s.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from twofold.app import Gateway
from twofold.collect.doors.seen import META as SEEN
from twofold.collect.messages import Pending, Request
from twofold.config import load_settings
from twofold.deliver.worker import Worker
from twofold.errors import TwofoldError
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.sandbox.server import SandboxSettings
from twofold.sandbox.server import serve as serve_sandbox
from twofold.simulate.signal.claims import exports_of
from twofold.simulate.signal.faults import OF_STAGE, troubled
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario
from twofold.simulate.signal.session import DAY_MS, SHOP, SITE
from twofold.simulate.signal.wire import DATASET, KEY, SECRET, Sent, requests_of

CONFIG = "twofold.toml"
CODE = "TEST4711"
HOUR_MS = 3_600_000
ENDS_AFTER_MS = 5 * DAY_MS
TOKEN = "signal-world-token-of-the-platform"  # of the sandbox
WAIT_S = 30.0

Progress = Callable[[int, int], None]


async def play(told: SignalScenario, folder: Path, until_ms: int, progress: Progress = lambda _done, _of: None) -> Path:
    """Plays the world into the folder, so that it ends at ``until_ms``; the configuration's path. ``progress``: hours."""
    first = until_ms - told.days * DAY_MS
    known: dict[str, tuple[str, ...]] = {TOKEN: (DATASET,)}
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    clock = _Moved(first)
    settings = SandboxSettings(host="127.0.0.1", port=0, tokens=known, ends=_ends(told, until_ms))
    sandbox = asyncio.create_task(serve_sandbox(settings, clock=clock, on_ready=ready.set_result, handle_signals=False))
    try:
        config = _configure(told, folder, await ready)
        await _run(told, config, clock, first, until_ms, known, progress)
        await asyncio.get_running_loop().run_in_executor(None, _import, told, config, first)
    finally:
        sandbox.cancel()
        await asyncio.gather(sandbox, return_exceptions=True)
    return config


def _ends(told: SignalScenario, until_ms: int) -> dict[str, int]:
    """When tokens end, as the platform tells it: nothing of one that never does."""
    ending = any(fault.kind is FaultKind.TOKEN_ENDS for fault in told.faults)
    return {TOKEN: (until_ms + ENDS_AFTER_MS) // 1000} if ending else {}


def _import(told: SignalScenario, config: Path, first: int) -> None:
    """What the platform said of its days, taken in when it was exported."""
    settings = load_settings(config)
    with tempfile.TemporaryDirectory(prefix="twofold-export-") as folder:
        for export in exports_of(told, first):
            path = Path(folder) / "export.csv"
            path.write_text(export.text, encoding="utf-8")
            import_statement(settings, StatementPlan(kind="spend", path=path), export.at)


class _Moved:
    """A clock that stands still until it is moved. Never backwards."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def to(self, at_ms: int) -> None:
        self.now_ms = max(self.now_ms, at_ms)


async def _run(
    told: SignalScenario,
    config: Path,
    clock: _Moved,
    first: int,
    until: int,
    known: dict[str, tuple[str, ...]],
    progress: Progress,
) -> None:
    settings = load_settings(config, port=0)
    plain = tuple(replace(d, test_event_code="") for d in settings.destination)  # until the fault comes
    gateway = Gateway(replace(settings, destination=plain), clock=clock)
    gateway.store.start()
    working = [asyncio.create_task(w.run()) for w in gateway.workers]
    stage = sorted((f for f in told.faults if f.kind in OF_STAGE), key=lambda f: f.day)
    sent = sorted(
        (s for session in troubled(told, first) for s in requests_of(session) if s.at < until), key=lambda s: s.at
    )
    hours = {hour: list(some) for hour, some in groupby(sent, key=lambda s: (s.at - first) // HOUR_MS)}
    try:
        for hour in range(told.days * 24):
            progress(hour, told.days * 24)
            for fault in (f for f in stage if (f.day - 1) * 24 == hour):
                _befall(fault, gateway, known)
            await _send(gateway, hours.get(hour, ()), clock)
            clock.to(first + (hour + 1) * HOUR_MS - 1)
            await _until_told(gateway, clock)
        progress(told.days * 24, told.days * 24)
        await gateway.notices.ask_token_ends()
        await gateway.store.keep_note(SEEN, gateway.webhooks.seen.encode())
    finally:
        for worker in gateway.workers:
            worker.stop()
        await asyncio.gather(*working, return_exceptions=True)
        await gateway.store.close()


async def _send(gateway: Gateway, requests: Sequence[Sent], clock: _Moved) -> None:
    waiting = []
    for sent in requests:
        clock.to(sent.at)
        headers = [(name.lower().encode(), value.encode()) for name, value in sent.headers]
        request = Request(sent.method, sent.path, sent.query.encode(), headers, "127.0.0.1", sent.body)
        reply = gateway.collector.doors.answer(request)
        if isinstance(reply, Pending):
            waiting.append(reply.future)
    if waiting:
        await asyncio.gather(*waiting)


async def _until_told(gateway: Gateway, clock: _Moved) -> None:
    """Until nothing is due any more, or the destination is paused."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_S
    for worker, destination in zip(gateway.workers, gateway.settings.destination, strict=True):
        worker.look()
        while await _is_due(gateway, worker, destination.name, clock):
            if loop.time() > deadline:
                raise TwofoldError(f"destination {destination.name}: expected its deliveries within {WAIT_S:.0f} s")
            await asyncio.sleep(0.002)


async def _is_due(gateway: Gateway, worker: Worker, name: str, clock: _Moved) -> bool:
    if worker.busy:
        return True
    pause = gateway.store.pause_of(name)
    if pause is not None and pause[1] > clock():
        return False
    due = await gateway.store.next_due(name)
    return due is not None and due <= clock()


def _befall(fault: Fault, gateway: Gateway, known: dict[str, tuple[str, ...]]) -> None:
    if fault.kind in (FaultKind.TOKEN_ENDS, FaultKind.RESTATES):
        return  # what the platform says is asked when the world is over
    if fault.kind is FaultKind.TOKEN_DEAD:
        del known[TOKEN]
        known["another-token"] = ()
    elif fault.kind is FaultKind.WRONG_DATASET:
        known[TOKEN] = ("999",)
    else:
        for worker, destination in zip(gateway.workers, gateway.settings.destination, strict=True):
            worker.retarget(replace(destination, test_event_code=CODE))


def _configure(told: SignalScenario, folder: Path, sandbox: str) -> Path:
    path = folder / CONFIG
    coded = any(fault.kind is FaultKind.TEST_CODE for fault in told.faults)
    code = f'test_event_code = "{CODE}"\n' if coded else ""
    path.touch(mode=0o600)
    path.write_text(
        f"""\
[server]
data = "data"
proxies = 1

[[dataset]]
id = "{DATASET}"
key = "{KEY}"
origins = ["{SITE}"]
consent.require = true

[[destination]]
platform = "meta"
dataset = "{DATASET}"
endpoint = "{sandbox}"
token = "{TOKEN}"
{code}
[[source]]
type = "shopify"
dataset = "{DATASET}"
shop = "{SHOP}"
secret = "{SECRET}"
""",
        encoding="utf-8",
    )
    return path
