"""What was planted against what was found: by which findings a fault is named, and whether it stands first.

Owns that table and the judgement of one world.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from twofold.router.finding import Finding, Kind
from twofold.simulate.signal.scenario import FaultKind

NAMED_BY: dict[FaultKind, frozenset[Kind]] = {
    FaultKind.NO_BROWSER: frozenset({Kind.NO_BROWSER}),
    FaultKind.NO_SERVER: frozenset({Kind.NO_SERVER}),
    FaultKind.LATE: frozenset({Kind.LATE_SENDER}),
    FaultKind.NOT_MEETING: frozenset({Kind.NOT_MEETING}),
    FaultKind.ORDER_NUMBERS: frozenset({Kind.ORDER_UNKNOWN}),
    FaultKind.MINOR_UNITS: frozenset({Kind.PAGE_MONEY}),
    FaultKind.CURRENCY: frozenset({Kind.PAGE_MONEY}),
    FaultKind.TAX: frozenset({Kind.PAGE_MONEY}),
    FaultKind.SHIPPING: frozenset({Kind.PAGE_MONEY}),
    FaultKind.DISCOUNT: frozenset({Kind.PAGE_MONEY}),
    FaultKind.TOKEN_DEAD: frozenset({Kind.TOKEN}),
    FaultKind.TOKEN_ENDS: frozenset({Kind.TOKEN_ENDS}),
    FaultKind.WRONG_DATASET: frozenset({Kind.DATASET_DENIED}),
    FaultKind.TEST_CODE: frozenset({Kind.TEST_CODE}),
    FaultKind.SERVER_ADDRESS: frozenset({Kind.SERVER_ADDRESS}),
    FaultKind.CLICK_LOWERED: frozenset({Kind.CLICK_BROKEN}),
    FaultKind.CLICK_STRIPPED: frozenset({Kind.CLICK_STRIPPED}),
    FaultKind.IDS_ANEW: frozenset({Kind.IDS_ANEW}),
    FaultKind.TWO_OWNERS: frozenset({Kind.TWO_OWNERS}),
    FaultKind.RELOADS: frozenset({Kind.RELOADED}),
    FaultKind.CONSENT: frozenset({Kind.CONSENT}),
    FaultKind.TOPIC: frozenset({Kind.TOPIC_SILENT}),
    FaultKind.CLOCK: frozenset({Kind.CLOCK}),
    FaultKind.ZONE: frozenset({Kind.ZONE}),
    FaultKind.ROBOTS: frozenset({Kind.ROBOTS}),
    FaultKind.BLOCKED: frozenset({Kind.BLOCKED}),
    FaultKind.BUTTON: frozenset({Kind.BUTTON}),
    FaultKind.CHECKOUT: frozenset({Kind.STOPPED, Kind.FEWER}),
    FaultKind.EVENT_LOST: frozenset({Kind.STOPPED, Kind.FEWER}),
    FaultKind.TEST_ORDERS: frozenset({Kind.TEST_ORDERS}),
    FaultKind.SECRET: frozenset({Kind.WEBHOOK_SECRET}),
    FaultKind.FOREIGN_SITE: frozenset({Kind.FOREIGN_SITE}),
    FaultKind.KEY_LOST: frozenset({Kind.KEY_LOST}),
    FaultKind.RESTATES: frozenset({Kind.RESTATED}),
    FaultKind.NEW_SENDER: frozenset({Kind.NEW_SENDER}),
}
FIRST_OF_MORE = 3
"""Of several faults each stands among so many."""


class Judged(Struct, frozen=True, kw_only=True):
    """One planted fault. ``rank``: the first finding that names it, from 1; 0 where none does."""

    fault: FaultKind
    rank: int
    first: bool
    named: str


def judge(faults: Sequence[FaultKind], found: Sequence[Finding]) -> list[Judged]:
    """Each fault with the finding that names it. One fault has to stand first, of several each among the first three."""
    limit = 1 if len(faults) == 1 else FIRST_OF_MORE
    judged = []
    for fault in faults:
        at = next((n for n, f in enumerate(found, 1) if f.kind in NAMED_BY[fault]), 0)
        judged.append(Judged(fault=fault, rank=at, first=0 < at <= limit, named=found[at - 1].key if at else ""))
    return judged


def false_alarms(faults: Sequence[FaultKind], found: Sequence[Finding]) -> list[Finding]:
    """Findings that neither name a planted fault nor follow from another finding."""
    named = frozenset[Kind]().union(*(NAMED_BY[fault] for fault in faults))
    return [f for f in found if f.kind not in named and not f.because]
