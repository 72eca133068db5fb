"""Changes after which the program does the same, each with the reason: nobody can notice them, and none of them counts as a survivor.

Owns this list alone. A change is named by its module, the line as it stands and what is other there, so that one that moves is
found again and one whose line is written anew has to be judged anew.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.mutants.changes import changes_of


class Alike(NamedTuple):
    """``line``: the text, without the blanks around it."""

    module: str
    line: str
    what: str
    why: str


_AS_LONG = "both are as long as each other, whoever asks for it"

ALIKE = (
    Alike(
        "store.fold",
        "for event, values in zip(ranked[1:], said[1:], strict=True):",
        "True is False",
        _AS_LONG,
    ),
    Alike(
        "store.fold",
        "for name, own, value in zip(_FIRST_KNOWN, known, _first_known(values), strict=True):",
        "True is False",
        _AS_LONG,
    ),
    Alike("store.fold", "for field, own, values in zip(_USER, said, user, strict=True):", "True is False", _AS_LONG),
    Alike(
        "store.fold",
        "if not values or values == own or field in _APART:",
        "Or is And",
        "what is left out here adds nothing further down, or is replaced behind the loop",
    ),
    Alike(
        "store.fold", "best = parts[0]", "0 is 1", "it is asked only whether all parts are equal, and then each is all"
    ),
    Alike(
        "store.outbox",
        "self._lease += 1  # a new fence for each claim: a settlement that comes after its lease changes nothing",
        "1 is 2",
        "a fence has to be another than those before it, by whatever step",
    ),
    Alike(
        "store.gates.withdrawals",
        "self.changes = 0",
        "0 is 1",
        "it is asked only whether it is another number than before",
    ),
    Alike(
        "store.gates.withdrawals",
        'self._engine.run("put_meta_first", (_KEY_NAME, (key or secrets.token_bytes(32)).hex()))',
        "32 is 33",
        "a key that is drawn and has a byte more is as good a key",
    ),
    Alike(
        "store.gates.releases",
        'bare = [(delivery, at) for delivery, at, digest in engine.run("select_released", (0, 2**63 - 1)) if digest is None]',
        "0 is 1",
        "deliveries are numbered from 256 on",
    ),
    Alike(
        "deliver.later",
        "wait = min(self._answer.first_s * 1000 * GROWTH ** min(asked.asked, 20), LONGEST_MS)",
        "20 is 21",
        "a second that doubled twenty times is longer than the longest wait",
    ),
    Alike(
        "ledger.filing",
        "return 0 if isinstance(thing, MoneyLine) else received_at_ms // 1000",
        "0 is 1",
        "the first and the second of 1970 are as long before whatever a source says",
    ),
    Alike(
        "deliver.tokens",
        'self.current, self._ends_at, self._ask_at = "", 0, 0',
        "0 is 1",
        "without a token its end is not asked, and a millisecond of 1970 is as long ago as the one before it",
    ),
)


def why_alike(module: str, source: str, number: int) -> str | None:
    """The reason why nothing is other with this change of a module; None where something is, or nobody has judged it."""
    change = changes_of(source)[number]
    text = source.split("\n")[change.line - 1].strip()
    return next((a.why for a in ALIKE if (a.module, a.line, a.what) == (module, text, change.what)), None)
