"""What one transaction of folding is about to write, and the actions that it has read for it.

Owns the rows until they are written, and which action an id stands for meanwhile. What becomes of a copy is `folding`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from twofold.event.model import Event
from twofold.store.engine import Database, NotBeside, id_array
from twofold.store.fold import Action
from twofold.store.journal import salts
from twofold.store.peers.revisions import Revisions


class Batch:
    """What one transaction is about to write, by the tables it goes to."""

    __slots__ = (
        "_engine", "_revisions", "actions", "appended", "by_key", "carried", "changed", "consents", "copies", "events",
        "joined", "keys", "merged", "moved", "new", "owners", "salts", "superseded", "tally", "willing",
    )  # fmt: skip

    def __init__(self, engine: Database, revisions: Revisions, size: int) -> None:
        self._engine, self._revisions = engine, revisions
        self.salts = iter(salts(size))
        self.by_key: dict[bytes, int] = {}
        self.actions: dict[int, Action] = {}
        self.consents: dict[int, str] = {}  # of the actions as they were read
        self.new: dict[int, Action] = {}
        self.changed: dict[int, Action] = {}
        self.joined: dict[int, int] = {}  # action -> the highest tier that speaks for it anew: a lone claim does not
        self.willing: set[int] = set()  # actions that a browser speaks for anew that may be told of
        self.merged: list[tuple[int, int]] = []  # (winner, loser)
        self.events: list[tuple[Any, ...]] = []
        self.keys: list[tuple[bytes, int]] = []
        self.copies: list[tuple[int, int]] = []
        self.owners: dict[int, int | None] = {}  # action -> the order that stands for it
        self.tally: Counter[str] = Counter()
        self.appended: list[tuple[int, int, Event]] = []  # (action, position, copy)
        self.moved: list[tuple[bytes, int]] = []  # keys that lead to a higher tier's action from now on
        self.superseded: list[tuple[int, int]] = []  # (action, successor)
        self.carried: list[tuple[int, int]] = []  # (action, position of a copy that came for another)

    def load(self, ids: Iterable[int]) -> None:
        """Reads the actions of these ids, which this transaction has for itself until its end."""
        for row in self._engine.run("select_actions", (id_array(ids),)):
            action = Action(**dict(zip(Action.__struct_fields__, row, strict=True)))
            self.actions[action.id], self.consents[action.id] = action, action.consent

    def load_more(self, action: int) -> None:
        """One that others led to. Whoever has some actions and waits for another is waited for, so where somebody else has it this
        transaction is done again with nobody beside it."""
        if self._revisions.beside and not self._engine.run("hold_actions", (id_array([action]),)):
            raise NotBeside
        self.load([action])

    def resolve(self, action_id: int) -> Action | None:
        """The action of that id, or the one that it was merged into; None where it is not of this batch."""
        action = self.actions.get(action_id)
        while action is not None and action.merged_into is not None:
            if action.merged_into not in self.actions:
                self.load_more(action.merged_into)
            action = self.actions.get(action.merged_into)
        return action
