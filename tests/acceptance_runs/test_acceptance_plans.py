"""Each plan of examples/acceptance at a gateway that tells the sandbox: what it wants is told, and each of its five is looked at.

The plan that drives a browser is walked in `test_acceptance_demo`. Two processes are started for all of them: the gateway, and
the sandbox as the platform.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from acceptance_scene import drawn
from playing_shop import AGENT, DATASET, ORIGIN, PlayedShop, settings_text

from tests.acceptance.gateway_process import gateway, sandbox_process
from twofold.acceptance.criteria import CRITERIA, State
from twofold.acceptance.duties import duties
from twofold.acceptance.plan import Side, read_plan
from twofold.acceptance.run import About, Run, Status, overrule, run_of, start, status, tick
from twofold.config import Settings, load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note

pytestmark = pytest.mark.process
PLANS = Path(__file__).parents[2] / "examples" / "acceptance"
NAMES = sorted(p.stem for p in PLANS.glob("*.toml") if p.stem != "demo-shop")


class Place(NamedTuple):
    settings: Settings
    url: str
    shop: PlayedShop


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("plans")
    with sandbox_process(tokens=("EAAB-the-token-of-the-tests",)) as platform:
        text = settings_text(folder, platform.url).replace("hold_s = { Purchase = 0.1 }", "hold_s = { Purchase = 0.1, Lead = 0.1, Subscribe = 0.1, Schedule = 0.1, CompleteRegistration = 0.1 }")  # fmt: skip
        with gateway(text, folder / "data") as running:
            yield Place(load_settings(running.config), running.url, PlayedShop(running.url))


def post(url: str, body: dict[str, Any], **headers: str) -> None:
    request = Request(url, data=json.dumps(body).encode(), headers={"content-type": "application/json", **headers})
    with urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def page(place: Place, name: str, path: str, event_id: str, fbp: str, consent: str = "granted", **custom: Any) -> None:
    """A copy of the tag's."""
    event = {
        "dataset": DATASET, "event_name": name, "event_id": event_id, "event_time": int(time.time()), "event_source_url": ORIGIN + path,
        "custom_data": custom, "user_data": {"fbp": fbp}, "consent": consent,
    }  # fmt: skip
    told = {"v": 1, "agent": "twofold-tag/1", "events": [event]}
    post(f"{place.url}/t/events", told, Origin=ORIGIN, **{"User-Agent": AGENT})


def server(place: Place, name: str, event_id: str, fbp: str, **custom: Any) -> None:
    """The same of the shop's own server."""
    event = {
        "event_name": name, "event_id": event_id, "event_time": int(time.time()), "action_source": "website", "event_source_url": f"{ORIGIN}/done",
        "consent": "granted", "user_data": {"em": "a" * 64, "fbp": fbp, "client_user_agent": AGENT}, "custom_data": custom,
    }  # fmt: skip
    post(f"{place.url}/v25.0/{DATASET}/events", {"data": [event], "access_token": "a-key-of-sixteen-characters"})


def walk(place: Place, run: Run) -> None:
    """What a person does by the plan: its pages, its deciding event on the sides that it wants, the second load, the refusal."""
    fbp, price = f"fb.1.1790000000000.{abs(hash(run.code)) % 10**9}", {}
    if run.plan.value:
        price = {"value": run.plan.value, "currency": run.plan.currency}
    if run.plan.deciding.browser is Side.NONE:
        order = place.shop.order("")
        tick(place.settings, run, "order", "tester", order=str(order.number))
        return
    page(place, "PageView", f"/?twofold_test={run.code}", f"p-{run.code}", fbp)
    for n, event in enumerate(run.plan.event):
        page(place, event.name, f"/{event.name}", f"{event.name}-{run.code}", fbp, **price)
        if event.server is Side.REQUIRED:
            server(place, event.name, f"{event.name}-{run.code}", fbp, **price)
        if n + 1 < len(run.plan.event):
            time.sleep(1.1)  # a later second: the order of events is told by it
    tick(place.settings, run, "reload", "tester")
    for event in run.plan.event:
        page(place, "PageView", f"/{event.name}", f"again-{event.name}-{run.code}", fbp)
    other = f"fb.1.1790000000001.{abs(hash(run.code)) % 10**9}"
    page(place, "PageView", f"/?twofold_test={run.wanted.refusal_code}", f"no-{run.code}", other, "denied")
    page(place, run.plan.decides, "/done", f"refused-{run.code}", other, "denied", **price)
    tick(place.settings, run, "refusal", "tester")


