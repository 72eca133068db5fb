"""One Purchase per real order: every class of false purchase, in every order of arrival, reopened between all steps.

A step is a browser's copy or a shop's report. The table says what must have been sent in the end; the body plays all
permutations of the steps, each step on a store that was closed and opened again.
"""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from hashlib import sha256

import msgspec
import pytest
from copies import BROWSER, DAY, HOLD, NOW, SERVER, assert_sums_hold, claim, rows, sent, settlement
from copies import copy_of_buyer as copy

from tests.ledger.facts import LINE, SHOP, T0, amounts, parcel, part, payment, refund, report
from twofold.event.delivery import DeliveryState
from twofold.event.model import Tier
from twofold.ledger.model import Line, Paid, ParcelState, Sale
from twofold.ledger.policy import OrderPolicy
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store

ID, NUMBER = "5000000001001", "1001"
SECOND = "5000000001002"
STRIPE, OWN, OTHER_SHOP = "stripe:acct", "own:shop", "shopify:second.myshopify.com"
WAIT = 600_000
NAMES = (f"number:{NUMBER}", f"name:{NUMBER}", "checkout:c0ffee", "payment:pi_1")
END = NOW + 2 * WAIT  # when everything that waits for an order has waited


def browser(event_id="b1", order=ID, *, links=(), value="100.00", at=NOW, **more):
    """A thank-you page's Purchase."""
    event = copy(event_id, BROWSER, order=order, value=value, at=at, **more)
    return msgspec.structs.replace(event, links=tuple(links))


def purchase(
    order=ID, event_id=None, *, links=NAMES, value="100.00", name="Purchase", at=NOW, sender="shopify", **more
):
    """The Purchase that a shop's webhook stands for."""
    event = copy(event_id or f"purchase.demo.{order}", SERVER, name=name, order=order, value=value, tier=Tier.T3, at=at, **more)  # fmt: skip
    return msgspec.structs.replace(event, links=(f"order:{order}", *links), sender=sender)


def hook(told, copied: object = True, *, source=SHOP, at=NOW, **more):
    """A webhook: its report with the copy that it stands for, None for a source that makes none of such an order."""
    if copied is True:
        copied = purchase(told.order_id, links=told.aliases, at=at, **more)
    return OrderEntry(dataset="1", source=source, report=told, copy=copied or None, received_at=at)


def told(at, paid=Paid.PAID, total="100.00", **more):
    return report(at, paid, total, **{"aliases": NAMES, **more})


def shifted(step, at):
    """The same step, received at another time."""
    if isinstance(step, OrderEntry):
        moved = msgspec.structs.replace(step.copy, received_at=at) if step.copy else None
        return msgspec.structs.replace(step, copy=moved, received_at=at)
    return msgspec.structs.replace(step, received_at=at)


def settings(policy=None, has_orders=True, hold=HOLD):
    route = Route(
        destinations=("meta-1",),
        hold_ms={"Purchase": hold},
        orders=OrderPolicy(**{"wait_ms": WAIT, **(policy or {})}),
        has_orders=has_orders,
    )
    return {"1": route}


def stored(folder, routes, at, scenario):
    """Opens the store, runs the scenario and closes it."""

    async def main():
        store = Store(folder, routes=routes, opened_at=at)
        store.start()
        try:
            return await scenario(store)
        finally:
            await store.close()

    return asyncio.run(main())


def arrive(folder, routes, step, at):
    """One step on a store of its own."""

    async def scenario(store):
        step_at = shifted(step, at)
        if isinstance(step_at, OrderEntry):
            return await store.append_orders([step_at])
        return await store.append([step_at])

    return stored(folder, routes, at, scenario)


def deliver(folder, routes, *times, state=DeliveryState.DELIVERED, **facts):
    """What is sent when a worker looks at these times; each attempt is settled the same way."""

    async def scenario(store):
        found = []
        for now in times:
            due = await claim(store, now)
            await store.settle([settlement(d, state, **facts) for d in due], now)
            found += [sent(d) for d in due]
        return found

    return stored(folder, routes, times[0], scenario)


def play(folder, steps, policy=None, **more):
    routes = settings(policy, **more)
    for n, step in enumerate(steps):
        arrive(folder, routes, step, NOW + n * 1_000)
    return deliver(folder, routes, NOW + 60_000, NOW + WAIT + 60_000, END, END + 7 * 3_600_000)


