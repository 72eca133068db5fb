"""Signs of visits as a stranger would send them: whatever the address and the referrer hold, no contact data comes onto the
disk, no value of a click id into the record of touches, and nothing of it stops the page view."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from every_door import CONFIGURATION, shopify_order, signed, woocommerce_order
from running_gateway import DATASET, NOW_S, Running
from test_touches import by_pixel, by_server, by_tag, fbp, kept

from tests.disk import readable
from twofold.facts.build import Task, build
from twofold.ledger.policy import OrderPolicy
from twofold.report.verify import verify
from twofold.store.engines import open_reader

EMAIL, PHONE = "zurabina.qeldiani@postbox.example", "+995599876543"
CLICK = "Cj0KCQjwSecretClickValue0123456789"
SHOP = "https://shop.example"
DOORS = {"tag": by_tag, "pixel": by_pixel, "server": by_server}


@pytest.fixture
def shop(start_gateway) -> Running:
    return start_gateway(CONFIGURATION)


def forbidden() -> list[bytes]:
    """The values in each spelling in which they may come onto a disk."""
    user = EMAIL.partition("@")[0]
    texts = {
        EMAIL,
        EMAIL.upper(),
        user,
        quote(EMAIL),
        quote(quote(EMAIL)),
        PHONE[1:],
        "599876543",
        "599 87 65 43",
        "599-87-65-43",
    }
    return [t.encode() for t in texts] + [hashlib.sha256(EMAIL.encode()).hexdigest().encode()]


def held(gateway: Running, *more: bytes) -> list[bytes]:
    everything = b"\n".join(readable(gateway.folder).values()).lower()
    return [t for t in (*forbidden(), *more) if t.lower() in everything]


def touched(gateway: Running) -> str:
    db = open_reader(gateway.folder)
    try:
        tables = ("touch", "touch_link", "order_party")
        return " ".join(str(v) for t in tables for row in db.execute(f"select * from {t}") for v in row)
    finally:
        db.close()


EVERYWHERE = [
    ("e-mail in utm_content", f"/?utm_source=x&utm_content={EMAIL}", ""),
    ("e-mail in utm_content, encoded", f"/?utm_source=x&utm_content={quote(EMAIL)}", ""),
    ("e-mail in utm_term, encoded twice", f"/?utm_source=x&utm_term={quote(quote(EMAIL))}", ""),
    ("e-mail in utm_id in capitals", f"/?UTM_SOURCE=x&UTM_ID={EMAIL.upper()}", ""),
    ("e-mail as the source", f"/?utm_source={EMAIL}", ""),
    ("e-mail among words", f"/?utm_campaign=mail+to+{quote(EMAIL)}+today&utm_source=x", ""),
    ("phone in utm_campaign", f"/?utm_source=x&utm_campaign={quote(PHONE)}", ""),
    ("phone with spaces", f"/?utm_source=x&utm_campaign={quote('+995 599 87 65 43')}", ""),
    ("phone in the path", f"/call/{PHONE}?utm_source=x", ""),
    ("phone in the path, encoded", f"/call/{quote(PHONE)}/thanks?utm_source=x", ""),
    ("phone with dashes in the path", "/call/+995-599-87-65-43?utm_source=x", ""),
    ("e-mail in the path", f"/u/{EMAIL}/orders?utm_source=x", ""),
    ("e-mail in the path, encoded", f"/u/{quote(EMAIL)}?utm_source=x", ""),
    ("e-mail in the path, encoded twice", f"/u/{quote(quote(EMAIL))}?utm_source=x", ""),
    ("e-mail as user of the page's host", "/?utm_source=x", f"https://{EMAIL.replace('@', '%40')}:pw@blog.example/"),
    ("e-mail in the referrer's path", "/?utm_source=x", f"https://mail.example/u/{EMAIL}?to={quote(PHONE)}"),
    ("e-mail as the referrer", "/?utm_source=x", EMAIL),
    ("mailto as the referrer", "/?utm_source=x", f"mailto:{EMAIL}"),
    ("e-mail in an app's referrer", "/?utm_source=x", f"android-app://{EMAIL}/x"),
    ("e-mail in campaign_id", f"/?utm_source=x&campaign_id={EMAIL}&ad_id={quote(PHONE)}", ""),
    ("e-mail as a click id", f"/?utm_source=x&gclid={EMAIL}", ""),
    ("e-mail in the fragment", f"/?utm_source=x#{EMAIL}", ""),
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("page", "referrer"), [(p, r) for _, p, r in EVERYWHERE], ids=[n for n, *_ in EVERYWHERE])
def test_contact_data_of_an_address_comes_onto_no_disk(shop, page, referrer, door):
    send: Callable[..., Any] = DOORS[door]
    send(shop, SHOP + page, referrer)
    assert held(shop) == []
    assert [c.line for c in verify(shop.folder) if not c.holds] == []


def test_contact_data_in_what_a_shop_says_comes_onto_no_disk(shop):
    """Landing page, referring site, attributes, WooCommerce's own attribution."""
    body = shopify_order("1001", {"kept": {"utm_source": EMAIL, "utm_campaign": f"call {PHONE}"}}) | {
        "landing_site": f"/u/{EMAIL}?utm_source=x&utm_content={quote(EMAIL)}&gclid={CLICK}",
        "referring_site": f"https://{EMAIL}@blog.example/{PHONE}",
    }  # fmt: skip
    assert signed(shop, "shopify", body, "orders/create").status == 200
    meta = {
        "_wc_order_attribution_utm_source": EMAIL, "_wc_order_attribution_utm_content": PHONE,
        "_wc_order_attribution_referrer": f"https://mail.example/{EMAIL}",
        "_wc_order_attribution_session_entry": f"https://woo.example/call/{PHONE}/?gclid={CLICK}",
    }  # fmt: skip
    assert signed(shop, "woocommerce", woocommerce_order("4711", {"kept": meta}), "order.updated").status == 200
    assert held(shop) == []
    assert CLICK not in touched(shop)


