"""Answers to "How did you hear about us?": ``order_id, answered_at, answer, detail``.

Owns its columns. The answer is one of the shop's own choices; what the buyer added in free words is handed on as text,
to be masked before it is kept. Which channel an answer means is a mapping's word.
"""

from __future__ import annotations

from pathlib import Path

from twofold.importing.readers.layout import fold_word
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import DateStyle, read_label, shape
from twofold.importing.statements.cells import Cells, Headers, Sheet, count_signs, open_report
from twofold.importing.statements.contract import StatementFile, StatementOptions
from twofold.importing.statements.tables.rows import RowFile
from twofold.ledger.lines import Survey as Answer
from twofold.ledger.lines import Told

HEADERS: Headers = {
    "order": ("order_id", "order"),
    "at": ("answered_at", "date"),
    "answer": ("answer",),
    "detail": ("detail",),
}


class SurveyTable:
    name = "survey"
    kind = "survey"
    title = "answers of a survey after the purchase"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        return count_signs(path, survey, sample, HEADERS, ("order", "at", "answer"))

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        table = open_report(path, survey, options, HEADERS)
        sheet = Sheet(table, options, HEADERS, needs=("order", "at", "answer"), days=("at",))
        return RowFile(self.name, self.title, sheet, _answer)


def _answer(row: Cells) -> Told:
    sheet = row.sheet
    order = row.needed("order", row.id("order"), "an order", "no_order")
    text = row.needed("at", row.text("at"), "when it was answered", "no_date")
    at = DateStyle(sheet.options.zone, sheet.orders.get("at", ""), sheet.typed).read(text)
    if at is None:
        raise row.misread("at", "a date, best as 2026-03-10T12:00:00+04:00", shape(text), "bad_date")
    words = sheet.options.words.get("answer", {})
    answer = row.needed("answer", row.text("answer"), "an answer", "no_answer")
    return Told(row=row.row, thing=Answer(order=order, at=at, answer=words.get(fold_word(answer), read_label(answer))),
                text=row.text("detail"))  # fmt: skip
