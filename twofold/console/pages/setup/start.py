"""Start: what is the next step? A list that ticks itself as things are seen.

Owns the steps and when each is done. Nothing is ticked by hand: a step is done when what it asks for was seen in the data
folder or stands in the configuration. Role: for the algorithm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from twofold.collect.doors.seen import META, SeenPath, decode_seen
from twofold.config import Settings, SourceSettings, can_ask, secrets_of
from twofold.console.access.roles import Right, may
from twofold.console.commands import with_file
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.running import BEHIND, Answer, answers_of
from twofold.report.kept import EVIDENCE, kept
from twofold.report.period import Journal, journal_of
from twofold.setup.topics import NEEDED, WANTED

COLUMNS = ("what", "name", "about", "done", "at", "said", "help", "role", "link")
PASSED = frozenset({"one", "test_order"})


class Step(Struct, frozen=True, kw_only=True):
    """One line. ``about``: which destination, source or topic; ``help``: a line to paste; ``page``: where to go."""

    name: str
    about: str = ""
    done: bool
    at: int | None = None
    said: str = ""
    help: str = ""
    page: str = ""


def read_start(asked: Asked) -> Shown:
    """The steps in the order in which they are taken; the first open one is the next."""
    settings = asked.settings
    with journal_of(asked.folder) as journal:
        answers = {a.destination: a for a in answers_of(journal)}
        kept_topics = journal.run("select_meta", (META,))
        recent = [max(place.before, journal.last_of(place) - BEHIND) for place in journal.strands()]
        browser = max(
            (row for n in recent for row in journal.run("console_last_of_channel", (n, "browser"))), default=None
        )
        joined = min((row for n in recent for row in journal.run("console_first_joined", (n,))), default=None)
        asked_ones = [_asked(s, journal) for s in settings.source if can_ask(s)]
    seen = decode_seen(str(kept_topics[0][0]) if kept_topics else None)
    passed = next((k for k in kept(asked.folder, EVIDENCE) if k.facts.get("verdict") in PASSED), None)
    trials = "/test-purchase" if may(asked.session.person.role, Right.TEST) else ""  # others would be led to nothing
    steps = [
        *_configured(settings),
        *(step for d in settings.destination for step in _platform(d.name, answers.get(d.name))),
        Step(
            name="pixel", done=browser is not None, at=browser[0] // 1000 if browser else None,
            said=browser[1] if browser else "", help="twofold snippet theme",
        ),
        *(step for s in settings.source if secrets_of(s) for step in _source(s, seen.get(s.path, SeenPath()))),
        *asked_ones,
        Step(name="joined", done=joined is not None, at=joined[1] // 1000 if joined else None,
             page=f"/actions/{joined[0]}" if joined else trials),
        Step(name="go", done=passed is not None, at=passed.at if passed else None,
             said=str(passed.facts.get("by", "")) if passed else "", page=trials),
    ]  # fmt: skip
    steps = [_with_file(step, asked.config) for step in steps]
    return Shown(
        columns=COLUMNS,
        rows=[_row(step) for step in steps],
        about={"done": sum(s.done for s in steps), "steps": len(steps)},
        figures={
            "steps": steps,
            "done": sum(s.done for s in steps),
            "next": next((s for s in steps if not s.done), None),
        },
    )


def _with_file(step: Step, config: Path | None) -> Step:
    """A command that can be pasted anywhere names the file that it is about; what writes one needs none."""
    return structs.replace(step, help=with_file(step.help, config))


def _configured(settings: Settings) -> list[Step]:
    found = [
        Step(
            name="dataset",
            done=bool(settings.dataset),
            said=", ".join(d.id for d in settings.dataset),
            help="twofold init",
        )
    ]
    tokens = bool(settings.destination) and all(d.token for d in settings.destination)
    found.append(
        Step(name="destination", done=tokens, said=", ".join(d.name for d in settings.destination), help="twofold init")
    )
    if not settings.source:
        found.append(Step(name="source", done=False, help="twofold connect shopify"))
    return found


def _platform(name: str, answer: Answer | None) -> list[Step]:
    """Whether it answers at all, and whether the token may write: two questions with two cures."""
    answers = answer is not None and answer.status is not None
    accepted = answer.accepted_at if answer else None
    said = f"HTTP {answer.status} {answer.code}".strip() if answer and answer.status is not None else ""
    return [
        Step(name="answers", about=name, done=answers, at=answer.tried_at if answer else None, said=said, help="twofold check"),
        Step(name="writes", about=name, done=accepted is not None, at=accepted, said="" if accepted else said,
             page="/deliveries?state=dead" if answers else ""),
    ]  # fmt: skip


def _asked(source: SourceSettings, journal: Journal) -> Step:
    """A source that is asked: it answers with the access that is set."""
    name = f"{source.type}:{source.shop}"
    rows = journal.run("select_fetch_door", (name,))
    came_at, code = (rows[0][1], str(rows[0][2])) if rows else (None, "")
    return Step(name="answers", about=name, done=came_at is not None and not code, at=came_at // 1000 if came_at else None, said=code,
                help="twofold doctor")  # fmt: skip


def _source(source: SourceSettings, seen: SeenPath) -> list[Step]:
    """Each topic that came, and each that comes with any order and never did."""
    name = f"{source.type}:{source.shop}"
    connect = f"twofold connect {source.type}" if source.type in WANTED else f"POST {source.path}"
    if not seen.topics:
        page = "/refused?reason=bad_signature" if seen.unsigned else ""
        return [Step(name="webhook", about=name, done=False, help=connect, page=page)]
    missing = [topic for topic in NEEDED.get(source.type, ()) if topic not in seen.topics]
    return [
        *(Step(name="topic", about=f"{name} {topic}".strip(), done=True, at=at // 1000) for topic, at in sorted(seen.topics.items())),
        *(Step(name="topic", about=f"{name} {topic}", done=False, help=connect) for topic in missing),
    ]  # fmt: skip


def _row(step: Step) -> dict[str, Any]:
    return {
        "what": "step", "name": step.name, "about": step.about, "done": step.done, "at": step.at, "said": step.said,
        "help": step.help, "role": "signal", "link": "signalled",
    }  # fmt: skip


START = Page(
    path="/start", name="Start", room="set-up", right=Right.SIGNAL, template="setup/start.html", read=read_start
)
