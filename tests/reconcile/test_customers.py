"""Who is whose order: the people rules, and new and returning customers of a shop whose past came from files."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import pytest

from tests.privacy.subjects import erased
from twofold.config import settings_from
from twofold.importing.plan import Plan
from twofold.importing.run import import_file
from twofold.ledger.policy import OrderPolicy
from twofold.matching.persons import customers_of
from twofold.matching.subject import SubjectRequest
from twofold.privacy.retention import Days, Retention
from twofold.privacy.runner import Eraser
from twofold.reconcile.chain.customers import Bought, Customer, customers, first_delivered
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Metric
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.reading.whole import Whole, read_whole
from twofold.store.changed.days import DAY_MS
from twofold.store.engine import id_array
from twofold.store.engines import open_reader
from twofold.store.orders.buyers import put_buyers
from twofold.store.orders.customers import forget_contacts
from twofold.store.sqlite.database import Engine
from twofold.store.store import Store

DATASET = "123456789012345"
NOW_MS = int(datetime(2026, 3, 12, 12, tzinfo=UTC).timestamp() * 1000)

# what is known of some orders; the groups of them that are one customer's each; others are nobody's
JOINED = [
    ("an address", ["email:a", "email:a", "email:b"], ["01", "2"]),
    ("an address leads through a telephone", ["email:a phone:1", "phone:1", "email:a"], ["012"]),
    ("a customer number leads through a telephone", ["customer:7 phone:1", "phone:1", "customer:7"], ["012"]),
    ("a till's telephone", ["email:a phone:1", "email:b phone:1", "email:a"], ["02", "1"]),
    ("of whom only the till's is known", ["email:a phone:1", "email:b phone:1", "phone:1"], ["0", "1"]),
    ("a telephone of two accounts", ["customer:7 phone:1", "customer:8 phone:1", "phone:1"], ["0", "1"]),
    ("an account with two addresses", ["customer:7 email:a", "customer:7 email:b", "customer:7"], ["0", "1"]),
    ("two addresses in one order", ["email:a email:b phone:1", "email:a", "email:b phone:1", "phone:1"], ["0123"]),
    ("an account that a telephone cannot prove", ["customer:7 email:a", "customer:7 email:b", "customer:7 phone:1", "phone:1"], ["0", "1", "23"]),
    ("a name joins nobody", ["name:x", "name:x", ""], []),
    ("customers of two datasets", ["customer:7", "other/customer:7"], ["0", "1"]),
    ("an address in two datasets", ["email:a", "other/email:a"], ["01"]),
]  # fmt: skip


@pytest.mark.parametrize(("told", "groups"), [(t, g) for _, t, g in JOINED], ids=[n for n, _, _ in JOINED])
def test_only_what_is_unambiguous_joins_orders_in_any_order(told: list[str], groups: list[str]) -> None:
    orders = {}
    for n, text in enumerate(told):
        dataset, _, digests = text.rpartition("/")
        orders[str(n)] = (dataset or "shop", digests.split())
    answers = []
    for order in itertools.permutations(orders):
        found = customers_of({key: orders[key] for key in order})
        answers.append(found)
        together: dict[str, list[str]] = {}
        for key in sorted(found):
            together.setdefault(found[key], []).append(key)
        assert sorted("".join(keys) for keys in together.values()) == sorted(groups)
    assert all(answer == answers[0] for answer in answers)


def test_a_first_order_that_was_refused_acquires_by_the_second() -> None:
    """One customer, new on one day by the order and on another by the delivery."""
    day = 86_400
    k = [
        Bought(key="1", buyer="K", placed_at=1_000 * day, counts=True),
        Bought(key="2", buyer="K", placed_at=1_019 * day, counts=True, delivered=True),
    ]
    earlier = Bought(key="0", buyer="other", placed_at=0, counts=True)
    for told in (k, k[::-1]):
        assert customers([*told, earlier], 90)["1"] is Customer.NEW
        assert customers([*told, earlier], 90)["2"] is Customer.RETURNING
        assert first_delivered(told) == {"2"}


# -- a shop whose past comes from files


class Shop:
    def __init__(self, path: Path) -> None:
        self.path, self.data = path, path / "data"
        self.settings = settings_from({"server": {"data": str(self.data)}, "dataset": [{"id": DATASET}]}, environ={})

    def take(self, orders: list[str], **told: str) -> None:
        """``orders``: "A1 2026-03-01 address"."""
        head = (
            "Name", "Email", "Financial Status", "Subtotal", "Shipping", "Taxes", "Total", "Currency", "Created at",
            "Cancelled at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Id", "Phone",
        )  # fmt: skip
        rows = [",".join(head)]
        for text in orders:
            name, day, who = text.split()
            rows.append(
                f"#{name},{who}@example.com,paid,10.00,0.00,0.00,10.00,GEL,{day} 12:00:00 +0000,"
                f"{day + ' 15:00:00 +0000' if name == 'A5' else ''},1,Mug,10.00,52046212345{int(name[1:]):02},{told.get('phone', '')}"
            )
        path = self.path / f"orders{len(orders)}.csv"
        path.write_text("\n".join(rows) + "\n")
        assert import_file(self.settings, Plan(path=path, dataset=DATASET), NOW_MS).orders == len(orders)

    def whole(self) -> Whole:
        asked = Asked(since="2026-03-01", until="2026-03-12", as_of=NOW_MS // 1000)
        return read_whole(self.data, lambda _d: OrderPolicy(), asked, Rules(currency="GEL"), UTC)

    def new(self) -> list[str]:
        """The orders of March whose buyers are new, and what the report counts."""
        whole = self.whole()
        kinds = customers(whole.told.bought, 90)
        found = sorted(whole.orders[k].order_id[-1] for k, v in kinds.items() if v is Customer.NEW)
        asked = Asked(since="2026-03-01", until="2026-03-12", as_of=NOW_MS // 1000)
        rows = report_chain(whole.told, asked, whole.desk).rows
        counted = {row.name: row.value for row in rows if isinstance(row, Metric) and row.of == "all"}
        assert counted["customers_new"] == len(found)
        return found

    def do(self, work) -> None:
        async def main() -> None:
            store = Store(self.data, routes={}, opened_at=NOW_MS)
            store.start()
            try:
                await work(store)
            finally:
                await store.close()

        asyncio.run(main())


MARCH = [f"A{n} 2026-03-0{n} buyer{n}" for n in range(1, 9)]
PAST = ["A92 2025-08-01 buyer2", "A96 2025-08-02 buyer6"]
NEW = ["1", "3", "4", "5", "7", "8"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize("past_first", [True, False])
@pytest.mark.parametrize("phone", ["", "+995555000007"], ids=["", "with the till's telephone"])
def test_new_customers_are_those_without_an_imported_past(shop: Shop, past_first: bool, phone: str) -> None:
    for orders in (PAST, MARCH) if past_first else (MARCH, PAST):
        shop.take(orders, phone=phone)
    assert shop.new() == NEW


def forgotten(shop: Shop, at_ms: int, **days: float) -> set[int]:
    """Retention until there is nothing to do; the days of orders that it marked."""
    marked: set[int] = set()

    async def work(store: Store) -> None:
        await store.transact(lambda e: e.db.execute("delete from changed_day"))
        retention = Retention(store, Days(**days))
        while await retention.step(at_ms):
            pass
        rows = await store.transact(lambda e: e.run("select_changed_days"))
        marked.update(day for part, day, *_ in rows if part == "orders")

    shop.do(work)
    return marked


def kinds_of(shop: Shop) -> dict[str, Customer]:
    whole = shop.whole()
    kinds = customers(whole.told.bought, 90)
    return {order.order_id[-2:]: kinds[key] for key, order in whole.orders.items()}


def digests_left(shop: Shop) -> set[str]:
    db = open_reader(shop.data)
    try:
        return {kind for (kind,) in db.execute("select distinct kind from order_party")}
    finally:
        db.close()


def test_customers_outlive_what_they_were_recognised_by(shop: Shop) -> None:
    """After contact_days no address, telephone or number of a buyer is left, and who is whose order stays what it was."""
    shop.take(PAST)
    shop.take(MARCH)
    before = kinds_of(shop)
    days = {int(datetime(2025, 8, d, tzinfo=UTC).timestamp()) // 86_400 for d in (1, 2)}
    assert days <= forgotten(shop, NOW_MS + DAY_MS), "their paths are made"
    assert forgotten(shop, NOW_MS + 179 * DAY_MS) == set()
    assert "email" in digests_left(shop)
    assert days <= forgotten(shop, NOW_MS + 181 * DAY_MS)
    assert digests_left(shop) <= {"name", "recognised"}
    assert shop.new() == NEW
    assert kinds_of(shop) == before
    forgotten(shop, NOW_MS + 2_000 * DAY_MS)
    assert digests_left(shop) == {"recognised"}
    assert kinds_of(shop) == before


def test_who_comes_back_after_contact_days_is_new_but_not_for_certain(shop: Shop) -> None:
    """Nobody can tell the old customer from a new one: so neither is new for certain, and those of before stay what they were."""
    shop.take(PAST)
    shop.take(MARCH)
    before = kinds_of(shop)
    forgotten(shop, NOW_MS, contact=0.5)  # told at NOW_MS: nothing is so old yet
    assert kinds_of(shop) == before
    forgotten(shop, NOW_MS + DAY_MS, contact=0.5)
    shop.take(["A31 2026-03-11 buyer1", "A32 2026-03-11 somebody", "A33 2026-03-12 buyer1"])
    found = kinds_of(shop)
    assert (found["31"], found["32"]) == (Customer.NEW_UNSURE, Customer.NEW_UNSURE)
    assert found["33"] is Customer.RETURNING
    assert {key: kind for key, kind in found.items() if key in before} == before


def test_an_erasure_finds_old_orders_by_the_customers_number(shop: Shop) -> None:
    """Nothing else of them is left; their number and their path go with the person's."""
    shop.take(PAST)

    async def age(store: Store) -> None:
        await store.transact(lambda e: e.db.execute("update order_party set since = since - 172800"))

    shop.do(age)  # they were told two days ago
    shop.take(["A22 2026-03-02 buyer2", "A26 2026-03-02 buyer6"])
    forgotten(shop, NOW_MS, contact=1.5)
    assert shared(shop) == [["22", "92"], ["26", "96"]]

    async def work(store: Store) -> None:
        eraser = Eraser(store, lambda: NOW_MS)
        await eraser.ask(SubjectRequest(emails=("buyer2@example.com",)), "command")
        await eraser.finish_all()

    shop.do(work)
    assert shared(shop) == [["26", "96"]]
    assert not any(set(orders) & {"22", "92"} for orders in orders_by_number(shop).values())


