"""The human page: Overview and Test Events in Events Manager's words, kept live by the change stream.

Owns looks only; every number comes from `views` or `received`. Templates escape everything; the content security
policy allows nothing but the two static files beside them.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import islice
from typing import Any

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.findings import Status, diagnostics_rows, resolve_finding
from twofold.sandbox.judge.quality import web_rows
from twofold.sandbox.judge.views import select_test_events, test_event_row
from twofold.sandbox.pages.ads_page import ads_context
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.received import Tally, exact_text

SHOWN = 200  # newest rows on a page; the JSON lists have all
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
# (address, name in the navigation, template); a new face of the sandbox is one row, its context below
TABS = (
    ("/", "Overview", "overview.html"),
    ("/test_events", "Test Events", "test_events.html"),
    ("/diagnostics", "Diagnostics", "diagnostics.html"),
    ("/ads", "Ads", "ads.html"),
    ("/refused", "Refused", "refused.html"),
)
STATIC = {"sandbox.css": "text/css", "sandbox.js": "text/javascript", "icon.svg": "image/svg+xml"}

_HERE = files("twofold.sandbox")


def routes(sandbox: Sandbox) -> list[Route]:
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_HERE / "templates" / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"clock": clock_text, "thousands": lambda n: f"{n:,}"}

    def page(address: str, template: str) -> Route:
        async def answer(request: Request) -> Response:
            context = CONTEXTS[address](sandbox, request)
            html = templates.get_template(template).render(tabs=TABS, here=address, **context)
            return Response(html, media_type="text/html", headers=SECURITY_HEADERS)

        return Route(address, answer)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return Response(status_code=404)
        body = (_HERE / "static" / name).read_bytes()
        return Response(body, media_type=STATIC[name], headers=SECURITY_HEADERS)

    async def resolve(request: Request) -> Response:
        resolve_finding(sandbox, request.path_params["id"])
        return Response(status_code=303, headers={**SECURITY_HEADERS, "location": "/diagnostics"})

    return [
        *(page(address, template) for address, _, template in TABS),
        Route("/diagnostics/{id}/resolve", resolve, methods=["POST"]),
        Route("/static/{name}", static),
    ]


def overview(sandbox: Sandbox, _: Request) -> dict[str, Any]:
    inbox = sandbox.inbox
    tallies = sorted(inbox.tallies().items())
    quality = {
        (dataset, row["event_name"]): row
        for dataset in dict.fromkeys(dataset for (dataset, _), _ in tallies)
        for row in web_rows(sandbox, dataset)
    }
    open_ones = [row for row in diagnostics_rows(sandbox) if row["status"] != Status.RESOLVED]
    found = Counter((row["dataset"], row["event_name"]) for row in open_ones)
    rows = [
        {
            "dataset": dataset,
            "event_name": name,
            "tally": tally,
            "values": money_texts(tally),
            "score": quality.get((dataset, name), {}).get("event_match_quality", {}).get("composite_score"),
            "coverage": quality.get((dataset, name), {}).get("event_coverage", {}).get("percentage"),
            "diagnostics": found[dataset, name],
        }
        for (dataset, name), tally in tallies
    ]
    totals = {
        key: sum(getattr(tally, key) for _, tally in tallies)
        for key in ("browser", "server", "app", "deduplicated", "counted")
    }
    return {"rows": rows, "totals": totals, "refused": len(inbox.refused), "open": len(open_ones)}


def diagnostics(sandbox: Sandbox, _: Request) -> dict[str, Any]:
    rows = diagnostics_rows(sandbox)

    def chosen(*effects: str) -> list[dict[str, Any]]:
        return [row for row in rows if row["effect"] in effects and row["status"] != Status.RESOLVED]

    sections = [
        ("Dropped", "These requests were refused; nothing of their batches was kept.", chosen("dropped")),
        ("To improve", "Kept and counted, but worth less than they could be.", chosen("degraded")),
        ("To look at", "Kept and counted; perhaps meant so.", chosen("advice")),
        (
            "Resolved",
            "They open again when seen more than 3 days later.",
            [r for r in rows if r["status"] == "resolved"],
        ),
    ]
    return {"sections": sections, "effects": EFFECT_WORDS, "received": len(sandbox.inbox)}


EFFECT_WORDS = {"dropped": "Events dropped", "degraded": "Worth less", "advice": "Advice"}


def test_events(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    rows = [test_event_row(copy) for copy in islice(select_test_events(sandbox.inbox, request), SHOWN)]
    for row in rows:
        row["parameters"] = {key: parameter_text(value) for key, value in row["parameters"].items()}
    return {"rows": rows, "code": request.query_params.get("code", ""), "shown": SHOWN}


def ads(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    return ads_context(sandbox.world, request.query_params, sandbox.clock())


def refused(sandbox: Sandbox, _: Request) -> dict[str, Any]:
    return {"rows": list(islice(reversed(sandbox.inbox.refused), SHOWN)), "shown": SHOWN}


CONTEXTS = {"/": overview, "/test_events": test_events, "/diagnostics": diagnostics, "/ads": ads, "/refused": refused}


def money_texts(tally: Tally) -> list[str]:
    """Sums with at least two decimals, no digit lost."""
    return [
        f"{_two_decimals(total.amount)} {currency or 'no currency'}" for currency, total in sorted(tally.values.items())
    ]


def parameter_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def clock_text(ms: int) -> str:
    """Date and time in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _two_decimals(amount: Decimal) -> str:
    text = exact_text(amount)
    whole, _, decimals = text.partition(".")
    return f"{int(whole):,}.{decimals.ljust(2, '0')}"
