"""The outbox's values: one delivery per action and destination, its life, and what a worker hands back.

Owns the states and the claim/settle contract; the statements that carry them out are the outbox's (`store/outbox`) and run
on the loop's thread. Knows no platform and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from twofold.event.model import Event

TRACE = "fbtrace_id "
"""Before the platform's number of a request in an attempt's note."""


class DeliveryState(StrEnum):
    """A delivery's life. Changes only inside the store's transactions, each change one named statement."""

    WAITING = "waiting"  # due now or later; while leased its due time is the end of the lease
    DELIVERED = "delivered"  # the platform said yes
    SUPPRESSED = "suppressed"  # we decided not to send it; the reason says why (consent, merged, ...)
    DEAD = "dead"  # given up; kept with its reason; `revive` makes it waiting again
    # "paused" is shown for waiting deliveries of a paused destination; it is not stored per row.


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """One claimed delivery. ``payload`` is the frozen JSON object of one event: the same bytes every attempt."""

    id: int
    destination: str
    dataset: str
    action: int
    event_name: str
    event_id: str
    event_time: int  # Unix seconds
    action_source: str
    attempts: int  # attempts settled so far
    first_attempt_at: int | None  # ms; when a request with it was first written
    created_at: int  # ms; when the action was accepted
    # ms; since when one may have arrived of which nobody knows: of an attempt its start, of a lease that nobody settled its end
    unsure_since: int | None = None
    test_event_code: str | None
    payload: bytes
    lease: int  # fencing number; a settlement with another one is ignored


class Suppressed(Struct, frozen=True):
    """What a builder answers instead of a payload."""

    reason: str


Builder = Callable[[Event], bytes | Suppressed]
"""Folded action to the platform's bytes for one event. Pure."""


class Settlement(Struct, frozen=True, kw_only=True):
    """What became of one claimed delivery after one request (or none).

    state WAITING needs ``due_at``. ``counts`` False leaves the attempt count alone (paused destination,
    lease handed back). ``note`` is kept with the attempt: no secret, no personal data, at most 300 characters.
    """

    delivery: int
    lease: int
    state: DeliveryState
    reason: str = ""
    due_at: int | None = None  # ms
    counts: bool = True
    # ms; kept from the first time it is given; None where it is known what became of all requests
    unsure_since: int | None = None
    outcome: str = ""  # the platform's answer in one word, for the attempt's row
    status: int | None = None  # HTTP status
    code: str = ""  # the platform's code/subcode
    note: str = ""
    started_at: int = 0  # ms
    ended_at: int = 0  # ms
