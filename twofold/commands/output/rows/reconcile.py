"""Lines of the chain from the pixel to the bank."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import About, Amount, Ratio, Row, Text, Time


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


class Witness(Row, kw_only=True, tag="witness"):
    """What one of the four says of its own day; null where nothing of it was imported."""

    source: Text  # meta, shop, ga4, log
    role: Text
    link: Text
    count: int | None
    amount: Amount | None
    original_amount: Amount | None
    original_currency: Text
    timezone: Text
    window: Text
    fetched_at: Time | None


class Reason(Row, kw_only=True, tag="reason"):
    """One reason of one bridge, signed as it changes the sum. `way`: `out` of the witness's day or `in`, where it can be
    either. `second`: of the orders those that another reason fits, too."""

    bridge: Text
    reason: Text
    way: Text = ""
    count: int
    amount: Amount
    orders: list[Text]
    second: dict[str, Any]


class Sum(Row, kw_only=True, tag="sum"):
    """A bridge so far: `basis`, `accepted`, `expected_by_click`, `expected`."""

    bridge: Text
    name: Text
    count: int
    amount: Amount


class DayResidual(Row, kw_only=True, tag="residual"):
    """What the reasons leave. `band_low` and `band_high`: between which shares of the basis it usually lies; `band_own`: by
    the shop's own days; `alarm`: why it stands out; `possible`: what it may be, which nobody can measure from here."""

    bridge: Text
    count: int | None
    amount: Amount | None
    share: Ratio | None
    band_low: Ratio | None
    band_high: Ratio | None
    band_own: bool
    alarm: Text
    possible: list[Text]


class Claim(Row, kw_only=True, tag="claim"):
    """A window of the platform: what it claims, what a click of ours confirms, and what it does not claim."""

    window: Text
    claimed: Amount
    confirmed: int
    unconfirmed: Amount
    unclaimed: int


class Cohort(Row, kw_only=True, tag="cohort"):
    """The same day's orders as who handles them has them now: pixel, crm, courier, bank, books."""

    who: Text
    link: Text
    role: Text
    count: int | None
    amount: Amount | None


class Version(Row, kw_only=True, tag="version"):
    """What was said of the day before, `age` days after it, at the time `as_of`."""

    age: int
    as_of: Time
    bridge: Text
    count: int | None
    amount: Amount | None
    residual_count: int | None
    residual: Amount | None


class DayFinding(Row, kw_only=True, tag="finding"):
    """Something to look at: `same_writer`, `not_final`, `note`."""

    name: Text
    bridge: Text
    words: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "chain": (About, Link, Leak, Open, Matrix, Bridge, Residual, Metric),
    "day": (About, Witness, Sum, Reason, DayResidual, Claim, Cohort, Version, DayFinding),
}
