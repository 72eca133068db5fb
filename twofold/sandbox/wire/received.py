"""What this receiver has kept: copies with their verdicts, running counts, and what was refused.

Owns memory and the optional data folder. `Inbox` is the only door to both. The file holds arrivals only, one JSON
line each; verdicts are computed again from it at start, so they can never disagree with the rules.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from twofold.errors import StoreLocked
from twofold.sandbox.wire.dedup import Copy, Deduplicator, DedupOptions, Reason, Source, State

KEEP_REFUSED = 10_000  # entries; the oldest go first
FILE_NAME = "received.jsonl"
REFUSED_NAME = "refused.jsonl"
LOCK_NAME = "lock"

# Arrival's fields with few different values among many events
SHARED = (
    "dataset", "event_name", "action_source", "event_source_url", "user_keys", "currency", "diagnostics",
    "test_event_code", "partner_agent", "client", "flags",
)  # fmt: skip

_EXACT = Context(prec=60)  # 28 digits would round a long sum


class Arrival(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One valid event as it came. ``event`` is the event's JSON as sent (a pixel hit as the event it stands for)."""

    dataset: str
    event_name: str
    event_time: int  # Unix seconds
    source: Source
    event: msgspec.Raw
    event_id: str | None = None
    action_source: str = "website"
    event_source_url: str | None = None
    user_keys: tuple[str, ...] = ()  # names only
    fbp: str | None = None  # for comparing: without appendix
    external_ids: tuple[str, ...] = ()  # for comparing: without appendix
    person: str = ""  # store events only: digest of all user_data
    value: Decimal | None = None
    currency: str | None = None
    order_id: str | None = None
    item_number: str | None = None
    diagnostics: tuple[str, ...] = ()
    test_event_code: str | None = None
    partner_agent: str | None = None
    client: str | None = None  # User-Agent of the request
    flags: tuple[str, ...] = ()  # of `flags.Flag`
    contacts: tuple[str, ...] = ()  # hashes of e-mail and phone, only for the limited order id rule


class Received(Struct, kw_only=True, gc=False):
    """One kept copy. Its state changes once at most, when a browser copy replaces it."""

    number: int  # place in the order of arrival, from 1
    received_at: int  # ms
    arrival: Arrival
    state: State
    reason: Reason
    counterpart: int | None = None


class RefusedEntry(Struct, frozen=True, kw_only=True):
    """One refused request, without its content but the invalid event's name. ``index`` is the first invalid event's place in the batch."""

    at: int  # ms
    dataset: str
    endpoint: str  # events or tr
    status: int
    code: int
    subcode: int | None
    title: str
    detail: str
    blame: tuple[str, ...]
    index: int | None
    count: int  # events in the request, 0 when unreadable
    trace: str
    event_name: str = ""  # of the invalid event, when it has one
    diagnostics: tuple[str, ...] = ()


class Total(Struct):
    """Counted events of one currency."""

    count: int = 0
    amount: Decimal = Decimal(0)


class Tally(Struct):
    """Of one dataset and event name: browser + server + app = deduplicated + counted, always."""

    browser: int = 0
    server: int = 0
    app: int = 0
    deduplicated: int = 0
    counted: int = 0
    values: dict[str, Total] = msgspec.field(default_factory=dict)  # currency, or "" when none was sent


class _Line(Struct, frozen=True):
    received_at: int
    arrival: Arrival


_encode_line = msgspec.json.Encoder(decimal_format="string").encode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_refused = msgspec.json.Decoder(RefusedEntry).decode


