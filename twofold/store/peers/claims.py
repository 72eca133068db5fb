"""Claims and settlements whose commit nobody answered, because the connection was lost meanwhile: what a claim took is given back, and
what was settled is not written twice.

Owns what this process remembers of its own transactions until the end of each is known. Leases of a process that ended are void
at its next start (`places`), and those of one that never comes back are over by the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twofold.store.engine import id_array

if TYPE_CHECKING:  # it knows the engines, which know the places
    from twofold.store.engine import Database


class Claims:
    """What this process claimed in a transaction whose end nobody told it: where the commit arrived, the deliveries are leased to
    nobody, who would have them until the lease is over. They are free again with the next claim; nothing was sent under it."""

    def __init__(self, engine: Database) -> None:
        self._engine = engine
        self._now: dict[int, list[int]] = {}  # deliveries by lease, of the transaction that is open
        self._untold: dict[int, list[int]] = {}
        self._freed: list[int] = []  # leases, by the transaction that is open

    def took(self, lease: int, deliveries: list[int]) -> None:
        self._now[lease] = deliveries

    def free(self, now_ms: int) -> None:
        """Gives back what was taken by claims that ended without an answer."""
        for lease, deliveries in self._untold.items():
            self._engine.run("free_claimed", (now_ms, lease, id_array(deliveries)))
            self._freed.append(lease)

    def committed(self) -> None:
        self._now.clear()
        for lease in self._freed:
            self._untold.pop(lease, None)
        self._freed.clear()

    def rolled_back(self) -> None:
        """Or so it seems: whoever lost the connection while it committed does not know."""
        self._untold |= self._now
        self._now.clear()
        self._freed.clear()


class Settlements:
    """Deliveries that were settled in a transaction whose end nobody told: whoever settles them writes the same once more, and the rows
    of their attempts may be there."""

    def __init__(self) -> None:
        self._now: set[int] = set()
        self._untold: set[int] = set()

    def took(self, deliveries: set[int]) -> set[int]:
        """These are settled now; those of them of which it may have been done already."""
        self._now |= deliveries
        return deliveries & self._untold

    def committed(self) -> None:
        self._untold -= self._now
        self._now.clear()

    def rolled_back(self) -> None:
        """Or so it seems, as of a claim."""
        self._untold |= self._now
        self._now.clear()
