"""The law of the ledger read part by part: of every order and every day the same answer as from the whole ledger.

Worlds are small and made to be unclear: equal amounts, numbers that two orders have, payers of one name, lump sums, batches
without references, under two names, in two formats, that fail and come again; persons' decisions; orders that replace others.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reconcile.lines import day
from twofold.ledger.identity import fingerprint, name_of
from twofold.ledger.lines import Batch, Decision, MoneyKind, MoneyLine, ParcelLine, Thing
from twofold.ledger.model import Amounts, Method, OrderReport, Paid, Parcel, ParcelState, Payment, Snapshot
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.closure.ledger import Ledger, is_open_to, rows_of
from twofold.reconcile.closure.lists import Listed
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.lives import lives_by_day, lives_by_day_whole, lives_of, lives_of_whole
from twofold.reconcile.reading.matched import WholeMatched
from twofold.reconcile.reading.owed import no_collector
from twofold.reconcile.reading.whole import Whole, read_whole
from twofold.store.changed.days import ChangedDays
from twofold.store.lines.keeping import keep_told
from twofold.store.lines.row import make_row
from twofold.store.orders.ledger import OrderEntry, Orders
from twofold.store.sqlite.database import Engine

D = Decimal
NUMBERS = ["1001", "1002", "1003", "1004", "1005"]
TOTALS = ["50.00", "50.00", "80.00", "130.00"]
NAMES, EMAILS, ACCOUNTS = ["aa", "ab"], ["ba", "bb", "bc"], ["ca", "cb"]
DAYS = st.integers(1, 30)
DAY_ONE = day(1) // 86_400
ZONES = st.sampled_from([("UTC", 0), ("UTC", 0), ("Asia/Tbilisi", 4)])
"""Where a day was told, and how much earlier it begins than in UTC, where reports are: the bank's day is that day all the same."""
RULES = Rules(currency="GEL", bank_fee={"other": D("1.00")})


def maybe(draw, values, chance=2):
    return draw(st.sampled_from(values)) if draw(st.integers(0, chance)) == 0 else ""


@st.composite
def entries(draw, number):
    at = day(draw(DAYS), 12)
    total = D(draw(st.sampled_from(TOTALS)))
    buyer = [f"{kind}:{value * 16}" for kind, value in (
        ("name", maybe(draw, NAMES, 1)), ("email", maybe(draw, EMAILS, 1)), ("phone", maybe(draw, ["da"])),
    ) if value]  # fmt: skip
    parcels = (Parcel(id=f"P{number}", state=ParcelState.CREATED, at=at),) if draw(st.booleans()) else ()
    paid, card = draw(st.booleans()), maybe(draw, ["50.00", "30.00"], 4)
    report = OrderReport(
        order_id=number, kind="placed", at=at, reference=f"r{number}",
        aliases=tuple(a for a in (maybe(draw, [f"number:#{number}", "number:#1001"]), maybe(draw, ["checkout:c1"])) if a),
        snapshot=Snapshot(
            version=at, placed_at=at, shop=Amounts(currency="GEL", total=total), paid=Paid.PAID if paid else None,
            method=draw(st.sampled_from([Method.COD, Method.BANK_TRANSFER, Method.CARD])),
            replaces=maybe(draw, [n for n in NUMBERS if n != number], 3),
        ),
        payments=(
            *((Payment(id=f"pi_{number}", kind="sale", amount=total, currency="GEL", at=at),) if paid else ()),
            *((Payment(id=f"g_{number}", kind="sale", amount=D(card), currency="GEL", at=at, gateway="gift_card"),) if card else ()),
        ),
        parcels=parcels,
    )  # fmt: skip
    dataset = draw(st.sampled_from(["1", "1", "1", "2"]))
    return OrderEntry(
        dataset=dataset, source="shopify:demo", report=report, copy=None, received_at=at * 1000, buyer=tuple(buyer)
    )


