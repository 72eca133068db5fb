"""Everything that is reconciled, out of a data folder: orders with their reports, standing lines, decisions, signals.

Owns the reading, in one snapshot and read-only, also while the gateway runs. What is read is in an order that does not
depend on how it arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from twofold.ledger.lines import Batch, Cost, Decision, MoneyLine, ParcelLine, Rate, Spend
from twofold.ledger.model import OrderReport, decode_report
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import PAYMENT_SYSTEMS, OrderState, decode_state, is_courier
from twofold.reconcile.chain.told import Signalled
from twofold.reconcile.matches.twice import Once, tell_once
from twofold.reconcile.matches.values import Days, Entry
from twofold.reconcile.reading.orders import KnownOrder
from twofold.store.engine import id_array
from twofold.store.engines import open_reader
from twofold.store.lines.reading import KeptLine, LineReader
from twofold.store.orders.buyers import buyers_of
from twofold.store.sqlite.statements import statement

PolicyOf = Callable[[str], OrderPolicy]
CHUNK = 1_000
T = TypeVar("T")


class Folder:
    """One snapshot of a folder's store. ``zone``: of the days for which it is read; what a line tells of a day without a time is
    that day in it (`here`)."""

    def __init__(self, path: Path | str, zone: tzinfo = UTC) -> None:
        self._db = open_reader(Path(path))
        self._db.execute("begin")
        self.days = Days(zone)
        self.here = self.days.here
        self.lines = LineReader(self._db, self.here)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return list(self._db.execute(statement(name), bindings))

    def orders(self, dataset: str | None = None, ids: Sequence[int] | None = None) -> Iterator[KnownOrder]:
        """Orders of a dataset (or all, or those with these row ids) with what was reported of them."""
        numbers = [n for (n,) in self.run("list_order_ids", (dataset, 0))] if ids is None else list(ids)
        for start in range(0, len(numbers), CHUNK):
            part = numbers[start : start + CHUNK]
            reports: dict[int, list[OrderReport]] = {}
            for order, _, _, body in self.run("list_facts_of", (id_array(part),)):
                reports.setdefault(order, []).append(decode_report(body))
            bought = buyers_of(self.run, part)
            alike = self._rows_alike if ids is None else {n for (n,) in self.run("orders_alike_of", (id_array(part),))}
            for row in self.run("list_orders", (id_array(part),)):
                number, name, *_, body = row
                state = decode_state(body)
                yield KnownOrder(
                    row=number,
                    dataset=name,
                    state=state,
                    shop=_shop_of(state) if number in alike else "",
                    reports=tuple(reports.get(number, ())),
                    digests=bought.get(number, ()),
                )

    @cached_property
    def _rows_alike(self) -> frozenset[int]:
        """Orders whose dataset and id another has, too: two shops number alike."""
        return frozenset(n for (n,) in self.run("list_orders_alike"))

    @cached_property
    def once(self) -> Once:
        """Standing movements of money, each once, in however many formats it was told."""
        entries = [Entry(name=name.hex(), line=line) for name, line in self.standing("money", MoneyLine)]
        return tell_once(entries, self.ways)

    @cached_property
    def ways(self) -> dict[str, frozenset[str]]:
        """In which formats lines were told that have several rows."""
        ways: dict[str, set[str]] = {}
        for name, form in self.run("forms_of_lines"):
            ways.setdefault(bytes(name).hex(), set()).add(form)
        return {name: frozenset(forms) for name, forms in ways.items()}

    def most_used_currency(self) -> str:
        """The currency of most orders; of equals the first by name."""
        return next((currency for currency, _ in self.run("currencies_of_orders")), "")

    def entries(self) -> list[Entry]:
        """Movements of money, each once."""
        return list(self.once.entries)

    def batches(self) -> list[Batch]:
        """Each as it was told last, with what only an earlier word knows: a layout may leave out the sum or the bank's
        reference."""
        found: dict[bytes, list[KeptLine]] = {}
        for kept in self.lines.versions("batch"):
            found.setdefault(kept.name, []).append(kept)
        return [filled(found[name]) for name in sorted(found)]

    def parcels(self) -> list[tuple[str, ParcelLine]]:
        return [(name.hex(), line) for name, line in self.standing("parcel", ParcelLine)]

    def rates(self) -> list[Rate]:
        return [thing for _, thing in self.standing("rate", Rate)]

    def costs(self) -> list[Cost]:
        return [thing for _, thing in self.standing("cost", Cost)]

    def decisions(self) -> list[Decision]:
        """People's words, about the line that counts where it was told twice."""
        return [self._about_once(thing) for _, thing in self.standing("decision", Decision)]

    def _about_once(self, word: Decision) -> Decision:
        kind, _, name = word.to.partition(":")
        to = f"line:{self.once.name(name)}" if kind == "line" else word.to
        return replace(word, line=self.once.name(word.line), to=to)

    def spend(self) -> list[Spend]:
        return [thing for _, thing in self.standing("spend", Spend)]

    def told(self, kind: str, shape: type[T]) -> list[tuple[T, int]]:
        """Standing lines of a kind, each with when it was told: by its source's own time, else when it came, Unix s."""
        kept = sorted((k for k in self.lines.lines(kind) if isinstance(k.thing, shape)), key=lambda k: k.name)
        return [
            (k.thing, k.told_at if k.told_at is not None else k.received_at // 1000)
            for k in kept if isinstance(k.thing, shape)
        ]  # fmt: skip

    def standing(self, kind: str, shape: type[T]) -> list[tuple[bytes, T]]:
        """Standing lines of a kind by name."""
        kept = [(line.name, line.thing) for line in self.lines.lines(kind) if isinstance(line.thing, shape)]
        return sorted(kept, key=lambda one: one[0])

    def signals(self, keys: dict[int, str], dataset: str | None = None) -> list[Signalled]:
        """Purchase actions of a dataset, or of all. ``keys``: order's row id to its key."""
        return [
            Signalled(
                at=at, value=None if value is None else Decimal(value), currency=currency or "", sent=bool(sent),
                order=keys.get(order, ""),
            )
            for _, of, at, value, currency, order, sent in self.run("reconcile_purchases")
            if dataset in (None, of)
        ]  # fmt: skip


def filled(states: list[KeptLine]) -> Batch:
    """A batch of all its states: what the one that stands leaves out an earlier one may tell."""
    told = sorted(states, key=lambda s: (s.stands, s.received_at, s.number))
    *earlier, batch = [s.thing for s in told if isinstance(s.thing, Batch)]
    for other in reversed(earlier):
        batch = replace(
            batch,
            net=other.net if batch.net is None else batch.net,
            expected_at=other.expected_at if batch.expected_at is None else batch.expected_at,
            bank_reference=batch.bank_reference or other.bank_reference,
            status=batch.status or other.status,
        )
    return batch


def _shop_of(state: OrderState) -> str:
    """The shop that reported an order, by name; its first source where none is a shop's."""
    shops = (s for s in state.sources if s.partition(":")[0] not in PAYMENT_SYSTEMS and not is_courier(s))
    names = [source.partition(":")[2] for source in shops]
    return next((name for name in names if name), next(iter(state.sources), ""))
