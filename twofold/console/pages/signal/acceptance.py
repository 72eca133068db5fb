"""Acceptance: go or stop? The list of runs, and one run with its five criteria, its evidence and its packets.

Owns both pages. What is gathered and judged is `acceptance`'s, the same as `twofold accept` says; the day's witnesses are asked when
somebody signs, as they take a while. Role: for the algorithm; the order's money for the business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twofold.acceptance.criteria import CRITERIA, STANDARDS, Card, Criterion, State
from twofold.acceptance.duties import duties, named
from twofold.acceptance.packet.body import GO, differences, over, packet_of_digest
from twofold.acceptance.packet.seal import KEY_FILE, public_key
from twofold.acceptance.run import DECISIONS, Run, Status, links, run_of, runs, status
from twofold.acceptance.seen.evidence import BROWSER, SERVER
from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown
from twofold.errors import NotHere as NoRun
from twofold.report.kept import Kept

LIST_COLUMNS = ("code", "dataset", "plan", "begun_at", "by", "purpose", "owner", "decision", "signed_at", "signed_by", "digest", "over",
                "review", "role", "link")  # fmt: skip
COLUMNS = (
    "what",
    "name",
    "card",
    "event",
    "state",
    "said",
    "browser",
    "server",
    "merged",
    "by",
    "note",
    "at",
    "role",
    "link",
)


def read_acceptances(asked: Asked) -> Shown:
    """The runs, the newest first, with what was signed of each; and whether the newest go still holds."""
    start = asked.number("after")
    found = runs(Path(asked.folder))
    rows = [_list_row(asked, run) for run in found[start : start + SHOWN]]
    signed = [row for row in rows if row["digest"]]
    return Shown(
        columns=LIST_COLUMNS, rows=rows, about={"runs": len(found), "after": start},
        figures={
            "known": [d.id for d in asked.settings.dataset], "last": signed[0] if signed else None, "purposes": DECISIONS,
            "next": start + SHOWN if start + SHOWN < len(found) else None,
        },
    )  # fmt: skip


def read_acceptance(asked: Asked) -> Shown:
    """One run as it stands."""
    folder = Path(asked.folder)
    try:
        run = run_of(folder, asked.path["code"])
    except NoRun:
        raise NotHere from None
    found = status(asked.settings, run, asked.now)
    mine, refusing = links(asked.settings, run)
    rows = [*_events(found), *_criteria(found.criteria)]
    return Shown(
        columns=COLUMNS, rows=rows,
        about={"code": run.code, "dataset": run.dataset, "plan": run.plan.name, "begun_at": run.at, "by": run.by,
               "decision": "go" if found.is_go else "stop", "packets": [p.facts["digest"] for p in run.packets]},
        figures={
            "run": run, "found": found, "events": [r for r in rows if r["what"] == "event"], "links": mine, "refusing": refusing,
            "cards": [(card.value, [c for c in found.criteria if c.card is card]) for card in Card],
            "standards": {name: STANDARDS[name][1] for name in CRITERIA}, "packets": _packets(asked, run),
            "open": any(d.state == "waiting" for a in found.gathered.events[run.plan.decides] for d in a.deliveries)
            or not found.gathered.events[run.plan.decides],
            "duties": duties(found.criteria), "named": named,
            "done": sum(r["what"] == "step" and r["done"] for r in rows),
            "frames": True,
            "key": public_key(folder) if (folder / KEY_FILE).exists() else "",
        },
    )  # fmt: skip


def _list_row(asked: Asked, run: Run) -> dict[str, Any]:
    last = run.packets[-1] if run.packets else None
    facts: Mapping[str, Any] = last.facts if last else {}
    return {
        "code": run.code, "dataset": run.dataset, "plan": run.plan.name, "begun_at": run.at, "by": run.by,
        "purpose": run.about.decision, "owner": run.about.owner, "decision": facts.get("word"), "signed_at": last.at if last else None,
        "signed_by": facts.get("by"), "digest": facts.get("digest"), "expires": facts.get("expires"),
        "over": list(over(asked.settings, last, asked.now)) if last else [], "review": run.about.review or None,
        "role": "signal", "link": "signalled",
    }  # fmt: skip


def _events(found: Status) -> list[dict[str, Any]]:
    rows = []
    for event in found.run.plan.event:
        actions = found.gathered.events.get(event.name, ())
        rows.append({
            "what": "event", "name": event.name, "event": event.name, "browser": sorted({c.sender for a in actions for c in a.of(BROWSER)}),
            "server": sorted({c.sender for a in actions for c in a.of(SERVER)}), "actions": [a.action for a in actions],
            "merged": len(actions) == 1 and bool(actions[0].of(BROWSER) and actions[0].of(SERVER)),
            "ids": sorted({a.event_id for a in actions}),
            "left": [(d.destination, d.state, d.reason, next((t.trace for t in d.tries if t.trace), "")) for a in actions for d in a.deliveries],
            "role": "signal", "link": "signalled",
        })  # fmt: skip
    return rows


def _criteria(criteria: tuple[Criterion, ...] | Any) -> list[dict[str, Any]]:
    rows = []
    for c in criteria:
        role, link = ("truth", "placed") if c.card is Card.ORDER else ("signal", "signalled")
        rows.append(
            {
                "what": "criterion",
                "name": c.name,
                "card": c.card,
                "state": c.state,
                "by": c.by,
                "note": c.note,
                "role": role,
                "link": link,
            }
        )
        rows += [
            {"what": "step", "name": k.name, "card": c.card, "event": k.event, "state": k.state, "done": k.state is State.PASSED, "said": k.said, "role": role, "link": link}
            for k in c.checks
        ]  # fmt: skip
    return rows


def _packets(asked: Asked, run: Run) -> list[dict[str, Any]]:
    """What was signed, the newest first, each with what changed since the one before of this run."""
    found, before = [], None
    for entry in run.packets:
        packet = packet_of_digest(Path(asked.folder), run.code, str(entry.facts["digest"]))
        found.append(_packet(asked, entry, packet, before))
        before = packet or before
    return found[::-1]


def _packet(asked: Asked, entry: Kept, packet: dict[str, Any] | None, before: dict[str, Any] | None) -> dict[str, Any]:
    folder = Path(asked.folder) / "acceptance" / str(entry.facts["run"])
    kinds = [k for k in ("html", "pdf", "json") if (folder / f"packet-{entry.facts['digest'][:16]}.{k}").is_file()]
    changes = [d.what for d in differences(before, packet)] if before and packet else []
    return {
        "digest": entry.facts["digest"], "at": entry.at, "by": entry.facts["by"], "word": entry.facts["word"],
        "is_go": entry.facts["word"] == GO, "expires": entry.facts["expires"], "over": over(asked.settings, entry, asked.now),
        "kinds": kinds, "changes": changes, "number": entry.number,
    }  # fmt: skip


ACCEPTANCES = Page(
    path="/acceptance", name="Acceptance", room="signal", right=Right.TEST, template="signal/acceptances.html", read=read_acceptances,
)  # fmt: skip
ACCEPTANCE = Page(
    path="/acceptance/{code}", name="", room="signal", right=Right.TEST, template="signal/acceptance.html", read=read_acceptance,
)  # fmt: skip
