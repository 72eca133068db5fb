"""What came and what left: each webhook topic, signatures that did not fit, the browser's copies and how many merge, late deliveries.

Owns these questions to the store; what it should have got is `topics`'. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twofold.collect.doors.seen import META, SeenPath, decode_seen
from twofold.config import Settings, SourceSettings, can_ask, secrets_of
from twofold.errors import TwofoldError
from twofold.report.health import LATE_AFTER_S
from twofold.report.period import Journal, journal_of
from twofold.setup.finding import Finding, do, look, ok
from twofold.setup.topics import NEEDED, WANTED
from twofold.store.lists import Reader

DAY_MS = 86_400_000
SILENT_MS = 3 * DAY_MS
WEEK_MS = 7 * DAY_MS
ENOUGH = 20  # purchases of browsers, before a share says anything
FEW_MERGE = 0.5


def look_at_arrivals(settings: Settings, now_ms: int) -> Iterator[Finding]:
    folder = Path(settings.server.data)
    try:
        with journal_of(folder) as journal:
            kept = journal.run("select_meta", (META,))
            seen = decode_seen(str(kept[0][0]) if kept else None)
            for source in settings.source:
                if secrets_of(source):
                    yield from webhooks(source, seen.get(source.path, SeenPath()), now_ms)
                if can_ask(source):
                    yield asked(source, journal, now_ms)
            for dataset in settings.dataset:
                shops = any(s.dataset == dataset.id and s.type in NEEDED for s in settings.source)
                yield from browsers(dataset.id, journal, now_ms, shops)
        with Reader(folder) as reader:
            yield from deliveries(reader, now_ms)
    except TwofoldError as err:
        if not folder.exists():
            yield look(
                "what came and left", "nothing yet: the gateway makes the data folder when it starts", "twofold serve"
            )
            return
        yield look("what came and left", f"cannot be read yet: {err}", "twofold serve")


def webhooks(source: SourceSettings, seen: SeenPath, now_ms: int) -> Iterator[Finding]:
    """Which topics came, when the last; which that are needed never did."""
    name = f"webhooks of {source.type} {source.shop}"
    connect = f"twofold connect {source.type}" if source.type in WANTED else ""
    if seen.unsigned_at > max(seen.topics.values(), default=0):
        mend = connect or "enter the same secret on both sides"
        yield do(
            name,
            f"the signature of {seen.unsigned:,} did not fit, of the last one {ago(seen.unsigned_at, now_ms)}",
            mend,
        )
    elif seen.unsigned and now_ms - seen.unsigned_at < DAY_MS:
        yield look(
            name, f"a signature did not fit {ago(seen.unsigned_at, now_ms)}; those after it do", "twofold refused"
        )
    if not seen.topics:
        yield do(name, "none has ever come", connect or f"let {source.type} send to {source.path}")
        return
    last = max(seen.topics.values())
    shown = ", ".join(
        f"{topic or 'any'} {ago(at, now_ms)}" for topic, at in sorted(seen.topics.items(), key=lambda t: -t[1])
    )
    missing = [t for t in NEEDED.get(source.type, ()) if t not in seen.topics]
    if now_ms - last > SILENT_MS:
        yield do(
            name,
            f"silent: {shown}",
            f"{connect} makes again what was removed" if connect else "see there whether it still sends",
        )
    elif missing:
        yield look(name, f"{shown}; never yet: {', '.join(missing)}", connect)
    else:
        yield ok(name, shown)


def asked(source: SourceSettings, journal: Journal, now_ms: int) -> Finding:
    """Whether a source that is asked answers, and what is still to be asked for."""
    name, door = f"questions to {source.type} {source.shop}", f"{source.type}:{source.shop}"
    rows = journal.run("select_fetch_door", (door,))
    _, came_at, code, who, said, since_at = rows[0] if rows else (None, None, "", "", "", 0)
    waits = next(((count, first) for of, count, first in journal.run("waiting_by_door", ()) if of == door), None)
    left = f"; {waits[0]:,} things wait to be asked for, the oldest was named {ago(waits[1], now_ms)}" if waits else ""
    if code:
        text = f"{said} ({who} must act), since {ago(since_at, now_ms)}{left}"
        return do(name, text, "docs/fetching.md") if who == "operator" else look(name, text, "docs/fetching.md")
    if came_at is None:
        return ok(name, f"nothing was asked yet{left}")
    return ok(name, f"answered {ago(came_at, now_ms)}{left}")


def browsers(dataset: str, journal: Journal, now_ms: int, shops: bool) -> Iterator[Finding]:
    """When a browser told something last, and what share of its purchases met the server's copy."""
    name = f"browser copies of dataset {dataset}"
    rows = journal.run("last_browser_copy", (dataset,))
    last = rows[0][0] if rows else None
    if last is None:
        yield do(name, "none has ever come", "twofold snippet tag")
        return
    span = journal.positions(now_ms - WEEK_MS, now_ms)
    counted = [row for row in journal.run("quality_copies", span) if row[0] == dataset and row[1] == "Purchase"]
    seen, both = sum(r[3] for r in counted), sum(r[5] for r in counted)
    text = f"the last one {ago(last, now_ms)}"
    if seen:
        text += f"; of {seen:,} purchases that browsers told in 7 days the server told {both:,} too ({both / seen:.0%})"
    if now_ms - last > DAY_MS:
        yield do(name, text, "see whether the tag is still on the shop's pages: twofold snippet tag")
    elif shops and seen >= ENOUGH and both / seen < FEW_MERGE:
        yield do(
            name,
            text,
            "the ids are not the same on both sides: twofold snippet, and the secret of event_id (docs/trust.md)",
        )
    else:
        yield ok(name, text)


def deliveries(reader: Reader, now_ms: int) -> Iterator[Finding]:
    """What is due and was not tried, what is paused, what was given up."""
    oldest = reader.oldest_due()
    late_s = (now_ms - oldest) / 1000 if oldest is not None else 0.0
    if late_s > LATE_AFTER_S:
        yield do("deliveries", f"the oldest is {late_s / 60:,.0f} minutes late", "twofold deliveries --state waiting")
    for destination, states in sorted(reader.outbox().items()):
        name, mend = f"deliveries to {destination}", f"twofold deliveries --destination {destination}"
        said = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
        if states.get("paused"):
            yield do(name, f"paused: {said}", f"{mend} --state paused")
        elif states.get("dead"):
            yield look(name, said, f"{mend} --state dead; when the cause is mended: twofold revive")
        else:
            yield ok(name, said)


def ago(at_ms: int, now_ms: int) -> str:
    """As people say it."""
    seconds = max(0, (now_ms - at_ms) // 1000)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{seconds // size:,} {unit}{'s' if seconds // size != 1 else ''} ago"
    return f"{seconds} second{'s' if seconds != 1 else ''} ago"
