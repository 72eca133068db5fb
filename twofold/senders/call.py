"""One call to a platform as it was observed: which event, under which ids, and which script made it.

Owns the values on which whoever observes (a browser's walk) and whoever joins (the inventory) agree. Nothing secret and no
contact data is in it: who makes one cleans addresses and ids first.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from twofold.senders.kinds import SenderClass

OURS = "twofold"
"""The platform of calls to our own doors."""


class Step(Struct, frozen=True, kw_only=True):
    """One part of a walk, in which calls were seen; ``page`` is where it ended."""

    name: str
    done: bool
    page: str = ""


class Call(Struct, frozen=True, kw_only=True):
    """Calls that are the same in all but their time count as one, ``count`` times. Times in Unix s.

    ``account``: pixel, dataset, tag or container id. ``url``: host and path of the call, without its query. ``script``: the
    script that answers for the call, by host and path; the page itself for what stands in its source. ``chain``: the scripts
    from the innermost out to whoever loaded them. ``certain`` is False where the way ended before an owner. ``place``: page,
    frame, worker, "service worker" or "shared worker". ``step``: which part of a walk, such as product, cart, checkout.
    """

    platform: str
    event: str
    sender_class: SenderClass
    script: str
    first_seen: int
    last_seen: int
    count: int = 1
    certain: bool = True
    chain: tuple[str, ...] = ()
    place: str = "page"
    page: str = ""
    step: str = ""
    account: str = ""
    event_id: str = ""
    order_id: str = ""
    value: Decimal | None = None
    currency: str = ""
    agent: str = ""
    url: str = ""
