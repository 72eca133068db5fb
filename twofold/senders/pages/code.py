"""The scripts, images and frames of a page's source, and the code of a script without its comments. In one pass, also of hostile text.

Owns reading; what any of it means is `page`'s. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from msgspec import Struct

MOST_ELEMENTS = 5_000
_NEXT = re.compile(r"<!--|<(script|img|iframe)\b", re.I | re.A)
_END = re.compile(r"</script", re.I | re.A)
_TAG_END = re.compile(r"""(?:"[^"]*"|'[^']*'|[^'">])*+>""")
_ATTRIBUTE = re.compile(r"""([\w:-]{1,60})\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.A)
_NO_CODE = re.compile(r"json|template|x-handlebars|text/html", re.I)
# What begins a text or a comment of JavaScript. A text ends with its line, so one quote too many spoils one line only.
_TOKEN = re.compile(r""""(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`(?:[^`\\]|\\.)*+`|(?<![:\\])//[^\n]*+|/\*""", re.S)


class Element(Struct, frozen=True):
    """``code``: what stands between the tags of a script. ``label``: its id, or without one the comments right before it, in lower case."""

    tag: str
    src: str = ""
    code: str = ""
    label: str = ""


def elements(html: str) -> Iterator[Element]:
    """In their order, at most `MOST_ELEMENTS`. What stands in comments is none; of scripts, data is none."""
    at, comment = 0, ""
    for _ in range(MOST_ELEMENTS):
        found = _NEXT.search(html, at)
        if found is None:
            return
        if found[1] is None:
            end = html.find("-->", found.end())
            if end < 0:
                return  # the rest of the page is a comment
            before = comment if html[at : found.start()].isspace() or at == found.start() else ""
            comment, at = f"{before} {html[found.end() : end][:200].strip()}"[-400:], end + 3
            continue
        tag = found[1].lower()
        inside = _TAG_END.match(html, found.end())
        at = inside.end() if inside is not None else html.find(">", found.end()) + 1 or len(html)
        given = {m[1].lower(): unescape(m[2].strip("\"'")) for m in _ATTRIBUTE.finditer(html[found.end() : at])}
        label = (given.get("id", "") or comment).strip().lower()
        comment = ""  # it speaks of what follows it, and of nothing behind that
        if tag != "script":
            yield Element(tag, given.get("src", ""), "", label)
            continue
        closing = _END.search(html, at)
        stop = closing.start() if closing is not None else len(html)
        if not _NO_CODE.search(given.get("type", "")):
            yield Element(tag, given.get("src", ""), without_comments(html[at:stop]), label)
        at = stop


def without_comments(code: str) -> str:
    """The code with its comments taken out: a snippet that was commented out sends nothing."""
    if "//" not in code and "/*" not in code:
        return code
    kept, at = [], 0
    while (found := _TOKEN.search(code, at)) is not None:
        if found[0].startswith("//"):
            kept.append(code[at : found.start()])
            at = found.end()
        elif found[0] == "/*":
            kept.append(code[at : found.start()])
            end = code.find("*/", found.end())
            if end < 0:
                return "".join(kept)
            at = end + 2
        else:
            kept.append(code[at : found.end()])
            at = found.end()
    return "".join((*kept, code[at:]))
