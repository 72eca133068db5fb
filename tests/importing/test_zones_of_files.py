"""A file that names no zone is read in the shop's, whichever kind of `twofold import` it is; a bare date stays that day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.importing.statements.statement_files import written
from twofold.config.read import settings_from
from twofold.importing.plan import Plan
from twofold.importing.readers.values import DateStyle
from twofold.importing.run import import_file
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.reconcile.reading.folder import Folder
from twofold.store.lines.reading import OpenLines

NOW_MS = 1_773_200_000_000
NIGHT = "2026-03-10T00:30:00+04:00"  # half past midnight in Tbilisi, which is 9 March in Greenwich
DAY = "2026-03-10T00:00:00+04:00"

FILES = {
    "payouts": "id,batch,batch_date,kind,order,gross,fee,net,currency,at\nt1,p1,,charge,1001,50.00,0,50.00,GEL,2026-03-10 00:30\n",
    "remittances": "parcel,collected,currency,delivered_at,remitted_at,batch\nP1,50.00,GEL,2026-03-10 00:30,2026-03-10 00:30,R1\n",
    "parcels": "parcel,order,status,at\nP1,1001,delivered,2026-03-10 00:30\n",
    "bank": "booked_at,amount,currency,text\n2026-03-10,50.00,GEL,a\n",
    "survey": "order_id,answered_at,answer\n1001,2026-03-10 00:30,tv\n",
}


def settings_of(folder: Path, timezone: str = "Asia/Tbilisi") -> Any:
    chain = {"timezone": timezone} if timezone else {}
    return settings_from({
        "server": {"data": str(folder / "data")}, "chain": chain, "dataset": [{"id": "1"}],
    })  # fmt: skip


def times_of(folder: Path, kind: str) -> set[int]:
    with OpenLines(folder / "data") as reader:
        found = [one.thing for form in KINDS_OF[kind] for one in reader.lines(form)]
    return {thing.at for thing in found}  # type: ignore[union-attr]


KINDS_OF = {"payouts": ("money",), "remittances": ("money",), "parcels": ("parcel",), "bank": ("money",),
            "survey": ("survey",)}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_time_without_a_zone_is_the_shops(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, FILES[kind], f"{kind}.csv")
    summary = import_statement(settings_of(tmp_path), StatementPlan(kind=kind, path=path, source="north"), NOW_MS)
    assert (summary.new, summary.refused) == (summary.total, {})
    assert times_of(tmp_path, kind) == {seconds(DAY if kind == "bank" else NIGHT)}
    assert any("Asia/Tbilisi ([chain] timezone)" in note for note in summary.notes) == (kind not in ("bank", "survey"))


@pytest.mark.parametrize(
    ("chain", "named", "offset"), [("Asia/Tbilisi", "Europe/Berlin", "+01:00"), ("", "", "+00:00")]
)
def test_what_is_named_stands_before_it_and_without_both_it_is_utc(
    tmp_path: Path, chain: str, named: str, offset: str
) -> None:
    path = written(tmp_path, FILES["payouts"], "payouts.csv")
    summary = import_statement(
        settings_of(tmp_path, chain), StatementPlan(kind="payouts", path=path, source="north", timezone=named), NOW_MS
    )
    assert times_of(tmp_path, "payouts") == {seconds(f"2026-03-10T00:30:00{offset}")}
    assert any("UTC ([chain] timezone)" in note for note in summary.notes) is not named


@pytest.mark.parametrize(
    ("told", "named", "expected"),
    [
        ("2026-03-10 00:30", "", NIGHT),
        ("2026-03-10", "", DAY),
        ("10.03.2026", "", DAY),
        ("10 Mar 2026", "", DAY),
        ("2026-03-10 00:30", "America/Los_Angeles", "2026-03-10T00:30:00-07:00"),
        # Where the file's 10 March begins it is 10 March in Tbilisi, too; in Auckland it began nine hours before that.
        ("2026-03-10", "America/Los_Angeles", "2026-03-10T00:00:00-07:00"),
        ("2026-03-10", "Pacific/Auckland", DAY),
        ("2026-03-10 00:00:00", "Pacific/Auckland", "2026-03-10T00:00:00+13:00"),
    ],
)
def test_an_orders_time_is_the_shops_and_its_bare_date_stays_that_day(
    tmp_path: Path, told: str, named: str, expected: str
) -> None:
    path = written(tmp_path, f"order_id,placed_at,total,currency\n1001,{told},50.00,GEL\n", "orders.csv")
    import_file(settings_of(tmp_path), Plan(path=path, dataset="1", timezone=named), NOW_MS)
    with Folder(tmp_path / "data") as store:
        assert [known.state.placed_at for known in store.orders()] == [seconds(expected)]


@pytest.mark.parametrize("home", ["UTC", "Asia/Tbilisi", "America/New_York", "Pacific/Kiritimati", "Pacific/Midway"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tbilisi", "America/New_York", "Pacific/Kiritimati", "Pacific/Midway"])
def test_a_day_without_a_time_is_that_day_at_home_between_all_zones(zone: str, home: str) -> None:
    """Also where two zones are further than a day apart, so that no moment is the day in both."""
    style = DateStyle(ZoneInfo(zone), "dmy", True, ZoneInfo(home))
    for text in ("2026-03-29", "29/03/2026", "29 March 2026", "46110"):
        at = style.read(text)
        assert at is not None
        assert f"{datetime.fromtimestamp(at, ZoneInfo(home)):%Y-%m-%d}" == "2026-03-29"


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
