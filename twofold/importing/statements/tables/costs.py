"""What an article costs the merchant, and rules an order, a parcel, a percent: ``sku, valid_from, unit_cost, currency``.

Owns the words of the rules. Which rule is asked when is the margin's own; a cost that is not told stays unknown.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from twofold.importing.readers.layout import fold_word
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import NumberStyle, shape
from twofold.importing.statements.cells import Cells, Headers, Sheet, count_signs, currency_for, open_report
from twofold.importing.statements.contract import StatementFile, StatementOptions
from twofold.importing.statements.tables.rows import RowFile
from twofold.ledger.lines import Cost, Told

HEADERS: Headers = {
    "sku": ("sku", "article"),
    "rule": ("rule",),
    "of": ("of",),
    "since": ("valid_from", "since"),
    "amount": ("unit_cost", "amount", "cost"),
    "percent": ("percent",),
    "least": ("minimum", "least"),
    "currency": ("currency",),
}
RULES = frozenset({
    "packaging", "picking", "call_minute", "freight", "freight_return", "cod_fee", "psp_fee", "write_off",
    "overhead_per_month",
})  # fmt: skip


class Costs:
    name = "costs"
    kind = "costs"
    title = "table of costs"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        count = count_signs(path, survey, sample, HEADERS, ("since",))
        keyed = (count_signs(path, survey, sample, HEADERS, ("since", field)) for field in ("sku", "rule"))
        return count if any(keyed) else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        table = open_report(path, survey, options, HEADERS)
        money = ("amount", "least")
        return RowFile(
            self.name, self.title, Sheet(table, options, HEADERS, needs=("since",), money=money, days=("since",)), _cost
        )


def _cost(row: Cells) -> Told:
    told = fold_word(row.text("rule"))
    sku, rule = row.id("sku"), row.sheet.options.words.get("rule", {}).get(told, told).replace(" ", "_")
    if bool(sku) == bool(rule):
        raise row.misread("sku", "a sku or a rule", "both" if sku else "neither", "no_sku")
    if rule and rule not in RULES:
        raise row.misread("rule", f"one of {', '.join(sorted(RULES))}", shape(row.text("rule")), "bad_rule")
    since = row.needed("since", row.day("since"), "the day from which it is valid", "no_day")
    amount, percent, least = _positive(row, "amount"), _percent(row), _positive(row, "least")
    if sku and percent is not None:
        raise row.misread("percent", "a cost of one piece", "a percent", "bad_percent")
    if amount is None and percent is None:
        raise row.misread("amount", "what it costs, or a percent", "nothing", "no_amount")
    currency = currency_for(row, "amount") if amount is not None or least is not None else ""
    return Told(row=row.row, thing=Cost(sku=sku, rule=rule, of=row.name("of"), since=since, amount=amount, percent=percent,
                                        least=least, currency=currency))  # fmt: skip


def _positive(row: Cells, field: str) -> Decimal | None:
    amount = row.money(field)
    if amount is not None and amount < 0:
        raise row.misread(field, "an amount of zero or more", "a negative one", "negative_amount")
    return amount


def _percent(row: Cells) -> Decimal | None:
    text = row.text("percent").removesuffix("%").strip()
    if not text:
        return None
    percent = NumberStyle("," if "," in text and "." not in text else ".").read(text)
    if percent is None or not 0 <= percent <= 100:
        raise row.misread("percent", "a percent from 0 to 100", shape(row.text("percent")), "bad_percent")
    return percent
