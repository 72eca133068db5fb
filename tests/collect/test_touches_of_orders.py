"""Where orders came from and who bought them, through the doors of shops and chats and by files, against a running gateway."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from every_door import CONFIGURATION, SECRET, shopify_order, signed, woocommerce_order
from running_gateway import DATASET, NOW_MS, NOW_S, Running
from test_touches import LANDING, REFERRER, by_tag, fbp

from twofold.config import settings_from
from twofold.importing.plan import Plan
from twofold.importing.run import import_file
from twofold.ledger.state import decode_state
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import SubjectRequest
from twofold.privacy.export import find_subject, subject_rows
from twofold.report.verify import verify
from twofold.store.engines import open_reader
from twofold.store.orders.buyers import buyers_of
from twofold.store.orders.ledger import OrderRow
from twofold.store.secret import folder_ring
from twofold.store.sqlite.statements import reading
from twofold.store.touches.frozen import ERASED
from twofold.store.touches.paths import (
    AMBIGUOUS,
    NO_BROWSER,
    NO_TOUCH,
    OrderTouches,
    touches_of,
    unambiguous,
)

CHAT = {"type": "chat", "dataset": DATASET, "shop": "chat.example", "secret": SECRET}
ALL = CONFIGURATION | {"source": [*CONFIGURATION["source"], CHAT]}
PLACED = NOW_S - 60
NINO = {"first_name": "ნინო", "last_name": "ბერიძე"}


@pytest.fixture
def shop(start_gateway) -> Running:
    return start_gateway(ALL)


def orders(folder: Path) -> dict[str, OrderRow]:
    db = open_reader(folder)
    try:
        rows = db.execute("select id, dataset, order_id, placed_at, action, person, outcomes, state from orders")
        return {row[2]: OrderRow(*row) for row in rows}
    finally:
        db.close()


def touches(folder: Path, order: str) -> OrderTouches:
    row = orders(folder)[order]
    db = open_reader(folder)
    try:
        found = touches_of(reading(db), folder_ring(folder), row)
    finally:
        db.close()
    return found


def buyers(folder: Path, order: str) -> tuple[str, ...]:
    db = open_reader(folder)
    try:
        return buyers_of(reading(db), [orders(folder)[order].id]).get(orders(folder)[order].id, ())
    finally:
        db.close()


def place(folder: Path, order: str) -> tuple[str, str]:
    state = decode_state(orders(folder)[order].state)
    return state.country, state.region


def chat(gateway: Running, body: Any, meta: bool = False) -> None:
    raw = json.dumps(body).encode()
    if meta:
        code = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"x_hub_signature_256": f"sha256={code}"}
    else:
        code = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"x_twofold_signature": f"t={NOW_S},v1={code}"}
    reply = gateway.send("POST", "/webhooks/chat/chat.example", raw, content_type="application/json", **headers)
    assert reply.status == 200, reply.body


def shopify(order: str, **more: Any) -> dict[str, Any]:
    return shopify_order(order, {"email": "Nino@Example.com"}) | {
        "phone": "+995555000007",
        "customer": {"id": 77, **NINO},
        "billing_address": {"name": "Nino Beridze", "country_code": "GE", **NINO},
        "shipping_address": {"country_code": "GE", "province": "Ajaria", "city": "Batumi", "zip": "6000"},
    } | more  # fmt: skip


# -- a shop's order finds the signs of its browser


def test_an_order_finds_the_visit_that_made_it_by_the_id_it_kept(shop):
    """The shop's webhook names the browser; what came after the order, and other browsers', is not its."""
    by_tag(shop, LANDING, REFERRER, n=1, at=PLACED - 600)
    by_tag(shop, "https://shop.example/", "https://www.google.com/", n=1, at=PLACED + 30)
    by_tag(shop, "https://shop.example/", "https://www.bing.com/", n=2, at=PLACED - 500)
    signed(shop, "shopify", shopify_order("1001", {"kept": {"_twofold_fbp": fbp(1)}}), "orders/create")
    found = touches(shop.folder, "1001")
    assert [(t.source, t.campaign, t.at, t.device) for t in found.own] == [
        ("facebook", "Spring", PLACED - 600, "phone")
    ]
    assert found.reason == ""


def test_an_order_finds_its_visit_by_the_cart_and_keeps_it_when_the_visitors_are_forgotten(start_gateway):
    """Stitching knows it for `people_days`; two hours after the order it is kept with it."""
    gateway = start_gateway(ALL | {"retention": {"people_days": 1}})
    token = "c1-0123456789abcdef0123456789abcdef"
    by_tag(gateway, LANDING, REFERRER, n=1, at=PLACED - 600, links=[f"cart:{token}"])
    signed(gateway, "shopify", shopify_order("1001", {}) | {"cart_token": token}, "orders/create")
    assert [t.campaign for t in touches(gateway.folder, "1001").own] == ["Spring"]
    gateway.now += 3 * 86_400_000

    def step() -> Any:
        return gateway.gateway.retention.step(gateway.now)

    asyncio.run_coroutine_threadsafe(step(), gateway._loop).result(60)
    db = open_reader(gateway.folder)
    assert db.execute("select count(*) from sighting").fetchone() == (0,)
    db.close()
    assert [t.campaign for t in touches(gateway.folder, "1001").own] == ["Spring"]


def test_an_order_without_signs_says_why(shop):
    """Nobody's browser, a browser without signs, two browsers."""
    signed(shop, "shopify", shopify_order("1", {}), "orders/create")
    signed(shop, "shopify", shopify_order("2", {"kept": {"_twofold_fbp": fbp(2)}}), "orders/create")
    for n in (3, 4):
        by_tag(shop, LANDING, REFERRER, n=n, at=PLACED - 600, links=["cart:c1-0123456789abcdef0123456789abcdef"])
    signed(
        shop, "shopify", shopify_order("3", {}) | {"cart_token": "c1-0123456789abcdef0123456789abcdef"}, "orders/create"
    )
    assert [touches(shop.folder, n).reason for n in "123"] == [NO_BROWSER, NO_TOUCH, AMBIGUOUS]


