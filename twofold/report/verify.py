"""Whether the data folder still holds together: the sums that must be equal, the walk along the journal, the digests.

Owns the checks of `verify`, read-only and in one snapshot, beside a running gateway. Mends nothing. What was walked once
without a fault is kept in the file `proved`, and of a long journal only what came since is walked again (`proof`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec.structs import astuple

from twofold.errors import StoreDamaged, StoreError
from twofold.privacy.audit_log import check_log
from twofold.privacy.tombstones import damaged_erasures, written_erasures
from twofold.report.proof import Proof, keep_proof, read_proof
from twofold.report.verify_lines import check_lines
from twofold.store.beside.folder import is_open
from twofold.store.beside.watermark import require_traces
from twofold.store.beside.withdrawn_file import FILE as WITHDRAWALS
from twofold.store.beside.withdrawn_file import damaged_withdrawals
from twofold.store.bodies import body_reader
from twofold.store.digests import frozen_digest, row_crc, row_digest
from twofold.store.engines import is_embedded, kit_for, open_walker, require_data
from twofold.store.gates.releases import released_digest
from twofold.store.gates.values import told_digest
from twofold.store.journal import GENESIS, plain_digest
from twofold.store.orders.buyers import seal_of
from twofold.store.orders.ledger import name_crc
from twofold.store.peers.places import SPAN, strand_of, sums_of
from twofold.store.secret import FILE as ERASURES
from twofold.store.secret import SECRET_MARK, known_ring, mark_of
from twofold.store.touches.frozen import path_digest
from twofold.store.touches.nameless import nameless_digest


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


def verify(folder: Path | str, now_ms: int | None = None, *, full: bool = False) -> list[Check]:
    """Everything that must hold, in one snapshot; cost grows with the journal's length.

    ``now_ms``: what was proved before may be relied on, and is kept for the next time, unless ``full``.
    """
    folder = Path(folder)
    (require_traces if is_embedded(folder) else require_data)(folder)
    loss = _loss(folder)
    lost = Check("losses that the watermark or the write-ahead log tell of", int(loss is not None), 0, loss or "")
    kit = kit_for(folder)
    altered = None if is_open(folder) else kit.altered(folder)
    sealed = Check("changes to the database file since it was closed", int(altered is not None), 0, altered or "")
    try:
        db = open_walker(folder)
    except StoreError:
        if loss is None:
            raise
        return [lost]  # so much is gone that it is no database of ours any more
    try:
        db.execute("begin")
        proof = None if full or now_ms is None else read_proof(folder, db, now_ms)
        walk = _Walk(db, proof or Proof())
        checks = [
            lost,
            sealed,
            _schema(kit.odd_tables, db),
            *_sums(db, walk),
            *walk.checks(),
            *_digests(db),
            *_tallies(db),
            _copies(db, walk),
            _places(db),
            _days(db),
            *(Check(*line) for line in check_lines(db)),
            *(Check(*line) for line in check_log(db)),
            _erasures(folder, db),
            _secret(folder, db),
            _beside(folder),
        ]
    except apsw.BusyError as err:
        raise StoreError(f"{folder} is busy: {err}; try again") from err
    except apsw.Error as err:  # also "no such column": the schema is text on a page, too
        raise StoreDamaged(f"{folder} cannot be read to its end: {err}; restore it from a backup") from err
    except (TypeError, ValueError, AttributeError, LookupError) as err:  # a value of another type, text that is none
        raise StoreDamaged(f"{folder} holds a value that nobody wrote: {err}; restore it from a backup") from err
    finally:
        db.close()
    if now_ms is not None and all(c.holds for c in checks):
        keep_proof(folder, walk.proof(now_ms))
    return checks


def _loss(folder: Path) -> str | None:
    """What was acknowledged and is gone. The log is read where nobody writes to it."""
    alone = not is_open(folder)
    kit = kit_for(folder)
    loss = kit.lost(folder, alone)
    if loss is not None and alone and is_open(folder):  # somebody opened it meanwhile
        loss = kit.lost(folder, False)
    return loss.what if loss is not None else None


def _schema(odd_tables: Callable[[Any], list[str]], db: Any) -> Check:
    """Tables and indexes are made by words that stand somewhere, too."""
    odd = odd_tables(db)
    return Check("tables that are not made as this version makes them", len(odd), 0, ", ".join(odd))


def _erasures(folder: Path, db: Any) -> Check:
    """Without its line in the file a person comes back with the next database that is restored."""
    known = {number for (number,) in db.execute("select id from erasure where state in ('found', 'cleared', 'done')")}
    lost = sorted(known - written_erasures(folder))
    note = f"{lost[0]} and others; put the file erasures back in its place" if lost else ""
    return Check("erasures that are not in the file erasures", len(lost), 0, note)


def _beside(folder: Path) -> Check:
    """Lines of the files beside the database that are not what was written; what stands in the database counts on."""
    damaged = {ERASURES: damaged_erasures(folder), WITHDRAWALS: damaged_withdrawals(folder)}
    names = [name for name, lines in damaged.items() if lines]
    note = f"in {' and '.join(names)}; restore from a copy" if names else ""
    return Check("damaged lines in the files erasures and withdrawals", sum(damaged.values()), 0, note)


def _secret(folder: Path, db: Any) -> Check:
    """Without the secret that they were keyed with, kept signs and buyers are joined to nobody's later ones."""
    kept = db.execute("select value from meta where name = ?", (SECRET_MARK,)).fetchone()
    ring = known_ring(folder) if kept else None
    other = int(kept is not None and (ring is None or mark_of(ring) != kept[0]))
    note = "put the file erasures back in its place" if other else ""
    return Check("secrets other than the one that browsers and buyers were keyed with", other, 0, note)


