"""Pages that the browser renders before anybody asks for them, in a plain Chromium: under a driver it does not."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_shop import CHROMIUM_ARGS, INIT, TAG, Shop

pytestmark = pytest.mark.browser

VIEW = "<script>fbq('track', 'PageView')</script>"
# Says so when the page is rendered unseen, and when it is seen; with the cookies that it has by then.
NOTE = """<script>
const note = (what) => new Image().src = '/tr?note=' + what + '&cookies=' + encodeURIComponent(document.cookie) + '&stored=' + localStorage.length;
if (document.prerendering) {
  setTimeout(() => note('hidden' + location.pathname), 700);
  document.addEventListener('prerenderingchange', () => note('shown' + location.pathname));
}
</script>"""


TRIES, TRY_S = 4, 40


class Plain:
    """A Chromium without a driver, that opens one address and is ended by the test."""

    def __init__(self, shop: Shop, port: int, profile: Path) -> None:
        self.shop, self.port, self._profile = shop, port, profile
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, pages: dict[str, str], *hidden: str) -> None:
        """Returns once each of the ``hidden`` ones is loaded where nobody sees it. Chromium gives that up where it has waited for
        long, as on a machine with much else to do, and is begun anew then."""
        self.shop.pages.update({path: "<!doctype html><title>shop</title>" + page for path, page in pages.items()})
        for _ in range(TRIES):
            self._begin()
            end = time.monotonic() + TRY_S
            while time.monotonic() < end:
                if all(self.notes(f"hidden{path}") for path in hidden):
                    return
                time.sleep(0.05)
            self.close()
        raise AssertionError(f"no page was prerendered in {TRIES} times {TRY_S} s")

    def _begin(self) -> None:
        chromium = shutil.which("chromium")
        assert chromium, "make system-packages installs it"
        args = [
            *CHROMIUM_ARGS, "--headless=new", f"--user-data-dir={self._profile}", "--remote-debugging-port=0",
            f"http://www.shop.example:{self.port}/",
        ]  # fmt: skip
        self._process = subprocess.Popen([chromium, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def notes(self, what: str) -> list[dict[str, str]]:
        return [hit for hit in list(self.shop.hits) if hit.get("note") == what]

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)


def until(ready: Callable[[], Any], deadline_s: float = 60) -> Any:
    end = time.monotonic() + deadline_s
    while not (value := ready()):
        assert time.monotonic() < end, "deadline passed"
        time.sleep(0.05)
    return value


@pytest.fixture
def plain(shop: Shop, port: int, tmp_path: Path) -> Iterator[Plain]:
    browser = Plain(shop, port, tmp_path / "profile")
    yield browser
    browser.close()


def landing(*targets: str, then: str, rule: str = "prerender") -> str:
    """A page that has its targets rendered, waits until the first says that it is, and goes there when told to."""
    urls = ",".join(f'"{target}"' for target in targets)
    return (
        f'<script type="speculationrules">{{"{rule}":[{{"urls":[{urls}],"eagerness":"immediate"}}]}}</script>'
        f"<script>setInterval(() => fetch('/go').then((r) => {{ if (r.ok) location.href = '{then}'; }}), 100)</script>"
    )


def test_a_prerendered_page_reports_nothing_until_it_is_shown(plain: Plain, shop: Shop) -> None:
    """No event, cookie or storage while unseen; one PageView of the page that is opened, none of the other."""
    page = NOTE + TAG + INIT + VIEW
    start = landing("/target?fbclid=Seen", "/other", then="/target?fbclid=Seen")
    plain.open({"/": start, "/target": page, "/other": page}, "/target", "/other")
    assert shop.posts == []
    assert {(n.get("cookies", ""), n["stored"]) for n in plain.notes("hidden/target")} == {("", "0")}
    time.sleep(1.1)  # the clock's second is another one now
    opened = int(time.time())
    shop.pages["/go"] = "go"
    until(lambda: shop.named("PageView"))
    until(lambda: plain.notes("shown/target"))
    time.sleep(0.5)
    (view,) = shop.named("PageView")
    assert view["event_source_url"].endswith("/target?fbclid=Seen")
    assert opened <= view["event_time"] <= time.time()
    assert view["user_data"]["fbc"].endswith(".Seen")
    assert not any("/other" in str(post) for post in shop.posts)


def test_what_waits_in_the_storage_is_not_sent_by_a_page_nobody_sees(plain: Plain, shop: Shop) -> None:
    """An event of an earlier page that the gateway did not take is sent once the next page is seen."""
    shop.answer = (503, "")
    sale = TAG + INIT + "<script>fbq('track', 'Purchase', {value: 30, currency: 'EUR'}, {eventID: 'EV-1'})</script>"
    wait = "<script>setInterval(() => { if (Object.keys(localStorage).some((k) => /^twofold:/.test(k)) && !window.gone) { window.gone = 1; setTimeout(() => location.href = '/landing', 50); } }, 50)</script>"
    plain.open({
        "/": sale + wait,
        "/landing": landing("/target", then="/target"),
        "/target": NOTE + TAG + INIT,
    }, "/target")  # fmt: skip
    shop.answer = (200, "")
    count = len(shop.posts)
    time.sleep(1)
    assert len(shop.posts) == count
    shop.pages["/go"] = "go"
    until(lambda: len(shop.posts) > count)
    assert {e["event_id"] for e in shop.named("Purchase")} == {"EV-1"}


REVOKED = "<script>fbq('consent', 'revoke')</script>"


def test_a_revoked_consent_still_holds_when_the_page_is_shown(plain: Plain, shop: Shop) -> None:
    """Being seen is no grant; the grant is, and it may come while nobody looks."""
    granted = NOTE + TAG + REVOKED + INIT + VIEW + "<script>fbq('consent', 'grant')</script>"
    held = NOTE + TAG + REVOKED + INIT + "<script>fbq('track', 'Lead')</script>"
    plain.open({"/": landing("/target", then="/target"), "/target": granted, "/next": held}, "/target")
    assert shop.posts == []
    shop.pages["/target"] = "later"
    shop.pages["/go"] = "go"
    until(lambda: shop.named("PageView"))
    assert shop.named("PageView")[0]["consent"] == "granted"
