"""GA4 as CSV, as answers of its Data API, as events of BigQuery: days, keys of purchases, what is flagged or refused."""

from __future__ import annotations

import json
from decimal import Decimal as D

import pytest

from tests.importing.statements.statement_files import read, recognised, written
from twofold.errors import FileRefused
from twofold.importing.statements.tables import FORMATS
from twofold.ledger.identity import name_of

RULE = "# ----------------------------------------\n"
REPORT = (
    RULE + "# Traffic acquisition: Session primary channel group (Default channel group)\n# Account: Shop\n# Property: shop.example - GA4\n"
    + RULE + "# \n# All Users\n# Start date: {start}\n# End date: {end}\n"
    "Session primary channel group (Default Channel Group),Sessions,Engaged sessions,Key events,Total revenue,Purchase revenue,Ecommerce purchases\n"
    "Paid Social,1200,800,9,640.00,605.5,4\nDirect,300,200,3,299.5,299.5,2\n"
)  # fmt: skip


def test_report_of_one_day(tmp_path):
    """The day stands in the lines above the header; the revenue is that of purchases."""
    path = written(tmp_path, REPORT.format(start="20260310", end="20260310"))

    found = read(path, FORMATS, currency="GEL", account="4455", zone_given=True, zone_name="Asia/Tbilisi")

    first, second = found.things
    assert found.format == "ga4-csv"
    assert (first.day, first.channel, first.purchases, first.revenue, first.sessions) == (
        "2026-03-10",
        "Paid Social",
        4,
        D("605.5"),
        1200,
    )
    assert (first.account, first.zone, first.currency, first.transaction) == ("4455", "Asia/Tbilisi", "GEL", "")
    assert second.revenue == D("299.5")
    assert any("in sums only" in note for note in found.notes)


def test_report_of_a_period_and_without_a_currency(tmp_path):
    path = written(tmp_path, REPORT.format(start="20260301", end="20260331"))
    with pytest.raises(FileRefused, match="got one of a period"):
        read(path, FORMATS, currency="GEL")

    found = read(written(tmp_path, REPORT.format(start="20260310", end="20260310")), FORMATS)
    assert {p.reason for p in found.problems} == {"no_currency"}
    assert found.things == []


def test_overview_of_several_tables_is_read_once(tmp_path):
    """All its tables sum the same day: the one that tells purchases most finely is read."""
    text = (
        "# Start date: 20260310\n# End date: 20260310\nNth day,Sessions\n0000,1500\n\n"
        "# Start date: 20260310\n# End date: 20260310\nDefault channel group,Ecommerce purchases\nAll,6\n\n"
        "# Start date: 20260310\n# End date: 20260310\nSession source / medium,Session campaign,Ecommerce purchases,Purchase revenue\n"
        "google / cpc,brand,4,605.5\n(direct) / (none),(not set),2,299.5\n"
    )

    found = read(written(tmp_path, text), FORMATS, currency="GEL")

    assert [(t.medium_source, t.medium, t.campaign, t.purchases) for t in found.things] == [
        ("google", "cpc", "brand", 4), ("(direct)", "(none)", "(not set)", 2),
    ]  # fmt: skip
    assert any("2 tables" in note for note in found.notes)


EXPLORATION = (
    RULE + "# Free form\n# shop.example\n# 20260310-20260311\n" + RULE + "\n"
    "Date,Transaction ID,Ecommerce purchases,Purchase revenue\n"
    ",,6,905,Grand total\n"
    "20260310,1002,1,120\n20260310,1003,1,199.99999999999997\n20260310,(not set),2,400\n20260311,1012,1,130\n20260311,,1,55\n"
)


def test_exploration_with_transaction_ids(tmp_path):
    """An order can be compared one by one; the row that sums the others is dropped and held against them."""
    found = read(written(tmp_path, EXPLORATION), FORMATS, currency="GEL")

    assert [(t.day, t.transaction, t.purchases, t.revenue) for t in found.things] == [
        ("2026-03-10", "1002", 1, D(120)), ("2026-03-10", "1003", 1, D(200)), ("2026-03-10", "(not set)", 2, D(400)),
        ("2026-03-11", "1012", 1, D(130)), ("2026-03-11", "(not set)", 1, D(55)),
    ]  # fmt: skip
    assert [d.reason for d in found.dropped] == ["total"]
    assert found.unbalanced == []


