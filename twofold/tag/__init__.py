"""The browser tag: `twofold.js`, hand-written and served line by line as it is, and the two facts its server needs.

Owns reading the file, leaving out what is for readers only, and the digest that names it. It does not serve: paths,
cache headers and the ETag belong to the collector. `versions/` is the place for frozen copies that a site can pin.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

# A comment is a line of its own, or holds no quote, so that no text of the tag can look like one.
_COMMENT = re.compile(r"^//.*$| +// [^'\"`]*$")


@cache
def source() -> bytes:
    """Return the tag as served: UTF-8 JavaScript without indentation and comments. Read once per process."""
    text = files(__name__).joinpath("twofold.js").read_text("utf-8")
    lines = [_COMMENT.sub("", line.strip()) for line in text.splitlines()[1:]]
    return "\n".join([text.splitlines()[0], *filter(None, lines), ""]).encode()


@cache
def digest() -> str:
    """Return the first 12 hex digits of the source's SHA-256: a URL with it may be cached for ever."""
    return sha256(source()).hexdigest()[:12]
