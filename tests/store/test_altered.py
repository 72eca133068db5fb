"""What was altered on disk is never sent: the delivery is dead with that reason, its neighbours go, and `verify` names it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import apsw
import pytest

from tests.ledger.facts import SHOP, report
from tests.store.copies import (
    BROWSER,
    HOLD,
    NOW,
    PLACE,
    SERVER,
    appended,
    claim,
    copy,
    opened,
    rows,
    sent,
    settlement,
    with_store,
)
from tests.store.faulty_disk import disk
from twofold.errors import RowFailed, StoreFull
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, encode
from twofold.report.verify import verify
from twofold.store.bodies import pack, plain_body
from twofold.store.orders.ledger import OrderEntry
from twofold.store.sqlite.statements import written

DUE = NOW + HOLD
LATER = DUE + 3_600_000


def change(folder: Path, sql: str, *values: object) -> None:
    db = apsw.Connection(str(folder / "twofold.db"))
    try:
        db.pragma("ignore_check_constraints", "on")
        db.execute(sql, values)
        assert db.changes() == 1
    finally:
        db.close()


def stored_body(folder: Path, position: int) -> bytes:
    db = apsw.Connection(str(folder / "twofold.db"))
    try:
        return plain_body(db.execute("select body from event where position = ?", (position,)).fetchone()[0])
    finally:
        db.close()


def failing(folder: Path) -> list[str]:
    return [c.name for c in verify(folder) if not c.holds]


async def claimed_values(store, now=LATER):
    return [str(sent(d).custom_data.value) for d in await claim(store, now)]


def waiting(folder: Path) -> None:
    """Three Purchases in their hold; the second has a browser copy, too."""
    copies = [copy(f"e{n}", value=f"{n}23.75") for n in (1, 2, 3)]
    appended(folder, [*copies, copy("e2", BROWSER, value="223.75")], together=True)


BODIES = {
    "money": (b"123.75", b"923.75", 1),
    "an id": (b'"e1"', b'"e9"', 1),
    "a time": (b'"event_time":1', b'"event_time":2', 1),
    "what is no body any more": (b"{", b"[", 1),
    "the other copy's money": (b"223.75", b"923.75", 4),
}


@pytest.mark.parametrize(("old", "new", "position"), BODIES.values(), ids=BODIES)
def test_an_altered_event_is_not_sent(tmp_path, old, new, position):
    """Altered between the answer and the first attempt: dead with the reason, once; the other two go."""
    waiting(tmp_path)
    body = stored_body(tmp_path, position).replace(old, new, 1)
    change(tmp_path, "update event set body = ? where position = ?", pack(body), position)
    gone = "123.75" if position == 1 else "223.75"

    async def scenario(store):
        values = await claimed_values(store)
        return values, store.altered, await claimed_values(store, LATER + 1)

    values, altered, again = with_store(tmp_path, scenario)
    assert sorted([*values, gone]) == ["123.75", "223.75", "323.75"]
    assert (altered, again) == (1, [])
    assert [(d["state"], d["reason"]) for d in rows(tmp_path, "deliveries", state="dead")] == [("dead", "altered")]
    assert "journal rows follow each other unaltered" in failing(tmp_path)


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_claim_of_which_nothing_was_kept_counts_nothing(tmp_path):
    """The disk was full when the altered one was given up; with room it is given up, and counted, once."""
    waiting(tmp_path)
    change(tmp_path, "update event set body = ? where position = 1", pack(b"[]"))

    async def main():
        with disk() as layer:
            async with opened(tmp_path) as store:
                layer.full = True
                with pytest.raises(StoreFull):
                    await claim(store, LATER)
                layer.full = False
                return [await claimed_values(store), store.altered]

    assert asyncio.run(main()) == [["223.75", "323.75"], 1]


@pytest.mark.parametrize("column", ["event_id", "currency", "goods"])
def test_a_copy_of_an_action_that_cannot_be_read_is_refused_aloud(tmp_path, caplog, column):
    """Its sender is told to come again, `/health` counts it, the log says it, and the neighbours are accepted."""
    waiting(tmp_path)
    change(tmp_path, f"update action set {column} = cast(x'ff' as text) where id = 1")

    async def scenario(store):
        told = await asyncio.gather(
            store.append([copy("e1", BROWSER, value="123.75", at=NOW + 1)]),
            store.append([copy("e5", BROWSER, value="5.00", at=NOW + 1)]),
            return_exceptions=True,
        )
        return told, store.altered

    (refused, accepted), altered = with_store(tmp_path, scenario)
    assert isinstance(refused, RowFailed)
    assert refused.altered
    assert (accepted, altered) == (["first"], 1)
    assert "run `twofold verify`" in caplog.text


FROZEN = {
    "a byte of the payload": "payload = cast(replace(cast(payload as text), '123.75', '923.75') as blob)",
    "the payload cut short": "payload = substr(payload, 1, length(payload) - 1)",
    "the id beside it": "event_id = 'e9'",
    "the time": "event_time = event_time + 1",
    "where it happened": "action_source = 'chat'",
    "a test code": "test_event_code = 'TEST1'",
    "the digest": "digest = x'0000000000000000'",
    "no digest": "digest = null",
}


@pytest.mark.parametrize("harm", FROZEN.values(), ids=FROZEN)
def test_altered_frozen_bytes_are_not_sent(tmp_path, harm):
    """Altered between two attempts: dead with the reason, also when somebody revives it; the other two are tried again."""
    waiting(tmp_path)

    async def first(store):
        for d in await claim(store, DUE):
            await store.settle([settlement(d, DeliveryState.WAITING, due_at=LATER, outcome="refused")], DUE)

    with_store(tmp_path, first)
    change(tmp_path, f"update frozen set {harm} where delivery = 257")
    assert failing(tmp_path)

    async def again(store):
        values = await claimed_values(store)
        dead = await store.revive([257], LATER)
        return values, dead, await claimed_values(store, LATER + 1), store.altered

    assert with_store(tmp_path, again) == (["223.75", "323.75"], 1, [], 2)
    (dead,) = rows(tmp_path, "deliveries", state="dead")
    assert (dead["id"], dead["reason"]) == (257, "altered")


@pytest.mark.parametrize("altered", ["unstated", "granted", "denied;x", "d\u00e9nied", "unstated;-sale_of_dat\x60"])
def test_an_altered_word_of_consent_lets_nothing_leave(tmp_path, altered):
    """The copies themselves say no: whatever became of the word beside them, and the others go."""
    appended(
        tmp_path,
        [copy("e1", consent=Consent.DENIED), copy("e2", value="223.75"), copy("e3", value="323.75")],
        together=True,
    )
    change(tmp_path, "update action set consent = ? where id = 1", altered)
    assert sorted(with_store(tmp_path, claimed_values)) == ["223.75", "323.75"]


def test_an_action_of_another_dataset_is_not_sent(tmp_path):
    """The row that says where a delivery goes is held against its copies."""
    waiting(tmp_path)
    change(tmp_path, "update action set dataset = '2' where id = 1")
    assert "actions say what their copies say" in failing(tmp_path)
    assert with_store(tmp_path, claimed_values) == ["223.75", "323.75"]


def test_what_waited_in_an_older_version_is_sent(tmp_path):
    """Rows from before there were digests get theirs at the first start; altered afterwards they are found."""
    waiting(tmp_path)

    async def first(store):
        for d in await claim(store, DUE):
            await store.settle([settlement(d, DeliveryState.WAITING, due_at=LATER, outcome="refused")], DUE)

    with_store(tmp_path, first)
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute("update frozen set digest = null; delete from meta where name = 'digests'")
    db.close()

    async def nothing(store):
        return None

    with_store(tmp_path, nothing)
    change(tmp_path, "update frozen set event_time = event_time + 1 where delivery = 257")
    assert with_store(tmp_path, claimed_values) == ["223.75", "323.75"]


NO_TEXT = "cast(x'ff' as text)"
UNREADABLE = {
    "the action's name": f"update action set event_name = {NO_TEXT} where id = 1",
    "the action's dataset": f"update action set dataset = {NO_TEXT} where id = 1",
    "the action's consent": f"update action set consent = {NO_TEXT} where id = 1",
    "the copy's verdict": "update event set verdict = cast(x'ff' as text) where position = 1",
    "the copy's body": "update event set body = x'01ff' where position = 1",
    "no bytes at all": "update event set body = x'' where position = 1",
    "a visit's address": f"update visit set address = {NO_TEXT} where browser = 1",
    "the browser's consent": f"update browser set consent = {NO_TEXT} where id = 1",
    "no action any more": "delete from action where id = 1",
    "the frozen id": f"update frozen set event_id = {NO_TEXT} where delivery = 257",
    "the frozen bytes": "update frozen set payload = x'ff' where delivery = 257",
    "the frozen test code": f"update frozen set test_event_code = {NO_TEXT} where delivery = 257",
}


@pytest.mark.parametrize("harm", UNREADABLE.values(), ids=UNREADABLE)
def test_one_that_cannot_be_read_stops_no_other(tmp_path, harm):
    """Whatever of it is no text any more, wherever it stands: that delivery is dead with the reason, the rest is claimed."""
    pages = [
        copy(f"p{n}", BROWSER, name="PageView", value=None, fbp=f"fb.1.1790000000000.{n}", **PLACE) for n in (1, 2)
    ]
    orders = [copy(f"e{n}", value=f"{n}23.75", fbp=f"fb.1.1790000000000.{n}") for n in (1, 2, 3)]
    appended(tmp_path, [*orders, *pages], together=True)

    async def first(store):
        if "frozen" in harm:
            for d in await claim(store, DUE):
                await store.settle([settlement(d, DeliveryState.WAITING, due_at=LATER, outcome="refused")], DUE)

    with_store(tmp_path, first)
    change(tmp_path, harm)

    async def scenario(store):
        values = [v for v in await claimed_values(store) if v != "None"]
        return sorted(values), store.altered, await store.append([copy("e9", at=NOW + 5, value="1.00")])

    values, altered, _ = with_store(tmp_path, scenario)
    assert (values, altered) == (["223.75", "323.75"], 1)
    (dead,) = rows_dead(tmp_path)
    assert dead[1] == "altered"


@pytest.mark.parametrize("first", [SERVER, BROWSER], ids=["shop first", "browser first"])
@pytest.mark.parametrize(
    "body", [b"", b"\x01\xff", b'{"dataset":"1"', b"{}"], ids=["none", "no frame", "cut short", "empty"]
)
def test_a_copy_that_cannot_be_read_stops_no_append(tmp_path, body, first):
    """Neither that of another action nor its own twin's: both are journalled, and nothing is sent of the altered one."""
    appended(tmp_path, [copy("e1", first), copy("e2")])
    change(tmp_path, "update event set body = ? where position = 1", body)
    other = BROWSER if first is SERVER else SERVER
    verdicts = appended(tmp_path, [copy("e1", other), copy("e3")])
    assert len(verdicts) == 2
    assert len(with_store(tmp_path, claimed_values)) >= 2


