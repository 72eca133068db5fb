"""Signs found again: of one order through its browsers and its own reports.

Owns reading for reports, `touches_of` one order. Reads only, on any connection. An order's browsers are those that the copies counting for its Purchase name, or that stitching found while the
visitors' tables knew it (`people_days`); where two browsers are equally good, none is taken. Beside the order's own browser
stands the one other that the buyer alone was seen with, before the order: a click on the phone, a purchase on the laptop. What a shop says of its own
order is kept apart by its kind and is never mixed into a path of ours. Which of the signs make a path, and which touch they
are, is attribution's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from twofold.event.model import Consent, Event, Tier, readable_event
from twofold.ledger.model import OrderReport, decode_report
from twofold.matching.subject import Keyring
from twofold.store.engine import id_array, key_array
from twofold.store.ladder import admit
from twofold.store.orders.ledger import OrderRow
from twofold.store.sqlite.statements import Run
from twofold.store.touches.answers import answers_of
from twofold.store.touches.frozen import ERASED, kept_paths
from twofold.store.touches.whose import DEVICE, OF_BROWSERS, STITCHED, ids_of_event, who_of, who_of_key, whos_of_order
from twofold.store.visitors.identifiers import Identifier, Strength, browser_ids_of, identifier, identifiers_of
from twofold.store.visitors.stitch import SLACK_MS, IdentifierSeen, Match, is_shared, match_browser
from twofold.touch.model import Touch, TouchKind

NO_BROWSER = "no_browser"
AMBIGUOUS = "ambiguous_person"
NO_TOUCH = "no_touch_kept"
CONSENT = "consent"
REASONS = {
    NO_BROWSER: "no browser and no chat is known of it",
    AMBIGUOUS: "several browsers may have made it",
    NO_TOUCH: "of its browser or chat no sign is kept before it",
    CONSENT: "who made it has denied that visits are remembered",
    ERASED: "who made it was erased; its touches count without their order",
}
"""Why an order has no signs of its own."""

_SAID = frozenset({TouchKind.SHOP_SAYS, TouchKind.SURVEY})


class KeptTouch(NamedTuple):
    """A touch with whose it is."""

    who: bytes
    dataset: str
    touch: Touch


class KeptSign(NamedTuple):
    """A sign as it is kept, with whose it is and what tells its source from another's."""

    who: bytes
    key: bytes
    touch: Touch


class OrderTouches(Struct, frozen=True, kw_only=True):
    """``own``: signs of the order's browsers and chats, oldest first; ``said``: what the shop and the buyer say of it.

    Answers of a survey that was imported are among these. ``reason`` (of `REASONS`) stands where ``own`` is empty.
    """

    own: list[Touch]
    said: list[Touch]
    reason: str = ""


def touches_of(run: Run, ring: Keyring, order: OrderRow, *, since: int = 0, with_said: bool = True) -> OrderTouches:
    """Signs of an order from ``since`` (Unix s) to the moment it was placed, both included. ``with_said``: also what shop and
    buyer say of it, which costs a look over the orders where a survey's answer was imported."""
    kept = kept_paths(run, [order.id]).get(order.id)
    if kept is not None:
        own = [t for frozen in kept.touches if (t := frozen.touch(order.placed_at)).at >= since]
        said = (
            [t.touch(order.placed_at) for t in kept.said] + answers_of(run, order, _told(run, order))
            if with_said
            else []
        )
        return OrderTouches(own=own, said=said, reason=kept.reason or ("" if own else NO_TOUCH))
    said = _said_of(run, ring, order) if with_said else []
    whos, ambiguous = whos_of(run, ring, order)
    own = list(dict.fromkeys(t.touch for t in _signs_of(run, whos, since, order.placed_at)))
    reason = "" if own else reason_of(run, order, whos, ambiguous)
    return OrderTouches(own=[t for t in own if t.kind not in _SAID], said=said, reason=reason)


def reason_of(run: Run, order: OrderRow, whos: Sequence[bytes], ambiguous: bool) -> str:
    """Why an order has no touch of its own."""
    if ambiguous or whos:
        return AMBIGUOUS if ambiguous else NO_TOUCH
    copies = _copies(run, order)
    counted = admit(copies).copies if copies else ()
    return CONSENT if any(copy.consent is Consent.DENIED for copy in counted) else NO_BROWSER


