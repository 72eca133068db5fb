"""The ads side's Graph paths: insights of an account, campaign, ad set or ad, report runs, and reading the objects.

Owns addresses, access, paging and report runs; the answer to a question is in `insights`. Source: Marketing API,
"Insights" and "Asynchronous jobs", read September 2026. The runs themselves are in `report_runs`.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from twofold.sandbox.doors.events import throttled
from twofold.sandbox.reports.insights import account_of, find_node, first_day, insight_rows, left_out, owners
from twofold.sandbox.reports.insights_query import MAX_LIMIT, GraphError, Period, parse_query
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import check_proof, has_scope, may_enter, may_write
from twofold.sandbox.wire.answers import (
    DEFAULT_VERSION,
    RefusalKind,
    Refused,
    error_body,
    graph_response,
    new_trace_id,
    scripted_error_body,
)
from twofold.sandbox.wire.envelope import envelope_from, read_body, read_fields
from twofold.sandbox.wire.graph import VERSION, finish
from twofold.sandbox.wire.rates import READ, WRITE
from twofold.sandbox.world.ads import Ad, AdAccount, AdSet, Campaign, Node, zone_of
from twofold.sandbox.world.report_runs import Run, Runs

DEFAULT_LIMIT = 25
READ_ADS = frozenset({"ads_read", "ads_management"})
EDGES = {"campaigns": "campaign", "adsets": "adset", "ads": "ad"}
LEFT_OUT_HEADER = "x-sandbox-fields-left-out"

_NODE = re.compile(r"(act_)?\d{1,32}")


class _GraphRoute(Route):
    """Matches only paths whose parts look like Graph's, so that other rooms keep theirs."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        match, child = super().matches(scope)
        if match is not Match.NONE:
            parts = child["path_params"]
            if not VERSION.fullmatch(parts.get("version", DEFAULT_VERSION)) or not _NODE.fullmatch(parts["node"]):
                return Match.NONE, {}
        return match, child


class _ObjectRoute(_GraphRoute):
    """The bare object: a number is ours only when it names something here; datasets are numbers too."""

    def __init__(self, path: str, endpoint: Any, known: Any) -> None:
        super().__init__(path, endpoint, methods=["GET"])
        self._known = known

    def matches(self, scope: Any) -> tuple[Match, Any]:
        match, child = super().matches(scope)
        if match is not Match.NONE:
            node = child["path_params"]["node"]
            if not node.startswith("act_") and not self._known(node):
                return Match.NONE, {}
        return match, child


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    graph = _Graph(sandbox)
    paths = ("/{version}/{node}/insights", "/{version}/{node}/insights/", "/{node}/insights")
    edges = [f"/{{version}}/{{node}}/{edge}" for edge in EDGES]
    return [
        *(_GraphRoute(path, graph.insights, methods=["GET", "POST"]) for path in paths),
        *(_GraphRoute(path, graph.edge, methods=["GET"]) for path in edges),
        *(_ObjectRoute(path, graph.object, graph.knows) for path in ("/{version}/{node}", "/{version}/{node}/")),
    ]


