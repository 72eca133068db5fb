"""The deliveries of one request, and one try with what its answer means.

Owns how a batch is made, and cut in halves or apart. What is done about an answer is decided in `retry`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from twofold.destinations.contract import AnswerOutcome, AnswerVerdict
from twofold.event.delivery import Delivery


class Batch(Struct, frozen=True, kw_only=True):
    """Deliveries for one request. ``lease_end`` is on the loop's clock, seconds; ``consent`` is what the outbox's
    `consent_changes` was before they were claimed."""

    deliveries: tuple[Delivery, ...]
    test_event_code: str | None
    lease_end: float
    consent: int

    def halves(self) -> tuple[Batch, Batch]:
        middle = len(self.deliveries) // 2
        return self._with(self.deliveries[:middle]), self._with(self.deliveries[middle:])

    def apart(self, named: Collection[int]) -> tuple[Batch, ...]:
        """Those at other places together, and each at these places alone."""
        others = tuple(d for n, d in enumerate(self.deliveries) if n not in named)
        alone = [self._with((d,)) for n, d in enumerate(self.deliveries) if n in named]
        return (self._with(others), *alone) if others else tuple(alone)

    def _with(self, deliveries: tuple[Delivery, ...]) -> Batch:
        return Batch(
            deliveries=deliveries,
            test_event_code=self.test_event_code,
            lease_end=self.lease_end,
            consent=self.consent,
        )


class Attempt(Struct, frozen=True, kw_only=True):
    """One request and its verdict. ``episode``: how many pauses there had been when it was started."""

    verdict: AnswerVerdict
    status: int | None
    started_at: int  # ms
    ended_at: int  # ms
    episode: int


def refused_alone(verdict: AnswerVerdict) -> dict[int, AnswerVerdict]:
    """The verdict of each event, by its place, that the platform named when it took the others of the request."""
    if verdict.outcome is not AnswerOutcome.ACCEPTED:
        return {}
    return {r.index: AnswerVerdict(outcome=AnswerOutcome.INVALID, code=r.code) for r in reversed(verdict.refused)}


def portions(deliveries: Sequence[Delivery], size: int, max_bytes: int) -> Iterable[tuple[Delivery, ...]]:
    """Runs of at most ``size`` deliveries and ``max_bytes`` of payload; one alone may be larger."""
    portion: list[Delivery] = []
    total = 0
    for d in deliveries:
        total += len(d.payload) + 1
        if portion and (len(portion) >= size or total > max_bytes):
            yield tuple(portion)
            portion, total = [], len(d.payload) + 1
        portion.append(d)
    if portion:
        yield tuple(portion)
