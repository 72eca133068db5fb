"""The short ways of ordinary copies against the long ones: they may only be quicker."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from running_gateway import DATASET, EMAIL, NOW_MS, NOW_S

from tests.strategies import law_of
from twofold.collect.policy import ConsentRules, DatasetPolicy, PrivacyRules
from twofold.collect.steps import shortcut
from twofold.collect.steps.draft import Draft, Origin, raw_event
from twofold.collect.steps.pipeline import STEPS, run, run_fields
from twofold.collect.steps.shortcut import read_ordinary, read_ordinary_fields
from twofold.event import sensitive
from twofold.event.click_ids import created_ms_of, is_fbc, parse_fbc
from twofold.event.model import Channel, Event, RawEvent, Tier, encode
from twofold.event.refusal import DropReason, Refusal
from twofold.event.sensitive import CATEGORIES, category_of
from twofold.matching import user_data
from twofold.matching.user_data import hash_user_data

PURCHASE: dict[str, Any] = {
    "event_name": "Purchase",
    "event_time": NOW_S,
    "event_id": "order-1001",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks",
    "user_data": {"em": EMAIL, "client_ip_address": "203.0.113.7", "fbc": "fb.1.1790000000000.AbC"},
    "custom_data": {"value": 42, "currency": "EUR", "order_id": "1001"},
}


def origin(**changes: Any) -> Origin:
    known = {"dataset": DATASET, "channel": Channel.SERVER, "sender": "api", "tier": Tier.T2, "received_at": NOW_MS}
    return Origin(**(known | changes))


ORIGINS = [
    origin(),
    origin(gpc=True),
    origin(tier=Tier.T3, policy=DatasetPolicy(id=DATASET, consent=ConsentRules(require_in=frozenset({"DE"})))),
    origin(policy=DatasetPolicy(id=DATASET, country="us", consent=ConsentRules(limited_in=frozenset({"US"})))),
    origin(policy=DatasetPolicy(id=DATASET, consent=ConsentRules(opt_out_when_denied=frozenset({"analytics"})))),
    origin(channel=Channel.BROWSER, sender="tag", tier=Tier.T0, client_ip="203.0.113.9", user_agent="Mozilla/5.0"),
]


def all_steps(raw: RawEvent, where: Origin) -> Event | Refusal:
    """Every step in its order, whatever the copy holds."""
    draft = Draft(raw, where, where.tier, where.is_browser)
    try:
        for step in STEPS:
            refusal = step(draft)
            if refusal is not None:
                return refusal
        return draft.event()
    except Exception as err:  # `run` refuses this copy alone
        return Refusal(reason=DropReason.INTERNAL, got=type(err).__name__)


def seen(result: Event | Refusal) -> object:
    if isinstance(result, Refusal):
        return result
    if not result.id_given:
        result.event_id = "made, and another each time"
    return encode(result)


def test_an_ordinary_purchase_goes_the_short_way() -> None:
    """Else the comparison below compares a thing with itself."""
    assert read_ordinary(raw_event(PURCHASE)[0], ORIGINS[0]) is not None
    assert read_ordinary_fields(PURCHASE, ORIGINS[0]) is not None


VALUES: st.SearchStrategy[Any] = st.sampled_from([
    None, "", "x", 0, 1, 5.5, True, False, [], {}, [""], ["LDU"], "LDU", "granted", "denied", {"analytics": "denied"},
    {"sale_of_data": False}, ["order:1001", "cart:a?key=b"], "order:7", {"gclid": "abc"}, "DE", "US-CA", "Germany", NOW_S,
    "https://shop.example/?fbclid=IwAR1&gclid=2", "https://shop.example/hiv-test?email=a@b.example#x", "physical_store",
    "business_messaging", "AppendValue", "PageView", {"a": "a@b.example"}, "fb.1.1590000000000.AbC", "visitor-1",
])  # fmt: skip
USER = st.sampled_from([*PURCHASE["user_data"], "ph", "fn", "country", "fbp", "client_user_agent", "email"])
EVENTS = st.builds(
    lambda changes, user, custom: (
        PURCHASE
        | changes
        | ({} if "user_data" in changes else {"user_data": PURCHASE["user_data"] | user})
        | ({} if "custom_data" in changes else {"custom_data": PURCHASE["custom_data"] | custom})
    ),
    st.dictionaries(st.sampled_from(RawEvent.__struct_fields__), VALUES, max_size=4),
    st.dictionaries(USER, VALUES, max_size=2),
    st.dictionaries(st.sampled_from(["value", "currency", "contents", "note", "order_id"]), VALUES, max_size=2),
)


@law_of(300)
@given(EVENTS, st.sampled_from(ORIGINS))
@example(PURCHASE | {"opt_out": True}, ORIGINS[0])
@example(PURCHASE | {"consent": "denied"}, ORIGINS[0])
@example(PURCHASE, ORIGINS[1])
@example(PURCHASE, ORIGINS[2])
@example(PURCHASE, ORIGINS[3])
def test_the_short_way_ends_where_the_steps_do(event: dict[str, Any], where: Origin) -> None:
    """Whatever a copy holds: the way that `run` chooses ends as all steps in their order do."""
    wanted = seen(all_steps(raw_event(event)[0], where))
    assert seen(run(raw_event(event)[0], where)) == wanted
    assert seen(run_fields(event, where)[0]) == wanted


PAGES = st.sampled_from([
    "https://shop.example/thanks", "https://shop.example/hiv-test", "https://shop.example/p?mail=a@b.example", "about:blank",
    "https://shop.example/p/a@b.example", "https://shop.example/checkout/order-received/1001", "https://shop.example/p?fbclid=IwAR1",
    "https://shop.example/?gclid=2", "https://shop.example/tel/+49 171 2345678", "",
])  # fmt: skip
LOOKED_FOR = st.sampled_from([
    origin(),
    origin(policy=DatasetPolicy(id=DATASET, privacy=PrivacyRules(sensitive=frozenset()))),
    origin(policy=DatasetPolicy(id=DATASET, privacy=PrivacyRules(sensitive=frozenset({"finance"})))),
])  # fmt: skip


@law_of(100)
@given(st.lists(st.tuples(PAGES, LOOKED_FOR), min_size=2, max_size=8))
@example([("https://shop.example/hiv-test", origin(policy=DatasetPolicy(id=DATASET, privacy=PrivacyRules(sensitive=frozenset())))),
          ("https://shop.example/hiv-test", origin())])  # fmt: skip
def test_a_page_that_came_before_is_judged_as_at_first(visits: list[tuple[str, Origin]]) -> None:
    """Also where another dataset looks for less; and what is kept of pages shows nobody, no order and no click."""
    for page, where in visits:
        event = PURCHASE | {"event_source_url": page}
        assert seen(run_fields(event, where)[0]) == seen(all_steps(raw_event(event)[0], where))
    kept = {page for pages in shortcut._PAGES.values() for page in pages}
    assert kept
    assert not any(sign in page for page in kept for sign in ("?", "@", "+", "order-received", "about:"))


def test_pages_are_kept_up_to_a_number() -> None:
    for n in range(shortcut._MAX_PAGES + 2):
        run_fields(PURCHASE | {"event_source_url": f"https://shop.example/page/{n}"}, ORIGINS[0])
    assert max(map(len, shortcut._PAGES.values())) <= shortcut._MAX_PAGES


TEXTS = st.sampled_from([
    "", " ", "a", "A@B.example", "a@b", "@", "1@2.3", "+1 650 555 0100", "(650) 555-0100", "020 7946 0958", "Zoë", "München",
    "f", "female", "x", "1990-01-31", "19900131", "31", "US", "de", "Germany", "Atlantis", "94025-1234", "D-10115", "CA",
    "california", "203.0.113.7", "2001:DB8::1", "999.1.1.1", "fb.1.1790000000000.123", "fb.1.1790000000000.AbC.AQ", "fb.1",
    "a" * 31, "a" * 32, "0" * 32, "0" * 64, "F" * 64, "a" * 40 + "@b.example", " Mozilla/5.0 (X11) ", "1001",
]) | st.text(max_size=40)  # fmt: skip
PEOPLE = st.dictionaries(
    st.sampled_from([
        *user_data.FORMS, "client_ip_address", "client_user_agent", "fbc", "fbp", "email", "zip", "lead_id", "unknown",
    ]),
    TEXTS | st.none() | st.integers(0, 10**12) | st.lists(TEXTS, max_size=2),
    max_size=8,
)  # fmt: skip


@law_of(400)
@given(
    PEOPLE,
    st.sampled_from(["a@b.example", " Mary.Smith@Example.COM ", "a@b", "é@b.example", None]),
    st.sampled_from(["", "gb"]),
)
@example({"fn": "0" * 32}, "a@b.example", "")
@example({"client_ip_address": "nowhere"}, "a@b.example", "")
def test_a_person_in_plain_texts_is_hashed_alike(person: dict[str, Any], email: str | None, country: str) -> None:
    """Both ways through the match keys end with the same keys; what there is to warn about goes the long way."""
    person = ({"em": email} if email else {}) | person
    stated = user_data.stated_country(person.get("country")) or country or None
    quick = user_data._hash_plain_person(person, stated)
    slow = user_data._hash_any(person, stated, False, frozenset())
    if quick is not None:
        assert (quick, []) == slow
    assert hash_user_data(person, default_country=country) == slow


@law_of(400)
@given(
    st.dictionaries(st.sampled_from([*user_data.FORMS, "email", "zip", "fbc", "client_ip_address"]), TEXTS, max_size=6)
)
def test_a_list_of_one_is_read_as_its_text(person: dict[str, str]) -> None:
    """As Meta's SDKs write it, and as people do; with an empty text beside it, which says nothing, it goes another way."""
    alone = hash_user_data(person, lenient=True)
    assert hash_user_data({k: [v] for k, v in person.items()}, lenient=True) == alone
    longer = hash_user_data({k: [v, ""] for k, v in person.items() if k in user_data.FORMS}, lenient=True)
    assert longer == hash_user_data({k: v for k, v in person.items() if k in user_data.FORMS}, lenient=True)


