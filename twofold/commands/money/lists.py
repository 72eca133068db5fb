"""``twofold money lines|batches`` and ``twofold bank lines``: what is kept, as it stands now.

Owns options and output. Only reads, beside a running gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption, folder_of, known_value
from twofold.commands.output.printing import make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.ledger.lines import Batch, Thing
    from twofold.reconcile.matches.values import Match
    from twofold.reconcile.reading.matched import Found
    from twofold.store.lines.reading import KeptLine, LineReader

SinceOption = Annotated[str, typer.Option("--since", help="First day, e.g. 2026-03-01.")]
UntilOption = Annotated[str, typer.Option("--until", help="Last day.")]
SourceOption = Annotated[str, typer.Option("--source", help="Only of this source, e.g. stripe or courier:NAME.")]
AccountOption = Annotated[str, typer.Option("--account", help="Only of this account.")]
CurrencyOption = Annotated[str, typer.Option("--currency", help="Only in this currency.")]
KindOption = Annotated[str, typer.Option("--kind", help="Only of this kind, e.g. charge, refund, cod_collected.")]
OrderOption = Annotated[str, typer.Option("--order", help="Only what names this order, by its id or number.")]
BatchOption = Annotated[str, typer.Option("--batch", help="Only of this batch, as SOURCE/ID.")]
MatchesOption = Annotated[
    bool,
    typer.Option(
        "--matches/--no-matches",
        help="Work out what pays what, and what is open; without, only people's words are shown, at once.",
    ),
]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="The last so many; 0 for all.")]
BANK_KINDS = ("bank_credit", "bank_debit")

money = typer.Typer(no_args_is_help=True, help="Movements of money: lines, batches, and what pays what.")
bank = typer.Typer(no_args_is_help=True, help="What stands on the bank.")


@money.command("lines")
def money_lines(
    since: SinceOption = "",
    until: UntilOption = "",
    source: SourceOption = "",
    account: AccountOption = "",
    kind: KindOption = "",
    currency: CurrencyOption = "",
    order: OrderOption = "",
    batch: BatchOption = "",
    limit: LimitOption = 100,
    matches: MatchesOption = True,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List movements of money as their sources told them last.

    `line` is the name by which a movement is spoken of in `twofold money match`.
    """
    from twofold.ledger.lines import MoneyKind

    known_value("--kind", kind or None, [str(one) for one in MoneyKind])
    asked = {"source": source, "account": account, "kind": kind, "currency": currency.upper()}
    _lines(config, data, since, until, asked, order, batch, limit, json, matches)


