"""What a person showed for an acceptance run, and its packets: taken off the wire, and given out so that nothing in it can act.

Owns the limits of such a file on its way in, and the headers on its way out: a picture opens in a sandboxed frame of our own page and nowhere
else, everything besides is a download. What becomes of the bytes is `acceptance.seen.upload`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from twofold.acceptance.packet.finish import packet_file
from twofold.acceptance.run import place_of
from twofold.acceptance.seen.upload import MOST_BYTES, TYPES, kept_upload
from twofold.console.access.guard import HEADERS
from twofold.console.dropped.form import Upload
from twofold.errors import NotHere

FRAMED: Mapping[str, str] = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}
FRAMES = HEADERS["content-security-policy"] + "; frame-src 'self'"
"""Of the page that shows them."""
_CODE, _DIGEST, _FILE = (
    re.compile(r"[A-Z]{8}"),
    re.compile(r"[0-9a-f]{64}"),
    re.compile(r"([0-9a-f]{16})\.(json|html|pdf)"),
)
_KINDS = {"json": "application/json", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}


class Taking:
    """One file on its way in, whole in memory: 10 MB at most."""

    def __init__(self, content_type: str, allowed: Callable[[dict[str, str]], None]) -> None:
        """``allowed`` raises for a form that is not ours, before a byte of the file is taken."""
        self._parts: list[bytes] = []

        def ready(fields: dict[str, str], _name: str) -> Callable[[bytes], None]:
            allowed(fields)
            return self._parts.append

        self.form = Upload(content_type, ready, MOST_BYTES)

    @property
    def content(self) -> bytes:
        return b"".join(self._parts)


def shown_file(folder: Path, path: Mapping[str, str], *, download: bool) -> tuple[bytes, str, dict[str, str]] | None:
    """Bytes, type and headers of what was shown; None where there is no such thing."""
    code, digest = path["code"], path["digest"]
    if not _CODE.fullmatch(code) or not _DIGEST.fullmatch(digest):
        return None
    found = kept_upload(place_of(folder, code), digest)
    if found is None:
        return None
    kind, content = found
    headers = dict(FRAMED)
    if download or kind != "png":  # a PDF needs a viewer, which a frame without rights has not
        headers["content-disposition"] = f'attachment; filename="shown-{digest[:12]}.{kind}"'
    return content, TYPES[kind], headers


def signed_file(folder: Path, path: Mapping[str, str]) -> tuple[bytes, str, dict[str, str]] | None:
    """The same of a packet: always a download, which is opened beside the console and not in it."""
    code, named = path["code"], _FILE.fullmatch(path["file"])
    if named is None or not _CODE.fullmatch(code):
        return None
    try:
        content = packet_file(folder, code, named[1], named[2])
    except NotHere:
        return None
    name = f"acceptance-{code}-{named[1][:8]}.{named[2]}"
    return content, _KINDS[named[2]], {**FRAMED, "content-disposition": f'attachment; filename="{name}"'}
