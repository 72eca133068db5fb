"""Signs of visits through the doors of browsers, against a running gateway: what is kept, in any order, under consent."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from running_gateway import CONFIGURATION, DATASET, NOW_MS, NOW_S, Running

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.touches import sign_of
from twofold.event.model import Channel, CustomData, Event, RawEvent, Tier, UserData
from twofold.report.verify import verify
from twofold.store.engines import open_reader

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
CLICK = "IwAR0Abc-Secret-Click-Value"
LANDING = (
    "https://shop.example/products/lamp?utm_source=facebook&utm_medium=paid_social&utm_campaign=Spring"
    f"&utm_id=120210000000000001&utm_term=120210000000000002&utm_content=120210000000000003&fbclid={CLICK}"
)
REFERRER = "https://l.facebook.com/l.php?u=secret-path"
COLUMNS = (
    "at", "kind", "source", "medium", "campaign", "content", "term", "utm_id", "click", "campaign_id", "adset_id", "ad_id",
    "referrer", "landing", "device", "country", "consent",
)  # fmt: skip
EXPECTED = (
    NOW_S, "click", "facebook", "paid_social", "Spring", "120210000000000003", "120210000000000002", "120210000000000001",
    "fbclid", "120210000000000001", "120210000000000002", "120210000000000003", "l.facebook.com", "/products/lamp", "phone",
    "", "unstated",
)  # fmt: skip
numbers = itertools.count(1)


BROWSER = "7714159265"
"""Of every browser's id here: no digest has so many digits in this order."""


def fbp(n: int = 1) -> str:
    return f"fb.1.{NOW_MS - 90_000}.{BROWSER}{n}"


def kept(gateway: Running) -> list[tuple[Any, ...]]:
    db = open_reader(gateway.folder)
    try:
        return list(db.execute(f"select {', '.join(COLUMNS)} from touch order by at, who, key"))
    finally:
        db.close()


def rows(gateway: Running) -> list[tuple[Any, ...]]:
    """Everything but the keyed columns, which differ from folder to folder."""
    return sorted(kept(gateway))


def by_tag(gateway: Running, url: str, referrer: str = "", n: int = 1, at: int = NOW_S, **more: Any) -> None:
    event = {
        "event_name": "PageView", "event_id": f"e{next(numbers)}", "event_time": at, "event_source_url": url,
        "referrer_url": referrer, "user_data": {"fbp": fbp(n)}, **more,
    }  # fmt: skip
    assert gateway.tag(event, user_agent=IPHONE).status == 200


def by_pixel(gateway: Running, url: str, referrer: str = "", n: int = 1, at: int = NOW_S, **more: Any) -> None:
    hit = {
        "ev": "PageView",
        "eid": f"e{next(numbers)}",
        "ts": str(at * 1000),
        "dl": url,
        "rl": referrer,
        "fbp": fbp(n),
        "v": "2.9",
    }
    assert gateway.pixel({"user-agent": IPHONE}, **hit, **more).status == 200


def by_server(gateway: Running, url: str, referrer: str = "", n: int = 1, at: int = NOW_S, **more: Any) -> None:
    event = {
        "event_name": "PageView", "event_id": f"e{next(numbers)}", "event_time": at, "action_source": "website",
        "event_source_url": url, "referrer_url": referrer,
        "user_data": {"fbp": fbp(n), "client_user_agent": IPHONE, "client_ip_address": "203.0.113.77"}, **more,
    }  # fmt: skip
    assert gateway.post(event).status == 200


DOORS: dict[str, Callable[..., None]] = {"tag": by_tag, "pixel": by_pixel, "a server that passes it on": by_server}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_the_first_page_of_a_visit_is_kept(start_gateway, door):
    """Source, ids, kind of click, referrer's host, path and class of device; no click, address, agent or query on disk."""
    gateway = start_gateway()
    door(gateway, LANDING, REFERRER)
    door(gateway, "https://shop.example/cart", "https://shop.example/products/lamp")
    assert kept(gateway) == [EXPECTED]
    db = open_reader(gateway.folder)
    everything = " ".join(str(v) for row in db.execute("select * from touch") for v in row)
    db.close()
    for secret in (CLICK, "secret-path", fbp(), BROWSER, "203.0.113.77", "AppleWebKit"):
        assert secret not in everything.replace("1202100000000000", "")


