"""The gate of addressees: a destination that a message was not meant for is not told of it.

Owns whose word counts: that of the copies that `ladder.trusted_wishes` names, by who speaks. Where a shop has reported the order and no
server speaks for it, a browser must prove that it is the buyer's (`OrderGate.proved`). A better copy and a shop's report that come
later bring the action back (`requeue_deliveries`, `requeue_order`), and it is judged anew. Reads the order and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twofold.event.addressees import is_addressed
from twofold.event.delivery import Suppressed
from twofold.event.model import Event, Tier
from twofold.store.gates.contract import Candidate
from twofold.store.ladder import trusted_wishes

NOT_ADDRESSED = "not_addressed"


class AddresseeGate:
    """``platforms``: dataset to destination to whose it is. ``proved``: of browsers' copies those that are the buyer's by evidence, where
    a shop has reported the order behind them; else None."""

    def __init__(
        self, platforms: Mapping[str, Mapping[str, str]], proved: Callable[[Candidate], Sequence[Event] | None]
    ) -> None:
        self._platforms = platforms
        self._proved = proved

    def judge(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """Asked once, before anything is frozen: what left is not called back by a wish."""
        for copy in candidate.copies:  # a loop, as it runs for every delivery and most have one copy
            if copy.destinations:
                break
        else:
            return None
        platform = self._platforms.get(candidate.dataset, {}).get(candidate.destination, "")
        voices = trusted_wishes(self._heard(candidate))
        meant = not voices or any(
            all(is_addressed(words, candidate.destination, platform) for words in wishes) for wishes in voices
        )
        return None if meant else Suppressed(NOT_ADDRESSED)

    def _heard(self, candidate: Candidate) -> Sequence[Event]:
        """The copies that may wish at all: an order's report may have no copy of its own, and is the shop's word all the same."""
        if any(c.tier >= Tier.T2 for c in candidate.copies):
            return candidate.copies
        proved = self._proved(candidate)
        return candidate.copies if proved is None else proved
