"""What has to be done next, by whom, for each check that did not pass: so that who reads a stop knows whom to call.

Owns these words. What was found is the check's; roles are those of the senders' classes, and *tester* is whoever walks the run. A
criterion that somebody overruled asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from twofold.acceptance.criteria import Criterion, Look, State

TESTER = "tester"
TECHNICAL = "technical owner"
TRACKING = "tracking owner"
DATA = "data owner"
MEDIA = "media owner"
STORE = "store owner"


class Duty(Struct, frozen=True, kw_only=True):
    """One thing to do. ``what``: for `named`; ``why``: what was found."""

    criterion: str
    event: str
    who: str
    what: str
    why: str


FAILED: Mapping[Look, tuple[str, str]] = {
    Look.CAME_BY_BROWSER: (TECHNICAL, "Take this event out of the pages' code and tag manager: the plan wants it from the server alone."),
    Look.CAME_BY_SERVER: (TECHNICAL, "Take this event out of the server's code: the plan wants it from the browser alone."),
    Look.AGAIN: (TECHNICAL, "Tell the event by what was done, once for each order's number or click, and not by the load of a page."),
    Look.CARRIES: (TECHNICAL, "Add what it lacks where the page or the server makes the event."),
    Look.CART: (TECHNICAL, "Take value and number of goods from the cart at the moment of the event."),
    Look.GAP: (MEDIA, "Find what the day does not explain before money is moved: `twofold day` names the orders behind each reason."),
    Look.LEFT: (TECHNICAL, "Read the platform's answer in the delivery, mend what it names, and walk a new order."),
    Look.LINES: (STORE, "Look at the order's parts in the shop and at the dataset's `orders` policy: they do not add up."),
    Look.ONE_ACTION: (TRACKING, "Find on the page Senders who tells it besides; switch that off, or have it use the same event id."),
    Look.ONE_ID: (TRACKING, "Have browser and server make the event id of the same order in the same way, then walk a new order."),
    Look.ORDER_OF_EVENTS: (TECHNICAL, "An event is fired on the wrong step: bind it to the step itself."),
    Look.OWNER: (DATA, "Decide whose event it is, name that sender (`twofold senders expect EVENT SENDER --primary`), and switch off or merge the others."),
    Look.REFUSAL: (TECHNICAL, "Something leaves without consent: stop that sender first, then walk the refusing visit again."),
    Look.SEEN_THERE: (MEDIA, "Compare the platform's page with this one, and show what it says."),
    Look.VALUE: (TECHNICAL, "Take value and currency from the order itself; compare the difference with the order's lines: discount, tax, shipping."),
}  # fmt: skip
"""By what was looked at, where it failed."""
UNCHECKED: Mapping[Look, tuple[str, str]] = {
    Look.CAME_BY_BROWSER: (TECHNICAL, "Walk this step by the run's link and see whether the page makes the call; where it does not, put the tag or pixel there."),
    Look.CAME_BY_SERVER: (TECHNICAL, "See on the page Refused whether the server's copy was turned away; where none came, connect the shop's webhook or the server."),
    Look.AGAIN: (TESTER, "Say `twofold accept tick RUN reload`, then load the page that is named a second time in the same browser."),
    Look.CARRIES: (TESTER, "Walk the step of this event by the run's link."),
    Look.CART: (TESTER, "Finish the order, or name it: `twofold accept tick RUN order --order NUMBER`."),
    Look.GAP: (MEDIA, "Name a day of the run's week with purchases (`--day`), bring the witness that is missing, or say what others counted and why: `twofold accept tick RUN gaps --note`."),
    Look.LEFT: (TESTER, "Wait until it has left; where it is kept back as a test, walk a small real order and give its money back."),
    Look.LINES: (TESTER, "Name the order: `twofold accept tick RUN order --order NUMBER`."),
    Look.ONE_ACTION: (TESTER, "Walk the order by the run's link, or name it: `twofold accept tick RUN order --order NUMBER`."),
    Look.ONE_ID: (TECHNICAL, "Have the side that is missing tell the event, then walk a new order."),
    Look.ORDER_OF_EVENTS: (TESTER, "Walk all steps in one browser, from the run's link to the order."),
    Look.OWNER: (DATA, "Say whose event it is: `twofold senders expect EVENT SENDER --primary`, or the page Senders."),
    Look.REFUSAL: (TESTER, "Open the second link in a private window, refuse, buy, and say which order it was: `twofold accept tick RUN refusal --order NUMBER`."),
    Look.SEEN_THERE: (MEDIA, "After the order, open Events Manager > Test events, take a picture, hide people's data in it: `twofold accept tick RUN test_events --file`."),
    Look.VALUE: (TESTER, "Name the order and wait until its event has left: `twofold accept tick RUN order --order NUMBER`."),
}  # fmt: skip
"""The same where it could not be looked at."""


def duties(criteria: Sequence[Criterion]) -> list[Duty]:
    """What failed first, then what could not be checked; the same work for one event once."""
    found = dict[tuple[str, str, str], Duty]()
    for state, words in ((State.FAILED, FAILED), (State.UNCHECKED, UNCHECKED)):
        for criterion in criteria:
            for check in criterion.checks if criterion.state is not State.OVERRULED else ():
                if check.state is state:
                    who, what = words[check.name]
                    duty = Duty(criterion=criterion.name, event=check.event, who=who, what=what, why=check.said)
                    found.setdefault((check.event, who, what), duty)
    return list(found.values())


def named(text: str, duty: Duty, code: str) -> str:
    """The words of a duty, in any language, with run and event in the commands."""
    return text.replace("RUN", code).replace("EVENT", duty.event or "EVENT")
