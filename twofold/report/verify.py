"""Whether the data folder still holds together: the sums that must be equal, and the walk along the journal's chain.

Owns the checks of `verify`, read-only and in one snapshot, beside a running gateway. Mends nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec

from twofold.errors import StoreDamaged, StoreError
from twofold.privacy.audit_log import check_log
from twofold.store.journal import GENESIS, body_digest, link, plain_digest
from twofold.store.sqlite.database import is_open, open_reader
from twofold.store.watermark import examine, require_traces

# The digest chain covers the bodies; the columns beside them are for looking things up and must agree.
_AGREEING = (
    "select count(*) from (select *, cast(plain_body(body) as text) as json from event) where json_valid(json) and "
    + " and ".join(
        f"json_extract(json, '$.{name}') = {name}"
        for name in ("dataset", "event_name", "event_id", "event_time", "received_at", "channel", "sender", "tier")
    )
)


class Check(msgspec.Struct, frozen=True):
    """One line of `verify`: what must be equal, both sides, and whether they are."""

    name: str
    left: int
    right: int
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.left == self.right

    @property
    def line(self) -> str:
        """For people."""
        note = f" ({self.note})" if self.note else ""
        return f"{'OK ' if self.holds else 'NO '} {self.name}: {self.left} = {self.right}{note}"


def verify(folder: Path | str) -> list[Check]:
    """The sums of conservation and the journal's chain, in one snapshot; cost grows with the journal's length."""
    require_traces(Path(folder))
    loss = _loss(Path(folder))
    lost = Check("losses that the watermark or the write-ahead log tell of", int(loss is not None), 0, loss or "")
    try:
        db = open_reader(Path(folder))
    except StoreError:
        if loss is None:
            raise
        return [lost]  # so much is gone that it is no database of ours any more
    try:
        db.execute("begin")
        return [lost, *_sums(db), *_chain(db)]
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as err:
        raise StoreDamaged(f"{folder} cannot be read to its end: {err}; restore it from a backup") from err
    finally:
        db.close()


def _loss(folder: Path) -> str | None:
    """What was acknowledged and is gone. The log is read where nobody writes to it."""
    alone = not is_open(folder)
    loss = examine(folder, scan_log=alone)
    if loss is not None and alone and is_open(folder):  # somebody opened it meanwhile
        loss = examine(folder, scan_log=False)
    return loss.what if loss is not None else None


def _sums(db: Any) -> list[Check]:
    def one(sql: str) -> int:
        value: int = db.execute(sql).fetchone()[0] or 0
        return value

    tally = dict(db.execute("select name, value from counter"))
    verdicts = dict(db.execute("select verdict, count(*) from event group by verdict"))
    journal = one("select count(*) from event")
    checks = [
        Check("accepted = journalled", tally.get("accepted", 0), journal),
        Check("positions have no holes", one("select max(position) from event"), journal),
        Check("accepted = first + repeat + twin + conflict", tally.get("accepted", 0), sum(verdicts.values())),
    ]
    checks += [
        Check(f"counted {name} = journalled {name}", tally.get(name, 0), verdicts.get(name, 0))
        for name in ("first", "repeat", "twin", "conflict")
    ]
    checks += [
        Check("first copies = actions", verdicts.get("first", 0), one("select count(*) from action")),
        Check(
            "every later copy belongs to an action",
            journal - verdicts.get("first", 0),
            one("select count(*) from event e join action a on a.id = e.action where e.verdict != 'first'"),
        ),
        Check(
            "copies of actions = journalled",
            one("select sum(copies) from action where merged_into is null"),
            journal,
        ),
        Check(
            "deliveries = actions x destinations",
            one("select sum(destinations_at_accept) from action"),
            one("select count(*) from delivery"),
        ),
        Check(
            "deliveries = delivered + suppressed + waiting + paused + dead",
            one("select count(*) from delivery"),
            one(
                "select count(*) from delivery d join destination t on t.id = d.destination "
                "where d.state in ('delivered', 'suppressed', 'waiting', 'dead')"
            ),
        ),
        Check(
            "every settled delivery has its time",
            one("select count(*) from delivery where state != 'waiting'"),
            one("select count(*) from delivery where settled_at is not null"),
        ),
        Check(
            "every delivered one has frozen bytes and a delivering attempt",
            one("select count(*) from delivery where state = 'delivered'"),
            one(
                "select count(*) from delivery d where state = 'delivered' and exists (select 1 from frozen f where "
                "f.delivery = d.id) and (exists (select 1 from attempt a where a.delivery = d.id) or d.settled_at < "
                "(select value from progress where name = 'trail_before'))"
            ),
        ),
        Check(
            "refused = sum by reason",
            tally.get("refused", 0),
            sum(n for name, n in tally.items() if name.startswith("refused.")),
        ),
    ]
    return checks


def _chain(db: Any) -> list[Check]:
    """Walks the journal: the first row that does not follow from the one before is named.

    A redacted row follows by the digest of the body it came with; what is left of the body has a digest of its own.
    """
    before, good, rows, redacted, kept = GENESIS, 0, 0, 0, 0
    broken = altered = ""
    for position, verdict, action, body, own, salt, digest, now in db.execute(
        "select e.position, e.verdict, e.action, plain_body(e.body), e.chain, e.salt, r.digest, r.body from event as e "
        "left join redaction as r on r.position = e.position order by e.position"
    ):
        rows += 1
        if link(before, position, verdict, action, digest or body_digest(body, salt or b"")) == own:
            good += 1
        elif not broken:
            broken = f"the first row that does not follow is position {position}"
        if digest is not None:
            redacted += 1
            if plain_digest(body) == now:
                kept += 1
            elif not altered:
                altered = f"the first redacted row that was altered since is position {position}"
        before = own
    return [
        Check("journal rows follow each other unaltered", rows, good, broken),
        Check("journal rows say what their bodies say", rows, db.execute(_AGREEING).fetchone()[0]),
        Check("redacted rows are as they were left", redacted, kept, altered),
        Check("redacted rows = rows that the log says were redacted", redacted, _redacted_by_log(db)),
        *(Check(*line) for line in check_log(db)),
    ]


def _redacted_by_log(db: Any) -> int:
    """Rows that finished acts account for, and those of erasures and of a retention still under way."""
    logged = "select coalesce(sum(json_extract(facts, '$.redacted')), 0) from audit"
    open_ = "select coalesce(sum(json_extract(counts, '$.redacted')), 0) from erasure where state in ('asked', 'found')"
    pending = "select coalesce(sum(value), 0) from progress where name = 'redacted'"
    return sum(int(db.execute(sql).fetchone()[0]) for sql in (logged, open_, pending))
