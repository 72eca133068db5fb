"""An event to Meta's bytes. Expected payloads are written by hand from Meta's pages, never from our output."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from twofold import __version__
from twofold.config import DestinationSettings
from twofold.destinations import DESTINATIONS
from twofold.destinations.contract import Suppressed
from twofold.destinations.meta import META, PARTNER_AGENT
from twofold.event.model import Channel, Consent, Content, CustomData, Event, Hashed, Tier, UserData
from twofold.matching.user_data import RULE_META, RULE_SENT

# Worked examples of "Customer information parameters": normalised text and its hash.
JOHN = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"  # john_smith@gmail.com
PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"  # 16505551212
MARY = "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"  # mary
SMITH = "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"  # smith
BORN = "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"  # 19970216
FEMALE = "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"  # f
MENLO = "0007a3d64c01e23d5075203c5977c14e4f7e01a3fc570686fcc50b5e1dd42685"  # menlopark
CALIFORNIA = "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"  # ca
ZIP = "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7"  # 94025
US = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"  # us


def ours(hex_text: str, rule: str = RULE_META) -> tuple[Hashed, ...]:
    return (Hashed(rule, hex_text),)


def event(**changes: Any) -> Event:
    """A plain website event with one good match key and no money."""
    fields: dict[str, Any] = {
        "dataset": "123",
        "event_name": "ViewContent",
        "event_id": "view-1",
        "event_time": 1790000000,
        "received_at": 1790000000123,
        "channel": Channel.SERVER,
        "sender": "sdk-python",
        "tier": Tier.T2,
        "user_data": UserData(em=ours(JOHN)),
        "custom_data": CustomData(),
    }
    return Event(**{**fields, **changes})


def sent(**more: Any) -> dict[str, Any]:
    """What the plain event becomes."""
    return {
        "event_name": "ViewContent",
        "event_time": 1790000000,
        "event_id": "view-1",
        "action_source": "website",
        "user_data": {"em": [JOHN]},
        **more,
    }


# The minimal example of the events endpoint: order-1001.
EXAMPLE = event(
    event_name="Purchase",
    event_id="order-1001",
    event_source_url="https://shop.example/thanks",
    user_data=UserData(
        em=ours(JOHN),
        client_ip_address="2001:db8::1",
        client_user_agent="Mozilla/5.0",
        fbp="fb.1.1790000000000.1234567890",
    ),
    custom_data=CustomData(
        value=Decimal("42.5"),
        currency="EUR",
        order_id="1001",
        contents=(Content(id="sku1", quantity=2, item_price=Decimal("21.25")),),
    ),
)
EXAMPLE_SENT = {
    "event_name": "Purchase",
    "event_time": 1790000000,
    "action_source": "website",
    "event_id": "order-1001",
    "event_source_url": "https://shop.example/thanks",
    "user_data": {
        "em": [JOHN],
        "client_ip_address": "2001:db8::1",
        "client_user_agent": "Mozilla/5.0",
        "fbp": "fb.1.1790000000000.1234567890",
    },
    "custom_data": {
        "value": Decimal("42.5"),
        "currency": "EUR",
        "order_id": "1001",
        "contents": [{"id": "sku1", "quantity": 2, "item_price": Decimal("21.25")}],
    },
}

CASES: list[tuple[str, Event, dict[str, Any]]] = [
    ("the minimal example", EXAMPLE, EXAMPLE_SENT),
    (
        "every contact field is a list of hashes",
        event(
            user_data=UserData(
                em=ours(JOHN),
                ph=ours(PHONE),
                fn=ours(MARY),
                ln=ours(SMITH),
                db=ours(BORN),
                ge=ours(FEMALE),
                ct=ours(MENLO),
                st=ours(CALIFORNIA),
                zp=ours(ZIP),
                country=ours(US),
                external_id=ours(SMITH),
                fbc="fb.1.1554763741205.AbCdEf",
            )
        ),
        sent(
            user_data={
                "em": [JOHN],
                "ph": [PHONE],
                "fn": [MARY],
                "ln": [SMITH],
                "db": [BORN],
                "ge": [FEMALE],
                "ct": [MENLO],
                "st": [CALIFORNIA],
                "zp": [ZIP],
                "country": [US],
                "external_id": [SMITH],
                "fbc": "fb.1.1554763741205.AbCdEf",
            }
        ),
    ),
    (
        "several values of one key, one hash twice by two rules, in the order they came",
        event(user_data=UserData(em=(*ours(JOHN), *ours(MARY, RULE_SENT), *ours(JOHN, RULE_SENT)))),
        sent(user_data={"em": [JOHN, MARY]}),
    ),
    (
        "a hash made by another platform's rule stays here",
        event(user_data=UserData(em=ours(JOHN), ph=(*ours(PHONE), *ours(MARY, "plus")), ln=ours(SMITH, "plus"))),
        sent(user_data={"em": [JOHN], "ph": [PHONE]}),
    ),
    (
        "documented plain keys and legacy hashed keys pass, others do not",
        event(
            user_data=UserData(
                em=ours(JOHN),
                other={
                    "subscription_id": "sub-1",
                    "lead_id": 123456789012345,
                    "f5first": [MARY],
                    "email": "john_smith@gmail.com",
                    "em": "john_smith@gmail.com",
                },
            )
        ),
        sent(user_data={"em": [JOHN], "subscription_id": "sub-1", "lead_id": 123456789012345, "f5first": [MARY]}),
    ),
    (
        "custom properties go back beside the standard ones and never in their place",
        event(
            custom_data=CustomData(
                value=Decimal("10"),
                currency="eur",
                content_type="product",
                content_ids=("a", "b"),
                num_items=0,
                other={"predicted_ltv": Decimal("99.90"), "colour": "red", "value": 1, "shipping": {"days": 2}},
            )
        ),
        sent(
            custom_data={
                "value": 10,
                "currency": "EUR",
                "content_type": "product",
                "content_ids": ["a", "b"],
                "num_items": 0,
                "predicted_ltv": Decimal("99.90"),
                "colour": "red",
                "shipping": {"days": 2},
            }
        ),
    ),
    (
        "further keys of a line pass",
        event(custom_data=CustomData(contents=(Content(id="s", other={"delivery_category": "in_store"}),))),
        sent(custom_data={"contents": [{"id": "s", "delivery_category": "in_store"}]}),
    ),
    (
        "Limited Data Use in California",
        event(data_processing_options=("LDU",), data_processing_options_country=1, data_processing_options_state=1000),
        sent(data_processing_options=["LDU"], data_processing_options_country=1, data_processing_options_state=1000),
    ),
    (
        "an empty list says that Limited Data Use is off, and zero means: locate it yourself",
        event(data_processing_options=(), data_processing_options_country=0, data_processing_options_state=0),
        sent(data_processing_options=[], data_processing_options_country=0, data_processing_options_state=0),
    ),
    ("opting out", event(opt_out=True), sent(opt_out=True)),
    ("not opting out, said aloud", event(opt_out=False), sent(opt_out=False)),
    (
        "an app event",
        event(
            action_source="app",
            app_data={"advertiser_tracking_enabled": 1, "extinfo": ["a2", "", "1.0"]},
            customer_segmentation="new_customer_to_business",
            referrer_url="https://search.example/",
        ),
        sent(
            action_source="app",
            app_data={"advertiser_tracking_enabled": 1, "extinfo": ["a2", "", "1.0"]},
            customer_segmentation="new_customer_to_business",
            referrer_url="https://search.example/",
        ),
    ),
    (
        "an appended value",
        event(
            event_name="AppendValue",
            original_event_data={"event_name": "Purchase", "event_time": 1789990000, "order_id": "1"},
            attribution_data={"attribution_share": Decimal("0.3")},
            advanced_measurement_table="t",
        ),
        sent(
            event_name="AppendValue",
            original_event_data={"event_name": "Purchase", "event_time": 1789990000, "order_id": "1"},
            attribution_data={"attribution_share": Decimal("0.3")},
            advanced_measurement_table="t",
        ),
    ),
    (
        "a messaging event goes without what Meta refuses there (2804064)",
        event(
            event_name="LeadSubmitted",
            action_source="business_messaging",
            messaging_channel="whatsapp",
            event_source_url="https://shop.example/",
            user_data=UserData(
                client_ip_address="192.0.2.1",
                client_user_agent="Mozilla/5.0",
                fbp="fb.1.1.1",
                fbc="fb.1.1.x",
                other={"whatsapp_business_account_id": "77", "ctwa_clid": "AbC"},
            ),
        ),
        sent(
            event_name="LeadSubmitted",
            action_source="business_messaging",
            messaging_channel="whatsapp",
            user_data={"whatsapp_business_account_id": "77", "ctwa_clid": "AbC"},
        ),
    ),
]


@pytest.mark.parametrize(("given", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_an_event_becomes_what_the_pages_say(given, expected):
    """The bytes of one event are the hand-written payload, numbers exact."""
    payload = META.build(given)

    assert json.loads(payload, parse_float=Decimal) == expected


@pytest.mark.parametrize(
    "amount", ["0", "0.10", "19.999999999999999999", "12345678901234567890.01", "0.0000001", "42.50"]
)
def test_money_leaves_as_it_came(amount):
    """A value is a JSON number that reads back as the same Decimal, digit for digit."""
    given = event(event_name="Purchase", custom_data=CustomData(value=Decimal(amount), currency="EUR"))

    payload = json.loads(META.build(given), parse_float=str, parse_int=str)

    assert Decimal(payload["custom_data"]["value"]) == Decimal(amount)


# All keys that "Server event parameters" documents. Consent, sender, tier, warnings, dataset are not among them.
DOCUMENTED = {
    "event_name", "event_time", "event_id", "action_source", "event_source_url", "referrer_url", "opt_out", "user_data",
    "custom_data", "data_processing_options", "data_processing_options_country", "data_processing_options_state",
    "app_data", "original_event_data", "attribution_data", "customer_segmentation", "messaging_channel",
    "advanced_measurement_table",
}  # fmt: skip


def test_nothing_of_ours_leaves():
    """Whatever else an event carries, only documented keys are sent."""
    given = event(
        consent=Consent.GRANTED,
        id_given=False,
        opt_out=False,
        test_event_code="TEST1",
        warnings=("user_data.em is not a usable value",),
        custom_data=CustomData(order_id="1"),
    )

    assert set(json.loads(META.build(given))) <= DOCUMENTED


def test_contact_data_that_was_not_hashed_is_an_error():
    """A plain e-mail in a contact field stops the build; it does not leave."""
    given = event(user_data=UserData(em=("john_smith@gmail.com",)))

    with pytest.raises(AttributeError):
        META.build(given)


REFUSABLE = [
    ("nobody to match", event(user_data=UserData()), "too_broad"),
    ("a browser alone", event(user_data=UserData(client_user_agent="Mozilla/5.0")), "too_broad"),
    ("a first name and a gender", event(user_data=UserData(fn=ours(MARY), ge=ours(FEMALE))), "too_broad"),
    ("a key by another rule is no key", event(user_data=UserData(em=ours(JOHN, "plus"))), "too_broad"),
    ("a purchase of nothing", event(event_name="Purchase", custom_data=CustomData(currency="EUR")), "missing_value"),
    (
        "a purchase in no money",
        event(event_name="Purchase", custom_data=CustomData(value=Decimal(1))),
        "missing_currency",
    ),
]


@pytest.mark.parametrize(("given", "reason"), [c[1:] for c in REFUSABLE], ids=[c[0] for c in REFUSABLE])
def test_what_meta_would_refuse_is_held_back(given, reason):
    """An event known to sink its batch is suppressed with a reason and never built."""
    assert META.build(given) == Suppressed(reason)


def test_ip_and_user_agent_together_are_enough():
    """The documentation accepts this pair."""
    given = event(user_data=UserData(client_ip_address="192.0.2.1", client_user_agent="Mozilla/5.0"))

    assert isinstance(META.build(given), bytes)


def target(**changes: Any) -> DestinationSettings:
    return msgspec.structs.replace(
        DestinationSettings(
            platform="meta",
            dataset="123",
            remote_dataset="123",
            endpoint="https://graph.facebook.com",
            token="EAAtoken",
            version="v25.0",
        ),
        **changes,
    )


def test_the_request_is_the_documented_envelope():
    """URL, method body and top-level fields are those of the minimal example, with the token in the body."""
    made = META.request([META.build(EXAMPLE)], target(), "TEST12345")

    assert made.url == "https://graph.facebook.com/v25.0/123/events"
    assert json.loads(made.body, parse_float=Decimal) == {
        "data": [EXAMPLE_SENT],
        "test_event_code": "TEST12345",
        "partner_agent": f"twofold-{__version__}",
        "access_token": "EAAtoken",
    }


def test_payloads_travel_byte_for_byte():
    """Frozen bytes are not parsed, ordered or respelled on their way into a request."""
    frozen = [b'{ "b" : 1e3,"a":"\\u00e9"}', '{"a":"é"}'.encode()]

    assert b'{"data":[' + frozen[0] + b"," + frozen[1] + b"]," in META.request(frozen, target(), None).body


def test_an_app_secret_proves_the_token():
    """appsecret_proof is the hex HMAC-SHA256 of the token; the value is openssl's."""
    made = META.request([b"{}"], target(app_secret="app-secret"), None)

    body = json.loads(made.body)
    assert body["appsecret_proof"] == "9f9f0867bc3df2d00cecd6aa6fb78e65b64c050401bd6ec5b84d98503d443d34"
    assert "app-secret" not in made.body.decode()
    assert "test_event_code" not in body


def test_the_url_holds_no_secret_and_no_foreign_path():
    """Whatever the settings hold, token and secret stay out of the URL and an id stays one path segment."""
    made = META.request([b"{}"], target(app_secret="app-secret", remote_dataset="1/../2?x"), None)

    assert made.url == "https://graph.facebook.com/v25.0/1%2F..%2F2%3Fx/events"
    assert not any("EAA" in v for v in made.headers.values())


def test_partner_agent_is_within_its_limit():
    """Under 23 characters and at least two letters."""
    assert len(PARTNER_AGENT) < 23
    assert sum(c.isalpha() for c in PARTNER_AGENT) >= 2


def test_platforms_are_told_apart():
    """Each destination has a name of its own."""
    names = [d.platform for d in DESTINATIONS]

    assert len(set(names)) == len(names)
