"""The book of lists beside a store on PostgreSQL: several gateways have one book, one of them tells at a time, and it moves along."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.audiences.shoppers import did, kept
from tests.audiences.test_syncing import LIST, TOKEN, Kept, meta, names
from tests.databases import PEER, Databases
from tests.fakes.graph import in_thread
from tests.fakes.platforms.lists import MetaLists
from twofold.audiences.book import FILE, Book, bring_back, has_told
from twofold.consent.marks import Mark
from twofold.errors import StoreAway, StoreLocked
from twofold.store import engines
from twofold.store.secret import folder_ring

pytestmark = pytest.mark.postgres


@pytest.fixture
def peers(tmp_path: Path, postgres: Databases, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folders of two gateways of one database; each has the secret, as an operator copies it."""
    monkeypatch.setattr(engines, "address_of", postgres.of)
    return tmp_path / f"{PEER}a", tmp_path / f"{PEER}b"


def shared(one: Path, other: Path) -> None:
    other.mkdir(mode=0o700, exist_ok=True)
    (other / "erasures").write_bytes((one / "erasures").read_bytes())
    (other / "erasures").chmod(0o600)


def test_who_was_told_by_one_is_taken_off_by_the_other(peers: tuple[Path, Path], postgres: Databases) -> None:
    """One gateway told; consent is withdrawn; the round in which the person is taken off is the other one's."""
    one, other = peers
    there = MetaLists(token=TOKEN, lists={LIST: {}})
    with in_thread(there) as server:
        first = Kept(one, [meta(server.url)], {"meta-1": LIST})
        second = Kept(other, [meta(server.url)], {"meta-1": LIST})
        kept(one, [did("a", visitor="va"), did("b", visitor="vb")])
        shared(one, other)
        assert [d.added for d in first.sync()] == [2]
        assert has_told(other)
        assert second.book() == {"a": "told", "b": "told"}

        async def withdrawn(store: Any) -> None:
            await store.withdraw("1", (Mark("visitor", "va"),), first.now)

        kept(one, [], then=withdrawn)
        assert [(d.added, d.removed) for d in second.sync()] == [(0, 1)]
        assert names(there.lists[LIST]) == "b"
        assert first.book() == {"b": "told"}
        with psycopg.connect(postgres.of(one)) as db:  # whoever was taken off is no row any more
            assert db.execute("select count(*) from twofold_lists.told where em = %s", ("a" * 64,)).fetchone() == (0,)
    postgres.done()


def test_one_tells_at_a_time(peers: tuple[Path, Path], postgres: Databases) -> None:
    """While one gateway has the book the other tells nothing; once its connection is gone it writes nothing, and the other may."""
    one, other = peers
    there = MetaLists(token=TOKEN, lists={LIST: {}})
    with in_thread(there) as server:
        kept(one, [did("a"), did("b")])
        shared(one, other)
        second = Kept(other, [meta(server.url)], {"meta-1": LIST})
        with Book(one) as book:
            with pytest.raises(StoreLocked, match="telling platforms"):
                second.sync()
            assert server.requests == []
            with psycopg.connect(postgres.of(one), autocommit=True) as db:
                others = "from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
                while db.execute(
                    f"select pg_terminate_backend(pid) {others}"
                ).fetchall():  # a session ends at its own time
                    time.sleep(0.01)
            assert [d.added for d in second.sync()] == [2]
            with pytest.raises(StoreAway):
                book.list_of("viewed_not_bought", "meta-1", "meta", LIST)
    postgres.done()


def test_a_book_moves_there_and_back(tmp_path: Path, postgres: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file says of people who were told is said by the server afterwards, row by row, and by a file again on the way back."""
    folder, back = tmp_path / "here", tmp_path / "back"
    there = MetaLists(token=TOKEN, lists={LIST: {}})
    with in_thread(there) as server:
        shop = Kept(folder, [meta(server.url)], {"meta-1": LIST})
        kept(folder, [did("a", ph="9"), did("b")])
        shop.sync()
        before = every_row(folder)
        monkeypatch.setattr(engines, "address_of", lambda f: postgres.of(folder) if f == folder else "")
        assert every_row(folder) == before  # looked at before anybody tells
        folder_ring(folder)
        Book(folder).close()
        assert not (folder / FILE).exists()
        assert every_row(folder) == before
        with closing(Book(folder)) as book:  # and it goes on with numbers of its own
            assert book.list_of("another", "meta-1", "meta", "other-list").id > max(k.id for k, _ in before[0])
        back.mkdir()
        bring_back(folder, back)
        lists, batches = every_row(back)
        assert [k for k, _ in lists if k.audience != "another"] == [k for k, _ in before[0]]
        assert batches == before[1]
    postgres.done()


def every_row(folder: Path) -> tuple[list[Any], list[Any]]:
    """Each list with its rows, and each request."""
    with Book(folder, look=True) as book:
        return [(k, book.rows(k.id)) for k in book.lists()], book.batches()
