"""Of an action that a crowd of copies names: what counts is what counted, and one more costs no more than the first ones did.

A stranger who knows an order's number can send a copy of it as often as the limits let him, all day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.copies import BROWSER, DAY, HOLD, NOW, PLACE, SERVER, actions, appended, claim, copy, sent, with_store
from twofold.event.delivery import Delivery
from twofold.event.model import Consent, Event
from twofold.store.ladder import FEW, agreed
from twofold.store.store import Store
from twofold.store.visitors.browsers import MOST_BROWSERS

CROWD = 2 * FEW + 40
SECRET = "checkout_token:5f3c9a7e1b2d4c6f8a0b"
SHOP: dict[str, Any] = {"order": "5001", "em": "b"}
LATER = NOW + HOLD + 1


def stranger(n: int, **facts: Any) -> Event:
    """Another browser each time, at another address, which names the order."""
    own = {"event_id": f"guess-{n}", "order": "5001", "value": f"{n + 1}.00", "em": "a", "fbp": f"fb.1.1790000000000.{n + 1}",
           "client_ip_address": f"198.51.{n // 250}.{n % 250 + 1}", "client_user_agent": "Mozilla/5.0 (stranger)"}  # fmt: skip
    return copy(channel=BROWSER, **own | facts)


def linked(event: Event) -> Event:
    return replace(event, links=(*event.links, SECRET))


def shops() -> Event:
    return linked(copy("own-id", SERVER, value="129.90", **SHOP))


def buyers(**facts: Any) -> Event:
    return linked(
        copy("page-id", BROWSER, order="5001", value="129.90", fbp="fb.1.1790000000000.9999999", **PLACE | facts)
    )


def told(folder: Path, copies: list[Event], **settings: Any) -> list[Event]:
    async def scenario(store: Store) -> list[Delivery]:
        for one in copies:
            await store.append([one])
        return await claim(store, LATER, limit=500)

    return [sent(d) for d in with_store(folder, scenario, **settings)]


@pytest.mark.parametrize("before", [0, FEW, CROWD])
def test_the_buyers_copy_counts_however_many_came_before_it(tmp_path: Path, before: int) -> None:
    """It says what only the buyer and the shop know; none of the crowd alters anything."""
    (event,) = told(tmp_path, [shops(), *map(stranger, range(before)), buyers(), *map(stranger, range(before, CROWD))])
    assert (str(event.custom_data.value), event.event_id, event.user_data.fbp) == (
        "129.90",
        "page-id",
        "fb.1.1790000000000.9999999",
    )
    assert [h.hex for h in event.user_data.em] == ["b" * 64]


def test_what_nothing_proved_then_is_proved_at_the_claim(tmp_path: Path) -> None:
    """In the middle of the crowd, before the shop has said by what it is known: the claim reads all copies."""
    first = copy("own-id", SERVER, value="129.90", **SHOP)
    crowd = [*map(stranger, range(FEW + 20)), buyers(), *map(stranger, range(FEW + 20, CROWD))]
    (event,) = told(tmp_path, [first, *crowd, shops()])
    assert (str(event.custom_data.value), event.user_data.fbp) == ("129.90", "fb.1.1790000000000.9999999")


def test_a_no_of_the_crowd_stops_nothing_and_the_buyers_does(tmp_path: Path) -> None:
    nos = [stranger(n, consent=Consent.DENIED) for n in range(CROWD)]
    assert len(told(tmp_path / "crowd", [shops(), *nos])) == 1
    assert told(tmp_path / "buyer", [shops(), *map(stranger, range(CROWD)), buyers(consent=Consent.DENIED)]) == []
    assert (
        told(tmp_path / "between", [shops(), *map(stranger, range(CROWD)), buyers(consent=Consent.DENIED), *nos]) == []
    )


def test_a_crowd_that_was_first_is_left_to_itself(tmp_path: Path) -> None:
    """The shop's word stands apart, under its own id and with its own money; what of it the buyer's browser said last counts."""
    events = told(tmp_path, [*map(stranger, range(CROWD)), buyers(), shops()])
    (event,) = [e for e in events if [h.hex for h in e.user_data.em] == ["b" * 64]]
    assert (str(event.custom_data.value), event.user_data.fbp) == ("129.90", "fb.1.1790000000000.9999999")
    assert event.event_id in ("own-id", "page-id")
    assert sum(row["tier"] == 2 for row in actions(tmp_path)) == 1


def rows_read(
    folder: Path, of: Callable[[int], Event], *, before: Sequence[Event] = (), after: Sequence[Event] = ()
) -> list[int]:
    """Rows that the database gives for one further copy, of a crowd, of one three times as large, and of one twice as large again."""

    async def scenario(store: Store) -> list[int]:
        read, db = [0], store._engine.db

        def seen(_cursor: Any, row: tuple[Any, ...]) -> tuple[Any, ...]:
            read[0] += 1
            return row

        found, n = [], 0
        for event in before:
            await store.append([event])
        for size in (CROWD, 3 * CROWD, 6 * CROWD):
            while n < size:
                await store.append([of(n)])
                n += 1
            for event in () if found else after:
                await store.append([event])
            read[0] = 0
            db.row_trace = seen
            await store.append([of(n)])
            db.row_trace = None
            n += 1
            found.append(read[0])
        return found

    return with_store(folder, scenario)


@pytest.mark.embedded
@pytest.mark.parametrize("first", ["shop", "crowd"])
def test_one_more_reads_no_more_rows(tmp_path: Path, first: str) -> None:
    before, after = ([shops()], []) if first == "shop" else ([], [shops()])
    small, large, largest = rows_read(tmp_path, stranger, before=before, after=after)
    assert large == largest
    assert max(small, large) < 10 * FEW


def guest(n: int, **facts: Any) -> Event:
    """A page view of another browser each time, all with one id of the shop's for a browser."""
    view = {
        "name": "PageView",
        "value": None,
        "em": "a",
        "fbp": f"fb.1.1790000000000.{n + 1}",
        "fbc": f"fb.1.{NOW - 9_000}.Click-{n}",
    }
    return replace(copy(None, BROWSER, **view | facts), visitor="guest")


