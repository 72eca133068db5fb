"""The law: whatever strangers say, in whatever order and across restarts, what leaves for a signed order is the same.

A story is a list of honest steps, played twice on folders of their own: as it is, and with strangers' copies anywhere
between. After each step a worker looks. What left with the shop's word in it must be the same bytes at the same times.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from copies import BROWSER, HOLD, NOW, SERVER, assert_sums_hold, claim, copy, settlement
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.facts import report
from tests.strategies import law_of
from twofold.event.delivery import Suppressed
from twofold.event.model import Consent, Content, Event, Hashed, Tier, decode_event, encode
from twofold.ledger.model import Paid
from twofold.ledger.policy import OrderPolicy
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store

ORDER, NUMBER, SECOND = "5000000001001", "1001", "5000000001002"
TOKEN = "5f3a9c77d0e14b2fa1b2c3d4"
ADDRESS, AGENT, FBP = "203.0.113.9", "Mozilla/5.0 (X11)", "fb.1.1789999000000.1234567890"
STEP = 7_000  # ms between steps; the hold is longer than two
DESTINATIONS = ("meta-1", "meta-2")


def shop(order: str = ORDER, *, token: str = TOKEN, value: str = "129.90", at: int = 0, **user: Any) -> OrderEntry:
    """A signed webhook: report and Purchase."""
    aliases = (f"number:{order[-4:]}", f"checkout:{token}") if token else (f"number:{order[-4:]}",)
    facts = {"client_ip_address": ADDRESS, "client_user_agent": AGENT} | user
    event = copy(f"purchase.demo.{order}", SERVER, order=order, value=value, tier=Tier.T3, em="a", **facts)
    event = msgspec.structs.replace(event, links=(f"order:{order}", *aliases), sender="shopify")
    told = report(2 + at, Paid.PAID, value, order=order, aliases=aliases)
    return OrderEntry(dataset="1", source="shopify:demo.myshopify.com", report=told, copy=event, received_at=NOW)


def server(order: str = ORDER, event_id: str = "srv-1", **user: Any) -> Event:
    """A server with the dataset's key, as it reports the browser it serves."""
    facts = {"client_ip_address": ADDRESS, "client_user_agent": AGENT} | user
    return copy(event_id, SERVER, order=order, value="129.90", **facts)


def buyer(event_id: str = "b-1", order: str = ORDER, token: str = TOKEN, consent: Consent = Consent.GRANTED) -> Event:
    """The buyer's browser, which holds the checkout's token."""
    event = copy(event_id, BROWSER, order=order, value="129.90", em="b", consent=consent, fbp=FBP,
                 fbc="fb.1.1789999000000.IwAR0-click")  # fmt: skip
    return msgspec.structs.replace(event, links=(f"checkout:{token}",), click_ids={"gclid": "Cj0"})


CANCELLED = msgspec.structs.replace(
    shop(), report=report(9, Paid.PAID, "129.90", order=ORDER, aliases=(), cancelled_at=9_999_999), copy=None
)
STORIES: dict[str, list[OrderEntry | Event]] = {
    "a webhook": [shop()],
    "a webhook that says nothing of a browser": [shop(token="", client_ip_address=None, client_user_agent=None)],
    "the buyer, then the webhook": [buyer(), shop()],
    "the webhook, then the buyer": [shop(), buyer()],
    "a server": [server()],
    "a server, then the webhook": [server(), shop()],
    "buyer, server, webhook": [buyer(), server(), shop()],
    "two orders": [shop(), shop(SECOND, token="a" + TOKEN), buyer("b-2", SECOND, "a" + TOKEN)],
    "two servers' orders": [server(), server(SECOND, "srv-2")],
    "a webhook that comes again": [shop(), shop(at=5)],
    "paid later": [msgspec.structs.replace(shop(), report=report(1, Paid.UNPAID, "129.90", order=ORDER)), shop(at=7)],
    "cancelled in time": [shop(), CANCELLED],
    "the buyer said no": [buyer(consent=Consent.DENIED), shop()],
}


