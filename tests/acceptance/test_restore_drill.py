"""The drill of docs/backup.md: a gateway under load is backed up, its machine is lost, and a new one goes on from the copies.

One story, told once; what must be nowhere is made here by hashlib.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.gateway_process import Meanwhile, gateway

DATASET, KEY, TOKEN = "1234567890", "key-Gq7pZr2mXw9", "status-Gq7pZr2mXw9aB"
TOML = f"""
[server]
status_token = "{TOKEN}"
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
"""
ANNA, BORIS = "anna.qzvk@mail.example", "boris.qzvk@mail.example"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def send(url: str, name: str, person: str) -> None:
    event = {"event_name": "Lead", "event_time": int(time.time()), "event_id": name, "action_source": "website",
             "user_data": {"em": [digest(person)]}}  # fmt: skip
    body = {"data": [event], "access_token": KEY}
    assert requests.post(f"{url}/v25.0/{DATASET}/events", json=body, timeout=60).status_code == 200


def health(url: str) -> dict:
    return requests.get(f"{url}/health", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60).json()


def backup_once(url: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What health says of the backup, once that holds: it counts twice a second at most."""
    deadline = time.monotonic() + 60
    while not holds(said := health(url)["backup"]):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said


@pytest.mark.process
def test_the_drill(tmp_path: Path) -> None:
    """Nothing of before the backup is missing, whoever was erased after it stays so, the rest is said, and it goes on."""
    backups, elsewhere = tmp_path / "backups", tmp_path / "elsewhere"
    with gateway(TOML, tmp_path / "data") as g:
        for n in range(20):
            send(g.url, f"anna{n}", ANNA)
            send(g.url, f"boris{n}", BORIS)
        assert health(g.url)["backup"]["age_s"] is None
        stop = threading.Event()

        def goes_on() -> None:
            n = 0
            while not stop.is_set():
                send(g.url, f"busy{n}", BORIS)
                n += 1

        shop = Meanwhile(target=goes_on)
        shop.start()
        done = g.run("backup", str(backups), "--erasures", str(elsewhere), "--json")
        stop.set()
        shop.join()
        assert done.returncode == 0, done.stderr
        kept, copied = map(json.loads, done.stdout.splitlines())
        assert kept["position"] >= 40
        assert (copied["what"], copied["sealed"]) == ("erasures", False)
        said = backup_once(g.url, lambda backup: backup["position"] == kept["position"])
        assert said["age_s"] < 60
        assert (said["position"], said["erasures_behind"]) == (kept["position"], False)
        figures = requests.get(f"{g.url}/metrics", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60).text
        (taken_at,) = re.findall(r"^twofold_backup_timestamp_seconds (\S+)$", figures, re.M)
        assert float(taken_at) == kept["at"]

        assert g.run("erase", "--email", ANNA, "--yes").returncode == 0
        backup_once(g.url, lambda backup: backup["erasures_behind"] is True)
        assert g.run("backup", "--erasures", str(elsewhere)).returncode == 0
        for n in range(5):
            send(g.url, f"lost{n}", BORIS)
        g.kill()
        shutil.rmtree(g.data)

        assert g.run("restore", str(backups), "--reason", "fire", "--yes").returncode == 3
        done = g.run("restore", str(backups), "--erasures", str(elsewhere), "--reason", "fire", "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        restored, *checks = map(json.loads, done.stdout.splitlines())
        assert (restored["position"], restored["erased_again"]) == (kept["position"], 1)
        assert checks
        assert all(c["holds"] for c in checks)
        g.start()
        rows = g.rows("events")
        assert {r["event_id"] for r in rows} >= {f"boris{n}" for n in range(20)}
        copies = {who: g.run("export-subject", "--email", who, "--to", str(tmp_path / who)) for who in (ANNA, BORIS)}
        assert [copies[ANNA].returncode, copies[BORIS].returncode] == [5, 0], copies
        send(g.url, "after", BORIS)
        assert "after" in {r["event_id"] for r in g.rows("events")}
        assert g.run("verify").returncode == 0
