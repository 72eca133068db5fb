"""Test a purchase: does one order become one purchase? The list of tests, and one test as it arrives.

Owns both pages and the verdict. Finding the copies is `acceptance.seen.trail`'s, comparing them `seen.sides`'s; starting one and
keeping it as evidence are entries of the log. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from twofold.acceptance.seen.sides import Field, compare, sides_of
from twofold.acceptance.seen.trail import PARAMETER, STEPS, Purchase, Tick, Trail, purchases_of_trail, trail_of
from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, NotHere, Page, Shown
from twofold.console.queries.policies import policy_of
from twofold.report.kept import EVIDENCE, TEST_PURCHASE, Kept, kept
from twofold.report.orders import show_order

LIST_COLUMNS = ("code", "dataset", "started_at", "by", "verdict", "kept_at", "kept_by", "digest", "action")
COLUMNS = ("what", "name", "done", "at", "action", "browser", "server", "verdict", "bad", "role", "link")
PATIENCE_S = 600
"""After so long what has not come is called missing, and no longer awaited."""
BROWSER, SERVER, BOTH = 1, 2, 3


class Verdict(Struct, frozen=True, kw_only=True):
    """``word``: one, test_order, waiting, twice, differs, refused, kept_back, browser_only, server_only, nothing."""

    word: str
    colour: str
    reason: str = ""


def read_trials(asked: Asked) -> Shown:
    """The tests, the newest first, with what was kept of each."""
    evidence = {str(k.facts.get("code")): k for k in kept(asked.folder, EVIDENCE)}
    rows = [_list_row(one, evidence.get(str(one.facts.get("code")))) for one in kept(asked.folder, TEST_PURCHASE)[::-1]]
    datasets = [d.id for d in asked.settings.dataset]
    return Shown(columns=LIST_COLUMNS, rows=rows, figures={"known": datasets})


def read_trial(asked: Asked) -> Shown:
    """One test: the steps, the two copies side by side, the verdict."""
    code = asked.path["code"]
    one = next((k for k in kept(asked.folder, TEST_PURCHASE) if k.facts.get("code") == code), None)
    if one is None:
        raise NotHere
    dataset = str(one.facts.get("dataset"))
    trail = trail_of(asked.folder, dataset, code, int(one.facts.get("position", 0)), one.at * 1000)
    order = asked.choices.get("order", "").strip()
    wanted = _of_order(asked, dataset, order) if order else trail.purchases
    start = 0 if order else int(one.facts.get("position", 0))
    purchases = purchases_of_trail(asked.folder, dataset, start, wanted)
    ticks = ticks_of(trail, purchases)
    fields = _fields(purchases)
    said = verdict_of(purchases, fields, waited_s=asked.now - one.at)
    rows = [*_step_rows(ticks), *_field_rows(fields)]
    evidence = [k for k in kept(asked.folder, EVIDENCE) if k.facts.get("code") == code]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={
            "code": code, "dataset": dataset, "started_at": one.at, "by": one.facts.get("by"), "verdict": said.word,
            "reason": said.reason, "actions": [p.action for p in purchases], "digest": digest_of(rows, said),
        },
        figures={
            "code": code, "dataset": dataset, "test": one, "steps": [(step, ticks.get(step)) for step in STEPS],
            "fields": fields, "verdict": said, "purchases": purchases, "order": order, "behind": trail.behind,
            "addresses": shop_addresses(asked, dataset, code), "evidence": evidence, "parameter": f"{PARAMETER}={code}",
            "done": sum(step in ticks for step in STEPS), "open": said.word in ("waiting", "nothing"),
        },
    )  # fmt: skip


def ticks_of(trail: Trail, purchases: Sequence[Purchase]) -> dict[str, Tick]:
    """The steps that were seen, those of the purchase read from its copies."""
    ticks = dict(trail.ticks)
    for purchase in purchases:
        browser, server = sides_of(purchase.copies)
        if browser is not None:
            ticks.setdefault("browser", Tick(browser.received_at, purchase.action))
        if server is not None:
            ticks.setdefault("server", Tick(server.received_at, purchase.action))
        if browser is not None and server is not None:
            ticks.setdefault("joined", Tick(max(browser.received_at, server.received_at), purchase.action))
        settled = [d["settled_at"] for d in purchase.deliveries if d["settled_at"]]
        if settled and len(settled) == len(purchase.deliveries):
            ticks.setdefault("settled", Tick(max(settled), purchase.action))
    return ticks


def verdict_of(purchases: Sequence[Purchase], fields: Sequence[Field], *, waited_s: int) -> Verdict:
    """One word for all of it; what is wrong stands before what is missing."""
    if not purchases:
        return Verdict(word="nothing", colour="grey" if waited_s < PATIENCE_S else "amber")
    told = [p for p in purchases if not p.is_superseded] or list(purchases)
    if len(told) > 1:
        return Verdict(word="twice", colour="red")
    one = told[0]
    if any(f.bad for f in fields):
        return Verdict(word="differs", colour="red", reason=", ".join(f.name for f in fields if f.bad))
    dead = next((d for d in one.deliveries if d["state"] == "dead"), None)
    if dead is not None:
        return Verdict(word="refused", colour="red", reason=dead["reason"])
    late = waited_s >= PATIENCE_S
    if len(purchases) > 1 and one.channels != BOTH:
        return Verdict(word="not_joined", colour="amber")
    if one.channels != BOTH:
        alone = "browser_only" if one.channels == BROWSER else "server_only"
        return Verdict(word=alone if late else "waiting", colour="amber" if late else "grey")
    if any(d["state"] == "waiting" for d in one.deliveries):
        return Verdict(word="waiting", colour="grey")
    kept_back = next((d for d in one.deliveries if d["state"] == "suppressed"), None)
    if kept_back is not None:
        is_test = kept_back["reason"] == "test_order"
        return Verdict(word="test_order" if is_test else "kept_back", colour="green" if is_test else "amber",
                       reason=kept_back["reason"])  # fmt: skip
    return Verdict(word="one", colour="green")


def digest_of(rows: Sequence[dict[str, Any]], verdict: Verdict) -> str:
    """Over what the page says: the same for the same rows, whatever the language."""
    return blake2b(msgspec.json.encode([rows, verdict.word], order="sorted"), digest_size=16).hexdigest()


def shop_addresses(asked: Asked, dataset: str, code: str) -> list[str]:
    """Links that begin the test, one for each site of the dataset."""
    origins = next((d.origins for d in asked.settings.dataset if d.id == dataset), ())
    return [
        f"{origin.rstrip('/')}/?{PARAMETER}={code}"
        for origin in origins
        if urlsplit(origin).scheme in ("http", "https")
    ]


def _of_order(asked: Asked, dataset: str, order: str) -> list[int]:
    found = show_order(asked.folder, policy_of(asked.settings), asked.now, order, dataset=dataset)
    return [row["action"] for row in found if row["action"] is not None]


def _fields(purchases: Sequence[Purchase]) -> list[Field]:
    if not purchases:
        return []
    browser, server = sides_of([copy for purchase in purchases for copy in purchase.copies])
    return compare(browser, server) if browser is not None and server is not None else []


def _step_rows(ticks: dict[str, Tick]) -> list[dict[str, Any]]:
    return [
        {"what": "step", "name": step, "done": step in ticks, "at": ticks[step].at if step in ticks else None,
         "action": ticks[step].action if step in ticks else None, "role": "signal", "link": "signalled"}
        for step in STEPS
    ]  # fmt: skip


def _field_rows(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {"what": "field", "name": f.name, "browser": f.browser, "server": f.server, "verdict": f.verdict, "bad": f.bad,
         "role": "signal", "link": "signalled"}
        for f in fields
    ]  # fmt: skip


def _list_row(one: Kept, evidence: Kept | None) -> dict[str, Any]:
    facts = evidence.facts if evidence else {}
    return {
        "code": one.facts.get("code"), "dataset": one.facts.get("dataset"), "started_at": one.at, "by": one.facts.get("by"),
        "verdict": facts.get("verdict"), "kept_at": evidence.at if evidence else None, "kept_by": facts.get("by"),
        "digest": facts.get("digest"), "action": facts.get("action"),
    }  # fmt: skip


TRIALS = Page(
    path="/test-purchase", name="Test a purchase", room="signal", right=Right.TEST, template="signal/trials.html",
    read=read_trials,
)  # fmt: skip
TRIAL = Page(
    path="/test-purchase/{code}",
    name="",
    room="signal",
    right=Right.TEST,
    template="signal/trial.html",
    read=read_trial,
)
