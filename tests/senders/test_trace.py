"""Who made a call, from stacks as the DevTools protocol gives them. By hand; what a browser really gives is tried in test_walk."""

from __future__ import annotations

import pytest

from twofold.senders.browser.trace import Book, Frame, Maker, Place, Script, clean_address, clean_page, credit
from twofold.senders.kinds import SenderClass

PAGE = "https://www.shop.example/products/cup"
FBEVENTS = "https://connect.facebook.net/en_US/fbevents.js"
GTM = "https://www.googletagmanager.com/gtm.js?id=GTM-ABC1"
THEME = "https://www.shop.example/cdn/shop/t/7/assets/theme.js"
S = "page"


def made_by(*urls: str, book: Book | None = None, place: str = "", way: str = "fetch", ours: bool = False) -> Maker:
    book = book or Book()
    return credit(book, tuple(Frame(S, url, url) for url in urls), place, PAGE, way=way, ours=ours)


@pytest.mark.parametrize(
    ("stack", "script", "sender"),
    [
        ((FBEVENTS, THEME), THEME, SenderClass.THEME),
        ((FBEVENTS, GTM, THEME), GTM, SenderClass.TAG_MANAGER),  # the theme only told the manager
        ((FBEVENTS, "https://code.jquery.com/jquery-3.7.1.min.js", THEME), THEME, SenderClass.THEME),
        (("https://www.googletagmanager.com/gtag/js?id=G-ABCD", THEME), THEME, SenderClass.THEME),
        (("https://tags.shop.example/metrics/gtm.js?id=GTM-ABC1",), "https://tags.shop.example/metrics/gtm.js?id=GTM-ABC1", SenderClass.TAG_MANAGER),
        (("https://pys.example/a.js", GTM), "https://pys.example/a.js", SenderClass.TAG_MANAGER),
        (("https://app.example/a.js",), "https://app.example/a.js", SenderClass.THEME_APP),
        (("https://app.example/a.js?shop=demo.myshopify.com&key=s3cr3t",), "https://app.example/a.js", SenderClass.SCRIPT_TAG),
        (("https://www.shop.example/wp-content/plugins/pixelyoursite/dist/public.js",), "https://www.shop.example/wp-content/plugins/pixelyoursite/dist/public.js", SenderClass.THEME_APP),
        (("https://www.shop.example/wpm@b7/app/web-pixel-9@1/page.js",), "https://www.shop.example/wpm@b7/app/web-pixel-9@1/page.js", SenderClass.PARTNER_APP),
    ],
)  # fmt: skip
def test_the_first_script_that_answers_for_it_is_the_owner(
    stack: tuple[str, ...], script: str, sender: SenderClass
) -> None:
    """Libraries and helpers only carry; a tag manager does not."""
    found = made_by(*stack)
    assert (found.script, found.kind, found.certain) == (script, sender, True)


def test_our_tag_owns_what_comes_to_us_and_passes_the_rest_on() -> None:
    """It stands before Meta's library, so it is in the stack of every call of a page that has both."""
    tag = "https://www.shop.example/t/twofold.0a1b.js"
    assert made_by(tag, THEME, ours=True).kind == SenderClass.TAG
    found = made_by(FBEVENTS, tag, THEME)
    assert (found.script, found.kind) == (THEME, SenderClass.THEME)


def test_who_loaded_the_last_script_goes_on_where_the_stack_ends() -> None:
    """Three loads deep, and a circle of scripts that load each other ends."""
    book = Book(loads={FBEVENTS: (Frame(S, "1", "https://connect.facebook.net/signals/config/1234567"),), "https://connect.facebook.net/signals/config/1234567": (Frame(S, "2", FBEVENTS),)})  # fmt: skip
    assert made_by(FBEVENTS, book=book).certain is False
    book.loads["https://connect.facebook.net/signals/config/1234567"] = (Frame(S, "3", GTM),)
    assert made_by(FBEVENTS, book=book).script == GTM


