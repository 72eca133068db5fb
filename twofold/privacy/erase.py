"""Erasing a person: the transactions, each small, each leaving a state from which the next one goes on.

asked -> found -> cleared -> done, in `erasure.state`. What is the person's is searched by `finding` outside of any
transaction; here it is written down (rows, actions, keyed digests), taken out in portions, and at the end what came in
meanwhile is looked through inside the transaction that says "cleared". Works with keyed digests only, so a crash at any
step costs the time since the last commit and nothing else; nothing of the person is on disk that was not there before.

Stays: that something happened, when, its verdict, money, goods and counts, withdrawals of consent (keyed digests which
protect the person), and order numbers unless the request names the order. An order that is named loses its number
everywhere; its money stays under a name that stands for it. Driven by `eraser`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.identity import id_key, order_key
from twofold.event.model import Tier, decode_event, encode, readable_event
from twofold.matching.persons import NUMBER
from twofold.matching.subject import Keyring, Mark, SubjectRequest, all_hashes, kinds_of, marks_of, wanted_of
from twofold.matching.words import texts_in
from twofold.privacy.audit_log import append_audit
from twofold.privacy.lines import digests_of_person, keys_of_order, lines_with
from twofold.privacy.redact import Rename, put_bodies, stand_in, without_mentions, without_person
from twofold.privacy.search import (
    SubjectMatches,
    SubjectQuery,
    actions_of,
    is_whole,
    orders_with,
    refused_with,
    standing_for,
)
from twofold.privacy.tombstones import Entry
from twofold.store.changed.days import mark_actions, mark_orders
from twofold.store.engine import Database, id_array
from twofold.store.fold import Action
from twofold.store.index.words import Because
from twofold.store.lines.emptying import empty_lines
from twofold.store.orders.customers import numbers_of
from twofold.store.orders.keys import change_order_keys
from twofold.store.peers.places import Place, places_of
from twofold.store.touches.nameless import put_due
from twofold.store.touches.rows import forget_touches, forget_touches_of
from twofold.store.touches.whose import whos_of_order

PORTION = 64  # rows taken out in one transaction: a few milliseconds of the loop
TAIL = 256  # rows that the last transaction looks through itself

Forget = Callable[[Sequence[tuple[str, str]], str | None], int]
"""``People.forget``: takes (kind, value) pairs of a dataset, or of all, out of what is remembered of people."""


class Erasure(Struct, kw_only=True):
    """One row of the table, in its column order."""

    id: str
    kind: str
    requested_at: int
    requested_by: str
    dataset: str | None
    named: str
    state: str
    scanned: int
    orders_at: int
    refused_at: int
    salt: bytes | None
    counts: dict[str, int]
    done_at: int | None


def ask(engine: Database, ring: Keyring, request: SubjectRequest, now_ms: int, by: str, *, hold: bool = False) -> str:
    """Writes a request down and answers its id; the same request asked again while it is open is the same row.

    ``hold``: it waits for the operator's word. Call inside a transaction of the writer; nothing in the clear is written.
    """
    keys = sorted(wanted_of(request, ring))
    unfinished = f"{request.kind}\0{request.dataset or ''}\0".encode() + b"".join(d for _, d in keys)
    number = blake2b(unfinished, digest_size=6, key=ring.secret).hexdigest()
    again = engine.run("count_requests", (f"{number}-%",))[0]
    identity = f"{number}-{again[0] + 1}" if not again[1] else f"{number}-{again[0]}"
    put_request(
        engine,
        Entry(id=identity, at=now_ms, kind=request.kind, dataset=request.dataset, named=kinds_of(request)),
        keys,
        by,
        hold=hold,
    )
    return identity


def put_request(
    engine: Database, entry: Entry, keys: Sequence[tuple[str, bytes]], by: str, *, hold: bool = False
) -> None:
    """The rows of a request."""
    salt = secrets.token_bytes(16)
    engine.run(
        "insert_erasure",
        (entry.id, entry.kind, entry.at, by, entry.dataset, entry.named, "held" if hold else "asked", salt),
    )
    engine.run_rows("insert_erasure_keys", [(entry.id, kind, digest) for kind, digest in keys])


def bring_back(engine: Database, entry: Entry) -> int:
    """Asks again for an erasure that this database does not know: it is older than the file. 1 when it was."""
    if read(engine, entry.id) is not None:
        return 0
    keys = [(kind, bytes.fromhex(d)) for kind, digests in entry.keys.items() for d in digests]
    put_request(engine, entry, keys, "restore")
    return 1


def release(engine: Database, identity: str) -> bool:
    """The operator's word for a request that was held; False when there is none such."""
    engine.run("release_request", (identity,))
    return engine.changes() == 1


