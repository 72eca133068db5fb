"""The table of touches for one day: the signs of visits, chats and orders, as they are kept.

Owns which column is which. Whose a sign is stays a keyed digest.
"""

from __future__ import annotations

from collections.abc import Iterator

from twofold.facts.parquet import Row
from twofold.facts.rows.snapshot import Snapshot

DAY_S = 86_400
_COLUMNS = (
    "dataset", "slot", "happened_at", "kind", "source", "medium", "campaign", "content", "term", "utm_id", "click_kind",
    "campaign_id", "adset_id", "ad_id", "referrer_host", "landing_path", "device", "country", "consent",
)  # fmt: skip


def touch_rows(snapshot: Snapshot, day: int) -> Iterator[Row]:
    """One row a sign."""
    for who, key, *told in snapshot.stream("facts_touches", (day * DAY_S, (day + 1) * DAY_S)):
        yield dict(zip(_COLUMNS, told, strict=True)) | {"who": who.hex(), "source_key": key.hex()}
