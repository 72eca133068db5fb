"""Two PostgreSQL servers, one of them the other's standby, and gateways that know both: the first is killed, the second takes over.

With a quorum that a commit waits for nothing that was acknowledged is lost. Without one something can be, and then each gateway
stops with what is missing instead of going on.
"""

from __future__ import annotations

import time

import psycopg
import pytest
from several_gateways import LONG, PATIENCE_S, Shops, gateways, require_all

from tests.facts.postgres import STANDBY, Server, killable
from tests.fakes.graph import in_thread

pytestmark = [pytest.mark.postgres, pytest.mark.process]

EVENTS = 20_000 if LONG else 900


def ask(server: Server, *sql: str) -> list[tuple]:
    """Statements outside a transaction; the rows of the last."""
    with psycopg.connect(server.address, autocommit=True) as db:
        found = [db.execute(one) for one in sql]
        return found[-1].fetchall() if found[-1].description else []


def both_of(first: Server, second: Server, name: str) -> str:
    """An address with both servers, of which the one is taken that writes."""
    ask(first, f"create database {name} template template0 encoding 'UTF8'")
    return f"postgresql://test@127.0.0.1:{first.port},127.0.0.1:{second.port}/{name}"


@pytest.mark.timeout(3_600)
def test_a_quorum_standby_takes_over_with_everything_that_was_acknowledged(tmp_path):
    """Three gateways and eight clients; the server is killed in the middle, its standby promoted. The gateways find it by
    themselves and go on, and accept what they are sent."""
    with killable() as first, killable(of=first) as second, in_thread() as graph:
        ask(first, f"alter system set synchronous_standby_names = 'ANY 1 ({STANDBY})'", "select pg_reload_conf()")
        while ask(first, "select count(*) from pg_stat_replication where sync_state = 'quorum'") != [(1,)]:
            time.sleep(0.1)
        address = both_of(first, second, "quorum")
        with gateways(tmp_path, ("all", "all", "all"), address, graph.url) as running:
            shops = Shops(running, EVENTS)
            shops.start()
            shops.wait_for(EVENTS // 2)
            first.kill()
            second.promote()
            shops.wait_for(EVENTS)
            shops.end()
            require_all(shops, graph, running)
            assert all(one.running.poll() is None for one in running)


def test_a_standby_that_lacks_what_was_acknowledged_stops_each_gateway_with_what_is_missing(tmp_path):
    """Nobody waited for this one, and it was behind when the server was killed."""
    with killable() as first, killable(of=first) as second, in_thread() as graph:
        address = both_of(first, second, "behind")
        with gateways(tmp_path, ("collect", "collect"), address, graph.url) as running:
            shops = Shops(running, 200)
            shops.start()
            shops.wait_for(60)
            second.kill()
            shops.wait_for(200)
            shops.end()
            first.kill()
            second.start()
            second.promote()
            deadline = time.monotonic() + PATIENCE_S
            while any(one.running.poll() is None for one in running):
                assert time.monotonic() < deadline, [one.log() for one in running]
                time.sleep(0.1)
            for one in running:
                assert one.running.returncode
                assert "are missing" in one.log()
                checked = one.verify()
                assert checked.returncode
                assert "are missing" in checked.stdout
