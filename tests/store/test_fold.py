"""The fold: which verdict each copy gets, what an action keeps, what is sent for it, and that the sums hold."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from copies import (
    BROWSER,
    CONFLICT,
    FIRST,
    HOLD,
    NOW,
    REPEAT,
    SERVER,
    TWIN,
    actions,
    appended,
    assert_sums_hold,
    claim,
    rows,
    sent,
    settlement,
    with_store,
)
from copies import (
    copy_of_buyer as copy,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies import slow_law
from twofold.event.model import Channel, CustomData, Event, Tier
from twofold.store.fold import unite

# what it shows, the copies in the order they come, their verdicts, the number of copies of each action
VERDICTS = [
    ("the same again", [copy(), copy()], [FIRST, REPEAT], [2]),
    ("the other channel", [copy(), copy(channel=BROWSER)], [FIRST, TWIN], [2]),
    ("browser first", [copy(channel=BROWSER), copy()], [FIRST, TWIN], [2]),
    ("twin and repeats", [copy(), copy(channel=BROWSER), copy(), copy(channel=BROWSER)], [FIRST, TWIN, REPEAT, REPEAT], [4]),
    ("another id", [copy("e1"), copy("e2")], [FIRST, FIRST], [1, 1]),
    ("another case", [copy("e1"), copy("E1")], [FIRST, FIRST], [1, 1]),
    ("another name", [copy(name="Lead"), copy(name="Contact")], [FIRST, FIRST], [1, 1]),
    ("another dataset", [copy(), copy(dataset="2")], [FIRST, FIRST], [1, 1]),
    ("other money", [copy(value="42.50"), copy(value="42.51")], [FIRST, CONFLICT], [2]),
    ("other money by the other channel", [copy(), copy(channel=BROWSER, value="1")], [FIRST, CONFLICT], [2]),
    ("other currency", [copy(), copy(currency="USD")], [FIRST, CONFLICT], [2]),
    ("the same money written otherwise", [copy(value="42.50"), copy(value="42.5")], [FIRST, REPEAT], [2]),
    ("no money beside money", [copy(name="Lead"), copy(name="Lead", value=None, channel=BROWSER)], [FIRST, TWIN], [2]),
    ("money beside no money", [copy(name="Lead", value=None), copy(name="Lead", channel=BROWSER)], [FIRST, TWIN], [2]),
    ("other goods", [copy(ids=("a",)), copy(ids=("b",), channel=BROWSER)], [FIRST, CONFLICT], [2]),
    ("more goods", [copy(ids=("a",)), copy(ids=("a", "b"))], [FIRST, CONFLICT], [2]),
    ("goods in another order", [copy(ids=("a", "b")), copy(ids=("b", "a"))], [FIRST, REPEAT], [2]),
    ("goods as ids and as lines", [copy(ids=("a", "b")), copy(lines=("b", "a"), channel=BROWSER)], [FIRST, TWIN], [2]),
    ("no goods beside goods", [copy(ids=("a",)), copy()], [FIRST, REPEAT], [2]),
    ("goods of the second copy", [copy(), copy(ids=("a",)), copy(ids=("b",))], [FIRST, REPEAT, CONFLICT], [3]),
    ("another order", [copy(order="1"), copy(order="2")], [FIRST, CONFLICT], [2]),
    ("no order beside an order", [copy(order="1"), copy(channel=BROWSER)], [FIRST, TWIN], [2]),
    ("one order, two ids", [copy("e1", order="1"), copy("e2", BROWSER, order="1")], [FIRST, TWIN], [2]),
    ("one order, one id missing", [copy("e1", order="1"), copy(None, BROWSER, order="1")], [FIRST, TWIN], [2]),
    ("one order, no ids", [copy(None, order="1"), copy(None, order="1")], [FIRST, REPEAT], [2]),
    ("one order, two datasets", [copy("e1", order="1"), copy("e2", order="1", dataset="2")], [FIRST, FIRST], [1, 1]),
    ("one order, no purchases", [copy("e1", name="Lead", order="1"), copy("e2", name="Lead", order="1")], [FIRST, FIRST], [1, 1]),
    ("neither id nor order", [copy(None), copy(None)], [FIRST, FIRST], [1, 1]),
    ("an id is no order", [copy("7", order="8"), copy("9", order="7")], [FIRST, FIRST], [1, 1]),
    # two actions that a later copy shows to be one: the linking copy is judged against what both have become
    ("linked by id and order", [copy("a"), copy("b", order="1"), copy("a", order="1")], [FIRST, FIRST, REPEAT], [3]),
    ("linked, then seen by either", [copy("a"), copy("b", order="1"), copy("a", BROWSER, order="1"), copy("b"), copy("a")], [FIRST, FIRST, TWIN, REPEAT, REPEAT], [5]),
    ("linked in a chain", [copy("a"), copy("b", order="1"), copy("c"), copy("a", order="1"), copy("c", order="1")], [FIRST, FIRST, FIRST, REPEAT, REPEAT], [5]),
    ("linked with other money", [copy("a", value="1"), copy("b", order="1"), copy("a", value="1", order="1")], [FIRST, FIRST, REPEAT], [3]),
]  # fmt: skip


@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one batch"])
@pytest.mark.parametrize(("copies", "verdicts", "sizes"), [r[1:] for r in VERDICTS], ids=[r[0] for r in VERDICTS])
def test_verdicts(tmp_path, copies, verdicts, sizes, together):
    """Each copy gets this verdict and each action these copies, whether they share a transaction or not."""
    assert appended(tmp_path, copies, together=together) == verdicts
    assert [row["verdict"] for row in rows(tmp_path, "events")] == verdicts
    assert [row["copies"] for row in actions(tmp_path)] == sizes
    assert_sums_hold(tmp_path)


@pytest.mark.parametrize(("copies", "verdicts", "sizes"), [r[1:] for r in VERDICTS], ids=[r[0] for r in VERDICTS])
def test_verdicts_survive_restarts(tmp_path, copies, verdicts, sizes):
    """The same when the store is closed and opened between any two copies."""
    assert [appended(tmp_path, [c])[0] for c in copies] == verdicts
    assert [row["copies"] for row in actions(tmp_path)] == sizes


def folded(folder: Path, copies: list[Event], **settings) -> tuple[dict, Event]:
    """(the only action's row, the event that is sent for it)."""

    async def scenario(store):
        for c in copies:
            await store.append([c])
        (delivery,) = await claim(store, max(c.received_at for c in copies) + HOLD)
        return sent(delivery)

    event = with_store(folder, scenario, **settings)
    (row,) = actions(folder)
    return row, event


TIERS = [
    copy(channel=BROWSER, tier=Tier.T0, value="1.00", currency="USD", order="1", ids=("x",)),
    copy(tier=Tier.T2, value="2.00", order="1", ids=("y",)),
    copy(tier=Tier.T3, value="3.00", order="1", ids=("z",)),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_highest_tier_decides_about_money_and_goods(tmp_path, order):
    """In all six orders of three copies that contradict each other, the signed webhook's word is kept and sent."""
    row, event = folded(tmp_path, [TIERS[n] for n in order])
    assert (row["value"], row["currency"], row["tier"], row["copies"]) == ("3.00", "EUR", 3, 3)
    assert (str(event.custom_data.value), event.custom_data.currency) == ("3.00", "EUR")
    assert event.custom_data.content_ids == ("z",)
    assert [r["verdict"] for r in rows(tmp_path, "events")] == ["first", "conflict", "conflict"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_lower_tier_cannot_take_the_signature_away(tmp_path, order):
    """A stranger's copy that came first leaves nothing of its money, whichever copies follow it."""
    later = [TIERS[n] for n in order if n != 0]
    row, event = folded(tmp_path, [TIERS[0], *later])
    assert (row["value"], str(event.custom_data.value)) == ("3.00", "3.00")


def test_within_a_tier_the_first_word_stays(tmp_path):
    """Two servers that disagree: the earlier one's money is kept and sent."""
    row, event = folded(tmp_path, [copy(value="5"), copy(value="6")])
    assert (row["value"], str(event.custom_data.value)) == ("5", "5")


MONEY_LATER = [
    # the higher tier has no money when it comes first, and its second copy has other money than the browser's
    [copy(name="Lead", value=None), copy(name="Lead", channel=BROWSER, value="1"), copy(name="Lead", value="2")],
    [copy(name="Lead", value=None, ids=("a",)), copy(name="Lead", channel=BROWSER, value="1", ids=("b",)), copy(name="Lead", ids=("a",))],
    [copy(name="Lead", channel=BROWSER, value="1"), copy(name="Lead", value=None), copy(name="Lead", value="2")],
]  # fmt: skip


@pytest.mark.parametrize("copies", MONEY_LATER)
def test_the_listed_money_is_the_money_that_is_sent(tmp_path, copies):
    """What `actions` shows once the payload is frozen is what is in the payload."""
    row, event = folded(tmp_path, copies)
    assert row["value"] == str(event.custom_data.value)
    assert row["currency"] == event.custom_data.currency


IDS = [
    ([copy("s", order="1"), copy("b", BROWSER, order="1")], "b"),
    ([copy("b", BROWSER, order="1"), copy("s", order="1")], "b"),
    ([copy("s", order="1"), copy(None, BROWSER, order="1")], "s"),
    ([copy(None, BROWSER, order="1"), copy("s", order="1")], "s"),
    ([copy("b1", BROWSER, order="1"), copy("b2", BROWSER, order="1")], "b1"),
    ([copy("s1", order="1"), copy("s2", order="1", tier=Tier.T3)], "s1"),
]


@pytest.mark.parametrize(("copies", "expected"), IDS)
def test_the_id_it_is_sent_under(tmp_path, copies, expected):
    """The browser's own id, because the platform's pixel used it; else the first that a sender gave."""
    row, event = folded(tmp_path, copies)
    assert (event.event_id, row["event_id"]) == (expected, expected)


def test_match_keys_are_united(tmp_path):
    """Every hash of every copy once, the higher tier's first; browser ids from whoever had them; IPv6 preferred."""
    server = copy(em="a", client_ip_address="203.0.113.9", client_user_agent="server", fbp="fb.1.1596403881668.1")
    browser = copy(
        channel=BROWSER, em="b", client_ip_address="2001:db8::1", client_user_agent="Mozilla/5.0",
        fbp="fb.1.1596403881668.1", fbc="fb.1.1596403881668.AbC",
    )  # fmt: skip
    row, event = folded(tmp_path, [browser, server, server])
    assert [h.hex[0] for h in event.user_data.em] == ["a", "b"]
    assert event.user_data.client_ip_address == "2001:db8::1"
    assert (event.user_data.fbp, event.user_data.fbc) == ("fb.1.1596403881668.1", "fb.1.1596403881668.AbC")
    assert row["match_keys"] == ["client_ip_address", "client_user_agent", "em", "fbc", "fbp"]


# -- the hold

HOLDS = [
    # name, copies as (channel, tier, seconds after the first), when it may be claimed (seconds after the first)
    ("alone", [("s", 2, 0)], 20),
    ("the other channel", [("s", 2, 0), ("b", 0, 3)], 3),
    ("the other channel, browser first", [("b", 0, 0), ("s", 2, 3)], 3),
    ("the same again", [("s", 2, 0), ("s", 2, 3)], 20),
    ("a higher tier", [("s", 2, 0), ("s", 3, 3)], 3),
    ("a lower tier", [("s", 3, 0), ("s", 2, 3)], 20),
    ("repeats after the twin", [("s", 2, 0), ("b", 0, 3), ("s", 2, 9)], 3),
    ("a twin after the hold", [("s", 2, 0), ("b", 0, 30)], 20),
]


@pytest.mark.parametrize(("steps", "due"), [row[1:] for row in HOLDS], ids=[row[0] for row in HOLDS])
def test_how_long_an_action_waits(tmp_path, steps, due):
    """A Purchase waits its 20 s, or until the other channel or a higher tier has come; never longer, never less."""
    channels = {"s": SERVER, "b": BROWSER}

    async def scenario(store):
        for channel, tier, seconds in steps:
            await store.append([copy(channel=channels[channel], tier=Tier(tier), at=NOW + seconds * 1000)])
        early = await claim(store, NOW + due * 1000 - 1)
        return early, await claim(store, NOW + due * 1000)

    early, in_time = with_store(tmp_path, scenario)
    assert (len(early), len(in_time)) == (0, 1)


def test_other_names_do_not_wait(tmp_path):
    """Only the names with a hold are held."""

    async def scenario(store):
        await store.append([copy("p"), copy("v", name="ViewContent")])
        return [d.event_id for d in await claim(store, NOW)]

    assert with_store(tmp_path, scenario) == ["v"]


# -- late copies


def test_what_comes_after_the_first_attempt_is_late(tmp_path):
    """It is journalled, judged and counted, changes neither bytes nor money, and begins no second delivery."""

    async def scenario(store):
        await store.append([copy(value="42.50")])
        (first,) = await claim(store, NOW + HOLD)
        verdicts = await store.append([
            copy(channel=BROWSER, em="a", at=NOW + HOLD + 1),
            copy(value="99", at=NOW + HOLD + 2),
        ])  # fmt: skip
        (again,) = await claim(store, NOW + HOLD + LEASE_OVER)
        await store.settle([settlement(again)], NOW + HOLD + LEASE_OVER)
        return first, verdicts, again, await claim(store, NOW + 10 * HOLD + LEASE_OVER)

    first, verdicts, again, none = with_store(tmp_path, scenario)
    assert verdicts == [TWIN, CONFLICT]
    assert again.payload == first.payload
    assert none == []
    (row,) = actions(tmp_path)
    assert (row["copies"], row["late"], row["value"], row["state"]) == (3, 2, "42.50", "delivered")
    assert [e["late"] for e in rows(tmp_path, "events")] == [False, True, True]
    assert_sums_hold(tmp_path)


LEASE_OVER = 60_001


def test_an_unsent_action_joins_the_one_that_was_sent(tmp_path):
    """A link between a sent action and a waiting one: nothing is sent twice, and the waiting one says why."""

    async def scenario(store):
        await store.append([copy("a")])
        (delivery,) = await claim(store, NOW + HOLD)
        await store.settle([settlement(delivery)], NOW + HOLD)
        await store.append([copy("b", order="1", at=NOW + HOLD + 1)])
        await store.append([copy("a", order="1", at=NOW + HOLD + 2)])
        return await claim(store, NOW + 10 * HOLD)

    assert with_store(tmp_path, scenario) == []
    assert [(d["event_id"], d["state"], d["reason"]) for d in rows(tmp_path, "deliveries")] == [
        ("a", "delivered", ""),
        ("b", "suppressed", "merged"),
    ]
    assert_sums_hold(tmp_path)


def test_two_sent_actions_stay_two(tmp_path):
    """When both were sent before the link was seen, nothing can be taken back: both stay, the copy is a conflict."""

    async def scenario(store):
        await store.append([copy("a"), copy("b", order="1")])
        for delivery in await claim(store, NOW + HOLD):
            await store.settle([settlement(delivery)], NOW + HOLD)
        return await store.append([copy("a", order="1", at=NOW + HOLD + 1)])

    assert with_store(tmp_path, scenario) == [CONFLICT]
    assert [row["copies"] for row in actions(tmp_path)] == [2, 1]
    assert_sums_hold(tmp_path)


# -- the law


@st.composite
def shuffled_copies(draw):
    """(K actions, all their copies in any order, cut into batches). Ids differ by channel where an order joins them."""
    count = draw(st.integers(1, 6))
    copies = []
    for n in range(count):
        ordered = draw(st.booleans())
        for channel in draw(st.lists(st.sampled_from(Channel), min_size=1, max_size=5)):
            event_id = draw(st.sampled_from([f"{channel[0]}{n}", None])) if ordered else f"e{n}"
            copies.append(
                copy(event_id, channel, order=f"o{n}" if ordered else None, value=draw(st.sampled_from(["1", "2"])))
            )
    copies = draw(st.permutations(copies))
    cuts = sorted(draw(st.sets(st.integers(1, len(copies)), max_size=5)) | {len(copies)})
    batches = [copies[a:b] for a, b in itertools.pairwise([0, *cuts])]
    return count, batches


@slow_law
@given(case=shuffled_copies(), restart=st.booleans(), early=st.booleans())
def test_any_interleaving_gives_one_delivery_an_action(case, restart, early):
    """K actions, copies in any order and any batches, restarts and claims between: K actions, each sent once."""
    count, batches = case
    with tempfile.TemporaryDirectory() as name:
        folder, delivered = Path(name), []

        async def send(store, now):
            claimed = await claim(store, now)
            await store.settle([settlement(d) for d in claimed], now)
            delivered.extend(d.action for d in claimed)

        async def scenario(store, parts):
            for part in parts:
                await store.append(part)
                if early:
                    await send(store, NOW)

        for parts in [[b] for b in batches] if restart else [batches]:
            with_store(folder, lambda store, parts=parts: scenario(store, parts))
        with_store(folder, lambda store: send(store, NOW + HOLD))
        assert len(delivered) == len(set(delivered)) == len(actions(folder)) == count
        assert {row["state"] for row in actions(folder)} == {"delivered"}
        assert sum(row["copies"] for row in actions(folder)) == sum(map(len, batches))
        assert_sums_hold(folder)


def test_what_two_copies_say_beside_the_best_is_the_earlier_ones():
    """Within a tier the copy that came first has the better word for what the best one does not say."""
    first, second = (replace(copy("e", BROWSER, at=NOW + n), referrer_url=f"https://{n}.example/") for n in (1, 2))
    assert unite([copy("e"), first, second]).referrer_url == "https://1.example/"
    assert unite([copy("e"), second, first]).referrer_url == "https://2.example/"


def test_without_any_money_the_best_copys_currency_is_sent():
    copies = [
        replace(copy("e", c), custom_data=CustomData(currency=money))
        for c, money in ((SERVER, "EUR"), (BROWSER, "GEL"))
    ]
    assert unite(copies).custom_data.currency == "EUR"
