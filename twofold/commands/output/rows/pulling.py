"""Lines about what was fetched from platforms, shops and banks."""

from __future__ import annotations

from twofold.commands.output.rows.row import Row, Text


class Day(Row, kw_only=True, tag="day"):
    """What one day of one account came to, in lines. The last three are null in a dry run."""

    source: Text
    account: Text  # name of the [[account]]
    day: Text  # YYYY-MM-DD, as the source counts it
    lines: int
    new: int | None
    restated: int | None  # told otherwise than before; what was said then stays beside it
    unchanged: int | None


class Problem(Row, kw_only=True, tag="problem"):
    """What could not be had, of which days, and who must act."""

    source: Text
    account: Text
    since: Text
    until: Text
    code: Text  # of docs/pulling.md, or why rows were refused
    who: Text  # operator, platform, nobody (it passes by itself)
    text: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {"pull": (Day, Problem)}
