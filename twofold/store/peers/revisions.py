"""What one process keeps in memory of the database, and hears of when another one changes it.

Owns the table `revision`: a number for each kind of thing that somebody keeps in memory. Whoever changes such a thing raises
its number in the same transaction; every transaction begins by reading them (`catch_up`), and reads anew what was raised
since. Once more before a request is sent (`Store.look`), so that what one process has withdrawn or paused is obeyed by all
before the next send. What is kept may only be true too often: a hint that is late costs a look, never a wrong answer.

Transactions that run beside each other see what the others commit meanwhile, and what is in memory does not change with it.
So what would be wrong together with newer rows is raised only in a transaction that has the database for itself: one that runs
beside others is told to begin anew that way (`NotBeside`). What may be heard a moment later, as if this transaction had been
the earlier one, is raised ``beside``.

In a folder that is one process's alone nothing is raised and nothing read: memory is the truth there, and an accept pays
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twofold.errors import StoreFailed
from twofold.store.engine import NotBeside
from twofold.store.peers.places import ALONE, Place
from twofold.store.sqlite.statements import Run

if TYPE_CHECKING:  # it knows the orders, which know the revisions
    from twofold.store.engine import Database

PAUSES, WITHDRAWALS, CONSENT, BROWSERS, SIGNS = "pauses", "withdrawals", "consent", "browsers", "signs"
ORDERS, SUPERSEDED, ERASED, DAYS = "orders", "superseded", "erased", "days"


class Revisions:
    """Of one process. `listen` while it is put together; the others inside transactions."""

    def __init__(self, engine: Database, place: Place = ALONE) -> None:
        self._engine = engine
        self.place = place
        self.alone = place.alone  # asked at each accept
        self.beside = False  # others' transactions may run beside this one
        self._heard: dict[str, list[Callable[[], None]]] = {}
        self._known: dict[str, int] = {}
        self._raised: dict[str, int] = {}  # by this transaction
        if not self.alone:
            self._known = dict(engine.run("select_revisions", (place.number,)))

    def listen(self, kind: str, changed: Callable[[], None]) -> None:
        """``changed`` is called inside a transaction after another process has changed something of this kind."""
        self._heard.setdefault(kind, []).append(changed)

    def catch_up(self) -> None:
        """At the beginning of each transaction. Raises `StoreFailed` when this process's name was taken by another one."""
        if self.alone:
            return
        for kind, number in self._engine.run("select_revisions", (self.place.number,)):
            if number == self._known.get(kind):
                continue
            if kind == "":
                raise StoreFailed(f"another process works under the name {self.place.name} now; give each its own")
            self._known[kind] = number
            for changed in self._heard.get(kind, ()):
                changed()

    def raise_(self, kind: str, *, beside: bool = False) -> None:
        """Something of this kind is changed by this transaction, once however often. ``beside``: who hears of it only in the
        next transaction is not wrong in this one."""
        if self.alone or kind in self._raised:
            return
        if self.beside and not beside:
            raise NotBeside
        self._raised[kind] = self._engine.run("raise_revision", (kind,))[0][0]

    def committed(self) -> None:
        """What this process raised itself it need not hear of, unless somebody else's number lies between."""
        for kind, number in self._raised.items():
            if number == self._known.get(kind, 0) + 1:
                self._known[kind] = number
        self._raised.clear()

    def rolled_back(self) -> None:
        self._raised.clear()

    def require_own(self, run: Run) -> None:
        """Raises `StoreFailed` where this process's name was taken by another one, while it was without its connection."""
        if not self.alone:
            told: dict[str, int] = dict(run("select_revisions", (self.place.number,)))
            if told.get("") != self.place.generation:
                raise StoreFailed(f"another process works under the name {self.place.name} now; give each its own")
