"""The table of touches for one day: the signs of visits, chats and orders, as they are kept.

Owns which column is which, and the channel beside it (none of a buyer's own answer). Whose a sign is stays a keyed digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twofold.facts.parquet import Row
from twofold.facts.rows.snapshot import Snapshot
from twofold.touch.channels import channel_of, is_paid
from twofold.touch.model import Touch, TouchKind

DAY_S = 86_400
_COLUMNS = (
    "dataset", "slot", "happened_at", "kind", "source", "medium", "campaign", "content", "term", "utm_id", "click_kind",
    "campaign_id", "adset_id", "ad_id", "referrer_host", "landing_path", "device", "country", "consent",
)  # fmt: skip


def touch_rows(snapshot: Snapshot, day: int) -> Iterator[Row]:
    """One row a sign."""
    for who, key, *told in snapshot.stream("facts_touches", (day * DAY_S, (day + 1) * DAY_S)):
        row = dict(zip(_COLUMNS, told, strict=True))
        yield row | {"who": who.hex(), "source_key": key.hex()} | _channel(row)


def _channel(row: Row) -> dict[str, Any]:
    kind = TouchKind(row["kind"])
    if kind is TouchKind.SURVEY:
        return {"channel": "", "platform": "", "paid": False}
    words = {name: row[name] for name in ("source", "medium", "campaign", "utm_id", "campaign_id", "ad_id")}
    sourced = channel_of(Touch(at=0, kind=kind, click=row["click_kind"], referrer=row["referrer_host"], **words))
    return {"channel": sourced.channel, "platform": sourced.platform, "paid": is_paid(sourced)}
