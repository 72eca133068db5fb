"""One test event through the whole gateway: in at its door, folded, delivered with the platform's test code, looked up again.

Owns the event and how long it is waited for. It is made up from nothing: no person is in it. Whoever calls it has asked somebody:
what a platform gets with a test code counts there all the same.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from twofold.config import DestinationSettings, Settings
from twofold.pulling.exchange import Exchange, Unreached
from twofold.store.lists import Reader

NAME = "TwofoldTest"
PATIENCE_S = 20.0
LOOK_S = 0.25
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"  # a robot's would be kept back
_NOBODY = hashlib.sha256(b"twofold-test").hexdigest()


class Trial(Struct, frozen=True, kw_only=True):
    """``state``: that of the delivery, or "refused" where it did not come so far."""

    state: str
    said: str = ""
    mend: str = ""
    event_id: str = ""
    action_source: str = ""
    identifiers: tuple[str, ...] = ()


def test_event(now: float, event_id: str, site: str, code: str) -> dict[str, Any]:
    """A visit of nobody."""
    return {
        "event_name": NAME, "event_time": int(now), "event_id": event_id, "action_source": "website",
        "event_source_url": site or "https://shop.example", "test_event_code": code,
        "user_data": {"external_id": _NOBODY, "client_user_agent": _AGENT, "client_ip_address": "192.0.2.1"},
        "custom_data": {"value": 0, "currency": "EUR"},
    }  # fmt: skip


def try_event(
    settings: Settings,
    destination: DestinationSettings,
    exchange: Exchange,
    now: float,
    code: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Trial:
    """In at the gateway's own address on this machine, and out at the platform."""
    dataset = next((d for d in settings.dataset if d.id == destination.dataset), None)
    if dataset is None or not dataset.key:
        return Trial(
            state="refused", said="the dataset has no key, so no server may send", mend='set key = "env:TWOFOLD_KEY"'
        )
    event_id = f"twofold-test.{secrets.token_hex(8)}"
    event = test_event(now, event_id, next(iter(dataset.origins), ""), code)
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    url = f"http://{host}:{settings.server.port}/v25.0/{dataset.id}/events"
    try:
        body = {"data": [event], "access_token": dataset.key, "test_event_code": code}
        answer = exchange.change("POST", url, body)
    except Unreached as err:
        return Trial(state="refused", said=f"the gateway cannot be reached: {err}", mend="twofold serve")
    if answer.status != 200:
        return Trial(state="refused", said=f"the gateway refused it with {answer.status}", mend="twofold refused")
    return _followed(settings, destination, event_id, sleep)


def _followed(
    settings: Settings, destination: DestinationSettings, event_id: str, sleep: Callable[[float], None]
) -> Trial:
    deadline = time.monotonic() + PATIENCE_S
    filters: dict[str, str | None] = {"id": event_id, "destination": destination.name}
    show = f"twofold deliveries show {event_id}"
    while True:
        with Reader(settings.server.data) as reader:
            row = next(reader.rows("deliveries", filters, limit=1), None)
            payload = reader.frozen_payload(row["id"]) if row else None
            note = next((a["note"] for a in reversed(reader.attempts(row["id"]))), "") if row else ""
        if row and row["state"] not in ("waiting",):
            sent = msgspec.json.decode(payload) if payload else {}
            said = f"{row['state']} {row['reason']} {note}".strip()
            return Trial(
                state=row["state"], said=said, mend=show, event_id=event_id, action_source=str(sent.get("action_source", "")),
                identifiers=tuple(sorted(sent.get("user_data", {}))),
            )  # fmt: skip
        if time.monotonic() > deadline:
            said = f"still waits after {PATIENCE_S:.0f} s" + (f": {note}" if note else "")
            return Trial(state="waiting", said=said, mend=show, event_id=event_id)
        sleep(LOOK_S)
