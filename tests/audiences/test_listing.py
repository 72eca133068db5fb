"""Who is on which list: the rules, the joining of people, consent and what was taken back, on stores with real files."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.audiences.shoppers import DAY, HOUR, YES, did, hex_of, kept, letters, listed, ordered
from tests.privacy.subjects import erased, erasing
from tests.store.copies import NOW, copy
from twofold.audiences.allowed import word_of
from twofold.audiences.export import csv_of, export_csv
from twofold.audiences.members import Row, value_text
from twofold.audiences.persons import people_of
from twofold.audiences.reading import SeenEvent, read_people, standing_of
from twofold.audiences.rules import RULES
from twofold.config.audiences import AUDIENCE_RULES
from twofold.consent.marks import Mark
from twofold.event.model import Consent, Hashed, Tier, encode
from twofold.ledger.model import ParcelState
from twofold.matching.subject import SubjectRequest
from twofold.store.secret import folder_ring

EVENTS = [
    did("a"),
    did("b"), did("b", "Purchase", ago=DAY),
    did("c", "AddToCart", ago=3 * HOUR),
    did("d", "AddToCart", ago=HOUR // 2),
    did("e", "InitiateCheckout", ago=2 * DAY), did("e", "Purchase", ago=DAY),
    did("f", "Purchase", ago=3 * DAY), did("f", "AddPaymentInfo", ago=5 * HOUR),
    did("0", ago=40 * DAY),
]  # fmt: skip
ORDERS = [
    ordered("1", "o1", parcel=ParcelState.DELIVERED),
    ordered("2", "o2", parcel=ParcelState.REFUSED),
    ordered("3", "o3", parcel=ParcelState.RETURNED),
    ordered("4", "o4"), ordered("4", "o5", ago=4 * DAY, parcel=ParcelState.DELIVERED),
    ordered("5", "o6", cancelled_at=NOW // 1000 - 3_600),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    kept(folder, EVENTS, ORDERS)
    return folder


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        ("viewed_not_bought", {}, "a"),
        ("viewed_not_bought", {"days": 60}, "0a"),
        ("cart_left", {}, "cf"),
        ("cart_left", {"wait_hours": 0}, "cdf"),
        ("cart_left", {"wait_hours": 4}, "f"),
        ("bought_once", {}, "1bef"),
        ("delivered", {}, "14"),
        ("delivered", {"days": 3}, ""),
        ("refused", {}, "2"),
    ],
)
def test_each_rule(shop: Path, rule: str, options: dict, expected: str) -> None:
    """Written by hand from the definitions of docs/audiences.md."""
    assert letters(listed(shop, rule, **options)) == expected


def test_an_order_of_a_till_is_a_sign_that_somebody_bought(tmp_path: Path) -> None:
    """Who shares a telephone with a buyer may be the buyer: no list of those who have not bought."""
    till = folder_ring(tmp_path).digest("ph", hex_of("9")).hex()
    one = replace(ordered("1", "o1"), copy=None, buyer=(f"phone:{till}",))
    kept(tmp_path, [did("a", ph="9"), did("b", ph="9"), did("c")], [one])
    assert letters(listed(tmp_path, "viewed_not_bought")) == "c"
    assert letters(listed(tmp_path, "bought_once")) == ""


def test_the_rules_of_the_settings_are_those_that_are_defined() -> None:
    assert tuple(rule.name for rule in RULES) == AUDIENCE_RULES


# -- who is one person

FBP = "fb.1.1789999000000.1234567890"


def test_what_a_browser_did_before_it_was_known_is_its_persons(tmp_path: Path) -> None:
    """An anonymous view, and an address on the same browser later: one person. On a tablet of two nobody knows whose the view was; what
    one of them did elsewhere stays theirs."""
    kept(tmp_path, [
        did("", ago=3 * DAY, fbp=FBP), did("a", "Lead", fbp=FBP),
        did("", ago=3 * DAY, visitor="tablet"), did("b", "Lead", visitor="tablet"), did("c", "Lead", visitor="tablet"),
        did("", ago=3 * DAY, visitor="own"), did("c", "Lead", visitor="own", n=1),
    ])  # fmt: skip
    assert letters(listed(tmp_path, "viewed_not_bought")) == "ac"


def test_two_addresses_that_come_out_as_one_over_others_marks_stay_two(tmp_path: Path) -> None:
    """A browser's two ids lead from one address to another over a third event: only what carried an address counts for it."""
    kept(tmp_path, [
        did("a", "Lead", fbp=FBP), did("b", "Lead", visitor="v2", said=None, denied=YES),
        did("", fbp=FBP, visitor="v1"), did("", visitor="v1", ph="9"), did("", ph="9", visitor="v2"), did("a", n=1),
    ])  # fmt: skip
    assert letters(listed(tmp_path, "viewed_not_bought")) == "a"


