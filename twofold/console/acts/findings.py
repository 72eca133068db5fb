"""What somebody says of a cause: it is mended, it is known and meant so, or it is to be looked at again."""

from __future__ import annotations

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.event.contact import holds_contact
from twofold.report.kept import FINDING
from twofold.router.finding import Kind

SAYINGS = ("mended", "accepted", "open")
MOST_WHY = 300
MOST_NAME = 200


def say(act: Act) -> Done:
    """An entry of the log about one cause; why somebody accepts it has to be said."""
    cause, saying = act.given.get("cause", ""), act.given.get("act", "")
    if cause.partition(":")[0] not in set(Kind) or len(cause) > MOST_NAME or not cause.isprintable():
        raise Refused("There is no such cause.")
    if holds_contact(cause):
        raise Refused("The name of this event holds contact data, which the log must not keep. Mend that first.")
    if saying not in SAYINGS:
        raise Refused("A cause is mended, accepted or open.")
    why = text_of(act, "why", most=MOST_WHY, needed=saying == "accepted")
    note(act, FINDING, {"cause": cause, "act": saying, "why": why})
    return Done(to="/what-to-do")
