"""What a gateway has seen of its senders, on disk some seconds later: which webhooks came, and what came undeclared.

Owns when it is written, and that what could not be written is written again. At a clean end it is written once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from twofold.collect.doors.seen import META as SEEN
from twofold.collect.doors.webhooks import Webhooks
from twofold.errors import StoreError
from twofold.schema.watch import META as SCHEMA_SEEN
from twofold.schema.watch import SchemaWatch
from twofold.schema.watch import encode_seen as encode_schema_seen
from twofold.store.store import Store

log = logging.getLogger("twofold")

SEEN_EVERY_S = 1.0
SCHEMA_EVERY_S = 20.0


class SeenNotes:
    """Of one gateway. ``schemas``: by dataset."""

    def __init__(self, store: Store, webhooks: Webhooks, schemas: Mapping[str, SchemaWatch]) -> None:
        self._store, self._webhooks, self._schemas = store, webhooks, schemas

    async def keep_schema(self) -> None:
        """What came undeclared, and of which types, is on disk some seconds later."""
        while True:
            await asyncio.sleep(SCHEMA_EVERY_S)
            await self.keep_schema_now()

    async def keep_schema_now(self) -> None:
        """Writes down what came undeclared since the last time."""
        if any(watch.changed for watch in self._schemas.values()):
            try:
                await self._store.keep_note(SCHEMA_SEEN, encode_schema_seen(self._schemas))
            except StoreError as err:
                for watch in self._schemas.values():
                    watch.changed = True
                log.error("what came undeclared could not be kept, and is tried again: %s", err)

    async def keep_seen(self) -> None:
        """Which webhooks came is on disk a second later: who asks after a start must not read that none ever did."""
        while True:
            await asyncio.sleep(SEEN_EVERY_S)
            await self.keep_seen_now()

    async def keep_seen_now(self) -> None:
        """Writes down which webhooks came since the last time."""
        if self._webhooks.seen.changed:
            try:
                await self._store.keep_note(SEEN, self._webhooks.seen.encode())
            except StoreError as err:
                self._webhooks.seen.changed = True
                log.error("which webhooks came could not be kept, and is tried again: %s", err)
