"""Turns of one source, without a gateway: a real book on disk, a shop that is a few lines, clocks of the test's own.

A machine that stops is played at every line of worker and book: what was in a transaction is gone, what was on disk stays, and the next run
must come to the same end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from strategies import TIMES

from twofold.config import SourceSettings
from twofold.fetching import worker
from twofold.fetching.contract import Access, Page, System, Wait
from twofold.fetching.worker import MOST_WANTED, Source
from twofold.pulling.contract import Problem, Who
from twofold.store.fetches import book
from twofold.store.fetches.book import Listed
from twofold.store.sqlite.database import Engine

DOOR = "shop:one"
NOW_S = 1_790_000_000


class Book:
    """The store's own engine and its transactions, alone."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(folder)
        self.engine.db.pragma("synchronous", 0)  # what the disk does is the store's tests' to try

    def empty(self) -> Book:
        self.engine.db.execute("delete from fetch_wanted; delete from fetch_seen; delete from fetch_door")
        return self

    async def transact(self, work: Callable[[Engine], Any]) -> Any:
        with self.engine.db:
            return work(self.engine)

    def run(self, work: Callable[[Engine], Any]) -> Any:
        with self.engine.db:
            return work(self.engine)


class Shop:
    """Orders as (time of change, state); a list by time and id in pages of ``size``. Its clock is ``skew`` s off."""

    def __init__(self, size: int = 3, skew: int = 0) -> None:
        self.orders: dict[str, tuple[int, str]] = {}
        self.size, self.skew = size, skew
        self.asked: list[str] = []
        self.problems: dict[str, list[Problem | None]] = {}  # thing -> what its next questions get; None: not known
        self.while_listing: Callable[[int], None] = lambda _page: None

    def change(self, number: str, at_s: int, state: str) -> None:
        self.orders[number] = at_s + self.skew, state

    def fetch(self, access: Access, thing: str, exchange: Any) -> bytes | None:
        self.asked.append(thing)
        exchange.asked += 1
        waiting = self.problems.get(thing)
        if waiting:
            problem = waiting.pop(0)
            if problem is not None:
                raise problem
            return None
        found = self.orders.get(thing.partition(":")[2])
        return None if found is None else f"{thing}={found[1]}".encode()

    def changed(self, access: Access, since: int, number: int, exchange: Any) -> Page:
        self.asked.append(f"list {number}")
        access.told_at = NOW_S + self.skew
        exchange.asked += 1
        rows = sorted((at, name, state) for name, (at, state) in self.orders.items() if at >= since)
        page = rows[(number - 1) * self.size : number * self.size]
        found = Page(
            [Listed(f"order:{name}", at, state.encode()) for at, name, state in page], len(rows) > number * self.size
        )
        self.while_listing(number)
        return found


class Exchange:
    asked = 0


class Scene:
    def __init__(self, empty: Book, shop: Shop, **changes: Any) -> None:
        self.book, self.shop = empty, shop
        self.now_s, self.steady_s = float(NOW_S), 100.0
        self.kept: list[bytes] = []
        self.given_up: list[tuple[str, str]] = []
        settings: dict[str, Any] = {"every_minutes": 0, "asks_per_minute": 60}
        self.settings = SourceSettings(type="bigcommerce", dataset="1", shop="one", **(settings | changes))
        self.system = System(name="shop", fetch=shop.fetch, changed=shop.changed, overlap_s=60)
        self.source = self.again()

    def again(self) -> Source:
        """The source of a process that has just begun."""
        self.source = Source(
            DOOR, self.system, Access(source=self.settings, base="https://shop.example"), self.book, self._keep, self._give_up,
            lambda: int(self.now_s * 1000), exchange=Exchange(), steady=lambda: self.steady_s,  # type: ignore[arg-type]
        )  # fmt: skip
        return self.source

    async def _keep(self, body: bytes) -> None:
        self.kept.append(body)

    async def _give_up(self, thing: str, why: str) -> None:
        self.given_up.append((thing, why))

    def want(self, *things: str) -> bool:
        return self.book.run(lambda e: book.want(e, DOOR, things, int(self.now_s * 1000)))

    def turn(self) -> float:
        """Nothing in it waits: what would run in a thread runs here."""
        turn = self.source.turn()
        try:
            turn.send(None)
        except StopIteration as end:
            return float(end.value)
        raise AssertionError("a turn that waits")

    def waiting(self) -> int:
        return self.book.run(lambda e: book.waiting(e, DOOR, int(self.now_s * 1000)))

    def state(self) -> book.DoorState:
        return self.book.run(lambda e: book.state(e, DOOR))

    def until_quiet(self, most: int = 200) -> None:
        """Turns until nothing is wanted, the clocks going on as far as each turn says."""
        for _ in range(most):
            wait_s = self.turn()
            if not self.waiting() and wait_s > 5:
                return
            self.now_s += wait_s
            self.steady_s += wait_s
        raise AssertionError("no end of turns")

    def look_again(self) -> None:
        self.steady_s += 3_600
        self.now_s += 3_600


