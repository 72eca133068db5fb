"""Bringing lists at platforms up to date: first who goes, then who comes, each request in the book before it leaves.

Owns the order of work and what follows from an answer. Whoever is not wanted any more and was told, or may have been, is taken back; who
was taken back is deleted from the book when the platform has said so. Nobody is added while somebody took consent back since the lists
were worked out. Accounts go side by side, so that none waits for another; within one, lists go one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from twofold.audiences.book import ADDING, REFUSED, REMOVING, TOLD, TOO_SMALL, Batch, Book, KnownList
from twofold.audiences.listing import Listing
from twofold.audiences.members import Row
from twofold.audiences.platforms import BY_PLATFORM
from twofold.audiences.platforms.contract import ADD, REMOVE, AccountTarget, Change, Keeper
from twofold.audiences.reading import Standing
from twofold.config import AccountSettings, AudienceSettings, Settings
from twofold.deliver.later import words
from twofold.deliver.redact import redact
from twofold.deliver.sender import Sender
from twofold.deliver.tokens import AccessToken
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict

STALE, ERASING = "changed_meanwhile", "erasing"
NO_ACCOUNT, NOT_LISTED = "no_account", "not_worked_out"
"""Codes of our own, beside `TOO_SMALL` and the platforms'."""
TIMEOUT_S = 60.0
LATER_S = 900
MOST_WAIT_MS = 86_400_000
TURNS = 12
"""How often one chunk is sent again in a round: smaller, or without rows that were named."""
PARTLY = 3
"""So often a platform is told to take the same rows off that says that it did so in part."""
_UNSURE = frozenset({AnswerOutcome.AMBIGUOUS, AnswerOutcome.TRANSIENT, AnswerOutcome.PARTIAL})
"""After these nobody knows whether rows were taken."""
_OF_ACCOUNT = frozenset(
    {AnswerOutcome.THROTTLED, AnswerOutcome.NOT_SENT, AnswerOutcome.TRANSIENT, AnswerOutcome.AMBIGUOUS}
)
"""These hold for the account's other lists, too."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A list as it is to be. ``orphan``: it is in no setting any more, and everybody is taken off it."""

    audience: str
    account: str
    platform: str
    remote: str
    rows: Mapping[Row, str]
    people: int = 0
    fitting: int = 0
    left_out: Mapping[str, int] = {}
    smallest: int = 1
    valued: bool = False
    problem: str = ""
    allowed: frozenset[Row] = frozenset()  # of a list with a problem: who is among them stays as they are
    orphan: bool = False


