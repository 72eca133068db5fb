"""The child process of the money pages: ``python -m twofold.console.money``, its tasks on standard input, to each its answer, a line.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import msgspec

from twofold.console.money.campaigns import campaigns, credited, customers
from twofold.console.money.cash import cash
from twofold.console.money.chain import chain, term
from twofold.console.money.day import day
from twofold.console.money.life import life
from twofold.console.money.matching import matching, waiting
from twofold.console.money.spare import serve_tasks
from twofold.console.money.task import Task, warm
from twofold.facts.child import end_with_parent, step_back

_ANSWERS = {
    "chain": chain,
    "term": term,
    "cash": cash,
    "day": day,
    "life": life,
    "campaigns": campaigns,
    "credited": credited,
    "customers": customers,
    "matching": matching,
    "waiting": waiting,
}


def main() -> None:
    """Reads each task, works it out, and says it."""
    end_with_parent()
    step_back()
    warm()
    serve_tasks(_answer)


def _answer(line: bytes) -> object:
    task = msgspec.json.decode(line, type=Task)
    return _ANSWERS[task.what](task)


if __name__ == "__main__":
    main()
