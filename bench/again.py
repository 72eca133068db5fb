"""One changed day made again, at the size of the folder: some of the orders of a day get a parcel and a refund.

``python -m bench.again FOLDER SHARE``: a folder that `bench.scale` filled, and which share of a day's orders changes.
"""

from __future__ import annotations

import argparse
import resource
import time
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec

from bench.scale import DAY_S, LAST_DAY, Tables
from twofold.facts.manifest import read_manifest
from twofold.ledger.lines import MoneyKind, MoneyLine
from twofold.ledger.model import OrderReport, Parcel, ParcelState
from twofold.store.changed.days import ChangedDays
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.row import make_row
from twofold.store.orders.ledger import OrderEntry, Orders
from twofold.store.sqlite.database import Engine

CHANGED_DAY = LAST_DAY - 1


def change(folder: Path, share: float) -> int:
    """So many orders are delivered once more, and lose a euro; answers how many."""
    engine = Engine(folder)
    span = CHANGED_DAY * DAY_S, (CHANGED_DAY + 1) * DAY_S
    placed = [row[2:4] for row in engine.run("facts_orders", span)]
    some = Random(5).sample(placed, int(len(placed) * share))
    mark = time.time_ns()
    with engine.db:
        changed = ChangedDays(engine)
        orders = Orders(engine, {}, frozenset(), changed=changed)
        for name, at in some:
            orders.apply(_delivered(name, at, mark))
        rows = [
            make_row(_refund(name, at, mark), b"s", row=row, received_at=at * 1000)
            for row, (name, at) in enumerate(some)
        ]
        if rows:
            keep_told(engine, rows)
        for part in ("orders", "actions", "lines"):
            changed.day(part, CHANGED_DAY)
    engine.close()
    return len(some)


def _delivered(name: str, at: int, mark: int) -> OrderEntry:
    parcel = Parcel(id=f"Q{name}", state=ParcelState.DELIVERED, at=at + 3600)
    report = OrderReport(order_id=name, kind="parcel", at=at + 3600, reference=f"{name}.{mark}", parcels=(parcel,))
    return OrderEntry(dataset="1", source="courier", received_at=at * 1000 + 7, copy=None, buyer=(), report=report)


def _refund(name: str, at: int, mark: int) -> MoneyLine:
    back = Decimal("-1.00")
    return MoneyLine(
        source="stripe", account="acct", id=f"{name}.{mark}", kind=MoneyKind.REFUND, gross=back, fee=Decimal("0.00"), net=back,
        currency="EUR", at=at + 100, references=(f"payment_intent:pi_{name}",),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.again", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("share", type=float)
    given = parser.parse_args()
    tables = Tables(given.folder, lives=True)
    if read_manifest(given.folder / "facts") is None:
        tables.build()
    orders = change(given.folder, given.share)
    began, spent = time.perf_counter(), time.process_time()
    built = tables.build()
    told = {
        "orders": orders, "seconds": round(time.perf_counter() - began, 2), "processor": round(time.process_time() - spent, 2),
        "most_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "days": built.days,
    }  # fmt: skip
    print(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main()
