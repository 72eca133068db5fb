"""The door for signed webhooks: signature, reading, then the ledger, the journal or an erasure. Plain functions.

Owns what becomes of each kind of reading and the words of its answer. What a body means is the source's, what a copy
is worth the steps' and the order policy's. Whatever was understood of a webhook is kept, also when a part was not.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from twofold.clock import Clock, bounds_of
from twofold.collect import answers
from twofold.collect.doors.decode import read_fields
from twofold.collect.doors.seen import Seen, SeenPath
from twofold.collect.doors.work import Work, refused_work
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import JSON, Answer, Pending, Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.collect.refused import refused_row
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.orders import entry_of, without_copy
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Consent, Event, Tier
from twofold.event.refusal import DropReason, Refusal
from twofold.matching.subject import Keyring, SubjectRequest
from twofold.sources.chat import META_SIGNATURE
from twofold.sources.contract import Ignored, Named, Part, PrivacyRequest, Reading, Several, Source, SourceOptions
from twofold.sources.mended import read_mended
from twofold.store.engine import RefusedRow
from twofold.store.lines.row import LineEntry
from twofold.store.orders.ledger import OrderEntry
from twofold.touch.model import Sign

ENTRY = "webhook"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAIN_TEXT = (
    (b"content-type", b"text/plain"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)

_OUR_BODIES = frozenset({"own", "chat"})

AskPrivacy = Callable[[SubjectRequest, str], Awaitable[str]]
"""Puts a person's or a shop's request on disk and answers its id."""

Want = Callable[[str, Sequence[str]], Awaitable[bool]]
"""Puts things that a source named on disk, to be fetched; False where too many wait already."""


class WebhookDoor(Struct, frozen=True, kw_only=True):
    """One configured source behind its path."""

    source: Source
    dataset: str
    secrets: tuple[str, ...]
    options: SourceOptions
    verify_token: str = ""
    secret_in_path: bool = False  # who knows the address is who may speak; the body is not signed then
    fetches: bool = False  # what a body only names can be asked for

    @property
    def name(self) -> str:
        """How the ledger calls it."""
        return f"{self.source.name}:{self.options.shop}"


class Webhooks:
    """All webhook doors. Every method runs on the event loop's thread and never waits."""

    def __init__(
        self,
        doors: Mapping[str, WebhookDoor],
        datasets: Mapping[str, DatasetPolicy],
        clock: Clock,
        ring: Keyring,
        ask_privacy: AskPrivacy | None = None,
        seen: Mapping[str, SeenPath] | None = None,
        want: Want | None = None,
    ) -> None:
        """``seen``: which webhooks came before this run."""
        self._want = want
        self.doors = doors
        self.seen = Seen(doors, seen)
        self._datasets = datasets
        self._clock = clock
        self._ring = ring
        self._ask_privacy = ask_privacy

    def exchange(self, doors: Mapping[str, WebhookDoor]) -> None:
        """Other doors from now on, such as the same with another secret."""
        self.doors = doors
        self.seen = Seen(doors, self.seen.paths)

    def greet(self, request: Request) -> Answer | None:
        """Meta's question when a webhook is connected: the challenge goes back if the word is the configured one.

        Graph API, "Webhooks: getting started" (hub.mode, hub.verify_token, hub.challenge), read September 2026.
        """
        door = self.doors[request.path]
        fields = read_fields(request.query) if request.method == "GET" else None
        if not door.verify_token or not isinstance(fields, dict):
            return None
        challenge, word = fields.get("hub.challenge", ""), fields.get("hub.verify_token", "")
        fits = hmac.compare_digest(word.encode(), door.verify_token.encode())
        if not fits or fields.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return None
        return Answer(200, challenge.encode(), _PLAIN_TEXT)

    def refuse(self, request: Request, refusal: Refusal, answer: Answer | None = None) -> Work:
        return refused_work(self._clock(), ENTRY, self.doors[request.path].dataset, refusal, request, answer)

    def too_much(self, _request: Request, _over: Over) -> None:
        """The signature is looked at before the body is read. And shops of one system share its addresses: whoever has a
        shop there could spend what another's orders need."""

    def take(self, request: Request) -> Work | Reply:
        """What one webhook gets: nothing of it is read before its signature is known to fit."""
        door = self.doors[request.path]
        if door.source.is_ping(request.body):
            return Answer(200, answers.accepted(0, (), ("a test of the address; nothing is kept",), kind="ping"))
        now = self._clock()
        # The signature is over the raw bytes, so it is checked before anything is read.
        if not door.secret_in_path and not door.source.signed(request.body, request.headers(), door.secrets, now):
            expected = "the configured secret's"
            self.seen.unsigned(request.path, now)
            return self.refuse(
                request,
                Refusal(reason=DropReason.BAD_SIGNATURE, path="signature", expected=expected, got="another"),
            )
        request.known = True
        self.seen.signed(request.path, door.source.topic(request.body, request.headers()), now)
        if door.source.names is not None:
            named = door.source.names(request.body, request.headers())
            if isinstance(named, Ignored):
                return self._leave_out(request, named)
            if named is not None:
                return self._note(request, door, named)
            if door.secret_in_path:
                return self._leave_out(request, _NAMES_NOTHING)
        found, mended = read_mended(door.source, request.body, request.headers(), door.options, now)
        if isinstance(found, Refusal):
            return self._unreadable(request, door, found, mended)
        if isinstance(found, Several):
            return self._read_each(request, door, found, now)
        if isinstance(found, Ignored):
            return self._leave_out(request, found)
        if found.privacy is not None:
            return self._privacy(door, found, found.privacy)
        return self._read(request, door, found, now, mended)

    def fetched(self, door: WebhookDoor, body: bytes) -> Work:
        """What was fetched for a name, from the system itself: as a body that it signed."""
        now = self._clock()
        found, mended = read_mended(door.source, body, {}, door.options, now)
        request = Request("POST", "", b"", (), "", body)
        match found:
            case Refusal():
                return Work(entry=ENTRY, rows=[refused_row(now, ENTRY, door.dataset, found, body)], answer=_kept)
            case Ignored():
                return Work(
                    entry=ENTRY, rows=[refused_row(now, ENTRY, door.dataset, _left_out(found), body)], answer=_kept
                )
            case Several():
                return self._read_each(request, door, found, now)
            case Reading():
                return self._read(request, door, found, now, mended)

    def given_up(self, door: WebhookDoor, thing: str, why: str) -> Work:
        """A name for which nothing could be fetched: kept as a row that says so."""
        refusal = Refusal(
            reason=DropReason.NOT_FETCHED, path=thing, expected="what it is, from the system itself", got=why
        )
        return Work(entry=ENTRY, rows=[refused_row(self._clock(), ENTRY, door.dataset, refusal, b"")], answer=_kept)

    def _leave_out(self, request: Request, found: Ignored) -> Work:
        said = answers.accepted(0, (), (f"left out: {found.reason}",), kind=found.kind)
        return self.refuse(request, _left_out(found), Answer(200, said))

    def _note(self, request: Request, door: WebhookDoor, named: Named) -> Work | Reply:
        """Answered once what is named is on disk."""
        if not door.fetches or self._want is None:
            return self._leave_out(request, _CANNOT_ASK)
        count = len(named.things)
        said = Answer(200, answers.accepted(0, (), (f"{count} to be asked for",), kind="notice"))
        busy = Answer(503, answers.failed("too many notices wait to be asked for; send again"), _LATER)
        future = asyncio.ensure_future(self._want(door.name, named.things))
        return Pending(future, lambda taken: said if taken else busy)

    def _unreadable(self, request: Request, door: WebhookDoor, refusal: Refusal, mended: Sequence[str]) -> Work:
        """Signed, and not to be understood. WooCommerce gives up a webhook after five refusals, Shopify after eight: the
        answer says yes for what sending again would not mend, and the body is kept with its reason."""
        if _is_ours(door, request):
            return self.refuse(request, refusal)
        return self.refuse(request, refusal, Answer(200, answers.accepted(0, (refusal,), mended, kind="refused")))

    def _read(self, request: Request, door: WebhookDoor, reading: Reading, now: int, mended: Sequence[str]) -> Work:
        taken = _Taken(kind=reading.kind, notes=list(mended), ours=_is_ours(door, request))
        self._learn(door, reading, now, taken, request.body)
        return taken.work()

    def _read_each(self, request: Request, door: WebhookDoor, several: Several, now: int) -> Work:
        """All that is understood in one transaction; what is not has a row with its own text and leaves the rest alone."""
        taken = _Taken(kind=f"{len(several.parts)} in one body", notes=[], ours=_is_ours(door, request))
        for part in several.parts:
            taken.notes += part.notes
            self._learn_part(door, part, now, taken)
        return taken.work()

    def _learn_part(self, door: WebhookDoor, part: Part, now: int, taken: _Taken) -> None:
        match part.found:
            case Reading():
                self._learn(door, part.found, now, taken, part.body)
            case Ignored():
                taken.notes.append(f"left out: {part.found.reason}")
                taken.rows.append(refused_row(now, ENTRY, door.dataset, _left_out(part.found), part.body))
            case Refusal():
                taken.refusals.append(part.found)
                taken.rows.append(refused_row(now, ENTRY, door.dataset, part.found, part.body))

    def _learn(self, door: WebhookDoor, reading: Reading, now: int, taken: _Taken, body: bytes) -> None:
        origin = self._origin(door, reading, now)
        before = len(taken.refusals)
        taken.notes += reading.notes
        if reading.order is not None:
            entry = entry_of(reading, origin, door.name, self._ring)
            if isinstance(entry, Refusal):
                taken.refusals.append(entry)
                entry = entry_of(without_copy(reading), origin, door.name, self._ring)
            assert isinstance(entry, OrderEntry)
            taken.orders.append(entry)
            if entry.copy is not None:
                taken.counted += 1
                taken.notes += entry.copy.warnings
        elif reading.copy is not None:
            taken.add(run(reading.copy, origin))
        for raw in reading.events:
            taken.add(run(raw, origin))
        taken.rows += [refused_row(now, ENTRY, door.dataset, refusal, body) for refusal in taken.refusals[before:]]
        taken.signs += [
            Sign(dataset=door.dataset, ids=ids, touch=touch)
            for ids, touch in reading.signs
            if not origin.policy.consent.require or touch.consent == Consent.GRANTED
        ]
        taken.lines += [LineEntry(thing=line, received_at=now, told_at=line.at) for line in reading.lines]

    def _privacy(self, door: WebhookDoor, reading: Reading, asked: PrivacyRequest) -> Reply:
        """Answered once the request itself is on disk; the erasure follows. A copy is for the operator to give."""
        said = Answer(200, answers.accepted(0, (), reading.notes, kind=reading.kind))
        if self._ask_privacy is None:
            return Answer(503, answers.failed("this gateway cannot take requests about persons now; send again"))
        request = SubjectRequest(
            kind=asked.kind,
            emails=asked.emails,
            phones=asked.phones,
            external_ids=asked.external_ids,
            order_ids=asked.order_ids,
            dataset=door.dataset,
            country=self._datasets[door.dataset].country,
        )
        future = asyncio.ensure_future(self._ask_privacy(request, door.name))
        return Pending(future, lambda _: said)

    def _origin(self, door: WebhookDoor, reading: Reading, now: int) -> Origin:
        dataset = self._datasets[door.dataset]
        return Origin(
            dataset=door.dataset,
            channel=Channel.SERVER,
            sender=reading.sender,
            tier=Tier.T3 if door.source.signs_body and not door.secret_in_path else Tier.T2,
            received_at=now,
            bounds=bounds_of(self._clock),
            policy=dataset,
            shop=door.options.shop,
        )


