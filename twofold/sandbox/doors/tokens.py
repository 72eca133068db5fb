"""What a token says of itself: ``GET /{version}/debug_token?input_token=…``.

Owns this answer. Source: Graph API, "Debug-Token", and a published live transcript of a token made in Events Manager
(``expires_at`` 0: never). Only what is known here is told: valid or not, scopes, and the end that the settings give it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import SEND_EVENTS, check_proof, may_enter, query_credentials
from twofold.sandbox.wire.answers import DEFAULT_VERSION, RefusalKind, Refused, error_body, graph_response, new_trace_id
from twofold.sandbox.wire.graph import VERSION, unknown_path


def routes(sandbox: Sandbox) -> list[Route]:
    async def about(request: Request) -> Response:
        return await answer_token(sandbox, request)

    return [
        Route("/{version}/debug_token", about, methods=["GET"]),
        Route("/debug_token", about, methods=["GET"]),
    ]


async def answer_token(sandbox: Sandbox, request: Request) -> Response:
    """``{"data": {"is_valid", "scopes", "expires_at"}}`` of the token that is asked about."""
    if not VERSION.fullmatch(request.path_params.get("version", DEFAULT_VERSION)):
        return await unknown_path(request)
    settings, trace = sandbox.settings, new_trace_id()
    token, proof = query_credentials(request)
    try:
        if not may_enter(settings, token):
            raise Refused(RefusalKind.BAD_TOKEN)
        if settings.app_secret:
            check_proof(settings.app_secret, token or "", proof)
    except Refused as refused:
        return graph_response(refused.answer.status, error_body(refused, trace), trace=trace)
    asked = request.query_params.get("input_token", "")
    ends = settings.ends.get(asked, 0)
    valid = may_enter(settings, asked) and (not ends or sandbox.clock() < ends * 1000)
    scopes = settings.scopes.get(asked, tuple(sorted(SEND_EVENTS))) if valid else ()
    return graph_response(200, {"data": {"is_valid": valid, "scopes": list(scopes), "expires_at": ends}}, trace=trace)
