"""Files beside the database: whole or not at all, never over another's, and a full disk is said as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.errors import StoreError, StoreFull
from twofold.store.beside.durable_file import append, create_whole, write_whole


def test_a_full_disk_is_said_as_one_and_a_missing_folder_is_not(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="No space left"):
        append(Path("/dev/full"), b"a line\n")
    for write in (append, write_whole, create_whole):
        with pytest.raises(StoreError) as said:
            write(tmp_path / "missing" / "file", b"a line\n")
        assert not isinstance(said.value, StoreFull)


def test_a_file_that_another_made_stays_and_an_empty_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n")
    create_whole(path, b"mine\n")
    create_whole(path, b"another's\n")
    assert path.read_bytes() == b"mine\n"
    assert path.stat().st_mode & 0o777 == 0o600
    append(path, b"more\n")
    assert path.read_bytes() == b"mine\nmore\n"
    write_whole(path, b"new\n")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"new\n")]


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        append(tmp_path / "file", b"a line\n")
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
