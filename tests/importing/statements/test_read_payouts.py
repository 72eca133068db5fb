"""Tables of payouts: what each format's rows become, that batches close, and what is refused. Figures are the spec's."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.importing.statements.statement_files import read, recognised, written
from twofold.errors import FileRefused
from twofold.importing.statements.formats import formats_of
from twofold.ledger.filing import local_day
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine

FORMATS = formats_of("payouts")


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def lines_of(found) -> list[MoneyLine]:
    return [thing for thing in found.things if isinstance(thing, MoneyLine)]


def batches_of(found) -> list[Batch]:
    return [thing for thing in found.things if isinstance(thing, Batch)]


def sums(lines: list[MoneyLine]) -> list[tuple[str, str, str, str]]:
    return [(line.kind.value, f"{line.gross:.2f}", f"{line.fee:.2f}", f"{line.net:.2f}") for line in lines]


# -- Stripe

REPORT_HEADER = ("automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,"
                 "available_on_utc,currency,gross,fee,net,reporting_category,source_id,description,customer_facing_amount,"
                 "customer_facing_currency,customer_email,charge_id,payment_intent_id,payment_metadata[order_id]")  # fmt: skip
# chain.md 9.5, line by line: (category, gross, fee, net, source)
PAYOUT_ROWS = [
    ("charge", "120.00", "3.78", "116.22", "ch_1"),
    ("charge", "45.50", "1.62", "43.88", "ch_2"),
    ("refund", "-20.00", "0.00", "-20.00", "re_1"),
    ("dispute", "-45.50", "15.00", "-60.50", "dp_1"),
    ("fee", "0.00", "2.00", "-2.00", ""),
    ("reserve_transaction", "-10.00", "0.00", "-10.00", ""),
    ("payout", "-67.60", "0.00", "-67.60", "po_1"),
]


def report(rows=PAYOUT_ROWS) -> str:
    text = [REPORT_HEADER]
    for number, (category, gross, fee, net, source) in enumerate(rows, 1):
        charge = source if source.startswith("ch_") else "ch_1" if source == "re_1" else ""
        text.append(f"po_1,2026-03-20 00:00:00,txn_{number},2026-03-1{number} 10:00:00,2026-03-18 00:00:00,gel,{gross},{fee},"
                    f"{net},{category},{source},,,,anna@example.com,{charge},{'pi_' + charge[3:] if charge else ''},"
                    f"{'1001' if charge else ''}")  # fmt: skip
    return "\n".join(text) + "\n"


def test_a_stripe_payout_closes(tmp_path):
    found = read(written(tmp_path, report()), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("stripe-payouts", [], [])
    assert sums(lines_of(found)) == [
        ("charge", "120.00", "3.78", "116.22"), ("charge", "45.50", "1.62", "43.88"), ("refund", "-20.00", "0.00", "-20.00"),
        ("dispute", "-45.50", "15.00", "-60.50"), ("fee", "0.00", "2.00", "-2.00"),
        ("reserve_hold", "-10.00", "0.00", "-10.00"), ("payout", "-67.60", "0.00", "-67.60"),
    ]  # fmt: skip
    (batch,) = batches_of(found)
    assert (batch.id, batch.net, batch.currency, batch.expected_at) == (
        "po_1",
        Decimal("67.60"),
        "GEL",
        seconds("2026-03-20"),
    )
    assert {line.batch for line in lines_of(found)} == {"po_1"}
    assert lines_of(found)[0].references == ("payment_intent:pi_1", "charge:ch_1", "order:1001")
    assert lines_of(found)[2].references == ("payment_intent:pi_1", "charge:ch_1", "refund:re_1", "order:1001")
    assert found.told[0].counterpart.email == "anna@example.com"


def test_a_payout_without_its_reserve_line_is_open_by_ten(tmp_path):
    """chain.md 9.5: lines 77.60, payout 67.60, difference -10.00."""
    found = read(written(tmp_path, report([row for row in PAYOUT_ROWS if row[0] != "reserve_transaction"])), FORMATS)
    (item,) = found.unbalanced
    assert (item.what, item.id, item.entries, item.closing, item.difference) == (
        "batch", "po_1", Decimal("77.60"), Decimal("67.60"), Decimal("-10.00"))  # fmt: skip
    assert len(lines_of(found)) == 6


def test_columns_of_a_report_stand_in_any_order_and_none_is_needed_twice(tmp_path):
    """Two of gross, fee and net give the third."""
    text = "net,reporting_category,currency,fee,created,balance_transaction_id\n116.22,charge,gel,3.78,2026-03-11 10:00:00,txn_1\n"
    found = read(written(tmp_path, text), FORMATS)
    assert sums(lines_of(found)) == [("charge", "120.00", "3.78", "116.22")]
    assert any("automatic_payout_id" in note for note in found.notes)
    assert any("no zone" in note for note in found.notes)


@pytest.mark.parametrize(
    ("category", "amount", "source", "kind"),
    [
        ("partial_capture_reversal", "-1.00", "", MoneyKind.REFUND),
        ("dispute_reversal", "45.50", "dp_1", MoneyKind.DISPUTE_REVERSAL),
        ("network_cost", "-1.00", "", MoneyKind.FEE),
        ("tax", "-1.00", "", MoneyKind.FEE),
        ("risk_reserved_funds", "10.00", "", MoneyKind.RESERVE_RELEASE),
        ("payout_reversal", "67.60", "po_1", MoneyKind.PAYOUT_FAILED),
        ("topup", "5.00", "", MoneyKind.ADJUSTMENT),
    ],
)
def test_stripes_categories(tmp_path, category, amount, source, kind):
    found = read(written(tmp_path, report([(category, amount, "0.00", amount, source)])), FORMATS)
    assert lines_of(found)[0].kind is kind
    assert any("topup" in note for note in found.notes) == (category == "topup")


def test_a_row_whose_net_is_not_gross_less_fee_is_refused_with_its_row(tmp_path):
    rows = list(PAYOUT_ROWS)
    rows[1] = ("charge", "45.50", "1.62", "43.89", "ch_2")
    found = read(written(tmp_path, report(rows)), FORMATS)
    (problem,) = found.problems
    assert (problem.row, problem.column, problem.reason) == (3, "net", "unbalanced_row")
    assert (problem.expected, problem.got) == ("the gross less the fee, 43.88", "43.89")
    assert len(lines_of(found)) == 6


def test_the_balance_of_the_dashboard_has_no_batches_and_says_so(tmp_path):
    text = ("id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n"
            "txn_1,charge,ch_1,120.00,3.78,116.22,usd,2026-09-01 14:03,2026-09-03 00:00,Course\n"
            "txn_2,stripe_fee,,-2.00,0.00,-2.00,usd,2026-09-02 14:03,2026-09-04 00:00,Billing fee\n"
            "txn_3,adjustment,dp_1,-45.50,15.00,-60.50,usd,2026-09-02 14:03,2026-09-04 00:00,Chargeback\n"
            "txn_4,payout,po_1,-114.22,0.00,-114.22,usd,2026-09-05 14:03,2026-09-05 00:00,STRIPE PAYOUT\n")  # fmt: skip
    found = read(written(tmp_path, text), FORMATS)
    assert (found.format, found.unbalanced) == ("stripe-balance", [])
    assert [line.batch for line in lines_of(found)] == ["", "", "", "po_1"]
    assert [line.kind.value for line in lines_of(found)] == ["charge", "fee", "dispute", "payout"]
    assert [(b.id, b.net) for b in batches_of(found)] == [("po_1", Decimal("114.22"))]
    assert any("payout reconciliation report" in note for note in found.notes)


# -- Shopify

SHOPIFY = ("Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,Fee,"
           "Net,Checkout,Payment Method Name,Presentment Amount,Presentment Currency,Currency")  # fmt: skip


def shopify(*rows: str, header: str = SHOPIFY) -> str:
    return "\n".join((header, *rows)) + "\n"


def test_a_pending_charge_and_the_same_when_it_is_paid_are_one_line(tmp_path):
    """chain.md 9.8: #1001 charge 30.00 pending, later paid, payout 9001: one line, updated."""
    pending = shopify("2026-03-06 10:00:00 +0400,charge,#1001,visa,online,pending,2026-03-09,,2026-03-08,30.00,0.90,29.10,"
                      "#68683485610367,card,30.00,GEL,GEL")  # fmt: skip
    paid = shopify("2026-03-06 06:00:00 +0000,charge,#1001,visa,online,paid,2026-03-09,9001,2026-03-08,30.00,0.90,29.10,"
                   "#68683485610367,card,30.00,GEL,GEL", header=SHOPIFY + ",VAT").replace("GEL,GEL", "GEL,GEL,0.00")  # fmt: skip
    (one,) = lines_of(read(written(tmp_path, pending, "a.csv"), FORMATS))
    (two,) = lines_of(read(written(tmp_path, paid, "b.csv"), FORMATS))
    (three,) = lines_of(read(written(tmp_path, paid.replace("#", ""), "c.csv"), FORMATS))
    assert name_of(one) == name_of(two) == name_of(three)
    assert (one.batch, two.batch) == ("", "9001")
    assert one.status == two.status == "booked"
    assert two.references == ("number:1001", "checkout:68683485610367", "payout:day:2026-03-09:GEL")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Available On,Amount,Fee,Net,Currency",
         "2026-09-01 10:00:00 -0400,charge,#1001,visa,online,paid,2026-09-03,2026-09-03,45.00,1.61,43.39,USD"),
        ("Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,Fee,Net,"
         "Currency", "2026-09-01 10:00:00 -0400,charge,#1001,visa,online,paid,2026/9/3,77,2026/9/3,$45.00,$1.61,$43.39,USD"),
        (SHOPIFY + ",VAT",
         "2026-09-01 10:00:00 -0400,charge,#1001,visa,online,paid,2026-09-03,77,2026-09-03,45.00,1.34,43.39,,card,45.00,USD,"
         "USD,0.27"),
        (SHOPIFY + ",Business Entity Name,Business Entity ID",
         "2026-09-01 10:00:00 -0400,charge,#1001,visa,online,paid,2026-09-03,77,2026-09-03,45.00,1.61,43.39,,card,45.00,USD,"
         "USD,Shop LLC,MTY5"),
    ],
)  # fmt: skip
def test_every_age_of_shopifys_export_says_the_same(tmp_path, header, row):
    found = read(written(tmp_path, shopify(row, header=header)), FORMATS)
    (line,) = lines_of(found)
    assert (found.format, sums([line])) == ("shopify-transactions", [("charge", "45.00", "1.61", "43.39")])
    assert line.at == seconds("2026-09-01T14:00:00")
    assert line.available_at == seconds("2026-09-03")
    assert line.batch == ("77" if "Payout ID" in header else "day:2026-09-03:USD")


