"""Stripe: one webhook endpoint with all events, by its API; its signing secret is told once, in the answer that makes it.

Owns the addresses, forms and errors. Source, read November 2026: docs.stripe.com/api/webhook_endpoints (create, list with
starting_after, update, delete; `secret` "only returned at creation"), docs.stripe.com/api/errors. An endpoint of ours whose secret is
not known here any more is made anew, and the old one is taken away only when the new one's secret is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from twofold.pulling.exchange import Answer, Exchange, Unreached, bearer
from twofold.setup.connect.contract import Hook, HookState, NotConnected, words_of
from twofold.setup.topics import WANTED

ENDPOINT = "https://api.stripe.com"
KEY_CLICKS = "dashboard.stripe.com > Developers > API keys > Create restricted key, with Webhook Endpoints: Write"
_MAX_PAGES = 20


class Stripe(Struct, kw_only=True):
    exchange: Exchange
    key: str
    base: str = ENDPOINT

    def existing(self) -> list[dict[str, Any]]:
        """All endpoints of the account, in the mode of the key. Raises `NotConnected`."""
        found: list[dict[str, Any]] = []
        after = ""
        for _ in range(_MAX_PAGES):
            answer = self._sent("GET", f"?limit=100{after}")
            page = answer.document()
            if answer.status in (401, 403):
                raise NotConnected(
                    f"Stripe does not let the key in: {words_of(answer, 'error', 'message')}", KEY_CLICKS
                )
            if answer.status != 200 or not isinstance(page.get("data"), list):
                raise NotConnected(
                    f"Stripe could not answer: {words_of(answer, 'error', 'message')}", "try again in a minute"
                )
            found += [one for one in page["data"] if isinstance(one, dict)]
            if not page.get("has_more") or not page["data"]:
                break
            after = f"&starting_after={page['data'][-1]['id']}"
        return found

    def connect(self, address: str, knows_secret: bool, keep: Callable[[str], None]) -> Iterator[Hook]:
        """``knows_secret``: this side has the secret of the endpoint that is there; ``keep`` is given a new one's."""
        there = self.existing()
        yield from (_hook(one, HookState.LEFT) for one in there if one.get("url") != address)
        ours = [one for one in there if one.get("url") == address]
        if ours and knows_secret:
            yield from self._mended(ours[0], address)
            return
        answer = self._sent("POST", "", [("url", address), ("description", "Twofold"), *_events()])
        made = answer.document()
        if answer.status != 200 or not isinstance(made.get("secret"), str):
            text = words_of(answer, "error", "message")
            yield Hook(topic="all events", address=address, state=HookState.REFUSED, text=text, needed=True)
            return
        keep(made["secret"])
        yield Hook(topic=f"{len(WANTED['stripe'])} events", address=address, state=HookState.MADE, needed=True)
        for old in ours:  # only now: until its secret was kept, nothing but the old one could be read
            yield self._removed(old)

    def _mended(self, one: dict[str, Any], address: str) -> Iterator[Hook]:
        on, missing = one.get("status") == "enabled", set(WANTED["stripe"]) - set(one.get("enabled_events") or ())
        everything = one.get("enabled_events") == ["*"]
        topic = f"{len(WANTED['stripe'])} events"
        if on and (everything or not missing):
            yield Hook(topic=topic, address=address, state=HookState.KEPT, needed=True)
            return
        more = [] if everything else _events(sorted({*WANTED["stripe"], *(one.get("enabled_events") or ())}))
        answer = self._sent("POST", f"/{one['id']}", [("disabled", "false"), *more])
        fine = answer.status == 200
        said = f"{len(missing)} events were missing" if on else "was disabled"
        yield Hook(
            topic=topic, address=address, state=HookState.MENDED if fine else HookState.REFUSED, needed=True,
            text=said if fine else words_of(answer, "error", "message"),
        )  # fmt: skip

    def disconnect(self, address: str) -> Iterator[Hook]:
        """Takes away what leads to our address and nothing else."""
        for one in self.existing():
            yield self._removed(one) if one.get("url") == address else _hook(one, HookState.LEFT)

    def _removed(self, one: dict[str, Any]) -> Hook:
        answer = self._sent("DELETE", f"/{one['id']}")
        gone = answer.status in (200, 404)
        return _hook(
            one, HookState.REMOVED if gone else HookState.REFUSED, "" if gone else words_of(answer, "error", "message")
        )

    def _sent(self, method: str, rest: str, form: list[tuple[str, str]] | None = None) -> Answer:
        try:
            url = f"{self.base}/v1/webhook_endpoints{rest}"
            return self.exchange.change(method, url, form, bearer(self.key), form=True)
        except Unreached as err:
            raise NotConnected(f"{self.base} cannot be reached: {err}", "check DNS and firewall") from None


def _events(names: list[str] | None = None) -> list[tuple[str, str]]:
    return [("enabled_events[]", name) for name in names or WANTED["stripe"]]


def _hook(one: dict[str, Any], state: HookState, text: str = "") -> Hook:
    events = one.get("enabled_events") or ()
    return Hook(topic=f"{len(events)} events", address=str(one.get("url")), state=state, text=text)
