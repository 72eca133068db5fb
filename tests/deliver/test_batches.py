"""What goes into one request: runs within the platform's count and size, and the halves of one that was refused. Values by hand."""

from __future__ import annotations

import pytest

from twofold.deliver.batches import Batch, portions
from twofold.event.delivery import Delivery


def delivery(number: int, size: int) -> Delivery:
    return Delivery(
        id=number, destination="meta-1", dataset="1", action=number, event_name="Purchase", event_id=f"e{number}",
        event_time=1_790_000_000, action_source="website", attempts=0, first_attempt_at=None, created_at=1_790_000_000_000,
        test_event_code=None, payload=b"x" * size, lease=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "most", "max_bytes", "expected"),
    [
        ([9] * 5, 50, 20, [[0, 1], [2, 3], [4]]),  # each has a sign behind it that parts it from the next
        ([9] * 5, 50, 19, [[0], [1], [2], [3], [4]]),
        ([4, 4, 9, 9, 4], 50, 20, [[0, 1, 2], [3, 4]]),
        ([9] * 5, 2, 1_000, [[0, 1], [2, 3], [4]]),
        ([9, 99, 9, 9], 50, 20, [[0], [1], [2, 3]]),  # one alone may be larger
        ([], 50, 20, []),
    ],
    ids=["two", "one", "uneven", "count", "too large", "none"],
)
def test_a_request_holds_what_the_platform_takes(sizes, most, max_bytes, expected):
    deliveries = [delivery(n, size) for n, size in enumerate(sizes)]
    assert [[d.id for d in part] for part in portions(deliveries, most, max_bytes)] == expected


def test_halves_are_all_of_it_in_their_order():
    whole = Batch(deliveries=tuple(delivery(n, 9) for n in range(5)), test_event_code=None, lease_end=1.0, consent=7)
    first, second = whole.halves()
    assert [d.id for d in first.deliveries + second.deliveries] == [0, 1, 2, 3, 4]
    assert sorted(len(half.deliveries) for half in (first, second)) == [2, 3]
    assert {(half.test_event_code, half.lease_end, half.consent) for half in (first, second)} == {(None, 1.0, 7)}
