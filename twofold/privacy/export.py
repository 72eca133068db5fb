"""Everything a folder holds about a person, as plain rows: for the person, or for whoever answers them.

Owns the shapes of `twofold export-subject` and the receipt of an erasure. Reads only. Rows that merely mention the person
are somebody else's and are not in it; identifiers are shown as they are held, which for contact data is as hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from twofold.event.identity import id_key
from twofold.matching.persons import NUMBERS
from twofold.matching.subject import Keyring, SubjectRequest, needles_of, wanted_of
from twofold.privacy.audit_log import shared
from twofold.privacy.search import Finder, Progress, SubjectMatches, SubjectQuery
from twofold.privacy.tombstones import Erasures
from twofold.store.engine import id_array, key_array
from twofold.store.engines import kit_for, open_reader
from twofold.store.secret import known_ring
from twofold.store.sqlite.statements import reading
from twofold.store.touches.frozen import kept_paths
from twofold.store.touches.whose import who_of, whos_of_order
from twofold.touch.model import Touch


def find_subject(folder: Path, request: SubjectRequest, progress: Progress = lambda *_: None) -> SubjectMatches:
    """What is the person's, without changing anything."""
    # The folder's own, where there is one: those who stand opposite of a movement of money are kept as its digests.
    ring = known_ring(folder) or Keyring(b"only for this search")
    wanted = SubjectQuery(ring, wanted_of(request, ring), request.dataset)
    return Finder(folder, wanted, needles=needles_of(request), progress=progress).run()


def find_requested(folder: Path, number: str, progress: Progress = lambda *_: None) -> SubjectMatches | None:
    """The same for a request that is on disk as keyed digests; slower, and None when there is no such request."""
    db = open_reader(folder)
    try:
        ring = Erasures(folder).ring
        row = db.execute("select dataset from erasure where id = ?", (number,)).fetchone()
        keys = db.execute("select kind, digest from erasure_key where erasure = ?", (number,)).fetchall()
    finally:
        db.close()
    if row is None or not keys:
        return None
    named: list[tuple[str, Any]] = [(str(kind), digest) for kind, digest in keys]
    return Finder(folder, SubjectQuery(ring, named, row[0]), progress=progress).run()


def open_requests(folder: Path) -> list[dict[str, Any]]:
    """Requests that are not done, oldest first."""
    names = ("id", "kind", "state", "requested_at", "requested_by", "dataset", "named")
    db = open_reader(folder)
    try:
        sql = f"select {', '.join(names)} from erasure where state != 'done' order by requested_at, id"
        return [dict(zip(names, row, strict=True)) for row in db.execute(sql)]
    finally:
        db.close()


