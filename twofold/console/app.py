"""The console's addresses: who may open each, in which forms it answers, what every answer carries.

Owns routing and the order of checks: a Host of ours, a session, the role's right, and for a change where it came from.
Whoever is not logged in sees the page to log in at every address alike, and learns nothing about which there are. What a
page reads is `pages`, what a form does is `forms`. A page's questions run on threads of their own, never on the loop.
"""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
import anyio.to_thread
import jinja2
import msgspec
from markupsafe import Markup, escape
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from twofold import __version__
from twofold.config import ConsoleSettings, Settings, load_settings
from twofold.console import evidence, forms
from twofold.console.access.guard import HEADERS, Guard, cookie_of, no_cookie
from twofold.console.access.register import Person, Refused, Register, Session, Throttled
from twofold.console.access.roles import Right, Role, may
from twofold.console.acts import acceptance, search, sharing
from twofold.console.acts.act import Act, Done
from twofold.console.acts.table import ACTS
from twofold.console.charts import definitions
from twofold.console.charts.drawing import draw
from twofold.console.description import describe_console
from twofold.console.dropped.form import Malformed, TooLarge, Upload
from twofold.console.dropped.held import MOST_BYTES, Drop, Drops
from twofold.console.pages import PAGES
from twofold.console.pages.page import Asked, NotHere, Page, Shown, UnknownChoice
from twofold.console.queries.period import CHOICES
from twofold.console.queries.policies import policy_of
from twofold.console.queries.signal import copies_after
from twofold.console.sums.keeper import NotYet, SumsKeeper
from twofold.console.sums.remembered import Remembered
from twofold.console.warming import Warming
from twofold.console.words import LANGUAGES, Words, language_of
from twofold.errors import ConfigError, StoreError, StoreNewer, StoreOlder
from twofold.spreadsheet import safe_cell
from twofold.store.beside.folder import is_open

log = logging.getLogger("twofold.console")

ROOT = "/console"
MAX_FORM = 16_384
STREAM_S = 0.5
UPLOAD_S = 600
AGAIN_S, SLOW_WAIT_S = 2, 8.0
STREAM_ROWS = 100
MOST_STREAMS = 4
"""Of one session."""
HEAVY_AT_ONCE, LIGHT_AT_ONCE, MOST_WAITING = 4, 8, 40
STATIC = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
LANGUAGE_COOKIE = "twofold-language"

_HERE = resources.files("twofold.console")


