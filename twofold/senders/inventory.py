"""Every event by every sender: pages, a browser and our journal joined, with who owns it and whether it was expected.

Owns the join: when two sides speak of one sender. A browser's call is our journal's sender where its id came to us under that
name; a page's sender is the browser's where the script or the account is the same. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from twofold.senders.call import OURS
from twofold.senders.expectation import Expectations, Named, primary_of
from twofold.senders.journal import Told
from twofold.senders.kinds import RESPONSIBLE, SenderClass
from twofold.senders.observed import BROWSER, JOURNAL, PAGES, Observed


class Entry(Struct, frozen=True, kw_only=True):
    """One event of one sender. ``event`` is empty where no side says which. ``container``: the dataset, or another platform's
    account. ``meets``, ``apart``: whose copies are and are not under the same ids. ``primary``: is it the one who is meant to
    send it; None while nobody said so. ``also``: how other sides call it. ``expected`` is None where nobody said what is. Times in Unix s."""

    platform: str
    container: str
    event: str
    sender: str
    sender_class: SenderClass
    sides: tuple[str, ...]
    channel: str
    first_seen: int
    last_seen: int
    script: str = ""
    chain: tuple[str, ...] = ()
    place: str = ""
    events: int = 0
    id_given: bool | None = None
    meets: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    certain: bool = True
    new: bool = False
    owner: str = ""
    primary: bool | None = None
    expected: bool | None = None
    evidence: str = ""
    means: str = ""
    do: str = ""
    ends: str = ""
    accounts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """How any side calls it."""
        return (self.sender, *self.also)

    @property
    def role(self) -> str:
        return RESPONSIBLE[self.sender_class].role

    @property
    def risk(self) -> str:
        return RESPONSIBLE[self.sender_class].risk


def inventory(
    copies: Iterable[Told], looks: Iterable[Observed], datasets: Sequence[str], owners: Mapping[tuple[str, str], Named],
    expected: Expectations,
) -> list[Entry]:  # fmt: skip
    """By container and event, the primary owner first. ``datasets``: those that are configured."""
    rows = [_of_journal(one) for one in copies]
    seen = list(looks)
    rows = _with_browser(rows, [o for o in seen if o.side == BROWSER], datasets)
    rows = _with_pages(rows, [o for o in seen if o.side == PAGES], datasets)
    return _with_people(rows, owners, expected)


# -- the three sides


def _of_journal(one: Told) -> Entry:
    return Entry(
        platform=OURS, container=one.dataset, event=one.event, sender=one.sender, sender_class=one.sender_class,
        sides=(JOURNAL,), channel=one.channel, first_seen=one.first_seen, last_seen=one.last_seen, events=one.copies,
        id_given=one.id_given, meets=one.meets, apart=one.apart, certain=one.certain, new=one.new,
        evidence=f"its ids are: {one.scheme}" if one.scheme else "",
    )  # fmt: skip


def _of_look(one: Observed, datasets: Sequence[str]) -> Entry:
    return Entry(
        platform=one.platform, container=_container(one, datasets), event=one.event, sender=one.sender,
        sender_class=one.sender_class, sides=(one.side,), channel=one.channel, first_seen=one.first_seen,
        last_seen=one.last_seen, script=one.script, chain=one.chain, place=one.place, events=one.count, id_given=one.id_given,
        meets=one.meets, certain=one.certain, evidence=one.evidence, means=one.means, do=one.do, ends=one.ends,
        accounts=one.accounts,
    )  # fmt: skip


def _container(one: Observed, datasets: Sequence[str]) -> str:
    """Our own tag in a page tells the shop's dataset, where there is one only."""
    if not one.account and one.platform == OURS and len(datasets) == 1:
        return datasets[0]
    return one.account


def _with_browser(rows: list[Entry], looks: Sequence[Observed], datasets: Sequence[str]) -> list[Entry]:
    """A look that is the only one to speak of a row of our journal is that row's; others stand for themselves."""
    by_row: dict[int, list[Observed]] = {}
    alone: list[Observed] = []
    for look in looks:
        place = _row_of(look, rows)
        if place is None:
            alone.append(look)
        else:
            by_row.setdefault(place, []).append(look)
    joined = list(rows)
    for place, some in by_row.items():
        if len({(o.sender_class, o.sender) for o in some}) == 1:
            for look in some:
                joined[place] = _seen_in_browser(joined[place], look)
        else:
            alone += some
    return joined + [_of_look(o, datasets) for o in alone]


