"""Files of Chrome DevTools' Recorder: what is taken, and what is refused before a browser starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twofold.errors import ConfigError
from twofold.senders.browser.recorder import read_recording

HOSTS = frozenset({"www.shop.example"})
OPEN = {
    "type": "navigate",
    "url": "https://www.shop.example/products/cup",
    "assertedEvents": [{"type": "navigation", "url": "x", "title": "Cup"}],
}
CLICK = {"type": "click", "target": "main", "selectors": [["aria/Add to cart[role=\"button\"]"], ["#add"], ["xpath///*[@id=\"add\"]"], ["pierce/#add"], "text/Add to cart"], "offsetX": 12.5, "offsetY": 3}  # fmt: skip


def written(folder: Path, what: Any) -> Path:
    path = folder / "steps.json"
    path.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
    return path


def test_a_recording_is_read(tmp_path: Path) -> None:
    """With what the Recorder writes besides, and selectors in both of its forms."""
    recording = {"title": "Order", "selectorAttribute": "data-x", "timeout": 5000, "steps": [
        {"type": "setViewport", "width": 1280, "height": 720, "deviceScaleFactor": 1, "isMobile": False, "hasTouch": False, "isLandscape": False},
        OPEN, CLICK, {"type": "change", "value": "nino@example.com", "selectors": [["#email"]], "target": "main"},
        {"type": "keyDown", "target": "main", "key": "Enter"}, {"type": "keyUp", "target": "main", "key": "Enter"}]}  # fmt: skip
    found = read_recording(written(tmp_path, recording), HOSTS)
    assert [s.type for s in found.steps] == ["setViewport", "navigate", "click", "change", "keyDown", "keyUp"]
    assert found.steps[2].selectors[-1] == "text/Add to cart"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("{", "expected the JSON of Chrome DevTools' Recorder"),
        ({"steps": []}, "steps: expected 1 to 200, got 0"),
        ({"steps": [OPEN] * 201}, "steps: expected 1 to 200, got 201"),
        ({"steps": [OPEN, {"type": "teleport"}]}, "steps[1].type: expected one of"),
        ({"steps": [OPEN, {"type": "click", "selectors": []}]}, "steps[1].selectors: expected one or more, got none"),
        ({"steps": [OPEN | {"url": "https://evil.example/"}]}, "steps[0].url: expected a page of www.shop.example, got 'evil.example'"),
        ({"steps": [OPEN, CLICK | {"target": "https://popup.example/x"}]}, "steps[1].target: expected main (pop-ups are closed), got 'popup.example'"),
        ({"steps": [CLICK]}, "expected a step of type navigate"),
        ({"steps": [OPEN, {"type": "change", "selectors": [["#e"]], "value": 7}]}, "$.steps[1].value"),
        ({"steps": [OPEN, {"type": "keyDown"}]}, "steps[1].key: expected a key's name"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, what: Any, words: str) -> None:
    """Step, expected, got."""
    with pytest.raises(ConfigError) as said:
        read_recording(written(tmp_path, what), HOSTS)
    assert words in str(said.value)


def test_what_was_typed_is_not_quoted(tmp_path: Path) -> None:
    """A broken file is refused without its content."""
    path = written(tmp_path, json.dumps({"steps": [OPEN, {"type": "change", "value": "nino@example.com"}]})[:-3])
    with pytest.raises(ConfigError) as said:
        read_recording(path, HOSTS)
    assert "nino" not in str(said.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recording(tmp_path / "none.json", HOSTS)
