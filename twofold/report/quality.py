"""How well events can be matched, before the platform says so: an estimate per event name, and what would raise it.

Owns the estimate's weights and the words about each key. **The score is ours.** Meta publishes its inputs (which keys
arrive, whether they are valid, 0 to 10, web events of the server, the last 48 hours), not how they are weighed; the
weights follow its Help Center's priority table of November 2025, which another page of Meta's contradicts. Read it as a
direction, and compare it with itself.

Coverage is counted over all payloads of the period, by the database. What only the bodies tell (values left out, delay)
is read from a sample of them.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric

from twofold.event.model import Channel, Event, readable_event
from twofold.event.vocabulary import STANDARD_EVENTS
from twofold.matching.user_data import present_keys
from twofold.report.period import Journal, journal_of, sample_of
from twofold.store.engine import id_array

PERIOD_MS = 48 * 3_600_000  # documented: Meta looks at the last 48 hours
FULL = 12  # ours: e-mail, click id, phone, external_id and fbp together are all that is needed
GOAL_PERCENTAGE = 75  # documented: browser events that the server should cover
SAMPLE = 5_000  # bodies read for a report: about 0.1 s
NOTE = "Our estimate from documented inputs, not Meta's figure: compare it with itself, not with Events Manager."

SCORE_DROP = 0.5  # ours: points by which the estimate may fall before it is called a drop
COVERAGE_DROP = 20.0  # ours: percentage points by which one important key may fall
MIN_EVENTS = 50  # ours: in either period; fewer say nothing
CHANCE = 4.0  # ours: standard errors; two periods of one shop in which nothing changed lie further apart once in thirty thousand


class Key(Struct, frozen=True):
    """One match key: its name in Meta's words, its weight in our estimate, and what sending it means."""

    identifier: str
    weight: int
    privacy: str


KEYS: dict[str, Key] = {
    "em": Key("email", 3, "Names one person everywhere. Hashed, but known to everyone who knows the address: consent."),
    "fbc": Key("fbc", 3, "Says which ad was clicked. No contact data; 90 days in a cookie of your site."),
    "ph": Key("phone", 2, "Names one person everywhere; numbers can be tried out, so the hash hides little: consent."),
    "external_id": Key(
        "external_id", 2, "Your own customer number, hashed. Means nothing to others without your data."
    ),
    "fbp": Key("fbp", 2, "A random number of one browser; 90 days in a cookie of your site."),
    "fb_login_id": Key("fb_login_id", 2, "The account itself. Only where people log in with Facebook at your shop."),
    "db": Key("date_of_birth", 2, "Sensitive together with a name, and rarely needed to sell something: leave it."),
    "country": Key("country", 2, "Hardly points to anyone. Your orders have it already."),
    "fn": Key("first_name", 1, "Weak alone; with surname and town it names a person. Your orders have it already."),
    "ln": Key("last_name", 1, "Weak alone; with first name and town it names a person. Your orders have it already."),
    "ct": Key("city", 1, "Narrows a name down. Your orders have it already."),
    "zp": Key("zip_code", 1, "Narrows a name down to some streets. Your orders have it already."),
    "st": Key("state", 1, "Hardly points to anyone. Your orders have it already."),
    "ge": Key("gender", 1, "Personal, and worth little: leave it unless you have it for another reason."),
    "lead_id": Key("lead_id", 1, "The platform's own number of a lead form. Only for leads that came from one."),
    "client_ip_address": Key("ip_address", 1, "Tells the household or company. The visit's, not your server's."),
    "client_user_agent": Key("user_agent", 1, "Browser and device kind; weak alone, needed with the address."),
}
IMPORTANT = tuple(name for name, key in KEYS.items() if key.weight >= 2)


class KeyFeedback(Struct, frozen=True, kw_only=True):
    """One key of one event name. ``gain``: points that the estimate would rise by if every event carried it."""

    key: str
    identifier: str
    coverage: float  # percentage of events sent
    unusable: float  # percentage of sampled copies in which a value had to be left out
    gain: float
    privacy: str


class EventQuality(Struct, frozen=True, kw_only=True):
    """One event name of one dataset in a period. Percentages are of 100, one decimal."""

    dataset: str
    event_name: str
    events: int  # payloads made; of the destination that got most
    score: float | None  # 0 to 10; None when nothing of it was sent as a web event
    score_before: float | None  # of the period of the same length before; None when that had too few events
    keys: tuple[KeyFeedback, ...]
    id_coverage: float  # actions with an event id of their sender's
    browser_events: int
    server_events: int
    event_coverage: float | None  # browser events that the server reported too, by a shared key
    delay_s: float | None  # half of the sampled server copies came within so many seconds
    sampled: int
    drops: tuple[str, ...]  # what fell, in words; empty when nothing did

    @property
    def missing(self) -> tuple[KeyFeedback, ...]:
        """Keys that would bring something, the most first."""
        return tuple(sorted((k for k in self.keys if k.gain > 0), key=lambda k: -k.gain))


