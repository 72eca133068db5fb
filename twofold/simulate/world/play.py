"""A world's files through the commands, and the gateway's chain laid beside the truth.

Owns the running of the commands, each a process of its own as an operator would start it, and the comparison. The report is
read from `twofold chain --json`; nothing of the gateway's code is called.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.table import Table

from twofold.errors import TwofoldError
from twofold.simulate.world.folder import CONFIG, DATASET, Written

LINKS = ("placed", "confirmed", "shipped", "delivered", "collected", "banked")
_ORDER = {link: place for place, link in enumerate(LINKS)}


class Line(Struct, frozen=True, kw_only=True):
    """One figure of the truth beside the same of the report; 0 where one of them has no such row."""

    what: str  # "link", "leak", "open", "matrix", "residual"
    name: str
    count: int
    amount: Decimal
    told_count: int
    told_amount: Decimal

    @property
    def exact(self) -> bool:
        return self.count == self.told_count and self.amount == self.told_amount


async def play_world(
    written: Written, progress: Callable[[int, int], None] = lambda _done, _total: None, config: Path | None = None
) -> list[Line]:
    """Imports every file, asks for the chain of its dataset, and compares. ``config``: of another folder than the world's
    own. Raises `TwofoldError` with a command's last words."""
    used = str(config or CONFIG)
    for done, command in enumerate(written.commands):
        progress(done, len(written.commands) + 1)
        await _run(written.folder, command, used)
    progress(len(written.commands), len(written.commands) + 1)
    key = written.key
    asked = ("chain", "--since", key["since"], "--until", key["until"], "--dataset", DATASET, "--json")
    text = await _run(written.folder, asked, used)
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    progress(len(written.commands) + 1, len(written.commands) + 1)
    return compare(key, rows)


async def _run(folder: Path, command: Iterable[str], config: str) -> str:
    """What the command printed. A batch or statement that does not close would be a fault of the world."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "twofold", *command, "--config", config, cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        words = (err or out).decode("utf-8", "replace").strip()[-1_500:]
        raise TwofoldError(f"twofold {' '.join(command)} ended with {process.returncode}:\n{words}")
    return out.decode("utf-8")


def compare(key: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Every figure of the truth, and every one that the report has beyond it."""
    told = _told(rows)
    true = _true(key)
    lines = []
    for what, name in sorted({*true, *told}, key=_place):
        count, amount = true.get((what, name), (0, Decimal(0)))
        told_count, told_amount = told.get((what, name), (0, Decimal(0)))
        lines.append(
            Line(what=what, name=name, count=count, amount=amount, told_count=told_count, told_amount=told_amount)
        )
    return lines


_Figures = dict[tuple[str, str], tuple[int, Decimal]]


def _true(key: Mapping[str, Any]) -> _Figures:
    found: _Figures = {("link", row["link"]): _pair(row) for row in key["links"]}
    for row in key["losses"]:
        found["open" if row["open"] else "leak", f"{row['after']}: {row['reason']}"] = _pair(row)
    for row in key["matrix"]:
        found["matrix", _cell(row)] = _pair(row)
    if key["unmatched_credits"]["count"]:
        found["open", "banked: credit_unmatched"] = _pair(key["unmatched_credits"])
    return found


def _told(rows: Iterable[Mapping[str, Any]]) -> _Figures:
    found: _Figures = {}
    for row in rows:
        if row.get("group"):
            continue
        match row["row"]:
            case "link" if row["link"] in LINKS:
                found["link", row["link"]] = _pair(row)
            case "leak":
                found["leak", f"{row['from']}: {row['reason']}"] = _pair(row)
            case "open":
                found["open", f"{row['link']}: {row['reason']}"] = _pair(row)
            case "matrix":
                found["matrix", _cell(row)] = _pair(row)
            case "residual" if Decimal(row["amount"]) or row["count"]:
                found["residual", f"{row['from']} to {row['to']}"] = _pair(row)
    return found


def _pair(row: Mapping[str, Any]) -> tuple[int, Decimal]:
    return row["count"], Decimal(row["amount"])


def _cell(row: Mapping[str, Any]) -> str:
    return f"{'' if row['delivered'] else 'not '}delivered, {'' if row['collected'] else 'not '}collected"


def _place(line: tuple[str, str]) -> tuple[int, int, str]:
    kinds = ("link", "leak", "open", "matrix", "residual")
    what, name = line
    return kinds.index(what), _ORDER.get(name.partition(":")[0], 9), name


def is_exact(lines: Iterable[Line]) -> bool:
    return all(line.exact for line in lines)


_TITLES = {
    "link": "",
    "leak": "Lost, after",
    "open": "Not yet, after",
    "matrix": "Orders that are",
    "residual": "Unexplained",
}


def chain_table(key: Mapping[str, Any], lines: Iterable[Line]) -> Table:
    """The chain as Twofold tells it, beside the truth. Fits a window of 80 columns."""
    title = f"From the order to the bank: {key['since']} to {key['until']}, {key['currency']}"
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in ("orders", "truth", "twofold", "off by"):
        table.add_column(heading, justify="right", no_wrap=True)
    before = "link"
    for line in lines:
        if line.what != before:
            table.add_section()
            table.add_row(f"[bold]{_TITLES[line.what]}[/]", "", "", "", "")
        before = line.what
        off = "exact" if line.exact else f"{line.told_amount - line.amount:+,.2f}, {line.told_count - line.count:+d}"
        table.add_row(line.name.replace("_", " "), str(line.count), f"{line.amount:,.2f}", f"{line.told_amount:,.2f}", off,
                      style="" if line.exact else "red")  # fmt: skip
    return table


def chain_rows(key: Mapping[str, Any], lines: Iterable[Line]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "what": line.what, "name": line.name, "count": line.told_count, "amount": line.told_amount,
            "true_count": line.count, "true_amount": line.amount, "currency": key["currency"], "exact": line.exact,
        }
        for line in lines
    ]  # fmt: skip


def chain_verdict(lines: Iterable[Line]) -> str:
    if is_exact(lines):
        return "Every order, every leak and every cent of the gap is where it really is."
    return "[bold red]The chain is not the truth.[/] That is a defect; please report the seed."
