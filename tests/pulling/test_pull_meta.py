"""Meta's Insights of our own sandbox, fetched, and what Graph answers when it will not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest

from tests.pulling.stand_in import TOKEN, Asked, Puller, Reply, standing_in
from tests.sandbox.running_sandbox import Running
from twofold.sandbox.server import SandboxSettings
from twofold.sandbox.wire.rates import RateOptions

PARIS = ZoneInfo("Europe/Paris")
NOW = 1_790_000_000  # 2026-09-21 in Paris


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp())


WORLD = {
    "accounts": [{"id": "900100", "name": "Shop", "currency": "EUR", "timezone_name": "Europe/Paris", "datasets": ["1"]}],
    "campaigns": [{"id": "10", "account_id": "900100", "name": "Sales"}],
    "adsets": [{"id": "100", "campaign_id": "10", "name": "Broad"}],
    "ads": [{"id": "1000", "adset_id": "100", "name": "Image"}, {"id": "1001", "adset_id": "100", "name": "Video"}],
    "spend": [
        {"ad_id": "1000", "date": "2026-09-18", "amount": "10.00"}, {"ad_id": "1000", "date": "2026-09-20", "amount": "5.50"},
        {"ad_id": "1001", "date": "2026-09-20", "amount": "4.50"},
    ],
    "touches": [{"ad_id": "1000", "kind": "link_click", "person": None, "time": at("2026-09-18 10:01")}],
}  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Running]:
    running = Running(SandboxSettings(port=0, tokens={TOKEN: []}))
    try:
        assert running.http.post(f"{running.base}/sandbox/ads", json=WORLD, timeout=60).status_code == 200
        yield running
    finally:
        running.close()


def puller(tmp_path, url: str, **account) -> Puller:
    return Puller(tmp_path, NOW, platform="meta", id="act_900100", token=TOKEN, endpoint=url, **account)


def test_days_of_the_sandbox(tmp_path, sandbox):
    """Spend of each ad and day, in the account's own currency and zone; the same again changes nothing."""
    one = puller(tmp_path, sandbox.base)
    assert one.days("2026-09-15", "2026-09-21") == {"2026-09-18": (1, 0, 0), "2026-09-20": (2, 0, 0)}
    assert one.days("2026-09-15", "2026-09-21") == {"2026-09-18": (0, 0, 1), "2026-09-20": (0, 0, 2)}

    told = {(s.day, s.ad_id): s for s in one.lines("spend")}
    assert {key: s.amount for key, s in told.items()} == {
        ("2026-09-18", "1000"): D("10.00"), ("2026-09-20", "1000"): D("5.50"), ("2026-09-20", "1001"): D("4.50"),
    }  # fmt: skip
    first = told["2026-09-18", "1000"]
    assert (first.account, first.currency, first.zone, first.level) == ("900100", "EUR", "Europe/Paris", "ad")
    assert (first.campaign_id, first.campaign, first.adset_id, first.adset, first.ad) == (
        "10",
        "Sales",
        "100",
        "Broad",
        "Image",
    )
    assert first.clicks == 1


def test_restated_day_of_the_sandbox(tmp_path, sandbox):
    """What Meta says later of a day stands; what it said before is beside it."""
    one = puller(tmp_path, sandbox.base)
    one.days("2026-09-15", "2026-09-21")
    world = {"spend": [{"ad_id": "1000", "date": "2026-09-20", "amount": "6.25"}]}
    assert sandbox.http.post(f"{sandbox.base}/sandbox/ads", json=world, timeout=60).status_code == 200

    after = one.days("2026-09-15", "2026-09-21")

    assert after["2026-09-18"] == (0, 0, 1)
    assert after["2026-09-20"][1] == 1
    assert one.versions("spend") == 4


def test_wrong_token_or_account_of_the_sandbox(tmp_path, sandbox):
    problem = Puller(
        tmp_path, NOW, platform="meta", id="900100", token="another-token-of-8", endpoint=sandbox.base
    ).problem()
    assert (problem.code, problem.who) == ("expired_token", "operator")
    problem = Puller(tmp_path, NOW, platform="meta", id="777", token=TOKEN, endpoint=sandbox.base).problem()
    assert (problem.code, problem.who) == ("not_found", "operator")


def test_throttled_by_the_sandbox(tmp_path):
    """A token that calls too often is told to wait; when it waited in vain, the next pull goes on."""
    settings = SandboxSettings(port=0, tokens={TOKEN: []}, rates=RateOptions(throttle=True, max_score=2, decay_s=10**6))
    running = Running(settings)
    try:
        assert running.http.post(f"{running.base}/sandbox/ads", json=WORLD, timeout=60).status_code == 200
        one = puller(tmp_path, running.base)
        problem = one.problem("2026-08-01", "2026-09-21")
        assert (problem.code, problem.who) == ("throttled", "nobody")
        assert one.slept
    finally:
        running.close()


# -- a stand-in for what the sandbox does not do


def row(day: str, ad: str = "1", spend: str = "1.00") -> dict:
    return {
        "account_id": "900100",
        "account_currency": "USD",
        "ad_id": ad,
        "spend": spend,
        "date_start": day,
        "date_stop": day,
    }


ABOUT = {"id": "act_900100", "account_id": "900100", "currency": "USD", "timezone_name": "America/Los_Angeles"}


