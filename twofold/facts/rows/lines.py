"""The tables of lines for one day: money and its keys, batches, statements, decisions, advertising, rates, costs, answers.

Owns which column a line's field is. A line that was told again stands once, as it is now; of advertising and of a counter's
days, which are restated, every version is kept and the newest says so. No text and no name: reports need neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from twofold.facts.parquet import Row
from twofold.ledger.filing import day_of, kind_of, local_day
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, Cost, Decision, MoneyLine, ParcelLine, Rate, SiteDay, Spend, Statement, Survey
from twofold.ledger.references import key_of, reference
from twofold.ledger.spend import channel_of_spend, claimed, counted, counted_purchases, platform_of_spend
from twofold.store.lines.reading import KeptLine, LineReader

Made = Iterator[tuple[str, Iterable[Row]]]
STANDING = ("money", "batch", "statement", "decision", "parcel", "rate", "cost", "survey")
"""Kinds of which a line stands once, as it is now."""
RESTATED = frozenset({"spend", "spend_claims", "site_days"})
"""Tables in which it depends on all lines of a day which of them count."""


def line_rows(lines: LineReader, day: int, only: Iterable[str] | None = None) -> Made:
    """Rows by table for the lines of a day. ``only``: of those that stand and are not restated only these, by name."""
    if only is None:
        for kind in STANDING:
            for kept in lines.lines(kind, day, day):
                yield from _standing(kept)
    else:
        for kept in lines.named(bytes.fromhex(name) for name in only):
            if kind_of(kept.thing) in STANDING and day_of(kept.thing) == day:
                yield from _standing(kept)
    for kind in ("spend", "site_day"):
        counting = _counting([kept.thing for kept in lines.lines(kind, day, day)])
        for kept in lines.versions(kind, day, day):
            yield from _restated(kept, kept.stands and kept.name in counting)


def _standing(kept: KeptLine) -> Made:
    thing = kept.thing
    own = _own(kept)
    match thing:
        case MoneyLine():
            yield "money", [own | _fields(thing, _MONEY) | {"kind": str(thing.kind), "happened_at": thing.at, "local_day": local_day(thing)}]  # fmt: skip
            yield "money_keys", _keys(own["line"], thing)
        case Batch():
            yield "batches", [own | _fields(thing, _BATCH) | {"batch": thing.id, "happened_at": thing.at}]
        case Statement():
            yield "statements", [own | _fields(thing, _STATEMENT) | {"statement": thing.id}]
        case Decision():
            said = {"of_line": thing.line, "target": thing.to, "said_by": thing.by, "happened_at": thing.at}
            yield "decisions", [own | said | _fields(thing, ("amount", "why", "undo"))]
        case ParcelLine():
            yield "parcel_lines", [own | _fields(thing, _PARCEL) | {"order_key": thing.order, "happened_at": thing.at}]
        case Rate():
            yield (
                "rates",
                [own | _fields(thing, ("source", "currency", "per", "rate", "base")) | {"rate_day": thing.day}],
            )
        case Cost():
            yield "costs", [own | _fields(thing, _COST) | {"applies_to": thing.of}]
        case Survey():
            named = reference("order", thing.order)
            said = {
                "order_key": thing.order,
                "match_key": key_of(named) if named else "",
                "happened_at": thing.at,
                "answer": thing.answer,
            }
            yield "surveys", [own | said]


def _counting(things: list[Any]) -> set[bytes]:
    """Names of the lines of a day that count: an export and an API, or two levels, may tell the same."""
    spend = counted(thing for thing in things if isinstance(thing, Spend))
    purchases = counted_purchases(thing for thing in things if isinstance(thing, SiteDay))
    return {name_of(row) for row in spend} | {name_of(row) for row in purchases}


def _restated(kept: KeptLine, counts: bool) -> Made:
    thing = kept.thing
    version = {
        "fetched_at": kept.told_at if kept.told_at is not None else kept.received_at // 1000,
        "stands": kept.stands,
        "counts": counts,
    }
    own = _own(kept) | version
    match thing:
        case Spend():
            claim = claimed(thing)
            told: dict[str, Any] = {"claimed_count": claim.count, "claimed_value": claim.value} if claim else {}
            of = {
                "platform": platform_of_spend(thing.source),
                "channel": channel_of_spend(thing),
                "local_day": thing.day,
            }
            yield "spend", [own | _fields(thing, _SPEND) | told | of]
            yield "spend_claims", _claims(own, thing)
        case SiteDay():
            told = {"local_day": thing.day, "transaction_id": thing.transaction, "session_source": thing.medium_source}
            yield "site_days", [own | told | _fields(thing, _SITE) | {"flags": ",".join(thing.flags)}]


_MONEY = (
    "source", "account", "id", "gross", "fee", "net", "currency", "zone", "day_only", "available_at", "value_at", "batch",
    "status", "original", "original_currency", "rate",
)  # fmt: skip
_BATCH = ("source", "account", "kind", "net", "currency", "expected_at", "bank_reference", "status", "lines")
_STATEMENT = (
    "source", "account", "currency", "since", "until", "opening", "closing", "entries", "covers_first", "covers_last",
)  # fmt: skip
_PARCEL = ("courier", "parcel", "state", "due", "taken", "fee", "freight", "currency", "method", "batch", "event")
_COST = ("sku", "rule", "since", "amount", "percent", "least", "currency")
_SPEND = (
    "source", "account", "level", "zone", "campaign_id", "campaign", "adset_id", "adset", "ad_id", "ad", "currency",
    "amount", "invoiced", "impressions", "clicks", "setting",
)  # fmt: skip
_SITE = (
    "source", "account", "zone", "currency", "medium", "campaign", "channel", "purchases", "revenue", "gross_revenue",
    "refunds", "sessions",
)  # fmt: skip


def _own(kept: KeptLine) -> dict[str, Any]:
    return {"line": kept.name.hex(), "received_at": kept.received_at // 1000, "updated_at": kept.told_at}


def _fields(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def _keys(line: str, thing: MoneyLine) -> Iterator[Row]:
    for role, keys in (("reference", thing.references), ("counterpart", thing.counterpart)):
        for key in sorted(set(keys)):
            kind, _, value = key.partition(":")
            yield {"line": line, "role": role, "kind": kind, "value": value, "match_key": key_of(key) if role == "reference" else key}  # fmt: skip


def _claims(own: dict[str, Any], thing: Spend) -> Iterator[Row]:
    common = {name: own[name] for name in ("line", "fetched_at", "stands", "counts")}
    common |= {"source": thing.source, "account": thing.account, "local_day": thing.day, "currency": thing.currency}
    for site_only, claims in ((False, thing.claims), (True, thing.site_claims)):
        for claim in sorted(claims, key=lambda c: (c.window, c.alias)):
            yield common | {
                "window_name": claim.window,
                "claimed_count": claim.count,
                "claimed_value": claim.value,
                "alias": claim.alias,
                "site_only": site_only,
            }
