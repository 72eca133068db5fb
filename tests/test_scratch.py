"""Folders that live as long as their process: what a kill leaves is taken away by the next one, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from twofold.scratch import LOCK, scratch_folder, sweep

PREFIX = "twofold-try-"
KILLED = f"""
import os, signal
from twofold.scratch import scratch_folder
with scratch_folder({PREFIX!r}) as folder:
    (folder / "profile").mkdir()
    (folder / "profile" / "cookies").write_text("x")
    print(folder, flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_folder_ends_with_what_it_was_for(place: Path) -> None:
    """Also when that fails; a second one beside it lives on."""
    with scratch_folder(PREFIX) as kept:
        with pytest.raises(FileNotFoundError):
            fails_within(place, kept.name)
        assert [p.name for p in place.iterdir()] == [kept.name]
    assert list(place.iterdir()) == []


def fails_within(place: Path, other: str) -> None:
    with scratch_folder(PREFIX) as folder:
        (folder / "page").write_text("x")
        assert {p.name for p in place.iterdir()} == {other, folder.name}
        (folder / "no such page").read_text()


def test_what_a_killed_process_left_is_taken_away_by_the_next(place: Path) -> None:
    """Not while that process lives, and nothing of another name, without the mark, or behind a link."""
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    left = Path(process.stdout.readline().strip())
    assert left.parent == place
    assert sweep(PREFIX) == 0
    assert (left / "profile" / "cookies").exists()
    process.communicate("now\n")
    assert left.exists()  # killed hard: nobody tidied up
    for name in (f"{PREFIX}unmarked", "another"):
        (place / name).mkdir()
    (place / "another" / LOCK).touch()
    (place / f"{PREFIX}link").symlink_to(place / "another")
    with scratch_folder(PREFIX) as fresh:
        assert {p.name for p in place.iterdir()} == {fresh.name, f"{PREFIX}unmarked", "another", f"{PREFIX}link"}
    assert (place / "another" / LOCK).exists()
