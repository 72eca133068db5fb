"""Stitching in the store: an order without a browser gets what its visit knew, and nobody else's visit's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from copies import DAY, NOW, assert_sums_hold, claim, copy, opened, sent, settlement, with_store
from copies import HOLD as DUE_AFTER
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import slow_law
from twofold.event.delivery import DeliveryState, Suppressed
from twofold.event.model import Channel, Consent, Event, Hashed, Tier
from twofold.matching.subject import Mark
from twofold.store.engines import open_reader
from twofold.store.opened.routes import Route
from twofold.store.store import Store

MINUTE = 60_000
TOKEN = "c1-5f3a9c77d0e14b2f"  # a cart's or checkout's: nobody guesses it
AGENT = "Mozilla/5.0 (X11) Chrome/140"
CLICK_MS = NOW - 40 * MINUTE
FBP = "fb.1.1789999000000.1234567890"
OTHER_FBP = "fb.1.1789998000000.987654321"
FBC = f"fb.1.{CLICK_MS}.IwAR0-First_Click"
VISIT = {"fbp": FBP, "fbc": FBC, "client_ip_address": "203.0.113.9", "client_user_agent": AGENT}
GIVEN = {"fbc", "fbp", "client_ip_address", "client_user_agent"}


def page(at: int = NOW - 30 * MINUTE, *, links: tuple[str, ...] = (f"cart:{TOKEN}",), **facts: Any) -> Event:
    """A page view of the visit; a fact of None takes one away."""
    more = {k: facts.pop(k) for k in ("dataset", "consent", "tier", "order", "em") if k in facts}
    event = copy(None, Channel.BROWSER, name="PageView", value=None, at=at, **more)
    return _with(event, {**VISIT, **facts}, links)


def order(links: tuple[str, ...] = (f"cart:{TOKEN}",), *, at: int = NOW, event_id: str = "o-1", **facts: Any) -> Event:
    """The shop's own word, signed: no browser."""
    facts = {"order": event_id, "tier": Tier.T3, **facts}
    more = {k: facts.pop(k) for k in ("dataset", "consent", "tier", "order", "em", "happened") if k in facts}
    return _with(copy(event_id, at=at, **more), facts, links)


def _with(event: Event, facts: dict[str, Any], links: tuple[str, ...]) -> Event:
    event.links = links
    for name, value in facts.items():
        part = event.user_data if name in GIVEN | {"ph", "external_id"} else event
        setattr(part, name, value)
    return event


def digest(letter: str) -> tuple[Hashed, ...]:
    return (Hashed("meta", letter * 64),)


def delivered(folder, copies: list[Event], *, together: bool = False, at: int = 0, **settings: Any) -> Event:
    """What is sent for the last of these copies."""

    async def scenario(store):
        if together:
            await store.append(copies)
        else:
            for each in copies:
                await store.append([each])
        due = max(at, copies[-1].received_at + DUE_AFTER)
        claimed = [d for d in await claim(store, due) if d.event_id == copies[-1].event_id]
        return sent(claimed[0])

    return with_store(folder, scenario, **settings)


def trail(folder) -> dict[str, tuple[str, str]]:
    """Event id to (stitched, marks), as kept beside the sent bytes."""
    db = open_reader(folder)
    try:
        return {row[0]: row[1:] for row in db.execute("select event_id, stitched, marks from frozen")}
    finally:
        db.close()


def taken(event: Event) -> set[str]:
    return {name for name in GIVEN if getattr(event.user_data, name)}


# -- what an order gets


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
def test_an_order_gets_what_its_visit_knew(tmp_path, together):
    """Click id with its first time, browser id, address and agent, and where they are from is written beside the bytes."""
    event = delivered(tmp_path, [page(), order()], together=together)
    user = event.user_data
    assert (user.fbc, user.fbp, user.client_ip_address, user.client_user_agent) == (FBC, FBP, "203.0.113.9", AGENT)
    stitched, marks = trail(tmp_path)["o-1"]
    assert dict(part.split("=") for part in stitched.split(",")) == dict.fromkeys(GIVEN, "visit by cart")
    assert marks == ""


