"""One round of audiences from beginning to end: worked out, told, worked out anew where somebody took consent back meanwhile.

Owns the order of these and the limits of the process that does it: behind whatever takes events, with a hard limit on memory. Commands and
the gateway's child come through here.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from twofold.audiences.book import Book, keeping
from twofold.audiences.listing import Listing, list_audiences, needs_worth
from twofold.audiences.reading import standing_of
from twofold.audiences.sync import ERASING, STALE, Done, Syncing, plan_of, wanted_lists
from twofold.config import AudienceSettings, Settings
from twofold.control.tables import make_tables
from twofold.errors import FactsError, QuestionTooLarge
from twofold.facts.child import memory_limit, step_back

ROUNDS = 3
TABLES_S = 600.0
Clock = Callable[[], int]


def chosen(settings: Settings, names: Sequence[str]) -> list[AudienceSettings]:
    """These audiences, or all."""
    return [audience for audience in settings.audience if not names or audience.name in names]


def platforms_of(settings: Settings, audiences: Sequence[AudienceSettings]) -> dict[str, list[str]]:
    """Audience to the platforms of its lists."""
    platform = {account.name: account.platform for account in settings.account}
    return {a.name: list(dict.fromkeys(platform[account] for account in a.lists)) for a in audiences}


def worked_out(
    settings: Settings, audiences: Sequence[AudienceSettings], platforms: Mapping[str, Sequence[str]], clock: Clock
) -> Listing:
    """Who belongs on which list now. Raises `QuestionTooLarge` past the limit on memory."""
    if any(map(needs_worth, audiences)):
        with suppress(FactsError, OSError):  # said of each audience that asks them; a full disk keeps nobody on a list
            make_tables(settings, within_s=TABLES_S)
    try:
        return list_audiences(settings, audiences, platforms, clock() // 1000)
    except MemoryError:
        raise QuestionTooLarge(
            f"audiences need more than {settings.analytics.memory_mb} MB; let them look fewer days back, or raise memory_mb under "
            "[analytics]"
        ) from None


def sync(settings: Settings, names: Sequence[str], clock: Clock) -> list[Done]:
    """Tells platforms what changed. Raises `StoreLocked` where another process does, and what reading raises."""
    folder, audiences = Path(settings.server.data), chosen(settings, names)
    platforms, done = platforms_of(settings, audiences), list[Done]()
    with keeping(folder), Book(folder) as book:
        for _ in range(ROUNDS):
            listing = worked_out(settings, audiences, platforms, clock)
            syncing = Syncing(settings, book, listing, clock, lambda: standing_of(folder))
            done = _added(done, asyncio.run(syncing.run(wanted_lists(settings, audiences, listing, book))))
            if not any(one.code in (STALE, ERASING) for one in done):
                break
    return done


def preview(settings: Settings, names: Sequence[str], clock: Clock) -> list[Done]:
    """What a round would tell, without telling it."""
    folder, audiences = Path(settings.server.data), chosen(settings, names)
    listing = worked_out(settings, audiences, platforms_of(settings, audiences), clock)
    found = []
    with Book(folder, look=True) as book:
        known = {(k.audience, k.account, k.remote): k for k in book.lists()}
        for one in wanted_lists(settings, audiences, listing, book):
            kept = known.get((one.audience, one.account, one.remote))
            plan = plan_of(one, book.rows(kept.id) if kept is not None else {})
            found.append(
                Done(
                    audience=one.audience,
                    account=one.account,
                    platform=one.platform,
                    people=one.people,
                    to_add=len(plan.add),
                    to_remove=len(plan.remove),
                    problem=one.problem,
                )
            )
    return found


def _added(before: Sequence[Done], now: Sequence[Done]) -> list[Done]:
    """A round after another: what was told adds up, how it ended is the last one's."""
    told = {(d.audience, d.account): d for d in before}
    found = []
    for one in now:
        was = told.get((one.audience, one.account))
        if was is not None:
            one = replace(
                one, to_add=max(one.to_add, was.to_add), to_remove=max(one.to_remove, was.to_remove),
                added=one.added + was.added, removed=one.removed + was.removed,
            )  # fmt: skip
        found.append(one)
    return found


@contextmanager
def limited(megabytes: int) -> Iterator[None]:
    """This process behind others, with so much more memory than it has now."""
    step_back()
    before = resource.getrlimit(resource.RLIMIT_AS)
    if before[0] == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit(megabytes), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