def read(engine: Database, identity: str) -> Erasure | None:
    rows = engine.run("select_erasure", (identity,))
    if not rows:
        return None
    row = dict(zip(Erasure.__struct_fields__, rows[0], strict=True))
    return Erasure(**{**row, "counts": msgspec.json.decode(row["counts"])})


def keys_of(engine: Database, identity: str) -> list[tuple[str, bytes]]:
    return [(kind, digest) for kind, digest in engine.run("select_erasure_keys", (identity,))]


def entry_of(erasure: Erasure, wanted: SubjectQuery, found: SubjectMatches) -> Entry:
    """What the file beside the database keeps, so that an older database can be cleaned again."""
    by_kind: dict[str, list[str]] = {}
    for kind, digest in sorted(wanted.keys | wanted.keys_of(found.leads)):
        by_kind.setdefault(kind, []).append(digest.hex())
    return Entry(
        id=erasure.id,
        at=erasure.requested_at,
        kind=erasure.kind,
        dataset=erasure.dataset,
        named=erasure.named,
        keys=by_kind,
    )


def keep_found(engine: Database, erasure: Erasure, wanted: SubjectQuery, found: SubjectMatches, browsers: int) -> None:
    """Writes down what the search found; from here on a crash loses nothing. ``browsers``: how many were forgotten."""
    number = erasure.id
    engine.run_rows("insert_erasure_rows", [(number, p, int(whole)) for p, whole in found.rows.items()])
    engine.run_rows("insert_erasure_actions", [(number, action, 1) for action in found.actions])
    engine.run_rows("insert_erasure_actions", [(number, action, 0) for action in found.mentioned_in])
    engine.run_rows("insert_erasure_orders", [(number, o, int(whole)) for o, whole in found.orders.items()])
    engine.run_rows("insert_erasure_keys", [(number, *key) for key in sorted(wanted.keys_of(found.leads))])
    numbers = numbers_of(engine.run, orders_of_person(engine, wanted, found))  # by which older orders are theirs
    engine.run_rows("insert_erasure_keys", [(number, NUMBER, digest) for digest in sorted(numbers)])
    if erasure.kind == "erase_shop":
        forget_touches_of(engine, erasure.dataset)
    for start in range(0, len(found.refused), 1_000):
        engine.run("drop_refused", (id_array(found.refused[start : start + 1_000]),))
    emptied = empty_lines(engine, found.lines)
    for start in range(0, len(found.line_texts), 1_000):
        engine.run("drop_line_texts", (id_array(found.line_texts[start : start + 1_000]),))
        emptied += engine.changes()
    erasure.counts = {
        "lines": emptied,
        "refused": len(found.refused),
        "shared_identifiers": found.shared,
        "browsers": browsers,
    }
    erasure.state = "found"
    for strand, end in found.ends.items():
        engine.run("retention_reached", (_tail_of(number, Place(strand)), end))
    erasure.scanned, erasure.orders_at, erasure.refused_at = found.scanned, found.orders_scanned, found.refused_scanned
    _save(engine, erasure)


