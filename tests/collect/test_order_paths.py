"""The path of an order is decided once, and stays: in any order of arrival, told twice, and when what decided it is forgotten."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from every_door import shopify_order, signed
from running_gateway import NOW_MS, NOW_S, Running
from test_touches import LANDING, REFERRER, by_server, by_tag, fbp
from test_touches_of_orders import ALL, orders

from twofold.matching.subject import SubjectRequest
from twofold.privacy.export import find_subject, subject_rows
from twofold.report.verify import verify
from twofold.store.engines import open_reader
from twofold.store.secret import folder_ring
from twofold.store.sqlite.statements import reading
from twofold.store.touches.frozen import ERASED, OrderPath, kept_paths
from twofold.store.touches.nameless import Nameless, nameless_of
from twofold.store.touches.path_keeper import path_now
from twofold.store.touches.paths import NO_BROWSER, NO_TOUCH, touches_of

PLACED = NOW_S - 60
HOUR, DAY = 3_600, 86_400
SHORT = {"people_days": 1, "click_ids_days": 1, "address_days": 1, "contact_days": 1, "touch_days": 9}
GOOGLE = "https://shop.example/b?utm_source=google&utm_medium=cpc&utm_campaign=Brand"


@pytest.fixture
def shop(start_gateway: Callable[..., Running]) -> Running:
    return start_gateway(ALL | {"retention": SHORT})


def step(shop: Running, hours: float = 0) -> None:
    """So much later retention does its rounds."""
    shop.now += int(hours * HOUR * 1000)

    async def rounds() -> None:
        while await shop.gateway.retention.step(shop.now):
            pass

    asyncio.run_coroutine_threadsafe(rounds(), shop._loop).result(60)


def path(shop: Running, order: str = "1001") -> OrderPath | None:
    """As it is kept, held against `verify`."""
    db = open_reader(shop.folder)
    try:
        row = orders(shop.folder)[order]
        return kept_paths(reading(db), [row.id]).get(row.id)
    finally:
        db.close()


def campaigns(found: OrderPath | None) -> list[tuple[str, int]]:
    assert found is not None
    return [(t.campaign, t.age) for t in found.touches]


def visit(shop: Running, seconds: int, url: str = LANDING, n: int = 1) -> Callable[[], Any]:
    """A visit so long before the order."""
    return lambda: by_tag(shop, url, REFERRER, n=n, at=PLACED - seconds)


def order(shop: Running, **more: Any) -> Callable[[], Any]:
    told = shopify_order("1001", {"kept": {"_twofold_fbp": fbp(1)}}) | more
    return lambda: signed(shop, "shopify", told, "orders/create")


def test_a_path_outlives_what_it_was_made_of(shop: Running) -> None:
    """Browsers, ids and addresses after a day, signs after nine: who made the order is forgotten, what led to it is not."""
    visit(shop, 3 * DAY)()
    visit(shop, 2 * HOUR, GOOGLE)()
    order(shop)()
    step(shop)
    assert path(shop) is None, "for two hours its page may still be opened"
    step(shop, 2.1)
    made = path(shop)
    assert campaigns(made) == [("Spring", 3 * DAY), ("Brand", 2 * HOUR)]
    assert made is not None
    assert {t.device for t in made.touches} == {"phone"}
    step(shop, 24 * 30)
    db = open_reader(shop.folder)
    left = {
        t: db.execute(f"select count(*) from {t}").fetchone()[0] for t in ("touch", "touch_link", "browser", "sighting")
    }
    row = orders(shop.folder)["1001"]
    assert path_now(reading(db), folder_ring(shop.folder), row).reason in (NO_TOUCH, NO_BROWSER), (
        "nothing else knows it"
    )
    shown = touches_of(reading(db), folder_ring(shop.folder), row)
    db.close()
    assert set(left.values()) == {0}
    assert path(shop) == made
    assert [(t.campaign, t.at) for t in shown.own] == [("Spring", PLACED - 3 * DAY), ("Brand", PLACED - 2 * HOUR)]
    assert all(check.holds for check in verify(shop.folder))


def test_nothing_is_forgotten_before_the_path_is_made(shop: Running) -> None:
    """A gateway that stood still for a month makes the paths of what it was told before it forgets anything."""
    visit(shop, 600)()
    order(shop)()
    step(shop, 24 * 30)
    assert campaigns(path(shop)) == [("Spring", 600)]


def told(shop: Running) -> list[Callable[[], Any]]:
    return [visit(shop, 3 * DAY), visit(shop, 2 * HOUR, GOOGLE), order(shop), visit(shop, 2 * HOUR - 300, GOOGLE)]


@pytest.mark.parametrize(
    "arrival", list(itertools.permutations(range(4)))[::3], ids=lambda order: "".join(map(str, order))
)
def test_the_same_signs_make_the_same_path_in_any_order_and_twice(shop: Running, arrival: tuple[int, ...]) -> None:
    """With hours between them, in which paths are made: what comes late completes them."""
    parts = told(shop)
    for place in arrival:
        parts[place]()
        parts[place]()
        step(shop, 3)
    step(shop)
    assert campaigns(path(shop)) == [("Spring", 3 * DAY), ("Brand", 2 * HOUR)]
    assert all(check.holds for check in verify(shop.folder))


def test_who_tells_of_an_order_a_day_later_leads_to_its_visit(shop: Running) -> None:
    """The shop knew no browser; its server's copy, which does, comes when the path is made already."""
    by_tag(shop, LANDING, REFERRER, n=1, at=PLACED - 600)
    signed(shop, "shopify", shopify_order("1001", {}), "orders/create")
    step(shop, 3)
    assert path(shop) == OrderPath((), (), NO_BROWSER)
    step(shop, 20)
    bought = {"order_id": "1001", "value": 123, "currency": "EUR"}
    by_server(shop, "https://shop.example/thanks", n=1, at=PLACED + 5, event_name="Purchase", custom_data=bought)
    step(shop)
    assert campaigns(path(shop)) == [("Spring", 600)]


