"""A data folder that version 0.2.0 left behind, its owner killed while it held leases, goes on under this version.

The folder was written by that version's own code: copies of eight orders, one delivered, one refused, one to be tried again,
two leased, a person erased, a retention run, an order with its facts, two refused bodies.
"""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from copies import DAY, HOLD, NOW, appended, assert_sums_hold, claim, copy, opened, rows, told

FOLDERS = Path(__file__).parent / "folders"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    for name in ("twofold.db", "erasures"):
        (tmp_path / name).write_bytes(gzip.decompress((FOLDERS / f"0.2.0.{name}.gz").read_bytes()))
        (tmp_path / name).chmod(0o600)
    return tmp_path


def migrated(folder: Path) -> None:
    async def main() -> None:
        async with opened(folder, at=NOW + HOLD + 1):
            pass

    asyncio.run(main())


def test_nothing_is_lost_and_everything_still_adds_up(folder):
    """Row by row: what the old columns said, the new ones say; the sums hold and the journal goes on."""
    before = {
        "event": told(folder, "select position, verdict, action, body, substr(chain, 1, 8) from event"),
        "salts": told(folder, "select position, substr(chain, 9) from event where length(chain) > 8"),
        "counters": told(folder, "select name, n from tally order by 1"),
        "refused": told(folder, "select id, entry, place, reason from refused"),
        "names": told(folder, "select name, orders from order_name"),
        "facts": told(folder, "select orders, digest, body from order_fact"),
        "action": told(folder, "select id, late, routes, order_id from action"),
        "delivery": told(folder, "select id, state, reason, abs(lease), attempts from delivery"),
        # Sent bytes are all looked at once more.
        "progress": told(
            folder, "select what, max(position, done_at) from retention where what <> 'payload' order by 1"
        ),
        "later": told(folder, "select what, position from retention_later order by 1, 2"),
    }
    assert all(before.values())
    migrated(folder)
    after = {
        "event": told(folder, "select position, verdict, action, body, chain from event"),
        "salts": told(folder, "select position, salt from event where salt is not null"),
        "counters": told(folder, "select name, value from counter order by 1"),
        "refused": told(folder, "select id, door, batch_index, reason from refused"),
        "names": told(folder, "select name, order_row from order_name"),
        "facts": told(folder, "select order_row, digest, body from order_fact"),
        "action": told(folder, "select id, late_copies, destinations_at_accept, order_id from action"),
        "delivery": told(folder, "select id, state, reason, lease_token, attempts from delivery"),
        "progress": told(folder, "select name, value from progress where name not like 'ties%' order by 1"),
        "later": told(folder, "select what, row_number from retention_later order by 1, 2"),
    }
    assert after == before
    assert_sums_hold(folder)
    appended(folder, [copy("after")], at=NOW + DAY)
    assert_sums_hold(folder)


def test_who_held_a_lease_is_gone(folder):
    """Two deliveries were leased when the old owner was killed: due at once, and perhaps sent."""
    leased = [id for (id,) in told(folder, "select id from delivery where state = 'waiting' and lease > 0 order by 1")]
    assert len(leased) == 2

    async def main():
        async with opened(folder, at=NOW + HOLD + 1) as store:
            return await claim(store, NOW + HOLD + 2)

    claimed = {d.id: d for d in asyncio.run(main())}
    assert set(leased) <= set(claimed)
    assert [claimed[id].unsure_since for id in leased] == [NOW, NOW + HOLD + 1]  # the first was held once before


def test_what_was_to_be_tried_later_waits_until_then(folder):
    """Its lease number was kept below zero; it is neither due early nor forgotten."""
    ((later, due_at),) = told(folder, "select id, due_at from delivery where state = 'waiting' and lease < 0")

    async def main():
        async with opened(folder, at=NOW + HOLD + 1) as store:
            early = [d.id for d in await claim(store, due_at - 1)]
            return early, [d.id for d in await claim(store, due_at)]

    early, then = asyncio.run(main())
    assert later not in early
    assert later in then


def test_lists_and_orders_are_read_as_before(folder):
    """The names on the command line's lists did not change with the columns."""
    migrated(folder)
    assert [(r["entry"], r["index"], r["reason"]) for r in rows(folder, "refused")] == [
        ("events", 3, "event_time_too_old"),
        ("tr", None, "value_not_money"),
    ]
    assert {r["late"] for r in rows(folder, "actions")} <= {0, 1}
