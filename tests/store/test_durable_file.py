"""Files beside the database: whole or not at all, never over another's, and a full disk is said as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from twofold.errors import StoreError, StoreFull
from twofold.store.beside.durable_file import append, append_line, create_whole, read_lines, with_check, write_whole


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


def test_what_a_crash_cut_off_is_passed_over_and_what_was_altered_is_counted(tmp_path: Path) -> None:
    """Every length that a crash can leave of a line, then every bit of a whole one: neither costs the neighbours."""

    def decode(line: bytes) -> Any:
        return msgspec.json.decode(line)

    path, lines = tmp_path / "file", [b'["aa",1]', b'["bb",22]', b'["cc",3]']
    for size in range(len(with_check(lines[1])) + 2):
        write_whole(path, b"first\n" + with_check(lines[0]) + b"\n")
        append(path, (b"\n" + with_check(lines[1]) + b"\n")[:size])
        append_line(path, lines[2])
        first, found, damaged = read_lines(path, decode)
        assert (first, found[0], found[-1], damaged) == (b"first", ["aa", 1], ["cc", 3], 0)
    write_whole(path, b"first\n")
    for line in lines:
        append_line(path, line)
    whole = path.read_bytes()
    begin = whole.index(lines[1])
    for bit in range(8 * len(with_check(lines[1]))):
        altered = bytearray(whole)
        altered[begin + bit // 8] ^= 1 << bit % 8
        write_whole(path, bytes(altered))
        _, found, damaged = read_lines(path, decode)
        assert ["aa", 1] in found
        assert ["cc", 3] in found
        assert damaged or ["bb", 22] in found


def test_lines_of_a_version_without_checks_are_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b'first\n["aa",1]\n\n["bb",2]\n\n["cc",\n["dd",4]\n\n{broken}\n')
    first, found, damaged = read_lines(tmp_path / "file", msgspec.json.decode)
    assert (first, found, damaged) == (b"first", [["aa", 1], ["bb", 2], ["dd", 4]], 1)
