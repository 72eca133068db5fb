"""The gate of the erased: what comes in later under an erased order number or event id is not sent.

Owns the question. Nobody knows these ids any more: they are kept as keyed digests, made by ``digest``, which whoever
erases hands in together with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twofold.store.gates.contract import Candidate, Suppressed

ERASED = "erased"
Digest = Callable[[str, str, str], bytes]
"""Dataset, kind (``event_id`` with the name before it, or ``order``) and value to what an erased one is known by."""


class ErasedGate:
    """Lets everything pass until `load` has told it what was erased."""

    def __init__(self) -> None:
        self._digest: Digest | None = None
        self._erased: frozenset[bytes] = frozenset()

    def load(self, digest: Digest, erased: Iterable[bytes]) -> None:
        self._digest = digest
        self.know(erased)

    def know(self, erased: Iterable[bytes]) -> None:
        """What is erased by now, by whichever process."""
        self._erased = frozenset(erased)

    def asked(self) -> bool:
        """False while nothing is known to be erased."""
        return bool(self._erased)

    def judge(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        if not self._erased or self._digest is None:
            return None
        event = candidate.event
        names = [self._digest(event.dataset, "event_id", f"{event.event_name}\0{event.event_id}")]
        if event.custom_data.order_id:
            names.append(self._digest(event.dataset, "order", event.custom_data.order_id))
        return Suppressed(ERASED) if any(n in self._erased for n in names) else None
