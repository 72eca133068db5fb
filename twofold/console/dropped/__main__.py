"""The child process that reads a dropped file: ``python -m twofold.console.dropped``, its task on standard input.

Owns the way in and out, and how an answer looks. What is read and kept is `importing`'s, as the commands have it.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path, PosixPath
from typing import Any

import msgspec

from twofold.console.dropped.task import MEMORY_BYTES, Came, Far, Said, Task, Unread
from twofold.errors import ConfigError, FileRefused, TwofoldError
from twofold.facts.child import end_with_parent, step_back
from twofold.importing.guess import EVERY_KIND, ORDERS, SALES, guesses
from twofold.importing.plan import Plan
from twofold.importing.readers.tables import survey_file
from twofold.importing.run import import_file
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement

_EACH_S = 0.3
_WHERE = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
_OF_ORDERS = ("format", "source", "channel", "currency", "timezone", "decimal", "dates", "sheet")
_OF_LINES = ("format", "source", "account", "currency", "timezone", "decimal", "dates", "sheet")
encode = msgspec.json.Encoder(decimal_format="string", enc_hook=str).encode


class DroppedPath(PosixPath):
    """An open descriptor under the name that the file has where it came from: readers look at its end, messages at all of it."""

    shown: str
    digest: str

    @classmethod
    def of(cls, task: Task) -> DroppedPath:
        one = cls(f"{_WHERE}/{task.descriptor}")
        one.shown, one.digest = task.name, task.digest
        return one

    @property
    def name(self) -> str:
        return self.shown

    @property
    def suffix(self) -> str:
        return Path(self.shown).suffix

    @property
    def stem(self) -> str:
        return Path(self.shown).stem

    def resolve(self, strict: bool = False) -> Path:  # type: ignore[override]
        """How far an import came is remembered by its path: here by what the file holds."""
        del strict
        return Path("/dropped") / self.digest


def main() -> None:
    """Reads the task, reads the file, and says what it came to."""
    end_with_parent()
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no file of what was in memory
    os.umask(0o077)
    step_back()
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    path = DroppedPath.of(task)
    try:
        _say(_answer(task, path))
    except FileRefused as err:
        _say(Unread(why=_named(str(err), path), guesses=_guessed(path)))
    except (ConfigError, ValueError) as err:
        _say(Unread(why=_named(str(err), path), guesses=_guessed(path)))
    except TwofoldError as err:
        _say(Unread(why=_named(str(err), path)))
    except MemoryError:
        _say(Unread(why=f"{task.name}: it unpacks into more than fits into memory; save it as CSV"))


def _answer(task: Task, path: DroppedPath) -> Said:
    chosen = {name: value for name, value in task.chosen.items() if value}
    kind = chosen.get("kind", "")
    guessed = _guessed(path) if kind else _kinds(path)
    if not kind:
        if not guessed:
            return Unread(
                why=f"{task.name}: nothing in it says which kind of file it is; choose the kind", guesses=guessed
            )
        first = guessed[0]
        if len(guessed) > 1 and guessed[1]["signs"] == first["signs"]:
            return Unread(why=f"{task.name}: it could be of several kinds; choose the kind", guesses=guessed)
        kind = first["kind"]
    if kind not in EVERY_KIND:
        return Unread(why=f"kind: expected one of {', '.join(EVERY_KIND)}, got another", guesses=guessed)
    answer = _orders(task, path, kind, chosen) if kind in (ORDERS, SALES) else _lines(task, path, kind, chosen)
    return Came(answer={**answer, "kind": kind, "guesses": guessed})


def _orders(task: Task, path: DroppedPath, kind: str, chosen: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {name: chosen[name] for name in _OF_ORDERS if name in chosen}
    known = [d.id for d in task.settings.dataset]
    plan = Plan(
        path=path, dataset=chosen.get("dataset") or (known[0] if known else ""), sales=kind == SALES, dry_run=not task.keep,
        foretell=not task.keep, ledger_only=not chosen.get("send"), **options,
    )  # fmt: skip
    one = import_file(task.settings, plan, task.now_ms, _watch(lambda s: s.orders))
    money = [
        {"currency": currency, "lines": sums.orders, "gross": sums.total, "refunded": sums.refunded, "paid": sums.paid_total}
        for currency, sums in sorted(one.totals.items())
    ]  # fmt: skip
    return {
        **_common(one), "total": one.orders, "rows": one.rows, "known": one.already_known, "skipped": one.skipped, "money": money,
        "unbalanced": [], "since": "", "until": "", "young": one.young, "events": one.events, "recognised": one.recognised,
        "dataset": plan.dataset, "sent": bool(chosen.get("send")),
    }  # fmt: skip


def _lines(task: Task, path: DroppedPath, kind: str, chosen: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {name: chosen[name] for name in _OF_LINES if name in chosen}
    plan = StatementPlan(
        kind=kind, path=path, dry_run=not task.keep, foretell=not task.keep,
        **options,
    )  # fmt: skip
    one = import_statement(task.settings, plan, task.now_ms, _watch(lambda s: s.total))
    money = [{"currency": currency, **msgspec.structs.asdict(sums)} for currency, sums in sorted(one.totals.items())]
    return {
        **_common(one), "total": one.total, "rows": None, "known": one.known, "skipped": one.dropped, "money": money,
        "unbalanced": [msgspec.structs.asdict(u) for u in one.unbalanced], "since": one.since or "", "until": one.until or "",
        "young": None, "events": 0, "recognised": {}, "dataset": "", "sent": False,
    }  # fmt: skip


def _common(one: Any) -> dict[str, Any]:
    return {
        "format": one.format, "title": one.title, "digest": one.digest, "notes": list(one.notes), "new": one.new, "updated": one.updated,
        "refused": one.refused, "warnings": one.warnings,
        "problems": [
            {"kind": p.kind, "line": p.row, "column": p.column, "reason": p.reason, "expected": p.expected, "got": p.got}
            for p in one.problems
        ],
    }  # fmt: skip


def _kinds(path: DroppedPath) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(guess) for guess in guesses(path, survey_file(path))]


def _guessed(path: DroppedPath) -> list[dict[str, Any]]:
    try:
        return _kinds(path)
    except (FileRefused, MemoryError):
        return []


def _watch(rows_of: Any) -> Any:
    last = [0.0]

    def watch(read: int, summary: Any) -> None:
        now = time.monotonic()
        if now - last[0] >= _EACH_S:
            last[0] = now
            _say(Far(read=read, rows=rows_of(summary)))

    return watch


def _named(text: str, path: DroppedPath) -> str:
    """A message about the descriptor is one about the file."""
    return text.replace(str(path), path.shown)


def _say(said: Said) -> None:
    sys.stdout.buffer.write(encode(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
