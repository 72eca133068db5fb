"""What provider, couriers and bank tell: payout reports, remittances, statements.

Owns these files' forms, each as its sender writes it. Every movement is in as many files as real ones would be; none is
told twice in two amounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from twofold.simulate.world.fates import Calendar, Fate
from twofold.simulate.world.money import LEAVES_AGAIN, ZERO, Batch, Entry, Money, Move
from twofold.simulate.world.scenario import Scenario
from twofold.simulate.world.shop_files import table

# -- Shopify Payments

_SHOPIFY_TYPES = {"charge": "charge", "refund": "refund", "dispute": "chargeback", "won": "chargeback won"}


def shopify_transactions(told: Scenario, calendar: Calendar, money: Money) -> str:
    """Every movement, with its payout where it has one."""
    columns = ("Transaction Date", "Type", "Order", "Card Brand", "Card Source", "Payout Status", "Payout Date", "Payout ID",
               "Available On", "Amount", "Fee", "Net", "Checkout", "Payment Method Name", "Presentment Amount",
               "Presentment Currency", "Currency")  # fmt: skip
    rows = []
    for batch, move in _of_provider(money):
        assert move.fate is not None
        when = datetime.fromtimestamp(move.at, calendar.zone).strftime("%Y-%m-%d %H:%M:%S %z")
        paid = (("paid" if batch.banked else "in_transit"), str(batch.day), batch.id) if batch else ("pending", "", "")
        rows.append([when, _SHOPIFY_TYPES[move.kind], f"#{move.fate.number}", "visa", "online", *paid, move.available, move.gross,
                     move.fee, move.net, f"#{move.fate.id + 10**12}", "card", move.gross, told.currency, told.currency])  # fmt: skip
    return table(columns, sorted(rows, key=lambda row: row[0], reverse=True))


def shopify_payouts(told: Scenario, money: Money) -> str:
    """One row a payout."""
    columns = ("Payout Date", "Status", "Charges", "Refunds", "Adjustments", "Reserved Funds", "Fees", "Retried Amount", "Total",
               "Currency")  # fmt: skip
    rows = []
    for batch in money.batches:
        if batch.source != "shopify_payments":
            continue
        of = {
            kind: sum((m.gross for m in batch.moves if m.kind == kind), ZERO)
            for kind in ("charge", "refund", "dispute", "won")
        }
        fees = sum((m.fee for m in batch.moves), ZERO)
        rows.append([batch.day, "paid" if batch.banked else "in_transit", of["charge"], of["refund"], of["dispute"] + of["won"], "0.00", -fees,
                     "0.00", batch.net, told.currency])  # fmt: skip
    return table(columns, rows)


def _of_provider(money: Money) -> Iterable[tuple[Batch | None, Move]]:
    for batch in money.batches:
        if not batch.source.startswith("courier:"):
            yield from ((batch, move) for move in batch.moves)
    yield from ((None, move) for move in money.pending)


# -- Stripe

_STRIPE_CATEGORIES = {
    "charge": "charge",
    "refund": "refund",
    "dispute": "dispute",
    "reserve": "reserve_transaction",
    "won": "dispute_reversal",
    "release": "reserve_transaction",
}
_STRIPE_TYPES = {
    "charge": "charge",
    "refund": "refund",
    "dispute": "adjustment",
    "reserve": "reserve_transaction",
    "won": "adjustment",
    "release": "reserve_transaction",
}


def stripe_report(told: Scenario, calendar: Calendar, money: Money) -> str:
    """The payout reconciliation report, itemised: lines of payouts, and each payout's own."""
    columns = ("automatic_payout_id", "automatic_payout_effective_at_utc", "balance_transaction_id", "created_utc",
               "available_on_utc", "currency", "gross", "fee", "net", "reporting_category", "source_id", "charge_id",
               "payment_intent_id", "payment_metadata[order_id]")  # fmt: skip
    rows: list[list[Any]] = []
    for batch in money.batches:
        if batch.source != "stripe":
            continue
        head = [f"po_{batch.id}", f"{batch.day} 00:00:00"]
        for move in batch.moves:
            serial, number = (str(move.fate.serial), _told_to_stripe(told, move.fate)) if move.fate else ("", "")
            charge, intent = (f"ch_{serial}", f"pi_{serial}") if move.fate else ("", "")
            rows.append([*head, f"txn_{move.id}", _utc(move.at), f"{move.available or batch.day} 00:00:00", told.currency.lower(),
                         move.gross, move.fee, move.net, _STRIPE_CATEGORIES[move.kind], _source(move), charge, intent, number])  # fmt: skip
        leaves = [("po", -batch.net, "payout", 0)]
        if batch.failed is not None:
            leaves += [("pf", batch.net, "payout_reversal", 2), ("pa", -batch.net, "payout", LEAVES_AGAIN.days)]
        for sign, net, word, later in leaves:
            at = calendar.at(batch.day + timedelta(days=later), 3600)
            if at <= calendar.end:
                rows.append([*head, f"txn_{sign}{batch.id}", _utc(at), f"{batch.day} 00:00:00", told.currency.lower(), net, "0.00",
                             net, word, f"po_{batch.id}", "", "", ""])  # fmt: skip
    return table(columns, rows)


