"""Exports of advertising platforms and the operator's own table: whole days, sums, totals, and what is refused."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from tests.importing.readers.made_files import workbook
from tests.importing.statements.statement_files import Read, read, recognised, written
from twofold.errors import FileRefused
from twofold.importing.statements.advertising import FORMATS
from twofold.importing.statements.cells import read_day
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Claim

META = (
    "Campaign name,Campaign ID,Ad set name,Ad set ID,Ad name,Ad ID,Day,Amount spent (USD),Impressions,Link clicks,"
    "Purchases,Purchases conversion value,Purchase ROAS (return on ad spend),Attribution setting,"
    "Reporting starts,Reporting ends\n"
)
AD = "Spring,120210000000000111,Set,120210000000000222,Film,120210000000000333"
WINDOW = '"7-day click or 1-day view"'


def meta(*rows: str) -> str:
    return META + "".join(row + "\n" for row in rows)


def test_meta_by_day(tmp_path):
    """A row is an ad's day with its money, its claim and the setting; the claimed ROAS is read from nothing."""
    path = written(tmp_path, meta(
        ',,,,,,,"1,240.50",,,,,,,2026-03-10,2026-03-11',
        f'{AD},2026-03-10,"1,200.00","12,345",40,3,295.00,0.25,{WINDOW},2026-03-10,2026-03-10',
        f"{AD},2026-03-11,40.50,300,2,,,,{WINDOW},2026-03-11,2026-03-11",
    ), encoding="utf-8-sig")  # fmt: skip

    found = read(path, FORMATS)

    first, second = found.things
    assert found.format == "meta-ads"
    assert (first.source, first.level, first.day, first.currency) == ("meta", "ad", "2026-03-10", "USD")
    assert (first.campaign_id, first.adset_id, first.ad_id) == (
        "120210000000000111",
        "120210000000000222",
        "120210000000000333",
    )
    assert (first.amount, first.impressions, first.clicks) == (D("1200.00"), 12345, 40)
    assert first.claims == (Claim(window="setting", count=D(3), value=D("295.00"), alias="purchases"),)
    assert first.setting == "7-day click or 1-day view"
    assert (second.day, second.amount, second.claims) == ("2026-03-11", D("40.50"), ())
    assert [d.reason for d in found.dropped] == ["total"]
    assert (found.unbalanced, found.problems) == ([], [])


@pytest.mark.parametrize("given", [True, False])
def test_a_table_of_ads_has_the_zone_that_somebody_named_and_no_other(tmp_path, given):
    """UTC where nobody said so would be a claim about the account."""
    path = written(tmp_path, meta(f"{AD},2026-03-10,40.00,300,2,,,,{WINDOW},2026-03-10,2026-03-10"))
    options = {"zone_given": True, "zone_name": "Asia/Tbilisi"} if given else {}
    (one,) = read(path, FORMATS, **options).things
    assert one.zone == ("Asia/Tbilisi" if given else "")


def test_meta_total_that_differs_is_told_by_how_much(tmp_path):
    path = written(tmp_path, meta(
        f"{AD},2026-03-10,40.00,300,2,,,,,2026-03-10,2026-03-10",
        ",,,,,,,42.50,,,,,,,2026-03-10,2026-03-10",
    ))  # fmt: skip

    found = read(path, FORMATS)

    (off,) = found.unbalanced
    assert (off.entries, off.closing, off.difference, off.currency) == (D("40.00"), D("42.50"), D("2.50"), "USD")
    assert [t.amount for t in found.things] == [D("40.00")]


def test_meta_breakdown_rows_are_summed_and_a_repeated_row_is_one(tmp_path):
    """Placements of one ad and day add up; the same row once more is the same row."""
    head = META.replace("Day,", "Day,Placement,")
    one = f"{AD},2026-03-10,Feed,10.10,100,4,1,20.00,2.0,{WINDOW},2026-03-10,2026-03-10"
    two = f"{AD},2026-03-10,Stories,5.05,50,1,2,30.50,2.0,{WINDOW},2026-03-10,2026-03-10"

    found = read(written(tmp_path, f"{head}{one}\n{two}\n{one}\n"), FORMATS)

    (spend,) = found.things
    assert (spend.amount, spend.impressions, spend.clicks) == (D("15.15"), 150, 5)
    assert spend.claims == (Claim(window="setting", count=D(3), value=D("50.50"), alias="purchases"),)
    assert [d.reason for d in found.dropped] == ["repeat"]


