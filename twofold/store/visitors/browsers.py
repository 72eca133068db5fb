"""Which identifiers were seen together, in which visit of which browser.

Owns the tables browser, visit and sighting: they are written from browser copies beside the journal, read when an
action is about to be sent (`gates.stitch`), and forgotten after the set days. Who is whose is decided in `stitch`. Only
browser copies make visits; nothing crosses datasets; what a browser denied is not kept.

All of it runs inside the store's transactions. What was noted is remembered in memory, so that the
next page view of the same visit writes nothing; a rolled back transaction forgets that memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from twofold.consent.state import consent_text, strictest_text
from twofold.event.model import Channel, Consent, Event, Tier
from twofold.store.digests import row_crc
from twofold.store.engine import Database, id_array, key_array
from twofold.store.peers.revisions import BROWSERS, Revisions
from twofold.store.visitors.identifiers import (
    BROWSER_KINDS,
    Identifier,
    browser_ids_of,
    identifier,
    identifiers_of,
)
from twofold.store.visitors.noted import Noted
from twofold.store.visitors.stitch import IdentifierSeen
from twofold.store.visitors.visits import Visit, goes_on, limits_of, visit_of

DAY_MS = 86_400_000
SLOTS = 16  # visits kept of one browser
MOST_BROWSERS = 64
"""That one id of a browser leads to. One that more of them carry is nobody's (a shop writes the same on every page, a stranger makes up a
new ``fbp`` each time): the further ones are known without it, so that looking it up stays as cheap as it was."""

AHEAD = 4_000  # browsers that are read at once for a claim
SLICE = 2_000  # browsers looked at in one step of forgetting: a few milliseconds
_EMPTIED = frozenset({"em", "external_id", "ph", "fbc"})  # kinds that go with a denial; as in empty_sightings
_TOUCH_MS = 3_600_000  # a visit that goes on is written again once an hour


class Browser(Struct):
    """One browser of one dataset, as kept; ``visit`` is its newest."""

    id: int
    dataset: str
    fbp: str | None
    consent: str
    limits: str
    first_at: int
    last_at: int
    visits: int
    visit: Visit | None = None

    def row(self) -> tuple[Any, ...]:
        row = (
            self.id, self.dataset, self.fbp, self.consent, self.limits, self.first_at, self.last_at, self.visits,
        )  # fmt: skip
        return (*row, row_crc(*row))


class _Batch:
    """What one transaction is about to write, and what it found."""

    __slots__ = ("anew", "browsers", "by_key", "changed", "denied", "known", "led_to", "sightings", "visits")

    def __init__(self) -> None:
        self.browsers: dict[int, Browser] = {}
        self.by_key: dict[bytes, int] = {}  # a browser's own ids only
        self.led_to: dict[bytes, set[int]] = {}  # all browsers that these lead to
        self.known: dict[tuple[bytes, int], list[Any]] = {}  # sightings as they are, written or about to be
        self.changed: set[int] = set()  # browsers to write
        self.visits: dict[tuple[int, int], tuple[Any, ...]] = {}
        self.sightings: dict[tuple[bytes, int], list[Any]] = {}
        self.denied: set[int] = set()
        self.anew: set[int] = set()  # said yes after a no

    def lead(self, key: bytes, browser: int) -> bool:
        """This id leads to this browser, too, from here on; False where it leads to as many as it may."""
        browsers = self.led_to.setdefault(key, set())
        if browser not in browsers and len(browsers) >= MOST_BROWSERS:
            return False
        browsers.add(browser)
        self.by_key[key] = browser
        return True


class _Ahead:
    """What was read at once for the many candidates of a claim."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.sightings: dict[bytes, list[tuple[Any, ...]]] = {}
        self.browsers: dict[int, Browser] = {}
        self.visits: dict[int, list[Visit]] = {}


