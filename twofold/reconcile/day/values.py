"""What a day is told and what it says: orders with their actions, witnesses, reasons in their fixed order, residuals.

Owns these shapes and the list of reasons. Amounts are in the reporting currency; times Unix s.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

ZERO = Decimal(0)
META, SHOP, GA4, LOG = "meta", "shop", "ga4", "log"

REASONS = (
    "test_order", "time_zone", "source_not_connected", "not_yet", "cancelled_before_sent", "voided", "emptied", "returned",
    "renewal", "consent", "no_browser", "page_not_reached", "no_trace", "blocked_there", "late", "rejected", "dead",
    "waiting", "duplicate_there", "merged_there", "value_parts", "margin_told", "discount", "price_differs", "edited_after",
    "refunded_after", "refund_day", "return_day", "cancelled", "edited", "gift_card", "currency_rate", "no_meta_click",
    "outside_window", "view_through", "engaged_view", "other_account", "click_day", "cod_undelivered",
)  # fmt: skip
"""Every reason that has a size, in the order in which they apply: an order has the first that fits."""

POSSIBLE = {
    META: (
        "clicks_unseen",
        "click_not_credited",
        "unmatched_there",
        "modelled",
        "view_through",
        "rate_unknown",
        "not_final",
    ),
    GA4: ("blocked_there", "price_differs", "threshold", "other_row", "sampled", "rate_unknown", "not_final"),
    SHOP: (),
    LOG: (),
}
"""What a residual may be and nobody can measure from here: names without numbers."""


class Sent(Struct, frozen=True, kw_only=True):
    """One Purchase action. ``state``: of its delivery to the platform; ``value`` as it was sent, ``told`` as its copies have
    it, both in the reporting currency; ``as_margin``: what was sent is the order's margin. ``click_at``: the last click of the platform, ``consent``: what its copies said."""

    action: int
    at: int
    told: Decimal | None
    state: str = ""
    reason: str = ""
    value: Decimal | None = None
    as_margin: bool = False
    settled_at: int | None = None
    browser: bool = False
    consent: str = ""
    click_at: int | None = None
    click_ad: str = ""  # the platform's id of the ad that was clicked last, where it is known
    order: str = ""  # key; empty where no order is known
    who: frozenset[str] = frozenset()  # marks of its browsers, in memory only

    @property
    def accepted(self) -> bool:
        return self.state == "delivered"


class DayOrder(Struct, frozen=True, kw_only=True):
    """An order of the day or of one near it. ``parts``: what the total contains, by part; ``left_out``: what the policy
    does not send. ``actions``: the one that stands for it first."""

    key: str
    order_id: str
    number: str
    placed_at: int
    total: Decimal
    sale: str = "web"
    test: bool = False
    source: str = ""
    actions: tuple[Sent, ...] = ()
    parts: Mapping[str, Decimal] = {}
    left_out: Mapping[str, Decimal] = {}
    visited: bool = False  # a visit of its browser is known
    banner: bool = False  # silence is not enough: consent must be granted
    cancelled_at: int | None = None
    returned_at: int | None = None
    back: tuple[tuple[int, Decimal], ...] = ()  # refunds, when and how much
    edited: Decimal | None = None  # what edits changed of the total
    gift_cards: Decimal = ZERO
    discount: Decimal = ZERO  # taken off the total already

    @property
    def main(self) -> Sent | None:
        return self.actions[0] if self.actions else None

    @property
    def has_browser_copy(self) -> bool:
        return any(a.browser for a in self.actions)


class Report(Struct, frozen=True, kw_only=True):
    """A witness's own figure for its day. ``rows``: of single purchases, where it knows them: (id, count, value).

    ``windows``: parts of a platform's claim, count and value. ``amount`` is None where nothing was told.
    """

    source: str
    count: int | None = None
    amount: Decimal | None = None
    original_amount: Decimal | None = None
    original_currency: str = ""
    zone: str = ""
    window: str = ""
    fetched_at: int | None = None
    rows: tuple[tuple[str, Decimal, Decimal], ...] = ()
    windows: Mapping[str, tuple[Decimal, Decimal]] = {}
    refunds: Decimal = ZERO
    flags: tuple[str, ...] = ()
    other_ads: frozenset[str] = frozenset()  # ads of accounts of the platform that are not in this figure
    by_click_day: bool = False  # a purchase stands on the day of its click

    @property
    def is_here(self) -> bool:
        return self.count is not None


