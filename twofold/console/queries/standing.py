"""What must not be decided yet, as the gateway found it last: read from the store, as looking for it takes seconds.

Owns for how long that is worth showing.
"""

from __future__ import annotations

from pathlib import Path

from twofold.report.period import journal_of
from twofold.router.finding import Kind
from twofold.router.task import META, decode_found
from twofold.router.words import WORDS

WORTH_S = 3_600


def not_yet(folder: Path | str, now: int) -> list[str]:
    """The titles of what stands, each once; nothing where the gateway has not looked for an hour."""
    with journal_of(folder) as journal:
        rows = journal.run("select_meta", (META,))
    found = decode_found(rows[0][0] if rows else None)
    if found is None or now - found.as_of > WORTH_S:
        return []
    kinds = [one.name.partition(":")[0] for one in found.do_not_yet]
    return list(dict.fromkeys(WORDS[Kind(kind)].title for kind in kinds if kind in set(Kind)))
