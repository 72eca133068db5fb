"""Spend, GA4, rates and costs through the run that keeps lines: once, again, restated, and what leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.importing.statements.statement_files import written
from twofold.config.read import settings_from
from twofold.errors import FileRefused
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement

NOW = 1_773_200_000_000
HEAD = "Ad name,Ad ID,Day,Amount spent (USD),Impressions,Purchases,Purchases conversion value\n"


def day(spend: str, purchases: int = 3, ad: str = "120210000000000333") -> str:
    return f"Film,{ad},2026-03-10,{spend},300,{purchases},295.00\n"


class Folder:
    def __init__(self, path) -> None:
        self.path = path
        self.settings = settings_from({"server": {"data": str(path / "data")}, "dataset": [{"id": "1"}]})

    def take(self, kind: str, text: str, name: str = "file.csv", **options):
        plan = StatementPlan(kind=kind, path=written(self.path, text, name), **options)
        return import_statement(self.settings, plan, NOW)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def counts(summary) -> tuple[int, int, int]:
    return summary.new, summary.updated, summary.known


def test_spend_again_and_restated(folder):
    """The same file changes nothing; a day told otherwise is the same line with a newer word; what is new is added."""
    assert counts(folder.take("spend", HEAD + day("40.00"))) == (1, 0, 0)
    assert counts(folder.take("spend", HEAD + day("40.00"))) == (0, 0, 1)
    assert counts(folder.take("spend", HEAD + day("41.50", 4))) == (0, 1, 0)
    assert counts(folder.take("spend", HEAD + day("41.50", 4) + day("2.00", 0, "120210000000000444"))) == (1, 0, 1)


def test_file_of_another_currency_or_month_leaves_nothing(folder):
    with pytest.raises(FileRefused, match="EUR"):
        folder.take("spend", HEAD + day("40.00"), currency="EUR")
    with pytest.raises(FileRefused, match="expected days from"):
        folder.take("spend", HEAD + day("40.00"), since="2026-04-01")

    assert counts(folder.take("spend", HEAD + day("40.00"))) == (1, 0, 0)


@pytest.mark.parametrize("text", ["", HEAD, "\n\n", "Ad name,Day\nFilm,2026-03-10\n"])
def test_file_without_anything_leaves_nothing(folder, text):
    try:
        summary = folder.take("spend", text)
        assert (summary.total, summary.is_answered_yes) == (0, False)
    except FileRefused:
        pass


def test_total_that_differs_is_an_answer_of_no(folder):
    """What was read is kept all the same."""
    summary = folder.take("spend", HEAD + day("40.00") + ",,,42.50,,,\n")

    assert (summary.new, summary.is_answered_yes) == (1, False)
    assert [str(one.difference) for one in summary.unbalanced] == ["2.50"]


def test_every_other_kind(folder):
    """Each file finds its own format among all that are known."""
    ga4 = "# Start date: 20260310\n# End date: 20260310\nSession source / medium,Ecommerce purchases,Purchase revenue\ngoogle / cpc,4,605.5\n"
    assert folder.take("ga4", ga4, currency="GEL").format == "ga4-csv"
    assert folder.take("rates", "Date,USD,JPY,\n2025-12-24,1.1787,183.65,\n").format == "ecb"
    nbg = '[{"currencies":[{"code":"JPY","quantity":100,"rate":1.75,"validFromDate":"2026-03-10T00:00:00.000Z"}]}]'
    assert folder.take("rates", nbg, "nbg.json").format == "nbg"
    assert folder.take("rates", "date,currency,per,rate,base\n2026-03-10,USD,1,2.7,GEL\n").format == "rates"
    assert folder.take("costs", "sku,valid_from,unit_cost,currency\nTEA-1,2026-01-01,48.00,GEL\n").format == "costs"
    survey = folder.take("survey", "order_id,answered_at,answer,detail\n1001,2026-03-10,TV,call me on +995599123456\n")
    assert (survey.format, survey.new) == ("survey", 1)


def test_mapped_platform(folder):
    """Reddit counts in millionths: one [[import]] says so."""
    mapping = {"name": "reddit", "kind": "spend", "unit": "micro", "source": "reddit", "currency": "USD",
               "columns": {"day": "Date", "campaign": "Campaign", "spend": "Spend Micro"}}  # fmt: skip
    folder.settings = settings_from(
        {"server": {"data": str(folder.path / "data")}, "dataset": [{"id": "1"}], "import": [mapping]}
    )

    summary = folder.take("spend", "Date,Campaign,Spend Micro\n2026-03-10,Spring,12500000\n", mapping="reddit")

    assert {c: str(t.spend) for c, t in summary.totals.items()} == {"USD": "12.500000"}


def test_zip_of_rates_that_is_a_bomb_leaves_nothing(folder, tmp_path):
    import zipfile

    path = tmp_path / "eurofxref-hist.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", "Date,USD,\n" + "0" * (65 << 20))

    with pytest.raises(FileRefused, match="64 MiB"):
        import_statement(folder.settings, StatementPlan(kind="rates", path=path), NOW)
