"""HubSpot's webhooks: the three signatures by HubSpot's own worked examples, the two shapes of a record, and the list of
changes. Bodies are made by hand after captured ones; what a stage becomes follows Meta's conversion-leads page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.model import Amounts, Paid, Sale
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.crm.hubspot import HUBSPOT

NOW_S = 1_790_000_100
NOW_MS = NOW_S * 1000
REACHED = 1_790_000_000_000
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
OPTIONS = SourceOptions(
    shop="hub",
    stages={"qualifiedtobuy": "Qualified", "sales/won-2": "Converted", "closedwon": "Purchase",
            "marketingqualifiedlead": "MQL", "closedlost": "Lost"},
    fields={"lead_id": "meta_lead_id", "em": "contact_email", "ph": "contact_phone", "fbc": "fbclick"},
    currency="EUR",
)  # fmt: skip


def prop(value, at=REACHED):
    """A property as the older object API and workflows write it."""
    return {
        "value": value,
        "timestamp": at,
        "source": "CRM_UI",
        "versions": [{"name": "x", "value": value, "timestamp": at}],
    }


def deal(stage="qualifiedtobuy", **properties):
    given = {"dealstage": stage, "pipeline": "sales", "amount": "1200.50", "deal_currency_code": "usd",
             "hs_object_id": "7036839888", "meta_lead_id": "123456789012345", "contact_email": "John_Smith@gmail.com",
             "hs_is_closed": "false", "hs_is_closed_won": "false", "hs_lastmodifieddate": str(REACHED + 5)}  # fmt: skip
    found = {name: prop(value) for name, value in (given | properties).items() if value is not ...}
    return {"portalId": 27145807, "objectType": "DEAL", "objectTypeId": "0-3", "objectId": 7036839888, "properties": found,
            "version": 3, "isDeleted": False}  # fmt: skip


def read(body, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HUBSPOT.read(raw, {}, options, NOW_MS)


def reading(body, options=OPTIONS) -> Reading:
    result = read(body, options)
    assert isinstance(result, Reading), result
    return result


def accepted(raw: RawEvent) -> Event:
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="hubspot", tier=Tier.T3, received_at=NOW_MS)
    event = run(raw, origin)
    assert isinstance(event, Event), event
    return event


# -- stages


def test_a_deal_that_reached_a_stage_is_an_event_of_the_funnel():
    """As Meta's page for CRMs wants it: source, CRM's name, lead id, hashed contact data, the moment of the stage."""
    found = reading(deal())
    assert (found.kind, found.order, found.copy, found.notes) == ("lead stage", None, None, ())
    (raw,) = found.events
    event = accepted(raw)
    assert (event.event_name, event.event_id, event.event_time) == (
        "Qualified",
        "Qualified.hubspot.7036839888",
        1_790_000_000,
    )
    assert event.action_source == "system_generated"
    assert event.custom_data.other == {"event_source": "crm", "lead_event_source": "HubSpot"}
    assert (event.custom_data.value, event.custom_data.currency) == (Decimal("1200.50"), "USD")
    assert event.user_data.other == {"lead_id": 123456789012345}
    # SHA-256 of john_smith@gmail.com, from Meta's page
    assert [h.hex for h in event.user_data.em] == ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"]


def test_the_same_stage_told_again_is_the_same_event():
    """A workflow that runs twice, hours later, comes to the same id."""
    first = reading(deal()).events[0]
    again = reading(deal(hs_lastmodifieddate=str(REACHED + 9_000_000))).events[0]
    assert (first.event_id, first.event_time) == (again.event_id, again.event_time)


NEWER = {
    "id": "7036839888",
    "properties": {"dealstage": "closedwon", "amount": "1200.5000000000", "hs_is_closed_won": "true",
                   "deal_currency_code": "USD", "hs_lastmodifieddate": "2026-09-21T14:13:20.000Z",
                   "contact_email": "john_smith@gmail.com"},
    "createdAt": "2026-09-01T00:00:00Z",
    "archived": False,
}  # fmt: skip
FLAT = {"hs_object_id": 7036839888, "dealstage": "ClosedWon", "amount": 1200.5, "deal_currency_code": "USD",
        "hs_lastmodifieddate": REACHED, "contact_email": "john_smith@gmail.com"}  # fmt: skip
WON = [
    ("the older form", deal("closedwon", hs_is_closed_won="true")),
    ("the newer form", NEWER),
    ("chosen properties", FLAT),
]


@pytest.mark.parametrize(("claim", "body"), WON, ids=[row[0] for row in WON])
def test_a_won_deal_is_a_paid_order_with_its_purchase(claim, body):
    """Whatever the shape: amount and currency exact, an order of the CRM, no further event beside it."""
    found = reading(body)
    assert (found.kind, found.events) == ("deal won", ())
    order = found.order
    assert (order.order_id, order.kind, order.aliases) == ("hubspot-7036839888", "paid", ("hubspot:7036839888",))
    assert order.snapshot.shop == Amounts(currency="USD", total=Decimal("1200.5"))
    assert (order.snapshot.paid, order.snapshot.sale, order.snapshot.placed_at) == (Paid.PAID, Sale.CRM, 1_790_000_000)
    event = accepted(found.copy)
    assert (event.event_name, event.event_id) == ("Purchase", "Purchase.hubspot.7036839888")
    assert (event.custom_data.value, event.custom_data.order_id) == (Decimal("1200.5"), "hubspot-7036839888")


def test_a_shops_own_order_id_makes_deal_and_order_one():
    """A property that holds it is named in `fields`."""
    options = SourceOptions(stages=OPTIONS.stages, fields={**OPTIONS.fields, "order_id": "shop_order"}, currency="EUR")
    found = reading(deal("closedwon", shop_order="A-7"), options)
    assert found.order.order_id == found.copy.custom_data["order_id"] == "A-7"


def test_a_lost_deal_cancels_its_order_and_says_why():
    """The order is cancelled; the stage's event, if one is wanted, is sent beside it."""
    found = reading(deal("closedlost", hs_is_closed="true", closed_lost_reason="too late, call 555 123 4567"))
    assert (found.kind, found.copy, [raw.event_name for raw in found.events]) == ("deal lost", None, ["Lost"])
    assert (found.order.kind, found.order.snapshot.cancelled_at) == ("cancelled", 1_790_000_000)
    assert found.order.snapshot.cancel_reason == "too late, call masked"
    assert found.order.snapshot.paid is None


