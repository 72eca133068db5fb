"""Answers of advertising platforms' APIs: pages, windows, one name for a purchase, millionths, reports that moved."""

from __future__ import annotations

import json
from decimal import Decimal as D

import pytest

from tests.importing.statements.statement_files import read, written
from twofold.errors import FileRefused
from twofold.importing.statements.advertising import FORMATS
from twofold.ledger.lines import Claim

ROW = {
    "account_id": "900100200300", "account_currency": "USD", "campaign_id": "120210000000000111", "campaign_name": "Spring",
    "adset_id": "120210000000000222", "adset_name": "Set", "ad_id": "120210000000000333", "ad_name": "Film",
    "spend": "40.10", "impressions": "1200", "clicks": "33", "attribution_setting": "7d_click_1d_view",
    "date_start": "2026-03-10", "date_stop": "2026-03-10",
    "actions": [
        {"action_type": "link_click", "value": "30"},
        {"action_type": "purchase", "value": "4", "7d_click": "3", "1d_view": "1"},
        {"action_type": "omni_purchase", "value": "4", "7d_click": "3", "1d_view": "1"},
        {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "3", "7d_click": "3"},
    ],
    "action_values": [
        {"action_type": "omni_purchase", "value": "340.00", "7d_click": "295.00", "1d_view": "45.00"},
        {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "295.00", "7d_click": "295.00"},
    ],
}  # fmt: skip
ACCOUNT = {
    "id": "act_900100200300",
    "account_id": "900100200300",
    "currency": "USD",
    "timezone_name": "America/Los_Angeles",
}


def page(*rows, **more) -> str:
    return json.dumps({"data": rows, "paging": {"cursors": {"before": "a", "after": "b"}}, **more})


def test_meta_answers_page_after_page(tmp_path):
    """One name of a purchase is taken, in each window; the website's part stands apart; the account says its zone."""
    other = {**ROW, "ad_id": "120210000000000444", "spend": "1.00", "actions": [], "action_values": []}
    text = "\n".join([json.dumps(ACCOUNT), page(ROW, summary={"spend": "x"}), page(other)])

    found = read(written(tmp_path, text, "answers.jsonl"), FORMATS)

    first, second = found.things
    assert found.format == "meta-insights"
    assert (first.account, first.level, first.day, first.zone) == (
        "900100200300",
        "ad",
        "2026-03-10",
        "America/Los_Angeles",
    )
    assert (first.amount, first.currency, first.impressions, first.clicks) == (D("40.10"), "USD", 1200, 33)
    assert first.claims == (
        Claim(window="setting", count=D(4), value=D("340.00"), alias="omni_purchase"),
        Claim(window="1d_view", count=D(1), value=D("45.00"), alias="omni_purchase"),
        Claim(window="7d_click", count=D(3), value=D("295.00"), alias="omni_purchase"),
    )
    assert [(c.window, c.count, c.value) for c in first.site_claims] == [
        ("setting", D(3), D("295.00")), ("7d_click", D(3), D("295.00")),
    ]  # fmt: skip
    assert (second.claims, second.site_claims) == ((), ())


def test_meta_answer_over_days_or_with_an_error(tmp_path):
    period = page({**ROW, "date_stop": "2026-03-12"})

    found = read(written(tmp_path, period, "a.json"), FORMATS)
    assert (found.things, [p.reason for p in found.problems]) == ([], ["period"])
    with pytest.raises(FileRefused, match="Meta's error"):
        read(written(tmp_path, page(ROW) + "\n" + json.dumps({"error": {"code": 190}}), "a.jsonl"), FORMATS)
    with pytest.raises(FileRefused, match="account: expected 5"):
        read(written(tmp_path, page(ROW), "a.json"), FORMATS, account="5")


@pytest.mark.parametrize("cut", [10, 300, 1200])
def test_cut_answer_gives_nothing(tmp_path, cut):
    with pytest.raises(FileRefused):
        read(written(tmp_path, page(ROW, ROW)[:cut], "a.json"), FORMATS, "meta-insights")


def google(**row) -> dict:
    made = {
        "customer": {"id": "1234567890", "currencyCode": "EUR", "timeZone": "Europe/Berlin", "resourceName": "customers/1"},
        "campaign": {"id": "111", "name": "Brand"}, "segments": {"date": "2026-03-10"},
        "metrics": {"costMicros": "12345678", "impressions": "100", "clicks": "7", "conversions": 2.5,
                    "conversionsValue": 250.25, "conversionsByConversionDate": 1, "conversionsValueByConversionDate": 100,
                    "viewThroughConversions": "3"},
    }  # fmt: skip
    return {**made, **row}


AD = {"adGroup": {"id": "5", "name": "Group"}, "adGroupAd": {"ad": {"id": "99"}}}