def test_what_the_buyer_saw_has_the_sign_of_the_line(tmp_path):
    """Refunds are written with and without a minus in the presentment amount."""
    found = read(written(tmp_path, shopify(
        "2026-08-24 22:01:24 +0400,charge,#3439,master,online,paid,2026-09-01,148156579998,2026-09-01,988.21,57.68,930.53,"
        "#43736360550558,card,1010.40,SAR,AED",
        "2026-08-30 16:59:53 +0400,refund,#3439,master,online,paid,2026-09-01,148156579998,2026-08-30,-988.21,0.00,-988.21,"
        "#43736360550558,card,1010.40,SAR,AED")), FORMATS)  # fmt: skip
    assert [(line.original, line.original_currency) for line in lines_of(found)] == [
        (Decimal("1010.40"), "SAR"), (Decimal("-1010.40"), "SAR")]  # fmt: skip


def test_without_a_currency_nothing_is_assumed(tmp_path):
    text = shopify("2026-04-15,charge,#1001,visa,$29.94,$1.05,$28.89,2026-04-17,paid",
                   header="Transaction Date,Type,Order,Card Brand,Amount,Fee,Net,Payout Date,Payout Status")  # fmt: skip
    path = written(tmp_path, text)
    assert [p.reason for p in read(path, FORMATS).problems] == ["no_currency"]
    (line,) = lines_of(read(path, FORMATS, currency="CAD"))
    assert (line.currency, line.day_only) == ("CAD", True)


