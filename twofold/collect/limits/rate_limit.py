"""How much a stranger may send: events by client address and dataset and by dataset and event name, bytes by address.

Owns the buckets and the cutting of an address to who is behind it; the doors say what an answer over the limit is.
A bucket is one number, the time at which it is full again (the generic cell rate algorithm, ITU-T I.371), so an
event costs a look into one table. The tables are bounded: whoever was not seen for longest is forgotten first, which
gives that client a full bucket and nobody less.

Events do not tell how much work a body is: one of a megabyte takes as long as a thousand events, and one that is refused
holds none. So the larger bodies of whoever shows no key are counted by their bytes as well, before they are read.

An address is not a person: an office or a mobile carrier's gateway stands for thousands. The limit is against one
machine that floods, and must be far above what many shoppers do together. Addresses of private networks are not
limited at all: behind one of them is a proxy of the shop's own, that is everybody.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.event.addresses import is_private, read_address
from twofold.event.model import Event, Tier

MINUTE_MS = 60_000
MAX_CLIENTS = 50_000
MAX_NAMES = 10_000  # event names are a stranger's choice
MAX_AT_ONCE = 100  # events of one request, `doors.MAX_TAG_EVENTS`
MAX_KEPT = 10  # rows of refused hits in a minute: enough to look at, too few to push the other refused bodies out
FREE_BYTES = 4_096  # of a body: below it the request itself is the work, which a proxy in front counts better
BYTES_OF_AN_EVENT = 8_192  # for each event of a minute: a shopper's is a tenth of it
_PREFIX_V6 = 64  # what one household or one machine gets; the rest is its own to choose (RFC 6177, RFC 4941)


class Buckets:
    """Token buckets of one kind: ``per_minute`` refilled evenly, and a minute's worth at once at most."""

    __slots__ = ("_full_at", "_max")

    def __init__(self, most: int) -> None:
        # In the order of the last use. A plain dict would look through all it has lost to find its first.
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()  # ms
        self._max = most

    def wait_ms(self, key: tuple[str, str], n: int, per_minute: float, now_ms: int) -> float:
        """How long until ``n`` may be taken; 0 when they may be now. Takes nothing.

        More at once than a bucket ever holds may be taken from a full one, which then is empty for longer.
        """
        owed = self._owed(key, per_minute, now_ms)
        return max(0.0, owed + (min(n, per_minute) / per_minute - 1) * MINUTE_MS) if owed else 0.0

    def take(self, key: tuple[str, str], n: int, per_minute: float, now_ms: int) -> None:
        """Whoever takes without asking, from doors that hold nobody up, empties the bucket and no more than that."""
        owed = self._owed(key, per_minute, now_ms)
        self._full_at[key] = now_ms + min(owed + n * MINUTE_MS / per_minute, _emptiest_ms(per_minute))
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max:
            self._full_at.popitem(last=False)

    def _owed(self, key: tuple[str, str], per_minute: float, now_ms: int) -> float:
        """Milliseconds until the bucket is full. One that could never have become so empty was filled by a clock that
        has been set back since: it must not lock a client out for as long as the jump."""
        owed = self._full_at.get(key, 0.0) - now_ms
        return owed if 0 < owed <= _emptiest_ms(per_minute) + 1 else 0.0  # a time in ms is no exact float

    def __len__(self) -> int:
        return len(self._full_at)


def _emptiest_ms(per_minute: float) -> float:
    """How long a bucket takes to be full that was asked before it was taken from."""
    return MINUTE_MS * (1 + MAX_AT_ONCE / per_minute)


class Over(Struct, frozen=True):
    """A limit that was reached. ``kind``: ``client``, ``name`` or ``bytes``."""

    kind: str
    retry_s: int

    @property
    def what(self) -> str:
        """What there was too much of."""
        return "bytes" if self.kind == "bytes" else "events"


