"""The day of a packet as its witnesses tell it: is each one's gap explained enough to be reviewed?

Owns that judgement, from what `twofold day` works out. A residual is explained where reasons leave nothing of it, or where it
lies in the band of this shop's own days; others' bands are a hint and let pass, but condemn nobody. A day that lies far from the
run says nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from twofold.acceptance.criteria import State, Witnessed
from twofold.reconcile.day.band import Band
from twofold.reconcile.day.report import share_of
from twofold.reconcile.day.values import Bridge, Report, Sum
from twofold.reconcile.reading.witnesses import Answer

NEAR_DAYS = 7


def witnessed(answer: Answer, wanted: Iterable[str]) -> tuple[Witnessed, ...]:
    """A row for each witness that the plan wants."""
    reports = {r.source: r for r in answer.report.reports}
    bridges = {b.witness: b for b in answer.report.bridges}
    return tuple(_one(w, reports.get(w), bridges.get(w), answer.bands.get(w, Band())) for w in wanted)


def of_the_run(
    told: Sequence[Witnessed], day: date, begun: date, dataset: str | None, own: str
) -> tuple[Witnessed, ...]:
    """The same where the day lies near the run's beginning, and unchecked where it does not. Another dataset's day says whose it is."""
    found = []
    for one in told:
        if abs((begun - day).days) > NEAR_DAYS:
            said = f"of {day}, and the run began on {begun}: a day so far from it says nothing of it"
            found.append(replace(one, state=State.UNCHECKED, said=said))
        elif dataset not in (None, own):
            said = f"of dataset {dataset}, not of the run's: {one.said}"
            found.append(replace(one, said=said))
        else:
            found.append(one)
    return tuple(found)


def _one(witness: str, report: Report | None, bridge: Bridge | None, band: Band) -> Witnessed:
    if report is None or not report.is_here or bridge is None or bridge.count is None:
        return Witnessed(witness=witness, state=State.UNCHECKED, said="nothing of that day is here")
    has_any = bool(bridge.count) or any(isinstance(line, Sum) and line.count for line in bridge.lines)
    state, said = (
        _explained(bridge, band) if has_any else (State.UNCHECKED, "no purchase on that day: name one with some")
    )
    return Witnessed(
        witness=witness, state=state, said=said, count=f"{bridge.count:f}" if isinstance(bridge.count, Decimal) else str(bridge.count),
        amount="" if bridge.amount is None else f"{bridge.amount:f}",
        residual="" if bridge.residual is None else f"{bridge.residual:f}",
    )  # fmt: skip


def _explained(bridge: Bridge, band: Band) -> tuple[State, str]:
    reasons = ", ".join(dict.fromkeys(t.reason.replace("_", " ") for t in bridge.terms)) or "no gap"
    said = f"explained to the last cent: {reasons}"
    if bridge.residual is None:
        said = "its money cannot be compared"
        return State.UNCHECKED, said
    if not bridge.residual and not bridge.residual_count:
        return State.PASSED, said
    share = share_of(bridge)
    left = f"{bridge.residual:+f}" + ("" if share is None else f" ({share:+.1%})")
    if band.alarm:
        said = f"{left} is left, and that is not as on other days. Explained: {reasons}"
        return State.FAILED, said
    if share is None or band.low is None or band.high is None:
        said = f"{left} is left, and no band is known yet. Explained: {reasons}"
        return State.UNCHECKED, said
    usual = f"{band.low:+.0%} to {band.high:+.0%}"
    said = f"{left} is left, elsewhere usually {usual}. Explained: {reasons}"
    if band.own:
        said = f"{left} is left, here usually {usual}. Explained: {reasons}"
    return State.PASSED if band.low <= share <= band.high else State.FAILED if band.own else State.UNCHECKED, said