def test_without_a_purchase_stage_a_lost_deal_is_no_order():
    """A CRM that only qualifies leads never writes orders."""
    options = SourceOptions(stages={"qualifiedtobuy": "Qualified"}, currency="EUR")
    assert isinstance(read(deal("closedlost", hs_is_closed="true"), options), Ignored)


def test_a_stage_of_one_pipeline():
    """Custom pipelines repeat stage names, so `pipeline/stage` can be named."""
    assert [raw.event_name for raw in reading(deal("won-2")).events] == ["Converted"]


def test_a_company_is_no_person():
    """A company's record has a lifecycle stage, a phone and a city as a contact's has; they match nobody."""
    company = {"objectType": "COMPANY", "objectTypeId": "0-2", "objectId": 7298894071, "properties": {
        "lifecyclestage": prop("marketingqualifiedlead"), "phone": prop("+1 650 555 1212"), "city": prop("Mountain View")}}  # fmt: skip
    assert isinstance(read(company), Ignored)
    assert reading(company | {"objectType": "CONTACT"}).events


def test_a_contact_reached_its_stage_when_its_history_says():
    """A contact's properties have their times in their history alone; the record's last change was about anything."""
    history = [{"value": "marketingqualifiedlead", "source-type": "CRM_UI", "timestamp": REACHED},
               {"value": "subscriber", "source-type": "CRM_UI", "timestamp": REACHED - 9_000_000}]  # fmt: skip
    stage = {"value": "marketingqualifiedlead", "versions": history}
    changed = {"value": str(REACHED + 60_000), "versions": []}
    contact = {"vid": 251, "properties": {"lifecyclestage": stage, "lastmodifieddate": changed}}
    (event,) = reading(contact).events
    assert event.event_time == REACHED // 1000
    for odd in ("x", [], [None], [{"value": "lead", "timestamp": REACHED}], [{"value": "marketingqualifiedlead"}]):
        stage["versions"] = odd
        (event,) = reading(contact).events
        assert event.event_time == REACHED // 1000 + 60