def test_exploration_whose_total_differs_is_told(tmp_path):
    found = read(written(tmp_path, EXPLORATION.replace("20260311,1012,1,130\n", "")), FORMATS, currency="GEL")

    assert [(u.id, u.difference) for u in found.unbalanced] == [
        ("Ecommerce purchases", D(1)),
        ("Purchase revenue", D(130)),
    ]


def test_german_headers_by_a_mapping(tmp_path):
    text = ("# Startdatum: 20260310\n# Enddatum: 20260310\nStandard-Channelgruppe,Kaufumsatz,E-Commerce-Käufe\n"
            "Paid Social,605.5,<5\n")  # fmt: skip
    columns = {"channel": "Standard-Channelgruppe", "revenue": "Kaufumsatz", "purchases": "E-Commerce-Käufe"}

    (found,) = read(written(tmp_path, text), FORMATS, "ga4-csv", columns=columns, currency="EUR").things

    assert (found.channel, found.revenue, found.purchases, found.day) == ("Paid Social", D("605.5"), None, "2026-03-10")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_and_separators(tmp_path, encoding):
    text = EXPLORATION.replace(",", ";").replace("199.99999999999997", "200,00")

    found = read(written(tmp_path, text, encoding=encoding), FORMATS, currency="GEL")

    assert sum(t.revenue for t in found.things) == D(905)


def test_broken_row_costs_its_key_and_no_other(tmp_path):
    text = EXPLORATION.replace("20260310,1002,1,120", "20260310,1002,one,120\n20260310,1002,1,5\n20260310,1009")

    found = read(written(tmp_path, text), FORMATS, currency="GEL")

    assert "1002" not in [t.transaction for t in found.things]
    assert [(p.row, p.reason) for p in found.problems] == [(9, "bad_amount"), (11, "ragged_row"), (9, "incomplete")]


# -- Data API

DIMENSIONS = [
    "date",
    "transactionId",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionDefaultChannelGroup",
]
METRICS = ["ecommercePurchases", "purchaseRevenue", "grossPurchaseRevenue", "refundAmount"]


def answer(*rows, count=None, metadata=None) -> dict:
    return {
        "dimensionHeaders": [{"name": name} for name in DIMENSIONS],
        "metricHeaders": [{"name": name, "type": "TYPE_FLOAT"} for name in METRICS],
        "rows": [{"dimensionValues": [{"value": v} for v in row[:6]], "metricValues": [{"value": v} for v in row[6:]]} for row in rows],
        "rowCount": len(rows) if count is None else count,
        "metadata": {"currencyCode": "GEL", "timeZone": "Asia/Tbilisi", **(metadata or {})},
        "kind": "analyticsData#runReport",
    }  # fmt: skip


ONE = ("20260310", "1002", "facebook", "paid_social", "spring", "Paid Social", "1", "120", "150", "30")
TWO = ("20260310", "(not set)", "(direct)", "(none)", "(not set)", "Direct", "2", "400.10000000000002", "400.1", "0")


def test_answers_page_after_page(tmp_path):
    text = "\n".join(json.dumps(page) for page in (answer(ONE, count=2), answer(TWO, count=2)))

    found = read(written(tmp_path, text, "a.jsonl"), FORMATS, account="properties/4455")

    first, second = found.things
    assert (first.account, first.day, first.zone, first.currency) == ("4455", "2026-03-10", "Asia/Tbilisi", "GEL")
    assert (first.transaction, first.medium_source, first.medium, first.campaign, first.channel) == (
        "1002", "facebook", "paid_social", "spring", "Paid Social",
    )  # fmt: skip
    assert (first.purchases, first.revenue, first.gross_revenue, first.refunds, first.flags) == (
        1,
        D(120),
        D(150),
        D(30),
        (),
    )
    assert (second.transaction, second.revenue) == ("(not set)", D("400.1"))


