"""Customer lists on Graph's path: ``POST`` and ``DELETE /{version}/{audience}/users``.

Owns reading such a request and its answer; who is on a list is `world.lists`. Source: Marketing API, "Custom Audience Users" and "Customer
File Custom Audiences" (schema, at most 10,000 rows, session, ``num_received`` and ``num_invalid_entries``), facebook-business 26.0.3. Rows
are taken as EMAIL, PHONE and LOOKALIKE_VALUE, hashed; of any other column of Meta's only that it is there is known here. No row is
shown, so ``invalid_entry_samples`` is always empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.views import json_response
from twofold.sandbox.reports.insights_query import GraphError
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import check_access
from twofold.sandbox.wire.answers import (
    DEFAULT_VERSION,
    Refused,
    error_body,
    graph_response,
    new_trace_id,
    scripted_error_body,
)
from twofold.sandbox.wire.envelope import decode_json, envelope_from, read_body, read_fields
from twofold.sandbox.wire.graph import VERSION, finish, unknown_path
from twofold.sandbox.wire.rates import WRITE
from twofold.sandbox.world.lists import Row

CHANGES_LISTS = frozenset({"ads_management"})
MOST_ROWS = 10_000
COLUMNS = frozenset({
    "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "MADID", "COUNTRY", "EXTERN_ID",
    "LOOKALIKE_VALUE", "APPUID", "UID", "MOBILE_ADVERTISER_ID",
})  # fmt: skip
"""Keys of a schema, as "Customer File Custom Audiences" and the official SDK have them."""
_SINGLE = {"EMAIL_SHA256": "EMAIL", "PHONE_SHA256": "PHONE"}  # of a schema with one key
_HASH = re.compile(r"[0-9a-f]{64}")
_KINDS = {"POST": "added", "DELETE": "removed"}


def routes(sandbox: Sandbox) -> list[Route]:
    async def change(request: Request) -> Response:
        return await answer_change(sandbox, request)

    async def show(_: Request) -> Response:
        return json_response({"audiences": [list_row(one) for one in sandbox.world.lists.listed()]})

    return [
        Route("/{version}/{audience}/users", change, methods=["POST", "DELETE"]),
        Route("/sandbox/audiences", show, methods=["GET"]),
    ]


def list_row(one: Any) -> dict[str, Any]:
    """Counts of a list; nothing of anybody."""
    return {
        "audience": one.id, "rows": len(one.rows), "emails": one.emails, "phones": one.phones, "valued": one.valued,
        "requests": one.requests, "added": one.added, "removed": one.removed, "repeated": one.repeated, "invalid": one.invalid,
        "last_at": one.last_at,
    }  # fmt: skip


async def answer_change(sandbox: Sandbox, request: Request) -> Response:
    """Rows put on, or taken off; a list is any number, as a dataset is."""
    version, audience = request.path_params["version"], request.path_params["audience"]
    if not VERSION.fullmatch(version):
        return await unknown_path(request)
    trace, token = new_trace_id(), ""
    try:
        body = await read_body(request.stream(), request.headers)
        fields = await read_fields(body, request.headers, request.query_params.multi_items())
        envelope = envelope_from(fields, request.headers.get("authorization", ""))
        token = envelope.token or ""
        check_access(sandbox.settings, envelope.token, envelope.proof, audience, CHANGES_LISTS)
        sandbox.rates.charge(token, WRITE, sandbox.clock())
        rows, invalid = read_rows(_object(fields, "payload"))
        session = _object(fields, "session") if "session" in fields else {}
        sandbox.world.lists.change(audience, _KINDS[request.method], rows, invalid, sandbox.clock())
        sandbox.inbox.version += 1  # what the pages show has changed
        answer: dict[str, Any] = {
            "audience_id": audience, "session_id": str(session.get("session_id", "0")),
            "num_received": len(rows) + invalid, "num_invalid_entries": invalid, "invalid_entry_samples": {},
        }  # fmt: skip
        response = graph_response(200, answer, trace=trace, version=version)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    except Refused as refused:
        response = graph_response(
            refused.answer.status, error_body(refused, trace, method=request.method), trace=trace, version=version
        )
    except GraphError as err:
        told = scripted_error_body(err.code, err.subcode, err.message, False, trace)
        response = graph_response(err.status, told, trace=trace, version=version)
    return finish(sandbox, response, version or DEFAULT_VERSION, token=token, owner=audience)


def read_rows(payload: Mapping[str, Any]) -> tuple[list[Row], int]:
    """The rows by which somebody can be found, and how many are none. Raises `GraphError` for a payload of another form."""
    schema, data = payload.get("schema"), payload.get("data")
    columns = [_SINGLE.get(schema, schema)] if isinstance(schema, str) else schema
    if not isinstance(columns, list) or not columns or any(name not in COLUMNS for name in columns):
        raise GraphError("(#100) The parameter payload needs a schema of known keys")
    if not isinstance(data, list) or len(data) > MOST_ROWS:
        raise GraphError(f"(#100) The parameter payload needs a list of at most {MOST_ROWS} rows in data")
    rows, invalid = list[Row](), 0
    for one in data:
        cells = one if isinstance(one, list) else [one]
        if len(cells) != len(columns):
            raise GraphError("(#100) A row of data has another number of cells than the schema")
        row = _row(dict(zip(columns, cells, strict=True)))
        if row is None:
            invalid += 1
        else:
            rows.append(row)
    return rows, invalid


def _row(cells: Mapping[str, Any]) -> Row | None:
    """None for a row without a digest that could be somebody's, and for one with a cell that is no digest."""
    told = {name: cells.get(name) or "" for name in ("EMAIL", "PHONE")}
    if any(value and not (isinstance(value, str) and _HASH.fullmatch(value)) for value in told.values()):
        return None
    if "LOOKALIKE_VALUE" in cells and not _is_amount(cells["LOOKALIKE_VALUE"]):
        return None
    others = [name for name in cells if name not in ("EMAIL", "PHONE", "LOOKALIKE_VALUE") and cells[name]]
    if not any(told.values()) and not others:
        return None
    return Row(told["EMAIL"], told["PHONE"], "LOOKALIKE_VALUE" in cells)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value >= 0


def _object(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    told = fields.get(name)
    found = decode_json(told, name) if isinstance(told, str) else told
    if not isinstance(found, dict):
        raise GraphError(f"(#100) The parameter {name} is required")
    return found
