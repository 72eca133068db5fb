"""Payouts and remittances into a folder: once, in any order, from whichever file tells them; and into groups that close."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.importing.statements.test_read_couriers import ROWS as REMITTED
from tests.importing.statements.test_read_couriers import table
from tests.importing.statements.test_read_payout_answers import all_of, listed
from tests.importing.statements.test_read_payouts import PAYOUT_ROWS, report, shopify
from twofold.config.read import settings_from
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.ledger.filing import KINDS
from twofold.ledger.lines import MoneyLine, encode_thing
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.values import Entry
from twofold.store.lines.reading import OpenLines

NOW = 1_790_000_000_000
D = Decimal

PENDING = shopify("2026-03-06 10:00:00 +0400,charge,#1001,visa,online,pending,2026-03-09,,2026-03-08,30.00,0.90,29.10,"
                  "#68683485610367,card,30.00,GEL,GEL")  # fmt: skip
PAID = PENDING.replace("pending,2026-03-09,,", "paid,2026-03-09,9001,")
BY_DAY = ("Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried Amount,Total,Currency\n"
          "2026-03-09,paid,30.00,0.00,0.00,0.00,-0.90,0.00,29.10,GEL\n")  # fmt: skip


class Folder:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.data = folder, folder / "data"
        self.settings = settings_from({"server": {"data": str(self.data)}, "dataset": [{"id": "1"}]}, environ={})
        self.now = NOW

    def take(self, text: str, name: str, kind: str = "payouts", **options):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.now += 60_000
        return import_statement(self.settings, StatementPlan(kind=kind, path=path, **options), self.now)

    def standing(self) -> list[bytes]:
        """What stands, without the digests that each folder makes with a secret of its own."""
        with OpenLines(self.data) as reader:
            things = [one.thing for kind in KINDS for one in reader.lines(kind)]
        bare = [replace(t, mark="", counterpart=()) if isinstance(t, MoneyLine) else t for t in things]
        return sorted(map(encode_thing, bare))

    def groups(self):
        with OpenLines(self.data) as reader:
            batches = [one.thing for one in reader.lines("batch")]
            entries = [Entry(name=one.name.hex(), line=one.thing) for one in reader.lines("money")]
        return groups_of(batches, entries)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_pending_then_paid_in_every_order_of_files(folder: Folder, order: tuple[int, ...]) -> None:
    """One line, in its payout, which the export of payouts declares by its day."""
    files = [(PENDING, "pending.csv"), (PAID, "paid.csv"), (BY_DAY, "payouts.csv")]
    for place in order:
        folder.take(*files[place])
    (group,) = folder.groups()
    assert (group.batch.id, group.lines, group.declared, group.count) == ("9001", D("29.10"), D("29.10"), 1)


def test_the_report_and_the_answer_are_one_payout(folder: Folder) -> None:
    """Whichever comes second changes no line's name and no sum."""
    folder.take(report(), "report.csv")
    again = folder.take(listed(*all_of()), "po_1.json")
    assert (again.new, again.known + again.updated) == (0, 8)
    (group,) = folder.groups()
    assert (group.lines, group.declared, group.count) == (D("67.60"), D("67.60"), 6)


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_line_that_was_missing_closes_the_payout_when_it_comes(folder: Folder, order: tuple[int, ...]) -> None:
    """chain.md 9.5: open by -10.00, until the whole report is there; the other way it closes at once."""
    short = report([row for row in PAYOUT_ROWS if row[0] != "reserve_transaction"])
    # The report numbers its lines by their place: the payout's own row keeps its number here.
    short = short.replace("txn_6", "txn_7")
    files = [(short, "short.csv"), (report(), "whole.csv")]
    found = [folder.take(*files[place]) for place in order]
    assert [len(one.unbalanced) for one in found] == [1 - order[0], 0]  # a line that is known already lacks to nobody
    (group,) = folder.groups()
    assert (group.lines, group.declared) == (D("67.60"), D("67.60"))


