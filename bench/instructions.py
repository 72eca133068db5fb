"""(r) What a copy costs in instructions: by each door, with signs of visits and without; and a delivery that is claimed, and settled.

Counted by valgrind, so it can be read on a machine that is busy with other work, and two versions be compared to a part of a
percent. It says how much there is to do, not how quickly a processor does it, nor what the system does to write pages. Each way is
a process of its own, in which counting is switched on when all is ready.

``python -m bench.instructions tag claim`` counts these two and prints them; ``--callgrind FILE`` also keeps the profile of the last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import Row, sized
from bench.browsers import TOGETHER, Around, by_pixel, by_server, by_tag, by_view, by_webhook, seconds_of, without_signs
from bench.mapping import payload_of
from bench.mix import claim_cost, settle_cost
from bench.purchase import purchase, shopper
from bench.ten import PLATFORMS
from twofold.clock import now_ms
from twofold.collect.steps.draft import Origin
from twofold.event.json import read_json
from twofold.event.model import Channel, Tier, encode

COPIES, EVENTS = sized(500, 10), sized(2_000, 500)
DELIVERIES = EVENTS * 16 // 20  # of such events, as the mix makes them
SMALL = sized(False, True)
INSIDE = "TWOFOLD_BENCH_COUNTED"  # set in the process whose instructions are counted
_COUNTED = re.compile(r"Collected : (\d+)")


@contextlib.contextmanager
def counting() -> Iterator[None]:
    _switch("on")
    try:
        yield
    finally:
        _switch("off")


def _switch(to: str) -> None:
    command = ["callgrind_control", "-i", to, str(os.getpid())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _nothing(around: Around) -> None:
    with around():
        pass


def _mapping(around: Around) -> None:
    """As (a) has it: a Purchase of a server, from its fields to the bytes for Meta."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="api", tier=Tier.T2, received_at=now_ms())
    events = [read_json(encode(purchase(f"order-{n}", shopper(n)))) for n in range(COPIES)]
    for event in events:
        payload_of(event, origin)
    with around():
        for event in events:
            payload_of(event, origin)


def _claim(around: Around) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(claim_cost(Path(folder), EVENTS, around))


def _settle(around: Around) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(settle_cost(Path(folder), EVENTS, around))


_COUNT = COPIES + TOGETHER  # the first of them are not counted
WAYS: dict[str, Callable[[Around], object]] = {
    "nothing": _nothing,  # switching, which is taken off the others
    "mapping": _mapping,
    "tag": lambda around: seconds_of(by_tag(1, _COUNT), around),
    "tag-bare": lambda around: without_signs(by_tag(1, _COUNT), around),
    "pixel": lambda around: seconds_of(by_pixel(1, _COUNT), around),
    "pixel-bare": lambda around: without_signs(by_pixel(1, _COUNT), around),
    "server": lambda around: seconds_of(by_server(1, _COUNT), around),
    "server-bare": lambda around: without_signs(by_server(1, _COUNT), around),
    "view": lambda around: seconds_of(by_view(1, _COUNT), around),
    "view-ten": lambda around: seconds_of(by_view(1, _COUNT), around, PLATFORMS),
    "server-ten": lambda around: seconds_of(by_server(1, _COUNT), around, PLATFORMS),
    "webhook": lambda around: seconds_of(by_webhook(1, _COUNT), around),
    "claim": _claim,
    "settle": _settle,
}
"""Each does its work, and says when. ``bare``: without the record of touches; ``ten``: told to ten platforms,
of which each has its rows, and its hashes of contact data by rules of its own."""

KNOWN = {"mapping": 155, "tag": 651}
"""Thousand instructions on 2026-11-30, Python 3.11.7. More than 3 % above is a loss, or a cost that has to be named."""


def bench_instructions() -> list[Row]:
    if not SMALL and shutil.which("callgrind_control") is None:
        print("(r) is left out: there is no valgrind here", file=sys.stderr)
        return []
    of = dict(instructions())
    return [
        Row(name="(r) instructions of a page view by the tag, with touches against without", ratio=of["tag"] / of["tag-bare"],
            target=1.10, at_most=True, detail="visits of five pages; from the request to the commit, closing not counted"),
        Row(name="(r) the same by the pixel", ratio=of["pixel"] / of["pixel-bare"], target=1.10, at_most=True),
        Row(name="(r) the same of a server's Purchase", ratio=of["server"] / of["server-bare"], target=1.01, at_most=True),
        *(Row(name=f"(r) thousand instructions: {way}", ratio=of[way] / 1000, target=known * 1.03, at_most=True, unit="k",
              detail="the target is 3 % more than when it was last looked at") for way, known in KNOWN.items()),
    ]  # fmt: skip


def instructions(ways: tuple[str, ...] = (), profile: str = "/dev/null") -> Iterator[tuple[str, float]]:
    """Of one copy or delivery, by way; of all ways where none is named."""
    idle = _counted("nothing", "/dev/null")
    for way in ways or tuple(way for way in WAYS if way != "nothing"):
        yield way, (_counted(way, profile) - idle) / (DELIVERIES if way in ("claim", "settle") else COPIES)


def _counted(way: str, profile: str) -> int:
    """Instructions of a process while it counted; in the smallest size the way is only run."""
    if SMALL:
        WAYS[way](contextlib.nullcontext)
        return int(way != "nothing")
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}"]
    done = subprocess.run(
        [*valgrind, sys.executable, "-B", "-m", "bench.instructions", way],
        env={**os.environ, "PYTHONHASHSEED": "0", INSIDE: "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    counted = _COUNTED.search(done.stderr)
    if done.returncode or counted is None:
        raise RuntimeError(f"{way} was not counted: {done.stderr[-1500:]}")
    return int(counted[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("way", nargs="*", choices=[*WAYS, []], help="all when none is named")
    parser.add_argument("--callgrind", default="/dev/null", help="where the profile of the last is kept")
    given = parser.parse_args()
    if INSIDE in os.environ:
        WAYS[given.way[0]](counting)
        return
    for way, each in instructions(tuple(given.way), given.callgrind):
        print(f"{way}: {each:,.0f}", flush=True)


if __name__ == "__main__":
    main()
