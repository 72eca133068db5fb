"""Lines are seen once their whole file is there; what is told again is a further row, and which one stands does not depend
on the order in which files came."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.ledger.filing import keys_of
from twofold.ledger.lines import MoneyKind, MoneyLine, Spend, Thing
from twofold.store.engine import Database
from twofold.store.engines import kit_for
from twofold.store.lines.keeping import LineFile, begin_file, drop_unfinished, end_file, keep_told, put_lines
from twofold.store.lines.reading import LineReader
from twofold.store.lines.row import make_row

SECRET = b"s" * 32
NOW = 1_773_100_800_000  # 10 March 2026


def opened(folder: Path) -> Any:
    """The database beside a folder."""
    return kit_for(folder).opened(folder, lambda _loss: None)


def ask(engine: Any, sql: str) -> list[Any]:
    return list(engine.db.execute(sql))


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    made = opened(tmp_path)
    yield made
    made.close()


def charge(number: int, **other: Any) -> MoneyLine:
    said = {
        "source": "stripe", "account": "acct_1", "id": f"txn_{number}", "kind": MoneyKind.CHARGE,
        "gross": Decimal("120.00"), "fee": Decimal("3.78"), "net": Decimal("116.22"), "currency": "GEL",
        "at": NOW // 1000, "references": (f"order:{1000 + number}",),
    }  # fmt: skip
    return MoneyLine(**{**said, **other})


def spend(day: str, amount: str) -> Spend:
    return Spend(source="meta", level="ad", day=day, ad_id="1", currency="USD", amount=Decimal(amount))


def begun(engine: Database, sha: str) -> tuple[int | None, LineFile]:
    file = LineFile(sha256=sha, reading="r", kind="payouts", format="test")
    engine.begin()
    load = begin_file(engine, file, NOW)
    engine.commit()
    return load, file


def put(engine: Database, load: int, things: list[Thing], *, at: int = NOW, told_at: int | None = None) -> Any:
    rows = [make_row(t, SECRET, row=n, received_at=at, told_at=told_at) for n, t in enumerate(things, 1)]
    engine.begin()
    kept = put_lines(engine, load, rows, at)
    engine.commit()
    return kept


def imported(engine: Database, sha: str, things: list[Thing], *, at: int = NOW, told_at: int | None = None) -> Any:
    load, file = begun(engine, sha)
    assert load is not None
    kept = put(engine, load, things, at=at, told_at=told_at)
    engine.begin()
    assert end_file(engine, load, file, kept.rows, {}, at)
    engine.commit()
    return kept


def standing(engine: Database, kind: str = "money") -> list[Any]:
    return [line.thing for line in LineReader(engine.db).lines(kind)]


def test_nothing_of_a_file_is_seen_before_its_end(engine: Database) -> None:
    """Not by day, not by order, not by batch."""
    load, file = begun(engine, "a")
    assert load is not None
    put(engine, load, [charge(1, batch="po_1")])
    reader = LineReader(engine.db)
    assert (standing(engine), reader.by_key("order:1001"), reader.by_batch("stripe", "po_1")) == ([], [], [])
    engine.begin()
    end_file(engine, load, file, 1, {}, NOW)
    engine.commit()
    assert standing(engine) == [charge(1, batch="po_1")]
    assert [one.thing for one in reader.by_key("order:1001")] == [charge(1, batch="po_1")]
    assert [one.thing for one in reader.by_batch("stripe", "po_1")] == [charge(1, batch="po_1")]


def test_a_file_that_never_ended_is_taken_out_and_can_come_again(engine: Database) -> None:
    """Its reader was killed: no row, no key and no day of it stays, and what it had is new to the next one."""
    load, _ = begun(engine, "a")
    assert load is not None
    put(engine, load, [charge(n) for n in range(1_200)])
    again, file = begun(engine, "a")
    assert again is not None
    kept = put(engine, again, [charge(n) for n in range(1_200)])
    assert (kept.new, kept.known) == (1_200, 0)
    engine.begin()
    end_file(engine, again, file, kept.rows, {}, NOW)
    engine.commit()
    portions = 0
    more = True
    while more:
        engine.begin()
        more = drop_unfinished(engine, NOW + 1)
        engine.commit()
        portions += 1
    assert portions == 3  # in portions, so that accepting goes on meanwhile
    assert ask(engine, "select count(*), count(distinct file) from line") == [(1_200, 1)]
    assert ask(engine, "select count(*) from line_key") == [(1_200 * len(keys_of(charge(1))),)]
    for table in ("line_load", "line_load_day"):
        assert ask(engine, f"select count(*) from {table}") == [(0,)]
    assert len(standing(engine)) == 1_200


def test_the_same_file_is_known(engine: Database) -> None:
    imported(engine, "a", [charge(1)])
    assert begun(engine, "a")[0] is None
    assert begun(engine, "b")[0] is not None


def test_what_is_told_again_is_known_and_what_changed_is_a_further_row(engine: Database) -> None:
    """Nothing is updated in place: the earlier state stays readable."""
    imported(engine, "a", [charge(1, status="pending"), charge(2)])
    kept = imported(engine, "b", [charge(1, batch="po_1"), charge(2), charge(3)])
    assert (kept.new, kept.updated, kept.known, kept.rows) == (1, 1, 1, 2)
    assert sorted(one.id for one in standing(engine)) == ["txn_1", "txn_2", "txn_3"]
    (now,) = [one for one in standing(engine) if one.id == "txn_1"]
    assert (now.status, now.batch) == ("booked", "po_1")
    states = [one for one in LineReader(engine.db).versions("money") if one.thing.id == "txn_1"]
    assert [(one.thing.status, one.stands) for one in states] == [("pending", False), ("booked", True)]
    assert LineReader(engine.db).by_name(states[0].name) == states


STATES = [charge(1, status="pending"), charge(1), charge(1, batch="po_9"), charge(1, status="hold")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_which_state_stands_does_not_depend_on_the_order_of_files(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Of a movement whose source tells no time: booked after pending, with its payout after without."""
    made = opened(tmp_path)
    for n in (*order, *order):
        if begun(made, str(n))[0] is not None:
            imported(made, f"{n}", [STATES[n]], at=NOW + 1_000 * order.index(n))
    assert standing(made) == [charge(1, batch="po_9")]
    made.close()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_sources_own_time_decides(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A day that is restated twice, and back to what it was first."""
    told = [("5.00", 100), ("7.00", 200), ("5.00", 300)]
    made = opened(tmp_path)
    for n in order:
        imported(made, str(n), [spend("2026-03-10", told[n][0])], told_at=told[n][1])
    assert [one.amount for one in standing(made, "spend")] == [Decimal("5.00")]
    assert len(list(LineReader(made.db).versions("spend"))) == 3
    made.close()


def test_without_a_time_the_last_import_stands_also_back_to_what_it_was(engine: Database) -> None:
    for n, amount in enumerate(("5.00", "7.00", "5.00")):
        imported(engine, str(n), [spend("2026-03-10", amount)], at=NOW + n)
        assert [one.amount for one in standing(engine, "spend")] == [Decimal(amount)]


def test_days_are_found_and_rows_have_an_order_of_their_own(engine: Database) -> None:
    lines = [charge(n, at=NOW // 1000 + 86_400 * (n % 3)) for n in range(30)]
    imported(engine, "a", list(reversed(lines)))
    day = NOW // 86_400_000
    found = [one.thing.at // 86_400 - day for one in LineReader(engine.db).lines("money", day, day + 1)]
    assert found == [0] * 10 + [1] * 10
    assert LineReader(engine.db).span("money") == (day, day + 2)
    assert LineReader(engine.db).span("spend") is None


def test_what_a_message_told_is_seen_at_once(engine: Database) -> None:
    engine.begin()
    kept = keep_told(engine, [make_row(charge(1), SECRET, received_at=NOW)])
    engine.commit()
    assert (kept.new, standing(engine)) == (1, [charge(1)])