def test_a_usual_person_goes_the_short_way() -> None:
    """Nine contact fields and a browser's own, all in plain texts."""
    person = {
        "em": " Mary@Example.com", "ph": "+1 650 555 0100", "fn": "Mary", "ln": "D'Angelo", "db": "19900131", "ge": "f",
        "ct": "São Paulo", "zp": "94025", "country": "US", "external_id": "1001", "client_ip_address": "203.0.113.7",
        "client_user_agent": "Mozilla/5.0", "fbc": "fb.1.1790000000000.AbC", "fbp": "fb.1.1790000000000.1",
    }  # fmt: skip
    assert user_data._hash_plain_person(person, "us") is not None


WORDS = [w for part in sensitive._WORDS.values() for w in " ".join(part.split()).split(", ")]


@law_of(150)
@given(st.lists(st.sampled_from([*WORDS, "shoe", "/", "-", "_", "Camel", "%20"]) | st.text(max_size=6), max_size=5))
def test_the_quick_look_at_beginnings_misses_nothing(parts: list[str]) -> None:
    """A text is of the category that the search of all words finds, with and without the look before it."""
    for text in ("".join(parts).replace("*", "ing"), " ".join(parts).replace("*", ""), " ".join(parts).title()):
        pattern = sensitive._pattern(frozenset(CATEGORIES))
        assert pattern is not None
        match = pattern.search(sensitive._flat(text))
        assert category_of(text, frozenset(CATEGORIES)) == (match.lastgroup if match else None)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_lists_is_found_alone(word: str) -> None:
    """Each entry, with an ending where it takes any."""
    assert category_of(word.replace("*", "xyz"), frozenset(CATEGORIES)) is not None


@given(st.from_regex(r"fb\.[0-9]{1,2}\.[0-9]{1,16}\.[!-~]{1,20}", fullmatch=True))
def test_the_time_of_a_click_is_read_alike(fbc: str) -> None:
    """The quick reading of the time inside a valid value is that of the whole value."""
    click = parse_fbc(fbc)
    assert (click is None) == (not is_fbc(fbc))
    assert click is None or created_ms_of(fbc) == click.created_ms
