"""The child process of the signal pages: ``python -m twofold.console.signal``, its questions on standard input, to each its answer, a line.

Owns nothing but the way in and out. It ends with its parent, and works behind everything else.
"""

from __future__ import annotations

import sys

import msgspec

from twofold.console.signal.task import Failed, Question, Told, answer, encode
from twofold.errors import TwofoldError
from twofold.facts.child import end_with_parent, step_back


def main() -> None:
    """Reads each question, works it out, and says it."""
    end_with_parent()
    step_back()
    decoder = msgspec.json.Decoder(Question)
    for line in sys.stdin.buffer:
        said: Told | Failed
        try:
            said = Told(answer=msgspec.Raw(encode(answer(decoder.decode(line)))))
        except TwofoldError as err:
            said = Failed(message=str(err))
        sys.stdout.buffer.write(encode(said) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
