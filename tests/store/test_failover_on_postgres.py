"""A primary is killed while a person is being erased, another withdraws, and a folder is being moved into a database of it: what was
acknowledged holds on the standby that takes over, what was not is said to be so, and the same command does it afterwards.

Each of the three is held up at a table of its own, so the server is killed in the middle of it on every machine. The withdrawal is told
to a gateway of its own: in one transaction with the erasure it would be held up by that. Only what runs while the server is killed is
a process; every other command runs in this one, because to start it costs more than what it does.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, closing
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from copies import NOW, copy
from several_gateways import DATASET, KEY, PATIENCE_S, Process, gateways, settings_text
from test_standby_on_postgres import ask, both_of

from tests.command_line import invoke
from tests.facts.postgres import STANDBY, Server, killable
from tests.fakes.graph import in_thread
from tests.ports import free_port
from twofold.store.opened.routes import Route
from twofold.store.postgres.transfer import ServerSide
from twofold.store.store import Store

pytestmark = [pytest.mark.postgres, pytest.mark.process, pytest.mark.timeout(1_200)]

SAID_NO, SAYS_NO = "said-no@example.com", "says-no@example.com"
ERASED, IN_ERASURE = "erased@example.com", "in-erasure@example.com"
EVERYBODY = (SAID_NO, SAYS_NO, ERASED, IN_ERASURE)
MOVED = 300
"""Events in the folder that is moved."""
CANNOT, WITHDRAWN = 3, 1
"""Exit codes: of a store that cannot be reached, and of `consent show` for somebody who withdrew."""
WAITS = "select 1 from pg_locks where not granted and relation = 'twofold.{}'::regclass"


class Killed:
    """Exit code and words of each command: told before the kill, or in the middle of it; and whom to ask afterwards."""

    gateway: Process
    other: Process
    second: Server
    moving: Path
    said_no: tuple[int, str]
    says_no: tuple[int, str]
    erased: tuple[int, str]
    in_erasure: tuple[int, str]
    moved: tuple[int, str]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("failover")
    fill(folder / "source")
    with ExitStack() as stack:
        first = stack.enter_context(killable())
        second = stack.enter_context(killable(of=first))
        graph = stack.enter_context(in_thread())
        ask(first, f"alter system set synchronous_standby_names = 'ANY 1 ({STANDBY})'", "select pg_reload_conf()")
        until(first, "postgres", "select 1 from pg_stat_replication where sync_state = 'quorum'")
        gateway, other = stack.enter_context(
            gateways(folder, ("all", "all"), both_of(first, second, "middle"), graph.url)
        )
        found = Killed()
        found.gateway, found.other, found.second, found.moving = gateway, other, second, folder / "moving.toml"
        found.moving.write_text(settings_text(free_port(), both_of(first, second, "moved"), graph.url))
        with closing(ServerSide(at(first, "moved"))) as side:
            side.make()
        for email in EVERYBODY:
            assert sold(gateway, email) == 200
        found.said_no = ran(gateway.config, "consent", "withdraw", "--email", SAID_NO)
        found.erased = ran(gateway.config, "erase", "--email", ERASED, "--yes")

        hold(stack, first, "moved", "event")
        hold(stack, first, "middle", "redaction")
        erasing = begun(stack, gateway.config, "erase", "--email", IN_ERASURE, "--yes")
        until(first, "middle", WAITS.format("redaction"))
        hold(stack, first, "middle", "withdrawal")
        withdrawing = begun(stack, other.config, "consent", "withdraw", "--email", SAYS_NO)
        moving = begun(stack, found.moving, "move", "--from", str(folder / "source"))
        until(first, "middle", WAITS.format("withdrawal"))
        until(first, "moved", WAITS.format("event"))
        first.kill()
        second.promote()
        found.says_no, found.in_erasure, found.moved = ended(withdrawing), ended(erasing), ended(moving)
        yield found


def fill(folder: Path) -> None:
    """What a shop with one gateway has."""

    async def work() -> None:
        store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=NOW)
        store.start()
        await store.append([copy(f"e{n}", at=NOW + n) for n in range(MOVED)])
        await store.close()

    asyncio.run(work())


def at(server: Server, database: str) -> str:
    return f"{server.address.rpartition('/')[0]}/{database}"


def until(server: Server, database: str, question: str) -> None:
    """Until the answer has a row."""
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(at(server, database), autocommit=True) as db:
        while not db.execute(question).fetchall():
            assert time.monotonic() < deadline, question
            time.sleep(0.01)


def hold(stack: ExitStack, server: Server, database: str, table: str) -> None:
    """Nobody writes to the table until the server is killed."""
    db = stack.enter_context(closing(psycopg.connect(at(server, database))))
    db.execute(f"lock table twofold.{table} in exclusive mode")


def begun(stack: ExitStack, config: Path, *words: str) -> subprocess.Popen[str]:
    """A command that nobody waits for yet, and that outlives no failure."""
    running = subprocess.Popen(
        [sys.executable, "-m", "twofold", *words, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=config.parent, env=Process.environ(Path(__file__).parents[2]),
    )  # fmt: skip

    def end() -> None:
        if running.poll() is None:
            running.kill()
            running.communicate()

    stack.callback(end)
    return running


def ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = running.communicate(timeout=PATIENCE_S)
    return running.returncode, said


def ran(config: Path, *words: str) -> tuple[int, str]:
    """A command's exit code, and what it says; an error's words last."""
    with chdir(config.parent):
        done = invoke([*words, "--config", str(config)])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def told(config: Path, *words: str) -> str:
    """What a command says that ends well."""
    code, said = ran(config, *words)
    assert code == 0, said
    return said


def until_told(config: Path, *words: str) -> None:
    """As a person does who is told that the database is away: the same command again until it ends well."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, said = ran(config, *words)
        if code == 0:
            return
        assert "connection to the database is lost" in said or "the same moment" in said, said
        assert time.monotonic() < deadline, said
        time.sleep(0.5)