def test_shopifys_payouts_are_compared_with_their_parts(tmp_path):
    text = ("Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried Amount,Total,Currency\n"
            "2026-09-03,paid,450.00,-20.00,0.00,0.00,-13.35,0.00,416.65,USD\n"
            "2026-09-04,paid,1650.00,0.00,-15.00,-156.75,-67.65,0.00,1395.60,USD\n")  # fmt: skip
    found = read(written(tmp_path, text), FORMATS)
    assert [(b.id, b.net, b.status) for b in batches_of(found)] == [
        ("day:2026-09-03:USD", Decimal("416.65"), "paid"), ("day:2026-09-04:USD", Decimal("1395.60"), "paid")]  # fmt: skip
    (item,) = found.unbalanced
    assert (item.what, item.entries, item.closing, item.difference) == (
        "total", Decimal("1410.60"), Decimal("1395.60"), Decimal("-15.00"))  # fmt: skip


# -- PayPal

PAYPAL = ('"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address",'
          '"To Email Address","Transaction ID","Reference Txn ID","Invoice Number","Custom Number","Balance Impact"')  # fmt: skip


def paypal(*rows: tuple[str, ...], header: str = PAYPAL, comma: str = ",") -> str:
    return (
        "\ufeff"
        + header
        + "\n"
        + "\n".join(comma.join(chr(34) + cell.replace('"', '""') + chr(34) for cell in row) for row in rows)
        + "\n"
    )


def test_paypal_rows_that_move_money(tmp_path):
    """Memo rows and what is not completed are dropped, pending rows are kept as pending, conversions name their payment."""
    found = read(written(tmp_path, paypal(
        ("03/13/2026", "10:00:00", "PDT", "Anna", "Express Checkout Payment", "Completed", "USD", "1,100.00", "-30.20",
         "1,069.80", "anna@example.com", "shop@example.com", "8RU54321AB1234560", "", "WC-1001", '{"order_id":1001}', "Credit"),
        ("03/13/2026", "10:00:01", "PDT", "", "General Currency Conversion", "Completed", "USD", "-1,069.80", "0.00", "-1,069.80",
         "", "", "8RU54321AB1234561", "8RU54321AB1234560", "", "", "Debit"),
        ("03/13/2026", "10:00:01", "PDT", "", "General Currency Conversion", "Completed", "EUR", "980.00", "0.00", "980.00",
         "", "", "8RU54321AB1234562", "", "", "", "Credit"),
        ("03/14/2026", "10:00:00", "PDT", "Anna", "Payment Refund", "Completed", "USD", "-10.00", "0.30", "-9.70",
         "shop@example.com", "anna@example.com", "8RU54321AB1234563", "8RU54321AB1234560", "WC-1001", "", "Debit"),
        ("03/15/2026", "10:00:00", "PDT", "Bob", "Express Checkout Payment", "Pending", "USD", "5.00", "0.00", "5.00",
         "bob@example.com", "shop@example.com", "8RU54321AB1234564", "", "1002", "", "Credit"),
        ("03/15/2026", "10:00:00", "PDT", "Bob", "Authorization", "Completed", "USD", "5.00", "0.00", "5.00",
         "bob@example.com", "shop@example.com", "8RU54321AB1234565", "", "1002", "", "Memo"),
        ("03/15/2026", "10:00:00", "PDT", "Bob", "Express Checkout Payment", "Denied", "USD", "5.00", "0.00", "5.00",
         "bob@example.com", "shop@example.com", "8RU54321AB1234566", "", "1002", "", "Credit"),
        ("03/16/2026", "10:00:00", "PDT", "", "General Withdrawal", "Completed", "EUR", "-980.00", "0.00", "-980.00",
         "", "", "8RU54321AB1234567", "", "", "", "Debit"),
    )), FORMATS)  # fmt: skip
    assert (found.format, found.problems) == ("paypal-activity", [])
    assert [d.reason for d in found.dropped] == ["memo", "not_completed"]
    lines = lines_of(found)
    assert [line.kind.value for line in lines] == ["charge", "adjustment", "adjustment", "refund", "charge", "payout"]
    assert [line.status for line in lines] == ["booked"] * 4 + ["pending", "booked"]
    assert sums(lines[:1]) == [("charge", "1100.00", "30.20", "1069.80")]
    assert lines[0].at == seconds("2026-03-13T17:00:00")
    assert lines[0].references == ("transaction:8RU54321AB1234560", "order:WC-1001", "order:1001")
    assert lines[1].references == lines[2].references == ("payment:8RU54321AB1234560",)
    assert lines[3].references == ("refund:8RU54321AB1234563", "payment:8RU54321AB1234560", "order:WC-1001")
    assert [t.counterpart.email for t in found.told if t.counterpart] == ["anna@example.com"] * 2 + ["bob@example.com"]


