"""Who may open what: every address by every role, and what a change must show before it is made."""

from __future__ import annotations

import html
import http.client
import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from running_console import PASSWORD, Answer, Client, Running
from starlette.routing import Route

from twofold.config import load_settings
from twofold.console.access.register import Register
from twofold.console.access.roles import RIGHTS, Right, Role
from twofold.console.acts.table import ACTS
from twofold.console.answers import OLD_FORM
from twofold.console.app import Console
from twofold.console.pages import PAGES

WHICH = {"{name}": "console", "{order:path}": "5001", "{number}": "256", "{code}": "XYZ", "{token}": "nothing", "/chain/orders": "/chain/orders?term=link:placed", "/campaigns/orders": "/campaigns/orders?group=channel:direct",
         "/senders/copies": "/senders/copies?event=PageView&sender=api"}  # fmt: skip


MAY_LACK = (
    "/matching/one",
    "/imports/file/nothing",
    "/deliveries/256",
    "/actions/256",
    "/test-purchase/XYZ",
    "/acceptance/XYZ",
)
"""There may be none of this number, which is said to who may see the others."""


def address_of(path: str) -> str:
    for part, value in WHICH.items():
        path = path.replace(part, value)
    return path


SEEN_BY: dict[Right, tuple[str, ...]] = {
    Right.SIGNAL: (
        "/today", "/what-to-do", "/events", "/orders", "/orders/{order:path}", "/actions/{number}", "/deliveries", "/deliveries/{number}",
        "/refused", "/live", "/match-quality", "/senders", "/senders/copies", "/audiences", "/decisions", "/signal-worth", "/start",
        "/docs", "/docs/{name}",
    ),
    Right.REPLAY: ("/deliveries/given-up",),
    Right.TEST: ("/test-purchase", "/test-purchase/{code}", "/acceptance", "/acceptance/{code}"),
    Right.MONEY: ("/chain", "/chain/orders", "/cash", "/matching", "/matching/one", "/imports"),
    Right.BOOKS: ("/imports/file/{token}",),
    Right.DAY: ("/day",),
    Right.CAMPAIGNS: ("/campaigns", "/campaigns/orders", "/customers"),
    Right.SETUP: ("/engine-room", "/engine-room/restore", "/rights"),
}  # fmt: skip
"""By hand, from what stands on each page: money for who may see money, files of a bank for who keeps the books."""
READING = [(address_of(path), right) for right, paths in SEEN_BY.items() for path in paths]
CHANGING = [
    ("/people/invite", Right.PEOPLE), ("/people/1/role", Right.PEOPLE), ("/people/1/end", Right.PEOPLE),
    ("/deliveries/256/again", Right.REPLAY), ("/deliveries/again", Right.REPLAY),
    ("/what-to-do/say", Right.DECIDE), ("/senders/owner", Right.DECIDE), ("/senders/expect", Right.DECIDE), ("/match-quality/figure", Right.DECIDE),
    ("/engine-room/doctor", Right.REPLAY), ("/decisions/new", Right.DECIDE), ("/decisions/1/outcome", Right.DECIDE),
    ("/matching/say", Right.BOOKS), ("/imports/drop", Right.BOOKS),
    ("/rights/look", Right.ERASE), ("/rights/erase", Right.ERASE), ("/rights/1/erase", Right.ERASE),
    ("/engine-room/secret", Right.SECRETS), ("/engine-room/restore", Right.RESTORE),
    *((f"/imports/file/nothing/{act}", Right.BOOKS) for act in ("read", "keep", "away")), ("/test-purchase/start", Right.TEST), ("/test-purchase/XYZ/keep", Right.TEST),
    ("/acceptance/start", Right.TEST), ("/acceptance/XYZ/tick", Right.TEST), ("/acceptance/XYZ/show", Right.TEST),
    ("/acceptance/XYZ/overrule", Right.SIGN), ("/acceptance/XYZ/sign", Right.SIGN),
]  # fmt: skip


def test_every_act_is_tried() -> None:
    """None can be added without its right being tried by each role."""
    tried = dict(CHANGING)
    for path, right, _ in ACTS:
        assert tried.get(address_of(path.replace("{number}", "1"))) == right, path


def test_every_page_is_for_whom_it_is_meant() -> None:
    """Each page stands in the list above under the right that its figures need: a new one has to be thought of."""
    assert sorted((page.path, page.right) for page in PAGES) == sorted(
        (path, right) for right, paths in SEEN_BY.items() for path in paths
    )


