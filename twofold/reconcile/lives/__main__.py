"""The child process that makes the derived tables, lives with them: ``python -m twofold.reconcile.lives``, its task on standard
input.

Owns nothing but the joining: the tables are `facts`', lives this room's. It ends with its parent.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.facts.__main__ import make
from twofold.facts.build import Task
from twofold.facts.child import end_with_parent
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask


def main() -> None:
    """Reads the task, does it, and says what came of it as the last line."""
    end_with_parent()
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    make(task, LivesOf(msgspec.json.decode(task.lives, type=LivesTask), task.policies))


if __name__ == "__main__":
    main()
