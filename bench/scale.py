"""(m) Tables of reports at the size of a large shop: all days made, one changed day made again, ninety days asked.

Owns the generator, too: ``python -m bench.scale FOLDER --events 50000000`` fills a data folder of any size, with an order for
every tenth event and three lines of money for each order (what was paid, a part that was given back, a fee), a payout a day and its
line on the bank; ``--days`` says over how many days, ``--only`` makes the last so many
of them only, as they would be in the whole. Rows are written by the store's own statements, from a few events, orders and
lines made by the real code with their times, ids and amounts put in: it is made for its size, and `verify` finds that no
chain runs through it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bench import Row, sized
from bench.events import stored_event
from twofold.event.model import encode
from twofold.facts.build import Built, Task, build
from twofold.facts.engine import Analytics, ask
from twofold.facts.manifest import home_in, read_manifest
from twofold.ledger.filing import key_number, keys_of
from twofold.ledger.lines import MoneyKind, MoneyLine, decode_thing, encode_thing
from twofold.ledger.model import (
    Amounts,
    Line,
    Method,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Payment,
    Snapshot,
    decode_report,
    encode_report,
)
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import Fact, derive, encode_state
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask
from twofold.reconcile.reading.lives import lives_by_day, lives_of
from twofold.store.bodies import pack
from twofold.store.changed.days import ChangedDays
from twofold.store.lines.books import book_of, put_books
from twofold.store.lines.keeping import line_digest
from twofold.store.orders.keys import put_order_keys
from twofold.store.orders.ledger import name_crc, names_of_report
from twofold.store.sqlite.database import Engine
from twofold.store.touches.frozen import OrderPath, encoded, path_digest
from twofold.store.touches.path_keeper import SETTLED_MS

DAY_MS, DAY_S = 86_400_000, 86_400
LAST_DAY = 20_750  # days since 1970-01-01
EVENTS_AN_ORDER, LINES_AN_ORDER = 10, 3
SIZES = sized((500_000, 5_000_000, *((50_000_000,) if os.environ.get("TWOFOLD_LONG") else ())), (240,))
DAYS = sized(365, 12)
ASKED_DAYS = sized(90, 10)
SHOP = "shopify:demo.myshopify.com"
FEE_CENTS, BACK_CENTS = 100, 500
_FIRST_PAYOUT = 1_000_000_000_000


def bench_scale() -> list[Row]:
    """The growth curve: a few figures a size."""
    return [row for events in SIZES for row in measured(events)]


def measured(events: int) -> Iterator[Row]:
    """Fills a folder and measures it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        fill(folder, events)
        tables = Tables(folder)
        began = time.perf_counter()
        tables.build()
        whole = time.perf_counter() - began
        tables.change_one_day()
        began = time.perf_counter()
        built = tables.build()
        one = time.perf_counter() - began
        assert len(built.days) == 3, built.days
        began = time.perf_counter()
        answers = tables.ask()
        asked = time.perf_counter() - began
        manifest = read_manifest(folder / "facts")
        assert manifest is not None
        size = sum(file.size for days in manifest.files.values() for file in days.values()) / 1e6
        detail = (
            f"{events // EVENTS_AN_ORDER:,} orders, {LINES_AN_ORDER * events // EVENTS_AN_ORDER:,} lines, {DAYS} days"
        )
        yield Row(name=f"(m) one changed day of {events:,} events made again", ratio=one, target=10, at_most=True, unit="s",
                  detail=f"{detail}; all days in {whole:.0f} s, {size:.0f} MB of Parquet")  # fmt: skip
        yield Row(name=f"(m) {ASKED_DAYS} days of them asked", ratio=asked, target=60, at_most=True, unit="s",
                  detail=f"{answers} questions of orders, Purchases and money, each within 2 GB")  # fmt: skip
        yield from _read_by_part(folder, events)


