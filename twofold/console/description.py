"""The console's JSON addresses as an OpenAPI description, made from the pages themselves.

Owns that description: every page that is there also answers as JSON lines under its path with `.json`. It is served to whoever is
logged in, as nobody else learns which pages there are, and stands in docs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from twofold import __version__
from twofold.console.pages.page import Page
from twofold.console.queries.period import CHOICES
from twofold.console.words import LANGUAGES

LINES = "application/x-ndjson"


def describe_console(pages: Sequence[Page], root: str) -> dict[str, Any]:
    """The description of these pages under ``root``."""
    paths = {f"{root}{_plain(page.path)}.json": {"get": _operation(page)} for page in pages}
    paths[f"{root}/openapi.json"] = {
        "get": {
            "operationId": "readDescription",
            "summary": "This description.",
            "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}},
                          **_NOT_IN},
        }
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Twofold console",
            "version": __version__,
            "description": "The rows of each page, one JSON object a line; the first says what the page is about. An unknown choice is "
            "refused with the known ones.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "__Host-twofold"}},
        },
        "security": [{"session": []}],
    }


def _plain(path: str) -> str:
    """A path as OpenAPI writes it: without the kind of a part."""
    return re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", path)


_HTML = {"text/html": {"schema": {"type": "string"}}}
_NOT_IN = {"401": {"description": "Not logged in: the page to log in, at every address alike.", "content": _HTML}}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["expected", "got", "where"],
                             "properties": {"where": {"type": "string"}, "expected": {}, "got": {}}}},
}  # fmt: skip
_WRONG = {
    "400": {
        "description": "An unknown choice, with the known ones.",
        "content": {"application/json": {"schema": _ERROR}},
    },
    "404": {"description": "There is no such thing, or it is not for this role.", "content": _HTML},
    "503": {
        "description": "It cannot be read now, or is being worked out: what is said names it.",
        "content": {"application/json": {"schema": _ERROR}, **_HTML},
    },
}


def _operation(page: Page) -> dict[str, Any]:
    inside = [
        {"name": name, "in": "path", "required": True,
         "schema": {"type": "integer", "minimum": 0, "maximum": 2**53} if kind == ":int" else {"type": "string", "minLength": 1}}
        for name, kind in re.findall(r"\{(\w+)(:\w+)?\}", page.path)
    ]  # fmt: skip
    lines = {"schema": {"type": "string", "description": "JSON lines; the field `row` says what each is."}}
    name = "read" + "".join(part.title() for part in re.findall(r"\w+", re.sub(r":\w+", "", page.path)))
    return {
        "operationId": name,
        "summary": f"{page.name or name}: the rows of the page. Right: {page.right.value}.",
        "parameters": [*inside, _PERIOD, _LANGUAGE],
        "responses": {"200": {"description": "The rows.", "content": {LINES: lines}}, **_NOT_IN, **_WRONG},
    }


_PERIOD: dict[str, Any] = {"name": "period", "in": "query", "schema": {"enum": list(CHOICES)}}
_LANGUAGE: dict[str, Any] = {"name": "language", "in": "query", "schema": {"enum": list(LANGUAGES)}}
