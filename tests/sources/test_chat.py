"""Chat sales by our own body, and the clicks that began a chat from Meta's webhooks. Bodies of Meta are made by hand after
its webhook reference pages; allowed names and required ids are those of its business messaging page."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal
from twofold.event.vocabulary import MESSAGING_EVENTS
from twofold.ledger.model import Method, Paid, Parcel, ParcelState, Sale
from twofold.sources.chat import CHAT, CHAT_SOURCE
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.schema import markdown_rows

NOW_S = 1_790_000_100
NOW_MS = NOW_S * 1000
SECRET, APP_SECRET = "a-secret-of-the-chat-tool", "0123456789abcdef0123456789abcdef"
OPTIONS = SourceOptions(shop="chat.example", stages={"referral": "LeadSubmitted", "offer sent": "QualifiedLead"})
PAGE = Path(__file__).parents[2] / "docs" / "chat.md"

CHAT_BODY = {
    "conversation": "c-77",
    "channel": "whatsapp",
    "at": NOW_S - 60,
    "step": "Purchase",
    "whatsapp_business_account_id": "102290129340398",
    "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0N",
    "phone": "+1 650 555 1212",
    "name": "Nino Beridze",
    "country": "GE",
    "order": {"id": "W-9", "amount": "120.00", "currency": "GEL", "status": "placed", "method": "cod",
              "lines": [{"id": "111", "quantity": 2, "price": "60.00"}]},
}  # fmt: skip


def chat(**changes):
    changed = copy.deepcopy(CHAT_BODY) | changes
    return {key: value for key, value in changed.items() if value is not ...}


def read(body, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CHAT_SOURCE.read(raw, {}, options, NOW_MS)


def reading(body, options=OPTIONS) -> Reading:
    result = read(body, options)
    assert isinstance(result, Reading), result
    return result


def accepted(raw: RawEvent) -> Event:
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="chat", tier=Tier.T3, received_at=NOW_MS)
    event = run(raw, origin)
    assert isinstance(event, Event), event
    return event


# -- a chat tool's body


def test_a_chat_sale_is_an_order_for_the_policy_with_its_copy():
    """Cash on delivery in a chat: the ledger learns an unpaid chat order, the copy is Meta's messaging event."""
    found = reading(CHAT_BODY)
    assert (found.kind, found.events, found.notes) == ("chat order", (), ())
    order = found.order
    assert (order.order_id, order.kind, order.aliases) == ("W-9", "placed", ("conversation:c-77",))
    assert (order.snapshot.sale, order.snapshot.method, order.snapshot.paid) == (Sale.CHAT, Method.COD, None)
    assert (order.snapshot.shop.total, order.snapshot.shop.currency) == (Decimal("120.00"), "GEL")
    assert order.snapshot.placed_at == NOW_S - 60
    event = accepted(found.copy)
    assert (event.event_name, event.action_source, event.messaging_channel) == (
        "Purchase", "business_messaging", "whatsapp",
    )  # fmt: skip
    assert event.event_id == "purchase.chat.example.W-9"
    assert event.user_data.other == {
        "whatsapp_business_account_id": "102290129340398",
        "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0N",
    }
    # Meta's documented worked example for this number
    assert event.user_data.ph[0].hex == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert (event.custom_data.value, event.custom_data.order_id, event.custom_data.num_items) == (
        Decimal(120),
        "W-9",
        2,
    )
    assert event.event_source_url is None


STATUSES = [
    ("placed", {"confirmed": None, "paid": None}, ()),
    ("confirmed", {"confirmed": True, "paid": None}, ()),
    ("paid", {"confirmed": True, "paid": Paid.PAID}, ()),
    ("shipped", {"confirmed": True}, (ParcelState.IN_TRANSIT,)),
    ("delivered", {"delivered_at": NOW_S - 60}, (ParcelState.DELIVERED,)),
    ("returned", {"cancelled_at": None, "paid": None}, (ParcelState.RETURNED,)),
    ("cancelled", {"cancelled_at": NOW_S - 60, "confirmed": None}, ()),
    ("canceled", {"cancelled_at": NOW_S - 60}, ()),
]


@pytest.mark.parametrize(("status", "snapshot", "parcels"), STATUSES, ids=[row[0] for row in STATUSES])
def test_statuses_of_a_chat_order(status, snapshot, parcels):
    """Each word means its state; what a courier does stands as the order's one parcel."""
    order = reading(chat(step=..., order=CHAT_BODY["order"] | {"status": status})).order
    assert {name: getattr(order.snapshot, name) for name in snapshot} == snapshot
    assert order.parcels == tuple(Parcel(id="W-9", state=state, at=NOW_S - 60) for state in parcels)