CLICK_NAMES = (
    "gclid",
    "GCLID",
    "gbraid",
    "wbraid",
    "msclkid",
    "ttclid",
    "fbclid",
    "ScCid",
    "sccid",
    "twclid",
    "epik",
    "yclid",
)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", CLICK_NAMES)
def test_no_value_of_a_click_id_is_in_the_record_of_touches(shop, name, door):
    """Neither as it is, nor encoded, nor in a campaign text, nor in the tables made of it."""
    for page in (f"/?{name}={CLICK}", f"/p?utm_source=newsletter&{name}={CLICK}", f"/p?a=b?{name}={CLICK}"):
        DOORS[door](shop, SHOP + page, f"https://www.google.com/?{name}={CLICK}")
    assert CLICK not in touched(shop)
    found = kept(shop)
    assert {row[1] for row in found} == {"click"}
    build(Task(data=str(shop.folder), files=str(shop.folder / "facts"), policies={DATASET: OrderPolicy()}, now_s=NOW_S))
    tables = b"".join(readable(shop.folder / "facts").values())
    assert tables
    assert CLICK.encode() not in tables


def test_a_click_that_contradicts_the_campaign_is_kept_with_both(shop):
    """A paid click's kind names the platform, the text stays: the reader of the touch sees the conflict."""
    by_tag(shop, f"{SHOP}/?utm_source=newsletter&utm_medium=email&gclid={CLICK}")
    ((_, kind, source, medium, *_, click, _c, _s, _a, _r, _l, _d, _k, _n),) = kept(shop)
    assert (kind, source, medium, click) == ("click", "newsletter", "email", "gclid")