def facts_of(events):
    return sorted((e.event_name, e.event_id, str(e.custom_data.value), e.custom_data.order_id) for e in events)


def one(event_id="b1", value="100.00", order=ID, name="Purchase"):
    return [(name, event_id, value, order)]


SHOP_ID = f"purchase.demo.{ID}"
COD = {"gateways": ("Cash on Delivery (COD)",)}
CANCELLED = {"cancelled_at": T0 + 9}
PI = ("payment:pi_1",)
B, OTHER = browser(), browser("b2")
WITH_FBP = browser(fbp="fb.1.1790000000000.4711")
STRANGER = browser("x1", value="0.01", client_ip_address="198.51.100.66")
VOUCHED = msgspec.structs.replace(browser(tier=Tier.T1), order_vouched=True)
SEND = {"unmatched": "send"}
SERVER_COPY = msgspec.structs.replace(copy("s1", SERVER, order=ID, value="100.00", at=NOW), links=())
HOOK = hook(told(2))
PENDING, PAID = hook(told(0, Paid.UNPAID)), hook(told(9))
STRIPE_HOOK = hook(
    report(3, order="pi_1", aliases=PI),
    purchase("pi_1", "purchase.pi_1", links=PI, sender="stripe"),
    source=STRIPE,
)
RECREATED = hook(told(20, order=SECOND, placed=T0 + 600, aliases=()), purchase(SECOND, links=(), em="a"))
DEARER = hook(
    told(20, total="120.00", order=SECOND, placed=T0 + 600, aliases=()),
    purchase(SECOND, value="120.00", links=(), em="a"),
)
OTHER_GOODS = hook(
    told(20, order=SECOND, placed=T0 + 600, aliases=(), lines=(Line(id="sku-2", price=Decimal("100.00")),)),
    purchase(SECOND, links=(), em="a"),
)
EDIT = hook(told(9, total="130.00", lines=(LINE, Line(id="sku-2", price=Decimal("30.00")))))
RENEWED = report(5, sale=Sale.RENEWAL, tags=("Subscription Recurring Order",))
HASH_OF_NOTHING = sha256(b"").hexdigest()
BOTH = sorted(one(SHOP_ID) + one(f"purchase.demo.{SECOND}", order=SECOND))


def nobodys(alias):
    """Reports of two orders, at the same time, of which their source knew nothing under this name."""
    return [
        hook(told(2, order=ID, aliases=(alias,)), purchase(links=())),
        hook(told(2, order=SECOND, aliases=(alias,)), purchase(SECOND, links=())),
    ]


