"""Sessions as requests to a gateway: the tag's, the image's, the shop's webhooks, other tools' events.

Owns the wire of each, as the demo's driver has it. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from twofold.simulate.signal.session import SHOP, Hook, Page, Said, Session
from twofold.simulate.webhook import Carried, delivery_headers, order_body

API_VERSION = "v25.0"
DATASET = "10010010010010"
KEY = "signal-world-key-of-the-dataset"
SECRET = "signal-world-secret"  # of a shop that does not exist
_ANOTHER_SECRET = "another-secret"


class Sent(Struct, frozen=True, kw_only=True):
    """One request. ``at``: Unix ms."""

    at: int
    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


def requests_of(session: Session) -> Iterator[Sent]:
    """Everything that this visitor's browser, the shop's server and other tools send."""
    if session.consented and session.tag:
        for page in session.pages:
            yield _tag(session, page) if page.door == "tag" else _image(session, page)
    for hook in session.hooks:
        yield _webhook(session, hook)
    for said in session.said:
        yield _said(said)


def _tag(session: Session, page: Page) -> Sent:
    user = {"fbp": session.fbp, **({"fbc": session.fbc} if session.fbc else {})}
    event = {
        "dataset": DATASET,
        "event_name": page.name,
        "event_id": page.event_id,
        "event_time": page.at // 1000,
        "event_source_url": page.site + (page.path or session.landing),
        "referrer_url": "",
        "custom_data": page.custom,
        "user_data": user,
        "consent": "granted",
    }
    headers = (
        ("Content-Type", "text/plain;charset=UTF-8"),
        ("Origin", page.site),
        ("User-Agent", session.agent),
        ("X-Forwarded-For", session.proxy or session.ip),
    )
    body = json.dumps({"v": 1, "agent": "twofold-tag/1", "events": [event]}, ensure_ascii=False).encode()
    return Sent(at=page.at, method="POST", path="/t/events", headers=headers, body=body)


def _image(session: Session, page: Page) -> Sent:
    query = {
        "id": DATASET, "ev": page.name, "dl": page.site + page.path, "rl": "", "if": "false", "ts": str(page.at),
        **{f"cd[{key}]": _pixel_text(value) for key, value in page.custom.items()},
        "v": "2.9.0-standin", "fbp": session.fbp, "eid": page.event_id, "rqm": "GET",
    }  # fmt: skip
    headers = (
        ("User-Agent", session.agent), ("Referer", f"{page.site}/"), ("X-Forwarded-For", session.proxy or session.ip),
    )  # fmt: skip
    return Sent(at=page.at, method="GET", path="/tr/", query=urlencode(query), headers=headers)


def _pixel_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else str(value)


def _webhook(session: Session, hook: Hook) -> Sent:
    order = session.order
    assert order is not None
    visited = session.consented and session.tag
    carried = Carried(
        fbp=session.fbp if visited else None,
        fbc=session.fbc if visited else None,
        consent="granted" if session.consented else "denied",
    )
    made = json.loads(
        order_body(order, carried, shop=SHOP, created_ms=session.at, domain="shop.example", topic=hook.topic)
    )
    if made["landing_site"] is not None:
        made["landing_site"] = session.landing
    if made["client_details"] is not None:
        address = {"browser_ip": session.ip}
        made |= {**address, "client_details": {**made["client_details"], **address}}
    body = json.dumps({**made, **_edits(made, hook.edits)}, ensure_ascii=False).encode()
    secret = SECRET if hook.signed else _ANOTHER_SECRET
    headers = tuple(delivery_headers(body, order, topic=hook.topic, shop=SHOP, secret=secret).items())
    return Sent(at=hook.at, method="POST", path=f"/webhooks/shopify/{SHOP}", headers=headers, body=body)


def _edits(made: dict[str, Any], edits: dict[str, Any]) -> dict[str, Any]:
    """A test that the shop's settings page sends holds no person, whatever else was changed."""
    return edits if made["client_details"] is not None else {k: v for k, v in edits.items() if k not in ("customer",)}


def _said(said: Said) -> Sent:
    body = json.dumps({"data": [said.event], "partner_agent": said.agent, "access_token": KEY}).encode()
    return Sent(
        at=said.at, method="POST", path=f"/{API_VERSION}/{DATASET}/events", headers=(("Content-Type", "application/json"),),
        body=body,
    )  # fmt: skip
