"""What a person shows as evidence: a picture or a PDF, written anew so that nothing comes along with it.

Owns which files are taken and what is kept of them: of a picture its pixels (no place, no camera, no text, nothing behind its
end), of a PDF its pages without scripts, actions, forms, links, attachments and authors. Pillow and pypdf, both maintained and
permissively licensed. What is in the picture is not looked at: whoever shows it is told to hide people's data first.
"""

from __future__ import annotations

import io
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.errors import FileRefused
from twofold.store.beside.durable_file import write_whole

MOST_BYTES = 10 << 20
MOST_PIXELS = 40_000_000
MOST_PAGES = 50
SHOWN_PIXELS = 1_600
"""The longer side of the picture that is kept: a whole screen stays readable."""
TYPES = {"png": "image/png", "pdf": "application/pdf"}
_PAGE_PARTS = ("/AA", "/Annots", "/Metadata", "/PieceInfo", "/Thumb", "/B", "/Trans", "/PresSteps", "/AF")


class Upload(Struct, frozen=True, kw_only=True):
    """What is kept: a PNG or a PDF of ours. ``digest`` of its bytes; ``given`` of the bytes that came."""

    kind: str
    content: bytes
    digest: str
    given: str


def taken(content: bytes) -> Upload:
    """The file, written anew. Raises `FileRefused`; then nothing of it is kept."""
    if len(content) > MOST_BYTES:
        raise FileRefused(f"the file: expected at most {MOST_BYTES} bytes (10 MB), got {len(content)}")
    if content.startswith(b"%PDF-"):
        kind, kept = "pdf", _pdf(content)
    elif content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        kind, kept = "png", _picture(content)
    else:
        raise FileRefused("the file: expected PNG, JPEG or PDF, got something else")
    return Upload(kind=kind, content=kept, digest=sha256(kept).hexdigest(), given=sha256(content).hexdigest())


def keep(folder: Path, upload: Upload) -> Path:
    """On disk, under the name of its digest."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"upload-{upload.digest}.{upload.kind}"
    write_whole(path, upload.content)
    return path


def kept_upload(folder: Path, digest: str) -> tuple[str, bytes] | None:
    """Kind and bytes of a kept file; None where there is none, or it is not what was kept."""
    if len(digest) != 64 or not all(c in "0123456789abcdef" for c in digest):
        return None
    for kind in TYPES:
        path = folder / f"upload-{digest}.{kind}"
        if path.is_file():
            content = path.read_bytes()
            return (kind, content) if sha256(content).hexdigest() == digest else None
    return None


def _picture(content: bytes) -> bytes:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a picture that unpacks to very much is one that is refused
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
                wide, high = picture.size
                if wide * high > MOST_PIXELS:
                    raise FileRefused(f"the picture: expected at most {MOST_PIXELS} pixels, got {wide * high}")
                upright: Any = ImageOps.exif_transpose(picture).convert("RGB")
        upright.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
        # A new picture of the same pixels: whatever hung on the old one stays with it.
        fresh: Any = Image.new("RGB", upright.size)
        fresh.paste(upright)
        out = io.BytesIO()
        fresh.save(out, "PNG", optimize=False)
    except FileRefused:
        raise
    except Exception as err:
        raise FileRefused(
            f"the picture: expected a whole PNG or JPEG, got one that cannot be read ({type(err).__name__})"
        ) from None
    return out.getvalue()


def _pdf(content: bytes) -> bytes:
    from pypdf import PdfReader, PdfWriter

    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted:
            raise FileRefused("the PDF: expected one without a password, got one that is encrypted")
        pages = len(reader.pages)
        if not 1 <= pages <= MOST_PAGES:
            raise FileRefused(f"the PDF: expected 1 to {MOST_PAGES} pages, got {pages}")
        writer: Any = PdfWriter()
        for page in reader.pages:
            bare: Any = page
            for part in _PAGE_PARTS:
                if part in bare:
                    del bare[part]
            writer.add_page(bare)
        writer.metadata = None
        out = io.BytesIO()
        writer.write(out)
    except FileRefused:
        raise
    except Exception as err:
        raise FileRefused(
            f"the PDF: expected a whole one, got one that cannot be read ({type(err).__name__})"
        ) from None
    return out.getvalue()
