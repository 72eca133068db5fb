"""`twofold money` and `twofold bank` as their user types them: what is kept, and a person's word with who and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.acceptance.gateway_process import run_twofold
from tests.importing.statements.test_camt import DETAIL, document, entry
from tests.importing.statements.test_import_lines import HEAD, Folder, payout
from twofold.commands.output.rows import COMMANDS
from twofold.ledger.lines import Decision
from twofold.store.lines.reading import OpenLines

WHY = "the buyer wrote that this is theirs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Two orders, a payout that closes, one that does not, two lines of a bank."""
    made = Folder(tmp_path_factory.mktemp("money"))
    orders = made.put(
        "o.csv", "order_id,placed_at,total,currency\n1001,2026-03-10,120.00,GEL\n1002,2026-03-10,120.00,GEL\n"
    )
    assert made.run("import", "orders", str(orders), "--dataset", "1", "--ledger-only").returncode == 0
    out = "p1,po_1,2026-03-11,payout,,-232.44,0,-232.44,GEL,2026-03-11T12:00:00Z\n"
    off = "p2,po_2,2026-03-11,payout,,-110.00,0,-110.00,GEL,2026-03-11T12:00:00Z\n"
    text = HEAD + payout(1) + payout(2) + out + payout(3, batch="po_2") + off
    assert made.take("payouts", made.put("p.csv", text), "--source", "acme")[0] == 1
    bank = document(
        entry("50.00", ref="BANK10001", details=DETAIL), entry("20.00", "DBIT", ref="BANK10002", day="2026-03-12")
    )
    assert made.take("bank", made.put("b.xml", bank))[0] == 0
    return made