class Done(Struct, frozen=True, kw_only=True):
    """What became of one list in a round. ``to_add`` and ``to_remove``: rows that were due; ``added`` and ``removed``: that the platform
    took. ``people``: who may be told."""

    audience: str
    account: str
    platform: str
    people: int
    to_add: int
    to_remove: int
    added: int = 0
    removed: int = 0
    code: str = ""
    problem: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What is due for a list."""

    remove: Mapping[Row, str]
    add: Mapping[Row, str]
    unsure: frozenset[Row]
    forget: Sequence[Row]


def wanted_lists(
    settings: Settings, audiences: Sequence[AudienceSettings], listing: Listing, book: Book
) -> list[Wanted]:
    """Every list of these audiences, and those in the book that no setting names."""
    platform_of = {account.name: account.platform for account in settings.account}
    listed = {one.name: one for one in listing.audiences}
    found = []
    for audience in audiences:
        one = listed[audience.name]
        for account, remote in audience.lists.items():
            platform = platform_of[account]
            found.append(
                Wanted(
                    audience=audience.name,
                    account=account,
                    platform=platform,
                    remote=remote,
                    rows=one.rows.get(platform, {}),
                    people=one.told.get(platform, 0),
                    fitting=one.people,
                    left_out=one.left_out.get(platform, {}),
                    smallest=audience.smallest or BY_PLATFORM[platform].smallest,
                    valued=bool(audience.value),
                    problem=one.problem,
                    allowed=one.allowed.get(platform, frozenset()),
                )
            )
    named = {(a.name, account, remote) for a in settings.audience for account, remote in a.lists.items()}
    found += [
        Wanted(audience=k.audience, account=k.account, platform=k.platform, remote=k.remote, rows={}, orphan=True)
        for k in book.lists()
        if k.told and (k.audience, k.account, k.remote) not in named
    ]
    return found


def plan_of(wanted: Wanted, known: Mapping[Row, tuple[str, str]], asked: frozenset[Row] = frozenset()) -> Plan:
    """``known``: rows as the book has them, with value and state. ``asked``: rows whose removal was taken and waits for its result. Of a list
    that could not be worked out nobody comes, and only those go who may not be told any more."""
    remove, add = dict[Row, str](), dict[Row, str]()
    for row, (value, state) in known.items():
        stays = row in wanted.allowed if wanted.problem else row in wanted.rows and wanted.rows[row] == value
        if state != REFUSED and not stays and row not in asked:
            remove[row] = value
    for row, value in wanted.rows.items():
        was, state = known.get(row, ("", ""))
        if state == REFUSED or (state == TOLD and was == value):
            continue
        add[row] = value
    return Plan(
        remove=dict(sorted(remove.items())),
        add=dict(sorted(add.items())),
        unsure=frozenset(row for row, (_, state) in known.items() if state in (ADDING, REMOVING)),
        forget=[
            row
            for row, (_, state) in known.items()
            if state == REFUSED and row not in wanted.rows and not wanted.problem
        ],
    )


class Syncing:
    """One round. ``clock`` in ms; ``standing``: how withdrawals and erasures stand now."""

    def __init__(
        self, settings: Settings, book: Book, listing: Listing, clock: Callable[[], int], standing: Callable[[], Standing],
        *, timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._accounts = {account.name: account for account in settings.account}
        self._book, self._listing, self._clock, self._standing = book, listing, clock, standing
        self._timeout_s = timeout_s

    async def run(self, lists: Sequence[Wanted]) -> list[Done]:
        """Every list, accounts side by side."""
        by_account: dict[str, list[Wanted]] = {}
        for one in lists:
            by_account.setdefault(one.account, []).append(one)
        found = await asyncio.gather(*(self._account(name, own) for name, own in by_account.items()))
        return [done for part in found for done in part]

    async def _account(self, name: str, lists: Sequence[Wanted]) -> list[Done]:
        account = self._accounts.get(name)
        if account is None:
            return [self._nobody(one) for one in lists]
        keeper, done, stopped = BY_PLATFORM[lists[0].platform], list[Done](), None
        async with Sender(connections=2, timeout_s=self._timeout_s) as sender:
            line = _Line(keeper, account, sender, self._clock)
            for one in lists:
                round_ = _Round(
                    self, one, self._book.list_of(one.audience, one.account, one.platform, one.remote), line
                )
                done.append(await round_.run(stopped))
                stopped = stopped or round_.stopped
        return done

    def _nobody(self, one: Wanted) -> Done:
        """A list of an account that is not configured any more: nobody can tell it anything."""
        known = self._book.list_of(one.audience, one.account, one.platform, one.remote)
        text = f"[[account]] {one.account} is not configured any more: {known.told} rows stay on its list until it is"
        self._book.note_end(known.id, self._clock(), text, NO_ACCOUNT)
        return Done(
            audience=one.audience, account=one.account, platform=one.platform, people=0, to_add=0, to_remove=known.told,
            code=NO_ACCOUNT, problem=text,
        )  # fmt: skip

    def is_stale(self) -> str:
        """A code where nobody may be added by this listing any more."""
        now = self._standing()
        if now.erasing:
            return ERASING
        return STALE if now != self._listing.standing else ""


class _Line:
    """One account: its requests and its token of the hour."""

    def __init__(self, keeper: Keeper, account: AccountSettings, sender: Sender, clock: Callable[[], int]) -> None:
        self.keeper, self._sender = keeper, sender
        self.target = keeper.target_of(account)
        self.secrets = tuple(filter(None, (account.token, account.client_secret)))
        self._token = AccessToken(keeper.grant, sender, clock) if keeper.grant is not None else None

    async def tell(self, change: Change) -> AnswerVerdict:
        target = await self._allowed()
        if isinstance(target, AnswerVerdict):
            return target
        verdict = self.keeper.classify(await self._sender.send(self.keeper.request(change, target)), len(change.rows))
        if (
            verdict.outcome is AnswerOutcome.CREDENTIALS
            and self._token is not None
            and self._token.forget(target.token)
        ):
            again = await self._allowed()  # the platform took the token back before its end
            if isinstance(again, AccountTarget):
                return self.keeper.classify(
                    await self._sender.send(self.keeper.request(change, again)), len(change.rows)
                )
        return verdict

    async def later(self, number: str) -> tuple[str, str] | None:
        """What became of a request: its state, and words. None: not yet."""
        later, target = self.keeper.later, await self._allowed()
        if later is None or isinstance(target, AnswerVerdict):
            return None
        result = later.read(await self._sender.send(later.request(number, target)))
        return None if result is None or result.state == "processing" else (result.state, words(result))

    async def _allowed(self) -> AccountTarget | AnswerVerdict:
        if self._token is None:
            return self.target
        token = await self._token.get(self.target)
        if isinstance(token, AnswerVerdict):
            return token
        return replace(self.target, token=token) if token is not None else self.target


class _Round:
    """One list in one round."""

    def __init__(self, syncing: Syncing, one: Wanted, known: KnownList, line: _Line) -> None:
        self._syncing, self._one, self._known, self._line = syncing, one, known, line
        self._book, self._clock = syncing._book, syncing._clock
        self.stopped: AnswerVerdict | None = None  # why the account's other lists wait, too
        self._problem = self._code = ""
        self._again_at = 0

    async def run(self, stopped: AnswerVerdict | None) -> Done:
        one, book = self._one, self._book
        await self._ask_later()
        waiting = {b.id for b in book.waiting_numbers(self._known.id) if b.kind == REMOVE}
        asked = book.rows_of_batches(self._known.id, waiting)
        plan = plan_of(one, book.rows(self._known.id), asked)
        book.forget(self._known.id, plan.forget)
        if not one.orphan and not one.problem:
            book.note_listed(self._known.id, self._clock(), one.people, one.fitting, one.left_out)
        if stopped is not None and (plan.remove or plan.add):
            return self._ended(plan, *_said(stopped, self._line.secrets), again_at=self._wait(stopped))
        if self._is_paused() and (plan.remove or plan.add):
            return self._ended(plan, self._known.code, self._known.problem, again_at=self._known.again_at)
        removed = await self._tell(REMOVE, plan.remove, plan.unsure)
        added = 0
        if not self._code and one.problem:
            self._code, self._problem = NOT_LISTED, one.problem
        elif not self._code and plan.add and one.people < one.smallest:
            self._code = TOO_SMALL
            self._problem = f"{one.people} people, where the list needs {one.smallest} before anybody is put on it"
        elif not self._code:
            added = await self._tell(ADD, plan.add, plan.unsure)
        return self._ended(plan, self._code, self._problem, added, removed, self._again_at)

    def _is_paused(self) -> bool:
        """False also behind the end of every pause that there is: it was written by a clock that was ahead."""
        return 0 < self._known.again_at - self._clock() <= MOST_WAIT_MS

    def _ended(
        self, plan: Plan, code: str, problem: str, added: int = 0, removed: int = 0, again_at: int = 0
    ) -> Done:  # fmt: skip
        self._book.note_end(self._known.id, self._clock(), problem, code, again_at)
        return Done(
            audience=self._one.audience, account=self._one.account, platform=self._one.platform, people=self._one.people,
            to_add=len(plan.add), to_remove=len(plan.remove), added=added, removed=removed, code=code, problem=problem,
        )  # fmt: skip

    async def _tell(self, kind: str, rows: Mapping[Row, str], unsure: frozenset[Row]) -> int:
        """Chunk after chunk until one fails; how many rows the platform took."""
        taken, size, left = 0, self._line.keeper.batch, list(rows.items())
        turns = 0
        while left and not self._code:
            if kind == ADD and (stale := self._syncing.is_stale()):
                self._code, self._problem = (
                    stale,
                    "somebody took consent back or is being erased: it is worked out anew",
                )
                break
            part = left[:size]
            batch = self._book.mean(self._known.id, kind, dict(part), self._clock())
            verdict = await self._line.tell(Change(kind, self._one.remote, part, batch.session, self._one.valued))
            refused = [part[r.index][0] for r in verdict.refused]
            self._settle(batch, verdict, refused, was_unsure=any(row in unsure for row, _ in part))
            if verdict.outcome is AnswerOutcome.ACCEPTED:
                taken += len(part) - len(refused)
                left = left[size:]
                continue
            turns += 1
            if verdict.outcome is AnswerOutcome.TOO_LARGE and len(part) > 1 and turns < TURNS:
                size = len(part) // 2
            elif verdict.outcome is AnswerOutcome.INVALID and refused and kind == ADD and turns < TURNS:
                left = [pair for pair in left if pair[0] not in set(refused)]
            else:
                self._fail(verdict)
        return taken

    def _settle(self, batch: Batch, verdict: AnswerVerdict, refused: Sequence[Row], *, was_unsure: bool) -> None:
        accepted = verdict.outcome is AnswerOutcome.ACCEPTED
        if batch.kind == REMOVE:
            state = (REMOVING if verdict.later else None) if accepted else ADDING
        else:
            state = TOLD if accepted else ADDING if was_unsure or verdict.outcome in _UNSURE else None
        self._book.settle(
            batch,
            self._clock(),
            outcome=str(verdict.outcome),
            code=verdict.code,
            note=redact(" ".join(filter(None, (verdict.note, verdict.trace))), *self._line.secrets),
            number=verdict.later,
            state=state,
            refused=refused if batch.kind == ADD else (),
            seen=verdict.outcome is not AnswerOutcome.AMBIGUOUS,
        )

    def _fail(self, verdict: AnswerVerdict) -> None:
        self._code, self._problem = _said(verdict, self._line.secrets)
        self._again_at = self._wait(verdict)
        if verdict.outcome in _OF_ACCOUNT:
            self.stopped = verdict

    def _wait(self, verdict: AnswerVerdict) -> int:
        if verdict.outcome is not AnswerOutcome.THROTTLED:
            return 0
        told = LATER_S * 1000 if verdict.wait_ms is None else min(max(verdict.wait_ms, 1_000), MOST_WAIT_MS)
        return self._clock() + told

    async def _ask_later(self) -> None:
        """Results of requests that the platform tells afterwards."""
        later = self._line.keeper.later
        for batch in self._book.waiting_numbers(self._known.id) if later is not None else ():
            age_s = (self._clock() - (batch.ended_at or batch.meant_at)) // 1000
            if later is None or 0 <= age_s < later.first_s:  # below nothing: the clock was ahead when it was asked
                continue
            told = await self._line.later(batch.number)
            if told is None and age_s > later.last_s:
                told = "failed", "nothing was told of it"
            if told is not None:
                failed = told[0] == "failed"
                back = self._after_removal(batch, told[0]) if batch.kind == REMOVE else (None if failed else "")
                self._book.note_later(batch, redact(" ".join(filter(None, told))), back=back)

    def _after_removal(self, batch: Batch, state: str) -> str | None:
        """Rows of a removal that failed are told again, and so are those of one that was done in part, as no row of it is named; after some
        such answers to the same rows the rest is taken for unknown there."""
        tried = self._book.done_in_part(batch) if state == "partial" else 0
        return ADDING if state == "failed" or (state == "partial" and tried + 1 < PARTLY) else None


def _said(verdict: AnswerVerdict, secrets: Sequence[str]) -> tuple[str, str]:
    note = redact(verdict.note, *secrets)
    return verdict.code or str(verdict.outcome), f"{verdict.outcome}: {note}" if note else str(verdict.outcome)


__all__ = ["Done", "Plan", "Syncing", "Wanted", "plan_of", "wanted_lists"]
