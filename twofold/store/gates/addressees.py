"""The gate of addressees: a destination that a message was not meant for is not told of it.

Owns whose word counts: that of the copies that `ladder.trusted_wishes` names, each of which may rule a destination out. A better copy
that comes later brings the action back (`requeue_deliveries`), and it is judged anew. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.event.addressees import is_addressed
from twofold.event.delivery import Suppressed
from twofold.store.gates.contract import Candidate
from twofold.store.ladder import trusted_wishes

NOT_ADDRESSED = "not_addressed"


class AddresseeGate:
    """``platforms``: dataset to destination to whose it is."""

    def __init__(self, platforms: Mapping[str, Mapping[str, str]]) -> None:
        self._platforms = platforms

    def judge(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """Asked once, before anything is frozen: what left is not called back by a wish."""
        for copy in candidate.copies:
            if copy.destinations:
                break
        else:
            return None
        platform = self._platforms.get(candidate.dataset, {}).get(candidate.destination, "")
        wishes = trusted_wishes(candidate.copies)
        meant = all(is_addressed(words, candidate.destination, platform) for words in wishes)
        return None if meant else Suppressed(NOT_ADDRESSED)
