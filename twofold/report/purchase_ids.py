"""Which form of a Purchase's id the page's own copies carry, so that an operator knows when the shop's may follow.

Owns the question only; the forms are `sources.purchase_ids`'s.
"""

from __future__ import annotations

import re
from pathlib import Path

from twofold.errors import TwofoldError
from twofold.report.period import journal_of
from twofold.store.sqlite.database import FORM_OF_0_2, form_of

_SECRET_FORM = re.compile(r"purchase\.[0-9a-f]{32}")


def page_ids(folder: Path, dataset: str) -> tuple[str, int, int]:
    """The form that a data folder keeps, how many of the page's newest Purchases carry the one nobody can guess, of how many."""
    if 0 < form_of(folder) <= FORM_OF_0_2:
        return "order", 0, 0  # it keeps the ids of its version, and nothing was asked of the page yet
    try:
        with journal_of(folder) as journal:
            kept = journal.note("purchase_ids")
            ids = [text for (text,) in journal.run("list_page_purchases", (dataset,))]
    except TwofoldError:
        return "secret", 0, 0  # no folder yet, or one that another question of the check is about
    return "secret" if kept is None else kept, sum(bool(_SECRET_FORM.fullmatch(i)) for i in ids), len(ids)
