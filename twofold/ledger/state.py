"""An order's state, derived from everything that was ever reported about it, in any order of arrival.

Owns the derivation: which snapshot stands, what is paid, refunded, delivered, and since when. It is a pure function
of the set of reports, so the same reports give the same state whichever came first, and one that comes twice changes
nothing. What follows for a Purchase is `policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from twofold.ledger.model import (
    Amounts,
    Line,
    Method,
    OrderReport,
    Paid,
    Parcel,
    ParcelState,
    Payment,
    Refund,
    Sale,
    Snapshot,
)

PAYMENT_SYSTEMS = frozenset({"stripe", "adyen", "mollie", "paypal", "bog", "klarna", "tbc"})
"""Sources that see the money of an order but not the order: what a shop says about the order stands above theirs."""

COURIERS = frozenset({"easypost", "shippo", "aftership", "courier"})
"""Sources that see parcels and not orders: what they tell of a parcel belongs to whichever order has it."""

_MONEY_CAME = frozenset({Paid.PAID, Paid.PART_REFUNDED, Paid.REFUNDED})
_SHIPPED = frozenset({ParcelState.IN_TRANSIT, ParcelState.OUT, ParcelState.WAITING, ParcelState.DELIVERED})


class Fact(Struct, frozen=True):
    """One report with the source that made it, as the ledger keeps it."""

    source: str
    report: OrderReport


class OrderState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an order now. Times are Unix s, and None where nobody reported it."""

    order_id: str
    placed_at: int
    known: bool = False  # somebody reported the order itself, not only money or parcels of it
    sale: Sale = Sale.WEB
    test: bool = False
    deleted: bool = False
    gateways: tuple[str, ...] = ()
    method: Method | None = None
    tags: tuple[str, ...] = ()
    paid: Paid | None = None
    confirmed_at: int | None = None
    authorised_at: int | None = None
    paid_at: int | None = None
    shipped_at: int | None = None
    delivered_at: int | None = None
    refused_at: int | None = None
    returned_at: int | None = None
    cancelled_at: int | None = None
    cancel_reason: str = ""
    shop: Amounts | None = None
    presentment: Amounts | None = None
    refunded: dict[str, Decimal] = {}  # currency -> sum
    received: dict[str, Decimal] = {}  # currency -> sum of payments that came in, where a source tells them apart
    lines: tuple[Line, ...] = ()
    replaces: str = ""
    sources: tuple[str, ...] = ()
    disputed: bool = False
    country: str = ""  # of the delivery address; ISO 3166-1 and 3166-2
    region: str = ""


encode_state = msgspec.json.Encoder(decimal_format="string").encode
"""A state to the bytes kept beside the order."""

decode_state = msgspec.json.Decoder(OrderState).decode
"""The inverse of `encode_state`."""


def derive(facts: Sequence[Fact]) -> OrderState:
    """The state that these facts give, whatever order they stand in. There must be at least one."""
    latest = _latest_snapshots(facts)
    # Of several systems that know the order, the shop; of several shops, the one that spoke last.
    ranked = sorted(latest.items(), key=_standing)
    main = ranked[0][1] if ranked else None
    snapshot = main.snapshot if main else None
    reports = [f.report for f in facts]
    refunds = _refunds(facts)
    payments = payments_of(reports)
    purses = _purses(facts)
    received = _largest(_sum((p.amount, p.currency) for p in purse if _came_in(p)) for purse in purses)
    shop = snapshot.shop if snapshot else None
    if shop is None and received:
        currency, total = max(received.items(), key=lambda x: x[1])
        shop = Amounts(currency=currency, total=total)
    paid, paid_at = _paid(ranked, facts, purses, shop)
    parcels = parcels_of(reports)
    delivered_at = _all_delivered(parcels) or (snapshot.delivered_at if snapshot else None)
    place = _place(ranked, reports)
    cancelled = next((s for _, r in ranked if (s := r.snapshot) and s.cancelled_at is not None), None)
    return OrderState(
        order_id=main.order_id if main else _nameable(facts).order_id,
        placed_at=snapshot.placed_at if snapshot else min(r.at for r in reports),
        known=snapshot is not None,
        sale=_sale([s for _, r in ranked if (s := r.snapshot)]),
        test=any(s.test for r in latest.values() if (s := r.snapshot)),
        deleted=_is_deleted(facts, latest),
        gateways=tuple(dict.fromkeys(g for _, r in ranked if r.snapshot for g in r.snapshot.gateways)),
        method=next((s.method for _, r in ranked if (s := r.snapshot) and s.method), None),
        tags=snapshot.tags if snapshot else (),
        paid=paid,
        confirmed_at=_earliest(r.at for r in reports if r.snapshot and r.snapshot.confirmed),
        authorised_at=_earliest(r.at for r in reports if r.snapshot and r.snapshot.paid is Paid.AUTHORISED),
        paid_at=paid_at,
        shipped_at=_earliest(p.at for p in parcels if p.state in _SHIPPED),
        delivered_at=delivered_at,
        refused_at=_earliest(p.at for p in current_parcels(parcels) if p.state is ParcelState.REFUSED),
        returned_at=_returned(parcels),
        cancelled_at=cancelled.cancelled_at if cancelled else None,
        cancel_reason=cancelled.cancel_reason if cancelled else "",
        shop=shop,
        presentment=snapshot.presentment if snapshot else None,
        refunded=refunds,
        received=received,
        lines=_lines([s for _, r in ranked if (s := r.snapshot)], reports),
        replaces=snapshot.replaces if snapshot else "",
        sources=tuple(sorted({f.source for f in facts})),
        country=place[0],
        region=place[1],
        disputed=any(p.kind == "dispute" and p.state != "failure" for p in payments),
    )


