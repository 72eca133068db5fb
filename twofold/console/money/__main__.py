"""The child process of the money pages: ``python -m twofold.console.money``, its tasks on standard input, to each its answer, a line.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.console.money.campaigns import campaigns, credited, customers
from twofold.console.money.cash import cash
from twofold.console.money.chain import chain, term
from twofold.console.money.day import day
from twofold.console.money.life import life
from twofold.console.money.matching import matching
from twofold.console.money.task import Failed, Task, Told, encode, warm
from twofold.errors import TwofoldError
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
}


def main() -> None:
    """Reads each task, works it out, and says it."""
    end_with_parent()
    step_back()
    warm()
    for line in sys.stdin.buffer:
        task = msgspec.json.decode(line, type=Task)
        said: Told | Failed
        try:
            said = Told(answer=_ANSWERS[task.what](task))
        except TwofoldError as err:
            said = Failed(message=str(err))
        sys.stdout.buffer.write(encode(said) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