class Graph:
    """Pages of two rows by cursor, with links that hold the token; refuses as a list of replies says."""

    def __init__(self, rows: list[dict]) -> None:
        self.rows = rows
        self.refuses: list[Reply] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert "access_token" not in asked.query
        if not asked.path.endswith("/insights"):
            return Reply(body=ABOUT)
        if self.refuses:
            return self.refuses.pop(0)
        span = json.loads(asked.query["time_range"])
        assert (asked.query["level"], asked.query["time_increment"]) == ("ad", "1")
        rows = [r for r in self.rows if span["since"] <= r["date_start"] <= span["until"]]
        start = int(asked.query.get("after", "0"))
        paging = {"cursors": {"before": str(start), "after": str(start + 2)}}
        if start + 2 < len(rows):
            paging["next"] = f"https://graph.facebook.com/next?access_token={TOKEN}"
        return Reply(body={"data": rows[start : start + 2], "paging": paging})


def error(code: int, message: str = "x", subcode: int | None = None, status: int = 400, **more) -> Reply:
    return Reply(status=status, body={"error": {"code": code, "message": message, "error_subcode": subcode}}, **more)


def test_all_pages_of_all_weeks(tmp_path):
    rows = [row(f"2026-09-{day:02}", str(ad)) for day in range(1, 21) for ad in (1, 2, 3)]
    with standing_in(Graph(rows)) as graph:
        days = puller(tmp_path, graph.url).days("2026-09-01", "2026-09-20")

    assert days == {f"2026-09-{day:02}": (3, 0, 0) for day in range(1, 21)}


def test_throttled_as_long_as_meta_says(tmp_path):
    """The header counts minutes until access is regained."""
    usage = json.dumps({"900100": [{"type": "ads_insights", "estimated_time_to_regain_access": 2}]})
    graph = Graph([row("2026-09-20")])
    graph.refuses = [error(80004, headers={"X-Business-Use-Case-Usage": usage}), error(2, status=500), error(17)]
    with standing_in(graph) as served:
        one = puller(tmp_path, served.url)
        assert one.days("2026-09-20", "2026-09-20") == {"2026-09-20": (1, 0, 0)}

    assert one.slept[0] == 120
    assert len(one.slept) == 3


def test_too_much_at_once_is_asked_in_halves(tmp_path):
    graph = Graph([row(f"2026-09-{day:02}") for day in range(14, 21)])

    def answer(asked: Asked) -> Reply:
        span = json.loads(asked.query.get("time_range", '{"since":"","until":""}'))
        if asked.path.endswith("/insights") and span["since"][-2:] < "17" and span["until"][-2:] > "17":
            return error(1, "Please reduce the amount of data you're asking for, then retry your request", status=500)
        return graph(asked)

    with standing_in(answer) as served:
        days = puller(tmp_path, served.url).days("2026-09-14", "2026-09-20")

    assert len(days) == 7


@pytest.mark.parametrize(
    ("reply", "code", "who"),
    [
        (error(190, f"Error validating access token {TOKEN}: session has expired", 463), "expired_token", "operator"),
        (
            error(200, "(#200) Ad account owner has NOT granted ads_management or ads_read permission"),
            "no_permission",
            "operator",
        ),
        (error(100, "Unsupported get request. Object with ID '1' does not exist", 33), "not_found", "operator"),
        (error(4, headers={"Retry-After": "86400"}), "throttled", "nobody"),
        (error(100, "(#100) Tried accessing nonexisting field"), "unexpected_answer", "operator"),
        (Reply(body={"data": "none"}), "unexpected_answer", "platform"),
        (Reply(body={"data": [row("2026-09-20"), {"spend": "1"}]}), "no_currency", "platform"),
    ],
)
def test_what_meta_refuses(tmp_path, reply, code, who):
    graph = Graph([row("2026-09-20")])
    graph.refuses = [reply] * 9
    with standing_in(graph) as served:
        problem = puller(tmp_path, served.url).problem("2026-09-20", "2026-09-20")

    assert (problem.code, problem.who) == (code, who)


def test_ad_that_is_told_no_more_has_become_nothing(tmp_path):
    """Ads with no spend and no action have no row: what was claimed and is taken back must not stand."""
    graph = Graph([row("2026-09-18"), row("2026-09-19", "1", "2.00"), row("2026-09-19", "2", "3.00")])
    with standing_in(graph) as served:
        one = puller(tmp_path, served.url)
        one.days("2026-09-18", "2026-09-19")
        graph.rows = graph.rows[:2]
        assert one.days("2026-09-18", "2026-09-19") == {"2026-09-18": (0, 0, 1), "2026-09-19": (0, 1, 1)}
        assert one.days("2026-09-18", "2026-09-19") == {"2026-09-18": (0, 0, 1), "2026-09-19": (0, 0, 2)}

    assert {(s.day, s.ad_id): s.amount for s in one.lines("spend")}["2026-09-19", "2"] == 0


def test_row_that_is_not_understood_is_no_row_that_is_gone(tmp_path):
    graph = Graph([row("2026-09-19", "1", "2.00"), row("2026-09-19", "2", "3.00")])
    with standing_in(graph) as served:
        one = puller(tmp_path, served.url)
        one.days("2026-09-19", "2026-09-19")
        graph.rows[1] = row("2026-09-19", "2", "three")
        assert one.problem("2026-09-19", "2026-09-19").code == "bad_number"

    assert {s.ad_id: s.amount for s in one.lines("spend")} == {"1": D("2.00"), "2": D("3.00")}


def test_weeks_before_an_expired_token_stay(tmp_path):
    graph = Graph([row("2026-09-02"), row("2026-09-09")])

    def answer(asked: Asked) -> Reply:
        if "2026-09-08" in asked.query.get("time_range", ""):
            return error(190)
        return graph(asked)

    with standing_in(answer) as served:
        found = puller(tmp_path, served.url).pull("2026-09-01", "2026-09-20")

    assert [getattr(item, "day", "problem") for item in found] == ["2026-09-02", "problem"]
    assert (found[1].since, found[1].until) == ("2026-09-08", "2026-09-20")
