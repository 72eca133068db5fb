"""``twofold backup``: the data folder kept in another place, and its erasures in a third.

Owns words and questions only. What is kept and in which order is the room `backup`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption, folder_of
from twofold.commands.output.printing import bar_on_stderr, print_rows, say

KEEP = 7


def backup(
    target: Annotated[
        Path | None, typer.Argument(help="Folder of the backups; made where there is none. On another disk.")
    ] = None,
    erasures: Annotated[
        Path | None,
        typer.Option(help="Another place, for the copy of the files `erasures` and `withdrawals`."),
    ] = None,
    recipient: Annotated[
        str,
        typer.Option(
            help="Public key of age (age1…) that this copy is sealed to. Its secret half is on neither place."
        ),
    ] = "",
    keep: Annotated[int, typer.Option(min=1, help="So many sets stay; older ones go.")] = KEEP,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the data folder in another place, while the gateway runs or not.

    A set holds the database as it was at one moment, read back from the disk and looked through, and the people who log in.
    What a set has in common with the one before is kept once. Tables of reports are left out: they are made again. The
    files of erasures and withdrawals go to a place of their own with `--erasures`, also without TARGET, as after each erasure.
    `twofold restore` needs both.
    """
    from twofold.backup.sealing import recipient_of
    from twofold.backup.take import require_apart, same_disk, take_backup, take_erasures
    from twofold.clock import now_ms

    if target is None and erasures is None:
        raise typer.BadParameter("expected TARGET, --erasures or both")
    folder = folder_of(config, data)
    key = recipient_of(recipient) if recipient else None
    require_apart(folder, target, erasures, sealed=key is not None)
    rows: list[dict[str, Any]] = []
    if target is not None:
        rows.append(_kept(folder, target, keep, take_backup, now_ms() // 1000, as_json))
    if erasures is not None:
        head = take_erasures(folder, erasures, now_ms() // 1000, key)
        told = {"place": str(erasures), "at": head.taken_at, "lines": head.lines, "sealed": head.sealed}
        rows.append({"what": "erasures", **told})
    if as_json:
        from twofold.commands.output.rows.running import BackedUp

        print_rows(BackedUp, rows)
        return
    for row in rows:
        say(_words(row))
    places = [place for place in (target, erasures) if place is not None]
    if any(same_disk(folder, place) for place in places):
        say("LOOK: this lies on the disk of the data folder; losing that disk loses both.")
    if erasures is None:
        say("The files of erasures and withdrawals are not in it; keep them with --erasures in another place.")


def _kept(folder: Path, target: Path, keep: int, take: Any, now_s: int, quiet: bool) -> dict[str, Any]:
    from rich.progress import BarColumn, TextColumn

    bar = bar_on_stderr(TextColumn("{task.description}"), BarColumn(), quiet=quiet)
    if bar is None:
        taken = take(folder, target, keep, now_s, lambda _what, _at, _of: None)
    else:
        with bar:
            task = bar.add_task("")
            taken = take(
                folder, target, keep, now_s,
                lambda what, at, of: bar.update(task, description=what, completed=at, total=of or None),
            )  # fmt: skip
    return {
        "what": "database", "place": str(target), "at": taken.kept.taken_at, "set": taken.kept.name,
        "position": taken.kept.position, "bytes": taken.kept.size, "written": taken.written, "forgotten": taken.forgotten,
    }  # fmt: skip


def _words(row: dict[str, Any]) -> str:
    if row["what"] == "erasures":
        how = "sealed" if row["sealed"] else "not sealed"
        return f"Erasures and withdrawals: {row['lines']} lines, {how}, in {row['place']}, read back."
    size, fresh = row["bytes"] / 1e6, row["written"] / 1e6
    return (f"Set {row['set']}: up to position {row['position']}, {size:,.1f} MB, of which {fresh:,.1f} MB were written, "
            f"in {row['place']}, read back.")  # fmt: skip
