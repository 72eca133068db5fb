"""How bodies lie on disk: every event comes back byte for byte, what version 0.2.0 wrote is read, damage is no crash, and a
search of the disk finds what is packed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from copies import NOW, copy, with_store
from hypothesis import given
from hypothesis import strategies as st

from tests.disk import bodies_in, readable
from tests.strategies import events, law
from twofold.event.model import encode
from twofold.store.bodies import NEWEST, dictionary, pack, plain_body
from twofold.store.engines import open_reader
from twofold.store.lists import Reader

PLANTED = "Zwetschgenknödel-4711@planted.example"


@law
@given(events())
def test_every_event_comes_back_byte_for_byte(event):
    body = encode(event)
    assert plain_body(pack(body)) == body
    assert plain_body(body) == body, "a body that was never packed is read as it is"
    assert list(bodies_in(b"..." + pack(body) + b"...")) == [body]


def test_a_body_is_a_third_of_its_size(tmp_path):
    """Of events like those of the bench, which the dictionary was not made from."""
    from bench.mix import Shop

    plain = [encode(e) for e in Shop().group(NOW, 200)]
    assert sum(map(len, map(pack, plain))) < 0.35 * sum(map(len, plain))


@law
@given(st.binary(max_size=60) | st.binary(max_size=60).map(bytes([NEWEST]).__add__))
def test_what_is_no_body_is_given_back_as_it_is(raw):
    assert plain_body(raw) == raw or plain_body(raw).startswith(b"{") or raw.startswith(bytes([NEWEST]))


@pytest.mark.parametrize("cut", [1, 2, 6, 20, -1])
def test_a_body_cut_short_is_given_back_as_it_is(cut):
    packed = pack(encode(copy("a")))
    assert plain_body(packed[:cut]) == packed[:cut]


def test_a_body_of_a_dictionary_that_never_was_is_given_back_as_it_is():
    packed = bytes([250]) + pack(encode(copy("a")))[1:]
    assert plain_body(packed) == packed


def test_every_dictionary_up_to_the_newest_is_kept():
    sizes = [len(dictionary(n)) for n in range(1, NEWEST + 1)]
    assert all(1_000 < size < 1 << 17 for size in sizes)


@pytest.mark.parametrize("place", ["event_source_url", "order", "agent", "custom"])
def test_a_value_planted_in_an_event_is_found_by_a_search_of_the_disk(tmp_path, place):
    """In the clear it stands nowhere; the search unpacks first. In the log while it is there, in the database after."""
    event = copy("a")
    if place == "event_source_url":
        event.event_source_url = f"https://shop.example/?x={PLANTED}"
    elif place == "order":
        event.custom_data.other = {"note": PLANTED}
    elif place == "agent":
        event.user_data.client_user_agent = PLANTED
    else:
        event.custom_data.other = {PLANTED: [1, {"deep": True}]}

    async def scenario(store):
        await store.append([copy("b"), event])
        return readable(tmp_path)

    running = with_store(tmp_path, scenario)
    assert PLANTED.encode() in running["twofold.db-wal"]
    assert PLANTED.encode() in readable(tmp_path)["twofold.db"]
    assert PLANTED.encode() not in (tmp_path / "twofold.db").read_bytes()


def test_packed_and_plain_bodies_are_read_side_by_side(tmp_path):
    """A folder of the version before holds plain ones; they are read, listed and verified as they are."""
    from twofold.report.verify import verify

    async def scenario(store):
        await store.append([copy("a", em="a"), copy("b", em="b"), copy("c", em="c")])
        await store.transact(lambda e: e.db.execute("update event set body = plain_body(body) where position = 2"))

    with_store(tmp_path, scenario)
    assert [c for c in verify(tmp_path) if not c.holds] == []
    with Reader(tmp_path) as reader:
        assert [row["match_keys"] for row in reader.rows("events")] == [["em"]] * 3
    reading = open_reader(tmp_path)
    first = [body[:1] for (body,) in reading.execute("select body from event order by position")]
    reading.close()
    assert first == [bytes([NEWEST]), b"{", bytes([NEWEST])]


def test_threads_unpack_side_by_side():
    """A search reads on a thread of its own beside the loop; the library works without the interpreter's lock."""
    bodies = [encode(copy(f"a-{n}", em="abcdef"[n % 6])) * 40 for n in range(50)]
    packed = [pack(b) for b in bodies]

    def many(_: int) -> bool:
        return all([plain_body(p) for p in packed] == bodies and [pack(b) for b in bodies] == packed for _ in range(40))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(many, range(8)))