def test_the_order_of_arrival_changes_nothing(tmp_path: Path) -> None:
    """Twenty orders of arrival give one list, with people, reasons and rows."""
    events = [
        *EVENTS, did("a", "Lead", fbp=FBP), did("", fbp=FBP, denied=("platform:tiktok",)), did("c", n=1, said=None, denied=YES),
        did("g", visitor="x"), did("g", visitor="x", ago=DAY, said=None, denied=YES),
    ]  # fmt: skip
    found = set()
    for seed in range(4):
        folder = tmp_path / str(seed)
        shuffled = random.Random(seed).sample(events, len(events))
        kept(folder, [replace(e, received_at=NOW - n) for n, e in enumerate(shuffled)])
        told = listed(folder, "viewed_not_bought", ("meta", "tiktok"))
        found.add(repr((told.people, {p: sorted(r.items()) for p, r in told.rows.items()}, told.told, told.left_out)))
    assert len(found) == 1


# -- consent

SAYINGS = {
    "agreed": (lambda x: [did(x)], ""),
    "said nothing": (lambda x: [did(x, said=None)], "consent_unstated"),
    "agreed to analytics alone": (lambda x: [did(x, said=("analytics",))], "consent_unstated"),
    "agreed to marketing, not to personal ads": (
        lambda x: [did(x, said=("ad_user_data", "marketing"), denied=("personalization",))], "consent_denied"),
    "agreed to everything in a word": (lambda x: [replace(did(x, said=None), consent=Consent.GRANTED)], ""),
    "denied in a word": (
        lambda x: [did(x, ago=DAY), replace(did(x, said=None, ago=HOUR), consent=Consent.DENIED)], "consent_denied"),
    "denied, and agreed later": (lambda x: [did(x, said=None, denied=YES), did(x, ago=DAY)], ""),
    "agreed, and denied later": (lambda x: [did(x, ago=DAY, said=None, denied=YES), did(x)], "consent_denied"),
    "a browser's yes takes no shop's no back": (
        lambda x: [did(x, said=None, denied=YES, sender="shopify", tier=Tier.T3), did(x, ago=DAY)], "consent_denied"),
    "a shop's yes takes a browser's no back": (
        lambda x: [did(x, said=None, denied=YES), did(x, ago=DAY, sender="shopify", tier=Tier.T3)], ""),
    "no on another browser": (
        lambda x: [did(x, visitor=f"1{x}"), did(x, visitor=f"2{x}", said=None, denied=YES, ago=3 * DAY), did(x, visitor=f"1{x}", ago=DAY)],
        "consent_denied"),
    "no on that browser before anybody was known": (
        lambda x: [did("", visitor=f"1{x}", said=None, denied=YES, ago=HOUR), did(x, visitor=f"1{x}")], "consent_denied"),
    "sale of data denied": (lambda x: [did(x, denied=("sale_of_data",))], "limited_use"),
    "limited data use": (lambda x: [replace(did(x), data_processing_options=("LDU",))], "limited_use"),
    "opted out of ads": (lambda x: [replace(did(x), opt_out=True)], "limited_use"),
    "a robot is nobody": (lambda x: [replace(did(x), bot="agent")], None),
}  # fmt: skip


