"""A backup and what comes back of it: held against the rows that another reader of SQLite sees, before and after."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import apsw
import pyrage
import pytest
from pyrage import x25519

from tests.command_line import invoke
from tests.store.copies import NOW, appended, copy, opened, with_store
from twofold.audiences.book import ADD, Book
from twofold.audiences.book import FILE as BOOK
from twofold.audiences.members import Row
from twofold.backup.erasures import COPY, read_head
from twofold.backup.repository import CHUNK, Repository
from twofold.backup.state import last_backup
from twofold.backup.take import LISTS, take_backup, take_erasures
from twofold.errors import StoreDamaged, StoreError
from twofold.matching.subject import Mark
from twofold.report.verify import verify
from twofold.store.beside.watermark import examine

T = 1_790_000_000


def quiet(_what: str, _at: int, _of: int) -> None:
    return None


def take(folder: Path, target: Path, now_s: int = T, keep: int = 7):
    return take_backup(folder, target, keep, now_s, quiet)


def rows(folder: Path) -> dict[str, list[tuple]]:
    """Everything in the tables of a folder that nobody has open, but what each opening writes anew."""
    db = apsw.Connection(str(folder / "twofold.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = [n for (n,) in db.execute("select name from sqlite_schema where type = 'table' order by 1")]
        return {
            n: sorted(map(repr, db.execute(f'select * from "{n}"')))
            for n in names
            if n not in ("meta", "audit", "sqlite_stat1")
        }
    finally:
        db.close()


def run(*arguments: object, code: int = 0):
    done = invoke([str(a) for a in arguments])
    failed = done.exception if done.exception is not None and not isinstance(done.exception, SystemExit) else None
    if failed is not None:
        assert code == getattr(failed, "exit_code", None), repr(failed)
        return str(failed)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty events, and one person who withdrew."""
    path = tmp_path / "data"

    async def fill(store) -> None:
        await store.append([copy(f"e{n}", em="0a") for n in range(40)])
        await store.withdraw_all({"1": [Mark("em", "0a" * 32)]}, NOW)

    with_store(path, fill)
    return path


