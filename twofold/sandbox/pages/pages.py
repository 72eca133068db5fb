"""The human page: Overview and Test Events in Events Manager's words, kept live by the change stream.

Owns looks only; every number comes from `views` or `received`. Templates escape everything; the content security
policy allows nothing but the two static files beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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

from twofold.event.vocabulary import STANDARD_EVENTS
from twofold.sandbox.judge.findings import CLOSED, Status, diagnostics_rows, resolve_finding
from twofold.sandbox.judge.quality import web_rows
from twofold.sandbox.judge.views import select_test_events, test_event_row
from twofold.sandbox.pages.ads_page import ads_context
from twofold.sandbox.pages.timeline import timeline
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.dedup import Source, State
from twofold.sandbox.wire.received import Inbox, Received, Tally, exact_text
from twofold.sandbox.world.lists import SHOWN as LISTED

SHOWN = 50  # rows on a page; the next ones are a link away, the JSON lists have all
NEWEST = 20_000  # copies that the picture over time is drawn from
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
    ("/audiences", "Audiences", "audiences.html"),
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
            try:
                context, status = CONTEXTS[address](sandbox, request), 200
            except UnknownChoice as unknown:
                context, status, shown = {"why": str(unknown)}, 400, "unknown.html"
            else:
                shown = template
            html = templates.get_template(shown).render(tabs=TABS, here=address, **context)
            return Response(html, status, media_type="text/html", headers=SECURITY_HEADERS)

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

    async def resolve_cause(request: Request) -> Response:
        wanted = request.path_params["diagnostic"]
        for row in diagnostics_rows(sandbox):
            if row["diagnostic"] == wanted and row["status"] not in CLOSED:
                resolve_finding(sandbox, row["id"])
        return Response(status_code=303, headers={**SECURITY_HEADERS, "location": "/diagnostics"})

    return [
        *(page(address, template) for address, _, template in TABS),
        Route("/diagnostics/{id}/resolve", resolve, methods=["POST"]),
        Route("/diagnostics/causes/{diagnostic}/resolve", resolve_cause, methods=["POST"]),
        Route("/static/{name}", static),
    ]


def overview(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    inbox, choice = sandbox.inbox, _choice(sandbox, request, ("dataset", "event_name"))
    tallies = {
        key: tally
        for key, tally in inbox.tallies().items()
        if choice["dataset"] in ("", key[0]) and choice["event_name"] in ("", key[1])
    }
    open_ones = [
        row
        for row in diagnostics_rows(sandbox)
        if row["status"] not in CLOSED
        and choice["dataset"] in ("", row["dataset"])
        and choice["event_name"] in ("", row["event_name"])
    ]
    found = Counter((row["dataset"], row["event_name"]) for row in open_ones)
    totals = {
        key: sum(getattr(tally, key) for tally in tallies.values())
        for key in ("browser", "server", "app", "deduplicated", "counted")
    }
    refused = sum(choice["dataset"] in ("", entry.dataset) for entry in inbox.refused)
    return {
        "groups": [_group(sandbox, dataset, tallies, found) for dataset in sorted({d for d, _ in tallies})],
        "totals": totals,
        "refused": refused,
        "open": len({row["diagnostic"] for row in open_ones}),
        "timeline": timeline(_seen(inbox, choice)),
        "newest": NEWEST,
        **_filter_form(sandbox, choice),
    }


def _group(
    sandbox: Sandbox, dataset: str, tallies: Mapping[tuple[str, str], Tally], found: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    """One dataset: its events in the order in which shoppers make them."""
    quality = {row["event_name"]: row for row in web_rows(sandbox, dataset)}
    names = sorted((name for d, name in tallies if d == dataset), key=funnel_order)
    return {
        "dataset": dataset,
        "name": sandbox.settings.names.get(dataset, ""),
        "rows": [
            {
                "event_name": name,
                "tally": tallies[dataset, name],
                "values": money_texts(tallies[dataset, name]),
                "score": quality.get(name, {}).get("event_match_quality", {}).get("composite_score"),
                "coverage": quality.get(name, {}).get("event_coverage", {}).get("percentage"),
                "diagnostics": found.get((dataset, name), 0),
            }
            for name in names
        ],
    }


FUNNEL = (
    "PageView",
    "ViewContent",
    "Search",
    "AddToWishlist",
    "AddToCart",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
)


def funnel_order(event_name: str) -> tuple[int, str]:
    """First the steps of a purchase as they follow each other, then the others by name."""
    return (FUNNEL.index(event_name) if event_name in FUNNEL else len(FUNNEL), event_name)


def _seen(inbox: Inbox, choice: Mapping[str, str]) -> Iterable[tuple[int, bool]]:
    for copy in islice(inbox.newest(), NEWEST):
        arrival = copy.arrival
        if choice["dataset"] in ("", arrival.dataset) and choice["event_name"] in ("", arrival.event_name):
            yield copy.received_at, arrival.source is Source.SERVER


# -- filters


class UnknownChoice(Exception):
    """A filter asks for what cannot be: the page says what can."""


def _choice(sandbox: Sandbox, request: Request, names: Sequence[str]) -> dict[str, str]:
    """What the address asks for; the empty text is all. Raises `UnknownChoice` for a value that no row can have."""
    known = {
        "dataset": {d for d, _ in sandbox.inbox.tallies()} | sandbox.settings.names.keys() | _refused_datasets(sandbox),
        "event_name": {n for _, n in sandbox.inbox.tallies()} | STANDARD_EVENTS,
        "state": {str(s) for s in State},
        "source": {str(s) for s in Source},
    }
    chosen = {name: request.query_params.get(name, "") for name in names}
    for name, value in chosen.items():
        if value and value not in known[name]:
            words = ", ".join(sorted(known[name])) or "nothing yet"
            raise UnknownChoice(f"{name}: unknown value {value[:80]}; known are {words}")
    return chosen


def _refused_datasets(sandbox: Sandbox) -> set[str]:
    return {entry.dataset for entry in sandbox.inbox.refused if entry.dataset}


def _filter_form(sandbox: Sandbox, choice: Mapping[str, str]) -> dict[str, Any]:
    tallies = sandbox.inbox.tallies()
    return {
        "choice": choice,
        "datasets": sorted({d for d, _ in tallies}),
        "event_names": sorted({n for _, n in tallies}, key=funnel_order),
        "names": sandbox.settings.names,
    }


# -- diagnostics


def diagnostics(sandbox: Sandbox, _: Request) -> dict[str, Any]:
    causes = _causes(diagnostics_rows(sandbox))

    def chosen(*effects: str) -> list[dict[str, Any]]:
        return [c for c in causes if c["effect"] in effects and not c["closed"]]

    sections = [
        ("Dropped", "These requests were refused; nothing of their batches was kept.", chosen("dropped")),
        ("To improve", "Kept and counted, but worth less than they could be.", chosen("degraded")),
        ("To look at", "Kept and counted; perhaps meant so.", chosen("advice")),
        (
            "Resolved",
            "They open again when seen more than 3 days later.",
            [c for c in causes if c["closed"] == Status.RESOLVED],
        ),
        ("Known and accepted", "Meant so on this machine.", [c for c in causes if c["closed"] == Status.ACCEPTED]),
    ]
    names = sandbox.settings.names
    return {"sections": sections, "effects": EFFECT_WORDS, "received": len(sandbox.inbox), "names": names}


def _causes(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One card a cause: the same identifier at several events and datasets is mended in one place."""
    cards: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        closed = row["status"] if row["status"] in CLOSED else ""
        card = cards.setdefault(
            (row["diagnostic"], closed),
            {
                "diagnostic": row["diagnostic"], "effect": row["effect"], "what_to_do": row["what_to_do"], "closed": closed,
                "affected": 0, "total": 0, "first_seen": row["first_seen"], "last_seen": row["last_seen"], "rows": [],
            },
        )  # fmt: skip
        card["rows"].append(row)
        card["affected"] += row["affected"]
        card["total"] += row["total"]
        card["first_seen"] = min(card["first_seen"], row["first_seen"])
        card["last_seen"] = max(card["last_seen"], row["last_seen"])
    for card in cards.values():
        card["rows"].sort(key=lambda r: (r["dataset"], funnel_order(r["event_name"])))
        card["share"] = round(100 * card["affected"] / card["total"], 1) if card["total"] else 0
    return list(cards.values())


