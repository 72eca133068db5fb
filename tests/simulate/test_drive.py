"""What the driver puts on the wire, seen by a server that records every request and takes it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from decimal import Decimal
from hashlib import sha256

import msgspec
import pytest
from aiohttp import web

from twofold.errors import TwofoldError
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order
from twofold.ledger.state import Fact, derive
from twofold.simulate import drive as driving
from twofold.simulate.drive import Stage, drive
from twofold.simulate.truth import Blocker, OrderKind, make_orders
from twofold.sources import SOURCES
from twofold.sources.contract import Reading, SourceOptions

SHOP, SECRET = "demo.myshopify.com", "hush-0123456789abcdef"
PIXEL, SERVER, BOTH, TWOFOLD = "1", "2", "3", "4"
ORDERS = make_orders(11, 60)
OF_THE_SHOP = [o for o in ORDERS if o.chat is None]


class Recorder:
    """Keeps (method, path, query, headers, body) of each request; ``statuses`` are answered first, then 200."""

    def __init__(self, statuses=()):
        self.requests = []
        self._statuses = list(statuses)

    async def take(self, request):
        body = await request.read()
        self.requests.append((request.method, request.path, dict(request.query), dict(request.headers), body))
        status = self._statuses.pop(0) if self._statuses else 200
        return web.json_response({}, status=status)

    def hits(self, dataset, name="Purchase"):
        queries = [query for _, path, query, _, _ in self.requests if path == "/tr/"]
        return [query for query in queries if (query["id"], query["ev"]) == (dataset, name)]

    def tag_events(self, name="Purchase"):
        bodies = [json.loads(body) for _, path, _, _, body in self.requests if path == "/t/events"]
        events = [event for body in bodies for event in body["events"]]
        return [event for event in events if event["event_name"] == name]

    def server_events(self, dataset):
        bodies = [json.loads(b) for _, path, _, _, b in self.requests if path == f"/v25.0/{dataset}/events"]
        return [event for body in bodies for event in body["data"]]

    def webhooks(self):
        return [(h, body) for _, path, _, h, body in self.requests if path == f"/webhooks/shopify/{SHOP}"]


@asynccontextmanager
async def listening(recorder):
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", recorder.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def play(orders, recorder, progress=lambda done, total: None):
    async def main():
        async with listening(recorder) as address:
            stage = Stage(
                gateway=address, sandbox=address, shop="http://127.0.0.1:1", name=SHOP, secret=SECRET, token="token-12",
                pixel_only=PIXEL, server_only=SERVER, both=BOTH, twofold=TWOFOLD,
            )  # fmt: skip
            await drive(orders, stage, progress=progress, pace=0)

    asyncio.run(main())
    return recorder


@pytest.fixture(scope="module")
def played():
    return play(ORDERS, Recorder())


def purchase_ids(played):
    """Order id to the event id, made here from the token that the shop's webhook carries."""
    bodies = [json.loads(body) for _, body in played.webhooks()]
    made = {b["id"]: sha256(b"checkout:" + b["checkout_token"].encode()).hexdigest() for b in bodies}
    return {order: f"purchase.{digest[:32]}" for order, digest in made.items()}


def loads(orders, may_report):
    return sum(o.thank_you_loads for o in orders if o.kind is OrderKind.REAL and o.consented and may_report(o))


def test_the_pixel_reports_each_load_of_an_unblocked_consented_thank_you_page(played):
    """In the three datasets the pixel reports to; with an id only where Twofold's tag gives it one."""
    expected = loads(ORDERS, lambda o: o.blocker is Blocker.NONE)
    assert [len(played.hits(dataset)) for dataset in (PIXEL, BOTH, TWOFOLD)] == [expected] * 3
    assert played.hits(SERVER) == []
    assert not any("eid" in hit for hit in played.hits(PIXEL) + played.hits(BOTH))
    ids = Counter(hit["eid"] for hit in played.hits(TWOFOLD))
    made = purchase_ids(played)
    assert ids == {
        made[o.id]: o.thank_you_loads for o in ORDERS if o.consented and o.thank_you_loads and o.blocker is Blocker.NONE
    }