def test_the_same_files_again_and_in_another_order_change_nothing(tmp_path: Path) -> None:
    files = [(report(), "a.csv", "payouts"), (PAID, "b.csv", "payouts"), (BY_DAY, "c.csv", "payouts"),
             (table(*REMITTED), "d.csv", "remittances")]  # fmt: skip
    standing = set()
    for number, order in enumerate((files, files[::-1], [*files, *files])):
        folder = Folder(tmp_path / str(number))
        for text, name, kind in order:
            folder.take(text, name, kind, source="quick" if kind == "remittances" else "")
        standing.add(tuple(folder.standing()))
    assert len(standing) == 1


def test_a_remittance_closes_and_its_second_download_is_known(folder: Folder) -> None:
    first = folder.take(table(*REMITTED), "remit.csv", "remittances", source="quick")
    again = folder.take(table(*REMITTED) + "\n", "remit (1).csv", "remittances", source="quick")
    assert (first.new, again.new, again.known) == (11, 0, 11)
    (group,) = folder.groups()
    assert (group.batch.kind, group.lines, group.declared, group.batch.bank_reference) == (
        "remittance", D("169.50"), D("169.50"), "UTR9")  # fmt: skip


def test_a_cut_answer_leaves_nothing_behind(folder: Folder) -> None:
    from twofold.errors import FileRefused

    with pytest.raises(FileRefused):
        folder.take(listed(*all_of())[:-30], "po_1.json")
    assert not (folder.data / "twofold.db").exists() or folder.groups() == []


def test_no_contact_data_of_a_payout_is_on_disk(folder: Folder) -> None:
    """The customer's address of a report and what a description says of somebody are digests and stars there."""
    text = report().replace(",,,,anna@example.com", ",Order for Anna Example,,,anna@example.com")
    folder.take(text, "report.csv")
    kept = b"".join(path.read_bytes() for path in folder.data.rglob("*") if path.is_file())
    for word in (b"anna@example.com", b"Anna Example"):
        assert word not in kept


HALVES = [
    # Adyen's like: the payout's own row stands in the second file only. 97.00 + 48.50 = 145.50, as 9.5 adds up.
    "batch,kind,reference,gross,fee,net,currency,at\nB1,charge,p1,100.00,3.00,97.00,EUR,2026-03-05\n",
    "batch,kind,reference,gross,fee,net,currency,at\nB1,charge,p2,50.00,1.50,48.50,EUR,2026-03-05\n"
    "B1,payout,p3,{paid},0.00,{paid},EUR,2026-03-06\n",
]


def test_a_batch_closes_by_the_lines_of_its_own_currency(tmp_path):
    """A number may stand for payouts in two currencies: what is open in dollars keeps none of the euros open."""
    folder = Folder(tmp_path / "f")
    dollars = "batch,kind,reference,gross,fee,net,currency,at\nB1,charge,p8,41.00,0.00,41.00,USD,2026-03-05\nB1,payout,p9,-40.00,0.00,-40.00,USD,2026-03-06\n"
    assert folder.take(HALVES[0], "a.csv", source="psp").unbalanced == []
    assert [(u.id, u.currency) for u in folder.take(dollars, "c.csv", source="psp").unbalanced] == [("B1", "USD")]
    second = folder.take(HALVES[1].format(paid="-145.50"), "b.csv", source="psp")
    assert second.unbalanced == []
    assert "batch B1 closes with lines that another file told" in second.notes


def test_a_batch_whose_lines_come_in_two_files_closes_with_the_second(tmp_path):
    """The second file by itself lacks 97.00; all that is kept lacks nothing, also when it is imported again."""
    folder = Folder(tmp_path / "f")
    assert folder.take(HALVES[0], "a.csv", source="psp").unbalanced == []
    for _ in range(2):
        second = folder.take(HALVES[1].format(paid="-145.50"), "b.csv", source="psp")
        assert second.is_answered_yes
        assert "batch B1 closes with lines that another file told" in second.notes
    (group,) = folder.groups()
    assert (group.net, group.lines) == (D("145.50"), D("145.50"))


def test_a_batch_that_two_files_do_not_close_is_named(tmp_path):
    """One cent is missing in the whole: what the second file lacks by itself is said, and the answer is no."""
    folder = Folder(tmp_path / "f")
    folder.take(HALVES[0], "a.csv", source="psp")
    second = folder.take(HALVES[1].format(paid="-145.51"), "b.csv", source="psp")
    assert not second.is_answered_yes
    assert [(one.id, one.difference) for one in second.unbalanced] == [("B1", D("97.01"))]