PLACE = {"client_ip_address": "203.0.113.9", "client_user_agent": AGENT}
LINKS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("checkout token", {"links": (f"checkout:{TOKEN}",)}, {"links": (f"checkout:{TOKEN}", "number:1001")}, "checkout"),
    ("order id on the page", {"links": (), "order": "o-1"}, {"links": (), **PLACE}, "order"),
    ("order id as a link", {"links": ("order:o-1",)}, {"links": (), **PLACE}, "order"),
    ("order number", {"links": ("number:1001",)}, {"links": ("number:1001",), **PLACE}, "number"),
    ("its own fbp", {"links": ()}, {"links": (), "fbp": FBP}, "fbp"),
    ("fbp with the builder's suffix", {"links": ()}, {"links": (), "fbp": FBP + ".AQIDAQMC"}, "fbp"),
    ("the shop's id of the browser", {"links": (), "visitor": "v-1"}, {"links": (), "visitor": "v-1"}, "visitor"),
    ("the click", {"links": ()}, {"links": (), "fbc": f"fb.1.{NOW}.IwAR0-First_Click"}, "fbc"),
    ("e-mail", {"links": (), "em": "a"}, {"links": (), "em": "a"}, "em"),
    ("phone", {"links": (), "ph": digest("b")}, {"links": (), "ph": digest("b")}, "ph"),
    ("customer id", {"links": (), "external_id": digest("c")}, {"links": (), "external_id": digest("c")}, "external_id"),
    (
        "a hash of the sender's",
        {"links": (), "external_id": (Hashed("sent", "c" * 64),)},
        {"links": (), "external_id": digest("c")},
        "external_id",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "known", "kind"), [r[1:] for r in LINKS], ids=[r[0] for r in LINKS])
def test_each_identifier_leads_to_the_visit(tmp_path, seen, known, kind):
    """Whatever the two copies have in common, the order has all four keys afterwards, and the click's first time."""
    event = delivered(tmp_path, [page(**seen), order(**known)])
    assert taken(event) == GIVEN
    assert event.user_data.fbc == FBC
    stitched, _ = trail(tmp_path)["o-1"]
    assert {part.split("=")[1] for part in stitched.split(",")} == {f"visit by {kind}"}