def test_a_stranger_s_claim_on_an_order_brings_it_no_signs(shop):
    """Anybody can send a Purchase under a number that he counted."""
    by_tag(shop, LANDING, REFERRER, n=9, at=PLACED - 600)
    signed(shop, "shopify", shopify_order("1001", {}), "orders/create")
    by_tag(shop, "https://shop.example/thanks", "", n=9, at=PLACED, event_name="Purchase",
           custom_data={"value": 10, "currency": "EUR", "order_id": "1001"})  # fmt: skip
    assert touches(shop.folder, "1001").own == []


# -- a click on the phone, a purchase on the laptop

PHONE, LAPTOP, TABLET, STRANGER = 1, 2, 3, 4
EMAIL = hashlib.sha256(b"nino@example.com").hexdigest()
OTHERS = hashlib.sha256(b"boris@example.com").hexdigest()


def seen(
    gateway: Running, n: int, *, em: str = "", landing: str = "https://shop.example/", referrer: str = "", at: int = 600
) -> None:
    """A browser that comes to the shop and, where ``em`` is given, logs in with this address."""
    by_tag(gateway, landing, referrer, n=n, at=PLACED - at)
    if em:
        by_tag(gateway, "https://shop.example/account", "https://shop.example/", n=n, at=PLACED - at + 30, event_name="Lead",
               user_data={"fbp": fbp(n), "em": em})  # fmt: skip


def bought_on_the_laptop(gateway: Running) -> list[tuple[str, int]]:
    body = shopify("1001")
    body["note_attributes"] = [{"name": "_twofold_fbp", "value": fbp(LAPTOP)}]
    assert signed(gateway, "shopify", body, "orders/create").status == 200
    return [(t.campaign, PLACED - t.at) for t in touches(gateway.folder, "1001").own]


