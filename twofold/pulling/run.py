"""One pull of one account: its answers through the readers of files into the run that keeps files, and what that changed.

Owns the order of work and the figures of each day. Answers never touch the disk: they are read out of memory. What was
said before stays beside what is said now; a portion that cannot be fetched or read leaves nothing behind, and those
before it stay.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
from msgspec import Struct

from twofold.config import AccountSettings, Settings
from twofold.errors import FileRefused, TwofoldError
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import survey_file
from twofold.importing.statements.contract import Item, StatementOptions
from twofold.importing.statements.formats import named_format
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.ledger.filing import day_number, local_day
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Thing, Told, encode_thing
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Exchange, encode_answer
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
    """Asks one account. Gives each day that has lines, then each problem of what could not be had."""
    started = span.since
    problems: list[PullProblem] = []
    task = _Pull(settings, platform, account, now_ms, dry_run)
    try:
        for portion in platform.fetch(account, span, exchange):
            problems += task.keep(portion)
            started = min(portion.span.until + timedelta(days=1), span.until)
    except Problem as problem:
        problems.append(task.problem(Span(started, span.until), problem.code, problem.who, problem.text))
    yield from task.days()
    yield from problems


class _Pull:
    """What one pull has kept so far. A day's lines may come in several portions: they are counted once, at the end."""

    def __init__(
        self, settings: Settings, platform: Platform, account: AccountSettings, now_ms: int, dry_run: bool
    ) -> None:
        self._settings, self._platform, self._account = settings, platform, account
        self._now_ms, self._dry_run = now_ms, dry_run
        self._before: dict[bytes, tuple[str, bytes]] = {}
        self._after: dict[bytes, tuple[str, bytes]] = {}
        self._read: Counter[str] = Counter()  # in a dry run: lines of each day

    def keep(self, portion: Portion) -> Iterator[PullProblem]:
        standing = self._standing(portion)
        for name, (day, thing) in standing.items():
            self._before.setdefault(name, (day, encode_thing(thing)))
        try:
            content = self._with_what_is_gone(portion, [(name, thing) for name, (_, thing) in standing.items()])
        except FileRefused:
            content = portion.content  # said below
        with _in_memory(content) as path:
            plan = StatementPlan(
                kind=portion.kind, path=path, format=portion.format, account=portion.account, currency=portion.currency,
                columns=portion.columns, fetched_at=self._now_ms, dry_run=self._dry_run,
            )  # fmt: skip
            try:
                summary = import_statement(self._settings, plan, self._now_ms)
                if self._dry_run:
                    self._read.update(local_day(i.thing) for i in _items_in(path, portion) if isinstance(i, Told))
            except FileRefused as err:
                words = str(err).replace(str(path), self._account.name).replace(path.name, self._account.name)
                yield self.problem(portion.span, "unreadable_answer", Who.PLATFORM, words)
                return
        for reason, count in sorted(summary.refused.items()):
            first = next((p for p in summary.problems if p.reason == reason and p.kind == "refused"), None)
            where = (
                f"row {first.row}, {first.column or 'the row'}: expected {first.expected}, got {first.got}"
                if first
                else ""
            )
            yield self.problem(portion.span, reason, Who.PLATFORM, f"{count} rows were not understood; {where}")
        for one in summary.unbalanced:
            yield self.problem(portion.span, "not_closed", Who.OPERATOR,
                               f"{one.what} {one.id} does not close: {one.entries:f} is not {one.closing:f} {one.currency}, "
                               f"difference {one.difference:f}")  # fmt: skip
        self._after.update((name, (day, encode_thing(thing))) for name, (day, thing) in self._standing(portion).items())

    def _with_what_is_gone(self, portion: Portion, standing: Sequence[tuple[bytes, Thing]]) -> bytes:
        """The answers, and behind them nothing of each line that was told before and is not told any more."""
        nothing = self._platform.nothing
        if nothing is None or not standing:
            return portion.content
        told: set[bytes] = set()
        with _in_memory(portion.content) as path:
            for item in _items_in(path, portion):
                if isinstance(item, RowProblem):
                    return portion.content  # a row that is not understood is there all the same
                if isinstance(item, Told):
                    told.add(name_of(item.thing))
        gone = (nothing(thing) for name, thing in standing if name not in told)
        return b"\n".join([portion.content, *(encode_answer(answer) for answer in gone if answer is not None)])

    def problem(self, span: Span, code: str, who: Who, text: str) -> PullProblem:
        return PullProblem(source=self._platform.source, account=self._account.name, since=str(span.since),
                           until=str(span.until), code=code, who=who.value, text=text)  # fmt: skip

    def days(self) -> Iterator[PulledDay]:
        source, account = self._platform.source, self._account.name
        if self._dry_run:
            for day, lines in sorted(self._read.items()):
                yield PulledDay(source=source, account=account, day=day, lines=lines)
            return
        counts: dict[str, Counter[str]] = {}
        for name, (day, says) in self._after.items():
            known = self._before.get(name)
            what = "new" if known is None else "unchanged" if known[1] == says else "restated"
            counts.setdefault(day, Counter())[what] += 1
        for day, count in sorted(counts.items()):
            yield PulledDay(source=source, account=account, day=day, lines=count.total(), new=count["new"],
                            restated=count["restated"], unchanged=count["unchanged"])  # fmt: skip

    def _standing(self, portion: Portion) -> dict[bytes, tuple[str, Thing]]:
        """What stands of a portion's days by this source."""
        found: dict[bytes, tuple[str, Thing]] = {}
        since, until = (day_number(str(day)) for day in (portion.span.since, portion.span.until))
        try:
            lines = OpenLines(self._settings.server.data)
        except (TwofoldError, apsw.Error, OSError):
            return found  # no folder yet
        with lines:
            for kind in LINES_OF[portion.kind]:
                for line in lines.lines(kind, since - 1, until + 1):
                    day = local_day(line.thing)
                    if str(portion.span.since) <= day <= str(portion.span.until) and self._is_of(line.thing, portion):
                        found[line.name] = day, line.thing
        return found

    def _is_of(self, thing: Thing, portion: Portion) -> bool:
        account = getattr(thing, "account", "")
        if portion.account and account and account != portion.account:
            return False
        return getattr(thing, "source", "") == self._platform.source


def _items_in(path: Path, portion: Portion) -> Iterator[Item]:
    """What the reader finds in answers, as it stands there."""
    form = named_format(portion.kind, portion.format)
    options = StatementOptions(zone=UTC, account=portion.account, currency=portion.currency, columns=portion.columns)
    yield from form.open(path, survey_file(path), options).items()


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
