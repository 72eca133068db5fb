"""Rates fetched from two central banks: days, holidays, throttling, refusals, and what is said again."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal as D

import pytest

from tests.pulling.stand_in import Asked, Puller, Reply, standing_in
from twofold.config import AccountSettings
from twofold.ledger.lines import Rate
from twofold.ledger.rates import Rates
from twofold.pulling.questions import shown


class Nbg:
    """A bank that has no rates of its own on the weekend: then it gives the last, with the day from which it holds."""

    def __init__(self) -> None:
        self.rates = {"2026-03-06": 2.7, "2026-03-09": 2.71, "2026-03-10": 2.72}
        self.refuses: list[Reply] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == "/gw/api/ct/monetarypolicy/currencies/en/json/"
        if self.refuses:
            return self.refuses.pop(0)
        valid = max(day for day in self.rates if day <= asked.query["date"])
        one = {"code": "USD", "quantity": 1, "rate": self.rates[valid], "validFromDate": f"{valid}T00:00:00.000Z"}
        yen = {"code": "JPY", "quantity": 100, "rate": 1.75, "validFromDate": f"{valid}T00:00:00.000Z"}
        return Reply(body=[{"date": f"{asked.query['date']}T00:00:00.000Z", "currencies": [one, yen]}])


def test_nbg_over_a_weekend(tmp_path):
    """Saturday and Sunday are told with Friday's day: one line; 10,000 yen are 175.00 lari."""
    with standing_in(Nbg()) as bank:
        puller = Puller(tmp_path, platform="nbg", endpoint=bank.url)
        assert puller.days("2026-03-06", "2026-03-10") == {
            "2026-03-06": (2, 0, 0), "2026-03-09": (2, 0, 0), "2026-03-10": (2, 0, 0),
        }  # fmt: skip
        assert [asked.query["date"] for asked in bank.asked] == [f"2026-03-{day:02}" for day in range(6, 11)]

    rates = puller.lines("rate")
    assert Rate(source="nbg", day="2026-03-09", currency="USD", rate=D("2.71"), base="GEL") in rates
    rate = Rates(rates).factor("JPY", "GEL", "2026-03-10")
    assert rate is not None
    assert 10_000 * rate.value == 175


def test_nbg_again_restated_and_restated_back(tmp_path):
    """What was said before stays beside it, also when the bank comes back to it."""
    bank = Nbg()
    with standing_in(bank) as served:
        puller = Puller(tmp_path, platform="nbg", endpoint=served.url)
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (2, 0, 0)}
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (0, 0, 2)}
        bank.rates["2026-03-10"] = 2.75
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (0, 1, 1)}
        bank.rates["2026-03-10"] = 2.72
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (0, 1, 1)}

    assert {str(rate.rate) for rate in puller.lines("rate")} == {"2.72", "1.75"}
    assert puller.versions("rate") == 4  # 2.72, 2.75, 2.72 again, and the yen once


def test_default_span_is_the_accounts_days_with_today(tmp_path):
    with standing_in(Nbg()) as bank:
        Puller(tmp_path, platform="nbg", endpoint=bank.url, days=3, timezone="Asia/Tbilisi").days()

    assert [asked.query["date"] for asked in bank.asked] == ["2026-03-09", "2026-03-10", "2026-03-11"]


def test_told_to_wait_it_waits_and_asks_again(tmp_path):
    bank = Nbg()
    bank.refuses = [Reply(status=429, headers={"Retry-After": "7"}), Reply(status=503),
                    Reply(status=429, headers={"Retry-After": "Wed, 11 Mar 2026 06:20:12 GMT"})]  # fmt: skip
    with standing_in(bank) as served:
        puller = Puller(tmp_path, platform="nbg", endpoint=served.url)
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (2, 0, 0)}

    assert puller.slept[0] == 7  # as told
    assert puller.slept[1] > 0  # of its own
    assert 0 <= puller.slept[2] <= 12  # until the moment that was named


