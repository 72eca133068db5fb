"""The console as somebody sees it who wants in: addresses, numbers, tries side by side, other people's sessions, tables."""

from __future__ import annotations

import csv
import io
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest
from running_console import PASSWORD, Client, Running, configuration

from twofold.console.access.register import IDLE_S, TRIES, Refused, Register, Throttled
from twofold.console.answers import _cell
from twofold.console.stream import MOST_STREAMS
from twofold.privacy.audit_log import check_log

NOW = 1_800_000_000
NAMED = "console.shop.example"


@pytest.fixture(scope="module")
def folder(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("attacked")
    shutil.copytree(
        filled.parent / "data", made / "data", ignore=shutil.ignore_patterns("console.db*", "lock", "*.sock")
    )
    config = configuration(made)
    config.write_text(config.read_text().replace("[console]\n", f'[console]\nhosts = ["{NAMED}"]\n'), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def attacked(folder: Path) -> Iterator[Running]:
    running = Running(folder / "data", folder / "twofold.toml")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(attacked: Running) -> Client:
    return attacked.owner()


LONG = "1" * 5_000
ASKED = [
    ("TRACE", "/today"), ("PROPFIND", "/people/invite"), ("DELETE", "/orders"), ("GET", "/people/invite"), ("PUT", "/login/x"),
    ("POST", f"/people/{LONG}/role"), ("POST", f"/deliveries/{LONG}/again"), ("GET", f"/deliveries/{LONG}"), ("GET", "/static/secrets"),
    ("GET", "/static/console.css/x"), ("GET", "/join/"), ("GET", "/live/stream"), ("POST", "/account/password"), ("OPTIONS", "/today"),
]  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize(("method", "path"), ASKED)
def test_a_stranger_cannot_tell_which_addresses_there_are(attacked: Running, method: str, path: str) -> None:
    """Whatever is asked in whichever way: the same status, the same words, the same headers."""
    stranger = attacked.browser()
    nothing, answer = stranger.ask(method, "/console/no-such"), stranger.ask(method, f"/console{path}")
    assert answer.status == 401
    assert answer.text == nothing.text
    assert {k: v for k, v in answer.headers.items() if k != "date"} == {
        k: v for k, v in nothing.headers.items() if k != "date"
    }


@pytest.mark.process
@pytest.mark.parametrize("number", [LONG, "9" * 20, str(2**63), "-1", "٣", "0", "x"])
def test_a_number_that_is_none_breaks_nothing(owner: Client, number: str) -> None:
    from urllib.parse import quote

    given = {"csrf": owner.csrf(), "role": "buyer", "password": PASSWORD}
    assert owner.post(f"/people/{quote(number)}/role", given).status == 409
    assert owner.post(f"/people/{quote(number)}/end", given).status == 409
    assert owner.post(f"/deliveries/{quote(number)}/again", given).status == 303
    assert owner.get(f"/deliveries/{quote(number)}").status == 404


@pytest.mark.process
@pytest.mark.parametrize("secret", ["!!!", "é", "A" * 15, "a" * 32, "A" * 500])
def test_a_secret_that_is_none(owner: Client, secret: str) -> None:
    given = {"csrf": owner.csrf(), "secret": secret, "code": "123456", "password": PASSWORD}
    assert owner.post("/account/code", given).status == 409


@pytest.mark.process
def test_a_session_is_never_the_visitor_s_choice(attacked: Running, owner: Client) -> None:
    """A cookie that somebody else put there is not taken over, and the browser's own session ends when it logs in again."""
    chosen = "__Host-twofold=chosen-by-somebody-else"
    victim = attacked.browser()
    victim.cookie = chosen
    assert victim.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    first = victim.cookie
    assert first != chosen
    assert victim.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    for cookie, status in ((chosen, 401), (first, 401), (victim.cookie, 200)):
        browser = attacked.browser()
        browser.cookie = cookie
        assert browser.get("/account").status == status


@pytest.mark.process
def test_an_open_browser_gives_nobody_a_role(owner: Client) -> None:
    """An invitation is a role for whoever has the link."""
    given = {"csrf": owner.csrf(), "role": "owner"}
    assert owner.post("/people/invite", given).status == 409
    assert "/join/" in owner.post("/people/invite", {**given, "password": PASSWORD}).text


@pytest.mark.process
def test_links_go_over_tls_behind_a_proxy(attacked: Running, owner: Client) -> None:
    """And name the host that was asked for; on the machine itself there is no TLS."""
    given = {"csrf": owner.csrf(), "role": "buyer", "password": PASSWORD}
    assert f"https://{NAMED}/console/join/" in owner.post("/people/invite", given, host=NAMED).text
    assert f"http://127.0.0.1:{attacked.port}/console/join/" in owner.post("/people/invite", given).text


@pytest.mark.process
def test_what_is_changed_stands_in_the_chained_log(owner: Client, folder: Path) -> None:
    assert owner.post("/people/invite", {"csrf": owner.csrf(), "role": "auditor", "password": PASSWORD}).status == 200
    db = apsw.Connection(str(folder / "data" / "twofold.db"), flags=apsw.SQLITE_OPEN_READONLY)
    kinds = [(kind, msgspec.json.decode(str(facts))) for _, _, kind, facts, _ in db.execute("select * from audit")]
    assert ("console", {"what": "invited", "role": "auditor", "by": "nino"}) in kinds
    assert all(left == right for _, left, right, _ in check_log(db))
    db.close()


@pytest.mark.process
def test_streams_of_a_session_are_few(attacked: Running, owner: Client) -> None:
    """One person cannot take the places of all others."""
    import http.client

    held = []
    statuses = []
    for _ in range(MOST_STREAMS + 2):
        connection = http.client.HTTPConnection("127.0.0.1", attacked.port, timeout=60)
        connection.request("GET", "/console/live/stream?after=0", headers={"cookie": owner.cookie})
        answer = connection.getresponse()
        if answer.status == 200:
            answer.readline()  # it has begun
        statuses.append(answer.status)
        held.append(connection)
    for connection in held:
        connection.close()
    assert Counter(statuses) == {200: MOST_STREAMS, 429: 2}
    assert owner.get("/account").status == 200


def test_tries_side_by_side_are_tries(tmp_path: Path) -> None:
    """Thirty at once are not thirty tries."""
    register = Register(tmp_path)
    register.take_link(register.first_link(NOW) or "", "nino", PASSWORD, NOW)
    said: Counter[type] = Counter()

    def guess(number: int) -> None:
        try:
            register.log_in("nino", f"wrong wrong {number}", "", "192.0.2.1", NOW)
        except Refused as err:
            said[type(err)] += 1

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {Refused: TRIES, Throttled: 30 - TRIES}
    register.close()


def test_a_page_that_stands_open_is_nobody_s_presence(tmp_path: Path) -> None:
    """Live goes on by itself: its session ends all the same when nobody has loaded a page."""
    register = Register(tmp_path)
    person = register.take_link(register.first_link(NOW) or "", "nino", PASSWORD, NOW)
    token, _ = register.begin(person, NOW)
    for at in range(NOW, NOW + IDLE_S + 1, 60):
        assert register.session_of(token, at, seen=False)
    assert register.session_of(token, NOW + IDLE_S + 1, seen=False) is None
    register.close()


def test_names_that_look_alike_are_one(tmp_path: Path) -> None:
    """The log says who did it by the name."""
    register = Register(tmp_path)
    owner = register.take_link(register.first_link(NOW) or "", "nino", PASSWORD, NOW)
    from twofold.console.access.roles import Role

    for name in ("NINO", "Nino", " nino "):
        with pytest.raises(Refused, match="has this name"):
            register.take_link(register.invite(Role.BUYER, owner, NOW), name, PASSWORD, NOW)
    register.close()


FORMULAS = ("=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "＋1", "－1", "＠SUM(1)", "=cmd|' /C calc'!A0",
            "a;=1+1", "a;\t@SUM(1)", "a\t=1", "a|=1", '";=1;"', "a; ＝1")  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    """Whichever sign a spreadsheet parts its columns by."""
    out = io.StringIO()
    csv.writer(out).writerow([_cell(text)])
    for cell in re.split(r"[;\t|\r\n]", out.getvalue()):
        assert not cell.strip(' "').startswith(tuple("=+-@＝＋－＠")), out.getvalue()
    assert [_cell(v) for v in (-5, 2.5, "-129.90", "a-b", None, True)] == ["-5", "2.5", "-129.90", "a-b", "", "true"]
