"""Which copy of an action Meta counts: the documented deduplication rules as one pure state machine.

Owns the keys, the windows and the reasons. Knows no HTTP, no storage and no clock: every copy brings the time it
was received. Source: Meta for Developers, "Handling duplicate pixel and Conversions API events", "Store events"
and "Business messaging" pages, read September 2026.

What those pages leave open, and how it is read here:

- A window's last moment is inside it (48 hours and 5 minutes are inclusive).
- Two server copies with one id are one action (retries are idempotent).
- Preferring the browser copy does not move the window; it always runs from the first copy received.
- ``fbp`` *and/or* ``external_id``: one equal value is enough.
- An app SDK's copy stands where a browser's does: preferred within 5 minutes, and first in the fallback.
- The order id rule (a feature of few partners, off here by default) asks for one equal user key of fbp,
  external_id, hashed e-mail or phone, is tried after the event id, and keeps the first copy of any source.
- The fallback is used where the event id cannot decide, so not between two copies that carry different ids;
  `Fallback.ALWAYS` is the literal reading, which also drops a person's second order within 48 hours.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


ORDER_WINDOWS_MS = (48 * HOUR_MS, 28 * DAY_MS)


class Source(StrEnum):
    """Which side sent a copy, in the words of the Test Events tool."""

    BROWSER = "Browser"
    SERVER = "Server"
    APP = "App"  # the app SDK, on the device; preferred and compared like the browser


class State(StrEnum):
    """What became of a copy, in the words of the Test Events tool."""

    PROCESSED = "Processed"
    DEDUPLICATED = "Deduplicated"


class Reason(StrEnum):
    """Why a copy was kept or dropped; each member's sentence is in `MEANING`."""

    FIRST = "first"
    NO_KEY = "no_key"
    BROWSER_PREFERRED = "browser_preferred"
    SAME_ID = "same_id"
    REPLACED_BY_BROWSER = "replaced_by_browser"
    BROWSER_BEFORE = "browser_before"
    OFFLINE_FIRST = "offline_first"
    OFFLINE_REPEAT = "offline_repeat"
    MESSAGING = "messaging"
    ORDER_REPEAT = "order_repeat"


MEANING: dict[Reason, str] = {
    Reason.FIRST: "Kept: the first copy with this event name and event id in 48 hours.",
    Reason.NO_KEY: "Kept: without an event id it is a copy of nothing that was received.",
    Reason.BROWSER_PREFERRED: "Kept instead of the server copy: the browser copy came within 5 minutes of it.",
    Reason.SAME_ID: "Dropped: this event name and event id were received in the last 48 hours.",
    Reason.REPLACED_BY_BROWSER: "Dropped afterwards: a browser copy came within 5 minutes and is preferred.",
    Reason.BROWSER_BEFORE: "Dropped: a browser event of this name with the same fbp or external_id came in the "
    "48 hours before.",
    Reason.OFFLINE_FIRST: "Kept: the first store event with this time, name, item and order.",
    Reason.OFFLINE_REPEAT: "Dropped: a store event with this time, name, item and order was received in 7 days.",
    Reason.MESSAGING: "Kept: business messaging events are never deduplicated.",
    Reason.ORDER_REPEAT: "Dropped: a Purchase of the same user with this order id was counted in the chosen window.",
}


class Fallback(StrEnum):
    """When fbp and external_id may stand in for the event id."""

    WITHOUT_ID = "without_id"  # when one of the two copies has no event id
    ALWAYS = "always"  # the literal reading: also between two different event ids
    OFF = "off"


class DedupOptions(Struct, frozen=True, kw_only=True):
    """The documented figures; change them only to see what would happen."""

    window_ms: int = 48 * HOUR_MS
    prefer_browser_ms: int = 5 * MINUTE_MS
    offline_window_ms: int = 7 * DAY_MS
    fallback: Fallback = Fallback.WITHOUT_ID
    order_window_ms: int | None = None  # limited feature: `ORDER_WINDOWS_MS` are the documented choices


class Copy(Struct, frozen=True, kw_only=True):
    """What the rules look at. ``number`` names the copy in verdicts; appendices are already stripped."""

    number: int
    dataset: str
    event_name: str
    source: Source
    received_at: int  # ms
    event_id: str | None = None
    action_source: str = "website"
    fbp: str | None = None
    external_ids: tuple[str, ...] = ()
    event_time: int = 0  # s; offline key only
    item_number: str | None = None  # offline key only
    order_id: str | None = None  # offline key, and the limited order id rule
    person: str = ""  # offline key only: a digest of all user_data, used when there is no order id
    contacts: tuple[str, ...] = ()  # limited order id rule only: hashes of e-mail and phone


class DedupVerdict(Struct, frozen=True):
    """``counterpart`` is the copy that was kept for this one, or the one it replaced.

    ``demoted`` is an earlier copy that was counted until now and is Deduplicated from here on.
    """

    state: State
    reason: Reason
    counterpart: int | None = None
    demoted: int | None = None


class _Group(Struct, gc=False):
    """All copies of one key inside one window; ``counted`` is False when ``kept`` fell to the fallback."""

    first_at: int
    kept: int
    kept_at: int
    kept_source: Source
    counted: bool = True


class _Sighting(Struct, gc=False):
    """The copy that last stood for one value, and the time its window runs from."""

    number: int
    at: int