@pytest.mark.parametrize(
    ("header", "comma", "row"),
    [
        ("Datum;Uhrzeit;Zeitzone;Name;Typ;Status;Währung;Brutto;Gebühr;Netto;Absender E-Mail-Adresse;Empfänger E-Mail-Adresse;"
         "Transaktionscode;Zugehöriger Transaktionscode;Rechnungsnummer;Guthaben;Auswirkung auf Guthaben", ";",
         ("13.03.2026", "17:47:00", "CET", "Anna", "Express-Checkout-Zahlung", "Abgeschlossen", "EUR", "1.100,00", "-5,00",
          "1.095,00", "a@example.com", "b@example.com", "1A207897G9979282J", "", "1001", "1.875,88", "Haben")),
        ("Datum,Tijd,Tijdzone,Naam,Type,Status,Valuta,Bruto,Fee,Net,Van e-mailadres,Naar e-mailadres,Transactiereferentie,"
         "Reference Txn ID,Factuurnummer,Saldo,Effect op saldo", ",",
         ("13-03-2026", "17:47:00", "CET", "Anna", "Express Checkout betaling", "Voltooid", "EUR", "1.100,00", "-5,00",
          "1.095,00", "a@example.com", "b@example.com", "1A207897G9979282J", "", "1001", "1.875,88", "Bij")),
    ],
)  # fmt: skip
def test_paypal_in_german_and_dutch(tmp_path, header, comma, row):
    found = read(written(tmp_path, paypal(row, header=header, comma=comma)), FORMATS)
    (line,) = lines_of(found)
    assert (found.format, sums([line])) == ("paypal-activity", [("charge", "1100.00", "5.00", "1095.00")])
    assert line.at == seconds("2026-03-13T16:47:00")
    assert line.references == ("transaction:1A207897G9979282J", "order:1001")


FRENCH = ("Date,Heure,Fuseau horaire,Nom,Type,État,Devise,Avant commission,Commission,Net,De l'adresse email,À l'adresse email,"
          "Numéro de transaction,Numéro de la transaction de référence,Numéro de facture,Numéro de client,Solde,Impact sur le solde")  # fmt: skip


def test_paypal_in_french(tmp_path):
    """Headers and words as public parsers have them. What is no credit or debit of the balance costs its row."""
    paid = ("13/03/2026", "17:47:00", "CET", "Anna", "Paiement Express Checkout", "Terminé", "EUR", "1.100,00", "-5,00", "1.095,00",
            "a@example.com", "b@example.com", "1A207897G9979282J", "", "1001", "", "1.095,00", "Crédit")  # fmt: skip
    back = ("14/03/2026", "17:47:00", "CET", "Anna", "Remboursement", "Terminé", "EUR", "-100,00", "0,00", "-100,00",
            "b@example.com", "a@example.com", "1A207897G9979282K", "1A207897G9979282J", "1001", "", "995,00", "Débit")  # fmt: skip
    waits = (*paid[:5], "En attente", *paid[6:12], "1A207897G9979282L", *paid[13:])
    other = (*paid[:12], "1A207897G9979282M", *paid[13:-1], "Autre")
    found = read(written(tmp_path, paypal(paid, back, waits, other, header=FRENCH)), FORMATS)
    lines = lines_of(found)
    assert sums(lines) == [
        ("charge", "1100.00", "5.00", "1095.00"), ("refund", "-100.00", "0.00", "-100.00"), ("charge", "1100.00", "5.00", "1095.00"),
    ]  # fmt: skip
    assert [line.status for line in lines] == ["booked", "booked", "pending"]
    assert lines[1].references == ("refund:1A207897G9979282K", "payment:1A207897G9979282J", "order:1001")
    assert [(p.row, p.reason) for p in found.problems] == [(5, "unknown_word")]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("Date,Heure,Fuseau horaire,Description,Devise,Brut ,Frais ,Net,Solde,Numéro de transaction,Adresse email de l'expéditeur,Nom,"
         "Nom de la banque,Compte bancaire,Numéro de facture,Numéro de la transaction de référence",
         ("Paiement Express Checkout", "Virement bancaire sur le compte PayPal", "Conversion de devise")),
        ("Fecha,Hora,Zona horaria,Descripción,Divisa,Bruto ,Comisión ,Neto,Saldo,Id. de transacción,Correo electrónico del remitente,Nombre,"
         "Nombre del banco,Cuenta bancaria,Id. de factura,Id. de referencia de trans.",
         ("Pago con Pago exprés", "Retirada iniciada por el usuario", "Conversión de divisas general")),
    ],
)  # fmt: skip
def test_paypal_statements_in_french_and_spanish(tmp_path, header, rows):
    def row(day: str, what: str, gross: str, fee: str, net: str, number: str) -> tuple[str, ...]:
        return (
            day,
            "08:29:44",
            "Europe/Berlin",
            what,
            "EUR",
            gross,
            fee,
            net,
            "0,00",
            number,
            "a@example.com",
            "Anna",
            "",
            "",
            "1001",
            "",
        )

    told = [row("27/6/2026", rows[0], "160,71", "-5,01", "155,70", "6GB9514155364603V"),
            row("28/6/2026", rows[1], "-4.000,00", "0,00", "-4.000,00", "9C5250184V339245T"),
            row("28/6/2026", rows[2], "276,00", "0,00", "276,00", "40M004020G622010U")]  # fmt: skip
    found = read(written(tmp_path, paypal(*told, header=header)), FORMATS)
    assert (found.format, found.problems) == ("paypal-activity", [])
    kind = "adjustment" if "Heure" in header else "payout"  # money that the merchant put in, and money that left
    assert sums(lines_of(found)) == [
        ("charge", "160.71", "5.01", "155.70"), (kind, "-4000.00", "0.00", "-4000.00"), ("adjustment", "276.00", "0.00", "276.00"),
    ]  # fmt: skip
    assert lines_of(found)[0].at == seconds("2026-06-27T06:29:44")


