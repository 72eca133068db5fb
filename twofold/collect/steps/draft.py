"""One copy on its way through the steps: what its door knows about it, and what the steps have made of it so far.

Owns these two shapes and how a draft becomes an event. What is put into a draft is decided in the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from twofold.collect.policy import DatasetPolicy
from twofold.event.model import Channel, CustomData, Event, RawEvent, Tier, UserData
from twofold.event.refusal import describe_key


class Origin(Struct, frozen=True, kw_only=True):
    """What the door knows about all copies of one request."""

    dataset: str
    channel: Channel
    sender: str
    tier: Tier
    received_at: int  # ms
    bounds: tuple[int, int] | None = None  # the earliest and latest it may be while the clock is doubted, ms
    policy: DatasetPolicy = DatasetPolicy(id="")
    gpc: bool = False  # the browser sent Sec-GPC: 1
    client_ip: str | None = None  # the shopper's, for browser doors only
    user_agent: str | None = None
    test_event_code: str | None = None
    shop: str = ""  # of a webhook or a file; see `Event.shop`

    @property
    def is_browser(self) -> bool:
        return self.channel is Channel.BROWSER


class Draft(Struct):
    """One copy on its way through the steps; the only mutable thing in the collector.

    What every event has is an attribute, set by the step that owns it; ``fields`` has the rest of `Event`'s by name.
    """

    raw: RawEvent
    origin: Origin
    tier: Tier  # a signed token raises it
    is_browser: bool
    event_name: str = ""
    event_time: int = 0
    event_id: str = ""
    action_source: str = ""
    user: UserData = field(default_factory=UserData)
    custom_data: CustomData = field(default_factory=CustomData)
    fields: dict[str, Any] = {}  # an own one for each, as are the warnings: msgspec copies empty ones
    warnings: list[str] = []

    def event(self) -> Event:
        origin = self.origin
        event = Event(
            dataset=origin.dataset,
            event_name=self.event_name,
            event_id=self.event_id,
            event_time=self.event_time,
            received_at=origin.received_at,
            channel=origin.channel,
            sender=origin.sender,
            tier=self.tier,
            action_source=self.action_source,
            user_data=self.user,
            custom_data=self.custom_data,
            test_event_code=origin.test_event_code,
            warnings=tuple(self.warnings),
        )
        for name, value in self.fields.items():  # a third of the time that all of them as keywords would take
            setattr(event, name, value)
        return event


def raw_event(fields: dict[str, Any]) -> tuple[RawEvent, Sequence[str]]:
    """The known fields of one event, and the names of the others (ours to name, not to keep)."""
    try:
        return RawEvent(**fields), ()
    except TypeError:  # another name among them
        pass
    unknown = [describe_key(k) for k in fields if k not in _FIELDS]
    return RawEvent(**{k: v for k, v in fields.items() if k in _FIELDS}), unknown


_FIELDS = frozenset(RawEvent.__struct_fields__)
