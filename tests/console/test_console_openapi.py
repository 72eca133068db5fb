"""The console's description against a running console, as the owner and as nobody."""

from __future__ import annotations

import json

import pytest
from running_console import PASSWORD, Client, Running

from tests.acceptance.openapi_asking import ask_all
from twofold.console.pages import PAGES
from twofold.console.parts import ROOT


def test_every_page_answers_as_it_is_described(console: Running) -> None:
    """Valid and broken questions to the JSON of every page: what comes back is described, and none of it is a fault of ours."""
    client = Client(console.port)
    nobody = client.get("/openapi.json")
    assert (nobody.status, "paths" in nobody.text) == (401, False)
    link = console.told["link"]
    joined = client.ask(
        "POST", link[link.index("/console/") :], {"name": "olga", "password": PASSWORD, "again": PASSWORD}
    )
    assert joined.status in (302, 303), joined.text
    answer = client.get("/openapi.json")
    assert answer.status == 200
    description = json.loads(answer.text)
    assert len(description["paths"]) == len(PAGES) + 1
    light = {path: parts for path, parts in description["paths"].items() if path.removesuffix(".json") not in HEAVY}
    url = f"http://127.0.0.1:{console.port}"
    seen = ask_all({**description, "paths": light}, url, 2, {"Cookie": client.cookie}, unwell=(503,))
    assert seen.keys() == {f"GET {path}" for path in light}
    assert sum(200 in statuses for statuses in seen.values()) > len(seen) / 2, seen
    refused = ask_all({**description, "paths": light}, url, 1, {})
    assert set().union(*refused.values()) <= {401}


HEAVY = {f"{ROOT}{page.path}" for page in PAGES if page.heavy}
"""They start a child process each time; their forms are the same."""


@pytest.mark.parametrize("page", [p for p in PAGES if p.heavy], ids=lambda p: p.path)
def test_heavy_pages_are_described_alike(page) -> None:
    """By the same function."""
    from twofold.console.description import describe_console

    assert f"{ROOT}{page.path}.json".replace(":path", "") in {
        p.replace(":int", "") for p in describe_console(PAGES, ROOT)["paths"]
    }