def test_what_was_said(tmp_path: Path) -> None:
    """Of each one, a letter: why they are on no list, empty for who is; None for who is nobody."""
    letter_of = dict(zip(SAYINGS, "0123456789abcdef", strict=True))
    kept(tmp_path, [e for name, (events, _) in SAYINGS.items() for e in events(letter_of[name])])
    (read,) = read_people(tmp_path, ["1"], {}, NOW // 1000 - 90 * 86_400)
    people = people_of(read)
    word = {
        read.marks[n].value[0]: word_of(people, p).why_not("meta")
        for p in people.persons
        for n in p.marks
        if read.marks[n].kind == "em"
    }
    assert {name: word.get(letter_of[name]) for name in SAYINGS} == {name: why for name, (_, why) in SAYINGS.items()}
    told = listed(tmp_path, "viewed_not_bought")
    assert letters(told) == "".join(sorted(letter_of[name] for name, (_, why) in SAYINGS.items() if why == ""))
    assert told.left_out["meta"] == {"consent_denied": 6, "consent_unstated": 2, "limited_use": 3}


def test_who_has_no_address_is_on_no_list(tmp_path: Path) -> None:
    kept(tmp_path, [did("", fbp=FBP)])
    assert listed(tmp_path, "viewed_not_bought").left_out["meta"] == {"no_address": 1}


def test_a_no_to_one_platform_keeps_from_that_one_alone(tmp_path: Path) -> None:
    """Until the same sender says something without it."""
    refused = did("a", denied=("platform:tiktok",))
    kept(tmp_path / "1", [refused])
    told = listed(tmp_path / "1", "viewed_not_bought", ("meta", "tiktok"))
    assert (letters(told, "meta"), letters(told, "tiktok")) == ("a", "")
    assert told.left_out == {"meta": {}, "tiktok": {"consent_denied_platform": 1}}
    kept(tmp_path / "2", [refused, did("a", ago=DAY, sender="sdk-python")])
    assert letters(listed(tmp_path / "2", "viewed_not_bought", ("tiktok",)), "tiktok") == ""
    kept(tmp_path / "3", [refused, did("a", ago=DAY)])
    assert letters(listed(tmp_path / "3", "viewed_not_bought", ("tiktok",)), "tiktok") == "a"


def test_a_no_to_a_platforms_lists_is_the_persons(tmp_path: Path) -> None:
    """Whatever else they do and whoever tells it; until the sender of the no says yes to these lists by name."""
    refused = did("a", ago=3 * DAY, destinations=("-lists:tiktok",))
    for n, (later, expected) in enumerate(
        [
            ([], ""),
            ([did("a", ago=DAY)], ""),  # one that does not speak of lists
            ([did("a", ago=DAY, sender="sdk-python", destinations=("+lists:tiktok",))], ""),
            ([did("a", ago=DAY, destinations=("+lists:meta",))], ""),
            ([did("a", ago=4 * DAY, destinations=("+lists:tiktok",))], ""),  # an older yes
            ([did("a", ago=DAY, destinations=("+lists:tiktok",))], "a"),
        ]
    ):
        kept(tmp_path / str(n), [refused, *later])
        told = listed(tmp_path / str(n), "viewed_not_bought", ("meta", "tiktok"))
        assert (letters(told, "meta"), letters(told, "tiktok")) == ("a", expected)
        assert told.left_out == {"meta": {}, "tiktok": {} if expected else {"lists_not_addressed": 1}}


@pytest.mark.parametrize(
    "word",
    [{"denied": ("platform:tiktok",)}, {"destinations": ("-lists:tiktok",)}, {"data_processing_options": ("LDU",)}],
    ids=["platform", "lists", "limits"],
)
@pytest.mark.parametrize(("first", "then", "expected"), [(Tier.T2, Tier.T0, ""), (Tier.T0, Tier.T2, "a")])
def test_a_name_alone_takes_no_word_back(
    tmp_path: Path, word: dict[str, Any], first: Tier, then: Tier, expected: str
) -> None:
    """Who calls itself as the sender of a no, and is trusted less, lifts nothing: a page says what library it is."""
    said = [replace(did("a", sender="analytics-node", tier=first), **word),
            did("a", sender="analytics-node", tier=then, ago=DAY, destinations=("+lists:tiktok",))]  # fmt: skip
    kept(tmp_path, said)
    assert letters(listed(tmp_path, "viewed_not_bought", ("tiktok",)), "tiktok") == expected


@pytest.mark.parametrize(
    ("rule", "events", "expected"),
    [
        ("viewed_not_bought", [did("a", destinations=("-tiktok",))], ("a", "")),
        ("viewed_not_bought", [did("a", destinations=("+tiktok", "-*"))], ("", "a")),
        ("viewed_not_bought", [did("a", destinations=("+lists:meta", "-meta"))], ("a", "a")),
        ("viewed_not_bought", [did("a", destinations=("-tiktok",)), did("a", ago=DAY)], ("a", "a")),
        # A purchase that a platform was not told of puts nobody on its lists, and keeps off those of people who have not bought.
        ("viewed_not_bought", [did("a"), did("a", "Purchase", destinations=("-tiktok",))], ("", "")),
        ("bought_once", [did("a", "Purchase", destinations=("-tiktok",))], ("a", "")),
        (
            "bought_once",
            [did("a", "Purchase", destinations=("-tiktok",)), did("a", "Purchase", ago=DAY)],
            ("", ""),
        ),
    ],
)
def test_what_was_not_meant_for_a_platform_leads_to_none_of_its_lists(
    tmp_path: Path, rule: str, events: list[Any], expected: tuple[str, str]
) -> None:
    kept(tmp_path, events)
    told = listed(tmp_path, rule, ("meta", "tiktok"))
    assert (letters(told, "meta"), letters(told, "tiktok")) == expected
    assert told.left_out["tiktok"] in ({}, {"not_addressed": 1})


def test_who_took_consent_back_is_on_no_list(tmp_path: Path) -> None:
    """By any mark of theirs; given again, what they did before does not count."""
    marks = [Mark("visitor", "v1")]

    async def withdraw(store) -> None:
        await store.withdraw("1", marks, NOW - HOUR)

    async def again(store) -> None:
        await store.grant("1", marks, NOW)

    kept(tmp_path, [did("a", visitor="v1"), did("b")], then=withdraw)
    told = listed(tmp_path, "viewed_not_bought")
    assert (letters(told), told.left_out["meta"], told.people) == ("b", {"consent_withdrawn": 1}, 2)
    before = standing_of(tmp_path)
    kept(tmp_path, [], then=again)
    assert standing_of(tmp_path) != before
    assert listed(tmp_path, "viewed_not_bought", now=NOW + HOUR).people == 1
    kept(tmp_path, [did("a", visitor="v1", ago=-DAY, n=1)])
    assert letters(listed(tmp_path, "viewed_not_bought", now=NOW + 2 * DAY)) == "ab"


def test_a_no_and_a_yes_beside_later_ones_of_others_are_seen(tmp_path: Path) -> None:
    """A clock was ahead when two others said no and yes. Then one who had said yes says no again and one who had said no says yes: as
    many as before have said no, and the latest no and yes are as they were."""
    gone, back, late, other = ([Mark("visitor", name)] for name in ("gone", "back", "late", "other"))

    async def before(store) -> None:
        for marks in (gone, back, other):
            await store.withdraw("1", marks, NOW - HOUR)
        await store.grant("1", gone, NOW - HOUR + 1_000)
        await store.withdraw("1", late, NOW + DAY * 1_000)
        await store.grant("1", other, NOW + DAY * 1_000)

    async def then(store) -> None:
        await store.withdraw("1", gone, NOW)
        await store.grant("1", back, NOW)

    kept(tmp_path, [], then=before)
    stood = standing_of(tmp_path)
    kept(tmp_path, [], then=then)
    assert standing_of(tmp_path) != stood


def test_who_was_erased_is_nobody(tmp_path: Path) -> None:
    """And an order that comes in later under an erased number brings nobody back."""

    async def scenario() -> None:
        async with erasing(tmp_path) as (store, eraser):
            await store.append([did("a"), did("b"), did("b", "Purchase", ago=DAY, order="o-9918237465")])
            await erased(eraser, SubjectRequest(emails=(hex_of("b"),), order_ids=("o-9918237465",)))
            await store.append([did("c", "Purchase", ago=HOUR, order="o-9918237465"), did("c")])

    asyncio.run(scenario())
    assert letters(listed(tmp_path, "viewed_not_bought")) == "ac"
    assert letters(listed(tmp_path, "bought_once")) == ""


# -- digests


def test_each_platform_gets_the_digests_of_its_own_rule(tmp_path: Path) -> None:
    """Google's address without dots and E.164 with its plus, made at the edge; where none was made nothing is sent."""
    forms = (Hashed("google.em", hex_of("8")), Hashed("e164", hex_of("7")), Hashed("reddit.em", hex_of("6")))
    kept(tmp_path, [did("a", ph="9", forms=forms), did("b")])
    told = listed(tmp_path, "viewed_not_bought", ("meta", "google_ads", "tiktok"))
    assert sorted(told.rows["meta"]) == [Row(hex_of("a"), hex_of("9")), Row(hex_of("b"), "")]
    assert sorted(told.rows["google_ads"]) == [Row(hex_of("8"), hex_of("7"))]
    assert sorted(told.rows["tiktok"]) == [Row(hex_of("a"), hex_of("7")), Row(hex_of("b"), "")]
    assert told.left_out["google_ads"] == {"no_address": 1}


def test_an_event_is_read_as_it_was_written() -> None:
    """Each field that is read here has the value that the journal's own reader gives."""
    event = replace(
        copy("e", em="a", order="o1", external_id=(Hashed("meta", hex_of("b")),)), opt_out=True, granted=YES, denied=("sale_of_data",),
        links=("order:1",), bot="x", held_back="y", visitor="v", forms=(Hashed("e164", hex_of("c")),), consent_required=True,
        data_processing_options=("LDU",),
    )  # fmt: skip
    seen = msgspec.json.decode(encode(event), type=SeenEvent)
    for name in set(SeenEvent.__struct_fields__) - {"user_data", "custom_data"}:
        assert getattr(seen, name) == getattr(event, name), name
    for part in ("user_data", "custom_data"):
        for name in getattr(seen, part).__struct_fields__:
            assert getattr(getattr(seen, part), name) == getattr(getattr(event, part), name), name


def test_a_file_of_digests(tmp_path: Path) -> None:
    """Sorted, with the rule that made them, for its owner alone."""
    rows = {Row(hex_of("b"), ""): "10.00", Row(hex_of("a"), hex_of("9")): "0.00"}
    export_csv(tmp_path / "list.csv", "tiktok", rows, "GEL", valued=True)
    assert os.stat(tmp_path / "list.csv").st_mode & 0o777 == 0o600
    read = list(csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text())))
    assert [r["Email_SHA256"][:1] + r["Phone_SHA256"][:1] for r in read] == ["a9", "b"]
    assert (read[1]["value"], read[1]["currency"], read[1]["rule"]) == ("10.00", "GEL", "em meta or sent; ph e164")
    assert csv_of("meta", {}, "", valued=False) == b"email,phone,rule\n"


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), ("12.345", "12.34"), ("-3", "0.00"), ("0.005", "0.00"), ("7", "7.00")]
)
def test_a_value_as_it_is_told(value: str | None, text: str) -> None:
    assert value_text(None if value is None else Decimal(value)) == text


