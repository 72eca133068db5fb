"""The demo: starts receiver, gateway and shop, plays the orders, and prints every way of measuring beside the truth.

Owns the child processes, the temporary folder and the table. The numbers are read from the receiver, never from the
gateway: what counts is what arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from msgspec import structs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from twofold.errors import TwofoldError
from twofold.scratch import scratch_folder
from twofold.simulate.crossings import crossing_rows, crossings_table, crossings_told
from twofold.simulate.drive import Stage, drive
from twofold.simulate.register import ads_of, people_of
from twofold.simulate.shop import Shop, ShopSettings, serving
from twofold.simulate.truth import (
    CURRENCY,
    DEMO_ORDERS,
    Order,
    Today,
    Truth,
    consented_truth,
    make_orders,
    tally,
    whole_truth,
)
from twofold.simulate.world.fates import today_of
from twofold.simulate.world.folder import DATASET, Written, write_world
from twofold.simulate.world.play import Line, chain_rows, chain_table, chain_verdict, is_exact, play_world
from twofold.simulate.world.scenario import DEMO, Scenario, read_scenario

HOST = "127.0.0.1"
SHOP_NAME = "demo.myshopify.com"
CHAT_NAME = "chat.example"
HOLD_S = 2.0  # the ordinary 20 s would make everybody wait; the late webhooks are later than this
READY_S = 120.0  # one that ends is noticed at once; a busy machine takes a minute to compile all of it the first time
SETTLE_S = 60.0
STOP_S = 10.0

# One row of the table each: (name, dataset). Only the way of measuring differs between them.
WAYS: tuple[tuple[str, str], ...] = (
    ("pixel only", "1000000000000001"),
    ("server only", "1000000000000002"),
    ("both, not merged", "1000000000000003"),
    ("twofold", "1000000000000004"),
)
_DATASETS = dict(WAYS)

Tell = Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]  # rows of the first table, of the second


def run_demo(
    *,
    exit_after: bool = False,
    seed: int = 7,
    orders: int = DEMO_ORDERS,
    shop_port: int = 0,
    gateway_port: int = 0,
    sandbox_port: int = 0,
    console_port: int = 0,
    console: Console | None = None,
    tell: Tell | None = None,
    scenario: Path | None = DEMO,
) -> int:
    """Runs the whole demo; returns the exit status. Port 0 takes a free one, and so does one that is taken.

    ``tell`` gets the figures of both tables as rows, for a caller that wants no table.

    With ``exit_after`` it ends after the tables: 0 when Twofold's count and value equal the consented truth, and its chain
    the truth of the shop's past, else 1.
    Without, it stays up until it is interrupted. Raises `TwofoldError` when a part does not start or answer.
    """
    out = console or Console(stderr=tell is not None)
    with scratch_folder("twofold-demo-") as folder:
        demo = _Demo(folder, out, (shop_port, gateway_port, sandbox_port, console_port), tell)
        told = None if scenario is None else structs.replace(read_scenario(scenario), seed=seed)
        try:
            made = make_orders(seed, orders, told.today if told else Today())
            return asyncio.run(_until_signalled(demo.run(made, seed, exit_after, told)))
        except asyncio.CancelledError:
            out.print("Stopped.")
            return 0 if demo.finished else 130
        finally:
            demo.stop()


def _shop_settings(stage: Stage, config: Path) -> ShopSettings:
    hints = tuple(f"{_command()} {what} --config {config}" for what in ("events", "actions", "deliveries"))
    return ShopSettings(
        gateway=stage.gateway, sandbox=stage.sandbox, dataset=stage.twofold, name=stage.name, secret=stage.secret, hints=hints
    )  # fmt: skip


async def _until_signalled(work: Coroutine[Any, Any, int]) -> int:
    """SIGINT and SIGTERM end the work like a cancellation, so that everything is put away on the way out."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


