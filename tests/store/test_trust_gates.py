"""Gates of trust on the real store: robots, limits and confirmation, and that a trusted copy always brings it back."""

from __future__ import annotations

import ast
import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from copies import BROWSER, DAY, HOLD, NOW, SERVER, assert_sums_hold, claim, encode, opened, rows, sent
from copies import copy_of_buyer as copy
from msgspec.structs import replace

from tests.ledger.facts import SHOP, report
from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.event.model import Consent, Tier
from twofold.ledger.model import Paid
from twofold.ledger.policy import OrderPolicy
from twofold.store.fold import unite
from twofold.store.gates.contract import LACKING, Suppressed
from twofold.store.gates.trust import DROPPED, KEPT_BACK, REOPENED, VOUCHED
from twofold.store.opened.routes import Route
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import REVIVE_PORTION, Store

DUE = NOW + HOLD
MINUTE = 60_000


def run_with(folder, scenario, *, bots: bool = True, **trust):
    """A scenario on a store whose dataset 1 has these rules."""

    async def main():
        policies = {"1": DatasetPolicy(id="1", suppress_bots=bots, trust=TrustRules(**trust))}
        async with opened(folder, hold={}, policies=policies) as store:
            return await scenario(store)

    return asyncio.run(main())


def outcome(folder) -> list[tuple[str, str]]:
    assert_sums_hold(folder)
    return [(d["state"], d["reason"]) for d in rows(folder, "deliveries")]


def robot(**facts):
    return replace(copy("1", BROWSER, **facts), bot="crawler")


def overdone(**facts):
    return replace(copy("1", BROWSER, **{"value": "9999", **facts}), held_back="value_over_cap")


def test_a_robot_is_kept_and_not_sent(tmp_path):
    """Suppressed with its reason, counted like every action; with the switch off it goes."""

    async def scenario(store):
        await store.append([robot()])
        return len(await claim(store, DUE))

    assert run_with(tmp_path / "a", scenario) == 0
    assert outcome(tmp_path / "a") == [("suppressed", "bot")]
    assert run_with(tmp_path / "b", scenario, bots=False) == 1


@pytest.mark.parametrize("agent", ["crawler", "automation", "no_user_agent"])
@pytest.mark.parametrize(
    ("tier", "channel", "leaves"),
    [(Tier.T0, BROWSER, 0), (Tier.T1, BROWSER, 0), (Tier.T2, SERVER, 1), (Tier.T3, SERVER, 1)],
    ids=["browser", "browser with a token", "server", "signed webhook"],
)
def test_only_browsers_are_judged_by_what_they_call_themselves(tmp_path, agent, tier, channel, leaves):
    """A paid order that repeats a robot's user agent is a sale: whoever signed it vouches for it."""

    async def scenario(store):
        await store.append([replace(copy("1", channel, order="1001", tier=tier), bot=agent)])
        return len(await claim(store, DUE))

    assert run_with(tmp_path, scenario) == leaves


def flooded(**facts):
    return replace(copy("1", BROWSER, **facts), held_back="quarantine")


