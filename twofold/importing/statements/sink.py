"""Where the lines of a file go: to the running gateway by its socket, to the store itself, or nowhere.

Owns the portions under way and what they came to. Nobody sees a line before `end`; `drop` takes out what was put.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import msgspec

from twofold.config import Settings
from twofold.control.batches import encode_batch
from twofold.control.owner import FolderOwner, GatewayOwner, open_in_turn
from twofold.control.questions import BeginLines, DropLines, EndLines, PutLines
from twofold.store.lines.keeping import Foresight, Kept, LineFile
from twofold.store.lines.reading import reading
from twofold.store.lines.row import LineRow
from twofold.store.orders.ledger import OrderEntry

WINDOW = 2  # portions under way: one that the gateway writes, one that it can take next


class LineSink(Protocol):
    kept: Kept

    def begin(self, file: LineFile) -> bool:
        """False when the file was imported before: nothing is to be put."""

    def put(self, rows: Sequence[LineRow]) -> None: ...

    def settle(self) -> None:
        """Waits for what is under way: ``kept`` is whole afterwards."""

    def end(self, facts: dict[str, Any]) -> None:
        """All lines are seen from here on."""

    def tell_orders(self, orders: Sequence[OrderEntry]) -> None:
        """Reports for the orders' own ledger."""

    def drop(self) -> None:
        """Nothing of the file stays."""

    def close(self) -> None: ...


class DrySink:
    """Takes everything and writes nothing."""

    def __init__(self) -> None:
        self.kept = Kept()

    def begin(self, file: LineFile) -> bool:
        del file
        return True

    def put(self, rows: Sequence[LineRow]) -> None:
        del rows

    def settle(self) -> None:
        return None

    def end(self, facts: dict[str, Any]) -> None:
        del facts

    def tell_orders(self, orders: Sequence[OrderEntry]) -> None:
        del orders

    def drop(self) -> None:
        return None

    def close(self) -> None:
        return None


class LookSink(DrySink):
    """Writes nothing either, and looks at what is kept: what the lines would come to."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._reader = ExitStack()
        self._foresight = Foresight(self._reader.enter_context(reading(folder)))
        self.kept = self._foresight.kept

    def begin(self, file: LineFile) -> bool:
        return not self._foresight.was_imported(file)

    def put(self, rows: Sequence[LineRow]) -> None:
        self._foresight.put(rows)

    def close(self) -> None:
        self._reader.close()


class OwnerSink:
    """The owner of the folder, whoever it is. Raises `StoreError` when it goes away: nothing of the file is seen then."""

    def __init__(self, owner: GatewayOwner | FolderOwner) -> None:
        self.kept = Kept()
        self._owner = owner
        self._file: LineFile | None = None
        self._load = 0
        self._under_way: deque[int] = deque()

    def begin(self, file: LineFile) -> bool:
        alone = isinstance(self._owner, FolderOwner)
        load = self._owner.ask(BeginLines(file=file, alone=alone))["load"]
        if load is None:
            return False
        self._file, self._load = file, load
        return True

    def put(self, rows: Sequence[LineRow]) -> None:
        question = PutLines(load=self._load, rows=list(rows))
        if isinstance(self._owner, FolderOwner):
            self._add(self._owner.ask(question))
            return
        self._owner.conversation.tell(question)
        self._under_way.append(len(rows))
        if len(self._under_way) > WINDOW:
            self._hear()

    def settle(self) -> None:
        while self._under_way:
            self._hear()

    def end(self, facts: dict[str, Any]) -> None:
        assert self._file is not None
        self.settle()
        self._owner.ask(EndLines(load=self._load, file=self._file, lines=self.kept.rows, facts=facts))
        self._file = None

    def tell_orders(self, orders: Sequence[OrderEntry]) -> None:
        self.settle()
        self._owner.ask(encode_batch(orders, ()))

    def drop(self) -> None:
        self.settle()
        if self._file is not None:
            self._owner.ask(DropLines(load=self._load))
            self._file = None

    def close(self) -> None:
        self._owner.close()

    def _hear(self) -> None:
        assert isinstance(self._owner, GatewayOwner)
        self._under_way.popleft()
        self._add(self._owner.conversation.hear())

    def _add(self, answer: dict[str, Any]) -> None:
        more = msgspec.convert(answer["kept"], Kept)
        for name in Kept.__struct_fields__:
            setattr(self.kept, name, getattr(self.kept, name) + getattr(more, name))


def open_line_sink(settings: Settings) -> LineSink:
    """The gateway when one runs on this folder, else the folder, which an import may make, once whoever has it is done.
    Raises `StoreLocked` of one that stays."""
    return OwnerSink(open_in_turn(settings, create=True))
