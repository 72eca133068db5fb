"""What of a folder `verify` watches: every table has a check that names an altered row, or a reason why it needs none."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest
from world import world

from twofold.report.verify import verify
from twofold.store.lines.filling import fill_some
from twofold.store.sqlite.database import Engine, expected_schema

CHECKS = {
    "action": "actions say what their copies say",
    "attempt": "attempts are what was tried",
    "audit": "entries of the log follow each other unaltered",
    "copy": "copies of actions = journalled",
    "counter": "accepted = journalled",
    "delivery": "settlements are what was settled",
    "erasure": "erasures that are not in the file erasures",
    "event": "journal rows follow each other unaltered",
    "frozen": "frozen bytes are what was frozen",
    "journal_day": "days of the journal begin where they began",
    "line": "lines are what was told",
    "line_again": "lines with several states that are not marked so",
    "line_book": "accounts and batches of lines that are not listed",
    "line_file": "imports of files are what was written",
    "line_key": "keys of lines are those of their lines",
    "line_text": "kept texts of lines are what was written",
    "meta": "secrets other than the one that browsers and buyers were keyed with",
    "order_fact": "reports about orders are what was reported",
    "order_key": "keys of orders are those of their reports",
    "order_name": "names of orders lead where they led",
    "order_party": "buyers of orders are who bought",
    "orders": "orders are what their reports made of them",
    "redaction": "redacted rows are as they were left",
    "released": "deliveries that a person let through are those that were",
    "refused": "refused = sum by reason",
    "touch": "signs of visits are what was seen",
    "touch_link": "what leads from Purchases to signs is what was found",
}
NONE = {
    "browser": "for stitching, forgotten after people_days; no figure rests on it",
    "carried_over": "copies in the bytes of others: the bytes themselves have a digest",
    "changed_day": "what is to be made again; gone when it was",
    "destination": "names of the settings",
    "erased_id": "keyed digests of ids that come again; no figure rests on them",
    "erasure_action": "of an erasure under way",
    "erasure_key": "of an erasure under way",
    "erasure_order": "of an erasure under way",
    "erasure_row": "of an erasure under way",
    "line_load": "of a file that is being read",
    "line_load_day": "of a file that is being read",
    "progress": "how far a job has come",
    "retention_later": "how far a job has come",
    "sighting": "for stitching, forgotten after people_days; no figure rests on it",
    "superseded": "made of the copies' tiers",
    "visit": "for stitching, forgotten after people_days; no figure rests on it",
    "withdrawal": "stands in the file withdrawals, too, whose lines have digests",
    "word_index": "made of the journal",
    "word_index_stale": "made of the journal",
}
ALTERED = {
    "touch_link": (
        "update touch_link set kind = 'visitor'", "update touch_link set who = x'00'", "update touch_link set tier = tier + 1",
        "update touch_link set action = action + 100000", "update touch_link set received_at = received_at + 1",
    ),
    "touch": ("update touch set campaign = 'x' || slot", "update touch set at = at + 1"),
    "order_name": (
        "update order_name set order_row = order_row + 1", "update order_name set order_row = order_row | (1 << 40)",
        "update order_name set name = zeroblob(16)", "update order_name set crc = crc + 1",
    ),
    "order_party": ("update order_party set placed_at = placed_at + 1", "update order_party set kind = 'phone'"),
    "journal_day": ("update journal_day set day = day + 2", "update journal_day set first_position = first_position + 100000"),
    "line": ("update line set day = day + 1",),
    "line_book": ("update line_book set first_day = first_day + 1", "update line_book set last_day = last_day - 1",
                  "update line_book set form = 'x'"),
    "order_key": ("update order_key set key = key + 1", "update order_key set order_row = order_row + 1", "delete from order_key"),
    "orders": ("update orders set placed_at = placed_at + 1",),
}  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived")
    with world(folder, 7) as one:
        one.live(60)
    return folder


def test_every_table_has_a_check_or_a_reason(lived: Path) -> None:
    tables = {name for name, sql in expected_schema().items() if sql.lower().startswith("create table")}
    assert CHECKS.keys() | NONE.keys() == tables
    assert not CHECKS.keys() & NONE.keys()
    checks = verify(lived)
    assert [c.line for c in checks if not c.holds] == []
    assert set(CHECKS.values()) <= {c.name for c in checks}


@pytest.mark.parametrize(
    ("table", "sql"), [(table, sql) for table, several in ALTERED.items() for sql in several], ids=lambda v: v[:50]
)
def test_an_altered_row_is_named(lived: Path, tmp_path: Path, table: str, sql: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(lived, folder)
    db = apsw.Connection(str(folder / "twofold.db"))
    row = f"(select {', '.join(_key(db, table))} from {table} limit 1)"
    db.execute(f"{sql} where ({', '.join(_key(db, table))}) in {row}")
    assert db.changes() == 1
    db.close()
    assert CHECKS[table] in [c.name for c in verify(folder) if not c.holds]


def _key(db: apsw.Connection, table: str) -> list[str]:
    return [name for _, name, *_, key in db.execute(f"pragma table_info({table})") if key]


def test_orders_and_lines_of_an_older_folder_are_taken_in_when_it_is_opened(lived: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(lived, folder)
    db = apsw.Connection(str(folder / "twofold.db"))
    tables = ("line_key", "line_book", "order_key")
    before = {table: sorted(db.execute(f"select * from {table}")) for table in tables}
    for table in tables:
        db.execute(f"delete from {table}")
    for what, of in (("orders", "orders"), ("lines", "line")):
        db.execute(f"update progress set value = (select max(id) from {of}) where name = 'ties_{what}_end'")
    db.close()
    assert not {"keys of orders are all there", CHECKS["line_book"]} & {c.name for c in verify(folder)}
    engine = Engine(folder)
    while fill_some(engine):
        pass
    after = {table: sorted(engine.script(f"select * from {table}")) for table in tables}
    engine.close()
    assert after == before
    assert all(before.values())