@pytest.mark.parametrize("order", [1, -1])
def test_meta_hidden_figure_makes_the_sum_unknown(tmp_path, order):
    """What one placement hides is not 0, so that nothing is known of the whole."""
    head = META.replace("Day,", "Day,Placement,")
    one = f"{AD},2026-03-10,Feed,10.10,<5,4,<5,20.00,2.0,,2026-03-10,2026-03-10"
    two = f"{AD},2026-03-10,Stories,5.05,50,1,2,30.50,2.0,,2026-03-10,2026-03-10"

    (spend,) = read(written(tmp_path, head + "\n".join([one, two][::order]) + "\n"), FORMATS).things

    assert (spend.impressions, spend.clicks, spend.amount) == (None, 5, D("15.15"))
    assert spend.claims == (Claim(window="setting", count=None, value=D("50.50"), alias="purchases"),)


def test_meta_period_is_refused_and_never_spread(tmp_path):
    text = ("Campaign name,Amount spent (EUR),Impressions,Reporting starts,Reporting ends\n"
            "Spring,310.00,100,2026-03-01,2026-03-31\nAutumn,12.00,100,2026-03-05,2026-03-05\n")  # fmt: skip

    found = read(written(tmp_path, text), FORMATS)

    assert [(t.campaign, t.day, t.level) for t in found.things] == [("Autumn", "2026-03-05", "campaign")]
    (problem,) = found.problems
    assert (problem.row, problem.reason, problem.got) == (2, "period", "a period, 2026-03-01 to 2026-03-31")


@pytest.mark.parametrize("digits", ["1.2021E+17", "1,2021E+17"])
def test_meta_id_in_scientific_form_costs_its_row(tmp_path, digits):
    row = f"{AD},2026-03-10,40.00,300,2,,,,,2026-03-10,2026-03-10".replace("120210000000000333", f'"{digits}"')

    found = read(written(tmp_path, meta(row, f"{AD},2026-03-11,1.00,1,1,,,,,2026-03-11,2026-03-11")), FORMATS)

    assert [(p.row, p.column, p.reason) for p in found.problems] == [(2, "Ad ID", "rounded_id")]
    assert [t.day for t in found.things] == ["2026-03-11"]


def test_meta_ids_rounded_to_fifteen_digits_refuse_the_file(tmp_path):
    """Zeros at the end of every long id are no chance."""
    rows = [f"Spring,120210987654321000,Set,120210987654322000,Film,12021098765432{n}000,2026-03-10,1.00,1,1,,,,,"
            "2026-03-10,2026-03-10" for n in (3, 4)]  # fmt: skip

    with pytest.raises(FileRefused, match="rounded to 15 digits"):
        read(written(tmp_path, meta(*rows)), FORMATS)


def test_meta_results_count_only_where_they_name_a_purchase(tmp_path):
    text = (
        "Ad set name,Day,Results,Result indicator,Results value,Amount spent (USD),Direct website purchases\n"
        "A,2026-03-10,4,actions:offsite_conversion.fb_pixel_purchase,340.00,40.00,3\n"
        "B,2026-03-10,90,actions:link_click,,5.00,\n"
    )

    first, second = read(written(tmp_path, text), FORMATS).things

    assert first.claims == (
        Claim(window="setting", count=D(4), value=D("340.00"), alias="actions:offsite_conversion.fb_pixel_purchase"),
    )
    assert first.site_claims == (Claim(window="setting", count=D(3), alias="website_purchases"),)
    assert second.claims == ()


