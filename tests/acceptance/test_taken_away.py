"""Files taken away while the gateway runs: nothing is acknowledged that would be gone with the process, and it says so."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from gateway_process import Gateway, gateway

DATASET, KEY = "1234567890", "key-of-the-shop"
TOML = f"""
[server]
status_token = "token-of-the-operator"
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
"""
TAKEN: dict[str, Callable[[Path], object]] = {
    "the folder": shutil.rmtree,
    "the folder, moved": lambda folder: folder.rename(folder.with_name("moved")),
    "the database": lambda folder: (folder / "twofold.db").unlink(),
    "the write-ahead log": lambda folder: (folder / "twofold.db-wal").unlink(),
    "the lock": lambda folder: (folder / "lock").unlink(),
    "the database, replaced by a copy": lambda folder: replaced(folder / "twofold.db"),
}


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def send(g: Gateway, event_id: str) -> int:
    event = {"event_name": "Lead", "event_time": int(time.time()), "event_id": event_id, "action_source": "website",
             "user_data": {"em": ["62a14e44" * 8]}}  # fmt: skip
    body = {"data": [event], "access_token": KEY}
    try:
        return requests.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60).status_code
    except requests.ConnectionError:
        return 0


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_what_would_be_gone_is_not_acknowledged(tmp_path, take):
    """The next event is not answered with success, and the gateway ends with the exit code of a failed store."""
    with gateway(TOML, tmp_path / "data") as g:
        assert send(g, "before") == 200
        take(tmp_path / "data")
        assert send(g, "after") != 200
        deadline = time.monotonic() + 60
        while g.running:
            assert time.monotonic() < deadline, g.output()
            time.sleep(0.05)
        assert g.stop() == 3
        assert "while it was in use" in g.output()
