"""The fixtures of a platform: events as they come in, the request that must leave, and what each answer means.

Owns reading `fixtures/PLATFORM/*.json` and bringing an event to a platform the way the gateway does: through the steps, with
the forms that the platform wants. Written by hand from the platforms' pages, never from our own output.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.config import DestinationSettings
from twofold.config.defaults import destination_with_defaults
from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import Destination
from twofold.destinations.terms import builder_of, hash_rules_of, terms_of
from twofold.event.delivery import Suppressed
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.matching.other_forms import wanted_forms

FOLDER = Path(__file__).parent / "fixtures"
RECEIVED_MS = 1_795_773_605_000  # five seconds after the events of most fixtures


def platforms() -> list[str]:
    return sorted(f.name for f in FOLDER.iterdir() if f.is_dir())


def cases() -> list[tuple[str, str, dict[str, Any]]]:
    """Platform, name of the file, its content."""
    return [
        (platform, file.stem, json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))
        for platform in platforms()
        for file in sorted((FOLDER / platform).glob("*.json"))
        if file.stem != "answers"
    ]


def answers() -> list[tuple[str, dict[str, Any]]]:
    return [(p, a) for p in platforms() for a in json.loads((FOLDER / p / "answers.json").read_text(encoding="utf-8"))]


def settings_for(platform: str, **settings: Any) -> DestinationSettings:
    return destination_with_defaults(DestinationSettings(platform=platform, dataset="1", **settings))


def event_for(
    destination: Destination, raw: dict[str, Any], received_at: int = RECEIVED_MS, country: str = ""
) -> Event:
    """The event as journalled: hashed under Meta's rule and those of this platform, nothing else."""
    origin = Origin(
        dataset="1", channel=Channel.SERVER, sender="test", tier=Tier.T2, received_at=received_at,
        policy=DatasetPolicy(id="1", forms=wanted_forms(hash_rules_of([destination])), country=country),
    )  # fmt: skip
    event = run(RawEvent(**raw), origin)
    assert isinstance(event, Event), event
    return event


def built(platform: str, case: dict[str, Any]) -> tuple[bytes | Suppressed, DestinationSettings]:
    destination = BY_PLATFORM[platform]
    settings = settings_for(platform, **case.get("settings", {}))
    event = event_for(destination, case["event"], case.get("received_at", RECEIVED_MS), case.get("country", ""))
    return builder_of(destination, terms_of(destination, settings))(event), settings