def look(place: Place, run: Run) -> Status:
    """Once everything is decided."""
    for _ in range(600):
        found = status(place.settings, run_of(Path(place.settings.server.data), run.code), int(time.time()) + 1)
        deciding = found.gathered.events[run.plan.decides]
        refused = found.gathered.refusal.actions if found.gathered.refusal else ()
        if deciding and all(
            a.deliveries and all(d.state != "waiting" for d in a.deliveries) for a in (*deciding, *refused)
        ):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_walked_to_a_go(place: Place, name: str) -> None:
    """Its evidence passes; a plan with witnesses wants a day of theirs, which is said, and may be overruled by a person."""
    plan = read_plan(PLANS / f"{name}.toml")
    run = start(place.settings, plan, DATASET, About(decision="launch", owner="Nino"), "tester", int(time.time()))
    before = status(place.settings, run, int(time.time()))
    assert not before.is_go
    assert {c.state for c in before.criteria if c.name != "owners"} == {
        State.UNCHECKED
    }  # whose it is stays from the run before
    walk(place, run)
    look(place, run)
    if plan.deciding.browser is not Side.NONE:  # two senders, and whose it is has to be said
        facts = {"dataset": DATASET, "event": plan.decides, "sender": "tag", "person": "Nino", "by": "tester"}
        on_store(place.settings, Note(kind="event_owner", facts=facts))
    tick(place.settings, run, "test_events", "tester", file=drawn(run.code))
    if plan.witnesses:
        overrule(place.settings, run, "gaps", "the day is not over yet, both look again tomorrow", "Nino")
    else:
        tick(place.settings, run, "gaps", "tester", note="the CRM counts the same four")
    found = look(place, run)
    wanted = dict.fromkeys(CRITERIA, State.PASSED) | ({"gaps": State.OVERRULED} if plan.witnesses else {})
    assert {c.name: c.state for c in found.criteria} == wanted, [
        (k.name, k.said) for c in found.criteria for k in c.checks
    ]
    assert found.is_go
    assert duties(found.criteria) == []
    (deciding,) = found.gathered.events[plan.decides]
    (delivery,) = deciding.deliveries
    assert (delivery.state, delivery.tries[-1].status, bool(delivery.tries[-1].trace)) == ("delivered", 200, True)


def test_a_browsers_copy_of_an_order_by_phone_is_a_stop(place: Place) -> None:
    """Staff's own browser told it as well: the plan rules that out, and says whose work it is."""
    plan = read_plan(PLANS / "phone-order.toml")
    run = start(place.settings, plan, DATASET, About(decision="launch", owner="Nino"), "tester", int(time.time()))
    order = place.shop.order("")
    page(
        place,
        "Purchase",
        "/admin/order",
        "staff-1",
        "fb.1.1790000000002.77",
        value="148.00",
        currency="EUR",
        order_id=str(order.id),
    )
    tick(place.settings, run, "order", "tester", order=str(order.number))
    found = look(place, run)
    (path,) = (c for c in found.criteria if c.name == "path")
    assert path.state is State.FAILED, path
    first = duties(found.criteria)[0]
    assert (first.who, first.event, first.why) == (
        "technical owner",
        "Purchase",
        "told by the browser, which the plan rules out",
    )