def test_meta_workbook_saved_again_with_other_signs(tmp_path):
    """Typed numbers and texts of a European interface, a header that is not the first row, days as dates of Excel."""
    path = workbook(tmp_path / "report.xlsx", [
        ["Campaign name", "Day", "Amount spent (EUR)", "Impressions"],
        ["Spring", ("date", 46091), 1234.56, 1000],
        ["Autumn", "11.03.2026", "1.234,50 €", "2.000"],
    ], first_row=3)  # fmt: skip

    first, second = read(path, FORMATS).things

    assert (first.day, first.amount, first.impressions) == ("2026-03-10", D("1234.56"), 1000)
    assert (second.day, second.amount, second.impressions) == ("2026-03-11", D("1234.50"), 2000)


@pytest.mark.parametrize(
    ("old", "new", "options", "says"),
    [
        ("", "", {"currency": "EUR"}, "currency: expected EUR"),
        ("", "", {"account": "1", "columns": {}}, ""),
        ("Day,", "Tag,", {}, ""),
        ("Amount spent (USD)", "Ausgegebener Betrag (USD)", {}, "recognised as"),
    ],
)
def test_meta_of_another_kind(tmp_path, old, new, options, says):
    """Another currency is refused; without Day the reporting days say it; another language needs a mapping."""
    text = meta(f"{AD},2026-03-10,40.00,300,2,,,,,2026-03-10,2026-03-10").replace(old or "\0", new)
    path = written(tmp_path, text)
    if says:
        with pytest.raises(FileRefused, match=says):
            read(path, FORMATS, **options)
    else:
        assert [t.day for t in read(path, FORMATS, **options).things] == ["2026-03-10"]


def test_meta_of_another_account_is_refused(tmp_path):
    text = meta(f"{AD},2026-03-10,40.00,300,2,,,,,2026-03-10,2026-03-10").replace("Day,", "Account ID,Day,")
    path = written(tmp_path, text.replace(",2026-03-10,40", ",900100200300,2026-03-10,40"))

    assert read(path, FORMATS, account="act_900100200300").things[0].account == "900100200300"
    with pytest.raises(FileRefused, match="account: expected 111, as set, got a file of 900100200300"):
        read(path, FORMATS, account="111")


def test_meta_german_by_a_mapping(tmp_path):
    """Another interface language: the columns are named by the operator."""
    text = "Kampagnenname;Tag;Ausgegebener Betrag (EUR);Impressionen\nHerbst;10.03.2026;1.234,56;1.000\n"
    columns = {
        "campaign": "Kampagnenname",
        "day": "Tag",
        "amount": "Ausgegebener Betrag",
        "impressions": "Impressionen",
    }

    (spend,) = read(written(tmp_path, text), FORMATS, "meta-ads", columns=columns).things

    assert (spend.campaign, spend.day, spend.amount, spend.currency) == ("Herbst", "2026-03-10", D("1234.56"), "EUR")
    assert spend.impressions == 1000


def test_a_broken_row_takes_its_ads_day_and_no_other(tmp_path):
    """A sum without the row that could not be read would be a wrong figure."""
    head = META.replace("Day,", "Day,Placement,")
    rows = (f"{AD},2026-03-10,Feed,10.10,100,4,,,,,2026-03-10,2026-03-10",
            f"{AD},2026-03-10,Stories,n.a.,50,1,,,,,2026-03-10,2026-03-10",
            f"{AD},2026-03-11,Feed,7.00,50,1,,,,,2026-03-11,2026-03-11")  # fmt: skip

    found = read(written(tmp_path, head + "\n".join(rows) + "\n"), FORMATS)

    assert [(t.day, t.amount) for t in found.things] == [("2026-03-11", D("7.00"))]
    assert [(p.row, p.reason) for p in found.problems] == [(3, "bad_amount"), (2, "incomplete")]


def test_ad_without_delivery_is_no_line(tmp_path):
    found = read(written(tmp_path, meta(f"{AD},2026-03-10,,,,,,,,2026-03-10,2026-03-10",
                                        f"{AD},2026-03-11,,100,,,,,,2026-03-11,2026-03-11")), FORMATS)  # fmt: skip

    assert [d.reason for d in found.dropped] == ["no_delivery"]
    assert [(t.day, t.amount) for t in found.things] == [("2026-03-11", D(0))]


