"""A real Chromium walks shops that are served here: seven senders, and sites that do what nobody wants.

It takes a quarter of a minute, as only a browser can say what a browser does with workers, frames and pages that never rest; one
walk serves all questions about the shop, and the bad sites are walked two at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from shop_of_senders import APP, BAD, HOST, only_here, serving

from twofold.errors import ConfigError
from twofold.senders.browser.calls import Doors
from twofold.senders.browser.walk import Order, Walk, check_start, hosts_of, take_walk, walk_shop
from twofold.senders.call import Call
from twofold.senders.kinds import SenderClass

pytestmark = pytest.mark.browser

DATASET = "1234567890"
PRODUCT = f"https://{HOST}/products/cup"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder: Path = tmp_path_factory.mktemp("shop")
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def shop(port: int) -> Walk:
    hosts = frozenset({HOST})
    doors = Doors(hosts, "/t", frozenset({DATASET}))
    return take_walk(Order(hosts=hosts, doors=doors, start=f"https://{HOST}/", arguments=only_here(port), quiet_s=0.7))


def named(walk: Walk, event_id: str) -> Call:
    (found,) = [c for c in walk.calls if c.event_id.startswith(event_id)]
    return found


def test_the_walk_reaches_product_cart_and_checkout(shop: Walk) -> None:
    """From the shop's first page, by what a person would press; nothing of the checkout is pressed."""
    assert shop.whole, shop.ended
    assert [(s.name, s.done) for s in shop.steps] == [("product", True), ("cart", True), ("checkout", True)]
    assert shop.steps[0].page == f"{HOST}/products/cup"


@pytest.mark.parametrize(
    ("event_id", "platform", "event", "sender", "script", "place", "step"),
    [
        ("theme.1", "meta", "ViewContent", SenderClass.THEME, PRODUCT, "page", "product"),
        ("asset.1", "meta", "AddToCart", SenderClass.THEME, f"https://{HOST}/cdn/shop/t/7/assets/theme.js", "page", "cart"),
        ("gtm.", "meta", "PageView", SenderClass.TAG_MANAGER, "https://www.googletagmanager.com/gtm.js?id=GTM-TEST123", "page", "product"),
        ("loyal.1", "tiktok", "ViewContent", SenderClass.THEME_APP, f"https://{APP}", "page", "product"),
        ("sh-1", "meta", "ViewContent", SenderClass.APP_PIXEL, f"https://{HOST}/wpm@b7f2/app/web-pixel-111@9/worker.js", "worker", "product"),
        ("custom.1", "meta", "ViewContent", SenderClass.CUSTOM_PIXEL,
         f"https://{HOST}/wpm@b7f2/custom/web-pixel-222@3/sandbox/modern/products/cup", "frame", "product"),
        ("pin.1", "pinterest", "pagevisit", SenderClass.SCRIPT_TAG, "https://app.pins.example/pins.js", "worker", "product"),
    ],
)  # fmt: skip
def test_each_of_seven_senders_is_credited(
    shop: Walk, event_id: str, platform: str, event: str, sender: SenderClass, script: str, place: str, step: str
) -> None:
    """With its class, its script, and where that ran: two in workers, one in a frame, one by the tag manager."""
    call = named(shop, event_id)
    assert (call.platform, call.event, call.sender_class, call.script) == (platform, event, sender, script)
    assert (call.place, call.step, call.certain, call.count) == (place, step, True, 1)


@pytest.mark.parametrize(
    ("event_id", "script", "place"),
    [
        ("module-worker.1", f"https://{HOST}/dep.js", "worker"),  # imported by the worker's own module
        ("lazy.1", f"https://{HOST}/lazy.js", "worker"),
        ("written.1", "https://cdn.written.example/w.js", "page"),
        ("later.1", "https://cdn.later.example/l.min.js", "page"),
        ("dynamic.1", "https://cdn.dynamic.example/chunk-a1.js", "page"),
        ("nested-frame.1", "https://cdn.frames.example/f.js", "frame"),
        ("blob.1", "https://cdn.blobs.example/b.js", "page"),
        ("eval.1", "https://cdn.evals.example/e.js", "page"),
        ("function.1", "https://cdn.evals.example/e.js", "page"),
        ("xhr.1", "https://cdn.form.example/x.js", "page"),
    ],
)
def test_what_hides_its_maker_is_credited_all_the_same(shop: Walk, event_id: str, script: str, place: str) -> None:
    """Modules in workers, written tags, promises and timers, chunks, frames in frames, blobs, text that is run; minified."""
    call = named(shop, event_id)
    assert (call.script, call.place, call.step, call.certain) == (script, place, "cart", True)
    assert call.sender_class == (SenderClass.THEME if HOST in script else SenderClass.THEME_APP)


def test_an_image_that_stands_in_the_page_has_no_script(shop: Walk) -> None:
    """The page is named, and that it is not certain is said."""
    call = named(shop, "plain-image.1")
    assert (call.sender_class, call.script, call.certain) == (SenderClass.IMAGE, f"https://{HOST}/cart", False)


@pytest.mark.parametrize(
    ("event_id", "script", "place", "sender"),
    [
        ("service.1", f"https://{HOST}/sw.js", "service worker", SenderClass.THEME),
        ("shared.1", f"https://{HOST}/shared.js", "shared worker", SenderClass.THEME),
        ("nested.1", f"https://{HOST}/nested.js", "worker", SenderClass.THEME),
        ("srcdoc.1", f"https://{HOST}/srcdoc.js", "frame", SenderClass.THEME),
        ("partner.1", "https://chat.partner.example/frame", "frame", SenderClass.THEME_APP),
    ],
)
def test_every_kind_of_worker_and_frame_is_heard_from_its_first_line(
    shop: Walk, event_id: str, script: str, place: str, sender: SenderClass
) -> None:
    """Each sends at once when it begins: whoever listens a moment later hears nothing."""
    call = named(shop, event_id)
    assert (call.script, call.place, call.sender_class) == (script, place, sender)


