"""Worlds of a few seeds keep every promise, a seed replays exactly, and planted defects are found. `make world` plays thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.store.faulty_disk import disk
from tests.world import older_forms, one_world
from tests.world.__main__ import broken_in
from tests.world.defects import DEFECTS, planted
from tests.world.destination_script import ANSWERS
from tests.world.fetched_shop import asked_here
from tests.world.older_forms import OLDEST
from tests.world.one_world import run_world
from tests.world.promises import PLATFORMS, WEBHOOK
from tests.world.shrinking import shrink
from tests.world.steps import PLAIN, SHOP, plan, things
from twofold.store.beside.folder import DATABASE
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.sqlite import database

SEEDS = range(8)
CHEAP = {"keys-forgotten": 40, "made-anew": 40, "refused-and-gone": 40, "fetched-and-forgotten": 10}
"""Defects that some of so many seeds find; the others are `make world-defects`."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_keeps_its_promises(seed):
    assert broken_in(seed) == []


FOUND = {
    "a cancellation that a lying disk lost": (3, [("shop", 3), ("news", 3, 1), ("lose", 3, 0)]),
    "a yes by a clock that was set back lets out what came before the no": (
        242, [("jump", -7_200_000, 300_000), ("shop", 8), ("cut", 81, 61481), ("browser", 4, 0), ("shop", 2),
              ("withdraw", 1, 2), ("grant", 1, 2)],
    ),
    "what waited while the clock was put right by thirty years": (
        289, [("answers", 2, 13, 10), ("jump", -946_080_000_000, 180_000), ("server", 4, 4, 7, 4), ("browser", 4, 2),
              ("pass", 21_000), ("lose", 38655, 0)],
    ),
    "what was on its way while the clock was put right by thirty years": (
        241, [("shop", 9), ("jump", -946_080_000_000, 300_000), ("kill", 10), ("answers", 0, 2, 16), ("browser", 6, 1),
              ("server", 9, 6, 4, 4), ("pass", 6_000)],
    ),
    "an answer that came while its delivery was claimed anew": (
        19845, [("server", 3, 4), ("answers", 2, 8, 8, 9, 14, 16), ("server", 1), ("age", 10)],
    ),
    "what was claimed anew while its answer was written down": (
        10449, [("shop", 6), ("answers", 0, 7), ("jump", -7_200_000, 480_000), ("pass", 600_000), ("news", 6, 2), ("kill", 208),
                ("pass", 61_000), ("browser", 2, 2)],
    ),
    "what came behind rows that were stamped years ahead": (
        10565, [("jump", 315_360_000_000, 480_000), ("browser", 0, 1), ("lose", 5367, 0), ("server", 0, 4),
                ("jump", -660_000, 60_000), ("browser", 4, 1), ("age", 10)],
    ),
    "a yes by a clock that was set back since the time was written down": (
        19644, [("pass", 100), ("jump", -7_200_000, 180_000), ("shop", 2), ("cut", 4, 47016), ("forged", 6, 3),
                ("withdraw", 3, 1), ("grant", 3, 1)],
    ),
    "a yes behind a no, of what came by a clock ten years ahead in a process of before": (
        783, [("jump", 315_360_000_000, 480_000), ("server", 8), ("news", 0, 0), ("lose", 6489, 1), ("answers", 2, 10, 6),
              ("server", 3, 0, 8, 3), ("pass", 3_601_000), ("cut", 34, 4073), ("shop", 0), ("withdraw", 0, 0), ("grant", 0, 0)],
    ),
    "a browser behind a server that came after ten idle days by a clock thirty years back": (
        9536, [("unnoticed", 8, 2), ("age", 10), ("cut", 37, 18436), ("jump", -946_080_000_000, 480_000), ("pass", 6_000), ("pass", 6_000),
               ("server", 6, 8, 3, 2), ("jump", -660_000, 120_000), ("browser", 2, 2)],
    ),
    "a no while a request is on its way that takes longer than its lease": (
        61105, [("answers", 1, 10, 12, 14, 10, 2), ("server", 2, 6), ("pass", 6_000), ("lose", 33871, 0), ("pass", 21_000),
                ("withdraw", 3, 3), ("age", 10)],
    ),
    "a cancelled order that was claimed, and not sent yet, when its process was killed: the next one cannot know": (
        210077, [("answers", 0, 5), ("server", 4), ("withdraw", 3, 0), ("sync", 2), ("pass", 61_000), ("browser", 9, 0), ("server", 7),
                 ("shop", 8), ("cut", 86, 52037), ("pass", 61_000), ("news", 8, 1)],
    ),
    "an order of which a process heard that began by a clock ten years ahead": (
        300310, [("fetched", 0), ("browser", 3, 0), ("jump", 315_360_000_000, 360_000), ("shop", 2), ("upgrade", 19, 13, 0, 0),
                 ("pass", 500)],
    ),
    "what was refused for now in company, before a process died and days of outage began": (
        200574, [("answers", 2, 4, 5), ("server", 8, 2, 7, 3), ("answers", 2, 1, *[4] * 9), ("server", 0), ("pass", 500), ("kill", 1),
                 ("pass", 21_000), ("age", 5)],
    ),
    "an order that was refused, named by a stranger after weeks and told by its shop once more": (
        620304, [("shop", 1), ("age", 10), ("forged", 1, 0), ("pass", 21_000), ("shop", 1)],
    ),
    "bytes that were made when those of later actions were emptied": (
        630967, [("answers", 0, 2, 10), ("browser", 1, 0), ("jump", -660_000, 480_000), ("pass", 6_000), ("server", 2, 5, 0, 0),
                 ("pass", 6_000), ("upgrade", 23, 11, 0, 13884), ("jump", -946_080_000_000, 240_000), ("pass", 500), ("age", 10)],
    ),
    "a copy behind two days and a start by a clock thirty years back": (
        400217, [("browser", 8, 1), ("age", 2), ("jump", -946_080_000_000, 420_000), ("browser", 4, 2), ("server", 2), ("browser", 9, 0),
                 ("news", 6, 1), ("news", 4, 2), ("lose", 20298, 1), ("server", 7, 3)],
    ),
    "a server behind a browser whose order never came": (19, [("browser", 0, 0), ("pass", 3_601_000), ("server", 0)]),
}  # fmt: skip
"""What the simulator has found: seed and steps."""