# name, steps, policy, what is sent
CLASSES = [
    ("browser, server and shop", [B, SERVER_COPY, HOOK], {}, one()),
    ("refresh under another event id", [WITH_FBP, msgspec.structs.replace(WITH_FBP, event_id="b2"), HOOK], {}, "b1 or b2"),
    ("number and id", [browser(order=NUMBER), HOOK, hook(told(1, Paid.UNPAID))], {}, one()),
    ("number with its sign", [browser(order=f"#{NUMBER}"), HOOK], {}, one()),
    ("two senders joined by a payment", [HOOK, STRIPE_HOOK, B], {}, one()),
    ("two senders, the browser knows the payment", [HOOK, STRIPE_HOOK, browser(order="pi_1")], {}, one()),
    ("two senders joined only by the third", [hook(told(2, aliases=NAMES[:1])), STRIPE_HOOK, hook(told(4), None)], {}, "either"),
    ("paid after pending", [B, PENDING, PAID], {}, one()),
    ("never paid", [B, PENDING], {}, []),
    ("cash on delivery", [B, hook(told(0, Paid.UNPAID, **COD))], {}, one()),
    ("cash on delivery by delivery", [B, hook(told(0, Paid.UNPAID, **COD)), hook(part(9, parcels=(parcel("a", ParcelState.DELIVERED, 9),)), None)], {"when": {"cod": "delivered"}}, one()),
    ("cancelled", [B, HOOK, hook(told(9, **CANCELLED), None)], {}, []),
    ("cancelled, the shop's copy never came", [B, hook(told(9, **CANCELLED), None)], {}, []),
    ("test", [B, hook(told(2, test=True), None)], {}, []),
    ("test with a copy", [B, hook(told(2, test=True))], {}, []),
    ("voided", [B, PENDING, hook(told(9, Paid.VOIDED), None)], {}, []),
    ("voided and paid after all", [B, hook(told(5, Paid.VOIDED), None), PAID], {}, one()),
    ("refunded wholly", [B, HOOK, hook(told(9, Paid.REFUNDED, refunds=(refund("r", "100.00"),)))], {}, []),
    ("refunded partly", [B, HOOK, hook(told(9, Paid.PART_REFUNDED, refunds=(refund("r", "30.00"),)))], {}, one(value="70.00")),
    ("refund told alone", [B, HOOK, hook(part(9, refunds=(refund("r", "30.00"),)), None)], {}, one(value="70.00")),
    ("refund told by two", [HOOK, hook(part(9, refunds=(refund("r", "30.00"),)), None), hook(part(9, order="pi_1", aliases=PI, payments=(payment("re", "30.00", "refund"),)), None, source=STRIPE)], {}, one(SHOP_ID, "70.00")),
    ("edited", [B, HOOK, EDIT], {}, one(value="130.00")),
    ("renewal as Subscribe", [hook(RENEWED, purchase(name="Subscribe", event_id=f"subscribe.demo.{ID}"))], {}, one(f"subscribe.demo.{ID}", name="Subscribe")),
    ("renewal tagged late", [hook(report(1)), hook(RENEWED, purchase(name="Subscribe", event_id=f"subscribe.demo.{ID}", links=()))], {}, "subscribe"),
    ("renewal as Purchase", [hook(RENEWED)], {"renewals": "purchase"}, one(SHOP_ID)),
    ("renewal left out", [hook(RENEWED, None), B], {"renewals": "none"}, []),
    ("stale update last", [EDIT, HOOK, PENDING], {}, one(SHOP_ID, "130.00")),
    ("split payment", [hook(told(0, None)), hook(part(5, payments=(payment("p", "60.00"),)), None), hook(part(6, payments=(payment("q", "40.00"),)), None)], {}, one(SHOP_ID)),
    ("half paid", [hook(told(0, None)), hook(part(5, payments=(payment("p", "60.00"),)), None)], {}, []),
    ("nothing but payments", [hook(part(5, order="pi_1", aliases=PI, payments=(payment("pi_1", "100.00"),)), None, source=STRIPE), B], SEND, one()),
    ("money without the order's webhook's copy", [hook(told(2), None), B], {}, one()),
    ("browser alone", [B], {"unmatched": "send"}, one()),
    ("browser alone, vouched for by nobody", [B], {}, []),
    ("browser alone, vouched for by a token", [VOUCHED], {}, one()),
    ("browser alone, with a token that names no order", [browser(tier=Tier.T1)], {}, []),
    ("two orders whose checkout is a hash of nothing", nobodys(f"checkout:{HASH_OF_NOTHING}"), {}, BOTH),
    ("two orders whose key is unknown", nobodys("order_key:unknown"), {}, BOTH),
    ("two orders whose payment is nought", nobodys("payment:0"), {}, BOTH),
    ("two orders whose number is nought", nobodys("number:0"), {}, BOTH),
    ("two orders whose name is a word for nothing", nobodys("name:undefined"), {}, BOTH),
    ("server alone", [SERVER_COPY], {}, one("s1")),
    ("server alone, dropped", [SERVER_COPY, B], {"unmatched": "drop"}, []),
    ("two orders under one event id", [hook(told(2), purchase(event_id="same")), hook(told(2, order=SECOND, aliases=()), purchase(SECOND, "same", links=()))], {}, "two"),
    ("two orders under one event id, with a browser", [hook(told(2), purchase(event_id="same")), hook(told(2, order=SECOND, aliases=()), purchase(SECOND, "same", links=())), browser("same")], {}, "two"),
    ("two shops that number alike", [HOOK, hook(told(2, order="7770000009999", aliases=(f"number:{NUMBER}",)), source=OTHER_SHOP)], {}, sorted(one(SHOP_ID) + one("purchase.demo.7770000009999", order="7770000009999"))),
    ("a shop's own hook by the number", [HOOK, hook(report(4, order=NUMBER), purchase(NUMBER, "own.1001", links=()), source=OWN), B], {}, "browser"),
    ("a Subscribe beside the Purchase", [B, HOOK, browser("sub", name="Subscribe")], {}, sorted([*one(), ("Subscribe", "sub", "100.00", ID)])),
    ("replaced by name", [hook(told(2)), hook(told(20, order=SECOND, aliases=(), replaces=ID), purchase(SECOND, links=()))], {}, "single"),
]  # fmt: skip
# Where the copies are equally good, the first to come decides which id it is; it is one all the same.
EITHER = {
    "b1 or b2": [one("b1"), one("b2")],
    "either": [one(SHOP_ID), one("purchase.pi_1")],
    "browser": [one(), one(order=NUMBER)],
    "subscribe": [one(SHOP_ID, name="Subscribe"), one(f"subscribe.demo.{ID}", name="Subscribe")],
    "two": [
        sorted(one("same") + one(f"same.{SECOND}", order=SECOND)),
        sorted(one(f"same.{ID}") + one("same", order=SECOND)),
    ],
    "single": [one(SHOP_ID), one(f"purchase.demo.{SECOND}", order=SECOND)],
}


