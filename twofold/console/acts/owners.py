"""Who is meant to send an event, whose work it is, and which senders are expected, as somebody says."""

from __future__ import annotations

from pathlib import Path

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.event.contact import holds_contact
from twofold.report.kept import EVENT_OWNER, SENDER_EXPECTED
from twofold.senders.standing import seen_now

MOST_PERSON = 60
MOST_SENDER = 300
PERIOD_S = 28 * 86_400


def say_owner(act: Act) -> Done:
    """An entry of the log: this sender owns this event of this dataset."""
    dataset, _, event = act.given.get("event", "").partition("/")
    sender = act.given.get("sender", "")
    names = (dataset, event, sender)
    if not all(names) or any(len(n) > MOST_SENDER or not n.isprintable() or holds_contact(n) for n in names):
        raise Refused("Choose an event and a sender that are on the page.")
    person = text_of(act, "person", most=MOST_PERSON, needed=False)
    note(act, EVENT_OWNER, {"dataset": dataset, "event": event, "sender": sender, "person": person})
    return Done(to="/senders")


def say_expected(act: Act) -> Done:
    """Entries of the log: all that is seen now is expected. From then on any other sender is a finding, and told to people."""
    datasets = [d.id for d in act.settings.dataset]
    found = seen_now(Path(act.settings.server.data), datasets, act.now, PERIOD_S)
    if not found:
        raise Refused("Nobody sent anything yet: there is nothing to expect.")
    for dataset, event, sender in found:
        note(act, SENDER_EXPECTED, {"dataset": dataset, "event": event, "sender": sender, "expected": True})
    return Done(to="/senders")
