"""What an [[import]] of another kind than orders may say, as `twofold check` and the import say it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.importing.statements.test_import_lines import Folder
from twofold.importing.statements.contract import KINDS
from twofold.importing.statements.formats import FORMATS, OWN_TABLES, own_table
from twofold.ledger.lines import Cost, MoneyKind, MoneyLine, Rate, Survey
from twofold.store.lines.reading import OpenLines


def configured(folder: Path, kind: str, columns: str, more: str = "") -> Folder:
    made = Folder(folder)
    text = f'[[import]]\nname = "mine"\nkind = "{kind}"\ncolumns = {{ {columns} }}\n{more}\n'
    made.config.write_text(made.config.read_text() + text)
    return made


def kept(folder: Folder, kind: str) -> list[object]:
    with OpenLines(folder.data) as reader:
        return [one.thing for one in reader.lines(kind)]


def test_every_kind_has_one_table_of_our_own_and_every_name_is_one() -> None:
    assert sorted(table.form.kind for table in OWN_TABLES) == sorted(KINDS)
    names = [form.name for form in FORMATS] + [table.form.name for table in OWN_TABLES]
    assert len(names) == len(set(names))
    for table in OWN_TABLES:
        for need in table.needs:
            assert set(need.split("|")) <= set(table.fields), need
        assert set(table.words) <= set(table.fields)


CANONICAL = {
    "spend": "day source account campaign campaign_id adset adset_id ad ad_id spend currency impressions clicks claimed_count "
    "claimed_value attribution_setting",
    "payouts": "batch batch_date kind order reference gross fee net currency at",
    "remittances": "parcel order collected fee freight net delivered_at remitted_at batch bank_reference status method",
    "bank": "booked_at value_at amount debit credit balance currency text counterpart counterpart_account reference id",
    "rates": "date currency per rate base",
    "costs": "sku valid_from unit_cost currency",
    "survey": "order_id answered_at answer detail",
}


@pytest.mark.parametrize("kind", CANONICAL)
def test_the_fields_of_each_table_are_known_by_their_own_names(kind: str, tmp_path: Path) -> None:
    columns = ", ".join(f'{field} = "C{n}"' for n, field in enumerate(CANONICAL[kind].split()))
    done = configured(tmp_path, kind, columns).run("check")
    assert "OK  import mine" in done.stdout, done.stdout


def test_a_mapped_remittance_becomes_lines(tmp_path: Path) -> None:
    """Headers in any script, a title above them, decimal commas, the courier's own words."""
    folder = configured(
        tmp_path, "remittances",
        'parcel = "შეკვეთის კოდი", collected = "თანხა", fee = "საკომისიო", batch = "Settlement", status = "Stand", delivered_at = "Tag"',
        'currency = "GEL"\ntimezone = "Asia/Tbilisi"\nsource = "fast"\nvalues = { status = { "zugestellt" = "delivered" } }',
    )  # fmt: skip
    path = folder.put(
        "r.csv",
        "Fast Courier;;;;;\nშეკვეთის კოდი;თანხა;საკომისიო;Settlement;Stand;Tag\n"
        "P1;80,00;1,60;S1;zugestellt;10.03.2026\nP2;1.060,50;1,20;S1;zugestellt;11.03.2026\n",
    )
    code, rows, said = folder.take("remittances", path, "--mapping", "mine")
    assert code == 0, (rows, said)
    money = [line for line in kept(folder, "money") if isinstance(line, MoneyLine)]
    taken = sorted(line.gross for line in money if line.kind is MoneyKind.COD_COLLECTED)
    assert taken == [Decimal("80.00"), Decimal("1060.50")]
    assert {line.source for line in money} == {"courier:fast"}


