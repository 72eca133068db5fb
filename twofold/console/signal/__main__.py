"""The child process of the signal pages: ``python -m twofold.console.signal``, its questions on standard input, to each its answer, a line.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import msgspec

from twofold.console.money.spare import serve_tasks
from twofold.console.signal.task import Question, answer
from twofold.facts.child import end_with_parent, step_back

_decode = msgspec.json.Decoder(Question).decode

if __name__ == "__main__":
    end_with_parent()
    step_back()
    serve_tasks(lambda line: answer(_decode(line)))
