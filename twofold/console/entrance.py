"""Coming into the console: the page to log in, a link's first use, whom a proxy names, and who may open an address.

Owns the order of checks: a Host of ours, a session, the role's right. Whoever is not logged in sees the page to log in at every address
alike, and learns nothing about which there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from twofold.console.access.guard import cookie_of
from twofold.console.access.register import Refused, Session, Throttled
from twofold.console.access.roles import Right, may
from twofold.console.answers import Answers
from twofold.console.parts import ROOT, Parts

MAX_FORM = 16_384
_ENTRIES = ("login", "join", "shared", "static")
_PAGE = re.compile(r"/[a-z-]+(?:/[\w.%~-]+){0,3}")


class Entrance:
    """Of one console. ``looked`` is told when somebody who may opens an address."""

    def __init__(self, parts: Parts, answers: Answers, looked: Callable[[], None]) -> None:
        self._parts, self._answers, self._looked = parts, answers, looked

    async def let_in(self, request: Request, right: Right | None) -> tuple[Session | None, Response]:
        """The session, or the answer for who may not: the same for every address without one."""
        if not self._parts.guard.knows_host(request):
            return None, self._answers.misdirected()
        session = await run_in_threadpool(self._parts.guard.session_of, request)
        session, begun = await self._by_identity(request, session)
        if begun is not None:
            return None, begun
        if session is None:
            return None, self._answers.page(request, None, "login.html", {"said": ""}, status=401)
        if right is not None and not may(session.person.role, right):
            return None, self._answers.nothing(request, session)
        request.state.session = session
        self._looked()
        return session, Response()

    async def log_in(self, request: Request) -> Response:
        if not self._parts.guard.knows_host(request):
            return self._answers.misdirected()
        if request.method == "GET":
            session = await run_in_threadpool(self._parts.guard.session_of, request)
            session, begun = await self._by_identity(request, session)
            if begun is not None:
                return begun
            return (
                self._answers.go("/today") if session else self._answers.page(request, None, "login.html", {"said": ""})
            )
        given = await form_of(request)
        if not self._parts.guard.allows_change(request, None, ""):
            return self._foreign(request)
        try:
            token, _ = await run_in_threadpool(
                self._parts.register.log_in, given.get("name", ""), given.get("password", ""), given.get("code", ""),
                self._parts.guard.address_of(request), self._parts.clock(),
            )  # fmt: skip
        except Refused as err:
            status = 429 if isinstance(err, Throttled) else 401
            return self._answers.page(request, None, "login.html", {"said": str(err)}, status=status)
        before = await run_in_threadpool(self._parts.guard.session_of, request)
        if before is not None:
            await run_in_threadpool(self._parts.register.log_out, before.digest)
        return self._answers.go(self._asked_for(request), cookie_of(token))

    def _foreign(self, request: Request) -> Response:
        said = {"said": "This form came from another site."}
        return self._answers.page(request, None, "login.html", said, status=403)

    def _asked_for(self, request: Request) -> str:
        """The address at which the page to log in was shown. The browser says it: were it in the page, pages would differ."""
        try:
            came = urlsplit(request.headers.get("referer", ""))
        except ValueError:
            return "/today"
        path = came.path.removeprefix(ROOT)
        ours = came.netloc.casefold() == request.headers.get("host", "").casefold() and came.path == f"{ROOT}{path}"
        if not ours or not _PAGE.fullmatch(path) or path.split("/")[1] in _ENTRIES:
            return "/today"
        return path + (f"?{came.query}" if came.query else "")

    async def join(self, request: Request) -> Response:
        if not self._parts.guard.knows_host(request):
            return self._answers.misdirected()
        link = request.path_params["token"]
        role = await run_in_threadpool(self._parts.register.role_of, link, self._parts.clock())
        if role is None:
            return self._answers.page(request, None, "login.html", {"said": ""}, status=401)
        if request.method == "GET":
            return self._answers.page(request, None, "join.html", {"said": "", "role": role})
        given = await form_of(request)
        if not self._parts.guard.allows_change(request, None, ""):
            return self._foreign(request)
        try:
            person = await run_in_threadpool(
                self._parts.register.take_link,
                link,
                given.get("name", ""),
                given.get("password", ""),
                self._parts.clock(),
            )
        except Refused as err:
            return self._answers.page(request, None, "join.html", {"said": str(err), "role": role}, status=409)
        identity = self._parts.guard.identity_of(request)
        if identity is not None:
            await run_in_threadpool(self._parts.register.tie, identity, person, self._parts.clock())
        token, _ = await run_in_threadpool(self._parts.register.begin, person, self._parts.clock())
        return self._answers.go("/today", cookie_of(token))

    async def _by_identity(self, request: Request, session: Session | None) -> tuple[Session | None, Response | None]:
        """Whom the proxy means: their session, or the way to one; somebody else's session in this browser ends."""
        identity = self._parts.guard.identity_of(request)
        if identity is None:
            return session, None
        person = await run_in_threadpool(self._parts.register.person_of, identity)
        if session is not None:
            if person is None and not await run_in_threadpool(self._parts.register.is_tied, session.person):
                return session, None  # came in by a password; the account's page offers to tie the two
            if person is not None and person.id == session.person.id:
                return session, None
        if session is not None:
            await run_in_threadpool(self._parts.register.log_out, session.digest)
        if person is None or request.method != "GET":
            return None, None
        token, _ = await run_in_threadpool(self._parts.register.begin, person, self._parts.clock())
        path = request.url.path
        again = path.removeprefix(ROOT) if path.startswith(f"{ROOT}/") and path != f"{ROOT}/login" else "/today"
        return None, self._answers.go(again + (f"?{request.url.query}" if request.url.query else ""), cookie_of(token))


async def form_of(request: Request) -> dict[str, str]:
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
