"""A running gateway takes what it accepted into the index by which a person is found, behind its answers."""

from __future__ import annotations

import sqlite3
import time

import requests
from gateway_process import gateway

from twofold.store.index.words import ROWS

TOML = """
[[dataset]]
id = "1"
key = "key-of-the-shop"
"""
BATCH = 1_000
DEADLINE_S = 60


def blocks(folder) -> int:
    with sqlite3.connect(f"file:{folder / 'twofold.db'}?mode=ro", uri=True) as db:
        return db.execute("select count(*) from word_index").fetchone()[0]


def test_what_was_accepted_is_taken_into_the_index(tmp_path):
    """A full block of rows has its row soon after the accepts, also when the gateway was killed before it was made."""
    event = {"event_name": "Lead", "action_source": "website", "user_data": {"external_id": "somebody"}}
    with gateway(TOML, tmp_path / "data") as g:
        for n in range(-(-ROWS // BATCH)):
            now = int(time.time())
            events = [{**event, "event_time": now, "event_id": f"lead-{n}-{k}"} for k in range(BATCH)]
            asked = {"data": events, "access_token": "key-of-the-shop"}
            assert requests.post(f"{g.url}/v25.0/1/events", json=asked, timeout=60).status_code == 200
        g.kill()
        g.start()
        deadline = time.monotonic() + DEADLINE_S
        while not blocks(g.data):
            assert time.monotonic() < deadline, "the index was not made"
            time.sleep(0.2)
        assert blocks(g.data) == 1
        assert g.run("verify").returncode == 0
