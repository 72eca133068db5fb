"""What to do: what is wrong, what first, what not yet? One card a cause.

Owns the page's rows and the text that is handed to a developer. Causes are `router`'s. Role: for the algorithm.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right
from twofold.console.pages.page import LONG_S, Asked, Page, Shown
from twofold.console.signal.task import Findings, findings
from twofold.policies import router_task
from twofold.router.every import DAYS
from twofold.router.finding import Finding, When
from twofold.router.words import EVIDENCE, WORDS

COLUMNS = ("cause", "when", "state", "title", "about", "events", "of", "orders", "money", "since", "last_seen", "owner", "check",
           "not_yet", "page", "marks", "because", "role", "link", "window_days")  # fmt: skip


def read_to_do(asked: Asked) -> Shown:
    """The causes: now, this week, known and accepted; those that were mended and were not seen again are counted."""
    found = find(asked)
    standing = [cause for cause in found if cause.state != "mended"]
    groups = [(when.value, [c for c in standing if c.when is when]) for when in When]
    return Shown(
        columns=COLUMNS,
        rows=[_row(cause) for cause in standing],
        about={"window_days": DAYS, "mended": len(found) - len(standing)},
        figures={
            "groups": groups, "mended": [c for c in found if c.state == "mended"], "said": WORDS, "evidence": EVIDENCE, "days": DAYS,
            "texts": {cause.key: hand_over(cause, asked) for cause in standing}, "standing": standing,
        },
    )  # fmt: skip


def find(asked: Asked, wait_s: float = LONG_S) -> list[Finding]:
    """What is wrong, the most pressing first. Raises `NotYet` for who waits no longer."""
    question = Findings(task=router_task(asked.settings, asked.now), dataset=asked.dataset())
    return asked.worked_out(("findings", question.dataset), lambda: findings(question), wait_s)


def hand_over(cause: Finding, asked: Asked) -> str:
    """The card as plain text, in the reader's language."""
    say, said = asked.words.say, WORDS[cause.kind]
    about = f" ({cause.about})" if cause.about else ""
    lines = [
        f"{say(said.title)}{about}",
        *([say("{events} of {of} events, {orders} orders, in {days} days", events=cause.events, of=cause.of,
               orders=cause.orders, days=DAYS)] if cause.of else []),
        say("Seen from {first} to {last}", first=asked.words.time(cause.since), last=asked.words.time(cause.last)),
        f"{say('Likely failure')}: {say(said.failure)}",
        f"{say('First check')}: {say(said.check)}",
        f"{say('Do not do yet')}: {say(said.not_yet)}",
        f"/console{cause.link}",
    ]  # fmt: skip
    if said.command:
        lines.insert(lines.index(f"{say('First check')}: {say(said.check)}") + 1, said.command)
    if cause.parts:
        lines.append(", ".join(f"{name} {count}" for name, count in cause.parts))
    lines += [f"{say(EVIDENCE[name])}: {seen}" for name, seen in cause.evidence]
    if cause.marks:
        lines.append(", ".join(cause.marks))
    return "\n".join(lines)


def _row(cause: Finding) -> dict[str, Any]:
    said = WORDS[cause.kind]
    return {
        "cause": cause.key, "when": cause.when.value, "state": cause.state, "title": said.title, "about": cause.about,
        "events": cause.events, "of": cause.of, "orders": cause.orders, "money": {c: str(a) for c, a in cause.money},
        "since": cause.since, "last_seen": cause.last, "owner": said.owner, "check": said.check, "not_yet": said.not_yet,
        "page": cause.link, "marks": list(cause.marks), "evidence": dict(cause.evidence), "because": cause.because, "role": "signal", "link": "signalled", "window_days": DAYS,
    }  # fmt: skip


TO_DO = Page(
    path="/what-to-do",
    name="What to do",
    room="signal",
    right=Right.SIGNAL,
    template="signal/to_do.html",
    read=read_to_do,
    slow=True,
)
