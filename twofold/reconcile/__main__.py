"""The child process of the gateway that keeps versions of days: ``python -m twofold.reconcile``, its task on standard input.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.facts.child import end_with_parent, step_back
from twofold.reconcile.reading.keeping import KeepDays, keep_due


def main() -> None:
    """Reads the task, does it, and says what came of it."""
    end_with_parent()
    step_back()
    done = keep_due(msgspec.json.decode(sys.stdin.buffer.read(), type=KeepDays))
    sys.stdout.write(msgspec.json.encode(done).decode() + "\n")


if __name__ == "__main__":
    main()
