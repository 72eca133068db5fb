"""A question to the router as a value, so that a child process can be asked: what the rules need of the settings.

Owns the question and its answer's form. ``python -m twofold.router`` takes one and answers what must not be done yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from twofold.ledger.policy import OrderPolicy
from twofold.router.every import findings_of
from twofold.router.finding import Finding, Kind, When
from twofold.router.rules.ending import TokenInUse
from twofold.router.words import WORDS

DATED = frozenset({Kind.TOKEN_ENDS})
META = "do_not_yet"
"""The name under which the store keeps what the gateway found last (`FoundAt`)."""


class RouterTask(Struct, frozen=True, kw_only=True):
    """``policies``: dataset to the rules of its orders. ``tested``, ``coded``: see `findings_of`. ``now``: Unix s."""

    data: str
    policies: dict[str, OrderPolicy]
    now: int
    tested: bool = False
    coded: tuple[str, ...] = ()
    tokens: tuple[TokenInUse, ...] = ()

    def policy_of(self, dataset: str) -> OrderPolicy:
        """The rules of a dataset's orders; the usual ones for one that is not configured any more."""
        return self.policies.get(dataset) or OrderPolicy()


class Standing(Struct, frozen=True, kw_only=True):
    """One finding for whose sake something must not be done yet. ``since``: Unix s."""

    name: str
    since: int
    do_not_yet: str


class FoundAt(Struct, frozen=True, kw_only=True):
    """What must not be done yet, as of a time (Unix s)."""

    as_of: int
    do_not_yet: list[Standing]


class Looked(Struct, frozen=True, kw_only=True):
    """The answer of the child: what freezes decisions, and what people are told of beside it."""

    do_not_yet: list[Standing]
    notices: list[Standing]


def decode_found(text: str | None) -> FoundAt | None:
    """What was kept; None for nothing and for what cannot be read."""
    try:
        return msgspec.json.decode(text, type=FoundAt) if text else None
    except msgspec.DecodeError:
        return None


def ask(task: RouterTask, dataset: str | None = None) -> list[Finding]:
    """Every finding, the most pressing first."""
    usual = OrderPolicy()
    return findings_of(
        task.data,
        lambda d: task.policies.get(d) or usual,
        task.now,
        dataset=dataset,
        tested=task.tested,
        coded=task.coded,
        tokens=task.tokens,
    )


def standing(found: Sequence[Finding]) -> list[Standing]:
    """Those that freeze decisions: pressing, not said to be mended or meant so, and no consequence of another."""
    return told_of([f for f in found if f.when is When.NOW and f.state in ("open", "again") and not f.because])


def notices(found: Sequence[Finding]) -> list[Standing]:
    """Those that freeze nothing and cannot wait for somebody to look: a day is near on which something ends."""
    return told_of([f for f in found if f.kind in DATED and f.when is When.WEEK and f.state in ("open", "again")])


def told_of(found: Sequence[Finding]) -> list[Standing]:
    """As people are told of them elsewhere than on the card."""
    return [Standing(name=f.key, since=f.since, do_not_yet=WORDS[f.kind].not_yet) for f in found]
