"""The seam below the store: what it asks of an engine, and the jobs that an engine commits.

Owns the two small protocols that an engine implements (`Database`, `Transaction`'s caller) and the unit of work that
passes between. Nothing above knows which engine it is; errors arrive as `StoreFull` (try again when there is room),
`StoreFailed` (nothing further may be acknowledged) or another `StoreError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from twofold.event.model import Event
from twofold.store.lines.row import LineEntry
from twofold.store.orders.ledger import OrderEntry
from twofold.touch.model import Sign


class RefusedRow(NamedTuple):
    """One row of the refused table, in its column order; the body is masked already."""

    received_at: int
    door: str
    dataset: str
    event_name: str
    event_id: str
    reason: str
    batch_index: int | None
    path: str
    expected: str
    got: str
    size: int
    body: str
    trace: str = ""  # of the answer


class Job(Struct, kw_only=True):
    """One unit of work for the writer: an append (``events``, ``refused``, ``orders``) or any other change (``work``)."""

    future: asyncio.Future[Any]
    events: Sequence[Event] = ()
    refused: Sequence[RefusedRow] = ()
    orders: Sequence[OrderEntry] = ()
    signs: Sequence[Sign] = ()
    lines: Sequence[LineEntry] = ()
    counts_orders: bool = False  # the future gets how many orders told something new, instead of verdicts
    work: Callable[[], Any] | None = None
    wakes: bool = False  # the workers may have something to do once it is committed
    result: Any = None  # what the future gets once it is on disk

    @property
    def weight(self) -> int:
        """How much of the queue it takes."""
        return len(self.events) + len(self.refused) + len(self.orders) + len(self.lines)


class Database(Protocol):
    """The writing connection. Used from one thread at a time."""

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs the statement called ``name`` and returns its rows."""

    def run_rows(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a row statement for all of ``rows``."""

    def script(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """SQL whose text is made at run time: tables of a day, whose names we make ourselves."""

    def changes(self) -> int:
        """Rows changed by the last statement."""

    def begin(self) -> None: ...

    def commit(self) -> None:
        """Returns when the transaction is on disk."""

    def rollback(self) -> None:
        """Ends a transaction if one is open."""

    def close(self) -> None: ...


class Transaction(Protocol):
    """What is done inside a transaction, and what has to be told of its end."""

    def write(self, jobs: Sequence[Job]) -> list[Any]:
        """Runs the statements of all jobs; one result a job."""

    def flush(self) -> None:
        """On the committing thread, before the commit: what must be on disk elsewhere first."""

    def committed(self) -> None: ...

    def rolled_back(self) -> None: ...
