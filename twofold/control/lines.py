"""A file of lines as it goes to the store: begun, put in portions, shown at its end, or taken out again.

Owns what the owner of the store does with each of these questions, and that an import waits while shoppers' events do.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from twofold.control.questions import BeginLines, DropLines, EndLines, PutLines, TellLines
from twofold.errors import StoreError
from twofold.store.lines.keeping import ABANDONED_MS, Kept, begin_file, drop_unfinished, end_file, keep_told, put_lines
from twofold.store.store import Store

_RETRY_S = 0.05
_BUSY = 2_000  # events that wait for the disk before an import waits, too
_GONE = "the file is no longer being read here (the gateway was started again meanwhile); start the command again"


async def keep_lines(
    store: Store, question: BeginLines | PutLines | EndLines | DropLines | TellLines, now_ms: int
) -> dict[str, Any]:
    """The answer, once it is on disk. Raises `StoreError` for a file that is not being read."""
    while store.queued > _BUSY:
        await asyncio.sleep(_RETRY_S)
    match question:
        case BeginLines(file=file, alone=alone):
            abandoned = now_ms + 1 if alone else now_ms - ABANDONED_MS
            while await store.transact(lambda e: drop_unfinished(e, abandoned)):
                pass
            return {"load": await store.transact(lambda e: begin_file(e, file, now_ms))}
        case PutLines(load=load, rows=rows):
            return {"kept": _shown(await store.transact(lambda e: put_lines(e, load, rows, now_ms)))}
        case EndLines(load=load, file=file, lines=lines, facts=facts):
            if not await store.transact(lambda e: end_file(e, load, file, lines, facts, now_ms)):
                raise StoreError(_GONE)
            return {}
        case DropLines(load=load):
            while await store.transact(lambda e: drop_unfinished(e, now_ms, load)):
                pass
            return {}
        case TellLines(rows=rows):
            return {"kept": _shown(await store.transact(lambda e: keep_told(e, rows)))}


def _shown(kept: Kept | None) -> dict[str, Any]:
    if kept is None:
        raise StoreError(_GONE)
    shown: dict[str, Any] = msgspec.to_builtins(kept)
    return shown