def test_google_batches(tmp_path):
    """64-bit numbers are text, money is in millionths, conversions stand on two days; the account's own zone counts."""
    text = json.dumps([
        {"results": [google(**AD)], "fieldMask": "customer.id", "requestId": "r1"},
        {"results": [google(**AD, segments={"date": "2026-03-11"}, metrics={"impressions": "1"})], "fieldMask": "x", "requestId": "r2"},
    ])  # fmt: skip

    found = read(written(tmp_path, text, "a.json"), FORMATS, zone_given=True, zone_name="Asia/Tbilisi")

    first, second = found.things
    assert found.format == "google-ads-api"
    assert (first.amount, first.currency, first.zone, first.level) == (D("12.345678"), "EUR", "Europe/Berlin", "ad")
    assert (first.account, first.campaign_id, first.adset_id, first.ad_id) == ("1234567890", "111", "5", "99")
    assert first.claims == (
        Claim(window="click_day", count=D("2.5"), value=D("250.25"), alias="conversions"),
        Claim(window="conversion_day", count=D(1), value=D(100), alias="conversions_by_conversion_date"),
        Claim(window="view_through", count=D(3), alias="view_through_conversions"),
    )
    assert (second.amount, second.day) == (0, "2026-03-11")


def test_google_campaign_beyond_its_ads(tmp_path):
    """A campaign's day is its ads' and a rest; one without ads is whole; campaigns alone are campaigns."""
    shop = google(campaign={"id": "222", "name": "Shop"})
    whole = google(metrics={"costMicros": "20000000"})
    both = json.dumps([{"results": [google(**AD)]}, {"results": [whole, shop]}])

    ad, rest, alone = read(written(tmp_path, both, "a.json"), FORMATS).things

    assert (ad.level, ad.amount) == ("ad", D("12.345678"))
    assert (rest.level, rest.campaign_id, rest.amount, rest.claims) == ("rest", "111", D("7.654322"), ())
    assert (alone.level, alone.campaign_id, alone.amount, alone.clicks) == ("rest", "222", D("12.345678"), 7)
    only = read(written(tmp_path, json.dumps([{"results": [whole, shop]}]), "b.json"), FORMATS)
    assert [(t.level, t.amount) for t in only.things] == [("campaign", D(20)), ("campaign", D("12.345678"))]


def test_google_ads_above_their_campaign_are_told(tmp_path):
    less = google(metrics={"costMicros": "10000000"})

    found = read(written(tmp_path, json.dumps([{"results": [google(**AD), less]}]), "a.json"), FORMATS)

    assert [(u.entries, u.closing, u.difference) for u in found.unbalanced] == [(D("12.345678"), D(10), D("-2.345678"))]


def tiktok(*rows, total=None, code=0, page=1) -> dict:
    info = {"page": page, "page_size": 1000, "total_number": len(rows) if total is None else total, "total_page": 1}
    return {"code": code, "message": "OK", "data": {"list": rows, "page_info": info}}


def tiktok_row(ad="1780000000000001", day="2026-03-10 00:00:00", **metrics) -> dict:
    figures = {"spend": "12.50", "impressions": "5951", "clicks": "33", "complete_payment": "2", "conversion": "9"}
    return {"dimensions": {"ad_id": ad, "stat_time_day": day}, "metrics": {**figures, **metrics}}


ADVERTISER = {"code": 0, "data": {"list": [{"advertiser_id": "7100", "currency": "USD", "timezone": "Etc/GMT+5"}]}}


def test_tiktok_pages(tmp_path):
    """The advertiser says currency and zone; purchases are `complete_payment`; their value is a setting."""
    one = tiktok(tiktok_row(value="100.5"), total=2)
    two = tiktok(tiktok_row("1780000000000002", complete_payment="-", impressions="-"), total=2, page=2)
    text = "\n".join(map(json.dumps, (ADVERTISER, one, two)))

    found = read(written(tmp_path, text, "a.jsonl"), FORMATS, "tiktok-report", columns={"claimed_value": "value"})

    first, second = found.things
    assert (first.account, first.currency, first.zone, first.day) == ("7100", "USD", "Etc/GMT+5", "2026-03-10")
    assert (first.ad_id, first.level, first.amount) == ("1780000000000001", "ad", D("12.50"))
    assert first.claims == (Claim(window="setting", count=D(2), value=D("100.5"), alias="complete_payment"),)
    assert (second.impressions, second.claims) == (None, ())


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([tiktok(tiktok_row(), total=2), tiktok(tiktok_row("2"), total=3)], "the report moved"),
        ([tiktok(tiktok_row(), total=2), tiktok(tiktok_row(), total=2)], "twice for one"),
        ([tiktok(tiktok_row(), total=2)], "expected 2 rows"),
        ([tiktok(tiktok_row(), code=40105)], "expected an answer with code 0"),
    ],
)
def test_tiktok_report_that_moved_is_refused(tmp_path, answers, says):
    text = "\n".join(map(json.dumps, (ADVERTISER, *answers)))

    with pytest.raises(FileRefused, match=says):
        read(written(tmp_path, text, "a.jsonl"), FORMATS, "tiktok-report")


def test_figure_that_is_none_costs_its_row(tmp_path):
    bad = tiktok(tiktok_row(spend="twelve"), tiktok_row("2", spend="-"), tiktok_row("3"))
    text = json.dumps(ADVERTISER) + "\n" + json.dumps(bad)

    found = read(written(tmp_path, text, "a.jsonl"), FORMATS)

    assert [(p.row, p.reason, p.got) for p in found.problems] == [
        (1, "bad_number", "xxxxxx"),
        (2, "no_amount", "nothing"),
    ]
    assert [t.ad_id for t in found.things] == ["3"]