def stripe_balance(told: Scenario, money: Money) -> str:
    """The dashboard's export of the balance: also what is in no payout yet."""
    columns = ("id", "Type", "Source", "Amount", "Fee", "Net", "Currency", "Created (UTC)", "Available On (UTC)", "Description",
               "order_id (metadata)")  # fmt: skip
    rows = []
    for move in money.pending:
        number = _told_to_stripe(told, move.fate) if move.fate else ""
        rows.append([f"txn_{move.id}", _STRIPE_TYPES[move.kind], _source(move), move.gross, move.fee, move.net, told.currency.lower(),
                     _utc(move.at)[:16], f"{move.available} 00:00", f"Order {number}", number])  # fmt: skip
    return table(columns, rows)


def _told_to_stripe(told: Scenario, fate: Fate) -> str:
    """Which order it is, as the shop tells with the payment: its number, and its id where two shops have that number."""
    return str(fate.id if told.second_shop else fate.number)


def _source(move: Move) -> str:
    number = str(move.fate.serial) if move.fate else move.id
    return {"charge": "ch_", "refund": "re_", "dispute": "du_", "won": "dp_"}.get(move.kind, "") + number


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


# -- couriers


def remittances(told: Scenario, calendar: Calendar, money: Money) -> dict[str, str]:
    """By courier and day its remittance: a row a parcel, and a row for what it keeps of no parcel."""
    columns = ("AWB", "Order ID", "Status", "Delivery date", "COD Amount", "COD fee", "Freight", "RTO charges", "Net payable",
               "Remittance ID", "Remittance date", "UTR", "Currency", "Remarks")  # fmt: skip
    found = {}
    for batch in money.batches:
        if not batch.source.startswith("courier:"):
            continue
        rows = []
        for parcel, group in groupby(batch.moves, key=lambda m: m.id):
            moves = list(group)
            of = {m.kind: m for m in moves}
            fate = moves[0].fate
            net = sum((m.net for m in moves), ZERO)
            end = [batch.id, batch.day, batch.reference, told.currency]
            if moves[0].kind == "twice":
                rows.append(
                    [parcel, "", "Delivered", batch.day, moves[0].gross, moves[0].fee, "0.00", "0.00", net, *end, ""]
                )
                continue
            if moves[0].kind == "strange":
                rows.append([parcel, f"X-{parcel}", "Delivered", batch.day, net, "0.00", "0.00", "0.00", net, *end, ""])
                continue
            if fate is None:
                why = f"{parcel}, it was lost" if moves[0].kind == "claim" else "invoice of last month"
                rows.append(["", "", "", "", "", "", "", "", net, *end, why])
                continue
            cash = of.get("cod")
            rows.append([parcel, fate.number, "Delivered" if cash else "Refused", calendar.day(moves[0].at),
                         cash.gross if cash else "0.00", cash.fee if cash else "0.00", _cost(of.get("freight")),
                         _cost(of.get("freight_return")), net, *end, ""])  # fmt: skip
        found[f"remittance-{batch.source.partition(':')[2]}-{batch.day}.csv"] = table(columns, rows)
    return found


