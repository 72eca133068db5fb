"""``twofold restore`` and ``twofold watermark``: the two ways past a loss, and what the watermark says.

Owns words and questions only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption, folder_of
from twofold.commands.output.printing import print_rows, say

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; goes into the log of the data folder.")]
watermark = typer.Typer(no_args_is_help=True, help="What was acknowledged, as kept outside the database.")


def restore(
    backup: Annotated[
        Path, typer.Argument(help="A folder of `twofold backup`, a copy of a data folder, or of its twofold.db.")
    ],
    reason: ReasonOption,
    erasures: Annotated[
        Path | None,
        typer.Option(
            help="Where `twofold backup --erasures` keeps its copy; needed unless the folder's own file is there."
        ),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="File with the secret key of age, where that copy is sealed.")
    ] = None,
    name: Annotated[str | None, typer.Option("--set", help="Which set of the backups. Default: the newest.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back in place of the database; says from which position on events are missing then.

    Whoever was erased since the backup was made is erased again, the watermark begins anew, and everything is verified
    at the end. Stop the gateway first. What was delivered since the backup may be sent a second time, under the same ids.
    Without the file of erasures, in the folder or as its copy, nothing is put back: nobody would know who must not return.
    """
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.control.recover import drop_fetched, inspect_backup
    from twofold.control.recover import restore as put_back
    from twofold.report.verify import verify

    settings = load_settings(config, data=data)
    folder = Path(settings.server.data)
    reason = _said(reason)
    try:
        found = inspect_backup(folder, backup, erasures=erasures, identity=identity, name=name)
        missing = found.ends_at < found.acknowledged
        if missing and not as_json:
            say(f"Events from position {found.ends_at + 1} to {found.acknowledged} are not in this backup.")
        if not yes:
            typer.confirm(f"Replace the database in {folder}? What is in it now is gone then.", abort=True, err=True)
        again = put_back(settings, found, reason, now_ms)
    finally:
        drop_fetched(folder)
    checks = verify(folder)
    if as_json:
        from twofold.commands.output.rows.running import Check, Restored

        gap = (found.ends_at + 1, found.acknowledged) if missing else (None, None)
        row = {"position": found.ends_at, "missing_from": gap[0], "missing_to": gap[1], "erased_again": again}
        print_rows(Restored, [row])
        print_rows(Check, ({n: getattr(c, n) for n in ("name", "left", "right", "holds", "note")} for c in checks))
    else:
        say(f"Restored up to position {found.ends_at}; erased again: {again}.")
        for check in checks:
            say(check.line)
    raise typer.Exit(0 if all(c.holds for c in checks) else 1)


@watermark.command("show")
def show(config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Up to which position events were acknowledged, and whether the database holds all of it."""
    from twofold.store.beside.folder import is_open
    from twofold.store.beside.watermark import CLOSED, Mark, read_mark, require_traces
    from twofold.store.engines import kit_for

    folder = folder_of(config, data)
    require_traces(folder)
    mark = read_mark(folder)
    loss = kit_for(folder).lost(folder, not is_open(folder))
    row = {
        "position": mark.position if isinstance(mark, Mark) else None,
        "run": mark.run if isinstance(mark, Mark) else None,
        "closed": mark.state == CLOSED if isinstance(mark, Mark) else None,
        "problem": mark if isinstance(mark, str) else "there is none yet" if mark is None else "",
        "missing": loss.what if loss is not None else "",
        "missing_from": loss.first if loss is not None else None,
        "missing_to": loss.last if loss is not None else None,
    }
    if as_json:
        from twofold.commands.output.rows.running import Watermark

        print_rows(Watermark, [row])
    else:
        _say_mark(row)
    raise typer.Exit(0 if loss is None else 1)


def _say_mark(row: dict[str, Any]) -> None:
    if row["position"] is None:
        say(f"No usable mark: {row['problem']}.")
    else:
        ended = "the gateway was stopped in order" if row["closed"] else "a gateway runs, or its end was not in order"
        say(f"Acknowledged up to position {row['position']}; {ended}.")
    if not row["missing"]:
        say("The database holds all of it." if row["position"] is not None else "The database tells of no loss.")
        return
    say(f"{row['missing'][0].upper()}{row['missing'][1:]}.")
    say("`twofold restore` puts a backup back, `twofold watermark accept` goes on without it; see docs/recovery.md.")


@watermark.command("accept")
def accept(
    reason: ReasonOption, config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Go on without what is missing. Says what that is, and puts it into the log with your reason.

    Copy the data folder first if somebody shall look at what is left of it: the gateway goes on writing afterwards.
    """
    from twofold.clock import now_ms
    from twofold.control.recover import accept_loss
    from twofold.store.beside.watermark import require_traces

    folder = folder_of(config, data)
    require_traces(folder)
    loss = accept_loss(folder, _said(reason), now_ms())
    if as_json:
        from twofold.commands.output.rows.running import AcceptedLoss

        what: dict[str, object] = {"what": "", "missing_from": None, "missing_to": None}
        if loss is not None:
            what = {"what": loss.what, "missing_from": loss.first, "missing_to": loss.last}
        print_rows(AcceptedLoss, [what])
    elif loss is None:
        say("Nothing that was acknowledged is missing; nothing was changed.")
    else:
        say(f"Accepted: {loss.what}.")


def _said(reason: str) -> str:
    if not reason.strip():
        from twofold.errors import StoreError

        raise StoreError("expected a reason in words, got nothing; it goes into the log")
    return reason.strip()[:500]
