"""Events found by an id that one of their copies had: by the fold's key while it remembers, else from the table."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.store.copies import BROWSER, DAY, NOW, PLACE, SERVER, appended, copy
from twofold.privacy.export import actions_told

NAMES = {("1", "Purchase"), ("1", "Lead"), ("2", "Purchase")}


def test_an_id_finds_its_actions_by_the_key_of_the_fold(tmp_path: Path) -> None:
    """One id of two events is found twice; an id that only the later copy of an order had finds the order's action."""
    appended(
        tmp_path,
        [copy("one", name="Lead", value=None, currency=None), copy("one"), copy("browser", BROWSER, order="A1", **PLACE),
         copy("server", SERVER, order="A1", **PLACE), copy("one", dataset="2")],
    )  # fmt: skip
    forget_the_table(tmp_path)
    assert actions_told(tmp_path, "one", NAMES) == [1, 2, 5]
    assert actions_told(tmp_path, "browser", NAMES) == actions_told(tmp_path, "server", NAMES) == [3]


def test_an_id_that_the_fold_has_forgotten_or_never_knew_is_looked_for_in_the_table(tmp_path: Path) -> None:
    appended(tmp_path, [copy("old"), copy(None)])
    appended(tmp_path, [copy("new", at=NOW + 12 * DAY)], at=NOW + 12 * DAY)
    made_up = one(tmp_path, "select event_id from action where id = 2")
    assert not one(tmp_path, f"select count(*) from sqlite_schema where name = 'fold_{NOW // DAY}'")
    assert [actions_told(tmp_path, text, NAMES) for text in ("old", made_up, "new", "none")] == [[1], [2], [3], []]
    assert actions_told(tmp_path, "new", set()) == [3]  # of an event that nobody named yet


def forget_the_table(folder: Path) -> None:
    """So that what is found is found by the keys."""
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute("update action set event_id = 'another'")
    db.close()


def one(folder: Path, sql: str) -> object:
    db = apsw.Connection(str(folder / "twofold.db"))
    (found,) = db.execute(sql).fetchone()
    db.close()
    return found
