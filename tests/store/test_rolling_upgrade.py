"""Gateways of two versions on one PostgreSQL database, replaced one after the other while events come in: the newer one's tree is this
one's with a step more, so its form is one that this version has never heard of. And the newest step that there is, whichever it is:
the version before it, out of the history of the tree, is followed by this one under load, on both engines.
"""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from several_gateways import LONG, Process, Shops, gateways, require_all

import twofold
from tests.facts.postgres import killable
from tests.fakes.graph import in_thread
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.postgres.connection import Reader, connect
from twofold.store.postgres.forms import form_of, steps

pytestmark = [pytest.mark.postgres, pytest.mark.process, pytest.mark.timeout(3_600)]

EVENTS = 20_000 if LONG else 1_200
NEXT = SCHEMA_VERSION + 1
ADDS = "create table of_the_next_version (id bigint primary key);\nalter table event add column of_the_next_version bigint;\n"
"""What a step may do beside programs of before: a table more, a column that may be empty."""


@pytest.fixture(scope="module")
def server():
    with killable() as one:
        yield one


@pytest.fixture
def address(server, request):
    """A database of its own for each test."""
    name = re.sub(r"\W", "_", request.node.name)[:60]
    with psycopg.connect(server.address, autocommit=True) as db:
        db.execute(f"create database {name} template template0 encoding 'UTF8'")
    return f"{server.address.rpartition('/')[0]}/{name}"


def next_version(folder: Path, works_from: int) -> Path:
    """This program with a step to the next form on both engines; a folder to be found first by Python."""
    place = folder / "next"
    package = Path(twofold.__file__).parent
    shutil.copytree(package, place / "twofold", ignore=shutil.ignore_patterns("__pycache__"))
    store = place / "twofold" / "store"
    own = store / "engine.py"
    text, count = re.subn(rf"(?m)^(SCHEMA_VERSION\b.*= ){SCHEMA_VERSION}$", rf"\g<1>{NEXT}", own.read_text())
    assert count == 1, "the form is written elsewhere"
    own.write_text(text)
    (store / "postgres" / "migrations" / f"{NEXT:04}_next.sql").write_text(f"-- works from form {works_from}\n{ADDS}")
    (store / "sqlite" / "migrations" / f"{NEXT:04}_next.sql").write_text(
        "create table of_the_next_version (id integer primary key);\n"
    )
    return place


HERE = Path(twofold.__file__).parents[1]


def version_before(folder: Path) -> Path:
    """The program as it was before the newest step came, out of the history of this tree; a folder to be found first by Python."""
    files = f":(glob)twofold/store/sqlite/migrations/{SCHEMA_VERSION:04}_*.sql"
    log = _git("log", "--diff-filter=A", "--format=%H", "--", files)
    added = log.stdout.decode().split()
    packed = _git("archive", f"{added[-1]}^" if added else "HEAD", "twofold")
    if log.returncode or packed.returncode:
        pytest.skip("the version before is in the history of the tree, which is not here: clone it whole")
    place = folder / "before"
    place.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tree:
        tree.extractall(place, filter="data")
    assert re.search(
        rf"(?m)^SCHEMA_VERSION\b.*= {SCHEMA_VERSION - 1}$", (place / "twofold/store/engine.py").read_text()
    )
    return place


def _git(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, check=False)


def replace(one: Process, place: Path) -> None:
    """As an operator does it: told to end, waited for, and the next version started with the same name and folder."""
    ended(one)
    one.program = place
    one.start()


def require_each_takes(running: Sequence[Process]) -> None:
    """A gateway that the step has broken answers 503 and its clients go to the others, so that nothing is lost by it: each is asked
    alone for page views and orders of its own."""
    for n, one in enumerate(running):
        if one.collects:
            alone = Shops([one], 20, clients=2, mark=f"only{n}.")
            alone.start()
            try:
                alone.wait_for(20)
            finally:
                alone.end()


def ended(one: Process) -> None:
    assert one.running is not None
    one.running.send_signal(signal.SIGTERM)
    assert one.running.wait(60) == 0, one.log()


