"""Lines about derived tables."""

from __future__ import annotations

from twofold.commands.output.rows.row import Row, Text, Time


class TableColumn(Row, kw_only=True, tag="table_column"):
    """One column of a table. ``what``: what a row of the table is; ``type``: as SQL writes it; ``holds``: what stands there; ``is_key``: one of
    those that name a row."""

    table: Text
    what: Text
    column: Text
    type: Text
    holds: Text
    is_key: bool


class ExportedTable(Row, kw_only=True, tag="exported_table"):
    """A file that was written. ``made_at``: the tables are of this time or later; ``currency``: of amounts in the reporting currency."""

    table: Text
    file: Text
    rows: int
    size: int
    made_at: Time
    currency: Text | None


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "tables list": (TableColumn,),
    "tables export": (ExportedTable,),
}
"""Every command of this family with ``--json`` and the lines it prints."""
