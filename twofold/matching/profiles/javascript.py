"""Where JavaScript's text differs from Python's: white space, the unit of length, case-insensitive classes.

Only what the profiles of JavaScript originals need. Their regular expressions work on UTF-16 units without the u flag;
every one of them is a class of ASCII characters, so Python's work alike once its own Unicode classes are avoided.
"""

from __future__ import annotations

import re

WHITE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""JavaScript's \\s and trim, for use inside a class. Python's has U+001C to U+001F and U+0085 too, and not U+FEFF."""

_TRIM = re.compile(f"^[{WHITE}]+|[{WHITE}]+$")
_SPACE = re.compile(f"[{WHITE}]+")
_DIGEST = re.compile(r"[a-fA-F0-9]{64}|[a-fA-F0-9]{32}")


def trim(text: str) -> str:
    """String.prototype.trim."""
    if text.isascii():
        return text.strip("\t\n\v\f\r ")
    return _TRIM.sub("", text)


def without_space(text: str) -> str:
    """Every run of white space removed."""
    return _SPACE.sub("", text)


def length(text: str) -> int:
    """In UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_digest(text: str) -> bool:
    """32 or 64 hexadecimal characters of either case."""
    return _DIGEST.fullmatch(text) is not None