def test_the_path_of_an_order_has_the_phone_on_which_its_buyer_clicked(shop):
    """Linked by the address with which the buyer logged in there, which the shop tells of the order; kept with the Purchase."""
    seen(shop, PHONE, em=EMAIL, landing=LANDING, referrer=REFERRER, at=7_200)
    seen(shop, STRANGER, em=OTHERS, landing=LANDING, referrer=REFERRER)
    seen(shop, LAPTOP)
    assert bought_on_the_laptop(shop) == [("Spring", 7_200), ("", 600)]
    step = shop.gateway.retention.step(NOW_MS + 3 * 3_600_000)
    asyncio.run_coroutine_threadsafe(step, shop._loop).result(60)
    db = open_reader(shop.folder)
    assert {kind for (kind,) in db.execute("select kind from touch_link")} == {"fbp", "device"}
    db.close()
    assert [t.campaign for t in touches(shop.folder, "1001").own] == ["Spring", ""]
    assert all(c.holds for c in verify(shop.folder))


@pytest.mark.parametrize(
    "case", ["two more", "of two people", "a laptop of two people", "after the order", "nobody's address"]
)
def test_what_may_be_somebody_elses_device_is_in_no_path(shop, case):
    """A family's address, a family's phone, a family's laptop; and a browser that came to know the address afterwards."""
    if case == "after the order":
        shop.now = NOW_MS - 60_000
        seen(shop, LAPTOP)
        shop.now = NOW_MS + 600_000
        seen(shop, PHONE, em=EMAIL, landing=LANDING, referrer=REFERRER, at=7_200)
    else:
        seen(shop, PHONE, em=EMAIL if case != "nobody's address" else "", landing=LANDING, referrer=REFERRER, at=7_200)
        seen(shop, LAPTOP, em=OTHERS if case == "a laptop of two people" else "")
    if case == "two more":
        seen(shop, TABLET, em=EMAIL)
    if case == "of two people":
        seen(shop, PHONE, em=OTHERS, at=300)
    assert bought_on_the_laptop(shop) == [("", 600)]


# -- what shops say


def test_shopify_s_opinion_is_kept_beside_and_without_the_click(shop):
    """Landing page, referring site and attributes; the kind of click, never its value; again and again one row."""
    body = shopify(
        "1001",
        landing_site="/products/mug?gclid=EAIaIQ_gC&utm_source=google&utm_medium=cpc",
        referring_site="https://www.google.com/search?q=mug",
    )
    for topic, when in (("orders/create", "Z"), ("orders/updated", "Z")):
        assert signed(shop, "shopify", body | {"updated_at": body["created_at"], "tags": topic}, topic).status == 200, (
            when
        )
    found = touches(shop.folder, "1001")
    assert found.own == []
    (said,) = found.said
    assert (said.kind, said.source, said.medium, said.click, said.referrer, said.landing, said.at) == (
        "shop_says", "google", "cpc", "gclid", "google.com", "/products/mug", PLACED,
    )  # fmt: skip


def test_woocommerce_s_attribution_is_kept_beside(shop):
    """Its own words for nothing are nothing; the device is its own word."""
    meta = {
        "wc_order_attribution_source_type": "utm", "wc_order_attribution_utm_source": "facebook",
        "wc_order_attribution_utm_campaign": "Spring", "wc_order_attribution_utm_content": "120210000000000003",
        "wc_order_attribution_utm_medium": "(none)", "wc_order_attribution_device_type": "Mobile",
        "wc_order_attribution_referrer": "https://m.facebook.com/x",
        "wc_order_attribution_session_entry": "https://woo.example/shop/?fbclid=IwAR-secret",
    }  # fmt: skip
    assert signed(shop, "woocommerce", woocommerce_order("4711", {"kept": meta}), "order.updated").status == 200
    (said,) = touches(shop.folder, "4711").said
    assert (said.source, said.medium, said.campaign, said.ad_id, said.click, said.device, said.referrer, said.landing) == (
        "facebook", "", "Spring", "120210000000000003", "fbclid", "phone", "m.facebook.com", "/shop/",
    )  # fmt: skip