@pytest.fixture(scope="module")
def one_book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    one = Book(tmp_path_factory.mktemp("book"))
    yield one
    one.engine.close()


async def here(work: Callable[[], Any]) -> Any:
    return work()


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "in_thread", here)


@pytest.fixture
def make(one_book: Book) -> Callable[..., Scene]:
    return lambda shop=None, **changes: Scene(one_book.empty(), shop or Shop(), **changes)


# -- pace and patience


def test_each_question_costs_its_pause(make: Callable[..., Scene]) -> None:
    """Sixty a minute: a second after each, also when something new is named meanwhile."""
    scene = make()
    for number in "123":
        scene.shop.change(number, NOW_S, "paid")
    scene.want("order:1", "order:2")
    assert scene.turn() == pytest.approx(1.0)
    scene.want("order:3")
    scene.steady_s += 0.4
    assert scene.turn() == pytest.approx(0.6)
    assert scene.shop.asked == ["order:1"]
    scene.steady_s += 0.7
    scene.turn()
    assert scene.shop.asked == ["order:1", "order:2"]


def test_a_system_that_asks_for_patience_gets_it(make: Callable[..., Scene]) -> None:
    scene = make()
    scene.shop.change("1", NOW_S, "paid")
    scene.shop.problems["order:1"] = [Wait("slowly", 90.0), Wait("slowly", None)]
    scene.want("order:1")
    assert scene.turn() == pytest.approx(90.0)
    assert (scene.state().code, scene.waiting()) == ("throttled", 1)
    scene.steady_s += 91
    assert scene.turn() == pytest.approx(worker.FIRST_WAIT_S * 2)
    scene.until_quiet()
    assert (scene.kept, scene.state().code) == ([b"order:1=paid"], "")


def test_one_thing_that_cannot_be_had_keeps_nobody_waiting(make: Callable[..., Scene]) -> None:
    """It is asked for less and less often, and given up after a week; the others come meanwhile."""
    scene = make()
    scene.shop.change("2", NOW_S, "paid")
    scene.shop.problems["order:1"] = [Problem("unreachable", Who.PLATFORM, "answers 500")] * 1_000
    scene.want("order:1", "order:2")
    for _ in range(4):
        wait_s = scene.turn()
        scene.now_s += wait_s
        scene.steady_s += wait_s
    assert scene.kept == [b"order:2=paid"]
    scene.until_quiet(2_000)
    assert scene.given_up == [("order:1", worker.NEVER_CAME)]
    assert 24 * 7 < scene.shop.asked.count("order:1") < 24 * 7 + 24


def test_access_that_is_refused_costs_no_name_anything(make: Callable[..., Scene]) -> None:
    scene = make()
    scene.shop.change("1", NOW_S, "paid")
    scene.shop.problems["order:1"] = [Problem("expired_token", Who.OPERATOR, "no")] * 30
    scene.want("order:1")
    scene.until_quiet()
    assert (scene.kept, scene.given_up) == ([b"order:1=paid"], [])


def test_a_name_that_nobody_knows_is_asked_for_three_times(make: Callable[..., Scene]) -> None:
    scene = make()
    scene.want("order:9")
    scene.until_quiet()
    assert (scene.shop.asked, scene.given_up) == (["order:9"] * 3, [("order:9", worker.UNKNOWN)])


def test_failures_shorten_no_patience_with_a_name_that_is_not_known_yet(make: Callable[..., Scene]) -> None:
    """Two answers that were none, and the shop does not know the order yet: it does five minutes later."""
    scene = make()
    scene.shop.change("9", NOW_S, "paid")
    down = Problem("unreachable", Who.PLATFORM, "503")
    scene.shop.problems["order:9"] = [down, down, None]
    scene.want("order:9")
    scene.until_quiet()
    assert (scene.kept, scene.given_up) == ([b"order:9=paid"], [])