class Browsers:
    """``keep_days``: the longest that anything is remembered."""

    def __init__(
        self,
        engine: Database,
        datasets: Iterable[str],
        keep_days: int,
        revisions: Revisions | None = None,
    ) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._place = self._revisions.place
        self._revisions.listen(BROWSERS, self._heard)
        self._configured = frozenset(datasets)
        self.keep_ms = keep_days * DAY_MS
        self._noted = Noted()
        self._ahead: _Ahead | None = None
        self._expired_to = 0
        self.on_gone: Callable[[Sequence[int]], Any] = lambda _browsers: None
        """Told which browsers said no or are forgotten, while it is still known by which ids they are known."""
        self.hold: Callable[[Iterable[bytes], int], None] = hold_nothing
        """Among several processes: who is known by these ids is this transaction's until its end; and the time, ms."""
        self._denials = bool(engine.run("any_denial"))
        self._read_last()

    # -- what the journal calls

    def note(self, events: Iterable[Event]) -> None:
        """Remembers who was seen with what, from the browser copies among these events. At most eight engine steps."""
        news = self.news(events)
        self.hold_those_of(news)
        self.write(news)

    def news(self, events: Iterable[Event]) -> list[tuple[Event, list[Identifier]]]:
        """Those that tell something which was not noted, each with its browser's own ids; noted from here on. To be written in
        the same transaction."""
        news = [e for e in events if e.channel is Channel.BROWSER and self._is_news(e)]
        return [(e, ids) for e in news if (ids := browser_ids_of(e))]

    def keys_of(self, news: Sequence[tuple[Event, Sequence[Identifier]]]) -> set[bytes]:
        """By which ids these browsers are known; of one that says no all its others, too, as its signs go."""
        own = {i.key for _, ids in news for i in ids}
        no = [ids for event, ids in news if consent_text(event).startswith(Consent.DENIED)]
        if no:
            found = self._engine.run("find_sightings", (key_array({i.key for ids in no for i in ids}), 0))
            browsers = id_array({row[1] for row in found})
            own.update(key for _, key in self._engine.run("own_keys", (browsers,)))
        return own

    def hold_those_of(self, news: Sequence[tuple[Event, Sequence[Identifier]]]) -> None:
        """Among several processes, before anything is written: the ids by which these browsers are known, also those that nobody knows
        yet; then the browsers that they lead to."""
        if self._place.alone or not news:
            return
        keys = {i.key for _, own in news for i in own}
        self.hold(keys, news[-1][0].received_at)
        found = self._engine.run("find_sightings", (key_array(keys), 0))
        if found:
            self._engine.run("hold_browsers", (id_array({row[1] for row in found}),))

    def write(self, news: Sequence[tuple[Event, Sequence[Identifier]]]) -> None:
        """Remembers these."""
        if news:
            self._write(news)

    def rolled_back(self) -> None:
        """Nothing is remembered in memory of what is not on disk."""
        self._noted.clear()
        self._read_last()

    # -- what the gate asks

    @property
    def any_seen(self) -> bool:
        """False while no browser was ever seen, as far as this process can tell without asking."""
        return self._last > 0 or not self._place.alone

    @property
    def any_denial(self) -> bool:
        """False while no browser has said no: then no further attempt has to be looked at again."""
        return self._denials

    def look_ahead(self, keys: Iterable[bytes]) -> None:
        """Reads in three steps what `sightings`, `browser` and `visits` will be asked for about these identifiers, and
        answers from that until `look_no_more`. Nothing may be noted or forgotten meanwhile: within one claim."""
        self._ahead = ahead = _Ahead()
        asked = set(keys)
        for row in self._engine.run("find_sightings", (key_array(asked), 0)) if asked else ():
            ahead.sightings.setdefault(row[0], []).append(row)
        ahead.keys = asked
        numbers = {row[1] for rows in ahead.sightings.values() for row in rows}
        if len(numbers) > AHEAD:
            return  # somebody's id is seen everywhere: asked one by one
        ahead.browsers = self._load(numbers)
        ahead.visits = {number: [] for number in numbers}
        if numbers:
            for number, *visit in self._engine.run("select_visits_of_many", (id_array(numbers),)):
                ahead.visits[number].append(Visit(*visit))

    def look_no_more(self) -> None:
        self._ahead = None

    def sightings(self, known: Sequence[Identifier], since: int) -> list[IdentifierSeen]:
        """Which browsers these were seen with since a time, in the order of the identifiers."""
        ahead = self._ahead
        if ahead is not None and ahead.keys.issuperset([i.key for i in known]):
            seen = ahead.sightings
            return [IdentifierSeen(i, *row[1:]) for i in known for row in seen.get(i.key, ()) if row[4] >= since]
        by_key = {i.key: i for i in known}
        rows = self._engine.run("find_sightings", (key_array(by_key), since))
        places = {i.key: n for n, i in enumerate(known)}
        rows.sort(key=lambda row: places[row[0]])
        return [IdentifierSeen(by_key[key], *rest) for key, *rest in rows]

    def browser(self, number: int) -> Browser | None:
        if self._ahead is not None and number in self._ahead.browsers:
            return self._ahead.browsers[number]
        return self._load([number]).get(number)

    def visits(self, browser: int, begun_by: int, since: int) -> list[Visit]:
        """A browser's visits that began before one time and went on after another, newest first."""
        if self._ahead is not None and browser in self._ahead.visits:
            return [v for v in self._ahead.visits[browser] if v.from_at <= begun_by and v.until_at >= since]
        return [Visit(*row) for row in self._engine.run("select_visits", (browser, begun_by, since))]

    def persons(self, browser: int, since: int) -> list[tuple[str, bytes]]:
        """Identifiers of persons seen with a browser since a time: kind and key."""
        return [(kind, key) for kind, key in self._engine.run("select_people", (browser, since))]

    def stitched_bytes(self, delivery: int) -> list[tuple[str, bytes]]:
        """What was taken over into a delivery's bytes, and the bytes; one row or none."""
        return [(stitched, payload) for stitched, payload in self._engine.run("stitched_bytes", (delivery,))]

    # -- consent, retention, erasure

    def deny(self, dataset: str, identifiers: Iterable[tuple[str, str]], now_ms: int) -> int:
        """Empties and blocks every browser seen with one of these, until it grants again; answers how many.

        ``identifiers``: (kind, value) as `identifiers.identifier` takes them; marks of `event.subject` are such.
        """
        ids = self._seen_with([dataset], identifiers)
        self._deny(ids, now_ms)
        self._noted.clear()
        self._revisions.raise_(BROWSERS)
        return len(ids)

    def forget(self, identifiers: Iterable[tuple[str, str]], dataset: str | None = None) -> int:
        """Deletes every browser seen with one of these, with all its visits and sightings; answers how many.

        A click leads to no browser: its link can be shared, and who else opened it is somebody else.
        """
        pairs = [pair for pair in identifiers if pair[0] not in ("click", "fbc")]
        ids = self._seen_with([dataset] if dataset else self._datasets(), pairs)
        if ids:
            self.on_gone(ids)
            for name in ("empty_visits", "forget_sightings", "forget_browsers"):
                self._engine.run(name, (id_array(ids),))
        self._noted.clear()
        self._revisions.raise_(BROWSERS)
        return len(ids)

    def about(self, identifiers: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """What is kept of the browsers seen with one of these, oldest visit first."""
        ids = self._seen_with(self._datasets(), identifiers)
        names = ("dataset", "fbp", "from_at", "until_at", "fbc", "client_ip_address", "client_user_agent", "click_ids")
        rows = self._engine.run("select_visits_of", (id_array(ids),)) if ids else []
        return [dict(zip(names, row, strict=True)) for row in rows]

    def expire(self, now_ms: int) -> bool:
        """Forgets what is too old among the next `SLICE` browsers; False when the last ones have been looked at."""
        after, before = self._expired_to, now_ms - self.keep_ms
        last: int | None = self._engine.run("next_browsers", (after, SLICE))[0][0]
        if last is None:
            self._expired_to = 0
            return False
        for name in ("expire_visits", "expire_sightings", "expire_browsers"):
            self._engine.run(name, (after, last, before))
        self._expired_to = last
        return True

    # -- writing

    def _is_news(self, event: Event) -> bool:
        user = event.user_data
        if user.fbp is None and event.visitor is None:
            return False  # no browser to speak of
        if event.tier > Tier.T1 or event.held_back is not None:
            return False
        # One that is taken for a robot is remembered too: if an order comes from it, it was none.
        facts = hash((
            event.dataset, user.fbp, user.fbc, user.client_ip_address, user.client_user_agent, user.em, user.ph,
            user.external_id, event.visitor, event.links, event.custom_data.order_id, event.opt_out,
            event.data_processing_options, event.tier, tuple(event.click_ids.items()) if event.click_ids else None,
            event.received_at // _TOUCH_MS, self._change_of_mind(event),
        ))  # fmt: skip
        return self._noted.is_new(facts)

    def _change_of_mind(self, event: Event) -> int:
        """Another number than before when a browser says something else about consent."""
        text = consent_text(event)
        word = None if text == Consent.UNSTATED else hash(text)
        return self._noted.mind(hash((event.dataset, event.user_data.fbp, event.visitor)), word)

    def _write(self, events: Sequence[tuple[Event, Sequence[Identifier]]]) -> None:
        batch = _Batch()
        seen = [(event, own, identifiers_of(event, own)) for event, own in events]
        self._find(batch, seen, events[-1][0].received_at)
        for event, own, ids in seen:
            self._note_one(batch, event, own, ids)
        engine = self._engine
        if batch.denied or batch.anew:
            # The first no of all is heard by everybody before anything else is written: until then nobody looks for one.
            self._revisions.raise_(BROWSERS, beside=self._denials or not batch.denied)
        if batch.denied and not self._place.alone:
            own_keys = engine.run("own_keys", (id_array(batch.denied),))
            self.hold([key for _, key in own_keys], events[-1][0].received_at)
        if batch.denied:
            self._denials = True
            self.on_gone(sorted(batch.denied))
            engine.run("empty_visits", (id_array(batch.denied),))
            engine.run("empty_sightings", (id_array(batch.denied),))
        if batch.anew:
            engine.run("forget_links", (id_array(batch.anew),))
        engine.run_rows("put_browsers", [batch.browsers[number].row() for number in sorted(batch.changed)])
        engine.run_rows("put_visits", [(*row, row_crc(*row)) for row in batch.visits.values()])
        engine.run_rows("put_sightings", [(*row, row_crc(row[0].hex(), *row[1:])) for row in batch.sightings.values()])

    def _find(
        self, batch: _Batch, seen: Sequence[tuple[Event, Sequence[Identifier], Sequence[Identifier]]], now_ms: int
    ) -> None:
        """What is known of these ids; the browsers that the own ones belong to: of several, the one seen last."""
        kinds, since = {i.key: i.kind for _, _, ids in seen for i in ids}, now_ms - self.keep_ms
        rows = self._engine.run("find_sightings", (key_array({i.key for _, own, _ in seen for i in own}), since))
        for key, browser, tier, first_at, last_at in sorted(rows, key=_last_seen):
            batch.known[key, browser] = [key, browser, kinds[key], tier, first_at, last_at]
            batch.led_to.setdefault(key, set()).add(browser)
            batch.by_key[key] = browser
        for browser, keys in _others(seen, batch.by_key).items():
            for key, _, *told in self._engine.run("find_sightings_of", (key_array(keys), browser, since)):
                batch.known[key, browser] = [key, browser, kinds[key], *told]
        batch.browsers |= self._load(set(batch.by_key.values()))

    def _note_one(self, batch: _Batch, event: Event, own: Sequence[Identifier], ids: Sequence[Identifier]) -> None:
        """One copy. What goes on unchanged is written once in `_TOUCH_MS`: each row is a page of a large tree."""
        browser = self._browser_of(batch, event, own)
        led = [i for i in own if batch.lead(i.key, browser.id)]
        if len(led) < len(own):
            own, ids = led, [i for i in ids if i in led or i not in own]
        before = (browser.consent, browser.fbp, browser.limits)
        had_denied = browser.consent.startswith(Consent.DENIED)
        browser.consent = _later_consent(browser.consent, consent_text(event))
        if browser.consent.startswith(Consent.DENIED):
            self._empty(batch, browser)
            _touch(batch, browser, event.received_at)
            _see(batch, browser, own, event)
            return
        if had_denied:
            _begin_anew(batch, browser)
        browser.fbp = event.user_data.fbp or browser.fbp
        browser.limits = limits_of(event) or browser.limits
        _see(batch, browser, ids, event)
        changed = _go_on(batch, browser, event) or (browser.consent, browser.fbp, browser.limits) != before
        if changed or event.received_at >= browser.last_at + _TOUCH_MS:
            _touch(batch, browser, event.received_at)

    def _browser_of(self, batch: _Batch, event: Event, own: Sequence[Identifier]) -> Browser:
        number = next((batch.by_key[i.key] for i in own if i.key in batch.by_key), None)
        if own[0].kind == "fbp" and own[0].key not in batch.by_key and number is not None:
            # The shop's id is known, the platform's is new: the same browser only if it had none of its own yet.
            number = None if batch.browsers[number].fbp else number
        if number is None:
            self._last += 1
            number = self._last
            batch.browsers[number] = Browser(
                number, event.dataset, None, "unstated", "", event.received_at, event.received_at, 0
            )
            batch.changed.add(number)
        return batch.browsers[number]

    def _empty(self, batch: _Batch, browser: Browser) -> None:
        batch.denied.add(browser.id)
        browser.fbp, browser.limits, browser.visit = None, "", None
        for place in [p for p in batch.visits if p[0] == browser.id]:
            del batch.visits[place]
        _unsee(batch, browser, lambda kind: kind in _EMPTIED)

    # -- reading

    def _load(self, ids: Iterable[int]) -> dict[int, Browser]:
        ids = list(ids)
        if not ids:
            return {}
        found = {}
        for row in self._engine.run("select_browsers", (SLOTS, id_array(ids))):
            found[row[0]] = browser = Browser(*row[:8])
            browser.visit = Visit(*row[8:]) if row[8] is not None else None
        return found

    def _seen_with(self, datasets: Iterable[str], identifiers: Iterable[tuple[str, str]]) -> list[int]:
        pairs = list(identifiers)
        found = [identifier(dataset, kind, value) for dataset in datasets for kind, value in pairs]
        keys = [i.key for i in found if i is not None]
        return sorted({row[1] for row in self._engine.run("find_sightings", (key_array(keys), 0))}) if keys else []

    def _deny(self, ids: Sequence[int], now_ms: int) -> None:
        if ids:
            self._denials = True
            self.on_gone(ids)
            self._engine.run("empty_visits", (id_array(ids),))
            self._engine.run("empty_sightings", (id_array(ids),))
            rows = []
            for browser in self._load(ids).values():
                browser.fbp, browser.limits, browser.consent = None, "", str(Consent.DENIED)
                browser.last_at = max(browser.last_at, now_ms)
                rows.append(browser.row())
            self._engine.run_rows("put_browsers", rows)

    def _datasets(self) -> list[str]:
        return sorted({*self._configured, *(row[0] for row in self._engine.run("known_datasets"))})

    def _read_last(self) -> None:
        self._last: int = self._engine.run("last_browser", (self._place.before, self._place.end))[0][0]

    def _heard(self) -> None:
        """Elsewhere a browser said no, or yes after a no, or was forgotten: what was noted of it here may be untrue."""
        self._denials = self._denials or bool(self._engine.run("any_denial"))
        self._noted.clear()


def hold_nothing(_keys: Iterable[bytes], _now_ms: int) -> None: ...


def _later_consent(before: str, now: str) -> str:
    """What a browser says now counts; what it only leaves out takes nothing back, least of all a no."""
    return strictest_text(before, now) if now.startswith(Consent.UNSTATED) else now


def _last_seen(row: tuple[Any, ...]) -> int:
    last_at: int = row[4]
    return last_at


def _others(
    seen: Sequence[tuple[Event, Sequence[Identifier], Sequence[Identifier]]], by_key: Mapping[bytes, int]
) -> dict[int, set[bytes]]:
    """The other ids of these copies by the browsers that they may be of: those that their own ids lead to (of several, the one
    seen last), or will lead to once a copy before them has tied two ids together."""
    leads = {key: {browser} for key, browser in by_key.items()}
    wanted: dict[int, set[bytes]] = {}
    for _, own, ids in seen:
        browsers = set[int]().union(*(leads.get(i.key, ()) for i in own))
        if not browsers:
            continue
        for i in own:
            leads[i.key] = browsers
        if len(ids) > len(own):
            mine = {i.key for i in own}
            for browser in browsers:
                wanted.setdefault(browser, set()).update(i.key for i in ids if i.key not in mine)
    return wanted


def _touch(batch: _Batch, browser: Browser, now_ms: int) -> None:
    browser.last_at = max(browser.last_at, now_ms)
    batch.changed.add(browser.id)


def _see(batch: _Batch, browser: Browser, seen: Iterable[Identifier], event: Event) -> None:
    tier, at = int(event.tier), event.received_at
    for i in seen:
        row = batch.known.get((i.key, browser.id))
        if row is None:
            row = batch.known[i.key, browser.id] = [i.key, browser.id, i.kind, tier, at, at]
        elif tier > row[3] or at >= row[5] + _TOUCH_MS:
            row[3], row[5] = max(row[3], tier), max(row[5], at)
        else:
            continue
        batch.sightings[i.key, browser.id] = row


def _unsee(batch: _Batch, browser: Browser, is_gone: Callable[[str], bool]) -> None:
    for seen in [s for s, row in batch.known.items() if s[1] == browser.id and is_gone(row[2])]:
        del batch.known[seen]
        batch.sightings.pop(seen, None)


def _begin_anew(batch: _Batch, browser: Browser) -> None:
    """A yes after a no is about what comes from now on: carts and orders from before the no lead here no more."""
    batch.anew.add(browser.id)
    _unsee(batch, browser, lambda kind: kind not in BROWSER_KINDS)


def _go_on(batch: _Batch, browser: Browser, event: Event) -> bool:
    """The browser's visit goes on, or (True) its next one begins."""
    seen, known = visit_of(event), browser.visit
    begins = known is None or not goes_on(known, seen)
    if known is None or begins:
        known = browser.visit = seen
        browser.visits += 1
    elif seen.until_at < known.until_at + _TOUCH_MS:
        return False
    else:
        known.until_at = seen.until_at
    slot = (browser.visits - 1) % SLOTS
    batch.visits[browser.id, slot] = (browser.id, slot, *astuple(known))
    return begins