def _place(ranked: Sequence[tuple[str, OrderReport]], reports: Sequence[OrderReport]) -> tuple[str, str]:
    """Where the parcel goes: by the snapshot that stands first and says it, else by the report told last that does."""
    said = [(r.country, r.region) for _, r in ranked if r.country]
    if said:
        return said[0]
    others = [r for r in reports if r.country]
    latest = max(others, key=lambda r: (r.at, r.country, r.region), default=None)
    return (latest.country, latest.region) if latest else ("", "")


def _nameable(facts: Sequence[Fact]) -> OrderReport:
    """Whose id stands for an order that nobody has told whole: the first report's, and a courier's only where it is alone."""
    return min(facts, key=lambda f: (is_courier(f.source), f.report.at, f.report.order_id)).report


def is_courier(source: str) -> bool:
    return source.partition(":")[0] in COURIERS


def _standing(told: tuple[str, OrderReport]) -> tuple[bool, int, str]:
    source, report = told
    version = report.snapshot.version if report.snapshot else 0
    return _is_payment_system(source), -version, source


def _latest_snapshots(facts: Sequence[Fact]) -> dict[str, OrderReport]:
    """For each source the report whose snapshot stands: the highest version, and of equals the one told later."""
    found: dict[str, OrderReport] = {}
    for fact in facts:
        report, known = fact.report, found.get(fact.source)
        if report.snapshot is None:
            continue
        if known is None or _rank(report) > _rank(known):
            found[fact.source] = report
    return found


def _rank(report: OrderReport) -> tuple[int, int, int, bytes, str]:
    """Order of two snapshots of one source. Equal versions differ by time, then by how far they got, then by text."""
    snapshot = report.snapshot
    assert snapshot is not None
    return snapshot.version, report.at, _progress(snapshot), msgspec.json.encode(snapshot), report.order_id


def _progress(snapshot: Snapshot) -> int:
    return (list(Paid).index(snapshot.paid) + 1 if snapshot.paid else 0) + 10 * (snapshot.cancelled_at is not None)


def _is_deleted(facts: Sequence[Fact], latest: dict[str, OrderReport]) -> bool:
    """Deleted by a source and not spoken of by it afterwards."""
    for fact in facts:
        if fact.report.deleted:
            last = latest.get(fact.source)
            if last is None or last.at <= fact.report.at:
                return True
    return False


def _sale(snapshots: Sequence[Snapshot]) -> Sale:
    """Where it was made by the standing source's word; but whoever knows it for a renewal knows more than the others."""
    if any(s.sale is Sale.RENEWAL for s in snapshots):
        return Sale.RENEWAL
    return snapshots[0].sale if snapshots else Sale.WEB


def _lines(standing: Sequence[Snapshot], reports: Sequence[OrderReport]) -> tuple[Line, ...]:
    """The goods; of a cancelled order, whose lines are emptied by then, those it had before."""
    now = next((s.lines for s in standing if s.lines), ())
    if now or all(s.cancelled_at is None for s in standing):
        return now
    before = [r for r in reports if r.snapshot and r.snapshot.lines and r.snapshot.cancelled_at is None]
    last = max(before, key=_rank, default=None)
    return last.snapshot.lines if last and last.snapshot else ()


