"""What all Graph paths share: versions, unknown paths, the frame around a read, and the headers at the end.

Owns no endpoint. Source: Meta for Developers, "Versioning", "Marketing API rate limits" and "Conversions API", read
September 2026. Any version is accepted, and none; an old one is answered as the oldest supported one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from twofold.sandbox.settings import Sandbox, SandboxSettings
from twofold.sandbox.wire.access import check_access, query_credentials
from twofold.sandbox.wire.answers import DEFAULT_VERSION, RefusalKind, Refused, error_body, graph_response, new_trace_id
from twofold.sandbox.wire.rates import HEADER, READ

VERSION = re.compile(r"v\d{1,3}\.\d{1,2}")


async def unknown_path(request: Request) -> Response:
    trace = new_trace_id()
    refused = Refused(RefusalKind.UNKNOWN_PATH, subject=request.url.path)
    return graph_response(refused.answer.status, error_body(refused, trace), trace=trace)


async def answer_read(
    sandbox: Sandbox,
    request: Request,
    dataset: str,
    wanted: frozenset[str],
    build: Callable[[Sandbox, Request, str], Any],
) -> Response:
    """One GET on a Graph path: version, access and rate, then ``build(sandbox, request, dataset)`` makes the body."""
    version = request.path_params.get("version", DEFAULT_VERSION)
    if not VERSION.fullmatch(version):
        return await unknown_path(request)
    trace, now = new_trace_id(), sandbox.clock()
    token, proof = query_credentials(request)
    try:
        check_access(sandbox.settings, token, proof, dataset, wanted)
        sandbox.rates.charge(token or "", READ, now)
        response = graph_response(200, build(sandbox, request, dataset), trace=trace, version=version)
    except Refused as refused:
        body = error_body(refused, trace, method=request.method)
        response = graph_response(refused.answer.status, body, trace=trace, version=version)
    return finish(sandbox, response, version, token=token or "", owner=dataset)


def finish(sandbox: Sandbox, response: Response, version: str, *, token: str, owner: str) -> Response:
    """The rate header, and the warning that an old version gets; a header that a test scripted stays."""
    headers = response.headers
    if HEADER not in headers and "x-fb-trace-id" in headers:
        headers[HEADER] = sandbox.rates.header(token, owner[:64], sandbox.clock())
    if is_outdated(sandbox.settings, version):
        oldest = sandbox.settings.oldest_version
        headers["facebook-api-version"] = oldest
        headers["x-ad-api-version-warning"] = f"The call was upgraded from {version} to {oldest}"  # wording is ours
    return response


def is_outdated(settings: SandboxSettings, version: str) -> bool:
    return _numbers(version) < _numbers(settings.oldest_version)


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version[1:].partition(".")
    return int(major), int(minor)