# -- Google Ads

GOOGLE = (
    "Campaign report\n"
    '"March 31, 2026 - April 13, 2026"\n'
    "Day,Campaign,Campaign ID,Campaign type,Currency code,Cost,Impr.,Clicks,Conversions,Conv. value,"
    "Conversions (by conv. time),Conv. value (by conv. time)\n"
    '2026-03-31,Brand,111,Search,EUR,"1,234.56","12,000",40,2.50,250.00,1.00,100.00\n'
    "2026-03-31,Shop,222,Performance Max,EUR,100.00,900,9, --, --,0.00,0.00\n"
)
TOTALS = (
    'Total: Campaigns, --, --, --,EUR,"1,334.56","12,900",49,2.50,250.00,1.00,100.00\n'
    'Total: Account, --, --, --,EUR,"1,400.00","12,900",49,2.50,250.00,1.00,100.00\n'
    'Total: Search, --, --, --,EUR,"1,234.56","12,000",40,2.50,250.00,1.00,100.00\n'
    "Total: Performance Max, --, --, --,EUR,99.00,900,9, --, --,0.00,0.00\n"
)


def check_google(found: Read) -> None:
    first, second = found.things
    assert found.format == "google-ads"
    assert (first.source, first.level, first.day, first.campaign_id) == ("google_ads", "campaign", "2026-03-31", "111")
    assert (first.amount, first.currency, first.impressions, first.clicks) == (D("1234.56"), "EUR", 12000, 40)
    assert first.claims == (
        Claim(window="click_day", count=D("2.50"), value=D("250.00"), alias="conversions"),
        Claim(window="conversion_day", count=D("1.00"), value=D("100.00"), alias="conversions_by_conversion_date"),
    )
    assert [claim.window for claim in second.claims] == ["conversion_day"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_google_report_below_its_title(tmp_path, encoding):
    """Title and period stand above the header; "Excel .csv" is UTF-16 with tabs."""
    text = GOOGLE
    if encoding.startswith("utf-16"):
        text = "\n".join("\t".join(part.replace(",", "") for part in line.split(",")) if "," in line else line
                         for line in text.replace('"1,234.56"', "1234.56").replace('"12,000"', "12000").split("\n"))  # fmt: skip

    check_google(read(written(tmp_path, text, encoding=encoding), FORMATS))


def test_google_workbook_below_its_title(tmp_path):
    path = workbook(tmp_path / "g.xlsx", [
        ["Campaign report"], ["March 1, 2026 - March 31, 2026"], ["Day", "Campaign", "Currency code", "Cost", "Impr."],
        [("date", 46091), "Brand", "EUR", 1234.5, 100], ["Total: Campaigns", "", "EUR", 1234.5, 100],
    ])  # fmt: skip

    found = read(path, FORMATS)

    assert [(found.format, t.day, t.amount, t.impressions) for t in found.things] == [
        ("google-ads", "2026-03-10", D("1234.5"), 100)
    ]
    assert ([d.reason for d in found.dropped], found.unbalanced) == (["total"], [])


def test_google_totals_are_dropped_and_held_against_the_rows(tmp_path):
    """One total of the whole file that agrees is enough; a type's total is held against its own rows."""
    found = read(written(tmp_path, GOOGLE + TOTALS), FORMATS)

    check_google(found)
    assert [d.reason for d in found.dropped] == ["total"] * 4
    assert [(u.id, u.entries, u.closing, u.difference) for u in found.unbalanced] == [
        ("Total: Performance Max", D("100.00"), D("99.00"), D("-1.00"))
    ]


def test_google_totals_that_all_differ_are_told(tmp_path):
    cut = GOOGLE.replace("2026-03-31,Shop,222,Performance Max,EUR,100.00,900,9, --, --,0.00,0.00\n", "")

    found = read(written(tmp_path, cut + TOTALS), FORMATS)

    assert [(u.id, u.difference) for u in found.unbalanced] == [
        ("Total: Campaigns", D("100.00")), ("Total: Account", D("165.44")),
    ]  # fmt: skip


def test_google_report_of_a_period_is_refused_and_of_one_day_is_read(tmp_path):
    text = GOOGLE.replace("Day,", "").replace("2026-03-31,", "")

    with pytest.raises(FileRefused, match="a report of a period"):
        read(written(tmp_path, text), FORMATS)
    with pytest.raises(FileRefused, match="a report of a period"):
        read(written(tmp_path, text.replace("March 31, 2026 - April 13, 2026", "All time")), FORMATS)
    check_google(read(written(tmp_path, text.replace("March 31, 2026 - April 13, 2026", "March 31, 2026")), FORMATS))


def test_google_cost_that_can_be_read_two_ways_is_refused(tmp_path):
    text = 'Report\nAll time\nDay,Campaign,Cost,Clicks\n2026-03-31,Brand,"1,234",40\n2026-03-30,Brand,"2,500",40\n'

    with pytest.raises(FileRefused, match="column Cost: expected amounts with one decimal sign"):
        read(written(tmp_path, text), FORMATS, currency="EUR")
    assert [t.amount for t in read(written(tmp_path, text), FORMATS, currency="EUR", decimal=".").things] == [
        1234,
        2500,
    ]


# -- TikTok

TIKTOK = (
    "By Day,Campaign name,Ad group name,Ad name,Ad ID,Currency,Cost,CPM,Impressions,Clicks (destination),"
    "Conversions,Cost per conversion,Website URL (Ad level）\n"
)


def test_tiktok_export(tmp_path):
    text = TIKTOK + (
        "2026-03-10,Total Look,Group,Film,1780000000000001,USD,12.50,2.10,5951,33,<5,6.25,https://shop.example/\n"
        "2026-03-10,Autumn,Group,Film,1780000000000002,USD,7.50,2.10,-,3,2,3.75,https://shop.example/\n"
        "-,-,-,-,-,USD,1.00,-,-,-,-,-,-\n"
        "-,Total of 2 results,-,-,-,USD,20.00,2.10,5951,36,6,3.33,-\n"
    )

    found = read(written(tmp_path, text), FORMATS)

    first, second = found.things
    assert found.format == "tiktok-ads"
    assert (first.campaign, first.amount, first.impressions, first.claims) == ("Total Look", D("12.50"), 5951, ())
    assert second.impressions is None
    assert second.claims == (Claim(window="setting", count=D(2), alias="conversions"),)
    assert [d.reason for d in found.dropped] == ["unnamed", "total"]
    assert found.unbalanced == []


# -- the operator's own

OWN = "day,channel,campaign,amount,currency\n2026-03-10,Influencer: Nino,spring,300.00,GEL\n2026-03-10,Influencer: Nino,spring,50.00,GEL\n"


def test_own_table_sums_a_day(tmp_path):
    (spend,) = read(written(tmp_path, OWN), FORMATS).things

    assert (spend.source, spend.level, spend.campaign, spend.amount, spend.currency) == (
        "influencer:_nino", "campaign", "spring", D("350.00"), "GEL",
    )  # fmt: skip


def test_mapped_platform_in_millionths(tmp_path):
    """Snap writes 1,000,000 for one: the mapping says so, and its source."""
    text = "START_TIME,Campaign Name,Campaign Id,Spend,Swipes\n2026-03-10,Spring,abc-1,12345678,90\n"
    columns = {
        "day": "START_TIME",
        "campaign": "Campaign Name",
        "campaign_id": "Campaign Id",
        "spend": "Spend",
        "clicks": "Swipes",
    }

    (spend,) = read(
        written(tmp_path, text), FORMATS, "spend", columns=columns, unit="micro", source="snap", currency="USD"
    ).things

    assert (spend.source, spend.amount, spend.clicks, spend.campaign_id) == ("snap", D("12.345678"), 90, "abc-1")


def test_invoice_stands_beside_what_was_reported(tmp_path):
    """An invoice of a month neither restates nor adds to that day's spend."""
    text = "day,source,spend,invoiced,currency\n2026-03-31,meta,10.00,,USD\n2026-03-31,meta,,320.15,USD\n"

    told, invoice = read(written(tmp_path, text), FORMATS).things

    assert (told.amount, told.invoiced) == (D("10.00"), None)
    assert (invoice.level, invoice.amount, invoice.invoiced) == ("invoice", 0, D("320.15"))
    assert name_of(told) != name_of(invoice)


def test_file_twice_gives_the_same_names_and_a_restated_day_the_same_name(tmp_path):
    """What a platform says later of a day is an update of the same line."""
    one = read(written(tmp_path, meta(f"{AD},2026-03-10,40.00,300,2,3,295.00,,,2026-03-10,2026-03-10")), FORMATS)
    two = read(written(tmp_path, meta(f"{AD},2026-03-10,41.00,310,2,4,340.00,,,2026-03-10,2026-03-10")), FORMATS)

    assert [name_of(t) for t in one.things] == [name_of(t) for t in two.things]
    assert one.things != two.things


@pytest.mark.parametrize("cut", [1, 50, 200, 380])
def test_cut_file_gives_whole_rows_or_none(tmp_path, cut):
    """A file that ends in the middle: whatever is read is a line of the whole file."""
    text = meta(
        f"{AD},2026-03-10,40.00,300,2,3,295.00,,,2026-03-10,2026-03-10",
        f"{AD},2026-03-11,41.00,300,2,3,295.00,,,2026-03-11,2026-03-11",
    )
    whole = read(written(tmp_path, text), FORMATS).things
    try:
        found = read(written(tmp_path, text[:cut]), FORMATS).things
    except FileRefused:
        found = []
    assert [t for t in found if t not in whole] == []


def test_other_tables_are_not_taken_for_spend(tmp_path):
    assert recognised(written(tmp_path, "Date,Amount,Currency,Text\n2026-03-10,1.00,EUR,x\n"), FORMATS) == []
    assert recognised(written(tmp_path, '{"results":[{"id":1}]}', "a.json"), FORMATS) == []


def test_period_of_a_mapped_report_is_refused(tmp_path):
    """Another platform's report says its first and last day: a period is no day, in whatever language."""
    text = "Kampagne,Berichtsstart,Berichtsende,Ausgegebener Betrag (EUR)\nHerbst,2026-03-01,2026-03-31,310.00\nHerbst,2026-04-01,2026-04-01,5.00\n"
    columns = {
        "campaign": "Kampagne",
        "day": "Berichtsstart",
        "until": "Berichtsende",
        "spend": "Ausgegebener Betrag (EUR)",
    }

    found = read(written(tmp_path, text), FORMATS, "spend", columns=columns, source="meta")

    assert [(t.day, t.amount, t.currency) for t in found.things] == [("2026-04-01", D("5.00"), "EUR")]
    assert [(p.row, p.reason) for p in found.problems] == [(2, "period")]


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-03-10", "2026-03-10"), ("20260310", "2026-03-10"), ("2026/3/10", "2026-03-10"), ("10.03.2026", "2026-03-10"),
     ("Mar 10, 2026", "2026-03-10"), ("Tuesday, March 10, 2026", "2026-03-10"), ("10 March 2026", "2026-03-10"),
     ("2026-03-10 00:00:00", "2026-03-10"), ("2026-03-10T00:00:00.000-08:00", "2026-03-10"), ("2026-03-10T00:00:00Z", "2026-03-10"),
     ("2026-03-10 14:30", None), ("03/10/2026", None), ("30.02.2026", None), ("0026-03-10", None), ("March 2026", None), ("202603", None)],
)  # fmt: skip
def test_a_day_in_the_forms_that_exports_write(text, day):
    """A midnight is a day; a time of the day, a month, or what can be read two ways is none."""
    assert read_day(text) == day
