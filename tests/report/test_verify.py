"""`verify`: whatever is altered, lost, moved or added behind the store's back is found, and sound data never is."""

from __future__ import annotations

import asyncio

import apsw
import pytest

from tests.acceptance.gateway_process import run_twofold
from tests.store.copies import BROWSER, HOLD, NOW, appended, claim, opened, settlement, with_store
from tests.store.copies import copy_of_buyer as copy
from twofold.errors import StoreDamaged, StoreError
from twofold.event.delivery import DeliveryState
from twofold.report import proof
from twofold.report.verify import verify

COPIES = [copy(f"e{n // 2}", BROWSER if n % 2 else "server", at=NOW + n) for n in range(20)] + [copy("e0", value="9")]


@pytest.fixture
def folder(tmp_path):
    """Ten actions of 21 copies, one of them a conflict; five delivered, one dead, four waiting; closed."""

    async def scenario(store):
        await store.append(COPIES)
        claimed = await claim(store, NOW + HOLD, limit=6)
        dead = settlement(claimed[5], DeliveryState.DEAD, reason="rejected")
        await store.settle([*map(settlement, claimed[:5]), dead], NOW + HOLD)

    with_store(tmp_path, scenario)
    return tmp_path


def test_sound_data_passes(folder):
    """Every check holds, and there are checks: the journal's rows are counted in one of them."""
    checks = verify(folder)
    assert [c.name for c in checks if not c.holds] == []
    assert max(c.left for c in checks) == 21


FLIP = "update event set body = cast(substr(body, 1, 20) || 'X' || substr(body, 22) as blob) where position = 7"

# what was done to the closed folder, and where the journal must say that it stops following, if it is the journal
DAMAGE = [
    ("one byte of a body", FLIP, 7),
    ("a body cut short", "update event set body = substr(body, 1, length(body) - 1) where position = 21", 21),
    ("two bodies exchanged", "update event set body = (select body from event e where e.position = 12 - event.position) where position in (5, 7)", 5),
    ("a verdict changed", "update event set verdict = 'repeat' where position = 2", 2),
    ("a copy given to another action", "update event set action = 3 where position = 2", 2),
    ("an event renamed beside its body", "update event set event_name = 'Lead' where position = 2", None),
    ("a tier raised beside its body", "update event set tier = 3 where tier = 0", None),
    ("a row lost in the middle", "delete from event where position = 9", 10),
    ("the first row lost", "delete from event where position = 1", 2),
    ("the last row lost", "delete from event where position = 21", None),
    ("the last five rows lost", "delete from event where position > 16", None),
    ("a row moved", "update event set position = 100 where position = 9", 10),
    ("a row repeated", "insert into event select 22, received_at, dataset, event_name, event_id, event_time, channel, sender, tier, verdict, action, late, body, chain, salt from event where position = 21", 22),
    ("a chain value changed", "update event set chain = x'0000000000000000' where position = 4", 4),
    ("all of the journal lost", "delete from event", None),
    ("an action lost", "delete from action where id = 3", None),
    ("an action's copies miscounted", "update action set copies = 3 where id = 3", None),
    ("a delivery lost", "delete from delivery where id = 3 * 256 + 1", None),
    ("a delivery added", "insert into delivery (id, destination, state, reason, due_at, lease_token, attempts) values (999, 1, 'waiting', '', 0, 0, 0)", None),
    ("called delivered without an attempt", "update delivery set state = 'delivered', settled_at = 1 where state = 'waiting'", None),
    ("frozen bytes lost", "delete from frozen where delivery = (select id from delivery where state = 'delivered' limit 1)", None),
    ("an attempt lost", "delete from attempt where delivery = (select id from delivery where state = 'delivered' limit 1)", None),
    ("settled without a time", "update delivery set settled_at = null where state = 'dead'", None),
    ("a counter changed", "update counter set value = value - 1 where name = 'accepted'", None),
    ("a verdict's counter changed", "update counter set value = value + 1 where name = 'twin'", None),
    ("a day of the journal moved", "update journal_day set day = day + 2", None),
    ("a refusal counted twice", "insert into counter (name, value) values ('refused', 1)", None),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "position"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_damage_is_found(folder, sql, position):
    """At least one check fails beside that of the whole file, which any change breaks; where the journal's own rows were altered, the
    first of them is named."""
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute(sql)
    assert db.changes() > 0
    db.close()
    broken = [c for c in verify(folder) if not c.holds and c.name != "changes to the database file since it was closed"]
    assert broken
    if position is not None:
        assert any(c.note.endswith(f"position {position}") for c in broken)


@pytest.mark.parametrize("file", ["erasures", "withdrawals"])
def test_a_damaged_line_beside_the_database_is_found(folder, file):
    """Which file it is, and what to do, stands beside it."""
    (folder / file).write_text("{}\nno line of ours\n")  # the first is the head
    (broken,) = [c for c in verify(folder) if not c.holds]
    assert (broken.name, broken.left) == ("damaged lines in the files erasures and withdrawals", 1)
    assert broken.note == f"in {file}; restore from a copy"


def test_the_command_tells_by_its_exit_code(folder):
    """0 for sound data, 1 for damaged, with the line that fails marked."""
    assert run_twofold("verify", "--data", str(folder)).returncode == 0
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute(FLIP)
    db.close()
    done = run_twofold("verify", "--data", str(folder))
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("NO")] == [
        "NO  changes to the database file since it was closed: 1 = 0 (twofold.db was changed by something else since it was "
        "closed)",
        "NO  journal rows follow each other unaltered: 21 = 20 (the first row that does not follow is position 7)",
        "NO  journal rows say what their bodies say: 21 = 20",
    ]


