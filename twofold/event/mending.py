"""Broken, overlong and hostile text: the text is cut or left out with its reason, never the event it stands in.

Owns what becomes of a text that no store or platform can keep. Bytes that are no UTF-8 are read as Windows-1252, which is
what pages write that call themselves Latin-1 (WHATWG Encoding, "Names and labels"); half a character that was cut off, a
lone surrogate and NUL are taken out. An id is never cut, as two ids would become one: it gets a stand-in of its own.
"""

from __future__ import annotations

import codecs
import re
from hashlib import blake2b
from typing import Any

MAX_STRING = 8_192  # characters

# A surrogate that was encoded like a character of its own, as some languages do.
_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.S
)
_LITERAL = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_NO_NUMBER = re.compile(_LITERAL.pattern + rb"|-?\bInfinity\b|\bNaN\b", re.S)  # as Python's json writes them
_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ZEROS = {
    ".0.0": "utf-16-le",
    "0.0.": "utf-16-be",
    ".000": "utf-32-le",
    "000.": "utf-32-be",
}
_LOST = "\ufffd"  # Unicode's own word for what could not be read
_LOST_JSON = b"\\ufffd"
_IDS = frozenset({"event_id", "eid", "order_id", "cd[order_id]"})
_BODIES = re.compile(r"data|events|(?:data|events)?\[\d+\]")  # events as JSON texts: each is read by itself
_KEYS = frozenset({"access_token", "appsecret_proof"})  # compared as they are, and not kept
# Of such a text a part is another person's: it is left out, and never hashed without what was lost.
_PERSON = re.compile(
    r"(?:^|\.)(?:user_data|customer|customer_details|billing|shipping|billing_address|shipping_address)\.|^udff?\["
    r"|(?:^|\.)(?:\w*email|phone|first_name|last_name)(?:\[\d+\])?$"
)
_OF_A_BROWSER = ("user_agent", "ud[client_user_agent]")
_ITEM = re.compile(r"(?:data|events)\[(\d+)\]\.?(.*)", re.S)

NOT_UTF8 = "bytes that are no UTF-8 were read as Windows-1252"


