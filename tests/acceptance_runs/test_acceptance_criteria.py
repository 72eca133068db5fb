"""What passes, fails and could not be checked: plans that are refused, owners, gaps of witnesses, plans without a browser or without money."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from twofold.acceptance.criteria import CRITERIA, Look, Overruled, State, Ticked, Witnessed, is_go, judge, state_of
from twofold.acceptance.duties import FAILED, UNCHECKED, duties, named
from twofold.acceptance.plan import Plan, plan_of, read_plan
from twofold.acceptance.seen.evidence import (
    ActionSeen,
    AgainSeen,
    CopySeen,
    DeliverySeen,
    Gathered,
    OrderSeen,
    RefusalSeen,
    TrySeen,
)
from twofold.acceptance.seen.gaps import of_the_run, witnessed
from twofold.acceptance.seen.owners import Owned
from twofold.errors import ConfigError
from twofold.reconcile.day.band import Band
from twofold.reconcile.day.report import Day
from twofold.reconcile.day.values import Bridge, Report, Sum, Term
from twofold.reconcile.reading.witnesses import Answer

EXAMPLES = Path(__file__).parents[2] / "examples" / "acceptance"


def copy(channel: str, **more: Any) -> CopySeen:
    told = {
        "position": 1, "received_at": 1, "event_time": 1, "channel": channel, "sender": "tag" if channel == "browser" else "crm",
        "event_id": "e1", "id_given": True, "page": "https://shop.example/x", "consent": "granted", "keys": ("em",), "value": None,
        "currency": None, "num_items": None, "content_ids": (), "content_type": None, "order_id": None, "other": (), "digest": "",
    }  # fmt: skip
    return CopySeen(**{**told, **more})


def action(
    name: str, *copies: CopySeen, event_id: str = "e1", custom: dict[str, Any] | None = None, **delivery: Any
) -> ActionSeen:
    tries = (TrySeen(at=1, outcome="accepted", status=200, code="", trace="Atrace"),)
    payload = {"event_id": event_id, "custom_data": custom or {}}
    told = {
        "destination": "meta",
        "state": "delivered",
        "reason": "",
        "tries": tries,
        "payload": payload,
        "digest": "d",
        **delivery,
    }
    return ActionSeen(
        action=1, name=name, event_id=event_id, value=None, currency=None, order_id=None, copies=copies, deliveries=(DeliverySeen(**told),),
    )  # fmt: skip


def gathered(plan: Plan, events: dict[str, tuple[ActionSeen, ...]], **more: Any) -> Gathered:
    told: dict[str, Any] = {
        "events": {e.name: events.get(e.name, ()) for e in plan.event},
        "path": tuple((n, at, at) for at, n in enumerate((e.name for e in plan.event if e.name in events), 1)),
        "opened": True, "order": None, "again": None, "refusal": None, "behind": False,
    }  # fmt: skip
    return Gathered(**{**told, **more})


def states(
    plan: Plan, found: Gathered, owned: tuple[Owned, ...] = (), day: tuple[Witnessed, ...] = (), **ticked: Ticked
) -> dict[str, Any]:
    return {c.name: c for c in judge(plan, found, owned, day, ticked, {})}


def owned(event: str, **more: Any) -> Owned:
    return Owned(**{"event": event, "senders": ("crm",), "primary": "crm", **more})


SEEN = Ticked(by="nino", at=1, file="f" * 64)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda p: p.stem)
def test_the_plans_in_examples_are_plans(path: Path) -> None:
    """Each with what a person does and what passes, and kept in the log as it is read again."""
    plan = read_plan(path)
    assert all(e.action and e.evidence for e in plan.event)
    assert plan_of(msgspec.to_builtins(plan)) == plan
    assert {c.name for c in judge(plan, gathered(plan, {}), (), (), {}, {})} == set(CRITERIA)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 'x'\ndecides = 'Lead'\nevent = []", "expected 1 to 20 events"), ("name = 'x'\n[[event]]\nname = 'Lead'", "decides: expected one of Lead"),
        ("name = 'x'\ndecides = 'Lead'\n[[event]]\nname = 'Lead'\nneeds = ['price']", "needs: expected one of page"),
        ("name = 'x'\ndecides = 'Lead'\n[[event]]\nname = 'Lead'\nbrowser = 'none'\nserver = 'none'", "expected a copy of the browser or of the server"),
        ("name = 'x'\ndecides = 'Lead'\nmoney = 'stated'\n[[event]]\nname = 'Lead'", "expected value as decimal text"),
        ("name = 'x'\ndecides = 'Lead'\nwitnesses = ['google']\n[[event]]\nname = 'Lead'", "expected meta, shop, ga4 or log"),
        ("name = 'x'\ndecides = 'Lead'\nabout = 'ask nino@shop.example'\n[[event]]\nname = 'Lead'", "holds contact data"),
        ("name = 'x'\ndecides = 'Lead'\nmood = 1\n[[event]]\nname = 'Lead'", "unknown field `mood`"), ("name = ", "--plan"),
        ("name = 'x'\ndecides = 'Lead'\n[[event]]\nname = 'Lead'\n[drive]\n[[drive.step]]\nopen = 'https://evil.example/'", "expected a path of the shop"),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        read_plan(path)


def test_a_lead_passes_without_money_and_fails_with_some() -> None:
    """Nobody may give it a value; the criterion is checked, and not left out."""
    plan = read_plan(EXAMPLES / "lead.toml")
    lead = action("Lead", copy("browser"), copy("server"))
    view = action("ViewContent", copy("browser"))
    found = states(plan, gathered(plan, {"ViewContent": (view,), "Lead": (lead,)}), test_events=SEEN)
    assert (found["merged"].state, found["money"].state) == (State.PASSED, State.PASSED)
    dear = action("Lead", copy("browser", value="5", currency="EUR"), copy("server"))
    assert states(plan, gathered(plan, {"Lead": (dear,)}))["money"].state is State.FAILED


def test_an_order_in_a_chat_wants_no_browser() -> None:
    """The server alone is the plan; a browser's copy of it is a fault. Its money is the order's, also after what is left out."""
    plan = read_plan(EXAMPLES / "chat.toml")
    order = OrderSeen(
        order_id="5001", number="5001", placed_at=1, state="counts", method="cod", paid="unpaid", test=False, value="90.00", currency="GEL",
        lines=(("total", "100.00"), ("shipping", "-10.00")), contained=(), goods=1, goods_value=None, carts=(), sources=("crm",), action=1,
    )  # fmt: skip
    money = {"value": "90.00", "currency": "GEL"}
    told = action("Purchase", copy("server", **money), custom=money)
    found = states(plan, gathered(plan, {"Purchase": (told,)}, order=order), (owned("Purchase"),), test_events=SEEN)
    assert [found[n].state for n in ("path", "merged", "money", "owners")] == [State.PASSED] * 4, found
    both = action("Purchase", copy("server", **money), copy("browser", **money), custom=money)
    assert (
        states(plan, gathered(plan, {"Purchase": (both,)}, order=order), test_events=SEEN)["path"].state is State.FAILED
    )
    for custom, lines in (({"value": "90.01", "currency": "GEL"}, order.lines), ({"value": "90", "currency": "USD"}, order.lines),
                          (money, (("total", "100.00"),))):  # fmt: skip
        bad = action("Purchase", copy("server", **money), custom=custom)
        other = msgspec.structs.replace(order, lines=lines)
        assert states(plan, gathered(plan, {"Purchase": (bad,)}, order=other))["money"].state is State.FAILED, custom


@pytest.mark.parametrize(
    ("delivery", "state", "words"),
    [
        ({"state": "dead", "reason": "100/2804019", "tries": ()}, State.FAILED, "dead (100/2804019)"), ({"state": "waiting", "tries": ()}, State.UNCHECKED, "it waits"),
        ({"state": "suppressed", "reason": "test_order", "tries": ()}, State.UNCHECKED, "kept back as a test order"),
        ({"payload": {"event_id": "another"}}, State.FAILED, "which no copy has"), ({}, State.PASSED, "trace Atrace"),
    ],
)  # fmt: skip
def test_what_left(delivery: dict[str, Any], state: State, words: str) -> None:
    """A test order's answer was not seen: that is no pass, and no failure either."""
    plan = read_plan()
    told = action("Purchase", copy("browser"), copy("server"), **delivery)
    merged = states(plan, gathered(plan, {"Purchase": (told,)}))["merged"]
    assert merged.state is state
    assert words in merged.checks[-1].said