def test_after_eight_days_a_path_is_final(shop: Running) -> None:
    """No event that old is taken; were one, it would change no past day."""
    visit(shop, 600)()
    order(shop)()
    step(shop, 3)
    made = path(shop)

    def late(engine: Any) -> None:
        shop.gateway.store.paths.late_signs([who for (who,) in engine.db.execute("select who from touch_link")])
        engine.db.execute("update touch set at = at - 60")

    asyncio.run_coroutine_threadsafe(shop.gateway.store.transact(late), shop._loop).result(60)
    shop.now = NOW_MS + (8 * DAY + 60) * 1000
    step(shop)
    assert path(shop) == made
    db = open_reader(shop.folder)
    assert db.execute("select count(*) from path_news").fetchone() == (0,)
    db.close()


def test_what_the_shop_says_is_kept_beside_and_never_among_them(shop: Running) -> None:
    order(shop, landing_site="/?utm_source=shopify-says&utm_medium=x")()
    step(shop, 3)
    found = path(shop)
    assert found is not None
    assert (found.touches, found.reason) == ((), NO_TOUCH)
    assert [(t.kind, t.source) for t in found.said] == [("shop_says", "shopify-says")]


# -- who is erased, or takes consent back


def erased(shop: Running, **named: tuple[str, ...]) -> None:
    async def main() -> None:
        await shop.gateway.eraser.ask(SubjectRequest(**named), "command")
        await shop.gateway.eraser.finish_all()

    asyncio.run_coroutine_threadsafe(main(), shop._loop).result(60)


def nameless(shop: Running) -> list[Nameless]:
    db = open_reader(shop.folder)
    try:
        return nameless_of(reading(db), 0, 1 << 30)
    finally:
        db.close()


PERSON, ORDER = {"emails": ("nino@example.com",)}, {"order_ids": ("1001",)}
WAYS = {
    "the person, at once": (PERSON, 0), "the person, when the path is made": (PERSON, 3),
    "the order, at once": (ORDER, 0), "the order, when all else is forgotten": (ORDER, 24 * 9),
}  # fmt: skip