def test_the_buyer_s_answer_is_a_touch_of_its_own(start_gateway):
    """Where the operator named the attribute that holds it; an address in it is not kept."""
    sources = [
        s | {"fields": {"survey": "How did you hear about us?"}} if s["type"] == "shopify" else s for s in ALL["source"]
    ]
    gateway = start_gateway(ALL | {"source": sources})
    for order, answer in (("1", "A friend"), ("2", "anna@example.com told me")):
        body = shopify_order(order, {"kept": {"How did you hear about us?": answer}})
        assert signed(gateway, "shopify", body, "orders/create").status == 200
    assert [(t.kind, t.source) for t in touches(gateway.folder, "1").said] == [("survey", "A friend")]
    assert touches(gateway.folder, "2").said == []


def test_who_said_no_has_no_opinion_kept(shop):
    """The order's own word on consent."""
    body = shopify_order("1001", {"kept": {"_twofold_consent": "denied"}}) | {"landing_site": "/?utm_source=x"}
    signed(shop, "shopify", body, "orders/create")
    assert touches(shop.folder, "1001").said == []


# -- chats


def test_a_chat_s_order_finds_the_ad_that_began_it(shop):
    """Messenger by the person's id for the page, WhatsApp by the click and by the number, which is kept as a digest only."""
    ad = {"ref": "summer", "ad_id": "6045246247433", "source": "ADS", "type": "OPEN_THREAD"}
    item = {"sender": {"id": "24027894136894061"}, "timestamp": (PLACED - 3_600) * 1000, "referral": ad}
    chat(shop, {"object": "page", "entry": [{"id": "682498302938465", "messaging": [item]}]}, meta=True)
    message = {"from": "16505551212", "id": "wamid.x", "timestamp": str(PLACED - 1_800),
               "referral": {"source_type": "ad", "source_id": "120226305854810726", "ctwa_clid": "Aff-secret"}}  # fmt: skip
    value = {"messaging_product": "whatsapp", "messages": [message]}
    chat(
        shop, {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": value}]}]}, meta=True
    )
    order = {"amount": "10.00", "currency": "GEL", "status": "placed"}
    by_ids = {
        "M-1": {"conversation": "c-1", "channel": "messenger", "page_id": "682498302938465", "page_scoped_user_id": "24027894136894061"},
        "W-1": {"conversation": "c-2", "channel": "whatsapp", "whatsapp_business_account_id": "1", "ctwa_clid": "Aff-secret"},
        "W-2": {"conversation": "+1 650 555 1212", "channel": "whatsapp", "phone": "+16505551212"},
        "W-3": {"conversation": "c-4", "channel": "whatsapp"},
    }  # fmt: skip
    for number, ids in by_ids.items():
        chat(shop, {"at": PLACED, **ids, "order": {"id": number, **order}})
    found = {number: touches(shop.folder, number) for number in by_ids}
    assert [(t.source, t.ad_id, t.content, t.at) for t in found["M-1"].own] == [
        ("messenger", "6045246247433", "summer", PLACED - 3_600)
    ]
    for number in ("W-1", "W-2"):
        assert [(t.source, t.ad_id, t.click) for t in found[number].own] == [
            ("whatsapp", "120226305854810726", "ctwa_clid")
        ]
    assert (found["W-3"].own, found["W-3"].reason) == ([], NO_TOUCH)
    db = open_reader(shop.folder)
    everything = " ".join(
        str(v) for table in ("touch", "touch_link") for row in db.execute(f"select * from {table}") for v in row
    )
    db.close()
    for secret in ("Aff-secret", "16505551212", "24027894136894061"):
        assert secret not in everything


# -- who bought, and where the parcel goes


def test_an_order_keeps_keyed_digests_of_its_buyer_and_where_the_parcel_goes(shop):
    """The same person is the same digests in every shop system, and the payer on a bank's line is one of them."""
    assert signed(shop, "shopify", shopify("1001"), "orders/create").status == 200
    woo = woocommerce_order("4711", {}) | {
        "customer_id": 77, "status": "cancelled",
        "billing": {"email": "nino@example.com", "phone": "0555 00 00 07", "first_name": "Nino", "last_name": "Beridze", "country": "GE", "state": "TB"},
        "shipping": {"country": "", "state": ""},
    }  # fmt: skip
    assert signed(shop, "woocommerce", woo, "order.updated").status == 200
    ring = folder_ring(shop.folder)
    expected = counterpart_digests(
        ring, email="nino@example.com", phone="+995555000007", name="BERIDZE NINO", customer="77"
    )
    assert len(expected) == 4
    told = [[d for d in buyers(shop.folder, order) if not d.startswith("recognised:")] for order in ("1001", "4711")]
    assert told == [list(expected), list(expected)]
    drawn = [set(buyers(shop.folder, order)) - set(expected) for order in ("1001", "4711")]
    assert len(drawn[0]) == len(drawn[1]) == 1, "a customer number each, and nothing else"
    assert drawn[0] != drawn[1], "random: until it is needed nobody has another's"
    assert (place(shop.folder, "1001"), place(shop.folder, "4711")) == (("GE", "GE-AJ"), ("GE", "GE-TB"))
    assert all(c.holds for c in verify(shop.folder))


def test_imported_history_keeps_who_bought_and_where(tmp_path):
    """Of years ago: no contact data and no platform's hash on disk, and the customer is the one who buys today."""
    row = {
        "Name": "#1", "Email": "nino@example.com", "Financial Status": "paid", "Subtotal": "10.00", "Shipping": "0.00",
        "Taxes": "0.00", "Total": "10.00", "Currency": "EUR", "Created at": "2021-03-04 10:00:00 +0400",
        "Lineitem quantity": "1", "Lineitem name": "Mug", "Lineitem price": "10.00", "Id": "5204621234567",
        "Shipping Country": "GE", "Shipping Province": "Tbilisi", "Billing Name": "Nino Beridze", "Billing Country": "GE",
        "Phone": "+995555000007",
    }  # fmt: skip
    lines = ",".join(row), ",".join(row.values())
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    data = tmp_path / "data"
    settings = settings_from({"server": {"data": str(data)}, **ALL}, environ={})
    summary = import_file(settings, Plan(path=tmp_path / "orders.csv", dataset=DATASET), NOW_MS)
    assert (summary.orders, summary.new) == (1, 1), summary.notes
    ring = folder_ring(data)
    assert set(buyers(data, "5204621234567")) >= set(
        counterpart_digests(ring, email="Nino@example.com", phone="+995555000007", name="ბერიძე ნინო")
    )
    assert place(data, "5204621234567") == ("GE", "GE-TB")
    kept = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
    for secret in (b"nino@", b"Beridze", b"995555", hashlib.sha256(b"nino@example.com").hexdigest().encode()):
        assert secret not in kept


# -- a young Purchase


def test_a_young_purchase_has_its_signs_before_what_leads_to_them_is_kept(shop):
    """For two hours the store is asked for both at once; then the answer is the same."""
    by_tag(shop, LANDING, REFERRER, n=1, at=PLACED - 600)
    signed(shop, "shopify", shopify_order("1001", {"kept": {"_twofold_fbp": fbp(1)}}), "orders/create")
    found = []
    for hours, links in ((0, 0), (1, 0), (3, 1)):
        shop.now = NOW_MS + hours * 3_600_000
        step = shop.gateway.retention.step(shop.now)
        asyncio.run_coroutine_threadsafe(step, shop._loop).result(60)
        db = open_reader(shop.folder)
        assert db.execute("select count(*) from touch_link").fetchone() == (links,)
        db.close()
        found.append(touches(shop.folder, "1001"))
    assert [t.campaign for t in found[0].own] == ["Spring"]
    assert found[0] == found[1] == found[2]


LINKS = [
    ("one browser under both of its ids", [(b"a", "fbp", 2), (b"b", "visitor", 2)], [b"a", b"b"], False),
    ("two browsers, the better tier's", [(b"a", "fbp", 0), (b"b", "fbp", 3)], [b"b"], False),
    ("the other way round", [(b"a", "fbp", 3), (b"b", "fbp", 0)], [b"a"], False),
    ("of the lower tier an id of another kind", [(b"a", "fbp", 3), (b"b", "visitor", 0)], [b"a"], False),
    ("two browsers of one kind, equally good", [(b"a", "fbp", 2), (b"b", "fbp", 2)], [], True),
    ("and what each of them is called besides", [(b"a", "fbp", 2), (b"b", "fbp", 2), (b"c", "visitor", 2)], [], True),
    ("two browsers and a chat", [(b"a", "fbp", 2), (b"b", "fbp", 2), (b"c", "conversation", 0)], [b"c"], False),
    ("the same one twice", [(b"a", "fbp", 2), (b"a", "fbp", 2)], [b"a"], False),
    ("none", [], [], False),
]


@pytest.mark.parametrize(("links", "taken", "ambiguous"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_of_several_browsers_the_best_tier_s_is_taken_and_of_two_equally_good_none(links, taken, ambiguous):
    """In any order."""
    for told in itertools.permutations(links):
        whos, unclear = unambiguous(told)
        assert (sorted(whos), unclear) == (taken, ambiguous)


# -- a person asks


def test_an_erasure_takes_signs_opinions_and_buyers_and_nobody_else_s(start_gateway):
    """By her e-mail alone, live and imported; a stranger keeps his."""
    gateway = start_gateway(ALL)
    for n, email in ((1, "Nino@Example.com"), (2, "boris@example.com")):
        by_tag(gateway, LANDING, REFERRER, n=n, at=PLACED - 600)
        body = shopify(
            f"100{n}", email=email, landing_site="/?utm_source=x", phone=f"+99555500000{n}", customer={"id": n}
        )
        body["note_attributes"] = [{"name": "_twofold_fbp", "value": fbp(n)}]
        assert signed(gateway, "shopify", body, "orders/create").status == 200
    request = SubjectRequest(emails=("nino@example.com",))
    found = find_subject(gateway.folder, request)
    exported = [row for row in subject_rows(gateway.folder, found) if row["what"] == "touch"]
    assert sorted(row["kind"] for row in exported) == ["click", "shop_says"]

    async def erase() -> None:
        await gateway.gateway.eraser.ask(request, "command")
        await gateway.gateway.eraser.finish_all()

    asyncio.run_coroutine_threadsafe(erase(), gateway._loop).result(60)
    assert buyers(gateway.folder, "1001") == ()
    assert touches(gateway.folder, "1001") == OrderTouches(own=[], said=[], reason=ERASED)
    assert len(buyers(gateway.folder, "1002")) >= 3
    assert len(touches(gateway.folder, "1002").own) == len(touches(gateway.folder, "1002").said) == 1
    assert all(c.holds for c in verify(gateway.folder))


def test_signs_and_buyers_are_forgotten_after_their_days(start_gateway):
    """Each by its own setting; what is younger stays."""
    gateway = start_gateway(ALL | {"retention": {"touch_days": 10, "buyer_days": 20}})
    by_tag(gateway, LANDING, REFERRER, n=1, at=PLACED - 600)
    signed(
        gateway,
        "shopify",
        shopify("1001", landing_site="/?utm_source=x")
        | {"note_attributes": [{"name": "_twofold_fbp", "value": fbp(1)}]},
        "orders/create",
    )

    def counts(days: float) -> tuple[int, ...]:
        step = gateway.gateway.retention.step(NOW_MS + int(days * 86_400_000))
        asyncio.run_coroutine_threadsafe(step, gateway._loop).result(60)
        db = open_reader(gateway.folder)
        found = tuple(
            db.execute(f"select count(*) from {t}").fetchone()[0] for t in ("touch", "touch_link", "order_party")
        )
        db.close()
        return found

    assert counts(9) == (2, 1, 5)
    assert counts(10.1) == (0, 0, 5)
    assert counts(20.1) == (0, 0, 4)  # the name
    assert counts(200) == (0, 0, 1)  # all but the customer number
