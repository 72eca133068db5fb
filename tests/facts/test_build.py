"""Tables of the days that changed: equal to those made from nothing, whatever happened, and whole at every step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.facts.world import HOSTILE, RARE, contents, world
from tests.store.copies import DAY
from twofold.facts.build import build
from twofold.facts.manifest import MANIFEST, read_manifest, reading
from twofold.ledger.policy import OrderPolicy


@pytest.mark.parametrize("seed", range(6))
def test_tables_made_again_by_day_are_those_made_from_nothing(tmp_path: Path, seed: int) -> None:
    """After random changes, built after every few of them."""
    with world(tmp_path / "data", seed) as w:
        for turn in range(6):
            w.live(25)
            w.buy(turn)
            w.rebuild(lives=True)
            assert contents(w.files) == w.full(tmp_path / f"full{turn}", lives=True)
        found = contents(w.files)
        assert [name for name, rows in found.items() if not rows and name not in RARE] == []


def test_nothing_that_came_is_lost_where_rows_fill_what_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row fills it, so that none waits when it is asked whether any came."""
    with world(tmp_path / "data") as w:
        w.live(40)
        w.rebuild(lives=True)
        monkeypatch.setattr("twofold.facts.parquet.ROWS", 1)
        for turn in range(3):
            w.live(8)
            w.buy(turn)
            w.rebuild(lives=True)
        monkeypatch.undo()
        assert contents(w.files) == w.full(tmp_path / "full", lives=True)


def test_only_days_that_changed_are_made_again(tmp_path: Path) -> None:
    """What nothing was written of keeps its file."""
    with world(tmp_path / "data") as w:
        w.live(60)
        w.rebuild()
        before = read_manifest(w.files)
        w.now += 3 * DAY
        w.view()
        assert {part for part, *_ in w.marks()} == {"actions"}
        built = w.rebuild()
        after = read_manifest(w.files)
        assert before is not None
        assert after is not None
        assert len(built.days) == 1
        assert after.files["orders"] == before.files["orders"]
        assert set(before.files["signals"].items()) < set(after.files["signals"].items())
        assert w.marks() == []
        again = w.rebuild()
        assert again.days == ()
        assert read_manifest(w.files) == after


def test_a_marked_day_of_which_nothing_changed_keeps_its_files(tmp_path: Path) -> None:
    """A mark says no more than that something was written; what is made anew would say the same, row for row."""
    with world(tmp_path / "data") as w:
        w.live(60)
        w.rebuild(lives=True)
        w.rebuild(lives=True)
        before = read_manifest(w.files)
        assert before is not None
        for part in ("orders", "lines"):
            for day in before.files["orders" if part == "orders" else "money"]:
                w.mark(part, day)
        assert {part for part, _ in w.rebuild(lives=True).days} >= {"orders", "lines"}
        after = read_manifest(w.files)
        assert after is not None
        for table in ("orders", "order_lines", "order_names", "money", "money_keys", "lives", "life_terms"):
            assert before.files[table]
            assert after.files[table] == before.files[table]
        assert after.files["line_seals"] != before.files["line_seals"]


def test_what_is_written_while_tables_are_made_is_marked(tmp_path: Path) -> None:
    """The builder's snapshot is older: its day is made once more."""
    with world(tmp_path / "data") as w:
        w.live(40)
        w.rebuild()
        w.browse()
        generation = w.begin()
        built = build(w.task(generation))
        w.browse()  # the same day as before
        w.end(generation, built)
        assert w.marks()
        w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")


def test_a_mark_that_was_written_after_the_build_began_stays(tmp_path: Path) -> None:
    """Also when the builder has seen it: once too often is right, once too few is not."""
    with world(tmp_path / "data") as w:
        w.browse()
        w.rebuild()
        generation = w.begin()
        w.browse()
        w.end(generation, build(w.task(generation)))
        assert w.marks()


