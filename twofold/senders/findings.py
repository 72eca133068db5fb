"""What is wrong with who sends what: no owner, two owners, somebody new, a wrong dataset, an end that is near. Pure.

Owns which of an inventory's rows is a finding, and its words. A side that was not looked at is said too, and is no fault.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from itertools import combinations

from msgspec import Struct

from twofold.senders.call import OURS
from twofold.senders.expectation import EVERY, Expectations, Named
from twofold.senders.inventory import Entry, of_one_event
from twofold.senders.kinds import RESPONSIBLE, SenderClass
from twofold.senders.observed import PAGES, SIDES

NOT_OWNED = frozenset(
    {"PageView", "page_view", "pageview", "pagevisit", "PAGE_VIEW", "PageVisit", "visit", "pageLoad", "Pageview"}
)
"""Every page may be told by several senders with ids of their own; nothing rests on it."""
_WAY_OF = {
    "pages": "give pages: --page FILE, --page ADDRESS, or --fetch",
    "browser": "walk the shop in a browser: see `twofold senders --help`",
    "journal": "name the data folder: --data or --config",
}


class Fault(StrEnum):
    """What can be wrong."""

    TWO_OWNERS = "two_owners"  # they tell one event under ids that do not meet
    NO_OWNER = "no_owner"  # several send it, and nobody said whose it is
    OWNER_SILENT = "owner_silent"  # the one who is meant to send it does not
    UNEXPECTED = "unexpected"  # somebody said what is expected, and this is not
    MISSING = "missing"  # it is expected and does not come
    OTHER_DATASET = "other_dataset"  # a sender of Meta's events names a dataset that is not configured
    BESIDE = "beside"  # surely sends to Meta, which events is not to be seen
    UNKNOWN = "unknown"  # nobody knows what software it is
    ENDS = "ends"  # stops working on a date, or has
    NOT_LOOKED = "not_looked"  # a side that was not asked


class SenderFinding(Struct, frozen=True, kw_only=True):
    """``who``: the role whose work it is."""

    fault: Fault
    container: str = ""
    event: str = ""
    senders: tuple[str, ...] = ()
    since: int | None = None
    text: str
    do: str
    who: str = ""

    @property
    def key(self) -> str:
        return ":".join(filter(None, (self.fault.value, self.container, self.event, ",".join(self.senders))))


def findings_of_inventory(
    rows: Sequence[Entry], *, datasets: Sequence[str], owners: dict[tuple[str, str], Named], expected: Expectations,
    sides: Collection[str] = SIDES,
) -> list[SenderFinding]:  # fmt: skip
    """Every finding, in the order of `Fault`. ``sides``: those that were looked at."""
    found = [
        *_owning(rows, owners),
        *_expecting(rows, expected),
        *_foreign(rows, datasets),
        *_beside(rows),
        *_ending(rows),
    ]
    found += [
        SenderFinding(fault=Fault.NOT_LOOKED, senders=(side,), text=f"The side {side} was not looked at.", do=_WAY_OF[side])
        for side in SIDES if side not in sides
    ]  # fmt: skip
    return sorted(found, key=lambda f: (list(Fault).index(f.fault), f.container, f.event, f.senders))


def do_meet(one: Entry, other: Entry) -> bool:
    """Whether their copies of one event are under the same ids."""
    return other.sender in one.meets or one.sender in other.meets


def apart(some: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Pairs of senders of one event of which it is known that they do not meet, also not through a third. What was only read
    in a page's source has no ids to compare; of two that came to us, our journal's count decides."""
    group = {id(row): {id(row)} for row in some}
    for one, other in combinations(some, 2):
        if do_meet(one, other) and group[id(one)] is not group[id(other)]:
            whole = group[id(one)] | group[id(other)]
            group |= dict.fromkeys(whole, whole)
    for one, other in combinations(some, 2):
        if one.sender == other.sender:
            continue
        counted = other.sender in one.apart or one.sender in other.apart
        is_open = (PAGES,) in (one.sides, other.sides) or one.platform == other.platform == OURS
        if counted or (not is_open and id(other) not in group[id(one)]):
            yield one, other


# -- owners