@pytest.mark.parametrize("name", sorted(MESSAGING_EVENTS - {"Purchase"}))
def test_every_step_that_meta_allows_is_sent_once_for_its_chat_or_order(name):
    """An Order… step has one id for its order, every other one for its conversation; the steps accept it."""
    found = reading(chat(step=name))
    event = accepted(found.events[0])
    assert (event.event_name, event.action_source) == (name, "business_messaging")
    assert event.event_id == f"{name}.chat.{'W-9' if name.startswith('Order') else 'c-77'}"
    assert event.event_time == NOW_S - 60
    assert found.order.order_id == "W-9"


def test_the_operators_own_word_for_a_step():
    """`stages` maps it; without an order it is an event alone."""
    found = reading(chat(step="offer sent", order=...))
    assert (found.kind, found.order, found.copy) == ("chat step", None, None)
    assert found.events[0].event_name == "QualifiedLead"


REFUSED = [
    ("Lead, which Meta refuses in chats", chat(step="Lead"), "step", "LeadSubmitted"),
    ("a word of nobody's", chat(step="offer"), "step", "QualifiedLead"),
    ("neither step nor order", chat(step=..., order=...), "step", "an order"),
    ("a Purchase without its order", chat(order=...), "order", "the order"),
    ("a channel of somebody else's", chat(channel="telegram"), "channel", "whatsapp"),
    ("no time", chat(at=...), "at", "Unix seconds"),
    ("an amount with its sign", chat(order=CHAT_BODY["order"] | {"amount": "₾120"}), "order.amount", "decimal"),
    ("no status", chat(order={"id": "1", "amount": 1, "currency": "GEL"}), "order.status", "placed"),
    ("not JSON", b"conversation=1", "", "JSON"),
    ("a list", b"[]", "", "an object"),
]


@pytest.mark.parametrize(("claim", "body", "path", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_wrong_is_named_with_its_path(claim, body, path, expected):
    """The refusal names the field and what was expected, a step's with the whole list."""
    refusal = read(body)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.path == path
    assert expected in refusal.expected
    assert refusal.got


PRIVATE = [
    ("a phone number", "+995 555 12 34 56", "995555123456"),
    ("the same number written otherwise", "995555123456", "995555123456"),
    ("an e-mail address", "Nino@Example.com", "nino@example.com"),
]


@pytest.mark.parametrize(("claim", "conversation", "hidden"), PRIVATE, ids=[row[0] for row in PRIVATE])
def test_a_conversation_that_is_contact_data_is_kept_as_a_digest(claim, conversation, hidden):
    """Neither the report nor the link names it; equal conversations have equal names."""
    found = reading(chat(conversation=conversation))
    expected = f"conversation:tf-{hashlib.blake2b(hidden.encode(), digest_size=16).hexdigest()}"
    assert found.order.aliases == (expected,)
    assert found.copy.links == [expected]


def test_a_page_scoped_id_is_no_phone_number():
    """17 digits cannot be one, so the conversation keeps its name."""
    assert reading(chat(conversation="24027894136894061")).copy.links == ["conversation:24027894136894061"]


def test_a_whatsapp_chat_that_no_ad_began_is_still_a_sale():
    """Without ctwa_clid Meta refuses business_messaging, so it is told as chat, with a note."""
    found = reading(chat(ctwa_clid=...))
    event = accepted(found.copy)
    assert (event.action_source, event.messaging_channel) == ("chat", None)
    assert event.user_data.ph
    assert found.notes == (
        "whatsapp without ctwa_clid: sent with action_source chat, matched by contact data",
    )  # fmt: skip


# -- Meta's own webhooks

WAMID = "wamid.HBgLMTY1MDU1NTEyMTIVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="


def whatsapp(referral={"source_type": "ad", "source_id": "120226305854810726", "ctwa_clid": "Aff-x"}, **message):  # noqa: B006
    message = {"from": "16505551212", "id": WAMID, "timestamp": "1790000000", "type": "text",
               "text": {"body": "I want the mug"}} | ({"referral": referral} if referral else {}) | message  # fmt: skip
    value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550783881", "phone_number_id": "1"},
             "contacts": [{"profile": {"name": "Nino"}, "wa_id": "16505551212"}], "messages": [message]}  # fmt: skip
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}]}  # fmt: skip


