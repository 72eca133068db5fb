"""Google Ads, GA4 and TikTok, each against a stand-in that behaves as its documents say."""

from __future__ import annotations

import re
from decimal import Decimal as D

import pytest

from tests.pulling.stand_in import TOKEN, Asked, Puller, Reply, standing_in
from twofold.ledger.lines import Claim


class Google:
    """An account with one ad and one Performance Max campaign, an OAuth door, and GA4's report."""

    def __init__(self) -> None:
        self.refuses: list[Reply] = []
        self.refresh = Reply(body={"access_token": "access-1", "expires_in": 3599, "token_type": "Bearer"})
        self.cost = "12345678"
        self.purchases = [(f"10{n:02}", "1", f"{n}.50") for n in range(12)]

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            assert asked.form == {
                "grant_type": "refresh_token",
                "refresh_token": TOKEN,
                "client_id": "app",
                "client_secret": "s3cret",
            }
            return self.refresh
        assert asked.headers["authorization"] == "Bearer access-1"
        if self.refuses:
            return self.refuses.pop(0)
        return self.report(asked) if asked.path.endswith(":runReport") else self.stream(asked)

    def stream(self, asked: Asked) -> Reply:
        assert asked.path == "/v26/customers/1234567890/googleAds:searchStream"
        assert (asked.headers["developer-token"], asked.headers["login-customer-id"]) == ("dev", "999")
        query = asked.json["query"]
        since, until = re.search(r"BETWEEN '(\S+)' AND '(\S+)'", query).groups()
        if not since <= "2026-03-10" <= until:
            return Reply(body=[])
        row = {"customer": {"id": "1234567890", "currencyCode": "EUR", "timeZone": "Europe/Berlin"},
               "segments": {"date": "2026-03-10"}, "campaign": {"id": "111", "name": "Brand"},
               "metrics": {"costMicros": self.cost, "conversions": 2.5, "conversionsValue": 250.2}}  # fmt: skip
        if "FROM ad_group_ad" in query:
            ad = {"adGroup": {"id": "5", "name": "G"}, "adGroupAd": {"ad": {"id": "99"}}}
            return Reply(body=[{"results": [{**row, **ad}], "fieldMask": "x", "requestId": "1"}])
        whole = {**row, "metrics": {**row["metrics"], "costMicros": "20000000"}}
        shop = {**row, "campaign": {"id": "222", "name": "Shop"}}
        return Reply(body=[{"results": [whole], "requestId": "2"}, {"results": [shop], "requestId": "2"}])

    def report(self, asked: Asked) -> Reply:
        """Pages of at most five rows, whatever is asked for."""
        assert asked.path == "/v1beta/properties/4455:runReport"
        start = int(asked.json["offset"])
        names = [d["name"] for d in asked.json["dimensions"]], [m["name"] for m in asked.json["metrics"]]
        rows = [
            {"dimensionValues": [{"value": {"date": "20260310", "transactionId": order}.get(name, "x")} for name in names[0]],
             "metricValues": [{"value": {"ecommercePurchases": count, "refundAmount": "0"}.get(name, value)} for name in names[1]]}
            for order, count, value in self.purchases
        ]  # fmt: skip
        return Reply(body={
            "dimensionHeaders": [{"name": name} for name in names[0]], "metricHeaders": [{"name": name} for name in names[1]],
            "rows": rows[start : start + 5], "rowCount": len(rows),
            "metadata": {"currencyCode": "GEL", "timeZone": "Asia/Tbilisi", "subjectToThresholding": True},
        })  # fmt: skip


def ads(tmp_path, url: str) -> Puller:
    return Puller(tmp_path, platform="google_ads", id="123-456-7890", token=TOKEN, client_id="app", client_secret="s3cret",
                  developer_token="dev", login_id="999", endpoint=url)  # fmt: skip


def ga4(tmp_path, url: str) -> Puller:
    return Puller(tmp_path, platform="ga4", id="properties/4455".removeprefix("properties/"), token=TOKEN, client_id="app",
                  client_secret="s3cret", endpoint=url)  # fmt: skip


def error(status: int, word: str, message: str = "x", **more) -> Reply:
    return Reply(status=status, body=[{"error": {"code": status, "status": word, "message": message, **more}}])


