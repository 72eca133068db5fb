"""A shop of thirty lines, to have something to test: at checkout the browser and the server each send the Purchase."""

from __future__ import annotations

import hashlib
import json
import time
from urllib.parse import urlencode
from urllib.request import Request, urlopen

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
FBP = "fb.1.1789990000000.1234567890"


def checkout(order: str, total: str, currency: str, *, meta) -> None:
    """Sells one thing. ``meta`` says where events go: in production Meta, in the tests the sandbox."""
    event_id = f"order-{order}"  # made once, used by both sides
    browser_purchase(event_id, order, total, currency, meta.pixel_url, meta.dataset)
    server_purchase(event_id, order, total, currency, meta.events_url, meta.token)


def browser_purchase(event_id: str, order: str, total: str, currency: str, url: str, dataset: str) -> None:
    money = {"cd[value]": total, "cd[currency]": currency, "cd[order_id]": order}
    query = {"id": dataset, "ev": "Purchase", "eid": event_id, "fbp": FBP, "dl": "https://shop.example/thanks", **money}
    urlopen(Request(f"{url}?{urlencode(query)}", headers={"user-agent": USER_AGENT})).close()


def server_purchase(event_id: str, order: str, total: str, currency: str, url: str, token: str) -> None:
    email = hashlib.sha256(b"nino@shop.example").hexdigest()
    event = {
        "event_name": "Purchase",
        "event_time": int(time.time()),
        "event_id": event_id,
        "action_source": "website",
        "event_source_url": "https://shop.example/thanks",
        "user_data": {"em": [email], "fbp": FBP, "client_ip_address": "2a02:8109::7", "client_user_agent": USER_AGENT},
        "custom_data": {"value": total, "currency": currency, "order_id": order},
    }
    body = json.dumps({"data": [event], "access_token": token}).encode()
    urlopen(Request(url, body, {"content-type": "application/json"})).close()
