"""The console's addresses: who may open each, in which forms it answers.

Owns routing, reading a page and making a change. Who is let in is `entrance`, how an answer looks `answers`, what a page reads `pages`,
what a form does `forms` and `acts`. A page's questions run on threads of their own, never on the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
import anyio.to_thread
import msgspec
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.config import Settings
from twofold.console import forms
from twofold.console.access.guard import no_cookie
from twofold.console.access.register import Refused, Register, Session, Throttled
from twofold.console.access.roles import Right
from twofold.console.acts import search, sharing
from twofold.console.acts.act import Act, Done
from twofold.console.acts.table import ACTS
from twofold.console.answers import OLD_FORM, Answers, plain
from twofold.console.description import describe_console
from twofold.console.entrance import Entrance, form_of
from twofold.console.files import Files
from twofold.console.pages import PAGES
from twofold.console.pages.page import MACHINE_S, READER_S, Asked, NotHere, Page, Shown, UnknownChoice
from twofold.console.parts import ROOT, Parts
from twofold.console.queries.period import said_once
from twofold.console.stream import Stream
from twofold.console.sums.keeper import NotYet
from twofold.console.warming import Warming
from twofold.errors import StoreError, StoreNewer, StoreOlder
from twofold.store.beside.folder import is_open

log = logging.getLogger("twofold.console")

SLOW_WAIT_S = 8.0
HEAVY_AT_ONCE, LIGHT_AT_ONCE, MOST_WAITING = 4, 8, 40
STATIC = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}

_STATIC = resources.files("twofold.console") / "static"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Console:
    """The ASGI application of one console on one data folder."""

    def __init__(
        self, settings: Settings, register: Register, clock: Callable[[], int], config: Path | None = None
    ) -> None:
        """``clock`` gives Unix s; ``config``: the file that the settings were read from."""
        self._parts = Parts(settings, register, clock, config)
        self._answers = Answers(self._parts)
        self._warming = Warming(self._parts.asked_usually)
        self._entrance = Entrance(self._parts, self._answers, self._warming.looked)
        self._files = Files(self._parts, self._answers, self._entrance)
        self._stream = Stream(self._parts, self._entrance)
        # A method that an address has not is answered as an address that there is not: else it would tell which there are.
        handlers = {Exception: self._failed, HTTPException: self._no_method, StoreError: self._unreadable}
        self.app = Starlette(routes=self._routes(), exception_handlers=handlers)
        self._heavy, self._light = anyio.CapacityLimiter(HEAVY_AT_ONCE), anyio.CapacityLimiter(LIGHT_AT_ONCE)

    def close(self) -> None:
        """Nothing that somebody dropped is read any further, and what works beside the pages ends with its next question."""
        self._parts.drops.close()
        self._parts.sums.close()
        self._warming.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    # -- routes

    def _routes(self) -> list[Route]:
        static = [Route(f"{ROOT}/static/{{name}}", self._static)]
        entry = [
            Route(f"{ROOT}/login", self._entrance.log_in, methods=["GET", "POST"]),
            Route(f"{ROOT}/join/{{token}}", self._entrance.join, methods=["GET", "POST"]),
            Route(f"{ROOT}/shared/{{token}}", self._shared),
        ]
        pages = [route for page in PAGES for route in self._page_routes(page)]
        acts = [
            self._act("/people/invite", Right.PEOPLE, forms.invite, "people.html"),
            self._act("/people/{number}/role", Right.PEOPLE, forms.change_role, "people.html"),
            self._act("/people/{number}/end", Right.PEOPLE, forms.end_access, "people.html"),
            self._act("/account/password", None, forms.change_password, "account.html"),
            self._act("/account/code", None, forms.set_code, "account.html"),
            self._act("/account/identity", None, forms.tie_identity, "account.html"),
            self._act("/find", Right.SIGNAL, search.find, "found.html"),
            self._act("/share", None, sharing.share, "share.html"),
            self._act("/share/{number}/end", None, sharing.end, "account.html"),
            self._act("/logout", None, forms.log_out, "account.html"),
            self._act("/deliveries/{number}/again", Right.REPLAY, forms.send_again, "problem.html"),
            self._act("/deliveries/again", Right.REPLAY, forms.send_again, "problem.html"),
            *(self._act(path, right, change, "problem.html") for path, right, change in ACTS),
        ]
        own = [
            Route(f"{ROOT}/people", self._shown(Right.PEOPLE, "people.html", self._people)),
            Route(f"{ROOT}/account", self._account_page),
            Route(f"{ROOT}/live/stream", self._stream.answer),
            Route(f"{ROOT}/imports/drop", self._files.take, methods=["POST"]),
            Route(f"{ROOT}/acceptance/{{code}}/show", self._files.take_evidence, methods=["POST"]),
            Route(f"{ROOT}/acceptance/{{code}}/shown/{{digest}}", self._files.evidence),
            Route(f"{ROOT}/acceptance/{{code}}/packet/{{file}}", self._files.packet),
            Route(f"{ROOT}/openapi.json", self._description),
        ]
        return [*static, *entry, *acts, *own, *pages, Route("/{rest:path}", self._elsewhere, methods=_METHODS)]

    async def _description(self, request: Request) -> Response:
        """Which addresses there are is for whoever is logged in."""
        session, refusal = await self._entrance.let_in(request, None)
        if session is None:
            return refusal
        return plain(msgspec.json.encode(describe_console(PAGES, ROOT)), "application/json")

    def _page_routes(self, page: Page) -> list[Route]:
        answers = (  # `orders/5001.json` is the page of 5001, not of another order: the bare path comes last
            (".csv", self._answers.csv, MACHINE_S), (".json", self._answers.json, MACHINE_S), ("", self._answers.html, READER_S),
        )  # fmt: skip
        return [
            Route(f"{ROOT}{page.path}{ending}", self._reading(page, answer, patience_s))
            for ending, answer, patience_s in answers
        ]

    # -- reading

    def _reading(self, page: Page, answer: Callable[..., Response], patience_s: float) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            session, refusal = await self._entrance.let_in(request, page.right)
            if session is None:
                return refusal
            asked = replace(self._parts.asked(request, session), patience_s=patience_s)
            once = said_once(asked.choices)
            if once is not None:  # so that the address can be passed on, and the page's links lead from it
                path = request.url.path.removeprefix(ROOT)
                return self._answers.go(path + (f"?{urlencode(once)}" if once else ""))
            try:
                shown = await self._read(page, asked)
            except UnknownChoice as unknown:
                return self._answers.unknown(request, asked, unknown)
            except NotHere:
                return self._answers.nothing(request, session)
            except NotYet as making:
                return self._answers.making(request, session, making.done)
            except StoreError as err:
                return self._answers.page(request, session, "problem.html", self._trouble(err), status=503)
            return answer(request, asked, page, shown)

        return handle

    def _trouble(self, err: StoreError) -> dict[str, str]:
        """What is wrong with the data folder, and whose turn it is."""
        if isinstance(err, StoreNewer):
            return {
                "problem": "The data folder is of a newer version than this console. Whoever runs the console starts the version that the gateway has; `twofold version` says which is installed."
            }
        if not isinstance(err, StoreOlder):
            return {"problem": str(err)}
        if is_open(Path(self._parts.settings.server.data)):
            return {
                "problem": "This console is of a newer version than the gateway that has the data folder. Whoever runs the gateway stops it and starts `twofold serve` of this version; then load this page again. Until then events are taken as before, and nothing is lost."
            }
        return {
            "problem": "The data folder is of an older version than this console. Whoever runs the console starts it again: at its start it brings the folder along, as `twofold serve` does. The older version refuses the folder from then on."
        }

    async def _read(self, page: Page, asked: Asked) -> Shown:
        """On threads of its kind: however many wait for a slow question, the quick pages and the log-in go on."""
        limiter = self._heavy if page.heavy else self._light
        if limiter.statistics().tasks_waiting >= MOST_WAITING:
            raise StoreError("too many questions are being asked at once; try again in a minute")
        read = partial(self._answered, page) if page.slow else page.read
        return await anyio.to_thread.run_sync(read, asked, limiter=limiter)

    def _answered(self, page: Page, asked: Asked) -> Shown:
        """A slow page's answer, perhaps from some seconds ago; the same for readers who are shown the same."""
        person = asked.session.person
        question = (page.path, *asked.path.items(), *sorted(asked.choices.items()), person.role, asked.words.language)
        shown: Shown | None = asked.remembered.ask(question, lambda: page.read(asked), SLOW_WAIT_S)
        if shown is None:
            raise NotYet(0)
        return shown

    async def _shared(self, request: Request) -> Response:
        """One page for whoever has its link: nothing leads on, nothing can be changed. Without it, what a stranger sees."""
        if not self._parts.guard.knows_host(request):
            return self._answers.misdirected()
        found = await run_in_threadpool(self._parts.register.shared, request.path_params["token"], self._parts.clock())
        page = sharing.shown_page(found) if found else None
        if found is None or page is None:
            return self._answers.page(request, None, "login.html", {"said": ""}, status=401)
        asked = replace(
            self._parts.asked(request, sharing.guest_session(found)), choices=dict(parse_qsl(found.query)), path={}, patience_s=READER_S,
        )  # fmt: skip
        try:
            shown = await self._read(page, asked)
        except NotYet as making:
            return self._answers.making(request, None, making.done)
        except (UnknownChoice, NotHere):
            return self._answers.page(request, None, "login.html", {"said": ""}, status=401)
        figures = {"rows": shown.rows, **shown.figures, "here": page, "choices": asked.choices, "shared": found}
        return self._answers.page(request, None, page.template, figures, status=shown.status)

    def _shown(
        self, right: Right | None, template: str, figures: Callable[[Session], Mapping[str, Any]]
    ) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            session, refusal = await self._entrance.let_in(request, right)
            if session is None:
                return refusal
            return self._answers.page(request, session, template, await run_in_threadpool(figures, session))

        return handle

    def _people(self, _session: Session) -> dict[str, Any]:
        return {**forms.people_figures(self._parts.register), "link": "", "for": "", "said": ""}

    async def _account_page(self, request: Request) -> Response:
        session, refusal = await self._entrance.let_in(request, None)
        if session is None:
            return refusal
        shares = await run_in_threadpool(self._parts.register.shares, session.person, self._parts.clock())
        figures = forms.account_figures(person=session.person)
        identity = self._parts.guard.identity_of(request)
        if identity is not None:
            figures["can_tie"] = await run_in_threadpool(self._parts.register.person_of, identity) is None
        return self._answers.page(request, session, "account.html", {**figures, "shares": shares})

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._parts.guard.knows_host(request):
            return self._answers.misdirected()
        if name not in STATIC:
            return await self._elsewhere(request)
        response = plain((_STATIC / name).read_bytes(), STATIC[name])
        response.headers["cache-control"] = "private, max-age=300"
        return response

    # -- changing

    def _act(self, path: str, right: Right | None, change: Callable[[Act], Done], template: str) -> Route:
        async def handle(request: Request) -> Response:
            session, refusal = await self._entrance.let_in(request, right)
            if session is None:
                return refusal
            given = await form_of(request)
            if not self._parts.guard.allows_change(request, session, given.get("csrf", "")):
                return self._answers.page(request, session, "problem.html", {"problem": OLD_FORM}, status=403)
            act = self._parts.act(request, session, given)
            try:
                done = await run_in_threadpool(change, act)
            except Refused as err:
                status = 429 if isinstance(err, Throttled) else 409
                return self._answers.page(request, session, "problem.html", {"problem": str(err)}, status=status)
            self._parts.remembered.forget()
            if done.rereads:
                self._parts.reread()
            if done.to:
                return self._answers.go(done.to, no_cookie() if done.logs_out else None)
            figures = {"said": "", "link": "", "for": "", **done.figures}
            return self._answers.page(request, session, done.template or template, figures, status=done.status)

        return Route(f"{ROOT}{path}", handle, methods=["POST"])

    # -- all else

    async def _elsewhere(self, request: Request) -> Response:
        """Every other address: the first page for who is logged in at the front, else as if it were nothing."""
        session, refusal = await self._entrance.let_in(request, None)
        if session is None:
            return refusal
        if request.url.path.rstrip("/") in ("", ROOT) and request.method in ("GET", "HEAD"):
            return self._answers.go("/today")
        return self._answers.nothing(request, session)

    async def _no_method(self, request: Request, _err: Exception) -> Response:
        return await self._elsewhere(request)

    async def _unreadable(self, request: Request, err: Exception) -> Response:
        """What could not be read or kept is said to who is logged in; a stranger learns that it is not their fault."""
        session = getattr(request.state, "session", None)
        if session is None:
            log.error("nobody can be let in: %s", err)
        said = str(err) if session else "Nobody can be let in right now. What is wrong stands in the console's log."
        return self._answers.page(request, session, "problem.html", {"problem": said}, status=503)

    async def _failed(self, _request: Request, err: Exception) -> Response:
        log.exception("a page of the console could not be made", exc_info=err)
        return plain(
            b"This page could not be made. What is wrong stands in the console's log.\n", "text/plain", status=500
        )
