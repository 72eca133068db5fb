"""What people change: logging in and out, links, people, sending again. Each act checks where it came from and is noted.

Owns the acts and what each answers. Whoever may not do one gets the answer of an address that there is not.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.register import Person, Refused, Register, check_password, new_secret
from twofold.console.access.roles import MEANING, RIGHTS, Right, Role
from twofold.console.acts.act import Act, Done
from twofold.console.acts.noting import note
from twofold.console.acts.proving import prove
from twofold.console.pages.given_up import MANY
from twofold.console.queries.given_up import Choice, given_up
from twofold.control.owner import on_store
from twofold.control.questions import Revive
from twofold.errors import StoreError
from twofold.store.lists import Reader

CHANGE = "console"
"""The kind of the log's entries for what is changed here."""
CHOSEN = ("destination", "reason", "dataset")
MOST_TEXT = 300


def invite(act: Act) -> Done:
    """A link for one new person: a role for whoever has it, so the password is asked for."""
    prove(act)
    role = _role(act)
    note(act, CHANGE, {"what": "invited", "role": role})
    token = act.register.invite(role, act.session.person, act.now)
    return Done(template="people.html", figures=people_figures(act.register) | {"link": act.link(token), "for": role})


def change_role(act: Act) -> Done:
    """Another role for somebody; roles ask for the password again."""
    prove(act)
    role = _role(act)
    note(act, CHANGE, {"what": "role changed", "person": _number(act), "role": role})
    act.register.change_role(_number(act), role, act.session.person, act.now)
    return Done(to="/people")


def end_access(act: Act) -> Done:
    """Somebody may log in no more."""
    prove(act)
    note(act, CHANGE, {"what": "access ended", "person": _number(act)})
    act.register.end_access(_number(act), act.session.person, act.now)
    return Done(to="/people")


def change_password(act: Act) -> Done:
    """The own password; every other browser of the person is logged out."""
    prove(act)
    check_password(act.given.get("new", ""))
    note(act, CHANGE, {"what": "password changed"})
    act.register.change_password(act.session, act.given.get("new", ""), act.now)
    return Done(
        template="account.html",
        figures={
            **account_figures(act),
            "shares": act.register.shares(act.session.person, act.now),
            "said": "Your password is changed.",
        },
    )


def set_code(act: Act) -> Done:
    """Time-based codes from now on, or none."""
    prove(act)
    secret = "" if act.given.get("end") else act.given.get("secret", "")
    act.register.set_code(act.session, secret, act.given.get("code", ""), act.now)
    note(act, CHANGE, {"what": "codes set" if secret else "codes taken away"})
    return Done(to="/account")


def tie_identity(act: Act) -> Done:
    """The proxy's word for who is there is enough from now on."""
    prove(act)
    if act.identity is None:
        raise Refused("No proxy says who you are.")
    note(act, CHANGE, {"what": "tied to the proxy's identity"})
    act.register.tie(act.identity, act.session.person, act.now)
    return Done(to="/account")


def log_out(act: Act) -> Done:
    """The session ends."""
    act.register.log_out(act.session.digest)
    return Done(to="/login", logs_out=True)


def send_again(act: Act) -> Done:
    """Deliveries that were given up wait again: one, or all that a preview showed; of many the password is asked for."""
    wanted = act.path.get("number", "")
    numbers = _one_dead(act) if wanted else [one.delivery for one in given_up(act.settings.server.data, _choice(act))]
    if len(numbers) > MANY:
        prove(act)
    try:
        revived = on_store(act.settings, Revive(deliveries=numbers))["revived"] if numbers else 0
    except StoreError as err:
        raise Refused(f"It could not be done: {err}") from err
    if revived:
        facts = {"one": _number(act)} if wanted else {name: act.given.get(name, "") for name in CHOSEN}
        note(act, CHANGE, {"what": "sent again", "deliveries": revived, **facts})
    act.register.note(act.session.person.name, "sent again", {"deliveries": revived}, act.now)
    return Done(to=f"/deliveries/{_number(act)}" if wanted else "/deliveries?state=waiting")


def _one_dead(act: Act) -> list[int]:
    with Reader(act.settings.server.data) as reader:
        row = reader.delivery(_number(act))
    return [_number(act)] if row is not None and row["state"] == "dead" else []


def _choice(act: Act) -> Choice:
    """Which the preview showed. Raises `Refused` for a form that is not of one."""
    given = [act.given.get(name, "") for name in ("since", "until")]
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in given):
        raise Refused("Look first at what would be sent again, on the page Deliveries.")
    texts = [act.given.get(name, "") for name in CHOSEN]
    if any(len(text) > MOST_TEXT or not text.isprintable() for text in texts):
        raise Refused("Look first at what would be sent again, on the page Deliveries.")
    destination, reason, dataset = texts
    return Choice(
        since=int(given[0]), until=min(int(given[1]), act.now * 1_000 + 999), destination=destination, reason=reason,
        dataset=dataset or None,
    )  # fmt: skip


def people_figures(register: Register) -> dict[str, Any]:
    """What the page of people shows."""
    rights = {role: [MEANING[right] for right in Right if right in RIGHTS[role]] for role in Role}
    return {"people": register.people(), "roles": list(Role), "rights": rights, "acts": register.acts()}


def account_figures(act: Act | None = None, person: Person | None = None) -> dict[str, Any]:
    """What the page of the own account shows: with a fresh secret for codes."""
    someone = person or (act.session.person if act else None)
    secret, address = new_secret()
    return {"person": someone, "secret": secret, "secret_address": address, "said": "", "can_tie": False, "shares": []}


def _number(act: Act) -> int:
    """The number in the address; 0, which is nobody's, for what is none."""
    given = act.path["number"]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def _role(act: Act) -> Role:
    try:
        return Role(act.given.get("role", ""))
    except ValueError:
        raise Refused(f"A role is one of {', '.join(Role)}.") from None
