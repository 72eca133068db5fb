"""Diagnostics: every identifier of the catalogue has a traffic that triggers it, and clean traffic triggers none."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

import pytest
from running_sandbox import DATASET, NOW_MS, Running

from twofold.sandbox.judge.diagnostics import CATALOGUE

NOW_S = NOW_MS // 1000
HOUR, DAY = 3_600, 86_400
IPV6 = "2a02:8109:a1c0::7"
UA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
LEAD_ID = 123456789012345


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def user(**changes: object) -> dict:
    """user_data as a careful shop sends it; None removes a key."""
    data = {
        "em": [sha("nino@shop.example")],
        "client_ip_address": IPV6,
        "client_user_agent": UA,
        "fbp": "fb.1.1789990000000.1234567890",
        "fbc": "fb.1.1789990000000.IwAR2F4dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB",
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def custom(**changes: object) -> dict:
    data = {"value": 42.5, "currency": "EUR", "order_id": "1001", "content_type": "product", "content_ids": ["sku1"]}
    return {key: value for key, value in (data | changes).items() if value is not None}


def event(name: str = "Purchase", **changes: object) -> dict:
    data = {
        "event_name": name,
        "event_time": NOW_S,
        "action_source": "website",
        "event_id": uuid.uuid4().hex,
        "event_source_url": "https://shop.example/thanks",
        "user_data": user(),
        "custom_data": custom(),
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def hit(name: str = "Purchase", **changes: object) -> dict:
    """A pixel request's parameters; `cd` and `ud` are dicts."""
    data = {
        "ev": name,
        "eid": uuid.uuid4().hex,
        "dl": "https://shop.example/thanks",
        "fbp": "fb.1.1789990000000.1234567890",
        "cd": custom(content_ids='["sku1"]'),
    }
    data |= changes
    parts = {f"{part}[{key}]": value for part in ("cd", "ud") for key, value in (data.pop(part, None) or {}).items()}
    return {key: value for key, value in (data | parts).items() if value is not None}


Traffic = Callable[[Running], object]


def server(**changes: object) -> Traffic:
    return lambda box: box.post([event(**changes)])


def users(**changes: object) -> Traffic:
    return server(user_data=user(**changes))


def customs(**changes: object) -> Traffic:
    return server(custom_data=custom(**changes))


def browser(**changes: object) -> Traffic:
    return lambda box: box.pixel(**hit(**changes))


def browser_custom(**changes: object) -> Traffic:
    return browser(cd=custom(content_ids='["sku1"]', **changes))


def servers(count: int, make: Callable[[int], dict], **fields: object) -> Traffic:
    return lambda box: box.post([make(n) for n in range(count)], **fields)


def hits(count: int, make: Callable[[int], dict]) -> Traffic:
    def run(box: Running) -> None:
        for n in range(count):
            box.pixel(**make(n))

    return run


def both(*traffics: Traffic) -> Traffic:
    def run(box: Running) -> None:
        for traffic in traffics:
            traffic(box)

    return run


def pair(browser_changes: dict, server_changes: dict) -> Traffic:
    return both(browser(eid="one", **browser_changes), server(event_id="one", **server_changes))


def lead(stage: str = "Qualified", **changes: object) -> dict:
    data = {
        "action_source": "system_generated",
        "event_source_url": None,
        "user_data": {"lead_id": LEAD_ID},
        "custom_data": {"event_source": "crm", "lead_event_source": "HubSpot"},
    }
    return event(stage, **(data | changes))


def message(channel: str | None = "messenger", **changes: object) -> dict:
    data = {
        "action_source": "business_messaging",
        "messaging_channel": channel,
        "event_source_url": None,
        "user_data": {"page_id": "1", "page_scoped_user_id": "2"},
    }
    return event(**(data | changes))


def store(**changes: object) -> dict:
    data = {
        "action_source": "physical_store",
        "event_source_url": None,
        "event_time": NOW_S - 2 * HOUR,
        "user_data": {"em": sha("nino@shop.example")},
        "custom_data": {"value": 5, "currency": "EUR", "order_id": "s1", "item_number": "i1"},
    }
    return event(**(data | changes))


