"""Tables of rates, costs and survey answers, as two central banks and an operator write them."""

from __future__ import annotations

import json
import zipfile
from decimal import Decimal as D

import pytest

from tests.importing.readers.made_files import workbook
from tests.importing.statements.statement_files import read, recognised, written
from twofold.errors import FileRefused
from twofold.importing.statements.tables import FORMATS
from twofold.ledger.lines import Cost, Rate
from twofold.ledger.rates import Rates

HIST = (
    "Date,USD,JPY,BGN,HRK,\n"
    "2026-01-02,1.1721,183.75,N/A,N/A,\n"
    "2025-12-29,1.1766,183.88,1.9558,N/A,\n"
    "2025-12-24,1.1787,183.65,1.9558,N/A,\n"
)


def test_ecb_history(tmp_path):
    """Units of each currency for one euro; no rate where there is none; the empty last column is none."""
    found = read(written(tmp_path, HIST), FORMATS)

    assert found.format == "ecb"
    assert found.things[0] == Rate(
        source="ecb", day="2026-01-02", currency="USD", per=D("1.1721"), rate=D(1), base="EUR"
    )
    assert [(t.day, t.currency) for t in found.things[:4]] == [
        ("2026-01-02", "USD"), ("2026-01-02", "JPY"), ("2025-12-29", "USD"), ("2025-12-29", "JPY"),
    ]  # fmt: skip
    assert len(found.things) == 8
    assert not found.problems


def test_ecb_file_of_one_day(tmp_path):
    text = "Date, USD, JPY, BGN, \n13 April 2026, 1.1700, 186.20, N/A, \n"

    found = read(written(tmp_path, text), FORMATS)

    assert [(t.day, t.currency, t.per) for t in found.things] == [
        ("2026-04-13", "USD", D("1.1700")),
        ("2026-04-13", "JPY", D("186.20")),
    ]


def zipped(folder, text: str, name="eurofxref-hist.csv"):
    path = folder / "eurofxref-hist.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return path


def test_ecb_inside_its_zip(tmp_path):
    assert read(zipped(tmp_path, HIST), FORMATS).things == read(written(tmp_path, HIST), FORMATS).things


def test_ecb_zip_that_is_damaged_or_too_large(tmp_path):
    path = zipped(tmp_path, HIST)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FileRefused, match="a damaged one"):
        read(path, FORMATS)
    with pytest.raises(FileRefused, match="64 MiB"):
        read(zipped(tmp_path, "Date,USD,\n" + "0" * (65 << 20)), FORMATS)


def test_rate_through_the_file_and_the_rule(tmp_path):
    """No row from the 25th to the 28th: a line of the 27th goes by the 24th, three days old; no lari at all."""
    rates = Rates(read(written(tmp_path, HIST), FORMATS).things)

    factor = rates.factor("USD", "EUR", "2025-12-27")
    assert (factor.day, factor.age, factor.carried) == ("2025-12-24", 3, True)
    assert rates.factor("EUR", "GEL", "2025-12-27") is None


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [("2025-12-23,1.17", "ragged_row", ""), ("23.13.2025,1,1,1,1,", "bad_date", "Date"), ("2025-12-23,x,183.00,,,", "bad_rate", "USD"),
     ("2025-12-23,0,183.00,,,", "bad_rate", "USD")],
)  # fmt: skip
def test_ecb_row_that_cannot_be_read(tmp_path, line, reason, column):
    found = read(written(tmp_path, HIST + line + "\n"), FORMATS)

    assert [(p.row, p.reason, p.column) for p in found.problems] == [(5, reason, column)]
    assert len(found.things) == (9 if column == "USD" else 8)


def nbg(day="2026-03-10", valid="2026-03-10T00:00:00.000Z", **change) -> dict:
    one = {"code": "JPY", "quantity": 100, "rateFormated": "1.7500", "diffFormated": "0.0040", "rate": 1.75, "name": "Japanese Yen",
           "diff": 0.004, "date": f"{day}T17:00:40.000Z", "validFromDate": valid}  # fmt: skip
    return {"date": f"{day}T00:00:00.000Z", "currencies": [{**one, **change}]}


def test_nbg_quantity_and_day(tmp_path):
    """1.7500 lari are for 100 yen; on a day without its own rate the last is given, with the day from which it holds."""
    answers = [nbg(), nbg(day="2026-03-11"), nbg("2026-03-12", "2026-03-11T20:00:00.000Z", rate=1.8)]

    found = read(written(tmp_path, json.dumps(answers, indent=1), "nbg.json"), FORMATS)

    assert found.things == [
        Rate(source="nbg", day="2026-03-10", currency="JPY", per=D(100), rate=D("1.75"), base="GEL"),
        Rate(source="nbg", day="2026-03-12", currency="JPY", per=D(100), rate=D("1.8"), base="GEL"),
    ]
    rate = Rates(found.things).factor("JPY", "GEL", "2026-03-10")
    assert rate is not None
    assert 10_000 * rate.value == 175


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code": "?"}, "bad_currency"),
        ({"quantity": 0}, "bad_rate"),
        ({"rate": "x"}, "bad_rate"),
        ({"validFromDate": ""}, "bad_date"),
    ],
)
def test_nbg_row_that_cannot_be_read(tmp_path, change, reason):
    found = read(written(tmp_path, json.dumps([nbg(**change), nbg()]), "nbg.json"), FORMATS)

    assert ([p.reason for p in found.problems], len(found.things)) == ([reason], 1)


