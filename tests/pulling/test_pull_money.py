"""Stripe, Shopify Payments and the Bank of Georgia, each against a stand-in that behaves as its documents say."""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal as D
from pathlib import Path

import pytest

from tests.pulling.stand_in import TOKEN, Asked, Puller, Reply, standing_in
from twofold.ledger.lines import MoneyKind
from twofold.pulling.run import PulledDay

DAY = 1_773_100_800  # 2026-03-10 00:00 UTC


def transaction(n: int, net: int, kind: str = "charge", fee: int = 0, source: str | None = None, at: int = DAY) -> dict:
    of = source or f"ch_{n}"
    return {"id": f"txn_{n}", "object": "balance_transaction", "amount": net + fee, "fee": fee, "net": net, "currency": "gel",
            "type": kind, "reporting_category": kind, "created": at, "available_on": at + 86400, "status": "available",
            "source": {"id": of, "object": "charge", "payment_intent": f"pi_{n}", "metadata": {"order_id": f"A{n}"}} if kind == "charge" else of,
            "description": "Nino Beridze"}  # fmt: skip


class Stripe:
    """Lists of two objects a page, newest first; a payout whose lines were made the week before."""

    def __init__(self) -> None:
        self.paid_out = [transaction(n, 1000 * n - 30, fee=30, at=DAY - 7 * 86400) for n in (1, 2, 3)]
        total = sum(t["net"] for t in self.paid_out)
        self.payouts = [{"id": "po_1", "object": "payout", "amount": total, "currency": "gel", "automatic": True, "created": DAY - 86400,
                         "arrival_date": DAY, "status": "paid", "trace_id": {"value": "TRACE1"}}]  # fmt: skip
        self.payout_row = transaction(9, -total, "payout", source="po_1", at=DAY - 86400)
        self.pending = [transaction(4, 5000)]
        self.refuses: list[Reply] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        if self.refuses:
            return self.refuses.pop(0)
        if asked.path == "/v1/payouts":
            first, end = int(asked.query["arrival_date[gte]"]), int(asked.query["arrival_date[lt]"])
            found = [p for p in self.payouts if first <= p["arrival_date"] < end]
        elif "payout" in asked.query:
            found = [self.payout_row, *self.paid_out]
        else:
            first, end = int(asked.query["created[gte]"]), int(asked.query["created[lt]"])
            found = [t for t in (*self.pending, self.payout_row, *self.paid_out) if first <= t["created"] < end]
        start = next((n + 1 for n, o in enumerate(found) if o["id"] == asked.query.get("starting_after")), 0)
        page = found[start : start + 2]
        return Reply(body={"object": "list", "url": asked.path, "has_more": start + 2 < len(found), "data": page})


def stripe(tmp_path, url: str) -> Puller:
    return Puller(tmp_path, platform="stripe", token=TOKEN, endpoint=url)


def test_stripe_lines_and_their_payout(tmp_path):
    """The payout closes on its lines, which were made before; what is not paid out yet is there, without a batch."""
    with standing_in(Stripe()) as served:
        one = stripe(tmp_path, served.url)
        days = one.days("2026-03-08", "2026-03-11")
        assert days["2026-03-03"] == (3, 0, 0)
        versions = one.versions("batch")
        again = one.days("2026-03-08", "2026-03-11")

    assert one.versions("batch") == versions == 1
    assert all(new == restated == 0 for new, restated, _ in again.values())
    lines = {line.id: line for line in one.lines("money")}
    assert {id_: (line.net, line.fee, line.batch) for id_, line in lines.items()} == {
        "txn_1": (D("9.70"), D("0.30"), "po_1"), "txn_2": (D("19.70"), D("0.30"), "po_1"), "txn_3": (D("29.70"), D("0.30"), "po_1"),
        "txn_4": (D("50.00"), D(0), ""), "txn_9": (D("-59.10"), D(0), "po_1"),
    }  # fmt: skip
    assert "order:A1" in lines["txn_1"].references
    assert lines["txn_9"].kind is MoneyKind.PAYOUT
    (batch,) = one.lines("batch")
    assert (batch.id, batch.net, batch.bank_reference) == ("po_1", D("59.10"), "TRACE1")
    assert "Beridze" not in repr(lines)


