"""The words that banks put above their columns, and the banks whose tables have rules of their own.

Owns lists of headers and nothing else. Which columns a file has, and what their cells say, is `table`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

# Fields of which a table has one column; the better headers first.
SINGLE = (
    "booked_at",
    "value_at",
    "amount",
    "debit",
    "credit",
    "fee",
    "direction",
    "balance",
    "currency",
    "account",
    "id",
    "status",
)
# Fields of which every column that is there is read.
MANY = ("text", "counterpart", "counterpart_account", "reference", "booking", "debit_counterpart", "debit_counterpart_account",
        "credit_counterpart", "credit_counterpart_account")  # fmt: skip

# English, German, Georgian, as seen in exports of many banks.
COMMON: Mapping[str, tuple[str, ...]] = {
    "booked_at": (
        "booking date", "date booked", "booked on", "booked at", "booked", "posting date", "posted date", "post date",
        "date posted", "entry date", "transaction date", "operation date", "completed date", "date", "date and time",
        "buchungstag", "buchungsdatum", "buchung", "datum", "buchungszeitpunkt", "თარიღი", "ოპერაციის თარიღი",
        "ტრანზაქციის თარიღი", "გატარების თარიღი",
    ),
    "value_at": (
        "value date", "valuta", "valutadatum", "wertstellung", "wertstellungsdatum", "wert", "valuedate", "valuta date", "effective date",
        "ვალუტირების თარიღი", "საბუთის თარიღი",
    ),
    "amount": (
        "amount", "credit/debit amount", "transaction amount", "amount in account currency", "net amount", "value", "sum", "betrag", "umsatz",
        "betrag in eur", "umsatz in eur", "betrag eur", "betrag €", "თანხა", "ოპერაციის თანხა",
    ),
    "debit": (
        "debit", "debit amount", "debits", "paid out", "money out", "withdrawal", "withdrawals", "withdrawal amount",
        "outflow", "outgoing", "payments", "dr", "soll", "belastung", "belastungen", "lastschrift in", "ausgang", "ausgaben", "auszahlung",
        "დებეტი", "დებეტის თანხა", "გასული თანხა", "გასავალი",
    ),
    "credit": (
        "credit", "credit amount", "credits", "paid in", "money in", "deposit", "deposits", "deposit amount", "inflow",
        "incoming", "receipts", "cr", "haben", "gutschrift", "gutschriften", "gutschrift in", "eingang", "einnahmen", "einzahlung",
        "კრედიტი", "კრედიტის თანხა", "შემოსული თანხა", "შემოსავალი",
    ),
    "fee": ("fee", "fees", "fee amount", "gebühr", "entgelt", "საკომისიო"),
    "direction": (
        "direction", "debit/credit", "credit/debit", "d/c", "c/d", "dr/cr", "cr/dr", "debit credit indicator",
        "credit debit indicator", "debitcreditindicator", "debit or credit", "transaction type", "type", "s/h",
        "soll/haben", "soll/haben-kennzeichen", "kennzeichen", "დებეტი/კრედიტი",
    ),
    "balance": (
        "balance", "running balance", "running bal.", "running bal", "available balance after", "account balance", "balance after", "balance after transaction", "closing balance",
        "ledger balance", "saldo", "kontostand", "saldo nach buchung", "kontosaldo", "saldo in", "ნაშთი", "ბალანსი",
    ),
    "currency": ("currency", "ccy", "account currency", "currency code", "währung", "waehrung", "whg", "ვალუტა"),
    "account": (
        "account", "account number", "account n", "account no", "account iban", "own account", "iban auftragskonto",
        "auftragskonto", "iban kontoinhaber", "konto", "eigenes konto", "ანგარიში", "ანგარიშის ნომერი",
    ),
    "id": (
        "transaction id", "id", "unique id", "operation id", "entry id", "transaction number", "umsatz-id",
        "transaktions-id", "transaktionsnummer", "transferwise id", "transaktions-nr.", "zkb-referenz", "ოპერაციის იდ", "ტრანზაქციის იდ", "ოპერაციის id", "ტრანზაქციის id",
    ),
    "status": ("status", "state", "booking status", "info", "umsatzstatus", "buchungsstatus", "სტატუსი"),
    "text": (
        "description", "details", "narrative", "memo", "purpose", "payment details", "transaction details", "particulars",
        "remittance information", "additional information", "additional description", "entry comment", "nomination",
        "additional info", "message", "notes", "note", "text", "verwendungszweck", "buchungstext", "buchungsdetails",
        "mitteilung", "beschreibung", "beschreibung1", "beschreibung2", "beschreibung3", "avisierungstext", "დანიშნულება", "ოპერაციის შინაარსი", "დამატებითი ინფორმაცია", "აღწერა",
    ),
    "counterpart": (
        "counterparty", "counterparty name", "counterpart", "counterpart name", "name", "payee", "payer", "payer/payee",
        "partner name", "partner's name", "other party", "merchant", "beneficiary/payer", "auftraggeber/empfänger",
        "begünstigter/zahlungspflichtiger", "beguenstigter/zahlungspflichtiger", "name zahlungsbeteiligter",
        "auftraggeber/begünstigter", "begünstigter/auftraggeber", "auftraggeber/zahlungsempfänger", "empfänger", "auftraggeber", "zahlungsempfänger", "partner", "პარტნიორი",
        "პარტნიორის დასახელება", "კონტრაგენტი",
    ),
    "counterpart_account": (
        "counterparty account", "counterparty iban", "counterpart account", "partner's account", "partner account",
        "partner iban", "payee account", "payee iban", "kontonummer/iban", "kontonummer", "iban/kontonummer", "iban zahlungsbeteiligter",
        "iban", "empfänger iban", "gegenkonto", "პარტნიორის ანგარიში",
    ),
    "debit_counterpart": (
        "beneficiary", "beneficiary name", "recipient", "recipient name", "zahlungsempfänger*in", "zahlungsempfaenger",
        "მიმღების დასახელება", "მიმღები",
    ),
    "debit_counterpart_account": (
        "beneficiary account", "beneficiary account n", "recipient account", "recipient account n", "beneficiary iban",
        "მიმღების ანგარიშის ნომერი", "მიმღების ანგარიში",
    ),
    "credit_counterpart": (
        "sender", "sender name", "ordering party", "remitter", "zahlungspflichtige*r", "გამგზავნის დასახელება", "გამგზავნი",
    ),
    "credit_counterpart_account": (
        "sender account", "sender account n", "sender iban", "გამგზავნის ანგარიშის ნომერი", "გამგზავნის ანგარიში",
    ),
    "reference": (
        "reference", "reference number", "ref", "customer reference", "end to end id", "endtoendid",
        "end-to-end reference", "payment reference", "structured reference", "creditor reference",
        "kundenreferenz", "kundenreferenz (end-to-end)", "referenz", "ref n", "utr",
    ),
    "booking": (
        "bank reference", "document number", "doc n", "bankreferenz", "საბუთის n", "საბუთის ნომერი", "დოკუმენტის ნომერი",
    ),
}  # fmt: skip

FIELDS: Mapping[str, tuple[str, ...]] = {field: COMMON.get(field, ()) for field in (*SINGLE, *MANY)}
"""What an [[import]] of a bank's table may name."""