class _Facts(msgspec.Struct, gc=False):
    """Of a body, what stands in columns beside it, too; in the order of the columns."""

    dataset: str
    event_name: str
    event_id: str
    event_time: int
    received_at: int
    channel: str
    sender: str
    tier: int


class _Money(msgspec.Struct, frozen=True, gc=False):
    value: Decimal | None = None
    currency: str | None = None


class _Paid(msgspec.Struct, gc=False):
    custom_data: _Money = _Money()


_facts = msgspec.json.Decoder(_Facts).decode
_paid = msgspec.json.Decoder(_Paid).decode
_ROWS = (
    "select e.position, e.verdict, e.action, e.body, e.chain, e.salt, e.dataset, e.event_name, e.event_id, e.event_time, "
    "e.received_at, e.channel, e.sender, e.tier, "
    "a.dataset is not distinct from e.dataset and a.event_name is not distinct from e.event_name, "
    "a.copies = 1 and a.sealed_at is null and a.merged_into is null, a.value, a.currency, a.id is not null, "
    "a.tier = e.tier and a.event_time = e.event_time and a.event_id is not distinct from e.event_id and a.late_copies = 0 "
    "and a.channels = case e.channel when 'browser' then 1 else 2 end from event as e "
    "left join action as a on a.id = e.action where e.position > ? order by e.position"
)


class _Walk:
    """Along each strand of the journal from where it was proved: the first row that does not follow from the one before is named.

    A redacted row follows by the digest of the body it came with; what is left of the body has a digest of its own. The
    digest chain covers the bodies; the columns beside them are for looking things up and must agree, and so must an
    action with its first copy, and with the money of its only one.
    """

    def __init__(self, db: Any, proof: Proof) -> None:
        self.start = proof
        self.rows = proof.position
        self.last = proof.position
        self.reached = 0  # the last positions of all strands, each counted from its own first
        self.chain = bytes.fromhex(proof.chain) if proof.chain else GENESIS
        self.verdicts = Counter(proof.verdicts)
        self.good = self.agreeing = self.with_action = self.same_action = proof.position
        self.redacted = self.kept = 0
        self.broken = self.altered = self.strange = ""
        # Few, and needed for hardly any row: a lookup here is cheaper than one in the database for each row.
        sql = "select position, digest, body from redaction where position > ?"
        self._redactions = {position: (digest, body) for position, digest, body in db.execute(sql, (proof.position,))}
        # Actions that stand for others have what those brought, too.
        self._carrying = {action for (action,) in db.execute("select distinct action from carried_over")}
        self._go(db)

    def _go(self, db: Any) -> None:
        """Written out for speed: of four microseconds a row, a call costs a tenth."""
        read, facts_of, fields, redactions = body_reader(), _facts, astuple, self._redactions
        empty = blake2b(digest_size=8).copy  # costs less than beginning anew
        before, rows, good, agreeing, with_action, same_action = self.chain, 0, 0, 0, 0, 0
        verdicts: Counter[str] = Counter()
        position = self.start.position
        end = (strand_of(position) + 1) * SPAN
        for row in db.execute(_ROWS, (position,)):
            if row[0] > end:  # the next strand begins
                self.reached += position % SPAN
                before, end = GENESIS, (strand_of(row[0]) + 1) * SPAN
            position, verdict, action, packed, chain, salt, *_ = row
            body = read(packed)
            rows += 1
            verdicts[verdict] += 1
            if position in redactions:
                digest = self._redacted(position, body)
            else:
                digest = blake2b(body, digest_size=16, salt=salt or b"").digest()  # as `body_digest`
            link = empty()
            link.update(b"%b%d %b %d %b" % (before, position, verdict.encode(), action, digest))
            if link.digest() == chain:
                good += 1
            elif not self.broken:
                self.broken = f"the first row that does not follow is position {position}"
            before = chain
            with_action += row[18]
            if row[14] and (not row[15] or (row[19] and _is_paid(row, body)) or action in self._carrying):
                same_action += 1
            elif not self.strange:
                self.strange = f"the first copy whose action says something else is position {position}"
            try:
                agreeing += fields(facts_of(body)) == row[6:14]
            except msgspec.MsgspecError:
                continue
        self.reached += position % SPAN
        self.rows += rows
        self.last = position
        self.chain = before
        self.good += good
        self.agreeing += agreeing
        self.with_action += with_action
        self.same_action += same_action
        self.verdicts.update(verdicts)

    def _redacted(self, position: int, body: bytes) -> bytes:
        digest: bytes
        digest, now = self._redactions[position]
        self.redacted += 1
        if plain_digest(body) == now:
            self.kept += 1
        elif not self.altered:
            self.altered = f"the first redacted row that was altered since is position {position}"
        return digest

    def checks(self) -> list[Check]:
        since = self.start.note()
        return [
            Check("journal rows follow each other unaltered", self.rows, self.good, self.broken or since),
            Check("journal rows say what their bodies say", self.rows, self.agreeing),
            Check("actions say what their copies say", self.rows, self.same_action, self.strange),
            Check("redacted rows are as they were left", self.redacted, self.kept, self.altered),
        ]

    def proof(self, now_ms: int) -> Proof:
        at = self.start.at if self.start.at else now_ms
        return Proof(self.last, self.chain.hex(), dict(self.verdicts), at)


