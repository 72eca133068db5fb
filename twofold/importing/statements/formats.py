"""The formats of statements that are known, and how a file finds its own.

Start reading here. Owns the closed tuple and the choice; what a format is to the importer is `contract`'s, its words are in
its own file.
"""

from __future__ import annotations

from pathlib import Path

from twofold.errors import ConfigError, FileRefused
from twofold.importing.readers.tables import Survey
from twofold.importing.statements.contract import StatementFormat

FORMATS: tuple[StatementFormat, ...] = ()
"""Every format, of every kind. One line a format."""

OWN_TABLES: tuple[StatementFormat, ...] = ()
"""By kind the table in our own words; an [[import]] of that kind names its columns anew."""

SAMPLE_BYTES = 64 << 10


def formats_of(kind: str) -> tuple[StatementFormat, ...]:
    """Those that `twofold import KIND` knows."""
    return tuple(form for form in (*FORMATS, *OWN_TABLES) if form.kind == kind)


def own_table(kind: str) -> StatementFormat | None:
    """The table that an [[import]] of this kind describes."""
    return next((form for form in OWN_TABLES if form.kind == kind), None)


def named_format(kind: str, name: str, mappings: tuple[str, ...] = ()) -> StatementFormat:
    """The format that --format names. Raises `ConfigError` listing those of the kind."""
    known = formats_of(kind)
    found = next((form for form in known if form.name == name), None)
    if found is None:
        listed = ", ".join(["auto", *(form.name for form in known), *mappings])
        raise ConfigError(f"--format: expected one of {listed}, got {name!r}")
    return found


def recognise(path: Path, survey: Survey, kind: str, mappings: tuple[str, ...] = ()) -> StatementFormat:
    """The format of the kind that shows most signs. Raises `FileRefused` when none does, or when two show equally many."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    known = formats_of(kind)
    signs = sorted(((form.recognises(path, survey, sample), form.name) for form in known), reverse=True)
    if not signs or not signs[0][0]:
        titles = ", ".join(form.title for form in known) or "no format of this kind"
        others = f" or --mapping {', '.join(mappings)}" if mappings else ", or describe the columns in an [[import]]"
        raise FileRefused(
            f"{path.name}: expected the signs of {titles}; got none of them. Name the format with --format{others}"
        )
    best = [name for count, name in signs if count == signs[0][0]]
    if len(best) > 1:
        raise FileRefused(
            f"{path.name}: fits {' and '.join(sorted(best))} equally well; name one of them with --format"
        )
    return next(form for form in known if form.name == best[0])
