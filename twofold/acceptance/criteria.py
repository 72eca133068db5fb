"""What has to be true for a go: five criteria on four cards, each made of checks that passed, failed or could not be made.

Owns the judging, and nothing else: pure, of what `evidence` gathered, what persons ticked, who owns which event, and the day as
its witnesses tell it. What could not be checked is not passed. A person's word against a criterion stands beside it, with its
reason, and never hides what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from twofold.acceptance.plan import Again, Money, Plan, PlannedEvent, Side
from twofold.acceptance.seen.evidence import BROWSER, SERVER, ActionSeen, CopySeen, Gathered, OrderSeen, RefusalSeen
from twofold.acceptance.seen.owners import Owned
from twofold.acceptance.seen.walked import Walked, left_refused, told_again
from twofold.event.delivery import DeliveryState


class State(StrEnum):
    """How a check or a criterion stands."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"
    OVERRULED = "overruled"


class Card(StrEnum):
    """The four cards of evidence."""

    TEST_EVENTS = "test_events"
    ORDER = "order"
    SENDERS = "senders"
    RECONCILIATION = "reconciliation"


class Look(StrEnum):
    """What was looked at."""

    CAME_BY_BROWSER = "came_by_browser"
    CAME_BY_SERVER = "came_by_server"
    AGAIN = "again"
    CARRIES = "carries"
    CART = "cart"
    GAP = "gap"
    LEFT = "left"
    LINES = "lines"
    ONE_ACTION = "one_action"
    ONE_ID = "one_id"
    ORDER_OF_EVENTS = "order_of_events"
    OWNER = "owner"
    REFUSAL = "refusal"
    SEEN_THERE = "seen_there"
    VALUE = "value"


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. ``said``: what was found, in words without contact data."""

    name: Look
    state: State
    said: str
    event: str = ""


class Criterion(Struct, frozen=True, kw_only=True):
    """One of the five. ``found``: its state before anybody overruled it."""

    name: str
    card: Card
    standard: str
    state: State
    found: State
    checks: tuple[Check, ...]
    by: str = ""
    note: str = ""


class Ticked(Struct, frozen=True, kw_only=True):
    """A person's own look. ``file``: digest of what they showed; empty for a word alone. ``shown_for``: an earlier run for which
    the same was shown."""

    by: str
    at: int
    note: str = ""
    file: str = ""
    shown_for: str = ""


class Overruled(Struct, frozen=True, kw_only=True):
    by: str
    at: int
    reason: str


class Witnessed(Struct, frozen=True, kw_only=True):
    """One witness of the day. ``state`` as a check has it, ``said`` in words; sums as decimal text."""

    witness: str
    state: State
    said: str
    count: str = ""
    amount: str = ""
    residual: str = ""


PATH, MERGED, MONEY, OWNERS, GAPS = "path", "merged", "money", "owners", "gaps"
STANDARDS: Mapping[str, tuple[Card, str]] = {
    PATH: (Card.TEST_EVENTS, "The test order fired the planned events, in their order, and nothing that nobody did."),
    MERGED: (Card.TEST_EVENTS, "Browser and server told of one {decides}, under one event id, and it left once."),
    MONEY: (Card.ORDER, "Value and currency of the {decides} are explained by the order."),
    OWNERS: (Card.SENDERS, "Each event has one primary owner, and whatever else sends it merges."),
    GAPS: (Card.RECONCILIATION, "The day's gaps between the witnesses are explained; equality is not the aim."),
}
CRITERIA = tuple(STANDARDS)
SEEN_THERE, ATTESTED_GAPS = "test_events", "gaps"
"""Steps that only a person can take."""


def judge(
    plan: Plan, gathered: Gathered, owned: Sequence[Owned], day: Sequence[Witnessed], ticked: Mapping[str, Ticked],
    overruled: Mapping[str, Overruled], walked: Walked | None = None,
) -> tuple[Criterion, ...]:  # fmt: skip
    """The five, in their order. ``walked``: what a browser saw beside what came to the gateway."""
    found = {
        PATH: _path(plan, gathered, ticked, walked),
        MERGED: _merged(plan, gathered),
        MONEY: _money(plan, gathered),
        OWNERS: _owners(plan, owned),
        GAPS: _gaps(plan, day, ticked),
    }
    return tuple(_criterion(name, plan, checks, overruled.get(name)) for name, checks in found.items())


def is_go(criteria: Sequence[Criterion]) -> bool:
    """All five passed, or were overruled by somebody."""
    return {c.name for c in criteria} == set(CRITERIA) and all(
        c.state in (State.PASSED, State.OVERRULED) for c in criteria
    )


def state_of(checks: Sequence[Check]) -> State:
    """What failed stands before what could not be looked at."""
    states = {c.state for c in checks}
    if State.FAILED in states:
        return State.FAILED
    return State.UNCHECKED if State.UNCHECKED in states or not checks else State.PASSED


def _criterion(name: str, plan: Plan, checks: Sequence[Check], word: Overruled | None) -> Criterion:
    card, standard = STANDARDS[name]
    found = state_of(checks)
    is_needed = word is not None and found is not State.PASSED
    return Criterion(
        name=name, card=card, standard=standard.format(decides=plan.decides), found=found, checks=tuple(checks),
        state=State.OVERRULED if is_needed else found, by=word.by if word and is_needed else "",
        note=word.reason if word and is_needed else "",
    )  # fmt: skip


def _check(name: Look, passed: bool | None, said: str, event: str = "") -> Check:
    """``passed`` None: it could not be looked at."""
    state = State.UNCHECKED if passed is None else State.PASSED if passed else State.FAILED
    return Check(name=name, state=state, said=said, event=event)


# -- the path


def _path(plan: Plan, gathered: Gathered, ticked: Mapping[str, Ticked], walked: Walked | None) -> list[Check]:
    checks = [check for event in plan.event for check in _event(plan, event, gathered)]
    if plan.has_pages:
        checks += [_order_of_events(plan, gathered), *_again(plan, gathered), _refusal(plan, gathered)]
    if walked is not None:
        checks += _past_us(plan, walked)
    return [*checks, _seen_there(plan, gathered, ticked.get(SEEN_THERE))]


def _seen_there(plan: Plan, gathered: Gathered, seen: Ticked | None) -> Check:
    """What a person showed has to be of this run: not of an earlier one, nor of a time when nothing had come yet."""
    if seen is None:
        said = "nobody has looked yet whether the platform's page of test events shows the same"
        return _check(Look.SEEN_THERE, None, said)
    if not seen.file:
        return _check(Look.SEEN_THERE, None, f"{seen.by} says that it was seen there, and shows nothing")
    if seen.shown_for:
        return _check(Look.SEEN_THERE, None, f"{seen.by} showed what was shown for run {seen.shown_for} before")
    came = [c.received_at for a in gathered.events.get(plan.decides, ()) for c in a.copies]
    if not came or seen.at < min(came) // 1000:
        return _check(Look.SEEN_THERE, None, f"{seen.by} showed it before the {plan.decides} had come")
    return _check(Look.SEEN_THERE, True, f"{seen.by} saw it there and kept what was shown ({seen.file[:12]})")


def _event(plan: Plan, event: PlannedEvent, gathered: Gathered) -> list[Check]:
    actions = gathered.events.get(event.name, ())
    browser = [c for a in actions for c in a.of(BROWSER) if c.position > gathered.begun]
    server = [c for a in actions for c in a.of(SERVER) if c.position > gathered.begun]
    checks = []
    for side, wanted, copies in (("browser", event.browser, browser), ("server", event.server, server)):
        if wanted is Side.REQUIRED:
            senders = ", ".join(sorted({c.sender for c in copies}))
            said = f"told by the {side} ({senders})" if copies else f"no copy of the {side} has come"
            checks.append(_check(Look(f"came_by_{side}"), True if copies else None, said, event.name))
        elif wanted is Side.NONE and copies:
            checks.append(
                _check(Look(f"came_by_{side}"), False, f"told by the {side}, which the plan rules out", event.name)
            )
    own = browser if event.browser is not Side.NONE else server
    if own and event.needs:
        missing = [n for n in event.needs if not all(c.has(n) for c in own)]
        said = f"lacks {', '.join(missing)}" if missing else f"carries {', '.join(event.needs)}"
        checks.append(_check(Look.CARRIES, not missing, said, event.name))
    if own and event.cart:
        checks.append(_cart(own, plan, gathered, event.name))
    return checks


def _cart(own: Sequence[CopySeen], plan: Plan, gathered: Gathered, name: str) -> Check:
    """The goods in the cart are those of the order; shipping and taxes come later."""
    order, copy = gathered.order, own[-1]
    bought = [c for a in gathered.events.get(plan.decides, ()) for c in a.of(BROWSER)]
    pieces = order.goods if order and order.goods else bought[0].num_items if bought else None
    if pieces is None:
        return _check(Look.CART, None, "no order yet to hold the cart against", name)
    if copy.num_items != pieces:
        return _check(Look.CART, False, f"{copy.num_items} goods, the order has {pieces}", name)
    if order is None or not order.carts:
        return _check(Look.CART, None, f"{pieces} goods as in the order; the order does not tell what they cost", name)
    fits = copy.value is not None and any(Decimal(copy.value) == Decimal(worth) for _, worth in order.carts)
    if not fits:
        known = ", ".join(dict.fromkeys(worth for _, worth in order.carts))
        return _check(Look.CART, False, f"value {copy.value}, the cart of the order was worth {known}", name)
    return _check(Look.CART, True, f"{pieces} goods for {copy.value} {copy.currency}, as in the order", name)


def _order_of_events(plan: Plan, gathered: Gathered) -> Check:
    wanted = [e.name for e in plan.event if e.browser is Side.REQUIRED]
    found = {name: (at, position) for name, at, position in gathered.path}
    missing = [name for name in wanted if name not in found]
    if missing:
        return _check(Look.ORDER_OF_EVENTS, None, f"not seen in the tester's browser: {', '.join(missing)}")
    times = [found[name][0] for name in wanted]
    if times != sorted(times):
        came = sorted(wanted, key=lambda n: found[n])
        return _check(Look.ORDER_OF_EVENTS, False, f"came as {', '.join(came)}")
    return _check(Look.ORDER_OF_EVENTS, True, f"came as {', '.join(wanted)}")


def _again(plan: Plan, gathered: Gathered) -> list[Check]:
    again = gathered.again
    if again is None:
        return [_check(Look.AGAIN, None, "no page was loaded a second time")]
    if not again.pages:
        return [
            _check(
                Look.AGAIN,
                None,
                "nothing shows that a page was loaded a second time: no copy of this browser came after",
            )
        ]
    checks = []
    for event in plan.event:
        if event.browser is Side.NONE or event.again is Again.MAY:
            continue
        came = [i for name, i, _ in again.copies if name == event.name]
        pages = _pages(gathered, event.name)
        if not came and pages and not pages & set(again.loaded):
            said = f"its page was not loaded a second time: {', '.join(sorted(pages))}"
            checks.append(_check(Look.AGAIN, None, said, event.name))
            continue
        fresh = [i for i in came if i not in again.earlier]
        same_may = event.again is Again.SAME_ID
        passed = not fresh if same_may else not came
        checks.append(_check(Look.AGAIN, passed, _fired_again(len(came), len(fresh), same_may), event.name))
    return checks or [_check(Look.AGAIN, True, "the plan has no event that must not fire again")]


def _pages(gathered: Gathered, name: str) -> set[str]:
    """Where the tester's browser told an event."""
    return {c.page for a in gathered.events.get(name, ()) for c in a.of(BROWSER) if c.page}