class _Graph:
    """The endpoints; one per sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def _runs(self) -> Runs:
        return self._sandbox.world.runs

    def knows(self, id_: str) -> bool:
        return find_node(self._sandbox.world.ads, id_) is not None or self._runs.find(id_) is not None

    async def insights(self, request: Request) -> Response:
        return await self._answer(request, self._insights)

    async def edge(self, request: Request) -> Response:
        return await self._answer(request, self._edge)

    async def object(self, request: Request) -> Response:
        return await self._answer(request, self._object)

    async def _answer(self, request: Request, work: Any) -> Response:
        """Reads the fields, checks who asks, and brings every refusal into Graph's envelope."""
        trace, version = new_trace_id(), request.path_params.get("version", DEFAULT_VERSION)
        headers: dict[str, str] = {}
        fields: dict[str, Any] = {}
        try:
            body = await read_body(request.stream(), request.headers)
            fields = await read_fields(body, request.headers, request.query_params.multi_items())
            self._check_access(request, fields)
            await self._sandbox.world.settle()
            status, answer = 200, work(request, fields, headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Refused as refused:
            status, answer = refused.answer.status, error_body(refused, trace, method=request.method)
        except GraphError as err:
            status, answer = err.status, scripted_error_body(err.code, err.subcode, err.message, False, trace)
        response = graph_response(status, answer, trace=trace, version=version)
        response.headers.update(headers)
        return finish(self._sandbox, response, version, token=_token_of(fields, request), owner=_owner_of(request))

    def _check_access(self, request: Request, fields: Mapping[str, Any]) -> None:
        """As for events. A token with listed datasets reads an account only when its ``act_`` id is listed too."""
        settings, name = self._sandbox.settings, request.path_params["node"]
        envelope = envelope_from(fields, request.headers.get("authorization", ""))
        token = envelope.token or ""
        if not may_enter(settings, envelope.token):
            raise Refused(RefusalKind.BAD_TOKEN)
        if settings.app_secret:
            check_proof(settings.app_secret, token, envelope.proof)
        if not has_scope(settings, token, READ_ADS):
            raise Refused(RefusalKind.NO_PERMISSION)
        if not self._sandbox.rates.charge(token, WRITE if request.method == "POST" else READ, self._sandbox.clock()):
            raise throttled(self._sandbox)
        node = self._node(name)
        if node is None or not may_write(settings, token, f"act_{account_of(self._sandbox.world.ads, node).id}"):
            raise GraphError(
                f"Unsupported {request.method.lower()} request. Object with ID '{name}' does not exist, cannot be "
                "loaded due to missing permissions, or does not support this operation",
                subcode=33,
            )

    def _node(self, name: str) -> Node | None:
        run = self._runs.find(name)
        ads = self._sandbox.world.ads
        node = run.node if run else find_node(ads, name)
        # A run may outlive its account.
        return node if node is None or find_node(ads, _name_of(node)) else None

    def _insights(self, request: Request, fields: Mapping[str, Any], headers: dict[str, str]) -> Any:
        name = request.path_params["node"]
        run = self._runs.find(name)
        if run is not None:
            if not run.ready:
                # Meta refuses too; its number was not found.
                raise GraphError("The report run is not ready; read its async_status first", subcode=9900203)
            _tell_left_out(headers, run.left_out)
            return page_of(run.rows, fields, request)
        node = self._node(name)
        assert node is not None, "access was checked"
        rows, left, days = self._ask(node, fields)
        if request.method == "POST":
            account = account_of(self._sandbox.world.ads, node)
            run = self._runs.add(
                account_id=account.id,
                node=node,
                rows=rows,
                left_out=left,
                since=days[0].isoformat(),
                until=days[1].isoformat(),
                started_at=self._sandbox.clock(),
            )
            return {"report_run_id": run.id}
        _tell_left_out(headers, left)
        return page_of(rows, fields, request)

    def _ask(self, node: Node, fields: Mapping[str, Any]) -> tuple[list[dict[str, Any]], tuple[str, ...], Period]:
        world = self._sandbox.world
        account = account_of(world.ads, node)
        today = datetime.datetime.fromtimestamp(self._sandbox.clock() / 1000, zone_of(account.timezone_name)).date()
        query = parse_query(fields, node, today=today, first_day=first_day(world, account) or today)
        days = min(since for since, _ in query.periods), max(until for _, until in query.periods)
        return insight_rows(world, node, query), left_out(query), days

    def _edge(self, request: Request, fields: Mapping[str, Any], _: dict[str, str]) -> Any:
        """The objects below one, in the order they were loaded."""
        name, edge = request.path_params["node"], request.url.path.rstrip("/").rpartition("/")[2]
        ads = self._sandbox.world.ads
        node = self._node(name)
        assert node is not None, "access was checked"
        ids = set(owners(ads, node, EDGES[edge]).values())
        # An object without ads has none in `owners`.
        ids |= {item.id for item in getattr(ads, edge).values() if _parent_of(item) == (node.level, node.id)}
        rows = [object_row(item, fields) for item in getattr(ads, edge).values() if item.id in ids]
        return page_of(rows, fields, request)

    def _object(self, request: Request, fields: Mapping[str, Any], _: dict[str, str]) -> Any:
        name = request.path_params["node"]
        run = self._runs.find(name)
        if run is not None:
            run.looks += 1
            return run_row(run)
        node = self._node(name)
        assert node is not None, "access was checked"
        return object_row(getattr(self._sandbox.world.ads, node.level + "s")[node.id], fields)


def _token_of(fields: Mapping[str, Any], request: Request) -> str:
    return envelope_from(fields, request.headers.get("authorization", "")).token or ""


def _owner_of(request: Request) -> str:
    node: str = request.path_params["node"]
    return node.removeprefix("act_")


def _name_of(node: Node) -> str:
    return f"act_{node.id}" if node.level == "account" else node.id


def _parent_of(item: Any) -> tuple[str, str]:
    match item:
        case Campaign():
            return "account", item.account_id
        case AdSet():
            return "campaign", item.campaign_id
    return "adset", item.adset_id


def _tell_left_out(headers: dict[str, str], names: Iterable[str]) -> None:
    """Fields that the sandbox does not know are missing in the rows; a header names them, so nobody has to guess."""
    known = [name for name in names if re.fullmatch(r"[\w.]{1,80}", name, re.ASCII)]
    if known:
        headers[LEFT_OUT_HEADER] = ",".join(known)


def run_row(run: Run) -> dict[str, Any]:
    """A report run as its first look, its second, and from then on."""
    status, percent = {1: ("Job Started", 0), 2: ("Job Running", 50)}.get(run.looks, ("Job Completed", 100))
    return {
        "id": run.id,
        "account_id": run.account_id,
        "async_status": status,
        "async_percent_completion": percent,
        "is_running": percent < 100,
        "time_ref": run.started_at // 1000,
        "date_start": run.since,
        "date_stop": run.until,
    }


def object_row(item: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """One object with the fields asked for; its id always comes."""
    row = msgspec.to_builtins(item)
    match item:
        case AdAccount():
            row |= {"id": f"act_{item.id}", "account_id": item.id, "account_status": 1}
        case AdSet():
            row["attribution_spec"] = [
                {"event_type": event_type, "window_days": days}
                for event_type, days in (
                    ("CLICK_THROUGH", item.click_days),
                    ("VIEW_THROUGH", item.view_days),
                    ("ENGAGED_VIDEO_VIEW", item.engaged_view_days),
                )
                if days
            ]
        case Campaign() | Ad():
            pass
    wanted = {part.strip() for part in str(fields.get("fields") or "").split(",")}
    return {key: value for key, value in row.items() if key == "id" or key in wanted}


def page_of(rows: list[dict[str, Any]], fields: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """Some of the rows, with cursors; ``next`` is there as long as more follow."""
    limit = _limit(fields.get("limit"))
    start = read_cursor(fields.get("after"), "after") + 1 if fields.get("after") else 0
    if fields.get("before"):
        start = max(read_cursor(fields["before"], "before") - limit, 0)
    shown = rows[start : start + limit]
    if not shown:
        return {"data": []}
    first, last = write_cursor(start), write_cursor(start + len(shown) - 1)
    paging: dict[str, Any] = {"cursors": {"before": first, "after": last}}
    if start + len(shown) < len(rows):
        paging["next"] = _address(request, after=last)
    if start:
        paging["previous"] = _address(request, before=first)
    return {"data": shown, "paging": paging}


def write_cursor(place: int) -> str:
    return base64.urlsafe_b64encode(b"row %d" % place).decode().rstrip("=")


def read_cursor(text: Any, name: str) -> int:
    try:
        found = re.fullmatch(rb"row (\d{1,9})", base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4)))
    except (binascii.Error, ValueError):
        found = None
    if found is None:
        raise GraphError(f"(#100) {name} is not a cursor of this list")
    return int(found[1])


def _limit(value: Any) -> int:
    if value in (None, ""):
        return DEFAULT_LIMIT
    if not re.fullmatch(r"\d{1,9}", str(value)) or int(value) < 1:
        raise GraphError("(#100) limit must be a positive number")
    return min(int(value), MAX_LIMIT)


def _address(request: Request, **cursor: str) -> str:
    """The same question at another place. A token in the query goes along, as in Graph's own links."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("after", "before")]
    return f"{str(request.base_url).rstrip('/')}{request.url.path}?{urlencode([*kept, *cursor.items()])}"
