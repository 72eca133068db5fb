"""Worked answers that no file of a whole shop holds, asked of the commands: lump sums, rates, one order's credits by every model.

The others stand where their files are: the chain of eight orders, the four witnesses of a day, payouts that close, files imported
again, cohorts of customers. It takes ten seconds: a folder for each answer, and every figure through the command that a person types.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.eight_orders import SETTINGS, Shop
from tests.facts.world import world

D = Decimal
HEAD = "order_id,placed_at,total,currency,method,sale,status,updated_at\n"
ZONE = ("--timezone", "Asia/Tbilisi")


# -- a credit that pays several


def statement(*entries: tuple[str, str, str]) -> str:
    """A statement of these credits: amount, day, text."""
    total = sum(D(amount) for amount, _, _ in entries)
    inside = "".join(
        f'<Ntry><Amt Ccy="GEL">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>'
        f"<ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>B{n}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Nm>SWIFT</Nm></Dbtr>"
        "<DbtrAcct><Id><IBAN>GE60NB0000000123456789</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for n, (amount, day, text) in enumerate(entries)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>1</MsgId><CreDtTm>2026-03-20T20:00:00+04:00</CreDtTm></GrpHdr><Stmt><Id>S7</Id>"
        "<ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-03-20T20:00:00+04:00</CreDtTm><Acct><Id><IBAN>GE29NB0000000101904917</IBAN>"
        '</Id><Ccy>GEL</Ccy></Acct><Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="GEL">0.00</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-01</Dt></Dt></Bal><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="GEL">{total}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-20</Dt></Dt></Bal>{inside}</Stmt></BkToCstmrStmt></Document>'
    )


def shop_of_parcels(folder: Path, dues: str, credit: str) -> Shop:
    """Cash on delivery that a courier took on one day; a remittance of a day before says which account is the courier's."""
    shop = Shop(folder)
    amounts = list(enumerate(["33.00", *dues.split()]))
    shop.take("orders", "orders.csv", HEAD + "".join(
        f"L{n},2026-03-01T1{n}:00:00+04:00,{amount},GEL,cod,web,confirmed,2026-03-01T18:00:00+04:00\n" for n, amount in amounts
    ), ("--dataset", "1234567890", "--ledger-only"))  # fmt: skip
    shop.take("parcels", "parcels.csv", "AWB No,Order ID,Status,Status date,COD due,Currency\n" + "".join(
        f"W{n},L{n},delivered,2026-03-0{3 if n else 2} 10:00,{amount},GEL\n" for n, amount in amounts
    ), ("--source", "swift", *ZONE))  # fmt: skip
    shop.take("remittances", "r.csv", "AWB No,Order ID,COD Amount,Remitted,Delivery date,Remittance date,Remittance ID,UTR,Currency\n"
              "W0,L0,33.00,33.00,2026-03-02,2026-03-04,R1,UTR1,GEL\n", ("--source", "swift", *ZONE))  # fmt: skip
    shop.take("bank", "b.xml", statement(("33.00", "2026-03-04", "UTR1"), (credit, "2026-03-12", "COD")), ZONE)
    return shop


