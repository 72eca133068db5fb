"""The fold's own functions on values, each expectation worked out by hand: what a copy changes in an action, and what all of them say."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from twofold.event.model import Channel, Consent, Content, CustomData, Event, Hashed, Tier, UserData
from twofold.store.fold import FoldVerdict, add_copy, begin_action, channel_bit, goods_digest, judge, sending_id, unite

NOW, HOLD = 1_790_000_000_000, 30_000
BROWSER, SERVER = Channel.BROWSER, Channel.SERVER
EM, OTHER_EM = Hashed("meta", "e" * 64), Hashed("meta", "f" * 64)


def said(value: str | None = "42.50", currency: str | None = "EUR", **more: Any) -> CustomData:
    return CustomData(value=None if value is None else Decimal(value), currency=currency, **more)


def event(tier: Tier = Tier.T2, channel: Channel = SERVER, at: int = NOW, **more: Any) -> Event:
    """A purchase that a server reports, of a person that nobody names."""
    given = {"dataset": "1", "event_name": "Purchase", "event_id": "e", "event_time": at // 1000, "received_at": at}
    return Event(
        **{
            **given,
            "channel": channel,
            "sender": "x",
            "tier": tier,
            "user_data": UserData(),
            "custom_data": said(),
            **more,
        }
    )


def action(**more: Any) -> Any:
    return replace(begin_action(event(), 7, HOLD, 2), **more)


def test_what_a_first_copy_begins():
    data = said(order_id="77", content_ids=("a",))
    begun = begin_action(event(custom_data=data, consent=Consent.GRANTED), 7, HOLD, 2)
    assert asdict(begun) == {
        "id": 7, "dataset": "1", "event_name": "Purchase", "event_id": "e", "fold_key": "id:", "event_time": NOW // 1000,
        "created_at": NOW, "due_at": NOW + HOLD, "sealed_at": None, "copies": 1, "late_copies": 0, "tier": 2, "channels": 2,
        "consent": "granted", "value": "42.50", "currency": "EUR", "order_id": "77", "goods": digest("a"),
        "destinations_at_accept": 2, "merged_into": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "order", "key"),
    [("Purchase", "77", "order:77"), ("Purchase", None, "position:7"), ("Lead", "77", "position:7")],
)
def test_what_an_action_without_an_id_is_folded_by(name, order, key):
    """An order is one purchase; of anything else it is only told."""
    begun = begin_action(event(event_name=name, id_given=False, custom_data=said(None, None, order_id=order)), 7, 0, 1)
    assert (begun.fold_key, begun.order_id, begun.value, begun.goods) == (key, order, None, None)


def test_channels_have_the_bits_that_stand_on_disk():
    assert (channel_bit(BROWSER), channel_bit(SERVER)) == (1, 2)


@pytest.mark.parametrize(
    ("of", "copy", "same_order", "verdict"),
    [
        ({}, {}, False, "repeat"),
        ({}, {"channel": BROWSER}, False, "twin"),
        ({"channels": 3}, {"channel": BROWSER}, False, "repeat"),
        ({}, {"custom_data": said("42.5")}, False, "repeat"),
        ({}, {"custom_data": said("42.51")}, False, "conflict"),
        ({}, {"custom_data": said(currency="USD")}, False, "conflict"),
        ({}, {"custom_data": said(currency=None)}, False, "repeat"),
        ({"currency": None}, {}, False, "repeat"),
        ({}, {"custom_data": said(None, "USD")}, False, "repeat"),
        ({"value": None, "currency": "USD"}, {}, False, "repeat"),
        ({"order_id": "1"}, {"custom_data": said(order_id="2")}, False, "conflict"),
        ({"order_id": "1"}, {"custom_data": said(order_id="2")}, True, "repeat"),
        ({"order_id": "1"}, {"custom_data": said("1", order_id="2")}, True, "conflict"),
        ({"order_id": "1"}, {"custom_data": said(order_id="1")}, False, "repeat"),
        ({"order_id": "1"}, {}, False, "repeat"),
        ({}, {"custom_data": said(order_id="2")}, False, "repeat"),
        ({"goods": "other"}, {"custom_data": said(content_ids=("a",))}, False, "conflict"),
        ({"goods": "other"}, {}, False, "repeat"),
        ({}, {"custom_data": said(content_ids=("a",))}, False, "repeat"),
    ],
)
def test_the_verdict_on_a_later_copy(of, copy, same_order, verdict):
    assert judge(action(**of), event(**copy), same_order) is FoldVerdict(verdict)


LATER = NOW + 1_000


@pytest.mark.parametrize(
    ("of", "copy", "counts", "changed"),
    [
        # a repeat is counted; the first word of a tier stays, and nobody need wait shorter
        ({}, {"custom_data": said("1", "USD", order_id="77")}, True, {"copies": 2, "order_id": "77"}),
        ({"order_id": "7"}, {"custom_data": said(order_id="8")}, True, {"copies": 2}),
        # with the other channel's there is nobody left to wait for
        ({}, {"channel": BROWSER}, True, {"copies": 2, "channels": 3, "due_at": LATER}),
        ({"due_at": NOW}, {"channel": BROWSER}, True, {"copies": 2, "channels": 3}),
        ({"channels": 3}, {"channel": BROWSER}, True, {"copies": 2}),
        # a higher tier's money and goods, where it names any
        (
            {"order_id": "7"},
            {"tier": Tier.T3, "custom_data": said("1", "USD", order_id="8", content_ids=("a",))},
            True,
            {"copies": 2, "tier": 3, "value": "1", "currency": "USD", "goods": "a", "due_at": LATER},
        ),
        ({"goods": "x"}, {"tier": Tier.T3, "custom_data": said(None, None)}, True, {"copies": 2, "tier": 3, "due_at": LATER}),
        # a lower tier's only where there are none
        ({"goods": "x"}, {"tier": Tier.T0, "custom_data": said("1", "USD", content_ids=("a",))}, True, {"copies": 2}),
        (
            {"value": None, "currency": None},
            {"tier": Tier.T0, "custom_data": said("1", "USD", content_ids=("a",))},
            True,
            {"copies": 2, "value": "1", "currency": "USD", "goods": "a"},
        ),
        ({"value": None, "currency": None}, {"custom_data": said(None, "USD")}, True, {"copies": 2}),
        # consent is the strictest, whenever it comes
        ({}, {"consent": Consent.DENIED}, True, {"copies": 2, "consent": "denied"}),
        (
            {"sealed_at": NOW},
            {"tier": Tier.T3, "channel": BROWSER, "custom_data": said("1", order_id="8"), "consent": Consent.DENIED},
            True,
            {"copies": 2, "late_copies": 1, "consent": "denied"},
        ),
        # a claim about what a higher tier said is counted, and heard in nothing
        ({}, {"channel": BROWSER, "consent": Consent.DENIED}, False, {"copies": 2}),
        ({"sealed_at": NOW}, {"channel": BROWSER, "consent": Consent.DENIED}, False, {"copies": 2, "late_copies": 1}),
    ],
)  # fmt: skip
def test_what_a_later_copy_changes(of, copy, counts, changed):
    before = action(**of)
    after = replace(before)
    add_copy(after, event(at=LATER, **copy), counts)
    wanted = {k: digest(v) if k == "goods" else v for k, v in changed.items()}
    assert {k: v for k, v in asdict(after).items() if v != asdict(before)[k]} == wanted


def digest(*goods: str) -> str:
    """By the form that stands on disk: BLAKE2b in six bytes, of ids in order with a zero byte between."""
    return blake2b("\0".join(goods).encode(), digest_size=6).hexdigest()


@pytest.mark.parametrize(
    ("ids", "lines", "goods"),
    [
        ((), (), None),
        (("a",), (), ["a"]),
        ((), ("a",), ["a"]),
        (("b", "a", "b"), (), ["a", "b"]),
        ((), ("b", "a"), ["a", "b"]),
        (("a",), ("a",), ["a"]),
        (("c", "d"), ("a", "b"), ["a", "b"]),
        (("c",), ("a", "b"), ["a", "b"]),
    ],
)
def test_goods_are_the_same_however_they_are_listed(ids, lines, goods):
    found = goods_digest(CustomData(content_ids=ids, contents=tuple(Content(id=i) for i in lines)))
    assert found == (None if goods is None else digest(*goods))


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        ([("s", SERVER, True), ("b", BROWSER, True), ("c", BROWSER, True)], "b"),
        ([("x", BROWSER, False), ("s", SERVER, True), ("t", SERVER, True)], "s"),
        ([("x", BROWSER, False), ("y", SERVER, False)], "x"),
    ],
)
def test_the_id_is_a_browsers_own_or_the_first_that_was_given(copies, expected):
    assert sending_id([event(channel=c, event_id=i, id_given=given) for i, c, given in copies]) == expected


# what the best copy says, what a lower one says, what leaves
UNITED = [
    ({}, {"referrer_url": "r", "visitor": "v", "locale": "ka"}, {"referrer_url": "r", "visitor": "v", "locale": "ka"}),
    ({"referrer_url": "own"}, {"referrer_url": "r"}, {"referrer_url": "own"}),
    ({"action_source": "physical_store"}, {}, {"action_source": "website"}),
    ({}, {"action_source": "physical_store"}, {"action_source": "website"}),
    ({"action_source": "app"}, {"action_source": "physical_store"}, {"action_source": "app"}),
    ({}, {"consent_required": True}, {"consent_required": True}),
    ({"consent_required": True}, {}, {"consent_required": True}),
    ({"consent": Consent.GRANTED}, {"consent": Consent.DENIED}, {"consent": Consent.DENIED}),
    ({"consent": Consent.GRANTED}, {}, {"consent": Consent.GRANTED}),
    ({"granted": ("b", "c")}, {"granted": ("a",), "denied": ("c", "B")}, {"granted": ("a", "b"), "denied": ("B", "c")}),
    ({"links": ("x:1", "y:2")}, {"links": ("z:3", "x:1")}, {"links": ("x:1", "y:2", "z:3")}),
    ({"click_ids": {"a": "1"}}, {"click_ids": {"a": "2", "b": "3"}}, {"click_ids": {"a": "1", "b": "3"}}),
    ({"forms": (EM,)}, {"forms": (OTHER_EM, EM)}, {"forms": (EM, OTHER_EM)}),
    ({"opt_out": False}, {"opt_out": True}, {"opt_out": True}),
    ({"opt_out": False}, {}, {"opt_out": False}),
    ({"opt_out": False, "links": ("x:1",)}, {"opt_out": None}, {"opt_out": False}),
    (
        {"data_processing_options": (), "data_processing_options_country": 5},
        {"data_processing_options": ("LDU",), "data_processing_options_country": 1, "data_processing_options_state": 1000},
        {"data_processing_options": ("LDU",), "data_processing_options_country": 1, "data_processing_options_state": 1000},
    ),
    (
        {"data_processing_options": ("OTHER",), "data_processing_options_state": 3},
        {"data_processing_options": ("LDU",), "data_processing_options_state": 4},
        {"data_processing_options": ("LDU",), "data_processing_options_state": 4},
    ),
    (
        {"data_processing_options": ("OTHER",), "data_processing_options_state": 3},
        {"links": ("x:1",)},
        {"data_processing_options": ("OTHER",), "data_processing_options_state": 3},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("best", "lower", "leaves"), UNITED)
def test_what_leaves_for_two_copies(best, lower, leaves):
    """The lower one came first, and has the id that a platform's pixel used."""
    copies = [event(Tier.T0, BROWSER, event_id="b", **lower), event(at=LATER, event_id="s", **best)]
    united = unite(copies)
    assert {name: getattr(united, name) for name in leaves} == leaves
    assert (united.event_id, united.event_time, united.tier) == ("b", LATER // 1000, Tier.T2)
    assert unite(copies[:1]) is copies[0]


@pytest.mark.parametrize(
    ("best", "second", "third", "leaves"),
    [
        ({"em": (EM,)}, {"em": (OTHER_EM, EM)}, {}, {"em": (EM, OTHER_EM)}),
        ({}, {"em": (EM,)}, {"em": (OTHER_EM,)}, {"em": (EM, OTHER_EM)}),
        ({"fbp": "1"}, {"fbp": "2"}, {}, {"fbp": "1"}),
        ({}, {"fbp": "2"}, {"fbp": "3"}, {"fbp": "2"}),
        ({"client_ip_address": "192.0.2.1"}, {"client_ip_address": "2001:db8::1"}, {}, {"client_ip_address": "2001:db8::1"}),
        ({}, {"client_ip_address": "192.0.2.1"}, {"client_ip_address": "192.0.2.2"}, {"client_ip_address": "192.0.2.1"}),
        ({"other": {"a": 1}}, {"other": {"a": 2, "b": 3}}, {}, {"other": {"a": 1, "b": 3}}),
    ],
)  # fmt: skip
def test_match_keys_of_three_copies(best, second, third, leaves):
    copies = [
        event(t, user_data=UserData(**u))
        for t, u in zip((Tier.T3, Tier.T2, Tier.T0), (best, second, third), strict=True)
    ]
    wanted = UserData(**{**best, **leaves})
    assert unite(copies).user_data == wanted


@pytest.mark.parametrize(
    ("best", "lower", "leaves"),
    [
        (said(), said(), said()),
        (said("1", "EUR"), said("2", "USD"), said("1", "EUR")),
        (said(None, "EUR"), said("2", "USD"), said("2", "USD")),
        (said("1", None), said(None, "USD"), said("1", "USD")),
        (said(None, None), said(None, "USD"), said(None, "USD")),
        (said(None, "EUR"), said(None, "USD"), said(None, "EUR")),
        (said(order_id=""), said(order_id=""), said(order_id=None)),
        (said(content_type="", order_id="7"), said(content_type="product"), said(content_type="product", order_id="7")),
        (
            said(content_ids=("a",), num_items=0, other={"x": 1}),
            said(content_ids=("b",), contents=(Content(id="b"),), num_items=2, other={"x": 2, "y": 3}),
            said(content_ids=("a",), contents=(Content(id="b"),), num_items=0, other={"x": 1, "y": 3}),
        ),
    ],
)
def test_money_and_goods_of_two_copies(best, lower, leaves):
    copies = [event(Tier.T0, BROWSER, custom_data=lower), event(Tier.T2, custom_data=best)]
    assert unite(copies).custom_data == leaves
