"""The parts of an open store: journal, fold, orders, people, gates and outbox, each made with those that it asks.

Owns in which order they are made and which of them is told of what another meets. The engine is opened and closed by `store`;
what one transaction does with the parts is in `transaction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from twofold.matching.subject import Keyring
from twofold.store.appends import Appends
from twofold.store.beside.watermark import Watermark, ended_unclean, open_watermark
from twofold.store.changed.days import ChangedDays, fill_journal_days
from twofold.store.engine import Database
from twofold.store.engines import Kit
from twofold.store.evidence import Superseded
from twofold.store.folding import Folding
from twofold.store.gates.sequence import Gates
from twofold.store.gates.trust import PolicyLike
from twofold.store.gates.values import Margins, NoMargins, ValueGate
from twofold.store.gates.withdrawals import Withdrawals
from twofold.store.index.words import WordIndex
from twofold.store.journal import Journal
from twofold.store.lines.filling import AT_ONCE, fill_some
from twofold.store.opened.routes import Route, longest_hold_ms
from twofold.store.orders.ledger import Orders
from twofold.store.outbox import Outbox
from twofold.store.peers.keys import SharedKeys
from twofold.store.peers.places import ALONE, Place, take_place
from twofold.store.peers.revisions import Revisions
from twofold.store.secret import folder_ring, ring_among
from twofold.store.touches.path_keeper import Paths
from twofold.store.touches.signs import Signs
from twofold.store.visitors.browsers import Browsers


class Wishes(Struct, frozen=True, kw_only=True):
    """How a store is to be opened. ``opened_at`` is ms; ``peer`` this process's name among several on one database."""

    routes: dict[str, Route]
    policies: Mapping[str, PolicyLike]
    margins: Margins | None
    opened_at: int
    window_days: int
    refused_keep: int
    people_days: int
    touch_days: int
    peer: str | None


class Parts(Struct, frozen=True, kw_only=True):
    """What an open store is made of. ``ended_unclean``: its last process did not close it."""

    place: Place
    revisions: Revisions
    ended_unclean: bool
    watermark: Watermark
    changed: ChangedDays
    people: Browsers
    orders: Orders
    withdrawals: Withdrawals
    ring: Keyring
    paths: Paths
    signs: Signs
    index: WordIndex
    superseded: Superseded
    gates: Gates
    outbox: Outbox
    journal: Journal
    folding: Folding
    appends: Appends


def open_parts(engine: Database, kit: Kit, folder: Path, wishes: Wishes) -> Parts:
    """Makes each part with those before it. Raises what the engine raises for a table that cannot be read."""
    routes, peer = wishes.routes, wishes.peer
    place = ALONE if peer is None else take_place(engine, peer, wishes.opened_at)
    revisions = Revisions(engine, place)
    unclean = place.alone and ended_unclean(engine)
    if unclean:
        kit.tidy(folder)
    watermark = open_watermark(engine, place)
    _fill(engine)
    changed = ChangedDays(engine, revisions)
    people = Browsers(engine, routes, wishes.people_days, revisions)
    orders = _open_orders(engine, routes, changed, revisions)
    withdrawals = Withdrawals(engine, revisions)
    ring = folder_ring(folder) if place.alone else ring_among(folder, engine.run)
    paths = Paths(engine, ring, changed, place)
    orders.on_united = paths.unite
    signs = Signs(engine, ring, people, withdrawals, wishes.touch_days, changed, paths, revisions)
    people.on_gone = signs.forget_browsers
    superseded = Superseded(engine, revisions)
    values = ValueGate(engine, orders, wishes.margins or NoMargins(), {name: r.values for name, r in routes.items()})
    gates = Gates(people, withdrawals, orders, routes, wishes.policies, superseded, values)
    held_ms = longest_hold_ms(routes)
    outbox = Outbox(engine, routes, gates, superseded, changed, wishes.opened_at, held_ms, revisions)
    journal = Journal(engine, wishes.refused_keep, place)
    days = wishes.window_days
    keys = kit.fold_keys(engine, days) if peer is None else SharedKeys(engine, days, revisions)
    folding = Folding(
        engine, journal, routes, outbox.ids, keys, people, orders, superseded, changed, revisions
    )  # fmt: skip
    people.hold = signs.hold = folding.hold
    return Parts(
        place=place, revisions=revisions, ended_unclean=unclean, watermark=watermark, changed=changed, people=people,
        orders=orders, withdrawals=withdrawals, ring=ring, paths=paths, signs=signs, index=WordIndex(place),
        superseded=superseded, gates=gates, outbox=outbox, journal=journal, folding=folding,
        appends=Appends(engine, journal, folding, orders, signs, paths, ring.secret),
    )  # fmt: skip


def _fill(engine: Database) -> None:
    """What an older folder has not got yet: the days of its journal, and the first of its filled lines."""
    with engine.transaction():
        fill_journal_days(engine)
        for _ in range(AT_ONCE):
            if not fill_some(engine):
                break


def _open_orders(engine: Database, routes: Mapping[str, Route], changed: ChangedDays, revisions: Revisions) -> Orders:
    return Orders(
        engine,
        {dataset: r.orders for dataset, r in routes.items()},
        frozenset(dataset for dataset, r in routes.items() if r.has_orders),
        {dataset: r.shops for dataset, r in routes.items() if r.shops},
        changed=changed,
        there={(dataset, d): rules for dataset, r in routes.items() for d, rules in r.orders_there.items()},
        revisions=revisions,
    )
