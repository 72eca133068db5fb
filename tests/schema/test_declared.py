"""What events may say: the document by a judge of its own, what is declared, counted, refused, and what leaves for no platform.

The judge of the document is a validator of JSON Schema 2020-12 that shares nothing with it. Expected values are the words of
docs/schema.md.
"""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec import json
from msgspec.structs import replace

from twofold.collect.doors.decode import read_json
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run_fields
from twofold.config import settings_from
from twofold.destinations import DESTINATIONS
from twofold.destinations.contract import Suppressed
from twofold.destinations.terms import builder_of, terms_of
from twofold.event.model import Channel, Content, CustomData, Event, Tier, UserData
from twofold.event.refusal import DropReason, Refusal
from twofold.policies import declared_in
from twofold.schema.document import describe_event
from twofold.schema.watch import MOST_NAMES, MOST_OF_STRANGERS, SchemaWatch, decode_seen, encode_seen, undeclared_of

NOW_S = 1_790_000_000
DAY_MS = 86_400_000
TREE: dict[str, Any] = {
    "dataset": [{"id": "1"}],
    "schema": {
        "undeclared": "refuse",
        "event": [
            {"name": "QuoteAsked", "owner": "growth", "purpose": "quotes per campaign",
             "properties": {"plan": {"type": "text"}, "seats": {"type": "number", "owner": "sales"}}},
            {"name": "*", "owner": "growth", "purpose": "tests", "properties": {"diagnosis": {"type": "text", "sensitivity": "sensitive"}}},
        ],
    },
}  # fmt: skip
DECLARED = declared_in(settings_from(TREE, environ={}))
COUNTS = replace(DECLARED, refuse=False)


def sent(name: str = "Lead", **custom: Any) -> dict[str, Any]:
    return {"event_name": name, "event_time": NOW_S, "event_id": "e", "action_source": "website",
            "user_data": {"em": "a@shop.example"}, "custom_data": custom}  # fmt: skip


def through(watch: SchemaWatch, fields: dict[str, Any], tier: Tier = Tier.T2, now_s: int = NOW_S) -> Event | Refusal:
    channel = Channel.BROWSER if tier is Tier.T0 else Channel.SERVER
    origin = Origin(dataset="1", channel=channel, sender="api", tier=tier, received_at=now_s * 1000,
                    policy=DatasetPolicy(id="1", schema=watch))  # fmt: skip
    return run_fields(read_json(json.encode(fields | {"event_time": now_s})), origin)[0]


# -- the document

FITS = [
    sent(),
    sent(
        "Purchase", value=1.5, currency="EUR", order_id=7, contents=[{"id": "a", "quantity": 1, "item_price": "2.50"}]
    ),
    sent("QuoteAsked", plan="small", seats=3),
    sent("QuoteAsked", anything=[1]),
    sent(diagnosis="x")
    | {"consent": {"marketing": True}, "links": ["cart:5f"], "region": "US-CA", "click_ids": {"gclid": "x"}},
]
DOES_NOT = [
    (sent() | {"event_name": "Undeclared"}, "event_name"),
    (sent("Purchase", value=1), "custom_data"),
    (sent("Purchase", value=-1, currency="EUR"), "custom_data/value"),
    (sent("QuoteAsked", seats="three"), "custom_data/seats"),
    (sent(diagnosis=1), "custom_data/diagnosis"),
    (sent() | {"action_source": "moon"}, "action_source"),
    (sent() | {"event_time": "now"}, "event_time"),
]  # fmt: skip


def test_the_document_is_json_schema_and_its_judge_agrees() -> None:
    """It is one of the dialect that it names; what fits and what does not is judged by a library."""
    document = describe_event(DECLARED)
    jsonschema_rs.meta.validate(document)
    judge = jsonschema_rs.Draft202012Validator(document)
    for event in FITS:
        assert [str(e.message) for e in judge.iter_errors(event)] == []
    for event, where in DOES_NOT:
        assert where in {"/".join(map(str, e.instance_path)) for e in judge.iter_errors(event)}, event


def test_who_answers_for_what_stands_in_the_document() -> None:
    """Owner and purpose of the event, and of a property its own or the event's."""
    (_, quote) = describe_event(DECLARED)["allOf"]
    properties = quote["then"]["properties"]["custom_data"]["properties"]
    assert (quote["x-owner"], quote["x-purpose"]) == ("growth", "quotes per campaign")
    assert properties["plan"] == {
        "type": "string",
        "x-owner": "growth",
        "x-purpose": "quotes per campaign",
        "x-sensitivity": "open",
    }
    assert properties["seats"]["x-owner"] == "sales"


def test_what_is_documented_needs_no_declaration() -> None:
    """Without any, every event of the document passes the steps, and nothing is counted as undeclared."""
    watch = SchemaWatch(declared_in(settings_from({}, environ={})))
    for name in describe_event(watch.declared)["x-events"]:
        event = through(watch, sent(name, value=1, currency="EUR", content_name="x"))
        assert isinstance(event, Event), event
    assert undeclared_of({"1": watch.seen}) == []


# -- counted, refused