def test_a_contacts_lifecycle_stage_uses_the_contacts_own_properties():
    """Contacts have fixed names for their contact data, so no `fields` are needed."""
    body = {"vid": 251, "properties": {
        "lifecyclestage": prop("marketingqualifiedlead"), "email": prop("john_smith@gmail.com"), "phone": prop("+1 650 555 1212"),
        "firstname": prop("Mary"), "country": prop("United States")}}  # fmt: skip
    event = accepted(reading(body, SourceOptions(stages=OPTIONS.stages)).events[0])
    assert event.event_id == "MQL.hubspot.contact-251"
    assert [h.hex[:8] for h in (*event.user_data.em, *event.user_data.ph, *event.user_data.fn, *event.user_data.country)] == [
        "62a14e44", "e323ec62", "6915771b", "79adb2a2",
    ]  # fmt: skip


LEAD_IDS = [
    ("123456789012345", 123456789012345),
    ("l:12345678901234567", 12345678901234567),
    (1234567890123456, 1234567890123456),
    ("12345678901234", None),
    ("123456789012345678", None),
    ("abc", None),
    ("\u0661" * 15, None),
]


@pytest.mark.parametrize(("given_id", "lead_id"), LEAD_IDS)
def test_a_lead_id_has_15_to_17_digits_or_is_left_out(given_id, lead_id):
    """Meta refuses the event for a wrong one, so it is left out with a note."""
    found = reading(deal(meta_lead_id=given_id))
    assert found.events[0].user_data.get("lead_id") == lead_id
    assert found.notes == (() if lead_id else ("lead_id is not 15 to 17 digits; left out",))


NO_MONEY = [
    ("no amount", {"amount": ...}, "value", DropReason.MISSING_VALUE),
    ("an empty amount", {"amount": ""}, "value", DropReason.MISSING_VALUE),
    ("an amount with a comma", {"amount": "1,200"}, "value", DropReason.INVALID_VALUE),
    ("a negative amount", {"amount": "-1"}, "value", DropReason.INVALID_VALUE),
    ("a currency that is no text", {"deal_currency_code": 978}, "currency", DropReason.INVALID_CURRENCY),
]


@pytest.mark.parametrize(("claim", "changes", "path", "reason"), NO_MONEY, ids=[row[0] for row in NO_MONEY])
def test_a_won_deal_without_money_is_refused(claim, changes, path, reason):
    """A Purchase has no default amount; another stage does without."""
    refusal = read(deal("closedwon", **changes))
    assert isinstance(refusal, Refusal)
    assert (refusal.path, refusal.reason) == (path, reason)
    assert isinstance(read(deal("qualifiedtobuy", **changes)), Reading)


def test_money_that_no_list_knows_is_a_fact_of_the_deal_and_of_no_stage():
    """The won deal is kept as an order; a stage is told without money."""
    won = reading(deal("closedwon", deal_currency_code="Dhs"))
    assert won.order.snapshot.shop.currency == "XXX"
    (stage,) = reading(deal("qualifiedtobuy", deal_currency_code="Dhs")).events
    assert not {"value", "currency"} & stage.custom_data.keys()


def test_the_sources_currency_stands_in_for_an_accounts_that_has_only_one():
    """HubSpot leaves the currency out where an account has one."""
    assert reading(deal("closedwon", deal_currency_code=...)).order.snapshot.shop.currency == "EUR"
    refusal = read(deal("closedwon", deal_currency_code=...), SourceOptions(stages=OPTIONS.stages))
    assert (refusal.path, refusal.reason) == ("currency", DropReason.MISSING_CURRENCY)