NEVER = {
    Role.BUYER: {Right.MONEY, Right.BOOKS, Right.PAYLOADS, Right.REPLAY, Right.SETUP, Right.SIGN},
    Role.DEVELOPER: {Right.MONEY, Right.BOOKS, Right.CAMPAIGNS, Right.DAY, Right.SIGN},
    Role.ACCOUNTANT: {Right.PAYLOADS, Right.REPLAY, Right.SETUP, Right.DECIDE, Right.TEST, Right.SIGN},
    Role.AUDITOR: {Right.BOOKS, Right.REPLAY, Right.DECIDE},
}
"""What each role is not to have, by hand: no money for whoever looks after the signal, no payloads for the books, no change but a test
and a signature for the auditor. What only an owner has stands below."""


def test_no_role_has_what_is_not_its_work() -> None:
    owners = {Right.PEOPLE, Right.ERASE, Right.RESTORE}
    for role, never in NEVER.items():
        assert not RIGHTS[role] & (never | owners), role
        assert (Right.SECRETS in RIGHTS[role]) == (role is Role.DEVELOPER), role
    assert RIGHTS[Role.OWNER] == frozenset(Right)


HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy")


@pytest.mark.process
def test_every_address_by_every_role(console: Running) -> None:
    """A role without the right gets the answer of an address that there is not, byte for byte but for the address."""
    owner = console.owner()
    browsers = {Role.OWNER: owner, **{r: console.person(owner, r) for r in Role if r is not Role.OWNER}}
    for role, browser in browsers.items():
        missing = browser.get("/no-such-page")
        assert missing.status == 404
        for path, right in [*READING, ("/people", Right.PEOPLE)]:
            answer = browser.get(path)
            if right in RIGHTS[role]:
                assert answer.status == 200 or (path in MAY_LACK and answer.status == 404), (role, path)
            else:
                bare, _, query = path.partition("?")
                for form in (path, f"{bare}.json?{query}", f"{bare}.csv?{query}"):
                    answer = browser.get(form)
                    assert (answer.status, answer.text) == (404, missing.text), (role, form)
        leads_on = "/console/test-purchase" in browser.get("/start").text  # nobody is led to what is not there for them
        assert leads_on == (Right.TEST in RIGHTS[role]), role
        for path, right in CHANGING:
            answer = browser.post(path, {"csrf": "wrong"})
            refused = 400 if path in ("/imports/drop", "/acceptance/XYZ/show") else 403  # which wants a file
            assert answer.status == (refused if right in RIGHTS[role] else 404), (role, path)


@pytest.mark.process
def test_without_a_login_nothing_is_told(console: Running) -> None:
    """Every address answers alike, whether there is such a page or not; the front does, too."""
    stranger = console.browser()
    first = stranger.get("/no-such-page")
    assert first.status == 401
    for path in [*(p for p, _ in READING), "/people", "/account", "/live/stream", "/orders.json", "/join/xyz", ""]:
        answer = stranger.get(path)
        assert (answer.status, answer.text) == (first.status, first.text), path
    assert "Mugs" not in first.text  # not even whose it is
    for path, _ in CHANGING:
        assert stranger.post(path, {}).status == 401


def carries_all(answer: Answer, path: str) -> None:
    """What a browser has to hold to, of every answer, whether it is a page, a file, a refusal or an error."""
    for name, value in CARRIED.items():
        if name == "cache-control" and path.startswith("/static/"):
            continue  # the same for everybody
        assert answer.headers.get(name) == value, (path, answer.status, name)
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert {name: policy.get(name) for name in POLICY} == POLICY, path
    assert "unsafe" not in answer.headers["content-security-policy"], path


CARRIED = {
    "x-content-type-options": "nosniff", "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}  # fmt: skip
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "require-trusted-types-for": "'script'",
}


@pytest.mark.process
def test_what_every_answer_carries(console: Running) -> None:
    owner = console.owner()
    for browser in (console.browser(), owner):
        reading = [path for path, _ in READING]
        for path in (
            *reading,
            *(f"{path}.csv" for path in reading),
            "/login",
            "/no-such-page",
            "/static/console.css",
            "/deliveries?state=foo",
        ):
            carries_all(browser.ask("GET", f"/console{path}"), path)
        for path, _ in CHANGING:
            carries_all(browser.post(path, {"csrf": "wrong"}), path)
    carries_all(console.browser().get("/today", host="attacker.example"), "of another name")
    cookie = owner.post("/login", {"name": "nino", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))


