"""What the client tells the program about events that did not go the usual way."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(str, Enum):  # noqa: UP042 - the client runs on Python 3.9
    """Each says whether the event is still under way."""

    REFUSED = "refused"  # the gateway said no and will say no again: the event is gone
    FULL = "full"  # the queue is full, the event was not taken: the event is gone
    LOST = "lost"  # closed before it could be sent, and there is no spool: the event is gone
    DENIED = "denied"  # the gateway does not know the key, the dataset or the path: tried again, slowly
    SPOOL = "spool"  # the spool cannot be written: events are kept in memory only


class Problem(NamedTuple):
    """One event, or the connection as a whole when ``event_id`` is None. Holds no contact data."""

    kind: Kind
    reason: str  # one sentence: what was expected, what was got, where
    event_name: str | None = None  # "order" and so on for bodies of `Client.order`
    event_id: str | None = None
    place: int | None = None  # place in the request, as the gateway's own log names it
