"""How lists stand, for people: sizes, what was left out and why, when a platform was last told, what is wrong.

Owns the rows that the command and the console's page show. It reads the settings and the book, and works nothing out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twofold.audiences.book import Book, KnownList
from twofold.audiences.platforms import BY_PLATFORM
from twofold.config import AudienceSettings, Settings


def lists_shown(settings: Settings) -> list[dict[str, Any]]:
    """One row a list of each audience, one of an audience that has none, and those of no setting that still hold somebody."""
    with Book(Path(settings.server.data), look=True) as book:
        known = {(k.audience, k.account, k.remote): k for k in book.lists()}
    platform = {account.name: account.platform for account in settings.account}
    rows, named = [], set()
    for audience in settings.audience:
        for account, remote in audience.lists.items():
            named.add((audience.name, account, remote))
            kept = known.get((audience.name, account, remote))
            rows.append(_row(audience, account, platform[account], remote, kept))
        if not audience.lists:
            rows.append(_row(audience, "", "", "", None))
    rows += [_row(None, k.account, k.platform, k.remote, k) for key, k in known.items() if key not in named and k.told]
    return rows


def _row(
    audience: AudienceSettings | None, account: str, platform: str, remote: str, kept: KnownList | None
) -> dict[str, Any]:
    smallest = audience.smallest if audience is not None else 0
    return {
        "name": audience.name if audience is not None else kept.audience if kept is not None else "",
        "rule": audience.rule if audience is not None else "",
        "dataset": audience.dataset if audience is not None else "",
        "days": audience.days if audience is not None else 0,
        "account": account,
        "platform": platform,
        "list": remote,
        "smallest": smallest or (BY_PLATFORM[platform].smallest if platform else 1),
        "fitting": None if kept is None or kept.listed_at is None else kept.fitting,
        "people": None if kept is None or kept.listed_at is None else kept.people,
        "left_out": {} if kept is None else dict(kept.left_out),
        "told": 0 if kept is None else kept.told,
        "taking_back": 0 if kept is None else kept.taking_back,
        "listed_at": None if kept is None else kept.listed_at,
        "synced_at": None if kept is None else kept.synced_at,
        "code": "" if kept is None else kept.code,
        "problem": "" if kept is None else kept.problem,
    }


def trail_shown(settings: Settings, name: str = "", most: int = 0) -> list[dict[str, Any]]:
    """Requests, the latest first; of one audience or of all."""
    with Book(Path(settings.server.data), look=True) as book:
        known = {k.id: k for k in book.lists()}
        batches = [b for b in book.batches() if not name or known[b.list].audience == name]
    fields = (
        "id",
        "kind",
        "meant_at",
        "ended_at",
        "rows",
        "em",
        "ph",
        "digest",
        "outcome",
        "code",
        "note",
        "number",
        "later",
    )
    return [
        {
            "audience": known[b.list].audience,
            "account": known[b.list].account,
            "platform": known[b.list].platform,
            **{field: getattr(b, field) for field in fields},
        }
        for b in (batches[:most] if most else batches)
    ]


def with_lists(folder: Path, held: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is held of a person, and behind it a row for each list that one of their digests is on. ``held``: as `privacy.export` gives it."""
    digests: set[str] = set()
    for row in held:
        if row.get("what") == "event":
            digests |= set(_digests(row))
        yield row
    with Book(folder, look=True) as book:
        for one in book.lists():
            for told, (_, state) in book.rows(one.id).items():
                if not digests.isdisjoint({told.em, told.ph} - {""}):
                    yield {
                        "what": "list", "audience": one.audience, "platform": one.platform, "account": one.account, "list": one.remote,
                        "state": state, "keys": [name for name in ("em", "ph") if getattr(told, name)],
                    }  # fmt: skip


def _digests(event: Mapping[str, Any]) -> Iterator[str]:
    """Of an event as it is journalled: a rule and a digest each."""
    user = event.get("user_data") or {}
    for hashed in (*user.get("em", ()), *user.get("ph", ()), *event.get("forms", ())):
        yield str(hashed[1])


__all__ = ["lists_shown", "trail_shown", "with_lists"]
