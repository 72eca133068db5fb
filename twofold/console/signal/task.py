"""What a signal page asks that reads more than it shows: findings, the estimate of matching, senders, weeks of orders.

Owns the questions as values, their way to a child process and back, and a deadline. What is worked out is `report`'s and `router`'s.
A child that takes too long or ends in the middle is a `StoreError` with a sentence for the reader. Times are Unix s where
nothing else is said.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from twofold.console.money.spare import Spare
from twofold.console.queries.weeks import Week, weeks_of
from twofold.ledger.policy import OrderPolicy
from twofold.report.quality import EventQuality, quality, scores
from twofold.report.senders import Cell, senders
from twofold.router.finding import Finding
from twofold.router.task import RouterTask
from twofold.router.task import ask as findings_of

MODULE = "twofold.console.signal"
WITHIN_S = 300.0
"""A week of a large shop takes a minute behind a busy gateway. Nobody waits so long: pages show the answer when it is there."""
T = TypeVar("T")


class Findings(Struct, frozen=True, kw_only=True, tag=True):
    """What is wrong. Its answer: a list of `Finding`, the most pressing first."""

    task: RouterTask
    dataset: str | None


class Quality(Struct, frozen=True, kw_only=True, tag=True):
    """Our estimate of how well people are recognised, up to ``until_ms`` (Unix ms). Its answer: a list of `EventQuality`."""

    folder: str
    until_ms: int
    period_ms: int
    dataset: str | None


class Score(Struct, frozen=True, kw_only=True):
    """The estimate of one event name in one stretch of time."""

    span: int  # its place in the question
    dataset: str
    event_name: str
    score: float | None
    events: int


class Scores(Struct, frozen=True, kw_only=True, tag=True):
    """The estimate in several stretches (Unix ms). Its answer: a list of `Score`."""

    folder: str
    spans_ms: list[tuple[int, int]]


class Senders(Struct, frozen=True, kw_only=True, tag=True):
    """Who sends what (Unix ms). Its answer: a list of `Cell`."""

    folder: str
    since_ms: int
    until_ms: int
    before_ms: int
    dataset: str | None


class Weeks(Struct, frozen=True, kw_only=True, tag=True):
    """Orders that the platform was told of, by week. Its answer: a list of `Week`."""

    folder: str
    policies: dict[str, OrderPolicy]
    now: int
    zone: str
    dataset: str | None


Question = Findings | Quality | Scores | Senders | Weeks


_spare = Spare(MODULE)
_turn = threading.Lock()
"""One question at a time: the machine is the gateway's."""


def answer(question: Question) -> list[Any]:
    """In the child: what the question asks."""
    match question:
        case Findings(task=task, dataset=dataset):
            return findings_of(task, dataset)
        case Quality():
            q = question
            return list(quality(q.folder, q.until_ms, period_ms=q.period_ms, dataset=q.dataset))
        case Scores(folder=folder, spans_ms=spans):
            return [
                Score(span=place, dataset=name[0], event_name=name[1], score=score, events=events)
                for place, found in enumerate(scores(folder, spans))
                for name, (score, events) in found.items()
            ]
        case Senders():
            s = question
            return senders(s.folder, s.since_ms, s.until_ms, s.before_ms, dataset=s.dataset)
        case Weeks():
            usual, w = OrderPolicy(), question
            return weeks_of(w.folder, lambda d: w.policies.get(d) or usual, w.now, w.zone, w.dataset)


def findings(question: Findings) -> list[Finding]:
    return _ask(question, list[Finding])


def estimates(question: Quality) -> list[EventQuality]:
    return _ask(question, list[EventQuality])


def scores_of(question: Scores) -> list[Score]:
    return _ask(question, list[Score])


def cells(question: Senders) -> list[Cell]:
    return _ask(question, list[Cell])


def weeks(question: Weeks) -> list[Week]:
    return _ask(question, list[Week])


def _ask(question: Question, kind: type[T]) -> T:
    """The child's answer. Raises `StoreError` where there is none."""
    with _turn:
        return msgspec.json.decode(_spare.ask(question, WITHIN_S, "ask for fewer days"), type=kind)