class Rates:
    """The limits of all browser doors, as the datasets' rules state them; 0 is no limit."""

    def __init__(self, policies: Mapping[str, DatasetPolicy]) -> None:
        self._rules = {id_: policy.trust for id_, policy in policies.items()}
        self._any_name = any(rules.rate_name for rules in self._rules.values())
        self._unknown = TrustRules()  # for events that name no dataset of ours, which cost a row each
        self._clients = Buckets(MAX_CLIENTS)
        self._names = Buckets(MAX_NAMES)
        self._bytes = Buckets(MAX_CLIENTS)
        rates = [rules.rate for rules in (*self._rules.values(), self._unknown)]
        self._bytes_per_minute = int(max(rates) * BYTES_OF_AN_EVENT) if all(rates) else 0
        self._kept = Buckets(1)
        self._unkept = 0

    def over_for_client(self, address: str, datasets: Sequence[str], now_ms: int) -> Over | None:
        """Counts one event for each of ``datasets``, or nothing at all when one of them is over its limit."""
        client = client_of(address)
        if client is None:
            return None
        wanted = []
        counts = Counter(datasets) if len(datasets) > 1 else dict.fromkeys(datasets, 1)
        for dataset, n in counts.items():
            rules = self._rules.get(dataset)
            rate = (rules or self._unknown).rate
            if rate:
                wanted.append(((client, dataset if rules else ""), n, rate))
        return _take_all("client", self._clients, wanted, now_ms)

    def over_for_bytes(self, address: str, size: int, now_ms: int) -> Over | None:
        """Whether a body of that size is more than its sender has left. Counts nothing: `count_bytes` does, once it is
        known that no key was in it."""
        client, most = client_of(address), self._bytes_per_minute
        if client is None or not most:
            return None
        wait = self._bytes.wait_ms((client, ""), size, most, now_ms)
        return Over("bytes", max(1, -int(-wait // 1000))) if wait else None

    def count_bytes(self, address: str, size: int, now_ms: int) -> None:
        client, most = client_of(address), self._bytes_per_minute
        if client is not None and most:
            self._bytes.take((client, ""), min(size, most), most, now_ms)

    def over_for_name(self, events: Iterable[Event], now_ms: int) -> Over | None:
        """Counts untrusted events by name, or nothing at all when a name is over its limit."""
        if not self._any_name:
            return None
        named = Counter((e.dataset, e.event_name) for e in events if e.tier is Tier.T0)
        wanted = [(key, n, rules.rate_name) for key, n in named.items() if (rules := self._rules[key[0]]).rate_name]
        return _take_all("name", self._names, wanted, now_ms)

    def keep_row(self, now_ms: int) -> int | None:
        """How many refused hits this row stands for when it is one to keep; None when it is only counted."""
        self._unkept += 1
        if self._kept.wait_ms(("", ""), 1, MAX_KEPT, now_ms):
            return None
        self._kept.take(("", ""), 1, MAX_KEPT, now_ms)
        stands_for, self._unkept = self._unkept, 0
        return stands_for


@lru_cache(maxsize=16_384)
def client_of(address: str) -> str | None:
    """Who is behind an address, as far as it tells: an IPv4 address, the /64 of an IPv6 one; None when it tells nothing."""
    known = read_address(address)
    if known is None:
        return None  # no address at all: a socket file
    ip = ipaddress.ip_address(known)
    if is_private(known):
        return None
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return f"{int(ip) >> (128 - _PREFIX_V6):x}/64"


def _take_all(kind: str, buckets: Buckets, wanted: list[tuple[tuple[str, str], int, float]], now: int) -> Over | None:
    wait = 0.0
    for key, n, rate in wanted:
        wait = max(wait, buckets.wait_ms(key, n, rate, now))
    if wait > 0:
        return Over(kind, max(1, -int(-wait // 1000)))
    for key, n, rate in wanted:
        buckets.take(key, n, rate, now)
    return None