def _paid(
    ranked: Sequence[tuple[str, OrderReport]],
    facts: Sequence[Fact],
    purses: Sequence[Sequence[Payment]],
    shop: Amounts | None,
) -> tuple[Paid | None, int | None]:
    """The payment's state and when the money was first reported whole, since the shop last said that it was not.

    What the shop says about the end of a payment stands; that the money came may be told by anybody who saw it. A
    payment system's "voided" is the end of one try only, so it says nothing against money that came by another.
    """
    snapshots = [s for _, r in ranked if (s := r.snapshot)]
    came = _came_at(facts)
    times = (_paid_in_full_at(purse, shop) for purse in purses)
    in_full = _earliest(t for t in times if t is not None)
    whole = [*came, *([in_full] if in_full is not None else [])]
    state = snapshots[0].paid if snapshots else None
    tried = state is Paid.VOIDED and _is_payment_system(ranked[0][0])
    if not tried and state in (Paid.VOIDED, Paid.REFUNDED, Paid.PART_REFUNDED, Paid.PAID):
        pass
    elif in_full is not None or any(s.paid in _MONEY_CAME for s in snapshots[1:]):
        state = Paid.PAID
    elif state is None and any(purses):
        state = Paid.PART if any(_came_in(p) for purse in purses for p in purse) else Paid.UNPAID
    elif state is None and shop is not None and not shop.total and not shop.after_refunds:
        return Paid.PAID, snapshots[0].placed_at  # nothing was to be paid
    paid_now = state in _MONEY_CAME
    return state, min(whole) if whole and paid_now else None


def _came_at(facts: Sequence[Fact]) -> list[int]:
    """When each source said that the money had come, since a shop last said that it had not: a "paid" that was taken back, or that comes
    late from before, is not when an order was paid. A payment system speaks of one try, so it takes nothing back."""
    told = [
        (f.source, f.report.at, s.paid in _MONEY_CAME) for f in facts if (s := f.report.snapshot) and s.paid is not None
    ]
    lacked: dict[str, int] = {}
    for source, at, has_come in told:
        if not has_come and not _is_payment_system(source):
            lacked[source] = max(at, lacked.get(source, at))
    came = [(source, at) for source, at, has_come in told if has_come]
    return [at for source, at in came if at >= lacked.get(source, at)] or [at for _, at in came]


def _paid_in_full_at(payments: Sequence[Payment], shop: Amounts | None) -> int | None:
    """When the payments reached the order's total; None while they have not."""
    if shop is None:
        return None
    total = Decimal(0)
    for payment in sorted((p for p in payments if _came_in(p)), key=lambda p: p.at):
        if payment.currency == shop.currency:
            total += payment.amount
            if total >= shop.total:
                return payment.at
    return None


def _is_payment_system(source: str) -> bool:
    return source.partition(":")[0] in PAYMENT_SYSTEMS


def _purses(facts: Sequence[Fact]) -> list[list[Payment]]:
    """The payments by who told them: each shop's own, and those of the payment systems together.

    A shop and the payment system tell of the same money under different ids, so payments of two purses are never
    added; two payment systems each tell of their own part.
    """
    shops = sorted({f.source for f in facts if not _is_payment_system(f.source)})
    purses = [payments_of(f.report for f in facts if f.source == source) for source in shops]
    return [*purses, payments_of(f.report for f in facts if _is_payment_system(f.source))]


def _came_in(payment: Payment) -> bool:
    return payment.kind in ("sale", "capture") and payment.state == "success"


def payments_of(reports: Iterable[OrderReport]) -> list[Payment]:
    """Each payment once, as it was reported last."""
    found: dict[str, Payment] = {}
    for report in reports:
        for payment in report.payments:
            known = found.get(payment.id)
            if known is None or _newer(payment, known):
                found[payment.id] = payment
    return list(found.values())


def _newer(a: Payment, b: Payment) -> bool:
    return _age(a) > _age(b)


def _age(payment: Payment) -> tuple[int, int, bytes]:
    """Order of two reports of one payment: by time, then by how final, then by text so that nothing is left open."""
    order = ("pending", "failure", "success")
    rank = order.index(payment.state) if payment.state in order else 0
    return payment.at, rank, msgspec.json.encode(payment)


