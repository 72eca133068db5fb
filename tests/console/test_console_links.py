"""Links that show one page, and people whom a proxy knows: who sees what, until when, and who is not believed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from running_console import PASSWORD, Client, Running, configuration

from twofold.config import load_settings
from twofold.console.access.register import FILE, Register
from twofold.console.access.roles import Role
from twofold.errors import ConfigError

HEADER = {"x-forwarded-user": "nino@shop.example"}


def folder_of(filled: Path, made: Path, more: str = "") -> Path:
    shutil.copytree(
        filled.parent / "data", made / "data", ignore=shutil.ignore_patterns("console.db*", "lock", "*.sock")
    )
    config = configuration(made)
    config.write_text(config.read_text().replace("[console]\n", f"[console]\n{more}"), encoding="utf-8")
    return config


@pytest.fixture(scope="module")
def console(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = folder_of(filled, tmp_path_factory.mktemp("links"))
    running = Running(config.parent / "data", config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(console: Running) -> Client:
    return console.owner()


def shared(client: Client, path: str, query: str = "", days: str = "7") -> str:
    answer = client.post("/share", {"csrf": client.csrf(), "path": path, "query": query, "days": days})
    found = re.search(r"/console(/shared/[\w-]+)", answer.text)
    assert found, answer.text
    return found[1]


@pytest.mark.process
def test_a_link_shows_one_page_and_nothing_else(console: Running, owner: Client) -> None:
    """With its query; without forms, ways to other pages, a session, or what is for machines."""
    link = shared(owner, "/orders", "period=today&fate=test&language=ka")
    assert "shared a page <small>/orders</small>" in owner.get("/people?language=en").text
    guest = console.browser()
    page = guest.get(link)
    assert page.status == 200
    assert "5003" in page.text
    assert "5001" not in page.text  # another fate
    assert "Mugs &amp; more" in page.text
    assert "Shared by nino until" in page.text
    assert 'method="post"' not in page.text
    assert "<nav" not in page.text
    assert guest.cookie == ""
    assert guest.get("/orders").status == 401
    for path in (f"{link}.json", f"{link}x", "/shared/", link.replace("/shared/", "/join/")):
        assert guest.get(path).status == 401, path
    assert guest.post(link, {}).status == 401


@pytest.mark.process
def test_no_more_is_shown_than_its_maker_sees(console: Running, owner: Client) -> None:
    """A buyer shares no money, and nobody payloads, people or the way to change anything."""
    buyer = console.person(owner, "buyer")
    for client, path in (
        (buyer, "/chain"),
        (buyer, "/engine-room"),
        (owner, "/people"),
        (owner, "/deliveries/{number}"),
        (owner, "/x"),
    ):
        answer = client.post("/share", {"csrf": client.csrf(), "path": path, "query": "", "days": "7"})
        assert answer.status == 409, path
    assert owner.post("/share", {"csrf": owner.csrf(), "path": "/today", "query": "", "days": "365"}).status == 409
    assert owner.post("/share", {"csrf": "wrong", "path": "/today", "query": "", "days": "7"}).status == 403
    page = console.browser().get(shared(owner, "/refused")).text
    assert "<pre" not in page
    day = shared(buyer, "/day")
    assert console.browser().get(day).status == 200
    assert owner.post("/people/2/end", {"csrf": owner.csrf(), "password": PASSWORD}).status == 303
    assert console.browser().get(day).status == 401  # whoever made it may see nothing any more


@pytest.mark.process
def test_a_page_that_somebody_may_not_share_says_why(console: Running, owner: Client) -> None:
    """Where others of the shop could: a buyer reads *Campaigns*, and a buyer's link shows no money."""
    buyer = console.person(owner, "buyer")
    why, offered = "This page has no link of yours to share", "Share this page"
    for client, path, has in (
        (buyer, "/customers", why),
        (buyer, "/today", offered),
        (owner, "/customers", offered),
        (owner, "/rights", ""),
    ):
        text = client.get(path).text
        assert [one for one in (why, offered) if one in text] == ([has] if has else []), (path, has)


