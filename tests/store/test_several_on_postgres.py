"""Gateways as processes on one PostgreSQL database: any of them may be killed at any moment, and the server too. `TWOFOLD_LONG=1`
sends 20,000 events and kills more often.
"""

from __future__ import annotations

import random
import time

import pytest
from several_gateways import LONG, Shops, gateways, require_all

from tests.facts.postgres import Server, killable
from tests.fakes.graph import in_thread

pytestmark = [pytest.mark.postgres, pytest.mark.process]

EVENTS = 20_000 if LONG else 1_200
KILLS = 12 if LONG else 3


@pytest.fixture(scope="module")
def server():
    """One that may be killed."""
    with killable() as one:
        yield one


def address_of_new(server: Server, name: str) -> str:
    """A database of its own for each test."""
    import psycopg

    with psycopg.connect(server.address, autocommit=True) as db:
        db.execute(f"create database {name} template template0 encoding 'UTF8'")
    return server.address.rpartition("/")[0] + f"/{name}"


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("roles", [("all", "all"), ("collect", "collect", "deliver", "deliver"), ("all", "all", "all")])
def test_whichever_gateway_is_killed_nothing_is_lost_or_sent_under_two_ids(server, tmp_path, roles):
    """Each order is told twice, under two ids, to two gateways at about the same moment, by eight clients that send again elsewhere
    what nobody acknowledged. Gateways are killed by SIGKILL and started again; at last the server is killed, too."""
    chance = random.Random(len(roles))
    address = address_of_new(server, f"several_{'_'.join(roles)}")
    with in_thread() as graph, gateways(tmp_path, roles, address, graph.url) as running:
        shops = Shops(running, EVENTS)
        shops.start()
        for n in range(KILLS):
            shops.wait_for(EVENTS * (n + 1) // (KILLS + 2))
            one = chance.choice(running)
            one.kill()
            one.start()
        shops.wait_for(EVENTS * (KILLS + 1) // (KILLS + 2))
        server.kill()
        time.sleep(0.5)
        server.start()
        shops.wait_for(EVENTS)
        shops.end()
        require_all(shops, graph, running)
        assert all(one.running.poll() is None for one in running)
