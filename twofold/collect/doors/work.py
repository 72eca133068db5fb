"""What a door hands to the router: what to store, and what to say once it is on disk. Every door has this one shape.

Owns `Work`, the protocol of a door, and the works that doors share: a body that is refused, a batch of which some copies
are. Storing is the router's, the words of an answer are `answers`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from twofold.collect import answers
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import JSON, JSON_CORS, Answer, Reply, Request
from twofold.collect.refused import RefusedCopy, copy_row, refused_row
from twofold.event.model import Event
from twofold.event.refusal import DropReason, Refusal
from twofold.store.engine import RefusedRow
from twofold.store.lines.row import LineEntry
from twofold.store.orders.ledger import OrderEntry
from twofold.touch.model import Sign

Headers = tuple[tuple[bytes, bytes], ...]


class Work(Struct, kw_only=True):
    """What is to be stored of one request; ``answer`` is called when it is on disk. ``entry`` names the door."""

    entry: str
    answer: Callable[[], Answer]
    events: list[Event] = []
    rows: Sequence[RefusedRow] = ()
    orders: Sequence[OrderEntry] = ()
    signs: Sequence[Sign] = ()
    lines: Sequence[LineEntry] = ()


class Door(Protocol):
    """What answers a path. Its methods run on the event loop's thread and never wait."""

    def take(self, request: Request) -> Work | Reply:
        """A POST whose body is whole and unpacked. A reply of its own when there is nothing to append."""
        ...

    def refuse(self, request: Request, refusal: Refusal) -> Work | Reply:
        """A POST whose body is too large or cannot be unpacked."""
        ...

    def greet(self, request: Request) -> Work | Reply | None:
        """Any other method than POST; None where only POST is answered."""
        ...

    def too_much(self, request: Request, over: Over) -> Work | Reply | None:
        """A POST from an address whose bytes of a minute are spent; None where it may be read all the same."""
        ...


def refused_work(
    now: int, entry: str, dataset: str, refusal: Refusal, request: Request, answer: Answer | None = None
) -> Work:
    """A body of which nothing is taken: kept masked, and answered by its reason unless the door has a fixed answer."""
    row = refused_row(now, entry, dataset, refusal, request.body or request.query.encode())
    return Work(entry=entry, rows=[row], answer=lambda: answer or Answer(*answers.refused([refusal])))


def wait_for(over: Over) -> Answer:
    """429 for whoever keeps what it sent and sends it again."""
    said = answers.failed(f"more {over.what} than the limit; send them again later", code=4)
    return Answer(429, said, (*JSON_CORS, (b"retry-after", str(over.retry_s).encode())))


class Batch(Struct):
    """The copies of one request: those that are taken, those that are not, and what is said of either."""

    events: list[Event] = []
    refused: list[RefusedCopy] = []
    notes: list[str] = []
    signs: list[Sign] = []

    def refuse(self, refusal: Refusal, index: int, item: object = None) -> None:
        said = Refusal(
            reason=refusal.reason, path=refusal.path, expected=refusal.expected, got=refusal.got, index=index
        )
        self.refused.append(RefusedCopy(said, item))

    def work(
        self, now: int, entry: str, dataset: str, request: Request, *, strict: bool, headers: Headers = JSON
    ) -> Work:
        """Takes what is valid, keeps what is not, and says which is which. ``strict``: all or nothing."""
        events, notes, refused = self.events, self.notes, self.refused
        if not refused:
            return Work(
                entry=entry,
                events=events,
                signs=self.signs,
                answer=lambda: Answer(200, answers.accepted(len(events), (), notes), headers),
            )
        refusals = [r.refusal for r in refused]
        rows = [copy_row(now, entry, dataset, r, request.body) for r in refused]
        if strict and events:
            whole = Refusal(reason=DropReason.WHOLE_BATCH, got=f"{len(events)} valid events beside an invalid one")
            rows.append(refused_row(now, entry, dataset, whole, request.body))
            events = []
        if not events:
            return Work(entry=entry, rows=rows, answer=lambda: Answer(*answers.refused(refusals), headers))
        return Work(
            entry=entry,
            events=events,
            rows=rows,
            signs=self.signs,
            answer=lambda: Answer(200, answers.accepted(len(events), refusals, notes), headers),
        )
