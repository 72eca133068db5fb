"""Lists at platforms kept over real sockets: adds, removals, crashes, and every answer of the table, against stand-ins that refuse."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audiences.shoppers import HOUR, YES, did, hex_of, kept, settings_for
from tests.fakes.graph import Reply, dead_port, error, in_thread
from tests.fakes.platforms import answer
from tests.fakes.platforms.lists import GoogleLists, MetaLists, TikTokLists, said
from tests.store.copies import NOW
from twofold.audiences.book import ADD, Book, keeping
from twofold.audiences.members import Row
from twofold.audiences.run import preview, sync
from twofold.audiences.showing import lists_shown, trail_shown, with_lists
from twofold.consent.marks import Mark
from twofold.errors import StoreLocked
from twofold.event.model import Hashed
from twofold.matching.subject import SubjectRequest
from twofold.privacy.export import find_subject, subject_rows

TOKEN, LIST, ADVERTISER = "token-of-the-account-Xy7", "23851234567890123", "7100000000000000001"
GOOGLE_FORMS = (Hashed("google.em", hex_of("8")), Hashed("e164", hex_of("7")))


class Kept:
    """One shop whose audience of viewers is kept on lists; the clock is the test's."""

    def __init__(self, folder: Path, accounts: list[dict[str, Any]], lists: dict[str, str], **audience: Any) -> None:
        self.folder, self.now = folder, NOW
        self._accounts = accounts
        self.lists = lists
        self.audience = {"rule": "viewed_not_bought", "smallest": 1} | audience

    @property
    def settings(self) -> Any:
        return settings_for(self.folder, self.audience | {"lists": self.lists}, accounts=self._accounts)

    def sync(self) -> list[Any]:
        self.now += 60_000
        return sync(self.settings, [], lambda: self.now)

    def books(self) -> dict[str, dict[str, str]]:
        """Account to the first letter of each digest in the book and its state."""
        with Book(self.folder, look=True) as book:
            return {
                k.account: {f"{r.em[:1]}{r.ph[:1]}": s for r, (_, s) in book.rows(k.id).items()} for k in book.lists()
            }

    def book(self) -> dict[str, str]:
        """Of the only account."""
        (own,) = self.books().values()
        return own


def meta(url: str, **more: Any) -> dict[str, Any]:
    return {"platform": "meta", "id": "act_1", "name": "meta-1", "token": TOKEN, "endpoint": url} | more


@pytest.fixture
def standing() -> Iterator[tuple[MetaLists, str]]:
    lists = MetaLists(token=TOKEN, lists={LIST: {}})
    with in_thread(lists) as server:
        lists.requests = server.requests  # type: ignore[attr-defined]
        yield lists, server.url


def names(lists: dict[Any, Any] | set[Any]) -> str:
    return "".join(sorted(row[0][:1] for row in lists))


def test_who_comes_and_who_goes(tmp_path: Path, standing: tuple[MetaLists, str], on_engine: str) -> None:
    """Only what changed is told; a second round tells nothing; the trail holds digests of batches and no digest of a person."""
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a", ph="9"), did("b")])
    (plan,) = preview(shop.settings, [], lambda: shop.now)
    assert (plan.to_add, plan.to_remove, there.requests) == (2, 0, [])  # type: ignore[attr-defined]
    (done,) = shop.sync()
    assert (done.added, done.removed, done.problem, names(there.lists[LIST])) == (2, 0, "", "ab")
    assert shop.sync()[0].to_add == 0
    assert len(there.requests) == 1  # type: ignore[attr-defined]
    kept(tmp_path, [did("a", "Purchase", ago=HOUR), did("c")])
    (done,) = shop.sync()
    assert (done.added, done.removed, names(there.lists[LIST])) == (1, 1, "bc")
    assert [r.method for r in there.requests] == ["POST", "DELETE", "POST"]  # type: ignore[attr-defined]
    assert all(TOKEN not in r.path for r in there.requests)  # type: ignore[attr-defined]
    trail = trail_shown(shop.settings)
    assert [(t["kind"], t["rows"], t["em"], t["ph"], t["outcome"]) for t in trail] == [
        ("add", 1, 1, 0, "accepted"), ("remove", 1, 1, 1, "accepted"), ("add", 2, 2, 1, "accepted"),
    ]  # fmt: skip
    (row,) = lists_shown(shop.settings)
    assert (row["people"], row["told"], row["synced_at"], row["problem"]) == (2, 2, shop.now, "")
    assert shop.book() == {"b": "told", "c": "told"}
    # Whoever asks what is held of them is told.
    found = find_subject(tmp_path, SubjectRequest(emails=(hex_of("b"),)))
    held = [row for row in with_lists(tmp_path, subject_rows(tmp_path, found)) if row["what"] == "list"]
    assert [(row["platform"], row["list"], row["state"], row["keys"]) for row in held] == [
        ("meta", LIST, "told", ["em"])
    ]
    if on_engine != "embedded":
        assert not (tmp_path / "audiences.db").exists()
        return
    # On disk: whoever was taken off is gone with every byte, the token was never there, and others may not read the file.
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("audiences"))
    assert hex_of("a").encode() not in on_disk
    assert TOKEN.encode() not in on_disk
    assert hex_of("b").encode() in on_disk
    assert stat.S_IMODE(os.stat(tmp_path / "audiences.db").st_mode) == 0o600