@st.composite
def money(draw, n):
    kind = draw(
        st.sampled_from(
            ["charge", "cod_collected", "refund", "fee", "payout", "payout_failed", *["bank_credit"] * 6, "bank_debit"]
        )
    )
    bank = kind.startswith("bank")
    out = kind in ("refund", "payout", "bank_debit", "fee")
    gross = D(draw(st.sampled_from([*TOTALS, "100.00", "180.00", "49.00"]))) * (-1 if out else 1)
    number = draw(st.sampled_from([*NUMBERS, "2026"]))
    source = "bank" if bank else draw(st.sampled_from(["psp", "other"])) if kind != "cod_collected" else "courier:swift"
    batch = "" if bank else maybe(draw, ["B1", "B2", "B3"], 0)
    named = draw(st.sampled_from([
        (), (), (f"order:{number}",), (f"payment_intent:pi_{number}",), (f"payment:t{draw(st.integers(0, 8))}",), (f"parcel:P{number}",),
        (f"order:{number}", f"parcel:P{draw(st.sampled_from(NUMBERS))}"), ("payout:B2",),
    ]))  # fmt: skip
    if kind == "payout" or bank:
        named = (*named, *(("bank_reference:REF1",) if draw(st.integers(0, 3)) == 0 else ()))
    counterpart = (
        tuple(f"{k}:{v * 16}" for k, v in (("name", maybe(draw, NAMES, 1)), ("account", maybe(draw, ACCOUNTS, 1))) if v)
        if bank
        else ()
    )
    text = (
        draw(
            st.sampled_from(
                [
                    "",
                    "",
                    f"order {number}",
                    f"{number} and {draw(st.sampled_from(NUMBERS))}",
                    "B1x B2",
                    "invoice 70707",
                    "70707 back",
                ]
            )
        )
        if bank
        else ""
    )
    zone, earlier = draw(ZONES)
    form = draw(st.sampled_from(["camt", "camt", "table"])) if bank or source == "other" else "own"
    return MoneyLine(
        source=source, account=draw(st.sampled_from(["", "K"])) if source == "other" else "A", id=f"t{n}" if not bank else "",
        kind=MoneyKind(kind), gross=gross, net=gross, currency="GEL", at=day(draw(DAYS), -earlier), zone=zone, day_only=bank, batch=batch,
        references=named, counterpart=counterpart, text=text, form=form,
        status=draw(st.sampled_from(["booked"] * 6 + ["pending"])),
    )  # fmt: skip


@st.composite
def batches(draw):
    zone, earlier = draw(ZONES)
    at = day(draw(DAYS), draw(st.sampled_from([6, -earlier])))
    return Batch(
        source=draw(st.sampled_from(["psp", "other", "courier:swift"])), account=draw(st.sampled_from(["", "A"])),
        id=draw(st.sampled_from(["B1", "B2", "B3", "day:2026-03-10"])), kind="payout", currency="GEL", at=at, zone=zone,
        net=draw(st.none() | st.sampled_from([*TOTALS, "100.00"]).map(D)), expected_at=draw(st.none() | st.just(at + 3 * 86_400)),
        bank_reference=maybe(draw, ["REF1", "REF2"], 3), status=maybe(draw, ["failed", "paid"], 3),
    )  # fmt: skip


@st.composite
def parcels(draw):
    number, (zone, earlier) = draw(st.sampled_from(NUMBERS)), draw(ZONES)
    return ParcelLine(
        courier="swift", parcel=f"P{number}", order=maybe(draw, NUMBERS), at=day(draw(DAYS), draw(st.sampled_from([15, -earlier]))),
        zone=zone, currency="GEL",
        state=draw(st.sampled_from(["delivered"] * 5 + ["in_transit", "refused", "returned"])),
    )  # fmt: skip


def number_equals(things: list[Thing]) -> list[int]:
    """For each movement without an id its place among its equals; 0 for everything else."""
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for thing in things:
        is_counted = isinstance(thing, MoneyLine) and not thing.id
        seen.update([fingerprint(thing)] if is_counted else [])
        found.append(seen[fingerprint(thing)] if is_counted else 0)
    return found


@st.composite
def worlds(draw):
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=5, unique=True))
    owed = [draw(entries(n)) for n in numbers]
    things: list[Thing] = [draw(money(n)) for n in range(draw(st.integers(0, 10)))]
    things += [draw(batches()) for _ in range(draw(st.integers(0, 3)))]
    things += [draw(parcels()) for _ in range(draw(st.integers(0, 5)))]
    lines = [(t, o) for t, o in zip(things, number_equals(things), strict=True) if isinstance(t, MoneyLine)]
    for _ in range(draw(st.integers(0, 2)) if lines else 0):
        line, ordinal = draw(st.sampled_from(lines))
        to = draw(st.sampled_from(["order:1001", "order:1/1002", "batch:psp/B1", "batch:other/B2"]))
        things.append(Decision(line=name_of(line, ordinal).hex(), to=to, by="x", why="y", at=day(draw(DAYS)), undo=draw(st.booleans()),
                               amount=draw(st.none() | st.just(line.gross / 2))))  # fmt: skip
    return owed, things


def write(folder: Path, world) -> None:
    owed, things = world
    engine = Engine(folder)
    engine.db.pragma("synchronous", "off")
    with engine.db:
        orders = Orders(engine, {}, frozenset(), changed=ChangedDays(engine))
        for entry in owed:
            orders.apply(entry)
        ordinals = number_equals(things)
        rows = [
            make_row(t, b"s", ordinal=o, row=n, received_at=1)
            for n, (t, o) in enumerate(zip(things, ordinals, strict=True))
        ]
        if rows:
            keep_told(engine, rows)
    engine.close()


def policy(_dataset: str) -> OrderPolicy:
    return OrderPolicy()


def whole_of(folder: Path) -> Whole:
    return read_whole(folder, policy, Asked(since="2026-03-01", until="2026-03-31", as_of=day(40)), RULES, UTC)