def signs_of(run: Run, whos: Sequence[bytes]) -> list[KeptSign]:
    """All signs that are kept by these digests."""
    names = Touch.__struct_fields__[2:]
    rows = run("select_signs", (key_array(whos),)) if whos else []
    return [
        KeptSign(who, key, Touch(at=at, kind=TouchKind(kind), **dict(zip(names, rest, strict=True))))
        for who, key, at, kind, *rest in rows
    ]


def said_of_signs(run: Run, ring: Keyring, order: OrderRow) -> list[Touch]:
    """What the shop and the buyer say of an order with the order itself."""
    return [sign.touch for sign in signs_of(run, whos_said_of(run, ring, order))]


def _told(run: Run, order: OrderRow) -> list[OrderReport]:
    return [report for _, report in _reports(run, order)]


def _said_of(run: Run, ring: Keyring, order: OrderRow) -> list[Touch]:
    reports = _reports(run, order)
    whos = whos_of_order(ring, order.dataset, [(source, report.order_id) for source, report in reports])
    said = [t.touch for t in _signs_of(run, whos, 0, 1 << 62)]
    return said + answers_of(run, order, (report for _, report in reports))


def whos_said_of(run: Run, ring: Keyring, order: OrderRow) -> list[bytes]:
    """By which digests is kept what the shop and the buyer say of an order."""
    return whos_of_order(ring, order.dataset, _names_of(run, order))


def whos_of(run: Run, ring: Keyring, order: OrderRow) -> tuple[list[bytes], bool]:
    """By which digests an order's own signs are kept; True beside none when several browsers may have made it."""
    kept = run("select_touch_links_of_copies", (id_array([order.action]),)) if order.action is not None else []
    links = [(who, kind, tier) for _, who, kind, tier in kept] or browsers_of(run, ring, order)
    whos, ambiguous = unambiguous([*links, *((who, "conversation", 0) for who in _conversations(run, ring, order))])
    return whos, ambiguous or (not whos and not links and stitched(run, order) is AMBIGUOUS)


def browsers_of(run: Run, ring: Keyring, order: OrderRow) -> list[tuple[bytes, str, int]]:
    """(who, kind, tier) as the copies that count for an order's Purchase name it; else as stitching finds it."""
    copies = _copies(run, order)
    counted = admit(copies).copies if copies else ()
    if any(copy.consent is Consent.DENIED for copy in counted):
        return []
    found = [
        (who, kind, int(copy.tier))
        for copy in counted
        for kind, value in ids_of_event(copy)
        if (who := who_of(ring, order.dataset, kind, value)) is not None
    ]
    if any(kind in OF_BROWSERS for _, kind, _ in found):
        return found + _other_device(run, ring, order, copies, counted)
    match = stitched(run, order, copies)
    if isinstance(match, Match):
        own = run("own_keys", (id_array([match.browser]),))
        found += [(who_of_key(ring, key), STITCHED, 0) for _, key in own]
    return found


def _other_device(
    run: Run, ring: Keyring, order: OrderRow, copies: Sequence[Event], counted: Iterable[Event]
) -> list[tuple[bytes, str, int]]:
    """The buyer's other browser, where the buyer's e-mail address, number or phone, as the shop told it, was seen with exactly
    one more before the order, and neither browser was seen with anybody else."""
    known = [i for i in _identifiers(run, order, copies) if i.strength is Strength.PERSON]
    if not known:
        return []
    mine = {i.key for copy in counted for i in browser_ids_of(copy)}
    own = {browser for _, browser, _ in run("browsers_of_keys", (key_array(mine),))}
    kinds = {i.key: i.kind for i in known}
    seen = [row for row in run("find_sightings", (key_array(kinds), 0)) if row[3] <= order.placed_at * 1000 + SLACK_MS]
    others = sorted({browser for _, browser, *_ in seen} - own)
    if len(others) != 1 or not own:
        return []
    by = next(kinds[key] for key, browser, *_ in sorted(seen) if browser == others[0])
    people = [row for browser in (*own, *others) for row in run("select_people", (browser, 0))]
    if is_shared([(kind, key) for kind, key in people], known, by):
        return []
    return [(who_of_key(ring, key), DEVICE, 0) for _, key in run("own_keys", (id_array(others),))]