def test_marks_outlive_the_process(tmp_path: Path) -> None:
    """A day that was marked before a stop is marked after it."""
    with world(tmp_path / "data") as w:
        w.live(20)
        w.rebuild()
        w.browse()
        marks = w.marks()
    with world(tmp_path / "data") as w:
        assert w.marks() == marks
        w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")


def test_other_rules_make_the_orders_again(tmp_path: Path) -> None:
    """The columns that the settings decide follow them; actions stay."""
    with world(tmp_path / "data") as w:
        w.live(60)
        w.rebuild()
        before = read_manifest(w.files)
        paid_at_delivery = OrderPolicy(wait_ms=60_000, counts_when="delivered", when={})
        build(w.task(w.begin(), policy=paid_at_delivery))
        after = read_manifest(w.files)
        assert before is not None
        assert after is not None
        assert after.files["signals"] == before.files["signals"]
        assert {row["milestone"] for row in contents(w.files)["orders"]} == {"delivered"}


def test_a_restored_folder_gets_its_tables_anew(tmp_path: Path) -> None:
    """Tables of a later state than the store's are not believed."""
    with world(tmp_path / "data") as w:
        w.live(20)
        w.rebuild()
    shutil.copytree(tmp_path / "data", tmp_path / "backup", ignore=shutil.ignore_patterns("facts"))
    with world(tmp_path / "data") as w:
        w.now += DAY
        w.live(20)
        w.rebuild()
    shutil.move(tmp_path / "data" / "facts", tmp_path / "backup" / "facts")
    shutil.rmtree(tmp_path / "data")
    shutil.move(tmp_path / "backup", tmp_path / "data")
    with world(tmp_path / "data") as w:
        w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")


def test_money_beyond_four_decimals_stands_beside_its_column(tmp_path: Path) -> None:
    """Rounded half even in the column, exact in ``exact``; too large is empty and exact."""
    with world(tmp_path / "data") as w:
        w.live(120)
        w.rebuild()
        rows = contents(w.files)["signals"]
        told = {(row["value"], row["exact"]) for row in rows if row["value"] is not None or row["exact"]}
        assert (Decimal("99.9990"), None) in told
        assert (Decimal("0.0000"), '{"value":"0.00001"}') in told
        assert (None, '{"value":"123456789012345678.5"}') in told


def test_a_hostile_text_comes_back_as_it_is(tmp_path: Path) -> None:
    """Quotes, lines, NUL, signs beyond the first plane."""
    with world(tmp_path / "data") as w:
        w.live(80)
        w.rebuild()
        found = contents(w.files)
        assert HOSTILE in {row["sku"] for row in found["order_lines"]}
        assert HOSTILE in {row["reason"] for row in found["refunds"]}
        assert any(HOSTILE in row["senders"] for row in found["purchases"])


def test_a_reader_sees_one_state_and_keeps_its_files(tmp_path: Path) -> None:
    """While it reads nothing of its manifest goes; afterwards all of it does."""
    with world(tmp_path / "data") as w:
        w.live(60)
        w.rebuild()
        with reading(w.task().places, 60) as manifest:
            assert manifest is not None
            before = contents(w.files, manifest)
            w.live(60)
            w.rebuild()
            w.live(10)
            w.rebuild()
            assert contents(w.files, manifest) == before
            assert contents(w.files) != before
        w.live(1)
        w.rebuild()
        assert on_disk(w.files) == named(w.files)


def test_a_reader_that_died_keeps_nothing(tmp_path: Path) -> None:
    """Its note tells of a process that is no more."""
    with world(tmp_path / "data") as w:
        w.live(20)
        w.rebuild()
        code = (
            "import os, sys; from pathlib import Path; from twofold.facts.manifest import Places, reading\n"
            "with reading(Places(data=Path(sys.argv[1]), files=Path(sys.argv[1]) / 'facts'), 3600):\n"
            "    print('reads', flush=True); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", code, str(w.folder)], check=False, capture_output=True, timeout=60)
        assert list(w.task().places.readers.iterdir())
        w.live(20)
        w.rebuild()
        assert on_disk(w.files) == named(w.files)
        assert not list(w.task().places.readers.iterdir())


