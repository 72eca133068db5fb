"""Match quality: what would make us recognised better? Events by key, the estimate by week, the platform's own figure.

Owns the page. The estimate and the words about each key are `report.quality`'s, which senders lack a key `report.senders`'s;
the platform's figure was typed in and stands in the log. Role: for the algorithm.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.pages.signal.senders import cells_of
from twofold.console.queries.period import start_of
from twofold.console.queries.signal import funnel_place
from twofold.console.queries.weeks import mondays_of
from twofold.console.signal.task import Quality, Scores, estimates, scores_of
from twofold.report.kept import PLATFORM_FIGURE, Kept, kept
from twofold.report.quality import EventQuality, KeyFeedback
from twofold.report.senders import MIN_COPIES, Cell

COLUMNS = ("dataset", "event_name", "events", "estimate", "estimate_before", "platform_figure", "platform_day", "key", "identifier",
           "present", "unusable", "gain", "privacy", "lacking", "sampled", "role", "link")  # fmt: skip
LACKS = 0.5  # ours: a sender of which fewer copies than this carry a key lacks it
KEPT_S = 600
"""How long the weeks' estimates are shown again without being counted again."""


def read_match_quality(asked: Asked) -> Shown:
    """Every event of the period with its keys; the weeks of the one that was chosen."""
    period, dataset = asked.period(), asked.dataset()
    until = min(period.until, asked.now)
    question = Quality(
        folder=asked.folder, until_ms=until * 1000, period_ms=max(1, until - period.since) * 1000, dataset=dataset
    )
    found = asked.worked_out(("quality", period.since, period.until, dataset), lambda: estimates(question))
    found = sorted((q for q in found if q.events), key=lambda q: (q.dataset, funnel_place(q.event_name)))
    cells = cells_of(asked, period)
    typed = _typed(asked.folder)
    rows = [_row(q, k, cells, typed.get((q.dataset, q.event_name))) for q in found for k in q.keys]
    names = [f"{q.dataset}/{q.event_name}" for q in found]
    usual = next((n for n in names if n.endswith("/Purchase")), names[0] if names else "")
    chosen = asked.one_of("event", names) or usual
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"period": period.choice, "timezone": period.zone, "note": "our estimate, not the platform's figure"},
        figures={
            "events": found, "chosen": chosen, "typed": typed, "period": period, "weeks": _weeks(asked, chosen),
            "keys": sorted((r for r in rows if f"{r['dataset']}/{r['event_name']}" == chosen), key=lambda r: (-r["gain"], -r["present"])),
            "history": [k for k in kept(asked.folder, PLATFORM_FIGURE) if f"{k.facts['dataset']}/{k.facts['event']}" == chosen][::-1],
        },
    )  # fmt: skip


def _typed(folder: str) -> dict[tuple[str, str], Kept]:
    """The newest figure that was typed in for each event, by the day that it is of."""
    entries = sorted(kept(folder, PLATFORM_FIGURE), key=lambda k: (str(k.facts["day"]), k.number))
    return {(str(k.facts["dataset"]), str(k.facts["event"])): k for k in entries}


def _row(one: EventQuality, key: KeyFeedback, cells: list[Cell], typed: Kept | None) -> dict[str, Any]:
    lacking = {
        f"{c.sender} ({c.channel})": round(share, 3)
        for c in cells
        if (c.dataset, c.event_name) == (one.dataset, one.event_name) and c.sampled >= MIN_COPIES
        and (share := c.key_share(key.key)) is not None and share < LACKS
    }  # fmt: skip
    return {
        "dataset": one.dataset, "event_name": one.event_name, "events": one.events, "estimate": one.score,
        "estimate_before": one.score_before, "platform_figure": typed.facts["figure"] if typed else None,
        "platform_day": typed.facts["day"] if typed else None, "key": key.key, "identifier": key.identifier,
        "present": key.coverage, "unusable": key.unusable, "gain": key.gain, "privacy": key.privacy, "lacking": lacking,
        "sampled": one.sampled, "role": "signal", "link": "signalled",
    }  # fmt: skip


def _weeks(asked: Asked, chosen: str) -> list[dict[str, Any]]:
    """The last weeks, the oldest first; the last one is under way."""
    stamp = asked.now // KEPT_S * KEPT_S + KEPT_S
    dataset, _, name = chosen.partition("/")
    place = ZoneInfo(asked.words.zone)
    mondays = mondays_of(asked.now, place)
    begin = [start_of(monday, place) for monday in mondays]
    spans = list(zip(begin, [*begin[1:], stamp], strict=True))
    question = Scores(folder=asked.folder, spans_ms=[(since * 1000, until * 1000) for since, until in spans])
    told = asked.worked_out(("scores", stamp), lambda: scores_of(question))
    weeks = {one.span: (one.score, one.events) for one in told if (one.dataset, one.event_name) == (dataset, name)}
    found = []
    for number, (since, until) in enumerate(spans):
        score, events = weeks.get(number, (None, 0))
        found.append({"day": mondays[number], "since": since, "until": until, "score": score, "events": events})
    return found


MATCH_QUALITY = Page(
    path="/match-quality", name="Match quality", room="signal", right=Right.SIGNAL, template="signal/match_quality.html",
    read=read_match_quality, slow=True,
)  # fmt: skip
