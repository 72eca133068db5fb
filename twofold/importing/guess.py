"""Which kind of file this is, by its own signs: of every kind the format that shows most of them.

Owns the comparison between kinds, for whoever is not told the kind. Which format of one kind a file has is `formats`' and
`layout`'s, and each format's signs are its own.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from twofold.errors import FileRefused
from twofold.importing.documents import body_of
from twofold.importing.readers.formats import ORDER_FORMATS, SALE_FORMATS
from twofold.importing.readers.layout import Format, fold_header, recognise
from twofold.importing.readers.tables import Survey, open_table
from twofold.importing.statements.contract import KINDS
from twofold.importing.statements.formats import SAMPLE_BYTES, formats_of

ORDERS, SALES = "orders", "sales"
EVERY_KIND = (ORDERS, SALES, *KINDS)


class Guess(Struct, frozen=True, kw_only=True):
    """One kind that the file may be of, with how many signs of its format it shows."""

    kind: str
    format: str
    title: str
    signs: int


def guesses(path: Path, survey: Survey) -> list[Guess]:
    """Every kind of which the file shows a sign, the most likely first; of two with equally many nobody can say. Raises
    `FileRefused` for one that shows none and can be no table either."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    found = []
    for kind in KINDS:
        shown = [(form.recognises(path, survey, sample), form.name, form.title) for form in formats_of(kind)]
        signs, name, title = max(shown, default=(0, "", ""))
        if signs:
            found.append(Guess(kind=kind, format=name, title=title, signs=signs))
    try:
        found += _orders(path, survey)
    except FileRefused:
        if not found:
            raise
    return sorted(found, key=lambda guess: (-guess.signs, EVERY_KIND.index(guess.kind)))


def _orders(path: Path, survey: Survey) -> list[Guess]:
    if survey.kind == "json":
        body = body_of(path, survey)
        if body is not None:
            name = f"{body.source}-json"
            return [
                Guess(
                    kind=ORDERS,
                    format=name,
                    title=f"orders as the {body.source} webhook writes them",
                    signs=len(body.keys),
                )
            ]
    columns = open_table(path, survey).columns
    found: list[Guess] = []
    for kind, forms in ((ORDERS, ORDER_FORMATS), (SALES, SALE_FORMATS)):
        form = recognise(columns, forms)
        if form is not None and not any(guess.format == form.name for guess in found):
            found.append(Guess(kind=kind, format=form.name, title=form.title, signs=_signs(form, columns)))
    return found


def _signs(form: Format, columns: list[str]) -> int:
    """How many of its columns are there."""
    folded = {fold_header(name) for name in columns}
    return sum(any(fold_header(header) in folded for header in headers) for headers in form.columns.values())