def test_joined_by_the_order_alone_is_not_merged_at_the_platform() -> None:
    """A side without an event id, and sides with two, would count twice there."""
    plan = read_plan()
    for copies in (
        (copy("browser", id_given=False), copy("server")),
        (copy("browser", event_id="b"), copy("server")),
        (copy("browser"), copy("server"), copy("browser", event_id="again")),  # one of two ids is the server's
    ):
        told = action("Purchase", *copies)
        assert states(plan, gathered(plan, {"Purchase": (told,)}))["merged"].state is State.FAILED


@pytest.mark.parametrize(
    ("more", "state", "words"),
    [
        ({}, State.PASSED, "crm"), ({"senders": ()}, State.UNCHECKED, "nobody was seen"), ({"primary": "", "senders": ("a", "b")}, State.UNCHECKED, "nobody has said"),
        ({"primary": "gtm"}, State.FAILED, "meant to be gtm's"), ({"senders": ("crm", "theme"), "rivals": ("theme",)}, State.FAILED, "do not merge"),
        ({"senders": ("crm", "theme"), "unproven": ("theme",)}, State.UNCHECKED, "nobody has seen under which ids"),
        ({"senders": ("crm", "tag"), "person": "Giorgi"}, State.PASSED, "crm (Giorgi); merges with tag"),
    ],
)  # fmt: skip
def test_owners(more: dict[str, Any], state: State, words: str) -> None:
    plan = read_plan(EXAMPLES / "phone-order.toml")
    found = states(plan, gathered(plan, {}), (owned("Purchase", **more),))["owners"]
    assert (found.state, words in found.checks[0].said) == (state, True), found