class _Demo:
    """One running demo. ``stop`` may be called at any time, from any state."""

    def __init__(
        self,
        folder: Path,
        out: Console,
        ports: tuple[int, int, int, int],
        tell: Tell | None,
    ) -> None:
        self._folder = folder
        self._out = out
        self._tell = tell
        self._shop_port, self._gateway_port, self._sandbox_port, self._console_port = map(_if_free, ports)
        self._status_token = secrets.token_urlsafe(24)
        self._children: list[_Child] = []
        self._exits = contextlib.ExitStack()
        self.finished = False

    def stop(self) -> None:
        self._exits.close()

    async def run(self, orders: tuple[Order, ...], seed: int, exit_after: bool, told: Scenario | None) -> int:
        listener = self._exits.enter_context(_listen(self._shop_port))
        at = f"http://{HOST}:{listener.getsockname()[1]}"
        stage, config = await self._open(at, told, with_console=not exit_after)
        # The past of the shop goes through its files while the shoppers of today are at work.
        world = None
        if told is not None:
            world = write_world(self._folder / "world", told, today_of(told, time.time()), int(time.time()))
        async with (
            serving(Shop(_shop_settings(stage, config)), listener),
            aiohttp.ClientSession() as session,
            self._naming_the_dead(),
            _beside(_past_of(world, config)) as past,
        ):
            self._out.print(f"[bold]{len(orders)} orders[/], seed {seed}. {_mishaps(orders)}")
            counted = await self._play(session, orders, stage, seed)
            with busy(self._out, "Asking for the orders of chats and of two devices"):
                crossed = await crossings_told(orders, config)
            if self._tell is None and crossed:
                self._out.print(crossings_table(crossed))
            with busy(self._out, "Following the orders of the last weeks to the bank"):
                lines = await past
            if self._tell is not None:
                past_rows = chain_rows(world.key, lines) if world else []
                self._tell(_rows(orders, counted), [*crossing_rows(crossed), *past_rows])
            elif world is not None:
                self._out.print(chain_table(world.key, lines))
                self._out.print(chain_verdict(lines))
            self.finished = True
            if exit_after:
                right = counted["twofold"] == consented_truth(orders)
                return 0 if right and is_exact(lines) and all(one.exact for one in crossed) else 1
            await self._invite(stage, config, world)
            await self._watch_children()
        return 1

    async def _open(self, shop: str, told: Scenario | None, *, with_console: bool) -> tuple[Stage, Path]:
        """Starts receiver and gateway for a shop at this address: where all of them are, and the gateway's configuration."""
        token, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        names = [part for name, dataset in WAYS for part in ("--name", f"{dataset}={name}")]
        # The shoppers' addresses are of the ranges for documentation, because nobody real has them.
        accepted = ["--accept", "capi_ip_address_fake_ip"]
        where = ["--host", HOST, "--port", str(self._sandbox_port)]
        sandbox = await self._start("sandbox", ["-m", "twofold.sandbox", *where, *names, *accepted])
        config = self._configure(shop, sandbox, token, secret, told, with_console=with_console)
        gateway = await self._start("gateway", ["-m", "twofold", "serve", "--config", str(config)])
        _say_where(config, gateway)
        stage = Stage(
            gateway=gateway,
            sandbox=sandbox,
            shop=shop,
            name=SHOP_NAME,
            secret=secret,
            token=token,
            pixel_only=_DATASETS["pixel only"],
            server_only=_DATASETS["server only"],
            both=_DATASETS["both, not merged"],
            twofold=_DATASETS["twofold"],
            chat=CHAT_NAME,
        )
        return stage, config

    async def _play(
        self, session: aiohttp.ClientSession, orders: tuple[Order, ...], stage: Stage, seed: int
    ) -> dict[str, Truth]:
        """The orders of today, and what each way of measuring counted of them."""
        await _load(session, stage.sandbox, people_of(orders), ads_of(orders, _DATASETS, int(time.time()), seed))
        await self._drive(orders, stage, seed)
        await self._settled(session, stage.gateway)
        counted = await read_counts(session, stage.sandbox)
        if self._tell is None:
            self._out.print(comparison(orders, counted))
            self._out.print(_verdict(counted["twofold"] == consented_truth(orders)))
        return counted

    async def _invite(self, stage: Stage, config: Path, world: Written | None) -> None:
        """Says what can be looked at and bought now."""
        console = await self._children[-1].says(_CONSOLE)
        files = self._folder / "world" if world else None
        # Not wrapped at a width: a command that is cut in two fails where it is pasted.
        told = _invitation(stage.shop, stage.sandbox, stage.gateway, console, config, files)
        self._out.print(told, soft_wrap=True)

    async def _start(self, name: str, arguments: Sequence[str]) -> str:
        child = _Child(name, arguments, self._folder / f"{name}.log")
        self._exits.callback(child.stop)
        self._children.append(child)
        return await child.ready()

    def _configure(
        self, shop: str, sandbox: str, token: str, secret: str, told: Scenario | None, *, with_console: bool
    ) -> Path:
        """The gateway's configuration, in a folder that only this user can read and that goes with the demo."""
        dataset = _DATASETS["twofold"]
        data = self._folder / "data"
        text = f"""\
[server]
data = {json.dumps(str(data))}
host = "{HOST}"
port = {self._gateway_port}
status_token = "{self._status_token}"
proxies = 1                       # the driven browsers name their address in X-Forwarded-For

[[dataset]]
id = "{dataset}"
name = "Today's shop"
key = "{secrets.token_urlsafe(24)}"
origins = ["{shop}"]
hold_s = {{ Purchase = {HOLD_S} }}
consent.require = true

[[destination]]
platform = "meta"
name = "Meta (sandbox)"
dataset = "{dataset}"
endpoint = "{sandbox}"
token = "{token}"

[[source]]
type = "shopify"
dataset = "{dataset}"
shop = "{SHOP_NAME}"
secret = "{secret}"

[[source]]                        # what the operators sell in chats, and what Meta says of the ads that began them
type = "chat"
dataset = "{dataset}"
shop = "{CHAT_NAME}"
secret = "{secret}"
{_past(told)}{self._console(told) if with_console else ""}"""
        path = self._folder / "twofold.toml"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def _console(self, told: Scenario | None) -> str:
        return f"""
[console]
port = {self._console_port}
name = "The demo's shop"
timezone = {json.dumps(told.zone if told else "UTC")}
"""

    async def _drive(self, orders: tuple[Order, ...], stage: Stage, seed: int) -> None:
        with progress(self._out, "Shoppers at work") as told:
            await drive(orders, stage, seed=seed, progress=told)

    async def _settled(self, session: aiohttp.ClientSession, gateway: str) -> None:
        """Waits until the gateway has nothing left to deliver: the hold of the last orders has to pass first."""
        deadline = time.monotonic() + SETTLE_S
        shown = {"Authorization": f"Bearer {self._status_token}"}
        with busy(self._out, "Waiting for the last deliveries"):
            while True:
                async with session.get(f"{gateway}/health", headers=shown) as answer:
                    waiting = (await answer.json())["outbox"]["waiting"]
                if not waiting:
                    return
                if time.monotonic() > deadline:
                    raise TwofoldError(f"the gateway still has {waiting} deliveries waiting after {SETTLE_S:.0f} s")
                await asyncio.sleep(0.25)

    async def _watch_children(self) -> None:
        while all(child.running() for child in self._children):
            await asyncio.sleep(0.5)
        raise TwofoldError("a program of the demo has ended")

    @contextlib.asynccontextmanager
    async def _naming_the_dead(self) -> AsyncIterator[None]:
        """What went wrong is told by the last words of a program that has ended, if one has."""
        try:
            yield
        except (TwofoldError, aiohttp.ClientError) as err:
            for child in self._children:
                if not child.running():
                    raise TwofoldError(f"the {child.name} has ended by itself:\n{child.tail()}") from err
            raise