def _refusal(plan: Plan, gathered: Gathered) -> Check:
    refusal = gathered.refusal
    if refusal is None or not (refusal.seen or refusal.actions):
        return _check(Look.REFUSAL, None, "no visit that refused consent was seen")
    left = [a for a in refusal.actions if any(d.has_left for d in a.deliveries)]
    if left:
        names = ", ".join(f"{a.name} to {d.destination}" for a in left for d in a.deliveries if d.has_left)
        return _check(Look.REFUSAL, False, f"left although consent was refused: {names}")
    if not any(c.startswith("denied") for c in refusal.consents):
        return _check(
            Look.REFUSAL, None, f"the visit did not refuse: its copies say {', '.join(refusal.consents) or 'nothing'}"
        )
    if plan.money is Money.ORDER and not _has_bought(plan, gathered, refusal):
        said = "which order the visit made that refused is not said, so nobody knows whether its server's copy left"
        return _check(Look.REFUSAL, None, said)
    waiting = [a.name for a in refusal.actions for d in a.deliveries if d.state == DeliveryState.WAITING]
    if waiting:
        return _check(Look.REFUSAL, None, f"not decided yet: {', '.join(sorted(set(waiting)))}")
    reasons = sorted({d.reason for a in refusal.actions for d in a.deliveries if d.reason})
    return _check(Look.REFUSAL, True, f"nothing left ({', '.join(reasons) or 'no delivery was made'})")


