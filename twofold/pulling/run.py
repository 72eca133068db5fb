"""One pull of one account: its answers through the readers of files into the run that keeps files, and what that changed.

Owns the order of work and the figures of each day. Answers never touch the disk: they are read out of memory. What was
said before stays beside what is said now; a portion that cannot be fetched or read leaves nothing behind, and those
before it stay.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
from msgspec import Struct

from twofold.config import AccountSettings, Settings
from twofold.errors import FileRefused, TwofoldError
from twofold.importing.readers.tables import survey_file
from twofold.importing.statements.contract import StatementOptions
from twofold.importing.statements.formats import named_format
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.ledger.filing import day_number, kind_of, local_day
from twofold.ledger.lines import Thing, Told, encode_thing
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Exchange
from twofold.store.lines.reading import OpenLines

LINES_OF = {
    "spend": ("spend",),
    "ga4": ("site_day",),
    "rates": ("rate",),
    "payouts": ("money", "batch"),
    "bank": ("money", "statement"),
}
"""What the lines of a kind of import are called in the store."""


class PulledDay(Struct, frozen=True, kw_only=True):
    """What one day came to, in lines."""

    source: str
    account: str
    day: str
    lines: int
    new: int | None = None  # None: a dry run
    restated: int | None = None
    unchanged: int | None = None


class PullProblem(Struct, frozen=True, kw_only=True):
    """What could not be had, of which days, and who must act."""

    source: str
    account: str
    since: str
    until: str
    code: str
    who: str
    text: str


def span_of(account: AccountSettings, since: str, until: str, now_s: float) -> Span:
    """The days that are asked for: by default the last ``days`` with today, in the account's zone."""
    today = datetime.fromtimestamp(now_s, ZoneInfo(account.timezone)).date()
    last = date.fromisoformat(until) if until else today
    first = date.fromisoformat(since) if since else last - timedelta(days=account.days - 1)
    return Span(first, last)


def pull(
    settings: Settings, platform: Platform, account: AccountSettings, span: Span, now_ms: int, exchange: Exchange,
    *, dry_run: bool = False,
) -> Iterator[PulledDay | PullProblem]:  # fmt: skip
    """Asks one account. Gives each day that has lines, and a problem in the place of what could not be had."""
    started = span.since
    try:
        for portion in platform.fetch(account, span, exchange):
            yield from _kept(settings, platform, account, portion, now_ms, dry_run)
            started = min(portion.span.until + timedelta(days=1), span.until)
    except Problem as problem:
        yield PullProblem(source=platform.source, account=account.name, since=str(started), until=str(span.until),
                          code=problem.code, who=problem.who.value, text=problem.text)  # fmt: skip


def _kept(
    settings: Settings, platform: Platform, account: AccountSettings, portion: Portion, now_ms: int, dry_run: bool
) -> Iterator[PulledDay | PullProblem]:
    said = {"source": platform.source, "account": account.name, "since": str(portion.span.since),
            "until": str(portion.span.until)}  # fmt: skip
    before = _standing(settings, platform, portion)
    with _in_memory(portion.content) as path:
        plan = StatementPlan(
            kind=portion.kind, path=path, format=portion.format, account=portion.account, currency=portion.currency,
            columns=portion.columns, fetched_at=now_ms, dry_run=dry_run,
        )  # fmt: skip
        try:
            summary = import_statement(settings, plan, now_ms)
        except FileRefused as err:
            words = str(err).replace(str(path), account.name).replace(path.name, account.name)
            yield PullProblem(**said, code="unreadable_answer", who=Who.PLATFORM.value, text=words)
            return
    for reason, count in sorted(summary.refused.items()):
        first = next((p for p in summary.problems if p.reason == reason and p.kind == "refused"), None)
        where = (
            f"row {first.row}, {first.column or 'the row'}: expected {first.expected}, got {first.got}" if first else ""
        )
        yield PullProblem(
            **said, code=reason, who=Who.PLATFORM.value, text=f"{count} rows were not understood; {where}"
        )
    for one in summary.unbalanced:
        text = f"{one.what} {one.id} does not close: {one.entries:f} is not {one.closing:f} {one.currency}, difference {one.difference:f}"
        yield PullProblem(**said, code="not_closed", who=Who.OPERATOR.value, text=text)
    if dry_run:
        yield from _counted(platform, account, portion)
        return
    yield from _days(platform, account, before, _standing(settings, platform, portion))


def _days(
    platform: Platform,
    account: AccountSettings,
    before: dict[bytes, tuple[str, bytes]],
    after: dict[bytes, tuple[str, bytes]],
) -> Iterator[PulledDay]:
    counts: dict[str, Counter[str]] = {}
    for name, (day, says) in after.items():
        known = before.get(name)
        what = "new" if known is None else "unchanged" if known[1] == says else "restated"
        counts.setdefault(day, Counter())[what] += 1
    for day, count in sorted(counts.items()):
        yield PulledDay(source=platform.source, account=account.name, day=day, lines=count.total(), new=count["new"],
                        restated=count["restated"], unchanged=count["unchanged"])  # fmt: skip


def _counted(platform: Platform, account: AccountSettings, portion: Portion) -> Iterator[PulledDay]:
    """How many lines each day has, without a look at what is known."""
    counts: Counter[str] = Counter()
    with _in_memory(portion.content) as path:
        form = named_format(portion.kind, portion.format)
        options = StatementOptions(
            zone=UTC, account=portion.account, currency=portion.currency, columns=portion.columns
        )
        for item in form.open(path, survey_file(path), options).items():
            if isinstance(item, Told):
                counts[local_day(item.thing)] += 1
    for day, count in sorted(counts.items()):
        yield PulledDay(source=platform.source, account=account.name, day=day, lines=count)


def _standing(settings: Settings, platform: Platform, portion: Portion) -> dict[bytes, tuple[str, bytes]]:
    """What stands of these days by this source: name to day and content."""
    found: dict[bytes, tuple[str, bytes]] = {}
    since, until = (day_number(str(day)) for day in (portion.span.since, portion.span.until))
    try:
        lines = OpenLines(settings.server.data)
    except (TwofoldError, apsw.Error, OSError):
        return found  # no folder yet
    with lines:
        for kind in LINES_OF[portion.kind]:
            for line in lines.lines(kind, since - 1, until + 1):
                day = local_day(line.thing)
                if str(portion.span.since) <= day <= str(portion.span.until) and _is_of(line.thing, platform, portion):
                    found[line.name] = day, encode_thing(line.thing)
    return found


def _is_of(thing: Thing, platform: Platform, portion: Portion) -> bool:
    account = getattr(thing, "account", "")
    if portion.account and account and account != portion.account:
        return False
    return kind_of(thing) in LINES_OF[portion.kind] and getattr(thing, "source", "") == platform.source


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """A file that has no place on any disk: what platforms and banks answer names people."""
    file = os.memfd_create("answers")
    try:
        with os.fdopen(os.dup(file), "wb") as out:
            out.write(content)
        yield Path(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
