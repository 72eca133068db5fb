"""BigCommerce: one webhook for all that happens to orders, by its API.

Owns the addresses, pages and errors. Source, read November 2026: BigCommerce, webhooks.v3 (`/v3/hooks`: list by page, create, update, delete;
`scope`, `destination`, `is_active`; a webhook that fails for long or is idle for 90 days is switched off; destinations are served on port
443). Our secret stands in the destination, so no destination is shown whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from twofold.pulling.exchange import Answer, Exchange, Unreached
from twofold.setup.connect.contract import Hook, HookState, NotConnected, words_of

SCOPE = "store/order/*"
TOKEN_CLICKS = (
    "BigCommerce > Settings > Store-level API accounts > Create API account, V2/V3 token, with the scope Orders: read-only; the API path "
    "that is shown with it is the endpoint, without /v3"
)
_PER_PAGE, _MAX_PAGES = 250, 40


class BigCommerce(Struct, kw_only=True):
    """``base``: the API path without a version."""

    exchange: Exchange
    base: str
    token: str

    def existing(self) -> list[dict[str, Any]]:
        """All webhooks of this API account. Raises `NotConnected`."""
        found: list[dict[str, Any]] = []
        for page in range(1, _MAX_PAGES + 1):
            answer = self._sent("GET", f"?limit={_PER_PAGE}&page={page}")
            listed = answer.document().get("data")
            if answer.status in (401, 403):
                raise NotConnected(f"BigCommerce does not let the token in: {words_of(answer, 'title')}", TOKEN_CLICKS)
            if answer.status != 200 or not isinstance(listed, list):
                raise NotConnected(
                    f"no list of webhooks at {self.base}/v3/hooks: {words_of(answer, 'title')}", TOKEN_CLICKS
                )
            found += [one for one in listed if isinstance(one, dict)]
            if len(listed) < _PER_PAGE:
                break
        return found

    def connect(self, address: str) -> Iterator[Hook]:
        """One webhook that leads to our address, switched on; others are told and left alone."""
        there = self.existing()
        yield from (_hook(one, HookState.LEFT) for one in there if not _is_ours(one, address))
        ours = [one for one in there if _is_ours(one, address)]
        whole = [one for one in ours if one.get("scope") == SCOPE]
        if whole and whole[0].get("is_active") is True:
            yield _hook(whole[0], HookState.KEPT)
            return
        body = {"scope": SCOPE, "destination": address, "is_active": True}
        answer = self._sent("PUT", f"/{whole[0]['id']}", body) if whole else self._sent("POST", "", body)
        refused = answer.status not in (200, 201)
        state = HookState.REFUSED if refused else HookState.MENDED if whole else HookState.MADE
        text = words_of(answer, "title") if refused else "was switched off" if whole else ""
        yield Hook(topic=SCOPE, address=shown(address), state=state, text=text, needed=True)

    def disconnect(self, address: str) -> Iterator[Hook]:
        """Takes away what leads to our address and nothing else."""
        for one in self.existing():
            if not _is_ours(one, address):
                yield _hook(one, HookState.LEFT)
                continue
            answer = self._sent("DELETE", f"/{one['id']}")
            gone = answer.status in (200, 204, 404)
            yield _hook(
                one, HookState.REMOVED if gone else HookState.REFUSED, "" if gone else words_of(answer, "title")
            )

    def _sent(self, method: str, rest: str, body: Any = None) -> Answer:
        headers = {"X-Auth-Token": self.token, "Accept": "application/json"}
        try:
            return self.exchange.change(method, f"{self.base}/v3/hooks{rest}", body, headers)
        except Unreached as err:
            raise NotConnected(f"{self.base} cannot be reached: {err}", "check the API path") from None


def shown(address: str) -> str:
    """Where a webhook leads, without what may be a secret: scheme and host."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


def _is_ours(hook: dict[str, Any], address: str) -> bool:
    return hook.get("destination") == address


def _hook(one: dict[str, Any], state: HookState, text: str = "") -> Hook:
    return Hook(topic=str(one.get("scope"))[:80], address=shown(str(one.get("destination"))), state=state, text=text)