def _has_bought(plan: Plan, gathered: Gathered, refusal: RefusalSeen) -> bool:
    """Did it come to an order, in this run? One that is named and of which no action was made counts: there is nothing to leave."""
    bought = [a for a in refusal.actions if a.name == plan.decides]
    return all(c.position > gathered.begun for a in bought for c in a.copies) and bool(bought or refusal.orders)


def _past_us(plan: Plan, walked: Walked) -> list[Check]:
    """What the pages sent past the gateway, where only a browser sees it."""
    checks = [
        _check(Look.AGAIN, False, said, event.name)
        for event in plan.event
        if event.again is not Again.MAY
        for said in told_again(walked, event)
    ]
    left = left_refused(walked)
    if left:
        checks.append(
            _check(Look.REFUSAL, False, f"left past the gateway although consent was refused: {', '.join(left)}")
        )
    return checks


# -- one action


def _merged(plan: Plan, gathered: Gathered) -> list[Check]:
    event = plan.deciding
    actions = gathered.events.get(event.name, ())
    told = [a for a in actions if not a.is_superseded] or list(actions)
    if not told:
        return [_check(Look.ONE_ACTION, None, f"no {event.name} was seen", event.name)]
    numbers = ", ".join(str(a.action) for a in told)
    one = told[0]
    if any(c.position <= gathered.begun for c in one.copies):
        said = f"action {one.action} was told before this run began, and proves nothing of it"
        return [_check(Look.ONE_ACTION, False, said, event.name)]
    said = f"told as one, action {numbers}" if len(told) == 1 else f"{len(told)} actions: {numbers}"
    checks = [_check(Look.ONE_ACTION, len(told) == 1, said, event.name)]
    if event.browser is Side.REQUIRED and event.server is Side.REQUIRED:
        browser, server = one.of(BROWSER), one.of(SERVER)
        if len(actions) > 1 and not (browser and server):
            checks.append(_check(Look.ONE_ID, False, f"browser and server are apart: {_ids(actions)}", event.name))
        elif not (browser and server):
            lacking = "server" if browser else "browser"
            checks.append(_check(Look.ONE_ID, None, f"no copy of the {lacking} to be merged", event.name))
        else:
            checks.append(_one_id(browser, server, event.name))
    return [*checks, *_left(one, event.name)]