@bank.command("lines")
def bank_lines(
    since: SinceOption = "",
    until: UntilOption = "",
    account: AccountOption = "",
    currency: CurrencyOption = "",
    limit: LimitOption = 100,
    matches: MatchesOption = True,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List what stands on the bank's statements.

    Names are kept as digests only; of texts what looks like an order, a parcel, a batch or a payment.
    """
    asked = {"account": account, "currency": currency.upper()}
    _lines(config, data, since, until, asked, "", "", limit, json, matches, kinds=BANK_KINDS)


@money.command("batches")
def money_batches(
    since: SinceOption = "",
    until: UntilOption = "",
    source: SourceOption = "",
    currency: CurrencyOption = "",
    limit: LimitOption = 100,
    matches: MatchesOption = True,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List payouts and remittances, what they declare and what their lines make.

    Exit code 1 when one of them does not close. One that several files tell is one, and so is each of its lines; with
    --no-matches each telling stands alone.
    """
    asked = {"source": source, "currency": currency.upper()}
    if matches:
        with _matched(config, data) as (_, found):
            rows = _batches(found, since, until, asked, limit)
    else:
        rows = _batches_as_told(folder_of(config, data), since, until, asked, limit)
    if json:
        from twofold.commands.output.rows.money import BatchRow

        print_rows(BatchRow, rows)
    else:
        from twofold.commands.reconcile.chain import zone_of
        from twofold.config import load_settings

        _print_batches(rows, zone_of(load_settings(config, data=data)))
    raise typer.Exit(1 if any(row["difference"] for row in rows) else 0)


def _lines(
    config: Path | None,
    data: str | None,
    since: str,
    until: str,
    asked: dict[str, str],
    order: str,
    batch: str,
    limit: int,
    json: bool,
    matches: bool,
    kinds: tuple[str, ...] = (),
) -> None:
    from twofold.ledger.lines import MoneyLine

    with _matched(config, data) if matches else _as_told(config, data) as (reader, found_of):
        found: Iterable[KeptLine] = _once(reader, _asked(reader, since, until, order, batch), found_of)
        fitting = (
            one
            for one in found
            if isinstance(one.thing, MoneyLine) and _fits(one.thing, asked) and (not kinds or one.thing.kind in kinds)
        )
        last = list(_last(fitting, limit))
        if found_of is not None:
            found_of.match((one.name.hex(), one.thing) for one in last if isinstance(one.thing, MoneyLine))
        words = _words(reader) if found_of is None else {}
        rows = [_line_row(one, words, found_of) for one in reader.with_texts(last)]
    if json:
        from twofold.commands.output.rows.money import MoneyLineRow

        print_rows(MoneyLineRow, rows)
    else:
        _print_lines(rows)


def _once(reader: LineReader, lines: Iterable[KeptLine], found: Found | None) -> Iterator[KeptLine]:
    """Of lines that are told twice the one that counts, with what both say."""
    from msgspec.structs import replace

    from twofold.ledger.lines import MoneyLine

    if found is None:
        yield from lines
        return
    seen: set[str] = set()
    for one in lines:
        name, merged = (
            found.counting(one.name.hex(), one.thing) if isinstance(one.thing, MoneyLine) else (one.name.hex(), None)
        )
        if name in seen:
            continue
        if merged is not None:
            seen.add(name)
            kept = one if name == one.name.hex() else reader.by_name(bytes.fromhex(name))[-1]
            yield replace(kept, thing=merged)
        else:
            yield one


def _asked(reader: LineReader, since: str, until: str, order: str, batch: str) -> Iterable[KeptLine]:
    if batch:
        source, slash, number = batch.partition("/")
        if not slash:
            raise typer.BadParameter("--batch: expected SOURCE/ID, as `twofold money batches` shows them")
        return reader.by_batch(source, number)
    if order:
        both = [*reader.by_key(f"order:{order}"), *reader.by_key(f"number:{order}")]
        found = list({one.number: one for one in both}.values())
        return [one for one in found if _within(one, since, until)]
    return _standing(reader, "money", since, until)


def _standing(reader: LineReader, kind: str, since: str, until: str) -> Iterator[KeptLine]:
    """The days of a line's own zone: in UTC it may be filed on the day beside."""
    from twofold.store.lines.reading import ALL_DAYS

    first = _day("--since", since) - 1 if since else ALL_DAYS[0]
    last = _day("--until", until) + 1 if until else ALL_DAYS[1]
    return (one for one in reader.lines(kind, first, last) if _within(one, since, until))


def _day(option: str, text: str) -> int:
    from twofold.ledger.filing import day_number

    try:
        return day_number(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: expected a day as 2026-03-10") from None


def _within(one: KeptLine, since: str, until: str) -> bool:
    return _of_days(one.thing, since, until)


def _fits(thing: Any, asked: dict[str, str]) -> bool:
    return all(not value or str(getattr(thing, name, "")) == value for name, value in asked.items())


def _last(lines: Iterable[KeptLine], limit: int) -> Iterable[KeptLine]:
    from collections import deque

    return deque(lines, maxlen=limit) if limit else lines


def _words(reader: LineReader) -> dict[tuple[str, str], dict[str, Any]]:
    """What people said that is not taken back: (line, to) to the word."""
    from twofold.ledger.lines import Decision

    standing: dict[tuple[str, str], dict[str, Any]] = {}
    said = [one.thing for one in reader.lines("decision") if isinstance(one.thing, Decision)]
    for word in sorted(said, key=lambda w: (w.at, w.undo)):
        standing.pop((word.line, word.to), None)
        if not word.undo:
            amount = None if word.amount is None else f"{word.amount:f}"
            standing[word.line, word.to] = {
                "to": word.to, "amount": amount, "by": word.by, "why": word.why, "at": word.at,
            }  # fmt: skip
    return standing


@contextmanager
def _matched(config: Path | None, data: str | None) -> Iterator[tuple[LineReader, Found]]:
    """One snapshot, and what is matched in it: a line may pay an order of any day."""
    from twofold.commands.orders import policies_by_dataset
    from twofold.commands.reconcile.chain import zone_of
    from twofold.config import load_settings
    from twofold.policies import chain_rules
    from twofold.reconcile.reading.folder import Folder
    from twofold.reconcile.reading.matched import matched_of

    settings = load_settings(config, data=data)
    zone = zone_of(settings)
    with Folder(settings.server.data, zone) as store:
        yield store.lines, matched_of(store, policies_by_dataset(settings), zone, chain_rules(settings))


@contextmanager
def _as_told(config: Path | None, data: str | None) -> Iterator[tuple[LineReader, None]]:
    from twofold.store.lines.reading import OpenLines

    with OpenLines(folder_of(config, data)) as reader:
        yield reader, None


def _shown(match: Match, to: str) -> dict[str, Any]:
    return {
        "to": to, "amount": f"{match.amount:f}", "currency": match.currency, "rule": match.rule, "class": str(match.trust),
        "by": match.by, "why": "; ".join(match.evidence), "at": match.made_at,
    }  # fmt: skip


def _line_row(one: KeptLine, words: dict[tuple[str, str], dict[str, Any]], found: Found | None) -> dict[str, Any]:
    from twofold.ledger.filing import local_day

    thing: Any = one.thing
    name = one.name.hex()
    if found is None:
        open_, pays = None, [word for (line, _), word in sorted(words.items()) if line == name]
    else:
        open_ = thing.gross - found.paid.get(name, Decimal(0)) if thing.status == "booked" else Decimal(0)
        pays = [_shown(match, match.to) for match in found.by_line.get(name, ())]
    row = {n: getattr(thing, n) for n in ("id", "source", "account", "status", "gross", "fee", "net", "currency", "at")}
    return {
        **row,
        "line": name,
        "kind": str(thing.kind),
        "reference": list(thing.references),
        "day": local_day(thing),
        "batch": thing.batch,
        "told_by": _told_by(name, thing, found),
        "alone": found is not None and found.is_alone(name, thing),
        "text": one.text or thing.text,
        "open": open_,
        "matches": pays,
    }


def _told_by(name: str, thing: Any, found: Found | None) -> list[str]:
    forms = found.ways(name, thing) if found is not None else None
    return [form for form in forms or (thing.form,) if form]


def _batches(found: Found, since: str, until: str, asked: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Those that a file declares, each once, with the lines that count."""
    rows = []
    for group, reached in found.batches(lambda batch: _of_days(batch, since, until) and _fits(batch, asked), limit):
        due = group.net - sum((match.amount for match in reached), Decimal(0))
        pays = [_shown(match, f"line:{match.line}") for match in reached]
        rows.append(_batch_row(group.batch, group.told[0], group.count, group.lines, group.declared, due, pays))
    return rows


def _batches_as_told(folder: Path, since: str, until: str, asked: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Those that a file declares, as each of them does, with the lines that bear its own number."""
    from twofold.ledger.filing import batch_key
    from twofold.ledger.lines import Batch, MoneyKind, MoneyLine
    from twofold.store.lines.reading import OpenLines

    outgoing = (MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED)
    rows = []
    with OpenLines(folder) as reader:
        words = _words(reader)
        standing = [one.thing for one in _standing(reader, "batch", since, until) if _fits(one.thing, asked)]
        for batch in (b for b in standing[-limit or None :] if isinstance(b, Batch)):
            nets = [
                other.thing.net
                for other in reader.by_batch(batch.source, batch.id)
                if isinstance(other.thing, MoneyLine)
                and other.thing.currency == batch.currency
                and other.thing.status == "booked"
                and other.thing.kind not in outgoing
            ]
            to = batch_key(batch.source, batch.id)
            pays = [{**word, "to": f"line:{line}"} for (line, at), word in sorted(words.items()) if at == to]
            rows.append(_batch_row(batch, batch, len(nets), sum(nets, Decimal(0)), batch.net, None, pays))
    return rows


def _of_days(thing: Thing, since: str, until: str) -> bool:
    from twofold.ledger.filing import local_day

    if since:
        _day("--since", since)
    if until:
        _day("--until", until)
    day = local_day(thing)
    return (not since or day >= since) and (not until or day <= until)


def _batch_row(
    batch: Batch, told: Batch, lines: int, total: Decimal, declared: Decimal | None, open_: Decimal | None,
    pays: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    from twofold.ledger.identity import name_of

    names = ("id", "source", "account", "kind", "status", "currency", "at", "expected_at")
    return {
        **{n: getattr(batch, n) for n in names},
        "line": name_of(told).hex(),
        "reference": [f"bank_reference:{batch.bank_reference}"] if batch.bank_reference else [],
        "net": declared,
        "lines": lines,
        "sum": total,
        "difference": declared - total if declared is not None and lines else None,
        "open": open_,
        "matches": pays,
    }


def _print_lines(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("no lines of money; import a statement, a payout or a remittance (docs/money.md)")
        return
    table = make_table("day", "source", "kind", "gross", "fee", "net", "", "status", "batch", "names", "line", right=("gross", "fee", "net"))  # fmt: skip
    for row in rows:
        named = ", ".join([*row["reference"], *(["≈ " + row["text"]] if row["text"] else [])])
        paid = "".join(f" → {m['to']} ({m['by'] or m['class']})" for m in row["matches"])
        paid += f" · only in {' and '.join(row['told_by'])}" if row["alone"] else ""
        table.add_row(row["day"], plain(row["source"]), row["kind"], f"{row['gross']:,f}", f"{row['fee']:,f}",
                      f"{row['net']:,f}", row["currency"], row["status"], plain(row["batch"]), plain(named + paid),
                      row["line"])  # fmt: skip
    print_wide(table)


def _print_batches(rows: list[dict[str, Any]], zone: tzinfo) -> None:
    """Days are those of the reports: a payout of midnight is not of the evening before."""
    if not rows:
        say("no batches; import a payout or a remittance (docs/money.md)")
        return
    table = make_table("day", "source", "batch", "kind", "declared", "its lines", "difference", "", "lines", "status", right=("declared", "its lines", "difference", "lines"))  # fmt: skip
    for row in rows:
        shown = [f"{row[n]:,f}" if row[n] is not None else "" for n in ("net", "sum", "difference")]
        table.add_row(f"{datetime.fromtimestamp(row['at'], zone):%Y-%m-%d}", plain(row["source"]), plain(row["id"]), row["kind"], *shown,
                      row["currency"], f"{row['lines']:,}", plain(row["status"]))  # fmt: skip
    print_wide(table)
    open_ = list(islice((row for row in rows if row["difference"]), 11))
    for row in open_[:10]:
        say(plain(f"does not close: {row['source']} {row['id']}: difference {row['difference']:,f} {row['currency']}"))
