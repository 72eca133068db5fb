"""The seam below the store: what it asks of an engine, and the jobs that an engine commits.

Owns the two small protocols that an engine implements (`Database`, `Transaction`'s caller), the unit of work that passes
between, and the number of the tables' form. Nothing above knows which engine it is; errors arrive as `StoreFull` (try
again when there is room), `StoreFailed` (nothing further may be acknowledged) or another `StoreError`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:  # whoever makes these runs statements, too
    import asyncio

    from twofold.event.model import Event
    from twofold.store.lines.row import LineEntry
    from twofold.store.orders.ledger import OrderEntry
    from twofold.touch.model import Sign

SCHEMA_VERSION = 24
"""The form of the store's tables, on every engine; a step leads to each from the one before."""


class Numbers:
    """Whole numbers bound as one list; see `id_array`."""

    __slots__ = ("ids",)

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = array("q", ids)


class Digests:
    """Digests bound as one list; see `key_array`."""

    __slots__ = ("keys",)

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys = tuple(keys)


def id_array(ids: Iterable[int]) -> Any:
    """Whole numbers as one value, for ``/*ids*/ (?)`` and ``/*each*/ (?)``."""
    return Numbers(ids)


def key_array(keys: Iterable[bytes]) -> Any:
    """Digests as one value, for the same."""
    return Digests(keys)


class NotBeside(Exception):
    """What a transaction came upon may not be written beside others: all of it is done again with nobody beside it."""


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
    beside: bool = (
        False  # what it reads and writes it holds by itself, so other processes' transactions may run meanwhile
    )
    tries: int = 0  # how often another process was in its way
    result: Any = None  # what the future gets once it is on disk

    @property
    def weight(self) -> int:
        """How much of the queue it takes."""
        return len(self.events) + len(self.refused) + len(self.orders) + len(self.lines)


class Database(Protocol):
    """The writing connection. Used from one thread at a time."""

    folder: Path
    """What is kept beside the database: secret, watermark, withdrawals."""
    stale: bool
    """The connection was lost and opened again: what is kept in memory of the database is to be read afresh."""
    on_back: Callable[[Any], None]
    """Called with a reader when the connection is back, before anything else runs on it; raises `StoreError` where the database is
    not what it was."""
    db: Any
    """The same connection for what reads as a reader does: ``db.execute(statement(name), values)``."""

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs the statement called ``name`` and returns its rows."""

    def run_rows(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a row statement for all of ``rows``."""

    def changes(self) -> int:
        """Rows changed by the last statement."""

    def occupy(self, number: int, /) -> bool:
        """Takes a place among several processes until `close`; False while another one has it."""

    def begin(self, beside: bool = False, /) -> None:
        """Opens a transaction: among several processes after those of all others, or ``beside`` those that may be."""

    def begin_now(self, beside: bool = False, /) -> bool:
        """The same without waiting for others: False where it is open, and `wait_turn` has to be called before anything else."""

    def wait_turn(self, beside: bool = False, /) -> None:
        """Returns when it is this transaction's turn. May run on a thread of its own while nobody else uses this."""

    def hurry(self) -> None:
        """On another thread than that which commits: its wait is cut short, and what it waited for is not acknowledged."""

    def commit(self) -> None:
        """Returns when the transaction is on disk."""

    def rollback(self) -> None:
        """Ends a transaction if one is open."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction of its own, before the commits are started: kept at the end, undone by an exception."""

    def forget_keys(self, keys: Iterable[bytes], actions: Iterable[int] | None = None) -> None:
        """Keys of the fold lead nowhere any more, or not to these actions."""

    def close(self, at_the_end: Callable[[], None] | None = None) -> None:
        """``at_the_end`` runs once the database is closed, while the folder is still this process's."""


class FoldKeys(Protocol):
    """The fold's memory: which action holds a key. Inside the writer's transaction; whoever finds keys has them until its end:
    no other writer finds or claims one of them meanwhile."""

    def reload(self) -> None:
        """Reads afresh what it holds in memory: after a rolled back transaction."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The actions that hold any of ``keys``."""

    def hold(self, keys: Iterable[bytes]) -> None:
        """No other process finds or claims one of these until the transaction's end."""

    def insert(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Claims keys for actions."""

    def move(self, rows: Sequence[tuple[bytes, int]], now_ms: int) -> None:
        """Leads known keys to other actions, which claim them for a whole window from now on."""

    def turn(self, now_ms: int) -> None:
        """Forgets what has left the window."""

    def spare(self, since_ms: int) -> None:
        """Nothing is forgotten for a whole window from then on."""

    def close(self) -> None: ...


class Transaction(Protocol):
    """What is done inside a transaction, and what has to be told of its end."""

    def write(self, jobs: Sequence[Job]) -> list[Any]:
        """Runs the statements of all jobs; one result a job."""

    def flush(self) -> None:
        """On the committing thread, before the commit: what must be on disk elsewhere first."""

    def committed(self) -> None: ...

    def rolled_back(self) -> None: ...

    def reread(self) -> None:
        """Inside a transaction, after a lost connection: what is kept in memory is read afresh, whatever was committed."""
