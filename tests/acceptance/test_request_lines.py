"""The log's lines about requests, on a running gateway: few, in one form, without anything that a sender wrote, and findable."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import requests

from tests.acceptance.gateway_process import gateway

DATASET, KEY = "1234567890", "key-Gq7pZr2mXw9"
TOML = f"""
[server]
log = "json"
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
"""
MAIL = "anna.qzvk@mail.example"


def event(name: str, **changes) -> dict:
    return {"event_name": "Lead", "event_time": int(time.time()), "event_id": name, "action_source": "website",
            "user_data": {"em": [MAIL]}} | changes  # fmt: skip


def lines(text: str) -> list[dict]:
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in found if line.get("logger") == "twofold.requests"]


@pytest.mark.process
def test_one_line_a_kind_of_request(tmp_path: Path) -> None:
    """Thirty requests of five kinds leave five lines; each line's id finds its request, and so does a refused sender's."""
    with gateway(TOML, tmp_path / "data") as g:
        answers: dict[str, list[requests.Response]] = {"taken": [], "refused": [], "key": [], "path": []}
        with requests.Session() as shop:
            for n in range(10):
                body = {"data": [event(f"e{n}", event_source_url=f"https://s.example/?m={MAIL}")], "access_token": KEY}
                answers["taken"].append(shop.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60))
                body = {"data": [event(f"p{n}", event_name="Purchase")], "access_token": KEY}
                answers["refused"].append(shop.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60))
                body = {"data": [event("x")], "access_token": MAIL}
                answers["key"].append(shop.post(f"{g.url}/v25.0/{DATASET}/events", json=body, timeout=60))
            answers["path"].append(shop.get(f"{g.url}/{MAIL}/nothing", timeout=60))
        deadline = time.monotonic() + 60
        while len(said := lines(g.output())) < 4:
            assert time.monotonic() < deadline, g.output()
            time.sleep(0.05)
        kinds = [(line["entry"], line["outcome"], line["status"]) for line in said]
        assert len(set(kinds)) == len(kinds)
        assert ("events", "accepted", 200) in kinds
        assert ("", "404", 404) in kinds
        assert {s.status_code for s in answers["refused"]} == {400}
        assert all(line["requests"] == 1 for line in said), "the first of each kind has its line at once"
        assert MAIL not in g.output()
        assert KEY not in g.output()

        for line in said:
            found = _found(g, line["trace"])
            assert found[0]["outcome"] == line["outcome"]
        accepted = next(line for line in said if line["outcome"] == "accepted")
        assert accepted["dataset"] == DATASET
        assert accepted["trace"] == answers["taken"][0].json()["fbtrace_id"]
        assert [r["event_id"] for r in _found(g, accepted["trace"]) if r["row"] == "event"] == ["e0"]
        # Whatever was refused is found by its answer, also without a line of the log.
        for n, answer in enumerate(answers["refused"]):
            rows = _found(g, answer.json()["error"]["fbtrace_id"])
            assert [(r["event_id"], r["reason"]) for r in rows if r["row"] == "refused"] == [(f"p{n}", "missing_value")]
        assert g.run("trace", "A00").returncode == 5
        people = g.run("trace", answers["refused"][3].json()["error"]["fbtrace_id"]).stdout
        assert "p3" in people
        assert g.run("verify").returncode == 0


def _found(g, number: str) -> list[dict]:
    done = g.run("trace", number, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
