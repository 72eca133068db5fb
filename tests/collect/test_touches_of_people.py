"""Touches that come or go with a person's word: answers of a survey, consent taken back, what another's browser keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from every_door import CONFIGURATION, signed, woocommerce_order
from running_gateway import DATASET, NOW_MS, Running
from test_touches import LANDING, REFERRER, by_tag, fbp
from test_touches_of_orders import PLACED, shopify, touches

from twofold.config import settings_from
from twofold.consent.marks import marks_from
from twofold.importing.plan import Plan
from twofold.importing.run import import_file
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.store.engines import open_reader
from twofold.store.orders.ledger import OrderRow
from twofold.store.secret import folder_ring
from twofold.store.sqlite.statements import reading
from twofold.store.touches.paths import touches_of


@pytest.fixture
def shop(start_gateway) -> Running:
    return start_gateway(CONFIGURATION)


OTHER = {"id": "998877665544332", "key": "k" * 24, "country": "US"}
TWO_SHOPS = CONFIGURATION | {"dataset": [*CONFIGURATION["dataset"], OTHER]}
ORDER_ID = "5204621234567"
WHEN = "2026-09-01T12:00:00+04:00"


class Files:
    """A folder into which files are imported, while no gateway runs."""

    def __init__(self, path: Path) -> None:
        self.path, self.data = path, path / "data"
        self.settings = settings_from({"server": {"data": str(self.data)}, **TWO_SHOPS}, environ={})

    def orders(self, dataset: str = DATASET) -> None:
        row = {
            "Name": "#S-77", "Email": "nino@example.com", "Financial Status": "paid", "Subtotal": "10.00", "Shipping": "0.00",
            "Taxes": "0.00", "Total": "10.00", "Currency": "EUR", "Created at": "2026-08-30 10:00:00 +0400",
            "Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": "10.00", "Id": ORDER_ID,
        }  # fmt: skip
        path = self.path / "orders.csv"
        path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        assert import_file(self.settings, Plan(path=path, dataset=dataset), NOW_MS).orders == 1

    def answers(self, *rows: str) -> None:
        path = self.path / "answers.csv"
        path.write_text("\n".join(["order_id,answered_at,answer,detail", *rows]) + "\n")
        assert import_statement(self.settings, StatementPlan(kind="survey", path=path), NOW_MS).total == len(rows)

    def said(self) -> list[tuple[str, str, int]]:
        db = open_reader(self.data)
        try:
            sql = "select id, dataset, order_id, placed_at, action, person, outcomes, state from orders where order_id = ?"
            row = OrderRow(*db.execute(sql, (ORDER_ID,)).fetchone())
            return [(t.kind, t.source, t.at) for t in touches_of(reading(db), folder_ring(self.data), row).said]
        finally:
            db.close()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


AT = 1_788_249_600  # 2026-09-01 08:00 UTC, by date -u -d


@pytest.mark.parametrize("first", ["order", "answer"])
@pytest.mark.parametrize("written", [ORDER_ID, f"#{ORDER_ID}", "#S-77", "S-77"])
def test_an_answer_is_a_touch_of_its_order_whichever_came_first(files, first, written):
    """By the order's id, or by the number that the buyer sees; the buyer's free words are no source."""
    if first == "order":
        files.orders()
    files.answers(f"{written},{WHEN},A friend,my aunt told me", f"1002,{WHEN},Radio,")
    if first == "answer":
        files.orders()
    assert files.said() == [("survey", "A friend", AT)]


def test_a_later_answer_takes_the_place_of_an_earlier_one(files):
    files.orders()
    files.answers(f"{ORDER_ID},{WHEN},A friend,")
    files.answers(f"{ORDER_ID},{WHEN},Podcast,")
    assert files.said() == [("survey", "Podcast", AT)]


def test_an_answer_for_a_number_that_two_shops_have_is_nobody_s(files):
    """The file of answers names no shop."""
    files.answers(f"{ORDER_ID},{WHEN},A friend,", f"S-77,{WHEN},Radio,")
    files.orders()
    assert len(files.said()) == 2
    files.orders(OTHER["id"])
    assert files.said() == []


# -- consent is taken back


BY = [
    ("the order's number", {"order": "1001"}),
    ("the number with its sign", {"order": "#1001"}),
    ("the e-mail address", {"em": "nino@example.com"}),
    ("the phone number", {"ph": "+995555000007"}),
    ("the customer's number", {"external_id": "77"}),
]


@pytest.mark.parametrize("given", [g for _, g in BY], ids=[n for n, _ in BY])
def test_a_withdrawal_takes_what_is_said_of_the_person_s_orders(shop, given):
    """And the signs of the browsers that made them; what comes later brings nothing back; a stranger keeps his."""
    for n, more in ((1, {}), (2, {"email": "boris@example.com", "phone": "+995555000008", "customer": {"id": 78}})):
        by_tag(shop, LANDING, REFERRER, n=n, at=PLACED - 600)
        body = shopify(f"100{n}", landing_site="/?utm_source=x", **more)
        body["note_attributes"] = [{"name": "_twofold_fbp", "value": fbp(n)}]
        assert signed(shop, "shopify", body, "orders/create").status == 200
        assert len(touches(shop.folder, f"100{n}").said) == len(touches(shop.folder, f"100{n}").own) == 1
    marks, unusable = marks_from(given)
    assert marks
    assert unusable == []

    async def withdraw() -> None:
        await shop.gateway.store.withdraw(DATASET, marks, NOW_MS)

    asyncio.run_coroutine_threadsafe(withdraw(), shop._loop).result(60)
    gone = touches(shop.folder, "1001")
    assert (gone.own, gone.said) == ([], [])
    body = shopify("1001", landing_site="/?utm_source=x", tags="changed", updated_at="2026-10-01T10:00:00Z")
    assert signed(shop, "shopify", body, "orders/updated").status == 200
    assert touches(shop.folder, "1001").said == []
    assert len(touches(shop.folder, "1002").said) == len(touches(shop.folder, "1002").own) == 1


def test_a_withdrawal_leaves_what_is_said_of_an_order_of_the_same_number_in_another_dataset(start_gateway):
    """Two shops number alike; consent was given to each, and is taken back from one."""
    sources = [s | {"dataset": OTHER["id"]} if s["type"] == "woocommerce" else s for s in CONFIGURATION["source"]]
    gateway = start_gateway(TWO_SHOPS | {"source": sources})
    attribution = {"wc_order_attribution_source_type": "utm", "wc_order_attribution_utm_source": "facebook"}
    assert signed(gateway, "shopify", shopify("1001", landing_site="/?utm_source=x"), "orders/create").status == 200
    order = woocommerce_order("1001", {"kept": attribution})
    assert signed(gateway, "woocommerce", order, "order.updated").status == 200
    assert _said_by_dataset(gateway.folder, "1001") == {DATASET: ["x"], OTHER["id"]: ["facebook"]}
    marks, _ = marks_from({"order": "1001"})

    async def withdraw() -> None:
        await gateway.gateway.store.withdraw(DATASET, marks, NOW_MS)

    asyncio.run_coroutine_threadsafe(withdraw(), gateway._loop).result(60)
    assert _said_by_dataset(gateway.folder, "1001") == {DATASET: [], OTHER["id"]: ["facebook"]}


def _said_by_dataset(folder: Path, order: str) -> dict[str, list[str]]:
    db = open_reader(folder)
    try:
        sql = "select id, dataset, order_id, placed_at, action, person, outcomes, state from orders where order_id = ?"
        rows = [OrderRow(*row) for row in db.execute(sql, (order,))]
        run, ring = reading(db), folder_ring(folder)
        return {row.dataset: [t.source for t in touches_of(run, ring, row).said] for row in rows}
    finally:
        db.close()