def one(made: dict) -> Traffic:
    return lambda box: box.post([made])


def later(seconds: float, traffic: Traffic) -> Traffic:
    def run(box: Running) -> None:
        box.now += round(seconds * 1000)
        traffic(box)

    return run


def visitor(n: int, **changes: object) -> dict:
    """user_data of visitor ``n``: own cookie, own address, own e-mail."""
    own = {"fbp": f"fb.1.1789990000000.{n + 1}", "client_ip_address": f"2a02:8109::{n + 1:x}", "em": sha(f"m{n}")}
    return user(fbc=None, **(own | changes))


def visit(n: int, name: str = "ViewContent", **changes: object) -> dict:
    """A server event of visitor ``n``."""
    data = {"user_data": visitor(n), "custom_data": custom(order_id=None, value=10 + n), "event_id": f"v{n}"}
    return event(name, **(data | changes))


def view(n: int, name: str = "ViewContent", **changes: object) -> dict:
    """The pixel's copy of `visit`."""
    data = {"eid": f"v{n}", "fbp": f"fb.1.1789990000000.{n + 1}", "dl": f"https://shop.example/p/{n}"}
    return hit(name, cd=custom(order_id=None, value=10 + n, content_ids='["sku1"]'), **(data | changes))


def order(n: int, value: float) -> dict:
    return visit(n, "Purchase", custom_data=custom(order_id=f"o{n}", value=value))


TOO_OLD = NOW_S - 8 * DAY
ITEM = {"id": "sku1", "quantity": 1}