OUR_WORDS: Mapping[str, tuple[str, ...]] = {"direction": ("credit", "debit"), "status": ("booked", "pending", "void")}

OPENING = ("opening balance", "beginning balance", "starting balance", "balance at start of period",
           "balance at the start of period", "balance at beginning of period", "start balance", "initial balance",
           "anfangssaldo", "saldo zu beginn", "alter saldo", "alter kontostand", "საწყისი ნაშთი", "საწყისი ბალანსი",
           "ნაშთი პერიოდის დასაწყისში")  # fmt: skip
CLOSING = ("closing balance", "ending balance", "end balance", "final balance", "balance at end of period",
           "balance at the end of period", "current balance", "endsaldo", "neuer saldo", "neuer kontostand",
           "kontostand", "saldo zum ende", "საბოლოო ნაშთი", "საბოლოო ბალანსი", "ნაშთი პერიოდის ბოლოს")  # fmt: skip
TOTALS = ("total", "totals", "sum", "turnover", "summe", "gesamt", "gesamtumsatz", "ჯამი", "სულ", "ბრუნვა")

DIRECTIONS: Mapping[str, int] = {
    **dict.fromkeys(("c", "cr", "credit", "crdt", "h", "haben", "+", "in", "income", "incoming", "deposit", "money in",
                     "paid in", "gutschrift", "eingang", "inflow", "კრედიტი", "შემოსავალი"), 1),
    **dict.fromkeys(("d", "dr", "debit", "dbit", "s", "soll", "-", "out", "expense", "outgoing", "withdrawal",
                     "money out", "paid out", "belastung", "lastschrift", "ausgang", "outflow", "დებეტი", "ხარჯი",
                     "გასავალი"), -1),
}  # fmt: skip

PENDING = frozenset({"pending", "pndg", "pdng", "hold", "on hold", "authorised", "authorized", "processing", "vorgemerkt",
                     "umsatz vorgemerkt", "umsatz vorgemerkt und nicht gebucht", "ausstehend", "reserved", "blocked",
                     "დაბლოკილი", "მოლოდინში", "მუშავდება"})  # fmt: skip
