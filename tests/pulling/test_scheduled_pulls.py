"""The gateway as a process that pulls beside itself: made up for at the start, named problems, no child left behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.acceptance.gateway_process import gateway
from tests.pulling.stand_in import TOKEN, Asked, Reply, standing_in
from twofold.store.lines.reading import OpenLines

pytestmark = pytest.mark.process

TOML = """
[[dataset]]
id = "1"

[[account]]
platform = "{platform}"
id = "900100"
token = "{token}"
endpoint = "{url}"
pull = "00:00"
days = 2
"""
PATIENCE_S = 60


def until(holds) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def rates(asked: Asked) -> Reply:
    one = {"code": "USD", "quantity": 1, "rate": 2.7, "validFromDate": f"{asked.query['date']}T00:00:00.000Z"}
    return Reply(body=[{"currencies": [one]}])


def count(folder: Path) -> int:
    with OpenLines(folder) as lines:
        return len(list(lines.lines("rate")))


def test_a_running_gateway_pulls_once(tmp_path):
    """Today's time passed before it ran: it asks at the start, and not again at the next."""
    with standing_in(rates) as bank:
        text = TOML.format(platform="nbg", token="", url=bank.url).replace('id = "900100"\n', "")
        with gateway(text, tmp_path / "data") as running:
            until(lambda: count(tmp_path / "data") == 2)
            until(lambda: "pulled nbg: 2 days, 2 new lines, 0 restated" in running.output())
            running.stop()
            asked = len(bank.asked)
            running.start()
            time.sleep(1)
            running.stop()
        assert len(bank.asked) == asked == 2


def test_a_token_that_ran_out_is_said_in_the_log(tmp_path):
    expired = Reply(status=400, body={"error": {"code": 190, "message": f"token {TOKEN} has expired"}})
    with (
        standing_in(lambda _: expired) as platform,
        gateway(TOML.format(platform="meta", token=TOKEN, url=platform.url), tmp_path / "data") as running,
    ):
        until(lambda: "operator must act" in running.output())
        assert "does not accept the token of meta-900100" in running.output()
        assert TOKEN not in running.output()


def test_a_gateway_that_stops_leaves_no_child(tmp_path):
    """Also while the platform does not answer."""
    asked, free = threading.Event(), threading.Event()

    def hanging(_: Asked) -> Reply:
        asked.set()
        free.wait(PATIENCE_S)
        return Reply(status=500)

    with standing_in(hanging) as platform:
        try:
            with gateway(TOML.format(platform="meta", token=TOKEN, url=platform.url), tmp_path / "data") as running:
                assert asked.wait(PATIENCE_S)
                running.stop()
                assert children_of(tmp_path) == []
        finally:
            free.set()


def children_of(folder: Path) -> list[str]:
    """Processes whose command line names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"pull" in words and str(folder).encode() in words:
                found.append(entry.name)
    return found