def orders_of_person(engine: Database, wanted: SubjectQuery, found: SubjectMatches) -> list[int]:
    """Orders of the person, not those that only mention them: named, bought by what is known of them, or made by an action of theirs."""
    digests = {digest for _, digest in wanted.keys | wanted.keys_of(found.leads)}
    theirs = {order for order, whole in found.orders.items() if whole}
    theirs |= {
        order for order, _, digest, _ in engine.run("select_buyers", (id_array(found.orders),)) if digest in digests
    }
    return sorted(theirs | {order for (order,) in engine.run("orders_of_actions", (id_array(found.actions),))})


def forget_people(
    forget: Forget,
    found: SubjectMatches,
    request: SubjectRequest | None,
    wanted: SubjectQuery,
    *,
    everything: bool = False,
) -> int:
    """Takes the person out of what is remembered of people. In the transaction of `keep_found`, while the identifiers
    are at hand; answers how many browsers were forgotten. Only what is the person's alone leads to one, or what the
    request names; ``everything``: a whole shop goes."""
    forgotten = 0
    theirs = found.marks if everything else found.leads | {(d, m) for d, m in found.marks if wanted.has(d, m)}
    for dataset in sorted({d for d, _ in theirs}):
        forgotten += forget([(m.kind, m.value) for d, m in theirs if d == dataset], dataset)
    if request is not None:  # what was remembered of somebody without any event
        pairs = [
            (kind, h)
            for kind, value in request.values()
            for h in ({value} if kind == "order" else all_hashes(kind, value, request.country))
        ]
        forgotten += forget(pairs, request.dataset)
    return forgotten