# -- an app's list of changes

CHANGE = {"eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": REACHED, "attemptNumber": 0,
          "subscriptionType": "deal.propertyChange", "objectId": 123, "propertyName": "dealstage",
          "propertyValue": "qualifiedtobuy", "changeSource": "CRM"}  # fmt: skip


def test_an_apps_changes_name_nobody_so_they_are_ignored_with_what_to_do():
    """Only ids come with them: no lead id, no contact data, no amount."""
    result = read([CHANGE])
    assert isinstance(result, Ignored)
    assert "workflow" in result.reason


def test_an_apps_changes_are_events_where_the_object_is_the_shops_external_id():
    """Each change of a stage that is named, once; a Purchase cannot be made without its amount."""
    options = SourceOptions(stages=OPTIONS.stages, fields={"external_id": "objectId"})
    contact = CHANGE | {"subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage",
                        "propertyValue": "marketingqualifiedlead", "objectId": 9}  # fmt: skip
    won = CHANGE | {"propertyValue": "closedwon"}
    other = CHANGE | {"propertyName": "amount"}
    found = reading([CHANGE, contact, won, other], options)
    assert [raw.event_id for raw in found.events] == ["Qualified.hubspot.123", "MQL.hubspot.contact-9"]
    assert [raw.user_data for raw in found.events] == [{"external_id": "123"}, {"external_id": "9"}]
    assert found.order is None
    assert accepted(found.events[0]).event_time == 1_790_000_000


NOTHING = [
    ("a stage that is not named", deal("appointmentscheduled")),
    ("a record of another kind", {"objectId": 5, "objectType": "COMPANY", "properties": {"name": prop("x")}}),
    ("a deleted record", deal() | {"isDeleted": True}),
    ("changes of nothing we know", [{"subscriptionType": "contact.creation", "objectId": 1}, 5, None]),
    ("no changes", []),
]


@pytest.mark.parametrize(("claim", "body"), NOTHING, ids=[row[0] for row in NOTHING])
def test_what_says_nothing_is_ignored_with_a_reason(claim, body):
    """It is no fault of anybody's, so it is answered with success."""
    result = read(body)
    assert isinstance(result, Ignored), result
    assert result.reason


# -- signatures

V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation",'
    b'"attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
# HubSpot's own worked examples: "v1 request validation" (this body) and "v2 request validation" (a GET without a body).
V1 = {"x-hubspot-signature": "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
      "x-hubspot-signature-version": "v1"}  # fmt: skip
V2 = {"x-hubspot-signature": "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e",
      "x-hubspot-signature-version": "v2", ":method": "GET", ":path": "/webhook_uri", "host": "www.example.com"}  # fmt: skip


def test_hubspots_own_examples_of_v1_and_v2():
    """The documented hashes fit, and fit nothing else."""
    assert HUBSPOT.signed(V1_BODY, V1, (SECRET,), NOW_MS)
    assert HUBSPOT.signed(b"", V2, (SECRET,), NOW_MS)
    assert not HUBSPOT.signed(V1_BODY + b" ", V1, (SECRET,), NOW_MS)
    assert not HUBSPOT.signed(b"", V2 | {":path": "/other"}, (SECRET,), NOW_MS)
    assert not HUBSPOT.signed(V1_BODY, V1, ("", SECRET[:-1]), NOW_MS)


def v3(body=b"{}", time=NOW_MS, url="https://collect.shop.example/webhooks/hubspot/hub?x=a:b", secret=SECRET, **more):
    """Headers of a POST as HubSpot describes v3; the address it signs has the query decoded."""
    mac = hmac.new(secret.encode(), b"POST" + url.encode() + body + str(time).encode(), hashlib.sha256)
    return {"x-hubspot-signature-v3": base64.b64encode(mac.digest()).decode(), "x-hubspot-request-timestamp": str(time),
            "host": "collect.shop.example", ":method": "POST", ":path": "/webhooks/hubspot/hub?x=a%3Ab"} | more  # fmt: skip