@st.composite
def strangers(draw) -> Event:
    """A browser's copy by somebody who knows numbers and ids that can be counted, and the pixel's id."""
    order = draw(st.sampled_from([ORDER, NUMBER, f"#{NUMBER}", SECOND, "srv-1", None]))
    event_id = draw(st.sampled_from([f"purchase.demo.{ORDER}", f"purchase.demo.{SECOND}", "srv-1", "x-1", "x-2", None]))
    user: dict[str, Any] = {
        "client_ip_address": draw(st.sampled_from(["198.51.100.66", ADDRESS, None])),
        "client_user_agent": draw(st.sampled_from(["curl/8", "Mozilla/5.0 (other)"])),
        "fbp": draw(st.sampled_from(["fb.1.1789998000000.666", None])),
        "fbc": draw(st.sampled_from(["fb.1.1789998000000.IwAR0-thief", None])),
        "ph": (Hashed("meta", "c" * 64),) if draw(st.booleans()) else (),
        "external_id": (Hashed("meta", "d" * 64),) if draw(st.booleans()) else (),
    }
    value = draw(st.sampled_from(["0.01", "129.90", "9999", None]))
    event = copy(event_id, BROWSER, order=order, value=value, em=draw(st.sampled_from(["", "e"])),
                 tier=draw(st.sampled_from([Tier.T0, Tier.T1])), consent=draw(st.sampled_from(Consent)),
                 name=draw(st.sampled_from(["Purchase", "Purchase", "PageView"])), **user)  # fmt: skip
    numbers = [f"order:{ORDER}", f"order:{SECOND}", f"number:{NUMBER}", "number:1002", "checkout:guess"]
    event.custom_data.contents = draw(st.sampled_from([(), (Content(id="stolen", quantity=9, item_price=Decimal(1)),)]))
    event.custom_data.other = draw(st.sampled_from([{}, {"coupon": "x"}]))
    return msgspec.structs.replace(
        event,
        sender="stranger",
        links=tuple(draw(st.lists(st.sampled_from(numbers), max_size=3, unique=True))),
        visitor=draw(st.sampled_from([None, "v-66"])),
        click_ids=draw(st.sampled_from([{}, {"ttclid": "t"}])),
        opt_out=draw(st.sampled_from([None, True])),
        data_processing_options=draw(st.sampled_from([None, ("LDU",)])),
        event_source_url=draw(st.sampled_from([None, "https://evil.example/"])),
        referrer_url=draw(st.sampled_from([None, "https://evil.example/r"])),
        action_source=draw(st.sampled_from(["website", "app", "physical_store"])),
        test_event_code=draw(st.sampled_from([None, "TEST1"])),
        bot=draw(st.sampled_from([None, "crawler"])),
        held_back=draw(st.sampled_from([None, "value_over_cap"])),
        consent_required=draw(st.booleans()),
        region=draw(st.sampled_from([None, "US-CA"])),
    )


Left = list[tuple[int, str, str, bytes]]