def test_one_purchase_is_one_line_wherever_it_came_from(tmp_path):
    """GA4 may say another source of the same purchase a day later; two users with one id are two purchases of one line."""
    moved = ("20260310", "1002", "google", "cpc", "brand", "Paid Search", "1", "120", "150", "30")

    (one,) = read(written(tmp_path, json.dumps(answer(ONE)), "a.json"), FORMATS).things
    (later,) = read(written(tmp_path, json.dumps(answer(moved)), "a.json"), FORMATS).things
    (both,) = read(written(tmp_path, json.dumps(answer(ONE, moved)), "a.json"), FORMATS).things

    assert name_of(one) == name_of(later) == name_of(both)
    assert (both.purchases, both.revenue, both.medium_source, later.medium_source) == (2, D(240), "(several)", "google")


def test_flags_of_an_answer_stand_on_its_rows(tmp_path):
    metadata = {
        "samplingMetadatas": [{"samplesReadCount": "1"}],
        "subjectToThresholding": True,
        "dataLossFromOtherRow": True,
    }

    (found,) = read(written(tmp_path, json.dumps(answer(ONE, metadata=metadata)), "a.json"), FORMATS).things

    assert found.flags == ("other_row", "sampled", "threshold")


def test_answer_that_lacks_a_page_or_is_another_property_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="expected 3 rows"):
        read(written(tmp_path, json.dumps(answer(ONE, TWO, count=3)), "a.json"), FORMATS)
    with pytest.raises(FileRefused, match="currency: expected EUR"):
        read(written(tmp_path, json.dumps(answer(ONE)), "a.json"), FORMATS, currency="EUR")


def test_empty_answer_is_said(tmp_path):
    empty = answer(metadata={"emptyReason": "no events"})
    del empty["rows"], empty["rowCount"]

    found = read(written(tmp_path, json.dumps(empty), "a.json"), FORMATS, "ga4-api")

    assert (found.things, found.notes) == ([], ["the answer is empty: no events"])


# -- BigQuery


def event(name="purchase", at=1, user="u1", transaction="1002", value=120.0, day="20260310", currency="GEL") -> str:
    shop = {"transaction_id": transaction, "purchase_revenue" if name == "purchase" else "refund_value": value}
    params = [{"key": "currency", "value": {"string_value": currency}}] if currency else []
    return json.dumps({"event_date": day, "event_timestamp": str(1773000000000000 + at), "event_name": name,
                       "user_pseudo_id": user, "ecommerce": shop, "event_params": params})  # fmt: skip


EVENTS = [
    event(at=5, day="20260311", value=999), event(at=1), event(at=2),  # one user reloads; the first counts, on its day
    event(user="u2", at=9),  # another user with the same id: a second purchase
    event(transaction="(not set)", at=3, value=10), event(transaction="", at=4, value=20), event(transaction=None, at=4, value=20),
    event(name="page_view"), event(name="refund", at=50, day="20260312", value=50),
]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_purchases_of_bigquery_by_user_and_id(tmp_path, order):
    """In whatever order the events stand."""
    found = read(written(tmp_path, "\n".join(EVENTS[::order]) + "\n", "events.jsonl"), FORMATS)

    told = {(t.day, t.transaction): (t.purchases, t.gross_revenue, t.refunds, t.revenue) for t in found.things}
    assert told == {
        ("2026-03-10", "1002"): (2, D(240), None, D(240)),
        ("2026-03-10", "(not set)"): (2, D(30), None, D(30)),
        ("2026-03-12", "1002"): (None, None, D(50), D(-50)),
    }


def test_events_that_cannot_be_read_cost_themselves(tmp_path):
    text = "\n".join(
        [
            event(at=1),
            '{"event_name": "purch',
            event(at=2, transaction="7", currency=""),
            event(at=3, transaction="8", day="x"),
        ]
    )

    found = read(written(tmp_path, text, "events.jsonl"), FORMATS)

    assert [(p.row, p.reason) for p in found.problems] == [(2, "broken_row"), (3, "no_currency"), (4, "bad_date")]
    assert [t.transaction for t in found.things] == ["1002"]


def test_other_json_is_not_taken_for_ga4(tmp_path):
    assert recognised(written(tmp_path, '{"id": 1, "line_items": []}', "a.json"), FORMATS) == []
