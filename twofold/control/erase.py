"""Erasing, exporting and showing what was shared: through the running gateway when there is one, else in the folder.

Owns that choice, and the waiting until an erasure is done. What is done is the store's, the socket is `control`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from twofold.clock import now_ms
from twofold.config import Settings
from twofold.control.socket import ask_gateway
from twofold.errors import ConfigError, StoreError
from twofold.matching.subject import SubjectRequest, kinds_of
from twofold.policies import open_store
from twofold.privacy.export import find_requested, find_subject, receipt, subject_rows
from twofold.privacy.runner import COMMAND, Eraser, Status
from twofold.privacy.search import Found, Progress
from twofold.store.store import Store

_POLL_S = 0.2


def request_of(settings: Settings, request: SubjectRequest) -> SubjectRequest:
    """The request with the countries of all datasets where none is given: a local number is one of theirs."""
    if request.country:
        return request
    countries = dict.fromkeys(d.country.upper() for d in settings.dataset if d.country)
    return structs.replace(request, country=",".join(countries))


def erase(settings: Settings, request: SubjectRequest, progress: Progress) -> dict[str, Any]:
    """Erases, and returns the receipt once every byte is gone. Raises `StoreError` when it cannot be finished now."""
    folder = Path(settings.server.data)
    question = {"command": "erase", "request": structs.asdict(request_of(settings, request))}
    answer = ask_gateway(folder, question)
    if answer is None:
        number = asyncio.run(_alone(settings, request_of(settings, request), progress))
    else:
        number = answer["id"]
        _wait(folder, number, progress)
    return _receipt(folder, number)


def look(settings: Settings, request: SubjectRequest, progress: Progress) -> Found:
    """What an erasure or an export would touch."""
    return find_subject(Path(settings.server.data), request_of(settings, request), progress)


def export(
    settings: Settings, request: SubjectRequest | None, progress: Progress, *, number: str | None = None
) -> Iterator[dict[str, Any]]:
    """Everything about the person, row by row; the log keeps that it was read out, and how much.

    ``number`` names a request that a shop brought, instead of values; it is closed by this. Raises `ConfigError` for one
    that is not open.
    """
    folder = Path(settings.server.data)
    if number is not None:
        found = find_requested(folder, number, progress)
    else:
        found = look(settings, request or SubjectRequest(), progress)
    if found is None:
        raise ConfigError(f"request {number}: expected one that is open, see `twofold privacy-requests`")
    rows = 0
    for row in subject_rows(folder, found):
        rows += 1
        yield row
    facts = {"named": kinds_of(request) if request else "", "request": number, "rows": rows}
    note = {"command": "note", "kind": "export", "facts": facts, "closes": number}
    if ask_gateway(folder, note) is None:
        asyncio.run(_note_alone(settings, note))


def release(settings: Settings, number: str, progress: Progress) -> dict[str, Any]:
    """The operator's word for a held request, and its receipt once it is done."""
    folder = Path(settings.server.data)
    if ask_gateway(folder, {"command": "erase", "release": number}) is None:
        asyncio.run(_alone(settings, number, progress))
    else:
        _wait(folder, number, progress)
    return _receipt(folder, number)


def _receipt(folder: Path, number: str) -> dict[str, Any]:
    done = receipt(folder, number)
    if done is None:
        raise StoreError(f"erasure {number} has left no entry in the log; run `twofold verify`")
    return done


def _wait(folder: Path, number: str, progress: Progress) -> None:
    while True:
        answer = ask_gateway(folder, {"command": "erasure", "id": number})
        if answer is None:
            raise StoreError(f"the gateway has stopped; erasure {number} goes on when it starts again")
        if answer["erasure"]["state"] == "done":
            return
        if answer["status"]:
            status = msgspec.convert(answer["status"], Status)
            progress(status.what, status.at, status.of)
        time.sleep(_POLL_S)


async def _alone(settings: Settings, asked: SubjectRequest | str, progress: Progress) -> str:
    store = _store(settings)
    try:
        eraser = Eraser(store, now_ms)
        if isinstance(asked, str):
            number = asked
            answer = await eraser.control({"command": "erase", "release": number})
            if "error" in answer:
                raise StoreError(answer["error"])
        else:
            number = await eraser.ask(asked, COMMAND)
        working = asyncio.ensure_future(eraser.start())
        while not working.done():
            await asyncio.wait([working], timeout=_POLL_S)
            status = eraser.status(number)
            if status is not None:
                progress(status.what, status.at, status.of)
        working.result()
        return number
    finally:
        await store.close()


async def _note_alone(settings: Settings, note: dict[str, Any]) -> None:
    store = _store(settings)
    try:
        await Eraser(store, now_ms).control(note)
    finally:
        await store.close()


def _store(settings: Settings) -> Store:
    store = open_store(settings, now_ms())
    store.start()
    return store
