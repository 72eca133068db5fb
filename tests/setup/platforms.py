"""Shopify, WooCommerce, Stripe and Meta as their documents describe them, as far as connecting goes: real sockets, a small memory.

Owns what each answers. They deliver as the real ones do, signed with the secret that they hold, and WooCommerce pings at each saving.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import requests

from tests.pulling.stand_in import Asked, Reply

PATIENCE_S = 60


def digest64(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass
class ShopifyStandIn:
    """shopify.dev: client credentials grant; GraphQL Admin API 2026-10, the app's own subscriptions."""

    client_id: str = "the-client-id"
    client_secret: str = "shpss_0123456789abcdef0123456789abcdef"
    scopes: tuple[str, ...] = ("read_orders", "read_fulfillments", "read_returns")
    refuses: dict[str, str] = field(default_factory=dict)  # topic -> what it says
    hooks: dict[str, dict[str, str]] = field(default_factory=dict)
    _ids: Any = field(default_factory=itertools.count)

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/admin/oauth/access_token":
            form = asked.form
            known = (form["client_id"], form["client_secret"]) == (self.client_id, self.client_secret)
            if not known or form["grant_type"] != "client_credentials":
                return Reply(
                    status=400, body={"error": "application_cannot_be_found", "error_description": "No such app"}
                )
            return Reply(body={"access_token": "shpat_of_today", "scope": ",".join(self.scopes), "expires_in": 86399})
        if asked.path != "/admin/api/2026-10/graphql.json":
            return Reply(status=404, body={"errors": "Not Found"})
        if asked.headers.get("x-shopify-access-token") != "shpat_of_today":
            return Reply(status=401, body={"errors": "[API] Invalid API key or access token"})
        return Reply(body={"data": self._answer(asked.json["query"], asked.json["variables"])})

    def _answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "currentAppInstallation" in query:
            return {"currentAppInstallation": {"accessScopes": [{"handle": s} for s in self.scopes]}}
        if "webhookSubscriptionCreate" in query:
            hook, topic = variables["hook"], variables["topic"]
            same = any((h["topic"], h["uri"]) == (topic, hook["uri"]) for h in self.hooks.values())
            problem = self.refuses.get(topic) or ("Address for this topic has already been taken" if same else "")
            if problem or set(hook) != {"uri", "format"}:
                return {
                    "webhookSubscriptionCreate": {
                        "webhookSubscription": None,
                        "userErrors": [{"message": problem or "?"}],
                    }
                }
            made = f"gid://shopify/WebhookSubscription/{next(self._ids)}"
            self.hooks[made] = {"id": made, "topic": topic, "uri": hook["uri"]}
            return {"webhookSubscriptionCreate": {"webhookSubscription": {"id": made}, "userErrors": []}}
        if "webhookSubscriptionDelete" in query:
            gone = self.hooks.pop(variables["id"], None)
            errors = [] if gone else [{"message": "Webhook subscription does not exist"}]
            return {
                "webhookSubscriptionDelete": {"deletedWebhookSubscriptionId": variables["id"], "userErrors": errors}
            }
        listed = list(self.hooks.values())
        start = int(variables["after"] or 0)  # two at a time, so that paging is tried
        page = {"hasNextPage": start + 2 < len(listed), "endCursor": str(start + 2)}
        return {"webhookSubscriptions": {"nodes": listed[start : start + 2], "pageInfo": page}}

    def deliver(self, topic: str, body: bytes) -> list[int]:
        """To everybody who subscribed; the statuses that came back."""
        constant = topic.replace("/", "_").upper()
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": digest64(self.client_secret, body),
            "X-Shopify-Shop-Domain": "d",
        }
        hooks = [h for h in self.hooks.values() if h["topic"] == constant and h["uri"].startswith("http://127.0.0.1")]
        return [requests.post(h["uri"], body, headers=headers, timeout=PATIENCE_S).status_code for h in hooks]


