"""Who is new, and who is not expected: on folders with copies of several senders and what a person said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.store.copies import NOW, SERVER, appended, copy
from twofold.config import load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.report.kept import SENDER_EXPECTED, SENDERS_SEEN
from twofold.router.finding import Finding, Kind, When
from twofold.router.task import RouterTask, ask, standing
from twofold.senders.kinds import SenderClass
from twofold.senders.observed import BROWSER, PAGES, Observed, facts_of

DAY_MS = 86_400_000
AT = NOW // 1000


def strangers(folder: Path) -> list[Finding]:
    return [f for f in ask(RouterTask(data=str(folder), policies={}, now=AT)) if f.kind is Kind.NEW_SENDER]


def say(folder: Path, kind: str, **facts) -> None:
    on_store(load_settings(None, data=str(folder)), Note(kind=kind, facts=facts))


def expect(folder: Path, event: str, sender: str, expected: bool = True) -> None:
    say(folder, SENDER_EXPECTED, dataset="1", event=event, sender=sender, expected=expected, by="Nino")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A webhook and an old plugin of ten days ago and of today; a new one of today; pages viewed through a third."""
    old = [("Purchase", "shopify"), ("Purchase", "old-plugin")]
    new = [*old, ("Lead", "new-plugin"), ("PageView", "viewer")]
    copies = [
        replace(copy(f"{sender}-{day}", SERVER, name=name, at=NOW - day * DAY_MS - 1_000), sender=sender)
        for day, some in ((10, [*old, ("PageView", "viewer")]), (0, new)) for name, sender in some
    ]  # fmt: skip
    appended(tmp_path / "data", copies, at=NOW - 11 * DAY_MS)
    return tmp_path / "data"


def test_while_nobody_said_anything_a_sender_is_new_that_last_week_had_not(folder):
    found = strangers(folder)
    assert [(f.about, f.when) for f in found] == [("new-plugin", When.WEEK)]
    assert not any(one.name.startswith("new_sender") for one in standing(found))


def test_where_somebody_said_who_is_expected_any_other_stands_against_decisions(folder):
    """The old plugin too; the new one is none where it was expected beforehand; views of pages are nobody's."""
    expect(folder, "Purchase", "shopify")
    expect(folder, "*", "new-plugin")
    found = strangers(folder)
    assert [(f.about, f.when, f.parts) for f in found] == [("old-plugin", When.NOW, (("Purchase", 1),))]
    assert [one.name for one in standing(found)] == ["new_sender:old-plugin"], "and so an alert"
    expect(folder, "Purchase", "old-plugin")
    assert strangers(folder) == []
    expect(folder, "Purchase", "old-plugin", expected=False)
    assert [f.about for f in strangers(folder)] == ["old-plugin"], "a later word stands above"


def test_an_event_that_a_sender_is_not_expected_to_tell_is_found(folder):
    for sender in ("old-plugin", "new-plugin"):
        expect(folder, "*", sender)
    expect(folder, "Lead", "shopify")
    assert [(f.about, f.parts) for f in strangers(folder)] == [("shopify", (("Purchase", 1),))]


def test_what_pages_and_a_browser_showed_is_asked_as_well(folder):
    """Only what is certain, and only of the dataset of which somebody said what is expected."""
    rows = [
        Observed(side=side, platform="meta", account=account, event=event, sender=sender, sender_class=SenderClass.THEME,
                 first_seen=AT - 60, last_seen=AT - 60, certain=certain)
        for side, account, event, sender, certain in (
            (BROWSER, "1", "AddToCart", "https://shop.example/a.js", True), (PAGES, "1", "AddToCart", "https://shop.example/a.js", True),
            (BROWSER, "1", "PageView", "https://shop.example/b.js", True), (PAGES, "", "", "Meta's app", True),
            (PAGES, "", "", "a container", False), (BROWSER, "77", "AddToCart", "https://shop.example/c.js", True),
        )
    ]  # fmt: skip
    say(folder, SENDERS_SEEN, **facts_of(rows))
    assert [f.about for f in strangers(folder)] == ["new-plugin"]
    for sender in ("shopify", "old-plugin", "new-plugin"):
        expect(folder, "*", sender)
    found = {f.about: dict(f.evidence) for f in strangers(folder)}
    assert found == {"https://shop.example/a.js": {"seen_in": "browser, pages"}, "Meta's app": {"seen_in": "pages"}}
    expect(folder, "*", "Meta's app")
    assert [f.about for f in strangers(folder)] == ["https://shop.example/a.js"]