def test_what_nobody_was_let_in_for_over_a_week_is_not_given_up_at_the_first_failure(
    make: Callable[..., Scene],
) -> None:
    """Access that is mended after eight days, and a shop that fails once then."""
    scene = make()
    scene.shop.change("9", NOW_S, "paid")
    scene.shop.problems["order:9"] = [
        Problem("expired_token", Who.OPERATOR, "401"),
        Problem("unreachable", Who.PLATFORM, "503"),
    ]
    scene.want("order:9")
    scene.turn()
    scene.now_s += 8 * 86_400
    scene.steady_s += 8 * 86_400
    scene.until_quiet()
    assert (scene.kept, scene.given_up) == ([b"order:9=paid"], [])


def test_what_is_told_of_before_it_can_be_read_comes(make: Callable[..., Scene]) -> None:
    scene = make()
    scene.shop.change("9", NOW_S, "paid")
    scene.shop.problems["order:9"] = [None]
    scene.want("order:9")
    scene.until_quiet()
    assert (scene.kept, scene.given_up) == ([b"order:9=paid"], [])


def test_what_is_named_again_while_it_is_asked_for_is_asked_for_again(make: Callable[..., Scene]) -> None:
    """The answer may be of the moment before."""
    scene = make()
    scene.shop.change("1", NOW_S, "placed")
    scene.want("order:1")
    keep = scene.source._keep

    async def keep_and_name(body: bytes) -> None:
        await keep(body)
        if len(scene.kept) == 1:
            scene.shop.change("1", NOW_S + 1, "paid")
            scene.want("order:1")

    scene.source._keep = keep_and_name
    scene.until_quiet()
    assert scene.kept == [b"order:1=placed", b"order:1=paid"]


