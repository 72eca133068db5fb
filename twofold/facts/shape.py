"""What a derived table is: its name, its columns and their types, and what is made together.

Owns these shapes. Types are those that DuckDB, PostgreSQL and Spark share.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Type(StrEnum):
    """Types that every engine has, as SQL writes them."""

    TEXT = "text"
    INT = "bigint"
    BOOL = "boolean"
    MONEY = "decimal(18,4)"
    SUM = "decimal(28,12)"  # what is added up of life after life; the sum of as many as one likes has 38 digits
    WHOLE = "decimal(38,0)"  # of questions: a sum of whole numbers, however large
    RATE = "decimal(18,8)"  # times money it still has 38 digits or fewer, which is where engines begin to round


class Group(StrEnum):
    """What is rebuilt together: one read of the store gives all tables of a group for a day."""

    ORDERS = "orders"  # by the day an order was placed
    ACTIONS = "actions"  # by the day their first copy came: a stretch of the journal, found without an index
    LINES = "lines"  # money, parcels, spend, rates: by their own day
    TOUCHES = "touches"
    LIVES = "lives"  # of orders, by the reporting zone's day; filled by who matches money with orders


class Column(Struct, frozen=True):
    """One column. ``words`` says what it holds, in plain words."""

    name: str
    type: Type
    words: str


class Table(Struct, frozen=True, kw_only=True):
    """One table. ``key``: columns that name a row; rows of a file are sorted by them."""

    name: str
    group: Group
    words: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def unit(self) -> str:
        """The column that says of what a row is: the rows of one order, line or batch are made together."""
        return next(name for name in self.key if name != "dataset")


DAY = "day"


def table(name: str, group: Group, words: str, key: str, columns: str) -> Table:
    """A table from lines of ``name type words``."""
    zone = "of the reporting zone" if group is Group.LIVES else "in UTC"
    found = [Column(DAY, Type.TEXT, f"the day {zone} by which the row is filed, YYYY-MM-DD")]
    for line in columns.strip().splitlines():
        column, kind, told = line.split(maxsplit=2)
        found.append(Column(column, Type[kind.upper()], told))
    return Table(name=name, group=group, words=words, key=tuple(key.split()), columns=tuple(found))