class Mender:
    """Mends the texts of one request and keeps what it did: (path, sentence)."""

    def __init__(self, max_string: int = MAX_STRING) -> None:
        self.max_string = max_string
        self.notes: list[tuple[str, str]] = []
        self.reread = False  # the whole body had to be mended before it could be decoded
        self.not_utf8 = False

    def is_whole(self, text: str) -> bool:
        return len(text) <= self.max_string and "\0" not in text and not (self.reread and _LOST in text)

    def text(self, path: str, text: str) -> str | None:
        """The text as it can be kept; None where it is to be left out."""
        if path in _KEYS or _BODIES.fullmatch(path):
            return text
        name, person = path.rpartition(".")[2], _PERSON.search(path) is not None
        clean = text.replace("\0", "").replace(_LOST, "")
        if clean != text:
            inside = text.strip("\0" + _LOST) != clean
            if (person and inside) or not clean:
                self.notes.append((path, "characters that no text can hold; left out"))
                return None
            self.notes.append((path, "characters that no text can hold; taken out"))
        if len(clean) <= self.max_string:
            return clean
        said = f"{len(text)} characters where {self.max_string} are kept"
        if name in _IDS:
            self.notes.append((path, f"{said}; replaced by a short id"))
            return stand_in(clean)
        if person and not path.endswith(_OF_A_BROWSER):
            self.notes.append((path, f"{said}; left out"))
            return None
        self.notes.append((path, f"{said}; cut"))
        return clean[: self.max_string]

    def number(self, path: str, digits: str) -> str | None:
        """The digits of a number that is longer than any is kept: an id stays exact by them, an amount is none."""
        names_somebody = _PERSON.search(path) is not None and not path.endswith("id")
        kept = len(digits) <= self.max_string and not names_somebody
        self.notes.append((path, f"a number of {len(digits)} characters; {'read as text' if kept else 'left out'}"))
        return digits if kept else None

    def leave_out(self, path: str) -> None:
        """For a field whose name cannot be kept."""
        self.notes.append((path, "a field whose name is no name; left out"))

    def mend_fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of a form or a query."""
        mended: dict[str, Any] = {}
        for name, value in fields.items():
            if not self.is_whole(name):
                self.leave_out("…")
                continue
            kept = value if type(value) is not str or self.is_whole(value) else self.text(name, value)
            if kept is not None:
                mended[name] = kept
        return mended

    def adopt(self, inner: Mender, where: str) -> None:
        """What was mended in a part that was read by itself."""
        self.reread |= inner.reread
        self.not_utf8 |= inner.not_utf8
        self.notes += [(f"{where}.{path}" if path[:1] not in ("", "[") else where + path, s) for path, s in inner.notes]

    def by_event(self) -> tuple[list[str], dict[int, list[str]]]:
        """What to say of the request, and of each of its events by index."""
        if not self.notes and not self.not_utf8:
            return [], {}
        whole = [NOT_UTF8] if self.not_utf8 else []
        each: dict[int, list[str]] = {}
        for path, sentence in self.notes:
            item = _ITEM.fullmatch(path)
            if item:
                each.setdefault(int(item[1]), []).append(f"{item[2] or 'the event'}: {sentence}")
            else:
                whole.append(f"{path or 'the body'}: {sentence}")
        return whole, each

    def sentences(self) -> list[str]:
        """All of it, for a request of one event."""
        if not self.notes and not self.not_utf8:
            return []
        return [*([NOT_UTF8] if self.not_utf8 else []), *(f"{path}: {sentence}" for path, sentence in self.notes)]


def stand_in(text: str) -> str:
    """A short id for one that cannot be kept: equal ids stay equal, different ones different, and nobody is named."""
    return f"tf-id-{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def mend_json(body: bytes) -> bytes:
    """JSON that a strict reader can decode, where only the texts were at fault; what was lost is U+FFFD."""
    wide = _wide_name(body)
    if wide:
        body = body.decode(wide, "replace").encode()
    body = read_bytes(body.removeprefix(b"\xef\xbb\xbf").rstrip(b"\0")).encode()
    if _CONTROL.search(body):
        body = _LITERAL.sub(lambda m: _CONTROL.sub(lambda c: b"\\u%04x" % c[0][0], m[0]), body)
    if b"NaN" in body or b"Infinity" in body:
        body = _NO_NUMBER.sub(lambda m: m[0] if m[0][:1] == b'"' else b'"%b"' % m[0], body)
    if b"\\u" in body:
        body = _ESCAPE.sub(lambda m: _LOST_JSON if len(m[0]) == 6 else m[0], body)
    return body


def _wide_name(body: bytes) -> str:
    """UTF-16 or UTF-32 by its mark, or by where the NULs stand beside the first two characters (RFC 4627, 3), as a file of
    Windows PowerShell is written; empty for everything else."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return name
    return _ZEROS.get("".join("0" if byte == 0 else "." for byte in body[:4]), "")


def read_bytes(data: bytes) -> str:
    """Text of bytes in UTF-8; what is none is read as Windows-1252, and half a character is lost."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    return _ENCODED_SURROGATE.sub(_LOST.encode(), data).decode(errors=_MENDED)


# From a wrong byte on to where a character of several bytes may begin.
_SINGLE = re.compile(rb"(?:[\x00-\xc1\xf5-\xff]|[\xc2-\xf4](?![\x80-\xbf]))++")


def _mended(err: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that are no UTF-8, and where to go on: called in the middle of one reading, so that a long text of them
    is not begun anew at each."""
    assert isinstance(err, UnicodeDecodeError)
    if err.end - err.start > 1:
        return _LOST, err.end
    single = _SINGLE.match(err.object, err.start)
    end = single.end() if single else err.end
    return err.object[err.start : end].decode("cp1252", "replace"), end


_MENDED = "twofold-mended"
codecs.register_error(_MENDED, _mended)
