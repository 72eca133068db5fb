"""A person is erased, or a request that waited for somebody's word is let go on.

Owns what is asked and what is noted: which kinds were named, never a value. What is typed stands in no address and no log; it
is in the page's own answer only while somebody looks at what would go.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.acts.proving import prove
from twofold.console.forms import CHANGE
from twofold.console.pages.page import Asked
from twofold.console.pages.setup.rights import RIGHTS, read_rights
from twofold.console.words import Words
from twofold.control.erase import erase, hand_over, look, release, request_of
from twofold.control.questions import Erase
from twofold.errors import NotHere, StoreError
from twofold.matching.subject import SubjectRequest, kinds_of

MOST = 200
NAMED = {"email": "emails", "phone": "phones", "external_id": "external_ids", "order": "order_ids"}


def look_for(act: Act) -> Done:
    """What would go, as counts; nothing is changed."""
    request = _request(act)
    try:
        found = look(act.settings, request, lambda *_: None)
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    counts = {
        "events": sum(found.rows.values()), "mentions": len(found.rows) - sum(found.rows.values()), "actions": len(found.actions),
        "orders": len(found.orders), "refused": len(found.refused), "lines": len({*found.lines, *found.line_texts}),
    }  # fmt: skip
    shown = {"what": act.given.get("what", ""), "value": act.given.get("value", "").strip()}
    return Done(
        template=RIGHTS.template, figures={**_rights(act), "here": RIGHTS, "to_erase": {**shown, "counts": counts}}
    )


def erase_person(act: Act) -> Done:
    """Every byte; with a gateway it goes on by itself, and its receipt stands on the page when it is done."""
    prove(act)
    request = _request(act)
    note(act, CHANGE, {"what": "erased a person", "named": kinds_of(request)})
    try:
        if not hand_over(act.settings, Erase(request=request_of(act.settings, request))):
            erase(act.settings, request, lambda *_: None)
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    return Done(to="/rights")


def let_go_on(act: Act) -> Done:
    """The word for a request that a shop's system brought and that was held."""
    prove(act)
    number = act.path["number"]
    if not number.isprintable() or len(number) > MOST:
        raise Refused("No such request waits for a word.")
    note(act, CHANGE, {"what": "erased what a request names", "request": number})
    try:
        if not hand_over(act.settings, Erase(release=number)):
            release(act.settings, number, lambda *_: None)
    except NotHere as err:
        raise Refused("No such request waits for a word.") from err
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    return Done(to="/rights")


def _request(act: Act) -> SubjectRequest:
    field, value = NAMED.get(act.given.get("what", "")), act.given.get("value", "").strip()
    if field is None or not value or len(value) > MOST or not value.isprintable():
        raise Refused("Name one person: an e-mail address, a phone number, the shop's customer id, or an order's id.")
    named: dict[str, Any] = {field: (value,)}
    return SubjectRequest(kind="erase", **named)


def _rights(act: Act) -> dict[str, Any]:
    asked = Asked(
        settings=act.settings, folder=act.settings.server.data, session=act.session, words=Words("en", "UTC"), now=act.now,
        choices={}, path={}, sums=act.sums, remembered=act.remembered, drops=act.drops,
    )  # fmt: skip
    return dict(read_rights(asked).figures)