EFFECT_WORDS = {"dropped": "Events dropped", "degraded": "Worth less", "advice": "Advice"}


# -- test events


def test_events(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    choice = _choice(sandbox, request, ("dataset", "event_name", "state", "source"))
    number, before = _whole(request, "number"), _whole(request, "before")
    copies: Iterable[Received] = select_test_events(sandbox.inbox, request)
    if number is not None:
        copies = _with_counterpart(sandbox.inbox, number)
    chosen = (copy for copy in copies if _fits(copy, choice) and (before is None or copy.number < before))
    page = list(islice(chosen, SHOWN + 1))
    rows = [test_event_row(copy) for copy in page[:SHOWN]]
    for row in rows:
        row["parameters"] = {key: parameter_text(value) for key, value in row["parameters"].items()}
    kept = {k: v for k, v in (*choice.items(), ("code", request.query_params.get("code", ""))) if v}
    return {
        "rows": rows,
        "code": request.query_params.get("code", ""),
        "shown": SHOWN,
        "number": number,
        "older": {**kept, "before": rows[-1]["number"]} if len(page) > SHOWN else None,
        "states": list(map(str, State)),
        "sources": list(map(str, Source)),
        **_filter_form(sandbox, choice),
    }


def _fits(copy: Received, choice: Mapping[str, str]) -> bool:
    arrival = copy.arrival
    found = {
        "dataset": arrival.dataset, "event_name": arrival.event_name, "state": str(copy.state), "source": str(arrival.source)
    }  # fmt: skip
    return all(not value or found[name] == value for name, value in choice.items())


def _with_counterpart(inbox: Inbox, number: int) -> list[Received]:
    """One event and the copy that it was held against."""
    if not 1 <= number <= len(inbox):
        raise UnknownChoice(f"number: unknown value {number}; known are 1 to {len(inbox)}")
    copy = inbox.copy(number)
    return [copy] if copy.counterpart is None else [copy, inbox.copy(copy.counterpart)]


def _whole(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UnknownChoice(f"{name}: expected a whole number, got {text[:20]}")
    return int(text)


def ads(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    context = ads_context(sandbox.world, request.query_params, sandbox.clock())
    return {**context, "names": sandbox.settings.names}


def audiences(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    lists = sandbox.world.lists
    return {
        "lists": lists.listed(),
        "changes": lists.changes(),
        "shown": LISTED,
        "address": str(request.base_url).rstrip("/"),
    }


def refused(sandbox: Sandbox, _: Request) -> dict[str, Any]:
    rows = list(islice(reversed(sandbox.inbox.refused), SHOWN))
    return {"rows": rows, "shown": SHOWN, "names": sandbox.settings.names}


CONTEXTS = {
    "/": overview,
    "/test_events": test_events,
    "/diagnostics": diagnostics,
    "/ads": ads,
    "/audiences": audiences,
    "/refused": refused,
}


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