def unambiguous(links: Iterable[tuple[bytes, str, int]]) -> tuple[list[bytes], bool]:
    """(who, kind, tier) of one Purchase to those that are taken: of browsers the best tier's, if it names one of a kind."""
    rows = sorted(set(links))
    browsers = [(kind, tier, who) for who, kind, tier in rows if kind in OF_BROWSERS]
    best = max((tier for _, tier, _ in browsers), default=0)
    taken = [(kind, who) for kind, tier, who in browsers if tier == best]
    kinds = [kind for kind, _ in taken if kind != STITCHED]
    others = list(dict.fromkeys(who for who, kind, _ in rows if kind not in OF_BROWSERS and kind != DEVICE))
    devices = [who for who, kind, _ in rows if kind == DEVICE]
    if len(kinds) > len(set(kinds)):
        return others, not others
    return list(dict.fromkeys([*others, *(who for _, who in taken), *devices])), False


def stitched(run: Run, order: OrderRow, copies: Sequence[Event] | None = None) -> Match | str | None:
    """The browser that the visitors' tables know to have made an order; a reason where several may have."""
    known = _identifiers(run, order, _copies(run, order) if copies is None else copies)
    by_key = {i.key: i for i in known}
    rows = run("find_sightings", (key_array(by_key), 0)) if by_key else []
    places = {i.key: n for n, i in enumerate(known)}
    seen = [IdentifierSeen(by_key[key], *rest) for key, *rest in sorted(rows, key=lambda row: places[row[0]])]
    found = match_browser(seen, order.placed_at * 1000)
    if not isinstance(found, Match):
        return AMBIGUOUS if found is not None else None
    if found.identifier.strength is Strength.PERSON:
        persons = run("select_people", (found.browser, 0))
        if is_shared([(kind, key) for kind, key in persons], known, found.identifier.kind):
            return AMBIGUOUS
    return found


def _signs_of(run: Run, whos: Sequence[bytes], since: int, until: int) -> list[KeptTouch]:
    return [_kept(row) for row in run("select_touches", (key_array(whos), since, until))] if whos else []


def _kept(row: tuple[Any, ...]) -> KeptTouch:
    who, dataset, at, kind, *rest = row
    names = Touch.__struct_fields__[2:]
    return KeptTouch(who, dataset, Touch(at=at, kind=TouchKind(kind), **dict(zip(names, rest, strict=True))))


def _names_of(run: Run, order: OrderRow) -> list[tuple[str, str]]:
    return [(source, report.order_id) for source, report in _reports(run, order)]


def _reports(run: Run, order: OrderRow) -> list[tuple[str, OrderReport]]:
    return [(source, decode_report(body)) for source, body in run("select_order_facts", (order.id,))]


def _conversations(run: Run, ring: Keyring, order: OrderRow) -> list[bytes]:
    """The chats in which an order was made, as its reports name them: also of one that nobody could be told of."""
    found = []
    for _, body in run("select_order_facts", (order.id,)):
        for alias in decode_report(body).aliases:
            kind, _, value = alias.partition(":")
            if kind == "conversation" and (who := who_of(ring, order.dataset, kind, value)) is not None:
                found.append(who)
    return found


def _copies(run: Run, order: OrderRow) -> list[Event]:
    if order.action is None:
        return []
    events = (readable_event(body) for (body,) in run("bodies_of_action", (order.action,)))
    return [event for event in events if event is not None]


def _identifiers(run: Run, order: OrderRow, copies: Sequence[Event]) -> list[Identifier]:
    """By what an order may have been seen with a browser: what its shop's copy carries, and its reports' other names."""
    found = [i for copy in copies if copy.tier >= Tier.T2 for i in identifiers_of(copy)]
    for _, body in run("select_order_facts", (order.id,)):
        report = decode_report(body)
        pairs = [alias.partition(":")[::2] for alias in report.aliases] + [("order", report.order_id)]
        found += [i for kind, value in pairs if kind and value and (i := identifier(order.dataset, kind, value))]
    once = {i.key: i for i in found}
    return sorted(once.values(), key=lambda i: i.strength)
