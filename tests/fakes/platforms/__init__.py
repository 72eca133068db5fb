"""Platforms that refuse what their documents say is refused, in their words. One file each; served by `fakes.graph.FakeGraph`.

Each file has a class whose instance is a script (`Recorded` to `Reply`) and keeps what it took. What a platform's documents do not
say, a stand-in does not make up: it takes it, and its file says so.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.graph import Recorded, Reply


def path_of(request: Recorded) -> str:
    return urlsplit(request.path).path


def query_of(request: Recorded) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query, keep_blank_values=True).items()}


def tree_of(request: Recorded) -> Any:
    """The body's JSON; None for what is none."""
    try:
        return json.loads(request.body)
    except ValueError:
        return None


def answer(tree: Any, status: int = 200, **headers: str) -> Reply:
    body = b"" if tree is None else json.dumps(tree).encode()
    return Reply(status=status, body=body, headers=tuple((k.replace("_", "-"), v) for k, v in headers.items()))