class Term(Struct, frozen=True, kw_only=True):
    """One reason of one bridge. ``orders``: what is behind it; ``second``: of orders that another reason fits, too.

    ``way``: of a reason that works both ways, ``out`` of the witness's day or ``in``.
    """

    reason: str
    way: str = ""
    count: int
    amount: Decimal
    orders: tuple[str, ...] = ()
    second: Mapping[str, str] = {}


class Sum(Struct, frozen=True, kw_only=True):
    """A line at which a bridge is added up so far: the basis, what was accepted, what is expected."""

    name: str
    count: int
    amount: Decimal


class Bridge(Struct, frozen=True, kw_only=True):
    """From the basis to a witness: ``lines`` in order, then what the witness says and what is left."""

    witness: str
    lines: tuple[Term | Sum, ...]
    count: int | None
    amount: Decimal | None
    residual_count: int | None
    residual: Decimal | None
    possible: tuple[str, ...] = ()

    @property
    def terms(self) -> list[Term]:
        return [line for line in self.lines if isinstance(line, Term)]


class Claim(Struct, frozen=True, kw_only=True):
    """A window of a platform: what it claims, how much of it a click of ours confirms, and what it does not claim."""

    window: str
    claimed: Decimal
    confirmed: int
    unconfirmed: Decimal
    unclaimed: int


_BOTH_WAYS = frozenset({"time_zone", "late", "source_not_connected", "click_day"})
_FLAGS = frozenset({"threshold", "other_row", "sampled"})


class Tally:
    """Reasons on their way into a bridge: each order under one, in their fixed order when written."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}
        self._amount: dict[tuple[str, str], Decimal] = {}
        self._orders: dict[tuple[str, str], list[str]] = {}
        self._second: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, reason: str, count: int, amount: Decimal, order: str = "", second: str = "") -> None:
        key = reason, ("in" if count > 0 else "out") if reason in _BOTH_WAYS else ""
        self._count[key] = self._count.get(key, 0) + count
        self._amount[key] = self._amount.get(key, ZERO) + amount
        if order:
            self._orders.setdefault(key, []).append(order)
        if order and second:
            self._second.setdefault(key, {})[order] = second

    def terms(self) -> list[Term]:
        rank = {name: place for place, name in enumerate(REASONS)}
        return [
            Term(
                reason=key[0],
                way=key[1],
                count=self._count[key],
                amount=self._amount[key],
                orders=tuple(dict.fromkeys(sorted(self._orders.get(key, ())))),
                second=self._second.get(key, {}),
            )
            for key in sorted(self._count, key=lambda k: (rank.get(k[0], len(rank)), k[1] != "out"))
        ]


def _possible(witness: str, report: Report) -> tuple[str, ...]:
    """Names that the witness's own words do not rule out: a flag that it tells either way is said where it is set."""
    told = {*report.flags}
    return tuple(name for name in POSSIBLE[witness] if name not in _FLAGS or name in told or not report.flags)


def bridge(witness: str, basis: Sum, tallies: list[tuple[Tally, str]], report: Report) -> Bridge:
    """The basis, each tally's terms with the sum after them, then the witness. The residual is what they leave."""
    lines: list[Term | Sum] = [basis]
    count, amount = basis.count, basis.amount
    for tally, name in tallies:
        for term in tally.terms():
            lines.append(term)
            count, amount = count + term.count, amount + term.amount
        lines.append(Sum(name=name, count=count, amount=amount))
    there = report.amount is not None and report.count is not None
    return Bridge(
        witness=witness,
        lines=tuple(lines),
        count=report.count,
        amount=report.amount,
        residual_count=report.count - count if report.count is not None else None,
        residual=report.amount - amount if there and report.amount is not None else None,
        possible=_possible(witness, report) if there else (),
    )