def _is_paid(row: tuple[Any, ...], body: bytes) -> bool:
    """True when the money of an action is that of its only copy, as long as nothing was sent of it."""
    try:
        data = _paid(body).custom_data
    except msgspec.MsgspecError:
        return False
    return (row[16], row[17]) == (None if data.value is None else str(data.value), data.currency)


def _sums(db: Any, walk: _Walk) -> list[Check]:
    """What was promised to add up, at any time (conservation)."""
    tally = sums_of(db.execute("select name, value from counter"))
    return [
        *_sums_of_copies(tally, walk),
        *_sums_of_actions(db, walk),
        *_sums_of_deliveries(db),
        *_sums_kept_apart(db, tally),
    ]


def _one(db: Any, sql: str) -> int:
    value: int = db.execute(sql).fetchone()[0] or 0
    return value


def _sums_of_copies(tally: Mapping[str, int], walk: _Walk) -> list[Check]:
    """What was counted while it was accepted, against what stands in the journal."""
    verdicts, journal = walk.verdicts, walk.rows
    return [
        Check("accepted = journalled", tally.get("accepted", 0), journal),
        Check("positions have no holes", walk.reached, journal),
        Check("accepted = first + repeat + twin + conflict", tally.get("accepted", 0), sum(verdicts.values())),
        *(
            Check(f"counted {name} = journalled {name}", tally.get(name, 0), verdicts[name])
            for name in ("first", "repeat", "twin", "conflict")
        ),
    ]


def _sums_of_actions(db: Any, walk: _Walk) -> list[Check]:
    """Actions against the copies that they are the fold of."""
    return [
        Check("first copies = actions", walk.verdicts["first"], _one(db, "select count(*) from action")),
        Check("every copy belongs to an action", walk.rows, walk.with_action),
        Check(
            "copies of actions = journalled",
            _one(db, "select sum(copies) from action where merged_into is null"),
            walk.rows,
        ),
    ]


