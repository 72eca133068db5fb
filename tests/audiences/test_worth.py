"""Lists by worth: what orders came to, as the tables of reports have it, told to Meta with each person."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.audiences.shoppers import DAY, HOUR, did, hex_of, kept, letters, listed, ordered, settings_for
from tests.fakes.graph import in_thread
from tests.fakes.platforms.lists import MetaLists
from tests.privacy.subjects import erased, erasing
from tests.store.copies import NOW
from tests.store.order_reports import entry, report
from twofold.audiences.export import csv_of
from twofold.audiences.run import sync, worked_out
from twofold.audiences.sync import NOT_LISTED
from twofold.errors import ConfigError
from twofold.ledger.model import ParcelState
from twofold.matching.subject import Mark, SubjectRequest

ARRIVED = ParcelState.DELIVERED
TOKEN = "token-of-the-account-Xy7"


def test_meta_is_told_what_delivered_orders_brought(tmp_path: Path) -> None:
    """Two orders less a refund, one order, and none that arrived; a refund later is a new worth: off and on again."""
    there = MetaLists(token=TOKEN, lists={"100": {}}, by_value={"100"})
    kept(tmp_path, [], [
        ordered("1", "o1", parcel=ARRIVED, total="42.50"), ordered("1", "o2", ago=4 * DAY, parcel=ARRIVED, total="10.00"),
        ordered("2", "o3", parcel=ARRIVED, total="99.99", refunds=(("r1", "50.00"),)),
        ordered("3", "o4", total="7.00"),
    ])  # fmt: skip
    with in_thread(there) as server:
        account = {"platform": "meta", "id": "act_1", "name": "m", "token": TOKEN, "endpoint": server.url}
        audience = {"rule": "bought_once", "value": "delivered", "smallest": 1, "lists": {"m": "100"}, "name": "worth"}
        settings = settings_for(tmp_path, audience, accounts=[account])
        (done,) = sync(settings, [], lambda: NOW)
        assert (done.added, done.problem) == (2, "")
        assert {row[0][0]: str(value) for row, value in there.lists["100"].items()} == {"2": "49.99", "3": "0.0"}
        later = entry(report("o3", at=NOW // 1000 - 60, placed=NOW // 1000 - 5 * 86_400, total="99.99", version=2, parcel=ARRIVED,
                             refunds=(("r1", "50.00"), ("r2", "9.99"))), at=NOW - HOUR)  # fmt: skip
        kept(tmp_path, [], [later])
        (done,) = sync(settings, [], lambda: NOW + HOUR)
        assert (done.removed, done.added) == (1, 1)
        assert {row[0][0]: str(value) for row, value in there.lists["100"].items()} == {"2": "40.0", "3": "0.0"}
        (told,) = worked_out(settings, settings.audience, {"worth": ["meta"]}, lambda: NOW + HOUR).audiences
        assert [line.split(b",")[2:4] for line in csv_of("meta", told.rows["meta"], told.currency, valued=True).splitlines()[1:]] == [
            [b"40.00", b"EUR"], [b"0.00", b"EUR"],
        ]  # fmt: skip


def test_without_tables_nobody_is_moved(tmp_path: Path) -> None:
    """A list that asks what orders came to and cannot know says so; nobody is taken off for it."""
    kept(tmp_path, [], [ordered("1", "o1", parcel=ARRIVED)])
    told = listed(tmp_path, "high_margin", least="10")
    assert "not made yet" in told.problem
    assert letters(told) == ""


def test_who_may_not_be_told_goes_from_a_list_whose_worth_is_not_known(tmp_path: Path) -> None:
    """The tables cannot be made: nobody comes and nobody's worth changes, and who said no, took consent back or was erased is off all
    the same."""
    there = MetaLists(token=TOKEN, lists={"100": {}}, by_value={"100"})
    kept(tmp_path, [], [ordered(letter, f"o{letter}", parcel=ARRIVED, total="42.50") for letter in "1235"])
    with in_thread(there) as server:
        account = {"platform": "meta", "id": "act_1", "name": "m", "token": TOKEN, "endpoint": server.url}
        audience = {"rule": "delivered", "value": "delivered", "smallest": 1, "lists": {"m": "100"}, "name": "worth"}
        settings = settings_for(tmp_path, audience, accounts=[account])
        (done,) = sync(settings, [], lambda: NOW)
        assert (done.added, done.problem) == (4, "")
        shutil.rmtree(tmp_path / "facts")
        (tmp_path / "facts").touch()  # no folder can be made there

        async def erase() -> None:
            async with erasing(tmp_path) as (store, eraser):
                await store.append([did("1", "PageView", ago=HOUR, said=None, denied=("ad_user_data",))])
                await store.withdraw("1", [Mark("em", hex_of("5"))], NOW - HOUR)
                await store.append_orders([ordered("4", "o4", parcel=ARRIVED, total="1.00")])
                await erased(eraser, SubjectRequest(emails=(hex_of("2"),), order_ids=("o2",)))

        asyncio.run(erase())
        (done,) = sync(settings, [], lambda: NOW + HOUR)
        assert (done.code, done.added, done.removed) == (NOT_LISTED, 0, 3)
        assert "".join(sorted(row[0][:1] for row in there.lists["100"])) == "3"
        (again,) = sync(settings, [], lambda: NOW + 2 * HOUR)
        assert (again.code, again.to_remove) == (NOT_LISTED, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "foo"}, "rule: expected one of viewed_not_bought"),
        ({"name": "a b"}, "expected letters, digits"),
        ({"rule": "high_margin"}, "least: expected an amount for high_margin"),
        ({"least": "5"}, "least: expected an amount for high_margin and none"),
        ({"value": "price"}, "value: expected one of delivered, margin"),
        ({"lists": {"nobody": "1"}}, "expected one of m, g"),
        ({"lists": {"m": "a list"}}, "expected the id of a list at meta"),
        ({"lists": {"g": "5"}}, "terms_accepted: expected true"),
        ({"lists": {"g": "5"}, "terms_accepted": True, "value": "margin"}, "value: expected lists at meta alone"),
        ({"dataset": "9"}, "dataset: expected one of 1, 2"),
        ({"days": 0}, "days"),
        ({"smallest": -1}, "smallest"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, changes: dict, said: str) -> None:
    accounts = [
        {"platform": "meta", "id": "1", "name": "m", "token": "t"},
        {"platform": "google_ads", "id": "1", "name": "g", "token": "t"},
    ]
    with pytest.raises(ConfigError, match=said):
        settings_for(tmp_path, {"name": "a", "rule": "delivered", **changes}, accounts=accounts)