VOID = frozenset(
    {
        "void",
        "reverted",
        "failed",
        "declined",
        "cancelled",
        "canceled",
        "rejected",
        "abgelehnt",
        "storniert",
        "უარყოფილი",
    }
)


class Profile(Struct, frozen=True, kw_only=True):
    """One bank's table, or any bank's. ``columns``: field -> headers. ``least``: fields that make a header one of it."""

    name: str
    title: str
    columns: Mapping[str, tuple[str, ...]]
    signs: tuple[str, ...] = ()  # headers of which ``of_signs`` must be there for the file to be this bank's
    of_signs: int = 0
    sheet: str = ""  # where the rows are, when a workbook has a sheet of that name
    summary: str = ""  # sheet of balances, a currency a row
    decimal: str = ""
    day_order: str = "dmy"  # of days written with strokes, when no cell shows it; "" refuses
    by_currency: bool = False  # one column a currency, its header the code
    bank: str = ""  # two letters of a Georgian IBAN


ANY = Profile(name="bank-table", title="a bank's table (CSV or XLSX)", columns=COMMON, day_order="")

TBC = Profile(
    name="tbc",
    title="TBC Bank statement",
    signs=("paid out", "paid in", "partner's account", "partner's name", "partner's tax code", "document number",
           "op. code", "transaction id", "partner's bank code", "charge details", "treasury code", "transaction type",
           "additional information", "document date"),
    of_signs=6,
    columns={
        "booked_at": ("date", "თარიღი"),
        "value_at": (),
        "amount": ("amount",),
        "debit": ("paid out", "გასული თანხა"),
        "credit": ("paid in", "შემოსული თანხა"),
        "direction": ("transaction type",),
        "balance": ("balance", "ბალანსი"),
        "currency": ("currency", "ვალუტა"),
        "account": ("account number",),
        "id": ("transaction id",),
        "text": ("description", "additional information", "additional description"),
        "counterpart": ("partner's name",),
        "counterpart_account": ("partner's account",),
        "booking": ("document number",),
    },
    bank="TB",
)  # fmt: skip

BOG = Profile(
    name="bog-xlsx",
    title="Bank of Georgia statement",
    sheet="Statement of Account",
    summary="Summary",
    signs=("account n", "entry comment", "operation id", "sender name", "recipient name", "beneficiary name", "doc n",
           "loro account", "nomination", "sender account n", "recipient account n", "operation type", "საბუთის n",
           "ოპერაციის იდ", "ოპერაციის შინაარსი", "მიმღების დასახელება", "გამგზავნის დასახელება", "დებეტი", "კრედიტი",
           "debit", "credit"),
    of_signs=4,
    columns={
        "booked_at": ("date", "თარიღი", "transaction date", "entry date"),
        "value_at": ("value date",),
        "debit": ("debit", "debit amount", "დებეტი"),
        "credit": ("credit", "credit amount", "კრედიტი"),
        "amount": (),
        "currency": ("currency", "ვალუტა"),
        "account": ("account n", "account number", "ანგარიშის ნომერი", "ანგარიში"),
        "id": ("operation id", "entry id", "ოპერაციის იდ"),
        "text": ("entry comment", "nomination", "additional info", "additional information", "ოპერაციის შინაარსი",
                 "დანიშნულება", "დამატებითი ინფორმაცია"),
        "credit_counterpart": ("sender name", "გამგზავნის დასახელება"),
        "credit_counterpart_account": ("sender account n", "sender account", "გამგზავნის ანგარიშის ნომერი"),
        "debit_counterpart": ("recipient name", "beneficiary name", "მიმღების დასახელება"),
        "debit_counterpart_account": ("recipient account n", "beneficiary account n", "beneficiary account",
                                      "მიმღების ანგარიშის ნომერი"),
        "booking": ("doc n", "ref", "საბუთის n"),
    },
    bank="BG",
)  # fmt: skip

BOG_PERSONAL = Profile(
    name="bog-personal",
    title="Bank of Georgia statement of a person's account",
    sheet="Transactions",
    summary="Details",
    signs=("date", "details", "gel", "usd", "eur", "თარიღი", "დანიშნულება"),
    of_signs=3,
    columns={
        "booked_at": ("date", "თარიღი"),
        "text": ("details", "purpose", "დანიშნულება", "ოპერაციის შინაარსი"),
    },
    by_currency=True,
    bank="BG",
)  # fmt: skip

OF_BANKS = (TBC, BOG, BOG_PERSONAL)
