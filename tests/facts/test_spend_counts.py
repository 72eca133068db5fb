"""Spend that is told several ways has one row that counts, so that sums of the table are what was spent."""

from __future__ import annotations

from decimal import Decimal as D

from tests.importing.statements.statement_files import written
from twofold.config import settings_from
from twofold.facts.rows.lines import line_rows
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.ledger.filing import day_number
from twofold.store.lines.reading import OpenLines

ADS = "Campaign name,Campaign ID,Ad name,Ad ID,Day,Amount spent (USD),Purchases\nSpring,11,Film,{ad},2026-03-10,{cost},2\n"
CAMPAIGNS = "Campaign name,Day,Amount spent (USD),Purchases\nSpring,2026-03-10,45.00,3\nAutumn,2026-03-10,5.00,1\n"


def test_sums_of_what_counts(tmp_path):
    """Ads, restated once, and an export of campaigns beside them: the ads count, and the campaign that has none."""
    settings = settings_from({"server": {"data": str(tmp_path / "data")}, "dataset": [{"id": "1"}]})
    for n, text in enumerate((ADS.format(ad=1, cost="40.00"), ADS.format(ad=1, cost="41.50"), CAMPAIGNS)):
        import_statement(
            settings, StatementPlan(kind="spend", path=written(tmp_path, text, f"{n}.csv")), 1_773_200_000_000 + n
        )

    tables: dict[str, list[dict]] = {}
    with OpenLines(tmp_path / "data") as lines:
        for table, rows in line_rows(lines, day_number("2026-03-10")):
            tables.setdefault(table, []).extend(rows)

    told = sorted((row["level"], row["amount"], row["stands"], row["counts"]) for row in tables["spend"])
    assert told == [
        ("ad", D("40.00"), False, False), ("ad", D("41.50"), True, True),
        ("campaign", D("5.00"), True, True), ("campaign", D("45.00"), True, False),
    ]  # fmt: skip
    assert sum(row["claimed_count"] for row in tables["spend_claims"] if row["counts"]) == 3