def _read_by_part(folder: Path, events: int) -> Iterator[Row]:
    """An order's life and a day's, each with what bears on it: processor time, which must not grow with the ledger."""
    rules, key = Rules(currency="EUR"), f"1/{events // EVENTS_AN_ORDER // 2:010}"
    times = []
    for _ in range(3):
        began = time.process_time()
        assert lives_of(folder, lambda _: OrderPolicy(), [key], rules, UTC, LAST_DAY * DAY_S)
        times.append(time.process_time() - began)
    yield Row(name=f"(m) the life of one order of {events // EVENTS_AN_ORDER:,}", ratio=min(times), target=0.25, at_most=True,
              unit="s", detail="with the sum of its payout's lines; processor time")  # fmt: skip
    began = time.process_time()
    orders = sum(
        len(day.orders) for day, _ in lives_by_day(folder, lambda _: OrderPolicy(), [LAST_DAY - 9], rules, UTC)
    )
    spent = time.process_time() - began
    yield Row(name="(m) the lives of one day of them", ratio=spent, target=10, at_most=True, unit="s",
              detail=f"{orders:,} orders, {spent / max(orders, 1) * 1e6:.0f} us each; processor time")  # fmt: skip


class Tables:
    """The tables of one folder. ``lives``: those too."""

    RULES = Rules(currency="EUR")

    def __init__(self, folder: Path, lives: bool = False) -> None:
        self.folder = folder
        self._lives = lives

    def build(self) -> Built:
        engine = Engine(self.folder)
        changed = ChangedDays(engine)
        with engine.db:
            generation = changed.begin_build(home_in(self.folder / "facts"))
        engine.close()
        task = Task(
            data=str(self.folder),
            files=str(self.folder / "facts"),
            policies={"1": OrderPolicy()},
            generation=generation,
            now_s=LAST_DAY * DAY_S,
        )
        lives = LivesOf(LivesTask(rules=self.RULES, zone="UTC"), dict(task.policies)) if self._lives else None
        built = build(task, lives=lives)
        engine = Engine(self.folder)
        with engine.db:
            ChangedDays(engine).end_build(generation, built.days)
        engine.close()
        return built

    def change_one_day(self) -> None:
        """As if something of the day before the last was written in each part."""
        engine = Engine(self.folder)
        with engine.db:
            changed = ChangedDays(engine)
            for part in ("orders", "actions", "lines"):
                changed.day(part, LAST_DAY - 1)
        engine.close()

    def ask(self) -> int:
        analytics = Analytics(data=self.folder, files=self.folder / "facts")
        span = {"since": _day(LAST_DAY - ASKED_DAYS + 1), "until": _day(LAST_DAY)}
        names = ("orders_placed", "orders_by_state", "actions_by_event", "purchases_by_state", "money_by_kind")
        for name in names:
            assert ask(analytics, name, span).rows
        return len(names)


def fill(folder: Path, events: int, days: int = DAYS, only: int | None = None, each: int = EVENTS_AN_ORDER) -> None:
    """A folder of so many events, an order for ``each`` of them; of its last ``only`` days only, where that is told."""
    engine = Engine(folder)
    engine.db.pragma("synchronous", "off")
    engine.run("insert_destination", (1, "meta-1"))
    random, maker = Random(1), _Maker(each)
    a_day = events // days
    for day in range(LAST_DAY - (only or days) + 1, LAST_DAY + 1):
        with engine.db:
            changed = ChangedDays(engine)
            changed.came(maker.position + 1, day * DAY_MS)
            maker.day(engine, day, a_day, random)
            for part in ("orders", "actions", "lines"):
                changed.day(part, day)
    engine.db.pragma("wal_checkpoint(truncate)")
    engine.close()


