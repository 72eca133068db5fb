"""Bytes that are no UTF-8 as text: piece by piece as Windows-1252, and read once however many there are."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from twofold.event.mending import read_bytes

LOST = "�"
PIECES = [b"a", b'"', b"\0", "é".encode(), "ქ".encode(), "😀".encode(), b"\xe9", b"\x80", b"\x81", b"\xc1", b"\xff", b"\xe1\x83", b"\xf0\x9f\x98",
          b"\xf4\x90", b"\xed\xa0\x80"]  # fmt: skip


def by_piece(data: bytes) -> str:
    """The same by its definition: what the decoder stops at, one after the other."""
    data, text = data.replace(b"\xed\xa0\x80", LOST.encode()), ""
    while data:
        try:
            return text + data.decode()
        except UnicodeDecodeError as err:
            wrong = data[err.start : err.end]
            text += data[: err.start].decode() + (wrong.decode("cp1252", "replace") if len(wrong) == 1 else LOST)
            data = data[err.end :]
    return text


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
@example("Größe 5 – ქართული".encode() + b" caf\xe9")
def test_each_wrong_piece_is_read_by_itself(data: bytes) -> None:
    """What is right stays, a single byte is a letter of Windows-1252, half a character is lost."""
    assert read_bytes(data) == by_piece(data)


def test_a_long_text_is_read_once() -> None:
    """Thirty-six thousand letters of Latin-1 took four seconds, and four hundred thousand some minutes."""
    assert read_bytes(b"\xe9" * 400_000) == "é" * 400_000
    assert read_bytes(b"\xe9\xc3\xa9" * 100_000) == "éé" * 100_000