def subject_rows(folder: Path, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    """One dict a thing, ``what`` says which: event, action, shared, order, report, line, touch, path, customer."""
    db = open_reader(folder)
    try:
        whole = sorted(p for p, is_whole in found.rows.items() if is_whole)
        for position in whole:
            row = db.execute(
                "select verdict, action, plain_body(body) from event where position = ?", (position,)
            ).fetchone()
            assert row is not None
            yield {"what": "event", "position": position, "verdict": row[0], "action": row[1], **_decoded(row[2])}
        yield from _actions(db, found)
        for row in shared(db, sorted(found.actions)):
            yield {"what": "shared", **row}
        yield from _orders(db, found)
        yield from _lines(db, found)
        yield from _touches(folder, db, found)
        yield from _paths(db, found)
    finally:
        db.close()


def receipt(folder: Path, number: str) -> dict[str, Any] | None:
    """What an erasure did, without personal data: counts by place, when, who asked, and where the chains stood."""
    db = open_reader(folder)
    try:
        sql = "select state, done_at, cast(json_extract(counts, '$.table_files') as bigint) from erasure where id = ?"
        row = db.execute(sql, (number,)).fetchone()
        logged = db.execute(
            "select id, at, facts, chain from audit where kind in ('erase', 'erase_again') and json_extract(facts, "
            "'$.erasure') = ? order by id desc limit 1",
            (number,),
        ).fetchone()
        if row is None or logged is None:
            return None
        entry, at, facts, chain = logged
        last = db.execute("select position, hex(chain) from event order by position desc limit 1").fetchone()
        return {
            **msgspec.json.decode(facts),
            "table_files": row[2] or 0,
            "state": row[0],
            "cleared_at": at,
            "done_at": row[1],
            "log": {"entry": entry, "chain": chain.hex()},
            "journal": {"position": last[0], "chain": last[1].lower()} if last else None,
        }
    finally:
        db.close()


def actions_with(folder: Path, column: str, value: str) -> list[int]:
    """Actions by event id or order id; the whole table is read."""
    assert column in ("event_id", "order_id")
    db = open_reader(folder)
    try:
        sent = "select delivery / 256 from frozen where event_id = ?1 union " if column == "event_id" else ""
        return [a for (a,) in db.execute(f"{sent}select id from action where {column} = ?1 order by 1", (value,))]
    finally:
        db.close()


def actions_told(folder: Path, event_id: str, names: Iterable[tuple[str, str]]) -> list[int]:
    """Actions by an id that one of their copies had, under any of ``names`` (dataset, event name): by the keys of the fold
    where they remember it, some days back, and only else from the whole table."""
    db = open_reader(folder)
    try:
        held = kit_for(folder).holders(db, [id_key(dataset, name, event_id) for dataset, name in names])
    finally:
        db.close()
    return held or actions_with(folder, "event_id", event_id)


def shared_rows(
    folder: Path, actions: list[int] | None, limit: int, dataset: str | None = None
) -> Iterator[dict[str, Any]]:
    """What was shared of these actions, or of the last ``limit`` actions that were sent; of one dataset, or of all."""
    db = open_reader(folder)
    try:
        if actions is None:
            sql = (
                "select distinct delivery / 256 as a from attempt where cast(?1 as text) is null or exists "
                "(select 1 from action where id = delivery / 256 and dataset = ?1) order by a desc limit ?2"
            )
            actions = sorted(a for (a,) in db.execute(sql, (dataset, limit)))
        elif dataset is not None:
            sql = "select id from action where dataset = ? and id in (select value from carray(?)) order by id"
            actions = [a for (a,) in db.execute(sql, (dataset, id_array(actions)))]
        yield from shared(db, actions)
    finally:
        db.close()


def _actions(db: Any, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    sql = (
        "select id as action, dataset, event_name, event_id, event_time, created_at, copies, tier, consent, value, currency, "
        "order_id, merged_into from action where id in (select value from carray(?)) order by id"
    )
    yield from _rows(db, sql, found.actions, "action")


def _orders(db: Any, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    sql = 'select id as "order", dataset, order_id, placed_at, changed_at from orders where id in (select value from carray(?))'
    yield from _rows(db, sql, found.orders, "order")
    sql = (
        'select order_row as "order", at, kind, source, reference, body from order_fact where order_row in '
        "(select value from carray(?)) order by id"
    )
    for row in _rows(db, sql, found.orders, "report"):
        yield {**row, "body": _decoded(row["body"])}


def _lines(db: Any, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    """Lines of money about the person, with the text where it is kept."""
    sql = (
        "select l.id as line, l.kind, l.received_at, t.text, l.body from line as l left join line_text as t on t.line = l.id "
        "where l.id in (select value from carray(?)) order by l.id"
    )
    for row in _rows(db, sql, sorted({*found.lines, *found.line_texts}), "line"):
        yield {**row, "body": _decoded(row["body"])}


def _touches(folder: Path, db: Any, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    """Where the person's visits, chats and orders came from, as it is kept."""
    ring = known_ring(folder)
    if ring is None:
        return
    run = reading(db)
    kinds = {(d, *(m if m.kind != "link" else m.value.partition(":")[::2])) for d, m in found.marks}
    whos = {who for d, kind, value in kinds if (who := who_of(ring, d, kind, value)) is not None}
    for number in sorted(found.orders):
        rows = db.execute("select dataset from orders where id = ?", (number,)).fetchall()
        names = [(source, _decoded(body).get("order_id", "")) for source, body in run("select_order_facts", (number,))]
        whos.update(who for (dataset,) in rows for who in whos_of_order(ring, dataset, names))
    for _, dataset, *rest in run("select_touches", (key_array(whos), 0, 1 << 62)) if whos else ():
        yield {"what": "touch", "dataset": dataset, **dict(zip(Touch.__struct_fields__, rest, strict=True))}


def _paths(db: Any, found: SubjectMatches) -> Iterator[dict[str, Any]]:
    """What is kept with the person's orders of what led to them, and the customer numbers by which they are one buyer's."""
    run = reading(db)
    for number, path in sorted(kept_paths(run, found.orders).items()):
        touches = [
            {name: getattr(touch, name) for name in touch.__struct_fields__} for touch in (*path.touches, *path.said)
        ]
        yield {"what": "path", "order": number, "reason": path.reason, "touches": touches}
    for number, kind, digest, _ in run("select_buyers", (id_array(found.orders),)):
        if kind in NUMBERS:
            yield {"what": "customer", "order": number, "number": digest.hex()}


def _rows(db: Any, sql: str, ids: Any, what: str) -> Iterator[dict[str, Any]]:
    cursor = db.execute(sql, (id_array(ids),))
    names: list[str] = []
    for row in cursor:
        names = names or [d[0] for d in cursor.get_description()]
        yield {"what": what, **dict(zip(names, row, strict=True))}


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        tree: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        return {"unreadable": True}  # altered on disk: `twofold verify` names it
    return tree
