"""Lines about people: their consent, their requests, what was held, shared or erased."""

from __future__ import annotations

from twofold.commands.output.rows.row import OpenRow, Row, Text, Time


class Consent(Row, kw_only=True, tag="consent"):
    """What was done with a person's consent in one dataset, or how one of its marks stands."""

    dataset: Text
    act: Text
    marks: int | None = None
    kind: Text | None = None
    state: Text | None = None
    at: Time | None = None


class PrivacyRequest(Row, kw_only=True, tag="request"):
    """A request of a person that is not done."""

    id: Text
    kind: Text
    state: Text
    requested_at: Time
    requested_by: Text
    dataset: Text | None
    named: Text


class Found(Row, kw_only=True, tag="found"):
    """What an erasure would take."""

    events: int
    mentions: int
    actions: int
    orders: int
    refused: int
    lines: int  # of money
    shared_identifiers: int


class Receipt(OpenRow, kw_only=True, tag="receipt"):
    """What an erasure did: counts by place, when, who asked, and where the chains stood."""


class Shared(OpenRow, kw_only=True, tag="shared"):
    """What was shared of one action with one destination: keys, consent, attempts."""


class Held(OpenRow, kw_only=True, tag="event"):
    """What is held of a person: ``row`` is event, action, shared, order, report or line."""


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "consent withdraw": (Consent,),
    "consent grant": (Consent,),
    "consent show": (Consent,),
    "erase": (
        Found,
        Receipt,
    ),
    "export-subject": (Held,),
    "privacy-requests": (PrivacyRequest,),
    "shared": (Shared,),
}
