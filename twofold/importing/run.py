"""One import from the file to the disk: survey, recognise, read, check, hand over, remember, add up.

Owns the order of work. A row is made into a ledger entry by the same function as a webhook's body.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from twofold.collect.steps import pipeline
from twofold.collect.steps.orders import entry_of
from twofold.config import Settings
from twofold.event.model import RawEvent
from twofold.event.refusal import Refusal
from twofold.importing.documents import DocumentFile, body_of
from twofold.importing.plan import Plan, Wanted
from twofold.importing.progress import Mark, ProgressFile, key_of
from twofold.importing.readers.formats import OrderFile, open_orders
from twofold.importing.readers.layout import Found
from twofold.importing.readers.problems import ProblemReport, RowProblem
from twofold.importing.readers.tables import Survey, survey_file
from twofold.importing.sinks import Batch, DrySink, LookSink, Sink, open_sink
from twofold.importing.summary import Summary
from twofold.matching.subject import Keyring
from twofold.sources.contract import Reading
from twofold.store.orders.ledger import OrderEntry
from twofold.store.secret import folder_ring

BATCH = 200
"""Orders handed over at once. In a running gateway they hold its loop for about 15 ms."""

Watcher = Callable[[int, Summary], None]  # (bytes of the file that were read, 0 where unknown; the sums so far)


def import_file(settings: Settings, plan: Plan, now_ms: int, watch: Watcher | None = None) -> Summary:
    """Imports one file. Raises `ConfigError`, `FileRefused`, `StoreError`; a row that cannot be read is no error."""
    wanted = Wanted(settings, plan, now_ms)
    survey = survey_file(plan.path, plan.encoding)
    file = _open(wanted, survey)
    task = _Import(settings, wanted, survey, file)
    before = os.stat(plan.path)
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(ProblemReport(plan.report)) if plan.report and not plan.dry_run else None
        sink: Sink = (LookSink(settings) if plan.foretell else DrySink()) if plan.dry_run else open_sink(settings)
        stack.callback(sink.close)
        task.drive(sink, report, watch)
    after = os.stat(plan.path)
    changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    return task.finish(changed)


def _open(wanted: Wanted, survey: Survey) -> OrderFile | DocumentFile:
    plan = wanted.plan
    if survey.kind == "json" and wanted.form is None and not plan.sales:
        body = body_of(plan.path, survey)
        if body is not None:
            options = wanted.source_options(body.source)
            return DocumentFile(plan.path, survey, body, options, wanted.now_ms, wanted.options.young_after)
    file = open_orders(
        plan.path, survey, wanted.options, form=wanted.form, known=wanted.known, sheet=plan.sheet
    )  # fmt: skip
    file.from_shop(wanted.source_of(file.sender)[1])
    return file


class _Import:
    """The state of one import."""

    def __init__(self, settings: Settings, wanted: Wanted, survey: Survey, file: OrderFile | DocumentFile) -> None:
        plan = wanted.plan
        self._wanted, self._plan, self._file = wanted, plan, file
        self._source = file.source_in(*wanted.source_of(file.sender))
        self._origin = wanted.origin_of(file.sender)
        self._ring = Keyring(secrets.token_bytes(32))  # of a trial; else the folder's, once it is open
        self._folder = Path(settings.server.data)
        self._seen: set[int] = set()  # digests of order ids: about 100 bytes an order
        self._summary = Summary(
            file=plan.path.name,
            digest=survey.digest,
            format=file.format,
            title=file.title,
            dry_run=plan.dry_run,
            recognised=file.recognised,
            notes=file.notes,
        )
        key = key_of(survey.digest, file.format, wanted.reading_key, plan.dataset)
        self._mark = Mark(key=key)
        self._progress = ProgressFile(Path(settings.server.data), plan.path, plan.dataset)
        if not plan.dry_run and not plan.restart:
            self._look_back(key)

    def drive(self, sink: Sink, report: ProblemReport | None, watch: Watcher | None) -> None:
        """Reads the whole file; hands over what an earlier, interrupted import had not."""
        if not self._plan.dry_run:
            self._ring = folder_ring(self._folder)
        resume_after = self._mark.row
        batch = Batch()
        problems: list[RowProblem] = []
        for item in self._file.items():
            is_again = isinstance(item, Found) and item.order is not None and self._stood_before(item.order.order_id)
            self._summary.add(item, is_again)
            problems += item.warnings if isinstance(item, Found) else [item] if isinstance(item, RowProblem) else []
            if isinstance(item, Found) and self._file.last_row > resume_after:
                problems += self._put_entry(item, batch)
            batch.row = self._file.last_row
            if len(batch.orders) + len(batch.events) >= BATCH:
                self._settle(sink.put(batch))
                batch = Batch()
            if len(problems) >= BATCH:
                self._report(report, problems)
            if watch is not None and not self._summary.orders & 255:
                watch(self._file.bytes_read, self._summary)
        self._settle(sink.put(batch))
        self._settle(sink.finish())
        self._report(report, problems)

    def finish(self, changed: bool) -> Summary:
        summary, mark = self._summary, self._mark
        summary.rows = self._file.rows_read
        if changed:
            summary.notes.append("the file changed while it was read; import it again")
        if self._plan.dry_run and not self._plan.foretell:
            return summary
        if self._plan.dry_run:
            summary.new, summary.updated, summary.already_known = mark.new, mark.updated, mark.already_known
            return summary
        mark.done = not changed
        self._progress.write(mark)
        summary.new, summary.updated, summary.already_known = mark.new, mark.updated, mark.already_known
        return summary

    def _look_back(self, key: str) -> None:
        """Goes on where an interrupted import of the same content stopped; says when the content is another."""
        earlier = self._progress.read()
        if earlier is None:
            return
        if earlier.key != key:
            if not earlier.done:
                self._summary.notes.append(
                    "the file, or how it is read, changed since an import of it was interrupted; all of it is read again"
                )
            return
        if earlier.done:
            self._summary.notes.append("this file was imported before; what the ledger knows already changes nothing")
            return
        self._mark = earlier
        self._summary.resumed_after = earlier.row

    def _put_entry(self, found: Found, batch: Batch) -> list[RowProblem]:
        """Adds what is to be handed over; answers what was refused after all."""
        refused = []
        copy = None if self._plan.ledger_only else found.copy
        if found.order is not None:
            entry = self._entry(found, copy)
            if isinstance(entry, Refusal) and copy is not None:
                # The order is a fact also when nobody can be told of it.
                batch.not_sendable[entry.reason.value] = batch.not_sendable.get(entry.reason.value, 0) + 1
                entry = self._entry(found, None)
            if isinstance(entry, Refusal):
                refused.append(entry)
            else:
                batch.orders.append(entry)
        for raw in () if self._plan.ledger_only else found.events:
            event = pipeline.run(raw, self._origin)
            if isinstance(event, Refusal):
                refused.append(event)
            else:
                batch.events.append(event)
        problems = [self._problem(found, refusal) for refusal in refused]
        for problem in problems:
            self._summary.add(problem, False)
        return problems

    def _entry(self, found: Found, copy: RawEvent | None) -> OrderEntry | Refusal:
        reading = Reading(
            kind="file", sender=self._file.sender, order=found.order, copy=copy, buyer=found.buyer, said=found.said
        )
        return entry_of(reading, self._origin, self._source, self._ring)

    def _problem(self, found: Found, refusal: Refusal) -> RowProblem:
        return RowProblem(
            file=self._file.path.name,
            row=found.row,
            column=refusal.path,
            expected=refusal.expected,
            got=refusal.got,
            reason=refusal.reason.value,
        )

    def _settle(self, batches: Sequence[Batch]) -> None:
        """What has come back is on disk: it is counted and remembered."""
        mark = self._mark
        for batch in batches:
            mark.row = max(mark.row, batch.row)
            mark.new += batch.new
            mark.updated += batch.updated
            mark.already_known += len(batch.orders) - batch.new - batch.updated
            for reason, count in batch.not_sendable.items():
                mark.not_sendable[reason] = mark.not_sendable.get(reason, 0) + count
            if not self._plan.dry_run:
                self._progress.write(mark)
        self._summary.not_sendable = mark.not_sendable

    def _report(self, report: ProblemReport | None, problems: list[RowProblem]) -> None:
        if report is not None:
            report.write(problems)
        problems.clear()

    def _stood_before(self, order_id: str) -> bool:
        digest = int.from_bytes(blake2b(order_id.encode(), digest_size=8).digest())
        if digest in self._seen:
            return True
        self._seen.add(digest)
        return False
