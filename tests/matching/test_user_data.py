"""user_data as received to hashed match keys: what is kept, what is refused, and that nothing stays in the clear."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import CONTACTS, NOW_MS, any_text, emails, hexes, law
from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData, decode_event, encode
from twofold.event.refusal import DropReason, Refusal
from twofold.event.vocabulary import LEGACY_HASHED_FIELDS
from twofold.matching.user_data import hash_user_data, hashed_values, is_too_broad, present_keys

EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"  # john_smith@gmail.com, as Meta prints it
MARY = "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"


def kept(raw: dict, **how) -> UserData:
    result = hash_user_data(raw, **how)
    assert not isinstance(result, Refusal), result
    return result[0]


# -- what is already hashed

ALREADY = [
    (EMAIL, EMAIL),
    (EMAIL.upper(), EMAIL),
    (f" {EMAIL}\n", EMAIL),
    (f"{EMAIL}.AQ", EMAIL),  # the parameter builder's appendix, version 1
    (f"{EMAIL}.Bg", EMAIL),
    (f"{EMAIL}.AQQAAQMC", EMAIL),  # version 2: Node 1.3.2
    (f"{EMAIL}.AQICAQMC", EMAIL),  # Python 1.3.2
    (f"{EMAIL}.AQYCAQMB", EMAIL),  # client JS 1.3.1
    (f"{EMAIL.upper()}.AQYCAQMB", EMAIL),
]


@pytest.mark.parametrize("field", ["em", "ph", "zp", "country", "external_id"])
@pytest.mark.parametrize(("given_as", "expected"), ALREADY)
def test_a_senders_hash_is_kept(field, given_as, expected):
    """64 hexadecimal characters, in any case, with or without appendix, leave lower-case and unhashed."""
    assert getattr(kept({field: given_as}), field) == (Hashed("sent", expected),)


BROKEN = [
    EMAIL[:63],
    EMAIL + "a",
    EMAIL[:32],  # MD5
    EMAIL[:40],  # SHA-1
    EMAIL * 2,
    f"{EMAIL[:63]}.AQICAQMC",
    EMAIL[:62] + "AB",  # whole again, so not broken: the row below proves the list is judged by length alone
]


@pytest.mark.parametrize("text", BROKEN[:-1])
def test_a_broken_hash_is_refused(text):
    """A long run of hexadecimal that is no SHA-256 is no contact value either; the refusal names length and path only."""
    refusal = hash_user_data({"em": text})
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.path, refusal.subcode) == (DropReason.NOT_HASHED, "user_data.em", 2804016)
    assert text[:8] not in refusal.sentence()


@pytest.mark.parametrize("text", BROKEN[:-1])
def test_a_browser_loses_only_the_broken_key(text):
    """The lenient doors leave the key out with a warning and keep its neighbours."""
    user, warnings = hash_user_data({"em": [text, "john_smith@gmail.com"], "fn": "Mary", "ph": text}, lenient=True)
    assert (user.em, user.fn, user.ph) == ((Hashed("meta", EMAIL),), (Hashed("meta", MARY),), ())
    assert len(warnings) == 2
    assert not any(text[:8] in w for w in warnings)


def test_sixty_four_of_either_case_are_whole():
    """The same length with mixed case is not broken."""
    assert kept({"em": BROKEN[-1]}).em == (Hashed("sent", BROKEN[-1].lower()),)


@pytest.mark.parametrize("text", ["9e107d9d372bb6826bd81d3542a419d6", "1" * 40, "abcdef0123456789" * 5])
def test_an_external_id_may_look_like_a_hash(text):
    """A shop's own id of 32 or more hexadecimal characters is an id, and is hashed as one."""
    assert kept({"external_id": text}).external_id == (Hashed("meta", hashlib.sha256(text.encode()).hexdigest()),)


# -- shapes

