"""``twofold erase``, ``twofold export-subject`` and ``twofold shared``: options, questions, the bar, what is printed.

Owns words only. ``-`` reads a value from standard input, so that it stands in no list of processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.lists import known_dataset
from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOrAllOption,
    JsonOption,
    country_code,
    folder_of,
)
from twofold.commands.output.printing import Clock, bar_on_stderr, plain, print_rows, say

if TYPE_CHECKING:
    from twofold.commands.output.rows.row import Row
    from twofold.config import Settings
    from twofold.matching.subject import SubjectRequest

Email = Annotated[list[str] | None, typer.Option("--email", help="E-mail address or its hash; - reads it from stdin.")]
Phone = Annotated[list[str] | None, typer.Option("--phone", help="Phone number or its hash; - reads it from stdin.")]
ExternalId = Annotated[list[str] | None, typer.Option("--external-id", help="The shop's own customer id, or its hash.")]
Order = Annotated[list[str] | None, typer.Option("--order", help="Order id, as events carry it.")]
Country = Annotated[str, typer.Option("--country", help="Country of a phone number written locally, e.g. DE.")]

ERASED = ("events", "mentions", "orders", "refused", "lines", "browsers", "sends_stopped", "payloads")
"""The counts of a receipt that say that somebody was there."""


def erase(
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Order = None,
    dataset: DatasetOrAllOption = None,
    country: Country = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    request_id: Annotated[
        str | None, typer.Option("--request", help="Instead of a value: a request that waits for your word.")
    ] = None,
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Also write the receipt into this file.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Erase a person, or the person behind an order, from every byte of the data folder.

    Finds the value under every rule that hashes it, then what else is this person's alone. What happened, when and for
    how much stays; who it was goes. Waiting deliveries are suppressed with the reason erased. An order number goes only
    when it is named. Works while the gateway runs; a crash is made good at the next start.
    """
    from twofold.commands.output.rows.privacy import Found
    from twofold.config import load_settings
    from twofold.control.erase import erase as run_erasure
    from twofold.control.erase import look, release
    from twofold.errors import NotHere

    if request_id is not None:
        if not yes:
            typer.confirm(f"Erase what request {request_id} names? This cannot be undone.", abort=True, err=True)
        with _bar(as_json) as progress:
            _done(release(load_settings(config, data=data), request_id, progress), receipt, as_json)
        return
    settings, request = _asked(config, data, email, phone, external_id, order, dataset, country)
    if dry_run or not yes:
        with _bar(as_json) as progress:
            found = look(settings, request, progress)
        counts = {
            "events": sum(found.rows.values()), "mentions": len(found.rows) - sum(found.rows.values()),
            "actions": len(found.actions), "orders": len(found.orders), "refused": len(found.refused),
            "lines": len({*found.lines, *found.line_texts}), "shared_identifiers": found.shared,
        }  # fmt: skip
        if dry_run:
            _print(Found, counts, as_json)
            if not any(n for name, n in counts.items() if name != "shared_identifiers"):
                raise NotHere("nobody of that name is here; look at the value, its country and the dataset")
            return
        typer.echo("To be erased: " + ", ".join(f"{n} {name}" for name, n in counts.items()), err=True)
        typer.confirm("This cannot be undone. Erase?", abort=True, err=True)
    with _bar(as_json) as progress:
        done = run_erasure(settings, request, progress)
    _done(done, receipt, as_json)


def export_subject(
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Order = None,
    dataset: DatasetOrAllOption = None,
    country: Country = "",
    request_id: Annotated[
        str | None, typer.Option("--request", help="Instead of a value: a request that a shop brought.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write into this file, readable by you only.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, which is what it prints anyway.")] = True,
) -> None:
    """Print everything held about a person, as JSON lines: events, actions, what was shared with whom, orders, lists.

    Contact data is held as hashes, and shown so. Somebody else's rows that mention the person are not in it.
    Exit code 5 when nothing is held.
    """
    del as_json  # it has no other form; the option is there because every command has it
    from twofold.audiences.showing import with_lists
    from twofold.commands.output.rows.privacy import Held
    from twofold.commands.output.rows.row import encode_rows, row_of
    from twofold.config import load_settings
    from twofold.control.erase import export
    from twofold.errors import NotHere

    request: SubjectRequest | None = None
    if request_id is None:
        settings, request = _asked(config, data, email, phone, external_id, order, dataset, country)
    else:
        settings = load_settings(config, data=data)
    with _bar(to is None) as progress:
        held = with_lists(Path(settings.server.data), export(settings, request, progress, number=request_id))
        named = ({"row": row.pop("what"), **row} for row in held)
        lines = encode_rows(row_of(Held, row) for row in named)
        if to is None:
            count = len([sys.stdout.write(line.decode() + "\n") for line in lines])
        else:
            written = list(lines)
            count = len(written)
    if not count:
        raise NotHere(f"nothing is held about this person in {settings.server.data}")
    if to is not None:
        _write_private(to, b"".join(line + b"\n" for line in written))
        say(f"{count} rows in {to}")


