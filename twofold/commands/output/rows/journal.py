"""Lines about what the journal and the outbox hold: events, actions, deliveries and their tries, refused bodies, what is kept back."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import Amount, Row, Text, Time


class Event(Row, kw_only=True, tag="event"):
    """One copy, as it was journalled."""

    position: int
    received_at: Time
    dataset: Text
    event_name: Text
    event_id: Text
    event_time: Time
    channel: Text
    sender: Text
    tier: int
    verdict: Text
    action: int
    late: bool
    match_keys: list[Text]


class Action(Row, kw_only=True, tag="action"):
    """What a shopper did once."""

    id: int
    dataset: Text
    event_name: Text
    event_id: Text
    fold_key: Text
    event_time: Time
    created_at: Time
    due_at: Time
    copies: int
    late: int
    tier: int
    channels: list[Text]
    consent: Text
    value: Amount | None
    currency: Text | None
    order_id: Text | None
    merged_into: int | None
    match_keys: list[Text]
    state: Text


class Delivery(Row, kw_only=True, tag="delivery"):
    """One action for one destination. ``status``, ``code`` and ``took_ms`` are those of the last attempt."""

    id: int
    action: int
    destination: Text
    dataset: Text
    event_name: Text
    event_id: Text
    order_id: Text | None = None
    value: Amount | None = None
    currency: Text | None = None
    created_at: Time | None = None
    state: Text
    reason: Text
    attempts: int
    tried_at: Time | None = None  # the last attempt's beginning
    status: int | None = None  # HTTP
    code: Text | None = None
    took_ms: int | None = None
    due_at: Time  # of a waiting one: when it is tried next
    settled_at: Time | None
    keys: list[Text]
    stitched: list[Text]
    marks: list[Text]


class Sent(Row, kw_only=True, tag="request"):
    """The request of a delivery: the bytes that each of its attempts carries, with the address masked."""

    delivery: int
    endpoint: Text | None  # None: the destination is not in the configuration that was read
    bytes: int | None  # None: nothing was frozen yet, or retention has emptied it
    emptied: bool
    payload: Any = None


class Attempt(Row, kw_only=True, tag="attempt"):
    """One request and what came back."""

    delivery: int
    started_at: Time
    took_ms: int
    outcome: Text
    status: int | None
    code: Text
    decision: Text
    answer: Text  # the platform's words as they were kept, at most 300 characters


class Refused(Row, kw_only=True, tag="refused"):
    """A copy or body that was not taken, with its reason."""

    id: int
    received_at: Time
    entry: Text
    dataset: Text
    event_name: Text
    event_id: Text
    reason: Text
    index: int | None
    path: Text
    expected: Text
    got: Text
    size: int
    body: Text
    trace: Text = ""  # of the answer that its sender got; empty on rows from before


class Traced(Row, kw_only=True, tag="trace"):
    """An answer of which the log has a line. Its copies follow as `event`, what was refused of it as `refused`."""

    trace: Text
    at: Time | None = None  # with entry to events: None where only refused rows have it
    entry: Text | None = None
    outcome: Text | None = None  # accepted, a drop reason, or the status
    status: int | None = None
    requests: int | None = None  # of this class since the line before
    position: int | None = None  # where the journal stood
    events: int | None = None


class Revived(Row, kw_only=True, tag="revived"):
    """How many dead deliveries wait again."""

    revived: int


class QuarantineDone(Row, kw_only=True, tag="quarantine"):
    """What was done with deliveries that were kept back."""

    act: Text  # release or drop
    deliveries: int


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "events": (Event,),
    "actions": (Action,),
    "deliveries": (Delivery,),
    "deliveries show": (
        Delivery,
        Sent,
        Attempt,
    ),
    "refused": (Refused,),
    "trace": (
        Traced,
        Event,
        Refused,
    ),
    "revive": (Revived,),
    "quarantine list": (Delivery,),
    "quarantine release": (QuarantineDone,),
    "quarantine drop": (QuarantineDone,),
}
