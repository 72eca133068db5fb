"""The form of the tables in a database, and the numbered steps from one form to the next.

Owns the two notes in `meta` that say it: which form the tables have, and from which form on a program may work with them. A step
that only adds (a table, an index, a column that may be empty) leaves the second as it is, so that gateways of the version before
go on beside those of the new one; docs/developers.md has the rule. Each step is one transaction: old or new, never between.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from psycopg import Connection

from twofold.errors import StoreError, StoreLocked, StoreNewer, StoreOlder
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.postgres.connection import Reader
from twofold.store.sqlite.statements import statement

log = logging.getLogger("twofold.store")

FORM, WORKS_FROM = "form", "form_works_from"
NOTES = (FORM, WORKS_FROM)
"""Rows of `meta` that are this engine's own."""
LOCK = 0x32464F4C
"""The advisory lock of whoever writes: exclusive for one process that is alone, shared by several. With a place's number, its."""
_OTHERS = (
    "select 1 from pg_locks where locktype = 'advisory' and classid = 0 and objid = $1::oid and objsubid = 1 and granted "
    "and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid() limit 1"
)
_FOR = re.compile(r"-- works from form (\d+)\n")


@cache
def steps() -> Mapping[int, str]:
    """The step that leads to each form from the one before. The first form here was 22, so there is none to it."""
    folder = resources.files("twofold.store.postgres").joinpath("migrations")
    files = folder.iterdir() if folder.is_dir() else iter(())
    return {int(f.name[:4]): f.read_text(encoding="utf-8") for f in files if f.name.endswith(".sql")}


def form_of(db: Reader) -> tuple[int, int]:
    """Which form the tables have, and from which form on a program may work with them."""
    notes = [db.execute(statement("select_meta"), (name,)).fetchone() for name in NOTES]
    form, works_from = (int(row[0]) if row else 0 for row in notes)
    return form, works_from or form


def require_form(db: Reader) -> None:
    """Raises `StoreError` where this version cannot work with the tables as they are."""
    form, works_from = form_of(db)
    if works_from > SCHEMA_VERSION:
        raise StoreNewer(
            f"the database has form {form}, which programs of form {works_from} and later work with; this one knows "
            f"{SCHEMA_VERSION}; upgrade Twofold"
        )
    if form < SCHEMA_VERSION:
        raise StoreOlder(
            f"the database has form {form}, this program {SCHEMA_VERSION}; start `twofold serve` once to bring it to this one"
        )


def bring_along(db: Connection[Any], known: Mapping[int, str], newest: int = SCHEMA_VERSION) -> None:
    """From the form that the tables have to the newest; nobody else takes steps meanwhile. Raises `StoreOlder`, and changes
    nothing, where a step is missing."""
    form, _ = form_of(Reader(db))
    missing = [step for step in range(form + 1, newest + 1) if step not in known]
    if missing:
        raise StoreOlder(f"the database has form {form}, this program {newest}; no step leads to form {missing[0]}")
    for step in range(form + 1, newest + 1):
        _take(db, step, known[step])
        log.info("the database is brought from form %d to %d", step - 1, step)


def _take(db: Connection[Any], step: int, text: str) -> None:
    """A lock that it does not get within the session's `lock_timeout` ends it: a gateway that runs is not held up for longer."""
    works_from = _FOR.match(text)
    if works_from is None:
        raise StoreError(f"internal: the step to form {step} does not say from which form on programs work with it")
    if int(works_from[1]) == step and db.execute(_OTHERS, (LOCK,)).fetchone() is not None:
        raise StoreLocked(
            f"programs of before cannot work with form {step}, and some of them have the database; stop every gateway, then start this one"
        )
    with db.transaction():
        db.execute("set local statement_timeout = 0")
        db.execute(text, prepare=False)
        for name, value in zip(NOTES, (step, int(works_from[1])), strict=True):
            db.execute(
                "insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
                (name, str(value)),
            )