NONE: list[tuple[str, list[Event], Event, str]] = [
    ("nothing in common", [page()], order(("cart:another-cart-0123",)), ""),
    ("another dataset", [page(dataset="2")], order(), ""),
    ("consent denied", [page(consent=Consent.DENIED)], order(), ""),
    ("denied after a visit", [page(), page(NOW - 20 * MINUTE, links=(), consent=Consent.DENIED)], order(), "consent"),
    ("denied, then silence", [page(consent=Consent.DENIED), page(NOW - MINUTE)], order(fbp=FBP), "consent"),
    ("silence that is not enough", [page(consent_required=True)], order(), "consent"),
    ("a visit after the order", [page(NOW + 6 * MINUTE)], order(), "later_visit"),
    ("two browsers claim one checkout", [page(), page(fbp=OTHER_FBP)], order(), "several_browsers"),
    ("two browsers claim one number",
     [page(links=("number:7",)), page(links=("number:7",), fbp=OTHER_FBP)], order(("number:7",), **PLACE), "several_browsers"),
    ("a number, and the order says nothing of its browser", [page(links=("number:7",))], order(("number:7",)), "later_visit"),
    ("a number, from another address", [page(links=("number:7",), client_ip_address="198.51.100.7")],
     order(("number:7",), **PLACE), "later_visit"),
    ("a number, with another agent", [page(links=("number:7",), client_user_agent="curl/8")],
     order(("number:7",), **PLACE), "later_visit"),
    ("a number claimed before it was given", [page(NOW - 2 * 60 * MINUTE, links=("number:7",))],
     order(("number:7",)), "later_visit"),
    ("an e-mail of two browsers",
     [page(links=(), em="a"), page(links=(), em="a", fbp=OTHER_FBP)], order((), em="a"), "shared_contact"),
    ("a device of two e-mails",
     [page(links=(), em="a"), page(NOW - 9 * MINUTE, links=(), em="b")], order((), em="a"), "shared_device"),
    ("a device of another customer",
     [page(links=(), em="a", external_id=digest("c"))], order((), em="a", external_id=digest("d")), "shared_device"),
    ("a person on another device",
     [page(links=(), em="a")], order((), em="a", client_user_agent="Safari/18"), "other_browser"),
    ("an order that names another browser", [page()], order(fbp=OTHER_FBP), "other_browser"),
    ("a visit too long ago", [page(NOW - 31 * DAY)], order(), ""),
    ("a copy that is held back", [page(held_back="value over its cap")], order(), ""),
    ("a server's copy", [_with(copy("s-1", name="Lead", at=NOW - MINUTE), VISIT, (f"cart:{TOKEN}",))], order(), ""),
    ("no browser id", [page(fbp=None)], order(), ""),
    ("a messaging sale", [page()], order(action_source="business_messaging"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("visits", "last", "mark"), [r[1:] for r in NONE], ids=[r[0] for r in NONE])
def test_nothing_is_taken_where_it_is_not_certain_or_not_allowed(tmp_path, visits, last, mark):
    """The order is sent as it came, and the reason, where something was seen, stands beside it."""
    event = delivered(tmp_path, [*visits, last], at=visits[-1].received_at + DUE_AFTER)
    own = last.user_data
    assert {n: getattr(event.user_data, n) for n in GIVEN} == {n: getattr(own, n) for n in GIVEN}
    assert trail(tmp_path)["o-1"] == ("", f"unstitched:{mark}" if mark else "")


FLIPS = [
    ("granted, denied, granted", "gdg", GIVEN),
    ("denied, granted, denied", "dgd", set()),
    ("granted, denied, granted, denied", "gdgd", set()),
    ("silent, denied, granted, silent", "udgu", GIVEN),
    ("granted, denied, granted, denied, silent", "gdgdu", set()),
]
SAID = {"g": Consent.GRANTED, "d": Consent.DENIED, "u": Consent.UNSTATED}


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
@pytest.mark.parametrize(("flips", "expected"), [r[1:] for r in FLIPS], ids=[r[0] for r in FLIPS])
def test_the_last_word_counts(tmp_path, flips, expected, together):
    """Within one minute and with nothing else changed: every change of mind is heard, also the same one again."""
    visits = [page(NOW - 9 * MINUTE + n, consent=SAID[word]) for n, word in enumerate(flips)]
    assert taken(delivered(tmp_path, [*visits, order()], together=together)) == expected


PURPOSES = [("a purpose it needs", "marketing", set()), ("one it does not need", "sale_of_data", GIVEN)]


@pytest.mark.parametrize(("denied", "expected"), [r[1:] for r in PURPOSES], ids=[r[0] for r in PURPOSES])
def test_a_visit_gives_no_more_than_it_could_send_itself(tmp_path, denied, expected):
    """A purpose that the visit denied keeps its data from a destination that needs that purpose, and only from that."""

    async def scenario():
        route = Route(destinations=("meta-1",), purposes={"meta-1": ("marketing", "ad_user_data")})
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            await store.append([page(denied=(denied,)), order()])
            return next(sent(d) for d in await claim(store, NOW + DUE_AFTER) if d.event_id == "o-1")
        finally:
            await store.close()

    assert taken(asyncio.run(scenario())) == expected


def test_granted_again_is_a_new_beginning(tmp_path):
    """What was known before the denial is gone; what comes after the new grant is taken."""
    later = page(NOW - MINUTE, links=(f"cart:{TOKEN}",), consent=Consent.GRANTED, fbc=None)
    event = delivered(tmp_path, [page(), page(NOW - 9 * MINUTE, consent=Consent.DENIED), later, order()])
    assert taken(event) == GIVEN - {"fbc"}


def test_the_word_of_a_browser_that_the_shop_vouches_for_comes_first(tmp_path):
    """A stranger who claims somebody's checkout cannot keep the signed one from it."""
    stranger = page(fbp=OTHER_FBP, client_ip_address="198.51.100.66", fbc=f"fb.1.{CLICK_MS}.Stranger")
    event = delivered(tmp_path, [stranger, page(tier=Tier.T1), order()])
    assert (event.user_data.fbp, event.user_data.fbc) == (FBP, FBC)


def test_a_guessed_number_does_not_disturb_a_token(tmp_path):
    """A stranger who counts order numbers changes nothing where the shop's pages tell carts."""
    stranger = page(links=("number:1001", "order:o-1"), fbp=OTHER_FBP)
    event = delivered(tmp_path, [page(), stranger, order((f"cart:{TOKEN}", "number:1001"))])
    assert event.user_data.fbp == FBP


SOURCES = [
    ("website", GIVEN),
    ("phone_call", {"fbc", "fbp"}),
    ("physical_store", {"fbc", "fbp"}),
    ("system_generated", {"fbc", "fbp"}),
    ("chat", {"fbc", "fbp"}),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_address_and_agent_belong_to_what_happened_in_a_browser(tmp_path, source, expected):
    """A call, a renewal or a sale at a counter takes the ids of the click and browser only; its source stays."""
    event = delivered(tmp_path, [page(), order(action_source=source)])
    assert (taken(event), event.action_source) == (expected, source)


def test_two_devices_are_never_mixed(tmp_path):
    """An order with an address of its own keeps it alone: the visit's agent would be another device's."""
    event = delivered(tmp_path, [page(), order(client_ip_address="198.51.100.1")])
    assert (event.user_data.client_ip_address, event.user_data.client_user_agent) == ("198.51.100.1", None)
    assert event.user_data.fbc == FBC


# -- time


def test_the_click_before_the_order_counts(tmp_path):
    """Of two clicks before the order the later one; one after it is not the order's, however late it is sent."""
    visits = [
        page(NOW - 3 * DAY, fbc=f"fb.1.{NOW - 3 * DAY}.Monday"),
        page(NOW - DAY, fbc=f"fb.1.{NOW - DAY}.Wednesday"),
        page(NOW + DAY, fbc=f"fb.1.{NOW + DAY}.Friday", client_ip_address="198.51.100.5"),
    ]
    event = delivered(tmp_path, [*visits[:2], visits[2], order()], at=NOW + DAY + DUE_AFTER)
    assert event.user_data.fbc == f"fb.1.{NOW - DAY}.Wednesday"
    assert event.user_data.client_ip_address == "203.0.113.9"


def test_the_first_sight_of_a_click_is_kept(tmp_path):
    """The same click again, with a later time, does not make it younger; the order's own later time neither."""
    again = page(NOW - 9 * MINUTE, fbc=f"fb.1.{NOW - 9 * MINUTE}.IwAR0-First_Click", client_ip_address="203.0.113.10")
    event = delivered(tmp_path, [page(), again, order(fbc=f"fb.1.{NOW}.IwAR0-First_Click")])
    assert event.user_data.fbc == FBC
    assert event.user_data.client_ip_address == "203.0.113.10"  # the place of the last visit before the order


FBC_AGE = [("a click that is still one", 89, True), ("one that is over", 91, False)]


@pytest.mark.parametrize(("days", "expected"), [r[1:] for r in FBC_AGE], ids=[r[0] for r in FBC_AGE])
def test_a_click_is_good_for_ninety_days(tmp_path, days, expected):
    """A cookie can live longer than the click counts."""
    event = delivered(tmp_path, [page(fbc=f"fb.1.{NOW - days * DAY}.Old"), order()])
    assert (event.user_data.fbc is not None) == expected


def test_a_browser_is_followed_through_changing_networks(tmp_path):
    """More addresses than are kept: the last one before the order is given, and the click of the first page is not lost
    while it is among those kept."""
    visits = [page(NOW - (20 - n) * MINUTE, client_ip_address=f"203.0.113.{n}") for n in range(20)]
    event = delivered(tmp_path, [*visits, order()])
    assert (event.user_data.client_ip_address, event.user_data.fbc) == ("203.0.113.19", FBC)


def test_other_platforms_clicks_go_along(tmp_path):
    """A click id seen on the landing page only is there at the order, and the order's own is not replaced."""
    visits = [page(click_ids={"gclid": "G-1", "ttclid": "T-1"}), page(NOW - 9 * MINUTE, click_ids={"gclid": "G-2"})]
    event = delivered(tmp_path, [*visits, order(click_ids={"ttclid": "T-own"})])
    assert event.click_ids == {"gclid": "G-2", "ttclid": "T-own"}


def test_a_purchase_of_the_browser_finds_the_click_it_lost(tmp_path):
    """The confirmation page of the same browser, without its click cookie: the click of the landing page is sent."""
    thanks = copy("o-1", Channel.BROWSER, at=NOW, **{**VISIT, "fbc": None})
    assert delivered(tmp_path, [page(), thanks]).user_data.fbc == FBC


# -- limits


def test_limits_of_the_visit_go_with_its_data(tmp_path):
    """Limited Data Use and an opt-out of the browser hold for the order that takes its data."""
    event = delivered(tmp_path, [page(data_processing_options=("LDU",), data_processing_options_country=1,
                                      data_processing_options_state=1000, opt_out=True), order()])  # fmt: skip
    assert (event.data_processing_options, event.data_processing_options_country) == (("LDU",), 1)
    assert (event.data_processing_options_state, event.opt_out) == (1000, True)


WITHDRAWN = [
    ("by the browser's own word", lambda store: store.append([page(NOW + MINUTE, consent=Consent.DENIED)])),
    ("by its browser id", lambda store: store.withdraw("1", [Mark("fbp", "1789999000000.1234567890")], NOW + MINUTE)),
]


@pytest.mark.parametrize("withdraw", [r[1] for r in WITHDRAWN], ids=[r[0] for r in WITHDRAWN])
def test_bytes_with_a_visits_data_stop_when_it_is_withdrawn(tmp_path, withdraw):
    """The first attempt failed, then the shopper said no: there is no second one for what was stitched, only for that."""

    async def scenario(store):
        await store.append([page(links=(f"cart:{TOKEN}",))])
        await store.append([order(), order((), event_id="o-2")])
        first = await claim(store, NOW + DUE_AFTER)
        again = [settlement(d, DeliveryState.WAITING, due_at=NOW + 2 * MINUTE) for d in first]
        await store.settle(again, NOW + DUE_AFTER)
        await withdraw(store)
        return [d.event_id for d in await claim(store, NOW + 3 * MINUTE) if d.event_name == "Purchase"]

    assert with_store(tmp_path, scenario) == ["o-2"]


@pytest.mark.parametrize(
    "known", [{"em": "a"}, {"ph": digest("b")}, {"external_id": digest("c")}], ids=["em", "ph", "id"]
)
@pytest.mark.parametrize("withdraw", [r[1] for r in WITHDRAWN], ids=[r[0] for r in WITHDRAWN])
def test_a_browser_that_only_a_persons_value_led_to_stops_no_order(tmp_path, withdraw, known):
    """Anybody can type a buyer's e-mail address. Its no takes the visit out of the bytes; the order leaves under its id."""

    async def scenario(store):
        await store.append([page(links=(), **known)])
        await store.append([order((), **known)])
        first = [d for d in await claim(store, NOW + DUE_AFTER) if d.event_name == "Purchase"]
        again = [settlement(d, DeliveryState.WAITING, due_at=NOW + 2 * MINUTE) for d in first]
        await store.settle(again, NOW + DUE_AFTER)
        await withdraw(store)
        later = [d for _ in range(2) for d in await claim(store, NOW + 3 * MINUTE) if d.event_name == "Purchase"]
        return [sent(d) for d in first], [sent(d) for d in later], later

    (first,), (second,), (delivery,) = with_store(tmp_path, scenario)
    assert first.user_data.fbp == FBP
    assert taken(second) & {"fbp", "fbc"} == set()
    assert (second.event_id, second.event_time, second.custom_data) == (
        first.event_id,
        first.event_time,
        first.custom_data,
    )
    assert delivery.first_attempt_at == NOW + DUE_AFTER  # another try of the same delivery
    assert_sums_hold(tmp_path)


def test_a_visit_that_is_forgotten_for_its_age_stops_no_further_attempt(tmp_path):
    """Nobody's browser has said no: that nothing leads to the visit any more is no word of anybody's."""

    async def scenario(store):
        await store.append([page(), order()])
        first = await claim(store, NOW + DUE_AFTER)
        again = [settlement(d, DeliveryState.WAITING, due_at=NOW + 2 * MINUTE) for d in first]
        await store.settle(again, NOW + DUE_AFTER)
        await store.withdraw("1", [Mark("em", "f" * 64)], NOW + MINUTE)  # by somebody of whom nothing is here
        while await store.transact(lambda _engine: store.people.expire(NOW + 400 * DAY)):
            pass
        second = await claim(store, NOW + 3 * MINUTE)
        return [[d.payload for d in claimed if d.event_name == "Purchase"] for claimed in (first, second)]

    first, second = with_store(tmp_path, scenario)
    assert FBP.encode() in first[0]
    assert second == first


def test_bytes_of_one_browser_do_not_leave_for_another(tmp_path):
    """A browser that said no and yes again is met anew; that the person has a second one does not free the first's data."""

    async def scenario(store):
        await store.append([page(links=(f"cart:{TOKEN}",), em="a"), page(fbp=OTHER_FBP, links=(), em="a")])
        await store.append([order(em="a")])
        first = await claim(store, NOW + DUE_AFTER)
        stitched = [d.payload for d in first if d.event_name == "Purchase"]
        again = [settlement(d, DeliveryState.WAITING, due_at=NOW + 2 * MINUTE) for d in first]
        await store.settle(again, NOW + DUE_AFTER)
        await store.append([page(NOW + MINUTE, consent=Consent.DENIED)])
        await store.append([page(NOW + MINUTE, consent=Consent.GRANTED, links=())])
        second = await claim(store, NOW + 3 * MINUTE)
        return stitched, [d.event_id for d in second if d.event_name == "Purchase"]

    stitched, second = with_store(tmp_path, scenario)
    assert len(stitched) == 1
    assert FBP.encode() in stitched[0]
    assert second == []


# -- memory


@pytest.mark.embedded("counts by the engine's own counter of changes")
def test_a_repeated_page_view_writes_nothing(tmp_path):
    """The same visit's next pages leave the tables of people as they were; one an hour later says that it went on."""

    async def scenario(store):
        found = []
        hour = (NOW // (60 * MINUTE)) * 60 * MINUTE
        for at in (hour, hour + MINUTE, hour + 59 * MINUTE, hour + 61 * MINUTE):
            before = store._engine.db.total_changes()
            await store.transact(lambda _engine, at=at: store.people.note([page(at)]))
            found.append(store._engine.db.total_changes() - before > 0)
        return found

    assert with_store(tmp_path, scenario) == [True, False, False, True]


def test_what_was_rolled_back_is_noted_again(tmp_path):
    """A batch that did not reach the disk left nothing in memory: its repetition is written."""

    async def scenario(store):
        def broken(_engine):
            store.people.note([page()])
            raise RuntimeError("a bug beside it")

        with pytest.raises(Exception, match="RuntimeError"):
            await store.transact(broken)
        await store.append([page()])
        await store.append([order()])
        return next(sent(d) for d in await claim(store, NOW + DUE_AFTER) if d.event_id == "o-1")

    assert taken(with_store(tmp_path, scenario)) == GIVEN


def test_a_restart_knows_the_visits(tmp_path):
    """They are on disk with their events; browsers met after the restart do not get the numbers of those before."""
    with_store(tmp_path, lambda store: store.append([page()]))
    event = delivered(tmp_path, [page(links=("cart:somebody-elses-cart",), fbp=OTHER_FBP), order()])
    assert event.user_data.fbp == FBP


def counts(folder) -> tuple[int, int, int]:
    db = open_reader(folder)
    try:
        return tuple(db.execute(f"select count(*) from {t}").fetchone()[0] for t in ("browser", "visit", "sighting"))
    finally:
        db.close()


def test_what_is_too_old_is_deleted(tmp_path):
    """After the set days nothing is left of a browser that did not come back, and of one that did only what is young."""

    async def scenario(store):
        await store.append(
            [page(NOW - 40 * DAY), page(NOW - 40 * DAY, fbp=OTHER_FBP, links=("cart:old-old-old-old-old",))]
        )
        await store.append([page(NOW - DAY, links=("cart:new-new-new-new-new",), client_ip_address="203.0.113.77")])
        while await store.transact(lambda _engine: store.people.expire(NOW)):
            pass

    with_store(tmp_path, scenario, people_days=30)
    # fbp, fbc and the new cart
    assert counts(tmp_path) == (1, 1, 3)


AFTER_A_NO = [
    ("the cart was seen before the no only", (), None),
    ("the cart was seen again after the yes", (f"cart:{TOKEN}",), FBP),
]


@pytest.mark.parametrize(("links", "fbp"), [r[1:] for r in AFTER_A_NO], ids=[r[0] for r in AFTER_A_NO])
@pytest.mark.parametrize("together", [True, False])
def test_a_yes_is_about_what_comes_after_it(tmp_path, links, fbp, together):
    """A browser that denied and grants again is known by what it showed since then, as if it were new."""
    visits = [
        page(NOW - 9 * MINUTE, links=(f"cart:{TOKEN}",)),
        page(NOW - 8 * MINUTE, consent=Consent.DENIED),
        page(NOW - 7 * MINUTE, consent=Consent.GRANTED, links=links),
    ]
    event = delivered(tmp_path, [*visits, order((f"cart:{TOKEN}",))], together=together)
    assert event.user_data.fbp == fbp


def test_a_withdrawal_over_several_datasets_empties_what_each_knows(tmp_path):
    """In the first named as in the last: click ids, address and agent go."""

    async def scenario(store):
        for dataset in "12":
            await store.append([page(dataset=dataset)])
        before = store.people.about([("fbp", FBP)])
        await store.withdraw_all({dataset: [Mark("fbp", "1789999000000.1234567890")] for dataset in "12"}, NOW + 1)
        return before, store.people.about([("fbp", FBP)])

    before, after = with_store(tmp_path, scenario)
    assert [(row["dataset"], bool(row["fbc"])) for row in before] == [("1", True), ("2", True)]
    assert not [row for row in after if row["fbc"] or row["client_ip_address"] or row["client_user_agent"]]


FORGOTTEN = [
    ("by e-mail", ("em", "a" * 64), (1, 1, 3)),
    ("by browser", ("fbp", FBP), (1, 1, 3)),
    ("by order", ("order", "o-9"), (1, 1, 3)),
    ("by cart", ("link", f"cart:{TOKEN}"), (1, 1, 3)),
    ("nobody", ("em", "f" * 64), (2, 2, 8)),
]


@pytest.mark.parametrize(("named", "left"), [r[1:] for r in FORGOTTEN], ids=[r[0] for r in FORGOTTEN])
def test_a_person_is_forgotten_with_every_browser(tmp_path, named, left):
    """Whatever names them, all that their browsers were seen with goes; others stay."""

    async def scenario(store):
        await store.append([page(em="a", order="o-9"), page(fbp=OTHER_FBP, links=("cart:another-persons-cart",))])
        await store.transact(lambda _engine: store.people.forget([named]))

    with_store(tmp_path, scenario)
    assert counts(tmp_path) == left


def test_identifiers_are_kept_as_digests(tmp_path):
    """Neither the token of a cart nor the hash of an e-mail address can be read in the tables of people."""
    with_store(tmp_path, lambda store: store.append([page(em="a")]))
    db = open_reader(tmp_path)
    found = [str(row) for t in ("browser", "visit", "sighting") for row in db.execute(f"select * from {t}")]
    db.close()
    assert not [row for row in found if TOKEN in row or "a" * 64 in row]


# -- any history

PEOPLE = st.sampled_from(["a", "b"])
HISTORY = st.lists(
    st.tuples(
        st.sampled_from([FBP, OTHER_FBP]),
        st.sampled_from(["1", "2"]),
        st.sampled_from([(), (f"cart:{TOKEN}",), ("cart:another-cart-012345",)]),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from([Consent.UNSTATED, Consent.GRANTED, Consent.DENIED]),
    ),
    max_size=8,
)


@slow_law
@given(history=HISTORY, em=st.sampled_from(["", "a", "b"]), by_cart=st.booleans(), together=st.booleans())
def test_no_history_gives_an_order_a_wrong_browser(tmp_path_factory, history, em, by_cart, together):
    """Whatever was seen: a browser given to the order was seen in its dataset with the cart or the person, its last word
    on consent was no denial, and no other browser of the dataset that has not denied was seen with the same."""
    visits = [
        page(NOW - (20 - n) * MINUTE, fbp=fbp, dataset=dataset, links=links, em=mail, consent=consent)
        for n, (fbp, dataset, links, mail, consent) in enumerate(history)
    ]
    last = order((f"cart:{TOKEN}",) if by_cart else (), em=em)
    event = delivered(tmp_path_factory.mktemp("law"), [*visits, last], together=together)
    if not taken(event):
        return
    fbp = event.user_data.fbp
    here = [v for v in visits if v.dataset == "1"]
    stated = [v.consent for v in here if v.user_data.fbp == fbp and v.consent is not Consent.UNSTATED]
    assert not stated or stated[-1] is Consent.GRANTED
    alive = {v.user_data.fbp: since_denial(here, v.user_data.fbp) for v in here}
    with_cart = {f for f, own in alive.items() if by_cart and any(last.links[0] in v.links for v in own)}
    with_mail = {f for f, own in alive.items() if em and any(v.user_data.em == last.user_data.em for v in own)}
    assert fbp in with_cart | with_mail
    if fbp not in with_cart:
        assert with_mail == {fbp}
        assert len({v.user_data.em for v in alive[fbp] if v.user_data.em}) == 1


def contents(folder) -> list[list[tuple[Any, ...]]]:
    """The tables of people; which number a browser has is of no matter, which browser it is is told by its digest."""
    db = open_reader(folder)
    try:
        own = dict(db.execute("select browser, key from sighting where kind = 'fbp'"))
        found = []
        for table, at in (("browser", 0), ("visit", 0), ("sighting", 1)):  # where its number stands
            kept = db.execute(f"select * from {table}")
            found.append(sorted(((*row[:at], own[row[at]], *row[at + 1 :]) for row in kept), key=repr))
    finally:
        db.close()
    return found


@slow_law
@given(history=HISTORY, cut=st.integers(0, 8))
def test_how_copies_share_commits_does_not_matter(tmp_path_factory, history, cut):
    """One by one, in one batch, or in two: the same browsers, visits and sightings."""
    visits = [
        page(NOW + n * MINUTE, fbp=fbp, dataset=dataset, links=links, em=mail, consent=consent)
        for n, (fbp, dataset, links, mail, consent) in enumerate(history)
    ]
    kept = []
    for batches in ([[v] for v in visits], [visits], [visits[:cut], visits[cut:]]):
        folder = tmp_path_factory.mktemp("way")

        async def scenario(store, batches=batches):
            for batch in batches:
                await store.append(batch)

        with_store(folder, scenario)
        kept.append(contents(folder))
    assert kept[0] == kept[1] == kept[2]


def since_denial(visits: list[Event], fbp: str) -> list[Event]:
    """What a browser showed after its last no: nothing before it said yes again, for silence takes no denial back."""
    own = [v for v in visits if v.user_data.fbp == fbp]
    denials = [n for n, v in enumerate(own) if v.consent is Consent.DENIED]
    if not denials:
        return own
    later = own[denials[-1] + 1 :]
    grants = [n for n, v in enumerate(later) if v.consent is Consent.GRANTED]
    return later[grants[0] :] if grants else []


def test_the_store_stays_whole(tmp_path):
    """An event without any identifier, and one with a browser id that cannot be read, are journalled as ever."""

    async def scenario():
        async with opened(tmp_path) as store:
            bare = copy(None, Channel.BROWSER, name="PageView", value=None)
            strange = copy(None, Channel.BROWSER, name="PageView", value=None, fbp="fb.1.x")
            return await store.append([bare, strange])

    assert [str(v) for v in asyncio.run(scenario())] == ["first", "first"]


def test_bytes_of_another_platform_are_made_anew_where_anybody_denied(tmp_path):
    """They do not say whose visit is in them. Somebody else's no must not stop the order, and a further attempt still leaves."""

    async def scenario(store: Store):
        stranger = page(fbp=OTHER_FBP, links=("cart:c9-0000000000000000",), consent=Consent.DENIED)
        await store.append([page(), stranger])
        await store.append([order()])
        at = NOW + DUE_AFTER + MINUTE

        def build(event: Event) -> bytes | Suppressed:
            if event.event_name != "Purchase":
                return Suppressed("event_not_chosen")
            return f'{{"client":"{(event.user_data.fbp or "")[-10:]}"}}'.encode()

        (first,) = await claim(store, at, build=build)
        await store.settle([settlement(first, DeliveryState.WAITING, due_at=at + 1, outcome="transient")], at)
        again = [d for n in range(2) for d in await claim(store, at + 10 + n, build=build)]
        return first, again

    first, again = with_store(tmp_path, scenario)
    assert first.payload == b'{"client":"1234567890"}'
    assert [(d.id, d.payload) for d in again] == [(first.id, first.payload)]
