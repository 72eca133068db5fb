"""What the store holds of people in some days: who was seen together with whom, what they did, what they said, what they ordered.

Owns the reading, out of one snapshot. An event is read for the few fields that matter here. Who is one person is `persons`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.consent.state import consent_text
from twofold.event.addressees import said_of_lists
from twofold.event.identity import bare_order
from twofold.event.model import Consent, Hashed
from twofold.facts.rows.snapshot import Snapshot, snapshot_of
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order
from twofold.ledger.state import decode_state
from twofold.matching.subject import Mark, _browser
from twofold.privacy.erase import erased_digest
from twofold.store.engines import open_reader
from twofold.store.gates.erased import Digest
from twofold.store.orders.buyers import buyers_of
from twofold.store.sqlite.statements import reading

DAY_S = 86_400
OWN_RULES = ("meta", "sent")
"""Hashes that name a person. Those of Meta's libraries are the same addresses once more."""
VIEW, CART, BOUGHT = "view", "cart", "bought"
_SIGNS = {
    "ViewContent": VIEW,
    "AddToCart": CART,
    "InitiateCheckout": CART,
    "AddPaymentInfo": CART,
    "Purchase": BOUGHT,
}
_CHUNK = 500


class SeenUser(Struct, gc=False):
    """Of `UserData` what names a person or a browser."""

    em: tuple[Hashed, ...] = ()
    ph: tuple[Hashed, ...] = ()
    external_id: tuple[Hashed, ...] = ()
    fbp: str | None = None


class SeenData(Struct, gc=False):
    order_id: str | None = None


class SeenEvent(Struct, gc=False):
    """Of an `Event` what matters here; the rest is not even decoded."""

    event_name: str
    event_id: str
    event_time: int
    received_at: int
    sender: str
    user_data: SeenUser
    custom_data: SeenData
    consent: Consent = Consent.UNSTATED
    granted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    consent_required: bool = False
    opt_out: bool | None = None
    data_processing_options: tuple[str, ...] | None = None
    visitor: str | None = None
    links: tuple[str, ...] = ()
    bot: str | None = None
    held_back: str | None = None
    forms: tuple[Hashed, ...] = ()
    destinations: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(SeenEvent).decode


class Tie(Struct, frozen=True, gc=False):
    """Marks that one event carried together, and its contact values under other platforms' rules."""

    marks: tuple[int, ...]
    forms: tuple[Hashed, ...]


class Sign(Struct, frozen=True, gc=False):
    """That somebody looked at goods, filled a cart, or bought. ``at``: Unix s. ``destinations``: whom the message was meant for, in the
    words of `event.addressees`."""

    tie: int
    kind: str
    at: int
    action: int
    destinations: tuple[str, ...] = ()


class Said(Struct, frozen=True, gc=False):
    """What was said about consent, by whom. ``limited``: under limited use, or opted out of ads. ``lists``: what was said of platforms'
    lists, as ``-meta`` or ``+meta``."""

    text: str
    limited: bool
    sender: str
    tier: int
    lists: tuple[str, ...] = ()


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """An order as it stands. ``counts``: it was not cancelled, given back or a test. Times in Unix s."""

    row: int
    order_id: str
    placed_at: int
    action: int | None
    counts: bool
    delivered_at: int | None
    refused_at: int | None
    returned_at: int | None
    buyers: tuple[str, ...]  # "kind:hex"


class Read(Struct, kw_only=True):
    """All that was read of one dataset. ``marks``: each number's mark; ``rules``: of a hash, under which it came."""

    dataset: str
    marks: list[Mark]
    rules: dict[str, str]
    ties: list[Tie]
    signs: list[Sign]
    said: dict[tuple[int, Said], int]  # tie and statement to when it was last said, Unix s
    orders: list[Order]
    of_action: dict[int, int]  # Purchase action of an order to a tie of it
    digest: Callable[[str, str], bytes] | None  # kind and value to the keyed digest of a buyer; None without a secret


class Standing(Struct, frozen=True):
    """How withdrawals and erasures stood; another one afterwards means that somebody took something back."""

    withdrawals: tuple[int, ...]
    erasures: int
    erasing: int


def standing_of(folder: Path) -> Standing:
    """As of now."""
    db = open_reader(folder)
    try:
        run = reading(db)
        (withdrawals,), ((erasures, erasing),) = run("audience_withdrawals", ()), run("audience_erasures", ())
    finally:
        db.close()
    return Standing(tuple(withdrawals), erasures, erasing)


def read_people(folder: Path, datasets: Iterable[str], policies: dict[str, OrderPolicy], since: int) -> list[Read]:
    """Each dataset's people since a time (Unix s), all as of one state of the store."""
    with snapshot_of(folder) as snapshot:
        return [_read(snapshot, name, policies.get(name) or OrderPolicy(), since) for name in datasets]


