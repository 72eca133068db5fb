"""How the console answers: a page of a template, a table's file, a way to another page, and what every answer carries.

Owns the forms and their headers. Who may see an answer is decided before; what stands in it is `pages`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from twofold import __version__
from twofold.console import evidence
from twofold.console.access.guard import HEADERS
from twofold.console.access.register import Session
from twofold.console.access.roles import Right, Role, may
from twofold.console.acts import sharing
from twofold.console.charts import definitions
from twofold.console.charts.drawing import draw
from twofold.console.commands import Pasted, marked
from twofold.console.pages import PAGES
from twofold.console.pages.page import Asked, Page, Shown, UnknownChoice
from twofold.console.parts import LANGUAGE_COOKIE, ROOT, Parts
from twofold.console.queries.period import CHOICES, MOST_DAYS, period_of
from twofold.console.words import LANGUAGES
from twofold.spreadsheet import safe_cell
from twofold.store.beside.folder import is_open, is_open_here

AGAIN_S = 2
OLD_FORM = "This form is not of this session any more. Go back, load the page again, and try once more."

_TEMPLATES = resources.files("twofold.console") / "templates"
_DASH = re.compile(r'<td(?: class="([^"]*)")?( data-name="[^"]*")>(?=(?:<span>)?\s*–\s*(?:</span>)?</td>)')


class Answers:
    """Of one console."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(lambda name: (_TEMPLATES / name).read_text(encoding="utf-8")),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        pasted = Pasted(parts.config)
        self._templates.filters["marked"] = marked
        self._templates.filters["command"] = jinja2.pass_context(lambda context, text: pasted.command(context, text))
        self._templates.filters["ticked"] = jinja2.pass_context(lambda context, text: pasted.ticked(context, text))
        self._templates.globals.update(
            drawn=lambda words, definition: draw(definition, words.figure, words.share),
            bridge_chart=definitions.bridge, matrix_chart=definitions.matrix, bands_chart=definitions.bands, dots_chart=definitions.dots,
        )  # fmt: skip

    def html(self, request: Request, asked: Asked, page: Page, shown: Shown) -> Response:
        figures = {"rows": shown.rows, **shown.figures, "here": page}
        response = self.page(request, asked.session, page.template, figures, status=shown.status)
        if shown.again_s:
            response.headers["refresh"] = str(shown.again_s)
        return response

    def json(self, _request: Request, asked: Asked, page: Page, shown: Shown) -> Response:
        about = {
            "row": "about",
            "page": page.path,
            "version": __version__,
            "as_of": asked.now,
            **_in_seconds(shown.about, shown),
        }
        lines = [
            about,
            *({"row": page.path.strip("/").partition("/")[0], **_in_seconds(row, shown)} for row in shown.rows),
        ]
        body = b"".join(map(_line, lines))
        return plain(body, "application/x-ndjson", attachment=_file_name(page, "json"))

    def csv(self, _request: Request, _asked: Asked, page: Page, shown: Shown) -> Response:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(shown.columns)
        for row in shown.rows:
            told = _in_seconds(row, shown)
            writer.writerow([_cell(told.get(name)) for name in shown.columns])
        return plain(out.getvalue().encode(), "text/csv; charset=utf-8", attachment=_file_name(page, "csv"))

    def page(
        self, request: Request, session: Session | None, template: str, figures: Mapping[str, Any], status: int = 200
    ) -> Response:
        words = self._parts.words(request)
        if figures.get("own_zone"):  # a page that says whose days it shows tells its moments in the same zone
            words = replace(words, zone=figures["own_zone"])
        choices = dict(request.query_params)

        def address(path: str, **changes: object) -> str:
            kept = {k: v for k, v in choices.items() if k in ("period", "dataset")}
            merged = {k: v for k, v in {**kept, **changes}.items() if v not in (None, "")}
            return f"{ROOT}{path}" + (f"?{urlencode(merged)}" if merged else "")

        own = self._parts.own
        html = self._templates.get_template(template).render(
            {
                "here": None, "shared": None, "may_share": self._may_share(session, figures), "shared_by_others": self._may_share(session, figures, Role.OWNER), "link_days": sharing.DAYS, "_": words.say, "w": words, "root": ROOT, "session": session, "address": address,
                "pages": [p for p in PAGES if p.name and session and may(session.person.role, p.right)],
                "may_people": bool(session and may(session.person.role, Right.PEOPLE)), "rights": _rights_of(session),
                "shop": own.name or "Twofold", "zone": own.timezone, "now": self._parts.clock(), "choices": choices,
                "periods": CHOICES, "days_of": lambda choice: period_of(choice, words.zone, self._parts.clock()), "datasets": [d.id for d in self._parts.settings.dataset],
                "names": {d.id: d.name or d.id for d in self._parts.settings.dataset}, "seen_at": self._parts.sums.stretches.received_at, "languages": LANGUAGES,
                "path": request.url.path, "no_gateway": self._has_no_gateway(), **figures,
            }
        )  # fmt: skip
        headers = {**HEADERS, "content-security-policy": evidence.FRAMES} if figures.get("frames") else dict(HEADERS)
        if template == "login.html":  # its form says at which address it stood, and whoever comes in goes on there
            headers["referrer-policy"] = "same-origin"
        response = Response(_unsaid(html), status, media_type="text/html; charset=utf-8", headers=headers)
        asked = request.query_params.get("language", "")
        if asked in LANGUAGES:
            response.headers["set-cookie"] = (
                f"{LANGUAGE_COOKIE}={asked}; Path={ROOT}; SameSite=Strict; Max-Age=31536000"
            )
        return response

    def _has_no_gateway(self) -> bool:
        """Also while this console owns the folder itself, as for tables that are made."""
        folder = Path(self._parts.settings.server.data)
        return is_open_here(folder) or not is_open(folder)

    def _may_share(self, session: Session | None, figures: Mapping[str, Any], role: Role | None = None) -> bool:
        """Whether who looks may share the page; with ``role`` whether somebody of that one may."""
        page = figures.get("here")
        return session is not None and isinstance(page, Page) and sharing.is_shared(page, role or session.person.role)

    def unknown(self, request: Request, asked: Asked, unknown: UnknownChoice) -> Response:
        if request.url.path.endswith((".json", ".csv")):
            body = {"error": {"expected": unknown.known[:50], "got": unknown.given, "where": unknown.name}}
            return plain(msgspec.json.encode(body), "application/json", status=400)
        figures = {"most_days": MOST_DAYS, "choice": unknown.name, "known": unknown.known[:50], "given": unknown.given}
        return self.page(request, asked.session, "unknown.html", figures, status=400)

    def making(self, request: Request, session: Session | None, done: int) -> Response:
        """What the page needs is being worked out: it says so, and asks again by itself."""
        if request.url.path.endswith((".json", ".csv")):
            body = {"error": {"expected": "figures that are being worked out; ask again", "got": done, "where": "sums"}}
            response = plain(msgspec.json.encode(body), "application/json", status=503)
        else:
            response = self.page(request, session, "making.html", {"done": done}, status=503)
            response.headers["refresh"] = str(AGAIN_S)
        response.headers["retry-after"] = str(AGAIN_S)
        return response

    def nothing(self, request: Request, session: Session) -> Response:
        return self.page(request, session, "nothing.html", {}, status=404)

    def misdirected(self) -> Response:
        text = "This name is not one of the console's. Add it to `hosts` of [console] if it is yours.\n"
        return plain(text.encode(), "text/plain; charset=utf-8", status=421)

    def go(self, path: str, cookie: str | None = None) -> Response:
        headers = {**HEADERS, **({"set-cookie": cookie} if cookie else {})}
        return RedirectResponse(f"{ROOT}{path}", 303, headers=headers)


def plain(body: bytes, kind: str, *, status: int = 200, attachment: str = "") -> Response:
    """Bytes of a kind; ``attachment``: the name under which a browser keeps them."""
    headers = dict(HEADERS)
    if attachment:
        headers["content-disposition"] = f'attachment; filename="{attachment}"'
    return Response(body, status, media_type=kind, headers=headers)


def _rights_of(session: Session | None) -> frozenset[str]:
    """What a template may offer; the act asks again."""
    return frozenset(right.value for right in Right if session and may(session.person.role, right))


def _unsaid(html: str) -> str:
    """Cells with nothing but a dash are marked: where a row is a card, it does not say what it has not got."""
    return _DASH.sub(r'<td class="none \1"\2>', html)


def _in_seconds(row: Mapping[str, Any], shown: Shown) -> Mapping[str, Any]:
    """The row for machines: its times in Unix s."""
    return {**row, **{name: row[name] // 1000 for name in shown.in_ms if row.get(name) is not None}}


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
