"""What a command may ask of the owner of a data folder: one struct a question, told apart by its tag on the wire.

Owns the questions only. Contact data was hashed before; a question holds what the journal and the ledger hold. Answers
are small JSON objects, described at each question.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from twofold.matching.subject import Mark, SubjectRequest


class Question(Struct, frozen=True, kw_only=True, tag_field="command"):
    """The base of all of them."""


class Revive(Question, frozen=True, kw_only=True, tag="revive"):
    """Dead deliveries wait again. ``{"revived": n}``"""

    deliveries: list[int]


class JudgeKeptBack(Question, frozen=True, kw_only=True, tag="quarantine"):
    """A person's word on deliveries that were kept back for want of trust. ``{"changed": n}``"""

    act: Literal["release", "drop"]
    deliveries: list[int]


class ChangeConsent(Question, frozen=True, kw_only=True, tag="consent"):
    """Consent of a person is withdrawn or given again, in all these datasets or in none. ``{"changed": {dataset: n}}``"""

    act: Literal["withdraw", "grant"]
    marks: dict[str, list[Mark]]  # by dataset


class Append(Question, frozen=True, kw_only=True, tag="append"):
    """A batch of an import, as `control.batches` writes it. ``{"new": n}``"""

    orders: list[dict[str, Any]] = []
    events: list[str] = []


class Erase(Question, frozen=True, kw_only=True, tag="erase"):
    """A person is to be erased, or the operator's word for a request that is held. ``{"id": …}``, before it is done."""

    request: SubjectRequest | None = None
    release: str = ""


class AskErasure(Question, frozen=True, kw_only=True, tag="erasure"):
    """How far an erasure is. ``{"erasure": row, "status": where it stands}``"""

    id: str


class Note(Question, frozen=True, kw_only=True, tag="note"):
    """Something was read out: an entry for the log. ``{}``"""

    kind: str
    facts: dict[str, Any]
    closes: str | None = None  # the request that is answered by it


class AskClock(Question, frozen=True, kw_only=True, tag="clock"):
    """How far the clock is believed. `clock.TrustedTime.report`"""


class AcceptClock(Question, frozen=True, kw_only=True, tag="accept_clock"):
    """A person says that the clock is right. ``{"accepted": whether it was doubted, "clock": the report}``"""


AnyQuestion = Revive | JudgeKeptBack | ChangeConsent | Append | Erase | AskErasure | Note | AskClock | AcceptClock
