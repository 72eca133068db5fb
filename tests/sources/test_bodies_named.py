"""Each reader of somebody else's words says on which body it is tried; each such body is somebody's, and there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from twofold.sources import SOURCES

HERE = Path(__file__).parent
BODIES: list[dict[str, Any]] = tomllib.loads((HERE / "bodies.toml").read_text())["body"]
STREAMS = {"Segment's API", "Google's tag", "CloudEvents"}
MADE_AT_MOST = {
    "woocommerce", "stripe", "own", "hubspot", "pipedrive", "chat", "easypost", "shippo", "aftership", "courier", "bog", "shopware", "tbc",
}  # fmt: skip
"""Readers of which nobody has recorded or published a whole body that we know: one fewer is welcome, one more is not."""


def test_every_reader_has_a_row() -> None:
    assert {b["reader"] for b in BODIES} == SOURCES.keys() | STREAMS
    assert {b["kind"] for b in BODIES} <= {"recorded", "published", "made", "client"}
    assert all(b["source"] and b["certainty"] in ("C", "K") for b in BODIES)
    real = {b["reader"] for b in BODIES if b["kind"] != "made"}
    assert {b["reader"] for b in BODIES} - real == MADE_AT_MOST


def test_every_body_is_there_and_is_named_once() -> None:
    named = [(HERE / f).resolve() for b in BODIES for f in b["files"]]
    assert [f for f in named if not f.is_file()] == []
    data = [f for f in named if f.suffix == ".json"]
    assert len(data) == len(set(data))
    there = {
        f.resolve() for folder in ("recorded", "published", "payments/recorded") for f in (HERE / folder).iterdir()
    }
    assert set(data) == there