@pytest.mark.parametrize(("named", "hours"), WAYS.values(), ids=WAYS)
def test_of_a_past_order_a_nameless_row_stays(shop: Running, named: dict[str, tuple[str, ...]], hours: int) -> None:
    """Day, amounts, channels, campaigns, ages; no order, address, page, referrer or device. Another buyer's path stays."""
    visit(shop, 3 * DAY)()
    visit(shop, 2 * HOUR, GOOGLE)()
    visit(shop, 900, LANDING, n=2)()
    order(shop, email="nino@example.com")()
    signed(
        shop,
        "shopify",
        shopify_order("1002", {"kept": {"_twofold_fbp": fbp(2)}}) | {"email": "other@example.com"},
        "orders/create",
    )
    step(shop, hours)
    row = orders(shop.folder)["1001"]
    shown = list(subject_rows(shop.folder, find_subject(shop.folder, SubjectRequest(kind="export", **named))))
    kinds = [one["what"] for one in shown]
    assert kinds.count("customer") == 1
    assert [[t["campaign"] for t in one["touches"]] for one in shown if one["what"] == "path"] == (
        [["Spring", "Brand"]] if hours else []
    )
    erased(shop, **named)
    (one,) = nameless(shop)
    assert one.id != row.id
    assert one.worth.day == PLACED // DAY
    assert one.worth.amounts["placed"] == "10.00"
    told = [(t.age, t.channel, t.platform, t.campaign, t.campaign_id, t.paid) for t in one.touches]
    assert told == [
        (3 * DAY, "paid_social", "meta", "Spring", "120210000000000001", True),
        (2 * HOUR, "paid_search", "google", "Brand", "", True),
    ]
    db = open_reader(shop.folder)
    bytes_ = b" ".join(
        bytes(v) if isinstance(v, bytes) else str(v).encode() for r in db.execute("select * from nameless") for v in r
    )
    kept = kept_paths(reading(db), [row.id])[row.id]
    left = db.execute("select count(*) from nameless_due").fetchone()[0]
    db.close()
    for word in (b"1001", b"/products", b"shop.example", b"phone", b"facebook.com", str(PLACED).encode()):
        assert word not in bytes_
    assert (kept, left) == (OrderPath((), (), ERASED), 0)
    step(shop, 3)
    assert campaigns(path(shop, "1002")) == [("Spring", 900)]
    assert len(nameless(shop)) == 1
    assert all(check.holds for check in verify(shop.folder))


def test_who_takes_consent_back_leaves_sums(shop: Running) -> None:
    """The visits go at once, what led to the order loses it within a minute."""
    visit(shop, 2 * HOUR, GOOGLE)()
    order(shop)()
    step(shop, 3)
    by_tag(shop, "https://shop.example/", n=1, at=shop.now // 1000, consent={"analytics": False, "ads": False})
    step(shop)
    assert path(shop) == OrderPath((), (), ERASED)
    (one,) = nameless(shop)
    assert [(t.channel, t.campaign) for t in one.touches] == [("paid_search", "Brand")]
    erased(shop, order_ids=("1001",))
    assert len(nameless(shop)) == 1


def rows_by_table(folder: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """Everything that the folder's database holds."""
    db = open_reader(folder)
    try:
        names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        return {name: Counter(db.execute(f"select * from {name}").fetchall()) for name in names}
    finally:
        db.close()


SHOWN_AS = {
    "event": "event", "orders": "order", "order_fact": "report", "order_party": "customer", "order_path": "path", "touch": "touch",
    "touch_link": "touch",
}  # fmt: skip
"""A table of a person's to the rows by which an export shows it."""
DIGESTS = {"browser", "sighting", "visit"}
"""By keyed digests alone these lead from one identifier to another: there is nothing in them to be read."""


def test_whatever_an_erasure_takes_was_in_the_export(shop: Running) -> None:
    """Row by row of the database: a table of which a person's rows go, or lose something, is shown to the person who asks."""
    visit(shop, 2 * HOUR, GOOGLE)()
    order(shop, email="nino@example.com")()
    step(shop, 3)
    found = find_subject(shop.folder, SubjectRequest(kind="export", **PERSON))
    shown = {one["what"] for one in subject_rows(shop.folder, found)}
    before = rows_by_table(shop.folder)
    erased(shop, **PERSON)
    after = rows_by_table(shop.folder)
    gone = {name for name, rows in before.items() if rows - after.get(name, Counter())}
    assert gone - DIGESTS - {"counter"} == SHOWN_AS.keys()
    assert set(SHOWN_AS.values()) <= shown
