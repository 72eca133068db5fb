"""The options of ``twofold senders`` that take a real browser through the shop.

Owns what is typed, which hosts may be opened, and what is told while it walks and of how it ended. The walk is
`senders.browser`'s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twofold.commands.output.printing import plain, say
from twofold.errors import ConfigError

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.senders.browser.walk import Order, Walk


def walk_as_told(
    settings: Settings, start: str, steps: Path | None, accept: str, dataset: str | None, write: Path | None
) -> Walk:
    """Walks, telling each part on standard error; keeps the calls in a file where one is named. Raises `ConfigError`."""
    from twofold.senders.browser.walk import require_browser, take_walk

    if start and steps is not None:
        raise ConfigError("--walk and --steps: expected one of them, got both: a recording says itself where it begins")
    order = _order(settings, start, steps, accept, dataset)
    require_browser()
    print("Walking the shop with a real browser, at most 5 minutes; the platforms hear of the visit.", file=sys.stderr)
    walk = take_walk(order, lambda text: print(plain(text), file=sys.stderr, flush=True))
    if write is not None:
        _write(write, walk)
    return walk


def _order(settings: Settings, start: str, steps: Path | None, accept: str, dataset: str | None) -> Order:
    from twofold.policies import doors_seen
    from twofold.senders.browser.recorder import read_recording, starts_at
    from twofold.senders.browser.walk import Order, check_start

    host = urlsplit(start or starts_at(steps)).netloc.lower()
    hosts = _hosts(settings, dataset, host)
    doors = doors_seen(settings, hosts)
    if steps is not None:
        return Order(hosts=hosts, doors=doors, recording=read_recording(steps, hosts), accept=accept)
    check_start(start, hosts)
    return Order(hosts=hosts, doors=doors, start=start, accept=accept)


def _hosts(settings: Settings, dataset: str | None, host: str) -> frozenset[str]:
    """Those of the dataset that is named, else of the one to which the first page belongs, else of any."""
    from twofold.senders.browser.walk import hosts_of

    known = {d.id: hosts_of(d.origins) for d in settings.dataset}
    if dataset is not None:
        if dataset not in known:
            raise ConfigError(f"--dataset: expected one of {', '.join(known) or '(none is configured)'}, got {dataset}")
        return known[dataset]
    return next((hosts for hosts in known.values() if host in hosts), frozenset[str]().union(*known.values()))


def _write(path: Path, walk: Walk) -> None:
    import msgspec

    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(walk.calls), indent=1) + b"\n")
    except OSError as err:
        raise ConfigError(f"--write {path}: cannot be written: {err.strerror}") from err


# -- words


def walk_row(walk: Walk) -> dict[str, Any]:
    """How a walk went, as a line of ``--json``."""
    return {
        "whole": walk.whole, "ended": walk.ended, "took_s": walk.took_s, "notes": list(walk.notes),
        "steps": [{"name": s.name, "done": s.done, "page": s.page} for s in walk.steps],
        "calls": sum(c.count for c in walk.calls),
        "libraries": [{"platform": c.platform, "account": c.account, "script": c.script, "loads": c.count} for c in walk.libraries],
    }  # fmt: skip


def print_walk(walk: Walk) -> None:
    """For people: what was reached, what the site did besides, and why it ended if it did before its end."""
    done = ", ".join(s.name for s in walk.steps if s.done) or "nothing"
    say(f"The browser reached: {plain(done)}; {sum(c.count for c in walk.calls)} calls in {walk.took_s:g} s.")
    for note in walk.notes:
        say(f"  {plain(note)}")
    if not walk.whole:
        say(f"The walk ended before its end: {plain(walk.ended)}. What was seen until then stands above.")
    if walk.libraries:
        loads = ", ".join(dict.fromkeys(f"{c.platform} by {c.script}" for c in walk.libraries))
        say(f"Platforms' own scripts were asked for: {plain(loads)}.")
