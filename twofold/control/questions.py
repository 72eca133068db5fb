"""What a command may ask of the owner of a data folder: one struct a question, told apart by its tag on the wire.

Owns the questions only. Contact data was hashed before; a question holds what the journal and the ledger hold. Answers
are small JSON objects, described at each question.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from twofold.matching.subject import Mark, SubjectRequest
from twofold.store.lines.keeping import LineFile
from twofold.store.lines.row import LineRow


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
    """A batch of an import, as `control.batches` writes it. ``{"new": orders, "updated": orders}``"""

    orders: list[dict[str, Any]] = []
    events: list[str] = []


class BeginLines(Question, frozen=True, kw_only=True, tag="begin_lines"):
    """A file of lines begins. ``{"load": the number of its portions; null when it was imported already}``"""

    file: LineFile
    alone: bool = False  # nobody else can be importing into this folder: what was begun and never ended is taken out


class PutLines(Question, frozen=True, kw_only=True, tag="put_lines"):
    """A portion of it. ``{"kept": what it came to, as `Kept`}``"""

    load: int
    rows: list[LineRow]


class EndLines(Question, frozen=True, kw_only=True, tag="end_lines"):
    """All of it is there: it is seen from now on. ``{}``"""

    load: int
    file: LineFile
    lines: int  # how many rows it brought
    facts: dict[str, Any]


class DropLines(Question, frozen=True, kw_only=True, tag="drop_lines"):
    """The file is damaged: nothing of it stays. ``{}``"""

    load: int


class TellLines(Question, frozen=True, kw_only=True, tag="tell_lines"):
    """Lines that no file told, such as a person's word. ``{"kept": what they came to, as `Kept`}``"""

    rows: list[LineRow]


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


class MakeTables(Question, frozen=True, kw_only=True, tag="make_tables"):
    """The tables of reports are made from what is there now; asked again with its number until it is done.
    ``{"number": of the build, "done": true or false, "failed": why, or empty, "progress": [days made, of]}``"""

    number: int | None = None


class Reload(Question, frozen=True, kw_only=True, tag="reload"):
    """The configuration and the private file are read again, and what can be is taken over. ``{"held": see `secrets.held`,
    "restart": what needs one}``"""


class AskClock(Question, frozen=True, kw_only=True, tag="clock"):
    """How far the clock is believed. `clock.TrustedTime.report`"""


class AcceptClock(Question, frozen=True, kw_only=True, tag="accept_clock"):
    """A person says that the clock is right. ``{"accepted": whether it was doubted, "clock": the report}``"""


AnyQuestion = (
    Revive
    | JudgeKeptBack
    | ChangeConsent
    | Append
    | BeginLines
    | PutLines
    | EndLines
    | DropLines
    | TellLines
    | Erase
    | AskErasure
    | Note
    | MakeTables
    | Reload
    | AskClock
    | AcceptClock
)
