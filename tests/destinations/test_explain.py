"""`twofold destinations --explain`: what is said to leave leaves, and what stays has its reason; no contact data in the clear."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from platform_fixtures import cases, event_for, settings_for

from tests.command_line import invoke
from twofold.destinations import BY_PLATFORM
from twofold.destinations.explain import BESIDE, MEANING, NO_PLACE, OTHER_RULE, explain, parts_of
from twofold.destinations.terms import builder_of, terms_of
from twofold.event.model import Hashed

CASES = [(p, n, c) for p, n, c in cases() if "request" in c]


@pytest.mark.parametrize(("platform", "name", "case"), CASES, ids=[f"{p}-{n}" for p, n, _ in CASES])
def test_every_part_of_every_fixture_has_its_answer(platform: str, name: str, case: dict[str, Any]) -> None:
    """What leaves is found by its absence; what stays has words; the bytes are those that the worker would freeze."""
    destination, settings = BY_PLATFORM[platform], settings_for(platform, **case.get("settings", {}))
    event = event_for(destination, case["event"], case.get("received_at", 1_795_773_605_000))
    terms = terms_of(destination, settings)
    told = explain(destination, terms, event)
    assert told.reason == ""
    assert told.payload == builder_of(destination, terms)(event)
    assert [p.name for p in told.parts] == parts_of(event)
    assert all(bool(p.why) is not p.leaves for p in told.parts)


def of(platform: str, raw: dict[str, Any], **settings: Any) -> dict[str, str]:
    """Part to why it stays, empty for what leaves."""
    destination = BY_PLATFORM[platform]
    told = explain(destination, terms_of(destination, settings_for(platform, **settings)), event_for(destination, raw))
    return {p.name: p.why for p in told.parts}


RAW = {
    "event_name": "Purchase", "event_time": 1_795_773_600, "event_id": "e", "action_source": "website",
    "click_ids": {"gclid": "EAIa", "gbraid": "0AAA", "ttclid": "E.C.P"},
    "user_data": {"em": "mara@example.com", "ph": "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383", "fn": "Mara"},
    "custom_data": {"value": 5, "currency": "EUR", "order_id": "A1"},
}  # fmt: skip


def test_why_a_part_stays() -> None:
    """A click id beside a better one, one that the platform does not read, a phone digest under another rule, a name."""
    google = of("google_ads", RAW, events={"Purchase": "9"})
    assert google["click_ids.gclid"] == google["em"] == google["order_id"] == ""
    assert google["click_ids.gbraid"] == BESIDE
    assert google["click_ids.ttclid"] == NO_PLACE
    assert google["ph"] == OTHER_RULE
    assert "postal code" in google["fn"]
    meta = of("meta", RAW)
    assert meta["ph"] == meta["fn"] == ""
    assert meta["click_ids.gclid"] == NO_PLACE


def test_taking_a_field_away_takes_its_other_forms_too() -> None:
    """Else a platform with a rule of its own would seem to do without the e-mail address."""
    destination = BY_PLATFORM["google_ads"]
    event = event_for(destination, RAW)
    assert any(h.rule == "google.em" for h in event.forms)
    lonely = replace(event, forms=(*event.forms, Hashed("reddit.em", "0" * 64)))
    told = explain(destination, terms_of(destination, settings_for("google_ads", events={"Purchase": "9"})), lonely)
    assert {p.name: p.leaves for p in told.parts}["em"]


def test_the_command_shows_all_side_by_side(tmp_path: Path) -> None:
    """Configured platforms and all that are known; consent keeps one back; JSON has one line a platform and part."""
    (tmp_path / "t.toml").write_text(
        '[[dataset]]\nid = "1"\n[[destination]]\nplatform = "meta"\ndataset = "1"\n'
        '[[destination]]\nplatform = "ga4"\ndataset = "1"\nremote_dataset = "G-1"\n'
    )
    raw = RAW | {"event_time": int(time.time()), "consent": {"analytics": "denied", "marketing": "granted"}}
    raw["custom_data"] = dict(raw.get("custom_data", {}), value=42.5, currency="EUR")  # a fraction, as shops have it
    raw["click_ids"] = {"_ga": "GA1.1.1184022741.1795771021"}
    (tmp_path / "event.json").write_text(json.dumps({"data": [raw]}))
    words = ["destinations", "-c", str(tmp_path / "t.toml"), "--explain", str(tmp_path / "event.json")]

    said = invoke(words)
    assert said.exit_code == 0, said.output
    assert "ga4-G-1: nothing leaves: consent_denied:analytics (the shopper said no)" in said.output
    assert "mara@example.com" not in said.output

    meant = raw | {"consent": "granted", "destinations": {"All": False, "Google Analytics 4": True}}
    (tmp_path / "event.json").write_text(json.dumps(meant))
    said = invoke(words).output
    assert (
        "meta-1: nothing leaves: not_addressed (its sender names who may be told, and this destination is not meant)"
        in said
    )
    assert "ga4-G-1: nothing leaves" not in said

    (tmp_path / "event.json").write_text(json.dumps(raw | {"custom_data": raw["custom_data"] | {"diagnosis": "flu"}}))
    assert "repaired or left out: a property is about health" in invoke(words).output

    lines = [json.loads(line) for line in invoke([*words, "--json", "--all"]).output.splitlines()]
    told = {line["platform"]: line for line in lines if line["row"] == "destination_told"}
    assert told.keys() == BY_PLATFORM.keys()
    assert told["meta"]["payload"]["event_id"] == "e"
    assert told["ga4"]["reason"] == "consent_denied:analytics"
    assert {line["row"] for line in lines} == {"destination_told", "destination_part"}

    elsewhere = invoke([*words, "--dataset", "9"])
    assert (elsewhere.exit_code, "expected one of 1" in elsewhere.output) == (2, True)
    listed = invoke(["destinations", "-c", str(tmp_path / "t.toml")]).output
    assert "Google Analytics 4" in listed
    assert "Google Ads" not in listed


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("{", 2, "expected a JSON object"),
        ("[1]", 2, "expected an object of one event, got list"),
        ('{"data": [{}, {}]}', 2, "expected one event in data, got 2"),
        ('{"event_name":"Purchase"}', 1, "The gateway would refuse it: "),
    ],
)
def test_what_is_no_event_is_said(tmp_path: Path, text: str, status: int, words: str) -> None:
    """Exit code 2 for a file that is none, 1 for an event that would be refused."""
    (tmp_path / "t.toml").write_text('[[dataset]]\nid = "1"\n[[destination]]\nplatform = "meta"\ndataset = "1"\n')
    (tmp_path / "event.json").write_text(text)
    words_of = ["destinations", "-c", str(tmp_path / "t.toml"), "--explain", str(tmp_path / "event.json")]
    said = invoke(words_of)
    assert said.exit_code == status, said.output
    assert words in " ".join(said.output.replace("│", " ").split())


def test_why_nothing_leaves_is_said_in_words() -> None:
    """Every reason of every fixture has its sentence."""
    reasons = {case["suppressed"].partition(":")[0] for _, _, case in cases() if "suppressed" in case}

    assert {reason for reason in reasons if reason not in MEANING} == set()
