"""Saved answers of payment providers' APIs: minor units, currencies without any, pages, and which payout a list is of."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.importing.statements.statement_files import read, written
from tests.importing.statements.test_read_payouts import batches_of, lines_of, report, sums
from twofold.errors import FileRefused
from twofold.importing.statements.formats import formats_of
from twofold.ledger.filing import local_day
from twofold.ledger.identity import name_of

FORMATS = formats_of("payouts")

# chain.md 9.5 in minor units: the API says 11622 for the first net.
TRANSACTIONS = [
    ("charge", 12000, 378, 11622, "ch_1"), ("charge", 4550, 162, 4388, "ch_2"), ("refund", -2000, 0, -2000, "re_1"),
    ("dispute", -4550, 1500, -6050, "dp_1"), ("fee", 0, 200, -200, None), ("reserve_transaction", -1000, 0, -1000, None),
    ("payout", -6760, 0, -6760, "po_1"),
]  # fmt: skip


def transaction(number: int, category: str, amount: int, fee: int, net: int, source, **more):
    return {"id": f"txn_{number}", "object": "balance_transaction", "amount": amount, "fee": fee, "net": net,
            "currency": "gel", "created": 1773223200 + number, "available_on": 1773792000, "status": "available",
            "reporting_category": category, "type": category, "source": source, "exchange_rate": None} | more  # fmt: skip


def listed(*items, **more) -> str:
    return json.dumps(
        {"object": "list", "data": list(items), "has_more": False, "url": "/v1/balance_transactions"} | more
    )


def all_of(rows=TRANSACTIONS):
    return [transaction(number, *row) for number, row in enumerate(rows, 1)]


def test_a_list_that_adds_up_to_its_payout_is_that_payouts(tmp_path):
    found = read(written(tmp_path, listed(*all_of()), "saved.json"), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("stripe-json", [], [])
    assert sums(lines_of(found))[0] == ("charge", "120.00", "3.78", "116.22")
    assert {line.batch for line in lines_of(found)} == {"po_1"}
    assert [(b.id, b.net) for b in batches_of(found)] == [("po_1", Decimal("67.60"))]


def test_the_api_and_the_report_tell_the_same_lines(tmp_path):
    """By the name under which a line is kept, whichever was imported first."""
    answer = lines_of(read(written(tmp_path, listed(*all_of()), "saved.json"), FORMATS))
    table = lines_of(read(written(tmp_path, report()), FORMATS))
    assert [name_of(line) for line in answer] == [name_of(line) for line in table]
    assert [(line.gross, line.fee, line.net) for line in answer] == [(line.gross, line.fee, line.net) for line in table]


def test_a_list_that_does_not_close_needs_the_payouts_name(tmp_path):
    """By the file's name, or by the address that was asked; a list of unknown lines is in no batch."""
    rows = all_of([row for row in TRANSACTIONS if row[0] != "reserve_transaction"])
    unnamed = read(written(tmp_path, listed(*rows), "saved.json"), FORMATS)
    assert {line.batch for line in lines_of(unnamed) if line.kind.value != "payout"} == {""}
    assert any("which payout" in note for note in unnamed.notes)
    for name, url in (
        ("po_1AbCd.json", "/v1/balance_transactions"),
        ("x.json", "/v1/balance_transactions?payout=po_1AbCd"),
    ):
        rows[-1]["source"] = "po_1AbCd"
        found = read(written(tmp_path, listed(*rows, url=url), name), FORMATS)
        assert [(u.id, u.difference) for u in found.unbalanced] == [("po_1AbCd", Decimal("-10.00"))]


def test_currencies_without_decimals_and_with_three(tmp_path):
    items = [transaction(1, "charge", 500, 20, 480, "ch_1", currency="jpy"), transaction(2, "charge", 5000, 20, 4980, "ch_2",
             currency="kwd")]  # fmt: skip
    found = read(written(tmp_path, listed(*items), "saved.json"), FORMATS)
    assert [str(line.gross) for line in lines_of(found)] == ["500", "5.000"]