def test_a_flood_of_names_is_refused(make: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_WAITING", 3)
    scene = make()
    assert scene.want("order:1", "order:2")
    assert not scene.want("order:3", "order:4")
    assert scene.waiting() == 2


def test_a_clock_that_was_wrong_keeps_nothing_back(make: Callable[..., Scene]) -> None:
    scene = make()
    scene.shop.change("1", NOW_S, "paid")
    scene.now_s += 40 * 86_400
    scene.want("order:1")
    scene.now_s -= 40 * 86_400
    scene.until_quiet()
    assert scene.kept == [b"order:1=paid"]


def test_a_clock_that_was_wrong_asks_for_no_unknown_name_for_ever(make: Callable[..., Scene]) -> None:
    """Told of forty days ahead of the clock as it is now: three questions are enough all the same."""
    scene = make()
    scene.now_s += 40 * 86_400
    scene.want("order:9")
    scene.now_s -= 40 * 86_400
    scene.until_quiet()
    assert (scene.shop.asked, scene.given_up) == (["order:9"] * 3, [("order:9", worker.UNKNOWN)])


# -- lists


def test_only_what_changed_is_asked_for(make: Callable[..., Scene]) -> None:
    """What a list shows as before costs no question, though it is shown again within the overlap."""
    scene = make(every_minutes=5)
    for number in range(8):
        scene.shop.change(str(number), NOW_S - 50 + number, "placed")
    scene.until_quiet()
    assert sorted(scene.kept) == sorted(f"order:{n}=placed".encode() for n in range(8))
    assert scene.state().until == NOW_S
    scene.kept.clear()
    scene.look_again()
    scene.shop.change("3", NOW_S + 100, "paid")
    scene.until_quiet()
    assert scene.kept == [b"order:3=paid"]


def test_what_was_before_the_first_look_is_not_asked_for(make: Callable[..., Scene]) -> None:
    """Orders of before come by import."""
    scene = make(every_minutes=5)
    scene.shop.change("1", NOW_S - 3_600, "placed")
    scene.until_quiet()
    assert scene.kept == []


@pytest.mark.parametrize("count", [3, 4, 6, 7, 20])
def test_more_changes_in_one_second_than_a_page_holds(make: Callable[..., Scene], count: int) -> None:
    scene = make(every_minutes=5)
    for number in range(count):
        scene.shop.change(f"{number:02}", NOW_S + 5, "placed")
    scene.shop.change("last", NOW_S + 6, "placed")
    scene.until_quiet()
    assert len(set(scene.kept)) == len(scene.kept) == count + 1


def test_a_second_change_in_the_same_second_is_seen(make: Callable[..., Scene]) -> None:
    scene = make(every_minutes=5)
    scene.shop.change("1", NOW_S, "placed")
    scene.until_quiet()
    scene.shop.change("1", NOW_S, "paid")
    scene.look_again()
    scene.until_quiet()
    assert scene.kept == [b"order:1=placed", b"order:1=paid"]


def test_what_moves_while_the_list_is_read_shifts_nothing_away(make: Callable[..., Scene]) -> None:
    """An order of the first page changes after that page was read: it goes to the end, and none behind it is passed over."""
    scene = make(every_minutes=5)
    for number in range(9):
        scene.shop.change(str(number), NOW_S + number, "placed")
    moved: list[int] = []

    def move(page: int) -> None:
        if not moved:
            moved.append(page)
            scene.shop.change("0", NOW_S + 60, "paid")

    scene.shop.while_listing = move
    scene.until_quiet()
    assert {body.partition(b"=")[0] for body in scene.kept} == {f"order:{n}".encode() for n in range(9)}
    assert b"order:0=paid" in scene.kept


@pytest.mark.parametrize("skew", [-7_200, 7_200])
def test_a_shop_whose_clock_is_wrong_is_read_by_its_own(make: Callable[..., Scene], skew: int) -> None:
    """The list's place is the shop's time, from the first look on: what its answer says, where that is behind ours."""
    scene = make(Shop(skew=skew), every_minutes=5)
    scene.shop.change("0", NOW_S, "placed")
    for number in range(1, 5):
        scene.shop.change(str(number), NOW_S + number * 300, "placed")
        scene.look_again()
        scene.until_quiet()
    assert set(scene.kept) == {f"order:{n}=placed".encode() for n in range(5)}


def test_a_long_list_is_read_on_when_what_it_showed_has_come(
    make: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_WANTED", 4)
    assert MOST_WANTED > 4
    scene = make(every_minutes=5)
    for number in range(20):
        scene.shop.change(f"{number:02}", NOW_S + number, "placed")
    scene.until_quiet()
    assert len(scene.kept) == 20


def test_a_list_by_number_is_read_so_far_only_when_it_is_read_to_its_end(make: Callable[..., Scene]) -> None:
    """Its first page shows the newest change, and the second cannot be had: what stands there is seen at the next look all the same."""
    shop = Shop()
    for number, at in (("1", NOW_S + 5_000), ("2", NOW_S + 1), ("3", NOW_S + 2), ("4", NOW_S + 3)):
        shop.change(number, at, "paid")
    fails = [Problem("unreachable", Who.PLATFORM, "answers 503")]

    def by_number(_access: Access, since: int, number: int, exchange: Any) -> Page:
        exchange.asked += 1
        if number == 2 and fails:
            raise fails.pop()
        rows = sorted((name, at, state) for name, (at, state) in shop.orders.items() if at >= since)
        page = rows[(number - 1) * 2 : number * 2]
        return Page([Listed(f"order:{n}", at, s.encode()) for n, at, s in page], len(rows) > number * 2)

    scene = make(shop, every_minutes=5)
    scene.system = structs.replace(scene.system, changed=by_number, in_order=False)
    scene.again()
    scene.turn()
    assert (fails, scene.state().until) == ([], NOW_S)
    scene.again()  # and the machine stops there
    scene.until_quiet()
    assert set(scene.kept) == {f"order:{n}=paid".encode() for n in "1234"}
    assert scene.state().until == NOW_S + 5_000


def test_a_flood_of_names_does_not_keep_the_list_from_being_read(make: Callable[..., Scene]) -> None:
    """Whoever knows the address may name what he likes, faster than is asked: what the list shows comes all the same, each time it is due."""
    scene = make(every_minutes=1)
    scene.want("order:nobody-0")
    for minute in range(3):
        scene.shop.change(str(minute), NOW_S + minute * 60, "paid")
    for n in range(1, 400):
        scene.want(f"order:nobody-{n}")
        wait_s = scene.turn()
        scene.now_s += wait_s
        scene.steady_s += wait_s
    assert {f"order:{minute}=paid".encode() for minute in range(3)} <= set(scene.kept)
    looks = sum(one.startswith("list 1") for one in scene.shop.asked)
    assert 5 <= looks <= 9, "once a minute, and what the last page leaves"


def test_a_list_that_cannot_be_had_keeps_no_name_waiting(make: Callable[..., Scene]) -> None:
    """An access that may read orders and may not list them: each name comes, before the list is tried once more."""
    scene = make(every_minutes=1)
    scene.system = structs.replace(scene.system, changed=lambda *_: _refuse())
    scene.again()
    for number in range(5):
        scene.shop.change(str(number), NOW_S, "paid")
    scene.want(*(f"order:{number}" for number in range(5)))
    for _ in range(8):
        wait_s = scene.turn()
        scene.now_s += wait_s
        scene.steady_s += wait_s
    assert len(set(scene.kept)) == 5
    assert scene.state().code == "no_permission"


def _refuse() -> Page:
    raise Problem("no_permission", Who.OPERATOR, "does not let this access list")


# -- a machine that stops


class Stopped(BaseException):
    pass


def stop_at(line: int) -> Callable[..., Any]:
    """A trace that stops the machine at the n-th line of worker and book."""
    left = [line]
    files = (worker.__file__, book.__file__)

    def trace(frame: Any, event: str, _arg: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise Stopped
        return trace

    return trace


def test_it_may_stop_at_any_line(make: Callable[..., Scene]) -> None:
    """A list of five changes, two names, one of which nobody knows, and one refusal on the way: stopped at each fourth line in turn (at each
    with TWOFOLD_LAWS=4), and begun again, it comes to the same: everything was kept at least once, in its last state; nothing waits; the list is read to its end."""
    line, stopped, step = 0, True, max(1, round(4 / TIMES))
    while stopped:
        line += step
        shop = Shop(size=2)
        for number in range(5):
            shop.change(str(number), NOW_S + number * 100, "placed")  # further from each other than the overlap
        shop.problems["order:2"] = [Wait("slowly", 5.0)]
        scene = make(shop, every_minutes=5)
        scene.want("order:4", "order:nobody")
        stopped = False
        sys.settrace(stop_at(line))
        try:
            scene.until_quiet()
        except Stopped:
            stopped = True
        finally:
            sys.settrace(None)
        scene.again()
        scene.until_quiet()
        assert set(scene.kept) == {f"order:{n}=placed".encode() for n in range(5)}, f"stopped at line {line}"
        assert {thing for thing, _ in scene.given_up} == {"order:nobody"}
        assert (scene.waiting(), scene.state().until, scene.state().code) == (0, NOW_S + 400, "")
    assert line > 200


def test_what_its_system_does_not_tell_is_asked_for_again(make: Callable[..., Scene]) -> None:
    """As long as the system says; it is in nobody's way meanwhile, and a notice does not make it two."""
    scene = make()
    scene.shop.change("1", NOW_S, "open")
    scene.system = structs.replace(
        scene.system, again=lambda body, _now: 6 * 3_600.0 if body.endswith(b"open") else None
    )
    scene.again()
    scene.want("order:1")
    scene.turn()
    assert (scene.kept, scene.waiting()) == ([b"order:1=open"], 0)
    scene.steady_s += 10
    assert scene.turn() == pytest.approx(6 * 3_600)
    scene.shop.change("1", NOW_S + 30, "still open")
    scene.want("order:1")  # a notice does not wait that long
    scene.turn()
    assert scene.kept.pop() == b"order:1=still open"
    scene.steady_s += 10
    scene.shop.change("1", NOW_S + 60, "paid")
    scene.now_s += 6 * 3_600
    scene.steady_s += 6 * 3_600
    scene.until_quiet()
    assert scene.kept == [b"order:1=open", b"order:1=paid"]
    assert scene.book.run(lambda e: book.next_turn(e, DOOR)) is None


def test_a_bug_of_ours_is_in_nobodys_way(make: Callable[..., Scene]) -> None:
    """An answer that nothing here can work on, and one that cannot be taken in: the others come, and these are given up."""
    scene = make()
    fetch, keep = scene.shop.fetch, scene.source._keep

    def broken(access: Access, thing: str, exchange: Any) -> bytes | None:
        return fetch(access, {}[thing] if thing == "order:1" else thing, exchange)

    async def choosy(body: bytes) -> None:
        if body.startswith(b"order:2"):
            raise ZeroDivisionError("customer@example.com")
        await keep(body)

    for number in "123":
        scene.shop.change(number, NOW_S, "paid")
    scene.system = structs.replace(scene.system, fetch=broken)
    scene.again()._keep = choosy
    scene.want("order:1", "order:2", "order:3")
    scene.until_quiet(2_000)
    assert scene.kept == [b"order:3=paid"]
    assert scene.given_up == [("order:1", worker.NEVER_CAME), ("order:2", worker.NEVER_CAME)]
    assert "@" not in scene.state().said