def test_stripe_manual_payout_has_its_own_line_only(tmp_path):
    served = Stripe()
    served.payouts[0] |= {"automatic": False, "balance_transaction": "txn_9"}

    def answer(asked: Asked) -> Reply:
        if asked.path == "/v1/balance_transactions/txn_9":
            return Reply(body=served.payout_row)
        return served(asked)

    with standing_in(answer) as stand_in:
        one = stripe(tmp_path, stand_in.url)
        found = one.pull("2026-03-08", "2026-03-11")

    assert {line.id for line in one.lines("money")} == {"txn_4", "txn_9"}
    assert [b.id for b in one.lines("batch")] == ["po_1"]
    assert len([item for item in found if isinstance(item, PulledDay)]) == 2


def test_stripe_payout_that_does_not_close_is_named(tmp_path):
    broken = Stripe()
    broken.payouts[0]["amount"] += 100
    with standing_in(broken) as served:
        one = stripe(tmp_path, served.url)
        problem = one.problem("2026-03-08", "2026-03-11")

    assert (problem.code, problem.who) == ("not_closed", "operator")
    assert "po_1" in problem.text
    assert len(one.lines("money")) == 5


def test_stripe_line_gets_its_payout_later(tmp_path):
    """A line that was pending is the same line when it is paid out."""
    served = Stripe()
    payouts, served.payouts = served.payouts, []
    with standing_in(served) as stand_in:
        one = stripe(tmp_path, stand_in.url)
        one.days("2026-03-01", "2026-03-11")
        assert {line.batch for line in one.lines("money") if line.id == "txn_1"} == {""}
        served.payouts = payouts
        one.days("2026-03-01", "2026-03-11")
        one.days("2026-03-01", "2026-03-11")

    assert {line.id: line.batch for line in one.lines("money")}["txn_1"] == "po_1"
    assert len(one.lines("money")) == 5


@pytest.mark.parametrize(
    ("reply", "code", "who"),
    [(Reply(status=401, body={"error": {"message": f"Invalid API Key provided: {TOKEN}"}}), "expired_token", "operator"),
     (Reply(status=403, body={"error": {"message": "no"}}), "no_permission", "operator"),
     (Reply(status=429, headers={"Retry-After": "600"}), "throttled", "nobody"),
     (Reply(body={"object": "list", "data": [{}], "has_more": False}), "unexpected_answer", "platform"),
     (Reply(body={"object": "list", "data": [], "has_more": True}), "unexpected_answer", "platform")],
)  # fmt: skip
def test_what_stripe_refuses(tmp_path, reply, code, who):
    served = Stripe()
    served.refuses = [reply] * 9
    with standing_in(served) as stand_in:
        problem = stripe(tmp_path, stand_in.url).problem("2026-03-10", "2026-03-10")

    assert (problem.code, problem.who) == (code, who)


# -- Shopify


def money(amount: str) -> dict:
    return {"amount": amount, "currencyCode": "EUR"}