CHECKED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(CHECKED, max_examples=100)
@given(worlds())
def test_an_orders_money_is_what_the_whole_ledger_says(world):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, world)
        whole = whole_of(folder)
        with Folder(folder) as store:
            assert is_open_to(store)
            for key, row in rows_of(store, whole.orders).items():
                part, matched = Ledger(store, policy, RULES, UTC).around([row])
                assert part.orders[key] == whole.orders[key]
                assert matched.moves.get(key, ()) == whole.matched.moves.get(key, ())
            together = Ledger(store, policy, RULES, UTC).around(rows_of(store, whole.orders).values())
            assert together.matched.moves == whole.matched.moves
        keys = list(whole.orders)
        assert lives_of(folder, policy, keys, RULES, UTC, day(40)) == lives_of_whole(
            folder, policy, keys, RULES, UTC, day(40)
        )
        for key in keys:
            one = lives_of(folder, policy, [key], RULES, UTC, day(40))
            assert one == lives_of_whole(folder, policy, [key], RULES, UTC, day(40))


@settings(CHECKED, max_examples=60)
@given(worlds(), st.lists(st.integers(DAY_ONE - 3, DAY_ONE + 40), min_size=1, max_size=4))
def test_a_days_lives_are_what_the_whole_ledger_says(world, days):
    """Of single days, and of all days at once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, world)
        for asked in (days, range(DAY_ONE - 3, DAY_ONE + 40)):
            found = [lives for lives, _ in lives_by_day(folder, policy, asked, RULES, UTC)]
            assert found == [lives for lives, _ in lives_by_day_whole(folder, policy, sorted(set(asked)), RULES, UTC)]


@settings(CHECKED, max_examples=40)
@given(worlds(), st.integers(0, 3))
def test_a_list_of_money_is_what_the_whole_ledger_says(world, limit):
    """Of each line alone, and of batches."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), world)
        with Folder(name) as store:
            whole = WholeMatched(store, policy, UTC, RULES)
            told = [(k.name.hex(), k.thing) for k in store.lines.lines("money")]
            for line, thing in told:
                listed = Listed(Ledger(store, policy, RULES, UTC))
                counts, merged = listed.counting(line, thing)
                assert (counts, merged) == whole.counting(line, thing)
                assert listed.is_alone(counts, thing) == whole.is_alone(counts, thing)
                assert (listed.ways(counts, thing) or (thing.form,)) == (whole.ways(counts, thing) or (thing.form,))
                listed.match([(line, thing)])
                assert listed.by_line.get(counts, []) == whole.by_line.get(counts, [])
                assert listed.paid[counts] == whole.paid[counts]
            listed = Listed(Ledger(store, policy, RULES, UTC))
            assert listed.batches(lambda b: True, limit) == whole.batches(lambda b: True, limit)


def test_what_was_read_for_some_days_is_let_go(tmp_path: Path):
    """Nothing points in a circle: the search for circles is off while a ledger is read, and memory must be that of a slice."""
    owed = OrderReport(order_id="1001", kind="placed", at=day(1), reference="r",
                       snapshot=Snapshot(version=1, placed_at=day(1), shop=Amounts(currency="GEL", total=D("50.00"))))  # fmt: skip
    write(tmp_path, ([OrderEntry(dataset="1", source="shopify:demo", report=owed, copy=None, received_at=1)], []))
    with Folder(tmp_path) as store, no_collector():
        closed = Ledger(store, policy, RULES, UTC).around([1])
        part = weakref.ref(closed.part)
        assert closed.part.orders
        del closed
        assert part() is None


def test_a_bank_line_that_names_only_a_payment_is_listed_with_the_payments_order(tmp_path: Path) -> None:
    """The payment's own line, which names the order, bears on it."""
    placed = Snapshot(
        version=day(2), placed_at=day(2), shop=Amounts(currency="GEL", total=D("50.00")), method=Method.CARD
    )
    report = OrderReport(order_id="1001", kind="placed", at=day(2), reference="r1001", snapshot=placed)
    entry = OrderEntry(
        dataset="1", source="shopify:demo", report=report, copy=None, received_at=day(2) * 1000, buyer=()
    )
    shared = {"account": "A", "gross": D("50.00"), "net": D("50.00"), "currency": "GEL"}
    charge = MoneyLine(
        source="other", id="t1", kind=MoneyKind.CHARGE, at=day(3), references=("order:1001",), form="camt", **shared
    )
    credit = MoneyLine(
        source="bank",
        id="",
        kind=MoneyKind.BANK_CREDIT,
        at=day(3),
        day_only=True,
        references=("payment:t1",),
        form="camt",
        **shared,
    )
    write(tmp_path, ([entry], [charge, credit, credit]))
    with Folder(tmp_path) as store:
        whole = WholeMatched(store, policy, UTC, RULES)
        for line, thing in [(k.name.hex(), k.thing) for k in store.lines.lines("money")]:
            listed = Listed(Ledger(store, policy, RULES, UTC))
            listed.match([(line, thing)])
            assert listed.by_line.get(line, []) == whole.by_line.get(line, [])
        assert {m.to for matches in whole.by_line.values() for m in matches} == {"order:1/1001"}