def test_a_spanish_activity_download_is_refused_as_nothing_says_which_of_its_rows_are_memos(tmp_path):
    header = "Fecha,Hora,Zona horaria,Nombre,Tipo,Estado,Divisa,Bruto,Tarifa,Neto,Id. de transacción"
    row = (
        "27/06/2026",
        "10:00:00",
        "CET",
        "Ana",
        "Pago",
        "Completado",
        "EUR",
        "120,00",
        "-6,22",
        "113,78",
        "6GB9514155364603V",
    )
    with pytest.raises(FileRefused, match="balance's impact"):
        read(written(tmp_path, paypal(row, header=header)), FORMATS)


STATEMENT = ('"Datum","Uhrzeit","Zeitzone","Beschreibung","Währung","Brutto","Entgelt","Netto","Guthaben","Transaktionscode",'
             '"Absender E-Mail-Adresse","Name","Name der Bank","Bankkonto","Rechnungsnummer","Zugehöriger Transaktionscode"')  # fmt: skip


def test_a_monthly_statement_has_no_states_and_all_of_it_moved_money(tmp_path):
    rows = [
        ("27.06.2026", "11:54:55", "Europe/Berlin", "PayPal Express-Zahlung", "EUR", "45,50", "-1,62", "43,88", "43,88",
         "1A207897G9979282J", "a@example.com", "Anna", "", "", "1001", ""),
        ("28.06.2026", "11:54:55", "Europe/Berlin", "Von Nutzer eingeleitete Abbuchung", "EUR", "-43,88", "0,00", "-43,88", "0,00",
         "1A207897G9979282K", "", "", "Bank", "x1234", "", ""),
    ]  # fmt: skip
    found = read(written(tmp_path, paypal(*rows, header=STATEMENT)), FORMATS)
    assert (found.format, found.problems) == ("paypal-activity", [])
    assert sums(lines_of(found)) == [("charge", "45.50", "1.62", "43.88"), ("payout", "-43.88", "0.00", "-43.88")]
    assert lines_of(found)[0].at == seconds("2026-06-27T09:54:55")
    assert {line.status for line in lines_of(found)} == {"booked"}
    assert any("no states" in note for note in found.notes)


@pytest.mark.parametrize(
    ("word", "net", "kind"),
    [
        ("Hold on Available Balance", "-5", "reserve_hold"), ("Reversal of General Account Hold", "5", "reserve_release"),
        ("Rückbuchung allgemeiner Einbehaltung", "5", "reserve_release"), ("Chargeback", "-5", "dispute"),
        ("Chargeback Reversal", "5", "dispute_reversal"), ("Chargeback Fee", "-5", "fee"), ("Payment Refund", "-5", "refund"),
        ("Allgemeine Währungsumrechnung", "5", "adjustment"), ("General Withdrawal - Bank Account", "-5", "payout"),
        ("General Payment", "-5", "adjustment"), ("Mobile Payment", "5", "charge"), ("Something new", "5", "adjustment"),
    ],
)  # fmt: skip
def test_paypals_types(word, net, kind):
    from twofold.importing.statements.payouts.paypal_kinds import kind_of, word_of

    assert kind_of(word_of("", word), Decimal(net)).value == kind


@pytest.mark.parametrize(("code", "net", "kind"), [("T0006", "5", "charge"), ("T0403", "-5", "payout"), ("T1107", "-5", "refund"),
                         ("T1201", "-5", "dispute"), ("T1202", "5", "dispute_reversal"), ("T2103", "-5", "reserve_hold"),
                         ("T2104", "5", "reserve_release"), ("T0200", "5", "adjustment"), ("T9999", "5", "adjustment")])  # fmt: skip
def test_an_event_code_says_more_than_a_type(code, net, kind):
    from twofold.importing.statements.payouts.paypal_kinds import kind_of, word_of

    assert kind_of(word_of(code, "Payment Refund"), Decimal(net)).value == kind


STL = """"RH",2026/03/13 00:00:00 +0000,A,SHOPACCOUNT01,010
"FH",01
"SH",2026/03/12 00:00:00 +0000,2026/03/12 23:59:59 +0000,"SHOPACCOUNT01",""
"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code","Transaction Initiation Date","Transaction Completion Date","Transaction  Debit or Credit","Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency","Custom Field","Consumer ID"
"SB","8RU54321AB1234560","1001","","","T0006","2026/03/12 10:00:00 +0000","2026/03/12 10:00:05 +0000","CR","10000","USD","DR","320","USD","","ABC"
"SB","8RU54321AB1234561","1001","8RU54321AB1234560","TXN","T1107","2026/03/12 11:00:00 +0000","2026/03/12 11:00:05 +0000","DR","2500","USD","CR","0","USD","","ABC"
"SB","8RU54321AB1234562","1002","","","T0006","2026/03/12 10:00:00 +0000","2026/03/12 10:00:05 +0000","CR","10000","JPY","DR","40","JPY","","ABC"
"SB","8RU54321AB1234563","","","","T0400","2026/03/12 12:00:00 +0000","2026/03/12 12:00:05 +0000","DR","5000","USD","","","","",""
"SF","USD",10000,7500,0,320,1000,3180
"SC",4
"RF","SHOPACCOUNT01",4
"RC",4
"FF",4
"""


