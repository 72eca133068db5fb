"""Meta's deduplication rules, each as sequences of copies with a count worked out by hand from the rule's words."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.sandbox.wire.dedup import Copy, Deduplicator, DedupOptions, Fallback, Reason, Source, State

S = 1_000
MIN = 60 * S
HOUR = 60 * MIN
DAY = 24 * HOUR
B, V, A = Source.BROWSER, Source.SERVER, Source.APP  # V: serVer


def copy(source: Source, at: int, event_id: str | None = None, **changes: object) -> dict:
    fields = {"source": source, "received_at": at, "event_id": event_id, "dataset": "1", "event_name": "Purchase"}
    return fields | changes


def run(copies: list[dict], options: DedupOptions | None = None) -> list[tuple[State, Reason]]:
    """Final state of each copy, after every later one has had its say."""
    judge = Deduplicator(options).judge
    final: list[tuple[State, Reason]] = []
    for number, fields in enumerate(copies):
        verdict = judge(Copy(number=number, **fields))
        final.append((verdict.state, verdict.reason))
        if verdict.demoted is not None:
            assert final[verdict.demoted][0] is State.PROCESSED
            final[verdict.demoted] = (State.DEDUPLICATED, Reason.REPLACED_BY_BROWSER)
    return final


def counted(final: list[tuple[State, Reason]]) -> list[int]:
    return [n for n, (state, _) in enumerate(final) if state is State.PROCESSED]


# name, copies in order of arrival, which of them count in the end
SEQUENCES = [
    ("browser then server", [copy(B, 0, "a"), copy(V, 10 * S, "a")], [0]),
    ("server then browser, together: browser preferred", [copy(V, 0, "a"), copy(B, 10 * S, "a")], [1]),
    ("server then browser at 5 minutes sharp", [copy(V, 0, "a"), copy(B, 5 * MIN, "a")], [1]),
    ("server then browser 1 ms later than that", [copy(V, 0, "a"), copy(B, 5 * MIN + 1, "a")], [0]),
    ("browser kept, however late the server", [copy(B, 0, "a"), copy(V, 47 * HOUR, "a")], [0]),
    ("48 hours sharp is inside", [copy(B, 0, "a"), copy(V, 48 * HOUR, "a")], [0]),
    ("1 ms later is a new action", [copy(B, 0, "a"), copy(V, 48 * HOUR + 1, "a")], [0, 1]),
    ("server late, 48 hours sharp", [copy(V, 0, "a"), copy(B, 48 * HOUR, "a")], [0]),
    ("server late, 1 ms later", [copy(V, 0, "a"), copy(B, 48 * HOUR + 1, "a")], [0, 1]),
    (
        "the window runs from the first, not from the last",
        [copy(V, 0, "a"), copy(V, 47 * HOUR, "a"), copy(V, 49 * HOUR, "a")],
        [0, 2],
    ),
    (
        "preferring the browser does not move the window",
        [copy(V, 0, "a"), copy(B, 4 * MIN, "a"), copy(V, 48 * HOUR + 1 * MIN, "a")],
        [1, 2],
    ),
    ("a server retry is the same action", [copy(V, 0, "a"), copy(V, 1 * S, "a")], [0]),
    ("a browser repeat of one id is the same action", [copy(B, 0, "a"), copy(B, 1 * S, "a")], [0]),
    (
        "preference is against the kept copy, not against a dropped retry",
        [copy(V, 0, "a"), copy(V, 4 * MIN, "a"), copy(B, 6 * MIN, "a")],
        [0],
    ),
    ("two ids are two actions", [copy(B, 0, "a"), copy(V, 0, "b")], [0, 1]),
    ("another event name is another action", [copy(B, 0, "a"), copy(V, 0, "a", event_name="Lead")], [0, 1]),
    ("event names are case-sensitive", [copy(B, 0, "a"), copy(V, 0, "a", event_name="purchase")], [0, 1]),
    ("event ids are case-sensitive", [copy(B, 0, "a"), copy(V, 0, "A")], [0, 1]),
    ("another dataset never deduplicates", [copy(B, 0, "a"), copy(V, 0, "a", dataset="2")], [0, 1]),
    # key 2: fbp and external_id
    ("fbp, browser first", [copy(B, 0, fbp="p"), copy(V, 1 * S, fbp="p")], [0]),
    ("fbp, server first: nothing is dropped", [copy(V, 0, fbp="p"), copy(B, 1 * S, fbp="p")], [0, 1]),
    ("fbp at 48 hours sharp", [copy(B, 0, fbp="p"), copy(V, 48 * HOUR, fbp="p")], [0]),
    ("fbp 1 ms later", [copy(B, 0, fbp="p"), copy(V, 48 * HOUR + 1, fbp="p")], [0, 1]),
    ("external_id, browser first", [copy(B, 0, external_ids=("x",)), copy(V, 1, external_ids=("y", "x"))], [0]),
    (
        "one equal key of two is enough",
        [copy(B, 0, fbp="p", external_ids=("x",)), copy(V, 1, fbp="q", external_ids=("x",))],
        [0],
    ),
    ("no equal key", [copy(B, 0, fbp="p", external_ids=("x",)), copy(V, 1, fbp="q", external_ids=("y",))], [0, 1]),
    ("an fbp is not an external_id", [copy(B, 0, fbp="p"), copy(V, 1, external_ids=("p",))], [0, 1]),
    ("two browser events of one person both count", [copy(B, 0, fbp="p"), copy(B, 1, fbp="p")], [0, 1]),
    ("two server events of one person both count", [copy(V, 0, fbp="p"), copy(V, 1, fbp="p")], [0, 1]),
    ("fbp, other event name", [copy(B, 0, fbp="p"), copy(V, 1, fbp="p", event_name="Lead")], [0, 1]),
    ("fbp, other dataset", [copy(B, 0, fbp="p"), copy(V, 1, fbp="p", dataset="2")], [0, 1]),
    ("fbp steps in when only the server has an id", [copy(B, 0, fbp="p"), copy(V, 1, "a", fbp="p")], [0]),
    ("fbp steps in when only the browser has an id", [copy(B, 0, "a", fbp="p"), copy(V, 1, fbp="p")], [0]),
    ("two ids are stronger than one fbp", [copy(B, 0, "a", fbp="p"), copy(V, 1, "b", fbp="p")], [0, 1]),
    (
        "a retry of what fell to the fallback does not count either, even after the browser's 48 hours",
        [copy(B, 0, fbp="p"), copy(V, 47 * HOUR, "a", fbp="p"), copy(V, 49 * HOUR, "a", fbp="p")],
        [0],
    ),
    (
        "a browser copy of its own id is preferred over what fell to the fallback",
        [copy(B, 0, fbp="p"), copy(V, 1 * S, "a", fbp="p"), copy(B, 2 * S, "a", fbp="p")],
        [0, 2],
    ),
    ("nothing to compare by", [copy(B, 0), copy(V, 1)], [0, 1]),
    # store events
    (
        "store events by order id",
        [copy(V, n, action_source="physical_store", event_time=9, order_id="o") for n in (0, 1)],
        [0],
    ),
    (
        "store events, 7 days sharp",
        [copy(V, n, action_source="physical_store", event_time=9, order_id="o") for n in (0, 7 * DAY)],
        [0],
    ),
    (
        "store events, 1 ms later",
        [copy(V, n, action_source="physical_store", event_time=9, order_id="o") for n in (0, 7 * DAY + 1)],
        [0, 1],
    ),
    (
        "store events of another time",
        [copy(V, 0, action_source="physical_store", event_time=n, order_id="o") for n in (8, 9)],
        [0, 1],
    ),
    (
        "store events of another item",
        [copy(V, 0, action_source="physical_store", event_time=9, order_id="o", item_number=n) for n in ("1", "2")],
        [0, 1],
    ),
    (
        "store events without order id, same person",
        [copy(V, 0, action_source="physical_store", event_time=9, person="d")] * 2,
        [0],
    ),
    (
        "store events without order id, other person",
        [copy(V, 0, action_source="physical_store", event_time=9, person=p) for p in ("d", "e")],
        [0, 1],
    ),
    (
        "a store event is not a copy of a web event",
        [copy(B, 0, "a", fbp="p"), copy(V, 1, "a", fbp="p", action_source="physical_store", order_id="o")],
        [0, 1],
    ),
    (
        "event_id does not deduplicate store events",
        [copy(V, 0, "a", action_source="physical_store", event_time=9, order_id=o) for o in ("o", "p")],
        [0, 1],
    ),
    # app SDK: it stands where the browser does
    ("app then server", [copy(A, 0, "a"), copy(V, 10 * S, "a")], [0]),
    ("server then app, 5 minutes sharp: app preferred", [copy(V, 0, "a"), copy(A, 5 * MIN, "a")], [1]),
    ("server then app, 1 ms later", [copy(V, 0, "a"), copy(A, 5 * MIN + 1, "a")], [0]),
    ("app and server at 48 hours sharp", [copy(A, 0, "a"), copy(V, 48 * HOUR, "a")], [0]),
    ("app and server 1 ms later", [copy(A, 0, "a"), copy(V, 48 * HOUR + 1, "a")], [0, 1]),
    ("app fallback, app first", [copy(A, 0, external_ids=("x",)), copy(V, 1, external_ids=("x",))], [0]),
    ("app fallback, server first", [copy(V, 0, external_ids=("x",)), copy(A, 1, external_ids=("x",))], [0, 1]),
    ("two app events of one person both count", [copy(A, n, external_ids=("x",)) for n in (0, 1)], [0, 1]),
    # order id, off by default
    (
        "order id alone is nothing",
        [copy(V, n, (n and "b") or "a", order_id="o", contacts=("m",)) for n in (0, 1)],
        [0, 1],
    ),
    # messaging
    ("messaging is never deduplicated", [copy(V, 0, "a", action_source="business_messaging")] * 2, [0, 1]),
]


@pytest.mark.parametrize(("copies", "expected"), [row[1:] for row in SEQUENCES], ids=[row[0] for row in SEQUENCES])
def test_sequence_counts_as_documented(copies: list[dict], expected: list[int]) -> None:
    """Exactly the expected copies count after the whole sequence has arrived."""
    assert counted(run(copies)) == expected


WINDOWS = {"48 hours": 48 * HOUR, "28 days": 28 * DAY}


def ordered(source: Source, at: int, event_id: str | None, order_id: str | None = "o", **changes: object) -> dict:
    return copy(source, at, event_id, order_id=order_id, **changes)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_limited_order_id_rule(window: int) -> None:
    """One Purchase per user and order id within the chosen window, of any source, whatever the ids; then it counts."""
    rows: list[tuple[str, list[dict], list[int]]] = [
        ("two ids, one e-mail", [ordered(V, 0, "a", contacts=("m",)), ordered(V, 1, "b", contacts=("m", "n"))], [0]),
        ("window sharp", [ordered(B, 0, "a", fbp="p"), ordered(V, window, "b", fbp="p")], [0]),
        ("1 ms later", [ordered(B, 0, "a", fbp="p"), ordered(V, window + 1, "b", fbp="p")], [0, 1]),
        ("server first, too", [ordered(V, 0, "a", fbp="p"), ordered(B, MIN, "b", fbp="p")], [0]),
        ("other user", [ordered(V, 0, "a", fbp="p"), ordered(V, 1, "b", fbp="q")], [0, 1]),
        ("other order", [ordered(V, 0, "a", fbp="p"), ordered(V, 1, "b", "o2", fbp="p")], [0, 1]),
        ("no user known", [ordered(V, 0, "a"), ordered(V, 1, "b")], [0, 1]),
        ("other dataset", [ordered(V, 0, "a", fbp="p"), ordered(V, 1, "b", fbp="p", dataset="2")], [0, 1]),
        (
            "only Purchase",
            [ordered(V, n, i, fbp="p", event_name="Lead") for n, i in enumerate("ab")],
            [0, 1],
        ),
        (
            "runs from the first",
            [ordered(V, at, i, fbp="p") for at, i in ((0, "a"), (window, "b"), (window + 1, "c"))],
            [0, 2],
        ),
        (
            "the browser preferred for one id does not open a new window",
            [ordered(V, 0, "a", fbp="p"), ordered(B, MIN, "a", fbp="p"), ordered(V, window + 1, "b", fbp="p")],
            [1, 2],
        ),
    ]
    for name, copies, expected in rows:
        assert counted(run(copies, DedupOptions(order_window_ms=window))) == expected, name


def test_order_id_rule_in_every_order_of_arrival() -> None:
    """Three copies of one order with three ids count once in every order; its reason is named."""
    parts = [ordered(B, 0, "a", fbp="p"), ordered(V, 0, "b", fbp="p"), ordered(V, 0, None, fbp="p")]
    for order in permutations(parts):
        final = run([{**part, "received_at": n} for n, part in enumerate(order)], DedupOptions(order_window_ms=DAY))
        assert len(counted(final)) == 1, order
        assert Reason.ORDER_REPEAT in {reason for _, reason in final}


# name, copies without times, gap between arrivals, how many count in every order, which source counts
ORDERS = [
    ("pair", [(B, "a"), (V, "a")], 10 * S, 1, {B}),
    ("pair and a server retry", [(B, "a"), (V, "a"), (V, "a")], 2 * MIN, 1, {B}),
    ("pair and both repeated", [(B, "a"), (B, "a"), (V, "a"), (V, "a")], 1 * MIN, 1, {B}),
    ("two actions", [(B, "a"), (V, "a"), (B, "b"), (V, "b")], 1 * MIN, 2, {B}),
    ("server only", [(V, "a"), (V, "a"), (V, "b")], 1 * HOUR, 2, {V}),
]


@pytest.mark.parametrize(("parts", "gap", "count", "sources"), [r[1:] for r in ORDERS], ids=[r[0] for r in ORDERS])
def test_count_does_not_depend_on_order_of_arrival(parts: list, gap: int, count: int, sources: set) -> None:
    """In every order of arrival the same number counts, and the browser copy wherever there is one in 5 minutes."""
    for order in permutations(parts):
        copies = [copy(source, n * gap, event_id) for n, (source, event_id) in enumerate(order)]
        kept = counted(run(copies))
        assert len(kept) == count, order
        assert {copies[n]["source"] for n in kept} == sources, order


@pytest.mark.parametrize(("fallback", "count"), [(Fallback.WITHOUT_ID, 2), (Fallback.ALWAYS, 1), (Fallback.OFF, 2)])
def test_literal_fallback_is_an_option(fallback: Fallback, count: int) -> None:
    """Two different ids with one fbp are one action only under the literal reading."""
    copies = [copy(B, 0, "a", fbp="p"), copy(V, 1, "b", fbp="p")]

    assert len(counted(run(copies, DedupOptions(fallback=fallback)))) == count


def test_verdicts_name_their_counterparts() -> None:
    """A dropped copy points at the kept one; a preferred browser copy at the one it replaced."""
    judge = Deduplicator().judge
    first = judge(Copy(number=1, **copy(V, 0, "a")))
    retry = judge(Copy(number=2, **copy(V, 1, "a")))
    browser = judge(Copy(number=3, **copy(B, 2, "a")))
    late = judge(Copy(number=4, **copy(V, 3, "a")))

    assert (first.state, first.reason, first.counterpart) == (State.PROCESSED, Reason.FIRST, None)
    assert (retry.state, retry.reason, retry.counterpart) == (State.DEDUPLICATED, Reason.SAME_ID, 1)
    assert (browser.state, browser.counterpart, browser.demoted) == (State.PROCESSED, 1, 1)
    assert (late.state, late.counterpart) == (State.DEDUPLICATED, 3)


def definition(copies: list[dict]) -> set[int]:
    """Key 1 by its definition over the whole history, with no state carried: which copies count."""
    kept: set[int] = set()
    for key in {(c["event_name"], c["event_id"]) for c in copies}:
        rest = [n for n, c in enumerate(copies) if (c["event_name"], c["event_id"]) == key]
        while rest:
            first = rest[0]
            inside = [n for n in rest if copies[n]["received_at"] - copies[first]["received_at"] <= 48 * HOUR]
            near = [
                n
                for n in inside
                if copies[n]["source"] is B and copies[n]["received_at"] - copies[first]["received_at"] <= 5 * MIN
            ]
            kept.add(first if copies[first]["source"] is B or not near else near[0])
            rest = rest[len(inside) :]
    return kept


arrivals = st.lists(
    st.tuples(
        st.sampled_from([B, V]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["Purchase", "Lead"]),
        st.sampled_from([0, 1, MIN, 5 * MIN, 5 * MIN + 1, 24 * HOUR, 48 * HOUR, 48 * HOUR + 1]),
    ),
    max_size=12,
)


@given(arrivals)
def test_any_sequence_agrees_with_the_definition(parts: list) -> None:
    """For copies with ids and no other key, what counts is what the rule's words give over the whole history."""
    at, copies = 0, []
    for source, event_id, name, gap in parts:
        at += gap
        copies.append(copy(source, at, event_id, event_name=name))

    assert set(counted(run(copies))) == definition(copies)