def test_an_unreadable_database_is_said_to_be_so(folder):
    """Pages overwritten with garbage: both verifying and opening end with an error that says so, never with a pass."""
    path = folder / "twofold.db"
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xaa" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreDamaged, match="malformed"):
        verify(folder)
    with pytest.raises(StoreError, match="malformed"):
        appended(folder, [copy()])


def test_it_reads_one_moment_while_others_write(tmp_path):
    """Run again and again beside a writing store, it never sees half a transaction."""

    async def main():
        failures = []
        async with opened(tmp_path) as store:
            await store.append([copy("first")])
            loop = asyncio.get_running_loop()
            for n in range(30):
                writing = [store.append([copy(f"{n}-{m}"), copy(f"{n}-{m}", BROWSER)]) for m in range(40)]
                checks = await loop.run_in_executor(None, verify, tmp_path)
                failures += [c for c in checks if not c.holds]
                await asyncio.gather(*writing)
        return failures

    assert asyncio.run(main()) == []
    assert appended(tmp_path, [copy("first")])[0] == "repeat"


def test_a_table_made_otherwise_is_found(folder):
    """A check, a type or an index that is not this version's."""
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute("drop index attempt_delivery")
    db.execute("create table more (a)")
    db.close()
    (line,) = [c for c in verify(folder) if c.name.startswith("tables that are not made")]
    assert (line.left, line.note) == (2, "attempt_delivery, more")


def test_a_long_journal_is_walked_from_where_it_was_proved(tmp_path, monkeypatch):
    """What was proved is not walked again, until it is seven days old, the file is not as it was left, or `--full` is asked."""
    monkeypatch.setattr(proof, "WORTH_ROWS", 10)
    appended(tmp_path, [copy(f"e{n}") for n in range(15)], together=True)
    assert all(c.holds for c in verify(tmp_path, NOW))
    appended(tmp_path, [copy(f"e{n}") for n in range(10, 20)], together=True)
    checks = verify(tmp_path, NOW + 1)
    assert all(c.holds for c in checks)
    assert any("positions 1 to 15 were walked before" in c.note for c in checks)
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute(FLIP)
    db.close()

    def walked(at, full=False):
        return any(c.note.endswith("position 7") for c in verify(tmp_path, at, full=full))

    assert not walked(NOW + 2)
    assert walked(NOW + 2, full=True)
    assert walked(NOW + proof.GOOD_FOR_MS + 1)
    kept = (tmp_path / "proved").read_bytes()
    for at, byte in ((30, b"1"), (5, b"x"), (len(kept) - 8, b"g")):
        (tmp_path / "proved").write_bytes(kept[:at] + byte + kept[at + 1 :])
        assert walked(NOW + 2), at
    (tmp_path / "proved").write_bytes(kept)
    assert not walked(NOW + 2)
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute("update event set chain = x'0000000000000000' where position = 25")
    db.close()
    assert walked(NOW + 2), "where it was proved another row stands now"