class _Sent(Struct):
    """What left of one event name: how often each set of keys."""

    sets: Counter[frozenset[str]]
    web: Counter[frozenset[str]]

    @property
    def events(self) -> int:
        return sum(self.sets.values())

    @property
    def score(self) -> float | None:
        total = sum(self.web.values())
        return _mean_score(self.web, frozenset()) if total else None

    def coverage(self, key: str) -> float:
        return _percent(sum(n for keys, n in self.sets.items() if key in keys), self.events)


class _Seen(Struct):
    """What a sample of bodies tells about one event name."""

    copies: int = 0
    left_out: Counter[str] = Counter()
    delays_s: list[float] = []


Name = tuple[str, str]  # dataset, event name


def quality(
    folder: Path | str, now_ms: int, *, period_ms: int = PERIOD_MS, dataset: str | None = None, sample: int = SAMPLE
) -> list[EventQuality]:
    """One row for each event name of the last ``period_ms``, compared with the same length of time before."""
    with journal_of(folder) as journal:
        span = journal.positions(now_ms - period_ms, now_ms + 1)
        now, before = (
            _sent(journal, span),
            _sent(journal, journal.positions(now_ms - 2 * period_ms, now_ms - period_ms)),
        )
        copies = {(row[0], row[1]): row[2:7] for row in journal.run("quality_copies", span)}
        seen = _seen(journal, span, sample)
    names = sorted(name for name in {*now, *before, *copies} if dataset in (None, name[0]))
    return [_row(n, now.get(n), before.get(n), copies.get(n, (0, 0, 0, 0, 0)), seen.get(n, _Seen())) for n in names]


def scores(folder: Path | str, spans_ms: Sequence[tuple[int, int]]) -> list[dict[Name, tuple[float | None, int]]]:
    """For each stretch of time: the estimate of each event name, and of how many payloads."""
    with journal_of(folder) as journal:
        found = [_sent(journal, journal.positions(since, until)) for since, until in spans_ms]
    return [{name: (_rounded(sent.score), sent.events) for name, sent in one.items()} for one in found]


class QualityMetrics:
    """Gauges of the estimate for ``/metrics``. `refresh` reads the folder (off the loop, every few minutes)."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = folder
        self._rows: Sequence[EventQuality] = ()

    def refresh(self, now_ms: int) -> None:
        self._rows = quality(self._folder, now_ms, sample=0)

    def collect(self) -> Iterator[Metric]:
        """Names that are not Meta's standard ones are one label together: the set of labels stays closed."""
        score = GaugeMetricFamily(
            "twofold_match_quality_estimate", "Our estimate, 0 to 10, over 48 hours.", labels=["dataset", "event"]
        )
        drops = GaugeMetricFamily(
            "twofold_match_quality_drops", "What fell against the 48 hours before.", labels=["dataset", "event"]
        )
        scores: dict[Name, list[EventQuality]] = defaultdict(list)
        for row in self._rows:
            scores[row.dataset, row.event_name if row.event_name in STANDARD_EVENTS else "custom"].append(row)
        for labels, rows in scores.items():
            scored = [(r.score, r.events) for r in rows if r.score is not None]
            if scored:
                score.add_metric(labels, sum(s * n for s, n in scored) / sum(n for _, n in scored))
            drops.add_metric(labels, sum(len(r.drops) for r in rows))
        yield score
        yield drops


def _row(name: Name, now: _Sent | None, before: _Sent | None, copies: tuple[int, ...], seen: _Seen) -> EventQuality:
    actions, browser, server, both, with_id = copies
    now = now or _Sent(Counter(), Counter())
    earlier = before if before is not None and before.events >= MIN_EVENTS else None
    return EventQuality(
        dataset=name[0],
        event_name=name[1],
        events=now.events,
        score=_rounded(now.score),
        score_before=_rounded(earlier.score) if earlier else None,
        keys=tuple(_feedback(key, now, seen) for key in KEYS),
        id_coverage=_percent(with_id, actions),
        browser_events=browser,
        server_events=server,
        event_coverage=_percent(both, browser) if browser else None,
        delay_s=statistics.median(seen.delays_s) if seen.delays_s else None,
        sampled=seen.copies,
        drops=_drops(now, before),
    )


def _feedback(name: str, sent: _Sent, seen: _Seen) -> KeyFeedback:
    key = KEYS[name]
    gain = _mean_score(sent.web, frozenset({name})) - _mean_score(sent.web, frozenset()) if sent.web else 0.0
    return KeyFeedback(
        key=name,
        identifier=key.identifier,
        coverage=sent.coverage(name),
        unusable=_percent(seen.left_out[name], seen.copies),
        gain=round(gain, 1),
        privacy=key.privacy,
    )