def test_google_ads_of_two_weeks(tmp_path):
    """Access is renewed, ads and campaigns are asked, and what a campaign cost beyond its ads is a rest of its own."""
    google = Google()
    with standing_in(google) as served:
        one = ads(tmp_path, served.url)
        assert one.days("2026-03-01", "2026-03-11") == {"2026-03-10": (3, 0, 0)}
        assert one.days("2026-03-01", "2026-03-11") == {"2026-03-10": (0, 0, 3)}
        google.cost = "13000000"
        assert one.days("2026-03-10", "2026-03-10") == {"2026-03-10": (0, 3, 0)}

    told = {(s.level, s.campaign_id): s for s in one.lines("spend")}
    assert {key: s.amount for key, s in told.items()} == {
        ("ad", "111"): D("13"), ("rest", "111"): D("7"), ("rest", "222"): D("13"),
    }  # fmt: skip
    ad = told["ad", "111"]
    assert (ad.account, ad.currency, ad.zone) == ("1234567890", "EUR", "Europe/Berlin")
    assert ad.claims[0] == Claim(window="click_day", count=D("2.5"), value=D("250.2"), alias="conversions")


def test_google_ads_told_to_wait(tmp_path):
    google = Google()
    google.refuses = [
        error(
            429, "RESOURCE_EXHAUSTED", details=[{"errors": [{"details": {"quotaErrorDetails": {"retryDelay": "9s"}}}]}]
        )
    ]
    with standing_in(google) as served:
        one = ads(tmp_path, served.url)
        assert one.days("2026-03-10", "2026-03-10") == {"2026-03-10": (3, 0, 0)}

    assert one.slept == [9]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error(401, "UNAUTHENTICATED", f"token {TOKEN} has expired"), "expired_token"),
        (error(403, "PERMISSION_DENIED"), "no_permission"),
        (error(404, "NOT_FOUND"), "not_found"),
        (
            Reply(body=[{"results": []}, {"error": {"code": 500, "status": "INTERNAL", "message": "x"}}]),
            "unexpected_answer",
        ),
        (Reply(body={"results": "?"}), "unexpected_answer"),
        (Reply(status=503), "unreachable"),
    ],
)
def test_what_google_ads_refuses(tmp_path, reply, code):
    """An error behind batches that came before it: none of them counts."""
    google = Google()
    google.refuses = [reply] * 9
    with standing_in(google) as served:
        one = ads(tmp_path, served.url)
        problem = one.problem("2026-03-10", "2026-03-10")
        assert (problem.code, "s3cret" in problem.text) == (code, False)
        google.refuses = []
        assert one.days("2026-03-10", "2026-03-10") == {"2026-03-10": (3, 0, 0)}


@pytest.mark.parametrize("make", [ads, ga4])
def test_refresh_token_that_was_withdrawn(tmp_path, make):
    google = Google()
    google.refresh = Reply(
        status=400, body={"error": "invalid_grant", "error_description": f"Token {TOKEN} has been expired or revoked."}
    )
    with standing_in(google) as served:
        problem = make(tmp_path, served.url).problem("2026-03-10", "2026-03-10")

    assert (problem.code, problem.who) == ("expired_token", "operator")
    assert "invalid_grant" in problem.text


def test_ga4_page_after_page(tmp_path):
    google = Google()
    with standing_in(google) as served:
        one = ga4(tmp_path, served.url)
        assert one.days("2026-03-10", "2026-03-11") == {"2026-03-10": (12, 0, 0)}
        google.purchases[3] = ("1003", "1", "99.90")
        assert one.days("2026-03-10", "2026-03-11") == {"2026-03-10": (0, 1, 11)}

    told = {d.transaction: d for d in one.lines("site_day")}
    assert (told["1003"].revenue, told["1011"].revenue) == (D("99.90"), D("11.50"))
    assert (told["1003"].account, told["1003"].currency, told["1003"].zone, told["1003"].flags) == (
        "4455", "GEL", "Asia/Tbilisi", ("threshold",),
    )  # fmt: skip


def test_ga4_purchase_that_is_told_no_more(tmp_path):
    google = Google()
    with standing_in(google) as served:
        one = ga4(tmp_path, served.url)
        one.days("2026-03-10", "2026-03-11")
        del google.purchases[0]
        assert one.days("2026-03-10", "2026-03-11") == {"2026-03-10": (0, 1, 11)}

    gone = {d.transaction: d for d in one.lines("site_day")}["1000"]
    assert (gone.purchases, gone.revenue) == (0, 0)


def test_ga4_without_purchases(tmp_path):
    google = Google()
    google.purchases = []
    with standing_in(google) as served:
        assert ga4(tmp_path, served.url).days("2026-03-10", "2026-03-11") == {}