class Shopify:
    """Pages of two nodes, newest first."""

    def __init__(self) -> None:
        gid = "gid://shopify"
        self.lines = [
            {"id": f"{gid}/ShopifyPaymentsBalanceTransaction/{n}", "type": "CHARGE", "test": False, "sourceId": str(n), "sourceType": "CHARGE",
             "sourceOrderTransactionId": f"7{n}", "transactionDate": f"2026-03-{day:02}T10:00:00Z", "amount": money("30.00"),
             "fee": money("1.00"), "net": money("29.00"), "associatedOrder": {"id": f"{gid}/Order/{n}", "name": f"#{n}"},
             "associatedPayout": {"id": f"{gid}/ShopifyPaymentsPayout/9", "status": "PAID"}}
            for n, day in ((1005, 11), (1004, 10), (1003, 10), (1002, 9), (1001, 2), (1000, 2), (999, 1), (998, 1), (997, 1))
        ]  # fmt: skip
        self.payouts = [{"id": f"{gid}/ShopifyPaymentsPayout/9", "issuedAt": "2026-03-11T00:00:00Z", "status": "PAID",
                         "transactionType": "DEPOSIT", "externalTraceId": "T9", "net": money("116.00")}]  # fmt: skip
        self.refuses: list[Reply] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == "/admin/api/2026-10/graphql.json"
        assert asked.headers["x-shopify-access-token"] == TOKEN
        if self.refuses:
            return self.refuses.pop(0)
        name = "balanceTransactions" if "balanceTransactions(" in asked.json["query"] else "payouts"
        nodes = self.lines if name == "balanceTransactions" else self.payouts
        start = int(asked.json["variables"]["after"] or 0)
        page = {
            "nodes": nodes[start : start + 2],
            "pageInfo": {"hasNextPage": start + 2 < len(nodes), "endCursor": str(start + 2)},
        }
        return Reply(body={"data": {"shopifyPaymentsAccount": {name: page}}})


def shopify(tmp_path, url: str) -> Puller:
    return Puller(tmp_path, platform="shopify", id="demo.myshopify.com", token=TOKEN, endpoint=url)


def throttled(missing: int) -> Reply:
    cost = {"requestedQueryCost": 500, "throttleStatus": {"currentlyAvailable": 500 - missing, "restoreRate": 50.0}}
    errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    return Reply(body={"errors": errors, "extensions": {"cost": cost}})


def test_shopify_newest_first_until_the_days_are_behind(tmp_path):
    served = Shopify()
    served.refuses = [throttled(200)]
    with standing_in(served) as stand_in:
        one = shopify(tmp_path, stand_in.url)
        days = one.days("2026-03-09", "2026-03-11")

    lists = [asked for asked in stand_in.asked if "balanceTransactions(" in asked.json["query"]]
    assert len(lists) == 1 + 3  # the one that was throttled, and three pages of five: the days are over then
    assert one.slept == [4]  # as long as it takes to restore what was missing
    assert {day: counts[0] for day, counts in days.items()} == {"2026-03-09": 1, "2026-03-10": 2, "2026-03-11": 2}
    lines = one.lines("money")
    assert {line.batch for line in lines} == {"9"}
    assert sorted(ref for line in lines for ref in line.references if ref.startswith("number:")) == [
        "number:1002",
        "number:1003",
        "number:1004",
        "number:1005",
    ]
    (batch,) = one.lines("batch")
    assert (batch.net, batch.bank_reference) == (D("116.00"), "T9")


