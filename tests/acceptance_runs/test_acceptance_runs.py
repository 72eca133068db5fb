"""Acceptance runs on a shop that is played at a gateway: one that passes, and one that fails for each criterion in turn."""

from __future__ import annotations

import pytest
from acceptance_scene import Scene
from playing_shop import DATASET

from twofold.acceptance.criteria import CRITERIA, State
from twofold.acceptance.run import Status, overrule
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.errors import ConfigError

pytestmark = pytest.mark.process


@pytest.fixture(scope="module", autouse=True)
def owned(scene: Scene) -> None:
    """Somebody has said whose the Purchase is."""
    facts = {"dataset": DATASET, "event": "Purchase", "sender": "shopify", "person": "Giorgi", "by": "tester"}
    on_store(scene.settings, Note(kind="event_owner", facts=facts))


def states(found: Status) -> dict[str, State]:
    return {c.name: c.state for c in found.criteria}


def said(found: Status, criterion: str) -> str:
    checks = next(c.checks for c in found.criteria if c.name == criterion)
    return "; ".join(f"{c.state} {c.event} {c.name}: {c.said}" for c in checks)


def test_a_run_passes(scene: Scene) -> None:
    """All five, from what came; before anything came nothing is passed."""
    run = scene.begin()
    empty = scene.look(run)
    assert set(states(empty)) == set(CRITERIA)
    assert not empty.is_go
    assert states(empty)["path"] is State.UNCHECKED
    found = scene.pass_through(run)
    assert states(found) == dict.fromkeys(CRITERIA, State.PASSED), [said(found, c) for c in CRITERIA]
    assert found.is_go, [said(found, c) for c in CRITERIA]
    (purchase,) = found.gathered.events["Purchase"]
    assert {c.channel for c in purchase.copies} == {"browser", "server"}
    (delivery,) = purchase.deliveries
    assert delivery.tries[-1].status == 200
    assert delivery.payload is not None
    assert delivery.payload["custom_data"]["value"] in ("148", "148.0", "148.00")
    assert "em" in delivery.payload["user_data"]  # its name, and never what it is


def test_a_run_passes_whose_order_comes_late(scene: Scene) -> None:
    """The page says nothing of consent and its hold is over when the shop's order says yes."""
    found = scene.pass_through(scene.begin(), late=1.5)
    assert found.is_go, [said(found, c) for c in CRITERIA]


FAULTS = {
    "an event is missing": ({"leave_out": ("AddToCart",)}, "path", State.UNCHECKED, "AddToCart came_by_browser"),
    "events in another order": ({"swap": ("AddToCart", "InitiateCheckout")}, "path", State.FAILED, "came as"),
    "a product without its id": ({"no_goods": True}, "path", State.FAILED, "lacks content_ids"),
    "another cart than the order": ({"goods": "3"}, "path", State.FAILED, "3 goods, the order has 2"),
    "the page fires again": ({"fires": "another-id"}, "path", State.FAILED, "under a new id"),
    "nobody loaded it again": ({"not_again": True}, "path", State.UNCHECKED, "nothing shows that"),
    "the cart alone was loaded again": (
        {"only_cart": True},
        "path",
        State.UNCHECKED,
        "its page was not loaded a second time",
    ),
    "it leaves though refused": ({"unrefused": True}, "path", State.FAILED, "left although consent was refused"),
    "nobody looked at the platform": ({"unseen": True}, "path", State.UNCHECKED, "nobody has looked"),
    "ids made apart": ({"own_id": "made-elsewhere"}, "merged", State.FAILED, "made-elsewhere"),
    "no browser": ({"leave_out": ("Purchase",)}, "merged", State.UNCHECKED, "no copy of the browser"),
    "another value in the browser": ({"price": "150.00"}, "money", State.FAILED, "150.00 EUR, the order 148.00 EUR"),
    "another currency": ({"unit": "USD"}, "money", State.FAILED, "148.00 USD, the order 148.00 EUR"),
    "nobody said what others counted": ({"unattested": True}, "gaps", State.UNCHECKED, "nobody has said"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_fails_for_its_fault(scene: Scene, fault: str) -> None:
    """The criterion that the fault is about does not pass, says what was found, and the whole is a stop."""
    faults, criterion, state, words = FAULTS[fault]
    found = scene.pass_through(scene.begin(), **faults)
    assert states(found)[criterion] is state, said(found, criterion)
    assert words in said(found, criterion)
    assert not found.is_go


def test_two_senders_of_one_event_need_an_owner_who_merges(scene: Scene) -> None:
    """A theme's script that tells the same purchase under an id of its own is a rival, though it is seen once."""
    found = scene.pass_through(scene.begin(), theme=True)
    assert states(found)["merged"] is State.FAILED, said(found, "merged")
    assert not found.is_go


def test_a_person_may_overrule_and_it_is_seen(scene: Scene) -> None:
    """What was found stays beside the word; a passed criterion cannot be overruled into anything."""
    run = scene.begin()
    scene.pass_through(run, unseen=True)
    with pytest.raises(ConfigError, match="a sentence that others can judge"):
        overrule(scene.settings, run, "path", "ok", "tester")
    overrule(scene.settings, run, "path", "Events Manager is down today, seen last week", "Nino")
    overrule(scene.settings, run, "money", "of no need at all", "Nino")
    found = scene.look(run)
    (path,) = (c for c in found.criteria if c.name == "path")
    assert (path.state, path.found, path.by) == (State.OVERRULED, State.UNCHECKED, "Nino")
    assert states(found)["money"] is State.PASSED, found.criteria
    assert found.is_go, [said(found, c) for c in CRITERIA]


@pytest.mark.parametrize(
    ("step", "more", "words"),
    [("walk", {}, "expected a step"), ("order", {}, "expected --order"), ("event", {"event": "Lead", "event_id": "x"}, "an event of the plan"),
     ("gaps", {"note": "ask nino@shop.example"}, "without e-mail addresses")],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(scene: Scene, step: str, more: dict[str, str], words: str) -> None:
    """With what was expected; the log is kept for good."""
    run = scene.begin()
    with pytest.raises(ConfigError, match=words):
        scene.tick(run, step, **more)
    assert scene.again(run).ticked == {}


def test_an_earlier_order_and_an_earlier_picture_prove_nothing(scene: Scene) -> None:
    """A run that is given what a good one had: its order by number, and the file that was shown for it."""
    good = scene.begin()
    order = scene.shop.buy(good)
    scene.settled(good)
    scene.tick(good, "test_events", file=scene.picture)
    again = scene.begin()
    scene.tick(again, "order", order=str(order.number))
    scene.tick(again, "test_events", file=scene.picture)
    found = scene.look(again)
    assert "was told before this run began" in said(found, "merged")
    assert states(found)["merged"] is State.FAILED
    assert f"what was shown for run {good.code} before" in said(found, "path")
    assert "came_by_server: told by" not in said(found, "path")
