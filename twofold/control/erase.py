"""Erasing, exporting and showing what was shared: through the running gateway when there is one, else in the folder.

Owns the waiting until an erasure is done. What is done is the eraser's, who is asked is `owner`'s to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from twofold.config import Settings
from twofold.control.owner import FolderOwner, GatewayOwner, on_store, open_in_turn, patiently
from twofold.control.questions import AskErasure, Erase, Note
from twofold.control.socket import Conversation
from twofold.errors import NotHere, StoreError, StoreInTheWay
from twofold.matching.subject import SubjectRequest, kinds_of
from twofold.privacy.export import find_requested, find_subject, open_requests, receipt, subject_rows
from twofold.privacy.runner import Status
from twofold.privacy.search import Progress, SubjectMatches

T = TypeVar("T")

_POLL_S = 0.2
PATIENCE_S = 60.0
"""For how long the folder is waited for that somebody else has, and a question is asked again that other processes were in the way
of; as long as an answer is waited for."""


def request_of(settings: Settings, request: SubjectRequest) -> SubjectRequest:
    """The request with the countries of all datasets where none is given: a local number is one of theirs."""
    if request.country:
        return request
    countries = dict.fromkeys(d.country.upper() for d in settings.dataset if d.country)
    return structs.replace(request, country=",".join(countries))


def erase(settings: Settings, request: SubjectRequest, progress: Progress) -> dict[str, Any]:
    """Erases, and returns the receipt once every byte is gone. Raises `StoreError` when it cannot be finished now, and
    where the folder holds no data of ours: nothing is made there."""
    return _do(settings, Erase(request=request_of(settings, request)), progress)


def look(settings: Settings, request: SubjectRequest, progress: Progress) -> SubjectMatches:
    """What an erasure or an export would touch."""
    return find_subject(Path(settings.server.data), request_of(settings, request), progress)


def export(
    settings: Settings, request: SubjectRequest | None, progress: Progress, *, number: str | None = None
) -> Iterator[dict[str, Any]]:
    """Everything about the person, row by row; the log keeps that it was read out, and how much.

    ``number`` names a request that a shop brought, instead of values; it is closed by this. Raises `NotHere` for one that
    is not open, and where nothing is held of the person.
    """
    folder = Path(settings.server.data)
    if number is not None:
        found = find_requested(folder, number, progress)
    else:
        found = look(settings, request or SubjectRequest(), progress)
    if found is None:
        raise NotHere(f"no open request {number}; list them with `twofold privacy-requests`")
    if not (found.rows or found.actions or found.orders or found.lines or found.line_texts):
        raise NotHere("nobody of that name is here; look at the value, its country and the dataset")
    rows = 0
    for row in subject_rows(folder, found):
        rows += 1
        yield row
    facts = {"named": kinds_of(request) if request else "", "request": number, "rows": rows}
    on_store(settings, Note(kind="export", facts=facts, closes=number))


def release(settings: Settings, number: str, progress: Progress) -> dict[str, Any]:
    """The operator's word for a held request, and its receipt once it is done. Raises `NotHere` where none of it is held."""
    if not any(row["id"] == number and row["state"] == "held" for row in open_requests(Path(settings.server.data))):
        raise NotHere(f"no request {number} waits for a word; list them with `twofold privacy-requests`")
    return _do(settings, Erase(release=number), progress)


def hand_over(settings: Settings, question: Erase) -> bool:
    """True where a gateway runs: it has the request, or the word for a held one, and does it beside its work. Where none does nothing
    is opened. Raises `StoreError` with the gateway's reason."""
    conversation = Conversation.open(Path(settings.server.data))
    if conversation is None:
        return False
    with closing(GatewayOwner(conversation)) as owner:
        _patiently(lambda: owner.ask(question), lambda *_: None)
    return True


def _do(settings: Settings, question: Erase, progress: Progress) -> dict[str, Any]:
    def waits() -> None:
        progress("waiting for whoever has the data folder", 0, 0)

    with closing(open_in_turn(settings, within_s=PATIENCE_S, waits=waits)) as owner:
        # Asked twice it is one request.
        number = str(_patiently(lambda: owner.ask(question), progress)["id"])
        if isinstance(owner, GatewayOwner):
            _wait(owner, number, progress)
        else:
            _patiently(lambda: owner.run(_finish(owner, number, progress)), progress)
    return _receipt(Path(settings.server.data), number)


def _patiently(ask: Callable[[], T], progress: Progress) -> T:
    """What a question brings, while other processes hold what it needs: nothing is kept of one that they were in the way of."""
    return patiently(
        ask, StoreInTheWay, PATIENCE_S, lambda: progress("waiting for other writers of the database", 0, 0)
    )


def _receipt(folder: Path, number: str) -> dict[str, Any]:
    done = receipt(folder, number)
    if done is None:
        raise StoreError(f"erasure {number} has left no entry in the log; run `twofold verify`")
    return done


def _wait(owner: GatewayOwner, number: str, progress: Progress) -> None:
    while True:
        try:
            answer = _patiently(lambda: owner.ask(AskErasure(id=number)), progress)
        except StoreError as err:
            raise StoreError(
                f"{err}; erasure {number} goes on by itself once the gateway and its database are there"
            ) from None
        if answer["erasure"]["state"] == "done":
            return
        if answer["status"]:
            status = msgspec.convert(answer["status"], Status)
            progress(status.what, status.at, status.of)
        time.sleep(_POLL_S)


async def _finish(owner: FolderOwner, number: str, progress: Progress) -> None:
    working = asyncio.ensure_future(owner.eraser.start())
    while not working.done():
        await asyncio.wait([working], timeout=_POLL_S)
        status = owner.eraser.status(number)
        if status is not None:
            progress(status.what, status.at, status.of)
    working.result()