def test_values_and_currencies_are_the_calls_own(shop: Walk) -> None:
    """Text to Decimal, as it was sent."""
    assert (named(shop, "asset.1").value, named(shop, "asset.1").currency) == (Decimal("49.90"), "EUR")
    assert named(shop, "loyal.1").account == "C1TEST"
    assert named(shop, "gtm.").agent == "tmgoogletagmanager"


def test_our_own_door_and_ga4_are_heard(shop: Walk) -> None:
    """A beacon of ours with one event, a request of GA4's with two."""
    own = named(shop, "tag.1")
    assert (own.platform, own.account, own.event, own.step) == ("twofold", DATASET, "InitiateCheckout", "checkout")
    assert {c.event for c in shop.calls if c.platform == "ga4"} == {"begin_checkout", "page_view"}


def test_who_asked_for_the_platforms_library_is_known(shop: Walk) -> None:
    """Meta's script is no sender; the page that loads it is named."""
    assert [(c.platform, c.script) for c in shop.libraries] == [("meta", PRODUCT)]
    assert named(shop, "theme.1").chain == ("https://connect.facebook.net/en_US/fbevents.js", PRODUCT)


def test_nothing_of_a_person_and_no_token_is_kept(shop: Walk) -> None:
    """An address rode along in two calls, and the checkout's own would let anybody in."""
    kept = msgspec.json.encode(shop).decode()
    assert "nino" not in kept
    assert "hWN6aGVhZGVy" not in kept


# -- sites that do what nobody wants


@pytest.fixture(scope="module")
def bad(port: int, shop: Walk) -> dict[str, Walk]:
    """Each has as long as the whole shop took, as a busy machine may need ten seconds only to start a browser; but not so long that a
    page that reloads for ever is through all steps, each of which waits eight seconds for it."""
    most_s = min(max(10.0, shop.took_s), 35.0)
    quiet_s = {"loop": 8.0, "pesters": 1.5}  # a slow reload is no rest; and the last question comes after 0.4 s

    async def all_of_them() -> dict[str, Walk]:
        gate = asyncio.Semaphore(2)

        async def one(name: str) -> tuple[str, Walk]:
            hosts = frozenset({f"{name}.bad.example"})
            order = Order(
                hosts=hosts, doors=Doors(hosts), start=f"https://{name}.bad.example/", arguments=only_here(port),
                most_s=2 * most_s if name in ("pesters", "storm", "refuses", "moved") else most_s,
                quiet_s=quiet_s.get(name, 0.5),
            )  # fmt: skip
            async with gate:
                return name, await walk_shop(order)

        return dict(await asyncio.gather(*(one(n) for n in (*BAD, "moved", "refuses", "silent"))))

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", ["hang", "loop", "silent"])
def test_a_site_that_never_rests_ends_in_time(bad: dict[str, Walk], name: str) -> None:
    """With what was seen until then: a call of each step in which the page came again, and they were the same call."""
    assert bad[name].ended.startswith("the time was up")
    assert bad[name].steps[-1].done is False
    assert {c.event_id for c in bad[name].calls} == (set() if name == "silent" else {"seen.1"})
    assert len({c.step for c in bad[name].calls}) == len(bad[name].calls)


def test_what_loops_ends_at_two_hundred(bad: dict[str, Walk]) -> None:
    """And no more of it is kept."""
    assert bad["storm"].ended.startswith("200 of one kind came (meta PageView)")
    assert sum(c.count for c in bad["storm"].calls) == 200


def test_windows_files_questions_and_other_hosts_are_refused_and_told(bad: dict[str, Walk]) -> None:
    """The page stays where it was; the window is the same page, and may send what it sends in a later step."""
    said = "; ".join(bad["pesters"].notes)
    assert "a window was opened, and closed" in said
    assert "a page of another host was not opened: www.other.example" in said
    assert "the page asked (" in said
    assert {(c.event_id, c.page) for c in bad["pesters"].calls} == {("seen.1", "pesters.bad.example/")}


def test_a_site_that_refuses_or_leads_elsewhere_is_told(bad: dict[str, Walk]) -> None:
    """What its page of refusal sent is kept."""
    assert bad["refuses"].ended == "refuses.bad.example/ answered 403"
    assert [c.event_id for c in bad["refuses"].calls] == ["seen.1"]
    assert bad["moved"].notes[0] == "a page of another host was not opened: www.other.example"
    assert not bad["moved"].whole


# -- what is asked for


def test_only_the_datasets_own_pages_are_walked() -> None:
    """Another host, another port, and a dataset that names no origins are refused before a browser starts."""
    hosts = hosts_of(("https://www.shop.example", "http://localhost:8401"))
    check_start("https://www.shop.example/products/cup", hosts)
    check_start("http://localhost:8401/", hosts)
    for url, at in (
        ("https://shop.example.evil/", hosts),
        ("http://localhost:8402/", hosts),
        ("file:///etc/passwd", hosts),
        ("https://www.shop.example/", frozenset[str]()),
    ):
        with pytest.raises(ConfigError, match="--walk: expected"):
            check_start(url, at)