def _row_of(look: Observed, rows: Sequence[Entry]) -> int | None:
    if look.platform != OURS:
        return None
    mine = [n for n, r in enumerate(rows) if (r.container, r.event) == (look.account, look.event)]
    if look.heard_as:
        return next((n for n in mine if rows[n].sender == look.heard_as), None)
    if look.sender_class is SenderClass.TAG:
        return next((n for n in mine if rows[n].sender_class is SenderClass.TAG), None)
    pixels = [n for n in mine if rows[n].sender.startswith("fbevents")]
    return pixels[0] if len(pixels) == 1 else None


def _seen_in_browser(row: Entry, look: Observed) -> Entry:
    """The script decides the class: a name that the sender gives itself can be any."""
    return replace(
        row, sides=_sides(row, BROWSER), also=_also(row, look), sender_class=look.sender_class, script=look.script or row.script, chain=look.chain,
        place=look.place, certain=look.certain, first_seen=min(row.first_seen, look.first_seen),
        last_seen=max(row.last_seen, look.last_seen), meets=tuple(sorted({*row.meets, *look.meets} - {row.sender})),
        evidence="; ".join(filter(None, (row.evidence, look.evidence))),
    )  # fmt: skip


def _with_pages(rows: list[Entry], looks: Sequence[Observed], datasets: Sequence[str]) -> list[Entry]:
    """What a page says of a sender goes to each of its rows; events that nothing else showed are rows of their own."""
    joined = list(rows)
    known: set[tuple[str, SenderClass]] = set()
    alone: list[Observed] = []
    for look in looks:
        mine = [n for n, row in enumerate(rows) if _is_same(look, row)]
        for n in mine:
            joined[n] = _shown_in_page(joined[n], look)
        if mine:
            known.add((look.sender, look.sender_class))
        if not any(not look.event or rows[n].event == look.event for n in mine):
            alone.append(look)
    # A row without an event says that nobody knows which: the others of the same sender say more.
    return joined + [_of_look(o, datasets) for o in alone if o.event or (o.sender, o.sender_class) not in known]


def _is_same(look: Observed, row: Entry) -> bool:
    """Whether a page's sender is the one of this row."""
    if look.sender_class is SenderClass.TAG:
        return row.sender_class is SenderClass.TAG and row.platform == OURS
    if BROWSER in row.sides and any(mark in part for mark in look.marks for part in (row.script, *row.chain[:1])):
        return look.sender_class is row.sender_class or row.sender_class is SenderClass.UNKNOWN
    if look.sender_class is not row.sender_class or row.sender_class is SenderClass.TAG_MANAGER:
        return False
    named = row.container in look.accounts
    if row.platform == OURS:  # a pixel that our tag hears, or that is sent to our doors
        return named and look.platform == "meta" and row.sender.startswith("fbevents")
    return named and look.platform == row.platform


def _shown_in_page(row: Entry, look: Observed) -> Entry:
    return replace(
        row, sides=_sides(row, PAGES), also=_also(row, look), means=row.means or look.means, do=row.do or look.do, ends=row.ends or look.ends,
        evidence="; ".join(dict.fromkeys(filter(None, (row.evidence, look.evidence)))), accounts=look.accounts,
        first_seen=min(row.first_seen, look.first_seen), last_seen=max(row.last_seen, look.last_seen),
    )  # fmt: skip


def _also(row: Entry, look: Observed) -> tuple[str, ...]:
    return row.also if look.sender in row.names else (*row.also, look.sender)


def _sides(row: Entry, more: str) -> tuple[str, ...]:
    return tuple(side for side in (PAGES, BROWSER, JOURNAL) if side in row.sides or side == more)


# -- people


def of_one_event(rows: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """The senders of each event that are known to send it, by (container, event)."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for row in rows:
        if row.event and row.container:
            found.setdefault((row.container, row.event), []).append(row)
    return found


def _with_people(rows: Sequence[Entry], owners: Mapping[tuple[str, str], Named], expected: Expectations) -> list[Entry]:
    primaries = {
        place: primary_of(tuple(dict.fromkeys(r.sender for r in some)), owners.get(place))
        for place, some in of_one_event(rows).items()
    }
    told = [_said(row, primaries.get((row.container, row.event), ""), owners, expected) for row in rows]
    return sorted(
        told, key=lambda r: (r.container, r.event or "~", r.primary is not True, -r.events, r.sender, r.sender_class)
    )


def _said(row: Entry, primary: str, owners: Mapping[tuple[str, str], Named], expected: Expectations) -> Entry:
    named = owners.get((row.container, row.event))
    hopes = (
        [expected[row.container]] if row.container in expected else list(expected.values()) if not row.container else []
    )
    is_primary = None if not primary or not row.event else row.sender == primary
    return replace(
        row, primary=is_primary, owner=named.person if named and is_primary else "",
        expected=any(h.allows(row.event, name) for h in hopes for name in row.names) if hopes else None,
    )  # fmt: skip