def logged_in_at(console: Running, came: str) -> str | None:
    """Where somebody lands whose browser says that the page to log in stood at ``came``."""
    form = {"name": "nino", "password": PASSWORD}
    return console.browser().post("/login", form, referer=came, host="localhost").headers["location"]


@pytest.mark.process
def test_whoever_comes_in_goes_on_at_the_address_they_asked_for(console: Running) -> None:
    """A session ends while somebody reads, or a link in a message leads to a page: the way on is not to be looked for."""
    console.owner()
    ours = "http://localhost/console"
    for path in ("/decisions", "/orders/5001?dataset=1001", "/chain/orders?term=link%3Aplaced&by="):
        assert logged_in_at(console, ours + path) == f"/console{path}"
    for came in ("", ours, f"{ours}/login", f"{ours}/join/abc", f"{ours}/shared/abc", f"{ours}//attacker.example", "http://[",
                 "https://attacker.example/console/decisions", "http://localhost/elsewhere", f"{ours}/..//attacker.example"):  # fmt: skip
        assert logged_in_at(console, came) == "/console/today", came


HOSTS = {
    "127.0.0.1": 401, "localhost": 401, "127.0.0.1:8402": 401, "LOCALHOST:1": 401, "[::1]:8402": 401, "shop.example": 421,
    "127.0.0.1.attacker.example": 421, "attacker.example:8402": 421, "": 421, "localhost.": 421, "127.0.0.2": 421,
    "[::1]attacker.example": 421, "localhost:80@attacker.example": 421, "localhost:http": 421, "user@localhost": 421, "localhost/x": 421,
    "0.0.0.0": 421, "2130706433": 421, "127.1": 421, "[::ffff:127.0.0.1]": 421, "localhost, attacker.example": 421,
}  # fmt: skip


@pytest.mark.process
def test_only_names_of_ours_are_answered(console: Running) -> None:
    """A page elsewhere that has its name point at the loopback reads nothing."""
    for host, status in HOSTS.items():
        assert console.browser().get("/today", host=host).status == status, host


@pytest.mark.process
def test_a_change_comes_from_our_own_pages(console: Running) -> None:
    owner = console.owner()
    csrf = owner.csrf()
    given = {"csrf": csrf, "role": "buyer", "password": PASSWORD}
    for headers in (
        {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"origin": "https://attacker.example"},
    ):  # fmt: skip
        assert owner.post("/people/invite", given, **headers).status == 403, headers
    other = console.browser()
    assert other.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    for wrong in ("", csrf[:-1], "é", csrf + "x", csrf.swapcase(), other.csrf()):  # also that of another session
        assert owner.post("/people/invite", {**given, "csrf": wrong}).status == 403
    assert owner.ask("GET", f"/console/people/invite?csrf={csrf}&role=buyer").status == 404  # reading never changes
    assert owner.post("/people/invite", given).status == 200


def routes_that_change(config: Path, folder: Path) -> list[str]:
    """Every address that takes a form, from the routes themselves; all but the one that every other address falls to."""
    with closing(Register(folder)) as register:
        console = Console(load_settings(config), register, lambda: 0, config)
        console.close()
    routes = [route for route in console.app.routes if isinstance(route, Route) and route.methods]
    taking = [route.path for route in routes if not (route.methods or set()) <= {"GET", "HEAD"}]
    assert taking.pop() == "/{rest:path}"
    return [path.removeprefix("/console") for path in taking]


WITH_A_FILE = ("/imports/drop", "/acceptance/{code}/show")
BEFORE_A_SESSION = ("/login", "/join/{token}")
FOREIGN: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
    {"origin": "https://attacker.example"}, {"origin": "https://attacker.example", "sec-fetch-site": "same-origin"},
    {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
)  # fmt: skip
"""What browsers say of a form that another site has sent: some its kind, some whence it comes, some neither."""
OURS = {"sec-fetch-site": "same-origin", "origin": "null"}


