"""What becomes of a dropped file: it is read in another way, kept, or thrown away.

Owns these three, and what the log has of a file that was kept: its digest and kind, never its name, which may be somebody's.
"""

from __future__ import annotations

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.dropped.held import Drop, choose
from twofold.console.forms import CHANGE


def read_again(act: Act) -> Done:
    """As another kind, or with what the file does not say itself."""
    drop = _drop(act)
    drop.chosen = choose(dict(act.given))
    act.drops.begin(drop, act.settings, keep=False)
    return Done(to=f"/imports/file/{drop.token}")


def keep_file(act: Act) -> Done:
    """The entry of the log first, then the import, as the command does it."""
    drop = _drop(act)
    if drop.state != "seen" or not (drop.answer["total"] or drop.answer["events"]):
        raise Refused("This file is being read already, or is not here any more. Drop it again.")
    drop.chosen = {**drop.chosen, "send": "1" if act.given.get("send") else ""}
    note(
        act, CHANGE,
        {"what": "imported a file", "kind": drop.answer["kind"], "format": drop.answer["format"], "sha256": drop.digest,
         "bytes": drop.size, "sent": bool(drop.chosen.get("send"))},
    )  # fmt: skip
    act.drops.begin(drop, act.settings, keep=True, done=act.remembered.forget)
    return Done(to=f"/imports/file/{drop.token}")


def throw_away(act: Act) -> Done:
    """Its bytes are gone at once."""
    act.drops.end(_drop(act))
    return Done(to="/imports")


def _drop(act: Act) -> Drop:
    drop = act.drops.of(act.session.person.id, act.path["token"])
    if drop is None:
        raise Refused("This file is being read already, or is not here any more. Drop it again.")
    return drop
