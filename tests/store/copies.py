"""Copies by their short facts, an open store, and a claim: what the tests of the store share."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw

from tests.databases import PEER
from twofold.errors import StoreAway
from twofold.event.delivery import Delivery, DeliveryState, Settlement
from twofold.event.model import (
    Channel,
    Consent,
    Content,
    CustomData,
    Event,
    Hashed,
    Tier,
    UserData,
    decode_event,
    encode,
)
from twofold.report.verify import verify
from twofold.store import engines
from twofold.store.beside.folder import DATABASE
from twofold.store.fold import FoldVerdict
from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.secret import FILE as SECRET
from twofold.store.store import Store

NOW = 1_790_000_000_000  # ms
DAY = 86_400_000
HOLD = 20_000
LEASE = 60_000
PLACE = {"client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0"}
"""One browser's address and agent: by them the shop's copies and a browser's are of one buyer."""
BROWSER, SERVER = Channel.BROWSER, Channel.SERVER
FIRST, REPEAT, TWIN, CONFLICT = FoldVerdict.FIRST, FoldVerdict.REPEAT, FoldVerdict.TWIN, FoldVerdict.CONFLICT


def copy(
    event_id: str | None = "e1",
    channel: Channel = SERVER,
    *,
    name: str = "Purchase",
    dataset: str = "1",
    value: str | None = "42.50",
    currency: str | None = "EUR",
    order: str | None = None,
    ids: tuple[str, ...] = (),
    lines: tuple[str, ...] = (),
    tier: Tier | None = None,
    at: int = NOW,
    consent: Consent = Consent.UNSTATED,
    em: str = "",
    happened: int | None = None,
    **user: Any,
) -> Event:
    """One copy; ``event_id`` None is a copy without one. ``at`` is when it was received, in ms."""
    return Event(
        dataset=dataset,
        event_name=name,
        event_id=event_id or f"tf-{at}-{channel}-{order}",
        id_given=event_id is not None,
        event_time=(at if happened is None else happened) // 1000,
        received_at=at,
        channel=channel,
        sender="test",
        tier=tier if tier is not None else Tier.T0 if channel is BROWSER else Tier.T2,
        consent=consent,
        user_data=UserData(em=(Hashed("meta", em * 64),) if em else (), **user),
        custom_data=CustomData(
            value=None if value is None else Decimal(value),
            currency=currency if value is not None else None,
            order_id=order,
            content_ids=ids,
            contents=tuple(Content(id=i, quantity=1) for i in lines),
        ),
    )


def copy_of_buyer(event_id: str | None = "e1", channel: Channel = SERVER, **facts: Any) -> Event:
    """The same, at one and the same address and agent, by which all copies are one buyer's."""
    return copy(event_id, channel, **PLACE | facts)


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    at: int = NOW,
    destinations: tuple[str, ...] = ("meta-1",),
    hold: dict[str, int] | None = None,
    require_consent: bool = False,
    platforms: dict[str, str] | None = None,
    **settings: Any,
):
    """A started store with datasets 1 and 2; closed at the end."""
    route = Route(
        destinations=destinations,
        hold_ms={"Purchase": HOLD} if hold is None else hold,
        require_consent=require_consent,
        platforms=platforms or {},
    )
    store = Store(folder, routes={"1": route, "2": route}, opened_at=at, **settings)
    store.start()
    try:
        yield store
    finally:
        await store.close()


ROUTES = {"1": Route(destinations=("meta-1",))}
"""Of each of several processes on one database."""


def peer_of(folder: Path, name: str = "w0", at: int = NOW) -> Store:
    """The store of one of several processes, before its start."""
    return Store(folder_of(folder, name), routes=ROUTES, opened_at=at, peer=name)


@asynccontextmanager
async def peer(folder: Path, name: str = "w0", at: int = NOW) -> AsyncIterator[Store]:
    """The same, started; closed at the end."""
    store = peer_of(folder, name, at)
    store.start()
    try:
        yield store
    finally:
        await store.close()


def with_store(folder: Path, scenario: Callable[[Store], Awaitable[Any]], **settings: Any) -> Any:
    """Runs a scenario on a store of its own and closes it; what it returns."""

    async def main() -> Any:
        async with opened(folder, **settings) as store:
            return await scenario(store)

    return asyncio.run(main())


def appended(folder: Path, copies: Iterable[Event], *, together: bool = False, **settings: Any) -> list[FoldVerdict]:
    """The verdicts on these copies, appended one by one or as one batch."""

    async def scenario(store: Store) -> list[FoldVerdict]:
        if together:
            return await store.append(list(copies))
        return [(await store.append([c]))[0] for c in copies]

    return with_store(folder, scenario, **settings)


async def claim(
    store: Store,
    now: int,
    *,
    destination: str = "meta-1",
    limit: int = 100,
    lease_ms: int = LEASE,
    build: Callable[[Event], Any] = encode,
    max_age_s: int = 7 * 86_400,
) -> list[Delivery]:
    """Claims with the united event's own bytes as payload, so that a test can read what would be sent."""
    return await store.claim(destination, now, limit, lease_ms, build, lambda _source: max_age_s)


def sent(delivery: Delivery) -> Event:
    """The event in a payload that `claim` built."""
    return decode_event(delivery.payload)


def settlement(d: Delivery, state: DeliveryState = DeliveryState.DELIVERED, **facts: Any) -> Settlement:
    return Settlement(delivery=d.id, lease=d.lease, state=state, **{"outcome": "accepted", "status": 200, **facts})


def folder_of(folder: Path, name: str) -> Path:
    """Where one of several processes keeps what is its own: the folder, or on a server one each, with the secret of all."""
    if engines.is_embedded(folder):
        return folder
    own = folder / f"{PEER}{name}"
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    others = [other for other in sorted(folder.glob(f"{PEER}*/{SECRET}")) if other.parent != own]
    if others and not (own / SECRET).exists():
        shutil.copy(others[0], own)
    return own


def rows(folder: Path, kind: str, **filters: str) -> list[dict[str, Any]]:
    with Reader(folder) as reader:
        return list(reader.rows(kind, dict(filters), limit=0))


def told(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the embedded engine's file holds, as SQLite reads it without us."""
    db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def actions(folder: Path) -> list[dict[str, Any]]:
    """The actions that were not merged into others."""
    return [row for row in rows(folder, "actions") if row["merged_into"] is None]


def tamper(folder: Path, *statements: str) -> None:
    """Changes rows of a closed store past it, as somebody with access to the database could."""
    if address := engines.address_of(folder):
        from twofold.store.postgres.connection import connect

        server = connect(address, writes=True)
        for one in statements:
            server.execute(one)
        server.close()
        return
    file = apsw.Connection(str(folder / DATABASE))
    for one in statements:
        file.execute(one)
    file.close()


def assert_sums_hold(folder: Path) -> None:
    broken = [f"{c.name}: {c.left} = {c.right} {c.note}" for c in verify(folder) if not c.holds]
    assert not broken, broken


TAKEN_S = 60


async def taken(store: Store, event_id: str) -> Any:
    """What becomes of a copy that a sender sends again until it is acknowledged."""
    deadline = time.monotonic() + TAKEN_S
    while True:
        try:
            return await store.append([copy_of_buyer(event_id)])
        except StoreAway:
            assert time.monotonic() < deadline, "it is not taken"
            await asyncio.sleep(0.02)