def _sums_of_deliveries(db: Any) -> list[Check]:
    """Each action has one delivery for each destination, in one state, with what that state rests on."""
    deliveries = _one(db, "select count(*) from delivery")
    return [
        Check(
            "deliveries = actions x destinations",
            _one(db, "select sum(destinations_at_accept) from action"),
            deliveries,
        ),
        Check(
            "deliveries = delivered + suppressed + waiting + paused + dead",
            deliveries,
            _one(
                db,
                "select count(*) from delivery d join destination t on t.id = d.destination and t.id = d.id % 256 "
                "where d.state in ('delivered', 'suppressed', 'waiting', 'dead')",
            ),
        ),
        Check(
            "every settled delivery has its time",
            _one(db, "select count(*) from delivery where state != 'waiting'"),
            _one(db, "select count(*) from delivery where settled_at is not null"),
        ),
        Check(
            "every delivered one has frozen bytes and a delivering attempt",
            _one(db, "select count(*) from delivery where state = 'delivered'"),
            _one(
                db,
                "select count(*) from delivery d where state = 'delivered' and exists (select 1 from frozen f where "
                "f.delivery = d.id) and (exists (select 1 from attempt a where a.delivery = d.id) or d.settled_at < "
                "(select value from progress where name = 'trail_before'))",
            ),
        ),
    ]


def _sums_kept_apart(db: Any, tally: Mapping[str, int]) -> list[Check]:
    """What was refused, by its reasons, and what was emptied, by its log."""
    return [
        Check(
            "refused = sum by reason",
            tally.get("refused", 0),
            sum(n for name, n in tally.items() if name.startswith("refused.")),
        ),
        Check(
            "redacted rows = rows that the log says were redacted",
            _one(db, "select count(*) from redaction"),
            _redacted_by_log(db),
        ),
    ]


# What has a digest of its own: name, its rows, and the digest over a row of them. The first column is the row's number,
# the second its digest.
_DIGESTS: tuple[tuple[str, str, Callable[[tuple[Any, ...]], bytes | int]], ...] = (
    (
        "frozen bytes are what was frozen",
        "select delivery, digest, event_id, event_time, action_source, test_event_code, payload from frozen "
        "where digest is not null",
        lambda row: frozen_digest(row[0], row[2:6], row[6]),
    ),
    (
        "attempts are what was tried",
        "select id, digest, delivery, started_at, ended_at, outcome, status, code, decision, note from attempt "
        "where digest is not null",
        lambda row: row_digest(*row[2:]),
    ),
    (
        "settlements are what was settled",
        "select id, digest, state, reason, settled_at from delivery where digest is not null and state != 'waiting'",
        lambda row: row_digest(row[0], *row[2:]),
    ),
    (
        "deliveries that a person let through are those that were",
        "select delivery, digest, released_at from released where digest is not null",
        lambda row: released_digest(row[0], row[2]),
    ),
    (
        "values that destinations were told are those that were worked out",
        "select delivery, digest, worth, value, currency from told_value",
        lambda row: told_digest(row[0], *row[2:]),
    ),
    (
        "reports about orders are what was reported",
        "select id, row_digest, received_at, at, kind, source, reference, body from order_fact "
        "where row_digest is not null",
        lambda row: row_digest(*row[2:]),
    ),
    (
        "orders are what their reports made of them",
        "select id, digest, order_id, placed_at, state from orders where digest is not null",
        lambda row: row_digest(*row[2:]),
    ),
    (
        "names of orders lead where they led",
        "select lower(hex(name)), crc, name, order_row from order_name where crc is not null",
        lambda row: name_crc(*row[2:]),
    ),
    (
        "buyers of orders are who bought",
        "select order_row, seal, digest, order_row, kind, since from order_party",
        lambda row: seal_of(*row[2:]),
    ),
    (
        "signs of visits are what was seen",
        "select hex(who) || '/' || slot, digest, lower(hex(who)), slot, lower(hex(key)), dataset, at, kind, source, medium, "
        "campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer, landing, device, country, consent "
        "from touch",
        lambda row: row_digest(*row[2:]),
    ),
    (
        "what leads from Purchases to signs is what was found",
        "select action, digest, action, lower(hex(who)), kind, tier, received_at from touch_link",
        lambda row: row_digest(*row[2:]),
    ),
    (
        "paths of orders are what was found to have led to them",
        "select order_row, digest, order_row, told_at, reason, touches from order_path",
        lambda row: path_digest(*row[2:]),
    ),
    (
        "what came late for a path is what came",
        "select kind || ' ' || hex(key), crc, kind, lower(hex(key)) from path_news",
        lambda row: row_crc(*row[2:]),
    ),
    (
        "nameless rows are what stood in paths that lost their order",
        "select id, digest, id, dataset, day, amounts, reason, touches from nameless",
        lambda row: nameless_digest(*row[2:]),
    ),
    (
        "browsers are what they said",
        "select id, crc, id, dataset, fbp, consent, limits, first_at, last_at, visits from browser where crc is not null",
        lambda row: row_crc(*row[2:]),
    ),
    (
        "visits are what was seen of browsers",
        "select browser, crc, browser, slot, from_at, until_at, fbc, address, agent, click_ids from visit "
        "where crc is not null",
        lambda row: row_crc(*row[2:]),
    ),
    (
        "identifiers lead to the browsers they were seen with",
        "select browser, crc, key, browser, kind, tier, first_at, last_at from sighting where crc is not null",
        lambda row: row_crc(row[2].hex(), *row[3:]),
    ),
)