@pytest.mark.parametrize("name", list(FOUND))
def test_what_was_found_once_is_mended(name):
    assert broken_in(*FOUND[name]) == []


def test_a_seed_replays_exactly():
    """Another run of it has the same answers and the same bytes leave."""
    assert run_world(3).trace == run_world(3).trace != run_world(4).trace


ASKED_FOR = {
    "named-once": (0, [("shop", 0), ("news", 0, 1), ("pass", 61_000)]),
    "unknown-at-once": (0, [("api", 9), ("shop", 0), ("pass", 61_000)]),
    "impatient-by-failures": (0, [("api", 3, 3, 9), ("shop", 0), ("pass", 61_000), ("pass", 61_000), ("pass", 61_000)]),
    "refused-and-given-up": (0, [("api", 7), ("shop", 0), ("pass", 61_000)]),
    "seen-once": (
        15,
        [("pass", 100), ("shop", 0), ("pass", 1_000_000), ("pass", 61_000), ("unnoticed", 0, 1), ("pass", 1_000_000)],
    ),
}
"""Defects of how a shop is asked: in how many minutes its list is read, and steps by which each comes to light."""


@pytest.mark.parametrize("name", list(ASKED_FOR))
def test_what_a_shop_named_is_asked_for_until_it_is_had(name):
    """And is not with the defect: of an order that its shop knows as the first that was sold."""
    list_minutes, steps = ASKED_FOR[name]
    seed = next(n for n in range(40) if things(n)[0].sold and not things(n)[0].poison)
    world = [("fetched", list_minutes), *steps]
    assert broken_in(seed, world) == []
    with planted(name):
        assert broken_in(seed, world) != []