def test_the_tag_reports_also_where_only_the_platforms_host_is_blocked(played):
    """With the same id, value and time of the page, and only with consent."""
    events = played.tag_events()
    assert len(events) == loads(ORDERS, lambda o: o.blocker is not Blocker.ALL)
    made = purchase_ids(played)
    values = {made[o.id]: o.value for o in ORDERS if o.id in made}
    for event in events:
        assert event["dataset"] == TWOFOLD
        assert event["consent"] == "granted"
        assert Decimal(str(event["custom_data"]["value"])) == values[event["event_id"]]


def test_pixel_and_tag_of_one_page_share_ids_for_every_event(played):
    """Not only the Purchase: each hit of the fourth dataset has a tag event with its id."""
    for name in ("PageView", "ViewContent", "AddToCart", "Purchase"):
        told = {event["event_id"] for event in played.tag_events(name)}
        assert {hit["eid"] for hit in played.hits(TWOFOLD, name)} <= told
        assert told


def test_nothing_leaves_the_browser_of_a_shopper_who_declined(played):
    """No request carries the browser number of a declined visit."""
    everything = json.dumps([(query, body.decode()) for _, _, query, _, body in played.requests])
    declined = [o for o in ORDERS if not o.consented]
    assert declined
    assert not [o.number for o in declined if str(o.shopper.browser_number) in everything]


def test_every_webhook_is_signed_and_reads_as_its_order(played):
    """The gateway's source takes each delivery: a Purchase with id, value, consent; what is none never counts as one."""
    source = SOURCES["shopify"]
    seen, facts = Counter(), defaultdict(list)
    made = purchase_ids(played)
    for headers, body in played.webhooks():
        lower = {name.lower(): value for name, value in headers.items()}
        assert source.signed(body, lower, [SECRET], 0)
        result = source.read(body, lower, SourceOptions(shop=SHOP), 0)
        assert isinstance(result, Reading)
        assert result.order is not None
        order = next(o for o in ORDERS if str(o.id) == result.order.order_id)
        seen[order.id] += 1
        facts[order.id].append(Fact("shopify", result.order))
        if order.kind is not OrderKind.REAL:
            continue
        assert result.copy.event_id == made[order.id]  # page and gateway make it of the token, each by itself
        assert str(order.id) not in result.copy.event_id
        assert result.copy.custom_data["value"] == order.value
        assert result.copy.consent == ("granted" if order.consented else "denied")
        assert order.shopper.email in result.copy.user_data["em"]
    # A cancelled or test order is reported like any other; whether it is a purchase is the policy's word.
    for order in OF_THE_SHOP:
        state = derive(facts[order.id])
        standing = judge_order(state, OrderPolicy(), state.placed_at + 60).standing
        assert standing is (OrderStanding.COUNTS if order.kind is OrderKind.REAL else OrderStanding.NEVER)
    assert seen == {o.id: o.webhook_times * (2 if o.paid_webhook else 1) for o in OF_THE_SHOP}


