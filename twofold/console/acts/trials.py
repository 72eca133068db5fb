"""A test purchase is started, and what came of it is kept as evidence: two entries of the log."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.pages.page import Asked, NotHere
from twofold.console.pages.signal.trial import read_trial
from twofold.console.words import Words
from twofold.report.kept import EVIDENCE, TEST_PURCHASE
from twofold.report.period import journal_of

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No digits: a code among them looks like somebody's number, and is taken out of an address."""
LENGTH = 8


def start(act: Act) -> Done:
    """A new code; what comes from now on is looked at."""
    known = [d.id for d in act.settings.dataset]
    dataset = act.given.get("dataset") or (known[0] if known else "")
    if dataset not in known:
        raise Refused("There is no such dataset. Add it to the configuration first.")
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    with journal_of(act.settings.server.data) as journal:
        position = journal.last_of(journal.only_strand("a test purchase's pages"))
    note(act, TEST_PURCHASE, {"code": code, "dataset": dataset, "position": position})
    return Done(to=f"/test-purchase/{code}")


def keep(act: Act) -> Done:
    """What the page says now, by its digest: no order's number, nothing of anybody."""
    order = act.given.get("order", "")
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session, words=Words("en", "UTC"), now=act.now,
        choices={"order": order} if order else {}, path=act.path,
        sums=act.sums, remembered=act.remembered, drops=act.drops,
    )  # fmt: skip
    try:
        shown = read_trial(asked)
    except NotHere:
        raise Refused("There is no such test.") from None
    about = shown.about
    differing = [row["name"] for row in shown.rows if row["what"] == "field" and row["verdict"] == "differs"]
    seen = [row["name"] for row in shown.rows if row["what"] == "step" and row["done"]]
    note(
        act, EVIDENCE,
        {"code": about["code"], "verdict": about["verdict"], "reason": about["reason"], "action": next(iter(about["actions"]), None),
         "steps": seen, "differ": differing, "digest": about["digest"]},
    )  # fmt: skip
    return Done(to=f"/test-purchase/{about['code']}" + (f"?{urlencode({'order': order})}" if order else ""))
