"""Links between datasets and pages, WhatsApp accounts, Instagram accounts: ``POST /{asset}/dataset``.

Owns creating and showing links; which event a missing link refuses is in `rules`. Source: Meta for Developers,
"Conversions API for business messaging", read September 2026: the call creates the dataset or returns it.
"""

from __future__ import annotations

import hashlib

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.views import json_response
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import may_enter, query_credentials
from twofold.sandbox.wire.answers import DEFAULT_VERSION, RefusalKind, Refused, error_body, graph_response, new_trace_id
from twofold.sandbox.wire.envelope import envelope_from, read_body, read_fields
from twofold.sandbox.wire.graph import VERSION, unknown_path
from twofold.sandbox.wire.rules import Links


def routes(sandbox: Sandbox) -> list[Route]:
    async def link(request: Request) -> Response:
        return await answer_link(sandbox, request)

    async def show(_: Request) -> Response:
        return json_response({"links": sandbox.notes.links})

    async def replace(request: Request) -> Response:
        try:
            sandbox.notes.links = msgspec.json.decode(await request.body(), type=Links)
        except msgspec.DecodeError as err:
            return json_response({"error": str(err)}, 400)
        sandbox.notes.save()
        return json_response({"links": sandbox.notes.links})

    return [
        Route("/sandbox/links", show, methods=["GET"]),
        Route("/sandbox/links", replace, methods=["POST"]),
        Route("/{version}/{asset}/dataset", link, methods=["POST"]),
        Route("/{asset}/dataset", link, methods=["POST"]),
    ]


async def answer_link(sandbox: Sandbox, request: Request) -> Response:
    """``{"id": dataset}`` of the asset; a token that writes to one dataset only links that one."""
    version = request.path_params.get("version", DEFAULT_VERSION)
    if not VERSION.fullmatch(version):
        return await unknown_path(request)
    asset, trace = request.path_params["asset"], new_trace_id()
    try:
        body = await read_body(request.stream(), request.headers)
        fields = await read_fields(body, request.headers, request.query_params.multi_items())
        token = envelope_from(fields).token or query_credentials(request)[0]
        if token is None or not may_enter(sandbox.settings, token):
            raise Refused(RefusalKind.BAD_TOKEN)
        if not asset.isdigit():
            raise Refused(RefusalKind.WRONG_DATASET, subject=asset[:64])
    except Refused as refused:
        return graph_response(refused.answer.status, error_body(refused, trace), trace=trace, version=version)
    links = sandbox.notes.links
    if asset not in links.assets:
        own = sandbox.settings.tokens.get(token, ())
        links.assets[asset] = own[0] if own else _new_dataset(asset)
        sandbox.notes.save()
    return graph_response(200, {"id": links.assets[asset]}, trace=trace, version=version)


def _new_dataset(asset: str) -> str:
    """A dataset id that is the same for the same asset."""
    digest = hashlib.blake2b(asset.encode(), digest_size=6).digest()
    return str(10**15 + int.from_bytes(digest, "big") % 10**15)