class _Maker:
    """Rows from a few examples."""

    def __init__(self, each: int) -> None:
        self.position = 0
        self.order = 0
        self._each = each
        self._page = pack(encode(msgspec.structs.replace(stored_event(), event_name="PageView")))
        self._sale = pack(encode(msgspec.structs.replace(stored_event(), event_name="Purchase")))
        self._report, self._state = _order()
        self._lines = [encode_thing(line) for line in _lines()]
        self._payout = [encode_thing(line) for line in _payout()]
        self._net = 0  # of the day's payout, cents

    def day(self, engine: Engine, day: int, events: int, random: Random) -> None:
        rows: dict[str, list[tuple[Any, ...]]] = {
            n: []
            for n in (
                "insert_events",
                "insert_actions",
                "insert_deliveries",
                "insert_copies",
                "order",
                "fact",
                "insert_lines",
                "put_paths",
            )
        }
        for at in range(0, events, self._each):
            self._one(rows, day, day * DAY_MS + at * DAY_MS // events, random)
            if len(rows["order"]) == 500:
                _write(engine, rows)
        self._pay_out(rows, day)
        _write(engine, rows)

    def _one(self, rows: dict[str, list[tuple[Any, ...]]], day: int, ms: int, random: Random) -> None:
        """An order with its Purchase, told twice, page views, three lines of money."""
        self.order += 1
        number, cents = b"%010d" % self.order, random.randint(1_000, 99_999)
        amount = b"%d.%02d" % divmod(cents, 100)
        sale = 0
        for step in range(self._each):
            self.position += 1
            position, is_sale = self.position, step < 2
            name, body = ("Purchase", self._sale) if is_sale else ("PageView", self._page)
            action = sale if step == 1 else position
            event_id = f"{name}.{position}" if step != 1 else f"{name}.{sale}"
            rows["insert_events"].append((
                position, ms + step, "1", name, event_id, ms // 1000, "browser" if step else "server", "tag", 3 * (step == 0),
                "twin" if step == 1 else "first", action, 0, body, os.urandom(8), os.urandom(8),
            ))  # fmt: skip
            if step == 1:
                rows["insert_copies"].append((sale, position))
                continue
            sale = position if step == 0 else sale
            rows["insert_actions"].append((
                position, "1", name, event_id, "id:", ms // 1000, ms, ms, ms, 1 + is_sale, 0, 3 * is_sale, 2 + is_sale,
                "granted", amount.decode() if is_sale else None, "EUR" if is_sale else None,
                number.decode() if is_sale else None, None, 1, None,
            ))  # fmt: skip
            rows["insert_deliveries"].append((position * 256 + 1, 1, "delivered", "", ms))
        placed = b"%d" % (ms // 1000)
        report, state = (
            text.replace(b"0123456789", number).replace(b"1111111111", placed).replace(b"100.00", amount)
            for text in (self._report, self._state)
        )
        rows["order"].append((self.order, "1", number.decode(), ms // 1000, sale, ms, state))
        path = (ms + SETTLED_MS, "no_browser", encoded(OrderPath((), (), "no_browser")))
        rows["put_paths"].append((self.order, *path, path_digest(self.order, *path)))
        rows["fact"].append((self.order, ms, ms // 1000, "placed", SHOP, "r", os.urandom(16), report, b""))
        net = b"%d.%02d" % divmod(cents - FEE_CENTS, 100)
        self._net += cents - FEE_CENTS - BACK_CENTS - FEE_CENTS
        for line, text in enumerate(self._lines):
            body = text.replace(b"4444", b"%d" % day).replace(b"0123456789", number).replace(b"1111111111", placed)
            body = body.replace(b'"100.00"', b'"%s"' % amount).replace(b'"99.00"', b'"%s"' % net)
            rows["insert_lines"].append(_line_row(self.order * LINES_AN_ORDER + line, line, day, ms, body))

    def _pay_out(self, rows: dict[str, list[tuple[Any, ...]]], day: int) -> None:
        """All of the day's lines, and the same on the bank the day after."""
        net, self._net = b"%d.%02d" % divmod(self._net, 100), 0
        for line, text in enumerate(self._payout):
            at = day + line
            body = text.replace(b"4444", b"%d" % day).replace(b"1111111111", b"%d" % (at * DAY_S + DAY_S - 1))
            body = body.replace(b"100.00", net)
            rows["insert_lines"].append(_line_row(_FIRST_PAYOUT + day * 2 + line, line, at, at * DAY_MS, body))


def _write(engine: Engine, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    _write_keys(engine, rows)
    for name in ("insert_events", "insert_actions", "insert_copies", "insert_deliveries", "insert_lines", "put_paths"):
        engine.run_rows(name, rows[name])
        rows[name].clear()
    engine.db.executemany(
        "insert into orders (id, dataset, order_id, placed_at, action, outcomes, changed_at, state) values (?, ?, ?, ?, ?, 0, ?, ?)",
        rows["order"],
    )
    for row in rows["fact"]:
        engine.run("insert_order_fact", row)
    rows["order"].clear()
    rows["fact"].clear()
    engine.db.execute(
        "insert into line_file (id, sha256, reading, kind, format, imported_at, lines, facts, digest) "
        "values (1, '', '', 'payouts', 'own', 0, 0, '{}', x'00') on conflict do nothing"
    )


def _write_keys(engine: Engine, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """What orders and lines are found by, as the store itself makes it of them."""
    for order, *_, body, _digest in rows["fact"]:
        report = decode_report(body)
        put_order_keys(engine, order, [report])
        names = names_of_report("1", report, "")
        engine.run_rows("insert_order_names", [(name, order, name_crc(name, order)) for name in names])
    things = [(row[0], decode_thing(row[12])) for row in rows["insert_lines"]]
    engine.run_rows(
        "insert_line_keys", [(key_number(key), number) for number, thing in things for key in keys_of(thing)]
    )
    put_books(engine, (book for _, thing in things if (book := book_of(thing)) is not None))


def _order() -> tuple[bytes, bytes]:
    """One order's report and state; its number, time and amount are replaced."""
    at = 1_111_111_111
    told = OrderReport(
        order_id="0123456789",
        kind="placed",
        at=at,
        reference="r",
        aliases=("number:0123456789", "checkout:c0123456789"),
        snapshot=Snapshot(
            version=at,
            placed_at=at,
            shop=Amounts(currency="EUR", total=Decimal("100.00"), tax=Decimal("15.97"), shipping=Decimal("5.00")),
            lines=tuple(Line(id=f"v{n}", sku=f"SKU-{n}", quantity=1, price=Decimal("31.67")) for n in range(3)),
            paid=Paid.PAID,
            method=Method.CARD,
        ),
        payments=(Payment(id="pi_0123456789", kind="sale", amount=Decimal("100.00"), currency="EUR", at=at),),
        parcels=(Parcel(id="P0123456789", state=ParcelState.DELIVERED, at=at),),
    )
    return encode_report(told), encode_state(derive([Fact(SHOP, told)]))


def _line_row(number: int, row: int, day: int, ms: int, body: bytes) -> tuple[Any, ...]:
    name, digest = os.urandom(16), os.urandom(8)
    facts = (1, row, "money", day, name, None, ms, 0, 0, ms)
    return (number, *facts, digest, body, line_digest(*facts, digest, body))


def _lines() -> list[MoneyLine]:
    """An order's, whose provider pays out what came on one day."""
    paid = MoneyLine(
        source="stripe", account="acct", id="txn_0123456789", kind=MoneyKind.CHARGE, gross=Decimal("100.00"),
        fee=Decimal("1.00"), net=Decimal("99.00"), currency="EUR", at=1_111_111_111, batch="po_4444",
        references=("payment_intent:pi_0123456789",),
    )  # fmt: skip
    back = msgspec.structs.replace(
        paid,
        id="txn_0123456789_back",
        kind=MoneyKind.REFUND,
        gross=Decimal("-5.00"),
        fee=Decimal("0.00"),
        net=Decimal("-5.00"),
    )
    fee = msgspec.structs.replace(
        paid,
        id="txn_0123456789_fee",
        kind=MoneyKind.FEE,
        gross=Decimal("-1.00"),
        fee=Decimal("0.00"),
        net=Decimal("-1.00"),
    )
    return [paid, back, fee]


def _payout() -> list[MoneyLine]:
    """What leaves the provider, and what comes to the bank."""
    leaves = MoneyLine(
        source="stripe", account="acct", id="po_4444", kind=MoneyKind.PAYOUT, gross=Decimal("-100.00"), fee=Decimal("0.00"),
        net=Decimal("-100.00"), currency="EUR", at=1_111_111_111, batch="po_4444", references=("bank_reference:STRIPE-4444",),
    )  # fmt: skip
    comes = MoneyLine(
        source="bank", account="DE1", id="bank_4444", kind=MoneyKind.BANK_CREDIT, gross=Decimal("100.00"), fee=Decimal("0.00"),
        net=Decimal("100.00"), currency="EUR", at=1_111_111_111, references=("bank_reference:STRIPE-4444",),
    )  # fmt: skip
    return [leaves, comes]


def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=SIZES[0])
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--only", type=int)
    parser.add_argument("--each", type=int, default=EVENTS_AN_ORDER, help="an order for so many events")
    given = parser.parse_args()
    fill(given.folder, given.events, given.days, given.only, given.each)
    print(msgspec.json.encode({"events": given.events, "bytes": (given.folder / "twofold.db").stat().st_size}).decode())


if __name__ == "__main__":
    main()