@pytest.mark.parametrize(("name", "steps", "policy", "expected"), CLASSES, ids=[r[0] for r in CLASSES])
def test_one_purchase_whatever_the_order_of_arrival(name, steps, policy, expected, tmp_path):
    """Exactly the Purchases that the real orders are worth, each with its id and value, whichever step came first."""
    allowed = EITHER[expected] if isinstance(expected, str) else [expected]
    for n, order in enumerate(itertools.permutations(steps)):
        folder = tmp_path / str(n)
        assert facts_of(play(folder, order, policy)) in allowed, [steps.index(s) for s in order]
    assert_sums_hold(folder)


# Each row: steps with "claim" between them, what was sent in all. The order of arrival is the class here.

CANCEL = hook(told(9, **CANCELLED), None)
FIRST = hook(told(2, placed=T0), purchase(em="a"))
FIRST_UNDONE = hook(told(9, Paid.VOIDED, **CANCELLED), None)  # by a shop whose cancelled orders keep their total
FIRST_CANCELLED = hook(told(9, Paid.VOIDED, "0.00", lines=(), **CANCELLED), None)
LATE_JOIN = hook(told(4, aliases=(*NAMES, "payment:pi_9")), purchase(links=("payment:pi_9",)))
STORIES = [
    ("cancelled after it was sent", [B, HOOK, "claim", CANCEL, "claim", OTHER, "claim"], {}, one()),
    ("refresh after it was sent", [B, HOOK, "claim", OTHER, "claim"], {}, one()),
    ("late update after it was sent", [B, HOOK, "claim", EDIT, "claim"], {}, one()),
    ("refunded after it was sent", [B, HOOK, "claim", hook(told(9, Paid.REFUNDED)), "claim"], {}, one()),
    ("alone, then the order", [B, "wait", HOOK, "claim"], SEND, [*one(), *one()]),
    ("alone by number, then the order", [browser(order=NUMBER), "wait", HOOK, "claim"], SEND, [*one(order=NUMBER), *one()]),
    ("alone, then two senders", [B, "wait", STRIPE_HOOK, HOOK, "claim"], SEND, [*one(), *one()]),
    ("alone, then the cancelled order", [B, "wait", CANCEL, HOOK, "claim"], SEND, one()),
    ("kept back alone, then the order", [B, "wait", HOOK, "claim"], {}, one()),
    ("a stranger alone, then the order", [STRANGER, "wait", HOOK, "claim"], SEND, sorted([*one("x1", "0.01"), *one(SHOP_ID)])),
    ("a stranger waits, then the order", [STRANGER, HOOK, "claim", "wait"], SEND, one(SHOP_ID)),
    ("the order, then a stranger", [HOOK, STRANGER, "claim", "wait"], SEND, one(SHOP_ID)),
    ("a stranger and the buyer alone, then the order", [STRANGER, B, "wait", HOOK, "claim"], SEND, sorted([*one("x1", "0.01"), *one()])),
    ("placed again, cancelled first", [FIRST, "claim", FIRST_CANCELLED, RECREATED, "claim"], {}, one(SHOP_ID)),
    ("placed again, cancelled within the hold", [FIRST, "claim", RECREATED, FIRST_CANCELLED, "claim"], {}, one(SHOP_ID)),
    ("placed again, cancelled with its total", [FIRST, "claim", FIRST_UNDONE, RECREATED, "claim"], {}, one(SHOP_ID)),
    ("the next one for other money", [FIRST, "claim", FIRST_UNDONE, DEARER, "claim"], {}, one(SHOP_ID) + one(f"purchase.demo.{SECOND}", "120.00", order=SECOND)),
    ("the next one of other goods", [FIRST, "claim", FIRST_CANCELLED, OTHER_GOODS, "claim"], {}, one(SHOP_ID) + one(f"purchase.demo.{SECOND}", order=SECOND)),
    ("placed again, the first never sent", [FIRST, FIRST_CANCELLED, RECREATED, "claim"], {}, one(f"purchase.demo.{SECOND}", order=SECOND)),
    ("replaced after it was sent", [HOOK, "claim", hook(told(20, order=SECOND, aliases=(), replaces=ID), purchase(SECOND, links=())), "claim"], {}, one(SHOP_ID)),
    ("sent, then joined with another sender", [STRIPE_HOOK, "claim", hook(told(3, aliases=PI)), B, "claim"], {}, one("purchase.pi_1", order="pi_1")),
    ("paid after it was given up", [B, PENDING, "month", hook(told(30 * 86_400)), "claim"], {"expire_s": 3_600}, one()),
    ("voided, then paid", [B, hook(told(5, Paid.VOIDED), None), "claim", PAID, "claim"], {}, one()),
    ("weeks later", [B, HOOK, "claim", "month", EDIT, OTHER, "claim"], {}, one()),
    ("weeks later by new names", [HOOK, "claim", "month", LATE_JOIN, OTHER, "claim"], {}, one(SHOP_ID)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "steps", "policy", "expected"), STORIES, ids=[r[0] for r in STORIES])