def shared(shop: Shop) -> list[list[str]]:
    return sorted(sorted(orders) for orders in orders_by_number(shop).values() if len(orders) > 1)


def orders_by_number(shop: Shop) -> dict[bytes, list[str]]:
    """Of orders by the number that several have, or that one has alone."""
    db = open_reader(shop.data)
    try:
        names = dict(db.execute("select id, substr(order_id, -2) from orders"))
        found: dict[bytes, list[str]] = {}
        for number, row in db.execute("select digest, order_row from order_party where kind like 'recognised%'"):
            found.setdefault(number, []).append(names[row])
        return found
    finally:
        db.close()


@pytest.mark.parametrize("merged_by", ["email:1 email:2", "phone:1 email:2"])
@pytest.mark.parametrize("times", [1, 2])
def test_two_customers_who_turn_out_to_be_one_are_one_from_then_on(tmp_path: Path, merged_by: str, times: int) -> None:
    """Told in any order, once or twice, with what they were recognised by forgotten before or after."""
    told = [
        "email:1 phone:1",
        "email:2",
        "email:1",
        merged_by,
        "email:3",
        "phone:9 email:3",
        "phone:9 email:4",
        "phone:9",
    ]
    answers = set()
    for n, order in enumerate(itertools.islice(itertools.permutations(range(len(told))), 0, 40_320, 6_007)):
        folder = tmp_path / str(n)
        partitions = [_partition_after(folder, told, order, times, forget) for forget in (False, True)]
        answers.add(partitions[0])
        assert partitions[1] == partitions[0]
    assert len(answers) == 1


