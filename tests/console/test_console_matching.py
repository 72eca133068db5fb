"""Matching by hand: what waits and what it could be, a word from a form, who may say one, and what stands in the log."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from running_console import HOSTILE, Client, Running

from tests.importing.statements.test_camt import document, entry
from tests.importing.statements.test_import_lines import HEAD, Folder, payout
from twofold.console.forms import CHANGE
from twofold.report.kept import kept

WHY = "the buyer wrote that this is theirs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Two open orders of 120, one of 75, a payout that does not close, four lines of a bank."""
    made = Folder(tmp_path_factory.mktemp("matching"))
    orders = made.put(
        "o.csv",
        "order_id,placed_at,total,currency,method\n1001,2026-03-10,120.00,EUR,bank_transfer\n1002,2026-03-10,120.00,EUR,bank_transfer\n"
        "1003,2026-03-10,75.00,EUR,bank_transfer\n",
    )
    assert made.run("import", "orders", str(orders), "--dataset", "1", "--ledger-only").returncode == 0
    off = "p2,po_2,2026-03-11,payout,,-110.00,0,-110.00,EUR,2026-03-11T12:00:00Z\n"
    made.take(
        "payouts", made.put("p.csv", (HEAD + payout(7, batch="po_2")).replace("GEL", "EUR") + off), "--source", "acme"
    )
    bank = document(
        entry("120.00", ref="TWO"), entry("75.40", ref="NEAR"), entry("500.00", ref="OWN"),
        entry("20.00", "DBIT", ref="FEE", day="2026-03-12"),
    )  # fmt: skip
    assert made.take("bank", made.put("b.xml", bank))[0] == 0
    return made


@pytest.fixture(scope="module")
def running(folder: Folder) -> Iterator[Running]:
    running = Running(folder.data, folder.config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> Client:
    return running.owner()


def rows_of(client: Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def waiting(client: Client, what: str = "in") -> dict[str, dict[str, Any]]:
    return {row["open"]: row for row in rows_of(client, f"/matching.json?what={what}")[1:]}


@pytest.mark.process
def test_what_waits_names_what_it_could_be(owner: Client) -> None:
    """Of one amount every order that has it open; of another the one that is near; of a deposit of one's own nothing."""
    found = waiting(owner)
    assert set(found) == {"120.00", "75.40", "500.00"}
    assert {(c["order_id"], c["amount"], c["why"]) for c in found["120.00"]["candidates"]} == {
        ("1001", "120.00", "same_amount"), ("1002", "120.00", "same_amount"),
    }  # fmt: skip
    assert [(c["order_id"], c["amount"], c["why"]) for c in found["75.40"]["candidates"]] == [
        ("1003", "75.00", "near_amount")
    ]
    assert found["500.00"]["candidates"] == []
    assert set(waiting(owner, "out")) == {"-20.00"}
    assert set(waiting(owner, "line")) == {"120.00"}  # a charge of an order that is not here
    shown = html.unescape(owner.get("/matching?what=in").text)
    assert "the bank's booking OWN" in shown
    assert "booking:" not in shown  # as machines have it
    (batch,) = rows_of(owner, "/matching.json?what=batch")[1:]
    assert (batch["batch"], batch["why"], batch["name"]) == ("po_2", "lines_differ", "batch:acme/po_2")
    page = owner.get(f"/matching/one?name={batch['name']}").text
    assert "its lines do not add up to what it declares" in page


@pytest.mark.process
def test_a_word_is_kept_with_who_and_why_and_taken_back(running: Running, owner: Client, folder: Folder) -> None:
    """As the command keeps it; the line waits no more, and waits again when somebody says that it was not so."""
    line = waiting(owner)["120.00"]["name"]
    accountant = running.person(owner, "accountant")
    given = {"csrf": accountant.csrf(), "line": line, "kind": "order", "to": "#1002", "why": WHY, "amount": "100.00"}
    assert accountant.post("/matching/say", given).status == 303
    left = waiting(owner)
    assert "120.00" not in left
    assert left["20.00"]["name"] == line
    page = owner.get(f"/matching/one?name={line}").text
    assert WHY in page
    assert "a accountant: " in page
    life = owner.get("/orders/1002").text
    assert "somebody said so" in life
    assert "person by person" not in life
    (word,) = rows_of(owner, "/matching.json?what=word")[1:]
    assert (word["by"], word["to"], word["text"]) == ("a accountant", "order:1002", WHY)
    back = {"csrf": owner.csrf(), "line": line, "to": "order:1002", "why": "it was not", "undo": "1"}
    assert owner.post("/matching/say", back).status == 303
    assert waiting(owner)["120.00"]["name"] == line
    said = [one.facts for one in kept(folder.data, CHANGE) if one.facts["what"] in ("matched", "unmatched")]
    assert [(one["by"], one["what"], one["line"], one["to"], one["why"]) for one in said] == [
        ("a accountant", "matched", line, "order:1002", WHY), ("nino", "unmatched", line, "order:1002", "it was not"),
    ]  # fmt: skip
    assert folder.run("verify").returncode == 0


REFUSED = {
    "no reason": {"why": " "},
    "somebody's address": {"why": "anna@shop.example wrote"},
    "no such order": {"to": "9999"},
    "no such line": {"line": "ffffffffffff"},
    "a line that is markup": {"line": HOSTILE},
    "more than the line": {"amount": "120.01"},
    "no amount": {"amount": "1e1"},
    "an address as order": {"to": "anna@shop.example"},
}


@pytest.mark.process
def test_a_word_that_cannot_be_kept_is_refused(owner: Client) -> None:
    line = waiting(owner)["120.00"]["name"]
    words = len(rows_of(owner, "/matching.json?what=word"))
    csrf = owner.csrf()
    for fault, changed in REFUSED.items():
        answer = owner.post(
            "/matching/say", {"csrf": csrf, "line": line, "kind": "order", "to": "1001", "why": WHY, **changed}
        )
        assert answer.status == 409, fault
        assert "<img src=x" not in answer.text
    assert owner.post("/matching/say", {"csrf": csrf + "x", "line": line, "to": "order:1001", "why": WHY}).status == 403
    assert len(rows_of(owner, "/matching.json?what=word")) == words


@pytest.mark.process
def test_who_reads_and_who_says(running: Running, owner: Client) -> None:
    """An auditor sees what waits and no form; a buyer nothing at all."""
    line = waiting(owner)["500.00"]["name"]
    auditor = running.person(owner, "auditor")
    page = auditor.get(f"/matching/one?name={line}")
    assert page.status == 200
    assert "/matching/say" not in page.text
    assert auditor.post("/matching/say", {"csrf": auditor.csrf(), "line": line}).status == 404
    assert running.person(owner, "buyer").get("/matching").status == 404


@pytest.mark.process
@pytest.mark.parametrize("name", ["", "batch:acme/po_9", "0" * 32, HOSTILE, "x" * 300])
def test_what_is_not_here(owner: Client, name: str) -> None:
    assert owner.get(f"/matching/one?name={quote(name)}").status == 404
