"""``twofold quality`` and ``twofold stitching``: how well events can be matched, and what visits added to them.

Owns the words and tables of these commands; the figures are `report`'s.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from twofold.clock import now_ms
from twofold.config import load_settings
from twofold.report import quality as quality_report
from twofold.report import stitching as stitching_report

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file (TOML).", envvar="TWOFOLD_CONFIG")
]
Data = Annotated[str | None, typer.Option("--data", help="Data folder; wins over the file.", envvar="TWOFOLD_DATA")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")]
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _period(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,4}[mhd]", text):
        raise typer.BadParameter("expected a number with m, h or d, such as 48h or 7d")
    return text


Since = Annotated[str, typer.Option("--since", help="How far back: 30m, 48h, 7d.", callback=_period)]


def quality(
    dataset: Dataset = None,
    since: Since = "48h",
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when something fell.")] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Estimate the match quality of each event name, and name what would raise it.

    The score is Twofold's own estimate of 0 to 10. It is compared with the same length of time before.
    """
    rows = quality_report.quality(_folder(config, data), now_ms(), period_ms=_ms(since), dataset=dataset)
    if json:
        _print_json(quality_report.as_row(r) for r in rows)
    else:
        _print_quality(rows)
    if check and any(r.drops for r in rows):
        raise typer.Exit(1)


def stitching(
    dataset: Dataset = None, since: Since = "7d", config: Config = None, data: Data = None, json: Json = False
) -> None:
    """Show how often an order without a browser found its visit, and what it gained.

    Counts what has been sent, or was about to be, made of server copies alone.
    """
    rows = stitching_report.stitching(_folder(config, data), now_ms(), period_ms=_ms(since), dataset=dataset)
    if json:
        _print_json(stitching_report.as_row(r) for r in rows)
    else:
        _print_stitching(rows)


def _print_quality(rows: list[quality_report.EventQuality]) -> None:
    out = Console(highlight=False)
    if not rows:
        out.print("no server events in this time")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (
        "dataset",
        "event",
        "events",
        "estimate",
        "before",
        "with id",
        "covered",
        "delay",
        "would bring most",
    ):
        table.add_column(column, no_wrap=True)
    for r in rows:
        best = ", ".join(f"{k.identifier} +{k.gain:.1f}" for k in r.missing[:3])
        table.add_row(
            r.dataset, r.event_name, str(r.events), _number(r.score), _number(r.score_before), f"{r.id_coverage:.0f} %",
            "" if r.event_coverage is None else f"{r.event_coverage:.0f} %",
            "" if r.delay_s is None else f"{r.delay_s:.0f} s", best,
        )  # fmt: skip
    Console(width=1_000, highlight=False).print(table, crop=False)
    for r in rows:
        for drop in r.drops:
            out.print(f"fell: {r.event_name} of {r.dataset}: {drop}", markup=False)
    wanted = {k.identifier: k for r in rows for k in r.missing[:3]}
    for k in wanted.values():
        out.print(f"{k.identifier}: {k.privacy}", markup=False)
    out.print(quality_report.NOTE, markup=False)


def _print_stitching(rows: list[stitching_report.Stitching]) -> None:
    out = Console(highlight=False)
    if not rows:
        out.print("nothing was sent in this time that could have been stitched")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("dataset", "event", "events", "stitched", "keys before", "keys after", "by"):
        table.add_column(column, no_wrap=True)
    for r in rows:
        by = ", ".join(f"{kind} {n}" for kind, n in r.by.items())
        table.add_row(
            r.dataset, r.event_name, str(r.events), f"{r.rate:.0f} %", f"{r.keys_before:.1f}", f"{r.keys_after:.1f}", by
        )
    Console(width=1_000, highlight=False).print(table, crop=False)
    for r in rows:
        for reason, n in r.reasons.items():
            out.print(f"{n} {r.event_name} of {r.dataset}: {reason}", markup=False)


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.1f}"


def _ms(since: str) -> int:
    return int(since[:-1]) * UNITS_MS[since[-1]]


def _folder(config: Path | None, data: str | None) -> Path:
    return Path(load_settings(config, data=data).server.data)


def _print_json(rows: Any) -> None:
    for row in rows:
        print(msgspec.json.encode(row).decode())
