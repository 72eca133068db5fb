"""A folder that an older version left: the console brings it along where nobody has it, else it says whose turn it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from running_console import Running, configuration

from twofold.store.beside.folder import FolderLock
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.sqlite.database import FORM_OF_0_2, form_of

FOLDERS = Path(__file__).parents[1] / "store" / "folders"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """As version 0.2.0 left it, by its own code."""
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    for name in ("twofold.db", "erasures"):
        (folder / name).write_bytes(gzip.decompress((FOLDERS / f"0.2.0.{name}.gz").read_bytes()))
        (folder / name).chmod(0o600)
    assert form_of(folder) == FORM_OF_0_2
    return folder


@pytest.mark.process
def test_a_folder_that_nobody_has_is_brought_along(older: Path, tmp_path: Path) -> None:
    running = Running(older, configuration(tmp_path))
    try:
        assert form_of(older) == SCHEMA_VERSION
        owner = running.owner()
        assert [owner.get(path).status for path in ("/events", "/deliveries", "/refused")] == [200, 200, 200]
    finally:
        running.stop()


@pytest.mark.process
def test_a_folder_that_an_older_gateway_has_is_left_to_it(older: Path, tmp_path: Path) -> None:
    """The page says in words who has to do what, in the reader's language; log-in and pages without the store go on."""
    lock = FolderLock(older)
    running = Running(older, configuration(tmp_path))
    try:
        owner = running.owner()
        assert form_of(older) == FORM_OF_0_2
        answer = owner.get("/deliveries")
        assert answer.status == 503
        assert f"<code>twofold serve --config {tmp_path / 'twofold.toml'}</code> of this version" in answer.text
        assert "nothing is lost" in answer.text
        assert "nothing is lost" not in owner.get("/deliveries?language=ka").text
        assert owner.get("/docs").status == 200
        lock.release()
        assert "starts it again" in owner.get("/deliveries?language=en").text
        assert form_of(older) == FORM_OF_0_2
    finally:
        running.stop()
