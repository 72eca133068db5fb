"""Where an import hands its orders: to the running gateway by its socket, to the store itself, or nowhere.

Owns the three ways and their back pressure. A batch that has come back is on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

from msgspec import Struct

from twofold.config import Settings
from twofold.control.batches import append_batch, encode_batch
from twofold.control.owner import FolderOwner, GatewayOwner, open_in_turn
from twofold.event.model import Event
from twofold.policies import shops_alike
from twofold.store.lines.reading import reading
from twofold.store.orders.foresight import OrderForesight
from twofold.store.orders.ledger import OrderEntry, shop_among

WINDOW = 2  # batches under way: one that the gateway writes, one that it can take next


class Batch(Struct, kw_only=True):
    """What is handed over at once. ``row``: the last row of the file that it accounts for."""

    orders: list[OrderEntry] = []
    events: list[Event] = []
    row: int = 0
    new: int = 0  # set when it comes back, as the next
    updated: int = 0
    not_sendable: dict[str, int] = {}


class Sink(Protocol):
    def put(self, batch: Batch) -> Sequence[Batch]:
        """Takes a batch; gives back those that are on disk now, in their order."""

    def finish(self) -> Sequence[Batch]:
        """Waits for the rest and gives it back."""

    def close(self) -> None:
        """Lets go of the store, whatever is under way."""


class DrySink:
    """Takes everything and writes nothing."""

    def put(self, batch: Batch) -> Sequence[Batch]:
        return [batch]

    def finish(self) -> Sequence[Batch]:
        return []

    def close(self) -> None:
        return None


class LookSink(DrySink):
    """Writes nothing either, and looks at what is kept: what the orders would come to."""

    def __init__(self, settings: Settings) -> None:
        self._reader = ExitStack()
        asks = self._reader.enter_context(reading(settings.server.data))
        alike = {d.id: shops_alike(settings, d.id) for d in settings.dataset}
        self._foresight = OrderForesight(asks, lambda dataset, source: shop_among(alike.get(dataset), [source]))

    def put(self, batch: Batch) -> Sequence[Batch]:
        seen = self._foresight
        before = seen.new, seen.updated
        seen.put(batch.orders)
        batch.new, batch.updated = seen.new - before[0], seen.updated - before[1]
        return [batch]

    def close(self) -> None:
        self._reader.close()


class GatewaySink:
    """A running gateway. Raises `StoreError` when it goes away: what came back is on disk, the rest is not."""

    def __init__(self, owner: GatewayOwner) -> None:
        self._conversation = owner.conversation
        self._under_way: deque[Batch] = deque()

    def put(self, batch: Batch) -> Sequence[Batch]:
        self._conversation.tell(encode_batch(batch.orders, batch.events))
        self._under_way.append(batch)
        return [self._next()] if len(self._under_way) > WINDOW else []

    def finish(self) -> Sequence[Batch]:
        return [self._next() for _ in range(len(self._under_way))]

    def close(self) -> None:
        self._conversation.close()

    def _next(self) -> Batch:
        answer = self._conversation.hear()
        batch = self._under_way.popleft()
        batch.new, batch.updated = int(answer["new"]), int(answer["updated"])
        return batch


class FolderSink:
    """The data folder itself."""

    def __init__(self, owner: FolderOwner) -> None:
        self._owner = owner

    def put(self, batch: Batch) -> Sequence[Batch]:
        batch.new, batch.updated = self._owner.run(append_batch(self._owner.store, batch.orders, batch.events))
        return [batch]

    def finish(self) -> Sequence[Batch]:
        return []

    def close(self) -> None:
        self._owner.close()


def open_sink(settings: Settings) -> Sink:
    """The gateway when one runs on this folder, else the folder, which an import may make, once whoever has it is done.
    Raises `StoreLocked` of one that stays."""
    owner = open_in_turn(settings, create=True)
    return GatewaySink(owner) if isinstance(owner, GatewayOwner) else FolderSink(owner)