# identifier, traffic that triggers it
TRIGGERS: list[tuple[str, Traffic]] = [
    ("s2s_missing_event_name", server(event_name=None)),
    ("s2s_invalid_event_name", server(event_name="x" * 51)),
    ("s2s_malformed_standard_event_name", server(event_name="add_to_cart")),
    ("pixel_almost_standard_event", browser(ev="purchase")),
    ("s2s_missing_action_source", server(action_source=None)),
    ("s2s_invalid_action_source", server(action_source="web")),
    ("s2s_missing_event_source_url", server(event_source_url=None)),
    ("s2s_missing_event_time_or_order_id", server(event_time=None)),
    ("s2s_event_time_in_future", server(event_time=NOW_S + 60)),
    ("s2s_event_time_too_old", server(event_time=TOO_OLD)),
    ("s2s_original_event_time_too_old", server(event_name="AppendValue", original_event_data={"event_name": "Purchase", "event_time": TOO_OLD, "order_id": "1"})),
    ("s2s_delay_greater_than_two_hours", server(event_time=NOW_S - 2 * HOUR - 1)),
    ("s2s_delay_greater_than_twenty_four_hours", server(event_time=NOW_S - 24 * HOUR - 1)),
    ("s2s_no_match_key", server(user_data={})),
    ("s2s_no_valid_match_key", server(user_data={"shoe_size": 44})),
    ("s2s_missing_adequate_user_data", server(user_data={"client_user_agent": UA})),
    ("s2s_missing_match_key", server(user_data={"client_ip_address": IPV6, "client_user_agent": UA})),
    ("s2s_missing_pii_or_external_id", users(em=None)),
    ("s2s_pii_not_hashed", users(em="nino@shop.example")),
    ("s2s_user_data_parameter_invalid", users(fb_login_id="nino")),
    ("s2s_missing_ip", users(client_ip_address=None)),
    ("s2s_invalid_ip_address", users(client_ip_address="1.2.3.4:80")),
    ("s2s_private_ip_address", users(client_ip_address="192.168.1.7")),
    ("s2s_missing_ua", users(client_user_agent=None)),
    ("s2s_invalid_user_agent", users(client_user_agent=sha(UA))),
    ("s2s_invalid_fbp_cookie", users(fbp="fb.1.x")),
    ("s2s_invalid_click_id", users(fbc="IwAR123")),
    ("s2s_invalid_lead_id", users(lead_id=12)),
    ("s2s_extern_id_in_custom_data", customs(external_id="7")),
    ("s2s_extern_id_associations_never_made", both(servers(10, lambda n: visit(n, user_data=visitor(n, fbp=None, external_id=f"Shop {n}"))), hits(10, lambda n: view(n, ud={"external_id": sha(f"shop{n}")})))),
    ("capi_fbc_invalid_click_id", users(fbc="fb.1.1789990000000.iwar2f4dbp0l7mn1iawqqgcinez7pyxqvwjnwb")),
    ("capi_fbc_invalid_creation_time", users(fbc="fb.1.1789990000.IwAR2F4dbP0l7Mn1IawQQGCINEz7")),
    ("capi_fbc_invalid_subdomain_index", users(fbc="fb.9.1789990000000.IwAR2F4dbP0l7Mn1IawQQGCINEz7")),
    ("capi_fbc_expired_click_id", users(fbc=f"fb.1.{NOW_MS - 91 * DAY * 1000}.IwAR2F4dbP0l7Mn1IawQQGCINEz7")),
    ("capi_fbc_coverage_issue", both(servers(10, visit), hits(10, lambda n: view(n, fbc=f"fb.1.1789990000000.IwAR2F4dbP0l7Mn1I{n}")))),
    ("capi_fbc_matchability_issue", pair({"fbc": "fb.1.1789990000000.IwAR2F4dbP0l7Mn1IawQQ"}, {"user_data": user(fbc="fb.1.1789990000000.IwAR9999990l7Mn1IawQQ")})),
    ("capi_ip_address_hot_ip", servers(10, lambda n: visit(n, user_data=visitor(n, client_ip_address=IPV6)))),
    ("capi_ip_address_fake_ip", users(client_ip_address="203.0.113.9")),
    ("capi_ip_address_empty_ip", users(client_ip_address="")),
    ("capi_ip_address_nat_ip", users(client_ip_address="100.64.3.4")),
    ("capi_ip_address_ip_v4", users(client_ip_address="84.12.3.4")),
    ("capi_ip_address_ip_value_mismatch", lambda box: (box.post([event(event_id="one")]), box.http.get(f"{box.base}/tr/", params={"id": DATASET, **hit(eid="one")}, headers={"x-forwarded-for": "2a02:8109::99"}, timeout=60))),
    ("capi_pii_email_hot_email", servers(10, lambda n: visit(n, user_data=visitor(n, em=sha("staff@shop.example"))))),
    ("capi_pii_email_hot_email_empty", users(em=sha(""))),
    ("capi_pii_email_hot_email_null", users(em=sha("undefined"))),
    ("capi_pii_email_hot_email_fake", users(em=sha("test@test.com"))),
    ("capi_pii_email_invalid_email", users(em=sha("491701234567"), ph=sha("491701234567"))),
    ("capi_pii_phone_hot_phone", servers(10, lambda n: visit(n, user_data=visitor(n, ph=sha("4930123456"))))),
    ("capi_pii_phone_hot_phone_empty", users(ph=sha(""))),
    ("capi_pii_phone_hot_phone_null", users(ph=sha("null"))),
    ("capi_pii_phone_hot_phone_fake", users(ph=sha("1234567890"))),
    ("capi_pii_phone_invalid_phone", users(ph=sha("nino"), fn=sha("nino"))),
    ("s2s_dedupe_key_low_coverage", both(servers(10, lambda n: visit(n, event_id=None)), hits(10, view))),
    ("s2s_dedupe_key_low_overlap", both(servers(10, lambda n: visit(n, event_id=f"other{n}")), hits(10, view))),
    ("s2s_redundant_events_not_deduped", both(browser(eid="b"), server(event_id="s"))),
    ("s2s_event_id_in_custom_data", customs(eventID="7")),
    ("s2s_low_event_coverage", both(servers(7, visit), hits(10, view))),
    ("pixel_low_event_coverage", both(servers(10, visit), hits(7, view))),
    ("website_event_session_multiple_events_fire", hits(2, lambda n: hit("PageView", cd={}))),
    ("website_event_session_multiple_purchase_events_fire", both(browser(), later(60, browser()))),
    ("pixel_missing_value_parameter", browser_custom(value=None)),
    ("pixel_invalid_value_parameter", browser_custom(value="-3")),
    ("pixel_missing_currency_parameter", browser_custom(currency=None)),
    ("pixel_missing_or_invalid_currency", browser_custom(currency="EURO")),
    ("pixel_missing_or_invalid_value", browser_custom(value="free")),
    ("pixel_missing_or_invalid_value_and_currency", browser_custom(value=None, currency=None)),
    ("pixel_mismatched_value_currency_single_event", pair({}, {"custom_data": custom(value=43)})),
    ("pixel_outlier_value_parameter", servers(21, lambda n: order(n, 4250 if n == 20 else 10 + n))),
    ("pixel_placeholder_value_single_event", servers(20, lambda n: order(n, 1))),
    ("s2s_invalid_purchase_event", customs(value=None)),
    ("s2s_invalid_custom_data_value", server(event_name="Lead", custom_data={"value": "12,50"})),
    ("s2s_missing_currency_for_value_or_item_price", server(event_name="Lead", custom_data={"value": 3})),
    ("s2s_item_price_without_currency", server(event_name="Lead", custom_data={"contents": [{**ITEM, "item_price": 3}]})),
    ("s2s_missing_value_for_currency", server(event_name="Lead", custom_data={"currency": "EUR"})),
    ("s2s_inconsistent_currency", both(server(), server(custom_data=custom(currency="USD")))),
    ("s2s_inconsistent_net_revenue", customs(net_revenue=50)),
    ("invalid_currency", customs(currency="XTS")),
    ("pixel_missing_or_invalid_net_revenue", customs(net_revenue="much")),
    ("pixel_missing_or_invalid_predicted_ltv", server(event_name="Subscribe", custom_data=custom(predicted_ltv=-1))),
    ("invalid_content_type", customs(content_type="shoes")),
    ("invalid_content_ids", customs(content_ids=[])),
    ("s2s_invalid_content_param", customs(contents=["sku1"])),
    ("pixel_missing_content_ids", customs(content_ids=None)),
    ("pixel_missing_id_in_contents", customs(contents=[{"quantity": 1}])),
    ("pixel_missing_quantity_in_contents", customs(contents=[{"id": "sku1"}])),
    ("pixel_missing_or_invalid_quantity_in_contents", customs(contents=[{"id": "sku1", "quantity": 0}])),
    ("pixel_catalog_no_content_id", both(servers(10, visit), one(event(custom_data=custom(content_ids=None, content_type=None))))),
    ("pixel_invalid_delivery_category", customs(delivery_category="drone")),
    ("pixel_search_search_string", server(event_name="Search", custom_data={})),
    ("pixel_purchase_order_id", customs(order_id=None)),
    ("s2s_invalid_order_id_length", customs(order_id="x" * 257)),
    ("invalid_customer_segmentation", server(customer_segmentation="vip")),
    ("pixel_event_not_received", both(servers(10, visit), later(DAY + 1, lambda box: box.post([event("Lead", event_time=NOW_S + DAY)])))),
    ("add_missing_events", servers(10, lambda n: order(n, 10 + n))),
    ("pixel_new_domains_detected", both(server(), later(DAY + 1, lambda box: box.post([event(event_time=NOW_S + DAY, event_source_url="https://stolen.example.com/")])))),
    ("pixel_pii_sensitive_data_detected", server(event_source_url="https://shop.example/thanks?mail=nino%40shop.example")),
    ("pixel_sensitive_data_event_name", server(event_name="bought by nino@shop.example")),
    ("s2s_invalid_append_value_event", server(event_name="AppendValue")),
    ("crm_no_match_key", one(lead(user_data={"fbp": "fb.1.1789990000000.1"}))),
    ("crm_invalid_lead_id", one(lead(user_data={"lead_id": 12}))),
    ("crm_event_time_in_future", one(lead(event_time=NOW_S + HOUR))),
    ("crm_event_time_too_old", one(lead(event_time=TOO_OLD))),
    ("crm_integration_one_stage_only", servers(10, lambda _: lead())),
    ("crm_integration_too_many_stages", servers(11, lambda n: lead(f"Stage {n}"))),
    ("crm_integration_data_freshness", servers(10, lambda n: lead(f"Stage {n % 2}", event_time=NOW_S - 2 * DAY))),
    ("low_lead_id_coverage", servers(10, lambda n: lead(f"Stage {n % 2}", user_data={"em": sha(str(n))}))),
    ("s2s_missing_messaging_channel", one(message(None))),
    ("s2s_invalid_messaging_channel", one(message("sms"))),
    ("s2s_action_source_messaging_channel_mismatch", server(messaging_channel="whatsapp")),
    ("s2s_messaging_event_invalid_argument", one(message(user_data={"page_id": "1", "page_scoped_user_id": "2", "client_ip_address": IPV6}))),
    ("s2s_messaging_event_invalid_event_type", one(message(event_name="Lead"))),
    ("s2s_messaging_event_no_user_data", one(message(user_data={}))),
    ("s2s_messaging_event_no_custom_data", one(message(event_name="AddToCart", custom_data=None))),
    ("s2s_messaging_event_missing_page_id", one(message(user_data={"page_scoped_user_id": "2"}))),
    ("s2s_messaging_event_missing_page_scoped_user_id", one(message(user_data={"page_id": "1"}))),
    ("s2s_messaging_event_missing_whatsapp_business_account_id", one(message("whatsapp", user_data={"ctwa_clid": "c"}))),
    ("s2s_messaging_event_missing_ctwa_clid", one(message("whatsapp", user_data={"page_id": "1"}))),
    ("s2s_messaging_event_invalid_ctwa_clid", one(message("whatsapp", user_data={"page_id": "1", "ctwa_clid": "a b"}))),
    ("s2s_messaging_event_missing_ig_sid", one(message("instagram", user_data={"ig_account_id": "1"}))),
    ("s2s_messaging_event_missing_ig_account_id", one(message("instagram", user_data={"ig_sid": "1"}))),
    ("offline_no_orderid", one(store(custom_data={"value": 5, "currency": "EUR"}))),
    ("offline_itemnum_no_orderid", one(store(custom_data={"value": 5, "currency": "EUR", "item_number": "i1"}))),
    ("offline_dup_orderid_itemnum", both(one(store()), one(store()))),
    ("offline_orderid_itemnum_diff_event_times", both(one(store()), one(store(event_time=NOW_S - HOUR)))),
    ("offline_orderid_diff_matched_users", both(one(store()), one(store(user_data={"em": sha("other")})))),
    ("offline_duplicate_events", both(one(store()), one(store()))),
    ("offline_upload_delay", one(store(event_time=NOW_S - 4 * DAY))),
    ("offline_precise_timestamps", one(store(event_time=NOW_S // DAY * DAY))),
    ("s2s_api_version_outdated", lambda box: box.http.post(f"{box.base}/v16.0/{DATASET}/events", json={"data": [event()], "access_token": "token-of-eight"}, timeout=60)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "traffic"), TRIGGERS, ids=[row[0] for row in TRIGGERS])
def test_its_traffic_opens_a_diagnostic(sandbox: Running, name: str, traffic: Traffic) -> None:
    """The identifier is listed as open, with a share of at most 100 %, a time, an example and what to do."""
    traffic(sandbox)

    rows = sandbox.read("diagnostics", diagnostic=name)
    assert rows
    for row in rows:
        assert row["status"] == "open"
        assert 0 < row["affected"] <= row["total"]
        assert row["share"] == round(100 * row["affected"] / row["total"], 1)
        assert NOW_MS <= row["first_seen"] <= row["last_seen"] <= sandbox.now
        assert row["example"]["field"]
        assert row["what_to_do"].endswith(".")


DAY_OLD = NOW_S - 24 * HOUR

# identifier, traffic at the very edge that must not trigger it
NEAR_MISSES: list[tuple[str, Traffic]] = [
    ("s2s_low_event_coverage", both(servers(9, visit), hits(12, view))),  # 75 % is the goal met
    ("s2s_low_event_coverage", both(servers(1, visit), hits(9, view))),  # too few to say
    ("pixel_low_event_coverage", both(servers(12, visit), hits(9, view))),
    ("s2s_dedupe_key_low_coverage", both(servers(12, lambda n: visit(n, event_id=f"v{n}" if n < 9 else None)), hits(12, view))),
    ("s2s_dedupe_key_low_overlap", both(servers(10, lambda n: visit(n, event_id=f"v{n}" if n < 5 else f"x{n}")), hits(10, view))),
    ("website_event_session_multiple_events_fire", both(browser(ev="PageView"), later(10.001, browser(ev="PageView")))),
    ("website_event_session_multiple_events_fire", both(browser(ev="PageView"), browser(ev="PageView", dl="https://shop.example/other"))),
    ("website_event_session_multiple_events_fire", both(browser(ev="PageView", eid="same"), browser(ev="PageView", eid="same"))),
    ("website_event_session_multiple_purchase_events_fire", both(browser(), later(30 * 60 + 1, browser()))),
    ("website_event_session_multiple_purchase_events_fire", both(browser(), browser_custom(order_id="1002"))),
    ("s2s_redundant_events_not_deduped", both(browser(eid="one"), server(event_id="one"))),
    ("s2s_redundant_events_not_deduped", both(server(), server(custom_data=custom(order_id="1002")))),
    ("pixel_mismatched_value_currency_single_event", pair({}, {"custom_data": custom(value="42.50", currency="eur")})),
    ("capi_ip_address_hot_ip", servers(9, lambda n: visit(n, user_data=visitor(n, client_ip_address=IPV6)))),
    ("capi_ip_address_hot_ip", servers(10, lambda n: visit(n, user_data=user()))),  # one visitor, often
    ("capi_ip_address_ip_value_mismatch", pair({}, {})),  # the browser on this machine shows no public address
    ("capi_fbc_coverage_issue", both(servers(10, visit), hits(10, lambda n: view(n, fbc="fb.1.1789990000000.IwAR2F4dbP0l" if n < 2 else None)))),
    ("s2s_extern_id_associations_never_made", both(servers(10, lambda n: visit(n, user_data=visitor(n, external_id=f"Shop {n}"))), hits(10, view))),  # fbp beside it
    ("pixel_outlier_value_parameter", servers(21, lambda n: order(n, 2000 if n == 20 else 20))),  # exactly 100 times
    ("pixel_placeholder_value_single_event", servers(20, lambda n: order(n, 1 if n else 2))),
    ("s2s_delay_greater_than_two_hours", server(event_time=NOW_S - 2 * HOUR)),
    ("s2s_delay_greater_than_twenty_four_hours", server(event_time=DAY_OLD)),
    ("s2s_event_time_in_future", server(event_time=NOW_S + 5)),
    ("s2s_original_event_time_too_old", server(event_name="AppendValue", original_event_data={"event_name": "Purchase", "event_time": NOW_S - 7 * DAY, "order_id": "1"})),
    ("s2s_invalid_order_id_length", customs(order_id="x" * 256)),
    ("s2s_inconsistent_net_revenue", customs(net_revenue=42.5)),
    ("capi_fbc_expired_click_id", users(fbc=f"fb.1.{NOW_MS - 90 * DAY * 1000}.IwAR2F4dbP0l7Mn1IawQQGCINEz7")),
    ("crm_integration_too_many_stages", servers(10, lambda n: lead(f"Stage {n}"))),
    ("low_lead_id_coverage", servers(10, lambda n: lead(f"Stage {n % 2}", user_data={"em": sha(str(n))} if n < 5 else {"lead_id": LEAD_ID}))),
    ("crm_integration_data_freshness", servers(10, lambda n: lead(f"Stage {n % 2}", event_time=NOW_S - 2 * DAY if n < 5 else NOW_S))),
    ("pixel_event_not_received", both(servers(10, visit), later(DAY, server(event_name="Lead", event_time=NOW_S)))),
    ("pixel_new_domains_detected", both(server(), later(DAY, server(event_source_url="https://other.example.com/", event_time=NOW_S)))),
    ("pixel_new_domains_detected", both(server(), later(DAY + 1, server(event_source_url="https://www.shop.example/", event_time=NOW_S)))),
    ("offline_upload_delay", one(store(event_time=NOW_S - 3 * DAY))),
    ("capi_pii_email_invalid_email", users(em=sha("a"), ph=sha("b"))),
    ("pixel_pii_sensitive_data_detected", server(event_source_url="https://shop.example/p/1+1-2?utm=a@b")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "traffic"), NEAR_MISSES, ids=[f"{n}-{row[0]}" for n, row in enumerate(NEAR_MISSES)])
def test_traffic_at_the_edge_opens_none(sandbox: Running, name: str, traffic: Traffic) -> None:
    """Up to its limit, the identifier is not listed."""
    traffic(sandbox)

    assert sandbox.read("events")
    assert sandbox.read("diagnostics", diagnostic=name) == []


def test_every_identifier_has_a_trigger() -> None:
    """No identifier of the catalogue is without its traffic, and there are at least 60."""
    names = [name for name, _ in TRIGGERS]

    assert sorted(names) == sorted(CATALOGUE)
    assert len(names) >= 60


def test_clean_traffic_opens_none(sandbox: Running) -> None:
    """A day of a careful shop, browser and server in pairs, leads, a store and a chat, has no diagnostic at all."""
    for n in range(12):
        for name in ("ViewContent", "AddToCart", "InitiateCheckout"):
            sandbox.pixel(**view(n, name, eid=f"{name}{n}"))
            sandbox.post([visit(n, name, event_id=f"{name}{n}")])
            sandbox.now += 20_000
        sold = custom(order_id=f"o{n}", value=20 + n, contents=[ITEM])
        when = {"event_time": sandbox.now // 1000}
        pixel_sold = {**sold, "content_ids": '["sku1"]', "contents": '[{"id":"sku1","quantity":1}]'}
        sandbox.pixel(**view(n, "Purchase", eid=f"o{n}") | {f"cd[{k}]": v for k, v in pixel_sold.items()})
        sandbox.post([visit(n, "Purchase", event_id=f"o{n}", custom_data=sold, **when)])
        sandbox.post([lead(f"Stage {n % 3}", user_data={"lead_id": LEAD_ID + n}, **when)])
        sandbox.post([store(custom_data={"value": 5, "currency": "EUR", "order_id": f"s{n}", "item_number": "1"})])
    sandbox.post([message(event_time=sandbox.now // 1000)])
    sandbox.pixel(ev="PageView", dl="https://shop.example/", fbp="fb.1.1789990000000.1")

    assert sandbox.read("refused") == []
    assert sandbox.read("diagnostics") == []


def test_share_times_and_example(sandbox: Running) -> None:
    """One of four server events affected is 25 %; first and last seen are when they came; the example is the last."""
    sandbox.post([event("Lead", custom_data={}) for _ in range(2)])
    sandbox.post([event("Lead", custom_data={}, event_source_url=None)])
    sandbox.now += 5_000
    sandbox.post([event("Lead", custom_data={}, event_id="last", event_source_url=None)])
    for _ in range(4):
        sandbox.pixel(**hit("Lead", cd={}))  # the browser's events are not the server's share

    (row,) = sandbox.read("diagnostics", diagnostic="s2s_missing_event_source_url")
    assert (row["affected"], row["total"], row["share"]) == (2, 4, 50.0)
    assert (row["first_seen"], row["last_seen"]) == (NOW_MS, NOW_MS + 5_000)
    assert row["example"] == {"number": 4, "event_id": "last", "field": "event_source_url"}
    assert (row["dataset"], row["event_name"], row["effect"]) == (DATASET, "Lead", "degraded")


def resolve(sandbox: Running, name: str) -> None:
    (row,) = sandbox.read("diagnostics", diagnostic=name)
    answer = sandbox.http.post(f"{sandbox.base}/sandbox/diagnostics/{row['id']}/resolve", timeout=60)
    assert answer.json() == {"id": row["id"], "status": "resolved"}


# seconds after resolving at which it is seen again, the status then
AGAIN = [(0, "resolved"), (3 * DAY, "resolved"), (3 * DAY + 1, "reopened")]


@pytest.mark.parametrize(("seconds", "status"), AGAIN)
def test_resolved_and_reopened(sandbox: Running, seconds: int, status: str) -> None:
    """Resolved it stays resolved; seen more than 3 days later it is open again, and can be resolved again."""
    name = "s2s_missing_event_source_url"
    sandbox.post([event(event_source_url=None)])
    resolve(sandbox, name)
    assert sandbox.read("diagnostics", diagnostic=name)[0]["status"] == "resolved"

    sandbox.now += round(seconds * 1000)
    sandbox.post([event(event_source_url=None, event_time=sandbox.now // 1000)])
    assert sandbox.read("diagnostics", diagnostic=name)[0]["status"] == status
    resolve(sandbox, name)
    assert sandbox.read("diagnostics", status="resolved", diagnostic=name)


def test_an_unknown_diagnostic_cannot_be_resolved(sandbox: Running) -> None:
    """404 in the sandbox's error shape."""
    answer = sandbox.http.post(f"{sandbox.base}/sandbox/diagnostics/nothing/resolve", timeout=60)

    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_no_contact_data_in_diagnostics(sandbox: Running) -> None:
    """Whatever was sent in the clear or hashed, no diagnostic shows it."""
    sandbox.post([event(user_data=user(em="nino@shop.example"))])
    sandbox.post([event(event_source_url="https://shop.example/?mail=nino@shop.example", user_data=user(em=sha("")))])

    text = sandbox.http.get(f"{sandbox.base}/sandbox/diagnostics", timeout=60).text
    assert "s2s_pii_not_hashed" in text
    assert "pixel_pii_sensitive_data_detected" in text
    assert "nino" not in text
    assert sha("") not in text


# where a careless sender may put contact data in the clear
CLEAR = ["nino@shop.example", "nino%40shop.example", "+49 170 1234567", "%2B491701234567"]


@pytest.mark.parametrize("clear", CLEAR)
def test_no_contact_data_on_disk_or_in_any_list(start_sandbox, tmp_path, clear: str) -> None:
    """Masked wherever it stood, on disk, in lists and pages; copies that carry the same still fold."""
    box = start_sandbox(data=str(tmp_path / "box"))
    name = f"n {clear}"
    url = f"https://shop.example/?q={clear}"
    careless = custom(note=clear, deep={"list": [clear]}, order_id=clear, **{clear: 1})
    box.post(
        [
            event(
                name,
                event_id=clear,
                event_source_url=url,
                referrer_url=url,
                custom_data=careless,
                user_data=user(external_id=clear),
            )
        ]
    )
    box.pixel(**hit(name, eid=clear, dl=url, rl=url, cd={"note": clear}, ud={"em": clear, "external_id": clear}))
    box.post([event(name, event_id=clear, event_time=None)])

    assert [row["state"] for row in box.read("events")] == ["Deduplicated", "Processed"]
    lists = [f"/sandbox/{name}" for name in ("events", "actions", "counts", "refused", "test_events", "diagnostics")]
    pages = [
        "/",
        "/test_events",
        "/diagnostics",
        "/refused",
        f"/v25.0/{DATASET}/stats?access_token=12345678&aggregation=event",
    ]
    texts = [box.http.get(box.base + path, timeout=60).text for path in lists + pages]
    texts += [file.read_text() for file in (tmp_path / "box").iterdir()]
    for text in texts:
        for secret in ("nino", "170 1234567", "491701234567"):
            assert secret not in text
    assert {row["diagnostic"] for row in box.read("diagnostics")} >= {
        "pixel_pii_sensitive_data_detected",
        "pixel_sensitive_data_event_name",
    }


def test_resolving_and_refusals_survive_a_restart(start_sandbox, tmp_path) -> None:
    """What was called resolved is still so after a restart, and what a refusal opened is still open."""
    first = start_sandbox(data=str(tmp_path / "box"))
    first.post([event(event_source_url=None), event(event_id="2")])
    first.post([event(event_name=None)])
    resolve(first, "s2s_missing_event_source_url")
    before = first.read("diagnostics"), first.read("refused")
    first.close()

    second = start_sandbox(data=str(tmp_path / "box"))
    assert (second.read("diagnostics"), second.read("refused")) == before
    assert {row["diagnostic"]: row["status"] for row in before[0]} == {
        "s2s_missing_event_source_url": "resolved",
        "s2s_missing_event_name": "open",
        "s2s_redundant_events_not_deduped": "open",
    }
    second.reset()
    second.close()
    third = start_sandbox(data=str(tmp_path / "box"))
    assert third.read("diagnostics") == []