AD = {"ref": "summer", "ad_id": "6045246247433", "source": "ADS", "type": "OPEN_THREAD"}


def messenger(part, object="page"):
    item = {"sender": {"id": "24027894136894061"}, "recipient": {"id": "682498302938465"},
            "timestamp": 1_790_000_000_478} | part  # fmt: skip
    return {"object": object, "entry": [{"id": "682498302938465", "time": 1_790_000_000_500, "messaging": [item]}]}


CLICKS = [
    ("a WhatsApp message from an ad", whatsapp(), "business_messaging",
     {"whatsapp_business_account_id": "102290129340398", "ctwa_clid": "Aff-x"}),
    ("a WhatsApp message from a Status ad, which has no click id", whatsapp({"source_type": "ad"}), "chat", {}),
    ("Messenger, a thread that was there", messenger({"referral": AD}), "business_messaging",
     {"page_id": "682498302938465", "page_scoped_user_id": "24027894136894061"}),
    ("Messenger, a new thread", messenger({"postback": {"mid": "m_1", "referral": AD}}), "business_messaging",
     {"page_id": "682498302938465", "page_scoped_user_id": "24027894136894061"}),
    ("Instagram, in its first message", messenger({"message": {"mid": "m_2", "text": "hi", "referral": AD}}, "instagram"),
     "business_messaging", {"ig_account_id": "682498302938465", "ig_sid": "24027894136894061"}),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "body", "source", "ids"), CLICKS, ids=[row[0] for row in CLICKS])
def test_a_click_that_began_a_chat_is_the_event_of_the_stage_referral(claim, body, source, ids):
    """It carries the channel's ids, the time of the message, and nothing of what was said."""
    found = reading(body)
    assert (found.kind, found.order, found.copy) == ("chat referral", None, None)
    (raw,) = found.events
    event = accepted(raw)
    assert (event.event_name, event.event_time, event.action_source) == ("LeadSubmitted", 1_790_000_000, source)
    assert event.user_data.other == ids
    for secret in ("16505551212", "wamid", "mug", "Nino", "HBgL"):
        assert secret not in f"{raw.event_id} {raw.links} {raw.custom_data}"


def test_the_same_click_told_again_is_the_same_event():
    """Meta delivers again until it is answered; the id comes from the message."""
    first, again, other = (reading(body).events[0] for body in (whatsapp(), whatsapp(), whatsapp(id="wamid.other")))
    assert first.event_id == again.event_id != other.event_id


def test_the_click_and_the_sale_have_one_conversation():
    """The phone number ties Meta's webhook to a chat tool that names its conversations by it."""
    click = reading(whatsapp()).events[0]
    assert click.links == reading(chat(conversation="+1 650 555 1212")).copy.links


NOTHING = [
    ("a message without an ad", whatsapp(None), OPTIONS, "chat message"),
    ("another product of Meta's", {"object": "user", "entry": []}, OPTIONS, "chat message"),
    ("parts of other shapes", {"object": "page", "entry": [1, {"messaging": [2, {"sender": 3, "referral": AD}]}]}, OPTIONS,
     "chat message"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "body", "options", "kind"), NOTHING, ids=[row[0] for row in NOTHING])
def test_what_says_nothing_is_ignored_with_a_reason(claim, body, options, kind):
    """Meta's webhooks are answered with success, or it would stop sending."""
    result = read(body, options)
    assert isinstance(result, Ignored), result
    assert result.kind == kind
    assert result.reason


KEPT = [
    ("a link with a ref", messenger({"referral": {"ref": "spring", "source": "SHORTLINK"}}), OPTIONS,
     ("messenger", "", "spring", ""), "page_scoped_user_id"),
    ("an ad, but no stage", messenger({"referral": AD}), SourceOptions(shop="x"),
     ("messenger", str(AD.get("ad_id", "")), AD.get("ref", ""), ""), "page_scoped_user_id"),
    ("a click, but no stage", whatsapp(), SourceOptions(shop="x"), ("whatsapp", None, None, "ctwa_clid"), "ctwa_clid"),
    ("a stage that no chat can have", whatsapp(), SourceOptions(shop="x", stages={"referral": "Lead"}),
     ("whatsapp", None, None, "ctwa_clid"), "ctwa_clid"),
    ("a click is no Purchase", whatsapp(), SourceOptions(shop="x", stages={"referral": "Purchase"}),
     ("whatsapp", None, None, "ctwa_clid"), "ctwa_clid"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "body", "options", "touch", "kind"), KEPT, ids=[k[0] for k in KEPT])