@pytest.mark.parametrize("held", [robot, overdone, flooded], ids=["robot", "over the cap", "quarantine"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_trusted_copy_overrules_it(tmp_path, held, late):
    """A forger who is first with a real order's number delays nothing: the shop's own copy is sent, with its own money."""

    async def scenario(store):
        await store.append([held(order="1001")])
        early = await claim(store, DUE) if late else []
        await store.append([copy("1", SERVER, value="42.50", order="1001", tier=Tier.T3, at=DUE)])
        return early, [sent(d) for d in await claim(store, DUE + 1)]

    early, (event,) = run_with(tmp_path, scenario)
    assert early == []
    assert (event.custom_data.value, event.held_back) == (Decimal("42.50"), None)
    assert [state for state, _ in outcome(tmp_path)] == ["waiting"]


def test_money_within_the_limits_counts_where_another_copy_overdoes_it(tmp_path):
    """Two browsers say the same action, one of them too much: the other's money is sent, not the mark of the first."""

    async def scenario(store):
        await store.append([overdone(), copy("1", BROWSER, value="20", at=NOW + 1)])
        return [sent(d) for d in await claim(store, DUE)]

    (event,) = run_with(tmp_path, scenario)
    assert (event.custom_data.value, event.held_back) == (Decimal("20"), None)


def test_all_over_the_limits_goes_nowhere(tmp_path):
    async def scenario(store):
        await store.append([overdone()])
        return await claim(store, DUE)

    assert run_with(tmp_path, scenario) == []
    assert outcome(tmp_path) == [("suppressed", "value_over_cap")]


CONFIRMING = [
    # what comes, claims at, drop, (claims that bring it, marks)
    ("nothing", False, ([5], "unconfirmed")),
    ("nothing", True, ([], None)),
    ("token", False, ([1], "")),
    ("server", False, ([2], "")),
    ("browser", False, ([5], "unconfirmed")),
]


@pytest.mark.parametrize(("comes", "drop", "expected"), CONFIRMING, ids=range(len(CONFIRMING)))
def test_an_untrusted_purchase_waits_for_confirmation(tmp_path, comes, drop, expected):
    """Five minutes for a better copy: at once when it comes, else as the dataset wishes, marked. A token is enough."""

    async def scenario(store):
        tier = Tier.T1 if comes == "token" else Tier.T0
        await store.append([copy("1", BROWSER, tier=tier)])
        brought = []
        for minute in range(1, 7):
            if minute == 2 and comes in ("server", "browser"):
                channel = SERVER if comes == "server" else BROWSER
                await store.append([copy("1", channel, at=NOW + 2 * MINUTE)])
            brought += [minute for _ in await claim(store, NOW + minute * MINUTE, lease_ms=10**9)]
        return brought

    brought = run_with(tmp_path, scenario, confirm_ms={"Purchase": 5 * MINUTE}, drop_unconfirmed=drop)
    assert brought == expected[0]
    if drop:
        assert outcome(tmp_path) == [("suppressed", "unconfirmed")]


def test_what_waits_for_confirmation_is_looked_at_when_its_time_is_over(tmp_path):
    """And not before, unless something comes."""

    async def scenario(store):
        await store.append([copy("1", BROWSER)])
        return await claim(store, NOW + MINUTE)

    assert run_with(tmp_path, scenario, confirm_ms={"Purchase": 5 * MINUTE}) == []
    (waiting,) = rows(tmp_path, "deliveries")
    assert (waiting["reason"], waiting["due_at"]) == ("awaiting_confirmation", NOW + 5 * MINUTE)


def test_other_names_do_not_wait(tmp_path):
    async def scenario(store):
        await store.append([copy("1", BROWSER, name="PageView", value=None)])
        return len(await claim(store, NOW))

    assert run_with(tmp_path, scenario, confirm_ms={"Purchase": 5 * MINUTE}) == 1


def test_a_confirmation_after_the_end_still_counts(tmp_path):
    """Dropped as unconfirmed, then confirmed: sent after all."""

    async def scenario(store):
        await store.append([copy("1", BROWSER)])
        await claim(store, NOW + 6 * MINUTE)
        await store.append([copy("1", SERVER, at=NOW + 7 * MINUTE)])
        return len(await claim(store, NOW + 7 * MINUTE))

    assert run_with(tmp_path, scenario, confirm_ms={"Purchase": 5 * MINUTE}, drop_unconfirmed=True) == 1


def test_nothing_else_is_brought_back(tmp_path):
    """A better copy undoes a lack of trust or of a word, never a no."""

    async def scenario(store):
        await store.append([copy("1", BROWSER, consent=Consent.DENIED)])
        await claim(store, DUE)
        await store.append([copy("1", SERVER, consent=Consent.GRANTED, at=DUE)])
        return await claim(store, DUE + 1)

    assert run_with(tmp_path, scenario) == []
    assert outcome(tmp_path) == [("suppressed", "consent_denied")]


def silent_then(tmp_path, first, then, build=encode):
    """What is claimed of a first copy when its hold is over, and when a second one has come after that."""

    async def main():
        async with opened(tmp_path, hold={}, require_consent=True) as store:
            await store.append([first])
            early = await claim(store, DUE, build=build)
            await store.append([then])
            late = await claim(store, DUE + 1, build=build)
            return early, [sent(d) for d in late], await claim(store, DUE + 2, build=build)

    return asyncio.run(main())


@pytest.mark.parametrize("tier", [Tier.T2, Tier.T3], ids=["server", "signed webhook"])
@pytest.mark.parametrize("order", [None, "1001"], ids=["by its id", "by its order"])
def test_silence_is_no_no(tmp_path, tier, order):
    """A page that says nothing of consent, and an order that comes with a yes after the page's copy was given up: it is sent."""
    page = copy("1", BROWSER, order=order)
    shop = copy("1", SERVER, value="42.50", order=order, tier=tier, at=DUE, consent=Consent.GRANTED)
    early, (event,), rest = silent_then(tmp_path, page, shop)
    assert (early, rest, event.custom_data.value) == ([], [], Decimal("42.50"))


def test_a_second_silence_leaves_it_unsent(tmp_path):
    """Looked at again is not let through."""
    early, late, rest = silent_then(tmp_path, copy("1", BROWSER), copy("1", SERVER, at=DUE))
    assert (early, late, rest) == ([], [], [])
    assert outcome(tmp_path) == [("suppressed", "consent_unstated")]


@pytest.mark.parametrize("reason", [r for r in LACKING if r != "consent_unstated"])
def test_what_a_platform_lacked_may_come_later(tmp_path, reason):
    """The first copy's event cannot be told without what the second brings."""

    def build(event):
        return encode(event) if event.custom_data.value == Decimal("42.50") else Suppressed(reason)

    page = copy("1", BROWSER, value=None, order="1001", consent=Consent.GRANTED)
    shop = copy("1", SERVER, value="42.50", order="1001", tier=Tier.T3, at=DUE, consent=Consent.GRANTED)
    early, (event,), rest = silent_then(tmp_path, page, shop, build)
    assert (early, rest, event.custom_data.value) == ([], [], Decimal("42.50"))


FINAL = {
    "event_without_name", "event_not_chosen", "not_in_share", "no_conversion_action",  # settings say so
    "limited_use", "other_event_source",  # what the event is, however much is said of it
}  # fmt: skip


def test_each_reason_of_a_destination_is_final_or_not():
    """Whoever gives a new reason for not sending says which of the two it is."""
    import twofold.destinations.terms as terms

    said = set()
    for path in Path(terms.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Suppressed":
                named = node.args[0]
                word = (
                    named.value if isinstance(named, ast.Constant) else getattr(terms, getattr(named, "id", ""), None)
                )
                said |= {word} if word else set()
            if isinstance(node, ast.FunctionDef) and node.name == "_refusable":
                said |= {r.value.value for r in ast.walk(node) if isinstance(r, ast.Return) and r.value.value}
    assert said == FINAL | set(LACKING) - {"consent_unstated"}


def test_the_statement_knows_the_same_reasons():
    """The list in the code and the one in the statement are one."""
    from twofold.store.sqlite.statements import statement

    for name, reasons, others in (
        ("requeue_deliveries", (*VOUCHED, *LACKING), 3),  # waiting, the empty reason, suppressed
        ("requeue_dropped", (DROPPED,), 3),  # the same
        ("let_through", REOPENED, 3),  # waiting, released, suppressed
        ("turn_away", KEPT_BACK, 2),  # dropped_by_hand, suppressed
    ):
        text = statement(name)
        assert all(f"'{reason}'" in text for reason in reasons)
        assert text.count("'") == 2 * (len(reasons) + others)


KEPT = [
    ("robot", robot, {}),
    ("over the cap", overdone, {}),
    ("in a quarantine", flooded, {}),
    (
        "unconfirmed",
        lambda **f: copy("1", BROWSER, **f),
        {"confirm_ms": {"Purchase": MINUTE}, "drop_unconfirmed": True},
    ),
]


def test_a_person_cannot_let_through_what_another_action_stands_for(tmp_path):
    """A robot's Purchase was kept back, the shop's own order stands for it since and was told: the word changes nothing."""

    async def scenario(store):
        stranger = {"client_ip_address": "198.51.100.1", "client_user_agent": "Other/1"}
        await store.append([replace(copy("page-1", BROWSER, order="1001", **stranger), bot="crawler")])
        assert await claim(store, DUE) == []
        (kept,) = rows(tmp_path, "deliveries")
        await store.append([copy("shop-1", SERVER, order="1001", tier=Tier.T3, at=DUE)])
        assert len(await claim(store, DUE, lease_ms=10**9)) == 1
        return await store.judge_kept_back("release", [kept["id"]], DUE + 1), await claim(store, DUE + 2)

    assert run_with(tmp_path, scenario) == (0, [])


@pytest.mark.parametrize(("held", "trust"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_a_person_lets_it_through(tmp_path, held, trust):
    """Whatever kept it back, it is sent with what it said, once, and the word stays through a restart."""

    async def keep(store):
        await store.append([held()])
        assert await claim(store, DUE + 2 * MINUTE) == []

    async def let_through(store):
        (row,) = rows(tmp_path, "deliveries")
        assert await store.judge_kept_back("release", [row["id"]], DUE + 3 * MINUTE) == 1
        assert await store.judge_kept_back("release", [row["id"]], DUE + 3 * MINUTE) == 0

    async def leave(store):
        return [sent(d) for d in await claim(store, DUE + 4 * MINUTE)]

    run_with(tmp_path, keep, **trust)
    run_with(tmp_path, let_through, **trust)
    assert outcome(tmp_path) == [("waiting", "released")]
    (event,) = run_with(tmp_path, leave, **trust)
    assert (event.event_id, event.held_back) == ("1", None)


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("act", ["release", "drop"])
def test_a_person_judges_any_number(tmp_path, act, more):
    """Also as many as are changed in one portion, and one more."""
    count = REVIVE_PORTION + more

    async def scenario(store):
        await store.append([replace(copy(f"e{n}", BROWSER), bot="crawler") for n in range(count)])
        assert await claim(store, DUE, limit=count) == []
        return await store.judge_kept_back(act, [row["id"] for row in rows(tmp_path, "deliveries")], DUE)

    assert run_with(tmp_path, scenario) == count


def test_a_release_outlives_a_wait_for_the_orders_money(tmp_path):
    """Let through by a person, then its order is reported, unpaid: it waits for the money, and leaves with it."""

    def told(at, paid):
        said = report(at, paid, "42.50", order="1001")
        return OrderEntry(dataset="1", source=SHOP, report=said, copy=None, received_at=NOW + at)

    async def scenario():
        rules = OrderPolicy(wait_ms=0, unmatched="send")
        route = Route(destinations=("meta-1",), orders=rules, has_orders=True)
        store = Store(tmp_path, routes={"1": route}, policies={"1": DatasetPolicy(id="1")}, opened_at=NOW)
        store.start()
        try:
            await store.append([robot(order="1001", value="42.50")])
            assert await claim(store, DUE) == []
            assert outcome(tmp_path) == [("suppressed", "bot")]
            (row,) = rows(tmp_path, "deliveries")
            await store.judge_kept_back("release", [row["id"]], DUE)
            await store.append_orders([told(1, Paid.UNPAID)])
            assert await claim(store, DUE + MINUTE) == []
            assert outcome(tmp_path)[0][0] == "waiting"
            await store.append_orders([told(2, Paid.PAID)])
            return [sent(d).event_id for d in await claim(store, DUE + 2 * MINUTE)]
        finally:
            await store.close()

    assert asyncio.run(scenario()) == ["1"]


def test_a_wait_for_confirmation_ends_by_the_time_that_is_certain(tmp_path):
    """A clock ten years ahead that nobody believes ends no wait."""

    async def scenario(store):
        store.trust(lambda now: min(now, NOW + MINUTE))
        await store.append([copy("1", BROWSER)])
        return await claim(store, NOW + 3650 * DAY)

    assert run_with(tmp_path, scenario, confirm_ms={"Purchase": 5 * MINUTE}, drop_unconfirmed=True) == []
    assert outcome(tmp_path) == [("waiting", "awaiting_confirmation")]


def test_a_release_lets_nothing_through_that_consent_stops(tmp_path):
    """A person's word is about trust; a withdrawal of another person's consent stands above it."""
    from twofold.event.model import Consent

    async def scenario(store):
        await store.append([robot(consent=Consent.DENIED)])
        await claim(store, DUE)
        (row,) = rows(tmp_path, "deliveries")
        return row["reason"], await store.judge_kept_back("release", [row["id"]], DUE)

    assert run_with(tmp_path, scenario) == ("consent_denied", 0)


def test_what_is_dropped_is_sent_when_a_trusted_copy_comes(tmp_path):
    """A person turned the browser's word away, not the shop's."""

    async def scenario(store):
        await store.append([overdone(order="1001")])
        await claim(store, DUE)
        (row,) = rows(tmp_path, "deliveries")
        assert await store.judge_kept_back("drop", [row["id"]], DUE) == 1
        assert [r["reason"] for r in rows(tmp_path, "deliveries")] == ["dropped_by_hand"]
        assert await claim(store, DUE + MINUTE) == []
        await store.append([copy("1", SERVER, value="42.50", order="1001", tier=Tier.T3, at=DUE + MINUTE)])
        return [sent(d) for d in await claim(store, DUE + 2 * MINUTE)]

    (event,) = run_with(tmp_path, scenario)
    assert event.custom_data.value == Decimal("42.50")


@pytest.mark.parametrize("held", [robot, overdone, flooded], ids=["robot", "over the cap", "quarantine"])
def test_what_is_dropped_no_plain_browser_brings_back(tmp_path, held):
    """A person has looked and said no: another browser's word for the same order is no better than the first one's."""

    async def scenario(store):
        await store.append([held(order="1001")])
        await claim(store, DUE)
        (row,) = rows(tmp_path, "deliveries")
        assert await store.judge_kept_back("drop", [row["id"]], DUE) == 1
        await store.append([copy("1", BROWSER, value="20", order="1001", at=DUE + MINUTE)])
        return await claim(store, DUE + 2 * MINUTE)

    assert run_with(tmp_path, scenario) == []
    assert ("suppressed", "dropped_by_hand") in outcome(tmp_path)


def test_a_lone_claim_looks_at_nothing_again(tmp_path):
    """A stranger's copy about an order that was given up does not even have it judged anew."""

    async def main():
        async with opened(tmp_path, hold={}, require_consent=True) as store:
            await store.append([copy("1", SERVER, order="1001", tier=Tier.T3, client_ip_address="203.0.113.1")])
            await claim(store, DUE)
            stranger = copy(
                "x", BROWSER, order="1001", at=DUE, consent=Consent.GRANTED, client_ip_address="198.51.100.6"
            )
            await store.append([stranger])

    asyncio.run(main())
    assert outcome(tmp_path) == [("suppressed", "consent_unstated")]


LIMITING = [
    # what the server's copy says, what the browser's says, what is sent
    ({"data_processing_options": ()}, {"data_processing_options": ("LDU",)}, {"data_processing_options": ("LDU",)}),
    (
        {"data_processing_options": ("AMO",), "data_processing_options_country": 0},
        {
            "data_processing_options": ("LDU",),
            "data_processing_options_country": 1,
            "data_processing_options_state": 1000,
        },
        {
            "data_processing_options": ("LDU",),
            "data_processing_options_country": 1,
            "data_processing_options_state": 1000,
        },
    ),
    ({"opt_out": False}, {"opt_out": True}, {"opt_out": True}),
    ({"opt_out": True}, {"opt_out": False}, {"opt_out": True}),
    ({"data_processing_options": ()}, {}, {"data_processing_options": ()}),
]


@pytest.mark.parametrize(("server", "browser", "united"), LIMITING, ids=range(len(LIMITING)))
def test_what_one_copy_limits_is_limited(server, browser, united):
    """The more trusted copy has the better word for everything else, not for what the shopper allows."""
    copies = [replace(copy("1", BROWSER), **browser), replace(copy("1", SERVER), **server)]
    event = unite(copies)
    assert {name: getattr(event, name) for name in united} == united


@pytest.mark.parametrize("first", ["report", "buyer"])
@pytest.mark.parametrize("reason", ["value_over_cap", "currency_not_listed", "quarantine", "unconfirmed"])
def test_an_order_that_its_shop_reports_needs_no_better_copy_than_a_browsers(tmp_path, first, reason):
    """Its money is the shop's: limits on what strangers say do not concern it, nor is it waited for; also where it was kept back before."""
    held = None if reason == "unconfirmed" else reason
    browser = replace(copy("1", BROWSER, order="1001", value="9999"), held_back=held)
    told = OrderEntry(
        dataset="1", source=SHOP, report=report(2, Paid.PAID, "42.50", order="1001"), copy=None, received_at=NOW
    )

    async def scenario(store):
        before = []
        for one in (told, browser) if first == "report" else (browser, told):
            await (store.append_orders([one]) if one is told else store.append([one]))
            before += await claim(store, DUE + len(before))
        [delivery] = before
        return sent(delivery).custom_data.value, sent(delivery).held_back

    assert run_with(tmp_path, scenario, confirm_ms={"Purchase": 0}, drop_unconfirmed=True) == (Decimal("42.50"), None)


@pytest.mark.parametrize("named", ["#1001", "5000000001001"], ids=["by its number", "by its id"])
def test_a_robot_that_named_an_order_first_does_not_keep_its_buyer_from_it(tmp_path, named):
    """Nothing of the buyer is in the report, and the robot's action stood for the order until it was given up."""
    said = report(2, Paid.PAID, "42.50", order="5000000001001", aliases=("number:1001",))
    told = OrderEntry(dataset="1", source=SHOP, report=said, copy=None, received_at=NOW)
    stranger = replace(robot(order=named, client_ip_address="198.51.100.66"), event_id="r-1")

    async def scenario(store):
        await store.append_orders([told])
        await store.append([stranger])
        assert await claim(store, DUE) == []
        await store.append([copy("b-1", BROWSER, order="5000000001001", fbp="fb.1.1.2")])
        [delivery] = await claim(store, DUE + 1)
        return sent(delivery)

    event = run_with(tmp_path, scenario)
    assert (event.bot, event.user_data.fbp, event.user_data.client_ip_address) == (None, "fb.1.1.2", "203.0.113.9")