DOWN = [ANSWERS.index("down")] * 9
SCENES = {
    "retry-of-cancelled": (
        0, [("answers", 0, DOWN[0]), ("answers", 1, DOWN[0]), ("shop", 0), ("pass", 21_000), ("news", 0, 1), ("pass", 600_000)],
    ),
    "attempts-twice": (0, [("shop", 6)]),
    "repeated-for-ever": (0, [("server", 7, 4), ("answers", 2, ANSWERS.index("void"), *DOWN), ("age", 5)]),
    "unsure-forgotten": (
        10, [("answers", 2, ANSWERS.index("slow"), *DOWN), ("server", 7), ("kill", 1), ("pass", 21_000), ("age", 2)],
    ),
    "unsure-from-now-on": (
        10, [("answers", 2, ANSWERS.index("slow")), ("server", 7), ("pass", 500), ("dark", 60), ("pass", 21_000), ("pass", 600_000)],
    ),
    "spoilt-and-gone": (0, [("mixed", 0, 1)]),
    "no-for-all": (2, [("withdraw", 0, 7), ("shop", 9)]),
    "strangers-are-heard": (0, [("server", 0), ("forged", 0, 6)]),
    "names-are-one": (1, [("server", 1), ("server", 2)]),
    "datasets-are-one": (1, [("server", 9, 9, 1, 9), ("server", 0)]),
    "what-came-meanwhile": (1, [("browser", 1, 3), ("server", 9, 9, 1, 9), ("erase_of", 1), ("server", 1)]),
}  # fmt: skip
"""Defects, and what brings each to light; the steps of worlds have such scenes in them (`steps._with_scenes`)."""


@pytest.mark.parametrize("name", list(SCENES))
def test_a_scene_shows_what_it_is_there_for(name):
    assert broken_in(*SCENES[name]) == []
    with planted(name):
        assert broken_in(*SCENES[name]) != []


def test_worlds_have_every_scene_and_namesakes():
    """Some of 200 seeds each: a scene that never comes shows nothing."""
    steps = [step for seed in range(200) for step in plan(seed)]
    assert {"mixed", "erase_of"} <= {step[0] for step in steps}
    assert any(step[0] == "withdraw" and step[2] >= 3 for step in steps)
    assert any(step[0] == "forged" and step[2] >= 4 for step in steps)
    assert any(step[0] == "answers" and len(step) > 7 for step in steps)
    assert any(step[0] == "dark" and step[1] > 48 for step in steps)
    ids = [[(t.dataset, t.name, t.event_id) for t in things(seed)] for seed in range(200)]
    assert all(len(set(of_one)) == len(of_one) for of_one in ids)
    assert sum(len({i for _, _, i in of_one}) < len(of_one) for of_one in ids) > 20


def test_nothing_leaves_that_a_platform_takes_no_more():
    """Of a platform that is down for nine days: what came before is given up, and is not sent when it is a week old."""
    seed = next(n for n in range(40) if things(n)[0].dataset == PLAIN and not things(n)[0].poison)
    steps = [("answers", 2, *[ANSWERS.index("down")] * 80), ("server", 0), ("age", 9)]
    assert broken_in(seed, steps) == []
    with planted("older-than-taken"):
        assert "takes nothing so old any more" in broken_in(seed, steps)[0]


def test_an_order_that_was_fetched_leaves_with_what_the_shop_said_of_it():
    """By its number alone it came: the words that leave are of the shop's webhook, one for each platform."""
    seed = next(n for n in range(40) if things(n)[0].sold and not things(n)[0].poison)
    with one_world._quiet(), one_world._small(), one_world._room() as room, disk() as layer:
        world = one_world.World(seed, room, layer, 0)
        try:
            with asked_here(world.fetched):
                assert world.play([("fetched", 0), ("shop", 0), ("pass", 61_000)]) == []
        finally:
            world.leave()
        assert set(world.promises.first) == {(0, name, WEBHOOK) for name in PLATFORMS[SHOP]}