def test_code_without_an_address_belongs_to_who_wrote_it() -> None:
    """Also when it was started by a click, and the stack has forgotten."""
    book = Book(scripts={(S, "9"): Script("", (Frame(S, "3", GTM),))})
    found = credit(book, (Frame(S, "9", ""),), "", PAGE)
    assert (found.script, found.kind) == (GTM, SenderClass.TAG_MANAGER)


def test_a_page_script_that_a_consent_manager_switched_on_is_the_pages() -> None:
    """The manager of consent sends nothing itself."""
    book = Book(scripts={(S, "9"): Script("", (Frame(S, "3", "https://consent.cookiebot.com/uc.js"),))})
    found = credit(book, (Frame(S, "8", FBEVENTS), Frame(S, "9", "")), "", PAGE)
    assert (found.script, found.kind, found.certain) == (PAGE, SenderClass.THEME, False)


def test_an_inline_script_is_the_pages_and_of_a_strangers_frame_the_strangers() -> None:
    """With its line."""
    book = Book(scripts={(S, "1"): Script(PAGE, (), True), (S, "2"): Script("https://chat.example/frame", (), True)})
    found = credit(book, (Frame(S, "1", PAGE, "", 41),), "", PAGE)
    assert (found.script, found.line, found.kind) == (PAGE, 42, SenderClass.THEME)
    assert credit(book, (Frame(S, "2", "https://chat.example/frame"),), "", PAGE).kind == SenderClass.THEME_APP


def test_two_numbers_for_hosts_are_two_sites() -> None:
    """The last labels of an address in numbers say nothing."""
    shop, other = "http://10.0.0.1:8400/", "http://10.9.0.1/x.js"
    assert credit(Book(), (Frame(S, "1", other),), "", shop).kind == SenderClass.THEME_APP
    assert credit(Book(), (Frame(S, "1", "http://10.0.0.1/x.js"),), "", shop).kind == SenderClass.THEME


def test_a_worker_made_of_text_belongs_to_who_started_it() -> None:
    """Through two workers, out to the page's script."""
    book = Book(places={"w2": Place("worker", "blob:x", (Frame("w1", "1", "blob:y"),), "w1"), "w1": Place("worker", "blob:y", (Frame(S, "1", THEME),), "p")})  # fmt: skip
    found = credit(book, (Frame("w2", "1", "blob:x"),), "w2", PAGE)
    assert (found.script, found.kind) == (THEME, SenderClass.THEME)


def test_a_frame_that_was_put_there_by_a_script_belongs_to_it() -> None:
    """A frame without an address of its own."""
    book = Book(places={"f": Place("frame", "about:srcdoc", (Frame(S, "1", GTM),), "p")})
    assert credit(book, (Frame(S, "5", "about:srcdoc"),), "f", PAGE).script == GTM


def test_an_image_in_the_source_is_no_script() -> None:
    """No stack at all: the page itself holds it."""
    book = Book(places={"p": Place("page", PAGE)})
    found = made_by(book=book, place="p", way="image")
    assert (found.script, found.kind, found.certain) == (PAGE, SenderClass.IMAGE, False)


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("https://u:pw@cdn.example/a.js?id=GTM-ABC1&token=s3cr3t", "https://cdn.example/a.js?id=GTM-ABC1"),
        ("https://cdn.example/a/nino@example.com/b.js?id=nino@example.com", "https://cdn.example/a/masked/b.js"),
        ("blob:https://www.shop.example/6f1c", "blob:"),
        ("data:text/javascript,secret", "data:"),
    ],
)
def test_addresses_of_scripts_are_kept_without_secrets(url: str, want: str) -> None:
    """Host and path, and the account that was asked for."""
    assert clean_address(url) == want


def test_addresses_of_pages_are_kept_without_what_lets_somebody_in() -> None:
    """The token of a checkout, an address of a person, a query."""
    assert (
        clean_page("https://www.shop.example/checkouts/cn/hWN6aGVhZGVyMTIzNDU2Nzg5?key=1#x")
        == "www.shop.example/checkouts/cn/…"
    )
    assert (
        clean_page("https://www.shop.example/account/nino%40example.com/orders") == "www.shop.example/account/…/orders"
    )
