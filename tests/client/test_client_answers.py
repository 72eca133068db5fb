"""The client's tables without a socket: verdicts, delays, forms of contact data against the gateway's, imports, syntax."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import twofold.client
from tests.strategies import law
from twofold.client.answer import judge
from twofold.client.contact import NAMES, PLAIN, hashed_customer, hashed_user, masked, safe_id
from twofold.client.lane import delay_s
from twofold.event.identity import without_contact
from twofold.event.vocabulary import PLAIN_FIELDS
from twofold.matching.normalise import FORMS
from twofold.matching.user_data import hash_user_data
from twofold.sources.own.bodies import CUSTOMER

PACKAGE = Path(twofold.client.__file__).parent

RETRY_AFTER = [
    ("7", 7.0), ("0", 0.0), ("99999", 3600.0), ("Mon, 21 Sep 2026 14:13:30 GMT", 10.0),
    ("Mon, 21 Sep 2026 14:13:00 GMT", 0.0), ("soon", 0.0), ("-5", 0.0), ("", 0.0), (None, 0.0), ("\u0667", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("header", "seconds"), RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    """As HTTP allows; at most an hour, and what cannot be read asks for nothing."""
    assert judge(503, b"", 1, header, 1_790_000_000.0).retry_after_s == seconds


@law
@given(st.integers(100, 599), st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["events_received", "messages", "error"]),
    st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda i: st.lists(i) | st.dictionaries(
        st.sampled_from(["error_data", "refused", "index", "code"]), i))).map(lambda t: json.dumps(t).encode()),
    st.integers(1, 5))  # fmt: skip
def test_no_answer_makes_an_event_vanish(status, body, sent):
    """Whatever comes: an event is taken, named as refused with a place in the request, or it goes again."""
    verdict = judge(status, body, sent, None, 0.0)
    places = [place for place, _ in verdict.refused]
    assert len(set(places)) == len(places)
    assert all(0 <= place < sent for place in places)
    assert status == 200 or not verdict.taken
    if verdict.taken and isinstance(json.loads(body).get("events_received"), int):
        assert len(places) == max(0, sent - json.loads(body)["events_received"]) or sent == 1


@law
@given(st.integers(0, 200), st.floats(0, 100), st.floats(0, 1, exclude_max=True))
def test_delays_grow_to_their_limit_and_never_undercut_the_server(failures, asked, draw):
    """At least what the gateway asked for; at most that and the ceiling; the ceiling doubles from half a second."""
    delay = delay_s(failures, asked, 60.0, draw)
    assert asked <= delay <= asked + min(60.0, 0.5 * 2 ** min(failures, 30))


CONTACTS = [
    {"email": " John_Smith@gmail.com "},
    {"phone": "+1 650 555 1212"},
    {"phone": ["+995 555 12-34-56", "555 12 34 56"]},
    {"first_name": "Valéry", "last_name": "O'Neill-\u00a0Ó"},
    {"first_name": "정", "last_name": "ნინო"},
    {"first_name": "\uff2a\uff4f\uff48\uff4e\u200b"},
    {"city": "St. John's", "country": "CA", "state": "Newfoundland", "zip": "A1B 2C3"},
    {"zip": "94025-1234", "country": "us", "state": "CA"},
    {"birth_date": "1997-02-16", "gender": "Female"},
    {"id": " Customer 7 "},
    {"email": "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"},
]


@pytest.mark.parametrize("user", CONTACTS, ids=str)
def test_hashes_of_the_file_are_the_gateways_own(user):
    """A copy that comes from the file matches the same people as the copy in memory."""
    names = {NAMES.get(name, name): value for name, value in user.items()}
    expected, _ = hash_user_data(names)
    for name, hashes in hashed_user(user).items():
        assert set(hashes) <= {h.hex for h in getattr(expected, name)}, name
        assert hashes


ODD = [
    "Ｊａｎｅ", "ﾔﾏﾀﾞ", "ﬁona", "สำราญ", "Սևակ", "mª", "علی\u200cرضا", "ශ්\u200dරී", "Mu\u0308ller", "zero\u200bwidth", "İnci", "ΓΙΩΡΓΟΣ",
    "ᲒᲘᲝᲠᲒᲘ", "O’Brien", "阿里·木江", "anna♥", "a+b", "x²", "Jean\u00a0Luc", "\u200cali", "ﷴ", "ﭏ", "ｶﾞ", "각", "Ｓｔ．　Ｐａｕｌ", "^`´¨",
    "½ Ⅳ", "\u00adsoft", "שלום\ufb2a", "e\u0301\u200d",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("field", ["fn", "ln", "ct", "zp", "external_id"])
def test_odd_names_have_the_gateways_form(field, text):
    """A copy from the file and one from memory are of one person, in every script and width."""
    form = FORMS[field](text, "ge") if field == "zp" else FORMS[field](text)
    expected = {field: [hashlib.sha256(form.encode()).hexdigest()]} if form else {}
    assert {k: v for k, v in hashed_user({field: text, "country": "GE"}).items() if k != "country"} == expected


NOT_KEPT = [
    ("a phone number without its country", {"phone": "555 12 34 56"}),
    ("a number that may be local", {"phone": "16505551212"}),
    ("a state by name, of which country nobody says", {"state": "California"}),
    ("a country by name", {"country": "Georgia"}),
    ("a code that is no ISO code", {"country": "UK"}),
    ("a post code of nobody knows where", {"zip": "94025-1234"}),
    ("no address at all", {"email": "unknown"}),
    ("a key that nobody documented", {"passport": "X123"}),
]


@pytest.mark.parametrize(("claim", "user"), NOT_KEPT, ids=[row[0] for row in NOT_KEPT])
def test_what_needs_a_table_is_left_out_of_the_file(claim, user):
    """A hash of a wrong form would match nobody, and the value itself must not be on disk."""
    assert hashed_user(user) == {}


def test_an_orders_customer_keeps_its_names():
    """The own webhook reads a hash in the place of the value."""
    email = hashlib.sha256(b"a@b.example").hexdigest()
    found = hashed_customer({"email": "A@b.example", "first_name": "Mary", "id": 7, "phone": "0555"})
    assert found == {
        "email": [email],
        "first_name": "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",  # Meta's example for Mary
        "id": hashlib.sha256(b"7").hexdigest(),
    }
    assert found.keys() <= {field.name for field in CUSTOMER}


IDS = ["plain", "order-7", "nino@example.com", "cart:nino@example.com:1", "a@b", "@", "7"]


@pytest.mark.parametrize("event_id", IDS)
def test_an_id_that_holds_an_address_is_the_gateways_digest(event_id):
    """Both copies of one event must have one id, or they would be two."""
    assert safe_id(event_id) == without_contact(event_id)


def test_addresses_inside_other_texts_are_masked():
    """URLs, custom properties and keys."""
    assert masked(
        {"url": "https://x.example/?m=nino%40example.com&a=1", "a@b.example": ["to nino@example.com now", 5]}
    ) == {
        "url": "https://x.example/?m=masked&a=1",
        "masked": ["to masked now", 5],
    }


def test_the_plain_keys_are_the_gateways():
    """One list in two places, because the client must not import the other."""
    assert frozenset(PLAIN_FIELDS) == PLAIN


def test_the_client_needs_nothing_but_python():
    """Importing it loads no third-party module and nothing else of the package."""
    code = "import sys; before = set(sys.modules); import twofold.client; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, timeout=60,
                          cwd=PACKAGE.parents[1], env={"PATH": "/usr/bin:/bin"})  # fmt: skip
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert tops - set(sys.stdlib_module_names) == {"twofold"}
    ours = {name for name in done.stdout.split() if name.startswith("twofold")}
    assert {name for name in ours if not name.startswith("twofold.client")} == {"twofold"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_the_client_is_written_for_python_3_9(path):
    """Shops run older versions than the gateway does: grammar, and no annotation that is evaluated."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
    assert "from __future__ import annotations" in path.read_text(encoding="utf-8")
