"""No word of a page is said past the catalogue.

Every page is made in a language whose catalogue brackets each text around its values, as ``⟦Orders of ⟧…``. What stands outside of
the brackets has to be data: a name that somebody gave, an id, a number, or a term that is the same in each language.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
import uvicorn
from running_console import PASSWORD, Answer, Client, trouble

from twofold.acceptance.run import require_day, require_text
from twofold.acceptance.seen.upload import taken
from twofold.clock import now_ms
from twofold.config import load_settings
from twofold.console import words
from twofold.console.access.register import Register
from twofold.console.app import Console
from twofold.console.pages import PAGES
from twofold.errors import TwofoldError
from twofold.setup.finding import do, look, ok
from twofold.simulate.world.folder import Written

LANGUAGE = "ka"  # months and units of it have no Latin letter
WHOLE = "period=2026-10-17..2026-11-27"
PATHS = (
    f"/today?{WHOLE}", "/today", "/what-to-do", "/events", f"/orders?{WHOLE}", "/deliveries", "/deliveries/given-up", "/refused", "/live", "/test-purchase",
    "/acceptance", "/match-quality", "/senders", "/audiences", "/decisions", "/signal-worth", f"/chain?{WHOLE}", f"/chain?view=booked&by=week&{WHOLE}",
    f"/chain/orders?term=link:shipped&{WHOLE}", "/cash", "/matching", "/day?day=2026-11-20", f"/campaigns?{WHOLE}", f"/campaigns?by=channel&{WHOLE}",
    f"/campaigns/orders?group=channel:direct&called=direct&{WHOLE}", "/customers", "/imports", "/start", "/engine-room", "/rights", "/docs", "/people", "/account", "/nowhere", "/orders?fate=foo",
)  # fmt: skip
FIRST_OF = {"/orders": 5, "/deliveries": 1, "/actions": 1}
"""Of these lists so many single pages are looked at, evenly taken."""
OF_TWO_SHOPS = """Twofold nino Mugs more Kitchen Home textiles new customers parcelway slowpost shopify_payments plugin-a plugin-b
crm meta-1001 Lead Viewcontent InitiateCheckout Purchase PageView img src onerror alert script al server browser Cash on Delivery COD
Bank Deposit confirmed bank_transfer card fate foo batch"""
SAME_EVERYWHERE = """Meta GA4 CRM HTTP JSON CSV UTC EUR EMQ English SMS IP Facebook opt_out fbc fbp async defer head Europe Berlin Asia
Tbilisi"""
DATA = frozenset(f"{OF_TWO_SHOPS} {SAME_EVERYWHERE}".split())
_BRACKETED = re.compile(r"⟦[^⟧]*(⟧|$)|^[^⟦]*⟧")
"""A part of a sentence, too: what stands as code in the middle of one cuts it."""
_WORD = re.compile(r"[A-Za-z][\w-]+")


class Bracketed(dict[str, str]):
    """The catalogue with each text in brackets; places for values stay outside, so that what is put there is looked at, too."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(
            (
                text,
                "".join(part if part.startswith("{") else f"⟦{part}⟧" for part in re.split(r"(\{\w+\})", text) if part),
            )
            for text in known
        )


class Texts(HTMLParser):
    """The words of a page that a reader sees or hears: text nodes, and attributes that are read out."""

    HEARD = frozenset({"title", "aria-label", "placeholder", "alt", "data-name"})
    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        foreign = given.get("lang") not in (None, LANGUAGE) or given.get("translate") == "no"
        silent = tag in ("script", "style", "code", "pre") or "code" in (given.get("class") or "").split() or foreign
        silent = silent or bool(self._open and self._open[-1][1])
        self.found += [value or "" for name, value in attrs if name in self.HEARD and not silent]
        if tag not in self.VOID:
            self._open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self.found.append(data)


def left_of(html: str) -> set[str]:
    """What a page says outside of the brackets, with letters in it that are no data."""
    texts = Texts()
    texts.feed(html)
    said = (" ".join(_BRACKETED.sub(" ", text).split()) for text in texts.found)
    return {text for text in said if not set(_WORD.findall(_without_ids(text))) <= DATA}


def _without_ids(text: str) -> str:
    """Numbers with letters in them, paths and addresses are nobody's words."""
    whole = " ".join(part for part in text.split() if not part.startswith("/"))
    return " ".join(
        part for part in re.split(r"[\s,;:()<>=\"&/]+", whole) if not re.search(r"\d{2}|^[a-f0-9]{12,}$", part)
    )