@dataclass
class WooCommerceStandIn:
    """WooCommerce REST API v3, "Webhooks": the secret goes in and never comes out."""

    credentials: tuple[str, str] = ("ck_0123", "cs_0123")
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    pings: list[int] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def __call__(self, asked: Asked) -> Reply:
        expected = base64.b64encode(":".join(self.credentials).encode()).decode()
        if asked.headers.get("authorization") != f"Basic {expected}":
            return _woo_error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        base, _, number = asked.path.partition("/wp-json/wc/v3/webhooks")
        if base or (number and not number[1:].isdigit()):
            return _woo_error(404, "rest_no_route", "No route was found matching the URL and request method.")
        if asked.method == "GET":
            size, page = int(asked.query["per_page"]), int(asked.query["page"])
            return Reply(body=[_shown(h) for h in list(self.hooks.values())[size * (page - 1) : size * page]])
        if asked.method == "POST":
            return self._save(next(self._ids), {"status": "active", **asked.json}, 201)
        one = int(number[1:])
        if one not in self.hooks:
            return _woo_error(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        if asked.method == "PUT":
            return self._save(one, {**self.hooks[one], **asked.json}, 200)
        if asked.query.get("force") != "true":
            return _woo_error(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        return Reply(body=_shown(self.hooks.pop(one)))

    def _save(self, number: int, hook: dict[str, Any], status: int) -> Reply:
        self.hooks[number] = {**hook, "id": number}
        if hook["status"] == "active" and hook["delivery_url"].startswith("http://127.0.0.1"):
            ping = requests.post(hook["delivery_url"], {"webhook_id": number}, timeout=PATIENCE_S)
            self.pings.append(ping.status_code)
        return Reply(status=status, body=_shown(self.hooks[number]))

    def deliver(self, topic: str, body: bytes) -> list[int]:
        hooks = [
            h for h in self.hooks.values() if h["topic"] == topic and h["delivery_url"].startswith("http://127.0.0.1")
        ]
        return [
            requests.post(
                h["delivery_url"], body, timeout=PATIENCE_S,
                headers={"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": digest64(h["secret"], body)},
            ).status_code
            for h in hooks
        ]  # fmt: skip


def _shown(hook: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hook.items() if name != "secret"}


def _woo_error(status: int, code: str, message: str) -> Reply:
    return Reply(status=status, body={"code": code, "message": message, "data": {"status": status}})


@dataclass
class StripeStandIn:
    """docs.stripe.com/api/webhook_endpoints: forms in, the secret in the answer that makes one and in no other."""

    key: str = "rk_test_0123"
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    full: bool = False  # an account has sixteen endpoints at most
    _ids: Any = field(default_factory=itertools.count)

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return Reply(
                status=401, body={"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
            )
        _, _, number = asked.path.partition("/v1/webhook_endpoints")
        form = parse_qsl(asked.body.decode())
        events = [value for name, value in form if name == "enabled_events[]"]
        fields = {name: value for name, value in form if not name.endswith("[]")}
        if asked.method == "GET":
            listed = list(self.endpoints.values())
            ids = [e["id"] for e in listed]
            start = ids.index(asked.query["starting_after"]) + 1 if "starting_after" in asked.query else 0
            return Reply(
                body={"object": "list", "data": listed[start : start + 1], "has_more": start + 1 < len(listed)}
            )
        if not number and self.full:
            message = "You have reached the maximum of 16 webhook endpoints"
            return Reply(status=400, body={"error": {"type": "invalid_request_error", "message": message}})
        if not number:
            made = f"we_{next(self._ids)}"
            self.secrets[made] = f"whsec_{hashlib.sha256(made.encode()).hexdigest()[:32]}"
            self.endpoints[made] = {"id": made, "url": fields["url"], "enabled_events": events, "status": "enabled"}
            return Reply(body={**self.endpoints[made], "secret": self.secrets[made]})
        one = number[1:]
        if one not in self.endpoints:
            return Reply(
                status=404,
                body={"error": {"type": "invalid_request_error", "message": f"No such webhook endpoint: '{one}'"}},
            )
        if asked.method == "DELETE":
            del self.endpoints[one]
            return Reply(body={"id": one, "deleted": True})
        if events:
            self.endpoints[one]["enabled_events"] = events
        if "disabled" in fields:
            self.endpoints[one]["status"] = "disabled" if fields["disabled"] == "true" else "enabled"
        return Reply(body=self.endpoints[one])

    def deliver(self, kind: str, thing: dict[str, Any]) -> list[int]:
        event = {
            "id": "evt_1",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": True,
            "data": {"object": thing},
        }
        body, statuses = json.dumps(event).encode(), []
        for one in self.endpoints.values():
            if kind in one["enabled_events"] and one["url"].startswith("http://127.0.0.1"):
                at = int(time.time())
                sign = hmac.new(self.secrets[one["id"]].encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
                headers = {"Stripe-Signature": f"t={at},v1={sign}"}
                statuses.append(requests.post(one["url"], body, headers=headers, timeout=PATIENCE_S).status_code)
        return statuses


@dataclass
class MetaStandIn:
    """Graph, as meta.md 1 and the pages that `setup.graph` names describe it: one token, two datasets."""

    token: str = "EAAB-the-token-of-the-system-user"
    datasets: dict[str, str] = field(default_factory=lambda: {"9876543210": "Tea shop", "5555555555": "Old shop"})
    received: list[dict[str, Any]] = field(default_factory=list)
    hides_owner: bool = False
    """The token lacks the right to see it: whoever asks for it is refused all of the question."""

    def __call__(self, asked: Asked) -> Reply:
        parts = asked.path.strip("/").split("/")[1:]
        if asked.method == "POST":
            body = asked.json if "json" in asked.headers.get("content-type", "") else asked.form
            return self._events(parts[0], body, asked.query.get("access_token") or body.get("access_token", ""))
        if asked.query.get("access_token") != self.token:
            return _graph_error(190, "Invalid OAuth access token")
        if self.hides_owner and "owner_business" in asked.query.get("fields", ""):
            return _graph_error(200, "Requires business_management permission to manage the object")
        owner = {"owner_business": {"id": "1", "name": "Tea Ltd"}}
        more = owner if "owner_business" in asked.query.get("fields", "") else {}
        pixels = [{"id": i, "name": n, **more} for i, n in self.datasets.items()]
        known = {
            ("debug_token",): {
                "data": {"is_valid": True, "scopes": ["ads_management"], "expires_at": 0, "user_id": "77"}
            },
            ("77", "assigned_ads_pixels"): {"data": pixels},
            ("me", "businesses"): {"data": []},
            **{(p["id"],): p for p in pixels},
        }
        return (
            Reply(body=known[tuple(parts)])
            if tuple(parts) in known
            else _graph_error(100, "Unsupported get request.", 33)
        )

    def _events(self, dataset: str, body: dict[str, Any], token: str) -> Reply:
        if token != self.token:
            return _graph_error(190, "Invalid OAuth access token")
        if dataset not in self.datasets:
            return _graph_error(100, "Unsupported post request.", 33)
        data = json.loads(body["data"]) if isinstance(body["data"], str) else body["data"]
        if not data:
            return _graph_error(100, "(#100) param data must be non-empty.")
        self.received += [{**one, "code": body.get("test_event_code")} for one in data]
        return Reply(body={"events_received": len(data), "messages": [], "fbtrace_id": "A1"})


def _graph_error(code: int, message: str, subcode: int = 0) -> Reply:
    error = {"code": code, "message": message, "type": "OAuthException", "fbtrace_id": "A1"}
    return Reply(status=400, body={"error": {**error, **({"error_subcode": subcode} if subcode else {})}})