def privacy_requests(as_json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """List requests of people that are not done: what shops' systems asked for, and erasures under way.

    ``held`` waits for `twofold erase --request ID`; a request of kind export for `twofold export-subject --request ID`.
    """
    from twofold.commands.output.rows.privacy import PrivacyRequest
    from twofold.privacy.export import open_requests

    rows = open_requests(folder_of(config, data))
    if as_json:
        print_rows(PrivacyRequest, rows)
        return
    for row in rows:
        shown = row | {"requested_at": _time(row["requested_at"])}
        say("  ".join(plain(str(v)) for v in shown.values() if v is not None))
    if not rows:
        say("no open requests")


def shared(
    event_id: Annotated[str | None, typer.Option("--event-id", help="Only this event id.")] = None,
    email: Email = None,
    phone: Phone = None,
    external_id: ExternalId = None,
    order: Annotated[str | None, typer.Option("--order", help="Only this order id.")] = None,
    dataset: DatasetOrAllOption = None,
    country: Country = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Without any of these: the last so many actions.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show what was shared with whom, when, with which keys, on which consent, and from where a key was taken.

    Exit code 5 when the event, order or person that was named is not here.
    """
    from twofold.commands.output.rows.privacy import Shared
    from twofold.config import load_settings
    from twofold.control.erase import look
    from twofold.errors import NotHere
    from twofold.privacy.export import actions_with, shared_rows

    settings = load_settings(config, data=data)
    folder = Path(settings.server.data)
    known_dataset(settings, dataset)
    actions: list[int] | None = None
    if event_id is not None:
        actions = actions_with(folder, "event_id", event_id)
    elif order is not None:
        actions = actions_with(folder, "order_id", order)
    elif email or phone or external_id:
        _, request = _asked(config, data, email, phone, external_id, None, dataset, country)
        with _bar(as_json) as progress:
            actions = sorted(look(settings, request, progress).actions)
    none = True
    for row in shared_rows(folder, actions, limit, dataset):
        none = False
        print_rows(Shared, [row]) if as_json else say(_sentence(row))
    if none and actions is not None:
        raise NotHere(f"nothing in {folder} was meant for anybody: no event of this name or person has a destination")
    if none and not as_json:
        say("nothing was shared yet")


def _done(done: dict[str, Any], receipt: Path | None, as_json: bool) -> None:
    import msgspec

    from twofold.commands.output.rows.privacy import Receipt
    from twofold.commands.output.rows.row import encode_rows, row_of
    from twofold.errors import NotHere

    if receipt is not None:
        (line,) = encode_rows([row_of(Receipt, done)])
        _write_private(receipt, msgspec.json.format(line, indent=2) + b"\n")
    _print(Receipt, done, as_json)
    if not any(done["counts"].get(name) for name in ERASED):
        raise NotHere("nobody of that name was found here, so nothing was erased; what a backup brings back will be")


def _sentence(row: dict[str, Any]) -> str:
    when = ", ".join(f"{a['outcome']} at {_time(a['started_at'])}" for a in row["attempts"]) or "never tried"
    stitched = ", ".join(f"{key} from {where}" for key, where in row["stitched"].items())
    parts = [
        f"{row['event_name']} {row['event_id']} to {row['destination']}: {row['state']} {row['reason']}".strip(),
        f"keys {','.join(row['keys']) or '-'}",
        f"consent {row['consent'] or '-'}",
        *([f"taken over {stitched}"] if stitched else []),
        when,
    ]
    return "; ".join("".join(c if c.isprintable() else "?" for c in part) for part in parts)


def _asked(
    config: Path | None,
    data: str | None,
    email: list[str] | None,
    phone: list[str] | None,
    external_id: list[str] | None,
    order: list[str] | None,
    dataset: str | None,
    country: str,
) -> tuple[Settings, SubjectRequest]:
    from twofold.config import load_settings
    from twofold.matching.subject import SubjectRequest

    settings = load_settings(config, data=data)
    codes = ",".join(country_code(one.strip()) for one in country.split(",")).upper()
    request = SubjectRequest(
        emails=_values(email),
        phones=_values(phone),
        external_ids=_values(external_id),
        order_ids=_values(order),
        dataset=dataset,
        country=codes,
    )
    if not list(request.values()):
        raise typer.BadParameter("name the person: --email, --phone, --external-id or --order")
    known_dataset(settings, dataset)
    return settings, request


def _values(given: list[str] | None) -> tuple[str, ...]:
    return tuple(sys.stdin.readline().strip() if value == "-" else value for value in given or ())


@contextmanager
def _bar(quiet: bool) -> Iterator[Any]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn

    bar = bar_on_stderr(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), quiet=quiet)
    if bar is None:
        yield lambda *_: None
        return
    with bar:
        task = bar.add_task("looking", total=None)

        def progress(what: str, at: int, of: int) -> None:
            bar.update(task, description=what, completed=at, total=of or None)

        yield progress


def _print(kind: type[Row], row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_rows(kind, [row])
        return
    for name, value in row.items():
        if value is None:
            continue
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        say(f"{name}: {_time(value) if name.endswith('_at') else plain(str(shown))}")


def _time(at_ms: Any) -> str:
    """Unix ms as people read it; anything else as it is."""
    if not isinstance(at_ms, int):
        return str(at_ms)
    return Clock().said(at_ms // 1000)


def _write_private(path: Path, content: bytes) -> None:
    """Readable by its owner only; never over something that is there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise typer.BadParameter(f"{path} exists; name another file") from None
    with os.fdopen(fd, "wb") as file:
        file.write(content)
