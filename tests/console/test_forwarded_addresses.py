"""Whose tries to log in are counted where proxies stand in front of the console."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from twofold.console.access.guard import Guard


@pytest.mark.parametrize(
    ("proxies", "told", "whose"),
    [(0, "198.51.100.9", "127.0.0.1"), (1, "198.51.100.9, 203.0.113.5", "203.0.113.5"),
     (2, "198.51.100.9, 203.0.113.5, 192.0.2.1", "203.0.113.5"), (2, "203.0.113.5", "127.0.0.1"),
     (1, "203.0.113.5:51234", "203.0.113.5"), (1, "2001:db8:7:8:1::1", "20010db800070008/64"), (1, "[2001:db8:7:8::2]:443", "20010db800070008/64"),
     (1, "no address", "no address")],
)  # fmt: skip
def test_the_address_is_what_the_outermost_proxy_of_ours_saw(proxies: int, told: str, whose: str) -> None:
    """What a browser writes itself stands before it and is not believed: it would have new tries with each request."""
    unused: Any = None
    guard = Guard(unused, (), proxies, lambda: 0)
    request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", told.encode())]})
    assert guard.address_of(request) == whose
