"""Who owns an event and which senders are expected, as people said: entries of the chained log, a later one stands above.

Owns what such an entry means. Writing one is the console's and the command's. A dataset of which nobody said anything expects
nothing and is surprised by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from twofold.report.kept import EVENT_OWNER, SENDER_EXPECTED, kept

EVERY = "*"
"""Each event of a sender."""


class Named(Struct, frozen=True):
    """Who is meant to send an event, and whose work it is."""

    sender: str
    person: str = ""


class Expectation(Struct, frozen=True, kw_only=True):
    """What is expected of one dataset. ``said``: (event, sender) to whether it is; ``since``: when somebody first said so (Unix s)."""

    since: int
    said: Mapping[tuple[str, str], bool]

    def allows(self, event: str, sender: str) -> bool:
        """The word about this event stands above the word about all of them. A side that does not know the event asks of any."""
        if not event:
            return any(ok for (_, name), ok in self.said.items() if name == sender)
        return self.said.get((event, sender), self.said.get((EVERY, sender), False))


Expectations = Mapping[str, Expectation]
"""By dataset, or by the account of another platform."""


def expectations(folder: Path | str) -> dict[str, Expectation]:
    """Whoever is named as the owner of an event is expected to send it."""
    said: dict[str, dict[tuple[str, str], bool]] = {}
    since: dict[str, int] = {}
    for entry in kept(folder, SENDER_EXPECTED):
        dataset, event, sender = (str(entry.facts.get(name, "")) for name in ("dataset", "event", "sender"))
        said.setdefault(dataset, {})[event, sender] = entry.facts.get("expected") is not False
        since.setdefault(dataset, entry.at)
    for (dataset, event), owner in named_owners(folder).items():
        if dataset in said:  # naming an owner alone does not say that nobody else may send
            said[dataset].setdefault((event, owner.sender), True)
    return {dataset: Expectation(since=since[dataset], said=pairs) for dataset, pairs in said.items()}


def named_owners(folder: Path | str) -> dict[tuple[str, str], Named]:
    """(dataset, event) to who was named last."""
    return {
        (str(k.facts.get("dataset")), str(k.facts.get("event"))): Named(str(k.facts.get("sender")), str(k.facts.get("person", "")))
        for k in kept(folder, EVENT_OWNER)
    }  # fmt: skip


def primary_of(senders: Sequence[str], named: Named | None) -> str:
    """The one who answers for an event: who was named, else its only sender; empty where nobody can be said to."""
    if named is not None:
        return named.sender
    return senders[0] if len(senders) == 1 else ""