def test_mapped_tables_of_other_kinds(tmp_path: Path) -> None:
    """By the names of our own tables or of our fields."""
    rates = configured(_made(tmp_path / "r"), "rates", 'date = "Tag", currency = "Geld", per = "je", rate = "Kurs"')
    path = rates.put("r.csv", "Tag;Geld;je;Kurs;zu\n10.03.2026;JPY;100;1,7500;GEL\n")
    code, rows, said = rates.take("rates", path, "--mapping", "mine", "--currency", "GEL")
    if code:  # the base has no column here: the mapping has to name it
        rates = configured(
            _made(tmp_path / "r2"), "rates", 'day = "Tag", currency = "Geld", per = "je", rate = "Kurs", base = "zu"'
        )
        code, rows, said = rates.take("rates", rates.put("r.csv", path.read_text()), "--mapping", "mine")
    assert code == 0, (rows, said)
    (rate,) = kept(rates, "rate")
    assert isinstance(rate, Rate)
    assert (rate.day, rate.per, rate.rate, rate.base) == ("2026-03-10", Decimal(100), Decimal("1.7500"), "GEL")
    costs = configured(
        _made(tmp_path / "c"), "costs", 'sku = "Art", valid_from = "ab", unit_cost = "EK"', 'currency = "GEL"'
    )
    assert costs.take("costs", costs.put("c.csv", "Art;ab;EK\nA-1;01.03.2026;12,50\n"), "--mapping", "mine")[0] == 0
    (cost,) = kept(costs, "cost")
    assert isinstance(cost, Cost)
    assert (cost.sku, cost.since, cost.amount) == ("A-1", "2026-03-01", Decimal("12.50"))
    survey = configured(
        _made(tmp_path / "s"), "survey", 'order_id = "Best", answered_at = "am", answer = "Antwort", detail = "mehr"'
    )
    text = "Best;am;Antwort;mehr\n1001;10.03.2026 12:00;Freunde;von Mary Miller\n"
    assert survey.take("survey", survey.put("s.csv", text), "--mapping", "mine")[0] == 0
    (answer,) = kept(survey, "survey")
    assert isinstance(answer, Survey)
    assert (answer.order, answer.answer, answer.text) == ("1001", "Freunde", "")


def _made(path: Path) -> Path:
    path.mkdir()
    return path


BAD = [
    ("bank", 'booked_at = "A", amount = "B", colour = "C"', "", "columns.colour: expected one of booked_at"),
    ("bank", 'booked_at = "A"', "", "columns: expected also amount or debit or credit"),
    ("rates", 'date = "A", day = "B", currency = "C", rate = "D"', "", "two names of one field"),
    (
        "payouts",
        'gross = "A", at = "B", kind = "C"',
        'values = { kind = { sale = "chrage" } }',
        "values.kind: expected one of",
    ),
    ("payouts", 'gross = "A", at = "B"', 'values = { colour = { a = "b" } }', "values.colour"),
    ("spend", 'day = "A", spend = "B"', 'unit = "nano"', "unit: expected one of micro"),
    ("orders", 'order_id = "A", placed_at = "B", totl = "C"', "", "columns.totl"),
]


@pytest.mark.parametrize(("kind", "columns", "more", "said"), BAD)
def test_what_a_mapping_cannot_say_is_said_by_check(
    kind: str, columns: str, more: str, said: str, tmp_path: Path
) -> None:
    folder = configured(tmp_path, kind, columns, more)
    done = folder.run("check")
    assert done.returncode == 1
    assert said in done.stdout
    if kind != "orders":
        code, _, text = folder.take(kind, folder.put("a.csv", "A;B\n"), "--mapping", "mine")
        assert (code, said in text) == (2, True)


def test_a_mapping_of_another_kind_and_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    folder = configured(tmp_path, "rates", 'date = "A", currency = "C", rate = "D"')
    code, _, said = folder.take("bank", folder.put("a.csv", "A;C;D\n"), "--mapping", "mine")
    assert (code, "whose kind is rates" in said) == (2, True)
    folder.config.write_text(folder.config.read_text().replace('"rates"', '"rate"'))
    done = folder.run("check")
    assert (done.returncode, "import mine: kind: expected one of orders, spend" in done.stdout) == (1, True)


def test_own_tables_are_found_by_kind() -> None:
    assert own_table("bank") is not None
    assert own_table("orders") is None
