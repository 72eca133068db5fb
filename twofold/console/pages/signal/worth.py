"""What a better signal is worth: the learning model's lines, and the shop's own completeness by week.

Owns the page. The model is a made-up world (docs/learning.md): a model, not Meta's delivery, and it says so at each of its
figures. The completeness is the shop's own. Role: for the algorithm.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.weeks import WEEKS
from twofold.console.signal.task import Weeks
from twofold.console.signal.task import weeks as ask_weeks
from twofold.policies import rules_of

COLUMNS = ("what", "name", "signal", "true_return", "against_complete", "against_error", "reported_return", "on_best", "first",
           "orders", "told", "per_100", "not_told", "role", "link", "model")  # fmt: skip


class Line(Struct, frozen=True, kw_only=True):
    """One signal in the model, over 30 worlds: mean return per money spent, true and as it would be reported.

    ``difference`` to the complete signal in percent, with half of its 95 % interval; ``on_best``: percent of the money.
    """

    name: str  # ours: which set-up of a shop it stands for
    signal: str  # the model's own name
    true_return: float
    reported: float
    difference: float | None
    error: float | None
    on_best: int


LINES = (
    Line(name="both", signal="browser and server, shared event id", true_return=3.07, reported=3.07, difference=0.0, error=0.0, on_best=87),
    Line(name="server", signal="95 of 100", true_return=3.06, reported=2.91, difference=-0.4, error=0.7, on_best=86),
    Line(name="browser", signal="70 of 100, unevenly lost", true_return=2.90, reported=2.28, difference=-5.6, error=2.6, on_best=84),
    Line(name="opt_out", signal="complete, 30 of 100 with opt_out", true_return=2.97, reported=2.97, difference=-3.5, error=0.9, on_best=84),
    Line(name="doubled", signal="browser and server, two ids", true_return=3.17, reported=6.35, difference=3.2, error=0.8, on_best=90),
    Line(name="doubled_partly", signal="two ids in a third of the audiences", true_return=2.95, reported=4.59, difference=-4.0, error=2.9, on_best=87),
    Line(name="flat", signal="every order at one flat value", true_return=2.70, reported=2.51, difference=-12.2, error=5.8, on_best=78),
    Line(name="wrong", signal="cents for units in a third of the audiences", true_return=2.13, reported=204.89, difference=-30.7, error=17.6, on_best=76),
)  # fmt: skip
"""The figures of docs/learning.md, which the model gives; a test holds them together."""


def read_worth(asked: Asked) -> Shown:
    """The weeks of the shop, then the lines of the model."""
    question = Weeks(
        folder=asked.folder, policies=rules_of(asked.settings), now=asked.now, zone=asked.words.zone, dataset=asked.dataset()
    )  # fmt: skip
    weeks = asked.worked_out(("weeks", question.zone, question.dataset), lambda: ask_weeks(question))
    whole = sum(w.orders for w in weeks)
    told = sum(w.told for w in weeks)
    rows: list[dict[str, Any]] = [
        {"what": "week", "first": w.first.isoformat(), "orders": w.orders, "told": w.told, "per_100": w.per_100,
         "not_told": w.rest, "role": "signal", "link": "placed", "model": False}
        for w in weeks
    ]  # fmt: skip
    rows += [
        {"what": "model", "name": one.name, "signal": one.signal, "true_return": one.true_return,
         "against_complete": one.difference, "against_error": one.error, "reported_return": one.reported,
         "on_best": one.on_best, "role": "signal", "link": "signalled", "model": True}
        for one in LINES
    ]  # fmt: skip
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"weeks": WEEKS, "timezone": asked.words.zone, "orders": whole, "told": told,
               "model": "a model, not Meta's delivery"},
        figures={
            "weeks": weeks, "lines": LINES, "whole": whole, "told": told,
            "per_100": round(100 * told / whole, 1) if whole else None, "most": max((one.reported for one in LINES if one.name != "wrong"), default=1),
        },
    )  # fmt: skip


WORTH = Page(
    path="/signal-worth", name="What a better signal is worth", room="signal", right=Right.SIGNAL,
    template="signal/worth.html", read=read_worth, slow=True,
)  # fmt: skip