class TikTok:
    """An advertiser with three ads and pages of two; ``moves``: how often rows move between the pages."""

    def __init__(self) -> None:
        self.moves = 0
        self.refuses: list[Reply] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["access-token"] == TOKEN
        if asked.path == "/open_api/v1.3/advertiser/info/":
            about = {"advertiser_id": "7100", "currency": "USD", "timezone": "Etc/GMT+5", "email": "owner@example.com"}
            return Reply(body={"code": 0, "message": "OK", "data": {"list": [about]}})
        assert asked.path == "/open_api/v1.3/report/integrated/get/"
        if self.refuses:
            return self.refuses.pop(0)
        assert (asked.query["advertiser_id"], asked.query["data_level"]) == ("7100", "AUCTION_AD")
        page, day = int(asked.query["page"]), "2026-03-10 00:00:00"
        if not asked.query["start_date"] <= day[:10] <= asked.query["end_date"]:
            return self.answer([], 0, 1)
        ids = ["1", "2", "3"]
        if page == 2 and self.moves:
            self.moves -= 1
            ids = ["9", "1", "2", "3"][:3]
        rows = [
            {"dimensions": {"ad_id": ad, "stat_time_day": day},
             "metrics": {"spend": f"{ad}.25", "impressions": "10", "complete_payment": "1", "value": "50.1"}}
            for ad in ids[2 * page - 2 : 2 * page]
        ]  # fmt: skip
        return self.answer(rows, 3, 2)

    def answer(self, rows: list, total: int, pages: int) -> Reply:
        info = {"page": 1, "page_size": 2, "total_number": total, "total_page": pages}
        return Reply(body={"code": 0, "message": "OK", "data": {"list": rows, "page_info": info}})


def tiktok(tmp_path, url: str) -> Puller:
    return Puller(tmp_path, platform="tiktok", id="7100", token=TOKEN, endpoint=url, columns={"claimed_value": "value"})


def test_tiktok_page_after_page(tmp_path):
    with standing_in(TikTok()) as served:
        one = tiktok(tmp_path, served.url)
        assert one.days("2026-03-01", "2026-03-11") == {"2026-03-10": (3, 0, 0)}
        assert all('"value"' in asked.query["metrics"] for asked in served.asked if "metrics" in asked.query)

    first = one.lines("spend")[0]
    assert (first.account, first.currency, first.zone) == ("7100", "USD", "Etc/GMT+5")
    assert first.claims == (Claim(window="setting", count=D(1), value=D("50.1"), alias="complete_payment"),)


def test_what_google_ads_and_tiktok_tell_no_more(tmp_path):
    google, served = Google(), TikTok()
    with standing_in(google) as one, standing_in(served) as two:
        first, second = ads(tmp_path / "one", one.url), tiktok(tmp_path / "two", two.url)
        first.days("2026-03-10", "2026-03-10")
        second.days("2026-03-10", "2026-03-10")
        google.refuses = [Reply(body=[])] * 2
        served.refuses = [served.answer([], 0, 1)]
        assert first.days("2026-03-10", "2026-03-10")["2026-03-10"][1] == 3
        assert second.days("2026-03-10", "2026-03-10") == {"2026-03-10": (0, 3, 0)}

    assert {s.amount for s in first.lines("spend")} == {s.amount for s in second.lines("spend")} == {0}


def test_tiktok_report_that_moves_is_asked_anew(tmp_path):
    moving = TikTok()
    moving.moves = 2
    with standing_in(moving) as served:
        assert tiktok(tmp_path, served.url).days("2026-03-10", "2026-03-10") == {"2026-03-10": (3, 0, 0)}
        moving.moves = 99
        problem = tiktok(tmp_path / "other", served.url).problem("2026-03-10", "2026-03-10")

    assert (problem.code, problem.who) == ("moving_report", "nobody")


@pytest.mark.parametrize(
    ("answer", "code"),
    [({"code": 40105, "message": f"Access token {TOKEN} is incorrect or has been revoked."}, "expired_token"),
     ({"code": 40001, "message": "No permission to operate advertiser 7100"}, "no_permission"),
     ({"code": 40100, "message": "Too many requests"}, "throttled"), ({"code": 40002, "message": "Invalid metric"}, "unexpected_answer"),
     ({"code": 0, "data": {"list": "?"}}, "unexpected_answer")],
)  # fmt: skip
def test_what_tiktok_refuses(tmp_path, answer, code):
    """Its code says it, whatever the status."""
    served = TikTok()
    served.refuses = [Reply(body=answer)] * 9
    with standing_in(served) as stand_in:
        assert tiktok(tmp_path, stand_in.url).problem("2026-03-10", "2026-03-10").code == code
