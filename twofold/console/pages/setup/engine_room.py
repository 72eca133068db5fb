"""Engine room: does it run, is it backed up? One line each, with what mends it; and on a click all that the doctor sees.

Owns the lines; from when on one is a LOOK or a DO is the doctor's limit, so that both say the same. The doctor's are `setup.doctor`'s, in its own words: it asks
the platforms and the shop's pages and sends a test event, so it is an act (`acts.doctor`) and no reading. Role: for the algorithm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold import __version__
from twofold.config import Settings
from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.running import Answer, answers_of, backup_of, disk_of
from twofold.console.queries.secrets import names_of
from twofold.report.period import journal_of
from twofold.setup.doctor.machine import BACKUP_DAYS, DAY_S, FULL_BYTES, LOW_BYTES, SHORT_DAYS
from twofold.store.beside.folder import is_open
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.engines import is_embedded

COLUMNS = ("name", "about", "state", "said", "at", "mend", "role", "link")
OVERDUE_S = 300


class Line(Struct, frozen=True, kw_only=True):
    """``state``: ok, look, do. ``values`` stand in the sentence of its name; ``mend`` is a line to paste."""

    name: str
    state: str
    about: str = ""
    values: dict[str, Any] = {}
    at: int | None = None
    mend: str = ""


def read_engine_room(asked: Asked) -> Shown:
    """The lines, what is to be done first."""
    with journal_of(asked.folder) as journal:
        answers = {a.destination: a for a in answers_of(journal)}
        waiting = {name: (paused, count, due // 1000) for name, paused, count, due in journal.run("console_waiting")}
    names = list(dict.fromkeys([*(d.name for d in asked.settings.destination), *answers, *waiting]))
    lines = [
        _gateway(asked.settings),
        *(_destination(name, answers.get(name), waiting.get(name), asked.now) for name in names),
        *([] if names else [Line(name="no_destination", state="do", mend="twofold init")]),
        _queue(waiting, asked.now),
        _disk(asked.folder, asked.now),
        *_backup(asked.folder, asked.now),
        Line(name="version", state="ok", values={"version": __version__, "schema": SCHEMA_VERSION}),
    ]
    lines.sort(key=lambda line: ("do", "look", "ok").index(line.state))
    return Shown(
        columns=COLUMNS,
        rows=[_row(line) for line in lines],
        about={"do": sum(line.state == "do" for line in lines), "look": sum(line.state == "look" for line in lines)},
        figures={"lines": lines, "doctor": [], "taken": None, "secrets": names_of(asked.config), "do": [line for line in lines if line.state == "do"],
                 "look": [line for line in lines if line.state == "look"]},
    )  # fmt: skip


def _gateway(settings: Settings) -> Line:
    runs = is_open(Path(settings.server.data))
    return Line(name="gateway" if runs else "no_gateway", state="ok" if runs else "do", mend="" if runs else "twofold serve",
                values={"folder": settings.server.data})  # fmt: skip


def _destination(name: str, answer: Answer | None, waiting: tuple[str, int, int] | None, now: int) -> Line:
    paused, count, due = waiting or ("", 0, now)
    values = {"waiting": count, "paused": paused or "", "status": answer.status if answer else None,
              "code": answer.code if answer else ""}  # fmt: skip
    accepted = answer.accepted_at if answer else None
    if paused:
        return Line(name="paused", about=name, state="do", values=values, at=accepted, mend="twofold check")
    if count and now - due > OVERDUE_S:
        return Line(name="overdue", about=name, state="do", values=values, at=accepted, mend="twofold check")
    if answer is None:
        return Line(name="untried", about=name, state="look", values=values)
    if answer.outcome != "accepted":
        return Line(
            name="refusing",
            about=name,
            state="look",
            values=values,
            at=accepted,
            mend="twofold deliveries --state dead",
        )
    return Line(name="accepting", about=name, state="ok", values=values, at=accepted)


def _queue(waiting: dict[str, tuple[str, int, int]], now: int) -> Line:
    count = sum(n for _, n, _ in waiting.values())
    oldest = min((due for _, _, due in waiting.values()), default=now)
    late = now - oldest > OVERDUE_S
    return Line(
        name="queue", state="do" if late and count else "ok", values={"waiting": count}, at=oldest if count else None
    )


def _disk(folder: str, now: int) -> Line:
    disk = disk_of(folder, now)
    free = disk.free / disk.total if disk.total else 0.0
    few = disk.days_left is not None and disk.days_left < SHORT_DAYS
    state = "do" if disk.free < FULL_BYTES else "look" if disk.free < LOW_BYTES or few else "ok"
    values = {"free_gb": round(disk.free / 1e9, 1), "here_mb": round(disk.used_here / 1e6, 1), "share": round(free, 3),
              "days_left": disk.days_left}  # fmt: skip
    return Line(name="disk", state=state, values=values, mend="" if state == "ok" else "df -h")


def _backup(folder: str, now: int) -> list[Line]:
    if not is_embedded(Path(folder)):
        return [Line(name="servers_copies", state="ok", mend="")]
    last, behind = backup_of(folder)
    if not last.at:
        return [Line(name="no_backup", state="look", mend="twofold backup TARGET --erasures OTHER_TARGET")]
    old = now - last.at > BACKUP_DAYS * DAY_S
    found = [Line(name="backup", state="do" if old else "ok", about=last.place, at=last.at,
                  mend=f"twofold backup {last.place}" if old else "")]  # fmt: skip
    if behind:
        found.append(Line(name="erasures_behind", state="look", about=last.erasures_place, at=last.erasures_at or None,
                          mend="twofold backup TARGET --erasures OTHER_TARGET"))  # fmt: skip
    return found


def _row(line: Line) -> dict[str, Any]:
    return {
        "name": line.name, "about": line.about, "state": line.state, "said": line.values, "at": line.at, "mend": line.mend,
        "role": "signal", "link": "signalled",
    }  # fmt: skip


ENGINE_ROOM = Page(
    path="/engine-room", name="Engine room", room="set-up", right=Right.SETUP, template="setup/engine_room.html",
    read=read_engine_room, slow=True,
)  # fmt: skip
