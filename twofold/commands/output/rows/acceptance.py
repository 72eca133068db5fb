"""Lines about acceptance: a run, its events and criteria, the signed packet, and what was decided."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import About, Row, Text, Time
from twofold.commands.output.rows.signal import Walked


class Begun(Row, kw_only=True, tag="run"):
    """A run that began: its code, and where a person opens the shop with its mark."""

    run: Text
    plan: Text
    links: list[Text]
    refusal_links: list[Text]
    begun_at: Time
    by: Text


class Event(Row, kw_only=True, tag="event"):
    """One event of the plan: which senders told it on each side, and whether one action has both."""

    name: Text
    browser: list[Text]
    server: list[Text]
    merged: bool


class Criterion(Row, kw_only=True, tag="criterion"):
    """One of the five, on one of the four cards: `test_events`, `order`, `senders`, `reconciliation`.

    ``state``: `passed`, `failed`, `unchecked` or `overruled`; ``found``: the same before a person's word (``by``, ``note``).
    """

    card: Text
    name: Text
    state: Text
    found: Text
    evidence: list[Text]
    by: Text
    note: Text


class ToDo(Row, kw_only=True, tag="to_do"):
    """What has to be done, by whom, for a check that did not pass; ``why``: what was found."""

    criterion: Text
    event: Text
    who: Text
    what: Text
    why: Text


class Decision(Row, kw_only=True, tag="decision"):
    """`go` or `stop` of a signed packet. ``over``: why a go holds no more; ``files``: where it was written, by kind."""

    decision: Text
    purpose: Text
    owner: Text
    next_review: Text | None
    expires: Time | None
    digest: Text
    over: list[Text]
    files: dict[str, Any]


class Ticked(Row, kw_only=True, tag="ticked"):
    """What a person said of a run was kept."""

    run: Text
    step: Text


class Key(Row, kw_only=True, tag="key"):
    """The installation's public key (Ed25519), 64 hexadecimal characters."""

    key: Text


class Proof(Row, kw_only=True, tag="proof"):
    """One thing that was looked at in a packet; ``holds`` null: it could not be."""

    name: Text
    holds: bool | None
    said: Text


class Difference(Row, kw_only=True, tag="difference"):
    """One thing that is another in the later packet; null: it is not in it."""

    what: Text
    before: Any
    after: Any


class DecisionMade(Row, kw_only=True, tag="decision"):
    """A decision with the figures it rests on. ``role`` and ``link``: of what it rests on; empty where no figure was named.

    ``findings``: what was known to be wrong at that moment, with its *do not yet*. Of one that is due: ``by_now``, the same figures of the same
    days as they stand now; ``since_then``, those of as many days since.
    """

    number: int
    at: Time
    what: Text
    campaign: Text
    figures: list[Any]
    role: Text
    link: Text
    findings: list[Any]
    owner: Text
    by: Text
    review: Text | None
    due: bool
    outcome: Text
    by_now: list[Any]
    since_then: list[Any]


class Tally(Row, kw_only=True, tag="sum"):
    """How many decisions rest on what: the signal, placed orders, delivered or banked money, no figure."""

    signal: int
    placed: int
    delivered: int
    banked: int
    none: int


class Called(Row, kw_only=True, tag="call"):
    """A call to a platform that the walking browser saw, by the script that made it. ``certain`` false: the way ended before an owner."""

    step: Text
    event: Text
    platform: Text
    account: Text
    event_id: Text
    sender_class: Text
    script: Text
    place: Text
    certain: bool
    calls: int


_RUN = (About, Event, Criterion, ToDo, Decision)
COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "accept start": (About, Begun, Event, Criterion, ToDo, Called, Walked),
    "accept status": _RUN,
    "accept tick": (Ticked,),
    "accept overrule": (Ticked,),
    "accept finish": _RUN,
    "accept key": (Key,),
    "accept verify": (Proof,),
    "accept diff": (Difference,),
    "decide": (DecisionMade,),
    "decisions": (About, DecisionMade, Tally),
}
