"""`verify` names what was altered, lost or added among lines of money."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from tests.importing.statements.test_import_lines import HEAD, Folder, payout, take_here
from twofold.report.verify_lines import check_lines


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files, of which the second tells one line of the first otherwise, and a kept text."""
    folder = Folder(tmp_path_factory.mktemp("lines"))
    take_here(folder, "payouts", folder.put("a.csv", HEAD + payout(1) + payout(2)))
    take_here(folder, "payouts", folder.put("b.csv", HEAD + payout(2, "130.00", "3.78", "126.22") + payout(3)))
    return folder.data


def failing(folder: Path, sql: str = "") -> set[str]:
    db = apsw.Connection(str(folder / "twofold.db"))
    try:
        if sql:
            db.execute(sql)
            assert db.changes() > 0
        return {name for name, left, right, _ in check_lines(db) if left != right}
    finally:
        db.close()


def test_what_was_written_holds(kept: Path) -> None:
    assert failing(kept) == set()


ALTERED = {
    "an amount": ("update line set body = cast(replace(cast(body as text), '120.00', '920.00') as blob) where id = 1", "lines are what was told"),
    "a day": ("update line set day = day + 1 where id = 1", "lines say what their columns say"),
    "a time of its own": ("update line set told_at = 5 where id = 1", "lines are what was told"),
    "another file's": ("update line set file = file + 1 where id = 1", "lines are what was told"),
    "a line that is gone": ("delete from line where id = 1", "lines of files = lines that the files brought"),
    "a line of no file": ("update line set file = 99 where id = 1", "lines of no file"),
    "a key that is gone": ("delete from line_key where line = 1 and key in (select min(key) from line_key where line = 1)",
                           "keys of lines are all there"),
    "a key that is another": ("update line_key set key = key + 1 where line = 1", "keys of lines are those of their lines"),
    "a mark that is gone": ("delete from line_again", "lines with several states that are not marked so"),
    "a file's counts": ("update line_file set facts = replace(facts, '\"refused\":0', '\"refused\":1')",
                        "imports of files are what was written"),
    "a file that is gone": ("delete from line_file where id = 1", "lines of no file"),
    "a text nobody wrote": ("insert into line_text (line, received_at, text, digest) values (1, 1, 'x', x'00')",
                            "kept texts of lines are what was written"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_named(kept: Path, tmp_path: Path, name: str) -> None:
    sql, check = ALTERED[name]
    copy = shutil.copytree(kept, tmp_path / "copy")
    assert check in failing(copy, sql)