class Console:
    """The ASGI application of one console on one data folder."""

    def __init__(
        self, settings: Settings, register: Register, clock: Callable[[], int], config: Path | None = None
    ) -> None:
        """``clock`` gives Unix s; ``config``: the file that the settings were read from."""
        self._config = config
        self._settings = settings
        self._register = register
        self._clock = clock
        own = self._own = settings.console or ConsoleSettings()
        self._guard = Guard(register, own.hosts, own.proxies, clock, own.identity_header, own.identity_from)
        self._sums = SumsKeeper(settings.server.data, policy_of(settings), own.timezone)
        self._remembered: Remembered[Any] = Remembered()
        self._drops = Drops()
        self._warming = Warming(self._asked_usually)
        self._templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(lambda name: (_HERE / "templates" / name).read_text(encoding="utf-8")),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["ticked"] = _ticked
        self._templates.globals.update(
            drawn=lambda words, definition: draw(definition, words.figure, words.share),
            bridge_chart=definitions.bridge, matrix_chart=definitions.matrix, bands_chart=definitions.bands, dots_chart=definitions.dots,
        )  # fmt: skip
        # A method that an address has not is answered as an address that there is not: else it would tell which there are.
        handlers = {Exception: self._failed, HTTPException: self._no_method, StoreError: self._unreadable}
        self.app = Starlette(routes=self._routes(), exception_handlers=handlers)
        self._streams: Counter[bytes] = Counter()
        self._heavy, self._light = anyio.CapacityLimiter(HEAVY_AT_ONCE), anyio.CapacityLimiter(LIGHT_AT_ONCE)

    def close(self) -> None:
        """Nothing that somebody dropped is read any further."""
        self._drops.close()
        self._warming.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    # -- routes

    def _routes(self) -> list[Route]:
        static = [Route(f"{ROOT}/static/{{name}}", self._static)]
        entry = [
            Route(f"{ROOT}/login", self._login, methods=["GET", "POST"]),
            Route(f"{ROOT}/join/{{token}}", self._join, methods=["GET", "POST"]),
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
            Route(f"{ROOT}/live/stream", self._stream),
            Route(f"{ROOT}/imports/drop", self._take_file, methods=["POST"]),
            Route(f"{ROOT}/acceptance/{{code}}/show", self._take_evidence, methods=["POST"]),
            Route(f"{ROOT}/acceptance/{{code}}/shown/{{digest}}", self._evidence),
            Route(f"{ROOT}/acceptance/{{code}}/packet/{{file}}", self._packet),
            Route(f"{ROOT}/openapi.json", self._description),
        ]
        return [*static, *entry, *acts, *own, *pages, Route("/{rest:path}", self._elsewhere, methods=_METHODS)]

    async def _description(self, request: Request) -> Response:
        """Which addresses there are is for whoever is logged in."""
        session, refusal = await self._let_in(request, None)
        if session is None:
            return refusal
        return _answer(msgspec.json.encode(describe_console(PAGES, ROOT)), "application/json")

    def _page_routes(self, page: Page) -> list[Route]:
        answers = (("", self._html), (".json", self._json), (".csv", self._csv))
        return [
            Route(f"{ROOT}{page.path}{ending}", self._reading(page, answer))
            for ending, answer in reversed(answers)  # `orders/5001.json` is the page of 5001, not of another order
        ]

    # -- reading

    def _reading(self, page: Page, answer: Callable[..., Response]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            session, refusal = await self._let_in(request, page.right)
            if session is None:
                return refusal
            asked = self._asked(request, session)
            try:
                shown = await self._read(page, asked)
            except UnknownChoice as unknown:
                return self._unknown(request, asked, unknown)
            except NotHere:
                return self._nothing(request, session)
            except NotYet as making:
                return self._making(request, session, making.done)
            except StoreError as err:
                return self._page(request, session, "problem.html", self._trouble(err), status=503)
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
        if is_open(Path(self._settings.server.data)):
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

    def _html(self, request: Request, asked: Asked, page: Page, shown: Shown) -> Response:
        figures = {"rows": shown.rows, **shown.figures, "here": page}
        response = self._page(request, asked.session, page.template, figures, status=shown.status)
        if shown.again_s:
            response.headers["refresh"] = str(shown.again_s)
        return response

    def _json(self, _request: Request, asked: Asked, page: Page, shown: Shown) -> Response:
        about = {"row": "about", "page": page.path, "version": __version__, "as_of": asked.now, **shown.about}
        lines = [about, *({"row": page.path.strip("/").partition("/")[0], **row} for row in shown.rows)]
        body = b"".join(map(_line, lines))
        return _answer(body, "application/x-ndjson", attachment=_file_name(page, "json"))

    def _csv(self, _request: Request, _asked: Asked, page: Page, shown: Shown) -> Response:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(shown.columns)
        for row in shown.rows:
            writer.writerow([_cell(row.get(name)) for name in shown.columns])
        return _answer(out.getvalue().encode(), "text/csv; charset=utf-8", attachment=_file_name(page, "csv"))

    def _shown(
        self, right: Right | None, template: str, figures: Callable[[Session], Mapping[str, Any]]
    ) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            session, refusal = await self._let_in(request, right)
            if session is None:
                return refusal
            return self._page(request, session, template, await run_in_threadpool(figures, session))

        return handle

    def _people(self, _session: Session) -> dict[str, Any]:
        return {**forms.people_figures(self._register), "link": "", "for": "", "said": ""}

    async def _account_page(self, request: Request) -> Response:
        session, refusal = await self._let_in(request, None)
        if session is None:
            return refusal
        shares = await run_in_threadpool(self._register.shares, session.person, self._clock())
        figures = forms.account_figures(person=session.person)
        identity = self._guard.identity_of(request)
        if identity is not None:
            figures["can_tie"] = await run_in_threadpool(self._register.person_of, identity) is None
        return self._page(request, session, "account.html", {**figures, "shares": shares})

    async def _stream(self, request: Request) -> Response:
        """Copies behind a position, one JSON object an event of the stream, until the reader leaves or the session ends."""
        session, refusal = await self._let_in(request, Right.SIGNAL)
        if session is None:
            return refusal
        if self._streams[session.digest] >= MOST_STREAMS:
            return _answer(b"", "text/event-stream; charset=utf-8", status=429)
        given = request.query_params.get("after", "")
        position = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
        return StreamingResponse(
            self._copies(request, session, position),
            headers=dict(HEADERS),
            media_type="text/event-stream; charset=utf-8",
        )

    async def _copies(self, request: Request, session: Session, position: int) -> AsyncIterator[bytes]:
        """A page that only stands open is nobody's presence: it ends with the session, and does not make it longer."""
        self._streams[session.digest] += 1
        try:
            while not await request.is_disconnected():
                if await run_in_threadpool(self._guard.session_of, request, seen=False) is None:
                    yield b"event: ended\ndata: {}\n\n"
                    return
                try:
                    rows = await run_in_threadpool(copies_after, self._settings.server.data, position, STREAM_ROWS)
                except StoreError:
                    rows = []
                for row in rows:
                    position = row["position"]
                    yield b"data: " + msgspec.json.encode(row) + b"\n\n"
                if not rows:
                    yield b": still here\n\n"
                await asyncio.sleep(STREAM_S)
        finally:
            self._streams -= Counter({session.digest: 1})

    # -- changing

    def _act(self, path: str, right: Right | None, change: Callable[[Act], Done], template: str) -> Route:
        async def handle(request: Request) -> Response:
            session, refusal = await self._let_in(request, right)
            if session is None:
                return refusal
            given = await _form(request)
            if not self._guard.allows_change(request, session, given.get("csrf", "")):
                said = {
                    "problem": "This form is not of this session any more. Go back, load the page again, and try once more."
                }
                return self._page(request, session, "problem.html", said, status=403)
            act = self._asking(request, session, given)
            try:
                done = await run_in_threadpool(change, act)
            except Refused as err:
                status = 429 if isinstance(err, Throttled) else 409
                return self._page(request, session, "problem.html", {"problem": str(err)}, status=status)
            self._remembered.forget()
            if done.rereads:
                self._reread()
            if done.to:
                return self._go(done.to, no_cookie() if done.logs_out else None)
            figures = {"said": "", "link": "", "for": "", **done.figures}
            return self._page(request, session, done.template or template, figures, status=done.status)

        return Route(f"{ROOT}{path}", handle, methods=["POST"])

    def _asking(self, request: Request, session: Session, given: Mapping[str, str]) -> Act:
        """A change as it is asked for, once its form is known to be ours."""
        return Act(
            settings=self._settings, register=self._register, session=session, given=given,
            path={k: str(v) for k, v in request.path_params.items()}, address=self._guard.address_of(request),
            now=self._clock(), link=lambda token: f"{self._guard.origin_of(request)}{ROOT}/join/{token}",
            shared=lambda token: f"{self._guard.origin_of(request)}{ROOT}/shared/{token}",
            identity=self._guard.identity_of(request), sums=self._sums, remembered=self._remembered,
            drops=self._drops, config=self._config,
        )  # fmt: skip

    async def _take_file(self, request: Request) -> Response:
        """A file off the wire into memory, and to its page, which reads it. Nothing of it is taken before the form is ours."""
        session, refusal = await self._let_in(request, Right.BOOKS)
        if session is None:
            return refusal
        taken: list[Drop] = []
        chunks = request.stream()

        def ready(fields: dict[str, str], name: str) -> Callable[[bytes], None]:
            if not self._guard.allows_change(request, session, fields.get("csrf", "")):
                raise Forbidden
            taken.append(self._drops.take(session.person.id, name))
            return taken[0].put

        try:
            async with asyncio.timeout(UPLOAD_S):
                await Upload(request.headers.get("content-type", ""), ready, MOST_BYTES).read(chunks)
            drop = taken[0]
            if not drop.size:
                raise Malformed
            drop.ready()
            self._drops.begin(drop, self._settings, keep=False)
            return self._go(f"/imports/file/{drop.token}")
        except (Malformed, TooLarge, Forbidden, Refused, StoreError, ClientDisconnect, TimeoutError) as err:
            for drop in taken:
                self._drops.end(drop)
            with suppress(ClientDisconnect, TimeoutError):
                await _drain(chunks)
            status, problem = _file_problem(err)
            return self._page(request, session, "problem.html", {"problem": problem}, status=status)

    def _reread(self) -> None:
        """The settings with their secrets as they are now; the old ones where the file cannot be read at the moment."""
        with suppress(ConfigError):
            fresh = load_settings(self._config, data=self._settings.server.data)
            self._settings = replace(fresh, console=self._settings.console)

    async def _take_evidence(self, request: Request) -> Response:
        """What a person saw elsewhere, with its tick; written anew before it is kept."""
        session, refusal = await self._let_in(request, Right.TEST)
        if session is None:
            return refusal
        chunks = request.stream()

        def allowed(fields: dict[str, str]) -> None:
            if not self._guard.allows_change(request, session, fields.get("csrf", "")):
                raise Forbidden

        try:
            taking = evidence.Taking(request.headers.get("content-type", ""), allowed)
            async with asyncio.timeout(UPLOAD_S):
                await taking.form.read(chunks)
            if not taking.content:
                raise Malformed
            act = self._asking(request, session, taking.form.fields)
            done = await run_in_threadpool(acceptance.show, act, taking.content)
            return self._go(done.to)
        except TooLarge:
            status, problem = 413, "Pictures and PDFs up to 10 MB are taken."
        except (Malformed, Forbidden, Refused, StoreError, ClientDisconnect, TimeoutError) as err:
            status, problem = _file_problem(err)
        with suppress(ClientDisconnect, TimeoutError):
            await _drain(chunks)
        return self._page(request, session, "problem.html", {"problem": problem}, status=status)

    async def _evidence(self, request: Request) -> Response:
        """What somebody showed, for a frame of ours that may do nothing."""
        download = bool(request.query_params.get("download"))
        return await self._given(request, partial(evidence.shown_file, download=download))

    async def _packet(self, request: Request) -> Response:
        return await self._given(request, evidence.signed_file)

    async def _given(self, request: Request, read: Callable[..., tuple[bytes, str, dict[str, str]] | None]) -> Response:
        session, refusal = await self._let_in(request, Right.TEST)
        if session is None:
            return refusal
        found = await run_in_threadpool(read, Path(self._settings.server.data), request.path_params)
        if found is None:
            return self._nothing(request, session)
        content, kind, headers = found
        return Response(content, media_type=kind, headers=headers)

    # -- coming in

    async def _login(self, request: Request) -> Response:
        if not self._guard.knows_host(request):
            return self._misdirected()
        if request.method == "GET":
            session = await run_in_threadpool(self._guard.session_of, request)
            session, begun = await self._by_identity(request, session)
            if begun is not None:
                return begun
            return self._go("/today") if session else self._page(request, None, "login.html", {"said": ""})
        given = await _form(request)
        if not self._guard.allows_change(request, None, ""):
            return self._page(request, None, "login.html", {"said": "This form came from another site."}, status=403)
        try:
            token, _ = await run_in_threadpool(
                self._register.log_in, given.get("name", ""), given.get("password", ""), given.get("code", ""),
                self._guard.address_of(request), self._clock(),
            )  # fmt: skip
        except Refused as err:
            status = 429 if isinstance(err, Throttled) else 401
            return self._page(request, None, "login.html", {"said": str(err)}, status=status)
        before = await run_in_threadpool(self._guard.session_of, request)
        if before is not None:
            await run_in_threadpool(self._register.log_out, before.digest)
        return self._go("/today", cookie_of(token))

    async def _join(self, request: Request) -> Response:
        if not self._guard.knows_host(request):
            return self._misdirected()
        link = request.path_params["token"]
        role = await run_in_threadpool(self._register.role_of, link, self._clock())
        if role is None:
            return self._page(request, None, "login.html", {"said": ""}, status=401)
        if request.method == "GET":
            return self._page(request, None, "join.html", {"said": "", "role": role})
        given = await _form(request)
        if not self._guard.allows_change(request, None, ""):
            return self._page(request, None, "login.html", {"said": "This form came from another site."}, status=403)
        try:
            person = await run_in_threadpool(
                self._register.take_link, link, given.get("name", ""), given.get("password", ""), self._clock()
            )
        except Refused as err:
            return self._page(request, None, "join.html", {"said": str(err), "role": role}, status=409)
        identity = self._guard.identity_of(request)
        if identity is not None:
            await run_in_threadpool(self._register.tie, identity, person, self._clock())
        token, _ = await run_in_threadpool(self._register.begin, person, self._clock())
        return self._go("/today", cookie_of(token))

    async def _shared(self, request: Request) -> Response:
        """One page for whoever has its link: nothing leads on, nothing can be changed. Without it, what a stranger sees."""
        if not self._guard.knows_host(request):
            return self._misdirected()
        found = await run_in_threadpool(self._register.shared, request.path_params["token"], self._clock())
        page = sharing.shown_page(found) if found else None
        if found is None or page is None:
            return self._page(request, None, "login.html", {"said": ""}, status=401)
        asked = replace(
            self._asked(request, sharing.guest_session(found)), choices=dict(parse_qsl(found.query)), path={}
        )
        try:
            shown = await self._read(page, asked)
        except NotYet as making:
            return self._making(request, None, making.done)
        except (UnknownChoice, NotHere):
            return self._page(request, None, "login.html", {"said": ""}, status=401)
        figures = {"rows": shown.rows, **shown.figures, "here": page, "choices": asked.choices, "shared": found}
        return self._page(request, None, page.template, figures, status=shown.status)

    async def _by_identity(self, request: Request, session: Session | None) -> tuple[Session | None, Response | None]:
        """Whom the proxy means: their session, or the way to one; somebody else's session in this browser ends."""
        identity = self._guard.identity_of(request)
        if identity is None:
            return session, None
        person = await run_in_threadpool(self._register.person_of, identity)
        if session is not None:
            if person is None and not await run_in_threadpool(self._register.is_tied, session.person):
                return session, None  # came in by a password; the account's page offers to tie the two
            if person is not None and person.id == session.person.id:
                return session, None
        if session is not None:
            await run_in_threadpool(self._register.log_out, session.digest)
        if person is None or request.method != "GET":
            return None, None
        token, _ = await run_in_threadpool(self._register.begin, person, self._clock())
        path = request.url.path
        again = path.removeprefix(ROOT) if path.startswith(f"{ROOT}/") and path != f"{ROOT}/login" else "/today"
        return None, self._go(again + (f"?{request.url.query}" if request.url.query else ""), cookie_of(token))

    async def _elsewhere(self, request: Request) -> Response:
        """Every other address: the first page for who is logged in at the front, else as if it were nothing."""
        session, refusal = await self._let_in(request, None)
        if session is None:
            return refusal
        if request.url.path.rstrip("/") in ("", ROOT) and request.method in ("GET", "HEAD"):
            return self._go("/today")
        return self._nothing(request, session)

    async def _unreadable(self, request: Request, err: Exception) -> Response:
        """What could not be read or kept is said to who is logged in; a stranger learns that it is not their fault."""
        session = getattr(request.state, "session", None)
        if session is None:
            log.error("nobody can be let in: %s", err)
        said = str(err) if session else "Nobody can be let in right now. What is wrong stands in the console's log."
        return self._page(request, session, "problem.html", {"problem": said}, status=503)

    async def _no_method(self, request: Request, _err: Exception) -> Response:
        return await self._elsewhere(request)

    async def _let_in(self, request: Request, right: Right | None) -> tuple[Session | None, Response]:
        """The session, or the answer for who may not: the same for every address without one."""
        if not self._guard.knows_host(request):
            return None, self._misdirected()
        session = await run_in_threadpool(self._guard.session_of, request)
        session, begun = await self._by_identity(request, session)
        if begun is not None:
            return None, begun
        if session is None:
            return None, self._page(request, None, "login.html", {"said": ""}, status=401)
        if right is not None and not may(session.person.role, right):
            return None, self._nothing(request, session)
        request.state.session = session
        self._warming.looked()
        return session, Response()

    # -- answers

    def _asked(self, request: Request, session: Session) -> Asked:
        return Asked(
            settings=self._settings,
            folder=self._settings.server.data,
            session=session,
            words=self._words(request),
            now=self._clock(),
            choices=dict(request.query_params),
            path={k: str(v) for k, v in request.path_params.items()},
            sums=self._sums,
            remembered=self._remembered,
            drops=self._drops,
            config=self._config,
        )

    def _asked_usually(self) -> Asked:
        """As an owner asks who chose nothing."""
        owner = Person(id=0, name="", role=Role.OWNER, has_code=False, ended=False)
        return Asked(
            settings=self._settings, folder=self._settings.server.data, session=Session(person=owner, csrf="", digest=b""),
            words=Words(language_of("", "", self._own.language), self._own.timezone), now=self._clock(), choices={}, path={}, sums=self._sums,
            remembered=self._remembered, drops=self._drops, config=self._config,
        )  # fmt: skip

    def _words(self, request: Request) -> Words:
        own = self._own
        chosen = request.query_params.get("language", "") or request.cookies.get(LANGUAGE_COOKIE, "")
        return Words(language_of(request.headers.get("accept-language", ""), chosen, own.language), own.timezone)

    def _page(
        self, request: Request, session: Session | None, template: str, figures: Mapping[str, Any], status: int = 200
    ) -> Response:
        words = self._words(request)
        if figures.get("own_zone"):  # a page that says whose days it shows tells its moments in the same zone
            words = replace(words, zone=figures["own_zone"])
        choices = dict(request.query_params)

        def address(path: str, **changes: object) -> str:
            kept = {k: v for k, v in choices.items() if k in ("period", "dataset")}
            merged = {k: v for k, v in {**kept, **changes}.items() if v not in (None, "")}
            return f"{ROOT}{path}" + (f"?{urlencode(merged)}" if merged else "")

        own = self._own
        html = self._templates.get_template(template).render(
            {
                "here": None, "shared": None, "may_share": self._may_share(session, figures), "link_days": sharing.DAYS, "_": words.say, "w": words, "root": ROOT, "session": session, "address": address,
                "pages": [p for p in PAGES if p.name and session and may(session.person.role, p.right)],
                "may_people": bool(session and may(session.person.role, Right.PEOPLE)), "rights": _rights_of(session),
                "shop": own.name or "Twofold", "zone": own.timezone, "now": self._clock(), "choices": choices,
                "periods": CHOICES, "datasets": [d.id for d in self._settings.dataset],
                "names": {d.id: d.name or d.id for d in self._settings.dataset}, "seen_at": self._sums.stretches.received_at, "languages": LANGUAGES,
                "path": request.url.path, "no_gateway": not is_open(Path(self._settings.server.data)), **figures,
            }
        )  # fmt: skip
        headers = {**HEADERS, "content-security-policy": evidence.FRAMES} if figures.get("frames") else dict(HEADERS)
        response = Response(_unsaid(html), status, media_type="text/html; charset=utf-8", headers=headers)
        asked = request.query_params.get("language", "")
        if asked in LANGUAGES:
            response.headers["set-cookie"] = (
                f"{LANGUAGE_COOKIE}={asked}; Path={ROOT}; SameSite=Strict; Max-Age=31536000"
            )
        return response

    def _may_share(self, session: Session | None, figures: Mapping[str, Any]) -> bool:
        page = figures.get("here")
        return session is not None and isinstance(page, Page) and sharing.is_shared(page, session.person.role)

    def _unknown(self, request: Request, asked: Asked, unknown: UnknownChoice) -> Response:
        if request.url.path.endswith((".json", ".csv")):
            body = {"error": {"expected": unknown.known[:50], "got": unknown.given, "where": unknown.name}}
            return _answer(msgspec.json.encode(body), "application/json", status=400)
        figures = {"choice": unknown.name, "known": unknown.known[:50], "given": unknown.given}
        return self._page(request, asked.session, "unknown.html", figures, status=400)

    def _making(self, request: Request, session: Session | None, done: int) -> Response:
        """What the page needs is being worked out: it says so, and asks again by itself."""
        if request.url.path.endswith((".json", ".csv")):
            body = {"error": {"expected": "figures that are being worked out; ask again", "got": done, "where": "sums"}}
            response = _answer(msgspec.json.encode(body), "application/json", status=503)
        else:
            response = self._page(request, session, "making.html", {"done": done}, status=503)
            response.headers["refresh"] = str(AGAIN_S)
        response.headers["retry-after"] = str(AGAIN_S)
        return response

    def _nothing(self, request: Request, session: Session) -> Response:
        return self._page(request, session, "nothing.html", {}, status=404)

    def _misdirected(self) -> Response:
        text = "This name is not one of the console's. Add it to `hosts` of [console] if it is yours.\n"
        return _answer(text.encode(), "text/plain; charset=utf-8", status=421)

    def _go(self, path: str, cookie: str | None = None) -> Response:
        headers = {**HEADERS, **({"set-cookie": cookie} if cookie else {})}
        return RedirectResponse(f"{ROOT}{path}", 303, headers=headers)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._guard.knows_host(request):
            return self._misdirected()
        if name not in STATIC:
            return await self._elsewhere(request)
        response = _answer((_HERE / "static" / name).read_bytes(), STATIC[name])
        response.headers["cache-control"] = "private, max-age=300"
        return response

    async def _failed(self, _request: Request, err: Exception) -> Response:
        log.exception("a page of the console could not be made", exc_info=err)
        return _answer(
            b"This page could not be made. What is wrong stands in the console's log.\n", "text/plain", status=500
        )


class Forbidden(Exception):
    """A form of somebody else's page."""


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """A browser that is answered in the middle of its file shows no answer: the rest is let go by, up to a measure."""
    left = 4 * MOST_BYTES
    async with asyncio.timeout(UPLOAD_S):
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return


def _file_problem(err: Exception) -> tuple[int, str]:
    match err:
        case TooLarge():
            return (
                413,
                f"Files up to {MOST_BYTES >> 20} MiB can be dropped. Import a larger one with the command: twofold import --help.",
            )
        case Forbidden():
            return 403, "This form is not of this session any more. Go back, load the page again, and try once more."
        case Refused() | StoreError():
            return 409, str(err)
        case _:
            return 400, "No file came with this form. Choose one, then try again."


def _rights_of(session: Session | None) -> frozenset[str]:
    """What a template may offer; the act asks again."""
    return frozenset(right.value for right in Right if session and may(session.person.role, right))


def _ticked(text: str) -> Markup:
    """A sentence in which what stands between backticks is code."""
    return Markup(_TICKS.sub(r"<code>\1</code>", str(escape(text))))


def _unsaid(html: str) -> str:
    """Cells with nothing but a dash are marked: where a row is a card, it does not say what it has not got."""
    return _DASH.sub(r'<td class="none \1"\2>', html)


_TICKS = re.compile(r"`([^`]+)`")
_DASH = re.compile(r'<td(?: class="([^"]*)")?( data-name="[^"]*")>(?=(?:<span>)?\s*–\s*(?:</span>)?</td>)')
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _answer(body: bytes, kind: str, *, status: int = 200, attachment: str = "") -> Response:
    headers = dict(HEADERS)
    if attachment:
        headers["content-disposition"] = f'attachment; filename="{attachment}"'
    return Response(body, status, media_type=kind, headers=headers)


def _line(row: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(row, enc_hook=str) + b"\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return safe_cell(text)


def _file_name(page: Page, ending: str) -> str:
    return f"{page.path.strip('/').partition('/')[0]}.{ending}"


async def _form(request: Request) -> dict[str, str]:
    """A form's fields, each once; nothing of one that is too long or of another kind."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return {}
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except (UnicodeDecodeError, ValueError):
        return {}