def _one_id(browser: Sequence[CopySeen], server: Sequence[CopySeen], name: str) -> Check:
    ours, theirs = {c.event_id for c in browser if c.id_given}, {c.event_id for c in server if c.id_given}
    if len(ours) == 1 and ours == theirs:
        return _check(Look.ONE_ID, True, f"both sides say {next(iter(ours))}", name)
    if not ours or not theirs:
        return _check(
            Look.ONE_ID, False, "a side gives no event id: they were joined by the order, the platform would not", name
        )
    return _check(
        Look.ONE_ID, False, f"the browser says {', '.join(sorted(ours))}, the server {', '.join(sorted(theirs))}", name
    )


def _ids(actions: Sequence[ActionSeen]) -> str:
    return "; ".join(f"{'+'.join(sorted({c.channel for c in a.copies}))} {a.event_id}" for a in actions)


def _left(one: ActionSeen, name: str) -> list[Check]:
    if not one.deliveries:
        return [_check(Look.LEFT, None, "it has no destination", name)]
    checks = []
    for d in one.deliveries:
        accepted = [t for t in d.tries if t.outcome == "accepted"]
        if d.state == DeliveryState.DELIVERED and accepted:
            payload_id = str((d.payload or {}).get("event_id", ""))
            given = {c.event_id for c in one.copies if c.id_given}
            trace = accepted[-1].trace or "none given"
            if d.payload is not None and given and payload_id not in given:
                checks.append(
                    _check(Look.LEFT, False, f"{d.destination} was told the id {payload_id}, which no copy has", name)
                )
                continue
            checks.append(
                _check(Look.LEFT, True, f"{d.destination} took it ({accepted[-1].status}, trace {trace})", name)
            )
        elif d.state == DeliveryState.WAITING:
            checks.append(_check(Look.LEFT, None, f"{d.destination}: it waits ({d.reason or 'not due yet'})", name))
        elif d.reason == "test_order":
            said = f"{d.destination}: kept back as a test order, so no answer of the platform was seen"
            checks.append(_check(Look.LEFT, None, said, name))
        else:
            checks.append(_check(Look.LEFT, False, f"{d.destination}: {d.state} ({d.reason})", name))
    return checks


# -- the money


def _money(plan: Plan, gathered: Gathered) -> list[Check]:
    event = plan.deciding
    actions = gathered.events.get(event.name, ())
    told = [a for a in actions if not a.is_superseded] or list(actions)
    if not told:
        return [_check(Look.VALUE, None, f"no {event.name} was seen", event.name)]
    copies = told[0].copies
    if plan.money is Money.NONE:
        valued = [c for c in copies if c.value is not None]
        return [
            _check(
                Look.VALUE,
                not valued,
                "a copy has a value, which the plan rules out" if valued else "no copy has a value",
                event.name,
            )
        ]
    if plan.money is Money.STATED:
        return _against(plan.value, plan.currency, "the plan", told[0], event.name)
    order = gathered.order
    if order is None:
        return [_check(Look.VALUE, None, "no order was found that it could be held against", event.name)]
    if order.value is None or order.currency is None:
        return [_check(Look.VALUE, None, f"order {order.number or order.order_id} has no total", event.name)]
    return [_adds_up(order, event.name), *_against(order.value, order.currency, "the order", told[0], event.name)]


