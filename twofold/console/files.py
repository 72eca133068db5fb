"""Files that people give to the console, and those it gives back: statements to import, evidence of an acceptance run, its packets.

Owns the way of a file off the wire: nothing of it is taken before its form is ours. What becomes of it is `dropped` and `evidence`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from twofold.console import evidence
from twofold.console.access.register import Refused
from twofold.console.access.roles import Right
from twofold.console.acts import acceptance
from twofold.console.answers import OLD_FORM, Answers
from twofold.console.dropped.form import Malformed, TooLarge, Upload
from twofold.console.dropped.held import MOST_BYTES, Drop
from twofold.console.entrance import Entrance
from twofold.console.parts import Parts
from twofold.errors import StoreError

UPLOAD_S = 600


class Files:
    """Of one console."""

    def __init__(self, parts: Parts, answers: Answers, entrance: Entrance) -> None:
        self._parts, self._answers, self._entrance = parts, answers, entrance

    async def take(self, request: Request) -> Response:
        """A file off the wire into memory, and to its page, which reads it. Nothing of it is taken before the form is ours."""
        session, refusal = await self._entrance.let_in(request, Right.BOOKS)
        if session is None:
            return refusal
        taken: list[Drop] = []
        chunks = request.stream()

        def ready(fields: dict[str, str], name: str) -> Callable[[bytes], None]:
            if not self._parts.guard.allows_change(request, session, fields.get("csrf", "")):
                raise Forbidden
            taken.append(self._parts.drops.take(session.person.id, name))
            return taken[0].put

        try:
            async with asyncio.timeout(UPLOAD_S):
                await Upload(request.headers.get("content-type", ""), ready, MOST_BYTES).read(chunks)
            drop = taken[0]
            if not drop.size:
                raise Malformed
            drop.ready()
            self._parts.drops.begin(drop, self._parts.settings, keep=False)
            return self._answers.go(f"/imports/file/{drop.token}")
        except (Malformed, TooLarge, Forbidden, Refused, StoreError, ClientDisconnect, TimeoutError) as err:
            for drop in taken:
                self._parts.drops.end(drop)
            with suppress(ClientDisconnect, TimeoutError):
                await _drain(chunks)
            status, problem = _file_problem(err)
            return self._answers.page(request, session, "problem.html", {"problem": problem}, status=status)

    async def take_evidence(self, request: Request) -> Response:
        """What a person saw elsewhere, with its tick; written anew before it is kept."""
        session, refusal = await self._entrance.let_in(request, Right.TEST)
        if session is None:
            return refusal
        chunks = request.stream()

        def allowed(fields: dict[str, str]) -> None:
            if not self._parts.guard.allows_change(request, session, fields.get("csrf", "")):
                raise Forbidden

        try:
            taking = evidence.Taking(request.headers.get("content-type", ""), allowed)
            async with asyncio.timeout(UPLOAD_S):
                await taking.form.read(chunks)
            if not taking.content:
                raise Malformed
            act = self._parts.act(request, session, taking.form.fields)
            done = await run_in_threadpool(acceptance.show, act, taking.content)
            return self._answers.go(done.to)
        except TooLarge:
            status, problem = 413, "Pictures and PDFs up to 10 MB are taken."
        except (Malformed, Forbidden, Refused, StoreError, ClientDisconnect, TimeoutError) as err:
            status, problem = _file_problem(err)
        with suppress(ClientDisconnect, TimeoutError):
            await _drain(chunks)
        return self._answers.page(request, session, "problem.html", {"problem": problem}, status=status)

    async def evidence(self, request: Request) -> Response:
        """What somebody showed, for a frame of ours that may do nothing."""
        download = bool(request.query_params.get("download"))
        return await self._given(request, partial(evidence.shown_file, download=download))

    async def packet(self, request: Request) -> Response:
        return await self._given(request, evidence.signed_file)

    async def _given(self, request: Request, read: Callable[..., tuple[bytes, str, dict[str, str]] | None]) -> Response:
        session, refusal = await self._entrance.let_in(request, Right.TEST)
        if session is None:
            return refusal
        found = await run_in_threadpool(read, Path(self._parts.settings.server.data), request.path_params)
        if found is None:
            return self._answers.nothing(request, session)
        content, kind, headers = found
        return Response(content, media_type=kind, headers=headers)


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
            return 403, OLD_FORM
        case Refused() | StoreError():
            return 409, str(err)
        case _:
            return 400, "No file came with this form. Choose one, then try again."