def bridge(witness: str, residual: str | None, count: int = 10, **more: Any) -> Bridge:
    told: dict[str, Any] = {
        "witness": witness, "lines": (Sum(name="basis", count=10, amount=Decimal(1000)),), "count": count, "amount": Decimal(1000),
        "residual_count": 0, "residual": None if residual is None else Decimal(residual),
    }  # fmt: skip
    return Bridge(**{**told, **more})


@pytest.mark.parametrize(
    ("one", "band", "state", "words"),
    [
        (bridge("meta", "0"), Band(), State.PASSED, "to the last cent"), (bridge("meta", None), Band(), State.UNCHECKED, "cannot be compared"),
        (bridge("meta", "-100"), Band(low=Decimal("-0.2"), high=Decimal("0.2")), State.PASSED, "elsewhere usually -20% to +20%"),
        (bridge("meta", "-300"), Band(low=Decimal("-0.2"), high=Decimal("0.2")), State.UNCHECKED, "elsewhere usually"),
        (bridge("meta", "-300"), Band(low=Decimal("-0.2"), high=Decimal("0.2"), own=True), State.FAILED, "here usually"),
        (bridge("meta", "-100"), Band(low=Decimal("-0.2"), high=Decimal("0.2"), own=True, alarm="step"), State.FAILED, "not as on other days"),
        (bridge("meta", "-1"), Band(), State.UNCHECKED, "no band is known"),
        (bridge("meta", "0", 0, lines=(Sum(name="basis", count=0, amount=Decimal(0)),)), Band(), State.UNCHECKED, "no purchase on that day"),
    ],
    ids=["explained", "no money", "others' band", "out of others' band", "out of its own band", "alarm", "no band", "empty day"],
)  # fmt: skip
def test_the_gap_of_a_witness(one: Bridge, band: Band, state: State, words: str) -> None:
    """A hint of others condemns nobody; a day without orders tells nothing."""
    report = Report(source="meta", count=Decimal(10), amount=Decimal(1000))
    day = Day(day="2026-11-27", currency="GEL", reports=(report,), bridges=(one,), claims=(), cohort=())
    found = witnessed(Answer(report=day, bands={"meta": band}, versions=()), ("meta", "ga4"))
    assert (found[0].state, words in found[0].said) == (state, True), found
    assert found[1].state is State.UNCHECKED  # GA4 said nothing of that day


def test_all_witnesses_of_the_plan_are_needed() -> None:
    plan = read_plan()
    told = tuple(Witnessed(witness=w, state=State.PASSED, said="x") for w in ("meta", "shop", "ga4"))
    assert states(plan, gathered(plan, {}), (), told)["gaps"].state is State.UNCHECKED
    whole = (*told, Witnessed(witness="log", state=State.PASSED, said="x"))
    assert states(plan, gathered(plan, {}), (), whole)["gaps"].state is State.PASSED