@pytest.mark.parametrize(
    ("reply", "code"),
    [(Reply(status=401, body={"errors": "[API] Invalid API key or access token"}), "expired_token"),
     (Reply(body={"errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]}), "no_permission"),
     (Reply(body={"data": {"shopifyPaymentsAccount": None}}), "no_payments"), (throttled(500_000), "throttled"),
     (Reply(body={"errors": [{"message": "Field 'x' doesn't exist"}]}), "unexpected_answer")],
)  # fmt: skip
def test_what_shopify_refuses(tmp_path, reply, code):
    served = Shopify()
    served.refuses = [reply] * 9
    with standing_in(served) as stand_in:
        assert shopify(tmp_path, stand_in.url).problem("2026-03-09", "2026-03-11").code == code


# -- Bank of Georgia

ACCOUNT = "GE29BG0000000123456789"


def record(n: int) -> dict:
    return {"EntryDate": "2026-03-10T00:00:00", "EntryDocumentNumber": str(n), "EntryAccountNumber": ACCOUNT, "EntryAmountDebit": 0.0,
            "EntryAmountCredit": 10.0 + n, "EntryAmount": 10.0 + n, "EntryAmountBase": 10.0 + n, "EntryComment": f"order {1000 + n}",
            "EntryId": 7_000_000 + n, "DocumentProductGroup": "PMI", "DocumentValueDate": "2026-03-10T00:00:00",
            "SenderDetails": {"Name": "Nino Beridze", "AccountNumber": "GE00TB0000000000000001"}, "BeneficiaryDetails": {}, "DocumentNomination": "goods",
            "DocumentKey": n, "DocComment": ""}  # fmt: skip


class Bank:
    """The first records with the statement, the others by page; whether page 1 repeats the first is not documented."""

    def __init__(self, repeats_first: bool, count: int = 5) -> None:
        self.records = [record(n) for n in range(count)]
        self.repeats_first = repeats_first
        self.token = Reply(body={"access_token": "for-half-an-hour", "expires_in": 1800})

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            assert asked.headers["authorization"] == "Basic " + b64encode(f"client:{TOKEN}".encode()).decode()
            return self.token
        assert asked.headers["authorization"] == "Bearer for-half-an-hour"
        prefix = f"/api/statement/{ACCOUNT}/GEL/"
        assert asked.path.startswith(prefix)
        first, second = asked.path.removeprefix(prefix).split("/")
        place = 0 if "-" in first else int(second) - self.repeats_first
        page = self.records[2 * place : 2 * place + 2]
        return Reply(body={"Id": 55, "Count": len(self.records), "Records": page})


def bank(tmp_path: Path, url: str) -> Puller:
    return Puller(
        tmp_path, platform="bog", id=ACCOUNT, currency="GEL", client_id="client", client_secret=TOKEN, endpoint=url
    )


@pytest.mark.parametrize("repeats_first", [True, False])
def test_statement_with_all_its_pages(tmp_path, repeats_first):
    with standing_in(Bank(repeats_first)) as served:
        one = bank(tmp_path, served.url)
        days = one.days("2026-03-10", "2026-03-10")
        again = one.days("2026-03-10", "2026-03-10")

    lines = one.lines("money")
    assert sum(line.gross for line in lines) == D(60)
    assert len(lines) == 5
    assert days["2026-03-10"][0] >= 5
    assert again["2026-03-10"][:2] == (0, 0)
    stored = (tmp_path / "data").rglob("*")
    assert not any(b"Beridze" in path.read_bytes() for path in stored if path.is_file())


def test_statement_whose_pages_end_too_early(tmp_path):
    short = Bank(repeats_first=True)

    def answer(asked: Asked) -> Reply:
        reply = short(asked)
        return Reply(body={**json.loads(reply.content), "Count": 9}) if "statement" in asked.path else reply

    with standing_in(answer) as served:
        one = bank(tmp_path, served.url)
        assert one.problem("2026-03-10", "2026-03-10").code == "unexpected_answer"


def test_statement_whose_last_page_comes_again_and_again(tmp_path):
    """A page that brings nothing new ends the search for what is missing."""
    full = Bank(repeats_first=True)

    def answer(asked: Asked) -> Reply:
        if "statement" not in asked.path:
            return full(asked)
        first = "-" in asked.path.rsplit("/", 2)[1]
        return Reply(body={"Id": 55, "Count": 9, "Records": full.records[:2] if first else full.records[2:4]})

    with standing_in(answer) as served:
        assert bank(tmp_path, served.url).problem("2026-03-10", "2026-03-10").code == "unexpected_answer"
        assert len(served.asked) < 6


def test_bank_that_lets_nobody_in(tmp_path):
    closed = Bank(repeats_first=True)
    closed.token = Reply(status=401, body={"error": "unauthorized_client"})
    with standing_in(closed) as served:
        problem = bank(tmp_path, served.url).problem("2026-03-10", "2026-03-10")

    assert (problem.code, problem.who) == ("expired_token", "operator")


# -- TBC

TBC_ACCOUNT = "GE29TB7777777777777777"


def movement(n: int, **more) -> dict:
    return {"movementId": f"mv-{n}.1", "externalPaymentId": f"90{n}", "amount": 10.5 + n, "currency": "GEL", "purpose": f"order {1000 + n}",
            "isDebit": False, "documentDate": "2026-03-10T00:00:00", "date": "2026-03-10T14:05:11", "statusCode": 0, "transactionType": 20,
            "documentNumber": "1", "partnerAccountInfo": {"accountIban": "GE00BG0000000000000001", "partnerName": "Nino Beridze"}, **more}  # fmt: skip


class Tbc:
    """Pages of two from 0; past the end a page is empty."""

    def __init__(self) -> None:
        self.movements = [movement(0), movement(1), movement(2, isDebit=True), movement(3, statusCode=1), movement(4)]
        self.token = Reply(body={"access_token": "tbc-token", "token_type": "Bearer", "expires_in": 3600})
        self.total = 0

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/oauth/token":
            assert asked.form == {"grant_type": "client_credentials", "scope": "bab_accounts"}
            assert asked.headers["authorization"] == "Basic " + b64encode(f"client:{TOKEN}".encode()).decode()
            return self.token
        assert asked.path == "/bab/v1/accounts/movements"
        assert (asked.query["AccountNumber"], asked.query["AccountCurrencyCode"]) == (TBC_ACCOUNT, "GEL")
        assert (asked.query["PeriodFrom"], asked.query["PeriodTo"]) == ("2026-03-10T00:00:00", "2026-03-11T23:59:59")
        start = 2 * int(asked.query["PageIndex"])
        return Reply(
            body={"transactions": self.movements[start : start + 2], "total": self.total or len(self.movements)}
        )


def tbc(tmp_path: Path, url: str) -> Puller:
    return Puller(
        tmp_path, platform="tbc", id=TBC_ACCOUNT, currency="GEL", client_id="client", client_secret=TOKEN, endpoint=url
    )


def test_tbc_movements_of_all_pages(tmp_path):
    """What is not signed yet is pending; equal document numbers are no ids; signed later, it is the same line."""
    served = Tbc()
    with standing_in(served) as stand_in:
        one = tbc(tmp_path, stand_in.url)
        one.days("2026-03-10", "2026-03-11")
        told = {line.id: (line.gross, line.status) for line in one.lines("money")}
        served.movements[3]["statusCode"] = 0
        one.days("2026-03-10", "2026-03-11")

    assert told == {
        "mv-0.1": (D("10.5"), "booked"), "mv-1.1": (D("11.5"), "booked"), "mv-2.1": (D("-12.5"), "booked"),
        "mv-3.1": (D("13.5"), "pending"), "mv-4.1": (D("14.5"), "booked"),
    }  # fmt: skip
    lines = one.lines("money")
    assert {line.status for line in lines} == {"booked"}
    assert (len(lines), {line.account for line in lines}, {line.zone for line in lines}) == (
        5,
        {TBC_ACCOUNT},
        {"Asia/Tbilisi"},
    )
    assert not any(b"Beridze" in path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())


def test_tbc_that_lacks_movements_or_lets_nobody_in(tmp_path):
    served = Tbc()
    with standing_in(served) as stand_in:
        served.total = 9
        assert tbc(tmp_path, stand_in.url).problem("2026-03-10", "2026-03-11").code == "unexpected_answer"
        served.token = Reply(status=401, body={"error": "invalid_client"})
        problem = tbc(tmp_path, stand_in.url).problem("2026-03-10", "2026-03-11")
    assert (problem.code, problem.who) == ("expired_token", "operator")


@pytest.mark.parametrize(
    ("change", "column"),
    [({"amount": "ten"}, "amount"), ({"amount": None}, "amount"), ({"isDebit": "no"}, "amount"), ({"date": None, "documentDate": "?"}, "date"),
     ({"statusCode": 7}, "statusCode")],
)  # fmt: skip
def test_tbc_movement_that_cannot_be_read_costs_itself(tmp_path, change, column):
    served = Tbc()
    served.movements[1] = movement(1, **change)
    with standing_in(served) as stand_in:
        one = tbc(tmp_path, stand_in.url)
        problem = one.problem("2026-03-10", "2026-03-11")

    assert (problem.code, f", {column}:" in problem.text) == ("unreadable_entry", True)
    assert len(one.lines("money")) == 4
