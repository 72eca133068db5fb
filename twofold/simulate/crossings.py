"""What Twofold tells of today's orders that go from one place to another, beside the truth: from an ad into a chat, from an
operator's offer into the order, from a phone to a computer.

Owns the questions, each a command as its user would type it, and the table. The gateway's code is not called.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.table import Table

from twofold.errors import TwofoldError
from twofold.simulate.truth import CURRENCY, Order, OrderKind

PATHS = 3
"""Orders of a kind whose path is looked up: each is a command of its own."""


class Crossing(Struct, frozen=True, kw_only=True):
    """One figure of the truth, and what Twofold says of it."""

    name: str
    count: int
    amount: Decimal
    told_count: int
    told_amount: Decimal

    @property
    def exact(self) -> bool:
        return (self.count, self.amount) == (self.told_count, self.told_amount)


async def crossings_told(orders: Sequence[Order], config: Path) -> list[Crossing]:
    """Orders of chats with their money, those with an offer among them, and whose path shows the ad or both devices."""
    chats = [o for o in orders if o.chat is not None]
    phones = [o for o in orders if o.phone is not None and o.kind is OrderKind.REAL]
    if not chats and not phones:
        return []
    looked_up = [*chats[:PATHS], *phones[:PATHS]]
    listed, *shown = await asyncio.gather(
        _rows(config, "orders", "list", "--since", "1d", "--limit", "0"),
        *(_rows(config, "orders", "show", order.name) for order in looked_up),
    )
    value = {row["order_id"]: Decimal(row["value"] or 0) for row in listed if row["row"] == "order"}
    paths = [[row for row in rows if row["row"] == "touch"] for rows in shown]
    offered = [o for o in chats if o.cross_sold]
    found = [
        _sold("sold in chats", chats, value),
        _sold("with what was offered there", offered, value),
        _path("path: the chat's ad", chats[:PATHS], paths, _shows_the_ad),
        _path("path: phone, then computer", phones[:PATHS], paths[len(chats[:PATHS]) :], _shows_both),
    ]
    return [one for one in found if one.count]


def _sold(name: str, orders: Sequence[Order], value: dict[str, Decimal]) -> Crossing:
    told = [value[o.name] for o in orders if o.name in value]
    true = sum((o.value for o in orders), Decimal(0))
    return Crossing(name=name, count=len(orders), amount=true, told_count=len(told), told_amount=sum(told, Decimal(0)))


def _path(name: str, orders: Sequence[Order], paths: Iterable[Sequence[dict[str, Any]]], shows: Any) -> Crossing:
    right = [order.value for order, path in zip(orders, paths, strict=False) if shows(order, path)]
    true = sum((o.value for o in orders), Decimal(0))
    return Crossing(
        name=name, count=len(orders), amount=true, told_count=len(right), told_amount=sum(right, Decimal(0))
    )


def _shows_the_ad(_order: Order, path: Sequence[dict[str, Any]]) -> bool:
    return [(t["kind"], t["source"], t["click"]) for t in path] == [("chat", "whatsapp", "ctwa_clid")]


def _shows_both(_order: Order, path: Sequence[dict[str, Any]]) -> bool:
    """The click on the phone and the visit that bought; in the demo both may be of one second."""
    own = sorted((t["kind"], t["device"]) for t in path if t["kind"] != "shop_says")
    return own == [("click", "phone"), ("visit", "computer")]


async def _rows(config: Path, *command: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "twofold", *command, "--json", "--config", str(config),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        words = (err or out).decode("utf-8", "replace").strip()[-1_500:]
        raise TwofoldError(f"twofold {' '.join(command)} ended with {process.returncode}:\n{words}")
    return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


def crossings_table(crossed: Iterable[Crossing]) -> Table:
    table = Table(title="Of these, sales that no pixel sees whole", title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in ("orders", f"truth {CURRENCY}", "twofold", "off by"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in crossed:
        off = "exact" if one.exact else f"{one.told_amount - one.amount:+,.2f}, {one.told_count - one.count:+d}"
        table.add_row(one.name, str(one.count), f"{one.amount:,.2f}", f"{one.told_amount:,.2f}", off,
                      style="" if one.exact else "red")  # fmt: skip
    return table


def crossing_rows(crossed: Iterable[Crossing]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "what": "crossing", "name": one.name, "count": one.told_count, "amount": one.told_amount, "true_count": one.count,
            "true_amount": one.amount, "currency": CURRENCY, "exact": one.exact,
        }
        for one in crossed
    ]  # fmt: skip
