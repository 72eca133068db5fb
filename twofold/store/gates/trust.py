"""Gates of trust: what only an untrusted browser speaks for may be kept back until somebody better does.

Owns three answers, in this order: robots, money over the limits, and names that wait for confirmation. All of them are
about actions of which no trusted copy is known; a trusted copy that comes later brings the action back (the statement
`requeue_deliveries`), so a forger can delay nothing that the shop's own side confirms. What a person let through is asked
nothing here: its robots, its money and its browser have been looked at. Pure: reads copies, writes nothing
but the candidate's event and marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from twofold.event.model import Tier
from twofold.store.fold import unite
from twofold.store.gates.addressees import NOT_ADDRESSED
from twofold.store.gates.contract import Candidate, Held, Suppressed

BOT = "bot"
UNCONFIRMED = "unconfirmed"
AWAITING = "awaiting_confirmation"
DROPPED = "dropped_by_hand"
KEPT_BACK = (BOT, "value_over_cap", "currency_not_listed", "quarantine", UNCONFIRMED)
"""Reasons for which a delivery is kept back until somebody better speaks for it, or a person decides."""
REOPENED = (*KEPT_BACK, DROPPED)
"""Reasons that a trusted copy and a person's word overrule; `let_through` lists the same."""
UNMATCHED = "no_order"
VOUCHED = (*KEPT_BACK, UNMATCHED, NOT_ADDRESSED)
"""Reasons that a better copy overrules; `requeue_deliveries` lists the same. A browser that was there first, and whose order
never came, stops no server that vouches for the sale later. What a person dropped only a server brings back
(`requeue_dropped`)."""


class TrustLike(Protocol):
    @property
    def confirm_ms(self) -> Mapping[str, int]: ...
    @property
    def drop_unconfirmed(self) -> bool: ...


class PolicyLike(Protocol):
    @property
    def suppress_bots(self) -> bool: ...
    @property
    def trust(self) -> TrustLike: ...


class TrustGates:
    """The gates for datasets with these policies; one without a policy is let through."""

    def __init__(self, policies: Mapping[str, PolicyLike]) -> None:
        self._policies = policies

    def bots_asked(self) -> bool:
        """False when no dataset wants robots kept back."""
        return any(p.suppress_bots for p in self._policies.values())

    def confirmation_asked(self) -> bool:
        """False when no dataset wants anything confirmed."""
        return any(p.trust.confirm_ms for p in self._policies.values())

    def gate_bots(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """A robot's action, when only browsers speak for it and every copy says so.

        A server or a signed webhook vouches for what it reports: the user agent in its body is the shopper's word, as
        a shop kept it, and a paid order is a sale whatever its buyer's browser calls itself.
        """
        policy = self._policies.get(candidate.dataset)
        if policy is None or not policy.suppress_bots or candidate.released:
            return None
        judged = all(c.bot is not None and c.tier <= Tier.T1 for c in candidate.copies)
        return Suppressed(BOT) if judged else None

    def gate_limits(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """Money over the limits goes nowhere. Where another copy is within them, its money is the one that counts; where a shop has
        reported the order, the money is the shop's already."""
        for copy in candidate.copies:
            if copy.held_back is not None:
                reason = copy.held_back
                break
        else:
            return None
        within = [c for c in candidate.copies if c.held_back is None]
        if candidate.reported or (not within and candidate.released):
            candidate.event = replace(candidate.event, held_back=None)
            return None
        if not within:
            return Suppressed(reason)
        money = unite(within).custom_data
        candidate.event = replace(candidate.event, custom_data=money, held_back=None)
        return None

    def gate_unconfirmed(self, candidate: Candidate, now_ms: int) -> Suppressed | Held | None:
        """Waits for a copy of a higher tier than a plain browser's, or the shop's report of the order; then decides as the dataset wishes."""
        policy = self._policies.get(candidate.dataset)
        wait = policy.trust.confirm_ms.get(candidate.event.event_name) if policy is not None else None
        if policy is None or wait is None or candidate.released or candidate.reported:
            return None
        if any(c.tier > Tier.T0 for c in candidate.copies):
            return None
        if now_ms < candidate.created_at + wait:
            return Held(candidate.created_at + wait, AWAITING)
        if policy.trust.drop_unconfirmed:
            return Suppressed(UNCONFIRMED)
        candidate.marks.append(UNCONFIRMED)
        return None