def test_own_rates(tmp_path):
    text = "date;currency;per;rate;base\n10.03.2026;USD;1;2,7000;GEL\n10.03.2026;AMD;1000;6,9500;GEL\n10.03.2026;USD;1;2,7100;GEL\n10.03.2026;GEL;1;1;GEL\n"

    found = read(written(tmp_path, text), FORMATS)

    assert found.things == [
        Rate(source="own", day="2026-03-10", currency="USD", rate=D("2.7000"), base="GEL"),
        Rate(source="own", day="2026-03-10", currency="AMD", per=D(1000), rate=D("6.9500"), base="GEL"),
    ]
    assert [(p.row, p.reason) for p in found.problems] == [(4, "twice"), (5, "bad_currency")]


COSTS = (
    "sku,rule,of,valid_from,unit_cost,percent,minimum,currency\n"
    "TEA-1,,,2026-01-01,48.00,,,GEL\n"
    "TEA-1,,,2026-03-01,50.00,,,GEL\n"
    ",cod_fee,Courier A,2026-01-01,,2 %,1.00,GEL\n"
    ",psp_fee,,2026-01-01,0.30,1.5,,EUR\n"
    ",packaging,,2026-01-01,1.20,,,GEL\n"
)


def test_costs_and_rules(tmp_path):
    found = read(written(tmp_path, COSTS), FORMATS)

    assert found.things == [
        Cost(sku="TEA-1", since="2026-01-01", amount=D("48.00"), currency="GEL"),
        Cost(sku="TEA-1", since="2026-03-01", amount=D("50.00"), currency="GEL"),
        Cost(rule="cod_fee", of="Courier A", since="2026-01-01", percent=D(2), least=D("1.00"), currency="GEL"),
        Cost(rule="psp_fee", since="2026-01-01", amount=D("0.30"), percent=D("1.5"), currency="EUR"),
        Cost(rule="packaging", since="2026-01-01", amount=D("1.20"), currency="GEL"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [("A,cod_fee,,2026-01-01,1,,,GEL", "no_sku"), (",,,2026-01-01,1,,,GEL", "no_sku"), (",petrol,,2026-01-01,1,,,GEL", "bad_rule"),
     ("A,,,,1,,,GEL", "no_day"), ("A,,,2026-01-01,,,,GEL", "no_amount"), ("A,,,2026-01-01,-1,,,GEL", "negative_amount"),
     ("A,,,2026-01-01,1,,,", "no_currency"), (",cod_fee,,2026-01-01,,120,,", "bad_percent"), ("1.2E+15,,,2026-01-01,1,,,GEL", "rounded_id"),
     ("TEA-1,,,2026-01-01,49.00,,,GEL", "twice")],
)  # fmt: skip
def test_cost_that_cannot_be_read(tmp_path, row, reason):
    found = read(written(tmp_path, COSTS + row + "\n"), FORMATS)

    assert [(p.row, p.reason) for p in found.problems] == [(7, reason)]
    assert len(found.things) == 5


def test_costs_from_a_workbook(tmp_path):
    path = workbook(
        tmp_path / "costs.xlsx",
        [["SKU", "Valid from", "Unit cost", "Currency"], ["7001", ("date", 46023), 12.34, "GEL"]],
    )

    assert read(path, FORMATS).things == [Cost(sku="7001", since="2026-01-01", amount=D("12.34"), currency="GEL")]


def test_survey_answers(tmp_path):
    """What a buyer added in free words is handed on as text, to be masked; the answer itself is a choice of the shop's."""
    text = ("order_id,answered_at,answer,detail\n1001,2026-03-10T12:00:00+04:00,Instagram,my friend Nino nino@example.com\n"
            "1002,2026-03-10,+995 599 123 456,\n,2026-03-10,TV,\n1001,2026-03-10T12:00:00+04:00,Instagram,my friend Nino nino@example.com\n")  # fmt: skip

    found = read(written(tmp_path, text), FORMATS)

    first, second = found.told
    assert (first.thing.order, first.thing.at, first.thing.answer, first.thing.text) == (
        "1001",
        1773129600,
        "Instagram",
        "",
    )
    assert first.text == "my friend Nino nino@example.com"
    assert "599" not in second.thing.answer
    assert [(p.row, p.reason) for p in found.problems] == [(4, "no_order")]
    assert [d.reason for d in found.dropped] == ["repeat"]


def test_tables_are_told_apart(tmp_path):
    for text, name in ((HIST, "ecb"), (COSTS, "costs"), ("order_id,answered_at,answer\n1,2026-01-01,TV\n", "survey"),
                       ("date,currency,rate,base\n2026-01-01,USD,2.7,GEL\n", "rates"),
                       ("order_id,placed_at,total,currency\n1,2026-01-01,2,GEL\n", None)):  # fmt: skip
        assert recognised(written(tmp_path, text), FORMATS) == ([name] if name else [])
