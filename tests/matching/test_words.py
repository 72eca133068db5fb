"""The law that an index of words rests on: what a walk over all rows finds, its words find too."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.store.copies import copy
from tests.strategies import any_text, emails, events, hashed, json_values, law_of, names, words
from twofold.event.model import Event, encode
from twofold.matching.subject import SubjectRequest, marks_of, needles_of, tokens
from twofold.matching.words import LONGEST, Words, sought, sought_mark, texts_in, words_of

PHONES = ["06 12 34 56 78", "(650) 555-0007", "+995 555 00 00 07", "0 12 345", "12-34-56", "+1.650.555.0007"]
SHORT = ["li@qq.com", "a@b.cc", "LI@QQ.COM", "li%40qq.com", "1.2.3.4", "203.0.113.9", "ab-12-cd", "browser", "value"]
SPELT = ["Mary%20Smith", "m%61ry.sm%69th@x.example", "Größe%C3%A9tage", "İstanbul ŞEHİR", "ﬁnanz-1234", "x\ny\n12\n34\n56", "a\\b\"c-1234"]  # fmt: skip
pieces = st.sampled_from(PHONES + SHORT + SPELT) | any_text(12) | emails() | names() | words(2, 5)
texts = st.lists(pieces, min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([" ", "", "-", "/", "?e=", "&", "\n", "%20", "@", "_", "."]).map(
        lambda by: by.join(parts)
    )
)


@st.composite
def full_events(draw: st.DrawFn) -> Event:
    """Events with texts in every place that can hold one."""
    event = draw(events())
    for name in ("event_id", "event_source_url", "referrer_url", "visitor", "region", "bot", "held_back", "sender",
                 "messaging_channel", "customer_segmentation", "advanced_measurement_table", "test_event_code"):  # fmt: skip
        if draw(st.integers(0, 3)) == 0:
            setattr(event, name, draw(texts))
    for name in ("links", "warnings", "granted", "denied"):
        setattr(event, name, tuple(draw(st.lists(texts | st.builds("order:{}".format, pieces), max_size=2))))
    event.click_ids = draw(st.dictionaries(pieces, texts, max_size=2))
    user, custom = event.user_data, event.custom_data
    user.ph = user.zp = user.country = tuple(draw(st.lists(hashed, max_size=1)))
    user.client_user_agent, user.client_ip_address, user.fbc = draw(texts), draw(pieces), draw(texts)
    user.other = draw(st.dictionaries(pieces, texts | json_values(4), max_size=2))
    custom.other |= draw(st.dictionaries(pieces, texts | json_values(4), max_size=2))
    custom.content_ids = tuple(draw(st.lists(texts, max_size=2)))
    custom.order_id = draw(st.none() | pieces)
    custom.value = draw(
        st.none() | st.decimals(-(10**18), 10**18, allow_nan=False, places=5) | st.just(Decimal("12345"))
    )
    custom.num_items = draw(st.none() | st.integers(0, 10**9))
    event.app_data = draw(st.none() | st.dictionaries(pieces, json_values(4), max_size=2))
    event.original_event_data = draw(st.none() | st.dictionaries(pieces, texts, max_size=1))
    event.attribution_data = draw(st.none() | st.dictionaries(pieces, texts, max_size=1))
    event.data_processing_options_country = draw(st.none() | st.integers(0, 10**6))
    return event


def all_tokens(event: Event) -> set[str]:
    """What the walk compares with wanted texts, from the body as it lies on disk."""
    return {t for text in [event.event_id, *texts_in(msgspec.json.decode(encode(event)))] for t in tokens(text)}


@law_of(60)
@given(full_events())
def test_every_token_of_an_event_is_found_by_its_words(event):
    held = words_of(event)
    for token in all_tokens(event):
        wanted = sought(token)
        assert wanted is None or wanted <= held, (token, wanted)
    for mark in marks_of(event):
        wanted = sought_mark(mark.kind, mark.value)
        assert wanted is None or wanted <= held, (mark, wanted)


@law_of(24)
@given(st.lists(full_events(), min_size=2, max_size=3))
def test_many_events_have_the_words_of_each(several):
    together = Words()
    for event in several:
        together.add(event)
    held = together.taken()
    assert all(words_of(event) <= held for event in several)
    assert together.taken() == set(), "what was taken is forgotten"


@pytest.mark.parametrize("text", ["06 12 34 56 78", "(650) 555-0007", "li@qq.com", "mary.smith@example.com", "cust-1234", "a1b2c3d4e5"])  # fmt: skip
def test_what_people_are_asked_for_has_words_to_go_by(text):
    assert sought(text)


@pytest.mark.parametrize("text", ["ab-12-c", "203.0.113.9", "browser", "event_source_url", "--++--", "12 34", ""])
def test_what_has_none_is_said_to_have_none(text):
    assert sought(text) is None


@pytest.mark.parametrize(
    "request_", [
        SubjectRequest(emails=("Mary.Smith@example.com",)), SubjectRequest(emails=("li@qq.com",)),
        SubjectRequest(phones=("06 12 34 56 78",), country="FR"), SubjectRequest(phones=("+1 650 555 0007",)),
        SubjectRequest(external_ids=("cust-1234",)), SubjectRequest(order_ids=("#1001",)), SubjectRequest(order_ids=("7",)),
    ],
)  # fmt: skip
def test_usual_requests_need_no_walk(request_):
    assert needles_of(request_).words


def test_one_text_without_words_makes_the_walk_necessary():
    assert needles_of(SubjectRequest(emails=("mary.smith@example.com",), external_ids=("ab-12-c",))).words is None


@example("x" * (LONGEST - 3) + " quitelong")
@example("06 12 34 56 78 \n 1.2.3.4")
@given(texts)
def test_long_and_spelt_texts_as_an_address(text):
    for url in (text, quote(text, errors="ignore"), f"https://shop.example/?e={text}"):
        event = copy("id-1")
        event.event_source_url = url
        held = words_of(event)
        assert all((wanted := sought(t)) is None or wanted <= held for t in tokens(url))