def test_all_doors_together_keep_one_row(start_gateway):
    """Tag, pixel and server copies of one page view are one sign, whichever comes first."""
    found = []
    for order in itertools.permutations(DOORS.values()):
        gateway = start_gateway()
        for door in order:
            door(gateway, LANDING, REFERRER)
        found.append(rows(gateway))
    assert found == [[EXPECTED]] * 6


def test_any_order_of_arrival_gives_the_same_rows(start_gateway):
    """The earliest time of a half hour stands; another half hour, source or click is another row."""
    other = LANDING.replace(CLICK, "IwAR9another")
    slot = NOW_S // 1_800 * 1_800
    views = [
        (LANDING, REFERRER, slot + 900), (LANDING, REFERRER, slot + 30), (LANDING, REFERRER, slot + 60),
        (LANDING, REFERRER, slot - 1), (other, REFERRER, slot + 40), ("https://shop.example/", "", slot + 50),
        ("https://shop.example/a", "", slot + 20), ("https://shop.example/", "https://www.google.com/", slot + 5),
    ]  # fmt: skip
    found = []
    for order in (views, views[::-1], views[4:] + views[:4], sorted(views, key=lambda v: v[2])):
        gateway = start_gateway()
        gateway.now = (slot + 1_000) * 1000
        for url, referrer, at in order:
            by_tag(gateway, url, referrer, at=at)
        found.append(rows(gateway))
    assert [row[0] - slot for row in found[0]] == [-1, 5, 20, 30, 40]
    assert found == [found[0]] * 4


def test_a_restart_changes_nothing_and_the_same_browser_stays_the_same(tmp_path):
    """What was written is found again by the same digest; `verify` covers it."""
    first = Running(tmp_path / "data")
    by_tag(first, LANDING, REFERRER, at=NOW_S)
    first.close()
    second = Running(tmp_path / "data")
    by_tag(second, LANDING, REFERRER, at=NOW_S - 60)
    by_tag(second, LANDING, REFERRER, at=NOW_S)
    assert kept(second) == [(NOW_S - 60, *EXPECTED[1:])]
    second.close()
    assert all(c.holds for c in verify(tmp_path / "data"))
    (tmp_path / "data" / "erasures").rename(tmp_path / "erasures")
    assert [c.name for c in verify(tmp_path / "data") if not c.holds] == [
        "secrets other than the one that browsers and buyers were keyed with"
    ]
    (tmp_path / "erasures").rename(tmp_path / "data" / "erasures")
    db = sqlite3.connect(tmp_path / "data" / "twofold.db")
    db.execute("update touch set campaign = 'Autumn'")
    db.commit()
    db.close()
    assert "signs of visits are what was seen" in [c.name for c in verify(tmp_path / "data") if not c.holds]


@pytest.mark.parametrize(
    "cut", [{"core_setup": True}, {"sensitive": ["health"]}], ids=["core setup", "a sensitive page"]
)
def test_a_page_that_is_cut_keeps_its_source_and_loses_the_rest(start_gateway, cut):
    """The path goes, as do texts about what is sensitive; the campaign stays."""
    dataset = CONFIGURATION["dataset"][0] | {"privacy": cut}
    gateway = start_gateway(CONFIGURATION | {"dataset": [dataset]})
    url = (
        LANDING.replace("/products/lamp", "/products/hiv-test").replace("Spring", "hiv%20test")
        if "sensitive" in cut
        else LANDING
    )
    by_tag(gateway, url, REFERRER)
    campaign = "" if "sensitive" in cut else "Spring"
    assert kept(gateway) == [(*EXPECTED[:4], campaign, *EXPECTED[5:13], "", *EXPECTED[14:])]


