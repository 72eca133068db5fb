"""The book of what is to be asked for: things by id, what a list showed of them, how far each list is read.

Owns the tables fetch_wanted, fetch_seen and fetch_door. Every function runs inside a transaction of the store; none asks anybody.
Ids are a shop's own numbers and names of payments; nothing of a person is in here.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from twofold.store.engine import Database

MOST_WAITING = 5_000
"""Things of one source that notices may make wait: a flood of them is refused, as whoever knows the address may send it."""
SOON_MS = 3_600_000
FAR_MS = 2 * 86_400_000
"""No turn is further away: one that is was set by a clock that was wrong."""


class Wanted(Struct, frozen=True):
    """A thing whose turn it is. ``named``: how often by now; times in ms."""

    thing: str
    first_at: int
    named: int
    tries: int


class Listed(Struct, frozen=True):
    """What a list shows of one thing. ``at``: the shop's own time of change, s; ``version`` differs whenever what it shows does."""

    thing: str
    at: int
    version: bytes


class DoorState(Struct, frozen=True, kw_only=True):
    """How a source stands. ``until``: s, of the shop's clock; None before the first look. Others in ms; ``code`` is empty when all is well."""

    until: int | None = None
    came_at: int | None = None
    code: str = ""
    who: str = ""
    said: str = ""
    since_at: int = 0


def want(engine: Database, door: str, things: Sequence[str], now_ms: int) -> bool:
    """Things that a notice names; False where so many wait that none more is taken."""
    if waiting(engine, door, now_ms) + len(things) > MOST_WAITING:
        return False
    want_at(engine, door, things, now_ms)
    return True


def want_at(engine: Database, door: str, things: Sequence[str], at_ms: int) -> None:
    """Wants things at a time; one that waits comes at the sooner of both, and one that failed when it is tried again."""
    engine.run_rows("want_things", [(door, thing, at_ms, 1, at_ms, 0) for thing in dict.fromkeys(things)])


def first(engine: Database, door: str, now_ms: int) -> Wanted | None:
    rows = engine.run("first_wanted", (door, now_ms, now_ms + FAR_MS))
    return Wanted(*rows[0]) if rows else None


def next_turn(engine: Database, door: str) -> int | None:
    ((due_at,),) = engine.run("next_wanted", (door,))
    return None if due_at is None else int(due_at)


def waiting(engine: Database, door: str, now_ms: int) -> int:
    """How many wait, those aside whose turn is far."""
    return int(engine.run("count_wanted", (door, now_ms + SOON_MS))[0][0])


def came(engine: Database, door: str, wanted: Wanted, now_ms: int) -> None:
    """A thing is fetched and kept, or given up. One that was named again meanwhile has another turn at once."""
    engine.run("thing_came", (door, wanted.thing, wanted.named))
    if not engine.changes():
        engine.run("thing_again", (door, wanted.thing, now_ms, 0))


def again(engine: Database, door: str, wanted: Wanted, due_at: int) -> None:
    """A thing that could not be had now."""
    engine.run("thing_again", (door, wanted.thing, due_at, wanted.tries + 1))


def listed(engine: Database, door: str, page: Sequence[Listed], until: int, overlap_s: int, now_ms: int) -> int:
    """A page of a list: what it shows for the first time, or otherwise than before, is wanted, and the list is read so far. All of it
    at once, so that nothing is passed over whenever the machine stops. How many are wanted by it."""
    since = min((one.at for one in page), default=until)
    known = {str(thing): bytes(version) for thing, version in engine.run("seen_things", (door, since - overlap_s))}
    new = [one for one in page if known.get(one.thing) != one.version]
    want_at(engine, door, [one.thing for one in new], now_ms)
    engine.run_rows("see_things", [(door, one.thing, one.version, one.at) for one in new])
    engine.run("read_until", (door, until))
    engine.run("forget_seen", (door, until - 2 * overlap_s))
    return len(new)


def state(engine: Database, door: str) -> DoorState:
    rows = engine.run("select_fetch_door", (door,))
    if not rows:
        return DoorState()
    until, came_at, code, who, said, since_at = rows[0]
    return DoorState(until=until, came_at=came_at, code=str(code), who=str(who), said=str(said), since_at=int(since_at))


def answered(engine: Database, door: str, now_ms: int) -> None:
    engine.run("source_answered", (door, now_ms, "", "", "", 0))


def refused(engine: Database, door: str, code: str, who: str, said: str, now_ms: int) -> None:
    """A problem that stands. The first time of the same one stays."""
    before = state(engine, door)
    engine.run("source_answered", (door, None, code, who, said, before.since_at if before.code == code else now_ms))