def _adds_up(order: OrderSeen, name: str) -> Check:
    """The lines from the order's total to its value close."""
    total = sum((Decimal(amount) for _, amount in order.lines), Decimal(0))
    parts = ", ".join(f"{part} {amount}" for part, amount in order.lines)
    value = Decimal(order.value or 0)
    return _check(Look.LINES, max(total, Decimal(0)) == value, f"{parts} = {value:f} {order.currency}", name)


def _against(value: str, currency: str, whose: str, one: ActionSeen, name: str) -> list[Check]:
    """Each copy that has a value, and what left."""
    checks = []
    sides: list[tuple[str, str | None, str | None]] = [
        (f"the {c.channel}'s copy", c.value, c.currency) for c in one.copies
    ]
    payloads = [(d.destination, (d.payload or {}).get("custom_data") or {}) for d in one.deliveries if d.payload]
    sides += [(f"what {to} was told", _amount(c.get("value")), c.get("currency")) for to, c in payloads]
    for who, said, unit in dict.fromkeys(sides):
        equal = said is not None and Decimal(said) == Decimal(value) and unit == currency
        words = f"{who}: {said or 'no value'} {unit or ''}".rstrip()
        checks.append(_check(Look.VALUE, equal, f"{words}, {whose} {value} {currency}", name))
    if not payloads:
        checks.append(_check(Look.VALUE, None, "nothing has left that could be held against it", name))
    return checks


def _fired_again(came: int, fresh: int, same_may: bool) -> str:
    """What a second load brought, ``fresh`` of it under new ids; whole sentences, as languages count in different ways."""
    if not came:
        return "nothing fired again"
    if same_may and fresh:
        return "once under a new id" if fresh == 1 else f"{fresh} times under a new id"
    if same_may:
        return "once, under the id of before" if came == 1 else f"{came} times, each under the id of before"
    kind = "a new id" if fresh else "the same id"
    return f"fired again once, under {kind}" if came == 1 else f"fired again {came} times, under {kind}"


def _amount(value: object) -> str | None:
    return None if value is None else f"{Decimal(str(value)):f}"


# -- owners and gaps


def _owners(plan: Plan, owned: Sequence[Owned]) -> list[Check]:
    found = {o.event: o for o in owned}
    checks = []
    for event in plan.event:
        one = found.get(event.name)
        if one is None or not one.senders:
            checks.append(_check(Look.OWNER, None, "nobody was seen to send it", event.name))
        elif not one.primary:
            said = f"sent by {', '.join(one.senders)}; nobody has said whose it is"
            checks.append(_check(Look.OWNER, None, said, event.name))
        elif one.primary not in one.senders:
            said = f"it is meant to be {one.primary}'s, and comes from {', '.join(one.senders)}"
            checks.append(_check(Look.OWNER, False, said, event.name))
        elif one.rivals:
            said = f"{' and '.join(one.rivals)} send it as well, and do not merge with it"
            checks.append(_check(Look.OWNER, False, said, event.name))
        elif any(s != one.primary for s in one.unproven):
            said = f"{' and '.join(one.unproven)} stand in the page and name it; nobody has seen under which ids"
            checks.append(_check(Look.OWNER, None, said, event.name))
        else:
            others = [s for s in one.senders if s != one.primary]
            said = f"{one.primary}" + (f" ({one.person})" if one.person else "")
            said += f"; merges with {', '.join(others)}" if others else ""
            checks.append(_check(Look.OWNER, True, said, event.name))
    return checks


def _gaps(plan: Plan, day: Sequence[Witnessed], ticked: Mapping[str, Ticked]) -> list[Check]:
    if not plan.witnesses:
        word = ticked.get(ATTESTED_GAPS)
        said = (
            f"{word.by}: {word.note}"
            if word and word.note
            else "nobody has said what the others counted, and why it differs"
        )
        return [_check(Look.GAP, True if word and word.note else None, said)]
    if not day:
        return [_check(Look.GAP, None, "no day was looked at")]
    told = {w.witness: w for w in day}
    return [
        Check(name=Look.GAP, state=told[w].state, said=f"{w}: {told[w].said}") if w in told
        else _check(Look.GAP, None, f"{w}: nothing of that day is here")
        for w in plan.witnesses
    ]  # fmt: skip