def test_who_says_no_has_no_sign_and_loses_those_of_before(start_gateway):
    """By the copy itself, by a later one, by the consent door; a yes afterwards begins anew."""
    gateway = start_gateway()
    by_tag(gateway, LANDING, REFERRER, n=1, consent="denied")
    assert kept(gateway) == []
    by_tag(gateway, LANDING, REFERRER, n=2)
    by_tag(gateway, LANDING, REFERRER, n=3, consent={"analytics": "denied"})
    assert len(kept(gateway)) == 1
    by_tag(gateway, "https://shop.example/p", "https://shop.example/", n=2, consent="denied")
    assert kept(gateway) == []
    by_tag(gateway, LANDING, REFERRER, n=2)
    assert kept(gateway) == [], "silence after a no takes nothing back"
    by_tag(gateway, LANDING, REFERRER, n=2, consent="granted")
    assert [row[-1] for row in kept(gateway)] == ["granted"]
    reply = gateway.send(
        "POST",
        "/t/consent",
        f'{{"dataset":"{DATASET}","consent":"denied","fbp":"{fbp(2)}"}}',
        content_type="application/json",
    )
    assert reply.status == 200, reply.body
    assert kept(gateway) == []
    by_tag(gateway, LANDING, REFERRER, n=2, at=NOW_S - 60)
    assert kept(gateway) == []


def test_where_silence_is_not_enough_only_a_yes_is_kept(start_gateway):
    """As for sending."""
    dataset = CONFIGURATION["dataset"][0] | {"consent": {"require": True}}
    gateway = start_gateway(CONFIGURATION | {"dataset": [dataset]})
    by_tag(gateway, LANDING, REFERRER, n=1)
    by_tag(gateway, LANDING, REFERRER, n=2, consent="granted")
    assert [row[-1] for row in kept(gateway)] == ["granted"]


def test_a_server_s_own_copies_make_no_sign(start_gateway):
    """Only a page view is a browser's word that a server passes on."""
    gateway = start_gateway()
    by_server(gateway, LANDING, REFERRER, event_name="ViewContent")
    by_server(gateway, LANDING, REFERRER, event_name="Purchase", custom_data={"value": 1, "currency": "EUR"})
    assert kept(gateway) == []


@pytest.mark.parametrize(("tier", "is_sign"), [(Tier.T1, False), (Tier.T2, True), (Tier.T3, True)])
def test_a_page_view_that_a_server_passes_on_is_a_sign_under_the_dataset_s_key_alone(tier, is_sign):
    """A token of the shop's lends a browser's copy its tier; a server that has no more than that is nobody's word."""
    told = {"event_name": "PageView", "event_source_url": LANDING, "referrer_url": REFERRER}
    event = Event(
        dataset=DATASET, event_id="e1", event_time=NOW_S, received_at=NOW_MS, channel=Channel.SERVER, sender="api", tier=tier,
        event_name="PageView", event_source_url=LANDING, user_data=UserData(fbp=fbp()),
        custom_data=CustomData(),
    )  # fmt: skip
    origin = Origin(dataset=DATASET, channel=Channel.SERVER, sender="api", tier=tier, received_at=NOW_MS)
    assert (sign_of(RawEvent(**told), event, origin) is not None) is is_sign


def test_the_home_page_of_core_setup_has_no_path_either(start_gateway):
    dataset = CONFIGURATION["dataset"][0] | {"privacy": {"core_setup": True}}
    gateway = start_gateway(CONFIGURATION | {"dataset": [dataset]})
    by_tag(gateway, LANDING.replace("/products/lamp", "/"), REFERRER)
    assert [row[COLUMNS.index("landing")] for row in kept(gateway)] == [""]


def test_the_same_page_after_a_no_is_kept_again_by_a_yes(start_gateway):
    """To the second and the letter what stood there before: what was forgotten is forgotten in memory too."""
    gateway = start_gateway()
    by_tag(gateway, LANDING, REFERRER, consent="granted")
    before = kept(gateway)
    by_tag(gateway, "https://shop.example/p", "https://shop.example/", consent="denied")
    assert kept(gateway) == []
    by_tag(gateway, LANDING, REFERRER, consent="granted")
    assert kept(gateway) == before != []
