"""What a person shows is written anew: only pixels, or only pages, are kept."""

from __future__ import annotations

import io
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from twofold.acceptance.seen.upload import MOST_BYTES, MOST_PAGES, SHOWN_PIXELS, keep, kept_upload, taken
from twofold.errors import FileRefused

SECRET = "nino.beridze@example.com"


def picture(kind: str, size: tuple[int, int] = (64, 48), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 120, 200)).save(out, kind, **more)
    return out.getvalue()


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif[0x0112] = 6  # lies on its side
    return picture("JPEG", exif=exif, icc_profile=SECRET.encode())  # the profile would be written along with the pixels


def with_text() -> bytes:
    info = PngInfo()
    info.add_text("Comment", SECRET)
    return picture("PNG", pnginfo=info) + SECRET.encode()


def pdf() -> bytes:
    """Two pages with everything that may hang on one."""
    writer = PdfWriter()
    for _ in range(2):
        page = writer.add_blank_page(200, 200)
        action = DictionaryObject(
            {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        )
        page[NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})
    writer.add_metadata({"/Author": SECRET})
    writer.root_object[NameObject("/OpenAction")] = action
    writer.add_attachment("peoplecsv", SECRET.encode())
    writer.add_uri(0, f"evilexample{SECRET}", (0, 0, 50, 50))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("given", [with_exif(), with_text()], ids=["jpeg with exif", "png with text and a tail"])
def test_of_a_picture_the_pixels_are_kept(given: bytes) -> None:
    """As PNG, upright, without a word of what came along."""
    assert SECRET.encode() in given
    kept = taken(given)
    assert kept.kind == "png"
    with Image.open(io.BytesIO(kept.content)) as shown:
        assert shown.info == {}
        assert shown.getpixel((5, 5))[2] > 150
        assert shown.size == ((48, 64) if given.startswith(b"\xff\xd8") else (64, 48))
    assert SECRET.encode() not in kept.content


def test_a_large_picture_becomes_one_that_can_be_read() -> None:
    with Image.open(io.BytesIO(taken(picture("PNG", (4000, 2000))).content)) as shown:
        assert shown.size == (SHOWN_PIXELS, SHOWN_PIXELS // 2)


def test_of_a_pdf_the_pages_are_kept() -> None:
    """No script, no action, no attachment, no link, no author."""
    given = pdf()
    for word in (b"JavaScript", b"peoplecsv", b"evilexample"):
        assert word in given
    kept = taken(given)
    reader = PdfReader(io.BytesIO(kept.content))
    assert len(reader.pages) == 2
    for word in (
        b"JavaScript",
        b"/JS",
        b"/AA",
        b"peoplecsv",
        b"evilexample",
        b"EmbeddedFile",
        b"/OpenAction",
        SECRET.encode(),
        b"/Author",
    ):
        assert word not in kept.content, word


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"GIF89a" + b"\0" * 40, "expected PNG, JPEG or PDF"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "expected PNG"),
        (picture("PNG")[:60], "cannot be read"), (b"\xff\xd8\xff" + b"x" * 100, "cannot be read"), (b"%PDF-1.7\nnothing", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_BYTES, "at most 10485760 bytes"), (picture("PNG", (8000, 6000)), "pixels"), (b"", "expected PNG"),
    ],
    ids=["gif", "svg", "cut png", "no jpeg", "no pdf", "too large", "too many pixels", "empty"],
)  # fmt: skip
def test_what_is_not_taken_is_refused(given: bytes, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        taken(given)


def test_a_pdf_of_more_pages_than_anybody_looks_at_is_refused() -> None:
    for pages, refused in ((MOST_PAGES, False), (MOST_PAGES + 1, True)):
        writer, out = PdfWriter(), io.BytesIO()
        for _ in range(pages):
            writer.add_blank_page(10, 10)
        writer.write(out)
        with pytest.raises(FileRefused, match="expected 1 to 50 pages, got 51") if refused else nullcontext():
            assert taken(out.getvalue()).kind == "pdf"


def test_a_file_of_just_ten_megabytes_is_taken_and_kept_as_it_is(tmp_path: Path) -> None:
    """By its digest; one that was changed on disk is none, nor is a name that is no digest."""
    small = picture("PNG")
    kept = taken(small + b"\0" * (MOST_BYTES - len(small)))
    path = keep(tmp_path / "run", kept)
    assert kept_upload(tmp_path / "run", kept.digest) == ("png", kept.content)
    assert kept_upload(tmp_path / "run", f"../run/{kept.digest}"[:64]) is None
    path.write_bytes(kept.content[:-1] + b"\0")
    assert kept_upload(tmp_path / "run", kept.digest) is None


def test_an_encrypted_pdf_is_refused() -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(FileRefused, match="password"):
        taken(out.getvalue())
