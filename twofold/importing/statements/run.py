"""One import of a statement, payout, report or table, from the file to the disk: whole, or nothing of it.

Owns the order of work: survey, recognise, read, check, seal, name, hand over, show, add up. A file that turns out to be
damaged, cut, of another account, currency or month leaves nothing behind; a row that cannot be read costs itself. The file
itself is never kept, and of whom it names only what `sealing` leaves.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from msgspec.structs import replace

from twofold.config import Settings
from twofold.errors import FileRefused, StoreError
from twofold.importing.progress import key_of
from twofold.importing.readers.problems import ProblemReport, RowProblem
from twofold.importing.readers.tables import Survey, survey_file
from twofold.importing.statements.closing import closed_by_the_ledger
from twofold.importing.statements.contract import Dropped, Item, StatementFile, Unbalanced
from twofold.importing.statements.coverage import Coverage
from twofold.importing.statements.formats import recognise
from twofold.importing.statements.frame import Balance, fault_of, shown_account, without_contact
from twofold.importing.statements.plan import Expected, StatementPlan, WantedStatement
from twofold.importing.statements.sealing import Sealer
from twofold.importing.statements.sink import DrySink, LineSink, LookSink, open_line_sink
from twofold.importing.statements.states import SEVERAL, OrderStates
from twofold.importing.statements.summary import StatementSummary
from twofold.ledger.filing import kind_of, local_day
from twofold.ledger.identity import fingerprint
from twofold.ledger.lines import MoneyLine, Thing, Told
from twofold.matching.subject import Keyring
from twofold.store.lines.keeping import LineFile
from twofold.store.lines.reading import OpenLines
from twofold.store.lines.row import LineRow, make_row
from twofold.store.secret import folder_ring, known_ring

PORTION = 500
"""Lines handed over at once. In a running gateway they hold its loop for about 20 ms."""

Watcher = Callable[
    [int, StatementSummary], None
]  # (bytes of the file that were read, 0 where unknown; the sums so far)


def import_statement(
    settings: Settings, plan: StatementPlan, now_ms: int, watch: Watcher | None = None
) -> StatementSummary:
    """Imports one file. Raises `ConfigError`, `FileRefused`, `StoreError`, and then nothing of it is kept."""
    wanted = WantedStatement(settings, plan, now_ms)
    survey = survey_file(plan.path, plan.encoding)
    form = wanted.form or recognise(plan.path, survey, plan.kind, wanted.mappings)
    before = os.stat(plan.path)
    file = form.open(plan.path, survey, wanted.options)
    with contextlib.ExitStack() as stack:
        folder = Path(settings.server.data)
        sink = _sink_of(settings, plan)
        stack.callback(sink.close)
        ring = (known_ring(folder) or Keyring(secrets.token_bytes(32))) if plan.dry_run else folder_ring(folder)
        task = _Import(wanted, survey, file, sink, ring, now_ms, folder)
        report = stack.enter_context(ProblemReport(plan.report)) if plan.report and not plan.dry_run else None
        try:
            task.drive(report, watch)
            task.refuse_a_cut_end()
            after = os.stat(plan.path)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise FileRefused(f"{plan.path.name}: the file changed while it was read; import it again")
            return task.finish()
        except BaseException:
            with contextlib.suppress(StoreError):
                sink.drop()
            raise


def _sink_of(settings: Settings, plan: StatementPlan) -> LineSink:
    if not plan.dry_run:
        return open_line_sink(settings)
    return LookSink(Path(settings.server.data)) if plan.foretell else DrySink()


class _Import:
    """The state of one import."""

    def __init__(
        self,
        wanted: WantedStatement,
        survey: Survey,
        file: StatementFile,
        sink: LineSink,
        ring: Keyring,
        now_ms: int,
        folder: Path,
    ) -> None:
        plan = wanted.plan
        self._folder = folder
        self._wanted, self._file, self._sink, self._ring, self._now_ms = wanted, file, sink, ring, now_ms
        self._survey = survey
        self._last: RowProblem | None = None  # of the refused rows the one that no line came after
        self._known_file = LineFile(
            sha256=survey.digest,
            reading=key_of(file.format, wanted.reading_key),
            kind=plan.kind,
            format=file.format,
        )
        self._sealer = Sealer(
            ring,
            keeps_text=wanted.money.text == "kept",
            prefixes=wanted.money.order_prefixes,
            countries=wanted.countries,
        )
        self._balance = Balance()
        self._coverage = Coverage()
        self._states = OrderStates(wanted.datasets if plan.kind == "parcels" else [])
        self._equals: dict[int, int] = {}  # by a digest of its fingerprint: how many such lines stood so far
        self._summary = StatementSummary(
            kind=plan.kind,
            file=plan.path.name,
            digest=survey.digest,
            format=file.format,
            title=file.title,
            dry_run=plan.dry_run,
            notes=file.notes,
        )
        # A table is of one format and many layouts: a workbook and a text of one bank are two tellings of its account.
        self._form = f"{file.format}/{survey.kind}"
        self._was_imported = False

    def drive(self, report: ProblemReport | None, watch: Watcher | None) -> None:
        """Reads the whole file and hands it over, unless it was imported before."""
        self._was_imported = not self._sink.begin(self._known_file)
        rows: list[LineRow] = []
        problems: list[RowProblem] = []
        for count, item in enumerate(self._items()):
            if isinstance(item, LineRow):
                rows.append(item)
            elif isinstance(item, RowProblem):
                problems.append(item)
            if len(rows) >= PORTION:
                self._put(rows)
            if len(problems) >= PORTION:
                _report(report, problems)
            if watch is not None and not count & 255:
                watch(self._file.bytes_read, self._summary)
        self._put(rows)
        _report(report, problems)

    def refuse_a_cut_end(self) -> None:
        """Raises `FileRefused` for a text whose last row cannot be read and is not ended: the rest of it is missing."""
        last = self._last
        if last is None or self._survey.kind not in ("csv", "json") or _is_ended(self._wanted.plan.path):
            return
        if self._survey.kind == "json" and last.reason != "broken_row":
            return  # an object that is whole was not cut, whatever it says
        raise FileRefused(
            f"{self._wanted.plan.path.name}: row {last.row}: expected the file's last row whole, got one that cannot be "
            f"read ({last.reason}) and has no end of line: the file was cut; export it again. Nothing was kept"
        )

    def finish(self) -> StatementSummary:
        """Shows the lines, when there are any, and says what all of it came to."""
        self._sink.settle()  # what a gateway has not answered yet is in no count
        summary, kept = self._summary, self._sink.kept
        summary.unbalanced = list(self._balance.unbalanced())
        if summary.dry_run:
            summary.notes += self._coverage.notes()
            if self._wanted.plan.foretell:
                fresh = (0, summary.total, 0) if self._was_imported else (kept.new, kept.known, kept.updated)
                summary.new, summary.known, summary.updated = fresh
                summary.notes += ["this file was imported before; nothing would change"] if self._was_imported else []
            return summary
        if self._was_imported:
            self._tell_orders()
            self._look_at_open_batches()
            summary.notes.append("this file was imported before; nothing was changed")
            summary.new, summary.known, summary.updated = 0, summary.total, 0
            return summary
        summary.new, summary.known, summary.updated = kept.new, kept.known, kept.updated
        if not summary.total:
            self._sink.drop()
            return summary
        self._sink.end(self._facts())
        self._tell_orders()
        self._look_at_open_batches()
        if self._coverage.needs_a_look:
            with OpenLines(self._folder) as reader:
                self._coverage.compare(reader)
        summary.notes += self._coverage.notes()
        if kept.again:
            summary.notes.append(
                f"{kept.again:,} lines stand in the file again with other content; of each the last was taken"
            )
        if kept.updated:
            summary.notes.append(
                "lines that were told otherwise before: the source's own time decides which stands, else what was imported last"
            )
        return summary

    def _look_at_open_batches(self) -> None:
        """A batch whose other lines came in another file is open in this one, and closes."""
        found = [one for one in self._summary.unbalanced if one.what == "batch"]
        if not found:
            return
        with OpenLines(self._folder) as reader:
            closed = list(closed_by_the_ledger(reader, [(one, self._balance.sources_of(one)) for one in found]))
        self._summary.unbalanced = [one for one in self._summary.unbalanced if one not in closed]
        self._summary.notes += [f"batch {one.id} closes with lines that another file told" for one in closed]

    def _tell_orders(self) -> None:
        """A list of parcels is told to the orders' ledger, too, once its lines are kept."""
        for portion in self._states.portions(self._now_ms):
            self._sink.tell_orders(portion)
        if self._states.several:
            self._summary.notes.append(SEVERAL)

    def _items(self) -> Iterator[LineRow | RowProblem | None]:
        """What becomes of each item of the file, in its order."""
        for item in self._file.items():
            yield self._item(item)

    def _item(self, item: Item) -> LineRow | RowProblem | None:
        match item:
            case Told():
                if self._last is not None and item.row > self._last.row:  # what sums the rows comes after all of them
                    self._last = None
                return self._told(item)
            case RowProblem():
                return self._problem(item)
            case Unbalanced():
                self._balance.say(replace(item, account=shown_account(item.account, self._ring)))
            case Dropped():
                self._summary.drop(item.reason)
        return None

    def _told(self, told: Told) -> LineRow | RowProblem:
        fault = fault_of(told)
        if fault is not None:
            return self._problem(fault)
        self._expect(told.thing)
        told = replace(told, thing=without_contact(told.thing, self._ring))
        thing = self._sealer.seal(told)
        if isinstance(thing, MoneyLine):
            thing = replace(thing, form=getattr(self._file, "layout", "") or self._form)
        self._balance.add(thing)
        self._summary.add(thing, kind_of(thing), local_day(thing))
        ordinal = self._ordinal(thing)
        self._coverage.add(thing)
        self._states.add(thing)
        return make_row(
            thing,
            self._ring.secret,
            row=told.row,
            ordinal=ordinal,
            told_at=told.updated_at,
            received_at=self._now_ms,
            text=self._sealer.kept_text(told),
        )

    def _problem(self, problem: RowProblem) -> RowProblem:
        named = problem if problem.file else replace(problem, file=self._wanted.plan.path.name)
        self._summary.add_problem(named)
        if named.kind == "refused" and (self._last is None or named.row > self._last.row):
            self._last = named
        return named

    def _expect(self, thing: Thing) -> None:
        """Raises `FileRefused` for a file of another account, currency or month than the operator said."""
        expected = self._wanted.expected
        name = self._wanted.plan.path.name
        account, currency = getattr(thing, "account", ""), getattr(thing, "currency", "")
        if expected.account and account and _plain(account) != _plain(expected.account):
            raise FileRefused(f"{name}: expected the account {expected.account}, got another; nothing was kept")
        if expected.currency and currency and currency != expected.currency:
            raise FileRefused(f"{name}: expected {expected.currency}, got {currency}; nothing was kept")
        if expected.since or expected.until:
            _expect_day(name, expected, thing)

    def _ordinal(self, thing: Thing) -> int:
        if not isinstance(thing, MoneyLine) or thing.id:
            return 0
        text = "\0".join(fingerprint(thing)).encode("utf-8", "surrogatepass")
        mark = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        count = self._equals.get(mark, 0) + 1
        self._equals[mark] = count
        return count

    def _put(self, rows: list[LineRow]) -> None:
        if rows and not self._was_imported:
            self._sink.put(rows)
        rows.clear()

    def _facts(self) -> dict[str, object]:
        summary = self._summary
        return {
            "total": summary.total,
            "new": summary.new,
            "known": summary.known,
            "updated": summary.updated,
            "refused": sum(summary.refused.values()),
            "since": summary.since,
            "until": summary.until,
            "unbalanced": [
                {n: None if (v := getattr(one, n)) is None else str(v) for n in one.__struct_fields__}
                for one in summary.unbalanced
            ],
        }


def _is_ended(path: Path) -> bool:
    """Whether a text ends with the end of a line."""
    with path.open("rb") as file:
        file.seek(max(0, os.stat(path).st_size - 4))
        return file.read().rstrip(b"\0").endswith((b"\n", b"\r"))


def _expect_day(name: str, expected: Expected, thing: Thing) -> None:
    day = local_day(thing)
    if (expected.since and day < expected.since) or (expected.until and day > expected.until):
        span = f"{expected.since or 'any day'} to {expected.until or 'any day'}"
        raise FileRefused(f"{name}: expected days from {span}, got {day}; nothing was kept")


@lru_cache(maxsize=64)
def _plain(account: str) -> str:
    return "".join(c for c in account if c.isalnum()).upper()


def _report(report: ProblemReport | None, problems: list[RowProblem]) -> None:
    if report is not None:
        report.write(problems)
    problems.clear()