_CANNOT_ASK = Ignored(
    kind="notice", reason="names something by its id alone, and this source has no access to ask for it"
)
_NAMES_NOTHING = Ignored(kind="notice", reason="names nothing; more than names is not taken from an address")
_LATER = (*JSON, (b"retry-after", b"60"))


def _kept() -> Answer:
    """Nobody waits for an answer to what was fetched."""
    return Answer(200, b"")


def _left_out(ignored: Ignored) -> Refusal:
    return Refusal(reason=DropReason.NOT_AN_ORDER, expected="something to count", got=ignored.reason)


def _is_ours(door: WebhookDoor, request: Request) -> bool:
    """True for a body that a developer wrote by our documentation: he must see what is wrong with it."""
    return door.source.name in _OUR_BODIES and META_SIGNATURE not in request.headers()


class _Taken(Struct, kw_only=True):
    """What was understood of one webhook, and what its answer will say.

    ``ours``: a developer writes the body by our documentation and must see what is wrong with it. Other systems cannot
    change theirs (a lead from last month, a deal without contact data), and give up a webhook that is refused often.
    """

    ours: bool
    kind: str
    notes: list[str]
    events: list[Event] = []
    orders: list[OrderEntry] = []
    refusals: list[Refusal] = []
    rows: list[RefusedRow] = []
    signs: list[Sign] = []
    lines: list[LineEntry] = []
    counted: int = 0

    def add(self, result: Event | Refusal) -> None:
        if isinstance(result, Refusal):
            self.refusals.append(result)
            return
        self.events.append(result)
        self.counted += 1
        self.notes += result.warnings

    def work(self) -> Work:
        return Work(
            entry=ENTRY, events=self.events, rows=self.rows, orders=self.orders, signs=self.signs, lines=self.lines,
            answer=self.answer,
        )  # fmt: skip

    def answer(self) -> Answer:
        """200 when anything was taken, and for another system's body that was understood; the refusal otherwise."""
        if self.ours and self.refusals and not self.counted and not self.orders:
            return Answer(*answers.refused(self.refusals))
        return Answer(200, answers.accepted(self.counted, self.refusals, self.notes, kind=self.kind))