def _owning(rows: Sequence[Entry], owners: dict[tuple[str, str], Named]) -> Iterator[SenderFinding]:
    for (container, event), some in of_one_event(rows).items():
        if event in NOT_OWNED:
            continue
        for one, other in apart(some):
            yield _of_rows(
                Fault.TWO_OWNERS, [one, other], f"{one.sender} and {other.sender} both tell {event}, under ids that do not meet: "
                "it counts twice.", "Decide which one owns it, and give both one id or switch the other off.",
            )  # fmt: skip
        names = tuple(dict.fromkeys(r.sender for r in some))
        named = owners.get((container, event))
        if named is None and len(names) > 1:
            yield _of_rows(
                Fault.NO_OWNER, some, f"{', '.join(names)} tell {event}; nobody has said whose it is.",
                f"Name one: twofold senders expect {event} SENDER --primary",
            )  # fmt: skip
        if named is not None and named.sender not in names:
            yield _of_rows(
                Fault.OWNER_SILENT, some, f"{event} is meant to be {named.sender}'s, and comes from {', '.join(names)}.",
                "Find out why it is silent, or name another owner.",
            )  # fmt: skip


def _expecting(rows: Sequence[Entry], expected: Expectations) -> Iterator[SenderFinding]:
    strangers: dict[tuple[str, str], list[Entry]] = {}
    for row in rows:
        if row.expected is False and row.event not in NOT_OWNED:
            strangers.setdefault((row.container, row.sender), []).append(row)
    for (_, sender), some in strangers.items():
        events = ", ".join(dict.fromkeys(r.event or "events that are not known" for r in some))
        yield _of_rows(
            Fault.UNEXPECTED, some, f"{sender} tells {events}, and nobody expects it.",
            "Ask who added it. If it is meant so: twofold senders expect EVENT SENDER.",
        )  # fmt: skip
    for container, hope in expected.items():
        come = {(r.event, name) for r in rows if r.container in ("", container) for name in r.names}
        senders = {sender for _, sender in come}
        for (event, sender), ok in sorted(hope.said.items()):
            if ok and (sender not in senders if event == EVERY else (event, sender) not in come):
                yield SenderFinding(
                    fault=Fault.MISSING, container=container, event="" if event == EVERY else event, senders=(sender,),
                    since=hope.since, text=f"{sender} is expected{'' if event == EVERY else f' to tell {event}'}, and does not.",
                    do="Find out why it stopped; if that is meant so: twofold senders expect EVENT SENDER --not.",
                )  # fmt: skip


# -- the rest


def _foreign(rows: Sequence[Entry], datasets: Sequence[str]) -> Iterator[SenderFinding]:
    if not datasets:
        return
    names: dict[tuple[str, str], list[Entry]] = {}
    for row in rows:
        accounts = (row.container,) if row.container else row.accounts
        for account in accounts if row.platform == "meta" else ():
            if account.isdigit() and account not in datasets:
                names.setdefault((account, row.sender), []).append(row)
    for (account, sender), some in names.items():
        yield _of_rows(
            Fault.OTHER_DATASET, some, f"{sender} sends to the dataset {account}, which is not configured here.",
            "Compare the number with Events Manager: an old pixel, another business, or a slip of the hand.",
        )  # fmt: skip


def _beside(rows: Sequence[Entry]) -> Iterator[SenderFinding]:
    told: set[str] = set()
    for row in rows:
        if row.event or row.sender in told:
            continue
        told.add(row.sender)
        if row.certain and row.platform == "meta":
            yield _of_rows(Fault.BESIDE, [row], f"{row.sender} sends to Meta. {row.means}", row.do)
    for row in rows:
        if row.sender_class is SenderClass.UNKNOWN and row.expected is not True and row.sender not in told:
            told.add(row.sender)
            yield _of_rows(
                Fault.UNKNOWN, [row], f"Nobody knows what {row.sender} is; it tells {row.event}.",
                "Find out who runs it: somebody else may use the dataset's number.",
            )  # fmt: skip


def _ending(rows: Sequence[Entry]) -> Iterator[SenderFinding]:
    ends = {(row.sender, row.ends): row for row in rows if row.ends}
    for (sender, day), row in ends.items():
        yield _of_rows(Fault.ENDS, [row], f"{sender} stops working on {day}.", row.do or "Replace it before that day.")


def _of_rows(fault: Fault, rows: Sequence[Entry], text: str, do: str) -> SenderFinding:
    first = rows[0]
    return SenderFinding(
        fault=fault, container=first.container, event=first.event if len({r.event for r in rows}) == 1 else "",
        senders=tuple(dict.fromkeys(r.sender for r in rows)), since=min(r.first_seen for r in rows), text=text, do=do,
        who=RESPONSIBLE[first.sender_class].role,
    )  # fmt: skip
