"""The browser tag: `twofold.js`, hand-written and served as it is, and the two facts its server needs.

Owns reading the file and the digest that names it. It does not serve: paths, cache headers and the
ETag belong to the collector. `versions/` is the place for frozen copies that a site can pin.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files


@cache
def source() -> bytes:
    """Return the tag as served: UTF-8 JavaScript, comments included. Read once per process."""
    return files(__name__).joinpath("twofold.js").read_bytes()


@cache
def digest() -> str:
    """Return the first 12 hex digits of the source's SHA-256: a URL with it may be cached for ever."""
    return sha256(source()).hexdigest()[:12]