SHAPES = [
    ({"em": "john_smith@gmail.com"}, [EMAIL]),
    ({"em": ["john_smith@gmail.com"]}, [EMAIL]),
    ({"em": ["john_smith@gmail.com", "JOHN_SMITH@gmail.com ", EMAIL]}, [EMAIL]),
    ({"em": [EMAIL, "mary@example.com"]}, [EMAIL, hashlib.sha256(b"mary@example.com").hexdigest()]),
    ({"email": "john_smith@gmail.com"}, [EMAIL]),
    ({"email": "john_smith@gmail.com", "em": EMAIL}, [EMAIL]),
    ({"em": [None, "", "john_smith@gmail.com"]}, [EMAIL]),
    ({"em": None}, []),
    ({"em": ""}, []),
    ({"em": []}, []),
    ({"em": {"value": "john_smith@gmail.com"}}, []),
    ({"em": True}, []),
    ({"em": 5}, []),
    ({"em": [["john_smith@gmail.com"]]}, []),
]


@pytest.mark.parametrize(("raw", "expected"), SHAPES)
def test_one_or_many_values(raw, expected):
    """A text or a list of texts; each hash once, in order; what is no text is left out."""
    assert hashed_values(kept(raw).em) == expected


def test_a_number_is_read_as_its_digits():
    """JSON numbers are common for zip, phone and external_id."""
    user = kept({"ph": 16505551212, "zp": 94025, "external_id": 42})
    expected = [hashlib.sha256(t).hexdigest() for t in (b"16505551212", b"94025", b"42")]
    assert [user.ph[0].hex, user.zp[0].hex, user.external_id[0].hex] == expected


@pytest.mark.parametrize("raw", [None, [1], "em=a@example.com", 5, True])
def test_what_is_no_object_is_refused(raw):
    """user_data must be an object; the answer does not repeat what it was."""
    refusal = hash_user_data(raw)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.path) == (DropReason.MISSING_USER_DATA, "user_data")
    assert "@" not in refusal.sentence()


