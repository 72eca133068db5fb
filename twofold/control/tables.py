"""The tables that reports ask, brought up to date before a question: by the running gateway, else in the folder.

Owns the waiting until they are made. What is made is the keeper's (`facts.keeper`), what is asked the engine's. A command that
finds nothing changed asks nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

from twofold.config import Settings
from twofold.control.owner import open_in_turn
from twofold.control.questions import MakeTables
from twofold.errors import FactsError
from twofold.facts.build import is_up_to_date
from twofold.facts.engine import Answer, Asked, ask, ask_all
from twofold.facts.questions import Question
from twofold.policies import analytics_of, lives_task, rules_of
from twofold.reconcile.lives.task import digest_of
from twofold.store.engines import require_data

PATIENCE_S = 60.0
"""How long the folder is waited for that another report has, or an erasure; a first making may take so long."""
_POLL_S = 0.05

Progress = Callable[[int, int], None]
"""Days made, of how many."""


def make_tables(
    settings: Settings, progress: Progress | None = None, within_s: float = inf, *, turn_s: float = PATIENCE_S
) -> bool:
    """Returns once the tables hold what is in the folder now; False when they did already. ``turn_s``: how long whoever has the folder
    is waited for, such as another report that makes them.

    Raises `FactsError` when they cannot be made, or not within so many seconds, and what opening the folder raises.
    """
    until = time.monotonic() + within_s
    require_data(Path(settings.server.data))
    if are_current(settings):
        return False
    with closing(open_in_turn(settings, within_s=min(turn_s, within_s))) as owner:
        number = None
        while True:
            told = owner.ask(MakeTables(number=number))
            number = int(told["number"])
            if progress is not None:
                progress(*told["progress"])
            if told["done"]:
                break
            if time.monotonic() > until:
                at, of = told["progress"]
                raise FactsError(f"the tables of reports are being made, {at} of {of} days; ask again in a moment")
            time.sleep(_POLL_S)
    if told["failed"]:
        raise FactsError(str(told["failed"]))
    return True


def are_current(settings: Settings) -> bool:
    """True when the tables hold what is in the folder now."""
    return is_up_to_date(analytics_of(settings).places, rules_of(settings), digest_of(lives_task(settings)))


def ask_tables(
    settings: Settings,
    question: str | Question,
    parameters: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Brings the tables up to date, then asks."""
    make_tables(settings, progress)
    return ask(analytics_of(settings), question, parameters)


def ask_tables_all(settings: Settings, asked: Sequence[Asked], progress: Progress | None = None) -> list[Answer]:
    """The same for several questions, all of one state."""
    make_tables(settings, progress)
    return ask_all(analytics_of(settings), asked)
