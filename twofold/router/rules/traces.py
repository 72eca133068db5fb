"""Small traces of a fault: test codes that were left in, the shop's tests told like orders, a topic that fell silent, visits
that lost their click.

Owns when each of these is a finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from twofold.report.told import Fate, ToldOrder
from twofold.router.finding import Finding, Kind, When
from twofold.router.rules.change import change_of
from twofold.router.rules.reading import Signals, TestCodes, Visits

CODED = 0.5  # of what left in a day: a person who tries something codes a few
LEAST = 10
LEAST_TESTS = 3
SILENT_S, OTHERS_WITHIN_S = 36 * 3_600, 12 * 3_600
ORDERS_SINCE = 20  # ours: without so many orders since, nothing was to be told
ORDER_TOPICS = frozenset(
    {"orders/create", "orders/paid", "orders/updated", "order.created", "order.updated", "checkout.session.completed",
     "payment_intent.succeeded", "charge.succeeded"}
)  # fmt: skip
CLICKLESS = 0.5
META = frozenset(
    {"facebook", "fb", "instagram", "ig", "meta", "facebook.com", "instagram.com", "facebook_ads", "meta_ads"}
)
PAID = ("paid", "cpc", "ppc", "cpm", "ads")
WEEK = 7


def findings_of_test_codes(signals: Signals, coded: Collection[str]) -> Iterator[Finding]:
    """Most of what leaves carries a test code: the platform shows it to testers. ``coded``: destinations that put one on
    everything; else the senders' own count."""
    by_name: dict[str, list[TestCodes]] = defaultdict(list)
    for row in signals.codes:
        by_name[row.destination].append(row)
    for name, rows in by_name.items():
        always = name in coded
        days = [r for r in rows if r.sent >= LEAST and (r.day == 0 if always else r.coded / r.sent >= CODED)]
        if not days:
            continue
        yield Finding(
            kind=Kind.TEST_CODE, about=name, when=When.NOW, events=sum(r.sent if always else r.coded for r in days),
            of=sum(r.sent for r in days), since=min(r.first for r in days) // 1000, last=max(r.last for r in days) // 1000,
            link="/deliveries",
        )  # fmt: skip


def findings_of_tests(signals: Signals, orders: Sequence[ToldOrder]) -> Iterator[Finding]:
    """The shop's own tests, of which a page told a Purchase."""
    tests = {o.row: o for o in orders if o.fate is Fate.TEST}
    seen = [tests[p.order] for p in signals.purchases if p.order in tests and p.channels & 1]
    if len(seen) >= LEAST_TESTS:
        times = [o.placed_at for o in seen]
        yield Finding(
            kind=Kind.TEST_ORDERS, when=When.WEEK, events=len(seen), of=len(orders), orders=len(seen),
            parts=(("Purchase", len(seen)),), since=min(times), last=max(times), link="/orders?fate=test",
        )  # fmt: skip


def findings_of_topics(
    seen: Mapping[str, Mapping[str, int]], orders: Sequence[ToldOrder], now: int
) -> Iterator[Finding]:
    """A topic that came and comes no more, while another of the same shop does. ``seen``: path, topic, last time (ms)."""
    for path, topics in seen.items():
        alive = any(now - at // 1000 <= OTHERS_WITHIN_S for at in topics.values())
        for topic, at_ms in topics.items():
            at = at_ms // 1000
            since = [o for o in orders if o.placed_at > at]
            if alive and topic in ORDER_TOPICS and now - at > SILENT_S and len(since) >= ORDERS_SINCE:
                stuck = sum(o.fate in (Fate.NOT_PAID_YET, Fate.NOT_CONNECTED) for o in since)
                yield Finding(
                    kind=Kind.TOPIC_SILENT, about=topic, when=When.NOW, events=len(since), of=len(orders), orders=stuck,
                    marks=(path,), since=at, last=now, link="/start", evidence=(("orders_since", str(len(since))),),
                )  # fmt: skip


def findings_of_clicks(signals: Signals) -> Iterator[Finding]:
    """Visits that say they were paid for at the platform, and carry no click id."""
    by_dataset: dict[str, list[Visits]] = defaultdict(list)
    for row in signals.visits:
        if row.source.lower() in META and any(word in row.medium.lower() for word in PAID):
            by_dataset[row.dataset].append(row)
    for dataset, rows in by_dataset.items():
        change = change_of(signals.series((r.day, r.visits - r.clicked, r.visits) for r in rows))
        days = change.days if change else WEEK
        recent = [r for r in rows if r.day < days]
        count, lost = sum(r.visits for r in recent), sum(r.visits - r.clicked for r in recent)
        if lost < LEAST or (change is None and lost / count < CLICKLESS):
            continue
        yield Finding(
            kind=Kind.CLICK_STRIPPED, about=dataset, when=When.NOW, events=lost, of=count,
            since=signals.since(days), last=max(r.last for r in recent), link="/match-quality",
            evidence=(("since_then", f"{lost / count:.0%}"),),
        )  # fmt: skip
