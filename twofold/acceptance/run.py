"""A run: what somebody began, ticked, showed and overruled, as entries of the chained log, and how it stands now.

Owns the entries and reading them again. Each is kept through the running gateway, else in the folder. What is gathered is
`evidence`'s, what is judged `criteria`'s, what leaves at the end `packet`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from twofold.acceptance.criteria import CRITERIA, Criterion, Overruled, Ticked, Witnessed, is_go, judge
from twofold.acceptance.plan import Plan, plan_of
from twofold.acceptance.seen.evidence import Gathered, Wanted, gather, position_now
from twofold.acceptance.seen.gaps import of_the_run, witnessed
from twofold.acceptance.seen.owners import Owned, owners
from twofold.acceptance.seen.trail import PARAMETER
from twofold.acceptance.seen.upload import keep, taken
from twofold.acceptance.seen.walked import Walked
from twofold.collect.policy import order_policy_of
from twofold.config import Settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.control.tables import ask_tables_all
from twofold.errors import ConfigError, NotHere
from twofold.event.contact import holds_contact
from twofold.ledger.policy import OrderPolicy
from twofold.policies import day_question
from twofold.reconcile.reading.witnesses import witnesses_of
from twofold.report.kept import (
    ACCEPTANCE_OVERRULE,
    ACCEPTANCE_PACKET,
    ACCEPTANCE_RUN,
    ACCEPTANCE_STEP,
    ACCEPTANCE_WALK,
    SENDERS_SEEN,
    Kept,
    kept,
)
from twofold.report.orders import PolicyOf
from twofold.senders.call import Call
from twofold.senders.journal import heard
from twofold.senders.observed import facts_of, observed_in_calls

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No digits: a code among them looks like somebody's number, and is taken out of an address."""
LENGTH = 8
FOLDER = "acceptance"
"""In the data folder: what was shown, evidence and packets, a folder a run."""
STEPS = ("reload", "refusal", "test_events", "order", "event", "gaps")
"""What a person says: the pages are being loaded again; a visit refused; the platform shows it; the order is this one; the
event has this id; what the others counted, and why it differs."""
DECISIONS = ("launch", "scale", "structure")
MOST_NAME, MOST_TEXT = 80, 1_000


class About(Struct, frozen=True, kw_only=True):
    """What a run is for. ``decision``: launch, scale, structure; ``review``: the day on which somebody looks again."""

    decision: str = "launch"
    owner: str = ""
    review: str = ""
    business: str = ""
    ad_account: str = ""


class Run(Struct, frozen=True, kw_only=True):
    """One run as its entries say. ``at`` in Unix s."""

    code: str
    dataset: str
    at: int
    by: str
    plan: Plan
    about: About
    wanted: Wanted
    ticked: Mapping[str, Ticked]
    overruled: Mapping[str, Overruled]
    packets: Sequence[Kept]
    walked: Walked | None = None  # what a browser saw that walked it; the newest


class Status(Struct, frozen=True, kw_only=True):
    """How a run stands: what was gathered, who owns what, the day, and the five."""

    run: Run
    gathered: Gathered
    owned: Sequence[Owned]
    day: str
    day_dataset: str
    witnesses: Sequence[Witnessed]
    criteria: Sequence[Criterion]

    @property
    def is_go(self) -> bool:
        return is_go(self.criteria)


# -- what is said


def start(settings: Settings, plan: Plan, dataset: str, about: About, by: str, now: int) -> Run:
    """A run begins: what comes from now on is looked at."""
    known = [d.id for d in settings.dataset]
    if dataset not in known:
        raise ConfigError(
            f"--dataset: expected one of {', '.join(known) or '(none is configured)'}, got {dataset or 'none'}"
        )
    _require(about, by, now)
    folder = Path(settings.server.data)
    code, refusal = ("".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(2))
    _note(
        settings, ACCEPTANCE_RUN,
        {"code": code, "refusal": refusal, "dataset": dataset, "position": position_now(folder), "by": by,
         "plan": msgspec.to_builtins(plan), "about": msgspec.to_builtins(about)},
    )  # fmt: skip
    return run_of(folder, code)