def rows(folder: Folder, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """The lines of ``--json``, each with exactly the fields that are promised."""
    done = folder.run(*words, "--json")
    assert done.returncode == code, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = {str(k.__struct_config__.tag): k for k in COMMANDS[" ".join(words[:2])]}
    for row in found:
        assert set(row) - {"row"} == {f.encode_name for f in msgspec.structs.fields(kinds[row["row"]])}
    return found


def refused(folder: Folder, *words: str) -> tuple[int, str]:
    done = folder.run(*words)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_lines_are_listed_and_narrowed(folder: Folder) -> None:
    everything = rows(folder, "money", "lines")
    assert len(everything) == 7
    assert [one["id"] for one in rows(folder, "money", "lines", "--kind", "charge", "--order", "1002")] == ["txn_2"]
    by_batch = rows(folder, "money", "lines", "--batch", "acme/po_1")
    assert {one["id"] for one in by_batch} == {"txn_1", "txn_2", "p1"}
    assert (by_batch[0]["gross"], by_batch[0]["currency"]) in {("120.00", "GEL"), ("-232.44", "GEL")}
    (late,) = rows(folder, "money", "lines", "--since", "2026-03-12")
    assert (late["gross"], late["kind"], late["day"]) == ("-20.00", "bank_debit", "2026-03-12")
    assert rows(folder, "money", "lines", "--source", "nobody") == []
    assert len(rows(folder, "money", "lines", "--limit", "2")) == 2


def test_the_bank_shows_its_own_lines_and_no_names(folder: Folder) -> None:
    found = rows(folder, "bank", "lines")
    assert [one["gross"] for one in found] == ["50.00", "-20.00"]
    assert "Nino" not in json.dumps(found)
    assert "1001" in found[0]["text"]
    assert len(rows(folder, "bank", "lines", "--currency", "GEL")) == 0


def test_a_batch_that_does_not_close_is_answered_with_1(folder: Folder) -> None:
    found = {one["id"]: one for one in rows(folder, "money", "batches", code=1)}
    assert (found["po_1"]["net"], found["po_1"]["sum"], found["po_1"]["lines"]) == ("232.44", "232.44", 2)
    assert (found["po_2"]["net"], found["po_2"]["sum"], found["po_2"]["difference"]) == ("110.00", "116.22", "-6.22")
    said = folder.run("money", "batches")
    assert "does not close: acme po_2: difference -6.22 GEL" in said.stdout
    assert said.stdout.splitlines()[1].startswith("2026-03-11")


def test_a_batch_keeps_the_day_that_its_file_names(folder: Folder) -> None:
    """Midnight in Greenwich, as the file's zone has it, is the evening before in Los Angeles; the payout's day is the 11th there, too."""
    west = f'[server]\ndata = "{folder.data}"\n[chain]\ntimezone = "America/Los_Angeles"\n'
    assert rows(folder, "money", "batches", code=1)[0]["at"] == 1773187200  # 2026-03-11T00:00:00Z
    said = run_twofold("money", "batches", "--config", str(folder.put("west.toml", west)))
    assert said.stdout.splitlines()[1].startswith("2026-03-11")


def test_a_word_is_kept_with_who_and_why_and_taken_back_by_a_row(folder: Folder) -> None:
    """By the source's id, by the beginning of a name; both words stay."""
    (said,) = rows(
        folder, "money", "match", "BANK10001", "order:1001", "--why", WHY, "--by", "nina", "--amount", "30.00"
    )
    assert (said["to"], said["by"], said["why"], said["amount"], said["undo"]) == (
        "order:1001",
        "nina",
        WHY,
        "30.00",
        False,
    )
    (shown,) = [one for one in rows(folder, "bank", "lines") if one["id"].startswith("BANK10001")]
    assert (shown["line"], shown["open"]) == (said["line"], "20.00")  # 30.00 of 50.00 were said
    assert [(m["to"], m["by"], m["why"]) for m in shown["matches"]] == [("order:1/1001", "nina", WHY)]
    (back,) = rows(folder, "money", "unmatch", said["line"][:10], "order:1001", "--why", "it was not")
    assert (back["undo"], bool(back["by"])) == (True, True)  # the login's name
    (shown,) = [one for one in rows(folder, "bank", "lines") if one["id"].startswith("BANK10001")]
    assert shown["matches"] == []
    with OpenLines(folder.data) as reader:
        words = [one.thing for one in reader.lines("decision")]
    assert sorted(word.undo for word in words if isinstance(word, Decision)) == [False, True]


def test_a_line_may_belong_to_a_batch_or_to_another_line(folder: Folder) -> None:
    (said,) = rows(folder, "money", "match", "BANK10001", "batch:acme/po_1", "--why", "same day")
    assert said["to"] == "batch:acme/po_1"
    (batch,) = [one for one in rows(folder, "money", "batches", code=1) if one["id"] == "po_1"]
    assert batch["matches"][0]["to"] == f"line:{said['line']}"
    (other,) = rows(folder, "money", "match", "BANK10002", "line:txn_1", "--why", "fee of it")
    assert len(other["to"]) == len("line:") + 32
    rows(folder, "money", "unmatch", "BANK10001", "batch:acme/po_1", "--why", "no")


BAD = {
    "no such line": (("R9", "order:1001", "--why", WHY), 5, "no line of money is called R9"),
    "no such order": (("BANK10001", "order:9999", "--why", WHY), 5, "no order 9999"),
    "no such batch": (("BANK10001", "batch:acme/po_9", "--why", WHY), 5, "no batch acme/po_9"),
    "no kind": (("BANK10001", "1001", "--why", WHY), 2, "order:ID"),
    "no reason": (("BANK10001", "order:1001", "--why", " "), 2, "--why"),
    "too much": (("BANK10001", "order:1001", "--why", WHY, "--amount", "50.01"), 2, "at most 50.00"),
    "nothing": (("BANK10001", "order:1001", "--why", WHY, "--amount", "0"), 2, "above zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_word_that_names_nothing_is_refused_and_not_kept(folder: Folder, name: str) -> None:
    words, code, said = BAD[name]
    before = folder.counts()["line"]
    found, text = refused(folder, "money", "match", *words)
    assert found == code, text
    assert said in " ".join(text.replace("│", " ").split())
    assert folder.counts()["line"] == before


def test_an_unknown_kind_or_day_is_a_typing_error(folder: Folder) -> None:
    assert refused(folder, "money", "lines", "--kind", "chargge")[0] == 2
    assert refused(folder, "money", "lines", "--since", "10.03.2026")[0] == 2
    assert refused(folder, "money", "lines", "--batch", "po_1")[0] == 2


def test_people_read_a_table_or_what_to_do(folder: Folder, tmp_path: Path) -> None:
    shown = folder.run("money", "lines").stdout
    assert ("txn_1" in shown or "1001" in shown, "116.22" in shown) == (True, True)
    empty = Folder(tmp_path)
    orders = empty.put("o.csv", "order_id,placed_at,total,currency\n1,2026-03-10,1.00,GEL\n")
    empty.run("import", "orders", str(orders), "--dataset", "1", "--ledger-only")
    assert "docs/money.md" in empty.run("money", "lines").stdout
    assert "docs/money.md" in empty.run("money", "batches").stdout
