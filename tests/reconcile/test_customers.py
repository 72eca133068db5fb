"""Who is whose order: the people rules, and new and returning customers of a shop whose past came from files."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.privacy.subjects import erased
from twofold.config import settings_from
from twofold.importing.plan import Plan
from twofold.importing.run import import_file
from twofold.ledger.policy import OrderPolicy
from twofold.matching.subject import SubjectRequest
from twofold.privacy.retention import Days, Retention
from twofold.privacy.runner import Eraser
from twofold.reconcile.chain.customers import Bought, Customer, customers, first_delivered
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Metric
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.reading.persons import customers_of
from twofold.reconcile.reading.whole import Whole, read_whole
from twofold.store.changed.days import DAY_MS
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


def test_who_bought_is_known_longer_than_hashed_contact_data_and_then_its_days_are_made_again(shop: Shop) -> None:
    shop.take(PAST)
    shop.take(MARCH)
    days = {datetime(2025, 8, d, tzinfo=UTC).timestamp() // 86_400 for d in (1, 2)}

    async def later(store: Store) -> None:
        await Retention(store, Days(contact=180)).step(NOW_MS + 300 * DAY_MS)
        await store.transact(lambda e: e.db.execute("delete from changed_day"))

    shop.do(later)
    assert shop.new() == NEW

    async def much_later(store: Store) -> None:
        await Retention(store, Days()).step(int(datetime(2028, 8, 10, tzinfo=UTC).timestamp() * 1000))
        marked = await store.transact(lambda e: e.run("select_changed_days"))
        assert days <= {day for part, day, *_ in marked if part == "orders"}

    shop.do(much_later)
    assert shop.new() == sorted([*NEW, "2", "6"])


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