def tick(
    settings: Settings, run: Run, step: str, by: str, *, note: str = "", order: str = "", event: str = "", event_id: str = "",
    file: bytes | None = None,
) -> None:  # fmt: skip
    """What somebody did or saw."""
    if step not in STEPS:
        raise ConfigError(f"expected a step of {', '.join(STEPS)}, got {step}")
    if step == "event" and event not in {e.name for e in run.plan.event}:
        raise ConfigError(f"--name: expected an event of the plan, got {event or 'none'}")
    if (step == "event" and not event_id) or (step == "order" and not order):
        raise ConfigError(f"{step}: expected {'--id' if step == 'event' else '--order'}, got none")
    for name, text in (("--by", by), ("--note", note), ("--order", order), ("--id", event_id)):
        require_text(name, text, MOST_TEXT if name == "--note" else 120)
    facts: dict[str, Any] = {"run": run.code, "step": step, "note": note, "by": by}
    folder = Path(settings.server.data)
    if step == "reload":
        facts["position"] = position_now(folder)
    facts |= {k: v for k, v in (("order", order), ("event", event), ("id", event_id)) if v}
    if file is not None:
        upload = taken(file)
        keep(place_of(folder, run.code), upload)
        facts |= {"file": upload.digest, "kind": upload.kind, "bytes": len(upload.content), "given": upload.given}
    _note(settings, ACCEPTANCE_STEP, facts)


def overrule(settings: Settings, run: Run, criterion: str, reason: str, by: str) -> None:
    """A person's word against what was found. It stays visible."""
    if criterion not in CRITERIA:
        raise ConfigError(f"expected a criterion of {', '.join(CRITERIA)}, got {criterion}")
    if len(reason.strip()) < 10:
        raise ConfigError("--reason: expected a sentence that others can judge, got none")
    require_text("--reason", reason, MOST_TEXT)
    require_text("--by", by, MOST_NAME)
    _note(settings, ACCEPTANCE_OVERRULE, {"run": run.code, "criterion": criterion, "reason": reason.strip(), "by": by})


def _require(about: About, by: str, now: int) -> None:
    if about.decision not in DECISIONS:
        raise ConfigError(f"--decision: expected one of {', '.join(DECISIONS)}, got {about.decision}")
    for name in ("owner", "business", "ad_account"):
        require_text(f"--{name.replace('_', '-')}", getattr(about, name), MOST_NAME)
    require_text("--by", by, MOST_NAME)
    require_day("--review", about.review, now)


def require_day(name: str, text: str, now: int) -> None:
    """A day on which somebody looks again; none is allowed."""
    if text and not is_review_day(text, now):
        raise ConfigError(f"{name}: expected a day of the next two years, as YYYY-MM-DD, got {text}")