class Inbox:
    """Everything kept. Not thread-safe: one event loop owns it."""

    def __init__(self, *, options: DedupOptions, capacity: int, folder: Path | None = None) -> None:
        self.version = 0  # grows with every change, so that a watcher knows when to look
        self._options = options
        self._capacity = capacity
        self._file: IO[bytes] | None = None
        self._refused_file: IO[bytes] | None = None
        self._refused_lines = 0
        self._lock: int | None = None
        self._forget()
        if folder is not None:
            self._open(folder)

    def __len__(self) -> int:
        return len(self._received)

    def has_room(self, count: int) -> bool:
        """False when ``count`` more copies would pass the capacity; the sender must then be told."""
        return len(self._received) + count <= self._capacity

    def keep(self, arrivals: Iterable[Arrival], received_at: int) -> list[Received]:
        """Judges and keeps one accepted request, in its own order. ``received_at`` is in ms."""
        arrivals = list(arrivals)
        if self._file is not None:
            self._file.write(b"".join(_encode_line(_Line(received_at, a)) + b"\n" for a in arrivals))
            self._file.flush()
        return [self._take(arrival, received_at) for arrival in arrivals]

    def refuse(self, entry: RefusedEntry) -> None:
        self.refused.append(entry)
        self.version += 1
        if self._refused_file is None:
            return
        self._refused_file.write(_encode_line(entry) + b"\n")
        self._refused_file.flush()
        self._refused_lines += 1
        if self._refused_lines >= 2 * KEEP_REFUSED:
            self._rewrite_refused()

    def received(self) -> Iterator[Received]:
        """All kept copies, oldest first."""
        return iter(self._received)

    def copy(self, number: int) -> Received:
        return self._received[number - 1]

    def newest(self) -> Iterator[Received]:
        """All kept copies, newest first."""
        return reversed(self._received)

    def tallies(self) -> dict[tuple[str, str], Tally]:
        """Running counts by (dataset, event name)."""
        return self._tallies

    def counted_for(self, copy: Received) -> Received:
        """The counted copy that this one was folded into; itself when it counts."""
        while copy.state is State.DEDUPLICATED and copy.counterpart is not None:
            copy = self.copy(copy.counterpart)
        return copy

    def copies_per_action(self) -> Counter[int]:
        """How many copies stand behind each counted copy, by number."""
        return Counter(self.counted_for(copy).number for copy in self._received)

    def reset(self) -> None:
        """Forgets everything, the file's content included."""
        self._forget()
        if self._file is not None:
            self._file.truncate(0)
        if self._refused_file is not None:
            self._rewrite_refused()

    def close(self) -> None:
        for file in (self._file, self._refused_file):
            if file is not None:
                file.close()
        self._file = self._refused_file = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _forget(self) -> None:
        self._received: list[Received] = []
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._shared: dict[Any, Any] = {}
        self._judge = Deduplicator(self._options).judge
        self.refused: deque[RefusedEntry] = deque(maxlen=KEEP_REFUSED)
        self.version += 1

    def _take(self, arrival: Arrival, received_at: int) -> Received:
        number = len(self._received) + 1
        arrival = self._share(arrival)
        verdict = self._judge(_copy(number, arrival, received_at))
        copy = Received(
            number=number,
            received_at=received_at,
            arrival=arrival,
            state=verdict.state,
            reason=verdict.reason,
            counterpart=verdict.counterpart,
        )
        self._received.append(copy)
        self._count(copy)
        if verdict.demoted is not None:
            self._demote(self.copy(verdict.demoted), by=number)
        self.version += 1
        return copy

    def _share(self, arrival: Arrival) -> Arrival:
        """The same arrival with its often repeated values kept once: a fifth of the memory of 100,000 events."""
        shared = self._shared
        values = {name: shared.setdefault(value, value) for name in SHARED if (value := getattr(arrival, name))}
        return msgspec.structs.replace(arrival, **values)

    def _demote(self, copy: Received, *, by: int) -> None:
        tally = self._tally(copy)
        tally.counted -= 1
        tally.deduplicated += 1
        _add(tally, copy.arrival, -1)
        copy.state, copy.reason, copy.counterpart = State.DEDUPLICATED, Reason.REPLACED_BY_BROWSER, by

    def _count(self, copy: Received) -> None:
        tally = self._tally(copy)
        match copy.arrival.source:
            case Source.BROWSER:
                tally.browser += 1
            case Source.SERVER:
                tally.server += 1
            case Source.APP:
                tally.app += 1
        if copy.state is State.DEDUPLICATED:
            tally.deduplicated += 1
            return
        tally.counted += 1
        _add(tally, copy.arrival, +1)

    def _tally(self, copy: Received) -> Tally:
        return self._tallies.setdefault((copy.arrival.dataset, copy.arrival.event_name), Tally())

    def _open(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock_folder(folder)
        self._refused_file = _open_file(folder / REFUSED_NAME)
        for line in _whole_lines(self._refused_file):
            self.refused.append(_decode_refused(line))
            self._refused_lines += 1
        self._file = _open_file(folder / FILE_NAME)
        for line in _whole_lines(self._file):
            entry = _decode_line(line)
            # A Raw points into its line; a copy lets the line go.
            event = msgspec.Raw(bytes(entry.arrival.event))
            self._take(msgspec.structs.replace(entry.arrival, event=event), entry.received_at)

    def _rewrite_refused(self) -> None:
        """Only the entries that are still kept: the file is at most twice as long as the list."""
        assert self._refused_file is not None
        self._refused_file.truncate(0)
        self._refused_file.write(b"".join(_encode_line(entry) + b"\n" for entry in self.refused))
        self._refused_file.flush()
        self._refused_lines = len(self.refused)


def _lock_folder(folder: Path) -> int:
    """An open lock file that no other process has; raises `StoreLocked`."""
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreLocked(f"sandbox data folder {folder}: another sandbox uses it; stop it first") from None
    return descriptor


def _open_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+")


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Every finished line; what follows the last one was cut off by a crash, was never answered, and is removed."""
    whole = 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        yield line
        whole += len(line)
    file.truncate(whole)


def exact_text(amount: Decimal) -> str:
    """A Decimal in plain digits without needless zeros: the same sum always reads the same."""
    return format(amount.normalize(_EXACT) if amount else Decimal(0), "f")


def _add(tally: Tally, arrival: Arrival, sign: int) -> None:
    if arrival.value is None:
        return
    currency = arrival.currency or ""
    total = tally.values.setdefault(currency, Total())
    total.count += sign
    signed = arrival.value if sign > 0 else arrival.value.copy_negate()  # a plain minus would round to 28 digits
    total.amount = _EXACT.add(total.amount, signed)
    if not total.count:
        del tally.values[currency]


def _copy(number: int, arrival: Arrival, received_at: int) -> Copy:
    return Copy(
        number=number,
        dataset=arrival.dataset,
        event_name=arrival.event_name,
        source=arrival.source,
        received_at=received_at,
        event_id=arrival.event_id,
        action_source=arrival.action_source,
        fbp=arrival.fbp,
        external_ids=arrival.external_ids,
        event_time=arrival.event_time,
        item_number=arrival.item_number,
        order_id=arrival.order_id,
        person=arrival.person,
        contacts=arrival.contacts,
    )


def encode_event(event: dict[str, Any]) -> msgspec.Raw:
    """An event's JSON; exact numbers stay numbers."""
    return msgspec.Raw(_encode_event(event))


_encode_event = msgspec.json.Encoder(decimal_format="number").encode