def _refunds(facts: Sequence[Fact]) -> dict[str, Decimal]:
    """Money given back per currency.

    The same money is told by several: as refunds of the order, as payments of kind refund, by the shop and by the
    payment system. They share no id, so the largest of the sums stands, never two of them added.
    """
    sums: list[dict[str, Decimal]] = []
    for source in {f.source for f in facts}:
        reports = [f.report for f in facts if f.source == source]
        given = _given_back(refunds_of(reports))
        back = [p for p in payments_of(reports) if p.kind == "refund" and p.state == "success"]
        sums.append(_sum(given))
        sums.append(_sum((p.amount, p.currency) for p in back))
    return _largest(sums)


def refunds_of(reports: Iterable[OrderReport]) -> list[Refund]:
    """One source's refunds, each once, as it was told last."""
    told = sorted(((report.at, r) for report in reports for r in report.refunds), key=_refund_age)
    refunds: dict[str, Refund] = {r.id: r for _, r in told}
    return list(refunds.values())


def _given_back(refunds: Sequence[Refund]) -> list[tuple[Decimal, str]]:
    """Each refund by itself; of a payment whose sums are told, its latest sum, where that is more than those add up to.

    An event of a sum may be lost: the next one holds it.
    """
    summed: dict[str, Refund] = {}
    for refund in refunds:  # the later told come later
        if refund.total is not None:
            summed[refund.payment] = refund
    steps = [r for r in refunds if r.total is not None or r.id.rpartition(":")[0] in summed]
    singles = [r for r in refunds if r not in steps]
    found = [(r.amount, r.currency) for r in singles]
    for payment, last in summed.items():
        alone = sum((r.amount for r in singles if r.payment == payment and r.currency == last.currency), Decimal(0))
        found.append((max((last.total or Decimal(0)) - alone, Decimal(0)), last.currency))
    return found


def _refund_age(told: tuple[int, Refund]) -> tuple[int, int, Decimal, bytes]:
    at, refund = told
    return at, refund.at, refund.total or Decimal(0), msgspec.json.encode(refund)


def _largest(sums: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    """For each currency the largest of the sums."""
    told = list(sums)
    currencies = {c for one in told for c in one}
    return {c: max(one.get(c, Decimal(0)) for one in told) for c in sorted(currencies)}


def _sum(amounts: Iterable[tuple[Decimal, str]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for amount, currency in amounts:
        found[currency] = found.get(currency, Decimal(0)) + amount
    return {c: a for c, a in found.items() if a}


def parcels_of(reports: Iterable[OrderReport]) -> list[Parcel]:
    """Every word on every parcel, by the carrier's number where it is known: a shop has an id of its own for what the courier
    calls by its number, and one of the shop's may be several of the courier's."""
    told = [p for r in reports for p in r.parcels]
    numbers: dict[str, set[str]] = {}
    for parcel in told:
        if parcel.numbers:
            numbers.setdefault(parcel.id, set()).update(map(parcel_number, parcel.numbers))
    words = {
        Parcel(id=number, state=p.state, at=p.at) for p in told for number in numbers.get(p.id) or {parcel_number(p.id)}
    }
    return sorted(words, key=lambda p: (p.id, p.at, list(ParcelState).index(p.state)))


def parcel_number(text: str) -> str:
    """A parcel's number as it is compared: without blanks, in capitals."""
    return "".join(text.split()).upper()


def current_parcels(parcels: Sequence[Parcel]) -> list[Parcel]:
    """The last state of each parcel."""
    return list({p.id: p for p in parcels}.values())


def _all_delivered(parcels: Sequence[Parcel]) -> int | None:
    """When the last parcel arrived, once all have; a parcel that was cancelled is none."""
    arrived: dict[str, int] = {}
    for parcel in parcels:
        if parcel.state is ParcelState.DELIVERED:
            arrived.setdefault(parcel.id, parcel.at)
    counted = [p for p in current_parcels(parcels) if p.state is not ParcelState.CANCELLED]
    return max(arrived.values()) if counted and all(p.id in arrived for p in counted) else None


def _returned(parcels: Sequence[Parcel]) -> int | None:
    """When the whole order was on its way back."""
    current = [p for p in current_parcels(parcels) if p.state is not ParcelState.CANCELLED]
    back = [p for p in current if p.state in (ParcelState.RETURNED, ParcelState.RETURNING, ParcelState.REFUSED)]
    return max(p.at for p in back) if current and len(back) == len(current) else None


def _earliest(times: Iterable[int]) -> int | None:
    return min(times, default=None)
