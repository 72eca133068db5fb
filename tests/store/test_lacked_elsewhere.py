"""What one platform was told and another lacked something for: a later copy may bring it for the other, delivery by delivery.

The model is what was said so far, by name; nothing of it is asked from the store. An action that nobody was told yet is in
`test_trust_gates`.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from copies import BROWSER, DAY, NOW, SERVER, assert_sums_hold, claim, rows, sent, settlement, with_store
from copies import copy_of_buyer as copy
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law_of
from twofold.event.model import Consent, Event, Tier, encode
from twofold.store.gates.contract import LACKING, Suppressed

ID = "9f1c3c0e5d7a4b8f9e21d3c45b6a7081"
"""An id that nobody can guess: whoever says it is the buyer or the shop."""
NEEDS = {"tells-all": (), "wants-money": ("money",), "wants-person": ("person",), "wants-both": ("money", "person")}
ALL = tuple(NEEDS)
WHY = {"money": "missing_value", "person": "no_identifier"}


def parts_of(event: Event) -> set[str]:
    return {
        name
        for name, there in (("money", event.custom_data.value is not None), ("person", event.user_data.em))
        if there
    }


def builder(destination: str):
    def build(event: Event):
        lacking = next((n for n in NEEDS[destination] if n not in parts_of(event)), None)
        return encode(event) if lacking is None else Suppressed(WHY[lacking])

    return build


def said(*parts: str, channel=SERVER, at=NOW, **facts) -> Event:
    """A copy of the one action that says these parts and no others."""
    value, em = "42.50" if "money" in parts else None, "a" if "person" in parts else ""
    return copy(ID, channel, value=value, em=em, at=at, **{"name": "Lead", **facts})


async def leave(store, destination: str, now: int) -> list[Event]:
    """What is claimed for one destination at a time, and taken by it."""
    claimed = await claim(store, now, destination=destination, build=builder(destination))
    await store.settle([settlement(d) for d in claimed], now)
    return [sent(d) for d in claimed]


async def leave_all(store, now: int) -> dict[str, int]:
    told = {d: len(await leave(store, d, now)) for d in ALL}
    return {d: n for d, n in told.items() if n}


def standing(folder: Path) -> dict[str, tuple[str, str]]:
    assert_sums_hold(folder)
    return {row["destination"]: (row["state"], row["reason"]) for row in rows(folder, "deliveries")}


def test_each_platform_hears_when_its_own_lack_ends(tmp_path):
    """Money comes after the first was told, the person after the second: each once, and nobody twice."""

    async def scenario(store):
        told = []
        for minute, parts in enumerate([(), ("money",), ("person",), ("money", "person")]):
            now = NOW + minute * 60_000
            await store.append([said(*parts, at=now)])
            told.append(await leave_all(store, now))
        return told

    told = with_store(tmp_path, scenario, destinations=ALL, hold={})
    assert told == [{"tells-all": 1}, {"wants-money": 1}, {"wants-person": 1, "wants-both": 1}, {}]
    assert set(standing(tmp_path).values()) == {("delivered", "")}


@pytest.mark.parametrize("reason", LACKING)
def test_whatever_was_lacking_there(tmp_path, reason):
    """Each reason of the list, at one platform while another was told."""

    async def scenario(store):
        def build(event):
            return encode(event) if event.custom_data.value == Decimal("42.50") else Suppressed(reason)

        async def other(now):
            return [sent(d) for d in await claim(store, now, destination="wants-money", build=build)]

        await store.append([said(at=NOW)])
        first = await leave(store, "tells-all", NOW)
        early = await other(NOW)
        await store.append([said("money", at=NOW + 60_000)])
        return first, early, await other(NOW + 60_000), await leave(store, "tells-all", NOW + 60_000)

    (first,), early, (late,), again = with_store(tmp_path, scenario, destinations=("tells-all", "wants-money"), hold={})
    assert (early, again) == ([], [])
    assert late.event_id == first.event_id  # one action, one id, everywhere


def test_a_no_that_comes_with_it_is_obeyed(tmp_path):
    """The later copy brings what was lacking and takes consent back: the other platform is not told."""

    async def scenario(store):
        await store.append([said(at=NOW, consent=Consent.GRANTED)])
        first = await leave_all(store, NOW)
        await store.append([said("money", "person", at=NOW + 1, consent=Consent.DENIED)])
        await store.append([said("money", "person", at=NOW + 2, consent=Consent.GRANTED)])
        return first, await leave_all(store, NOW + 2)

    assert with_store(tmp_path, scenario, destinations=ALL, hold={}) == ({"tells-all": 1}, {})
    assert standing(tmp_path)["wants-money"] == ("suppressed", "consent_denied")


def test_what_is_too_old_by_then_does_not_leave(tmp_path):
    """A week is over: the platform would refuse it, and the row says so."""

    async def scenario(store):
        await store.append([said(at=NOW)])
        await leave_all(store, NOW)
        await store.append([said("money", "person", at=NOW + 7 * DAY + 60_000, happened=NOW)])
        return await leave_all(store, NOW + 7 * DAY + 60_000)

    assert with_store(tmp_path, scenario, destinations=ALL, hold={}) == {}
    assert standing(tmp_path)["wants-money"] == ("dead", "too_old")


def test_what_another_action_stands_for_is_not_brought_back(tmp_path):
    """A stranger's Purchase lacked money for one platform, the shop's own order stands for it since, and was told: what the stranger
    brings after that, by the name that is left to it, is not sent beside it."""

    def stranger(at, **facts):
        place = {"client_ip_address": "198.51.100.1", "client_user_agent": "Other/1"}
        return copy("page-1", BROWSER, em="b", at=at, **place, **facts)

    async def scenario(store):
        await store.append([stranger(NOW, value=None, order="1001")])
        told = [await leave_all(store, NOW)]
        await store.append([copy("shop-1", SERVER, order="1001", em="a", tier=Tier.T3, at=NOW + 1)])
        told.append(await leave_all(store, NOW + 1))
        await store.append([stranger(NOW + 2, value="42.50")])
        told.append(await leave_all(store, NOW + 2))
        return told

    told = with_store(tmp_path, scenario, destinations=ALL, hold={})
    assert told == [{"tells-all": 1, "wants-person": 1}, dict.fromkeys(ALL, 1), {}]
    assert_sums_hold(tmp_path)


ROUND = st.tuples(
    st.sets(st.sampled_from(["money", "person"]), max_size=1),
    st.sampled_from([SERVER, BROWSER]),
    st.sampled_from([Consent.GRANTED] * 5 + [Consent.UNSTATED] * 4 + [Consent.DENIED]),
    st.sets(st.sampled_from(ALL)),  # which destinations claim after it
    st.booleans(),  # the store is opened anew after that
)


@law_of(60)
@given(rounds=st.lists(ROUND, min_size=2, max_size=6), required=st.booleans())
def test_each_is_told_once_as_soon_as_nothing_is_lacking(rounds, required):
    """Copies and claims in any order: a destination is told at its first claim at which all that it needs was said and nobody
    has said no; never again, and under one id everywhere. A no that was met by a claim is final there."""
    known: set[str] = set()
    words: set[Consent] = set()
    told, expected, final, ids = dict.fromkeys(ALL, 0), dict.fromkeys(ALL, 0), set(), set()

    async def look(store, destination, now):
        events = await leave(store, destination, now)
        told[destination] += len(events)
        ids.update(e.event_id for e in events)
        if Consent.DENIED in words:
            final.add(destination)
        granted = Consent.GRANTED in words or not required
        ready = granted and destination not in final and set(NEEDS[destination]) <= known
        expected[destination] = max(expected[destination], int(ready))
        assert told[destination] == expected[destination], destination

    async def play(store, part):
        for now, (parts, channel, consent, claiming, _) in part:
            await store.append([said(*parts, channel=channel, consent=consent, at=now)])
            known.update(parts)
            words.add(consent)
            for destination in sorted(claiming):
                await look(store, destination, now + 1)

    async def end(store):
        for destination in ALL:
            await look(store, destination, NOW + DAY)

    parts = [[]]
    for number, row in enumerate(rounds):
        parts[-1].append((NOW + 1000 * number, row))
        if row[-1]:
            parts.append([])
    with tempfile.TemporaryDirectory() as name:
        settings = {"destinations": ALL, "hold": {}, "require_consent": required}
        for part in parts:
            with_store(Path(name), lambda store, part=part: play(store, part), **settings)
        with_store(Path(name), end, **settings)
        assert_sums_hold(Path(name))
    assert len(ids) <= 1