@pytest.mark.parametrize("orders", [("1001",), ("1001", "1002")], ids=["one sale", "two sales"])
def test_a_sale_that_page_and_server_tell_under_two_ids_is_one(tmp_path: Path, orders: tuple[str, ...]) -> None:
    """The page's copy comes first, under an id of its own; the server's stands for it by the order's number."""
    copies = [
        did("a", "Purchase", ago=ago - n * HOUR, n=n, order=order, tier=tier)
        for ago, order in zip((3 * DAY, 2 * DAY), orders, strict=False)
        for n, tier in enumerate((None, Tier.T2))
    ]
    kept(tmp_path, copies)
    assert letters(listed(tmp_path, "bought_once")) == ("a" if len(orders) == 1 else "")


def test_what_stands_for_a_part_of_a_sale_stands_for_the_whole(tmp_path: Path) -> None:
    """A page told it under two ids; the server's copy stands for the second one, and only then a third one shows that both are one."""
    paid = ("payment:pi_9",)
    second = replace(did("a", "Purchase", ago=3 * DAY, n=2, order="1001"), links=paid)
    third = replace(did("a", "Purchase", ago=3 * DAY, n=1), links=paid)
    server = did("a", "Purchase", ago=2 * DAY, n=3, order="1001", tier=Tier.T2)
    kept(tmp_path, [did("a", "Purchase", ago=3 * DAY, n=1), second, server, third])
    assert letters(listed(tmp_path, "bought_once")) == "a"
