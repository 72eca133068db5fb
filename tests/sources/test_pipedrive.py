"""Pipedrive's webhooks of both versions: the credentials they present, and what a change of a deal comes to. Bodies are made
by hand after captured ones and Pipedrive's guides."""

from __future__ import annotations

import base64
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
from twofold.sources.crm.pipedrive import PIPEDRIVE

NOW_MS = 1_790_000_100_000
EMAIL, PHONE, LEAD = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3", "a" * 40, "b" * 40
OPTIONS = SourceOptions(
    shop="pipe",
    stages={"2": "Qualified", "won": "Purchase", "lost": "Lost"},
    fields={"em": EMAIL, "ph": PHONE, "lead_id": LEAD},
)
CUSTOM = {EMAIL: "john_smith@gmail.com", PHONE: "+1 650 555 1212", LEAD: 123456789012345}
DEAL = {"id": 8, "title": "Sample Org deal", "status": "open", "stage_id": 2, "value": 100, "currency": "EUR", "person_id": 8,
        "lost_reason": None, "probability": None, "pipeline_id": 1}  # fmt: skip


def v1(deal=None, before=None, action="updated"):
    """Custom fields beside the others; UTC times without an offset; `previous` is the whole deal as it was."""
    current = DEAL | CUSTOM | {"add_time": "2026-09-20 10:00:00", "update_time": "2026-09-21 14:13:25",
                               "stage_change_time": "2026-09-21 14:13:20", "won_time": None, "lost_time": None} | (deal or {})  # fmt: skip
    previous = current | {"stage_id": 1, "status": "open"} | (before or {}) if action == "updated" else None
    return {"v": 1, "meta": {"action": action, "object": "deal", "id": 8, "timestamp": 1_790_000_005, "v": 1},
            "current": current, "previous": previous, "event": f"{action}.deal", "retry": 0}  # fmt: skip


def v2(deal=None, before=None, action="change"):
    """Custom fields in an object of their own; ISO times; `previous` holds the changed fields only."""
    custom = {key: {"type": "varchar", "value": value} for key, value in CUSTOM.items()}
    data = DEAL | {"custom_fields": custom, "add_time": "2026-09-20T10:00:00Z", "update_time": "2026-09-21T14:13:25Z",
                   "stage_change_time": "2026-09-21T14:13:20Z", "won_time": None, "lost_time": None} | (deal or {})  # fmt: skip
    meta = {"action": action, "entity": "deal", "entity_id": "8", "timestamp": "2026-09-21T14:13:25.724Z", "version": "2.0",
            "attempt": 1}  # fmt: skip
    return {"data": data, "previous": {"stage_id": 1} if before is None else before, "meta": meta}


def read(body, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PIPEDRIVE.read(raw, {}, options, NOW_MS)


def reading(body, options=OPTIONS) -> Reading:
    result = read(body, options)
    assert isinstance(result, Reading), result
    return result


def accepted(raw: RawEvent) -> Event:
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="pipedrive", tier=Tier.T3, received_at=NOW_MS)
    event = run(raw, origin)
    assert isinstance(event, Event), event
    return event


MOVED = [("version 1", v1()), ("version 2", v2())]


@pytest.mark.parametrize(("claim", "body"), MOVED, ids=[row[0] for row in MOVED])
def test_a_deal_that_moved_is_an_event_of_the_funnel(claim, body):
    """Both versions of one change come to the same event, with the deal's custom fields as match keys."""
    (raw,) = reading(body).events
    event = accepted(raw)
    assert (event.event_name, event.event_id, event.event_time) == ("Qualified", "Qualified.pipedrive.8", 1_790_000_000)
    assert event.action_source == "system_generated"
    assert event.custom_data.other == {"event_source": "crm", "lead_event_source": "Pipedrive"}
    assert event.user_data.other == {"lead_id": 123456789012345}
    # Meta's documented worked examples
    assert event.user_data.em[0].hex == "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert event.user_data.ph[0].hex == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


WON_1 = {"status": "won", "stage_id": 3, "won_time": "2026-09-21 14:13:20", "value": 1200.50}
WON_2 = {"status": "won", "stage_id": 3, "won_time": "2026-09-21T14:13:20Z", "value": 1200.50}
WON = [("version 1", v1(WON_1, {"stage_id": 3})), ("version 2", v2(WON_2, {"status": "open", "won_time": None}))]


@pytest.mark.parametrize(("claim", "body"), WON, ids=[row[0] for row in WON])
def test_a_won_deal_is_a_paid_order_with_its_purchase(claim, body):
    """Amount and currency of the deal; no further event beside it."""
    found = reading(body)
    assert (found.kind, found.events) == ("deal won", ())
    order = found.order
    assert (order.order_id, order.at, order.snapshot.sale, order.snapshot.paid) == (
        "pipedrive-8", 1_790_000_000, Sale.CRM, Paid.PAID,
    )  # fmt: skip
    assert order.snapshot.shop == Amounts(currency="EUR", total=Decimal("1200.5"))
    assert order.snapshot.version in (1_790_000_005_000, 1_790_000_005_724)
    event = accepted(found.copy)
    assert (event.event_name, event.event_id, event.custom_data.value) == (
        "Purchase", "Purchase.pipedrive.8", Decimal("1200.5"),
    )  # fmt: skip


