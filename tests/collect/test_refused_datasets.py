"""A refused body names its dataset whenever its path or its hit does: every such door by every way to refuse a body."""

from __future__ import annotations

import gzip
import json

import pytest
from running_gateway import DATASET, EVENTS, KEY, LISTED, WEBHOOK, Running, events_body, purchase

JSON = {"content_type": "application/json"}
GOOD = events_body(purchase("order-1"))
DOORS = {EVENTS: DATASET, f"/{LISTED}/events": LISTED, "/v3.1/999/events/": "999", WEBHOOK: DATASET}
BODIES = [
    ("not JSON", b"{", JSON),
    ("not UTF-8", b'{"data": "\xff\xfe', JSON),
    ("no list", b'{"data": 5}', JSON),
    ("another key", events_body(purchase("order-1"), key="another"), JSON),
    ("no gzip", b"plain", {**JSON, "content_encoding": "gzip"}),
    ("a bomb", gzip.compress(bytes(30 << 20)), {**JSON, "content_encoding": "gzip"}),
    ("a cut stream", gzip.compress(GOOD)[:-9], {**JSON, "content_encoding": "gzip"}),
]


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(("_name", "body", "headers"), BODIES, ids=[b[0] for b in BODIES])
def test_the_paths_dataset_is_named(gateway: Running, path: str, _name: str, body: bytes, headers: dict[str, str]):
    assert gateway.send("POST", path, body, **headers).status >= 400
    (row,) = gateway.new_refused()
    assert row["dataset"] == DOORS[path]


@pytest.mark.parametrize("path", DOORS)
def test_a_body_over_the_limit_names_it_too(gateway: Running, path: str) -> None:
    reply = gateway.send("POST", path, bytes(5 << 20), **JSON)
    assert reply.status == 413
    (row,) = gateway.new_refused()
    assert (row["dataset"], row["reason"]) == (DOORS[path], "too_large")


@pytest.mark.parametrize(("hit", "named"), [("id=999&ev=Lead", "999"), (f"id={DATASET}&ev=", DATASET)])
def test_a_hits_dataset_is_named(gateway: Running, hit: str, named: str) -> None:
    gateway.send("GET", f"/tr/?{hit}")
    gateway.send("POST", "/tr/", hit, content_type="application/x-www-form-urlencoded")
    assert [row["dataset"] for row in gateway.new_refused()] == [named, named]


def test_an_address_in_place_of_a_dataset_is_no_name(gateway: Running) -> None:
    gateway.send("GET", "/tr/?id=jane%40example.com&ev=Lead")
    (row,) = gateway.new_refused()
    assert row["dataset"] == ""
    assert "jane" not in json.dumps(row)


def test_a_wrong_key_is_no_reason_to_show_the_body(gateway: Running) -> None:
    gateway.post(purchase("order-1", user_data={"em": "jane@example.com"}), key=f"{KEY}x")
    (row,) = gateway.new_refused()
    assert "jane" not in row["body"]
