"""Asking the doctor: everything between a shop's page and the platform is looked at, and one test event is sent."""

from __future__ import annotations

from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.forms import CHANGE
from twofold.console.pages.page import Asked
from twofold.console.pages.setup.engine_room import ENGINE_ROOM, read_engine_room
from twofold.console.words import Words
from twofold.setup.doctor.visit import visit


def ask_doctor(act: Act) -> Done:
    """The engine room with the doctor's lines. That somebody asked stands in the log: it sends an event."""
    note(act, CHANGE, {"what": "doctor asked"})
    doctor = list(visit(act.settings, None, float(act.now)))
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session, words=Words("en", "UTC"), now=act.now,
        choices={}, path={}, sums=act.sums, remembered=act.remembered, drops=act.drops,
    )  # fmt: skip
    figures = {**read_engine_room(asked).figures, "doctor": doctor, "here": ENGINE_ROOM}
    return Done(template=ENGINE_ROOM.template, figures=figures)
