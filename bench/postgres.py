"""(q) One gateway on PostgreSQL against one on the embedded engine: events in batches of 100, by processor time of the gateway.

The server's own processor time is named beside it: on one machine it is paid, too.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import Row
from bench.accepts import CONFIG, KEY, SECONDS, load, process
from tests.facts.postgres import Server, killable

ROUNDS = 5
_TICK = os.sysconf("SC_CLK_TCK")


def bench_postgres() -> list[Row]:
    """Rounds of both in turn, compared within each. Medians."""
    ratios, whole = [], []
    with killable() as server:
        for _ in range(ROUNDS):
            embedded, _ = _events_a_second("", None)
            ours, servers = _events_a_second(f'store = "{server.address}"\n', server)
            ratios.append(ours / embedded)
            whole.append(servers / embedded)
    return [
        Row(name="(q) events in batches a processor second of the gateway, PostgreSQL against embedded",
            ratio=statistics.median(ratios), target=0.35,
            detail=f"with the server's own processor time {statistics.median(whole):.2f}"),
    ]  # fmt: skip


def _events_a_second(store: str, server: Server | None) -> tuple[float, float]:
    """Events a processor second: of the gateway alone, and with the database server's."""
    with _gateway(store) as (url, pid):
        load(url, "batch")  # until everything is made and known
        before, theirs = _seconds([pid]), _seconds(server.processes()) if server else 0.0
        events = load(url, "batch") * SECONDS
        mine = _seconds([pid]) - before
        both = mine + (_seconds(server.processes()) - theirs if server else 0.0)
    return events / mine, events / both


@contextlib.contextmanager
def _gateway(store: str) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG.replace("port = 0\n", f"port = 0\n{store}"))
        command = [
            sys.executable,
            "-m",
            "twofold",
            "serve",
            "--config",
            str(config),
            "--data",
            str(Path(folder) / "data"),
        ]
        if store:
            _empty(store)
        with process(command, "twofold listening on ") as (address, started):
            yield f"{address}/v25.0/1/events?access_token={KEY}", started.pid


def _empty(store: str) -> None:
    """A new database for each round, as the folder is new."""
    import psycopg

    with psycopg.connect(store.split('"')[1], autocommit=True) as db:
        db.execute("drop schema if exists twofold cascade")


def _seconds(pids: list[int]) -> float:
    """Processor time that these processes have had."""
    found = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found += (int(fields[11]) + int(fields[12])) / _TICK
    return found