def _cost(move: Move | None) -> Decimal:
    return -move.gross if move else Decimal("0.00")


# -- the bank


def bank_statements(told: Scenario, calendar: Calendar, money: Money) -> dict[str, str]:
    """A statement a month, each opening where the one before closed."""
    found = _statements(told, calendar, [e for e in money.entries if not e.currency], told.bank.account, told.currency,
                        told.bank.opening)  # fmt: skip
    if told.bank.foreign_account:
        entries = [e for e in money.entries if e.currency]
        found |= _statements(told, calendar, entries, told.bank.foreign_account, told.spend_currency, ZERO)
    return found


def _statements(
    told: Scenario, calendar: Calendar, booked: Sequence[Entry], account: str, currency: str, balance: Decimal
) -> dict[str, str]:
    found: dict[str, str] = {}
    refs = _numbers_of(booked)
    days = [calendar.first + timedelta(days=n) for n in range(told.days)]
    for number, (month, group) in enumerate(groupby(days, key=lambda d: f"{d:%Y-%m}"), 1):
        span = list(group)
        first = max(days[0], span[0] - timedelta(days=told.bank.overlap_days))
        entries = [(refs[place], e) for place, e in enumerate(booked) if first <= e.day <= span[-1]]
        closing = balance + sum((e.amount for e in booked if span[0] <= e.day <= span[-1]), ZERO)
        opening = closing - sum((e.amount for _, e in entries), ZERO)
        name = f"bank-{month}" if currency == told.currency else f"bank-{currency}-{month}"
        match told.bank.statement:
            case "camt":
                found[f"{name}.xml"] = _camt(account, currency, entries, number, (first, span[-1]), (opening, closing))
            case "mt940":
                found[f"{name}.sta"] = _mt940(account, currency, entries, number, (first, span[-1]), (opening, closing))
            case _ if entries:
                found[f"{account}_{currency}_{month}.csv"] = _tbc(entries, opening)
        balance = closing
    return found


def _numbers_of(entries: Sequence[Entry]) -> list[str]:
    """The bank's own number of each entry: its day, and which of the day's it is; the same in every statement."""
    counted: Counter[date] = Counter()
    found = []
    for entry in entries:
        counted[entry.day] += 1
        found.append(f"{entry.day:%Y%m%d}{counted[entry.day]:05}")
    return found


