"""Answers of a provider's API that were saved as JSON: one object, a list, or one object a line.

Owns how they are opened, and access to their values that never raises anything but `Misread`. A number passes through no
float. What the objects mean is each format's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency, read_decimal
from twofold.importing.readers.layout import Misread
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.contract import Item, StatementOptions

MAX_ANSWER = 128 << 20  # bytes of a saved answer, which is read as a whole
_DEEPEST = 12


def _exact(text: str) -> Decimal:
    return Decimal(text)


_decode = msgspec.json.Decoder(float_hook=_exact).decode


class AnswerFormat(Struct, frozen=True, kw_only=True):
    """One kind of saved answers. ``words``: names and values of which at least two stand in every one of them."""

    name: str
    kind: str
    title: str
    words: tuple[str, ...]
    needs: tuple[str, ...]  # words without one of which it is another
    read: Callable[[AnswerFile], Iterator[Item]]

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        """See `StatementFormat`."""
        del path
        if survey.kind != "json":
            return 0
        text = sample.decode(survey.encoding or "utf-8", "replace")
        found = sum(f'"{word}"' in text for word in self.words)
        return found if found >= 2 and any(f'"{word}"' in text for word in self.needs) else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> AnswerFile:
        """See `StatementFormat`."""
        return AnswerFile(self, path, survey, options)


class AnswerFile:
    """Saved answers, see `StatementFile`."""

    def __init__(self, form: AnswerFormat, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.form, self.path, self.options = form, path, options
        self.format, self.title = form.name, form.title
        self.notes: list[str] = list(survey.notes)
        self.bytes_read = 0
        self.documents = _documents(path, survey)
        self.place = 0  # of the object last read

    def items(self) -> Iterator[Item]:
        for item in self.form.read(self):
            yield replace(item, file=self.path.name) if isinstance(item, RowProblem) else item

    def note(self, text: str) -> None:
        """Said once."""
        if text not in self.notes:
            self.notes.append(text)

    def read_each(self, nodes: list[Node], read: Callable[[Node], Iterator[Item]]) -> Iterator[Item]:
        """What ``read`` gives of each object; a problem in the place of one that it cannot read."""
        for node in nodes:
            try:
                found = list(read(node))
            except Misread as err:
                yield err.problem
                continue
            yield from found

    def nodes(self, values: Any) -> list[Node]:
        """Objects of a list as they are counted in the file."""
        found = []
        for value in values if isinstance(values, list) else []:
            self.place += 1
            found.append(Node(value if isinstance(value, dict) else {}, self.place))
        return found


class Node(Struct, frozen=True):
    """One object of an answer. ``place`` counts the objects of the file from 1."""

    values: dict[str, Any]
    place: int

    def part(self, name: str) -> Node:
        """An object inside; an empty one when there is none."""
        value = self.values.get(name)
        return Node(value if isinstance(value, dict) else {}, self.place)

    def text(self, *names: str) -> str:
        """The first of these that says something, as text."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value.strip():
                return value.strip()
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
        return ""

    def id(self, *names: str) -> str:
        """An id, also of an object that stands in its place, and without what GraphQL puts before a number."""
        for name in names:
            value = self.values.get(name)
            text = Node(value, self.place).text("id") if isinstance(value, dict) else self.text(name)
            if text:
                return text.partition("?")[0].rstrip("/").rpartition("/")[2] if text.startswith("gid://") else text
        return ""

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def amount(self, name: str) -> Decimal:
        """An amount that is needed, as it is written."""
        found = self.amount_or_none(name)
        if found is None:
            raise self.misread(name, "an amount", self.values.get(name), "bad_amount")
        return found

    def amount_or_none(self, name: str) -> Decimal | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        found = read_decimal(value)
        if found is None:
            raise self.misread(name, "an amount", value, "bad_amount")
        return found

    def whole(self, name: str) -> Decimal:
        """An amount in minor units: a whole number."""
        found = self.amount(name)
        if found != found.to_integral_value():
            raise self.misread(name, "a whole number of minor units", self.values.get(name), "bad_amount")
        return found

    def currency(self, *names: str) -> str:
        text = self.text(*names)
        found = read_currency(text.upper()) if text else None
        if found is None:
            raise self.misread(names[0], "three letters (ISO 4217)", text, "bad_currency" if text else "no_currency")
        return found

    def moment(self, *names: str) -> int:
        found = self.moment_or_none(*names)
        if found is None:
            raise self.misread(names[0], "a time", self.text(*names), "no_date")
        return found

    def moment_or_none(self, *names: str) -> int | None:
        """Unix seconds, or ISO text; a text without a zone is UTC."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**11:
                return value
            if isinstance(value, str) and value.strip():
                try:
                    moment = datetime.fromisoformat(value.strip())
                except ValueError:
                    raise self.misread(name, "a time, best as ISO 8601", value, "bad_date") from None
                return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        return None

    def misread(self, name: str, expected: str, got: Any, reason: str) -> Misread:
        shown = (
            "nothing"
            if got in (None, "")
            else shape(str(got))
            if isinstance(got, (str, int, Decimal))
            else "another value"
        )
        return Misread(RowProblem(row=self.place, column=name, expected=expected, got=shown, reason=reason))


def lists_of(value: Any, names: tuple[str, ...], depth: int = 0) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """(name, the object around it, objects) of every list under these names, however deep; GraphQL's edges and nodes
    are lists too."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from lists_of(item, names, depth + 1)
    if not isinstance(value, dict):
        return
    for name, inside in value.items():
        found = _listed(inside) if name in names else None
        if found is not None:
            yield name, inside if isinstance(inside, dict) else value, found
        else:
            yield from lists_of(inside, names, depth + 1)


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        if isinstance(value.get("nodes"), list):
            return list(value["nodes"])
        if isinstance(value.get("edges"), list):
            return [edge.get("node") for edge in value["edges"] if isinstance(edge, dict)]
        if isinstance(value.get("data"), list):
            return list(value["data"])
    return None


def _documents(path: Path, survey: Survey) -> list[Any]:
    """All JSON values of the file. Raises `FileRefused` for a file that is cut or damaged: nothing of it is read."""
    if survey.size > MAX_ANSWER:
        raise FileRefused(f"{path}: expected saved answers of at most {MAX_ANSWER >> 20} MiB, got a larger file")
    text = path.read_text(encoding=survey.encoding or "utf-8", errors="replace").lstrip("\ufeff")
    try:
        value = _decode(text)
        return value if isinstance(value, list) else [value]
    except (msgspec.DecodeError, RecursionError, ArithmeticError):
        pass
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(_decode(line))
            except (msgspec.DecodeError, RecursionError, ArithmeticError):
                raise FileRefused(f"{path}: expected JSON, as one value or one a line; line {number} is none, or the file "
                                  "is cut") from None  # fmt: skip
    return found