def play(
    folder: Path,
    steps: list[list[OrderEntry | Event]],
    policy: OrderPolicy,
    restart: bool,
    build: Callable[[Event], Any] = encode,
    **said: Any,
) -> Left:
    """Steps at their times, strangers' with the honest one they follow; (time, destination, id, bytes) of what left."""
    route = Route(destinations=DESTINATIONS, hold_ms={"Purchase": HOLD}, orders=policy, has_orders=True, **said)
    left: Left = []

    async def main(parts: list[tuple[int, list[OrderEntry | Event]]]) -> None:
        store = Store(folder, routes={"1": route}, opened_at=NOW)
        store.start()
        try:
            for at, things in parts:
                for n, thing in enumerate(things):
                    await put(store, thing, at + n)
                await look(store, at + STEP // 2)
        finally:
            await store.close()

    async def put(store: Store, thing: OrderEntry | Event, at: int) -> None:
        if isinstance(thing, OrderEntry):
            moved = msgspec.structs.replace(thing.copy, received_at=at) if thing.copy else None
            await store.append_orders([msgspec.structs.replace(thing, copy=moved, received_at=at)])
        else:
            await store.append([msgspec.structs.replace(thing, received_at=at)])

    async def look(store: Store, at: int) -> None:
        for destination in DESTINATIONS:
            due = await claim(store, at, destination=destination, build=build)
            await store.settle([settlement(d) for d in due], at)
            left.extend((at, destination, d.event_id, d.payload) for d in due)

    parts = [(NOW + n * STEP, things) for n, things in enumerate(steps)]
    parts += [(NOW + (len(steps) + n) * STEP, []) for n in range(6)]
    parts += [(NOW + 3_700_000, []), (NOW + 8 * 3_600_000, [])]
    for some in [[part] for part in parts] if restart else [parts]:
        asyncio.run(main(some))
    return left


def honest_of(left: Left) -> Left:
    return [one for one in left if decode_event(one[3]).sender != "stranger"]


def differs(
    steps: list[OrderEntry | Event],
    forged: list[tuple[int, Event]],
    unmatched: str,
    restart: bool,
    **said: Any,
) -> Left:
    """Plays both, and all that left among strangers."""
    policy = OrderPolicy(wait_ms=60_000, unmatched=unmatched)
    honest: list[list[OrderEntry | Event]] = [[], *([step] for step in steps)]
    mixed: list[list[OrderEntry | Event]] = [list(step) for step in honest]
    for place, event in forged:
        at = place % (2 * len(mixed))
        mixed[at // 2].insert(0 if at % 2 else len(mixed[at // 2]), event)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = honest_of(play(folder / "alone", honest, policy, restart=False, **said))
        everything = play(folder / "among", mixed, policy, restart, **said)
        among = honest_of(everything)
        assert_sums_hold(folder / "among")
    # A stranger before an honest step in the same breath moves that step by so many ms; nothing else may move.
    assert [one[:3] for one in among] == [one[:3] for one in alone]
    assert [timeless(one[3]) for one in among] == [timeless(one[3]) for one in alone]
    return everything


def timeless(body: bytes) -> Event:
    return msgspec.structs.replace(decode_event(body), received_at=0)


@pytest.mark.parametrize("story", list(STORIES))
@law_of(6)
@given(
    forged=st.lists(st.tuples(st.integers(0, 20), strangers()), min_size=1, max_size=4),
    unmatched=st.sampled_from(["vouched", "send", "drop"]),
    restart=st.booleans(),
)
def test_a_strangers_word_alters_nothing_that_leaves_for_a_signed_order(story, forged, unmatched, restart):
    differs(STORIES[story], forged, unmatched, restart)


def forger(*links: str, order: str | None = None, tier: Tier = Tier.T0, event_id: str = "x-1") -> Event:
    event = copy(event_id, BROWSER, order=order, value="0.01", tier=tier, client_ip_address="198.51.100.66")
    return msgspec.structs.replace(event, sender="stranger", links=links)


def lacking(event: Event) -> bytes | Suppressed:
    """As platforms refuse what says too little."""
    user, money = event.user_data, event.custom_data
    if money.value is None or not money.order_id:
        return Suppressed("missing_value" if money.value is None else "missing_order_id")
    return encode(event) if user.ph or user.external_id or user.fbp or user.fbc else Suppressed("no_identifier")


def without_yes(entry: OrderEntry, yes: Consent = Consent.UNSTATED, **user: Any) -> OrderEntry:
    assert entry.copy is not None
    facts = msgspec.structs.replace(entry.copy.user_data, **user)
    return msgspec.structs.replace(entry, copy=msgspec.structs.replace(entry.copy, consent=yes, user_data=facts))


SILENT = without_yes(shop(), fbp=FBP)
UNKNOWN = without_yes(shop(), Consent.GRANTED)
LACKS: dict[str, list[OrderEntry | Event]] = {
    "a webhook without a yes": [SILENT],
    "a webhook without an identifier": [UNKNOWN],
    "a webhook without either": [without_yes(shop())],
    "no yes, then the buyer's": [SILENT, buyer()],
    "no identifier, then the buyer's": [UNKNOWN, buyer()],
    "a silent buyer, then a silent webhook": [buyer(consent=Consent.UNSTATED), SILENT],
    "a silent server": [server(fbp=FBP)],
    "a server without an identifier, then a webhook with a yes": [server(), UNKNOWN],
    "a webhook without a yes, then one with it": [SILENT, without_yes(shop(at=5), Consent.GRANTED, fbp=FBP)],
}


@pytest.mark.parametrize("story", list(LACKS))
@law_of(6)
@given(
    forged=st.lists(st.tuples(st.integers(0, 20), strangers()), min_size=1, max_size=4),
    unmatched=st.sampled_from(["vouched", "send"]),
    restart=st.booleans(),
)
def test_what_an_order_lacks_no_stranger_brings(story, forged, unmatched, restart):
    """Given up for what it lacked, it is looked at again when somebody speaks: no yes, identifier or sum of a stranger's counts."""
    differs(LACKS[story], forged, unmatched, restart, build=lacking, require_consent=True)


@law_of(12)
@given(
    forged=st.lists(st.tuples(st.integers(0, 20), strangers()), min_size=1, max_size=4),
    event_id=st.sampled_from(["x-1", "srv-1", f"purchase.demo.{ORDER}"]),
    restart=st.booleans(),
)
def test_who_said_nothing_does_not_leave_by_a_strangers_yes(forged, event_id, restart):
    """No shop speaks, and a browser that is silent where silence is not enough: its data leave by nobody else's word."""
    silent = buyer(event_id, consent=Consent.UNSTATED)
    others = [(place, msgspec.structs.replace(e, tier=Tier.T0)) for place, e in forged]
    left = differs([silent], others, "send", restart, require_consent=True)
    said = [decode_event(body).user_data for _, _, _, body in left]
    assert not [
        user
        for user in said
        if user.fbp == FBP or silent.user_data.fbc == user.fbc or silent.user_data.em[0] in user.em
    ]


NAMES_TWO = forger(f"order:{SECOND}", order=ORDER)
NAMED = [
    ("then the other one's, with a token of any page", [(0, NAMES_TWO), (8, forger(order=SECOND, tier=Tier.T1))]),
    ("twice", [(0, NAMES_TWO), (4, msgspec.structs.replace(NAMES_TWO, event_id="x-2"))]),
    ("between", [(2, NAMES_TWO), (3, forger(f"order:{ORDER}", order=SECOND, event_id="x-3"))]),
]  # fmt: skip


@pytest.mark.parametrize("forged", [r[1] for r in NAMED], ids=[r[0] for r in NAMED])
@pytest.mark.parametrize("story", ["the buyer said no", "buyer, server, webhook", "two orders", "two servers' orders"])
def test_a_copy_that_names_two_orders_joins_and_parts_nothing(story, forged):
    """Neither the buyer's no nor their keys are lost to another order that a stranger named beside."""
    for restart in (False, True):
        differs(STORIES[story], forged, "send", restart)


@pytest.mark.parametrize("story", ["a server, then the webhook", "buyer, server, webhook", "a webhook"])
def test_an_id_that_can_be_guessed_and_left_before_renames_nothing(story):
    """Two strangers' copies under the id that the webhook will have leave together, before the shop has said a word."""
    guessed = f"purchase.demo.{ORDER}"
    thief = {"fbp": "fb.1.1789998000000.666", "fbc": "fb.1.1789998000000.IwAR0-thief", "client_user_agent": "curl/8"}
    early = [
        msgspec.structs.replace(
            copy(guessed, BROWSER, order=ORDER, value="0.01", em="", tier=tier, consent=Consent.GRANTED,
                 client_ip_address="198.51.100.66", **thief),
            sender="stranger", action_source=source,
        )
        for tier, source in ((Tier.T1, "physical_store"), (Tier.T0, "app"))
    ]  # fmt: skip
    for restart in (False, True):
        differs(STORIES[story], list(enumerate(early)), "vouched", restart)


@st.composite
def colleagues(draw) -> Event:
    """A copy by somebody who holds the dataset's key, knows numbers and ids, and makes up the money and a buyer's no."""
    event = draw(strangers())
    named = {"event_name": "Purchase", "sender": "colleague"}
    said = {"consent": draw(st.sampled_from(list(Consent))), "denied": draw(st.sampled_from([(), ("marketing",)]))}
    event = msgspec.structs.replace(event, tier=Tier.T2, channel=SERVER, **named, **said)
    event.custom_data.value, event.custom_data.currency = draw(st.sampled_from([Decimal("0.01"), Decimal(9999)])), "EUR"
    event.custom_data.order_id = draw(st.sampled_from([ORDER, SECOND, NUMBER, None]))
    if draw(st.booleans()):  # says nothing that speaks against the buyer
        event.user_data = msgspec.structs.replace(
            event.user_data, client_ip_address=None, client_user_agent=AGENT, fbp=None
        )
        event.visitor = None
    return event


@pytest.mark.parametrize(
    "story", ["a webhook", "the buyer, then the webhook", "two orders", "a webhook that comes again"]
)
@law_of(8)
@given(
    forged=st.lists(st.tuples(st.integers(0, 20), colleagues()), min_size=1, max_size=3),
    unmatched=st.sampled_from(["vouched", "send", "drop"]),
    late=st.booleans(),
    restart=st.booleans(),
)
def test_who_holds_the_key_stops_and_revalues_no_signed_order(story, forged, unmatched, late, restart):
    """Each order's own word leaves once to each destination, with its own money, also when what was made up left before."""
    honest: list[list[OrderEntry | Event]] = [[], *([] for _ in range(12 * late)), *([step] for step in STORIES[story])]
    for place, event in forged:
        honest[place % 3 if late else place % len(honest)].insert(0 if place % 2 else 9, event)
    with tempfile.TemporaryDirectory() as name:
        left = play(Path(name), honest, OrderPolicy(wait_ms=60_000, unmatched=unmatched), restart)
        assert_sums_hold(Path(name))
    signed = [(d, e.custom_data.order_id, str(e.custom_data.value)) for _, d, _, raw in left
              if (e := decode_event(raw)).sender == "shopify"]  # fmt: skip
    orders = {ORDER, SECOND} if story == "two orders" else {ORDER}
    assert sorted(signed) == sorted((d, order, "129.90") for d in DESTINATIONS for order in orders)


def test_a_yes_that_comes_under_a_forgotten_id_is_heard():
    """A stranger stands beside the buyer under one id, so the shop's silent order stands apart; the buyer's yes comes under that id
    alone, which still leads to what the order has replaced. The order is looked at again."""
    silent = buyer(consent=Consent.UNSTATED)
    beside = msgspec.structs.replace(
        copy("b-1", BROWSER, order=ORDER, value="0.01", client_ip_address="198.51.100.66"), sender="stranger"
    )
    yes = copy("b-1", BROWSER, value="129.90", consent=Consent.GRANTED, fbp=FBP)
    policy = OrderPolicy(wait_ms=60_000, unmatched="vouched")
    for restart in (False, True):
        with tempfile.TemporaryDirectory() as name:
            steps: list[list[OrderEntry | Event]] = [[], [silent], [beside], [SILENT], [], [], [], [yes]]
            left = play(Path(name), steps, policy, restart, require_consent=True)
            assert_sums_hold(Path(name))
        told = [decode_event(body) for _, _, _, body in left]
        assert [(e.sender, str(e.custom_data.value)) for e in told] == [("shopify", "129.90")] * len(DESTINATIONS)