@pytest.mark.parametrize(
    ("dues", "credit", "paid"),
    [("80.00 60.00 110.00 95.00 70.00", "205.00", {"order:1234567890/L3": "110.00", "order:1234567890/L4": "95.00"}),
     ("80.00 60.00 70.00 70.00", "140.00", {}),
     ("78.40 58.80 107.80 93.10 68.60", "176.40", {"order:1234567890/L3": "107.80", "order:1234567890/L5": "68.60"})],
)  # fmt: skip
def test_a_lump_sum_pays_what_adds_up_to_it_in_one_way_only(
    tmp_path: Path, dues: str, credit: str, paid: dict[str, str]
) -> None:
    """80 and 60, or 70 and 70: nobody knows, and all of it stays with the courier."""
    shop = shop_of_parcels(tmp_path, dues, credit)
    before, lump = [row for row in shop.rows("bank", "lines") if row["row"] == "line"]
    assert [(match["to"], match["why"]) for match in before["matches"]] == [
        ("batch:courier:swift/R1", "expected day 2026-03-04")
    ]
    assert {match["to"]: match["amount"] for match in lump["matches"]} == paid
    assert {match["class"] for match in lump["matches"]} == ({"probable"} if paid else set())
    assert lump["open"] == ("0.00" if paid else credit)
    rows = shop.rows("chain", "--since", "2026-03-01", "--until", "2026-03-01", "--as-of", "2026-03-20")
    on_the_bank = sum((D(amount) for amount in paid.values()), D("33.00"))
    assert [(row["count"], D(row["amount"])) for row in rows if row["row"] == "link" and row["link"] == "banked"] == [
        (1 + len(paid), on_the_bank)
    ]
    held = sum((D(amount) for amount in dues.split()), D("33.00")) - on_the_bank
    assert [D(row["amount"]) for row in rows if row["row"] == "open" and row["reason"] == "courier_holds"] == [held]


# -- rates


def test_yen_are_told_by_the_hundred_and_a_day_without_a_rate_has_the_one_before(tmp_path: Path) -> None:
    """Three days later it is carried; eight days later there is none, and the order is out of the sum and said so."""
    shop = Shop(tmp_path, SETTINGS + 'currency = "GEL"\n')
    day = "2026-03-10T00:00:00.000Z"
    told = [
        {
            "date": day,
            "currencies": [{"code": "JPY", "quantity": 100, "rate": 1.75, "name": "Yen", "validFromDate": day}],
        }
    ]
    shop.take("rates", "nbg.json", json.dumps(told))
    shop.take("orders", "o.csv", HEAD + "".join(
        f"J{n},2026-03-{n}T12:00:00+04:00,10000,JPY,card,web,confirmed,2026-03-{n}T13:00:00+04:00\n" for n in (10, 13, 18)
    ), ("--dataset", "1234567890", "--ledger-only"))  # fmt: skip
    found = {}
    for n in (10, 13, 18):
        rows = shop.rows("chain", "--since", f"2026-03-{n}", "--until", f"2026-03-{n}", "--as-of", "2026-03-20")
        (placed,) = [row for row in rows if row["row"] == "link" and row["link"] == "placed"]
        found[n] = placed["count"], placed["amount"], rows[0]["missing"]["rate"]
    assert found == {10: (1, "175.00", "0.0000"), 13: (1, "175.00", "0.0000"), 18: (0, "0.00", "1.0000")}


# -- one order of 240.00: meta, google, e-mail and meta again, 12, 9, 4 and 1 days before it

CREDITS = {
    "linear": ("120.00", "60.00", "60.00"), "position": ("192.00", "24.00", "24.00"), "time_decay": ("126.66", "42.92", "70.42"),
}  # fmt: skip


def test_one_orders_credits_are_those_of_every_model(tmp_path: Path) -> None:
    """Meta's two touches are one row of the table."""
    with world(tmp_path / "data", 1) as w:
        w.buy_after(
            "240.00",
            [
                (12, "facebook", "paid_social"),
                (9, "google", "cpc"),
                (4, "klaviyo", "email"),
                (1, "facebook", "paid_social"),
            ],
        )
        w.rebuild()
    shop = Shop(tmp_path, '[server]\ndata = "data"\n[chain]\ncurrency = "EUR"\n[[dataset]]\nid = "1"\n')
    for model, expected in CREDITS.items():
        words = ("attribution", "--since", "2026-09-01", "--until", "2026-10-31", "--by", "channel", "--model", model)
        rows = {
            row["group"]: row["placed"] for row in shop.rows(*words, "--window", "30") if row["row"] == "attribution"
        }
        assert tuple(rows.get(name, "0.00") for name in ("paid_social", "paid_search", "email")) == expected, model
    within = {
        row["group"]: row["placed"]
        for row in shop.rows(*words[:-1], "linear", "--window", "7")
        if row["row"] == "attribution"
    }
    assert (within["email"], within["paid_social"]) == ("120.00", "120.00")