def _camt(
    account: str,
    currency: str,
    entries: Sequence[tuple[str, Entry]],
    number: int,
    days: tuple[date, date],
    balances: tuple[Decimal, Decimal],
) -> str:
    (first, last), (opening, closing) = days, balances
    body = "".join(_camt_entry(currency, entry, ref, place) for place, (ref, entry) in enumerate(entries, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n<BkToCstmrStmt>'
        f"<GrpHdr><MsgId>W{number}</MsgId><CreDtTm>{last}T23:59:59</CreDtTm></GrpHdr>\n<Stmt><Id>W{number}</Id>"
        f"<ElctrncSeqNb>{number}</ElctrncSeqNb><FrToDt><FrDtTm>{first}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>\n"
        f"{_camt_balance('OPBD', opening, currency, first)}{_camt_balance('CLBD', closing, currency, last)}{body}"
        "</Stmt></BkToCstmrStmt>\n</Document>\n"
    )


def _camt_balance(code: str, amount: Decimal, currency: str, day: date) -> str:
    side = "CRDT" if amount >= 0 else "DBIT"
    return (f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"{currency}\">{abs(amount)}</Amt>"
            f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n")  # fmt: skip


def _camt_entry(currency: str, entry: Entry, ref: str, place: int) -> str:
    side, role = ("CRDT", "Dbtr") if entry.amount >= 0 else ("DBIT", "Cdtr")
    party = (f"<RltdPties><{role}><Pty><Nm>{escape(entry.name)}</Nm></Pty></{role}>"
             + (f"<{role}Acct><Id><IBAN>{entry.account}</IBAN></Id></{role}Acct>" if entry.account else "")
             + "</RltdPties>") if entry.name else ""  # fmt: skip
    return (
        f'<Ntry><NtryRef>{place}</NtryRef><Amt Ccy="{currency}">{abs(entry.amount)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{entry.day}</Dt></BookgDt><ValDt><Dt>{entry.day}</Dt></ValDt>"
        f"<AcctSvcrRef>{ref}</AcctSvcrRef><BkTxCd/><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{entry.reference or 'NOTPROVIDED'}</EndToEndId></Refs>{party}"
        f"<RmtInf><Ustrd>{escape(entry.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _mt940(
    account: str,
    currency: str,
    entries: Sequence[tuple[str, Entry]],
    number: int,
    days: tuple[date, date],
    balances: tuple[Decimal, Decimal],
) -> str:
    """As German banks write it: the purpose in subfields of field 86, no number of a booking."""
    lines = [
        f":20:W{number:02}",
        f":25:{account}",
        f":28C:{number:05}/001",
        f":60F:{_mt940_balance(balances[0], currency, days[0])}",
    ]
    for _, entry in entries:
        side, code = ("C", "166") if entry.amount >= 0 else ("D", "177")
        lines.append(f":61:{entry.day:%y%m%d}{entry.day:%m%d}{side}{_with_comma(entry.amount)}NTRFNONREF")
        text = f"EREF+{entry.reference}SVWZ+{entry.text}" if entry.reference else f"SVWZ+{entry.text}"
        fields = [f"?{20 + n}{text[27 * n : 27 * n + 27]}" for n in range((len(text) + 26) // 27)]
        person = [f"?31{entry.account}"] * bool(entry.account) + [f"?32{entry.name[:27]}"] * bool(entry.name)
        told = f":86:{code}?00TRANSFER{''.join(fields)}{''.join(person)}"
        lines += [told[at : at + 65] for at in range(0, len(told), 65)]
    lines += [f":62F:{_mt940_balance(balances[1], currency, days[1])}", "-"]
    return "\r\n".join(lines) + "\r\n"


def _mt940_balance(amount: Decimal, currency: str, day: date) -> str:
    return f"{'C' if amount >= 0 else 'D'}{day:%y%m%d}{currency}{_with_comma(amount)}"


def _with_comma(amount: Decimal) -> str:
    return f"{abs(amount):.2f}".replace(".", ",")


_TBC_COLUMNS = ("Date", "Description", "Additional Information", "Paid Out", "Paid In", "Balance", "Type", "Document Date",
                "Document Number", "Partner's Account", "Partner's Name", "Partner's Tax Code", "Partner's Bank Code",
                "Intermediary Bank Code", "Charge Details", "Taxpayer Code", "Taxpayer Name", "Treasury Code", "Op. Code",
                "Additional Description", "Transaction ID")  # fmt: skip
_TBC_GEORGIAN = ("თარიღი", "დანიშნულება", "დამატებითი ინფორმაცია", "გასული თანხა", "შემოსული თანხა", "ბალანსი", "ტიპი", "საბუთის თარიღი",
                 "საბუთის ნომერი", "პარტნიორის ანგარიში", "პარტნიორი", "პარტნიორის საგადასახადო კოდი", "პარტნიორის ბანკის კოდი", "შუამავალი ბანკის კოდი",
                 "ხარჯის ტიპი", "გადასახადის გადამხდელის კოდი", "გადამხდელის დასახელება", "სახაზინო კოდი", "ოპ. კოდი", "დამატებითი დანიშნულება",
                 "ტრანზაქციის ID")  # fmt: skip


def _tbc(entries: Sequence[tuple[str, Entry]], balance: Decimal) -> str:
    rows: list[Sequence[Any]] = [_TBC_COLUMNS]
    for ref, entry in entries:
        balance += entry.amount
        out, paid_in = ("", entry.amount) if entry.amount >= 0 else (-entry.amount, "")
        day = f"{entry.day:%d/%m/%Y}"
        rows.append([day, entry.text, entry.reference, out, paid_in, balance, "GII", day, f"{entry.day:%d%m}", entry.account, entry.name,
                     "", "", "", "SHA", "", "", "", "GII*", "", f"T{ref}"])  # fmt: skip
    return table(_TBC_GEORGIAN, rows)