def _drops(now: _Sent, before: _Sent | None) -> tuple[str, ...]:
    """What fell, in words. Fewer than `MIN_EVENTS` on either side say nothing, but for none at all, nor does what chance alone would do."""
    if before is None or before.events < MIN_EVENTS:
        return ()
    if now.events == 0:
        return ("no events any more",)
    if now.events < MIN_EVENTS:
        return ()
    found = []
    if (
        now.score is not None
        and before.score is not None
        and before.score - now.score >= SCORE_DROP
        and _is_no_chance(now.web, before.web, _points)
    ):
        found.append(f"estimate {before.score:.1f} to {now.score:.1f}")
    for key in IMPORTANT:
        a, b = before.coverage(key), now.coverage(key)
        if a - b >= COVERAGE_DROP and _is_no_chance(now.sets, before.sets, partial(_has, key)):
            found.append(f"{KEYS[key].identifier} {a:.0f} % to {b:.0f} %")
    return tuple(found)


def _is_no_chance(
    now: Counter[frozenset[str]], before: Counter[frozenset[str]], value: Callable[[frozenset[str]], float]
) -> bool:
    """Whether the means lie further apart than `CHANCE` standard errors, by the variance of both periods as one."""
    both = now + before
    whole, mean = sum(both.values()), _mean(both, value)
    variance = sum(n * (value(keys) - mean) ** 2 for keys, n in both.items()) / whole
    error = sqrt(variance * (1 / sum(now.values()) + 1 / sum(before.values())))
    return _mean(before, value) - _mean(now, value) >= CHANCE * error


def _has(key: str, keys: frozenset[str]) -> float:
    return float(key in keys)


def _mean(sets: Counter[frozenset[str]], value: Callable[[frozenset[str]], float]) -> float:
    return sum(n * value(keys) for keys, n in sets.items()) / sum(sets.values())


def _sent(journal: Journal, span: tuple[int, int]) -> dict[Name, _Sent]:
    """By event name: of the destination that got most, so that a second one counts nothing twice."""
    found: dict[Name, dict[int, _Sent]] = defaultdict(dict)
    for dataset, event_name, destination, source, keys, n in journal.run("quality_keys", span):
        sent = found[dataset, event_name].setdefault(destination, _Sent(Counter(), Counter()))
        names = frozenset(k for k in keys.split(",") if k in KEYS)
        sent.sets[names] += n
        if source == "website":
            sent.web[names] += n
    return {name: max(by.values(), key=lambda sent: sent.events) for name, by in found.items()}


def _seen(journal: Journal, span: tuple[int, int], sample: int) -> dict[Name, _Seen]:
    chosen = sample_of(span, sample)
    if not chosen:
        return {}
    found: dict[Name, _Seen] = {}
    for (body,) in journal.run("sampled_bodies", (id_array(chosen),)):
        event = readable_event(body)
        if event is None:
            continue
        _look_at(found.setdefault((event.dataset, event.event_name), _Seen(0, Counter(), [])), event)
    return found


_LEFT_OUT = re.compile(r"user_data\.(\w+).*left out")


def _look_at(seen: _Seen, event: Event) -> None:
    seen.copies += 1
    lost = {m[1] for w in event.warnings if (m := _LEFT_OUT.match(w))} - present_keys(event.user_data)
    seen.left_out.update(lost & KEYS.keys())
    if event.channel is Channel.SERVER:
        seen.delays_s.append(max(0.0, event.received_at / 1000 - event.event_time))


def _mean_score(sets: Counter[frozenset[str]], more: frozenset[str]) -> float:
    return _mean(sets, lambda keys: _points(keys | more))


def _points(keys: frozenset[str]) -> float:
    """The estimate of one event that has these keys."""
    return 10 * min(1.0, sum(KEYS[k].weight for k in keys) / FULL)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 1)


def as_row(row: EventQuality) -> dict[str, Any]:
    """A plain row for ``--json``, in the words of Meta's Dataset Quality API where it has them."""
    return {
        "dataset": row.dataset,
        "event_name": row.event_name,
        "events": row.events,
        "estimated_score": row.score,
        "estimated_score_before": row.score_before,
        "match_key_feedback": [
            {
                "identifier": k.identifier,
                "key": k.key,
                "coverage": {"percentage": k.coverage},
                "unusable": {"percentage": k.unusable},
                "estimated_gain": k.gain,
                "privacy": k.privacy,
            }
            for k in row.keys
        ],
        "dedupe_key_feedback": {
            "event_id": {"percentage": row.id_coverage},
            **{k.key: {"percentage": k.coverage} for k in row.keys if k.key in ("external_id", "fbp")},
        },
        "event_coverage": {"percentage": row.event_coverage, "goal_percentage": GOAL_PERCENTAGE},
        "browser_events": row.browser_events,
        "server_events": row.server_events,
        "data_freshness": {"median_delay_s": row.delay_s},
        "sampled": row.sampled,
        "drops": list(row.drops),
        "note": NOTE,
    }
