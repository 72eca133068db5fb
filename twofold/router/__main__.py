"""The child process of the gateway that asks the router: ``python -m twofold.router``, its task on standard input.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.facts.child import end_with_parent, step_back
from twofold.router.task import Looked, RouterTask, ask, notices, standing


def main() -> None:
    """Reads the task, and prints what must not be done yet, and what is told beside it."""
    end_with_parent()
    step_back()
    found = ask(msgspec.json.decode(sys.stdin.buffer.read(), type=RouterTask))
    looked = Looked(do_not_yet=standing(found), notices=notices(found))
    sys.stdout.write(msgspec.json.encode(looked).decode() + "\n")


if __name__ == "__main__":
    main()
