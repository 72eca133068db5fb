"""`twofold serve` with a console: a process of its own, whose end and whose gateway's end leave the other alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from running_console import PASSWORD, Client, configuration

from tests.ports import free_port
from twofold.config import load_settings
from twofold.control.tables import are_current
from twofold.store.beside.folder import is_open

WITHIN_S = 60


class Serving:
    """A gateway with a console beside it, and the rows that both print."""

    def __init__(self, config: Path, console_port: int) -> None:
        text = config.read_text(encoding="utf-8")
        if "port = " not in text:
            config.write_text(text.replace("[console]\n", f"[console]\nport = {console_port}\n"), encoding="utf-8")
        command = [sys.executable, "-m", "twofold", "serve", "--config", str(config), "--port", "0", "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.gateway = self.row()["address"]

    def row(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "it ended without a word"
        return json.loads(line)

    def console(self) -> int:
        """The console's process."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = [c for c in children if b"\0console\0" in Path(f"/proc/{c}/cmdline").read_bytes()]
        assert len(found) == 1, children
        return int(found[0])

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return code

    def health(self) -> bool:
        with urllib.request.urlopen(f"{self.gateway}/health", timeout=60) as answer:
            return answer.status == 200

    def accepts(self) -> bool:
        body = json.dumps({"access_token": "a-key-of-sixteen-characters", "data": [{
            "event_name": "PageView", "event_time": int(time.time()), "event_id": str(time.time_ns()),
            "action_source": "website", "event_source_url": "https://shop.example/",
            "user_data": {"em": ["anna@shop.example"]},
        }]}).encode()  # fmt: skip
        asked = urllib.request.Request(f"{self.gateway}/v25.0/1001/events", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return bool(json.load(answer)["events_received"] == 1)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serving(tmp_path: Path, port: int) -> Iterator[Serving]:
    started = Serving(configuration(tmp_path), port)
    yield started
    started.stop()


def until(port: int, status: int) -> str:
    """The page to log in, once the console answers (or does not) as it should."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        try:
            answer = Client(port).get("/today")
        except OSError:
            found, text = 0, ""
        else:
            found, text = answer.status, answer.text
        if found == status:
            return text
        time.sleep(0.1)
    raise AssertionError(f"expected {status}, got {found}")


def until_gone(process: int) -> None:
    """Return when it has ended; what nobody has waited for yet has no command line any more."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        try:
            if not Path(f"/proc/{process}/cmdline").read_bytes():
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {process} still runs")


@pytest.mark.process
def test_a_console_that_is_killed_costs_the_gateway_nothing(serving: Serving, port: int) -> None:
    """Events are taken without it, and it comes again by itself, with a link that works."""
    assert serving.row()["address"] == f"http://127.0.0.1:{port}/console"
    first = serving.console()
    os.kill(first, signal.SIGKILL)
    assert serving.accepts()
    again = serving.row()
    assert serving.console() != first
    link = again["link"].partition("/console")[2]
    assert Client(port).post(link, {"name": "nino", "password": PASSWORD}).status == 303
    assert serving.health()


@pytest.mark.process
def test_a_gateway_that_is_killed_leaves_the_console_up(serving: Serving, port: int, tmp_path: Path) -> None:
    """It says so and goes on reading; when a gateway comes again, its console takes the place."""
    link = serving.row()["link"].partition("/console")[2]
    owner = Client(port)
    assert owner.post(link, {"name": "nino", "password": PASSWORD}).status == 303
    assert "No gateway runs" not in owner.get("/today").text
    orphan = serving.console()
    serving.process.kill()
    serving.process.wait(60)
    with closing(apsw.Connection(str(tmp_path / "data" / "twofold.db"))) as db:  # there are tables to be made
        db.execute("insert or replace into changed_day values ('orders', 20000, 99, 0)")
    answer = owner.get("/today")
    assert answer.status == 200
    assert "No gateway runs" in answer.text
    assert owner.get("/chain").status == 200  # asks tables, which only an owner of the folder makes
    assert not is_open(tmp_path / "data"), "the next gateway's start finds it taken"
    assert not are_current(load_settings(tmp_path / "twofold.toml"))
    again = Serving(tmp_path / "twofold.toml", port)
    try:
        assert again.row()["address"] == f"http://127.0.0.1:{port}/console"
        until_gone(orphan)
        assert "No gateway runs" not in owner.get("/today").text  # the session is kept on disk
    finally:
        again.stop()


@pytest.mark.process
def test_a_console_whose_gateway_and_folder_are_gone_ends(serving: Serving, port: int, tmp_path: Path) -> None:
    """As those of a demo whose gateway was killed: it held the port that the next demo's console wants."""
    serving.row()
    orphan = serving.console()
    serving.process.kill()
    serving.process.wait(60)
    (tmp_path / "data").rename(tmp_path / "gone")
    until_gone(orphan)


@pytest.mark.process
def test_both_end_together(serving: Serving, port: int) -> None:
    serving.row()
    child = serving.console()
    assert serving.stop() == 0
    assert not Path(f"/proc/{child}").exists()
    until(port, 0)


@pytest.mark.process
def test_without_the_table_there_is_none(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    text = config.read_text(encoding="utf-8")
    head, _, rest = text.partition("[console]")
    config.write_text(head + rest[rest.index("[[dataset]]") :], encoding="utf-8")
    started = Serving(config, 0)
    try:
        children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
        assert not [c for c in children if b"\0console\0" in Path(f"/proc/{c}/cmdline").read_bytes()]
    finally:
        started.stop()
