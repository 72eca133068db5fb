"""What the gates look at: of each delivery that is due the copies of its action, admitted, united, and asked for consent.

Owns how a row that is due becomes a `Candidate`, which copies count in it, and under which id one leaves. Reads inside the
claim's transaction and writes nothing: what is closed on the way is handed back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from twofold.consent.state import consent_text, why_not_send
from twofold.event.delivery import DeliveryState
from twofold.event.model import Event, Tier
from twofold.store.digests import frozen_digest
from twofold.store.engine import Database, id_array
from twofold.store.evidence import Superseded
from twofold.store.fold import sending_id, unite
from twofold.store.gates.contract import Candidate
from twofold.store.gates.tellers import Tellers
from twofold.store.journal import CopyReader
from twofold.store.ladder import Admitted, admit, agreed, consent_of, consent_told, is_buyers


class ConsentRoute(Protocol):
    @property
    def destinations(self) -> tuple[str, ...]: ...
    @property
    def require_consent(self) -> bool: ...
    @property
    def purposes(self) -> Mapping[str, tuple[str, ...]]: ...


class Due(Struct, frozen=True, gc=False):
    """One row of the statement select_due, in its column order."""

    delivery: int
    attempts: int
    first_attempt_at: int | None
    unsure_since: int | None
    action: int
    dataset: str
    event_name: str
    created_at: int
    consent: str
    sent_id: str | None  # the id another destination got it under already
    released: int  # 1: a person let it through
    event_id: str | None
    event_time: int | None
    action_source: str | None
    test_event_code: str | None
    payload: bytes | None
    digest: bytes | None
    sent_as: str  # the action's id, money and order as they stand in its row
    value: str | None
    currency: str | None
    order_id: str | None

    def is_altered(self) -> bool:
        """True when its action is gone, or the bytes that were frozen are not those that stand here now."""
        if not self.dataset:
            return True
        if self.payload is None:
            return False
        facts = (self.event_id, self.event_time, self.action_source, self.test_event_code)
        return self.digest != frozen_digest(self.delivery, facts, self.payload)


class Candidates:
    """``routes`` tells what consent a destination needs."""

    def __init__(
        self, engine: Database, routes: Mapping[str, ConsentRoute], superseded: Superseded, tellers: Tellers
    ) -> None:
        self._engine = engine
        self._tellers = tellers
        self._routes = routes
        self._superseded = superseded
        self._reader = CopyReader(len({d for route in routes.values() for d in route.destinations}))

    def begin(self, now_ms: int) -> None:
        """Before a claim: forgets copies that were read too long ago."""
        self._reader.turn(now_ms)

    def consented(self, destination: str, rows: Sequence[Due], closed: list[tuple[Any, ...]], now_ms: int) -> list[Due]:
        """The rows that consent lets leave. A no is asked again of the copies: only the buyer's own counts."""
        answers: dict[tuple[str, str], str | None] = {}
        for row in rows:
            said = (row.dataset, row.consent)
            if said not in answers:
                answers[said] = self._refusal(destination, *said)
        if not any(answers.values()):
            return list(rows)
        refused = {r.delivery: answers[r.dataset, r.consent] for r in rows}
        doubtful = [r for r in rows if refused[r.delivery] is not None]
        if doubtful:
            copies = self._copies([r.action for r in doubtful])
            for row in doubtful:
                own = copies[row.action]
                if own is None:
                    continue
                turns = self._tellers.turns(row.action, own, row.sent_id)
                words = [consent_of(t.copies) for t in turns] or [consent_told(admit(own), row.consent)]
                if words != [row.consent]:
                    refused[row.delivery] = self._first_refusal(destination, row.dataset, words)
        closed += [(d, DeliveryState.SUPPRESSED, reason, now_ms) for d, reason in refused.items() if reason is not None]
        return [r for r in rows if refused[r.delivery] is None]

    def _agreed(self, destination: str, dataset: str, counted: Admitted) -> Admitted:
        """Without the copies of browsers that said nothing where silence is not enough: another browser's yes is not theirs."""
        route = self._routes.get(dataset)
        if not (route is not None and route.require_consent) and not any(c.consent_required for c in counted.copies):
            return counted
        purposes = route.purposes.get(destination, ()) if route else ()
        kept = agreed(counted.copies, lambda said: why_not_send(said, purposes, True) is None)
        if len(kept) == len(counted.copies):
            return counted
        ids = {id(c) for c in kept}
        return Admitted(kept, [*counted.claims, *(c for c in counted.copies if id(c) not in ids)])

    def _refusal(self, destination: str, dataset: str, consent: str) -> str | None:
        route = self._routes.get(dataset)
        purposes = route.purposes.get(destination, ()) if route else ()
        return why_not_send(consent, purposes, route.require_consent if route else False)

    def _first_refusal(self, destination: str, dataset: str, said: Sequence[str]) -> str | None:
        """None where one of these may be told of."""
        answers = [self._refusal(destination, dataset, one) for one in said]
        return None if None in answers else answers[0]

    def made_of(
        self, destination: str, rows: Sequence[Due], closed: list[tuple[Any, ...]], now_ms: int
    ) -> tuple[list[tuple[Candidate, Due]], list[Candidate], list[int]]:
        """Those never sent, those tried before, and the deliveries of which a copy is not what was journalled. What its own copies
        say no to goes into ``closed``."""
        copies = self._copies([r.action for r in rows])
        left = self._left_before([r.action for r in rows])
        untried: list[tuple[Candidate, Due]] = []
        tried: list[Candidate] = []
        altered: list[int] = []
        for row in rows:
            own = copies[row.action]
            if own is None or own[0].dataset != row.dataset or own[0].event_name != row.event_name:
                if row.payload is None:  # what was frozen before has a digest of its own
                    altered.append(row.delivery)
                continue
            turns: Sequence[Admitted] = ()
            if len(own) == 1:  # as most are
                counted, event = Admitted(own), own[0]
                told = consent_text(event)
            else:
                turns = self._turns(destination, row, own)
                counted = self._first_of(turns, row) if turns else self._counted(destination, row, own)
                told, event = consent_of(counted.copies), unite(counted.copies)
            refusal = self._refusal(destination, row.dataset, told) if told != row.consent else None
            if refusal is not None and row.payload is None:  # whatever the column says: the buyer's own copies say no
                closed.append((row.delivery, DeliveryState.SUPPRESSED, refusal, now_ms))
                continue
            candidate = _made(destination, row, counted, event, told, left)
            if turns:
                candidate.alone = True
                candidate.others = [
                    _made(destination, row, t, unite(t.copies), consent_of(t.copies), left) for t in turns[1:]
                ]
                for other in candidate.others:
                    other.alone = True
                candidate.stale = row.payload is not None and self._is_taken_back(destination, row, turns)
            if row.payload is None:
                untried.append((candidate, row))
            else:
                tried.append(candidate)
        return untried, tried, altered

    def _turns(self, destination: str, row: Due, own: Sequence[Event]) -> Sequence[Admitted]:
        """Of an order that only browsers tell, those of them that may be told of; of what is frozen all that name it."""
        turns = self._tellers.turns(row.action, own, row.sent_id, with_others=row.payload is not None)
        return self._willing(destination, row.dataset, turns) if turns and row.payload is None else turns

    def _first_of(self, turns: Sequence[Admitted], row: Due) -> Admitted:
        return turns[0] if row.payload is None else _in_its_bytes(turns, row)

    def _willing(self, destination: str, dataset: str, turns: Sequence[Admitted]) -> Sequence[Admitted]:
        """Those that may be told of; where none may, the first, which says why."""
        may = [t for t in turns if self._refusal(destination, dataset, consent_of(t.copies)) is None]
        return may or turns[:1]

    def _is_taken_back(self, destination: str, row: Due, turns: Sequence[Admitted]) -> bool:
        """True where a browser that may be in the frozen bytes says no now."""
        before = [t for t in turns if any(_came_before(c, row) for c in t.copies)]
        may = [
            t for t in before if any(self._refusal(destination, row.dataset, consent_text(c)) is None for c in t.copies)
        ]
        return any(self._refusal(destination, row.dataset, consent_of(t.copies)) is not None for t in may)

    def _counted(self, destination: str, row: Due, own: Sequence[Event]) -> Admitted:
        """Which of several copies count: of what is frozen already the same that counted then."""
        counted = admit(own)
        return self._agreed(destination, row.dataset, counted) if row.payload is None else counted

    def _left_before(self, actions: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Under which ids something left already that these actions stand for now."""
        found: dict[int, tuple[str, ...]] = {}
        if self._superseded.any and actions:
            for action, event_id in self._engine.run("select_left_before", (id_array(actions),)):
                found[action] = (*found.get(action, ()), event_id)
        return found

    def _copies(self, actions: Sequence[int]) -> dict[int, list[Event] | None]:
        """The copies of each action; None where one of them is not what was journalled."""
        found: dict[int, list[Event] | None] = {action: [] for action in actions}
        rows = self._engine.run("select_journalled_copies", (id_array(actions),)) if actions else []
        rows.sort(key=_position_of)  # in the order they came
        read = self._reader.read
        for row in rows:
            own = found.get(row[0])
            if own is None:
                continue
            event = read(row)
            if event is not None:
                own.append(event)
            else:
                found[row[0]] = None
        return {action: own or None for action, own in found.items()}


_position_of = itemgetter(1)


def _made(
    destination: str, row: Due, counted: Admitted, event: Event, told: str, left: Mapping[int, tuple[str, ...]]
) -> Candidate:
    """Of the copies that count. ``event``: they united; ``told``: their consent."""
    if row.sent_id is not None:
        event = msgspec.structs.replace(event, event_id=row.sent_id)  # one action, one id, everywhere
    return Candidate(
        delivery=row.delivery,
        destination=destination,
        dataset=row.dataset,
        action=row.action,
        event=event,
        copies=counted.copies,
        claims=counted.claims,
        left_as=left.get(row.action, ()),
        created_at=row.created_at,
        fresh=row.payload is None,
        unsure=row.unsure_since is not None,
        consent=row.consent if told == row.consent else consent_told(counted, row.consent),
        released=bool(row.released),
    )


def _in_its_bytes(turns: Sequence[Admitted], row: Due) -> Admitted:
    """What may be in the bytes of a delivery that was frozen with the copies there were: of which of the browsers nobody wrote down. A
    buyer who is proved since is heard beside it, as their no is one to whatever is told of the order."""
    may = [c for t in turns for c in t.copies if _came_before(c, row)]
    first = turns[0].copies
    return Admitted(may if any(_came_before(c, row) for c in first) else [*may, *first])


def _came_before(copy: Event, row: Due) -> bool:
    return row.first_attempt_at is None or copy.received_at <= row.first_attempt_at


def under_its_id(candidate: Candidate) -> Event:
    """The event under the id that a copy of the buyer's left with before, if one did: the platform merges the two.

    What a server had sent with other money lends no id by its key alone: the platform would keep that money. Nor does it
    where the highest tier's own word is all that has such an id: somebody guessed it, and left with it before.
    """
    event = candidate.event
    own = [c for c in candidate.copies if not _left_with_other_money(c, candidate)]
    proved, top = {c.event_id for c in own}, max(c.tier for c in candidate.copies)
    left = {c.event_id for c in own if c.tier < top}
    same = next((i for i in candidate.left_as if i in left), event.event_id if event.event_id in proved else None)
    same = same or sending_id(own)
    return event if same == event.event_id else msgspec.structs.replace(event, event_id=same)


def _left_with_other_money(copy: Event, candidate: Candidate) -> bool:
    """True for a copy under whose id other money left than the order's, and that nothing but a server's key vouches for."""
    data, money = copy.custom_data, candidate.event.custom_data
    if copy.event_id not in candidate.left_as or (data.value, data.currency) == (money.value, money.currency):
        return False
    top = max(c.tier for c in candidate.copies)
    own = [c for c in candidate.copies if c.tier == top]
    return Tier.T2 <= copy.tier < top and not is_buyers(copy, own)
