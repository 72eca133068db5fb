"""Of whom a statement names nothing stays in the clear, and of its texts what a rule can use."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.importing.statements.test_camt import DETAIL, document, entry
from tests.importing.statements.test_import_lines import HEAD, Folder, payout, sums
from twofold.importing.statements.frame import without_contact
from twofold.importing.statements.sealing import Sealer
from twofold.ledger.lines import Counterpart, MoneyKind, MoneyLine, Spend, Told
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import Keyring
from twofold.store.lines.reading import OpenLines

RING = Keyring(b"r" * 32)

TEXTS = [
    ("Order 1001 thank you, Mary", "* 1001 *"),
    ("ORDER-1001 / CRF 20260311", "ORDER-1001 * 20260311"),
    ("#1001", "#1001"),
    ("Payment TB-77 from Giorgi", "* TB-77 *"),  # a prefix of ours, however short
    ("Apt 12, 3 Rustaveli", ""),
    ("pi_3MtwBwLkdIwHu7ix28a3tqPa for shoes", "pi_3MtwBwLkdIwHu7ix28a3tqPa *"),
    ("RF18539007547034", "RF18539007547034"),
    ("AWB 00012345678901 delivered", "* 00012345678901 *"),
    ("call +995 555 12 34 56", ""),
    ("call 555123456", ""),
    ("call 555 12 34 56 now", ""),
    ("call 555-12-34-56", ""),
    ("tel:+995555123456", ""),
    ("995555123456", ""),
    ("from GE29NB0000000101904917GEL", ""),
    ("card 4111111111111111", ""),
    ("Pay DE42 5001 0517 5407 3243 85 ORDER 1001", "* 1001"),  # in groups, as people write it
    ("paid from ge29 nb00 0000 0101 9049 17", ""),
    ("641^38DE89370400440532013000^20WPLATA 1001", "641^38 * 1001"),  # run into other words
    ("konto 27114020040000300201355387", ""),  # a Pole's, without its two letters
    ("konto 28114020040000300201355387", "* 28114020040000300201355387"),  # no account: its check digits are wrong
    ("QRR 210000000003139471430009017", "* 210000000003139471430009017"),
    ("personal number 01001012345", ""),
    ("mary1234@example.com", ""),
    ("settlement 10.03.2026 terminal 40012345", "* 10.03.2026 * 40012345"),
    ("COD payout PO20260311 for parcels 88120001, 88120002", "* PO20260311 * 88120001 88120002"),
    ("Nino Beridze", ""),
    ("Ninoberidze1234", "1234"),
    ("Order1001", "1001"),
    ("3f9a7c21b0d4", "3f9a7c21b0d4"),
    ("transferfromNinoBeridze100234", "100234"),
    ("შეკვეთა 100234 გმადლობთ", "* 100234 *"),
    ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "kept"), TEXTS)
def test_what_of_a_text_stays(text: str, kept: str) -> None:
    """Orders, parcels, batches, payments and days; nobody's name, number, account, card or address."""
    assert Sealer(RING, prefixes=("#", "TB-"), countries=("GE",)).masked(text) == kept


def told(text: str, counterpart: Counterpart | None = None) -> Told:
    line = MoneyLine(
        source="bank", account="A", kind=MoneyKind.BANK_CREDIT, gross=Decimal(5), net=Decimal(5), currency="GEL", at=1_773_100_800
    )  # fmt: skip
    return Told(row=1, thing=line, text=text, counterpart=counterpart)


def test_a_mark_is_the_same_for_the_same_text_however_it_is_parted() -> None:
    """It stands for a line without an id, and is keyed: two folders have two."""
    seal = Sealer(RING).seal
    first, second, other = seal(told("COD  order")), seal(told("COD order ")), seal(told("COD order2"))
    assert isinstance(first, MoneyLine)
    assert first.mark == second.mark != other.mark  # type: ignore[union-attr]
    assert first.mark != Sealer(Keyring(b"x" * 32)).seal(told("COD order")).mark  # type: ignore[union-attr]
    assert seal(told("")).mark == ""  # type: ignore[union-attr]