def rows_dead(folder: Path) -> list[tuple[int, str]]:
    db = apsw.Connection(str(folder / "twofold.db"))
    try:
        return db.execute("select id, reason from delivery where state = 'dead'").fetchall()
    finally:
        db.close()


def test_a_bug_in_one_delivery_stops_no_other(tmp_path):
    """Whatever is raised while it is gated or built: dead with `internal`, revivable, and many others are claimed."""
    appended(tmp_path, [copy(f"e{n}", value=f"{n}.00") for n in range(100)], together=True)

    def build(event):
        if event.event_id in ("e7", "e63"):
            raise LookupError("a bug")
        return encode(event)

    async def scenario(store):
        claimed = await claim(store, LATER, build=build)
        again = await claim(store, LATER, build=build)
        dead = rows_dead(tmp_path)
        revived = await store.revive([d for d, _ in dead], LATER + 1)
        return len(claimed), again, dead, revived, len(await claim(store, LATER + 1)), store.altered

    claimed, again, dead, revived, after, altered = with_store(tmp_path, scenario)
    assert (claimed, again, revived, after, altered) == (98, [], 2, 2, 0)
    assert [reason for _, reason in dead] == ["internal", "internal"]


ROWS = {
    "an attempt's status": ("attempts are what was tried", "update attempt set status = 500 where id = 1"),
    "an attempt's note": ("attempts are what was tried", "update attempt set note = 'x' where id = 1"),
    "an attempt's delivery": ("attempts are what was tried", "update attempt set delivery = 513 where id = 1"),
    "when it was settled": ("settlements are what was settled", "update delivery set settled_at = settled_at + 1 where id = 257"),
    "why it was settled": ("settlements are what was settled", "update delivery set reason = 'x' where id = 257"),
    "how it was settled": ("settlements are what was settled", "update delivery set state = 'suppressed' where id = 257"),
    "where it went": ("deliveries = delivered + suppressed + waiting + paused + dead", "update delivery set destination = 3 where id = 257"),
    "an action's channels": ("actions say what their copies say", "update action set channels = 3 where id = 2"),
    "an action's late copies": ("actions say what their copies say", "update action set late_copies = 1 where id = 2"),
    "an action's money": ("actions say what their copies say", "update action set value = '1.00' where id = 2"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "sql"), ROWS.values(), ids=ROWS)