@pytest.mark.process
def test_another_language_keeps_what_the_page_is_asked(console: Running, owner: Client) -> None:
    """Period and filters stay: the same page is read in the other language, not the page's beginning."""
    text = owner.get("/orders?period=today&fate=test&language=en").text
    found = re.search(r'href="(\?[^"]*language=ka)"', text)
    assert found, text
    other = owner.get("/orders" + found[1].replace("&amp;", "&")).text
    assert "5003" in other
    assert "5001" not in other  # another fate
    assert 'lang="ka"' in other


@pytest.mark.process
def test_a_link_ends(console: Running, owner: Client) -> None:
    """By its maker, and by its day."""
    first, second = shared(owner, "/today"), shared(owner, "/events", days="1")
    numbers = re.findall(r"/console/share/(\d+)/end", owner.get("/account").text)
    assert console.browser().get(second).status == 200
    assert owner.post(f"/share/{numbers[0]}/end", {"csrf": owner.csrf()}).status == 303
    assert console.browser().get(second).status == 401
    assert console.browser().get(first).status == 200
    db = apsw.Connection(str(console.folder / FILE))
    db.execute("update share set expires_at = 1")
    db.close()
    assert console.browser().get(first).status == 401


def test_links_of_others_are_ended_by_an_owner_only(tmp_path: Path) -> None:
    from twofold.console.access.register import Refused

    register, now = Register(tmp_path), 1_800_000_000
    owner = register.take_link(register.first_link(now) or "", "nino", PASSWORD, now)
    buyer = register.take_link(register.invite(Role.BUYER, owner, now), "gio", PASSWORD, now)
    token = register.share("/today", "", owner, now + 100, now)
    found = register.shared(token, now)
    assert found is not None
    assert register.shared(token, now + 100) is None
    assert register.shares(buyer, now) == []
    with pytest.raises(Refused):
        register.end_share(found.id, buyer, now)
    register.end_share(found.id, owner, now)
    assert register.shared(token, now) is None
    assert token.encode() not in b"".join(p.read_bytes() for p in tmp_path.glob(f"{FILE}*"))
    register.close()


@pytest.mark.process
@pytest.mark.parametrize(("trusted", "believed"), [("127.0.0.0/8", True), ("10.0.0.5", False)])
def test_a_proxy_s_word_is_enough_from_its_address_only(
    filled: Path, tmp_path: Path, trusted: str, believed: bool
) -> None:
    """Who comes in by the first link through it is known from then on; from any other address nothing of it is believed."""
    config = folder_of(filled, tmp_path, f'identity_header = "X-Forwarded-User"\nidentity_from = ["{trusted}"]\n')
    running = Running(config.parent / "data", config)
    try:
        first = running.browser()
        path = running.told["link"].partition("/console")[2]
        form = {"name": "nino", "password": PASSWORD}
        assert first.post(path, form, **HEADER).status == 303
        other = running.browser()
        answer = other.get("/orders?period=today", **HEADER)
        assert answer.status == (303 if believed else 401)
        if believed:
            assert answer.headers["location"] == "/console/orders?period=today"
            assert other.get("/orders?period=today", **HEADER).status == 200
            assert running.browser().get("//evil.example/x", **HEADER).headers["location"].startswith("/console/")
            # Another person at the proxy is not the one of this browser's session.
            assert other.get("/today", **{"x-forwarded-user": "somebody.else"}).status == 401
            twice = running.browser().ask("GET", "/console/today", None, **{"x-forwarded-user": ""})
            assert twice.status == 401
            kept = b"".join(p.read_bytes() for p in (config.parent / "data").glob(f"{FILE}*"))
            assert b"nino@shop.example" not in kept
        assert running.browser().get("/today", **{"x-forwarded-user": "nobody@shop.example"}).status == 401
        assert running.browser().get("/today").status == 401
    finally:
        running.stop()


@pytest.mark.parametrize(
    "lines",
    [
        'identity_header = "X-User"',
        'identity_from = ["10.0.0.5"]',
        'identity_header = "X-User"\nidentity_from = ["proxy"]',
    ],
)
def test_a_header_that_anybody_could_write_is_refused(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "twofold.toml"
    path.write_text(f"[console]\n{lines}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="identity"):
        load_settings(path)
