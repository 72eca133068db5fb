"""Into which part of the actions a conversion falls when Insights is asked for `action_breakdowns`.

Owns the names that this receiver knows and each conversion's value. The names are the Marketing API's ("Insights",
read September 2026); the **values are ours**, read from what was received: Meta's lists of values were not found, and
what a touch was made on is not known here. Every conversion falls into exactly one part.
"""

from __future__ import annotations

from collections.abc import Callable

from twofold.sandbox.judge.stats import AGGREGATIONS
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.received import Inbox, Received

UNKNOWN = "unknown"
Part = tuple[tuple[str, str], ...]  # breakdown and value, in the order asked for
Values = Callable[[Received], str]


def _by_aggregation(name: str) -> Callable[[Inbox], Values]:
    """The same value that the dataset's ``/stats`` counts the kept copy under."""
    values_of = AGGREGATIONS[name]
    return lambda _: lambda copy: next(iter(values_of(copy)), UNKNOWN)


def _by_signal(inbox: Inbox) -> Values:
    """Which sides sent a copy of the conversion, the dropped ones included."""
    sent = {source: set[int]() for source in Source}
    for copy in inbox.received():
        sent[copy.arrival.source].add(inbox.counted_for(copy).number)

    def side(copy: Received) -> str:
        browser, server = (copy.number in sent[source] for source in (Source.BROWSER, Source.SERVER))
        return "both" if browser and server else "browser" if browser else "server" if server else UNKNOWN

    return side


BREAKDOWNS: dict[str, Callable[[Inbox], Values]] = {
    "action_device": _by_aggregation("device_type"),  # of the event's user agent
    "action_destination": _by_aggregation("host"),  # of the event's address
    "signal_source_bucket": _by_signal,
}


def part_finder(inbox: Inbox, names: tuple[str, ...]) -> Callable[[int], Part]:
    """From a counted copy's number to its part; the empty part when nothing is broken down."""
    values = [(name, BREAKDOWNS[name](inbox)) for name in names]
    return lambda number: tuple((name, value(inbox.copy(number))) for name, value in values)


def unknown_part(names: tuple[str, ...]) -> Part:
    """Of actions that happened on Meta itself: a touch is loaded without device, address or signal."""
    return tuple((name, UNKNOWN) for name in names)
