"""The law of *Matching*: of what waits for a person's word, and of each what it could be, the same as from the whole ledger.

The page asks the derived tables for names and matches no more than it shows. The other side matches everything, as it did before.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from tests.reconcile.lines import day
from tests.reconcile.test_closure_law import CHECKED, RULES, worlds, write
from tests.reconcile.test_reach_law import IN_MEMORY, made
from twofold.console.money import matching
from twofold.console.money.task import Task
from twofold.console.money.waiting import BATCH, IN, LINE, OUT
from twofold.facts.__main__ import _encode
from twofold.facts.engine import Answer, Ask, Asked, _reader
from twofold.facts.engines.duckdb import asked as rows_of
from twofold.facts.manifest import read_manifest
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, Decision, MoneyKind, MoneyLine
from twofold.ledger.model import Amounts, Method, OrderReport, Payment, Snapshot
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.reading.keeping import KeepDays
from twofold.store.orders.ledger import OrderEntry

NOW = day(40)


class Here(Task, frozen=True, kw_only=True):
    """A task that asks the tables in this process."""

    def ask(self, asked: Any) -> list[Answer]:
        files = Path(self.base.data) / "facts"
        manifest = read_manifest(files)
        assert manifest is not None
        ask = Ask(data=self.base.data, files=str(files), engine="duckdb", memory_mb=256, deadline_s=60.0, spill=str(files / "spill"),
                  questions=list(asked))  # fmt: skip
        return [
            Answer(as_of=NOW, currency=manifest.currency, rows=[_read(one, row) for part in found for row in part])
            for one, found in zip(ask.questions, rows_of(ask, manifest), strict=True)
        ]


def _read(one: Asked, row: Any) -> Any:
    return _reader(one.question)(msgspec.json.decode(_encode(row)))


def task(folder: Path, **more: Any) -> Here:
    policies = {"1": OrderPolicy(), "2": OrderPolicy()}
    base = KeepDays(
        data=str(folder), policies=policies, rules=RULES, zone="UTC", destinations=[], banners=[], zones={}, now=NOW
    )
    return Here(what="matching", base=base, as_of=NOW, **more)


def of_the_whole(folder: Path) -> dict[str, dict[str, Any]]:
    """Everything that waits by kind and name, by matching the whole ledger."""
    desk = matching._Desk(matching._whole(task(folder)))
    groups = {group.key: group for group in desk.seen.matched.open_groups}
    found: dict[str, dict[str, Any]] = {}
    for what, places in matching._places(desk).items():
        rows = {
            one.name: matching._batch_row(desk, groups[one.name])
            if one.name in groups
            else matching._line(desk, desk.seen.entries[one.name], "bank" if what in ("in", "out") else "line")
            for one in places
        }
        found[what] = rows
    return found


@settings(CHECKED, max_examples=25)
@given(worlds())
def test_what_waits_and_what_it_could_be_is_what_the_whole_ledger_says(world: Any) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as name:
        folder = Path(name)
        write(folder, world)
        made(folder, folder / "facts")
        whole = of_the_whole(folder)
        told = matching.waiting(task(folder))["names"]
        assert {what: list(rows) for what, rows in whole.items()} == told
        for what, names in told.items():
            found = matching.matching(task(folder, lines=tuple(names)))["rows"]
            assert {row["name"]: row for row in found} == whole[what]
            for one in names:
                (alone,) = matching.matching(task(folder, lines=(one,)))["rows"]
                assert alone == whole[what][one]


@pytest.mark.parametrize(
    ("at", "zone"),
    [
        (1773777600, "Asia/Tbilisi"),  # 18 March, told without a time; in UTC it is 20:00 on the 17th
        (1773781200, "Asia/Tbilisi"),  # an hour later
        (1773712800, "America/New_York"),  # 16 March, 22:00; in UTC it is the 17th
    ],
)
def test_money_whose_own_day_nothing_else_has_waits(tmp_path: Path, at: int, zone: str) -> None:
    """It is filed by its day in UTC, and a report has it on the day where it was told."""
    batch = Batch(source="psp", account="", id="B1", kind="payout", net=D("50.00"), currency="GEL", at=at, zone=zone)
    credit = MoneyLine(
        source="bank", account="A", id="b1", kind=MoneyKind.BANK_CREDIT, gross=D("70.00"), net=D("70.00"), currency="GEL", at=at, zone=zone,
        form="camt",
    )  # fmt: skip
    write(tmp_path, ([], [batch, credit]))
    made(tmp_path, tmp_path / "facts")
    told = matching.waiting(task(tmp_path))["names"]
    assert told == {IN: [name_of(credit, 0).hex()], OUT: [], LINE: [], BATCH: ["batch:psp/B1"]}


def test_a_batch_that_takes_money_back_could_be_paid_by_what_left_the_bank(tmp_path: Path) -> None:
    """More was refunded than charged: of two debits the one of its amount, and no credit."""
    refund = MoneyLine(
        source="psp", account="A", id="t1", kind=MoneyKind.REFUND, gross=D("-40.00"), net=D("-40.00"), currency="GEL", at=day(2), batch="B1",
    )  # fmt: skip
    batch = Batch(source="psp", account="A", id="B1", kind="payout", currency="GEL", at=day(3), net=D("-50.00"))
    bank = [
        MoneyLine(source="bank", account="A", id=f"b{n}", kind=kind, gross=D(gross), net=D(gross), currency="GEL", at=day(25), form="camt")
        for n, (kind, gross) in enumerate(
            [(MoneyKind.BANK_DEBIT, "-50.00"), (MoneyKind.BANK_DEBIT, "-30.00"), (MoneyKind.BANK_CREDIT, "50.00")]
        )
    ]  # fmt: skip
    write(tmp_path, ([], [refund, batch, *bank]))
    made(tmp_path, tmp_path / "facts")
    (name,) = matching.waiting(task(tmp_path))["names"]["batch"]
    (row,) = matching.matching(task(tmp_path, lines=(name,)))["rows"]
    assert (row["amount"], row["why"]) == (D("-50.00"), "lines_differ")
    assert [(c.to, c.amount) for c in row["candidates"]] == [(f"line:{name_of(bank[0], 0).hex()}", D("-50.00"))]


def test_what_gift_cards_paid_is_owed_by_nobody(tmp_path: Path) -> None:
    """Of 130.00 a card paid 50.00: a transfer of the 80.00 that are left pays the order that it names, and could pay the other one;
    of 130.00 nobody owes anything. An order that a card paid whole owes nothing."""
    at = day(2, 12)

    def order(number: str, total: str, card: str) -> OrderEntry:
        paid = Payment(id=f"g{number}", kind="sale", amount=D(card), currency="GEL", gateway="gift_card", at=at)
        shop = Amounts(currency="GEL", total=D(total))
        report = OrderReport(
            order_id=number, kind="placed", at=at, reference=f"r{number}", payments=(paid,),
            snapshot=Snapshot(version=at, placed_at=at, shop=shop, method=Method.BANK_TRANSFER),
        )  # fmt: skip
        return OrderEntry(dataset="1", source="shopify:demo", report=report, copy=None, received_at=at * 1000, buyer=())

    owed = [order("1001", "130.00", "50.00"), order("1002", "130.00", "50.00"), order("1003", "130.00", "130.00")]
    bank = [
        MoneyLine(source="bank", account="A", kind=MoneyKind.BANK_CREDIT, gross=D(gross), net=D(gross), currency="GEL", at=day(4), form="camt", text=text)
        for gross, text in (("80.00", "order 1001"), ("80.00", ""), ("130.00", ""))
    ]  # fmt: skip
    write(tmp_path, (owed, bank))
    made(tmp_path, tmp_path / "facts")
    names = matching.waiting(task(tmp_path))["names"]["in"]
    alone = [row for name in names for row in matching.matching(task(tmp_path, lines=(name,)))["rows"]]
    assert sorted((row["amount"], [c.to for c in row["candidates"]]) for row in alone) == [
        (D("80.00"), ["order:1/1002"]),
        (D("130.00"), []),
    ]


def test_what_a_person_has_spoken_of_waits_no_more_though_the_tables_are_older(tmp_path: Path) -> None:
    """Until they are made again: the list has no line of which nothing is left. Taken back, it waits as before."""
    at, number = day(2, 12), "1001"
    report = OrderReport(
        order_id=number, kind="placed", at=at, reference=f"r{number}",
        snapshot=Snapshot(version=at, placed_at=at, shop=Amounts(currency="GEL", total=D("70.00")), method=Method.BANK_TRANSFER),
    )  # fmt: skip
    owed = OrderEntry(dataset="1", source="shopify:demo", report=report, copy=None, received_at=at * 1000, buyer=())
    bank = [
        MoneyLine(source="bank", account="A", id=gross, kind=MoneyKind.BANK_CREDIT, gross=D(gross), net=D(gross), currency="GEL", at=day(4), form="camt")
        for gross in ("70.00", "90.00")
    ]  # fmt: skip
    small, large = (name_of(line, 0).hex() for line in bank)

    def waits_after(*words: Decision) -> set[str]:
        write(tmp_path, ([], words))
        return set(matching.waiting(task(tmp_path))["names"]["in"])

    write(tmp_path, ([owed], bank))
    made(tmp_path, tmp_path / "facts")
    word = Decision(line=small, to="order:1/1001", by="nino", why="called", at=day(5))
    assert waits_after() == {small, large}
    assert waits_after(word) == {large}
    assert waits_after(replace(word, at=day(6), undo=True)) == {small, large}
