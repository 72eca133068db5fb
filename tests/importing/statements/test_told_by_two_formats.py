"""One account in two formats, from files, in both orders: every movement counts once, nothing is lost, batches close."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.importing.readers.made_files import workbook
from tests.importing.statements.bank_files import OWN
from tests.importing.statements.test_bog_answers import answer, record
from tests.importing.statements.test_camt import balance, document, entry
from tests.importing.statements.test_import_payouts import BY_DAY, PAID
from tests.importing.statements.test_import_payouts import Folder as Files
from tests.importing.statements.test_read_couriers import HEADER
from tests.importing.statements.test_read_couriers import table as remittance
from tests.importing.statements.test_read_payout_answers import all_of, listed
from tests.importing.statements.test_read_payouts import STL, report, shopify
from tests.importing.statements.test_swift import statement
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.reading.folder import Folder

D = Decimal
File = tuple[Any, str, str, dict[str, Any]]  # content, name, kind, options


def told(tmp_path: Path, files: Sequence[File]) -> list[tuple[Any, ...]]:
    """What counts after the files were imported, for every order of them; it must be one and the same."""
    found = set()
    tmp_path.mkdir(exist_ok=True)
    for number, order in enumerate(permutations(files)):
        made = Files(tmp_path / str(number))
        for content, name, kind, options in order:
            if isinstance(content, bytes):
                (made.folder / name).write_bytes(content)
            said = _take(made, content, name, kind, options)
            assert not said.refused, said
        with Folder(made.data) as store:
            lines = tuple(sorted(
                (str(e.line.kind), e.line.gross, e.line.net, e.line.batch, tuple(sorted(e.line.references)))
                for e in store.entries() if e.line.status == "booked"
            ))  # fmt: skip
            groups = tuple(
                (g.key, g.declared, g.lines, g.count) for g in groups_of(store.batches(), store.entries())
            )  # fmt: skip
        found.add((lines, groups))
    assert len(found) == 1, found
    return [found.pop()][0]


def _take(made: Files, content: Any, name: str, kind: str, options: dict[str, Any]):
    if isinstance(content, str):
        return made.take(content, name, kind, **options)
    from twofold.importing.statements.plan import StatementPlan
    from twofold.importing.statements.run import import_statement

    made.now += 60_000
    return import_statement(made.settings, StatementPlan(kind=kind, path=made.folder / name, **options), made.now)


def sheet(folder: Path, rows: list[list[str]]) -> bytes:
    workbook(folder / "made.xlsx", rows)
    return (folder / "made.xlsx").read_bytes()


def sums(lines: Sequence[tuple[Any, ...]]) -> list[tuple[str, str]]:
    return [(kind, f"{gross:.2f}") for kind, gross, *_ in lines]


# -- Shopify Payments


def node(number: int, order: str, at: str, amount: str, fee: str, net: str, payout: str = "9001", kind: str = "CHARGE"):
    return {"id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{number}", "type": kind, "transactionDate": at, "test": False,
            **{n: {"amount": v, "currencyCode": "GEL"} for n, v in (("amount", amount), ("fee", fee), ("net", net))},
            "associatedOrder": {"id": f"gid://shopify/Order/{50_000 + number}", "name": order},
            "associatedPayout": {"id": f"gid://shopify/ShopifyPaymentsPayout/{payout}", "status": "PAID"} if payout else None}  # fmt: skip


def graphql(name: str, *nodes: Any) -> str:
    return json.dumps(
        {"data": {"shopifyPaymentsAccount": {name: {"pageInfo": {"hasNextPage": False}, "nodes": list(nodes)}}}}
    )


API = graphql("balanceTransactions", node(1, "#1001", "2026-03-06T06:00:00Z", "30.00", "0.90", "29.10"))
PAYOUT = graphql("payouts", {
    "id": "gid://shopify/ShopifyPaymentsPayout/9001", "issuedAt": "2026-03-09T05:00:00Z", "status": "PAID",
    "net": {"amount": "29.10", "currencyCode": "GEL"}, "transactionType": "DEPOSIT", "externalTraceId": "TRACE77",
})  # fmt: skip
PLAIN: dict[str, Any] = {}
SHOPIFY: dict[str, File] = {
    "export": (PAID, "transactions.csv", "payouts", PLAIN),
    "answer": (API, "transactions.json", "payouts", {"account": "shop"}),
    "payouts": (BY_DAY, "payouts.csv", "payouts", PLAIN),
    "payout": (PAYOUT, "payouts.json", "payouts", {"account": "shop"}),
}


@pytest.mark.parametrize(
    "names",
    [
        "export answer",
        "export answer payouts",
        "export payouts payout",
        "answer payouts",
        "export answer payouts payout",
    ],
)
def test_shopifys_export_and_its_api_are_one(tmp_path: Path, names: str) -> None:
    lines, groups = told(tmp_path, [SHOPIFY[name] for name in names.split()])
    assert sums(lines) == [("charge", "30.00")]
    ((_, declared, total, count),) = groups
    assert (declared in (None, D("29.10")), total, count) == (True, D("29.10"), 1)
    assert (declared is None) == (not {"payouts", "payout"} & set(names.split()))


def test_payouts_of_export_and_api_without_lines_are_one(tmp_path: Path) -> None:
    _, groups = told(tmp_path, [SHOPIFY["payouts"], SHOPIFY["payout"]])
    assert [(key, declared) for key, declared, *_ in groups] == [
        ("batch:shopify_payments/shop/9001", D("29.10"))
    ]  # fmt: skip


def test_two_equal_charges_of_two_orders_stay_two(tmp_path: Path) -> None:
    """Also where each format holds only one of them: they name different orders."""
    row = "2026-03-06 10:00:00 +0400,charge,{},visa,online,paid,2026-03-09,9001,2026-03-08,30.00,0.90,29.10,{},card,30.00,GEL,GEL"
    both = shopify(row.format("#1001", "#1"), row.format("#1002", "#2"))
    one = graphql("balanceTransactions", node(1, "#1001", "2026-03-06T06:00:00Z", "30.00", "0.90", "29.10"))
    other = graphql("balanceTransactions", node(2, "#1002", "2026-03-06T06:00:00Z", "30.00", "0.90", "29.10"))
    for answers in ([one], [one, other], [other]):
        files: list[File] = [(both, "t.csv", "payouts", PLAIN)]
        files += [(text, f"{n}.json", "payouts", PLAIN) for n, text in enumerate(answers)]
        lines, _ = told(tmp_path / f"{len(answers)}{answers[0] == one}", files)
        assert sums(lines) == [("charge", "30.00")] * 2
    apart: list[File] = [
        (shopify(row.format("#1001", "#1")), "t.csv", "payouts", PLAIN),
        (other, "o.json", "payouts", PLAIN),
    ]
    lines, _ = told(tmp_path / "apart", apart)
    assert sums(lines) == [("charge", "30.00")] * 2


# -- Stripe


DASHBOARD = ("id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n"
             "txn_1,charge,ch_1,120.00,3.78,116.22,gel,2026-03-11 10:00,2026-03-18 00:00,Course\n"
             "txn_2,charge,ch_2,45.50,1.62,43.88,gel,2026-03-11 10:00,2026-03-18 00:00,Course\n")  # fmt: skip


@pytest.mark.parametrize("account", ["", "acct_1"])
def test_stripes_report_its_api_and_its_dashboard_are_one(tmp_path: Path, account: str) -> None:
    """chain.md 9.5: six lines that make 67.60."""
    lines, groups = told(tmp_path, [
        (report(), "report.csv", "payouts", PLAIN), (listed(*all_of()), "po_1.json", "payouts", {"account": account}),
        (DASHBOARD, "balance.csv", "payouts", PLAIN),
    ])  # fmt: skip
    assert len(lines) == 7
    assert [(declared, total, count) for _, declared, total, count in groups] == [(D("67.60"), D("67.60"), 6)]


# -- PayPal


ACTIVITY = ("Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,To Email Address,Transaction ID,"
            "Invoice Number,Reference Txn ID,Balance,Balance Impact\n"
            "03/13/2026,10:00:00,UTC,Anna,Express Checkout Payment,Completed,USD,45.00,-1.00,44.00,a@example.com,s@example.com,"
            "8RU54321AB1234560,1001,,44.00,Credit\n"
            "03/13/2026,11:00:00,UTC,Dato,Express Checkout Payment,Completed,USD,45.00,-1.00,44.00,d@example.com,s@example.com,"
            "8RU54321AB1234561,1002,,88.00,Credit\n")  # fmt: skip


def test_paypals_activity_with_an_account_and_without(tmp_path: Path) -> None:
    lines, _ = told(
        tmp_path, [(ACTIVITY, "a.csv", "payouts", PLAIN), (ACTIVITY + "\n", "b.csv", "payouts", {"account": "M1"})]
    )
    assert sums(lines) == [("charge", "45.00")] * 2


@pytest.mark.parametrize("account", ["", "SHOPACCOUNT01"])
def test_paypals_activity_and_its_settlement_report_are_one(tmp_path: Path, account: str) -> None:
    """The report tells the account, the activity does not. What the activity leaves out stands."""
    same = "Invoice Number,Reference Txn ID,Balance,Balance Impact\n"
    activity = ACTIVITY.partition(same)[0] + same + (
        "03/12/2026,10:00:00,UTC,Anna,Express Checkout Payment,Completed,USD,100.00,-3.20,96.80,a@example.com,s@example.com,"
        "8RU54321AB1234560,1001,,96.80,Credit\n"
        "03/12/2026,11:00:00,UTC,Anna,Payment Refund,Completed,USD,-25.00,0.00,-25.00,s@example.com,a@example.com,"
        "8RU54321AB1234561,1001,8RU54321AB1234560,71.80,Debit\n"
        "03/12/2026,12:00:00,UTC,,General Withdrawal,Completed,USD,-50.00,0.00,-50.00,s@example.com,,"
        "8RU54321AB1234563,,,21.80,Debit\n"
    )  # fmt: skip
    lines, _ = told(
        tmp_path,
        [
            (activity, "a.csv", "payouts", {"account": account, "dates": "mdy"}),
            (STL, "STL-20260313.CSV", "payouts", PLAIN),
        ],
    )
    assert sums(lines) == [
        ("charge", "100.00"), ("charge", "10000.00"), ("payout", "-50.00"), ("refund", "-25.00"),
    ]  # fmt: skip


# -- one bank account


CAMT = document(
    entry("120.50", ref="B1", day="2026-03-10"), entry("50.00", ref="B2", day="2026-03-10"),
    entry("50.00", ref="B3", day="2026-03-10"), entry("20.00", "DBIT", ref="B4", day="2026-03-10"),
    balances=balance("OPBD", "1000.00", day="2026-03-09") + balance("CLBD", "1200.50"),
)  # fmt: skip
INTRADAY = document(entry("120.50", ref="X1"), entry("50.00", ref="X2"), kind="052")
NOTIFIED = document(entry("120.50", ref="N1"), kind="054")
MT940 = statement(
    ":61:2603100310CR120,50NTRFNONREF//2026031000017", ":86:166?20EREF+ORDER-1001",
    ":61:2603100310CR50,00NTRFNONREF", ":86:166?20first",
    ":61:2603100310CR50,00NTRFNONREF", ":86:166?20second",
    ":61:2603100310DR20,00NMSC0815", ":86:105?20SVWZ+Miete", closing="C260310EUR1200,50",
    head=f":20:STARTUMS\n:25:{OWN}\n:28C:00017/001\n",
)  # fmt: skip
ROWS = [("2026-03-10", "120.50", "Order 1001"), ("2026-03-10", "50.00", "payment"), ("2026-03-10", "50.00", "payment"),
        ("2026-03-10", "-20.00", "rent")]  # fmt: skip
TABLE = "Date,Amount,Description,Currency\n" + "".join(f"{d},{a},{t},EUR\n" for d, a, t in ROWS)
OFX = ("OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>"
       f"{OWN}</BANKACCTFROM><BANKTRANLIST>"
       + "".join(f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20260310<TRNAMT>{a}<FITID>FIT20260310{n}<NAME>someone</STMTTRN>"
                 for n, (_, a, _) in enumerate(ROWS))
       + "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n")  # fmt: skip
BANK: dict[str, File] = {
    "camt": (CAMT, "statement.xml", "bank", PLAIN),
    "intraday": (INTRADAY, "today.xml", "bank", PLAIN),
    "notified": (NOTIFIED, "note.xml", "bank", PLAIN),
    "mt940": (MT940, "statement.sta", "bank", PLAIN),
    "table": (TABLE, "online.csv", "bank", {"account": OWN}),
    "ofx": (OFX, "statement.ofx", "bank", {"account": OWN}),
}


@pytest.mark.parametrize(
    "names",
    ["camt mt940", "camt table", "mt940 table", "camt intraday", "camt notified", "camt ofx", "ofx mt940", "camt table mt940",
     "camt intraday table"],
)  # fmt: skip
def test_one_bank_account_in_several_formats(tmp_path: Path, names: str) -> None:
    """120.50, twice 50.00 and -20.00, whatever tells them: the two equal payments stay two."""
    lines, _ = told(tmp_path, [BANK[name] for name in names.split()])
    assert sums(lines) == [
        ("bank_credit", "50.00"), ("bank_credit", "50.00"), ("bank_credit", "120.50"), ("bank_debit", "-20.00"),
    ]  # fmt: skip


def test_spans_that_overlap_lose_nothing(tmp_path: Path) -> None:
    """The 9th and 10th in one format, the 10th and 11th in the other."""
    first = document(entry("10.00", ref="A1", day="2026-03-09"), entry("30.00", ref="A2", day="2026-03-10"))
    second = (
        "Date,Amount,Description,Currency\n2026-03-10,30.00,x,EUR\n2026-03-10,30.00,y,EUR\n2026-03-11,10.00,z,EUR\n"
    )
    lines, _ = told(tmp_path, [(first, "a.xml", "bank", PLAIN), (second, "b.csv", "bank", {"account": OWN})])
    assert sums(lines) == [("bank_credit", v) for v in ("10.00", "10.00", "30.00", "30.00")]


def test_a_pending_entry_moves_nothing_beside_its_booked_one(tmp_path: Path) -> None:
    waiting = document(entry("120.50", ref="P1", state="<Sts>PDNG</Sts>"), kind="052")
    lines, _ = told(tmp_path, [(waiting, "a.xml", "bank", PLAIN), BANK["camt"]])
    assert len(lines) == 4


def test_a_bank_pulled_and_downloaded(tmp_path: Path) -> None:
    account = "GE28BG0000000101904917"
    table = "Date,Amount,Description,Currency\n2026-03-10,50.25,Order 1001,GEL\n2026-03-10,50.25,Order 1001,GEL\n"
    lines, _ = told(
        tmp_path,
        [(answer(record(1), record(2)), "pulled.json", "bank", PLAIN), (table, "b.csv", "bank", {"account": account})],
    )
    assert sums(lines) == [("bank_credit", "50.25")] * 2


# -- remittances


PARTS = [("T1", "120.00", "3.00"), ("T2", "80.00", "2.00"), ("T3", "80.00", "2.00")]


def test_a_remittance_in_three_layouts(tmp_path: Path) -> None:
    """With a batch of its own; as a workbook and in another order of columns."""
    text = remittance(
        *(f"{p},,{c},{f},,{D(c) - D(f)},2026-03-12,2026-03-16,R7,UTR9,Delivered,GEL" for p, c, f in PARTS)
    )
    other = "Currency,Remittance ID,Remittance date,Delivery date,COD fee,COD Amount,AWB No\n" + "".join(
        f"GEL,R7,2026-03-16,2026-03-12,{f},{c},{p}\n" for p, c, f in PARTS
    )
    book = [HEADER.split(",")] + [row.split(",") for row in text.splitlines()[1:]]
    files: list[File] = [(text, "a.csv", "remittances", {"source": "quick"}), (other, "b.csv", "remittances", {"source": "quick"}),
             (sheet(tmp_path, book), "c.xlsx", "remittances", {"source": "quick"})]  # fmt: skip
    lines, groups = told(tmp_path, files)
    assert len(lines) == 6
    assert [(declared, total, count) for _, declared, total, count in groups] == [(D("273.00"), D("273.00"), 6)]


@pytest.mark.parametrize("second", ["csv", "xlsx"])
def test_a_remittance_without_an_id_under_two_names(tmp_path: Path, second: str) -> None:
    """Its batch is named after the file: the same parcels, amounts and days are one batch."""
    rows = [f"{p},{c},{f},{D(c) - D(f)},2026-03-12,2026-03-16,GEL".split(",") for p, c, f in PARTS]
    header = ["AWB No", "COD Amount", "COD fee", "Remitted", "Delivery date", "Remittance date", "Currency"]
    turned = [row[::-1] for row in [header, *rows]]
    text = "\n".join(",".join(row) for row in [header, *rows]) + "\n"
    again = sheet(tmp_path, turned) if second == "xlsx" else "\n".join(",".join(row) for row in turned) + "\n"
    lines, groups = told(tmp_path, [(text, "march.csv", "remittances", {"source": "quick"}),
                                    (again, f"cod.{second}", "remittances", {"source": "quick"})])  # fmt: skip
    assert len(lines) == 6
    assert [(declared, total, count) for _, declared, total, count in groups] == [(D("273.00"), D("273.00"), 6)]


# -- one number in two currencies


def test_a_batch_number_in_two_currencies_is_two_batches(tmp_path: Path) -> None:
    text = ("batch,batch_date,kind,order,reference,gross,fee,net,currency,at\n"
            "B1,2026-03-16,charge,1001,x1,100.00,2.00,98.00,GEL,2026-03-10\n"
            "B1,2026-03-16,charge,1002,x2,50.00,1.00,49.00,EUR,2026-03-10\n"
            "B1,2026-03-16,payout,,x3,-98.00,0,-98.00,GEL,2026-03-16\n"
            "B1,2026-03-16,payout,,x4,-49.00,0,-49.00,EUR,2026-03-16\n")  # fmt: skip
    _, groups = told(tmp_path, [(text, "own.csv", "payouts", {"source": "psp"})])
    assert groups == (("batch:psp/B1/EUR", D("49.00"), D("49.00"), 1), ("batch:psp/B1/GEL", D("98.00"), D("98.00"), 1))
