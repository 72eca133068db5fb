"""What pages and browsers showed, in one form, and keeping it: so that a later look knows since when, and what is new.

Owns that form, its making from what a page shows and from observed calls, and reading kept looks again. Keeping is an entry of
the chained log, made by whoever looked; no contact data and no ids of events are in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.report.kept import SENDERS_SEEN, kept
from twofold.senders.call import OURS, Call
from twofold.senders.kinds import SenderClass
from twofold.senders.pages.shown import Shown

PAGES, BROWSER, JOURNAL = "pages", "browser", "journal"
SIDES = (PAGES, BROWSER, JOURNAL)
MOST_ROWS = 150
_LONGEST = 300
_MOST_CHAIN = 6
_OF_DATASET = ("meta", OURS)

_PIXEL = re.compile(r"web-pixel-([\w-]{1,40})@")
_PIXELS = {SenderClass.CUSTOM_PIXEL: "custom pixel", SenderClass.APP_PIXEL: "app pixel"}
_BLOCK = re.compile(r"/extensions/[0-9a-f-]{36}/(?:[0-9.]+/)?([\w.-]{2,80}?)(?:-\d+)?/assets/")
_THEME = re.compile(r"(/cdn/shop/t/|/s/files/(?:\d+/)+t/)\d+/")

Heard = Mapping[tuple[str, str, str], Collection[str]]
"""(dataset, event, event id) to the senders that told us it."""


class Observed(Struct, frozen=True, kw_only=True):
    """One event of one sender as one side showed it. ``event`` is empty where the side does not say which. ``accounts`` are
    what a sender names; ``account`` is the one it was seen to send to. ``meets``: who told the same under the same id;
    ``heard_as``: as which sender our journal knows it, by the same id. Times in Unix s."""

    side: str
    platform: str
    event: str
    sender: str
    sender_class: SenderClass
    first_seen: int
    last_seen: int
    account: str = ""
    accounts: tuple[str, ...] = ()
    script: str = ""
    chain: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    channel: str = "browser"
    place: str = ""
    count: int = 0
    id_given: bool | None = None
    meets: tuple[str, ...] = ()
    heard_as: str = ""
    certain: bool = True
    evidence: str = ""
    means: str = ""
    do: str = ""
    ends: str = ""


# -- of pages


def observed_in_pages(shown: Iterable[Shown], at: int) -> list[Observed]:
    """A row for each event that a sender's code names, and one without an event for a sender that names none."""
    rows = []
    for one in shown:
        is_container = one.sender_class in (
            SenderClass.TAG_MANAGER,
            SenderClass.SERVER_CONTAINER,
            SenderClass.SCRIPT_TAG,
        )
        account = one.accounts[0] if len(one.accounts) == 1 and not is_container else ""
        named = f"{one.who} {', '.join(one.accounts)}" if one.sender_class is SenderClass.TAG_MANAGER else one.who
        rows += [
            Observed(
                side=PAGES, platform=one.platform, event=event, sender=named[:_LONGEST], sender_class=one.sender_class,
                first_seen=at, last_seen=at, account=account, accounts=one.accounts, marks=one.marks, channel=one.channel, meets=one.meets,
                certain=one.certain, evidence=one.evidence, means=one.means, do=one.do, ends=one.ends,
            )
            for event in one.events or ("",)
        ]  # fmt: skip
    return rows[:MOST_ROWS]


# -- of a browser


def observed_in_calls(calls: Iterable[Call], heard: Heard) -> list[Observed]:
    """Calls of one event by one script to one account, together. Two scripts that use one id for one event meet."""
    groups: dict[tuple[str, str, str, str, str], list[Call]] = defaultdict(list)
    for call in calls:
        groups[call.platform, call.account, call.event, call.sender_class, name_of(call)].append(call)
    by_id: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for call in (c for some in groups.values() for c in some if c.event_id):
        by_id[_container(call), call.event, call.event_id].add(name_of(call))
    return [_of_calls(some, heard, by_id) for some in groups.values()][:MOST_ROWS]