def test_one_purchase_across_deliveries(name, steps, policy, expected, tmp_path):
    """Once a Purchase was sent no further one follows, and what was given up is sent when it counts after all."""
    routes, at, found = settings(policy), NOW, []
    for step in steps:
        if isinstance(step, str):
            at += {"claim": HOLD + 1_000, "wait": WAIT + 1_000, "month": 30 * DAY}[step]
            found += deliver(tmp_path, routes, at)
        else:
            arrive(tmp_path, routes, step, at)
        at += 1_000
    found += deliver(tmp_path, routes, at + WAIT, at + WAIT + 7 * 3_600_000)
    assert facts_of(found) == expected


def test_what_a_platform_refused_of_a_shops_order_no_browser_tells_again(tmp_path):
    """Weeks later the fold has forgotten the order's names. A stranger who names it does not become its owner, by which the shop's
    next report would begin it anew."""
    routes = settings()
    arrive(tmp_path, routes, HOOK, NOW)

    async def refused(store):
        claimed = await claim(store, NOW + HOLD + 1)
        dead = [
            settlement(d, DeliveryState.DEAD, reason="rejected:100", outcome="rejected", status=400) for d in claimed
        ]
        await store.settle(dead, NOW + HOLD + 2)
        return len(dead)

    assert stored(tmp_path, routes, NOW + HOLD, refused) == 1
    later = NOW + 30 * DAY
    arrive(tmp_path, routes, msgspec.structs.replace(STRANGER, event_time=later // 1000), later)
    assert deliver(tmp_path, routes, later + HOLD, later + 2 * WAIT) == []
    arrive(tmp_path, routes, EDIT, later + 3 * WAIT)
    assert deliver(tmp_path, routes, later + 4 * WAIT) == []
    ended = [(d["state"], d["reason"]) for d in rows(tmp_path, "deliveries")]
    assert sorted(ended) == [("dead", "rejected:100"), ("suppressed", "order_counted")]


def test_the_same_report_again_is_nothing_new(tmp_path):
    """A webhook that comes again under another delivery id and topic adds no fact and no copy."""
    routes = settings()
    again = msgspec.structs.replace(HOOK, report=msgspec.structs.replace(HOOK.report, kind="placed", reference="x"))
    assert arrive(tmp_path, routes, HOOK, NOW).new == 1
    assert arrive(tmp_path, routes, again, NOW + 1_000) == (0, 0)
    assert len(rows(tmp_path, "events")) == 1


def test_a_browser_waits_and_goes_marked(tmp_path):
    """Nothing before `wait` is over, then the Purchase with the mark; without a shop's source at its hold's end."""
    arrive(tmp_path / "a", settings(), B, NOW)
    assert deliver(tmp_path / "a", settings(SEND), NOW + HOLD, NOW + WAIT - 1) == []
    assert [d["reason"] for d in rows(tmp_path / "a", "deliveries")] == ["waits_for_order"]
    assert facts_of(deliver(tmp_path / "a", settings(SEND), NOW + WAIT)) == one()
    plain = settings(has_orders=False)
    arrive(tmp_path / "b", plain, B, NOW)
    assert deliver(tmp_path / "b", plain, NOW + HOLD - 1) == []
    assert facts_of(deliver(tmp_path / "b", plain, NOW + HOLD)) == one()


def test_the_shops_word_ends_the_wait(tmp_path):
    """With its order there, a browser's Purchase goes at once, with the order's id and money."""
    arrive(tmp_path, settings(), browser(order=NUMBER, value="1.00"), NOW)
    assert deliver(tmp_path, settings(), NOW + HOLD) == []
    arrive(tmp_path, settings(), HOOK, NOW + HOLD + 1_000)
    assert facts_of(deliver(tmp_path, settings(), NOW + HOLD + 1_001)) == one()


def test_an_old_order_is_told_at_the_time_it_counted(tmp_path):
    """Delivered twenty days after it was placed: sent with the time of delivery, which the platform still takes."""
    policy = {"when": {"cod": "delivered"}}
    late = 20 * 86_400
    arrive(tmp_path, settings(policy), hook(told(0, Paid.UNPAID, **COD)), NOW)
    there = hook(part(late, parcels=(parcel("a", ParcelState.DELIVERED, late),)), None)
    arrive(tmp_path, settings(policy), there, NOW + late * 1000)
    (event,) = deliver(tmp_path, settings(policy), NOW + late * 1000 + 1_000)
    assert event.event_time == T0 + late


@pytest.mark.parametrize(
    ("expire_s", "due"), [(3_600, (T0 + 3_601) * 1_000), (30 * 86_400, NOW + HOLD + 6 * 3_600_000)]
)
def test_an_unpaid_order_is_looked_at_each_six_hours_and_when_it_expires(tmp_path, expire_s, due):
    """A second after its time is over, where that is sooner; by hand of an order that was placed at T0."""
    routes = settings({"expire_s": expire_s})
    arrive(tmp_path, routes, hook(told(0, Paid.UNPAID)), NOW)
    assert deliver(tmp_path, routes, NOW + HOLD) == []
    assert [(d["state"], d["due_at"]) for d in rows(tmp_path, "deliveries")] == [("waiting", due)]


def test_cancelled_between_two_attempts(tmp_path):
    """An attempt that surely did not arrive is not repeated once the order is cancelled; one in doubt is."""
    for name, facts, expected in (("sure", {}, 0), ("in doubt", {"unsure_since": NOW + HOLD}, 1)):
        folder = tmp_path / name
        arrive(folder, settings(), HOOK, NOW)
        again = NOW + HOLD + 5_000
        first = deliver(folder, settings(), NOW + HOLD, state=DeliveryState.WAITING, due_at=again, **facts)
        assert len(first) == 1
        arrive(folder, settings(), CANCEL, NOW + HOLD + 1_000)
        assert len(deliver(folder, settings(), again + 1_000)) == expected


@pytest.mark.parametrize(
    ("shown", "policy", "money", "price"),
    [
        ("16000", {}, ("16000", "JPY"), "15500"),  # what the buyer saw, and the line's price in it
        ("16000", {"presentment": False}, ("100.00", "EUR"), "99.00"),
        (None, {}, ("100.00", "EUR"), "99.00"),
    ],
    ids=["the buyer's", "the shop's", "one currency"],
)
def test_the_price_of_goods_is_in_the_currency_of_the_order_s_money(tmp_path, shown, policy, money, price):
    line = Line(id="sku-1", quantity=1, price=Decimal("99.00"), shown_price=Decimal("15500"))
    facts = {"presentment": amounts(shown, "JPY")} if shown else {}
    arrive(tmp_path, settings(policy), hook(told(0, lines=(line,), **facts)), NOW)
    (event,) = deliver(tmp_path, settings(policy), NOW + HOLD)
    data = event.custom_data
    assert (str(data.value), data.currency) == money
    assert [str(content.item_price) for content in data.contents] == [price]


def test_a_subscribe_beside_its_orders_purchase_is_tried_again(tmp_path):
    """It is an event of its own: that the Purchase stands for the order stops no further attempt of it."""
    arrive(tmp_path, settings(), HOOK, NOW)
    arrive(tmp_path, settings(), browser("s1", name="Subscribe"), NOW + 1_000)
    again = NOW + HOLD + 60_000
    first = deliver(tmp_path, settings(), NOW + HOLD + 1_000, state=DeliveryState.WAITING, due_at=again)
    names = ["Purchase", "Subscribe"]
    assert sorted(e.event_name for e in first) == names
    assert sorted(e.event_name for e in deliver(tmp_path, settings(), again)) == names


def test_an_order_whose_first_try_failed_is_placed_again(tmp_path):
    """The cancelled order never arrived, so the one placed anew is the Purchase."""
    arrive(tmp_path, settings(), FIRST, NOW)
    again = NOW + HOLD + 5_000
    assert len(deliver(tmp_path, settings(), NOW + HOLD, state=DeliveryState.WAITING, due_at=again)) == 1
    arrive(tmp_path, settings(), FIRST_CANCELLED, NOW + HOLD + 1_000)
    arrive(tmp_path, settings(), RECREATED, NOW + HOLD + 2_000)
    found = deliver(tmp_path, settings(), again + HOLD, again + HOLD + 120_000)
    assert facts_of(found) == one(f"purchase.demo.{SECOND}", order=SECOND)


def test_reports_of_one_batch(tmp_path):
    """All reports of an order in one transaction, in any order, make one Purchase."""
    batch = [STRIPE_HOOK, PENDING, EDIT]
    for n, order in enumerate(itertools.permutations(batch)):
        routes = settings()

        async def scenario(store, order=order):
            return await store.append_orders([*order])

        stored(tmp_path / str(n), routes, NOW, scenario)
        found = facts_of(deliver(tmp_path / str(n), routes, NOW + HOLD, END))
        assert found in (one(SHOP_ID, "130.00"), one("purchase.pi_1", "130.00")), n


def test_goods_and_pieces_are_the_edited_orders(tmp_path):
    """After an upsell the event's goods, ids and pieces are the order's as they are now."""
    placed = purchase()
    data = msgspec.structs.replace(placed.custom_data, content_ids=("sku-1",), num_items=1)
    arrive(tmp_path, settings(), hook(told(2), msgspec.structs.replace(placed, custom_data=data)), NOW)
    arrive(tmp_path, settings(), EDIT, NOW + 1_000)
    taken_out = Line(id="sku-3", quantity=0, price=Decimal("5.00"))
    lines = (*EDIT.report.snapshot.lines, taken_out)
    arrive(tmp_path, settings(), hook(told(10, total="130.00", lines=lines)), NOW + 2_000)
    (event,) = deliver(tmp_path, settings(), NOW + HOLD)
    assert [c.id for c in event.custom_data.contents] == ["sku-1", "sku-2"]
    assert (event.custom_data.content_ids, event.custom_data.num_items) == (("sku-1", "sku-2"), 2)


@pytest.mark.parametrize(("unmatched", "leaves"), [("vouched", True), ("drop", False)])
def test_a_servers_word_outlives_a_browsers_whose_order_never_came(tmp_path, unmatched, leaves):
    """The browser's Purchase was given up for want of an order; the server that vouches for it comes a day later."""

    async def scenario(store):
        await store.append([copy("b-1", BROWSER, order="1001")])
        assert await claim(store, NOW + WAIT + 1) == []
        assert [r["reason"] for r in rows(tmp_path, "deliveries")] == ["no_order"]
        await store.append([copy("b-1", BROWSER, order="1001", at=NOW + 2 * WAIT)])
        assert await claim(store, NOW + 2 * WAIT + 1) == [], "a browser vouches for nothing"
        await store.append([copy("s-1", SERVER, order="1001", at=NOW + DAY)])
        return [sent(d).custom_data.order_id for d in await claim(store, NOW + DAY + 1)]

    assert stored(tmp_path, settings({"unmatched": unmatched}), NOW, scenario) == (["1001"] if leaves else [])
