"""(q) One gateway on PostgreSQL against one on the embedded engine, and two and four on one database against one: events in
batches of 100, by processor time of the gateways.

The server's own processor time is named beside it: on one machine it is paid, too. Several gateways are compared by what an
event costs and not by the clock: two processors have no room for four of them. For the same reason each is sent events until it
has accepted so many, however long that takes: on a machine that has other work, in a time that is fixed some accepted none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import Row, sized
from bench.accepts import CONFIG, KEY, load, process
from tests.facts.postgres import Server, killable
from twofold.store.sqlite.database import open_reader

ROUNDS = sized(5, 1)
EVENTS = sized(25_000, 200)
"""Accepted by the gateways of one measurement together."""
SEVERAL = sized((2, 4), (2,))
_TICK = os.sysconf("SC_CLK_TCK")


def bench_postgres() -> list[Row]:
    """Rounds of both in turn, compared within each. Medians."""
    ratios, whole = [], []
    of_several: dict[int, list[tuple[float, float]]] = {count: [] for count in SEVERAL}
    with killable() as server:
        for _ in range(ROUNDS):
            embedded, _ = _events_a_second("", None)
            ours, servers = _events_a_second(f'store = "{server.address}"\n', server)
            ratios.append(ours / embedded)
            whole.append(servers / embedded)
            for count in SEVERAL:
                own, all_of_it = _events_a_second(f'store = "{server.address}"\n', server, count)
                of_several[count].append((own / ours, all_of_it / servers))
    return [
        Row(name="(q) events in batches a processor second of the gateway, PostgreSQL against embedded",
            ratio=statistics.median(ratios), target=0.35,
            detail=f"with the server's own processor time {statistics.median(whole):.2f}"),
        *(Row(name=f"(q) the same of {count} gateways on one database against one",
              ratio=statistics.median(own for own, _ in found), target=0.8,
              detail=f"with the server's own processor time {statistics.median(both for _, both in found):.2f}")
          for count, found in of_several.items()),
    ]  # fmt: skip


def _events_a_second(store: str, server: Server | None, count: int = 1) -> tuple[float, float]:
    """Events a processor second: of the gateways alone, and with the database server's."""
    with _gateways(store, count) as (folder, found), ThreadPoolExecutor(count) as senders:
        urls, pids = [url for url, _ in found], [pid for _, pid in found]

        def sent() -> int:
            """Events that were accepted, also those whose answer came after the load had ended."""
            list(senders.map(lambda url: load(url, "batch"), urls))
            return _accepted(store, folder)

        known = sent()  # until everything is made and known
        before, theirs = _seconds(pids), _seconds(server.processes()) if server else 0.0
        while (events := sent() - known) < EVENTS:
            pass
        mine = _seconds(pids) - before
        both = mine + (_seconds(server.processes()) - theirs if server else 0.0)
    return events / mine, events / both


@contextlib.contextmanager
def _gateways(store: str, count: int) -> Iterator[tuple[Path, list[tuple[str, int]]]]:
    """The first one's folder, and address and process of each; several have a folder each, with the first one's secret."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG.replace("port = 0\n", f"port = 0\n{store}"))
        if store:
            _empty(store)
        found: list[tuple[str, int]] = []
        for n in range(count):
            data = Path(folder) / f"data-{n}"
            if n:
                data.mkdir(mode=0o700)
                shutil.copy(Path(folder) / "data-0" / "erasures", data)
            command = [sys.executable, "-m", "twofold", "serve", "--config", str(config), "--data", str(data)]
            name = ["--name", f"g{n}"] if store else []
            address, started = running.enter_context(process([*command, *name], "twofold listening on "))
            found.append((f"{address}/v25.0/1/events?access_token={KEY}", started.pid))
        yield Path(folder) / "data-0", found


def _empty(store: str) -> None:
    """A new database for each round, as the folder is new."""
    import psycopg

    with psycopg.connect(store.split('"')[1], autocommit=True) as db:
        db.execute("drop schema if exists twofold cascade")


def _accepted(store: str, folder: Path) -> int:
    """Events that all gateways of a store have accepted."""
    sql = "select coalesce(sum(value), 0) from counter where name = 'accepted' or name like 'accepted@%'"
    if not store:
        with contextlib.closing(open_reader(folder)) as file:
            return sum(int(value) for (value,) in file.execute(sql))
    import psycopg

    with psycopg.connect(store.split('"')[1]) as db:
        row = db.execute(sql.replace("counter", "twofold.counter")).fetchone()
    return int(row[0]) if row else 0


def _seconds(pids: list[int]) -> float:
    """Processor time that these processes have had."""
    found = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found += (int(fields[11]) + int(fields[12])) / _TICK
    return found
