"""The Python client against the real gateway: delivered once through a gateway that is killed, down and started again,
and refusals told with the gateway's own words."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from gateway_process import gateway

from twofold.client import Client, Kind, Problem

DATASET, KEY = "1234567890", "key-of-the-shop"
TOML = f"""
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
"""


def client_of(address: str, problems: list[Problem], **options) -> Client:
    given = {"wait_s": 0.02, "most_wait_s": 0.2, "batch": 20} | options
    return Client(address, DATASET, KEY, on_error=problems.append, **given)


def track(client: Client, event_id: str, **more) -> str | None:
    user = {"email": f"{event_id}@shop.example", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0"}
    return client.track("AddToCart", event_id=event_id, user=user, url="https://shop.example/cart", **more)


def test_every_event_is_journalled_once_across_kill_and_restart(tmp_path: Path) -> None:
    """300 events while the gateway is killed twice: each is one action, with the time of its call, and no one is told."""
    problems: list[Problem] = []
    start = int(time.time()) - 600
    with gateway(TOML, tmp_path / "data") as g:
        client = client_of(g.url, problems)

        def shop() -> None:
            for n in range(300):
                track(client, f"e-{n}", event_time=start + n)
                time.sleep(0.002)

        thread = threading.Thread(target=shop)
        thread.start()
        for _ in range(2):
            time.sleep(0.1)
            g.kill()
            g.start()
        thread.join()
        assert client.flush(60)
        assert client.close()
        rows = g.rows("events")
        assert g.run("verify").returncode == 0
        actions = g.rows("actions", name="AddToCart")
    assert len(actions) == 300
    times = {row["event_id"]: row["event_time"] for row in rows}
    assert times == {f"e-{n}": start + n for n in range(300)}
    assert problems == []


def test_events_of_a_time_without_a_gateway_arrive_when_it_starts(tmp_path: Path) -> None:
    """Down before, during and after the program: the spool carries the events from one process's life to the next."""
    problems: list[Problem] = []
    with gateway(TOML, tmp_path / "data") as g:
        g.stop()
        client = client_of(g.url, problems, spool=str(tmp_path / "spool"))
        for n in range(5):
            track(client, f"e-{n}")
        assert not client.flush(0.2)
        assert not client.close(0.1)
        g.start()
        with client_of(g.url, problems, spool=str(tmp_path / "spool")) as later:
            assert later.flush(60)
        assert {row["event_id"] for row in g.rows("events")} == {f"e-{n}" for n in range(5)}
    assert problems == []


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
def test_the_gateways_refusals_reach_the_shop(tmp_path: Path, strict: bool) -> None:
    """Two bad events among six are told with their places and reasons, the four good ones are journalled."""
    problems: list[Problem] = []
    toml = f"[server]\nstrict = {str(strict).lower()}\n{TOML}"
    with gateway(toml, tmp_path / "data") as g, client_of(g.url, problems, wait_s=30.0) as client:
        for n in range(6):
            if n == 1:
                client.track("Purchase", event_id="no-money", user={"email": "a@shop.example"})
            elif n == 4:
                track(client, "too-old", event_time=int(time.time()) - 8 * 86_400)
            else:
                track(client, f"e-{n}")
        assert client.flush(60)
        assert {row["event_id"] for row in g.rows("events")} == {"e-0", "e-2", "e-3", "e-5"}
    assert [(p.kind, p.event_id, p.place) for p in problems] == [
        (Kind.REFUSED, "no-money", 1),
        (Kind.REFUSED, "too-old", 4),
    ]
    assert "custom_data.value" in problems[0].reason
    assert "7 days" in problems[1].reason


def test_a_wrong_key_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """The gateway answers 401; after it is started with the right key the event arrives."""
    problems: list[Problem] = []
    with gateway(TOML.replace(KEY, "another-key-of-it"), tmp_path / "data") as g:
        client = client_of(g.url, problems)
        track(client, "e")
        deadline = time.monotonic() + 60
        while not problems and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {problem.kind for problem in problems} == {Kind.DENIED}
        g.stop()
        g.config.write_text(TOML, encoding="utf-8")
        g.start()
        assert client.flush(60)
        assert client.close()
        assert [row["event_id"] for row in g.rows("events")] == ["e"]
