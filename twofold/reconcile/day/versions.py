"""A day as it was said before: after one, three, seven and twenty-eight days, each with the time at which it was made.

Owns the files of the folder `days` beside the store. They hold sums and no order; one that exists is never written again, so
what was said stays. Who reports a day makes the versions that are due; they carry the time that they really have.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.errors import StoreError
from twofold.reconcile.day.report import Day
from twofold.reconcile.day.values import Sum
from twofold.store.beside.durable_file import create_whole

AGES = (1, 3, 7, 28)
FOLDER = "days"
DAY_S = 86_400


class Said(Struct, frozen=True, kw_only=True):
    """One witness's bridge in sums."""

    witness: str
    basis_count: int
    basis: Decimal
    count: int | None
    amount: Decimal | None
    residual_count: int | None
    residual: Decimal | None


class Version(Struct, frozen=True, kw_only=True):
    """What was said of a day. ``age``: for how many days after it; ``as_of``: when it was made, Unix s."""

    day: str
    age: int
    as_of: int
    currency: str
    said: tuple[Said, ...]

    def of(self, witness: str) -> Said | None:
        return next((s for s in self.said if s.witness == witness), None)


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder(Version).decode


def kept_versions(folder: Path, day: str, dataset: str | None) -> list[Version]:
    """The versions of a day, the youngest first. A file that cannot be read is no version."""
    found = []
    for age in AGES:
        try:
            found.append(_decode(_path(folder, day, dataset, age).read_bytes()))
        except (OSError, msgspec.MsgspecError):
            continue
    return found


def due_ages(folder: Path, day: str, dataset: str | None, end: int, now: int) -> list[int]:
    """Ages that the day has reached and of which no version is kept. ``end``: when the day was over, Unix s."""
    return [a for a in AGES if now >= end + a * DAY_S and not _path(folder, day, dataset, a).exists()]


def keep_versions(folder: Path, report: Day, dataset: str | None, ages: Iterable[int], now: int) -> list[Version]:
    """Writes the report as the version of these ages; what cannot be written is left out."""
    found = []
    for age in ages:
        version = Version(day=report.day, age=age, as_of=now, currency=report.currency, said=_said(report))
        path = _path(folder, report.day, dataset, age)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            create_whole(path, _encode(version) + b"\n")
        except (OSError, StoreError):
            continue
        found.append(version)
    return found


def _said(report: Day) -> tuple[Said, ...]:
    found = []
    for bridge in report.bridges:
        basis = bridge.lines[0]
        assert isinstance(basis, Sum)
        found.append(
            Said(witness=bridge.witness, basis_count=basis.count, basis=basis.amount, count=bridge.count,
                 amount=bridge.amount, residual_count=bridge.residual_count, residual=bridge.residual)
        )  # fmt: skip
    return tuple(found)


def _path(folder: Path, day: str, dataset: str | None, age: int) -> Path:
    name = "".join(c if c.isalnum() else "-" for c in dataset) if dataset else "all"
    return folder / FOLDER / f"{day}.{name}.{age}.json"
