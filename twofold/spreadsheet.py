"""Cells of a CSV that a spreadsheet shows and does not run.

Owns what a spreadsheet takes for the begin of a formula and the quote that keeps it a text. The patterns are written for Python's
`re` and for the one of Arrow alike, so that a cell and a whole column follow one rule.
"""

from __future__ import annotations

import re

FORMULA = "^ *[=+@\\-\\t\\r\\n＝＋－＠]"
"""What a cell that is run begins with; the last four are full-width forms of the first."""
INNER_FORMULA = "([;\\t|\\r\\n][ \\t\\r\\n]*)([=+@＝＋－＠-])"
"""Where lists are parted by semicolons a spreadsheet cuts a text in two, whatever the quotes: its second half is a cell."""
AMOUNT = "^-?[0-9]{1,30}(\\.[0-9]{1,30})?$"
"""A number, of which nothing can be a formula."""

_FORMULA, _INNER, _AMOUNT = re.compile(FORMULA), re.compile(INNER_FORMULA), re.compile(AMOUNT.replace("$", "\\Z"))


def safe_cell(text: str) -> str:
    """The text, led by a quote where a spreadsheet would run it. An amount below nothing stays an amount."""
    if _AMOUNT.match(text):
        return text
    text = _INNER.sub(r"\1'\2", text)
    return f"'{text}" if _FORMULA.match(text) else text