def is_review_day(text: str, now: int) -> bool:
    """Whether it is a day of the next two years, as YYYY-MM-DD; yesterday is still today somewhere."""
    today = datetime.fromtimestamp(now, UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and today - timedelta(days=1) <= day <= today + timedelta(days=730)


def require_text(name: str, text: str, most: int) -> None:
    """The log is kept for good, and nobody can be erased from it."""
    if len(text) > most or not text.replace("\n", " ").isprintable():
        raise ConfigError(f"{name}: expected at most {most} characters that can be shown, got {len(text)}")
    if name not in ("--business", "--ad-account", "--campaign") and holds_contact(text):  # these are the platform's own
        raise ConfigError(f"{name}: expected a text without e-mail addresses and phone numbers, got one with")
    if name in ("--business", "--ad-account") and text and not text.removeprefix("act_").isdigit():
        raise ConfigError(f"{name}: expected the platform's number of it, got another text")


def _note(settings: Settings, kind: str, facts: dict[str, Any]) -> None:
    on_store(settings, Note(kind=kind, facts=facts))


def note_packet(settings: Settings, facts: dict[str, Any]) -> None:
    """A packet was signed: its digest is an entry like the others."""
    _note(settings, ACCEPTANCE_PACKET, facts)


def note_walk(settings: Settings, run: Run, walked: Walked, calls: Sequence[Call], by: str) -> None:
    """What a browser saw: for this run's evidence, and as a look of the inventory like any other walk's."""
    facts = {"run": run.code, "by": by, "walk": msgspec.to_builtins(walked)}
    _note(settings, ACCEPTANCE_WALK, facts)
    if calls:
        looks = observed_in_calls(calls, heard(Path(settings.server.data), calls))
        _note(settings, SENDERS_SEEN, facts_of(looks))


# -- what was said


def runs(folder: Path) -> list[Run]:
    """Every run, the newest first."""
    steps, words = kept(folder, ACCEPTANCE_STEP), kept(folder, ACCEPTANCE_OVERRULE)
    packets, walks = kept(folder, ACCEPTANCE_PACKET), kept(folder, ACCEPTANCE_WALK)
    return [_run(one, steps, words, packets, walks) for one in kept(folder, ACCEPTANCE_RUN)[::-1]]


def run_of(folder: Path, code: str) -> Run:
    """One run; the newest where none is named. Raises `NotHere`."""
    found = runs(folder)
    one = next((r for r in found if not code or r.code == code), None)
    if one is None:
        known = ", ".join(r.code for r in found[:10])
        raise NotHere(
            f"there is no acceptance run {code}".rstrip()
            + (f"; there are {known}" if known else "; begin one: twofold accept start")
        )
    return one


def _run(
    one: Kept, steps: Sequence[Kept], words: Sequence[Kept], packets: Sequence[Kept], walks: Sequence[Kept]
) -> Run:
    facts = one.facts
    code, own = facts["code"], [s for s in steps if s.facts.get("run") == facts["code"]]
    last = {s.facts["step"]: s for s in own}
    walk = next((w.facts["walk"] for w in reversed(walks) if w.facts["run"] == code), None)
    reload, refusal, order = last.get("reload"), last.get("refusal"), last.get("order")
    return Run(
        code=code, dataset=facts["dataset"], at=one.at, by=facts["by"], plan=plan_of(facts["plan"]),
        about=msgspec.convert(facts["about"], About),
        wanted=Wanted(
            dataset=facts["dataset"], code=code, position=facts["position"], started_ms=one.at * 1000,
            refusal_code=facts["refusal"], order=order.facts["order"] if order else "",
            named={s.facts["event"]: s.facts["id"] for s in own if s.facts["step"] == "event"},
            reload_position=reload.facts["position"] if reload else None, refused=refusal is not None,
            refused_order=refusal.facts.get("order", "") if refusal else "",
        ),
        ticked={
            step: Ticked(
                by=s.facts["by"], at=s.at, note=s.facts.get("note", ""), file=s.facts.get("file", ""), shown_for=_shown_for(s, steps),
            )
            for step, s in last.items()
        },
        overruled={
            w.facts["criterion"]: Overruled(by=w.facts["by"], at=w.at, reason=w.facts["reason"])
            for w in words if w.facts.get("run") == code
        },
        packets=[p for p in packets if p.facts.get("run") == code],
        walked=msgspec.convert(walk, Walked) if walk is not None else None,
    )  # fmt: skip


def _shown_for(step: Kept, steps: Sequence[Kept]) -> str:
    """The run for which the same file was shown before, as it was given or as it was kept; empty for one that is new."""
    digests = {step.facts.get("file"), step.facts.get("given")} - {None}
    return next(
        (
            str(s.facts["run"])
            for s in steps
            if s.number < step.number
            and s.facts["run"] != step.facts["run"]
            and digests & {s.facts.get("file"), s.facts.get("given")}
        ),
        "",
    )


def links(settings: Settings, run: Run) -> tuple[list[str], list[str]]:
    """Where a person begins: the shop with the run's code, and for the visit that refuses with the other."""
    origins = next((d.origins for d in settings.dataset if d.id == run.dataset), ())
    places = [o.rstrip("/") for o in origins if urlsplit(o).scheme in ("http", "https")]
    return [f"{p}/?{PARAMETER}={run.code}" for p in places], [
        f"{p}/?{PARAMETER}={run.wanted.refusal_code}" for p in places
    ]


# -- how it stands


def status(settings: Settings, run: Run, now: int, *, day: str = "", witnesses_of_dataset: str = "") -> Status:
    """Everything that is judged, read now. ``day``: of the witnesses; without one they are not asked. They are those of the
    run's dataset, or of another by name."""
    folder = Path(settings.server.data)
    gathered = gather(folder, run.plan, run.wanted, policy_of(settings), now)
    owned = owners(folder, run.dataset, [e.name for e in run.plan.event], run.at, now)
    told: tuple[Witnessed, ...] = ()
    if day and run.plan.witnesses:
        question = day_question(settings, day, now, witnesses_of_dataset or run.dataset, keep=False)
        answer = witnesses_of(folder, question, lambda asked: ask_tables_all(settings, asked))
        begun = datetime.fromtimestamp(run.at, question.zone).date()
        told = of_the_run(
            witnessed(answer, run.plan.witnesses), date.fromisoformat(day), begun, question.dataset, run.dataset
        )
    return Status(
        run=run, gathered=gathered, owned=owned, day=day, day_dataset=witnesses_of_dataset or run.dataset, witnesses=told,
        criteria=judge(run.plan, gathered, owned, told, run.ticked, run.overruled, run.walked),
    )  # fmt: skip


def policy_of(settings: Settings) -> PolicyOf:
    """The order policy of a dataset, as today's settings say."""
    known = {d.id: order_policy_of(d.orders) for d in settings.dataset}
    return lambda dataset: known.get(dataset) or OrderPolicy()


def place_of(folder: Path, code: str) -> Path:
    """Where a run's files are."""
    return folder / FOLDER / code