def test_every_table_that_a_figure_rests_on_is_covered(tmp_path, name, sql):
    """One row altered behind the store's back: the line of `verify` that says so is the one that fails."""
    appended(tmp_path, [copy("e1"), copy("e2", at=NOW + 1_000_000)])

    async def scenario(store):
        (d,) = await claim(store, DUE)
        await store.settle([settlement(d)], DUE)

    with_store(tmp_path, scenario)
    assert failing(tmp_path) == []
    change(tmp_path, sql)
    assert name in failing(tmp_path)


REPORTED = {
    "what was reported": ("reports about orders are what was reported", "update order_fact set body = x'78'"),
    "when it came": (
        "reports about orders are what was reported",
        "update order_fact set received_at = received_at + 1",
    ),
    "of what kind it was": ("reports about orders are what was reported", "update order_fact set kind = 'x'"),
    "who reported it": ("reports about orders are what was reported", "update order_fact set source = 'x'"),
    "an order's id": ("orders are what their reports made of them", "update orders set order_id = '1002'"),
    "an order's time": ("orders are what their reports made of them", "update orders set placed_at = placed_at + 1"),
    "an order's state": ("orders are what their reports made of them", "update orders set state = x'78'"),
}


@pytest.mark.parametrize(("name", "sql"), REPORTED.values(), ids=REPORTED)
def test_what_shops_reported_is_covered(tmp_path, name, sql):
    """One row of the ledger altered behind the store's back: the line of `verify` that says so is the one that fails."""
    said = OrderEntry(dataset="1", source=SHOP, report=report(1, order="1001"), copy=None, received_at=NOW)

    with_store(tmp_path, lambda store: store.append_orders([said]))
    assert failing(tmp_path) == []
    change(tmp_path, sql)
    assert name in failing(tmp_path)


def test_no_statement_changes_what_a_digest_covers_and_leaves_the_digest():
    """Whoever settles a delivery, or alters what is frozen or reported, says what becomes of the digest over it."""
    covered = {
        "delivery": ("settled_at = ",),  # a reason of what still waits is covered by nothing
        "frozen": ("payload", "event_id", "event_time", "action_source", "test_event_code"),
        "attempt": ("note", "outcome", "status", "code", "decision"),
        "order_fact": ("body", "reference"),
        "orders": ("order_id", "placed_at", "state"),
    }
    looked = 0
    for (name, _), text in written().items():
        sql = " ".join(line for line in text.splitlines() if not line.startswith("--"))
        for table, columns in covered.items():
            if not re.search(rf"update {table} set ", sql) or "set state = 'waiting'" in sql:
                continue  # what waits again has nothing settled
            changed = sql.partition(" set ")[2].partition(" where ")[0]
            if any(column in changed for column in columns):
                looked += 1
                assert "digest = " in changed, name
    assert looked >= 10
