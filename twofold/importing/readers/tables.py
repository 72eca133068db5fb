"""A file of rows, whatever its kind: CSV, JSON lines, Excel, Parquet to cells of text, one row at a time.

Owns encodings, separators, and what a broken row costs: itself and nothing else. Memory is bounded whatever the file
holds. Knows no column's meaning. Every cell is text, so that no number passes through a float that the file does
not already hold.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.workbooks import read_workbook

MAX_CELL = 65_536  # characters; a quote that is never closed would otherwise take the rest of the file as one cell
MAX_LINE = 8 << 20  # bytes of one JSON object
MAX_COLUMNS = 4_096
MAX_ARRAY = 256 << 20  # bytes of a file that is one JSON list, which is read as a whole
HEADER_WITHIN = 30  # lines above which a header may stand, where a format puts lines before it
SEPARATORS = ",;\t|"
TEXT_KINDS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json"}
WORKBOOKS = (".xlsx", ".xlsm", ".xls")
_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Nothing may be fetched over the network, and one thread leaves the other core to the store.
_DUCKDB: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "512MB", "threads": "1", "autoinstall_known_extensions": "false",
           "autoload_known_extensions": "false"}  # fmt: skip
_UNDEFINED_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


class Row(NamedTuple):
    """``number``: line of a text file, row of a sheet, counted from 1. ``cells`` in the order of the columns."""

    number: int
    cells: list[str]


Signs = Callable[[Sequence[str]], int]
"""How many of a format's names stand in a row of cells; 0: this row is not its header."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file before it is read: how large, which content, which kind, written how."""

    size: int
    digest: str
    kind: str  # "csv", "json", "excel", "parquet", "archive", "xml"
    encoding: str = ""
    notes: tuple[str, ...] = ()


class Table:
    """An open file. ``columns`` can grow while JSON objects bring new keys; rows are as long as it then is.

    ``rows`` gives rows and, in their places, the problems of those that are none.
    """

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.columns: list[str] = []
        self.header_row = 1
        self.separator = ""  # of a CSV file
        self.preamble: list[str] = []  # lines above the header, where one was looked for
        self.notes: list[str] = list(survey.notes)
        self.rows: Iterator[Row | RowProblem] = iter(())
        self.bytes_read = 0  # of the file, for the progress bar; 0 where it cannot be told


def survey_file(path: Path, encoding: str = "") -> Survey:
    """Reads the file once: its digest, its kind by content, and whether its text is UTF-8. Raises `FileRefused`."""
    kind = TEXT_KINDS.get(path.suffix.lower(), "")
    digest = sha256()
    size, utf8, odd, start, tail = 0, codecs.getincrementaldecoder("utf-8")(), False, b"", b""
    is_utf8 = True
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                start = start or chunk[:4096]
                tail = chunk[-4:]
                size += len(chunk)
                digest.update(chunk)
                if is_utf8:
                    is_utf8 = _goes_on(utf8, chunk)
                odd = odd or bool(_UNDEFINED_1252.search(chunk))
    except OSError as err:
        raise FileRefused(f"{path}: cannot be read: {err.strerror}; name another file") from None
    if is_utf8:
        is_utf8 = _goes_on(utf8, b"", final=True)
    if not size:
        raise FileRefused(f"{path}: expected a table, got an empty file")
    kind, encoding, notes = _kind_of(path, kind, start, tail, encoding, is_utf8, odd)
    return Survey(size=size, digest=digest.hexdigest(), kind=kind, encoding=encoding, notes=notes)


def open_table(path: Path, survey: Survey, *, sheet: str = "", signs: Signs | None = None) -> Table:
    """The file as rows. ``signs``: the header is the row among the first `HEADER_WITHIN` that shows most of them; the
    lines above are the preamble. Raises `FileRefused` when it is no table."""
    table = Table(survey)
    match survey.kind:
        case "csv":
            _open_csv(path, table, signs)
        case "json":
            table.rows = _json_rows(path, table)
        case "parquet":
            _open_parquet(path, table)
        case "archive":
            raise FileRefused(f"{path}: expected a table, got an archive; unpack it first")
        case "xml":
            raise FileRefused(f"{path}: expected a table, got a web page or XML; export it again as CSV or .xlsx")
        case _:
            _open_workbook(path, table, sheet, signs)
    return table


