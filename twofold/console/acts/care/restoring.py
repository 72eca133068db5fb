"""Getting ready to restore: who wants to, which set, why; and the lines to run, with all of their values."""

from __future__ import annotations

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.console.acts.proving import prove
from twofold.console.forms import CHANGE
from twofold.console.pages.page import Asked
from twofold.console.pages.setup.restore import RESTORE, lines_of, read_restore
from twofold.console.words import Words

MOST_WHY = 200


def prepare(act: Act) -> Done:
    """The log has it before anything is stopped; the restore itself has the same reason in the log of what is put back."""
    prove(act)
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session, words=Words("en", "UTC"), now=act.now,
        choices={}, path={}, sums=act.sums, remembered=act.remembered, drops=act.drops, config=act.config,
    )  # fmt: skip
    shown = read_restore(asked)
    one = next((row for row in shown.rows if row["set"] == act.given.get("set", "")), None)
    if one is None:
        raise Refused("There is no such set in the backup any more.")
    reason = text_of(act, "reason", most=MOST_WHY)
    note(act, CHANGE, {"what": "restore prepared", "set": one["set"], "missing": one["missing"], "reason": reason})
    lines = lines_of(one["set"], one["place"], shown.figures["last"].erasures_place, reason, act.config)
    return Done(
        template=RESTORE.template,
        figures={**shown.figures, "rows": shown.rows, "here": RESTORE, "lines": lines, "chosen": one},
    )