@pytest.mark.parametrize("roles", [("all", "all"), ("collect", "collect", "deliver", "deliver")])
def test_gateways_are_replaced_one_after_the_other(address, tmp_path, roles):
    """Eight clients send each order twice, to two gateways, under two ids. From the first replacement on both versions work on tables
    of the newer form; one of the new ones is killed on the way. Nothing acknowledged is lost, no order is told under two ids."""
    place = next_version(tmp_path, SCHEMA_VERSION)
    with in_thread() as graph, gateways(tmp_path, roles, address, graph.url) as running:
        shops = Shops(running, EVENTS)
        shops.start()
        shops.wait_for(EVENTS // 6)
        for n, one in enumerate(running):
            replace(one, place)
            with connect(address, writes=False) as db:
                assert form_of(Reader(db)) == (NEXT, SCHEMA_VERSION)
            if n == 0:
                require_each_takes(running)
            shops.wait_for(EVENTS * (n + 2) // (len(roles) + 2))
        running[0].kill()
        running[0].start()
        shops.wait_for(EVENTS)
        shops.end()
        require_all(shops, graph, running)
        assert all(one.running.poll() is None for one in running)


def test_the_old_version_starts_again_beside_the_new(address, tmp_path):
    """A replacement that is taken back: the older program works with tables to which the newer one has only added."""
    place = next_version(tmp_path, SCHEMA_VERSION)
    with in_thread() as graph, gateways(tmp_path, ("all", "all"), address, graph.url) as running:
        shops = Shops(running, EVENTS // 4)
        shops.start()
        replace(running[1], place)
        replace(running[1], HERE)
        shops.wait_for(EVENTS // 4)
        shops.end()
        require_all(shops, graph, running)


def test_a_step_that_others_cannot_live_with_waits_for_their_end(address, tmp_path):
    """The newer program does not start while one of before has the database, and says what to do; the tables stay as they are and the
    other goes on. With nobody there it starts, and then the older one is refused."""
    place = next_version(tmp_path, NEXT)
    with in_thread() as graph, gateways(tmp_path, ("all", "all"), address, graph.url) as running:
        one, other = running
        one.kill()
        refused = begun(one, place)
        assert refused.returncode != 0
        assert "stop every gateway" in refused.stderr + refused.stdout
        with connect(address, writes=False) as db:
            assert form_of(Reader(db))[0] == SCHEMA_VERSION
        shops = Shops([other], 20)
        shops.start()
        shops.wait_for(20)
        shops.end()
        ended(other)
        one.program = place
        one.start()
        with connect(address, writes=False) as db:
            assert form_of(Reader(db)) == (NEXT, NEXT)
        late = begun(other, other.program)
        assert late.returncode != 0
        assert "upgrade Twofold" in late.stderr + late.stdout
        require_all(shops, graph, [one])


def test_the_newest_step_is_taken_while_events_come(address, tmp_path):
    """Gateways of the version before are followed by this one's as the step's first line promises: one after the other, or, where the
    others could not go on, once all of them have ended, and not before. Nothing acknowledged is lost, no order is told under two ids."""
    before = version_before(tmp_path)
    side_by_side = re.match(r"-- works from form (\d+)\n", steps()[SCHEMA_VERSION])[1] != str(SCHEMA_VERSION)
    with in_thread() as graph, gateways(tmp_path, ("all", "all"), address, graph.url, before) as running:
        one, other = running
        shops = Shops(running, EVENTS // 2)
        shops.start()
        shops.wait_for(EVENTS // 8)
        ended(one)
        if side_by_side:
            one.program = HERE
            one.start()
            shops.wait_for(EVENTS // 4)
            require_each_takes(running)
            ended(other)
        else:
            refused = begun(one, HERE)
            assert refused.returncode != 0
            assert "stop every gateway" in refused.stderr + refused.stdout
            shops.wait_for(EVENTS // 4)  # the other goes on
            ended(other)
            one.program = HERE
            one.start()
            late = begun(other, before)
            assert late.returncode != 0
            assert "upgrade Twofold" in late.stderr + late.stdout
        with connect(address, writes=False) as db:
            assert form_of(Reader(db))[0] == SCHEMA_VERSION
        other.program = HERE
        other.start()
        shops.wait_for(EVENTS // 2)
        shops.end()
        require_all(shops, graph, running)


def test_a_folder_of_the_version_before_goes_on(tmp_path):
    """On the embedded engine: its gateway is killed while events come in, and this version's begins on what that left."""
    before = version_before(tmp_path)
    with in_thread() as graph, gateways(tmp_path, ("all",), "", graph.url, before) as running:
        [one] = running
        shops = Shops(running, EVENTS // 2)
        shops.start()
        shops.wait_for(EVENTS // 4)
        one.kill()
        one.program = HERE
        one.start()
        shops.wait_for(EVENTS // 2)
        shops.end()
        require_all(shops, graph, running)


def begun(one: Process, place: Path) -> subprocess.CompletedProcess[str]:
    """What comes of a start that is refused."""
    words = [
        sys.executable,
        "-m",
        "twofold",
        "serve",
        "--config",
        str(one.config),
        "--name",
        one.name,
        "--role",
        one.role,
    ]
    return subprocess.run(words, env=one.environ(place), cwd=one.folder, capture_output=True, text=True, timeout=120)