def test_a_source_that_was_expanded_names_its_order_and_what_the_buyer_paid(tmp_path):
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "amount": 10000, "currency": "usd",
              "metadata": {"order_id": "1001"}}  # fmt: skip
    item = transaction(1, "charge", 27150, 1000, 26150, charge, exchange_rate=2.715)
    (line,) = lines_of(read(written(tmp_path, listed(item), "saved.json"), FORMATS))
    assert line.references == ("payment_intent:pi_1", "charge:ch_1", "order:1001")
    assert (line.original, line.original_currency, line.rate) == (Decimal("100.00"), "USD", Decimal("2.715"))


def test_payouts_carry_the_banks_trace(tmp_path):
    payout = {"id": "po_1", "object": "payout", "amount": 6760, "currency": "gel", "created": 1773792000,
              "arrival_date": 1773964800, "status": "paid", "trace_id": {"status": "supported", "value": "TRACE9"}}  # fmt: skip
    found = read(written(tmp_path, listed(payout, url="/v1/payouts"), "payouts.json"), FORMATS)
    (batch,) = batches_of(found)
    assert (batch.net, batch.bank_reference, batch.status, batch.expected_at) == (
        Decimal("67.60"), "TRACE9", "paid", 1773964800)  # fmt: skip


@pytest.mark.parametrize("amount", ["116.22", 116.22, "abc", None, True])
def test_an_amount_in_major_units_is_refused_with_its_place(tmp_path, amount):
    """The unit is never guessed from a decimal point."""
    items = all_of()
    items[1]["net"] = amount
    found = read(written(tmp_path, listed(*items), "saved.json"), FORMATS)
    assert [(p.row, p.column, p.reason) for p in found.problems] == [(2, "net", "bad_amount")]


def test_a_cut_answer_is_refused_and_more_pages_are_asked_for(tmp_path):
    with pytest.raises(FileRefused, match="cut"):
        read(written(tmp_path, listed(*all_of())[:-40], "saved.json"), FORMATS)
    found = read(written(tmp_path, listed(*all_of()[:3], has_more=True), "po_1abc.json"), FORMATS)
    assert any("more" in note for note in found.notes)
    assert found.unbalanced == []


def test_one_object_a_line_is_read_too(tmp_path):
    text = "\n".join(json.dumps(item) for item in all_of())
    assert len(lines_of(read(written(tmp_path, text, "saved.jsonl"), FORMATS))) == 7


# -- Shopify


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


def node(number: int, kind: str, amount: str, fee: str, net: str, **more):
    return {"id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{number}", "type": kind, "sourceType": kind,
            "amount": money(amount), "fee": money(fee), "net": money(net), "test": False,
            "transactionDate": "2026-09-01T14:00:00Z",
            "associatedOrder": {"id": "gid://shopify/Order/5001", "name": "#1001"},
            "associatedPayout": {"id": "gid://shopify/ShopifyPaymentsPayout/77", "status": "PAID"}} | more  # fmt: skip


def answer(nodes, payouts=(), **more) -> str:
    edges = [{"node": n} for n in nodes]
    account = {
        "balanceTransactions": {"edges": edges, "pageInfo": {"hasNextPage": False}},
        "payouts": {"nodes": list(payouts)},
    }
    return json.dumps({"data": {"shopifyPaymentsAccount": account | more}})


PAYOUT = {"id": "gid://shopify/ShopifyPaymentsPayout/77", "net": money("33.39"), "issuedAt": "2026-09-03T00:00:00Z",
          "status": "PAID", "transactionType": "DEPOSIT", "externalTraceId": "TRACE77"}  # fmt: skip


def test_a_line_of_shopifys_answers_has_the_day_that_it_names(tmp_path):
    """Half past midnight at the shop is the evening before in UTC."""
    text = answer([node(1, "CHARGE", "45.00", "1.61", "43.39", transactionDate="2026-09-01T00:30:00+04:00")])
    (line,) = lines_of(read(written(tmp_path, text, "shopify.json"), FORMATS))
    assert (line.at, line.zone, local_day(line)) == (1_788_208_200, "+04:00", "2026-09-01")