LONG = "x" * 10_000
ODD = [
    ("utm of 10,000 characters", "/?" + urlencode({f"utm_{n}": LONG for n in ("source", "medium", "campaign", "content", "term", "id")}), ""),
    ("10,000 parameters", "/?utm_source=x&" + "&".join(f"p{n}=1" for n in range(3_000)), ""),
    ("an address of many percent signs", "/?utm_source=" + "%25" * 3_000, ""),
    ("no utf-8", "/?utm_source=%ff%fe%00%0a%0d", ""),
    ("a lone half of a pair", "/?utm_source=%ed%a0%80", ""),
    ("an IDN host", "/?utm_source=x", "https://მაღაზია.გე/გვერდი"),
    ("an IDN host in ASCII", "/?utm_source=x", "https://xn--lodaehvb5cdik4g.xn--node/"),
    ("a host of dots", "/", "https://........../"),
    ("a broken address", "/?utm_source=x", "https://[::1"),
    ("a port that is none", "/?utm_source=x", "https://blog.example:99999999/"),
    ("a script", "/?utm_source=<script>alert(1)</script>", "javascript:alert(1)"),
    ("data", "/?utm_source=x", "data:text/html,<b>x</b>"),
    ("SQL", "/?utm_source=x'); drop table touch; --", ""),
    ("a referrer of 10,000 characters", "/", "https://blog.example/" + LONG),
    ("a host of 10,000 characters", "/", f"https://{LONG}.example/"),
    ("turned text", "/?utm_source=%E2%80%AEgpj.exe", ""),
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("page", "referrer"), [(p, r) for _, p, r in ODD], ids=[n for n, *_ in ODD])
def test_a_hostile_address_costs_nothing_but_itself(shop, page, referrer, door):
    """At most a row of bounded texts; the next visit is kept as ever."""
    sent = {"tag": shop.tag, "server": shop.post}.get(door)
    event = {"event_name": "PageView", "event_id": "odd", "event_time": NOW_S, "action_source": "website",
             "event_source_url": SHOP + page, "referrer_url": referrer,
             "user_data": {"fbp": fbp(1), "client_user_agent": "Mozilla/5.0", "client_ip_address": "203.0.113.7"}}  # fmt: skip
    if sent is None:
        if len(page) + len(referrer) > 8_000:
            return  # no address of a pixel is so long
        shop.pixel({}, ev="PageView", eid="odd", dl=SHOP + page, rl=referrer, fbp=fbp(1))
    else:
        sent(event)
    by_tag(shop, f"{SHOP}/?utm_source=next", n=2)
    rows = kept(shop)
    assert any(row[2] == "next" for row in rows)
    assert all(len(str(value)) <= 253 for row in rows for value in row)
    assert all(
        c.isprintable() or c == " " for row in rows for value in row for c in str(value) if c not in "\u202e\ufffd"
    )
    assert [c.line for c in verify(shop.folder) if not c.holds] == []


MACROS = ("{{ad.id}}", "__CID__", "{creative}", "%%ADID%%", "${AD_ID}", "[AD_ID]", "{{ad.id}}x")


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_that_came_unexpanded_is_no_id(shop, macro):
    by_tag(
        shop,
        f"{SHOP}/?utm_source=facebook&utm_id={quote(macro)}&utm_term={quote(macro)}&utm_content={quote(macro)}&gclid={quote(macro)}",
    )
    ((_, _, source, _, _, content, _, utm_id, _, *ids),) = kept(shop)
    assert (source, content, utm_id, ids[:3]) == ("facebook", macro, macro, ["", "", ""])


def test_one_browser_id_in_two_datasets_is_two_and_cannot_be_joined(start_gateway):
    """Each dataset's digest is its own."""
    other = {"id": "998877665544332", "country": "US"}
    gateway = start_gateway(CONFIGURATION | {"dataset": [*CONFIGURATION["dataset"], other]})
    for dataset in (DATASET, other["id"]):
        by_tag(gateway, f"{SHOP}/?utm_source=x", dataset=dataset)
    db = open_reader(gateway.folder)
    found = list(db.execute("select dataset, who, key from touch order by dataset"))
    db.close()
    assert [row[0] for row in found] == sorted((DATASET, other["id"]))
    assert len({row[1] for row in found}) == 2


ROBOTS = (
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "facebookexternalhit/1.1",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
)
numbers = itertools.count(1)


@pytest.mark.parametrize("agent", ROBOTS)
def test_a_robot_s_visit_brings_no_contact_and_leads_to_nobody_s_order(shop, agent):
    """It has no browser's id of its own; with one, what it shows is a sign like another's and no order's."""
    event = {"event_name": "PageView", "event_id": f"r{next(numbers)}", "event_time": NOW_S,
             "event_source_url": f"{SHOP}/?utm_source=x&utm_content={EMAIL}", "user_data": {}}  # fmt: skip
    assert shop.tag(event, user_agent=agent).status == 200
    assert kept(shop) == []
    assert held(shop) == []