_END = re.compile(r"\r\n|\n|\r")  # as a file is read: some programs of old Macs write the last


def first_cells(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """(line from 0, separator, cells) of the first lines of a CSV text, once for each separator."""
    for number, line in enumerate(_END.split(text, HEADER_WITHIN)[:HEADER_WITHIN]):
        for separator in SEPARATORS:
            try:
                yield number, separator, next(csv.reader([line], delimiter=separator), [])
            except csv.Error:
                continue


# -- what kind of file


def _goes_on(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _kind_of(
    path: Path, kind: str, start: bytes, tail: bytes, encoding: str, is_utf8: bool, odd: bool
) -> tuple[str, str, tuple[str, ...]]:
    if start[:4] == b"PAR1" and tail == b"PAR1":
        return "parquet", "", ()
    if start[:4] == b"PK\x03\x04" and path.suffix.lower() == ".zip":
        return "archive", "", ()
    if start[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        if path.suffix.lower() not in WORKBOOKS:
            raise FileRefused(f"{path}: expected a table, got an archive or office file named {path.suffix or 'so'}; "
                              f"save it as .xlsx or .csv")  # fmt: skip
        return "excel", "", ()
    if start[:2] == b"\x1f\x8b":
        raise FileRefused(f"{path}: expected a table, got a gzip archive; unpack it first")
    encoding, notes = _encoding_of(start, encoding, is_utf8, odd)
    text = start.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    kind = kind or ("json" if text[:1] in "{[" and text[:1] else "csv")
    if sum(ord(c) < 9 or 14 <= ord(c) < 28 for c in text) > 2 + len(text) // 50:
        raise FileRefused(f"{path}: expected a table, got a file of bytes that are no text")
    return "xml" if text[:1] == "<" else kind, encoding, notes


def _encoding_of(start: bytes, given: str, is_utf8: bool, odd: bool) -> tuple[str, tuple[str, ...]]:
    if given:
        try:
            return codecs.lookup(given).name, ()
        except LookupError:
            raise FileRefused(f"--encoding: expected the name of a text encoding, got {given!r}") from None
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name, ()
    nulls = start[:512].count(0)
    if nulls * 3 > len(start[:512]):  # text of mostly Latin letters without its mark
        name = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
        return name, (f"the text is {name.upper()} without its mark",)
    if is_utf8:
        return "utf-8", ()
    notes = ["the text is not UTF-8 and was read as Windows-1252; name another with --encoding if letters are wrong"]
    if odd:
        notes.append("it holds bytes that Windows-1252 does not have; they became question marks")
    return "cp1252", tuple(notes)


# -- CSV


class _Lines:
    """Physical lines, counted, of which some can be given back."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0  # of the line last given out
        self.taken: list[str] = []  # since the last record began

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_CELL * 4)
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        self.number -= len(self.taken)
        self._again.extendleft(reversed(self.taken))
        self.taken = []

    def give_back_all_but_first(self) -> None:
        rest = self.taken[1:]
        self.number -= len(rest)
        self._again.extendleft(reversed(rest))


def _open_csv(path: Path, table: Table, signs: Signs | None) -> None:
    file = path.open("r", encoding=table.survey.encoding, errors="replace", newline="")
    lines = _Lines(file)
    csv.field_size_limit(MAX_CELL)
    separator = _below_preamble(lines, table, signs) if signs else _separator(lines)
    table.separator = separator
    reader = csv.reader(lines, delimiter=separator, strict=True)  # a stray quote costs its row, not those after it
    header = next(_records(reader, lines, 0), None)
    if not isinstance(header, Row):
        file.close()
        raise FileRefused(f"{path}: expected a header line, got only empty lines or a broken one")
    table.header_row, names = header
    table.columns = _named(path, names)
    table.rows = _csv_rows(reader, lines, table, file)


def _separator(lines: _Lines) -> str:
    """The separator that cuts the header line into most cells; a first line ``sep=;`` (Excel) says it."""
    first = next((line for line in lines if line.strip("\ufeff\r\n\t ,;|")), "")
    told = re.fullmatch(r'\ufeff?"?sep=(.)"?\s*', first, re.I)
    if told and told[1] in SEPARATORS:
        return told[1]
    lines.taken = ["", first] if first else [""]
    lines.give_back_all_but_first()
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)


def _below_preamble(lines: _Lines, table: Table, signs: Signs) -> str:
    """Takes the lines above the header and gives its separator; without a header, as if it were the first line."""
    lines.taken.clear()
    for _, line in zip(range(HEADER_WITHIN), lines, strict=False):
        del line
    text = [line.rstrip("\r\n").lstrip("\ufeff") for line in lines.taken]
    found = max(((signs(cells), -number, separator) for number, separator, cells in first_cells("\n".join(text))),
                key=lambda one: one[:2], default=(0, 0, ""))  # fmt: skip
    lines.give_back()
    if not found[0]:
        return _separator(lines)
    for _ in range(-found[1]):
        table.preamble.append(next(lines).strip("\ufeff\r\n"))
    return found[2]


def _records(reader: Any, lines: _Lines, width: int) -> Iterator[Row | RowProblem]:
    """Records of ``width`` cells (0: any). A broken one costs its first line; what it swallowed is read again."""
    while True:
        lines.taken.clear()
        before = lines.number
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _torn(before + 1, f"quotes that close, cells of at most {MAX_CELL} characters",
                        "a quote left open, or text after a closing one")  # fmt: skip
            lines.give_back_all_but_first()
            continue
        if not cells or not any(cells):
            continue
        if width and len(cells) != width:
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            else:
                yield _torn(before + 1, f"{width} cells", f"{len(cells)}", "ragged_row")
                lines.give_back_all_but_first()
                continue
        yield Row(before + 1, cells)


def _csv_rows(reader: Any, lines: _Lines, table: Table, file: Any) -> Iterator[Row | RowProblem]:
    with file:
        for count, row in enumerate(_records(reader, lines, len(table.columns))):
            if not count & 1023:
                table.bytes_read = file.buffer.tell() if hasattr(file, "buffer") else 0
            yield row


def _named(path: Path, names: list[str]) -> list[str]:
    """The header's cells, trimmed; nothing at its end is no column."""
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"{path}: expected at most {MAX_COLUMNS} columns, got {len(names)}")
    return [name.strip().strip("\ufeff") for name in names]


# -- JSON


def _exact(text: str) -> Decimal:
    return Decimal(text)


_encode_list = msgspec.json.Encoder(decimal_format="number").encode
_decode_object = msgspec.json.Decoder(float_hook=_exact).decode


def _json_rows(path: Path, table: Table) -> Iterator[Row | RowProblem]:
    places: dict[str, int] = {}
    for number, line in json_texts(path, table):
        try:
            item = _decode_object(line)
        except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
            yield _torn(number, "one JSON object", "text that is no JSON")
            continue
        if not isinstance(item, dict):
            yield _torn(number, "one JSON object", "another JSON value")
            continue
        cells: list[str] = [""] * len(places)
        if not _fill(item, "", cells, places, table.columns, 0):
            yield _torn(number, f"at most {MAX_COLUMNS} columns, three levels deep", "more")
            continue
        yield Row(number, cells)


def _fill(
    item: dict[str, Any], prefix: str, cells: list[str], places: dict[str, int], columns: list[str], depth: int
) -> bool:
    """Values of an object as cells; an object inside adds its name and a dot. Lists stay JSON text."""
    for key, value in item.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth == 2 or not _fill(value, f"{name}.", cells, places, columns, depth + 1):
                return False
            continue
        place = places.get(name)
        if place is None:
            if len(places) >= MAX_COLUMNS:
                return False
            place = places[name] = len(places)
            columns.append(name)
            cells.append("")
        cells[place] = _text(value)
    return True


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return _encode_list(value).decode() if value else ""
        case Decimal():
            return format(value, "f") if abs(value.adjusted()) < 40 else str(value)
        case _:
            return str(value)


def json_texts(path: Path, table: Table) -> Iterator[tuple[int, bytes | str]]:
    """(line, JSON text of one object); also of a file that is one list of objects."""
    with path.open("r", encoding=table.survey.encoding, errors="replace", newline="\n") as file:
        number = 0
        raw: Any = file.buffer
        while line := file.readline(MAX_LINE):
            number += 1
            bare = line.strip()
            if number == 1:
                bare = bare.lstrip("\ufeff")
                if bare.startswith("["):
                    yield from _json_list(path, table)
                    return
            if bare:
                yield number, bare
            if not number & 255:
                table.bytes_read = raw.tell()


def _json_list(path: Path, table: Table) -> Iterator[tuple[int, bytes]]:
    if table.survey.size > MAX_ARRAY:
        raise FileRefused(
            f"{path}: expected one JSON object a line for a file over {MAX_ARRAY >> 20} MiB, got one list"
        )
    text = path.read_text(encoding=table.survey.encoding, errors="replace")
    try:
        items = msgspec.json.decode(text.lstrip("\ufeff"), type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        raise FileRefused(
            f"{path}: expected JSON objects, one a line or in one list, got text that is no JSON"
        ) from None
    for number, raw in enumerate(items, 1):
        yield number, bytes(raw)


# -- Parquet and Excel


def _open_parquet(path: Path, table: Table) -> None:
    import duckdb

    file = path.open("rb")
    source = f"/proc/self/fd/{file.fileno()}"  # a name without the signs that would be a pattern
    connection = duckdb.connect(config=_DUCKDB)
    try:
        described = connection.execute("describe select * from read_parquet(?)", [source]).fetchall()
        names = [str(row[0]) for row in described]
        inexact = [row[0] for row in described if row[1] in ("DOUBLE", "FLOAT")]
        if inexact:
            table.notes.append(f"{len(inexact)} columns of floating-point numbers were read with 15 digits")
        chosen = ", ".join(_as_text(name, name in inexact) for name in names)
        result = connection.execute(f"select {chosen} from read_parquet(?)", [source])
    except duckdb.Error as err:
        connection.close()
        file.close()
        raise FileRefused(
            f"{path}: expected a Parquet file, got one that cannot be read ({type(err).__name__})"
        ) from None
    table.columns = _named(path, names)
    table.header_row = 0
    table.rows = _parquet_rows(result, file, connection)


def _as_text(name: str, is_float: bool) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    # A sum of doubles such as 59.97000000000001 was 59.97: 15 digits are those that every double keeps.
    return f"printf('%.15g', {quoted})" if is_float else f"cast({quoted} as varchar)"


def _parquet_rows(result: Any, file: Any, connection: Any) -> Iterator[Row]:
    number = 0
    with file:
        while batch := result.fetchmany(2_000):
            for cells in batch:
                number += 1
                yield Row(number, ["" if cell is None else cell for cell in cells])
    connection.close()


def _open_workbook(path: Path, table: Table, sheet: str, signs: Signs | None) -> None:
    rows = read_workbook(path, sheet, table.notes)
    if signs:
        header, rows = _sheet_header(rows, table, signs)
    else:
        header = next((row for row in rows if any(row[1])), None)
    if header is None:
        raise FileRefused(f"{path}: expected a header row, got an empty sheet")
    table.header_row, names = header
    while names and not names[-1]:
        names.pop()
    table.columns = _named(path, names)
    table.rows = _sheet_rows(rows, len(table.columns))


_SheetRows = Iterator[tuple[int, list[str]]]


def _sheet_header(rows: _SheetRows, table: Table, signs: Signs) -> tuple[tuple[int, list[str]] | None, _SheetRows]:
    """The row that shows most signs among the first, else the first that is not empty; and the rows below it."""
    filled = [row for row in islice(rows, HEADER_WITHIN) if any(row[1])]
    if not filled:
        return None, rows
    header = max(filled, key=lambda row: (signs(row[1]), -row[0]))
    table.preamble = [" ".join(filter(None, row[1])) for row in filled if row[0] < header[0]]
    return header, chain((row for row in filled if row[0] > header[0]), rows)


def _sheet_rows(rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[Row | RowProblem]:
    for number, cells in rows:
        if not any(cells):
            continue
        if any(cells[width:]):
            yield _torn(number, f"{width} cells", "cells right of the last column", "ragged_row")
            continue
        cells = cells[:width]
        yield Row(number, cells + [""] * (width - len(cells)))


def _torn(row: int, expected: str, got: str, reason: str = "broken_row") -> RowProblem:
    return RowProblem(row=row, expected=expected, got=got, reason=reason)


def duplicated(columns: list[str]) -> set[str]:
    """Names that stand more than once in a header, whatever their case."""
    counts = Counter(name.casefold() for name in columns if name)
    return {name for name, count in counts.items() if count > 1}