def _of_calls(some: Sequence[Call], heard: Heard, by_id: Mapping[tuple[str, str, str], set[str]]) -> Observed:
    one = some[0]
    name = name_of(one)
    known = {
        n for c in some if _is_of_dataset(c) for n in heard.get((c.account, c.event, c.event_id), ()) if c.event_id
    }
    itself = sorted(n for n in known if _could_be(one, n)) if one.platform == OURS else []
    others = {n for c in some if c.event_id for n in by_id[_container(c), c.event, c.event_id]} - {name}
    heard_as = itself[0] if len(itself) == 1 else ""
    given = sum(c.count for c in some if c.event_id)
    whole = sum(c.count for c in some)
    return Observed(
        side=BROWSER, platform=one.platform, event=one.event, sender=name, sender_class=one.sender_class,
        first_seen=min(c.first_seen for c in some), last_seen=max(c.last_seen for c in some), account=one.account,
        script=one.script[:_LONGEST], chain=one.chain[:_MOST_CHAIN], place=one.place, count=whole, id_given=given * 2 > whole,
        meets=tuple(sorted((known | others) - {heard_as})), heard_as=heard_as, certain=all(c.certain for c in some),
        evidence=f"seen in a browser{f', step {one.step}' if one.step else ''}{f', in a {one.place}' if one.place not in ('', 'page') else ''}",
    )  # fmt: skip


def name_of(call: Call) -> str:
    """A name that stays when a page, a theme or an app has a new version: it is what people say that they expect."""
    if call.platform == OURS and call.sender_class is SenderClass.TAG:
        return "tag"
    pixel = _PIXEL.search(call.script)
    if pixel is not None and call.sender_class in _PIXELS:
        return f"{_PIXELS[call.sender_class]} {pixel[1]}"
    block = _BLOCK.search(call.script)
    if block is not None:
        return f"app block {block[1]}"
    bare = call.script.partition("://")[2]
    if call.page and bare.partition("?")[0] == call.page:
        return f"inline code of {call.page.partition('/')[0]}"
    return (_THEME.sub(r"\g<1>*/", call.script) or call.page or call.agent or "unknown")[:_LONGEST]


def _container(call: Call) -> str:
    """What goes to Meta directly and what comes to our doors for the same dataset is told to one container."""
    return call.account if _is_of_dataset(call) else f"{call.platform}:{call.account}"


def _is_of_dataset(call: Call) -> bool:
    return call.platform in _OF_DATASET


def _could_be(call: Call, name: str) -> bool:
    """Whether our journal may know this call by that name: the tag by its own, other scripts by the pixel's or an image's."""
    return name == "tag" if call.sender_class is SenderClass.TAG else name.startswith(("fbevents", "image"))


# -- kept


def facts_of(rows: Iterable[Observed]) -> dict[str, object]:
    """One look as the facts of an entry."""
    return {"rows": msgspec.to_builtins(list(rows)[: 2 * MOST_ROWS])}


def kept_looks(folder: Path | str, since: int) -> list[Observed]:
    """What looks since then showed, each once with its first and last time; rows that cannot be read are left out."""
    found: dict[tuple[str, ...], Observed] = {}
    for entry in kept(folder, SENDERS_SEEN):
        for raw in entry.facts.get("rows", ()):
            try:
                row = msgspec.convert(raw, Observed)
            except msgspec.ValidationError:
                continue
            add(found, row)
    return [row for row in found.values() if row.last_seen >= since]


def joined(*looks: Iterable[Observed]) -> list[Observed]:
    """Several looks as one."""
    found: dict[tuple[str, ...], Observed] = {}
    for row in (row for rows in looks for row in rows):
        add(found, row)
    return list(found.values())


def add(found: dict[tuple[str, ...], Observed], row: Observed) -> None:
    """The later look says how it is; since when is the earliest's word."""
    key = (row.side, row.platform, row.account, row.event, row.sender_class, row.sender)
    before = found.get(key)
    if before is None:
        found[key] = row
        return
    later, earlier = (row, before) if row.last_seen >= before.last_seen else (before, row)
    found[key] = replace(
        later, first_seen=min(row.first_seen, before.first_seen), heard_as=later.heard_as or earlier.heard_as,
        meets=tuple(sorted({*later.meets, *earlier.meets})), count=max(row.count, before.count),
    )  # fmt: skip
