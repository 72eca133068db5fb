"""What one transaction of the store writes: the jobs that wait, and what each part forgets when it is rolled back.

Owns the order of the parts inside a transaction. When one begins and is committed is the engine's (`sqlite/commit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.store.engine import Job
from twofold.store.opened.parts import Parts


class Transaction:
    """What the jobs of one transaction write: appends through the journal, other work as it is."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def write(self, jobs: Sequence[Job]) -> list[Any]:
        """Runs the statements of all jobs, the appends first; one result a job."""
        self._parts.revisions.beside = all(job.beside for job in jobs)
        self._parts.revisions.catch_up()
        self._parts.folding.began()
        self._parts.changed.began()
        appended = iter(self._parts.appends.append([j for j in jobs if j.work is None]))
        results: list[Any] = []
        for job in jobs:
            if job.work is not None:
                results.append(job.work())
                continue
            done = next(appended)
            results.append(done.news if job.counts_orders else done.verdicts)
        self._parts.withdrawals.written()
        self._parts.changed.written()
        return results

    def flush(self) -> None:
        self._parts.withdrawals.flush()

    def committed(self) -> None:
        self._parts.watermark.mark(*self._parts.journal.committed())
        self._parts.outbox.committed()
        self._parts.revisions.committed()

    def rolled_back(self) -> None:
        self._parts.revisions.rolled_back()
        self._parts.journal.rolled_back()
        self._parts.folding.rolled_back()
        self._parts.outbox.rolled_back()
        self._parts.appends.rolled_back()
        self._parts.withdrawals.rolled_back()
        self._parts.index.reset()
        self._parts.changed.rolled_back()

    def reread(self) -> None:
        self.rolled_back()
        self._parts.journal.reread()
        self._parts.outbox.reread()