def test_taken_back_at_once(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """Consent withdrawn: the next round takes the person off, and puts nobody on while something is taken back meanwhile."""
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a", visitor="va"), did("b", visitor="vb")])
    shop.sync()

    async def withdraw(store: Any) -> None:
        await store.withdraw("1", [Mark("visitor", "va")], NOW)

    kept(tmp_path, [], then=withdraw)
    (done,) = shop.sync()
    assert (done.removed, names(there.lists[LIST])) == (1, "b")


def test_nobody_is_added_by_a_listing_that_is_older_than_a_withdrawal(
    tmp_path: Path, standing: tuple[MetaLists, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody withdraws between the reading and the request: nothing is sent, and the round begins anew."""
    import twofold.audiences.run as running

    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a", visitor="va"), did("b")])

    async def withdraw(store: Any) -> None:
        await store.withdraw("1", [Mark("visitor", "va")], NOW)

    listings = []
    worked_out = running.worked_out

    def after_reading(*told: Any) -> Any:
        listings.append(worked_out(*told))
        if len(listings) == 1:
            kept(tmp_path, [], then=withdraw)
        return listings[-1]

    monkeypatch.setattr(running, "worked_out", after_reading)
    (done,) = shop.sync()
    assert len(listings) == 2
    assert (done.added, names(there.lists[LIST])) == (1, "b")
    assert hex_of("a").encode() not in b"".join(r.body for r in there.requests)  # type: ignore[attr-defined]


def test_a_list_that_is_too_small_is_not_filled_and_is_emptied_all_the_same(
    tmp_path: Path, standing: tuple[MetaLists, str]
) -> None:
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST}, smallest=0)
    kept(tmp_path, [did("a"), did("b")])
    (done,) = shop.sync()
    assert (done.code, done.added, there.lists[LIST]) == ("too_small", 0, {})
    assert "100" in done.problem
    shop.audience["smallest"] = 2
    assert shop.sync()[0].added == 2
    kept(tmp_path, [did("a", "Purchase", ago=HOUR), did("c", said=None)])
    (done,) = shop.sync()
    assert (done.removed, names(there.lists[LIST])) == (1, "b")


def test_a_list_that_no_setting_names_is_emptied(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """Also one whose id was changed; without its account nobody can be taken off, and it says so."""
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a")])
    shop.sync()
    there.lists["999"] = {}
    shop.lists = {"meta-1": "999"}
    done = shop.sync()
    assert (names(there.lists[LIST]), names(there.lists["999"])) == ("", "a")
    assert sum(d.removed for d in done) == 1
    shop.lists, shop._accounts = {}, []
    (done_one,) = shop.sync()
    assert (done_one.code, done_one.to_remove) == ("no_account", 1)
    assert "meta-1" in done_one.problem


# -- answers

UNSURE = {"a": "adding", "b": "adding"}
ANSWERS: dict[str, tuple[Reply, str, dict[str, str]]] = {
    "refused token": (error(190, status=401), "190", {}),
    "flagged list": (error(100, 1713230), "100/1713230", {}),
    "no such list": (error(100, 33), "100/33", {}),
    "refused": (error(100), "100", {}),
    "throttled": (error(80003, status=400), "80003", {}),
    "unwell": (Reply(status=503, body=b"sorry"), "http-503", UNSURE),
    "unwell by code": (error(2, status=500), "2", UNSURE),
    "cut": (Reply(reset=True), "broken", UNSURE),
    "another number": (answer({"num_received": 1, "num_invalid_entries": 0}), "http-200", UNSURE),
    "no count": (answer({"audience_id": LIST}), "http-200", UNSURE),
    "a page": (Reply(status=200, body=b"<html>"), "http-200", UNSURE),
}


def test_each_answer(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """What may have been taken is told again where it is wanted, and taken off where it is not; what was not is forgotten. Each answer
    meets a list of its own, in one round."""
    there, url = standing
    number = {name: str(100 + n) for n, name in enumerate(ANSWERS)}
    there.lists = {n: {} for n in number.values()}
    there.first_of = {number[name]: [reply] for name, (reply, *_) in ANSWERS.items()}
    shop = Kept(tmp_path, [meta(url, name=name, id=f"act_{n}") for name, n in number.items()], number)
    kept(tmp_path, [did("a"), did("b")])
    found = {d.account: (d.code, d.added) for d in shop.sync()}
    assert found == {name: (code, 0) for name, (_, code, _) in ANSWERS.items()}
    assert shop.books() == {name: state for name, (*_, state) in ANSWERS.items()}
    assert TOKEN not in repr(lists_shown(shop.settings))
    kept(tmp_path, [did("a", "Purchase", ago=HOUR)])
    shop.now += 900_000
    shop.sync()
    assert {n: names(rows) for n, rows in there.lists.items()} == dict.fromkeys(there.lists, "b")
    assert shop.books() == {name: {"b": "told"} for name in ANSWERS}
    removed = {r.path.split("/")[2] for r in there.requests if r.method == "DELETE"}  # type: ignore[attr-defined]
    assert removed == {number[name] for name, (*_, state) in ANSWERS.items() if state}


def test_whoever_has_to_go_is_told_again_after_each_answer(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """A removal that was not taken, or of which nobody knows, is not forgotten: the row stays in the book until the platform took it off.
    A connection that is cut is tried once more by itself, as a removal may be."""
    there, url = standing
    answers = {name: one for name, one in ANSWERS.items() if name not in ("cut", "another number")} | {
        "another number": (answer({"num_received": 7, "num_invalid_entries": 0}), "http-200", UNSURE)
    }
    number = {name: str(100 + n) for n, name in enumerate(answers)}
    there.lists = {n: {} for n in number.values()}
    shop = Kept(tmp_path, [meta(url, name=name, id=f"act_{n}") for name, n in number.items()], number)
    kept(tmp_path, [did("a"), did("b")])
    shop.sync()
    there.first_of = {number[name]: [reply] for name, (reply, *_) in answers.items()}
    kept(tmp_path, [did("a", "Purchase", ago=HOUR)])
    assert {d.account: (d.code, d.removed) for d in shop.sync()} == {
        name: (code, 0) for name, (_, code, _) in answers.items()
    }
    assert shop.books() == {name: {"a": "adding", "b": "told"} for name in answers}
    shop.now += 900_000
    assert {d.account: d.removed for d in shop.sync()} == dict.fromkeys(answers, 1)
    assert {n: names(rows) for n, rows in there.lists.items()} == dict.fromkeys(there.lists, "b")
    assert shop.books() == {name: {"b": "told"} for name in answers}


def test_a_throttled_account_waits_and_no_other_does(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """One dead platform, one that throttles, one that works: the third is up to date, and the second is left alone for its time."""
    there, url = standing
    tiktok = TikTokLists(ADVERTISER, TOKEN, {"a1": set()})
    with in_thread(tiktok) as second, dead_port() as port:
        dead = {
            "platform": "meta",
            "id": "act_2",
            "name": "meta-2",
            "token": TOKEN,
            "endpoint": f"http://127.0.0.1:{port}",
        }
        own = {"platform": "tiktok", "id": ADVERTISER, "name": "tiktok-1", "token": TOKEN, "endpoint": second.url}
        shop = Kept(tmp_path, [meta(url), dead, own], {"meta-1": LIST, "meta-2": "7", "tiktok-1": "a1"})
        kept(tmp_path, [did("a")])
        there.first = [Reply(status=429, body=b"{}", headers=(("Retry-After", "600"),))]
        found = {d.account: (d.code, d.added) for d in shop.sync()}
        assert found == {"meta-1": ("http-429", 0), "meta-2": ("refused", 0), "tiktok-1": ("", 1)}
        shop.sync()
        assert len(there.requests) == 1  # type: ignore[attr-defined]
        shop.now += 600_000
        shop.sync()
        assert (names(there.lists[LIST]), names(tiktok.lists["a1"])) == ("a", "a")


def test_a_clock_that_was_ten_years_ahead_pauses_nothing(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    """Whoever took consent back is taken off the list once the clock is right again, and not ten years later."""
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a"), did("b")])
    shop.sync()
    kept(tmp_path, [did("a", "Purchase", ago=HOUR)])
    there.first = [Reply(status=429, body=b"{}", headers=(("Retry-After", "600"),))]
    right, shop.now = shop.now, shop.now + 315_360_000_000
    assert [d.code for d in shop.sync()] == ["http-429"]
    shop.now = right + 60_000
    shop.sync()
    assert names(there.lists[LIST]) == "b"


def test_too_large_is_halved(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did(letter) for letter in "abcde"])
    there.first = [Reply(status=413, body=b"{}"), Reply(status=413, body=b"{}")]
    (done,) = shop.sync()
    assert (done.added, names(there.lists[LIST])) == (5, "abcde")
    assert [t["rows"] for t in trail_shown(shop.settings)][::-1] == [5, 2, 1, 1, 1, 1, 1]


# -- crashes


@pytest.mark.parametrize("arrived", [False, True])
def test_killed_between_the_book_and_the_answer(tmp_path: Path, standing: tuple[MetaLists, str], arrived: bool) -> None:
    """What was meant is on disk: whoever is wanted is told once more, whoever is not any more is taken off, arrived or not."""
    there, url = standing
    shop = Kept(tmp_path, [meta(url)], {"meta-1": LIST})
    kept(tmp_path, [did("a"), did("b")])
    with keeping(tmp_path), Book(tmp_path) as book:  # and then the process is gone
        known = book.list_of("viewed_not_bought", "meta-1", "meta", LIST)
        book.mean(known.id, ADD, {Row(hex_of("a"), ""): "", Row(hex_of("b"), ""): ""}, NOW)
    if arrived:
        there.lists[LIST] = {(hex_of("a"), ""): None, (hex_of("b"), ""): None}
    kept(tmp_path, [did("a", "Purchase", ago=HOUR)])
    shop.sync()
    assert (names(there.lists[LIST]), shop.book()) == ("b", {"b": "told"})
    assert [t["outcome"] for t in trail_shown(shop.settings)][-1] == ""


def test_two_at_once_are_refused(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    shop = Kept(tmp_path, [meta(standing[1])], {"meta-1": LIST})
    kept(tmp_path, [did("a")])
    with keeping(tmp_path), pytest.raises(StoreLocked):
        shop.sync()


# -- Google


def google(url: str) -> dict[str, Any]:
    return {"platform": "google_ads", "id": "123-456-7890", "name": "google-1", "token": "refresh-Tk3", "client_id": "app",
            "client_secret": "secret-of-the-app", "endpoint": url}  # fmt: skip


@pytest.fixture
def at_google(tmp_path: Path) -> Iterator[tuple[GoogleLists, Kept]]:
    there = GoogleLists(
        account="1234567890", actions=set(), refresh_token="refresh-Tk3", now_s=NOW // 1000, lists={"555": set()}
    )
    with in_thread(there) as server:
        yield there, Kept(tmp_path, [google(server.url)], {"google-1": "555"}, terms_accepted=True)


def test_google_is_told_and_says_later_what_came_of_it(at_google: tuple[GoogleLists, Kept]) -> None:
    """A removal is over when its result is known; until then the digests stay, and are not told again."""
    there, shop = at_google
    kept(shop.folder, [did("a", forms=GOOGLE_FORMS)])
    (done,) = shop.sync()
    assert (done.added, done.problem, there.lists["555"]) == (1, "", set())
    shop.now += 700_000
    shop.sync()  # PROCESSING
    shop.now += 700_000
    shop.sync()
    assert there.lists["555"] == {(hex_of("8"), hex_of("7"))}
    assert [t["later"] for t in trail_shown(shop.settings)] == ["success"]
    kept(shop.folder, [did("a", "Purchase", ago=HOUR, forms=GOOGLE_FORMS)])
    assert shop.sync()[0].removed == 1
    assert shop.book() == {"87": "removing"}
    assert shop.sync()[0].to_remove == 0
    shop.now += 700_000
    shop.sync()
    assert (there.lists["555"], shop.book()) == (set(), {})


def test_what_google_took_by_a_clock_that_was_ahead_is_asked_about(at_google: tuple[GoogleLists, Kept]) -> None:
    """A removal that was asked ten years ahead of the right time is over once Google says so."""
    there, shop = at_google
    there.processing = 0
    kept(shop.folder, [did("a", forms=GOOGLE_FORMS)])
    shop.sync()
    kept(shop.folder, [did("a", "Purchase", ago=HOUR, forms=GOOGLE_FORMS)])
    right, shop.now = shop.now, shop.now + 315_360_000_000
    shop.sync()
    shop.now = right + 60_000
    shop.sync()
    assert (there.lists["555"], shop.book()) == (set(), {})


def taking_off(there: GoogleLists, shop: Kept, status: str) -> None:
    """Somebody who bought is to leave the list, and Google is going to say of it what ``status`` says, with one row of an inner fault."""
    there.processing = 0
    kept(shop.folder, [did("a", forms=GOOGLE_FORMS)])
    shop.sync()
    kept(shop.folder, [did("a", "Purchase", ago=HOUR, forms=GOOGLE_FORMS)])
    shop.sync()
    reasons = [{"recordCount": "1", "reason": "PROCESSING_ERROR_REASON_INTERNAL"}]
    there.later = {"requestStatus": status, "errorInfo": {"errorCounts": reasons}}


def test_a_removal_that_google_failed_is_told_again(at_google: tuple[GoogleLists, Kept]) -> None:
    there, shop = at_google
    taking_off(there, shop, "FAILED")
    shop.now += 700_000
    shop.sync()
    assert [t["kind"] for t in trail_shown(shop.settings)] == ["remove", "remove", "add"]
    there.later = {"requestStatus": "SUCCESS"}
    shop.now += 700_000
    shop.sync()
    assert shop.book() == {}


def test_a_removal_that_google_did_in_part_is_told_again(at_google: tuple[GoogleLists, Kept]) -> None:
    """No row is named, so all are told again; after three such answers in turn the rest is taken for unknown there."""
    there, shop = at_google
    taking_off(there, shop, "PARTIAL_SUCCESS")
    books = []
    for _ in range(5):
        shop.now += 700_000
        shop.sync()
        books.append(shop.book())
    assert books == [{"87": "removing"}] * 2 + [{}] * 3
    assert [t["kind"] for t in trail_shown(shop.settings)] == ["remove", "remove", "remove", "add"]


def test_a_row_that_google_names_is_left_out_and_the_others_go(at_google: tuple[GoogleLists, Kept]) -> None:
    there, shop = at_google
    there.refused = {hex_of("8")}
    kept(shop.folder, [did("a", forms=GOOGLE_FORMS), did("b", forms=(Hashed("google.em", hex_of("6")),))])
    (done,) = shop.sync()
    assert (done.added, done.problem, shop.book()) == (1, "", {"87": "refused", "6": "told"})
    shop.sync()
    assert [t["rows"] for t in trail_shown(shop.settings)] == [1, 2]


def test_a_token_that_google_took_back_is_renewed(at_google: tuple[GoogleLists, Kept]) -> None:
    """And a grant that is gone needs a person; no secret stands in the problem."""
    there, shop = at_google
    kept(shop.folder, [did("a", forms=GOOGLE_FORMS)])
    there.first = [Reply(status=401, body=b'{"error":{"code":401,"status":"UNAUTHENTICATED","message":"refresh-Tk3"}}')]
    assert shop.sync()[0].added == 1
    assert len(there.tokens) == 2
    there.grant_gone = True
    kept(shop.folder, [did("a", "Purchase", ago=HOUR, forms=GOOGLE_FORMS)])
    (done,) = shop.sync()
    assert (done.code, done.removed) == ("token-invalid_grant", 0)
    assert "secret-of-the-app" not in done.problem


# -- consent for one platform, and a list by value


def test_a_no_to_one_platform_takes_off_that_list_alone(tmp_path: Path, standing: tuple[MetaLists, str]) -> None:
    there, url = standing
    tiktok = TikTokLists(ADVERTISER, TOKEN, {"a1": set()})
    with in_thread(tiktok) as second:
        own = {"platform": "tiktok", "id": ADVERTISER, "name": "tiktok-1", "token": TOKEN, "endpoint": second.url}
        shop = Kept(tmp_path, [meta(url), own], {"meta-1": LIST, "tiktok-1": "a1"})
        kept(tmp_path, [did("a"), did("b")])
        shop.sync()
        assert (names(there.lists[LIST]), names(tiktok.lists["a1"])) == ("ab", "ab")
        kept(tmp_path, [did("a", ago=HOUR, denied=("platform:tiktok",))])
        shop.sync()
        assert (names(there.lists[LIST]), names(tiktok.lists["a1"])) == ("ab", "b")
        tiktok.first = [said(40100, "Too many requests")]
        kept(tmp_path, [did("b", ago=HOUR, said=None, denied=YES)])
        found = {d.account: d.code for d in shop.sync()}
        assert found == {"meta-1": "", "tiktok-1": "40100"}
        assert names(there.lists[LIST]) == "a"


def test_the_book_of_a_newer_or_foreign_form_is_not_touched(tmp_path: Path) -> None:
    """A file that is no database is refused with its name."""
    (tmp_path / "audiences.db").write_bytes(b"something else, and long enough to be one" * 40)
    with pytest.raises(Exception, match=r"audiences\.db"), Book(tmp_path) as book:
        book.lists()
