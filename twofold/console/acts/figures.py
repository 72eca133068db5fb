"""The platform's own figure of match quality, typed in from its pages: 0 to 10, of a day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.event.contact import holds_contact
from twofold.report.kept import PLATFORM_FIGURE

MOST_NAME = 120
_FIGURE = re.compile(r"(10|[0-9])([.,][0-9])?")


def type_in(act: Act) -> Done:
    """An entry of the log with the figure, exactly as it was typed."""
    dataset, _, event = act.given.get("event", "").partition("/")
    figure = act.given.get("figure", "").strip()
    if not (dataset and event) or any(
        len(n) > MOST_NAME or not n.isprintable() or holds_contact(n) for n in (dataset, event)
    ):
        raise Refused("Choose an event that is on the page.")
    if not _FIGURE.fullmatch(figure) or float(figure.replace(",", ".")) > 10:
        raise Refused("The platform's figure is a number from 0 to 10 with at most one digit behind the point.")
    try:
        day = date.fromisoformat(act.given.get("day", ""))
    except ValueError:
        raise Refused("Give the day that the figure is of, as YYYY-MM-DD.") from None
    today = datetime.fromtimestamp(act.now, UTC).date()
    if not today - timedelta(days=366) <= day <= today + timedelta(days=1):
        raise Refused("Give a day of the last year.")
    note(
        act,
        PLATFORM_FIGURE,
        {"dataset": dataset, "event": event, "figure": figure.replace(",", "."), "day": day.isoformat()},
    )
    return Done(to="/match-quality")