@pytest.mark.parametrize(
    ("reply", "code", "who"),
    [
        (Reply(status=429, headers={"Retry-After": "9999"}), "throttled", "nobody"),
        (Reply(status=500), "unreachable", "platform"),
        (Reply(status=404), "not_found", "operator"),
        (Reply(status=302, headers={"Location": "https://elsewhere.example/"}), "unexpected_answer", "operator"),
        (Reply(body=b"<html>maintenance</html>"), "unexpected_answer", "platform"),
        (Reply(body=b'[{"currencies":[{"code":"USD","quantity":1,'), "unreadable_answer", "platform"),
        (Reply(body=[{"currencies": [{"code": "USD"}]}], cut=True), "unreachable", "nobody"),
    ],
)
def test_what_cannot_be_had_is_said_and_leaves_nothing(tmp_path, reply, code, who):
    bank = Nbg()
    with standing_in(bank) as served:
        puller = Puller(tmp_path, platform="nbg", endpoint=served.url)
        bank.refuses = [reply] * 9
        problem = puller.problem("2026-03-10", "2026-03-10")
        assert (problem.code, problem.who, problem.since) == (code, who, "2026-03-10")
        bank.refuses = []
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (2, 0, 0)}


def test_nobody_listens(tmp_path):
    with standing_in(Nbg()) as bank:
        url = bank.url

    assert Puller(tmp_path, platform="nbg", endpoint=url).problem("2026-03-10", "2026-03-10").code == "unreachable"


def test_months_before_a_failure_stay(tmp_path):
    """Thirty-one days are one portion: what failed later takes none of them away, and the problem says from which day."""
    bank = Nbg()
    bank.rates = {"2026-01-01": 2.6, "2026-02-10": 2.7}

    def failing(asked: Asked) -> Reply:
        return Reply(status=500) if asked.query["date"] > "2026-02-15" else bank(asked)

    with standing_in(failing) as served:
        puller = Puller(tmp_path, platform="nbg", endpoint=served.url)
        found = puller.pull("2026-01-01", "2026-02-20")

    assert [getattr(item, "day", "") for item in found] == ["2026-01-01", ""]
    assert (found[1].since, found[1].until) == ("2026-02-01", "2026-02-20")
    assert [rate.day for rate in puller.lines("rate")] == ["2026-01-01", "2026-01-01"]


def test_dry_run_writes_nothing(tmp_path):
    with standing_in(Nbg()) as bank:
        puller = Puller(tmp_path, platform="nbg", endpoint=bank.url)
        (day,) = puller.pull("2026-03-10", "2026-03-10", dry_run=True)
        assert (day.day, day.lines, day.new) == ("2026-03-10", 2, None)
        assert puller.days("2026-03-10", "2026-03-10") == {"2026-03-10": (2, 0, 0)}


TABLE = (
    "Date,USD,JPY,\n2026-03-10,1.17,184.00,\n2026-03-09,1.16,183.00,\n2026-03-06,1.15,N/A,\n2025-11-03,1.15,178.00,\n"
)


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", text)
    return out.getvalue()


def ecb(asked: Asked) -> Reply:
    if asked.path == "/stats/eurofxref/eurofxref-hist-90d.csv":
        return Reply(body=TABLE.replace("2025-11-03,1.15,178.00,\n", "").encode())
    assert asked.path == "/stats/eurofxref/eurofxref-hist.zip"
    return Reply(body=zipped(TABLE))


def test_ecb_takes_the_days_that_were_asked_for(tmp_path):
    with standing_in(ecb) as bank:
        puller = Puller(tmp_path, platform="ecb", endpoint=bank.url)
        assert puller.days("2026-03-07", "2026-03-10") == {"2026-03-09": (2, 0, 0), "2026-03-10": (2, 0, 0)}
        assert puller.days("2026-03-06", "2026-03-09") == {"2026-03-06": (1, 0, 0), "2026-03-09": (0, 0, 2)}
        assert puller.days("2026-03-07", "2026-03-08") == {}


def test_ecb_older_days_come_out_of_the_zip(tmp_path):
    with standing_in(ecb) as bank:
        puller = Puller(tmp_path, platform="ecb", endpoint=bank.url)
        assert puller.days("2025-11-01", "2025-11-05") == {"2025-11-03": (2, 0, 0)}


@pytest.mark.parametrize("body", [b"PK\x03\x04broken", b"<html></html>", b""])
def test_ecb_answer_that_is_none(tmp_path, body):
    with standing_in(lambda _: Reply(body=body)) as bank:
        assert Puller(tmp_path, platform="ecb", endpoint=bank.url).problem().code == "unexpected_answer"


def test_of_what_a_platform_says_no_credential_is_shown():
    """Whatever it looks like; and nobody's address."""
    account = AccountSettings(
        platform="ga4", id="7", token="blue", client_id="green", client_secret="red", developer_token="grey"
    )

    said = shown(account, "blue sky, green grass, red and grey stone of nino@example.com")

    assert said == "… sky, … grass, … and … stone of …"