def test_who_stands_opposite_is_the_digest_of_an_orders_buyer() -> None:
    """In another script and order of words."""
    sealed = Sealer(RING).seal(told("", Counterpart(name="BERIDZE NINO", account="GE29 NB00 0000 0101 9049 17")))
    assert isinstance(sealed, MoneyLine)
    expected = counterpart_digests(RING, name="ნინო ბერიძე", account="GE29NB0000000101904917")
    assert set(sealed.counterpart) == set(expected)


PEOPLE = ("Nino", "NINO", "Beridze", "BERIDZE", "GE29NB0000000101904917", "thank you")


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_nothing_of_whom_a_statement_names_is_on_disk(tmp_path: Path) -> None:
    """Neither in the database nor beside it nor in a report; the order's number is."""
    folder = Folder(tmp_path)
    report = tmp_path / "report.csv"
    path = folder.put(
        "a.xml", document(entry("50.00", ref="R1", details=DETAIL), entry("5.0x", ref="R2", details=DETAIL))
    )
    done = folder.run("import", "bank", str(path), "--report", str(report))
    said = done.stdout.encode() + done.stderr.encode() + report.read_bytes() + content(folder.data)
    assert [text for text in PEOPLE if text.encode() in said] == []
    assert b"1001" in content(folder.data)
    with OpenLines(folder.data) as reader:
        (line,) = [one.thing for one in reader.lines("money")]
    assert isinstance(line, MoneyLine)
    assert [kind.partition(":")[0] for kind in sorted(line.counterpart)] == ["account", "name"]


def test_text_is_kept_where_the_bookkeeper_wants_it_and_shown(tmp_path: Path) -> None:
    """Beside the line, whose own text is masked all the same."""
    folder = Folder(tmp_path)
    folder.config.write_text(folder.config.read_text() + '[money]\ntext = "kept"\n')
    folder.take("bank", folder.put("a.xml", document(entry("50.00", ref="R1", details=DETAIL))))
    shown = folder.run("bank", "lines").stdout
    assert "Nino Beridze" in shown
    with OpenLines(folder.data) as reader:
        (line,) = reader.lines("money")
        assert "Nino" not in line.thing.text + line.text  # type: ignore[union-attr]
        assert "Nino" in next(iter(reader.with_texts([line]))).text


def test_an_id_that_is_an_address_stays_an_id_of_its_own(tmp_path: Path) -> None:
    """Two are two, the same one is known again, and neither is on disk."""
    folder = Folder(tmp_path)
    rows = "".join(
        f"{who}@example.com,po_1,2026-03-11,charge,+995555123456,5.00,0,5.00,GEL,2026-03-10T12:00:00Z\n"
        for who in ("mary", "john")
    )
    told = folder.take("payouts", folder.put("a.csv", HEAD + rows))[1]
    again = folder.take("payouts", folder.put("b.csv", HEAD + rows + payout(9)))[1]
    lines = [sums(said)["kinds"].get("money", 0) for said in (told, again)]
    if lines[0]:  # the reader may refuse such an id by its row; what it takes is sealed
        assert (lines, sums(again)["new"]) == ([2, 3], 1)
    assert [text for text in (b"mary@example", b"john@example", b"995555123456") if text in content(folder.data)] == []


def test_ids_are_sealed_apart(tmp_path: Path) -> None:
    ring = Keyring(b"r" * 32)
    line = told("").thing
    assert isinstance(line, MoneyLine)
    found = [without_contact(replace(line, id=who), ring) for who in ("mary@example.com", "john@example.com", "T1")]
    names = [one.id for one in found if isinstance(one, MoneyLine)]
    assert len(set(names)) == 3
    assert names[2] == "T1"
    assert names[0] == without_contact(replace(line, id="mary@example.com"), ring).id  # type: ignore[union-attr]
    spend = Spend(
        source="meta",
        level="campaign",
        campaign="win back mary@example.com",
        day="2026-03-10",
        currency="USD",
        amount=Decimal(1),
    )
    assert without_contact(spend, ring).campaign == "win back masked"  # type: ignore[union-attr]