class ErasureStep:
    """The steps between found and cleared, for one erasure. Each method is one transaction's work."""

    def __init__(
        self,
        ring: Keyring,
        erasure: Erasure,
        keys: Iterable[tuple[str, bytes]],
        look: Callable[[bytes], bool] = lambda _body: True,
        forget: Forget | None = None,
    ) -> None:
        """``look``: a fast first look at a body that came in meanwhile; False where nothing wanted can be in it."""
        self._forget = forget
        self.ring = ring
        self._look = look
        self.id = erasure.id
        self.wanted = SubjectQuery(ring, keys, erasure.dataset)
        self._everything = erasure.kind == "erase_shop"
        self._salt = erasure.salt or b""

    def stop_sends(self, engine: Database, now_ms: int) -> tuple[int, int]:
        """Nothing of the person's actions waits to be sent any more. Answers (actions looked at, still in flight).

        What a worker holds is left until it is settled or its lease is over: its request may be on its way, and what
        came of it must be known.
        """
        actions = dict(engine.run("next_erasure_actions", (self.id, PORTION)))
        if not actions:
            return 0, 0
        flying = {a for (a,) in engine.run("sends_in_flight", (id_array(actions), now_ms))}
        landed = [a for a in actions if a not in flying]
        mark_actions(engine, landed, erased=True)
        theirs = id_array(a for a in landed if actions[a])
        engine.run("forget_touch_links", (theirs,))
        engine.run("suppress_erased", (now_ms, theirs))
        stopped = engine.changes()
        engine.run("empty_payloads_of", (theirs,))
        emptied = engine.changes()
        engine.run("empty_notes_of", (theirs,))
        emptied += self._without_mentions(engine, [a for a in landed if not actions[a]])
        engine.run("mark_stopped", (self.id, id_array(landed)))
        self._count(engine, {"sends_stopped": stopped, "payloads": emptied})
        return len(actions), len(flying)

    def _without_mentions(self, engine: Database, actions: Sequence[int]) -> int:
        """Bytes of strangers' actions that mention the person: emptied when they were sent, else built again later."""
        if not actions:
            return 0
        hits = [
            (d, state) for d, state, payload in engine.run("payloads_of", (id_array(actions),)) if self._holds(payload)
        ]
        engine.run("unfreeze", (id_array(d for d, state in hits if state == "waiting"),))
        engine.run("empty_payloads", (id_array(d for d, state in hits if state != "waiting"),))
        if hits:
            engine.run("empty_notes_of", (id_array({d // 256 for d, _ in hits}),))
        return len(hits)

    def _holds(self, payload: bytes) -> bool:
        try:
            return any(self.wanted.text(t) for t in texts_in(msgspec.json.decode(payload)))
        except msgspec.DecodeError:
            return self.wanted.text(payload.decode("utf-8", "replace"))

    def redact(self, engine: Database, now_ms: int) -> int:
        """Takes the person out of some rows; answers how many were done."""
        rows = engine.run("next_erasure_rows", (self.id, PORTION))
        if not rows:
            return 0
        whole = {position for position, whole in rows if whole}
        bodies = engine.run("select_bodies", (id_array(p for p, _ in rows),))
        changed, renamed, spoken = [], [], []
        for position, dataset, name, event_id, action, body, salt, *columns in bodies:
            rename = self._rename if position in whole else self._rename_mention
            before = readable_event(body)
            if position in whole:  # what cannot be read goes with its action
                spoken.append((action, Tier.T3 if before is None else before.tier))
            if before is None:
                before = stand_in(dataset, name, event_id, *columns)
                new = encode(without_person(before, rename))
            else:
                new = self._new_body(body, position in whole, rename)
            event = decode_event(new)
            changed.append((position, body, salt, new, event.event_id))
            if event.event_id != event_id or event.custom_data.order_id != before.custom_data.order_id:
                renamed.append((dataset, name, event_id, before.custom_data.order_id, action))
        fresh = put_bodies(engine, changed, Because.ERASURE)
        mark_actions(engine, {action for _, _, _, _, action, *_ in bodies}, erased=True)
        self._rename_elsewhere(engine, renamed, spoken, now_ms)
        engine.run("drop_erasure_rows", (self.id, id_array(p for p, _ in rows)))
        counts = {"events": len(whole), "mentions": len(rows) - len(whole), "redacted": fresh}
        self._count(engine, counts)
        return len(rows)

    def clear_orders(self, engine: Database) -> int:
        """Takes the person out of some orders; answers how many were done."""
        rows = engine.run("next_erasure_orders", (self.id, PORTION))
        if not rows:
            return 0
        lines = 0
        mark_orders(engine, [number for number, *_ in rows], erased=True)
        wholes = [number for number, whole, *_ in rows if whole]
        for number, whole, order, state, dataset in rows:
            if whole or self._bought(engine, number, dataset, order):
                put_due(engine, [number], "erased")
                self._forget_buyer(engine, number, dataset)
            facts = engine.run("select_facts_of", (id_array([number]),))
            names = _ids_in(facts) | {order} if whole else set()
            renamed = [
                (f, _swept_json(body, self._order_text(names), bool(whole)), secrets.token_bytes(16))
                for f, body in facts
            ]
            lines += self._rename_in_lines(engine, order, [body for _, body in facts], names if whole else set())
            change_order_keys(engine, number, [body for _, body in facts], [body for _, body, _ in renamed])
            if whole:
                engine.run_rows("redact_facts", renamed)
            else:
                engine.run_rows("redact_fact_bodies", [(f, body) for f, body, _ in renamed])
            new = self._stand_in(order) if whole else order
            engine.run_rows("redact_orders", [(number, new, _swept_json(state, self._order_text(names), bool(whole)))])
        if wholes:
            engine.run("drop_names_of", (id_array(wholes),))
        engine.run("drop_erasure_orders", (self.id, id_array(n for n, *_ in rows)))
        self._count(engine, {"orders": len(rows), "orders_renamed": len(wholes), "lines": lines})
        return len(rows)

    def _rename_in_lines(self, engine: Database, order: str, facts: Sequence[bytes], names: set[str]) -> int:
        """Lines of money that name the order lose who stands opposite, and, of an order that is named itself, its number."""
        found = lines_with(engine.run, keys_of_order(order, facts), id_array)
        if not names:
            return empty_lines(engine, found)
        return empty_lines(engine, found, renamed=lambda text: self._stand_in(text) if text in names else text)

    def _bought(self, engine: Database, number: int, dataset: str, order: str) -> bool:
        """True for an order of the person, not one that only mentions them."""
        if self._everything or self.wanted.has(dataset, Mark("order", order)):
            return True
        known = {digest for _, digest in self.wanted.keys}
        return any(digest in known for _, _, digest, _ in engine.run("select_buyers", (id_array([number]),)))

    def _forget_buyer(self, engine: Database, number: int, dataset: str) -> None:
        """Who bought an order, and what was said of where it came from."""
        engine.run("drop_buyers_of", (id_array([number]),))
        facts = engine.run("select_order_facts", (number,))
        names = [(source, msgspec.json.decode(body)["order_id"]) for source, body in facts]
        whos = whos_of_order(self.ring, dataset, names)
        forget_touches(engine, whos)

    def finish(self, engine: Database, now_ms: int) -> bool:
        """Looks through what came in since the search. True when nothing was left, and the erasure is cleared."""
        erasure = read(engine, self.id)
        assert erasure is not None
        self._take_tail(engine, erasure)
        if self._left(engine, erasure):
            _save(engine, erasure)
            return False
        facts = {
            "erasure": erasure.id, "kind": erasure.kind, "by": erasure.requested_by, "named": erasure.named,
            "dataset": erasure.dataset, "requested_at": erasure.requested_at, "counts": erasure.counts,
            "redacted": erasure.counts.get("redacted", 0),
        }  # fmt: skip
        append_audit(engine, now_ms, "erase_again" if erasure.requested_by == "restore" else "erase", facts)
        erasure.state = "cleared"
        _save(engine, erasure)
        engine.run("drop_erasure_keys", (self.id,))
        engine.run("drop_erasure_actions", (self.id,))
        engine.run("drop_erasure_tails", (f"{self.id}@%",))
        return True

    def _take_tail(self, engine: Database, erasure: Erasure) -> None:
        rows = [row for place in places_of(engine.run) for row in self._tail(engine, erasure, place)]
        theirs = {a for (a,) in engine.run("select_erasure_actions", (self.id,))}
        found: list[tuple[str, int, int]] = []
        for position, dataset, action, body in rows:
            if self.wanted.dataset is not None and dataset != self.wanted.dataset:
                continue
            if self._everything or action in theirs:
                whole: bool | None = True
            else:
                whole = is_whole(self.wanted, readable_event(body), body) if self._look(body) else None
            if whole is not None:
                found.append((self.id, position, int(whole)))
            event = readable_event(body) if whole and self._forget is not None else None
            if event is not None and self._forget is not None:
                self._forget([(m.kind, m.value) for m in marks_of(event)], dataset)
        engine.run_rows("insert_erasure_rows", found)
        actions = actions_of(engine.db, [p for _, p, whole in found if whole]) - theirs
        engine.run_rows("insert_erasure_actions", [(self.id, a, 1) for a in sorted(actions)])
        mentioned = actions_of(engine.db, [p for _, p, whole in found if not whole])
        mentioned |= standing_for(engine.db, actions | mentioned)
        mentioned -= actions | theirs
        engine.run_rows("insert_erasure_actions", [(self.id, a, 0) for a in sorted(mentioned)])
        orders = orders_with(engine.db, self.wanted, set(), erasure.orders_at)
        erasure.orders_at = max([erasure.orders_at, *orders])
        engine.run_rows("insert_erasure_orders", [(self.id, o, int(whole)) for o, whole in orders.items()])
        theirs_too = digests_of_person(self.ring, self.wanted.keys)
        emptied = empty_lines(engine, lines_with(engine.run, theirs_too, id_array))
        erasure.counts["lines"] = erasure.counts.get("lines", 0) + emptied
        refused = refused_with(engine.db, self.wanted, None, erasure.refused_at)
        if refused:
            engine.run("drop_refused", (id_array(refused),))
            erasure.counts["refused"] = erasure.counts.get("refused", 0) + len(refused)
        erasure.refused_at = engine.run("last_refused", (erasure.refused_at,))[0][0]

    def _tail(self, engine: Database, erasure: Erasure, place: Place) -> list[tuple[Any, ...]]:
        """What one writer has written since; it counts as looked through."""
        after = self._scanned(engine, erasure, place)
        rows = [row for row in engine.run("tail_bodies", (after, TAIL)) if row[0] < place.end]
        if rows and place.number:
            engine.run("retention_reached", (_tail_of(self.id, place), rows[-1][0]))
        elif rows:
            erasure.scanned = rows[-1][0]
        return rows

    def _scanned(self, engine: Database, erasure: Erasure, place: Place) -> int:
        if not place.number:
            return erasure.scanned
        reached = engine.run("select_progress", (_tail_of(self.id, place),))
        return int(reached[0][0]) if reached else place.before

    def _left(self, engine: Database, erasure: Erasure) -> bool:
        ends = [
            engine.run("last_position_of", (place.before, place.end))[0][0] > self._scanned(engine, erasure, place)
            for place in places_of(engine.run)
        ]
        return bool(engine.run("erasure_has_left", (self.id,))[0][0]) or any(ends)

    def _new_body(self, body: bytes, whole: bool, rename: Rename) -> bytes:
        if not whole:
            return without_mentions(body, self.wanted.text, rename)
        new = encode(without_person(decode_event(body), rename))
        # What is left can still hold a wanted text, as the id of goods; not likely, and not to be left to luck.
        held = any(self.wanted.text(t) for t in texts_in(msgspec.json.decode(new)))
        return without_mentions(new, self.wanted.text, rename) if held else new

    def _rename_elsewhere(
        self,
        engine: Database,
        renamed: Sequence[tuple[str, str, str, str | None, int]],
        spoken: Sequence[tuple[int, Tier]],
        now_ms: int,
    ) -> None:
        """Where a renamed id stood besides its event: fold keys, actions, what was frozen. Later copies are known by it.

        Only of actions that a row of their highest tier makes the person's (``spoken``): a page can name anybody's order.
        """
        if not renamed:
            return
        rows = [
            Action(**dict(zip(Action.__struct_fields__, row, strict=True)))
            for row in engine.run("select_actions", (id_array({r[4] for r in renamed}),))
        ]
        tiers = {a.id: a.tier for a in rows}
        theirs = {action for action, tier in spoken if tier >= tiers.get(action, 0)}
        others = {action for action, _ in spoken} - theirs
        keys: set[bytes] = set()
        digests: set[bytes] = set()
        for dataset, name, event_id, order, _ in renamed:
            if self._rename(event_id) != event_id:
                keys.add(id_key(dataset, name, event_id))
                digests.add(erased_digest(self.ring, dataset, "event_id", f"{name}\0{event_id}"))
            if order and self._rename(order) != order:
                keys.add(order_key(dataset, name, order))
                digests.add(erased_digest(self.ring, dataset, "order", order))
        own = [a for a in rows if a.id not in others]
        engine.forget_keys(keys, {number for a in own for number in (a.id, a.merged_into) if number is not None})
        engine.run_rows("insert_erased_ids", [(d, now_ms) for d in sorted(digests)])
        mark_actions(engine, {a.id for a in rows}, erased=True)
        fresh = []
        for a in rows:
            rename = self._rename_mention if a.id in others else self._rename
            fold_key = _renamed_key(a.fold_key, rename)
            fresh.append((a.id, rename(a.event_id), fold_key, a.order_id and rename(a.order_id)))
        engine.run_rows("rename_actions", fresh)
        frozen = engine.run("select_frozen_of", (id_array(a.id for a in own),))
        engine.run_rows("rename_frozen", [(d, self._rename(e)) for d, e in frozen if self._rename(e) != e])

    def _rename(self, text: str) -> str:
        if text.startswith(STAND_IN):
            return text
        if text.startswith("tf-id-") or self._everything or self.wanted.text(text) or self.wanted.order_in(text):
            return self._stand_in(text)
        return text

    def _rename_mention(self, text: str) -> str:
        return self._stand_in(text) if self.wanted.text(text) and not text.startswith(STAND_IN) else text

    def _stand_in(self, text: str) -> str:
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt).hexdigest()
        return f"{STAND_IN}{digest}"

    def _order_text(self, names: set[str]) -> Callable[[str], str | None]:
        def replaced(text: str) -> str | None:
            if text in names:
                return self._stand_in(text)
            if self.wanted.text(text):
                return self._stand_in(text)
            return None

        return replaced

    def _count(self, engine: Database, more: dict[str, int]) -> None:
        count(engine, self.id, more)


def _tail_of(erasure: str, place: Place) -> str:
    """The row of `progress` that says how far an erasure has looked through a further writer's strand."""
    return f"{erasure}@{place.number}"


def _renamed_key(fold_key: str, rename: Rename) -> str:
    kind, colon, text = fold_key.partition(":")
    return kind + colon + (rename(text) if text else "")


STAND_IN = "erased-"
"""How a name begins that stands for an erased id."""


def erased_digest(ring: Keyring, dataset: str, kind: str, value: str) -> bytes:
    """By what an id that was erased is known again when it comes in later."""
    return ring.digest(f"erased:{kind}", f"{dataset}\0{value}")


def count(engine: Database, identity: str, more: dict[str, int]) -> None:
    """Adds to what an erasure has done."""
    erasure = read(engine, identity)
    assert erasure is not None
    for name, n in more.items():
        erasure.counts[name] = erasure.counts.get(name, 0) + n
    _save(engine, erasure)


def close(engine: Database, identity: str, now_ms: int) -> None:
    """The bytes are gone too."""
    engine.run("close_erasure", (identity, "done", now_ms))


def _save(engine: Database, erasure: Erasure) -> None:
    counts = msgspec.json.encode(erasure.counts).decode()
    engine.run(
        "update_erasure",
        (erasure.id, erasure.state, erasure.scanned, erasure.orders_at, erasure.refused_at, counts),
    )


def _ids_in(facts: Sequence[tuple[int, bytes]]) -> set[str]:
    """Ids of payments, refunds and parcels in an order's facts: each can be looked up at somebody's."""
    found: set[str] = set()
    for _, body in facts:
        tree = msgspec.json.decode(body)
        for name in ("payments", "refunds", "parcels"):
            found |= {part["id"] for part in tree.get(name, ()) if part.get("id")}
        found |= set(tree.get("aliases", ())) | {a.partition(":")[2] for a in tree.get("aliases", ())}
    return found - {""}


def _swept_json(body: bytes, replaced: Callable[[str], str | None], whole: bool) -> bytes:
    """A JSON body with texts replaced; a whole order also loses what people wrote into it."""
    try:
        tree = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    tree = _replaced(tree, replaced)
    if whole and isinstance(tree, dict):
        tree.pop("aliases", None)
        tree["reference"] = "" if "reference" in tree else tree.get("reference", "")
        snapshot = tree.get("snapshot")
        if isinstance(snapshot, dict):
            for name in ("tags", "cancel_reason"):
                snapshot.pop(name, None)
    return msgspec.json.encode(tree)


def _replaced(value: Any, replaced: Callable[[str], str | None]) -> Any:
    if isinstance(value, str):
        return replaced(value) or value
    if isinstance(value, dict):
        return {k: _replaced(v, replaced) for k, v in value.items()}
    if isinstance(value, list):
        return [_replaced(v, replaced) for v in value]
    return value