@pytest.mark.embedded
def test_one_more_browser_with_the_same_id_reads_no_more_rows(tmp_path: Path) -> None:
    small, large, largest = rows_read(tmp_path, guest)
    assert large == largest
    assert max(small, large) < 10 * MOST_BROWSERS


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
def test_an_id_that_many_browsers_carry_hides_none_of_them(tmp_path: Path, together: bool) -> None:
    """Each is found by its own; the shared one leads to several, so to none."""
    count = 2 * MOST_BROWSERS
    orders = [copy(f"o-{n}", SERVER, order=f"o-{n}", fbp=f"fb.1.1790000000000.{n + 1}") for n in (3, count - 3)]
    shared = replace(copy("o-all", SERVER, order="o-all"), visitor="guest")

    async def scenario(store: Store) -> list[Delivery]:
        views = [guest(n) for n in range(count)]
        for portion in [views] if together else [[view] for view in views]:
            await store.append(portion)
        await store.append([*orders, shared])
        return await claim(store, LATER, limit=500)

    clicks = {event.event_id: event.user_data.fbc for event in map(sent, with_store(tmp_path, scenario))}
    assert {name: clicks[name] for name in ("o-3", f"o-{count - 3}", "o-all")} == {
        "o-3": f"fb.1.{NOW - 9_000}.Click-3",
        f"o-{count - 3}": f"fb.1.{NOW - 9_000}.Click-{count - 3}",
        "o-all": None,
    }


def test_who_carries_a_full_id_goes_on_to_be_known_by_it(tmp_path: Path) -> None:
    """As many browsers as it may lead to: it leads to several. Once all but one are forgotten, it leads to the one that came again
    within the time that is kept, of which the first visit was long ago."""
    again = guest(3, at=NOW + 20 * DAY)
    order = replace(copy("o-1", SERVER, order="o-1", at=NOW + 40 * DAY), visitor="guest")

    async def scenario(store: Store) -> list[Delivery]:
        for event in (*map(guest, range(MOST_BROWSERS)), again, order):
            await store.append([event])
        return await claim(store, NOW + 40 * DAY + HOLD + 1, limit=500)

    (event,) = [e for e in map(sent, with_store(tmp_path, scenario, people_days=30)) if e.event_id == "o-1"]
    assert event.user_data.fbp == "fb.1.1790000000000.4"


def test_a_yes_among_a_crowd_covers_its_own_browser() -> None:
    """Where silence is not enough and nobody but browsers speaks: a crowd of them is looked at by its first and last ones."""
    silent = [stranger(n) for n in range(20 * CROWD)]
    willing = buyers(consent=Consent.GRANTED)
    assert agreed([*silent, willing], lambda said: said == "granted") == [willing]
    assert agreed(silent, lambda said: said == "granted") == silent


def test_verdicts_count_all(tmp_path: Path) -> None:
    """Each is journalled and counted, also those that are not looked at any more."""
    assert len(appended(tmp_path, [shops(), *map(stranger, range(CROWD))])) == CROWD + 1
    assert sum(row["copies"] for row in actions(tmp_path)) == CROWD + 1
