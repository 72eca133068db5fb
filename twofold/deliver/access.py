"""How a destination is reached now: its settings with the access token of the hour, and what of them no note may repeat.

Owns the settings while they are changed under way. How a token is come by and kept is in `tokens`.
"""

from __future__ import annotations

from msgspec.structs import replace

from twofold.clock import Clock
from twofold.deliver.contract import DeliveryTarget
from twofold.deliver.later import LATER
from twofold.deliver.redact import redact
from twofold.deliver.sender import Sender
from twofold.deliver.tokens import AccessToken
from twofold.destinations.contract import AnswerVerdict, Destination
from twofold.event.delivery import TRACE


class Access:
    """``target``: the settings as they were last given."""

    def __init__(self, destination: Destination, target: DeliveryTarget, sender: Sender, clock: Clock) -> None:
        self._destination, self.target = destination, target
        self._token = AccessToken(destination.grant, sender, clock) if destination.grant else None
        self._older: set[str] = set()  # secrets of requests that are out

    def retarget(self, target: DeliveryTarget) -> None:
        """The same destination with another token or address, from the next request on."""
        self._older = self._secrets()
        self.target = target
        if self._token is not None:
            self._token.forget(self._token.current)

    async def granted(self) -> DeliveryTarget | AnswerVerdict:
        """The target with the access token of the hour, where the platform has such; or why there is none."""
        token = await self._token.get(self.target) if self._token is not None else None
        if token is None:
            return self.target
        if isinstance(token, AnswerVerdict):
            return token
        granted: DeliveryTarget = replace(self.target, token=token)  # type: ignore[type-var]
        return granted

    def is_stale(self, target: DeliveryTarget | AnswerVerdict) -> bool:
        """True when a request was made with a token that can be exchanged for a newer one."""
        if self._token is None or isinstance(target, AnswerVerdict):
            return False
        return self._token.forget(target.token) or target.token != self._token.current != ""

    def note(self, verdict: AnswerVerdict) -> str:
        """The platform's words, and before them its number of the request, which its own file has held against a form."""
        secrets = self._secrets() | self._older
        said = redact(verdict.note, *secrets)
        number = verdict.later or verdict.trace
        if not number or any(secret in number for secret in secrets):
            return said
        return f"{LATER if verdict.later else TRACE}{number} {said}".strip()

    def _secrets(self) -> set[str]:
        """What must stand in no note, whatever the platform repeats."""
        target = self.target
        found = {target.token, target.app_secret, *(self._token.given if self._token else ())}
        found |= {target.options.get(name, "") for name, o in self._destination.options.items() if o.secret}
        return found - {""}