PLAIN = [
    ("client_ip_address", " 203.0.113.9 ", "203.0.113.9"),
    ("client_ip_address", "203.0.113.9.AQQAAQMC", "203.0.113.9"),
    ("client_ip_address", "2001:db8::1.AQQAAQMC", "2001:db8::1"),
    ("client_ip_address", "203.0.113", None),
    ("client_user_agent", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
    ("fbc", "fb.1.1554763741205.AbCdEfGhIj", "fb.1.1554763741205.AbCdEfGhIj"),
    ("fbc", "fb.1.1554763741205.AbC123.AQICAQMC", "fb.1.1554763741205.AbC123.AQICAQMC"),  # forwarded as it came
    ("fbc", "AbCdEfGhIj", None),
    ("fbp", "fb.1.1596403881668.1116446470", "fb.1.1596403881668.1116446470"),
    ("fbp", "fb.1.1596403881668.notanumber", None),
]


@pytest.mark.parametrize(("field", "text", "expected"), PLAIN)
def test_what_is_never_hashed(field, text, expected):
    """Address, user agent and click ids stay as text; what cannot be one is left out with a warning that hides it."""
    user, warnings = hash_user_data({field: text})
    assert getattr(user, field) == expected
    assert bool(warnings) == (expected is None)
    assert not any(text in w for w in warnings)


def test_documented_plain_keys_are_kept_and_unknown_ones_are_not():
    """An unknown key may hold contact data, so it is named and dropped."""
    user, warnings = hash_user_data(
        {"lead_id": 123456789012345, "subscription_id": "s-1", "customer_mail": "a@b.example"}
    )
    assert user.other == {"lead_id": 123456789012345, "subscription_id": "s-1"}
    assert warnings == ["user_data.customer_mail is not a documented key; left out"]


@pytest.mark.parametrize("field", LEGACY_HASHED_FIELDS)
def test_legacy_keys_must_arrive_hashed(field):
    """No page documents their form, so a plain value is never kept and a hash passes."""
    assert kept({field: EMAIL.upper()}).other == {field: [EMAIL]}
    user, warnings = hash_user_data({field: "marys"})
    assert (user.other, len(warnings)) == ({}, 1)
    assert "marys" not in warnings[0]


OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of the empty text, FIPS 180-4


@pytest.mark.parametrize("given_as", [OF_NOTHING, OF_NOTHING.upper(), f" {OF_NOTHING}", f"{OF_NOTHING}.AQ"])
def test_the_hash_of_nothing_is_nobodys_key(given_as):
    """Sent by many: whoever has it would be one person with all the others. Beside another value, by itself, and under a legacy key."""
    for field in ("em", "ph", "external_id"):
        assert getattr(kept({field: [given_as, MARY], "fbp": "fb.1.1.2"}), field) == (Hashed("sent", MARY),)
        assert getattr(kept({field: given_as, "fbp": "fb.1.1.2"}), field) == ()
    legacy = LEGACY_HASHED_FIELDS[0]
    assert kept({legacy: [given_as, MARY], "fbp": "fb.1.1.2"}).other == {legacy: [MARY]}
    assert kept({legacy: given_as, "fbp": "fb.1.1.2"}).other == {}


BROAD = [
    ({"client_user_agent"}, True),
    ({"ct", "country", "st", "zp", "ge", "client_user_agent"}, True),
    ({"ct", "country"}, True),
    ({"db", "client_user_agent"}, True),
    ({"db"}, True),
    ({"fn", "ge"}, True),
    ({"ln", "ge"}, True),
    ({"fn"}, True),
    (set(), True),
    ({"fn", "ln"}, False),
    ({"fn", "ge", "db"}, False),
    ({"client_ip_address", "client_user_agent"}, False),
    ({"em"}, False),
    ({"external_id"}, False),
    ({"fbp"}, False),
    ({"db", "zp"}, False),
]


@pytest.mark.parametrize(("keys", "expected"), BROAD)
def test_too_broad_combinations(keys, expected):
    """The four documented combinations and their subsets fit too many people (2804050); nothing else does."""
    assert is_too_broad(keys) == expected


def test_present_keys_are_those_that_hold_something():
    """Empty lists and left-out values do not count as match keys."""
    user = kept({"em": EMAIL, "ph": "n/a", "fbp": "fb.1.1596403881668.1116446470", "lead_id": 1, "fn": []})
    assert present_keys(user) == {"em", "fbp", "lead_id"}
    user.other["partner_id"] = "p-17"
    assert present_keys(user) == {"em", "fbp", "lead_id", "partner_id"}
    assert hash(present_keys(user))  # what is made of the names is made once for each set of them


# -- laws


def event_with(user: UserData, warnings: list[str]) -> Event:
    return Event(
        dataset="1", event_name="Lead", event_id="e1", event_time=NOW_MS // 1000, received_at=NOW_MS,
        channel=Channel.SERVER, sender="test", tier=Tier.T2, user_data=user, custom_data=CustomData(),
        warnings=tuple(warnings),
    )  # fmt: skip


@st.composite
def people(draw):
    """(user_data in one of the shapes senders use, the plain texts in it)."""
    fields = draw(st.lists(st.sampled_from(sorted(CONTACTS)), min_size=1, unique=True))
    plain = {f: draw(CONTACTS[f]) for f in fields}
    wrap = st.sampled_from([lambda t: t, lambda t: [t], lambda t: [t, 7, None], lambda t: {"v": t}, lambda t: [[t]]])
    raw = {f: draw(wrap)(t) for f, t in plain.items()}
    secret = draw(emails())
    raw |= draw(
        st.sampled_from([{}, {"fn": secret}, {"ph": secret}, {"fbp": secret}, {"client_ip_address": secret},
                         {"customer": secret}, {secret: "x"}, {"f5first": secret}, {"lead_id": [secret]}, {"subscription_id": secret},
                         {"country": secret}])
    )  # fmt: skip
    raw |= draw(st.sampled_from([{}, {"ln": "ab" * 20}, {"country": "US"}]))
    return raw, [*plain.values(), secret]


@law
@given(case=people(), lenient=st.booleans())
def test_no_plain_contact_value_survives(case, lenient):
    """Neither the journal's bytes of the event, warnings included, nor a refusal hold any plain value."""
    raw, plain = case
    result = hash_user_data(raw, default_country="us", lenient=lenient)
    if isinstance(result, Refusal):
        written = f"{result!r} {result.sentence()}".lower()
    else:
        written = encode(event_with(*result)).decode().lower()
    assert [text for text in plain if text.lower() in written] == []


@law
@given(
    raw=st.dictionaries(
        st.sampled_from([*CONTACTS, "fbc", "country", "db", "zp", "st"]), any_text() | hexes, max_size=5
    )
)
def test_whatever_comes_is_kept_hashed_or_refused(raw):
    """Any text in any field gives typed keys whose hashes are 64 lower-case hexadecimal characters, or a refusal."""
    result = hash_user_data(raw)
    if not isinstance(result, Refusal):
        tree = json.loads(encode(result[0]))
        texts = [h[1] for f, values in tree.items() if f in CONTACTS for h in values]
        assert all(len(t) == 64 and set(t) <= set("0123456789abcdef") for t in texts)
        assert decode_event(encode(event_with(*result))) == event_with(*result)


# -- second spellings of ambiguous values


def hexes_of(*texts: str) -> list[str]:
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


# user_data, keys with variants, the rules and texts hashed, documented form first
VARIANTS = [
    ({"fn": "Mary-Ann"}, "fn", [("meta", "maryann"), ("meta_sdk", "mary-ann")]),
    ({"ct": "Zürich"}, "ct", [("meta", "zürich"), ("meta_builder", "zrich")]),
    ({"ct": "St. John's"}, "ct", [("meta", "stjohns"), ("meta_sdk", "stjohn's")]),
    ({"ct": "São Paulo 1"}, "ct", [("meta", "sãopaulo1"), ("meta_sdk", "sãopaulo"), ("meta_builder", "sopaulo1")]),
    ({"st": "NSW", "country": "AU"}, "st", [("meta", "nsw"), ("meta_builder", "ns")]),
    ({"zp": "100-0001", "country": "JP"}, "zp", [("meta", "1000001"), ("meta_sdk", "100")]),
    ({"fn": "Mary"}, "fn", [("meta", "mary")]),
    ({"fn": ["Mary-Ann", "Ann"]}, "fn", [("meta", "maryann"), ("meta", "ann"), ("meta_sdk", "mary-ann")]),
    ({"em": ["jane@example.com", "john doe@example.com"]}, "em", [("meta", "jane@example.com")]),
    ({"ph": "1-800-FLOWERS"}, "ph", []),  # no documented form, so nothing else either
    ({"ph": "020 7946 0958", "country": "GB"}, "ph", [("meta", "442079460958"), ("meta_sdk", "2079460958")]),
]


@pytest.mark.parametrize(("raw", "field", "expected"), VARIANTS)
def test_variants_follow_the_documented_form(raw, field, expected):
    """A named key also gets what Meta's SDKs and its builder hash, where that differs, behind the documented form."""
    user, _ = hash_user_data(raw, variants=frozenset({field}))
    assert [(h.rule, h.hex) for h in getattr(user, field)] == [(rule, hexes_of(text)[0]) for rule, text in expected]
    assert hashed_values(getattr(user, field)) == hexes_of(*(text for _, text in expected))


def test_variants_are_made_for_named_keys_only():
    """Without the setting, and for keys it does not name, there is one hash a value."""
    raw = {"fn": "Mary-Ann", "ln": "O'Brien"}
    assert [len(kept(raw).fn), len(kept(raw).ln)] == [1, 1]
    user = kept(raw, variants=frozenset({"ln"}))
    assert [len(user.fn), len(user.ln)] == [1, 2]


def test_a_hash_has_no_variants():
    """What the sender hashed is sent as it is, alone."""
    assert kept({"fn": EMAIL}, variants=frozenset({"fn"})).fn == (Hashed("sent", EMAIL),)


@pytest.mark.parametrize("listed", ['["77"]', "[77]", ' ["77"]', ['["77"]']])
def test_an_id_that_went_through_a_form_field_as_a_list(listed):
    """The id in it, not its brackets."""
    assert (
        hash_user_data({"external_id": listed})[0].external_id == hash_user_data({"external_id": "77"})[0].external_id
    )


JOHN_AND_MARY = ["john@shop.example", "mary@shop.example"]


@pytest.mark.parametrize("field", ["em", "external_id"])
@pytest.mark.parametrize(
    "given",
    [JOHN_AND_MARY, {"0": JOHN_AND_MARY[0], "3": JOHN_AND_MARY[1]}, json.dumps(JOHN_AND_MARY), tuple(JOHN_AND_MARY)],
)
def test_several_values_in_the_shapes_that_languages_make(field, given):
    """A list, PHP's list with a gap, a list that went through a form field: the same two hashes, each in the field."""
    user, warnings = hash_user_data({field: given})
    wanted = [hashlib.sha256(text.encode()).hexdigest() for text in JOHN_AND_MARY]
    assert ([h.hex for h in getattr(user, field)], warnings) == (wanted, [])
