"""Files of every kind, written byte by byte by the tests themselves, so that no reader of ours made them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twofold.importing.readers.formats import ORDER_FORMATS, OrderFile, open_orders
from twofold.importing.readers.layout import Found, ReadOptions
from twofold.importing.readers.tables import survey_file
from twofold.sources.chat_ids import route
from twofold.sources.own.webhook import ACTION_SOURCES

NEVER = 4_000_000_000  # Unix s; nothing is as young as that

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_RELATION = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>{more}'
    "</Relationships>"
)
_STYLES = (
    '<Relationship Id="rId2" Target="styles.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"/>'
)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def cell(reference: str, value: Any) -> str:
    """One cell; a float that is to be shown as a date is given as ("date", serial number)."""
    match value:
        case None:
            return ""
        case ("date", number):
            return f'<c r="{reference}" s="1"><v>{number}</v></c>'
        case int() | float():
            return f'<c r="{reference}"><v>{value!r}</v></c>'
        case _:
            return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def workbook(path: Path, rows: list[list[Any]], *, first_row: int = 1, sheet: str = "") -> Path:
    """An .xlsx of one sheet; ``sheet`` replaces its XML."""
    body = "".join(
        f'<row r="{number}">' + "".join(cell(f"{chr(65 + place)}{number}", v) for place, v in enumerate(row)) + "</row>"
        for number, row in enumerate(rows, first_row)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATION.format(kind="officeDocument", target="xl/workbook.xml", more=""))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {_MAIN} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            '<sheets><sheet name="Orders" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _RELATION.format(kind="worksheet", target="worksheets/sheet1.xml", more=_STYLES),
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet {_MAIN}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
            "</cellXfs></styleSheet>",
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", sheet or f"<worksheet {_MAIN}><sheetData>{body}</sheetData></worksheet>"
        )
    return path


def written(folder: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def opened(path: Path, *, known: Any = ORDER_FORMATS, form: Any = None, **options: Any) -> OrderFile:
    """The file as the import opens it, in UTC, with no order young enough to be sent unless said."""
    given = {"zone": ZoneInfo("UTC"), "young_after": NEVER, "young_store_after": NEVER, **options}
    return open_orders(
        path,
        survey_file(path),
        ReadOptions(action_sources=ACTION_SOURCES, route=route, **given),
        form=form,
        known=known,
    )


def read(path: Path, **options: Any) -> list[Any]:
    return list(opened(path, **options).items())


def only(path: Path, **options: Any) -> Found:
    """The one order of a file."""
    (found,) = read(path, **options)
    assert isinstance(found, Found), found
    return found
