"""What of a folder `verify` watches: every table has a check that names an altered row, or a reason why it needs none."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from world import world

from tests.store.test_flips import rows_of
from twofold.errors import StoreError
from twofold.report.verify import verify
from twofold.store.beside.watermark import seal
from twofold.store.lines.filling import fill_some
from twofold.store.sqlite.database import Engine, expected_schema
from twofold.store.touches.rows import TouchRows
from twofold.store.touches.signs import digest_of
from twofold.store.touches.whose import SLOT_S

CHECKS = {
    "action": "actions say what their copies say",
    "attempt": "attempts are what was tried",
    "browser": "browsers are what they said",
    "carried_over": "copies of others are those that were carried over",
    "changed_day": "days to be made again are those that were marked",
    "audit": "entries of the log follow each other unaltered",
    "copy": "later copies are listed with their actions",
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
    "order_path": "paths of orders are what was found to have led to them",
    "path_news": "what came late for a path is what came",
    "nameless": "nameless rows are what stood in paths that lost their order",
    "nameless_due": "orders that lose their path are those that were named",
    "order_party": "buyers of orders are who bought",
    "orders": "orders are what their reports made of them",
    "redaction": "redacted rows are as they were left",
    "released": "deliveries that a person let through are those that were",
    "told_value": "values that destinations were told are those that were worked out",
    "refused": "refused = sum by reason",
    "sighting": "identifiers lead to the browsers they were seen with",
    "superseded": "actions stand for those that they stood for",
    "visit": "visits are what was seen of browsers",
    "touch": "signs of visits are what was seen",
    "touch_link": "what leads from Purchases to signs is what was found",
    "touch_place": "signs of visits are found by whose they are",
    "touch_tail": "signs of visits are found by whose they are",
}
NONE = {
    "destination": "names of the settings",
    "duty": "of processes that share a database; empty in a folder",
    "erased_id": "keyed digests of ids that come again; no figure rests on them",
    "erasure_action": "of an erasure under way",
    "erasure_key": "of an erasure under way",
    "erasure_order": "of an erasure under way",
    "erasure_row": "of an erasure under way",
    "fetch_door": "how far a source is asked; behind it its list says the same again",
    "fetch_seen": "what a list showed of late; what is not known is asked for once more",
    "fetch_wanted": "names to be asked for: a name that was altered is known to nobody, and stands among what was refused",
    "held_key": "of processes that share a database; empty in a folder",
    "line_load": "of a file that is being read",
    "line_load_day": "of a file that is being read",
    "progress": "how far a job has come",
    "retention_later": "how far a job has come",
    "revision": "of processes that share a database; empty in a folder",
    "trace": "lines of the log, for whoever looks for a request; no figure rests on it",
    "withdrawal": "stands in the file withdrawals, too, whose lines have digests",
    "word_index": "made of the journal",
    "word_index_stale": "made of the journal",
    "worker": "of processes that share a database; empty in a folder",
}
ALTERED = {
    "browser": ("update browser set consent = 'granted:' || id", "update browser set visits = visits + 1",
                "update browser set fbp = 'fb.1.1.1'"),
    "visit": ("update visit set address = '203.0.113.77'", "update visit set from_at = from_at + 1",
              "update visit set slot = slot + 8"),
    "sighting": ("update sighting set browser = browser + 1024", "update sighting set tier = tier + 2",
                 "update sighting set first_at = first_at - 1", "update sighting set key = zeroblob(16)"),
    "copy": ("update copy set position = position - 1", "update copy set action = action + 1", "delete from copy"),
    "touch_link": (
        "update touch_link set kind = 'visitor'", "update touch_link set who = x'00'", "update touch_link set tier = tier + 1",
        "update touch_link set action = action + 100000", "update touch_link set received_at = received_at + 1",
    ),
    "touch": ("update touch set campaign = 'x' || slot", "update touch set at = at + 1"),
    "touch_place": ("update touch_place set touch = touch + 1", "update touch_place set slot = slot + 1",
                    "update touch_place set who = zeroblob(16)", "delete from touch_place"),
    "touch_tail": ("update touch_tail set placed = placed + 1", "update touch_tail set placed = placed - 1",
                   "update touch_tail set until = 0", "delete from touch_tail"),
    "order_name": (
        "update order_name set order_row = order_row + 1", "update order_name set order_row = order_row | (1 << 40)",
        "update order_name set name = zeroblob(16)", "update order_name set crc = crc + 1",
    ),
    "order_path": ("update order_path set told_at = told_at + 1", "update order_path set reason = 'x'",
                   "update order_path set touches = x'5b5d20'", "update order_path set order_row = order_row + 100000"),
    "order_party": ("update order_party set since = since + 1", "update order_party set kind = 'phone'"),
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
    engine = Engine(folder)
    signs = TouchRows(engine, enough=1, at_once=1)
    with engine.transaction():  # one sign that is listed, and a later one that is not yet
        signs.list_some()
        who, slot, key, dataset, at, *rest, _digest = engine.script("select * from touch")[0][1:]
        touch = (at + SLOT_S, *rest)
        signs.put([(who, slot + 1, key, dataset, *touch, digest_of(who, slot + 1, key, dataset, touch))])
    engine.close(lambda: seal(folder))
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


PAGE = 4096
SEAL = "changes to the database file since it was closed"
"""Finds each flip in a file that was closed in order; here the rows are to speak for themselves."""


@pytest.mark.parametrize(
    "table",
    [
        "browser",
        "carried_over",
        "changed_day",
        "copy",
        "order_name",
        "sighting",
        "superseded",
        "touch_link",
        "visit",
        "order_path",
    ],
)
def test_a_flipped_bit_in_a_row_is_found_without_the_seal(lived: Path, tmp_path: Path, table: str) -> None:
    """Twelve of twelve, drawn over the rows' own bytes on their pages: found by a check of the rows, or nothing was altered."""
    folder = tmp_path / "data"
    shutil.copytree(lived, folder)
    file = folder / "twofold.db"
    sound, before = file.read_bytes(), rows_of(folder)
    places = list(_bytes_of_rows(sound, folder, table))
    chance = random.Random(table)
    found = 0
    for _ in range(12):
        at, bit = chance.choice(places), chance.randrange(8)
        data = bytearray(sound)
        data[at] ^= 1 << bit
        file.write_bytes(bytes(data))
        if _is_named(folder):
            found += 1
        else:
            assert rows_of(folder) == before, f"byte {at}, bit {bit}"
    assert found >= 9, "of the bytes of rows few say nothing"


def _bytes_of_rows(data: bytes, folder: Path, table: str) -> Iterator[int]:
    db = apsw.Connection(str(folder / "twofold.db"), flags=apsw.SQLITE_OPEN_READONLY)
    pages = [n for (n,) in db.execute("select pageno from dbstat where name = ? and pagetype = 'leaf'", (table,))]
    db.close()
    for page in pages:
        start = (page - 1) * PAGE
        yield from range(start + int.from_bytes(data[start + 5 : start + 7]), start + PAGE)


def _is_named(folder: Path) -> bool:
    try:
        return any(not c.holds and c.name != SEAL for c in verify(folder))
    except StoreError:
        return True  # a page that cannot be read to its end


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