def test_paypals_settlement_report_is_in_minor_units_and_its_balances_are_compared(tmp_path):
    found = read(written(tmp_path, STL, "STL-20260313.CSV"), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("paypal-settlement", [], [])
    lines = lines_of(found)
    assert sums(lines) == [
        ("charge", "100.00", "3.20", "96.80"), ("refund", "-25.00", "0.00", "-25.00"), ("charge", "10000.00", "40.00", "9960.00"),
        ("payout", "-50.00", "0.00", "-50.00"),
    ]  # fmt: skip
    assert [line.currency for line in lines] == ["USD", "USD", "JPY", "USD"]
    assert {line.account for line in lines} == {"SHOPACCOUNT01"}
    assert lines[1].references == ("refund:8RU54321AB1234561", "payment:8RU54321AB1234560", "order:1001")
    wrong = read(written(tmp_path, STL.replace("1000,3180", "1000,3181"), "b.csv"), FORMATS)
    assert [(u.what, u.opening, u.entries, u.closing, u.difference) for u in wrong.unbalanced] == [
        ("statement", Decimal("10.00"), Decimal("21.80"), Decimal("31.81"), Decimal("0.01"))]  # fmt: skip


def test_a_settlement_report_that_is_cut_or_has_signs_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="cut"):
        read(written(tmp_path, STL.partition('"SC"')[0]), FORMATS)
    found = read(written(tmp_path, STL.replace('"10000","JPY"', '"100.00","JPY"'), "b.csv"), FORMATS)
    assert [(p.row, p.column, p.reason) for p in found.problems] == [(7, "Gross Transaction Amount", "bad_amount")]
    assert len(lines_of(found)) == 3


def test_a_day_without_movements_is_an_empty_report(tmp_path):
    text = "\n".join(line for line in STL.splitlines() if not line.startswith(('"SB"', '"SF"')))
    found = read(written(tmp_path, text), FORMATS)
    assert (found.things, found.problems) == ([], [])


# -- Adyen

ADYEN = ("Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
         "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),"
         "Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Batch Number")  # fmt: skip
ADYEN_ROWS = [
    "Co,Shop,PSP1,1001,visa,2026-03-12 10:00:00,CET,Settled,MOD1,EUR,,120.00,1,EUR,,116.22,,,,,7",
    "Co,Shop,PSP2,1002,visa,2026-03-12 10:00:00,CET,Settled,MOD2,USD,,50.00,0.91,EUR,,43.88,1.00,,,,7",
    "Co,Shop,PSP1,1001,visa,2026-03-12 11:00:00,CET,Refunded,MOD3,EUR,20.00,,1,EUR,20.00,,,,,,7",
    "Co,Shop,PSP2,1002,visa,2026-03-12 11:00:00,CET,Chargeback,MOD4,EUR,45.50,,1,EUR,60.50,,,,,,7",
    "Co,Shop,,,,2026-03-12 12:00:00,CET,Fee,Transaction Fees March,EUR,,,,EUR,2.00,,,,,,7",
    "Co,Shop,,,,2026-03-12 12:00:00,CET,DepositCorrection,,EUR,,,,EUR,10.00,,,,,,7",
    "Co,Shop,,,,2026-03-12 13:00:00,CET,MerchantPayout,,EUR,,,,EUR,67.60,,,,,,7",
]


