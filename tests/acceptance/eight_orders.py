"""The eight orders of March as files in the formats of their sources: shop, provider, courier, bank, platform, operator."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.command_line import invoke

SETTINGS = """
[server]
data = "data"

[[dataset]]
id = "1234567890"
key = "0123456789abcdef0123456789abcdef"

[chain]
timezone = "Asia/Tbilisi"
vat = "18"
"""

ORDERS = """\
order_id,placed_at,total,currency,method,sale,status,updated_at,cancelled_at,refunded,refunded_at,line_id,line_sku,line_quantity,line_price,email
H2,2025-06-01T12:00:00+04:00,30.00,GEL,cod,web,delivered,2025-06-05T12:00:00+04:00,,,,A2,A2,1,30.00,a2@example.com
H6,2025-06-01T12:00:00+04:00,30.00,GEL,cod,web,delivered,2025-06-05T12:00:00+04:00,,,,A6,A6,1,30.00,a6@example.com
A1,2026-03-01T10:00:00+04:00,120.00,GEL,card,web,confirmed,2026-03-01T11:00:00+04:00,,,,A1,A1,1,120.00,a1@example.com
A2,2026-03-01T10:10:00+04:00,80.00,GEL,cod,web,confirmed,2026-03-01T12:00:00+04:00,,,,A2,A2,1,80.00,a2@example.com
A3,2026-03-01T10:20:00+04:00,60.00,GEL,cod,chat,confirmed,2026-03-01T12:00:00+04:00,,,,A3,A3,1,60.00,a3@example.com
A4,2026-03-02T10:00:00+04:00,150.00,GEL,cod,chat,confirmed,2026-03-02T12:00:00+04:00,,,,A4,A4,1,150.00,a4@example.com
A5,2026-03-02T10:10:00+04:00,95.00,GEL,cod,web,cancelled,2026-03-03T12:00:00+04:00,2026-03-03T12:00:00+04:00,,,A5,A5,1,95.00,a5@example.com
A6,2026-03-02T10:20:00+04:00,200.00,GEL,card,web,confirmed,2026-03-09T12:00:00+04:00,,50.00,2026-03-09T12:00:00+04:00,A6,A6,1,200.00,a6@example.com
A7,2026-03-09T10:00:00+04:00,70.00,GEL,cod,web,confirmed,2026-03-09T12:00:00+04:00,,,,A7,A7,1,70.00,a7@example.com
A8,2026-03-04T10:00:00+04:00,110.00,GEL,cod,phone,confirmed,2026-03-04T12:00:00+04:00,,,,A8,A8,1,110.00,a8@example.com
"""
PARCELS = """\
AWB No,Order ID,Status,Status date,COD due,Currency
W1,A1,in_transit,2026-03-02 10:00,,
W1,A1,delivered,2026-03-03 10:00,,
W2,A2,in_transit,2026-03-02 10:00,80.00,GEL
W2,A2,delivered,2026-03-04 10:00,80.00,GEL
W3,A3,in_transit,2026-03-02 10:00,60.00,GEL
W3,A3,delivered,2026-03-04 11:00,60.00,GEL
W4,A4,in_transit,2026-03-03 10:00,150.00,GEL
W4,A4,refused,2026-03-05 10:00,150.00,GEL
W4,A4,returned,2026-03-08 10:00,150.00,GEL
W6,A6,in_transit,2026-03-03 10:00,,
W6,A6,delivered,2026-03-05 10:00,,
W7,A7,in_transit,2026-03-10 10:00,70.00,GEL
W8,A8,in_transit,2026-03-05 10:00,110.00,GEL
W8,A8,delivered,2026-03-06 10:00,110.00,GEL
"""
REMITTANCE = """\
AWB No,Order ID,COD Amount,COD fee,Freight,RTO charges,Remitted,Delivery date,Remittance date,Remittance ID,UTR,Currency
W2,A2,80.00,1.60,6.00,,72.40,2026-03-04,2026-03-12,R1,UTR77,GEL
W3,A3,60.00,1.20,6.00,,52.80,2026-03-04,2026-03-12,R1,UTR77,GEL
W4,A4,,,6.00,4.00,-10.00,,2026-03-12,R1,UTR77,GEL
"""
PAYOUT = """\
automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,payment_metadata[order_id]
po_1,2026-03-10 20:00:00,txn_1,2026-03-01 07:00:00,2026-03-08 00:00:00,gel,120.00,2.40,117.60,charge,ch_1,ch_1,pi_1,A1
po_1,2026-03-10 20:00:00,txn_2,2026-03-02 07:00:00,2026-03-08 00:00:00,gel,200.00,4.00,196.00,charge,ch_6,ch_6,pi_6,A6
po_1,2026-03-10 20:00:00,txn_3,2026-03-09 07:00:00,2026-03-09 00:00:00,gel,-50.00,0.00,-50.00,refund,re_6,ch_6,pi_6,A6
po_1,2026-03-10 20:00:00,txn_4,2026-03-10 07:00:00,2026-03-10 00:00:00,gel,-263.60,0.00,-263.60,payout,po_1,,,
"""
BANK = """\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId><CreDtTm>2026-03-12T20:00:00+04:00</CreDtTm></GrpHdr>
<Stmt><Id>S7</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-03-12T20:00:00+04:00</CreDtTm><Acct><Id><IBAN>GE29NB0000000101904917</IBAN></Id><Ccy>GEL</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="GEL">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-11</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="GEL">1378.80</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-12</Dt></Dt></Bal>
<Ntry><Amt Ccy="GEL">263.60</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-11</Dt></BookgDt><ValDt><Dt>2026-03-11</Dt></ValDt><AcctSvcrRef>B1</AcctSvcrRef>
<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>STRIPE</Nm></Dbtr></RltdPties><RmtInf><Ustrd>PAYOUT</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="GEL">115.20</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-12</Dt></BookgDt><ValDt><Dt>2026-03-12</Dt></ValDt><AcctSvcrRef>B2</AcctSvcrRef>
<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>SWIFT COURIER LLC</Nm></Dbtr></RltdPties><RmtInf><Ustrd>Remittance UTR77</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""
SPEND = """\
Campaign name,Campaign ID,Day,Attribution setting,Amount spent (USD),Impressions,Link clicks,Website purchases,Website purchases conversion value
Spring,120200000000000001,2026-03-02,7-day click or 1-day view,40.00,9000,120,5,180.00
"""
RATES = """\
[{"date":"2026-03-02T00:00:00.000Z","currencies":[{"code":"USD","quantity":1,"rate":2.7000,"name":"US Dollar","validFromDate":"2026-03-02T00:00:00.000Z"}]}]
"""
COSTS = """\
sku,rule,since,amount,percent,currency
A1,,2025-01-01,48.00,,GEL
A2,,2025-01-01,30.00,,GEL
A3,,2025-01-01,22.00,,GEL
A4,,2025-01-01,60.00,,GEL
A5,,2025-01-01,40.00,,GEL
A6,,2025-01-01,75.00,,GEL
A7,,2025-01-01,28.00,,GEL
A8,,2025-01-01,44.00,,GEL
,freight,2025-01-01,6.00,,GEL
,freight_return,2025-01-01,4.00,,GEL
,cod_fee,2025-01-01,,2,
"""
FILES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("orders", "orders.csv", ORDERS, ("--dataset", "1234567890", "--ledger-only")),
    ("parcels", "parcels.csv", PARCELS, ("--source", "swift", "--timezone", "Asia/Tbilisi")),
    ("remittances", "remittance.csv", REMITTANCE, ("--source", "swift", "--timezone", "Asia/Tbilisi")),
    ("payouts", "payout.csv", PAYOUT, ()),
    ("bank", "statement.xml", BANK, ("--timezone", "Asia/Tbilisi")),
    ("spend", "ads.csv", SPEND, ()),
    ("rates", "rates.json", RATES, ()),
    ("costs", "costs.csv", COSTS, ()),
)


class Shop:
    """A data folder with the commands of the program."""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        self.folder = folder
        self.config = folder / "twofold.toml"
        self.config.write_text(settings, encoding="utf-8")

    def run(self, *words: str, expected: int = 0) -> str:
        """A command's output; its exit code must be the expected one."""
        done = invoke([*words, "--config", str(self.config)], raises=True)
        assert done.exit_code == expected, (words, done.exit_code, done.output)
        return done.stdout

    def rows(self, *words: str, expected: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*words, "--json", expected=expected).splitlines()]

    def take(self, kind: str, name: str, text: str, options: Sequence[str] = ()) -> None:
        """Imports a file."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.run("import", kind, str(path), *options)


def filled(folder: Path, order: Callable[[Sequence[Any]], Sequence[Any]] = tuple) -> Shop:
    """All files imported, in the order that is asked for."""
    shop = Shop(folder)
    for kind, name, text, options in order(FILES):
        shop.take(kind, name, text, options)
    return shop
