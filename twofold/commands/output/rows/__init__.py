"""What ``--json`` promises: the shape of every line, one class a kind of line, one file a family of commands.

Owns names and meanings; `docs/json.md` is written from here, and every printed line is one of these. A field may be added,
none renamed or dropped before 1.0. A new family is a file with its classes and its `COMMANDS`, and a line below.
"""

from __future__ import annotations

from twofold.commands.output.rows import (
    acceptance,
    attribution,
    importing,
    journal,
    money,
    orders,
    privacy,
    pulling,
    reconcile,
    running,
    setup,
    signal,
    tables,
)
from twofold.commands.output.rows.row import Row

COMMANDS: dict[str, tuple[type[Row], ...]] = {
    **running.COMMANDS,
    **journal.COMMANDS,
    **orders.COMMANDS,
    **signal.COMMANDS,
    **importing.COMMANDS,
    **money.COMMANDS,
    **pulling.COMMANDS,
    **reconcile.COMMANDS,
    **attribution.COMMANDS,
    **privacy.COMMANDS,
    **setup.COMMANDS,
    **acceptance.COMMANDS,
    **tables.COMMANDS,
}
"""Every command with ``--json`` and the lines it prints, in the order in which they come."""