# Rows of whole numbers with their sum, as the engine worked it out when it wrote them; in the words of the tables.
_TALLIES = (
    ("actions stand for those that they stood for", "superseded", "action * 1000003 + successor * 8209 + at"),
    ("copies of others are those that were carried over", "carried_over", "action * 1000003 + position"),
    (
        "orders that lose their path are those that were named",
        "nameless_due",
        "order_row * 1000003 + case why when 'erased' then 1 else 2 end",
    ),
    (
        "days to be made again are those that were marked",
        "changed_day",
        "day * 1000003 + generation * 8209 + erased * 131 + case part when 'orders' then 1 when 'actions' then 2 "
        "when 'lines' then 3 when 'touches' then 4 end",
    ),
)


def _digests(db: Any) -> list[Check]:
    checks = []
    for name, sql, digest in _DIGESTS:
        rows = good = 0
        altered = ""
        for row in db.execute(sql):
            rows += 1
            if digest(row) == row[1]:
                good += 1
            elif not altered:
                altered = f"the first that was altered is {row[0]}"
        checks.append(Check(name, rows, good, altered))
    waiting = (
        "select count(*), count(f.digest) from delivery as d join frozen as f on f.delivery = d.id "
        "where d.state = 'waiting'"
    )
    left, right = db.execute(waiting).fetchone()
    return [*checks, Check("waiting frozen bytes have their digest", left, right)]


def _tallies(db: Any) -> list[Check]:
    checks = []
    for name, table, tally in _TALLIES:
        rows, good = db.execute(
            f"select count(*), count(*) filter (where tally is not distinct from {tally}) from {table}"
        ).fetchone()
        checks.append(Check(name, rows, good))
    return checks


def _copies(db: Any, walk: _Walk) -> Check:
    """Later copies are looked up by the action they came for, and by the one that it was merged into."""
    merged = dict(db.execute("select id, merged_into from action where merged_into is not null"))

    def belongs(action: int, came_for: int | None) -> bool:
        while came_for is not None and came_for != action:
            came_for = merged.get(came_for)
        return came_for == action

    sql = "select count(*), count(*) filter (where e.action = c.action) from copy as c left join event as e on e.position = c.position"
    rows, own = db.execute(sql).fetchone()
    sql = (
        "select c.action, e.action from copy as c left join event as e on e.position = c.position "
        "where e.action is distinct from c.action"
    )
    theirs = sum(belongs(*row) for row in db.execute(sql)) if merged else 0
    missing = walk.rows - walk.verdicts["first"] - own
    return Check("later copies are listed with their actions", rows + missing, own + theirs)


def _places(db: Any) -> Check:
    """A sign is found by whose it is: in the list of places, or among the newest, which are not listed."""
    signs = db.execute("select (select count(*) from touch) + (select count(*) from touch_place)").fetchone()[0]
    listed = db.execute(
        "select count(*) from touch_place as p join touch as t "
        "on t.id = p.touch and t.who = p.who and t.slot = p.slot and t.key = p.key"
    ).fetchone()[0]
    tail = db.execute(
        "select count(*) from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until"
    ).fetchone()[0]
    return Check("signs of visits are found by whose they are", signs, 2 * listed + tail)


def _days(db: Any) -> Check:
    """By these days the tables of reports are filed. A batch lies in the day of its last event: of its first at most one
    day away."""
    rows, good = db.execute(
        "select count(*), count(*) filter (where abs(e.received_at / 86400000 - j.day) <= 1) "
        "from journal_day as j left join event as e on e.position = j.first_position"
    ).fetchone()
    return Check("days of the journal begin where they began", rows, good)


def _redacted_by_log(db: Any) -> int:
    """Rows that finished acts account for, and those of erasures and of a retention still under way."""
    logged = "select coalesce(sum(cast(json_extract(facts, '$.redacted') as bigint)), 0) from audit"
    open_ = "select coalesce(sum(cast(json_extract(counts, '$.redacted') as bigint)), 0) from erasure where state in ('asked', 'found')"
    pending = "select coalesce(sum(value), 0) from progress where name = 'redacted'"
    return sum(int(db.execute(sql).fetchone()[0]) for sql in (logged, open_, pending))
