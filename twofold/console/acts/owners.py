"""Who is meant to send an event, and whose work it is, as somebody says."""

from __future__ import annotations

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.event.contact import holds_contact
from twofold.report.kept import EVENT_OWNER

MOST_PERSON = 60
MOST_NAME = 120


def say_owner(act: Act) -> Done:
    """An entry of the log: this sender owns this event of this dataset."""
    dataset, _, event = act.given.get("event", "").partition("/")
    sender = act.given.get("sender", "")
    names = (dataset, event, sender)
    if not all(names) or any(len(n) > MOST_NAME or not n.isprintable() or holds_contact(n) for n in names):
        raise Refused("Choose an event and a sender that are on the page.")
    person = text_of(act, "person", most=MOST_PERSON, needed=False)
    note(act, EVENT_OWNER, {"dataset": dataset, "event": event, "sender": sender, "person": person})
    return Done(to="/senders")