async def _past_of(world: Written | None, config: Path) -> list[Line]:
    return [] if world is None else await play_world(world, config=config)


def _past(told: Scenario | None) -> str:
    """The settings by which the shop's past is read into the same folder."""
    if told is None:
        return ""
    return f"""
[[dataset]]                       # the shop's past, from its files; nothing of it is told to anybody
id = "{DATASET}"
name = "The past, from files"
key = "{secrets.token_urlsafe(24)}"

[money]
order_prefixes = ["#", "Order "]

[chain]
currency = "{told.currency}"
timezone = "{told.zone}"
"""


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, list[Line]]) -> AsyncIterator[asyncio.Task[list[Line]]]:
    """The work under way while inside; given up on the way out, if it is not done."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# The child asks the kernel to be told when its parent dies, then becomes the program. Where there is no prctl
# (other systems than Linux) an ordinary end still stops it; only a killed demo would leave it behind.
_TIED = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
except (OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
_READY = re.compile(r"listening on (http://\S+)")
_CONSOLE = re.compile(r"comes in by (http://\S+)")


class _Child:
    """One program of the demo in a process group of its own, its output in a file."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _TIED, str(os.getpid()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops its children in order
            )

    async def ready(self) -> str:
        """The address it announces."""
        return await self.says(_READY)

    async def says(self, what: re.Pattern[str]) -> str:
        """The first thing of the kind that stands in its output."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            found = what.search(self._log.read_text("utf-8", "replace"))
            if found:
                return found[1]
            if not self.running():
                raise TwofoldError(f"the {self.name} did not start:\n{self.tail()}")
            await asyncio.sleep(0.05)
        raise TwofoldError(f"the {self.name} was not ready after {READY_S:.0f} s:\n{self.tail()}")

    def running(self) -> bool:
        return self._process.poll() is None

    def tail(self) -> str:
        return self._log.read_text("utf-8", "replace")[-2_000:].strip() or "(no output)"

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _if_free(port: int) -> int:
    """The port, or 0 when something listens there: the same addresses at each start, but never a failed one."""
    try:
        with socket.create_server((HOST, port)):
            return port
    except OSError:
        return 0


@contextlib.contextmanager
def busy(out: Console, what: str) -> Iterator[None]:
    """Says that something takes its time: a spinner on a terminal, a line where none is drawn, as in a file or a CI."""
    if out.is_terminal:
        with out.status(what):
            yield
    else:
        out.print(f"{what} …")
        yield


@contextlib.contextmanager
def progress(out: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Takes (done, total): a bar on a terminal, and a line for each quarter elsewhere."""
    if out.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    quarters = -1

    def told(done: int, total: int) -> None:
        nonlocal quarters
        if (reached := done * 4 // max(total, 1)) > quarters:
            quarters = reached
            out.print(f"{what}: {done} of {total}")

    yield told


def _say_where(config: Path, gateway: str) -> None:
    """The port that was taken where any would do: commands beside the gateway, and a browser's walk, know its door by it."""
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("\nport = 0\n", f"\nport = {urlsplit(gateway).port}\n", 1), encoding="utf-8")


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as err:
        raise TwofoldError(f"the shop cannot listen on {HOST}:{port}: {err.strerror}") from None