def test_the_start_of_a_chat_is_kept_in_every_case(claim, body, options, touch, kind):
    """As a touch, under the conversation and Meta's own id of the person or the click; no event where no stage asks for one."""
    result = read(body, options)
    assert isinstance(result, Reading), result
    assert (result.kind, result.events) == ("chat referral", ())
    ((ids, found),) = result.signs
    assert [k for k, _ in ids] == ["conversation", kind]
    source, ad, ref, click = touch
    assert (found.kind, found.source, found.click) == ("chat", source, click)
    assert ad is None or found.ad_id == ad
    assert ref is None or found.content == ref


# -- signatures

BODY = b'{"object":"page"}'
META = hmac.new(APP_SECRET.encode(), BODY, hashlib.sha256).hexdigest()
OURS = f"t={NOW_S},v1={hmac.new(SECRET.encode(), f'{NOW_S}.'.encode() + BODY, hashlib.sha256).hexdigest()}"

SIGNATURES = [
    ("Meta's", {"x-hub-signature-256": f"sha256={META}"}, True),
    ("Meta's without its scheme", {"x-hub-signature-256": META}, False),
    ("Meta's older scheme", {"x-hub-signature-256": f"sha1={META}"}, False),
    ("Meta's in upper case", {"x-hub-signature-256": f"sha256={META.upper()}"}, False),
    ("Meta's with another secret", {"x-hub-signature-256": "sha256=" + "0" * 64}, False),
    ("an empty one of Meta's beside ours", {"x-hub-signature-256": "", "x-twofold-signature": OURS}, False),
    ("ours", {"x-twofold-signature": OURS}, True),
    ("ours, late", {"x-twofold-signature": OURS.replace(str(NOW_S), str(NOW_S - 400))}, False),
    ("none", {}, False),
]


@pytest.mark.parametrize(("claim", "headers", "fits"), SIGNATURES, ids=[row[0] for row in SIGNATURES])
def test_signatures(claim, headers, fits):
    """Meta's header by the app secret, ours by ours, each exactly."""
    assert CHAT_SOURCE.signed(BODY, headers, (SECRET, APP_SECRET), NOW_MS) is fits
    assert not CHAT_SOURCE.signed(BODY, headers, ("",), NOW_MS)


KEYS = [*CHAT_BODY, *CHAT_BODY["order"], "object", "entry", "changes", "value", "messages", "referral", "from", "id",
        "timestamp", "messaging", "sender", "message", "postback", "mid", "ad_id", "ctwa_clid"]  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(
    ["page", "instagram", "whatsapp_business_account", "1790000000", NOW_S, "GEL", "Purchase", "\u0663", "placed"]
)  # fmt: skip


@law
@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner,
       max_size=8), max_leaves=40), st.sampled_from([CHAT_BODY, whatsapp(), messenger({"referral": AD}), {}]))  # fmt: skip
def test_reading_never_raises(tree, whole):
    """Any JSON is a reading, a refusal or ignored."""
    assert isinstance(read(whole | tree if isinstance(tree, dict) else tree), (Reading, Refusal, Ignored))


def test_refusals_of_steps_have_metas_reason():
    """The step's refusal is the one the collector gives for a messaging event."""
    assert read(chat(step="Lead")).reason is DropReason.INVALID_MESSAGING


def test_the_page_has_every_field_and_every_step():
    """docs/chat.md shows the table as the code reads it, and all names that Meta allows."""
    page = PAGE.read_text(encoding="utf-8")
    rows = [line for line in page.partition("## Every field")[2].splitlines() if line.startswith("| `")]
    assert rows == markdown_rows(CHAT)
    assert all(f"`{name}`" in page for name in MESSAGING_EVENTS)


def test_the_pages_example_is_accepted_without_a_note():
    """The body that the page shows first is a whole sale."""
    example = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    found = reading(json.loads(example))
    assert found.notes == ()
    assert found.copy.action_source == "business_messaging"


def test_money_that_no_list_knows_is_a_fact_of_the_chats_order():
    """Kept as an order's; see `test_unknown_currency` for what becomes of it."""
    body = chat()
    body["order"] = body["order"] | {"currency": "lari"}
    assert reading(body).order.snapshot.shop.currency == "XXX"
