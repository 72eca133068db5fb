"""Gates: what may hold an action back, or keep it from leaving, at the moment it would be sent.

Owns the shapes and nothing else. A gate looks at one candidate and answers None (go on), `Suppressed` (never, with
the reason) or `Held` (not before a time, with the reason). Gates run in a fixed order inside the claim's
transaction, so what they read is as true as the send that follows. A gate may replace ``candidate.event``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from twofold.event.delivery import Suppressed
from twofold.event.model import Event

__all__ = ["LACKING", "Afresh", "Candidate", "Gate", "Held", "Recheck", "Suppressed", "ToldValue"]

LACKING = (
    "consent_unstated", "missing_currency", "missing_order_id", "missing_source_url", "missing_value", "no_client_id", "no_identifier",
    "too_broad", "unknown_device",
)  # fmt: skip
"""Why an action did not leave for what its copies had not said, by the word of consent or of a destination. A later copy may say it,
so each delivery that was kept back for it is looked at again when one comes, though other platforms were told meanwhile (the statement
`requeue_deliveries` lists the same); a no is never one of these."""


class Held(Struct, frozen=True):
    """Not now. ``until`` is when to look again at the latest, in ms; news may bring it forward."""

    until: int
    reason: str


class Afresh(Struct, frozen=True):
    """What was frozen may not leave any more, though the action may: its bytes are built again, under the same id."""


class ToldValue(Struct, frozen=True):
    """What a destination is told that an order is worth, and of which kind that is."""

    worth: str  # "margin" or "revenue"
    value: Decimal
    currency: str


class Candidate(Struct, kw_only=True, gc=False):
    """One delivery that is due, with all that is known of its action."""

    delivery: int
    destination: str  # its name
    dataset: str
    action: int
    event: Event  # all copies united: what would be sent
    copies: Sequence[Event]  # those that count
    claims: Sequence[Event] = ()  # lone claims of lower tiers, which alter nothing; see `ladder`
    left_as: Sequence[str] = ()  # ids under which something left already that this action stands for now
    created_at: int  # ms
    fresh: bool  # no payload is frozen yet: what would be sent can still change
    unsure: bool  # an attempt was made of which nobody knows whether it arrived
    consent: str  # the action's consent as one text
    marks: list[str] = []  # what an operator should see beside the delivery
    released: bool = False  # a person let it through: the gates of trust ask it nothing
    reported: bool = False  # its shop has reported the order: it needs no better copy, and its money is the ledger's
    told: ToldValue | None = None  # in place of the event's own value, which the action keeps
    stitched: dict[str, str] = {}  # match key -> where it was taken from
    # what would be told where this may not be: one for each browser that has a turn after it
    others: Sequence[Candidate] = ()
    alone: bool = False  # the copies are of one browser among several, and no claim of another's counts
    stale: bool = False  # what is frozen may hold what a browser has taken back, while another may be told of


Gate = Callable[[Candidate, int], Suppressed | Held | None]
"""A candidate and the time in ms to an answer. Plain reads of the store, no writes."""

Recheck = Callable[[Candidate, int], Suppressed | Held | Afresh | None]
"""The same for what was tried before and would be tried again."""
