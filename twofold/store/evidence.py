"""What the evidence ladder needs of the store: the copies of an action while it is folded, and who stands for whom.

Owns the tables superseded and carried_over. The rule itself is `ladder`'s, when it is asked `folding`'s and the claim's.
Runs inside the transaction of whoever appends or claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twofold.event.model import Event, readable_event
from twofold.store.engine import Database, id_array
from twofold.store.fold import Action
from twofold.store.gates.contract import Candidate, Suppressed
from twofold.store.ladder import FEW
from twofold.store.peers.revisions import SUPERSEDED as KIND
from twofold.store.peers.revisions import Revisions

Appended = Sequence[tuple[int, int, Event]]
"""Action, position and copy of what a batch has folded so far and not written yet."""


class EvidenceOf:
    """Copies of actions that a copy of another tier was found for; read once a batch, for all of them together."""

    def __init__(self, engine: Database) -> None:
        self._engine = engine
        self._read: dict[int, list[tuple[int, Event]]] = {}

    def prepare(
        self,
        events: Sequence[Event],
        keyed: Sequence[Sequence[bytes]],
        by_key: Mapping[bytes, int],
        actions: Mapping[int, Action],
    ) -> None:
        """Reads what this batch is likely to ask for: one statement, and none where all are of one tier."""
        self._read = {}
        if not actions:
            return
        wanted: dict[int, Action] = {}
        for event, keys in zip(events, keyed, strict=True):
            for key in keys:
                action = actions.get(by_key.get(key, 0))
                if action is not None and action.tier != event.tier:
                    wanted[action.id] = action
        if wanted:
            self._load(wanted.values())

    def copies(self, appended: Appended, action: Action) -> list[Event]:
        """The copies of an action, those of the batch included, in the order they came: all, or the outer ones of a crowd."""
        return [copy for _, copy in self._all(appended, action)]

    def positions(self, appended: Appended, action: Action) -> list[int]:
        return [position for position, _ in self._all(appended, action)]

    @staticmethod
    def is_crowd(action: Action) -> bool:
        """True where so many copies name an action that not all of them are looked at: what they prove, they prove; what nothing
        among them proves is looked at again at the claim, which reads all."""
        return action.copies > 2 * FEW

    def _all(self, appended: Appended, action: Action) -> list[tuple[int, Event]]:
        if action.id not in self._read:
            self._load([action])
        known = self._read[action.id]
        return [*known, *((position, copy) for owner, position, copy in appended if owner == action.id)]

    def _load(self, actions: Iterable[Action]) -> None:
        ids: list[int] = []
        rows: list[tuple[Any, ...]] = []
        for one in actions:
            self._read[one.id] = []
            if self.is_crowd(one):
                rows += self._outer(one.id)
            else:
                ids.append(one.id)
        if ids:
            rows += self._engine.run("select_copies", (id_array(ids),))
        for action, position, body, *_proof in rows:
            event = readable_event(body)
            if event is not None:  # else the claim finds it, and nothing of this action is sent
                self._read[action].append((position, event))

    def _outer(self, action: int) -> list[tuple[Any, ...]]:
        """Action, position and body of the first and the last copies."""
        places = [action, *(position for (position,) in self._engine.run("outer_copies", (action, FEW)))]
        return [(action, *row) for row in self._engine.run("copies_at", (id_array(places),))]


SUPERSEDED = "superseded"


class Superseded:
    """Actions that another one stands for. Kept in memory is only whether there are any."""

    def __init__(self, engine: Database, revisions: Revisions | None = None) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._revisions.listen(KIND, self.reload)
        self.reload()

    def reload(self) -> None:
        """At the start, and after a rolled back transaction."""
        self.any = bool(self._engine.run("any_superseded"))

    def add(self, action: int, successor: int, now_ms: int) -> None:
        """From now on; what has not left is called back, and an order stands for the successor."""
        if not self.any:
            self._revisions.raise_(KIND)
        self.any = True
        self._engine.run("insert_superseded", (action, successor, now_ms))
        self._engine.run("call_back", (now_ms, action))
        self._engine.run("follow_merge", (successor, action))

    def successors(self, action: int) -> set[int]:
        """The actions that stand for this one: several, where one copy named the orders of several."""
        rows = self._engine.run("select_superseded", (id_array([action]),)) if self.any else ()
        return {successor for _, successor in rows}

    def stops(self, candidate: Candidate, _now_ms: int) -> Suppressed | None:
        """The gate for further attempts: what could not be called back at once is not tried again."""
        return Suppressed(SUPERSEDED) if self.successors(candidate.action) else None