def test_adyens_fee_is_what_lies_between_gross_and_net(tmp_path):
    found = read(written(tmp_path, "\n".join([ADYEN, *ADYEN_ROWS]) + "\n"), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("adyen-settlement", [], [])
    assert sums(lines_of(found)) == [
        ("charge", "120.00", "3.78", "116.22"), ("charge", "45.50", "1.62", "43.88"), ("refund", "-20.00", "0.00", "-20.00"),
        ("dispute", "-45.50", "15.00", "-60.50"), ("fee", "0.00", "2.00", "-2.00"),
        ("reserve_hold", "-10.00", "0.00", "-10.00"), ("payout", "-67.60", "0.00", "-67.60"),
    ]  # fmt: skip
    first, second, refund = lines_of(found)[:3]
    assert (second.original, second.original_currency, second.rate) == (Decimal("50.00"), "USD", Decimal("0.91"))
    assert first.references == ("order:1001", "transaction:PSP1", "capture:MOD1")
    assert refund.references == ("order:1001", "payment:PSP1", "refund:MOD3")
    assert (first.account, first.batch, first.at) == ("Shop", "7", seconds("2026-03-12T09:00:00"))
    assert [(b.id, b.account, b.net) for b in batches_of(found)] == [("7", "Shop", Decimal("67.60"))]


@pytest.mark.parametrize(("zone", "said"), [("CET", False), ("UTC", False), ("", True)])
def test_it_is_said_that_times_name_no_zone_only_where_they_name_none(tmp_path, zone, said):
    """Adyen's rows have a column for it: a file whose every row says CET is not asked for a zone."""
    text = "\n".join([ADYEN, *ADYEN_ROWS]).replace(",CET,", f",{zone},")
    found = read(written(tmp_path, text + "\n"), FORMATS)
    assert any("say no zone" in note for note in found.notes) is said
    hour = {"CET": 9, "UTC": 10, "": 10}[zone]
    assert {datetime.fromtimestamp(line.at, UTC).hour for line in lines_of(found)} >= {hour}


@pytest.mark.parametrize(("zone", "kept"), [("CET", "+01:00"), ("CEST", "+02:00"), ("Europe/Amsterdam", "Europe/Amsterdam"),
                                            ("UTC", "UTC"), ("GMT-03:30", "-03:30")])  # fmt: skip
def test_a_line_has_the_day_that_stands_in_its_row(tmp_path, zone, kept):
    """Half past midnight in Adyen's zone is the evening before in UTC, and its rate and its day in the books are those of the row."""
    text = "\n".join([ADYEN, *ADYEN_ROWS]).replace(",CET,", f",{zone},").replace(" 10:00:00,", " 00:30:00,")
    line, *_ = lines_of(read(written(tmp_path, text + "\n"), FORMATS))
    assert (line.zone, local_day(line)) == (kept, "2026-03-12")


def test_a_type_of_adyens_that_nobody_knows_is_said_and_moves_its_money(tmp_path):
    """What it took from the payout has to stand somewhere, and who reads the report has to know that it was not understood."""
    rows = [row.replace("DepositCorrection", "QuarterlyLevy") for row in ADYEN_ROWS]
    found = read(written(tmp_path, "\n".join([ADYEN, *rows]) + "\n"), FORMATS)
    assert ("adjustment", "-10.00", "0.00", "-10.00") in sums(lines_of(found))
    assert not found.unbalanced
    assert [note for note in found.notes if "no known type" in note and "adjustments" in note]


def test_adyens_batch_without_a_row_is_open(tmp_path):
    rows = [row for row in ADYEN_ROWS if "DepositCorrection" not in row]
    found = read(written(tmp_path, "\n".join([ADYEN, *rows]) + "\n"), FORMATS)
    assert [(u.id, u.difference) for u in found.unbalanced] == [("7", Decimal("-10.00"))]


# -- Klarna

KLARNA_SUMMARY = ("total_sale_amount,total_fee_amount,total_tax_amount,total_return_amount,total_repay_amount,"
                  "total_settlement_amount,payment_reference,settlement_currency,payout_date,merchant_id\n"
                  "120.00,3.78,0.95,20.00,5.00,90.27,XISA93DJ,EUR,2026-03-14T07:45:00Z,K123456\n")  # fmt: skip
KLARNA_ROWS = ("type,capture_id,merchant_reference1,order_id,short_order_id,sale_date,capture_date,amount,posting_currency,"
               "refund_id,detailed_type\n"
               "SALE,cap-1,1001,c504,9875QW2,2026-03-10T07:45:00Z,2026-03-11T07:45:00Z,120.00,EUR,,PURCHASE\n"
               "FEE,cap-1,1001,c504,9875QW2,2026-03-10T07:45:00Z,2026-03-11T07:45:00Z,3.00,EUR,,PURCHASE_FEE_PERCENTAGE\n"
               "FEE,cap-1,1001,c504,9875QW2,2026-03-10T07:45:00Z,2026-03-11T07:45:00Z,0.78,EUR,,PURCHASE_FEE_FIXED\n"
               "RETURN,,1001,c504,9875QW2,2026-03-10T07:45:00Z,2026-03-12T07:45:00Z,20.00,EUR,ref-1,PURCHASE_RETURN\n")  # fmt: skip


def test_klarnas_report_closes_with_what_its_summary_alone_has(tmp_path):
    """120.00 - 3.78 - 0.95 tax on fees - 20.00 - 5.00 of a debt = 90.27, under the reference that the bank shows."""
    found = read(written(tmp_path, KLARNA_SUMMARY + "\n" + KLARNA_ROWS), FORMATS)
    assert (found.format, found.problems, found.unbalanced) == ("klarna-settlement", [], [])
    lines = lines_of(found)
    assert [f"{line.net:.2f}" for line in lines] == ["120.00", "-3.00", "-0.78", "-20.00", "-5.00", "-0.95"]
    assert len({name_of(line) for line in lines}) == 6
    (batch,) = batches_of(found)
    assert (batch.id, batch.bank_reference, batch.net) == ("XISA93DJ", "XISA93DJ", Decimal("90.27"))
    assert lines[0].references == ("order:1001", "capture:cap-1", "transaction:c504", "bank_reference:XISA93DJ")


def test_klarnas_report_in_minor_units_is_told_by_its_amounts(tmp_path):
    text = (KLARNA_SUMMARY + "\n" + KLARNA_ROWS).replace(".", "").replace("Z,12000", "Z,12000").replace(",078,", ",78,")
    found = read(written(tmp_path, text.replace(",095,", ",95,")), FORMATS)
    assert [f"{line.net:.2f}" for line in lines_of(found)] == ["120.00", "-3.00", "-0.78", "-20.00", "-5.00", "-0.95"]
    assert found.unbalanced == []
    assert any("minor units" in note for note in found.notes)


# -- our own table, and what is common to all


def own(*rows: str) -> str:
    return "batch,batch_date,kind,order,reference,gross,fee,net,currency,at\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("at", "is_day"), [("2026-03-12", True), ("2026-03-12 00:00:00", True), ("2026-03-12 00:00:01", False)]
)
def test_a_day_with_the_midnight_of_a_database_is_a_day(tmp_path, at, is_day):
    text = f"batch,kind,order,gross,net,currency,at\nP1,charge,1001,10.00,10.00,GEL,{at}\n"
    (line,) = [t for t in read(written(tmp_path, text), formats_of("payouts")).things if isinstance(t, MoneyLine)]
    assert line.day_only is is_day


def test_our_own_table_and_its_total(tmp_path):
    found = read(written(tmp_path, own(
        "B1,2026-03-20,charge,1001,pi_1,120.00,3.78,116.22,GEL,2026-03-12T10:00:00+04:00",
        "B1,2026-03-20,refund,1001,pi_1,-20.00,0,-20.00,GEL,2026-03-13T10:00:00+04:00",
        "B1,2026-03-20,payout,,,-96.22,0,-96.22,GEL,2026-03-20",
        "Total,,,,,3.78,3.78,0.01,,")), FORMATS, source="flitt")  # fmt: skip
    assert found.format == "own-payouts"
    assert [line.references for line in lines_of(found)] == [
        ("order:1001", "payment_intent:pi_1"), ("order:1001", "payment_intent:pi_1"), ()]  # fmt: skip
    assert {line.source for line in lines_of(found)} == {"flitt"}
    assert [(b.id, b.net) for b in batches_of(found)] == [("B1", Decimal("96.22"))]
    assert [d.reason for d in found.dropped] == ["total"]
    assert [(u.what, u.id, u.difference) for u in found.unbalanced] == [("total", "net", Decimal("0.01"))]