def sold(gateway: Process, email: str) -> int:
    """A Purchase of this person's, as a shop's server tells it."""
    event = {
        "event_name": "Purchase", "event_time": int(time.time()), "action_source": "website", "event_id": f"of-{EVERYBODY.index(email)}",
        "user_data": {"em": [sha256(email.encode()).hexdigest()]},
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": f"order-{EVERYBODY.index(email)}"},
    }  # fmt: skip
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)) as connection:
        connection.request("POST", f"/v25.0/{DATASET}/events?access_token={KEY}", json.dumps({"data": [event]}))
        return connection.getresponse().status


def events_of(config: Path) -> list[str]:
    """The journal's events, one a line."""
    said = told(config, "events", "--json", "--limit", "0")
    return [line for line in said.splitlines() if line.startswith("{")]


def require_honest(answer: tuple[int, str]) -> None:
    """That it is not done is said in a sentence, and with the exit code of what can be tried again. Which sentence depends on how
    long the machine took: the server was lost, or before that somebody held the table for too long."""
    code, said = answer
    assert (code, said.strip().startswith("twofold: ")) == (CANNOT, True), said
    assert "Traceback" not in said


def require_withdrawn(gateway: Process, email: str) -> None:
    code, said = ran(gateway.config, "consent", "show", "--email", email)
    assert (code, "withdrawn since" in said) == (WITHDRAWN, True), said


def test_a_withdrawal_that_was_told_stands_and_the_other_is_told_again(killed):
    assert killed.said_no[0] == 0, killed.said_no
    require_withdrawn(killed.gateway, SAID_NO)
    require_honest(killed.says_no)
    until_told(killed.other.config, "consent", "withdraw", "--email", SAYS_NO)
    require_withdrawn(killed.gateway, SAYS_NO)


def test_an_erasure_with_a_receipt_stands_and_the_other_goes_on_by_itself(killed):
    """Whoever asked for the second is told so. Nobody asks again, and nothing of either person is found any more; the sums hold."""
    assert killed.erased[0] == 0, killed.erased
    require_honest(killed.in_erasure)
    assert "goes on by itself" in killed.in_erasure[1]
    until(killed.second, "middle", "select 1 from twofold.erasure where state = 'done' having count(*) = 2")
    kept = events_of(killed.gateway.config)
    assert len(kept) == len(EVERYBODY)
    for email in EVERYBODY:
        _, said = ran(killed.gateway.config, "erase", "--email", email, "--dry-run", "--json")
        assert ("nobody of that name is here" in said) == (email in (ERASED, IN_ERASURE)), said
    told(killed.gateway.config, "verify", "--full")


def test_a_move_has_never_been_and_is_done_by_the_same_command(killed):
    require_honest(killed.moved)
    words = ("move", "--from", str(killed.moving.parent / "source"))
    told(killed.moving, *words)
    assert len(events_of(killed.moving)) == MOVED
    told(killed.moving, "verify", "--full")