def test_shopifys_answers_close_and_carry_the_trace(tmp_path):
    text = answer([node(1, "CHARGE", "45.00", "1.61", "43.39", sourceOrderTransactionId="7128676925696"),
                   node(2, "REFUND", "-10.00", "0.00", "-10.00"), node(3, "CHARGE", "9.00", "0.00", "9.00", test=True)],
                  [PAYOUT])  # fmt: skip
    found = read(written(tmp_path, text, "shopify.json"), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("shopify-json", [], [])
    assert [d.reason for d in found.dropped] == ["test"]
    charge, refund = lines_of(found)
    assert charge.references == ("order:5001", "number:1001", "transaction:7128676925696")
    assert (charge.id, charge.batch, refund.kind.value) == ("1", "77", "refund")
    (batch,) = batches_of(found)
    assert (batch.net, batch.bank_reference) == (Decimal("33.39"), "TRACE77")


def test_a_withdrawal_takes_money_from_the_bank(tmp_path):
    payout = PAYOUT | {"net": money("10.00"), "transactionType": "WITHDRAWAL"}
    found = read(
        written(tmp_path, answer([node(2, "REFUND", "-10.00", "0.00", "-10.00")], [payout]), "s.json"), FORMATS
    )
    assert [b.net for b in batches_of(found)] == [Decimal("-10.00")]
    assert found.unbalanced == []


def test_a_payout_with_a_missing_line_is_open(tmp_path):
    found = read(written(tmp_path, answer([node(1, "CHARGE", "45.00", "1.61", "43.39")], [PAYOUT]), "s.json"), FORMATS)
    assert [(u.id, u.difference) for u in found.unbalanced] == [("77", Decimal("-10.00"))]


# -- Klarna


def klarna(**more):
    payout = {"payment_reference": "XISA93DJ", "payout_date": "2026-03-14T07:45:00Z", "currency_code": "EUR",
              "merchant_id": "K123456", "merchant_settlement_type": "NET", "totals": {"settlement_amount": 9622}} | more  # fmt: skip
    base = {"merchant_reference1": "1001", "order_id": "c504", "short_order_id": "9875QW2", "currency_code": "EUR",
            "sale_date": "2026-03-10T07:45:00Z", "capture_date": "2026-03-11T07:45:00Z",
            "payout": "https://api.klarna.com/settlements/v1/payouts/XISA93DJ"}  # fmt: skip
    rows = [base | {"type": "SALE", "amount": 12000, "capture_id": "cap-1"},
            base | {"type": "FEE", "amount": 378, "capture_id": "cap-1", "detailed_type": "PURCHASE_FEE_PERCENTAGE"},
            base | {"type": "RETURN", "amount": 2000, "capture_id": "", "refund_id": "ref-1"}]  # fmt: skip
    return json.dumps({"payouts": [payout], "transactions": rows})


def test_klarnas_answers_are_in_minor_units_with_the_sign_of_the_type(tmp_path):
    found = read(written(tmp_path, klarna(), "klarna.json"), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("klarna-json", [], [])
    assert [f"{line.net:.2f}" for line in lines_of(found)] == ["120.00", "-3.78", "-20.00"]
    assert [(b.id, b.net) for b in batches_of(found)] == [("XISA93DJ", Decimal("96.22"))]


def test_klarnas_tax_on_a_fee_goes_where_the_fee_goes(tmp_path):
    """120.00 - 3.78 - 0.95 tax + 1.00 of the fee given back with its 0.25 - 20.00 = 96.52."""
    answer = json.loads(klarna(totals={"settlement_amount": 9652}))
    sale, fee, back = answer["transactions"]
    refund = fee | {
        "type": "FEE_REFUND",
        "amount": 100,
        "vat_amount": 25,
        "detailed_type": "PURCHASE_FEE_PERCENTAGE_REFUND",
    }
    answer["transactions"] = [sale, fee | {"vat_amount": 95}, refund, back]
    found = read(written(tmp_path, json.dumps(answer), "klarna.json"), FORMATS)
    assert (found.problems, found.unbalanced) == ([], [])
    assert [f"{line.net:.2f}" for line in lines_of(found)] == ["120.00", "-4.73", "1.25", "-20.00"]
    assert [f"{line.fee:.2f}" for line in lines_of(found)] == ["0.00", "4.73", "-1.25", "0.00"]


def test_klarnas_fees_that_are_invoiced_are_no_part_of_the_payout(tmp_path):
    text = klarna(merchant_settlement_type="GROSS", totals={"settlement_amount": 10000})
    found = read(written(tmp_path, text, "klarna.json"), FORMATS)
    assert found.unbalanced == []
    assert [line.batch for line in lines_of(found)] == ["XISA93DJ", "", "XISA93DJ"]