async def _load(session: aiohttp.ClientSession, sandbox: str, people: Any, ads: Any) -> None:
    """Tells the receiver whom it knows and which ads they clicked."""
    for what, body in (("people", people), ("ads", ads)):
        async with session.post(f"{sandbox}/sandbox/{what}", json=body) as answer:
            if not answer.ok:
                raise TwofoldError(f"the receiver does not take the demo's {what}: {await answer.text()}")


# -- what is shown


async def read_counts(session: aiohttp.ClientSession, sandbox: str) -> dict[str, Truth]:
    """What the receiver counts as Purchase, by the name of the way of measuring."""
    async with session.get(f"{sandbox}/sandbox/counts", params={"event_name": "Purchase"}) as answer:
        rows = {row["dataset"]: row for row in (await answer.json())["counts"]}
    return {name: _counted(rows.get(dataset)) for name, dataset in WAYS}


def _counted(row: Mapping[str, Any] | None) -> Truth:
    if row is None:
        return Truth(0, Decimal(0))
    return Truth(row["counted"], Decimal(row["value"].get(CURRENCY, "0")))


def comparison(orders: Sequence[Order], counted: Mapping[str, Truth]) -> Table:
    """The truth in two rows, then one row for each way of measuring with its distance to both, in orders."""
    books, consented = whole_truth(orders), consented_truth(orders)
    table = Table(title="Purchases the receiving side counted", title_justify="left")
    table.add_column("measured by", no_wrap=True)
    for heading in ("purchases", f"value {CURRENCY}", "to all orders", "to consented"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("truth: all orders", *_figures(books), "", "")
    table.add_row("truth: consented", *_figures(consented), "", "", end_section=True)
    for name, figures in counted.items():
        right = figures == consented
        style = "green" if right else "red" if name == "twofold" else ""
        table.add_row(name, *_figures(figures), _distance(figures, books), _distance(figures, consented), style=style)
    return table


def _rows(orders: Sequence[Order], counted: Mapping[str, Truth]) -> list[dict[str, Any]]:
    """The same for machines."""
    consented = consented_truth(orders)
    every = {"truth: all orders": whole_truth(orders), "truth: consented": consented, **counted}
    return [
        {
            "measured_by": name, "purchases": figures.count, "value": figures.value, "currency": CURRENCY,
            "expected": figures == consented if name == "twofold" else None,
        }
        for name, figures in every.items()
    ]  # fmt: skip


def _figures(truth: Truth) -> tuple[str, str]:
    return str(truth.count), f"{truth.value:,.2f}"


def _distance(counted: Truth, truth: Truth) -> str:
    """In orders, with the share that these are of the truth's orders."""
    if counted == truth:
        return "exact"
    share = 100 * (counted.count - truth.count) / truth.count if truth.count else 0
    return f"{counted.count - truth.count:+d} ({share:+.0f} %)"


def _mishaps(orders: Sequence[Order]) -> str:
    return "Among them: " + ", ".join(f"{name} {count}" for name, count in tally(orders).items()) + "."


def _verdict(right: bool) -> str:
    if right:
        return "Twofold told the receiver of every purchase that consent allows, each once, with its exact value."
    return "[bold red]Twofold's figures are not the consented truth.[/] That is a defect; please report the seed."


def _invitation(shop: str, sandbox: str, gateway: str, console: str, config: Path, world: Path | None) -> str:
    command = _command()
    past = (
        f"""
The shop's past, its files and the truth of it are in {world}:
  {command} orders show 2001 --config {config}
"""
        if world
        else ""
    )
    return f"""
Look at all of it, today's orders and the past ones to the bank, in the console. This link lets you in once:
  {console}

Buy something yourself and watch it arrive:
  the shop        {shop}/
  the receiver    {sandbox}/
  its ads         {sandbox}/ads (what each way of measuring makes of the same spend)
  the gateway     {gateway}/health

In another terminal:
  {command} actions --config {config}
  {command} deliveries --config {config}
  {command} verify --config {config}
{past}
Ctrl-C ends everything and removes {config.parent}."""


def _command() -> str:
    """How this user can call the commands from here: by name when that is on the path, else by its place."""
    if shutil.which("twofold"):
        return "twofold"
    script = Path(sys.executable).with_name("twofold")
    if not script.exists():
        return f"{sys.executable} -m twofold"
    return str(script.relative_to(Path.cwd())) if script.is_relative_to(Path.cwd()) else str(script)