def places(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "backups", tmp_path / "elsewhere"


# -- there and back


def test_what_was_kept_comes_back_whole(folder: Path, tmp_path: Path) -> None:
    """On an empty machine, from the two places alone: the same rows, a sound journal, a new watermark, nobody forgotten."""
    backups, elsewhere = places(tmp_path)
    before = rows(folder)
    said = run("backup", backups, "--erasures", elsewhere, "--data", folder)
    assert "up to position 40" in said
    assert "losing that disk loses both" in said
    empty = tmp_path / "new"
    said = run("restore", backups, "--erasures", elsewhere, "--reason", "the disk broke", "--yes", "--data", empty)
    assert "Restored up to position 40; erased again: 0" in said
    assert rows(empty) == before
    assert all(c.holds for c in verify(empty))
    assert (empty / "watermark").exists()
    for name in ("erasures", "withdrawals"):
        assert (empty / name).read_bytes() == (folder / name).read_bytes()
    assert appended(empty, [copy("e0"), copy("e41")]) == ["repeat", "first"]


def test_without_the_erasures_nothing_is_put_back(folder: Path, tmp_path: Path) -> None:
    """Nobody would know who must not return: refused, and the folder holds no database."""
    backups, elsewhere = places(tmp_path)
    run("backup", backups, "--data", folder)
    empty = tmp_path / "new"
    said = run("restore", backups, "--reason", "r", "--yes", "--data", empty, code=3)
    assert "nobody knows who must not come back" in said
    assert "--erasures" in said
    assert not list(empty.glob("twofold.db*"))
    said = run("restore", backups, "--erasures", elsewhere, "--reason", "r", "--yes", "--data", empty, code=3)
    assert "not there" in said


def test_the_folders_own_file_serves_where_it_is(folder: Path, tmp_path: Path) -> None:
    """Only the database was lost: what lies beside it is newer than any copy, and stays."""
    backups, _ = places(tmp_path)
    run("backup", backups, "--data", folder)
    own = (folder / "erasures").read_bytes()
    (folder / "twofold.db").unlink()
    run("restore", backups, "--reason", "deleted by mistake", "--yes", "--data", folder)
    assert (folder / "erasures").read_bytes() == own
    assert len(rows(folder)["event"]) == 40


def test_a_set_of_another_folder_or_time(folder: Path, tmp_path: Path) -> None:
    """An older set is taken by its name; one that is not there is named with those that are."""
    backups, elsewhere = places(tmp_path)
    take(folder, backups, T)
    appended(folder, [copy("later")])
    take(folder, backups, T + 60)
    run("backup", "--erasures", elsewhere, "--data", folder)
    older = Repository(backups).sets()[0][0].name
    assert older == "2026-09-21T141320Z"
    said = run("restore", backups, "--set", "no", "--reason", "r", "--yes", "--data", folder, code=3)
    assert older in said
    said = run("restore", backups, "--set", older, "--reason", "r", "--yes", "--data", folder)
    assert "Events from position 41 to 41 are not in this backup" in said
    other = tmp_path / "other"
    appended(other, [copy("x")])
    said = run("restore", backups, "--reason", "r", "--yes", "--data", other, code=3)
    assert "another data folder" in said
    assert len(rows(other)["event"]) == 1


def test_who_is_logged_in_is_not_when_it_comes_back(folder: Path, tmp_path: Path) -> None:
    """People come back with their passwords, without sessions and links, and only where the folder knows of nobody; so does what platforms
    were told."""
    with sqlite3.connect(folder / "console.db") as db:
        db.execute("pragma journal_mode = wal")
        db.executescript((Path(__file__).parents[2] / "twofold/console/access/register.sql").read_text())
        db.execute("insert into person values (1, 'owner', 'owner', 'argon', '', 0, 0, null)")
        db.execute("insert into session values (x'11', 1, 'csrf', 0, 0)")
    db.close()
    with Book(folder) as book:
        number = book.list_of("viewers", "meta-1", "meta", "1").id
        book.mean(number, ADD, {Row("a" * 64, ""): ""}, T)
    backups, elsewhere = places(tmp_path)
    run("backup", backups, "--erasures", elsewhere, "--data", folder)
    empty = tmp_path / "new"
    run("restore", backups, "--erasures", elsewhere, "--reason", "r", "--yes", "--data", empty)
    assert LISTS == BOOK
    with Book(empty, look=True) as book:  # without it nobody could be taken off
        assert list(book.rows(number)) == [Row("a" * 64, "")]
    with sqlite3.connect(empty / "console.db") as db:
        assert db.execute("select name from person").fetchall() == [("owner",)]
        assert db.execute("select * from session").fetchall() == []
        db.execute("update person set ended_at = 5")
    db.close()
    run("restore", backups, "--reason", "again", "--yes", "--data", empty)
    with sqlite3.connect(empty / "console.db") as db:
        assert db.execute("select ended_at from person").fetchall() == [(5,)]
    db.close()


# -- only what is new


def test_only_what_changed_is_written(folder: Path, tmp_path: Path) -> None:
    """Of a second set most chunks are the first one's; nothing changed means nothing written."""
    backups, _ = places(tmp_path)
    for _ in range(30):
        _changed(folder, os.urandom(50_000).hex())
    first = take(folder, backups, T)
    assert first.kept.size > 6 * CHUNK
    again = take(folder, backups, T + 1)
    assert again.written < first.written / 10
    appended(folder, [copy("one more")])
    third = take(folder, backups, T + 2)
    assert third.written < first.written * 0.8
    shared = third.kept.chunks & first.kept.chunks
    assert shared


def test_so_many_sets_stay(folder: Path, tmp_path: Path) -> None:
    """The oldest go with the chunks that were theirs alone; the rest can be put back."""
    backups, _ = places(tmp_path)
    for n in range(5):
        appended(folder, [copy(f"more{n}")])
        taken = take(folder, backups, T + n, keep=2)
    assert taken.forgotten == 1
    repository = Repository(backups)
    whole, broken = repository.sets()
    assert [s.position for s in whole] == [44, 45]
    assert broken == []
    on_disk = {p.name for p in (backups / "chunks").glob("*/*")}
    assert on_disk == set().union(*(s.chunks for s in whole))


def test_a_chunk_that_rotted_is_named_and_written_anew(folder: Path, tmp_path: Path) -> None:
    """A restore refuses what is not whole and leaves the folder alone; the next backup mends what it still has."""
    backups, _ = places(tmp_path)
    take(folder, backups)
    victim = max((backups / "chunks").glob("*/*"), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 4
    victim.write_bytes(bytes(data))
    said = run("restore", backups, "--reason", "r", "--yes", "--data", folder, code=3)
    assert victim.name in said
    assert not list(folder.glob("*.fetched"))
    assert len(rows(folder)["event"]) == 40
    take(folder, backups, T + 1)
    run("restore", backups, "--reason", "r", "--yes", "--data", folder)


def test_a_set_that_rotted_is_not_taken(folder: Path, tmp_path: Path) -> None:
    """Its file has a check: the one before is the newest then, and no chunk goes."""
    backups, _ = places(tmp_path)
    take(folder, backups, T)
    appended(folder, [copy("more")])
    take(folder, backups, T + 9)
    newest = sorted((backups / "sets").iterdir())[-1]
    newest.write_bytes(newest.read_bytes().replace(b'"position":41', b'"position":40'))
    chunks = set((backups / "chunks").glob("*/*"))
    take(folder, backups, T + 20, keep=1)
    assert chunks <= set((backups / "chunks").glob("*/*"))
    with pytest.raises(StoreDamaged):
        Repository(backups).find(newest.stem)


# -- the two places


def test_one_place_for_both_is_refused(folder: Path, tmp_path: Path) -> None:
    """The same folder, one in the other, another spelling of it, the data folder itself: nothing is written."""
    backups, _ = places(tmp_path)
    (tmp_path / "link").symlink_to(backups)
    for erasures in (backups, backups / "e", tmp_path / "link", tmp_path / "x" / ".." / "backups"):
        said = run("backup", backups, "--erasures", erasures, "--data", folder, code=2)
        assert "guessed address" in said
    for target in (folder / "b", folder):
        assert "lie in each other" in run("backup", target, "--data", folder, code=2)
    assert not backups.exists()
    assert "expected TARGET" in run("backup", "--data", folder, code=2)


def test_sealed_to_a_key_that_is_on_neither(folder: Path, tmp_path: Path) -> None:
    """One place may then hold both: it cannot read the erasures, and who has the key can, with any tool of age."""
    backups, _ = places(tmp_path)
    key = x25519.Identity.generate()
    other = x25519.Identity.generate()
    for name, one in (("key", key), ("wrong", other)):
        (tmp_path / name).write_text(f"# made by age-keygen\n{one}\n")
    run("backup", backups, "--erasures", backups, "--recipient", key.to_public(), "--data", folder)
    plain = (folder / "erasures").read_bytes()
    everything = b"".join(p.read_bytes() for p in backups.rglob("*") if p.is_file())
    for form in (plain.split(b'"')[3], base64.b64encode(plain)[:60]):
        assert form not in everything
    opened_copy = json.loads(pyrage.decrypt((backups / COPY).read_bytes().partition(b"\n")[2], [key]))
    assert base64.b64decode(opened_copy["erasures"]) == plain
    empty = tmp_path / "new"
    end = ("--erasures", backups, "--reason", "r", "--yes", "--data", empty)
    assert "--identity" in run("restore", backups, *end, code=3)
    assert "none of its keys" in run("restore", backups, *end, "--identity", tmp_path / "wrong", code=3)
    assert not (empty / "erasures").exists()
    run("restore", backups, *end, "--identity", tmp_path / "key")
    assert len(rows(empty)["event"]) == 40


def test_the_key_may_lie_on_neither(folder: Path, tmp_path: Path) -> None:
    """Beside what it opens, it seals nothing."""
    backups, _ = places(tmp_path)
    key = x25519.Identity.generate()
    backups.mkdir()
    for place in (backups, folder):
        (place / "key.txt").write_text(f"# public key: {key.to_public()}\n{key}\n")
        said = run("backup", backups, "--erasures", backups, "--recipient", key.to_public(), "--data", folder, code=2)
        assert "key.txt" in said
        assert str(key) not in said
        (place / "key.txt").unlink()


def test_a_secret_key_is_not_taken_for_a_public_one(folder: Path, tmp_path: Path) -> None:
    """Whoever pastes the wrong half is told so, and it is not repeated."""
    key = str(x25519.Identity.generate())
    said = run("backup", "--erasures", tmp_path / "e", "--recipient", key, "--data", folder, code=2)
    assert "secret" in said
    assert key not in said
    assert "age-keygen" in run("backup", "--erasures", tmp_path / "e", "--recipient", "age1x", "--data", folder, code=2)


def test_no_key_is_in_a_set(folder: Path, tmp_path: Path) -> None:
    """Neither the secret of the digests nor that of the withdrawals, in any chunk as it is read."""
    backups, _ = places(tmp_path)
    taken = take(folder, backups)
    repository = Repository(backups)
    whole = b"".join(part for file in taken.kept.files for part in repository.read_file(file))
    for name in ("erasures", "withdrawals"):
        key = (folder / name).read_bytes().split(b'"')[3]
        assert len(key) == 64
        assert key not in whole
        assert bytes.fromhex(key.decode()) not in whole


def test_a_copy_never_goes_backwards(folder: Path, tmp_path: Path) -> None:
    """A place that holds another folder's erasures, or more than this one knows, is left as it is."""
    _, elsewhere = places(tmp_path)
    take_erasures(folder, elsewhere, T, None)
    kept = (elsewhere / COPY).read_bytes()
    other = tmp_path / "other"
    appended(other, [copy("x")])
    assert "another data folder" in run("backup", "--erasures", elsewhere, "--data", other, code=3)
    lines = (folder / "withdrawals").read_bytes().split(b"\n")
    (folder / "withdrawals").write_bytes(lines[0] + b"\n")
    assert "older than its copy" in run("backup", "--erasures", elsewhere, "--data", folder, code=3)
    assert (elsewhere / COPY).read_bytes() == kept


def test_an_altered_copy_of_the_erasures_is_refused(folder: Path, tmp_path: Path) -> None:
    """By its digest, before anything is put back."""
    backups, elsewhere = places(tmp_path)
    run("backup", backups, "--erasures", elsewhere, "--data", folder)
    path = elsewhere / COPY
    path.write_bytes(path.read_bytes()[:-9] + b"xxxxxxxx}")
    empty = tmp_path / "new"
    said = run("restore", backups, "--erasures", elsewhere, "--reason", "r", "--yes", "--data", empty, code=3)
    assert "not what was written" in said
    assert not empty.exists()


def test_a_folder_of_other_things_is_no_place(folder: Path, tmp_path: Path) -> None:
    """Somebody's photos are not mixed with chunks."""
    target = tmp_path / "photos"
    target.mkdir()
    (target / "cat.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"cat\.jpg"):
        take(folder, target)
    assert [p.name for p in target.iterdir()] == ["cat.jpg"]


def test_a_folder_that_lost_events_is_not_kept(folder: Path, tmp_path: Path) -> None:
    """A set of it would push out a better one."""
    backups, _ = places(tmp_path)
    take(folder, backups)
    with sqlite3.connect(folder / "twofold.db") as db:
        db.execute("delete from event where position = 40")
    db.close()
    with pytest.raises(StoreDamaged, match="No backup is made"):
        take(folder, backups, T + 1, keep=1)
    assert [s.position for s in Repository(backups).sets()[0]] == [40]


# -- killed at every step


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """A child does it and is killed at its so-manieth step that touches a disk; False when it came to its end."""
    child = os.fork()
    if child == 0:
        count = 0

        def counted(name: str):
            real = getattr(os, name)

            def call(*args, **kwargs):
                nonlocal count
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)

            return call

        for name in ("open", "replace", "fsync", "unlink", "link", "mkdir", "write"):
            setattr(os, name, counted(name))
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _changed(folder: Path, word: str) -> None:
    """Something is in the database that was not."""
    with sqlite3.connect(folder / "twofold.db") as db:
        db.execute("insert into meta (name, value) values (?, '')", (word,))
    db.close()


def test_killed_at_any_step_one_whole_backup_is_there(folder: Path, tmp_path: Path) -> None:
    """The old set or the new one, each whole to its last chunk, and a copy of the erasures that can be read."""
    backups, elsewhere = places(tmp_path)
    repository = Repository(backups)
    before = take(folder, backups, T, keep=1).kept
    take_erasures(folder, elsewhere, T, None)
    seen, step, ended = set(), 0, False
    while not ended:
        step += 1
        now = T + step
        _changed(folder, f"step{step}")
        ended = not _killed_at(
            step, lambda now=now: (take(folder, backups, now, keep=1), take_erasures(folder, elsewhere, now, None))
        )
        (*_, newest), broken = repository.sets()
        assert broken == []
        assert newest == before or newest.taken_at == now
        assert repository.damaged(newest.chunks) == []
        assert read_head(elsewhere) is not None
        seen.add(newest == before)
        before = newest
    assert seen == {True, False}
    assert step > 20


def test_a_restore_that_was_killed_can_be_done_again(folder: Path, tmp_path: Path) -> None:
    """At whatever step: the folder is refused or whole, and the second run puts everything back."""
    backups, elsewhere = places(tmp_path)
    run("backup", backups, "--erasures", elsewhere, "--data", folder)
    wanted, step, ended, refused = rows(folder), -3, False, 0
    while not ended:
        step += 4
        into = tmp_path / f"new{step}"
        again = ("restore", backups, "--erasures", elsewhere, "--reason", "r", "--yes", "--data", into)
        ended = not _killed_at(step, lambda again=again: run(*again))
        refused += examine(into) is not None
        run(*again)
        assert rows(into) == wanted
        assert examine(into) is None
    assert step > 10
    assert refused


# -- beside a writing store


def test_what_is_written_meanwhile_is_the_next_backups(tmp_path: Path) -> None:
    """A store appends at every look of the backup: the set is of one moment, and none of the accepts waits for it."""
    folder, backups = tmp_path / "data", tmp_path / "backups"

    def at_once(value: str) -> None:
        # By the same library: a second one in this process would drop the first one's locks.
        db = apsw.Connection(str(folder / "twofold.db"))
        db.set_busy_timeout(5_000)
        db.execute("insert into meta (name, value) values (hex(randomblob(8)), ?)", (value,))
        db.close()

    async def scenario() -> tuple[int, int]:
        async with opened(folder) as store:
            await store.append([copy(f"e{n}") for n in range(300)])
            at_once(os.urandom(10 << 20).hex())  # more than the copying takes in one step
            moments = 0

            def meanwhile(_what: str, _at: int, _of: int) -> None:
                nonlocal moments
                moments += 1
                at_once("x")

            taken = take_backup(folder, backups, 7, T, meanwhile)
            await store.append([copy("after")])
            return taken.kept.position, moments

    import asyncio

    position, moments = asyncio.run(scenario())
    assert (position, moments > 3) == (300, True)
    file = next(f for f in Repository(backups).find(None).files if f.name == "twofold.db")
    restored = tmp_path / "look.db"
    restored.write_bytes(b"".join(Repository(backups).read_file(file)))
    with sqlite3.connect(restored) as db:
        assert db.execute("select count(*) from event").fetchone() == (300,)
        assert db.execute("select count(*) from meta where value = 'x'").fetchone() == (0,)
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()


def test_two_at_once_are_one(folder: Path, tmp_path: Path) -> None:
    """The second is told to wait; the first is not disturbed."""
    from twofold.backup.repository import changing

    backups, _ = places(tmp_path)
    with changing(backups):
        said = run("backup", backups, "--data", folder, code=4)
    assert "another backup" in said


# -- what the folder knows of it


def test_the_folder_knows_when_it_was_kept(folder: Path, tmp_path: Path) -> None:
    """For health and metrics; a person who withdraws later makes the copy an older one."""
    backups, elsewhere = places(tmp_path)
    assert last_backup(folder).at == 0
    assert last_backup(folder).erasures_behind(folder)
    take(folder, backups)
    take_erasures(folder, elsewhere, T + 5, None)
    known = last_backup(folder)
    assert (known.at, known.position, known.erasures_at) == (T, 40, T + 5)
    assert not known.erasures_behind(folder)

    async def withdraw(store) -> None:
        await store.withdraw_all({"1": [Mark("em", "0b" * 32)]}, NOW)

    with_store(folder, withdraw)
    assert last_backup(folder).erasures_behind(folder)
