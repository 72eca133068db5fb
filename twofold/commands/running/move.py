"""``twofold move``: a data folder into PostgreSQL, and back into a folder.

Owns words and questions only. The order of the steps is `control/move`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import bar_on_stderr, print_rows, say


def move(
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A data folder whose database is a file; goes into what the configuration names."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--to", help="A new data folder, for what lies in the database that the configuration names."),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a data folder into PostgreSQL (`--from`), or the other way round (`--to`).

    The configuration names the side on PostgreSQL: `[server] store`, and the folder `data` beside it. Stop the gateway first.
    Both sides are verified, and each table is read back before anything is kept. The source stays as it was: start no gateway on
    it any more, or what is waiting there is sent a second time, under the same ids. A move that was broken off is begun again by
    the same command.
    """
    from twofold.config import load_settings
    from twofold.control.move import look_first
    from twofold.control.move import move as copy
    from twofold.report.verify import verify

    settings = load_settings(config, data=data)
    if (source is None) == (target is None):
        raise typer.BadParameter("expected either --from or --to")
    own = Path(settings.server.data)
    left, right = (source, own) if source is not None else (own, target or own)
    look_first(left, right)
    broken = [check for check in verify(left, full=True) if not check.holds]
    for check in broken:
        say(check.line)
    if broken:
        say(f"{left} does not hold together; nothing was moved. See docs/recovery.md.")
        raise typer.Exit(1)
    moved = _with_bar(copy, left, right, as_json)
    checks = verify(right, full=True)
    if as_json:
        from twofold.commands.output.rows.running import Check, MovedStore

        row = {"source": str(left), "target": str(right), "rows": moved.rows, "finished": moved.finished}
        print_rows(MovedStore, [row])
        print_rows(Check, ({n: getattr(c, n) for n in ("name", "left", "right", "holds", "note")} for c in checks))
    else:
        say("An earlier move is finished." if moved.finished else f"{moved.rows:,} rows were copied and read back.")
        say(f"{left} is as it was: start no gateway on it any more.")
        for check in checks:
            say(check.line)
    raise typer.Exit(0 if all(c.holds for c in checks) else 1)


def _with_bar(copy: Any, source: Path, target: Path, quiet: bool) -> Any:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn

    from twofold.audiences.book import bring_back

    bar = bar_on_stderr(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), quiet=quiet)
    if bar is None:
        return copy(source, target, lambda _what, _at, _of: None, bring_back)
    with bar:
        task = bar.add_task("")
        return copy(
            source,
            target,
            lambda what, at, of: bar.update(task, description=what, completed=at, total=of or None),
            bring_back,
        )
