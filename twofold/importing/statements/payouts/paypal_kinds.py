"""PayPal's words and codes for what a row is, in the languages of its exports that are known.

Owns the transaction event codes (developer.paypal.com, Transaction event codes, read November 2026), and the headers and
words of English, German, Dutch and French exports, and of Spanish statements, as public parsers and their samples have
them (November 2026). Another language comes by an [[import]].
"""

from __future__ import annotations

import re
from decimal import Decimal

from twofold.importing.readers.layout import fold_word
from twofold.ledger.lines import MoneyKind

# Headers by field: English, German, Dutch (which mixes the two in some ages), French, Spanish.
COLUMNS = {
    "date": ("Date", "Datum", "Fecha"),
    "time": ("Time", "Uhrzeit", "Tijd", "Heure", "Hora"),
    "zone": ("TimeZone", "Time Zone", "Zeitzone", "Tijdzone", "Fuseau horaire", "Zona horaria"),
    "name": ("Name", "Naam", "Nom", "Nombre"),
    "type": ("Type", "Typ", "Description", "Beschreibung", "Descripción", "Tipo"),
    "status": ("Status", "État", "Estado"),
    "currency": ("Currency", "Währung", "Valuta", "Devise", "Divisa"),
    "gross": ("Gross", "Brutto", "Bruto", "Avant commission", "Brut"),
    "fee": ("Fee", "Fees", "Gebühr", "Entgelt", "Kosten", "Commission", "Frais", "Comisión", "Tarifa"),
    "net": ("Net", "Netto", "Neto"),
    "from": (
        "From Email Address",
        "Absender E-Mail-Adresse",
        "Van e-mailadres",
        "De l'adresse email",
        "Adresse email de l'expéditeur",
        "Correo electrónico del remitente",
    ),
    "to": ("To Email Address", "Empfänger E-Mail-Adresse", "Naar e-mailadres", "À l'adresse email"),
    "id": ("Transaction ID", "Transaktionscode", "Transactiereferentie", "Numéro de transaction", "Id. de transacción"),
    "order": (
        "Invoice Number",
        "Invoice ID",
        "Rechnungsnummer",
        "Factuurnummer",
        "Numéro de facture",
        "Id. de factura",
    ),
    "custom": ("Custom Number", "Custom", "Individuelle Nummer", "Numéro de client"),
    "payment": (
        "Reference Txn ID",
        "Zugehöriger Transaktionscode",
        "Numéro de la transaction de référence",
        "Id. de referencia de trans.",
    ),
    "impact": ("Balance Impact", "Auswirkung auf Guthaben", "Effect op saldo", "Impact sur le solde"),
    "code": ("Transaction Event Code", "Transaktionsereigniscode"),
    "subject": ("Subject", "Betreff", "Onderwerp", "Objet"),
    "note": ("Note", "Hinweis", "Remarque"),
}

COMPLETED = frozenset({"completed", "abgeschlossen", "voltooid", "terminé"})
PENDING = frozenset({"pending", "ausstehend", "in behandeling", "en attente", "uncleared", "held"})
IMPACTS = frozenset({"credit", "debit", "haben", "soll", "bij", "af", "crédit", "débit"})
MEMOS = frozenset({"memo"})

# The first that fits, over the folded type.
_TYPES = (
    (re.compile(r"currency conversion|währungsumrechnung|valutaomrekening|conversion de devise|conversión de divisas"), "conversion"),
    (re.compile(r"(reversal|release|aufhebung|freigabe|rückbuchung|annulering).*(hold|einbehalt|reserve)|hold release"
                r"|reserve release|release of reserve"), "release"),
    (re.compile(r"\bhold\b|reserve|einbehaltung"), "hold"),
    (re.compile(r"chargeback reversal|reversal of chargeback|cancell?ation of.*(chargeback|dispute)"), "reversal"),
    (re.compile(r"fee.*(refund|reversal)"), "fee"),
    (re.compile(r"\bfees?\b|gebühr|entgelt|kosten|commission|\bfrais\b|comisión"), "fee"),
    (re.compile(r"chargeback|payment reversal|rückbuchung|terugboeking"), "dispute"),
    (re.compile(r"refund|rückzahlung|terugbetaling|remboursement|reembolso"), "refund"),
    (re.compile(r"virement bancaire sur le compte paypal"), "deposit"),
    (re.compile(r"withdrawal|transfer to bank|abbuchung|abhebung|auszahlung|opname|overboeking naar bank|retrait|virement vers|retirada"), "payout"),
    (re.compile(r"deposit|bankgutschrift|storting"), "deposit"),
    (re.compile(r"payment|zahlung|betaling|checkout|sale|paiement|pago"), "payment"),
)  # fmt: skip

_CODES = (
    ("T1106", "dispute"), ("T1107", "refund"), ("T1108", "fee"), ("T1110", "hold"), ("T1111", "release"),
    ("T1112", "hold"), ("T1114", "hold"), ("T1115", "release"), ("T1201", "dispute"), ("T1202", "reversal"),
    ("T1207", "dispute"), ("T1208", "reversal"), ("T2101", "hold"), ("T2102", "release"), ("T2103", "hold"),
    ("T2104", "release"), ("T2105", "hold"), ("T2106", "release"), ("T1501", "hold"), ("T1502", "hold"),
    ("T1503", "hold"), ("T1504", "hold"), ("T00", "payment"), ("T01", "fee"), ("T02", "conversion"),
    ("T03", "deposit"), ("T04", "payout"), ("T11", "refund"),
)  # fmt: skip


def word_of(code: str, text: str) -> str:
    """What a row is: by its event code where it has one, else by its type; empty for what is not known."""
    code = code.strip().upper()
    if re.fullmatch(r"T[0-9]{4}", code):
        return next((word for prefix, word in _CODES if code.startswith(prefix)), "")
    folded = fold_word(text)
    return next((word for pattern, word in _TYPES if pattern.search(folded)), "")


def kind_of(word: str, net: Decimal) -> MoneyKind:
    """The kind of such a word. Money that was sent to somebody, converted or put in is an adjustment."""
    if word == "payment":
        return MoneyKind.CHARGE if net > 0 else MoneyKind.ADJUSTMENT
    if word == "payout":
        return MoneyKind.PAYOUT if net <= 0 else MoneyKind.PAYOUT_FAILED
    if word == "dispute" and net > 0:
        word = "reversal"
    return {
        "refund": MoneyKind.REFUND,
        "dispute": MoneyKind.DISPUTE,
        "reversal": MoneyKind.DISPUTE_REVERSAL,
        "fee": MoneyKind.FEE,
        "hold": MoneyKind.RESERVE_HOLD,
        "release": MoneyKind.RESERVE_RELEASE,
    }.get(word, MoneyKind.ADJUSTMENT)
