"""The child process of the gateway that looks at goes and reviews: ``python -m twofold.acceptance``, its task on standard input.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.acceptance.goes import answer_of
from twofold.acceptance.task import GoTask
from twofold.facts.child import end_with_parent, step_back


def main() -> None:
    """Reads the task, and prints its answer as one line."""
    end_with_parent()
    step_back()
    answer = answer_of(msgspec.json.decode(sys.stdin.buffer.read(), type=GoTask))
    sys.stdout.write(answer.decode() + "\n")


if __name__ == "__main__":
    main()
