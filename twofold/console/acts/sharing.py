"""Links that show one page to whoever has them, until a day: made, and ended.

Owns which pages may be shared, and for how long. What a link shows is asked again each time it is opened: never more than its
maker sees then, no payloads, nothing that can be changed.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from twofold.console.access.register import Person, Refused, Session, Share
from twofold.console.access.roles import Guest, Role, guest_of, may
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.pages import PAGES
from twofold.console.pages.page import Page

CHANGE = "console"
DAYS = (1, 7, 30)
DAY_S = 86_400
MOST_QUERY = 1_000


def share(act: Act) -> Done:
    """A link to a page with its query, as it is asked for now."""
    page, days = _page(act.given.get("path", "")), act.given.get("days", "")
    if page is None or not is_shared(page, act.session.person.role):
        raise Refused("This page cannot be shared.")
    if days not in map(str, DAYS):
        raise Refused("A link is good for 1, 7 or 30 days.")
    query = act.given.get("query", "")
    if len(query) > MOST_QUERY:
        raise Refused("This page cannot be shared.")
    kept = urlencode([(name, value) for name, value in parse_qsl(query) if name not in ("language", "after", "before")])
    note(act, CHANGE, {"what": "shared a page", "page": page.path, "days": int(days)})
    token = act.register.share(page.path, kept, act.session.person, act.now + int(days) * DAY_S, act.now)
    return Done(template="share.html", figures={"link": act.shared(token), "days": days, "page": page.name})


def end(act: Act) -> Done:
    """The link shows nothing any more."""
    given = act.path["number"]
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    note(act, CHANGE, {"what": "ended a link", "number": number})
    act.register.end_share(number, act.session.person, act.now)
    return Done(to="/account")


def shown_page(found: Share) -> Page | None:
    """The page of a link; None where its maker may not see it any more."""
    page = _page(found.path)
    return page if page is not None and is_shared(page, found.maker.role) else None


def is_shared(page: Page, role: Role | Guest) -> bool:
    """Whether somebody of this role may share the page."""
    return bool(page.name) and may(role, page.right) and may(guest_of(role), page.right)


def guest_session(found: Share) -> Session:
    """Nobody, with the rights of the link."""
    role = guest_of(found.maker.role)
    return Session(person=Person(id=0, name="", role=role, has_code=False, ended=False), csrf="", digest=b"")


def _page(path: str) -> Page | None:
    return next((page for page in PAGES if page.path == path and page.name), None)
