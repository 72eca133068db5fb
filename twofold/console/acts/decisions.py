"""A decision with the figures of a page as it stood, and later what became of it with the same page's figures again."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from twofold.acceptance.decision import LINKS, Figure, facts_of, open_findings
from twofold.acceptance.run import is_review_day
from twofold.console.access.register import Refused
from twofold.console.access.roles import may
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note, text_of
from twofold.console.pages import PAGES
from twofold.console.pages.page import Asked, NotHere, UnknownChoice
from twofold.console.sums.keeper import NotYet
from twofold.console.words import Words
from twofold.errors import StoreError
from twofold.event.contact import holds_contact
from twofold.report.kept import DECISION, OUTCOME, kept

MOST_TEXT = 1_000
MOST_ADDRESS = 300
MOST_NAME = 80
ROOT = "/console"
_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_PLAIN = (str, int, float, bool)


def decide(act: Act) -> Done:
    """An entry of the log: what was decided, on which figures, when to look again."""
    decided = text_of(act, "decided", most=MOST_TEXT)
    review = _review(act)
    owner = text_of(act, "owner", most=MOST_NAME, needed=False)
    facts = figures_of(act, act.given.get("page", ""))
    try:
        findings = open_findings(act.settings, act.now)
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    rests = [
        Figure(name=name, value=str(value), role=facts["role"], link=facts["link"], as_of=act.now)
        for name, value in facts["figures"].items()
        if isinstance(value, (int, float)) or _AMOUNT.fullmatch(str(value))
    ]
    note(
        act, DECISION,
        facts_of(
            decided, review, act.session.person.name, owner=owner, figures=rests, findings=findings, page=facts["page"],
            on=facts["link"] if rests else "", shown=facts["figures"], digest=facts["digest"],
        ),
    )  # fmt: skip
    return Done(to="/decisions")


def conclude(act: Act) -> Done:
    """What became of it, with what the same page says now."""
    number = act.path["number"]
    one = next((k for k in kept(act.settings.server.data, DECISION) if str(k.number) == number), None)
    if one is None:
        raise Refused("There is no such decision.")
    outcome = text_of(act, "outcome", most=MOST_TEXT)
    facts = figures_of(act, str(one.facts.get("page", "")))
    told = {name: facts[name] for name in ("page", "figures", "digest")}
    note(act, OUTCOME, {"decision": one.number, "outcome": outcome, **told})
    return Done(to="/decisions")


def figures_of(act: Act, address: str) -> dict[str, Any]:
    """What a page of the console tells at its top, and a digest over all its rows; nothing for no page."""
    address = address.strip().removeprefix(ROOT)
    if not address:
        return {"page": "", "figures": {}, "digest": "", "role": "", "link": ""}
    parts = urlsplit(address)
    page = next((p for p in PAGES if p.path == parts.path and may(act.session.person.role, p.right)), None)
    if page is None or len(address) > MOST_ADDRESS or holds_contact(address) or not address.isprintable():
        raise Refused("Name a page of this console by its address, such as /today?period=28.")
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session,
        words=Words("en", act.settings.pages_zone), now=act.now, choices=dict(parse_qsl(parts.query)), path={},
        sums=act.sums, remembered=act.remembered, drops=act.drops,
    )  # fmt: skip
    try:
        shown = page.read(asked)
    except (UnknownChoice, NotHere) as err:
        raise Refused("Name a page of this console by its address, such as /today?period=28.") from err
    except NotYet as err:
        raise Refused("The figures of this page are being worked out. Send it again in a moment.") from err
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    figures = {k: v for k, v in shown.about.items() if isinstance(v, _PLAIN)}
    rows = msgspec.json.encode(list(shown.rows), enc_hook=str, order="sorted")
    first = next(iter(shown.rows), {})
    link = str(first.get("link") or "")
    return {"page": address, "figures": figures, "digest": blake2b(rows, digest_size=16).hexdigest(),
            "role": str(first.get("role") or ""), "link": link if link in LINKS else ""}  # fmt: skip


def _review(act: Act) -> str:
    given = act.given.get("review", "")
    if given and not is_review_day(given, act.now):
        raise Refused("Look again on a day of the next two years, as YYYY-MM-DD.")
    return given
