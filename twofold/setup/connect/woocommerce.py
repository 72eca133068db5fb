"""WooCommerce: webhooks by its REST API, each with the secret that we give it.

Owns the addresses, pages and errors. Source, read November 2026: WooCommerce REST API v3, "Webhooks" (list, create with name, topic,
delivery_url and secret; update; delete with force=true) and "Authentication over HTTPS" (Basic with consumer key and secret). A
webhook never tells its secret, so one that leads to our address gets ours anew each time. Saving one sends a ping.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from twofold.pulling.exchange import Answer, Exchange, Unreached, basic
from twofold.setup.connect.contract import Hook, HookState, NotConnected, words_of
from twofold.setup.topics import NEEDED, WANTED

KEY_CLICKS = (
    "WooCommerce > Settings > Advanced > REST API > Add key, permissions Read/Write, of a user who may read orders"
)
HAND_CLICKS = "WooCommerce > Settings > Advanced > Webhooks > Add webhook, API version v3, one for each topic of docs/woocommerce.md"
_PER_PAGE = 100
_MAX_PAGES = 50


class WooCommerce(Struct, kw_only=True):
    """``base``: the address of WordPress."""

    exchange: Exchange
    base: str
    consumer_key: str
    consumer_secret: str

    def existing(self) -> list[dict[str, Any]]:
        """All webhooks of the shop. Raises `NotConnected`."""
        found: list[dict[str, Any]] = []
        for page in range(1, _MAX_PAGES + 1):
            answer = self._sent("GET", f"?per_page={_PER_PAGE}&page={page}")
            listed = answer.value()
            if answer.status in (401, 403):
                raise NotConnected(f"WooCommerce does not let the key in: {words_of(answer, 'message')}", KEY_CLICKS)
            if answer.status != 200 or not isinstance(listed, list):
                said = f"no list of webhooks at {self.base}/wp-json/wc/v3/webhooks: {words_of(answer, 'message')}"
                raise NotConnected(said, f"Settings > Permalinks must not be Plain; or by hand: {HAND_CLICKS}")
            found += [one for one in listed if isinstance(one, dict)]
            if len(listed) < _PER_PAGE:
                break
        return found

    def connect(self, address: str, secret: str) -> Iterator[Hook]:
        """One webhook a topic, with this secret, active; what leads elsewhere is told."""
        there = self.existing()
        yield from (_hook(one, HookState.LEFT) for one in there if one.get("delivery_url") != address)
        ours = {str(one.get("topic")): one for one in there if one.get("delivery_url") == address}
        for topic in WANTED["woocommerce"]:
            body = {
                "name": f"Twofold {topic}",
                "topic": topic,
                "delivery_url": address,
                "secret": secret,
                "status": "active",
            }
            known = ours.get(topic)
            # WooCommerce disables one after failures and goes on counting when it is active again: it is made anew instead.
            off = known is not None and known.get("status") == "disabled"
            answer = self._sent("PUT", f"/{known['id']}", body) if known and not off else self._sent("POST", "", body)
            if known and off and answer.status in (200, 201):
                self._sent("DELETE", f"/{known['id']}?force=true")
            was_active = known is not None and known.get("status") == "active"
            state = HookState.MADE if known is None else HookState.KEPT if was_active else HookState.MENDED
            refused = answer.status not in (200, 201)
            yield Hook(
                topic=topic, address=address, state=HookState.REFUSED if refused else state, needed=topic in NEEDED["woocommerce"],
                text=words_of(answer, "message") if refused else "" if state != HookState.MENDED else f"was {known and known.get('status')}",
            )  # fmt: skip

    def disconnect(self, address: str) -> Iterator[Hook]:
        """Takes away what leads to our address and nothing else."""
        for one in self.existing():
            if one.get("delivery_url") != address:
                yield _hook(one, HookState.LEFT)
                continue
            answer = self._sent("DELETE", f"/{one['id']}?force=true")
            gone = answer.status in (200, 404)
            yield _hook(
                one, HookState.REMOVED if gone else HookState.REFUSED, "" if gone else words_of(answer, "message")
            )

    def _sent(self, method: str, rest: str, body: Any = None) -> Answer:
        headers = basic(self.consumer_key, self.consumer_secret)
        try:
            return self.exchange.change(method, f"{self.base}/wp-json/wc/v3/webhooks{rest}", body, headers)
        except Unreached as err:
            raise NotConnected(f"{self.base} cannot be reached: {err}", "check the shop's address") from None


def _hook(one: dict[str, Any], state: HookState, text: str = "") -> Hook:
    return Hook(topic=str(one.get("topic")), address=str(one.get("delivery_url")), state=state, text=text)