@pytest.mark.parametrize("name", list(CHEAP))
def test_a_planted_defect_is_found(name):
    with planted(name):
        assert any(broken_in(seed) for seed in range(CHEAP[name]))


@pytest.mark.parametrize("form", range(OLDEST, SCHEMA_VERSION))
def test_a_folder_can_be_put_back_and_comes_forward_again(form, monkeypatch):
    """To the tables that the steps up to there make, and by the steps from there to the same rows; but for the signs of visits,
    which one of the steps numbers anew. In a world of an even seed, where everything is listed as due with its accept."""
    told: list[tuple[Any, ...]] = []

    def put_back(file, form):
        before = _tables(file)
        older_forms.put_back(file, form)
        told.append((before, _tables(file)))

    def words(world, damage):
        told[-1] = (*told[-1], _tables(world.folder / DATABASE))
        original(world, damage)

    original = one_world.World._after_start
    monkeypatch.setattr(one_world, "put_back", put_back)
    monkeypatch.setattr(one_world.World, "_after_start", words)
    assert broken_in(4, [("server", 0, 1), ("browser", 2, 0), ("shop", 3), ("upgrade", form, 0, 1, 0)]) == []
    (rows, schema), (_, older), (rows_after, schema_after), *_ = told[0]
    assert {n: sql for n, sql in older.items() if not n.startswith("fold_")} == dict(_steps(form))
    assert older != schema_after == schema
    counted = {
        n: sorted(rows[n]) for n in ("event", "action", "delivery", "counter", "order", "order_name") if n in rows
    }
    assert counted == {n: sorted(rows_after[n]) for n in counted}
    assert len(counted["event"]) == 4


@pytest.mark.parametrize("name", ["steps-by-halves", "form-before-step"])
def test_a_start_is_killed_in_the_middle_of_a_step_between_forms(name):
    """Which a step that is not one transaction does not outlive; those that are do."""
    deaths = [[("server", 0, 1), ("upgrade", OLDEST, written, 1, 0)] for written in (5, 10, 30, 50, 80)]
    assert [broken_in(3, steps) for steps in deaths] == [[]] * 5
    with planted(name):
        assert sum(bool(broken_in(3, steps)) for steps in deaths) >= 3


def _tables(file: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The rows of each table, and the words that made each table and index."""
    db = apsw.Connection(str(file))
    try:
        schema = dict(db.execute("select name, sql from sqlite_schema where sql is not null"))
        tables = [
            n for (n,) in db.execute("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'")
        ]
        return {n: [repr(row) for row in db.execute(f'select * from "{n}"')] for n in tables}, schema
    finally:
        db.close()


def _steps(form: int) -> Iterator[tuple[str, str]]:
    """What the steps up to a form make."""
    db = apsw.Connection(":memory:")
    db.create_scalar_function("plain_body", bytes, 1, deterministic=True)
    for step in range(1, form + 1):
        db.execute(database._migration(step))
    yield from db.execute("select name, sql from sqlite_schema where sql is not null")


def test_a_failing_list_of_steps_is_made_short():
    """To a list that fails, of which no step can be left out."""
    with planted("refused-and-gone"):
        seed = next(n for n in range(40) if broken_in(n))
        steps = plan(seed)
        kept = shrink(steps, lambda some: bool(broken_in(seed, some)))
        assert len(kept) == 1
        assert steps[kept[0]][0] == "bad"


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_a_defect_is_planted_into_what_runs(defect):
    """Not into a contract, whose own methods nobody calls: the simulator would be blamed for not finding nothing."""
    patched: list[object] = []

    class Planted:
        def setattr(self, target: object, name: str, _value: object) -> None:
            assert hasattr(target, name)
            patched.append(target)

    defect.plant(Planted())
    assert patched
    assert not [target for target in patched if getattr(target, "_is_protocol", False)]


def test_each_defect_has_a_name_of_its_own():
    assert len({d.name for d in DEFECTS}) == len(DEFECTS) >= 15
