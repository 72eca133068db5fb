"""Hypothesis strategies shared by the laws: people's contact values, how they are spelt, events, JSON.

Owns random input only. A contact value here is long and odd enough that finding it in a file is no accident.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from twofold.event.model import Channel, Consent, Content, CustomData, Event, Hashed, Tier, UserData

TIMES = float(os.environ.get("TWOFOLD_LAWS", "1"))
"""How many times as many examples as usual: `make laws` looks longer than `make test` can, `make quick` shorter."""


def law_of(examples: int) -> settings:
    """A law that is tried so many times. Without time limits: the machine may be slow, and laws are not about speed."""
    return settings(
        max_examples=max(1, int(examples * TIMES)), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


law = law_of(80)
slow_law = law_of(25)

NOW_MS = 1_790_000_000_000

_LOWER = "abcdefghijklmnopqrstuvwxyz"
# Letters of several scripts that have exactly one upper and one lower form.
_LETTERS = _LOWER + "àâçéèêëîïôöûüñãõåæøžščřłğ" + "абвгдежзийклмнопрстуфхцчшщыэюя" + "αβγδεζηθκλμνξοπρτυφχψω"


def words(minimum: int = 6, maximum: int = 14, letters: str = _LOWER) -> st.SearchStrategy[str]:
    """Words that begin like no word of ours or of Meta's, so that none of them is a field's name by chance."""
    return st.text(letters, min_size=minimum, max_size=maximum).map("zq{}".format)


def emails() -> st.SearchStrategy[str]:
    return st.builds("{}.{}@{}.example".format, words(), words(), words())


def us_phones() -> st.SearchStrategy[str]:
    """Ten digits of a valid United States number, as written locally."""
    return st.builds("{}{:07}".format, st.sampled_from(["650", "212", "415"]), st.integers(2_000_000, 9_999_999))


def names() -> st.SearchStrategy[str]:
    return words(8, 16, _LETTERS)


def cities() -> st.SearchStrategy[str]:
    return st.builds("{} {}".format, names(), names())


def external_ids() -> st.SearchStrategy[str]:
    return st.builds("customer-{}-{}".format, words(8), st.integers(10_000, 99_999))


# field -> values that are certainly usable there and certainly no accident when found elsewhere
CONTACTS: dict[str, st.SearchStrategy[str]] = {
    "em": emails(),
    "ph": us_phones(),
    "fn": names(),
    "ln": names(),
    "ct": cities(),
    "external_id": external_ids(),
}


def any_text(maximum: int = 40) -> st.SearchStrategy[str]:
    """Text of any script, without lone surrogates, which no JSON reader lets in."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=maximum)


@st.composite
def spellings(draw: st.DrawFn, value: str, separators: str = "") -> str:
    """``value`` in other case, with white space around it and ``separators`` strewn inside."""
    out = []
    for character in value:
        out.append(character.upper() if draw(st.booleans()) else character)
        if separators and draw(st.integers(0, 3)) == 0:
            out.append(draw(st.sampled_from(separators)))
    around = st.text(" \t\n\u00a0\u200b", max_size=3)
    return draw(around) + "".join(out) + draw(around)


# -- events

hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
hashed = st.builds(Hashed, st.sampled_from(["meta", "sent"]), hexes)
money = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=2) | st.sampled_from(
    [Decimal("0"), Decimal("0.10"), Decimal("19.999999999999999999"), Decimal("1E+5"), Decimal("42.50")]
)


def contents() -> st.SearchStrategy[Content]:
    return st.builds(
        Content, id=words(1), quantity=st.none() | st.integers(1, 9), item_price=st.none() | money
    )  # fmt: skip


def events() -> st.SearchStrategy[Event]:
    """Any event that the journal can hold."""
    keys = st.lists(hashed, max_size=2).map(tuple)
    return st.builds(
        Event,
        dataset=words(1),
        event_name=st.sampled_from(["Purchase", "ViewContent", "Läuft"]),
        event_id=any_text(20).filter(bool),
        event_time=st.integers(1, 4_000_000_000),
        received_at=st.integers(1, 4_000_000_000_000),
        channel=st.sampled_from(Channel),
        sender=words(1),
        tier=st.sampled_from(Tier),
        id_given=st.booleans(),
        event_source_url=st.none() | any_text(),
        consent=st.sampled_from(Consent),
        user_data=st.builds(UserData, em=keys, external_id=keys, fbp=st.none() | any_text(20)),
        custom_data=st.builds(
            CustomData,
            value=st.none() | money,
            currency=st.none() | st.sampled_from(["EUR", "JPY"]),
            order_id=st.none() | words(1),
            contents=st.lists(contents(), max_size=3).map(tuple),
            other=st.dictionaries(words(1), json_values(), max_size=3),
        ),
        data_processing_options=st.none() | st.just(("LDU",)),
        warnings=st.lists(any_text(), max_size=2).map(tuple),
    )


# -- JSON


def json_numbers() -> st.SearchStrategy[Any]:
    """Integers of at most 20 digits, and Decimals of at most 18 that JSON text keeps exactly."""
    fractions = st.builds(
        lambda n, places: Decimal(n).scaleb(-places), st.integers(-(10**15), 10**15), st.integers(1, 3)
    )
    return st.integers(-(10**20) + 1, 10**20 - 1) | fractions


def json_values(maximum: int = 12) -> st.SearchStrategy[Any]:
    """JSON that an event may hold: no NUL, no repeated key, no depth near the limit."""
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    text |= st.sampled_from(['"a":1', '\\"', '"', "\\", '":', '\\u0000"'])
    leaves = st.none() | st.booleans() | json_numbers() | text
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=maximum
    )
