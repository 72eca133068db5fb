"""Shopify: an app's own subscriptions, by its GraphQL Admin API; they are signed with the app's client secret.

Owns the ways in (client credentials, or an older app's access token), the queries and what their errors mean. Sources, read November
2026: shopify.dev, "Using the client credentials grant"; GraphQL Admin API 2026-10, `webhookSubscriptions`,
`webhookSubscriptionCreate`, `webhookSubscriptionDelete`; changelog "webhookSubscriptionCreate and webhookSubscriptionUpdate support all
URI types" (`uri` instead of `callbackUrl`, since 2025-10). An app sees its own subscriptions only: those made by hand under
Notifications are not to be seen from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from twofold.pulling.exchange import Answer, Exchange, Unreached
from twofold.setup.connect.contract import Hook, HookState, NotConnected, words_of
from twofold.setup.topics import NEEDED, WANTED

VERSION = "2026-10"
SCOPES = {
    "read_orders": "orders, refunds, payments",
    "read_fulfillments": "where parcels are",
    "read_returns": "returns",
}
APP_CLICKS = (
    "dev.shopify.com > Apps > Create app: choose the scopes read_orders, read_fulfillments, read_returns, release a version, install "
    "it in the shop; Settings shows client ID and secret"
)
HAND_CLICKS = "Settings > Notifications > Webhooks > Create webhook, format JSON, one for each topic of docs/shopify.md"

_LIST = """query ($after: String) { webhookSubscriptions(first: 100, after: $after) {
  nodes { id topic uri } pageInfo { hasNextPage endCursor } } }"""
_SCOPES = "query { currentAppInstallation { accessScopes { handle } } }"
_CREATE = """mutation ($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) { webhookSubscription { id } userErrors { message } } }"""
_DELETE = (
    "mutation ($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { message } } }"
)
_MAX_PAGES = 50


class Subscription(Struct, frozen=True):
    id: str
    topic: str  # as ORDERS_CREATE
    uri: str


class Shopify(Struct, kw_only=True):
    """``base``: https:// and the shop's own domain. ``token``: of an app made before 2026; else one is asked for."""

    exchange: Exchange
    base: str
    client_id: str = ""
    client_secret: str = ""
    token: str = ""

    def enter(self) -> tuple[str, ...]:
        """The scopes that this app has in the shop. Raises `NotConnected`."""
        if not self.token:
            form = {
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "grant_type": "client_credentials",
            }
            answer = self._sent("POST", f"{self.base}/admin/oauth/access_token", form, form=True)
            token = answer.document().get("access_token")
            if answer.status != 200 or not isinstance(token, str):
                said = (
                    words_of(answer, "error_description")
                    if "error_description" in answer.document()
                    else words_of(answer, "error")
                )
                raise NotConnected(
                    f"Shopify does not let the app in: {said}", f"{APP_CLICKS}; or by hand: {HAND_CLICKS}"
                )
            self.token = token
        data = self._ask(_SCOPES)
        installation = data.get("currentAppInstallation") or {}
        return tuple(str(one.get("handle")) for one in installation.get("accessScopes") or ())

    def existing(self) -> list[Subscription]:
        """This app's subscriptions, all of them."""
        found: list[Subscription] = []
        after: str | None = None
        for _ in range(_MAX_PAGES):
            page = self._ask(_LIST, {"after": after}).get("webhookSubscriptions") or {}
            found += [
                Subscription(str(n["id"]), str(n["topic"]), str(n.get("uri") or "")) for n in page.get("nodes") or ()
            ]
            info = page.get("pageInfo") or {}
            if not info.get("hasNextPage"):
                break
            after = str(info.get("endCursor"))
        return found

    def connect(self, address: str) -> Iterator[Hook]:
        """A subscription for each topic that leads to our address; what leads elsewhere is told."""
        there = self.existing()
        yield from (_hook(one, HookState.LEFT) for one in there if one.uri != address)
        ours = {one.topic for one in there if one.uri == address}
        for topic in WANTED["shopify"]:
            needed = topic in NEEDED["shopify"]
            if _constant(topic) in ours:
                yield Hook(topic=topic, address=address, state=HookState.KEPT, needed=needed)
                continue
            hook = {"uri": address, "format": "JSON"}
            done = self._ask(_CREATE, {"topic": _constant(topic), "hook": hook}).get("webhookSubscriptionCreate") or {}
            text = "; ".join(str(e.get("message"))[:200] for e in done.get("userErrors") or ())
            made = bool(done.get("webhookSubscription")) and not text
            yield Hook(
                topic=topic,
                address=address,
                state=HookState.MADE if made else HookState.REFUSED,
                text=text,
                needed=needed,
            )

    def disconnect(self, address: str) -> Iterator[Hook]:
        """Takes away what leads to our address and nothing else."""
        for one in self.existing():
            if one.uri != address:
                yield _hook(one, HookState.LEFT)
                continue
            done = self._ask(_DELETE, {"id": one.id}).get("webhookSubscriptionDelete") or {}
            text = "; ".join(str(e.get("message"))[:200] for e in done.get("userErrors") or ())
            yield _hook(one, HookState.REFUSED if text else HookState.REMOVED, text)

    def _ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self.base}/admin/api/{VERSION}/graphql.json"
        body = {"query": query, "variables": variables or {}}
        answer = self._sent("POST", url, body, headers={"X-Shopify-Access-Token": self.token})
        document = answer.document()
        if answer.status in (401, 403):
            raise NotConnected(f"Shopify does not know the token any more: {words_of(answer, 'errors')}", APP_CLICKS)
        if answer.status != 200 or "data" not in document or document["data"] is None:
            raise NotConnected(
                f"Shopify could not answer: {words_of(answer, 'errors', 0, 'message')}", "try again in a minute"
            )
        return dict(document["data"])

    def _sent(
        self, method: str, url: str, body: Any, *, form: bool = False, headers: dict[str, str] | None = None
    ) -> Answer:
        try:
            return self.exchange.change(method, url, body, headers, form=form)
        except Unreached as err:
            raise NotConnected(f"{self.base} cannot be reached: {err}", "check the shop's myshopify domain") from None


def _constant(topic: str) -> str:
    """ORDERS_CREATE for orders/create."""
    return topic.replace("/", "_").upper()


def _hook(one: Subscription, state: HookState, text: str = "") -> Hook:
    known = {_constant(topic): topic for topic in WANTED["shopify"]}
    return Hook(topic=known.get(one.topic, one.topic), address=one.uri, state=state, text=text)
