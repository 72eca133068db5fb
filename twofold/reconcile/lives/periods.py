"""Several periods of the booked view out of one answer to each question: what stood at either end of each, and what it changed.

Owns the way periods are written into a question and parted again. What a period's rows come to is `answers`'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.reconcile.chain.values import ZERO

MOST = 900
"""Periods in one question, which counts to a thousand."""

QUESTIONS = (
    "booked_stock",
    "booked_flows",
    "booked_changes",
    "booked_terms",
    "booked_lines",
    "booked_unrated",
)
_SUMS = (
    "orders",
    "delivered",
    "delivered_total",
    "collected",
    "collected_total",
    "banked",
    "banked_total",
    "due",
    "receivable",
)
_FLOWS = ("placed", "placed_total", "confirmed", "confirmed_total", "shipped", "shipped_total")

Ends = tuple[int, int]
"""The last second before a period, and its last."""


class Stood(Struct, frozen=True, kw_only=True):
    """One group's orders in one period."""

    grp: str
    orders: int
    placed: int
    placed_total: Decimal
    confirmed: int
    confirmed_total: Decimal
    shipped: int
    shipped_total: Decimal
    delivered: int
    delivered_total: Decimal
    collected: int
    collected_total: Decimal
    banked: int
    banked_total: Decimal
    opened: int
    opening: Decimal
    closed: int
    closing: Decimal


class Lines(Struct, frozen=True, kw_only=True):
    """What lines that are no order's had still to bring at both ends of a period."""

    lines: int = 0
    opening: Decimal = ZERO
    closing: Decimal = ZERO


class Unrated(Struct, frozen=True, kw_only=True):
    """How many orders a missing rate leaves out of a period."""

    orders: int = 0


def sets_of(whole: Ends, parts: Sequence[Ends]) -> list[list[Ends]]:
    """Which periods are asked together: the whole with the first of its parts, and further parts where they are many."""
    more = [list(parts[at : at + MOST]) for at in range(MOST, len(parts), MOST)]
    return [[whole, *parts[:MOST]], *more]


def given_of(spans: Sequence[Ends]) -> dict[str, Any]:
    """The periods as a question takes them."""
    return {
        "spans": " ".join(f"{before}:{last}" for before, last in spans), "many": len(spans),
        "first": spans[0][0], "final": max(last for _, last in spans),
    }  # fmt: skip


def parted(
    answers: Mapping[str, Sequence[Any]], spans: Sequence[Ends], *, with_whole: bool
) -> list[dict[str, Sequence[Any]]]:
    """The rows of each period. ``with_whole``: the first is made up of the others, which touch each other."""
    slots = range(1, len(spans) + 1)
    stood: dict[int, list[Stood]] = defaultdict(list)
    for grp in sorted({row.grp for row in answers["booked_stock"]}):
        for slot, one in _stood(answers, grp, slots, with_whole).items():
            stood[slot].append(one)
    found: list[dict[str, Sequence[Any]]] = []
    for slot in slots:
        mine = {name: [row for row in answers[name] if row.slot == slot] for name in QUESTIONS[2:]}
        mine["booked_lines"] = mine["booked_lines"] or [Lines()]
        mine["booked_unrated"] = mine["booked_unrated"] or [Unrated()]
        found.append({**mine, "booked_lives": stood[slot]})
    return found


def _stood(answers: Mapping[str, Sequence[Any]], grp: str, slots: Sequence[int], with_whole: bool) -> dict[int, Stood]:
    """A group in each period in which it had a life at either end. What changed in one period stood before the next."""
    stock = {(row.what, row.slot): _sums(row) for row in answers["booked_stock"] if row.grp == grp}
    flows = {row.slot: row for row in answers["booked_flows"] if row.grp == grp}
    before = stock.get(("stood", 0), _NOTHING)
    found: dict[int, Stood] = {}
    for slot in slots:
        change = stock.get(("changed", slot), _NOTHING)
        mine = _less(before, stock.get(("left_before", slot), _NOTHING))
        one = _one(grp, mine, _less(change, stock.get(("left_out", slot), _NOTHING)), flows.get(slot))
        if one.orders or mine["orders"]:
            found[slot] = one
        if not (with_whole and slot == 1):
            before = {name: before[name] + change[name] for name in _SUMS}
    return found


def _one(grp: str, before: Mapping[str, Any], change: Mapping[str, Any], flows: Any) -> Stood:
    flowed: dict[str, Any] = {
        name: getattr(flows, name) if flows is not None else ZERO if name.endswith("_total") else 0 for name in _FLOWS
    }
    return Stood(
        grp=grp, orders=before["orders"] + change["orders"], **flowed, **{name: change[name] for name in _SUMS[1:7]},
        opened=before["due"], opening=before["receivable"],
        closed=before["due"] + change["due"], closing=before["receivable"] + change["receivable"],
    )  # fmt: skip


_NOTHING: Mapping[str, Any] = {name: ZERO if name.endswith("_total") or name == "receivable" else 0 for name in _SUMS}


def _sums(row: Any) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in _SUMS}


def _less(first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: first[name] - second[name] for name in _SUMS}