def test_a_chat_is_told_with_its_ad_its_offer_and_its_payment_and_by_nobody_else(played):
    """Signed as a chat tool signs; at first what was asked for, last what was sold. It began once."""
    source, told, began = SOURCES["chat"], defaultdict(list), defaultdict(set)
    for _, path, _, headers, body in played.requests:
        if path != "/webhooks/chat/chat.example":
            continue
        lower = {name.lower(): value for name, value in headers.items()}
        assert source.signed(body, lower, [SECRET], int(lower["x-twofold-signature"][2:12]) * 1000)
        found = source.read(body, lower, SourceOptions(shop="chat.example"), 0)
        assert isinstance(found, Reading)
        assert [(touch.source, touch.click) for _, touch in found.signs] == [("whatsapp", "ctwa_clid")]
        snapshot = found.order.snapshot
        began[found.order.order_id].add(json.loads(body)["first_message_at"])
        told[found.order.order_id].append((snapshot.paid, snapshot.shop.total, len(snapshot.lines)))
    chats = [o for o in ORDERS if o.chat]
    assert {o.name for o in chats} == set(told)
    assert {len(times) for times in began.values()} == {1}
    assert {o.cross_sold for o in chats} >= {True}
    for order in chats:
        first, *_, last = told[order.name]
        assert first == (None, order.chat.asked_value, len(order.chat.asked_for))
        assert last == ("paid", order.value, len(order.lines))


def test_who_clicked_on_a_phone_logs_in_there_and_buys_in_another_browser_without_the_click(played):
    phones = [o for o in ORDERS if o.phone]
    assert phones
    logins = {
        e["user_data"]["fbp"].rpartition(".")[2]: e["user_data"] for e in played.tag_events("CompleteRegistration")
    }
    bought = {e["custom_data"]["order_id"]: e["user_data"] for e in played.tag_events()}
    for order in phones:
        phone, computer = logins[str(order.phone.browser_number)], bought[str(order.id)]
        assert phone["em"] == computer["em"] == sha256(order.shopper.email.encode()).hexdigest()
        assert phone["fbc"].endswith(order.phone.fbclid)
        assert "fbc" not in computer
        assert phone["fbp"] != computer["fbp"]


def test_the_naive_server_reports_every_webhook_under_a_new_id(played):
    """Repeats, declined, cancelled and test orders included, in both datasets that have it."""
    expected = sum(o.webhook_times * (2 if o.paid_webhook else 1) for o in OF_THE_SHOP)
    for dataset in (SERVER, BOTH):
        events = played.server_events(dataset)
        assert len(events) == len({event["event_id"] for event in events}) == expected
    assert played.server_events(TWOFOLD) == played.server_events(PIXEL) == []


def test_no_contact_data_travels_in_the_clear_but_in_the_shops_own_webhook(played):
    """Pixel, tag and naive server hash; the webhooks of the shop system and of the chat are the one place with plain data."""
    others = [r for r in played.requests if not r[1].startswith("/webhooks/")]
    text = json.dumps([(path, query, body.decode()) for _, path, query, _, body in others])
    assert "@example" not in text
    assert not [o.number for o in ORDERS if o.shopper.phone in text]


def test_progress_counts_up_to_the_number_of_visits():
    """The bar starts at nothing and ends full, one step at a time."""
    steps = []
    play(ORDERS[:10], Recorder(), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, 14) for n in range(15)]  # ten orders and four who only look


REAL = next(o for o in ORDERS if o.kind is OrderKind.REAL and o.webhook_times == 1 and not o.paid_webhook)
SERVER_SIDE_ONLY = msgspec.structs.replace(REAL, consented=False, thank_you_loads=0, webhook_after_ms=0)


def test_what_is_not_taken_is_sent_again(monkeypatch):
    """A 503, as an overloaded gateway answers, costs a try and loses nothing."""
    monkeypatch.setattr(driving, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(driving, "LOOKERS_PER_ORDER", 0)
    recorder = play([SERVER_SIDE_ONLY], Recorder([503, 429, 500]))
    assert len(recorder.requests) == 3 + 3  # one webhook, two naive copies, three of them twice


def test_what_is_refused_ends_the_play_with_address_and_answer(monkeypatch):
    """A 400 means that this file speaks the wire wrongly; it is never passed over."""
    monkeypatch.setattr(driving, "LOOKERS_PER_ORDER", 0)
    with pytest.raises(TwofoldError, match=r"POST http://.*: expected success, got 400"):
        play([SERVER_SIDE_ONLY], Recorder([400, 400, 400]))