class Deduplicator:
    """Judges copies in the order they are received. All state is in memory and belongs to this object."""

    def __init__(self, options: DedupOptions | None = None) -> None:
        self._options = options or DedupOptions()
        self._by_id: dict[tuple[str, str, str], _Group] = {}
        self._offline: dict[tuple[str, int, str, str | None, tuple[str, str]], _Group] = {}
        self._orders: dict[tuple[str, str, str, str], _Sighting] = {}
        # The last part of the key says whether only copies without an event id were noted under it.
        self._browser: dict[tuple[str, str, str, str, bool], _Sighting] = {}

    def judge(self, copy: Copy) -> DedupVerdict:
        """The verdict on one copy, which is remembered for those that follow."""
        if copy.action_source == "business_messaging":
            return DedupVerdict(State.PROCESSED, Reason.MESSAGING)
        if copy.action_source == "physical_store":
            return self._judge_offline(copy)
        verdict = self._judge_web(copy)
        if copy.source is not Source.SERVER:
            self._note_browser(copy)
        if verdict.state is State.PROCESSED:
            self._note_order(copy)
        return verdict

    def _judge_offline(self, copy: Copy) -> DedupVerdict:
        order = ("order", copy.order_id) if copy.order_id else ("person", copy.person)
        key = (copy.dataset, copy.event_time, copy.event_name, copy.item_number, order)
        group = self._offline.get(key)
        if group is not None and copy.received_at - group.first_at <= self._options.offline_window_ms:
            return DedupVerdict(State.DEDUPLICATED, Reason.OFFLINE_REPEAT, group.kept)
        self._offline[key] = _open_group(copy)
        return DedupVerdict(State.PROCESSED, Reason.OFFLINE_FIRST)

    def _judge_web(self, copy: Copy) -> DedupVerdict:
        key = (copy.dataset, copy.event_name, copy.event_id or "")
        group = self._by_id.get(key) if copy.event_id else None
        if group is not None and copy.received_at - group.first_at <= self._options.window_ms:
            return self._judge_same_id(copy, group)
        ordered = self._order_before(copy)
        seen = self._browser_before(copy) if ordered is None else ordered
        if copy.event_id:
            # A copy that falls to the fallback still opens its id: a retry of it must not count either.
            self._by_id[key] = _open_group(copy, counted=seen is None)
        if seen is not None:
            reason = Reason.BROWSER_BEFORE if ordered is None else Reason.ORDER_REPEAT
            return DedupVerdict(State.DEDUPLICATED, reason, seen)
        return DedupVerdict(State.PROCESSED, Reason.FIRST if copy.event_id else Reason.NO_KEY)

    def _judge_same_id(self, copy: Copy, group: _Group) -> DedupVerdict:
        apart = copy.received_at - group.kept_at
        prefer = copy.source is not Source.SERVER and group.kept_source is Source.SERVER
        if not prefer or apart > self._options.prefer_browser_ms:
            return DedupVerdict(State.DEDUPLICATED, Reason.SAME_ID, group.kept)
        replaced, was_counted = group.kept, group.counted
        group.kept, group.kept_at, group.kept_source, group.counted = copy.number, copy.received_at, copy.source, True
        return DedupVerdict(State.PROCESSED, Reason.BROWSER_PREFERRED, replaced, replaced if was_counted else None)

    def _browser_before(self, copy: Copy) -> int | None:
        """The latest browser copy in the window that shares an fbp or external_id with a server copy."""
        fallback = self._options.fallback
        if copy.source is not Source.SERVER or fallback is Fallback.OFF:
            return None
        only_without_id = fallback is Fallback.WITHOUT_ID and bool(copy.event_id)
        latest: _Sighting | None = None
        for kind, value in _person_keys(copy):
            seen = self._browser.get((copy.dataset, copy.event_name, kind, value, only_without_id))
            if seen is None or copy.received_at - seen.at > self._options.window_ms:
                continue
            if latest is None or seen.number > latest.number:
                latest = seen
        return latest.number if latest else None

    def _order_before(self, copy: Copy) -> int | None:
        """The counted Purchase of this order id and user in the chosen window; None when the rule is off."""
        window = self._options.order_window_ms
        if window is None:
            return None
        for key in _order_keys(copy):
            seen = self._orders.get(key)
            if seen is not None and copy.received_at - seen.at <= window:
                return seen.number
        return None

    def _note_order(self, copy: Copy) -> None:
        """The window runs from the first counted copy; one that replaces it inherits its time."""
        window = self._options.order_window_ms
        if window is None:
            return
        keys = _order_keys(copy)
        known = [seen for key in keys if (seen := self._orders.get(key)) and copy.received_at - seen.at <= window]
        first_at = min([seen.at for seen in known], default=copy.received_at)
        for key in keys:
            self._orders[key] = _Sighting(copy.number, first_at)

    def _note_browser(self, copy: Copy) -> None:
        for kind, value in _person_keys(copy):
            seen = _Sighting(copy.number, copy.received_at)
            self._browser[(copy.dataset, copy.event_name, kind, value, False)] = seen
            if not copy.event_id:
                self._browser[(copy.dataset, copy.event_name, kind, value, True)] = seen


def _open_group(copy: Copy, *, counted: bool = True) -> _Group:
    return _Group(copy.received_at, copy.number, copy.received_at, copy.source, counted)


def _order_keys(copy: Copy) -> list[tuple[str, str, str, str]]:
    if copy.event_name != "Purchase" or not copy.order_id:
        return []
    users = [*_person_keys(copy), *(("contact", value) for value in copy.contacts)]
    return [(copy.dataset, copy.order_id, kind, value) for kind, value in users]


def _person_keys(copy: Copy) -> list[tuple[str, str]]:
    keys = [("external_id", value) for value in copy.external_ids]
    return [("fbp", copy.fbp), *keys] if copy.fbp else keys
