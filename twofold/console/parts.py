"""What all of a console's pages, forms and doors are made with.

Owns the settings as they are at the moment, and how a question and a change are put together from a request. Nothing is answered here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from starlette.requests import Request

from twofold.config import ConsoleSettings, Settings, load_settings
from twofold.console.access.guard import Guard
from twofold.console.access.register import Person, Register, Session
from twofold.console.access.roles import Role
from twofold.console.acts.act import Act
from twofold.console.dropped.held import Drops
from twofold.console.pages.page import Asked
from twofold.console.queries.policies import policy_of
from twofold.console.sums.keeper import SumsKeeper
from twofold.console.sums.remembered import Remembered
from twofold.console.words import Words, language_of
from twofold.errors import ConfigError

ROOT = "/console"
LANGUAGE_COOKIE = "twofold-language"


class Parts:
    """Of one console on one data folder."""

    def __init__(
        self, settings: Settings, register: Register, clock: Callable[[], int], config: Path | None = None
    ) -> None:
        """``clock`` gives Unix s; ``config``: the file that the settings were read from."""
        self.config = config
        self.settings = settings
        self.register = register
        self.clock = clock
        own = self.own = replace(settings.console or ConsoleSettings(), timezone=settings.pages_zone)
        self.guard = Guard(register, own.hosts, own.proxies, clock, own.identity_header, own.identity_from)
        self.sums = SumsKeeper(settings.server.data, policy_of(settings), own.timezone)
        self.remembered: Remembered[Any] = Remembered()
        self.drops = Drops()

    def reread(self) -> None:
        """The settings with their secrets as they are now; the old ones where the file cannot be read at the moment."""
        with suppress(ConfigError):
            fresh = load_settings(self.config, data=self.settings.server.data)
            self.settings = replace(fresh, console=self.settings.console)

    def words(self, request: Request) -> Words:
        own = self.own
        chosen = request.query_params.get("language", "") or request.cookies.get(LANGUAGE_COOKIE, "")
        return Words(language_of(request.headers.get("accept-language", ""), chosen, own.language), own.timezone)

    def asked(self, request: Request, session: Session) -> Asked:
        return Asked(
            settings=self.settings,
            folder=self.settings.server.data,
            session=session,
            words=self.words(request),
            now=self.clock(),
            choices=dict(request.query_params),
            path={k: str(v) for k, v in request.path_params.items()},
            sums=self.sums,
            remembered=self.remembered,
            drops=self.drops,
            config=self.config,
        )

    def asked_usually(self) -> Asked:
        """As an owner asks who chose nothing."""
        owner = Person(id=0, name="", role=Role.OWNER, has_code=False, ended=False)
        return Asked(
            settings=self.settings, folder=self.settings.server.data, session=Session(person=owner, csrf="", digest=b""),
            words=Words(language_of("", "", self.own.language), self.own.timezone), now=self.clock(), choices={}, path={}, sums=self.sums,
            remembered=self.remembered, drops=self.drops, config=self.config,
        )  # fmt: skip

    def act(self, request: Request, session: Session, given: Mapping[str, str]) -> Act:
        """A change as it is asked for, once its form is known to be ours."""
        return Act(
            settings=self.settings, register=self.register, session=session, given=given,
            path={k: str(v) for k, v in request.path_params.items()}, address=self.guard.address_of(request),
            now=self.clock(), link=lambda token: f"{self.guard.origin_of(request)}{ROOT}/join/{token}",
            shared=lambda token: f"{self.guard.origin_of(request)}{ROOT}/shared/{token}",
            identity=self.guard.identity_of(request), sums=self.sums, remembered=self.remembered,
            drops=self.drops, config=self.config,
        )  # fmt: skip