EARLY = {
    "own table": (own("B1,2026-03-20,charge,1001,pi_1,120.00,3.78,116.22,GEL,2026-03-12T00:30:00+04:00"), "+04:00"),
    "Shopify": (shopify("2026-03-12 00:30:00 +0400,charge,#1001,visa,online,pending,2026-03-15,,2026-03-15,30.00,0.90,29.10,"
                        "#68683485610367,card,30.00,GEL,GEL"), "+04:00"),
    "PayPal": (paypal(("03/12/2026", "00:30:00", "CEST", "Anna", "Express Checkout Payment", "Completed", "USD", "1,100.00", "-30.20",
                       "1,069.80", "a@example.com", "s@example.com", "8RU54321AB1234560", "", "WC-1", "", "Credit")), "+02:00"),
    "PayPal's settlements": (STL.replace("2026/03/12 10:00:05 +0000", "2026/03/12 00:30:00 +0400"), "+04:00"),
}  # fmt: skip
"""Half past midnight of the 12th, which is the 11th in UTC, as each writes it; and the zone."""


@pytest.mark.parametrize(("text", "kept"), EARLY.values(), ids=EARLY)
def test_each_table_has_the_days_of_its_rows(tmp_path, text, kept):
    line, *_ = lines_of(read(written(tmp_path, text), FORMATS, dates="mdy"))
    assert (line.zone, local_day(line)) == (kept, "2026-03-12")


@pytest.mark.parametrize(
    ("column", "at", "asked", "kept"),
    [
        ("created_utc", "2026-03-12T20:30:00", True, "UTC"),
        ("created", "2026-03-13T00:30:00", True, "Asia/Tbilisi"),
        ("created", "2026-03-12T20:30:00", False, "UTC"),
    ],
)
def test_stripes_report_in_a_zone_of_its_own(tmp_path, column, at, asked, kept):
    """``created`` is in the zone in which the report was asked for, and in UTC where none was; ``created_utc`` always is."""
    text = report().replace("created_utc", column).replace("2026-03-11 10:00:00", at.replace("T", " "))
    found = read(
        written(tmp_path, text), FORMATS, zone=ZoneInfo("Asia/Tbilisi"), zone_name="Asia/Tbilisi", zone_given=asked
    )
    line, *_ = lines_of(found)
    assert (line.at, line.zone, local_day(line)) == (seconds("2026-03-12T20:30:00"), kept, at[:10])


def test_two_equal_rows_of_our_own_table_are_two(tmp_path):
    row = "B1,2026-03-20,refund,1001,pi_1,-20.00,0,-20.00,GEL,2026-03-13"
    lines = lines_of(read(written(tmp_path, own(row, row)), FORMATS))
    assert len(lines) == 2
    assert [line.id for line in lines] == ["", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_other_encodings_and_separators_say_the_same(tmp_path, encoding, separator):
    text = report().replace(",", separator)
    assert sums(lines_of(read(written(tmp_path, text, encoding=encoding), FORMATS)))[0] == (
        "charge", "120.00", "3.78", "116.22")  # fmt: skip


def test_an_id_that_a_spreadsheet_rounded_is_refused_and_float_noise_is_not(tmp_path):
    found = read(written(tmp_path, shopify(
        "2026-09-01 10:00:00 -0400,charge,#1001,visa,online,paid,2026-09-03,1.48157E+11,2026-09-03,45.00,1.61,43.39,,card,45.00,"
        "USD,USD",
        "2026-09-01 10:00:00 -0400,charge,#1002,visa,online,paid,2026-09-03,77,2026-09-03,45.00,1.61,43.390000000000001,,card,"
        "45.00,USD,USD")), FORMATS)  # fmt: skip
    assert [(p.row, p.column, p.reason) for p in found.problems] == [(2, "Payout ID", "rounded_id")]
    assert sums(lines_of(found)) == [("charge", "45.00", "1.61", "43.39")]


def test_a_wrong_currency_and_a_broken_amount_cost_their_rows_alone(tmp_path):
    text = report().replace("gel,45.50", "dollars,45.50").replace("-20.00,0.00,-20.00", "-20.00,0.00,-20.0x0")
    found = read(written(tmp_path, text), FORMATS)
    assert [(p.row, p.column, p.reason) for p in found.problems] == [
        (3, "currency", "bad_currency"),
        (4, "net", "bad_amount"),
    ]
    assert len(lines_of(found)) == 5


def test_what_is_none_of_them_is_not_recognised(tmp_path):
    assert recognised(written(tmp_path, "a,b,c\n1,2,3\n"), FORMATS) == []
    assert recognised(written(tmp_path, '{"a": 1}', "a.json"), FORMATS) == []


def test_a_preamble_stands_above_any_table(tmp_path):
    text = "Shop LLC\nPeriod,2026-03\n\n" + report()
    assert len(lines_of(read(written(tmp_path, text), FORMATS))) == 7


def test_no_contact_data_in_what_was_not_understood(tmp_path):
    """The report of rows is passed on: of a cell only its shape is shown."""
    found = read(written(tmp_path, report().replace("ch_2,", "anna@example.com,", 1)), FORMATS)
    assert found.problems
    assert not any("anna" in f"{p.got}{p.expected}" for p in found.problems)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_that_end_otherwise(tmp_path, end):
    """Programs of old Macs end a line with a carriage return alone: the header is the first line all the same."""
    text = "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n" \
           "txn_1BBBBBBBBBB,charge,ch_1BBBBBBBB,100.00,2.50,97.50,usd,2026-03-01 10:00,2026-03-03 00:00,Charge\n"  # fmt: skip
    found = read(written(tmp_path, text.replace("\n", end)), FORMATS)
    assert sums(lines_of(found)) == [("charge", "100.00", "2.50", "97.50")]
    assert found.told[0].row == 2
