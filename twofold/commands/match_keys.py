"""Match keys at the terminal: what becomes of a value, and whole files of them.

Owns words on the screen only; the rules are in `event`, the columns in `bulk`. Neither command writes a value to a log
or to the data folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import JsonOption, country_code
from twofold.commands.output.printing import print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from twofold.matching.explain import Explained

# `matching.profiles.PROFILES`, which is not read for the help alone; held together by a test.
PROFILE_NAMES = (
    "meta_python", "meta_node", "meta_builder", "meta_pixel", "tiktok", "google", "pinterest", "snap", "linkedin", "reddit",
    "microsoft", "x",
)  # fmt: skip

CountryOption = Annotated[
    str, typer.Option("--country", help="Country of values that name none: a code or an English name.")
]


def explain_match(
    given: Annotated[
        str,
        typer.Argument(
            metavar="JSON",
            help='A user_data object, e.g. \'{"ph":"0555 00 00 07","country":"GE"}\'; - reads one, or one a line, from stdin.',
        ),
    ],
    as_json: JsonOption = False,
    country: CountryOption = "",
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile", help=f"Only this one beside the documented form; repeat for more: {', '.join(PROFILE_NAMES)}."
        ),
    ] = None,
    variants: Annotated[
        str, typer.Option("--variants", help="Keys that also send the library forms, as the setting: fn,ct.")
    ] = "",
) -> None:
    """Show what becomes of contact values: the form and the hash under each rule, and what is sent.

    For values of your own. Nothing is written anywhere. Exit code 1 when a value of a contact field cannot be sent.
    """
    from twofold.commands.output.rows.signal import MatchKey
    from twofold.matching.explain import explain
    from twofold.matching.normalise import FORMS

    chosen = _known("--profile", profile or list(PROFILE_NAMES), PROFILE_NAMES)
    also = _known("--variants", [k for k in variants.split(",") if k], FORMS)
    unusable = False
    for line, raw in _objects(given):
        rows = explain(
            raw,
            default_country=country_code(country),
            variants=frozenset(also),
            profiles=chosen,
            year=datetime.now(UTC).year,
        )
        unusable |= any(row.rules and not row.sent for row in rows)
        for row in rows:
            print_rows(MatchKey, [_as_row(row, line)]) if as_json else _print_tables(row, line)
    if unusable:
        raise typer.Exit(1)


# -- what was given


def _objects(given: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object with its line, from 1; the line is 0 where there is only one object."""
    import msgspec

    text = sys.stdin.read() if given == "-" else given
    try:
        yield 0, _checked(msgspec.json.decode(text), 0)
        return
    except msgspec.DecodeError as err:
        lines = [(n, t) for n, t in enumerate(text.splitlines(), 1) if t.strip()]
        if given != "-" or len(lines) < 2:
            raise typer.BadParameter(f"expected a JSON object: {err}") from None
    for number, line in lines:
        try:
            yield number, _checked(msgspec.json.decode(line), number)
        except msgspec.DecodeError as err:
            raise typer.BadParameter(f"line {number}: expected a JSON object: {err}") from None


def _checked(raw: Any, line: int) -> dict[str, Any]:
    from twofold.matching.explain import KEYS

    where = f"line {line}: " if line else ""
    if not isinstance(raw, dict):
        raise typer.BadParameter(f"{where}expected a JSON object of keys and values, got {type(raw).__name__}")
    if isinstance(raw.get("user_data"), dict):
        raise typer.BadParameter(f"{where}expected the user_data object itself, got an event; give what is inside it")
    unknown = [key for key in raw if key not in KEYS]
    if unknown:
        raise typer.BadParameter(f"{where}unknown key {', '.join(unknown)}; expected any of {', '.join(sorted(KEYS))}")
    if not raw:
        raise typer.BadParameter(f'{where}expected at least one key, such as {{"em": "mary@example.com"}}')
    return raw


def _known(option: str, names: Iterable[str], table: Iterable[str]) -> list[str]:
    known = list(table)
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{option}: unknown name {name}; expected any of {', '.join(known)}")
    return list(names)


# -- what is answered


def _as_row(row: Explained, line: int) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(row)
    return {"line": line, **fields} if line else fields


def _print_tables(row: Explained, line: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out = _out()
    where = f"line {line}: " if line else ""
    out.print(f"{where}[bold]{escape(row.key)}[/bold] {_cell(row.given)}")
    if row.rules:
        table = Table("rule", "outcome", "form", "hash", box=None, header_style="dim", pad_edge=True)
        for name, answer in row.rules.items():
            end = f".{answer.appendix}" if answer.appendix else ""
            shown = _cell(answer.value) if answer.value is not None else f"[dim]{escape(answer.reason)}[/dim]"
            table.add_row(name, answer.outcome, shown, (answer.hash or "") + end if answer.outcome != "plain" else "")
        Console(width=200, highlight=False).print(table)
    for group in row.agree:
        if len(group) > 1:
            out.print(f"  alike: {', '.join(group)}")
    for sent in row.sent:
        out.print(f"  sent: {_cell(sent)}")
    if row.reason:
        out.print(f"  {'' if row.sent else 'not sent: '}{escape(row.reason)}")
    out.print()


def _out() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def _cell(value: Any) -> str:
    """A value for a terminal: control, bidi and invisible characters shown, never obeyed."""
    import msgspec
    from rich.markup import escape

    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return escape(f'"{shown}"' if isinstance(value, str) and (shown != shown.strip() or not shown) else shown)


# -- files


def hash_file(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV or Parquet, a person a line.")],
    to: Annotated[Path, typer.Option("--out", help="File to write: .csv, .tsv or .parquet; replaced if it exists.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=COLUMN", help="Which column holds a field, e.g. em=customer_email; repeat."
        ),
    ] = None,
    country: CountryOption = "",
    as_json: JsonOption = False,
) -> None:
    """Turn the contact columns of a file into hashes, as every event is hashed, and leave the other columns alone.

    Columns named em, email, ph, phone, fn, ln, db, ge, ct, st, zp, zip, country or external_id are found by
    themselves. Says per column how many values were usable. Values in the clear are held in memory only.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn
    from rich.table import Table

    from twofold.matching.bulk.files import hash_table_file

    pairs = [pair.partition("=") for pair in mapping or ()]
    if any(not column for _, _, column in pairs):
        raise typer.BadParameter("--map: expected FIELD=COLUMN, e.g. em=customer_email")
    spinner = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    with spinner:
        task = spinner.add_task(f"reading and hashing {source}", total=None)
        reports = hash_table_file(
            source,
            to,
            {field: column for field, _, column in pairs},
            default_country=country_code(country),
            progress=lambda field: spinner.update(task, description=f"hashed {field}"),
        )
    if as_json:
        from twofold.commands.output.rows.signal import Column

        print_rows(Column, reports)
        return
    table = Table("field", "column", "values", "hashed", "already hashed", "unusable", "broken hash", box=None)
    for r in reports:
        table.add_row(
            r.field, escape(r.column), *(f"{n:,}" for n in (r.given, r.hashed, r.already, r.unusable, r.broken))
        )
    Console(highlight=False).print(table)
    _out().print(f"written: {escape(str(to))}")