def _read(snapshot: Snapshot, dataset: str, policy: OrderPolicy, since: int) -> Read:
    digest, erased = _erased_of(snapshot)
    gathered = _Gathering(dataset, since, digest, erased)
    orders = [*_orders(snapshot, dataset, policy, since, gathered)]
    wanted = {o.action for o in orders if o.action is not None}
    stands = _stands_for(snapshot)
    first = min((f for f, _, day in snapshot.stretches if day >= since // DAY_S), default=snapshot.position + 1)
    for _, action, tier, body in snapshot.stream("audience_events", (first, dataset)):
        gathered.take(body, tier, _last(action, stands), wanted)
    ring = snapshot.ring
    return Read(
        dataset=dataset,
        marks=list(gathered.number),
        rules=gathered.rules,
        ties=list(gathered.tie),
        signs=gathered.signs,
        said=gathered.said,
        orders=orders,
        of_action=gathered.of_action,
        digest=None if ring is None else ring.digest,
    )


def _erased_of(snapshot: Snapshot) -> tuple[Digest | None, frozenset[bytes]]:
    ring = snapshot.ring
    erased = frozenset(bytes(digest) for (digest,) in snapshot.run("select_erased_ids"))
    return (None if ring is None else partial(erased_digest, ring)), erased


def _orders(snapshot: Snapshot, dataset: str, policy: OrderPolicy, since: int, gathered: _Gathering) -> Iterable[Order]:
    rows = snapshot.run("audience_orders", (since, dataset))
    for n in range(0, len(rows), _CHUNK):
        part = rows[n : n + _CHUNK]
        buyers = buyers_of(snapshot.run, [row[0] for row in part])
        for number, order_id, placed_at, action, body in part:
            if gathered.is_erased("order", order_id):
                continue
            state = decode_state(body)
            yield Order(
                row=number,
                order_id=order_id,
                placed_at=placed_at,
                action=action,
                counts=state.known and judge_order(state, policy, placed_at).standing is not OrderStanding.NEVER,
                delivered_at=state.delivered_at,
                refused_at=state.refused_at,
                returned_at=state.returned_at,
                buyers=buyers.get(number, ()),
            )


def _stands_for(snapshot: Snapshot) -> dict[int, int]:
    """Action to the one that it became part of, or that stands for it. Of actions that are one, whatever stands for any of them stands
    for the whole; where that became part of the same one there is nothing left to say."""
    merged: dict[int, int] = dict(snapshot.run("audience_merged"))
    stands = dict(merged)
    for action, successor in snapshot.run("audience_superseded"):
        whole, other = _last(action, merged), _last(successor, merged)
        if whole not in stands and _last(other, stands) != whole:
            stands[whole] = other
    return stands


def _last(action: int, stands: Mapping[int, int]) -> int:
    """The action that stands for this one in the end."""
    while action in stands:
        action = stands[action]
    return action


class _Gathering:
    """Events as they come; each mark and each tie once."""

    def __init__(self, dataset: str, since: int, digest: Digest | None, erased: frozenset[bytes]) -> None:
        self._dataset, self._since, self._digest, self._erased = dataset, since, digest, erased
        self.number: dict[Mark, int] = {}
        self.rules: dict[str, str] = {}
        self.tie: dict[Tie, int] = {}
        self.signs: list[Sign] = []
        self.said: dict[tuple[int, Said], int] = {}
        self.of_action: dict[int, int] = {}
        self._known: dict[Said, Said] = {}

    def is_erased(self, kind: str, value: str) -> bool:
        return (
            bool(self._erased) and self._digest is not None and self._digest(self._dataset, kind, value) in self._erased
        )

    def take(self, body: bytes, tier: int, action: int, wanted: set[int]) -> None:
        try:
            event = _decode(body)
        except (msgspec.MsgspecError, ValueError):
            return  # a row that nobody wrote: `verify` names it
        if event.bot or event.held_back or self._is_erased_event(event):
            return
        marks = self._marks(event)
        if not marks:
            return
        tie = self.tie.setdefault(Tie(marks, event.forms), len(self.tie))
        at = min(event.event_time, event.received_at // 1000)
        if action in wanted:
            self.of_action.setdefault(action, tie)
        kind = _SIGNS.get(event.event_name)
        if kind is not None and at >= self._since:
            self.signs.append(Sign(tie, kind, at, action, event.destinations))
        limited = bool(event.data_processing_options) or event.opt_out is True
        lists = said_of_lists(event.destinations)
        if limited or lists or event.consent is not Consent.UNSTATED or event.granted or event.denied:
            said = Said(consent_text(event), limited, event.sender, tier, lists)  # type: ignore[arg-type]
            key = (tie, self._known.setdefault(said, said))
            self.said[key] = max(at, self.said.get(key, 0))

    def _marks(self, event: SeenEvent) -> tuple[int, ...]:
        user, found = event.user_data, list[Mark]()
        for kind in ("em", "ph", "external_id"):
            for hashed in getattr(user, kind):
                if hashed.rule in OWN_RULES and len(hashed.hex) == 64:
                    found.append(Mark(kind, hashed.hex))
                    if self.rules.get(hashed.hex) != "meta":
                        self.rules[hashed.hex] = hashed.rule
        if user.fbp:
            found.append(Mark("fbp", _browser(user.fbp)))
        if event.visitor:
            found.append(Mark("visitor", event.visitor))
        found += [Mark("order", link[6:]) for link in event.links if link.startswith("order:")]
        if event.custom_data.order_id:
            found += [Mark("order", number) for number in self._numbers(event.custom_data.order_id)]
        return tuple(sorted({self.number.setdefault(mark, len(self.number)) for mark in found}))

    @staticmethod
    def _numbers(order_id: str) -> list[str]:
        return [text for text in dict.fromkeys((order_id, bare_order(order_id))) if text]

    def _is_erased_event(self, event: SeenEvent) -> bool:
        if not self._erased:
            return False
        order = event.custom_data.order_id
        return self.is_erased("event_id", f"{event.event_name}\0{event.event_id}") or (
            bool(order) and self.is_erased("order", order or "")
        )
