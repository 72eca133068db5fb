"""Meta's question when a webhook is connected: hub.mode, hub.verify_token and hub.challenge in a GET."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from running_gateway import CONFIGURATION, DATASET, SECRET, Running

CHAT = {"type": "chat", "dataset": DATASET, "shop": "inbox", "secret": SECRET, "verify_token": "a word of ours"}
GOOD = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "a word of ours"}

ROWS = {
    "the configured word": (GOOD, 200, b"1158201444"),
    "another word": (GOOD | {"hub.verify_token": "guess"}, 405, None),
    "no word": ({k: v for k, v in GOOD.items() if k != "hub.verify_token"}, 405, None),
    "another mode": (GOOD | {"hub.mode": "unsubscribe"}, 405, None),
    "a challenge that is markup": (GOOD | {"hub.challenge": "<script>"}, 405, None),
}


@pytest.mark.parametrize(("fields", "status", "body"), ROWS.values(), ids=ROWS.keys())
def test_the_challenge_goes_back_for_the_configured_word_only(
    start_gateway: Callable[..., Running], fields: dict[str, str], status: int, body: bytes | None
) -> None:
    """Whoever knows the word gets the challenge back as plain text; nothing else is echoed."""
    running = start_gateway(CONFIGURATION | {"source": [*CONFIGURATION["source"], CHAT]})
    reply = running.send("GET", f"/webhooks/chat/inbox?{urlencode(fields)}", b"")
    assert reply.status == status
    if body is not None:
        assert reply.body == body
        assert reply.headers["content-type"] == "text/plain"
    else:
        assert b"script" not in reply.body


def test_a_source_without_a_word_answers_no_question(gateway: Running) -> None:
    """An empty setting fits no empty word."""
    question = urlencode(GOOD | {"hub.verify_token": ""})
    assert gateway.send("GET", f"/webhooks/shopify/demo.myshopify.com?{question}", b"").status == 405