@contextmanager
def looked_at(config: Path, data: Path, people: Path) -> Iterator[Client]:
    """A console in this process, so that the catalogue can be put under it, and its owner. ``people``: a folder for who may log
    in, as other tests' consoles look at the same shop."""
    register = Register(people)
    console = Console(load_settings(config, data=str(data)), register, lambda: now_ms() // 1000)
    server = uvicorn.Server(uvicorn.Config(console, port=0, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    client = Client(server.servers[0].sockets[0].getsockname()[1])
    assert (
        client.post(f"/join/{register.first_link(now_ms() // 1000)}", {"name": "nino", "password": PASSWORD}).status
        == 303
    )
    try:
        yield client
    finally:
        server.should_exit = True
        thread.join(60)
        console.close()
        register.close()


def page(client: Client, path: str) -> Answer:
    """With its figures in it."""
    for _ in range(300):
        answer = client.get(path, accept_language=LANGUAGE)
        if answer.status != 503:
            break
        time.sleep(0.2)
    return answer


def paths_of(client: Client) -> list[str]:
    """All pages, and some of those that they lead to."""
    found = list(PATHS)
    for start, most in FIRST_OF.items():
        html = page(
            client, "/deliveries" if start == "/actions" else f"{start}?{WHOLE}" if start == "/orders" else start
        ).text
        if start == "/actions":
            html = "".join(page(client, path).text for path in found[-1:])
        links = [link.replace("&amp;", "&") for link in re.findall(rf'href="/console({start}/[^"]+)"', html)]
        links = [link for link in links if link not in PATHS]
        found += links[:: max(1, len(links) // most)][:most]
    return found


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    words.sentences.cache_clear()
    known = Bracketed(words.catalogue(LANGUAGE))
    monkeypatch.setattr(words, "catalogue", lambda _language: known)
    yield
    words.sentences.cache_clear()


@pytest.mark.process
@pytest.mark.parametrize("which", ["a shop of six weeks", "a shop in trouble"])
def test_every_word_of_every_page_is_in_the_catalogue(
    which: str, world: Written, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Takes half a minute: a page of money is worked out by a process of its own, and there are some forty pages."""
    config = world.config if "weeks" in which else asyncio.run(trouble(tmp_path))
    data = world.folder / "data" if "weeks" in which else tmp_path / "data"
    people = tmp_path / "people"
    people.mkdir()
    request.getfixturevalue("bracketed")
    with looked_at(config, data, people) as client:
        found = {path: page(client, path) for path in paths_of(client)}
    assert {path: answer.status for path, answer in found.items() if answer.status >= 500} == {}
    assert {path: left for path, answer in found.items() if (left := left_of(answer.text))} == {}
    assert len(found) > len(PATHS)


def test_every_page_is_looked_at() -> None:
    looked = {path.partition("?")[0].split("/")[1] for path in (*PATHS, *FIRST_OF)}
    assert {one.path.split("/")[1] for one in PAGES} - looked <= {"evidence"}


def test_a_word_past_the_catalogue_is_found() -> None:
    """The look itself: a bare word, in a title or an attribute, is found; data, code and other languages are not."""
    html = (
        '<p title="bare">⟦Orders of ⟧2026⟦.⟧ <code>twofold check</code> <b lang="en">English words</b> PageView 12 '
        '<i aria-label="⟦fine⟧">loose ⟦word⟧</i> <time>29 ნოე 2026</time> <span translate="no">a shop</span> 4ab6f7e1c2d3</p>'
    )
    assert left_of(html) == {"bare", "loose"}


def test_what_the_doctor_says_is_said_in_the_language_of_the_page() -> None:
    """Whole sentences, sentences with values, several that are joined; what nobody translated stays as it is."""
    ka = words.Words(LANGUAGE, "UTC")
    findings = [
        ok("gateway", "runs on this data folder"),
        look("disk", "2.0 GB free of 10.0, some 3 days at the rate so far"),
        do("deliveries to meta-1", "paused: 3 waiting, 1,200 delivered", "twofold deliveries"),
    ]
    assert [ka.told(one.text) for one in findings] == [
        "ამ საქაღალდეზე მუშაობს",
        "თავისუფალია 2.0 გბ, სულ 10.0, ახლანდელი ტემპით დაახლოებით 3 დღე",
        "შეჩერებულია: 3 ელოდება, 1,200 მიღებული",
    ]
    assert ka.told("a sentence that nobody knows") == "a sentence that nobody knows"
    assert words.Words("en", "UTC").told("paused: 3 waiting") == "paused: 3 waiting"


REFUSED = (
    (lambda: require_text("--note", "call 555 010 203 or a@b.example", 1000), "ტექსტში არ უნდა იყოს ელფოსტის მისამართი"),
    (lambda: require_text("--owner", "n" * 90, 80), "80"),
    (lambda: require_text("--business", "our shop", 80), "პლატფორმის ნომერი"),
    (lambda: require_day("--review", "2019-01-01", 1_764_500_000), "2019-01-01"),
    (lambda: taken(b"GIF89a"), "PNG, JPEG ან PDF"),
    (lambda: taken(b"\x89PNG\r\n\x1a\n and no picture"), "არ იკითხება"),
    (lambda: taken(b"%PDF-1.7 and no page"), "არ იკითხება"),
)  # fmt: skip


@pytest.mark.parametrize(("refused", "said"), REFUSED)
def test_what_an_acceptance_run_refuses_is_said_in_the_language_of_the_page(
    refused: Callable[[], object], said: str
) -> None:
    """The sentences of the command; a page names no option. Only a field's name stays, and what a library calls its error."""
    with pytest.raises(TwofoldError) as told:
        refused()
    shown = words.Words(LANGUAGE, "UTC").told(str(told.value).removeprefix("--"))
    assert said in shown
    assert "expected" not in shown
    assert "got" not in shown
