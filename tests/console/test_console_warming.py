"""The usual questions are worked out before somebody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from running_console import PASSWORD, Client, configuration
from test_console_beside_gateway import Serving

from tests.ports import free_port
from twofold.config import load_settings
from twofold.console import warming
from twofold.console.pages.page import Asked
from twofold.console.sums.keeper import NotYet
from twofold.console.warming import Warming
from twofold.control.owner import open_owner
from twofold.errors import StoreError


def test_usual_questions_are_asked_once_somebody_looked_and_one_that_fails_keeps_none_back(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, again and again; not for who has not looked for a day, and not where nobody has the folder."""
    monkeypatch.setattr(warming, "TIMES", 0)
    monkeypatch.setattr(warming, "ROUND_S", 0.01)
    asked: list[str] = []
    thrice = threading.Event()

    def read(name: str, error: Exception | None = None) -> Callable[[Asked], None]:
        def one(of: Asked) -> None:
            assert of is asked_as
            asked.append(name)
            if asked.count("c") >= 3:
                thrice.set()
            if error is not None:
                raise error

        return one

    asked_as = cast(Asked, SimpleNamespace(folder=str(filled.parent / "data")))
    reads = [read("a", NotYet(0)), read("b", StoreError("no")), read("c")]
    one = Warming(lambda: asked_as, reads, first_s=0.0)
    time.sleep(0.05)
    assert asked == []
    one.looked()
    time.sleep(0.2)
    assert asked == []  # there is no gateway
    with closing(open_owner(load_settings(filled))):
        assert thrice.wait(60)
        assert "".join(asked).lstrip("bc").startswith("abcabc")
        monkeypatch.setattr(warming, "WORTH_S", -1.0)  # as if the last look were long ago
        deadline, before = time.monotonic() + 60, -1
        while before != len(asked):  # the round that was under way is finished, and no other begins
            assert time.monotonic() < deadline
            before = len(asked)
            time.sleep(0.3)
    one.close()


@pytest.mark.process
def test_tables_are_made_before_somebody_asks_a_page_of_them(tmp_path: Path) -> None:
    """Whoever logged in beside a gateway finds them, with no page of money opened."""
    port = free_port()
    serving = Serving(configuration(tmp_path), port)
    try:
        link = serving.row()["link"]
        browser = Client(port)
        assert browser.post(link.partition("/console")[2], {"name": "nino", "password": PASSWORD}).status == 303
        assert serving.accepts()
        manifest = tmp_path / "data" / "facts" / "manifest.json"
        assert not manifest.exists()
        assert browser.get("/account").status == 200
        deadline = time.monotonic() + 180
        while not manifest.exists() and time.monotonic() < deadline:
            time.sleep(0.5)
        assert manifest.exists()
    finally:
        serving.stop()
