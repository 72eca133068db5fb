"""Lines of the chain from the pixel to the bank."""

from __future__ import annotations

from twofold.commands.output.rows.row import About, Amount, Row, Text


class Figure(Row, kw_only=True):
    """What every line of the chain has. ``group`` is empty for the whole, else what `--by` asked for."""

    role: Text
    group: Text = ""


class Link(Figure, kw_only=True, tag="link"):
    """One link: what is in it, `before` refunds too; of the signalled, how many a platform took (`sent`)."""

    link: Text
    count: int
    amount: Amount
    before: Amount | None = None
    sent: int | None = None


class Leak(Figure, kw_only=True, tag="leak", rename={"start": "from"}):
    """What is lost after a link, with its one reason; `count` orders or lines are concerned."""

    start: Text
    reason: Text
    count: int
    amount: Amount


class Open(Figure, kw_only=True, tag="open"):
    """What has not come yet: how old the oldest of it is, and by which day all of it should have come."""

    link: Text
    reason: Text
    count: int
    amount: Amount
    oldest_days: int
    expected: Text | None


class Matrix(Figure, kw_only=True, tag="matrix"):
    """Delivered or not, collected or not: both is the smaller of the two."""

    delivered: bool
    collected: bool
    count: int
    amount: Amount


class Bridge(Figure, kw_only=True, tag="bridge", rename={"start": "from", "end": "to"}):
    """One term between two links, signed as it changes the sum. The first and last line of a bridge are its links."""

    start: Text
    end: Text
    reason: Text
    count: int
    amount: Amount


class Residual(Figure, kw_only=True, tag="residual", rename={"start": "from", "end": "to"}):
    """What no term of a bridge explains."""

    start: Text
    end: Text
    count: int
    amount: Amount


class Metric(Figure, kw_only=True, tag="metric"):
    """A figure of docs/chain.md; `value` is null where it would be divided by nothing. `of`: what it is about."""

    name: Text
    of: Text
    value: Amount | None
    unit: Text
    link: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "chain": (About, Link, Leak, Open, Matrix, Bridge, Residual, Metric),
}