def _partition_after(
    folder: Path, told: list[str], order: tuple[int, ...], times: int, forget: bool
) -> frozenset[frozenset[int]]:
    engine = Engine(folder / str(forget), lambda _folder: None)
    try:
        with engine.db:
            ids = {}
            for number in [*order] * times:
                if number not in ids:
                    values = (DATASET, f"order {number}", 1_000 + number, 0, b"{}", b"")
                    ids[number] = engine.run("insert_order", values)[0][0]
                buyer = [
                    f"{k}:{blake2b(d.encode(), digest_size=16).hexdigest()}"
                    for d in told[number].split()
                    for k in [d.partition(":")[0]]
                ]
                begun = not engine.run("select_buyers", (id_array([ids[number]]),))
                put_buyers(engine, ids[number], buyer, 1_000 + number, 1_000, begun=begun, late=False)
            before = {
                k: {d for _, kind, d, _ in engine.run("select_buyers", (id_array([i]),)) if kind == "recognised"}
                for k, i in ids.items()
            }
            assert all(len(numbers) == 1 for numbers in before.values())
            while forget and forget_contacts(engine, 1 << 40, 3):
                pass
            left = {
                str(k): (
                    DATASET,
                    [f"{kind}:{d.hex()}" for _, kind, d, _ in engine.run("select_buyers", (id_array([i]),))],
                )
                for k, i in ids.items()
            }
            groups: dict[str, set[int]] = {}
            for key, who in customers_of(left).items():
                groups.setdefault(who, set()).add(int(key))
            return frozenset(frozenset(orders) for orders in groups.values())
    finally:
        engine.close()


def test_an_erasure_of_a_buyer_marks_the_days_of_all_their_orders(shop: Shop) -> None:
    """Found by the digest alone, also of years ago; nobody's order is nobody's first."""
    shop.take(PAST)
    shop.take(MARCH)

    async def erase(store: Store) -> None:
        await store.transact(lambda e: e.db.execute("delete from changed_day"))
        eraser = Eraser(store, lambda: NOW_MS)
        await eraser.start()
        working = asyncio.create_task(eraser.run())
        await erased(eraser, SubjectRequest(emails=("Buyer2@example.com",)))
        marked = await store.transact(lambda e: e.run("select_changed_days"))
        eraser.stop()
        await working
        wanted = {datetime(*d, tzinfo=UTC).timestamp() // 86_400 for d in ((2025, 8, 1), (2026, 3, 2))}
        assert wanted == {day for part, day, *_ in marked if part == "orders"}

    shop.do(erase)
    assert shop.new() == NEW
    kinds = customers(shop.whole().told.bought, 90)
    assert sum(kind is Customer.UNKNOWN for kind in kinds.values()) == 2
