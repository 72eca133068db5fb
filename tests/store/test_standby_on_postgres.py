"""Two PostgreSQL servers, one of them the other's standby, and gateways that know both: the first is killed, the second takes over.

With a quorum that a commit waits for nothing that was acknowledged is lost. Without one something can be, and then each gateway
stops with what is missing instead of going on.
"""

from __future__ import annotations

import contextlib
import http.client
import time

import psycopg
import pytest
from several_gateways import LONG, PATIENCE_S, Process, Shops, gateways, require_all

from tests.facts.postgres import STANDBY, Server, killable
from tests.fakes.graph import in_thread
from twofold.store.postgres.vitals import vitals

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


def health_word(port: int) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().read().decode().strip()


def until_healthy(one: Process, word: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (said := health_word(one.port)) != word:
        assert time.monotonic() < deadline, f"/health says {said}"
        time.sleep(0.1)


def test_while_the_standby_is_gone_senders_are_told_to_send_again_and_health_says_it(tmp_path):
    """Nothing is acknowledged that is on one disk only. What nobody acknowledged is taken once the standby is back."""
    with killable() as first, killable(of=first) as second, in_thread() as graph:
        ask(first, f"alter system set synchronous_standby_names = 'ANY 1 ({STANDBY})'", "select pg_reload_conf()")
        while ask(first, "select count(*) from pg_stat_replication where sync_state = 'quorum'") != [(1,)]:
            time.sleep(0.1)
        address = both_of(first, second, "gone")
        with gateways(tmp_path, ("all", "all"), address, graph.url) as running:
            found = vitals(address)
            assert found["problems"] == []
            assert [(s["name"], s["state"], s["sync"]) for s in found["standbys"]] == [(STANDBY, "streaming", "quorum")]
            shops = Shops(running, 100, clients=2)
            shops.start()
            shops.wait_for(20)
            second.kill()
            for one in running:
                until_healthy(one, "stuck")
            found = vitals(address)
            assert found["standbys"] == []
            assert found["commits_waiting"]["count"]
            assert "start" in found["problems"][0]
            refused, acknowledged = shops.answers[503], len(shops.acknowledged)
            while shops.answers[503] < refused + 10:
                time.sleep(0.1)
            assert len(shops.acknowledged) == acknowledged < 100
            second.start()
            shops.wait_for(100)
            shops.end()
            for one in running:
                until_healthy(one, "ok")
            require_all(shops, graph, running)
            ask(first, "alter system set synchronous_standby_names = ''", "select pg_reload_conf()")
            for one in running:  # what is acknowledged from now on is on one disk only: no reason to send nobody here
                until_healthy(one, "degraded")


def test_a_standby_that_follows_without_being_waited_for_replaces_none_that_is(tmp_path):
    """Commits wait for another, which is gone; this one streams, as the server says, `async`."""
    with killable() as first, killable(of=first) as second:
        address = both_of(first, second, "beside")
        ask(first, "alter system set synchronous_standby_names = 'FIRST 1 (another)'", "select pg_reload_conf()")
        following = "select 1 from pg_stat_replication where state = 'streaming' and sync_state = 'async'"
        while ask(first, "show synchronous_standby_names") == [("",)] or ask(first, following) != [(1,)]:
            time.sleep(0.1)
        found = vitals(address)
        assert [(s["name"], s["sync"]) for s in found["standbys"]] == [(STANDBY, "async")]
        (said,) = found["problems"]
        assert "commits wait for 1 of the standbys FIRST 1 (another), and 0 follow" in said