def sent(client: Client, path: str, form: dict[str, str], headers: dict[str, str]) -> Answer:
    """A form as a browser sends it, with a file where the address takes one."""
    kind, body = "application/x-www-form-urlencoded", urlencode(form)
    if path in WITH_A_FILE:
        kind, mark = "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name="
        fields = "".join(f'{mark}"{name}"\r\n\r\n{value}\r\n' for name, value in form.items())
        body = f'{fields}{mark}"file"; filename="a.csv"\r\n\r\na\r\n--b--\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    with closing(connection):
        more = {"cookie": client.cookie, "content-type": kind, **headers}
        connection.request("POST", f"/console{re.sub(r'{[^}]+}', '1', path)}", body, more)
        return Answer(connection.getresponse())


@pytest.mark.process
def test_no_address_takes_a_form_of_somebody_else_s_page(console: Running, filled: Path, tmp_path: Path) -> None:
    """Each that changes something, from the table of routes: without the session's token, with another's, from another site."""
    owner, other = console.owner(), console.browser()
    assert other.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    own, wrong = {"csrf": owner.csrf()}, ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": other.csrf()})
    within = [path for path in routes_that_change(filled, tmp_path) if path not in BEFORE_A_SESSION]
    assert len(within) > len(ACTS)
    for path in sorted(within, key="/logout".__eq__):  # which ends what the others are asked with
        refused = [sent(owner, path, form, OURS) for form in wrong]
        refused += [sent(owner, path, own, headers) for headers in FOREIGN]
        assert {answer.status for answer in refused} == {403}, path
        assert all(OLD_FORM in html.unescape(answer.text) for answer in refused), path
        assert sent(owner, path, own, OURS).status != 403, path  # so it was the form, and nothing else


@pytest.mark.process
def test_nobody_is_brought_in_from_another_site(console: Running) -> None:
    """There is no session yet, and so no token: whence the form comes is what counts, or a victim works in a stranger's name."""
    owner = console.owner()
    page = owner.post("/people/invite", {"csrf": owner.csrf(), "role": "buyer", "password": PASSWORD}).text
    found = re.search(r"/console(/join/[\w-]+)", page)
    assert found, page
    tried = {"/login": {"name": "nino", "password": PASSWORD}, found[1]: {"name": "gio", "password": PASSWORD}}
    for path, form in tried.items():
        for headers in FOREIGN:
            answer = sent(console.browser(), path, form, headers)
            assert (answer.status, "set-cookie" in answer.headers) == (403, False), (path, headers)
        assert sent(console.browser(), path, form, OURS).status == 303, path  # the link is still good, too


@pytest.mark.process
def test_roles_and_access_ask_for_the_password(console: Running) -> None:
    owner = console.owner()
    console.person(owner, "buyer")
    csrf = owner.csrf()
    assert owner.post("/people/2/role", {"csrf": csrf, "role": "auditor", "password": "wrong wrong"}).status == 409
    assert owner.post("/people/2/role", {"csrf": csrf, "role": "king", "password": PASSWORD}).status == 409
    assert owner.post("/people/2/role", {"csrf": csrf, "role": "auditor", "password": PASSWORD}).status == 303
    assert owner.post("/people/2/end", {"csrf": csrf, "password": PASSWORD}).status == 303
    assert owner.post("/people/1/end", {"csrf": csrf, "password": PASSWORD}).status == 409  # somebody stays owner


@pytest.mark.process
def test_a_form_without_a_password_is_no_try(console: Running) -> None:
    """Nobody guesses by sending none: it changes nothing, and whoever forgot it is not shut out; wrong ones still count."""
    owner = console.owner()
    given = {"csrf": owner.csrf(), "role": "buyer"}
    for empty in [{}, {"password": ""}] * 3:
        answer = owner.post("/people/invite", {**given, **empty})
        assert answer.status == 409
        assert "Your password is wanted for this" in answer.text
    assert owner.post("/people/invite", {**given, "password": PASSWORD}).status == 200
    wrong = [owner.post("/people/invite", {**given, "password": "wrong wrong"}).status for _ in range(6)]
    assert wrong == [409] * 5 + [429]
    assert owner.post("/people/invite", {**given, "password": PASSWORD}).status == 429


@pytest.mark.process
def test_two_browsers_one_logged_out(console: Running) -> None:
    """The other goes on; who is logged out sees nothing any more, also with the old cookie."""
    first = console.owner()
    second = console.browser()
    assert second.post("/login", {"name": "nino", "password": PASSWORD}).status == 303
    old = first.cookie
    assert first.post("/logout", {"csrf": first.csrf()}).status == 303
    first.cookie = old
    assert first.get("/today").status == 401
    assert second.get("/today").status == 200