def test_a_mount_that_cannot_rename_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest is written in place then; a reader that meets half of it reads again."""
    real = os.replace

    def refusing(a: os.PathLike[str], b: os.PathLike[str]) -> None:
        if os.fspath(b).endswith(MANIFEST):
            raise OSError(95, "not supported")
        real(a, b)

    with world(tmp_path / "data") as w:
        monkeypatch.setattr("twofold.facts.manifest.os.replace", refusing)
        for _ in range(3):
            w.live(20)
            w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")
        assert [p.name for p in w.files.glob(f"{MANIFEST}*")] == [MANIFEST]


def test_a_damaged_manifest_is_not_believed(tmp_path: Path) -> None:
    """All is made again."""
    with world(tmp_path / "data") as w:
        w.live(20)
        w.rebuild()
        body = (w.files / MANIFEST).read_bytes()
        (w.files / MANIFEST).write_bytes(body.replace(b'"rows":1', b'"rows":2', 1)[:-9])
        w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")


KILLED = """
import os, signal, sys
import twofold.facts.build as b, twofold.facts.manifest as m, twofold.facts.parquet as p
import msgspec
at, steps = int(sys.argv[2]), 0
def step(function):
    def run(*args, **kw):
        global steps
        steps += 1
        if steps == at: os.kill(os.getpid(), signal.SIGKILL)
        done = function(*args, **kw)
        steps += 1
        if steps == at: os.kill(os.getpid(), signal.SIGKILL)
        return done
    return run
for module, names in ((p.TableFile, ("close",)), (m, ("_write",)), (m.os, ("replace",)), (m.Path, ("unlink",))):
    for name in names: setattr(module, name, step(getattr(module, name)))
task = msgspec.json.decode(sys.argv[1], type=b.Task)
from tests.facts.world import lives_of
print(msgspec.json.encode(b.build(task, lives=lives_of())).decode(), steps)
"""


@pytest.mark.process
def test_killed_at_each_step_the_next_build_goes_on(tmp_path: Path) -> None:
    """kill -9 around files, the manifest, its renaming and removals, lives with them: the tables stay readable, and right."""
    with world(tmp_path / "data") as w:
        w.live(12)
        w.rebuild(lives=True)
        w.live(2)
        killed = 0
        for at in (*range(1, 9), *range(10, 130, 15)):
            task = msgspec.json.encode(w.task(w.begin())).decode()
            done = subprocess.run(
                [sys.executable, "-c", KILLED, task, str(at)], capture_output=True, text=True, timeout=120
            )
            assert done.returncode in (0, -signal.SIGKILL), done.stderr
            killed += done.returncode != 0
            assert named(w.files) <= on_disk(w.files)
            w.live(1)
        w.rebuild(lives=True)
        assert contents(w.files) == w.full(tmp_path / "full", lives=True)
        assert on_disk(w.files) == named(w.files)
        assert killed > 8


def test_a_folder_from_before_knows_its_days(tmp_path: Path) -> None:
    """The stretches of an older journal are found from the times of its rows."""
    with world(tmp_path / "data") as w:
        w.live(120)
        days = w._run(w.store.transact(lambda e: e.run("select_journal_days")))
        w._run(w.store.transact(lambda e: e.script("delete from journal_day")))
        assert len(days) > 3
    with world(tmp_path / "data") as w:
        assert w._run(w.store.transact(lambda e: e.run("select_journal_days"))) == days


def on_disk(files: Path) -> set[str]:
    return {str(p.relative_to(files)) for p in files.rglob("*.parquet")}


def named(files: Path) -> set[str]:
    manifest = read_manifest(files)
    assert manifest is not None
    return {file.path for days in manifest.files.values() for file in days.values()}