def test_an_edit_of_a_won_deal_is_a_new_state_of_its_order_under_the_same_purchase():
    """The amount may be corrected after the deal was won."""
    first, edit = reading(WON[1][1]), reading(v2(WON_2 | {"value": 900}, {"value": 1200.5}))
    assert edit.order.snapshot.shop.total == Decimal(900)
    assert edit.copy.event_id == first.copy.event_id
    assert edit.events == ()


LOST = [
    ("lost", v2({"status": "lost", "lost_time": "2026-09-21T14:13:20Z", "lost_reason": "price"}, {"status": "open"}), "price", ["Lost"]),
    ("won, then opened again", v2({"status": "open"}, {"status": "won"}), "reopened", []),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "body", "reason", "events"), LOST, ids=[row[0] for row in LOST])
def test_a_sale_that_is_none_any_more_is_cancelled(claim, body, reason, events):
    """The order is cancelled with its reason; there is no Purchase."""
    found = reading(body)
    assert (found.kind, found.copy) == ("deal lost", None)
    assert (found.order.kind, found.order.snapshot.cancel_reason) == ("cancelled", reason)
    assert found.order.snapshot.cancelled_at == 1_790_000_000
    assert [raw.event_name for raw in found.events] == events


def test_a_new_deal_is_in_its_first_stage_since_it_was_added():
    """It has no time of change yet."""
    for body in (v1({"stage_change_time": None}, action="added"), v2({"stage_change_time": None}, action="create")):
        (raw,) = reading(body).events
        assert (raw.event_name, raw.event_time) == ("Qualified", 1_789_898_400)  # 2026-09-20 10:00:00 UTC


def test_a_won_deal_without_an_amount_is_refused():
    """A Purchase has no default amount."""
    refusal = read(v2(WON_2 | {"value": None}, {"status": "open"}))
    assert (refusal.path, refusal.reason) == ("value", DropReason.MISSING_VALUE)


NOTHING = [
    ("an edit without a move", v2(before={"title": "x"})),
    ("an edit without a move, version 1", v1(before={"stage_id": 2})),
    ("a stage that is not named", v2({"stage_id": 9})),
    ("a deleted deal", v2(action="delete") | {"data": None}),
    ("a merged deal", v1(action="merged")),
    ("a person", {"meta": {"action": "change", "entity": "person"}, "data": {"id": 1}}),
]


@pytest.mark.parametrize(("claim", "body"), NOTHING, ids=[row[0] for row in NOTHING])
def test_what_says_nothing_is_ignored_with_a_reason(claim, body):
    """It is no fault of anybody's, so it is answered with success."""
    result = read(body)
    assert isinstance(result, Ignored), result
    assert result.reason


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", {"meta": 1}, {"meta": {"entity": "deal", "action": "change"}}])
def test_what_is_no_webhook_of_pipedrives_is_refused(body):
    """The refusal names the part that is missing."""
    assert isinstance(read(body), Refusal)


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


SIGNATURES = [
    ("the credentials", basic("twofold:long-enough-password"), True),
    ("the older ones", basic("twofold:the-older-password"), True),
    ("a password with a colon", basic("twofold:a:b"), True),
    (
        "another spelling of the scheme",
        {"authorization": basic("twofold:a:b")["authorization"].replace("Basic", "basic")},
        True,
    ),
    ("another scheme", {"authorization": basic("twofold:a:b")["authorization"].replace("Basic", "Bearer")}, False),
    ("another password", basic("twofold:long-enough-passwort"), False),
    ("no user", basic(":long-enough-password"), False),
    ("an empty password", basic("twofold:"), False),
    ("without padding", {"authorization": basic("twofold:a:b")["authorization"].rstrip("=")}, False),
    ("in the clear", {"authorization": "Basic twofold:a:b"}, False),
    ("two spaces", {"authorization": basic("twofold:a:b")["authorization"].replace(" ", "  ")}, False),
    ("not ASCII", {"authorization": "Basic \u00e9\udcff"}, False),
    ("none", {}, False),
]


@pytest.mark.parametrize(("claim", "headers", "fits"), SIGNATURES, ids=[row[0] for row in SIGNATURES])
def test_credentials(claim, headers, fits):
    """Exactly the configured user and password, one spelling; a secret without both parts never fits."""
    secrets = (
        "",
        "twofold:long-enough-password",
        "twofold:the-older-password",
        "twofold:a:b",
        ":long-enough-password",
        "twofold:",
    )
    assert PIPEDRIVE.signed(b"{}", headers, secrets, NOW_MS) is fits


KEYS = [*DEAL, "meta", "data", "current", "previous", "custom_fields", EMAIL, "action", "entity", "object", "timestamp", "value",
        "won_time", "stage_change_time", "add_time", "entity_id"]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
WORDS = st.sampled_from(
    ["won", "lost", "open", "change", "updated", "deal", "2026-09-21 14:13:20", "0000-00-00 00:00:00", "2"]
)


@law
@given(st.recursive(LEAVES | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner,
       max_size=8), max_leaves=40), st.booleans())  # fmt: skip
def test_reading_never_raises(tree, whole):
    """Any JSON is a reading, a refusal or ignored."""
    if whole and isinstance(tree, dict):
        tree = v2(WON_2, {"status": "open"}) | {"data": DEAL | tree}
    assert isinstance(read(tree), (Reading, Refusal, Ignored))
