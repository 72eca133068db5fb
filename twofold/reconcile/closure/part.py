"""A part of the ledger whose matches are those of the whole: some orders and lines with everything that bears on them.

Owns what bears on what. A line is read with all orders that it may name and with the lines that call one payment the same, an
order with all lines that may name it. Then the part is matched as the whole is; where a step of the ladder looked further than
keys do (amounts in a span, names, what couriers owe), what it would have seen is read, and the part is matched again, until
nothing more bears on what was asked for. `Matched.loose` of a part says nothing of lines that were read for others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from msgspec.structs import replace

from twofold.event.identity import bare_order
from twofold.ledger.lines import Decision, MoneyLine, ParcelLine
from twofold.ledger.ties import BANK, amount_keys, plain, provider_ids, step_keys_of, ties_of_parcel, words_of
from twofold.matching.persons import JOINING, customers_of
from twofold.reconcile.chain.values import Order
from twofold.reconcile.closure.batches import Batches, Number
from twofold.reconcile.closure.shelves import Shelves
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import DAY_S, Convert, Days, Due, Entry
from twofold.reconcile.reading.folder import PolicyOf
from twofold.reconcile.reading.orders import KnownOrder, due_of, order_of, told_by_couriers
from twofold.reconcile.reading.world import Matched, match_groups, with_words, words_by_order
from twofold.store.engine import id_array
from twofold.store.orders.buyers import buyers_of


class Terms:
    """By what a ledger is matched, the same for all of its parts."""

    def __init__(self, policy_of: PolicyOf, tolerance: Tolerance, convert: Convert, days: Days) -> None:
        self.policy_of, self.tolerance, self.convert, self.days = policy_of, tolerance, convert, days


class Part:
    """Orders, lines and batches that were read so far. ``known``: orders read with all that bears on them, by row; of other
    orders that a line may name only their keys are here."""

    def __init__(self, shelves: Shelves, batches: Batches, terms: Terms) -> None:
        self.shelves, self.batches, self.terms = shelves, batches, terms
        self.known: dict[int, KnownOrder] = {}
        self.entries: dict[str, Entry] = {}
        self.parcels: dict[str, ParcelLine] = {}
        self.numbers: set[Number] = set()
        self.wanted: set[int] = set()
        self.orders: dict[str, Order] = {}
        self.dues: dict[str, Due] = {}
        self.rows: dict[str, int] = {}
        self.people: dict[int, str] = {}
        self._bare: dict[int, tuple[Order, Due]] = {}
        self._keys_of: dict[int, set[str]] = defaultdict(set)
        self._read_names: set[str] = set()
        self._line_keys: set[str] = set()
        self._order_keys: set[str] = set()
        self._full_keys: set[str] = set()
        self._new_orders: set[int] = set()
        self._unexchanged: set[int] = set()
        self._named_by: dict[str, frozenset[int]] = {}
        self._unread_names: list[set[str]] = []
        self._unmirrored: list[tuple[MoneyLine, set[str]]] = []  # with its words
        self._mirrored: set[str] = set()
        self._words_here: set[str] = set()
        self._new_words: set[str] = set()  # that may name a batch
        self._batch_words: set[str] = set()
        self._apart: dict[str, MoneyLine] = {}
        self._new_keys: set[str] = set()
        self._new_full: set[str] = set()
        self._new_stub: set[str] = set()
        self._people: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._digests: set[str] = set()

    # -- what is put in

    def add_orders(self, rows: Iterable[int], *, wanted: bool = False) -> None:
        """Orders by row. ``wanted``: their money is asked for, with that of what they replace."""
        rows = set(rows)
        if wanted:
            self._unexchanged |= rows - self.wanted
            self.wanted |= rows
        self._new_orders |= rows - self.known.keys()

    def add_keys(self, keys: Iterable[str]) -> None:
        """All lines under these keys."""
        self._new_keys |= set(keys) - self._line_keys

    def add_lines(self, raw: Iterable[tuple[str, MoneyLine | ParcelLine]], *, with_batches: bool = True) -> None:
        """Lines as they were told."""
        money: list[tuple[str, MoneyLine]] = []
        for name, line in raw:
            if name in self._read_names:
                continue
            self._read_names.add(name)
            if isinstance(line, ParcelLine):
                self.parcels[name] = line
                self._new_stub |= set(ties_of_parcel(line)) - self._order_keys
            else:
                money.append((name, line))
        for _, line in money:
            if line.batch and line.kind not in BANK and (with_batches or line.source.startswith("courier:")):
                self.add_batch((line.source, line.batch))
        for name, entry in self.shelves.entries(money).items():
            self._add_entry(name, entry)

    def add_batches(self, first: int, last: int) -> None:
        """All batches that may be issued or expected between two times."""
        for number in sorted(self.batches.numbers_between(first, last)):
            self.add_batch(number)

    def add_batch(self, number: Number) -> None:
        """A batch with the sum of its lines."""
        if number not in self.numbers:
            self.numbers.add(number)
            for group in self.batches.of(*number):
                self.numbers.add((group.batch.source, group.batch.id))
                names = {plain(group.batch.bank_reference), plain(group.batch.id), *group.references}
                names |= {n for told in group.told for n in (plain(told.id), plain(told.bank_reference))}
                self.add_keys(f"word:{name}" for name in names - {""})
                self._decided(f"batch:{group.batch.source}/{group.batch.id}", group.key,
                              f"batch:{group.batch.source}/{group.batch.id}/{group.batch.currency}")  # fmt: skip

    def _add_entry(self, told: str, entry: Entry) -> None:
        name = self.batches.same.get(entry.name, entry.name)
        entry = self.batches.merged.get(name, entry)
        if name != entry.name:  # a second copy, whose first is in its own batch
            self.add_keys(step_keys_of(entry.line))
            return
        if name in self.entries:
            return
        self.entries[name] = entry
        line = entry.line
        keys = step_keys_of(line)
        if line.kind in BANK:
            words = words_of(line)
            named = {f"{kind}:{word}" for word in words for kind in ("order", "creditor")}
            self._new_full |= (keys | named) - self._full_keys
            self._unmirrored.append((line, words))
            self.add_keys(k for k in keys if k.startswith("provider:"))  # whose payment it names, its own line may know
            self._new_words |= words - self._batch_words
        else:
            self._new_stub |= keys - self._order_keys
            self._unread_names.append(keys)
            self.add_keys(set(provider_ids(line)) | {k for k in keys if k.startswith(("provider:", "parcel:"))})
        for word in (told, name):
            for decision in self.shelves.decided_lines.get(word, ()):
                self.add_target(decision.to)

    def add_target(self, to: str) -> None:
        """What somebody's decision names."""
        kind, _, name = to.partition(":")
        if kind == "order":
            tail = name.rpartition("/")[2]
            tails = {tail, tail.rpartition("@")[0] or tail}
            self._new_full |= {
                f"{of}:{plain(bare_order(t))}" for t in tails for of in ("order", "tail")
            } - self._full_keys
            self._new_full |= {f"{of}:{plain(t)}" for t in tails for of in ("order", "tail")} - self._full_keys
        elif kind == "line":
            self.add_names([name])
        elif kind == "batch":
            source, _, rest = name.partition("/")
            for known in self.batches.numbers_of(source):
                if known in rest:
                    self.add_batch((source, known))

    def add_names(self, names: Iterable[str]) -> None:
        """Lines by their names."""
        told: list[bytes] = []
        for name in names:
            if name not in self._read_names:
                with suppress(ValueError):
                    told.append(bytes.fromhex(name))
        found = self.shelves.store.lines.named(told)
        self.add_lines([(one.name.hex(), one.thing) for one in found if isinstance(one.thing, MoneyLine)])

    def _decided(self, *targets: str) -> None:
        for target in targets:
            for decision in self.shelves.decided_targets.get(target, ()):
                self.add_names([decision.line])

    # -- what follows by keys

    def spread(self) -> None:
        """Reads what bears on what is here by keys, until nothing more does."""
        while self.has_more:
            if self._new_orders:
                rows, self._new_orders = self._new_orders - self.known.keys(), set()
                for known in self.shelves.store.orders(ids=sorted(rows)):
                    self._add_order(known)
            if self._unexchanged:
                self._look_for_exchanges()
            if self._new_full:
                keys, self._new_full = self._new_full, set()
                self._order_keys |= keys
                self._full_keys |= keys
                for key, orders in self.shelves.orders(keys).items():
                    self._named_by[key] = frozenset(orders)
                    for row in orders:
                        self._keys_of[row].add(key)
                    self.add_orders(orders)
            if self._new_stub:
                keys, self._new_stub = self._new_stub - self._order_keys, set()
                self._order_keys |= keys
                for key, orders in self.shelves.orders(keys).items():
                    self._named_by[key] = frozenset(orders)
                    for row in orders:
                        self._keys_of[row].add(key)
            self._look_into_doubt()
            if self._new_words:
                words, self._new_words = self._new_words, set()
                self._batch_words |= words
                for number in sorted(self.batches.named(words)):
                    self.add_batch(number)
            if self._unmirrored:
                self._look_for_mirrors()
            if self._new_keys:
                keys, self._new_keys = self._new_keys - self._line_keys, set()
                self._line_keys |= keys
                self.add_lines(self.shelves.lines(keys))

    def _add_order(self, known: KnownOrder) -> None:
        self.known[known.row] = known
        order = order_of(known, self.terms.policy_of(known.dataset))
        due = due_of(known, order)
        self._bare[known.row] = order, due
        self._unexchanged.add(known.row)
        self.rows[known.key] = known.row
        keys = set(due.keys)
        self.add_keys(keys | {f"word:{k.partition(':')[2]}" for k in keys if k.startswith("order:")})
        tail = known.key.rpartition("/")[2]
        self._decided(f"order:{known.key}", f"order:{tail}")

    def _look_into_doubt(self) -> None:
        """A line that names several orders is in doubt, unless they are one exchange: so they are read."""
        some, self._unread_names = self._unread_names, []
        for keys in some:
            rows = frozenset(row for key in keys for row in self._named_by.get(key, ()))
            if len(rows) > 1:
                self.add_orders(rows)

    def _look_for_mirrors(self) -> None:
        """Lines of a bank that may have sent the money of one here back, or the reverse: of its amount the other way round,
        with a word in common."""
        some, self._unmirrored = self._unmirrored, []
        self._words_here |= {word for _, words in some for word in words}
        span = (self.terms.tolerance.returned_within * 7 // 5 + 7) * DAY_S
        keys = {
            key
            for line, words in some
            if words
            for key in amount_keys(line.currency, -line.gross, line.at - span, line.at + span)
        }
        found = self.shelves.lines(keys - self._mirrored)
        self._mirrored |= keys
        self._apart |= {name: line for name, line in found if isinstance(line, MoneyLine)}
        near = {n: line for n, line in self._apart.items() if not self._words_here.isdisjoint(words_of(line))}
        self._apart = {name: line for name, line in self._apart.items() if name not in near}
        self.add_lines(near.items())

    def _look_for_exchanges(self) -> None:
        """Orders that one here replaces, and that replace it: they are one for whoever names or pays them. Of a wanted one they
        are wanted."""
        some = self._unexchanged & self.known.keys()
        self._unexchanged -= some
        for rows, wanted in ((some & self.wanted, True), (some - self.wanted, False)):
            keys: set[str] = set()
            for state in (self.known[row].state for row in rows):
                keys.add(f"replaces:{plain(state.order_id)}")
                if state.replaces:
                    keys |= {f"order:{plain(state.replaces)}", f"order:{plain(bare_order(state.replaces))}"}
            found = {row for orders in self.shelves.orders(keys).values() for row in orders} if keys else set()
            self.add_orders(found - (self.wanted if wanted else self.known.keys()), wanted=wanted)

    # -- what is made of it

    @property
    def names(self) -> frozenset[str]:
        """Lines that were read, as they were told."""
        return frozenset(self._read_names)

    @property
    def named(self) -> frozenset[int]:
        """Orders that a line here may name."""
        return frozenset(self._keys_of)

    @property
    def has_more(self) -> bool:
        """True when something was put in that is not read yet."""
        return bool(
            self._unmirrored
            or self._unread_names
            or self._new_words
            or self._new_orders
            or self._new_keys
            or self._new_full
            or self._new_stub
            or self._unexchanged & self.known.keys()
        )

    def match(self) -> Matched:
        """The part as it stands, matched as the whole ledger is."""
        self.spread()
        people = self.people = self._customers()
        dues: dict[str, Due] = {}
        self.orders = {}
        for row, known in self.known.items():
            order, due = self._bare[row]
            buyer = people.get(row, "")
            if buyer:
                order, due = replace(order, buyer=buyer), replace(due, person=buyer)
            self.orders[known.key], dues[known.key] = order, due
        for row, keys in self._keys_of.items():
            if row not in self.known:
                dues[_bare(row)] = Due(order=_bare(row), placed_at=0, amounts={}, keys=tuple(keys))
        parcels = sorted(self.parcels.items())
        for key, told in words_by_order(list(dues.values()), parcels, self.shelves.store.days).items():
            if key in self.orders:
                self.orders[key] = with_words(self.orders[key], told)
                dues[key] = told_by_couriers(dues[key], self.orders[key])
        self.dues = dues
        groups = {g.key: g for number in sorted(self.numbers) for g in self.batches.of(*number)}
        terms = self.terms
        return match_groups(
            list(dues.values()), list(self.entries.values()), [groups[key] for key in sorted(groups)], self._words(),
            tolerance=terms.tolerance, convert=terms.convert, days=terms.days,
        )  # fmt: skip

    def _words(self) -> list[Decision]:
        found: list[Decision] = []
        for decision in self.shelves.decisions:
            line = self.counting(decision.line)
            kind, _, name = decision.to.partition(":")
            if line in self.entries:
                to = f"line:{self.counting(name)}" if kind == "line" else decision.to
                found.append(replace(decision, line=line, to=to))
        return found

    def counting(self, line: str) -> str:
        """The name under which a line counts."""
        line = self.shelves.name(line)
        return self.batches.same.get(line, line)

    def _customers(self) -> dict[int, str]:
        """Of each order here who bought it, by all orders of the ledger that hang together with it."""
        new = {row: k for row, k in self.known.items() if k.digests and row not in self._people}
        waiting = {row: (k.dataset, k.digests) for row, k in new.items()}
        self._people |= waiting
        while waiting:
            digests = {d for _, told in waiting.values() for d in told if d.partition(":")[0] in JOINING}
            digests -= self._digests
            self._digests |= digests
            rows = sorted({row for _, row, _ in self.shelves.bought(digests)} - self._people.keys())
            told = buyers_of(self.shelves.store.run, rows) if rows else {}
            named = (
                {n: d for n, d, _ in self.shelves.store.run("datasets_of_orders", (id_array(rows),))} if rows else {}
            )
            waiting = {row: (named[row], told.get(row, ())) for row in rows if row in named}
            self._people |= waiting
        return {int(row): who for row, who in customers_of({str(r): p for r, p in self._people.items()}).items()}


def _bare(row: int) -> str:
    """Stands for the key of an order of which only its keys were read."""
    return f"#{row}"


def bare_row(to: str) -> int | None:
    """The row of such an order, of a match's target; None for all else."""
    return int(to.removeprefix("order:#")) if to.startswith("order:#") else None
