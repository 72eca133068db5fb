"""What the journal knows of who reported what in the days before a start, for the share watch.

Owns one bounded question, on a connection of its own: at most the last `MAX_ACTIONS` actions are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from twofold.store.engines import open_reader

MAX_ACTIONS = 300_000
HOUR_MS = 3_600_000

# An action that a browser reported counts once for the browsers, one that anybody better reported once for the trusted
# side. What was kept back in an earlier quarantine was no normal state, unless it is of this hour and still to judge.
_SHARES = """
with recent as (
    select * from action where id > (select coalesce(max(id), 0) from action) - ?1 and created_at >= ?2 and created_at < ?3
      and event_name in ({names}) and merged_into is null),
counted as (
    select *, channels & 1 as untrusted, case when tier > 0 then 1 else 0 end as trusted,
           coalesce(cast(value as double precision), 0) as worth
    from recent)
select a.dataset, a.event_name, a.currency, a.created_at / ?5 * ?5,
       sum(a.untrusted), sum(a.trusted), sum(a.untrusted * a.worth), sum(a.trusted * a.worth)
from counted as a
where a.tier > 0 or a.created_at >= ?4 or not exists (
    select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255 and d.reason = 'quarantine')
group by 1, 2, 3, 4 order by max(a.trusted) desc, 4, 1, 2, coalesce(a.currency, '')
"""


class PastShare(NamedTuple):
    """What was reported of one name in one currency in one slot of time."""

    dataset: str
    event_name: str
    currency: str | None
    slot_ms: int  # its beginning
    untrusted: int
    trusted: int
    untrusted_value: float
    trusted_value: float


def past_shares(folder: Path, names: Sequence[str], since_ms: int, until_ms: int, slot_ms: int) -> list[PastShare]:
    """Slots from ``since_ms`` until before ``until_ms``; those with trusted copies first."""
    db = open_reader(folder)
    try:
        bound = (MAX_ACTIONS, since_ms, until_ms, until_ms - HOUR_MS, slot_ms, *names)
        sql = _SHARES.format(names=", ".join(f"?{n}" for n in range(6, 6 + len(names))))
        return [PastShare(*row) for row in db.execute(sql, bound)]
    finally:
        db.close()