PLAIN_V1 = {"x-hubspot-signature": hashlib.sha256(SECRET.encode() + b"{}").hexdigest()}
SIGNATURES = [
    ("v3", v3(), True),
    ("v3, 300 seconds late", v3(time=NOW_MS - 300_000), True),
    ("v3, 301 seconds late", v3(time=NOW_MS - 301_000), False),
    ("v3, 301 seconds early", v3(time=NOW_MS + 301_000), False),
    ("v3 behind a proxy that changes the host", v3(host="127.0.0.1:8400") | {"x-forwarded-host": "collect.shop.example"}, True),
    ("v3 at another address", v3(url="https://collect.shop.example/webhooks/hubspot/other"), False),
    ("v3 of another body", v3(body=b"[]"), False),
    ("v3 with another secret", v3(secret="x"), False),
    ("v3 without its time", {k: v for k, v in v3().items() if k != "x-hubspot-request-timestamp"}, False),
    ("v3 with a time that is no number", v3() | {"x-hubspot-request-timestamp": "\u0661"}, False),
    ("v3 too late beside a right v1: v3 decides", v3(time=NOW_MS - 301_000) | PLAIN_V1, False),
    ("v1 beside a v3 whose address is not known", {k: v for k, v in v3().items() if k != ":path"} | PLAIN_V1, True),
    ("v1 in upper case", {"x-hubspot-signature": PLAIN_V1["x-hubspot-signature"].upper()}, False),
    ("a version of the future", PLAIN_V1 | {"x-hubspot-signature-version": "v4"}, False),
    ("not ASCII", {"x-hubspot-signature": "\u00e9\udcff"}, False),
    ("v2 without an address", {"x-hubspot-signature": "0" * 64, "x-hubspot-signature-version": "v2"}, False),
    ("none", {}, False),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "headers", "fits"), SIGNATURES, ids=[row[0] for row in SIGNATURES])
def test_signatures(claim, headers, fits):
    """v3 decides where it can be checked; every one exactly; nothing raises."""
    assert HUBSPOT.signed(b"{}", headers, ("", "older", SECRET), NOW_MS) is fits


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
KEYS = ["objectId", "vid", "id", "properties", "dealstage", "lifecyclestage", "value", "timestamp", "amount", "pipeline",
        "hs_is_closed", "hs_is_closed_won", "deal_currency_code", "hs_object_id", "meta_lead_id", "contact_email", "isDeleted",
        "subscriptionType", "propertyName", "propertyValue", "occurredAt", "hs_lastmodifieddate"]  # fmt: skip
LEAVES = VALUES | st.sampled_from(
    ["closedwon", "closedlost", "true", "deal.propertyChange", "dealstage", "1790000000000", "9" * 14]
)


@law
@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner,
       max_size=9), max_leaves=40), st.booleans(), st.sampled_from(["", "objectId", "contact_email"]))  # fmt: skip
def test_reading_never_raises(tree, whole, external_id):
    """Any JSON is a reading, a refusal or ignored."""
    if whole and isinstance(tree, dict):
        tree = deal("closedwon") | {"properties": deal("closedwon")["properties"] | tree}
    options = SourceOptions(stages=OPTIONS.stages, fields={**OPTIONS.fields, "external_id": external_id})
    assert isinstance(read(tree, options), (Reading, Refusal, Ignored))


@law
@given(st.dictionaries(st.sampled_from(["x-hubspot-signature", "x-hubspot-signature-v3", "x-hubspot-signature-version", "host",
       "x-hubspot-request-timestamp", ":path", ":method", "x-forwarded-host"]), st.text(max_size=20)))  # fmt: skip
def test_no_header_makes_the_check_raise_or_fit(headers):
    """Random headers are never a signature."""
    assert not HUBSPOT.signed(b"{}", headers, (SECRET,), NOW_MS)
