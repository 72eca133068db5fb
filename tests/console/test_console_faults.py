"""What the console does while its disk, its files or the store fail: each page says so, and the console stays up."""

from __future__ import annotations

import contextlib
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace
from running_console import PASSWORD, Client, Running, configuration

from twofold.console import pages as every_page
from twofold.console.access.register import FILE, Register
from twofold.errors import StoreFull
from twofold.facts.manifest import read_manifest, write_manifest
from twofold.simulate.world.folder import Written
from twofold.store.beside.folder import FolderLock

NOW = 1_800_000_000
PAGES = ("/today", "/events", "/orders", "/orders/5001", "/deliveries", "/refused", "/live", "/day", "/account")
EVERY = tuple(page.path for page in every_page.PAGES if page.name)
NO_STORE = frozenset({"/docs", "/audiences"})
"""Pages that read nothing of the store; what platforms were told of lists stands in a file of its own."""


@pytest.fixture(scope="module")
def folder(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faults")
    shutil.copytree(
        filled.parent / "data", made / "data", ignore=shutil.ignore_patterns("console*.db*", "lock", "*.sock")
    )
    configuration(made)
    return made / "data"


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    made = Running(folder, folder.parent / "twofold.toml")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> Client:
    return running.owner()


@pytest.mark.process
def test_a_locked_register_keeps_nobody_from_reading(running: Running, owner: Client, folder: Path) -> None:
    """Whoever wants in is told that it is not their fault, and comes in afterwards."""
    holder = apsw.Connection(str(folder / FILE))
    holder.execute("begin immediate")
    try:
        for path in PAGES[:-2]:
            assert owner.get(path).status == 200, path
        answer = running.browser().post("/login", {"name": "nino", "password": PASSWORD})
        assert answer.status == 503
        assert "Nobody can be let in right now" in answer.text
        assert owner.post("/logout", {"csrf": owner.csrf()}).status == 503  # and the session goes on
    finally:
        holder.execute("rollback")
        holder.close()
    assert owner.get("/today").status == 200
    assert running.browser().post("/login", {"name": "nino", "password": PASSWORD}).status == 303


def with_children(pid: int) -> Iterator[int]:
    """A process and every one under it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from with_children(int(child))


@pytest.mark.process
def test_a_disk_without_room_is_said_and_reading_goes_on(running: Running, owner: Client, folder: Path) -> None:
    csrf = owner.csrf()
    gateway = apsw.Connection(str(folder / "twofold.db"))  # whoever writes holds the files that readers share
    gateway.execute("select count(*) from event").fetchall()
    for pid in with_children(running.process.pid):  # one that waits for its next question has a limit of its own
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # no file may grow
    try:
        for path in PAGES:
            answer = owner.get(path)
            if path == "/day":  # reads tables, of which none were made yet: that it cannot is said
                assert answer.status == 503, path
                assert "It could not be done" in answer.text
            else:
                assert answer.status == 200, path
        for path in EVERY:
            answer = owner.get(path)
            assert answer.status == 200 or (answer.status == 503 and "It could not be done" in answer.text), path
        answer = owner.post("/people/invite", {"csrf": csrf, "role": "buyer", "password": PASSWORD})
        assert answer.status in (409, 503)
        assert "It could not be done" in answer.text
    finally:
        for pid in with_children(running.process.pid):  # also those that were started meanwhile
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        gateway.close()
    assert owner.post("/people/invite", {"csrf": csrf, "role": "buyer", "password": PASSWORD}).status == 200


@pytest.mark.process
@pytest.mark.parametrize("damage", [b"not a database" * 1000, b""])
def test_a_store_that_cannot_be_read_is_said_on_each_page(
    running: Running, owner: Client, folder: Path, damage: bytes
) -> None:
    """And pages read again once it is back."""
    store = folder / "twofold.db"
    whole = store.read_bytes()
    try:
        store.write_bytes(damage)
        for path in PAGES[:-1]:
            answer = owner.get(path)
            assert answer.status == 503, path
            assert "It could not be done" in answer.text, path
            assert "Traceback" not in answer.text
        for path in EVERY if damage else ():
            answer = owner.get(path)
            assert answer.status == (200 if path in NO_STORE else 503), path
            assert path in NO_STORE or "It could not be done" in answer.text, path
        assert owner.get("/account").status == 200
    finally:
        store.write_bytes(whole)
    assert owner.get("/today").status == 200


@pytest.mark.process
def test_without_a_gateway_each_page_says_so_and_shows_what_was_kept(owner: Client) -> None:
    """It was killed, or nobody started it: nothing that is shown is taken for news."""
    for path in (*EVERY, "/orders/5001", "/senders/copies?event=PageView&sender=api", "/docs/console"):
        answer = owner.get(path)
        assert answer.status == 200, path
        assert "No gateway runs on this folder: nothing new arrives." in answer.text, path


@pytest.mark.process
def test_a_browser_that_is_logged_out_in_the_middle_sees_nothing_more(running: Running, owner: Client) -> None:
    """Two windows with one session: what one ends is over in the other, on every page, in every form and for every change, while
    another browser of the same person goes on."""
    first, second = running.browser(), running.browser()
    assert first.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    second.cookie = first.cookie
    csrf = second.csrf()
    assert second.get("/orders").status == 200
    assert first.post("/logout", {"csrf": first.csrf()}).status == 303
    stranger = running.browser().get("/no-such-page")
    for path in EVERY:
        for form in (path, f"{path}.json", f"{path}.csv"):
            answer = second.get(form)
            assert (answer.status, answer.text) == (401, stranger.text), form
    assert second.post("/people/invite", {"csrf": csrf, "role": "owner", "password": PASSWORD}).status == 401
    assert second.get("/live/stream?after=0").status == 401
    assert owner.get("/orders").status == 200


@pytest.mark.process
def test_while_the_register_is_locked_every_page_is_read(owner: Client, folder: Path) -> None:
    """Who is logged in was looked up by reading, which no lock of a writer stops."""
    holder = apsw.Connection(str(folder / FILE))
    holder.execute("begin immediate")
    try:
        for path in EVERY:
            assert owner.get(path).status == 200, path
    finally:
        holder.execute("rollback")
        holder.close()


def test_a_full_disk_has_its_own_word(tmp_path: Path) -> None:
    register = Register(tmp_path)
    pages = register._db.execute("pragma page_count").fetchone()
    register._db.execute(f"pragma max_page_count = {pages[0] if pages else 0}").fetchall()
    with pytest.raises(StoreFull, match="the disk is full"):
        register.note("nino", "sent again", {"x": "x" * 50_000}, NOW)
    register._db.execute("pragma max_page_count = 1000").fetchall()
    register.note("nino", "sent again", {"x": "y"}, NOW)
    assert [act["x"] for act in register.acts()] == ["y"]
    assert register.people() == []
    register.close()


@pytest.mark.process
def test_tables_of_an_hour_ago_are_shown_and_said(world: Written, tmp_path: Path) -> None:
    """Where they cannot be made again, as somebody else has the folder: the figures, of when they are, and why not of now."""
    shutil.copytree(
        world.folder, tmp_path / "w", ignore=shutil.ignore_patterns("console*.db*", "lock", "*.sock", "facts.readers")
    )
    folder = tmp_path / "w" / "data"
    running = Running(folder, tmp_path / "w" / world.config.name)
    try:
        owner = running.owner()
        # A page waits half a second for tables that are being made, and shows those of before.
        end = time.monotonic() + 200
        while "These figures are as of" in owner.get(f"/chain?period={world.key['since']}..{world.key['until']}").text:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert owner.get(f"/chain?period={world.key['since']}..{world.key['until']}").status == 200
        files = folder / "facts"
        manifest = read_manifest(files)
        assert manifest is not None
        write_manifest(files, replace(manifest, made_at=manifest.made_at - 3_600))
        assert "These figures are as of" not in owner.get("/cash").text  # nothing came since: they are of now
        store = apsw.Connection(str(folder / "twofold.db"))
        store.execute("insert or replace into changed_day values ('orders', 20000, 99, 0)")
        store.close()
        held = FolderLock(folder)
        whole = f"period={world.key['since']}..{world.key['until']}"
        for path in (
            f"/chain?{whole}", f"/day?day={world.key['until']}", f"/chain/orders?term=link:placed&{whole}", "/cash",
            f"/campaigns?{whole}", f"/campaigns/orders?group=channel:direct&called=direct&{whole}",
        ):  # fmt: skip
            answer = owner.get(path)
            assert answer.status == 200, path
            assert "These figures are as of" in answer.text, path
            assert "is in use by process" in answer.text, path
        held.release()
    finally:
        running.stop()