def test_what_is_undeclared_is_counted_by_type_and_nothing_else_is() -> None:
    """Of strangers apart; no value is kept."""
    watch = SchemaWatch(COUNTS)
    through(watch, sent("QuoteAsked", plan="small", colour="secret-red"))
    through(watch, sent("QuoteAsked", colour=7), Tier.T0)
    through(watch, sent("MadeUp"))
    found = {
        (r["event_name"], r["property"]): (r["events"], r["of_strangers"], r["types"])
        for r in undeclared_of({"1": watch.seen})
    }
    assert found == {("QuoteAsked", "colour"): (2, 1, {"text": 1, "number": 1}), ("MadeUp", ""): (1, 0, {})}
    assert "secret-red" not in encode_seen({"1": watch})


def test_an_undeclared_event_is_refused_and_an_undeclared_property_left_out() -> None:
    """The event goes on without it, with a warning, also where a declared one is of another type."""
    watch = SchemaWatch(DECLARED)
    refused = through(watch, sent("MadeUp"))
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.path, refused.got) == (DropReason.UNDECLARED_EVENT, "event_name", "MadeUp")
    event = through(watch, sent("QuoteAsked", plan="small", seats="three", colour="red", status="ok"))
    assert isinstance(event, Event)
    assert event.custom_data.other == {"plan": "small", "status": "ok"}
    assert event.warnings == (
        "custom_data.seats is text and declared as number; left out", "custom_data.colour is not declared; left out",
    )  # fmt: skip
    assert [r["events"] for r in undeclared_of({"1": watch.seen})] == [1, 1]


def test_strangers_fill_no_memory_and_crowd_nobody_out() -> None:
    """Names that a browser makes up get so much room; a server's name finds room all the same."""
    watch = SchemaWatch(COUNTS)
    for n in range(MOST_OF_STRANGERS + 50):
        through(watch, sent("Lead", **{f"made_up_{n}": n}), Tier.T0)
    through(watch, sent("Lead", mine=1))
    assert (len(watch.seen.names), watch.seen.no_room) == (MOST_OF_STRANGERS + 1, 50)
    for n in range(MOST_NAMES + 10):
        through(watch, sent("Lead", **{f"own_{n}": n}))
    assert len(watch.seen.names) == MOST_OF_STRANGERS + MOST_NAMES
    assert len(encode_seen({"1": watch})) < 100_000


def test_counting_goes_on_after_a_start() -> None:
    """What was kept and what came meanwhile is one; what cannot be read is nothing."""
    before, after = SchemaWatch(COUNTS), SchemaWatch(COUNTS)
    through(before, sent("MadeUp"))
    through(after, sent("MadeUp"), Tier.T0, NOW_S + 86_400)
    after.restore(decode_seen(encode_seen({"1": before}))["1"])
    (row,) = undeclared_of({"1": after.seen})
    assert (row["events"], row["of_strangers"], row["first_at"], row["last_at"]) == (2, 1, NOW_S, NOW_S + 86_400)
    assert decode_seen("{broken") == {}


# -- what leaves for no platform


@pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda d: d.platform)
def test_what_is_declared_sensitive_leaves_for_no_platform(destination: Any) -> None:
    """Of the event and of its goods, under every platform's builder; the rest leaves as before."""
    settings = settings_from({
        "dataset": [{"id": "1"}],
        "destination": [{"platform": destination.platform, "dataset": "1", "endpoint": "http://h.example", "token": "t",
                         "events": {"Purchase": "9"} if destination.needs_names else {},
                         "options": {n: "whsec_" + "aW52ZW50ZWQtc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmc=" if o.pattern.startswith("whsec") else "1" * 20
                                     for n, o in destination.options.items() if o.required}}],
    }, environ={}).destination[0]  # fmt: skip
    told = "x77-of-nobodys-business"
    event = Event(
        dataset="1", event_name="Purchase", event_id="e", event_time=NOW_S, received_at=NOW_S * 1000, channel=Channel.SERVER,
        sender="api", tier=Tier.T2, event_source_url="https://shop.example/", region="US",
        click_ids=dict.fromkeys(("gclid", "_ga", "ttclid", "msclkid", "twclid", "li_fat_id", "epik", "ScCid", "rdt_cid", "_scid"), "1.1.1"),
        user_data=UserData(fbp="fb.1.1.1", client_ip_address="203.0.113.9", client_user_agent="Mozilla/5.0 (X11)"),
        custom_data=CustomData(value=Decimal(1), currency="EUR", order_id="o", other={"diagnosis": told, "content_name": told[:-1]},
                               contents=(Content(id="a", quantity=1, item_price=Decimal(1), other={"diagnosis": told}),)),
    )  # fmt: skip
    made = builder_of(destination, terms_of(destination, settings, DECLARED.withheld()))(event)
    if destination.platform == "meta":  # of which it is known that it would leave
        assert told.encode() in builder_of(destination, terms_of(destination, settings))(event)
        assert not isinstance(made, Suppressed)
    assert isinstance(made, Suppressed) or told.encode() not in made


# -- the command


def test_the_command_prints_the_document(tmp_path: Path) -> None:
    """With what the configuration declares."""
    config = tmp_path / "twofold.toml"
    config.write_text(
        '[server]\ndata = "data"\n[[schema.event]]\nname = "QuoteAsked"\nowner = "growth"\npurpose = "quotes"\n'
        '[schema.event.properties.seats]\ntype = "number"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "twofold", "schema", "--config", str(config)], capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    judge = jsonschema_rs.Draft202012Validator(json.decode(done.stdout))
    assert judge.is_valid(sent("QuoteAsked", seats=3))
    assert not judge.is_valid(sent("QuoteAsked", seats="three"))