def test_what_could_not_be_checked_is_no_pass() -> None:
    """Nothing at all is no pass either; and a go needs all five by name."""
    assert state_of([]) is State.UNCHECKED
    plan = read_plan()
    found = judge(plan, gathered(plan, {}), (), (), {}, {})
    assert not is_go(found)
    passed = [msgspec.structs.replace(c, state=State.PASSED) for c in found]
    assert is_go(passed)
    assert not is_go(passed[1:])


def test_a_term_is_named_in_what_explains() -> None:
    term = Term(reason="time_zone", count=-1, amount=Decimal(-10), way="", orders=())
    one = bridge("meta", "0", lines=(Sum(name="basis", count=10, amount=Decimal(1000)), term))
    report = Report(source="meta", count=Decimal(10), amount=Decimal(1000))
    day = Day(day="2026-11-27", currency="GEL", reports=(report,), bridges=(one,), claims=(), cohort=())
    assert "time zone" in witnessed(Answer(report=day, bands={}, versions=()), ("meta",))[0].said


# -- what proves nothing of this run

SHOP = """
name = "shop"
decides = "Purchase"
money = "none"
[[event]]
name = "AddToCart"
cart = true
[[event]]
name = "Schedule"
browser = "none"
server = "required"
[[event]]
name = "Purchase"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Plan:
    path = tmp_path / "plan.toml"
    path.write_text(SHOP, encoding="utf-8")
    return read_plan(path)


def look(plan: Plan, found: Gathered, criterion: str, name: Look, **ticked: Ticked) -> dict[str, tuple[State, str]]:
    checks = next(c.checks for c in judge(plan, found, (), (), ticked, {}) if c.name == criterion)
    return {c.event: (c.state, c.said) for c in checks if c.name is name}


def test_what_was_told_before_the_run_began_proves_nothing_of_it(shop: Plan) -> None:
    """An old order that is named, an old id that is typed in: the run is about what came in it."""
    old = {"Purchase": (action("Purchase", copy("browser", position=6), copy("server", position=7)),)}
    state, said = look(shop, gathered(shop, old, begun=6), "merged", Look.ONE_ACTION)["Purchase"]
    assert (state, said) == (State.FAILED, "action 1 was told before this run began, and proves nothing of it")
    assert look(shop, gathered(shop, old, begun=5), "merged", Look.ONE_ACTION)["Purchase"][0] is State.PASSED
    assert look(shop, gathered(shop, old, begun=6), "path", Look.CAME_BY_BROWSER)["Purchase"][0] is State.UNCHECKED
    assert look(shop, gathered(shop, old, begun=5), "path", Look.CAME_BY_BROWSER)["Purchase"][0] is State.PASSED


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (Ticked(by="nino", at=100, file="f" * 64), State.PASSED, "kept what was shown"),
        (Ticked(by="nino", at=99, file="f" * 64), State.UNCHECKED, "before the Purchase had come"),
        (Ticked(by="nino", at=100, file="f" * 64, shown_for="OLDERRUN"), State.UNCHECKED, "was shown for run OLDERRUN before"),
        (Ticked(by="nino", at=100), State.UNCHECKED, "shows nothing"),
    ],
    ids=["after", "before it came", "of another run", "a word"],
)  # fmt: skip
def test_a_picture_shows_this_run_or_nothing(shop: Plan, seen: Ticked, state: State, words: str) -> None:
    events = {"Purchase": (action("Purchase", copy("browser", received_at=100_000)),)}
    (found,) = look(shop, gathered(shop, events), "path", Look.SEEN_THERE, test_events=seen).values()
    assert (found[0], words in found[1]) == (state, True), found
    (found,) = look(shop, gathered(shop, {}), "path", Look.SEEN_THERE, test_events=seen).values()
    assert found[0] is State.UNCHECKED


def test_a_second_load_is_of_the_page_that_told_the_event(shop: Plan) -> None:
    """The thank-you page alone says nothing of the cart; an event that no browser tells has no page."""
    events = {n: (action(n, copy("browser", page=f"https://shop.example/{n}")),) for n in ("AddToCart", "Purchase")}
    again = AgainSeen(pages=1, copies=(), earlier=(), loaded=("https://shop.example/Purchase",))
    found = look(shop, gathered(shop, events, again=again), "path", Look.AGAIN)
    assert found == {
        "AddToCart": (State.UNCHECKED, "its page was not loaded a second time: https://shop.example/AddToCart"),
        "Purchase": (State.PASSED, "nothing fired again"),
    }
    fired = msgspec.structs.replace(again, copies=(("AddToCart", "e2", 9),))  # wherever that was
    assert look(shop, gathered(shop, events, again=fired), "path", Look.AGAIN)["AddToCart"][0] is State.FAILED


def test_a_refusing_visit_of_a_shop_has_come_to_an_order() -> None:
    """What its server tells of an order that nobody names could have left."""
    plan = read_plan()
    kept_back = {"state": "suppressed", "reason": "no_consent", "tries": ()}
    view = action("PageView", copy("browser", consent="denied", position=9), **kept_back)
    bought = action("Purchase", copy("server", consent="denied", position=9), **kept_back)
    for actions, orders, begun, state in (
        ((view,), (), 1, State.UNCHECKED), ((view, bought), (), 1, State.PASSED), ((view,), ("5002",), 1, State.PASSED),
        ((view, bought), ("5002",), 9, State.UNCHECKED),  # an order of before the run
    ):  # fmt: skip
        refusal = RefusalSeen(seen=1, consents=("denied",), orders=orders, actions=actions)
        (found,) = look(plan, gathered(plan, {}, refusal=refusal, begun=begun), "path", Look.REFUSAL).values()
        assert found[0] is state, (found, begun)
    lead = read_plan(EXAMPLES / "lead.toml")
    refusal = RefusalSeen(seen=1, consents=("denied",), orders=(), actions=(view,))
    (found,) = look(lead, gathered(lead, {}, refusal=refusal), "path", Look.REFUSAL).values()
    assert found[0] is State.PASSED


def test_a_cart_is_looked_at_where_the_plan_asks_for_it(shop: Plan) -> None:
    """And of an event that no browser tells no second load."""
    events = {n: (action(n, copy("browser", page="")),) for n in ("AddToCart", "Purchase")}
    events["Schedule"] = (action("Schedule", copy("server")),)
    found = gathered(shop, events, again=AgainSeen(pages=1, copies=(), earlier=()))
    assert set(look(shop, found, "path", Look.CART)) == {"AddToCart"}
    assert set(look(shop, found, "path", Look.AGAIN)) == {"AddToCart", "Purchase"}


def test_a_day_far_from_the_run_and_one_of_another_dataset_say_so() -> None:
    told = (Witnessed(witness="shop", state=State.PASSED, said="explained"),)
    begun = date(2026, 11, 28)
    near, far = (
        of_the_run(told, day, begun, "1", "1") for day in (date(2026, 11, 21), date(2026, 11, 20))
    )  # fmt: skip
    assert near == told
    assert (far[0].state, "says nothing of it" in far[0].said) == (State.UNCHECKED, True)
    (other,) = of_the_run(told, begun, begun, "2", "1")
    assert (other.state, other.said) == (State.PASSED, "of dataset 2, not of the run's: explained")
    assert of_the_run(told, begun, begun, None, "1") == told


def test_every_check_that_does_not_pass_has_somebody_who_does_something() -> None:
    """What failed stands first; the same work once; what was overruled asks for nothing."""
    assert set(FAILED) == set(UNCHECKED) == set(Look)
    assert all(who and what.endswith((".", "--primary`.")) for who, what in (*FAILED.values(), *UNCHECKED.values()))
    plan = read_plan()
    found = judge(plan, gathered(plan, {}), (), (), {}, {"gaps": Overruled(by="nino", at=1, reason="known to both")})
    left = [(d, named(d.what, d, "ABCDEFGH")) for d in duties(found)]
    assert {d.criterion for d, _ in left} == {"path", "merged", "money", "owners"}
    assert any("twofold accept tick ABCDEFGH refusal" in what for _, what in left)
    assert any("twofold senders expect Purchase SENDER --primary" in what for _, what in left)
    goods = {"value": "5", "currency": "EUR"}
    apart = action("Purchase", copy("browser", event_id="a", **goods), copy("server", **goods))
    first = duties(judge(plan, gathered(plan, {"Purchase": (apart,)}), (), (), {}, {}))[0]
    assert (first.criterion, first.who, first.event) == ("merged", "tracking owner", "Purchase")
