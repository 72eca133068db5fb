"""What a world's gateway owes to everybody outside it, kept by an outsider: who was answered, what left, who said no.

Owns an independent model in plain Python and what breaks a promise. It knows steps, answers and requests, and of the
gateway nothing; what stands in the folder it is handed as plain rows by `looking`. A broken promise is a line in ``broken``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.world.requests_in import FORGED_AGENT, FORGED_VALUE, says_yes
from tests.world.steps import DAY, HOUR, PLAIN, SHOP, Person, Thing

PLATFORMS = {SHOP: ("shop-1", "shop-2"), PLAIN: ("plain-1",)}
DATASET_OF = {name: dataset for dataset, names in PLATFORMS.items() for name in names}
BROWSER, SERVER, WEBHOOK = 0, 2, 3  # tiers
KEPT_DAYS = 9  # longer than the fold remembers
KEPT_MS, LATEST_MS = KEPT_DAYS * DAY, 6 * DAY
TAKEN_S = 7 * 86_400  # how old an event a platform takes: seven days, as Meta's documents say
REPEATS_S = 48 * 3_600  # for how long a platform knows a repeat by its id: 48 hours, as the same documents say
SLACK_MS = 14 * HOUR  # of time that passes in halves of a day, and of a clock that is hours wrong

Place = tuple[int, str]  # a thing and a platform
Word = tuple[int, str, int]  # the same, and the highest tier that speaks


class Copy:
    """One copy of a thing that somebody sent."""

    __slots__ = ("at_ms", "begun", "known", "mark", "odd", "step", "thing", "tier")

    def __init__(self, mark: int, thing: int, tier: int, begun: int, at_ms: int) -> None:
        """``begun``: when it was sent, by `Promises.tick`; ``at_ms``: the same, by the steady clock."""
        self.mark, self.thing, self.tier, self.begun, self.at_ms = mark, thing, tier, begun, at_ms
        self.step = -1  # in which it was answered
        self.odd = False  # sent while the clock was years wrong: by which time its days are counted nobody says
        self.known = False  # answered with success; until then it may be there or not


class Silence(NamedTuple):
    """Of what was there when a withdrawal was taken back."""

    step: int  # of the answered withdrawal
    back: int  # when it was taken back, by `Promises.tick`
    tier: int  # the best that had told of it


class Promises:
    """One world's. ``step`` is the number of the step that runs."""

    def __init__(self, people: list[Person], things: list[Thing]) -> None:
        self.people, self.things = people, things
        self.step = 0
        self._ticks = 0
        self.broken: list[str] = []
        self.copies: list[Copy] = []
        self.rows = 0  # of the journal that were acknowledged
        self.refused = 0  # answers that named a refusal
        self.forged: set[int] = set()
        self.news: dict[int, tuple[str, bool]] = {}  # thing -> the last word of its order, and whether it was answered
        self.told: set[tuple[int, str]] = set()  # every word that may have been heard of an order
        self.cancelled_at: dict[int, int] = {}
        self.denied: dict[tuple[str, int], int] = {}  # (dataset, person) -> step of an answered withdrawal in force
        self.ever_denied: set[tuple[str, int]] = set()
        self.grants: Counter[tuple[str, int]] = Counter()
        self.unsent: dict[int, Silence] = {}  # things that may never leave again
        self.orders_name_browsers = True  # and so prove whose a browser's copy is that named them
        self.erased_copies: set[int] = set()  # marks that came while an erasure of theirs was under way
        self.left: Counter[str] = Counter()  # events that left, by platform
        self.down_for_days: set[str] = set()  # platforms at which something may have become too old
        self._maybe_since: dict[Word, int] = {}  # when it may first have arrived, s
        self.erasing: dict[
            str, tuple[int, int, frozenset[int]]
        ] = {}  # request -> person, when it was asked, things that were there before
        self.erased: dict[int, int] = {}  # thing -> when its erasure was asked for; what came later is anew
        self.cleared: dict[int, int] = {}  # person -> when an erasure was asked for that is done
        self.asked: dict[int, int] = {}  # person -> when erasure was asked for last
        self.first: dict[Word, bytes] = {}  # the bytes that left first
        self.frozen: dict[Word, int] = {}  # the step in which they were seen
        self.arrived: dict[Place, int] = defaultdict(int)
        self.ids: dict[Place, set[str]] = defaultdict(set)  # under which it left
        self.maybe: set[Word] = set()  # it may have arrived, for all that a gateway can know
        self.unwritten: set[Word] = set()  # answered in this step
        self.halved: set[Word] = set()  # refused in company: asked about further without another look at their orders
        self.waits: dict[
            tuple[int, int, int], int
        ] = {}  # (how often it failed, when, where) -> ms until it is tried again
        self.tries: dict[int, tuple[int, int]] = {}  # delivery -> attempts, and when the first was
        self._versions: dict[int, int] = {}  # thing -> which of its order's words is the last
        self.settled: set[Word] = set()
        self.open: list[tuple[str, bytes]] = []
        self.forgot = False  # a loss was accepted: what left may leave again
        self._by_id = {(t.dataset, t.name, i): t for t in things for i in (t.event_id, t.browser_id)}
        self._by_order = {(t.dataset, t.order): t for t in things if t.order is not None}

    def breaks(self, text: str) -> None:
        self.broken.append(f"step {self.step}: {text}")

    # -- what senders were told

    def tick(self) -> int:
        """A moment later than all before, also inside a step."""
        self._ticks += 1
        return self._ticks

    def sent(self, thing: int, tier: int, at_ms: int) -> Copy:
        copy = Copy(len(self.copies), thing, tier, self.tick(), at_ms)
        self.copies.append(copy)
        return copy

    def answered_copies(self, copies: Iterable[Copy]) -> None:
        for copy in copies:
            copy.known = True
            copy.step = self.step
            self.rows += 1

    def order_told(self, thing: int, word: str, version: int, *, known: bool) -> None:
        """``version``: of two words the higher one is the last, whenever they came."""
        self.told.add((thing, word))
        if version >= self._versions.get(thing, 0):
            self._versions[thing] = version
            self.news[thing] = (word, known)
        if known and word == "cancelled":
            self.cancelled_at.setdefault(thing, self.step)

    def withdrawn(self, dataset: str, person: int, grants: int, *, known: bool) -> None:
        """``grants``: how many times consent had been given when this was asked. One that was given while the answer was on its way
        may have been the last word."""
        self.ever_denied.add((dataset, person))
        if known and grants == self.grants[dataset, person]:
            self.denied[dataset, person] = self.step

    def granted(self, dataset: str, person: int) -> None:
        """Heard or not: from here on it may be in force. What was there before stays silent."""
        self.grants[dataset, person] += 1
        since = self.denied.pop((dataset, person), None)
        if since is not None:
            back = self.tick()
            for t in self._things_of(person):
                if self.things[t].dataset == dataset:
                    by = max(c.tier for c in self.copies if c.known and c.thing == t)
                    self.unsent[t] = Silence(since, back, by)

    def erasure_asked(self, person: int) -> tuple[int, int, frozenset[int]]:
        """Answers what `erasure_answered` needs: whose, since when, and of what."""
        self.asked[person] = self.tick()
        return person, self.asked[person], frozenset(self._things_of(person))

    def erasure_answered(self, asked: tuple[int, int, frozenset[int]], number: str | None) -> None:
        if number is not None:
            self.erasing.setdefault(number, asked)

    def erasure_open(self, number: str) -> None:
        """It is not through yet: what was answered up to now goes with the rest."""
        person, _, _ = self.erasing[number]
        marks = {c.mark for c in self.copies if c.known and self.things[c.thing].person == person}
        self.erased_copies |= marks

    def is_behind(self, copy: Copy, asked: int) -> bool:
        """True for what came after an erasure that was asked for then, and is none of its business."""
        return copy.begun > asked and copy.mark not in self.erased_copies

    def erasure_done(self, number: str) -> None:
        person, asked, things = self.erasing.pop(number)
        self.cleared[person] = asked
        self.erased |= dict.fromkeys(things, asked)

    def _things_of(self, person: int) -> set[int]:
        """Of whom something is surely there."""
        return {c.thing for c in self.copies if c.known and self.things[c.thing].person == person}

    # -- what a platform sees

    def leaves(self, platform: str, bodies: list[bytes], sure_s: int | None, right_s: int | None) -> None:
        """``sure_s``: the time, where nobody can doubt it; ``right_s``: where no clock was wrong, which somebody may doubt all the same."""
        for body in bodies:
            event = json.loads(body)
            if sure_s is not None and event["event_time"] < sure_s - TAKEN_S:
                self.breaks(f"{event['event_id']} leaves for {platform}, which takes nothing so old any more")
            if (platform, body) in self.open:
                self.breaks(f"{event['event_id']} is in two open requests to {platform}")
            self.open.append((platform, body))
            self.left[platform] += 1
            self._is_not_the_strangers(platform, event)
            thing = self.thing_of(platform, event)
            if thing is not None:
                self._leaves(platform, thing, event, body)
                since = self._maybe_since.get(self.word_of(platform, thing, event))
                if since is not None and right_s is not None and right_s - since > REPEATS_S and not self.forgot:
                    hours = (right_s - since) // 3_600
                    self.breaks(
                        f"thing {thing.number} to {platform}: left again {hours} hours after it may have arrived"
                    )

    def _leaves(self, platform: str, thing: Thing, event: dict[str, Any], body: bytes) -> None:
        n, word = thing.number, self.word_of(platform, thing, event)
        tier, what = word[2], f"thing {n} to {platform}"
        if self._is_silent(n, tier) or (thing.dataset, thing.person) in self.denied:
            self.breaks(f"{what}: consent was withdrawn")
        if n in self.erased and not self._is_anew(thing, event, self.erased[n]):
            self.breaks(f"{what}: the person was erased")
        if word in self.settled:
            self.breaks(f"{what}: left again, though it was taken and that was kept")
        at_hand = word in self.maybe or word in self.halved
        if n in self.cancelled_at and not at_hand and self.cancelled_at[n] < self.step:
            self.breaks(f"{what}: the order was cancelled in step {self.cancelled_at[n]}")
        if thing.sold and word not in self.first and not self._may_be_sold(thing):
            self.breaks(f"{what}: nobody but a browser speaks for it, or it is not paid")
        person = self.people[thing.person]
        if self.is_named(thing) and not {person.hash, person.address} <= _texts_in(event["user_data"]):
            self.breaks(f"{what}: nobody can tell any more whose it is")
        if self.first.setdefault(word, body) != body:
            self.breaks(f"{what}: other bytes than the first time")
        value, frozen = float(event["custom_data"]["value"]), self.frozen.get(word, self.step)
        if tier >= SERVER and value != float(thing.value):
            self.breaks(f"{what}: worth {value} where the server said {thing.value}")
        if tier < SERVER and any(c.known and c.tier >= SERVER and c.step < frozen for c in self.copies if c.thing == n):
            self.breaks(f"{what}: a browser's word, though the server had spoken")
        if tier < SERVER and value not in (float(thing.value), float(thing.browser_value)):
            self.breaks(f"{what}: worth {value}, which nobody said")
        self._is_one(word, thing, event["event_id"])

    def _is_not_the_strangers(self, platform: str, event: dict[str, Any]) -> None:
        """What the shop or its server says leaves with its own money."""
        data = event["custom_data"]
        if float(str(data.get("value", 0))) != float(FORGED_VALUE):
            return
        mark = str(data.get("content_name", ""))
        if data.get("contents") or (mark.startswith("mark-") and self.copies[int(mark[5:-1])].tier >= SERVER):
            self.breaks(f"{event['event_id']} leaves for {platform} with a stranger's money")

    def _is_one(self, word: Word, thing: Thing, event_id: str) -> None:
        """A word leaves once. A higher tier's word about a purchase leaves behind a lower one's, under its id."""
        others = [w for w in self.first if w[:2] == word[:2] and w != word]
        what = f"thing {word[0]} to {word[1]}"
        # Behind a stranger's word, or what was erased, the server's stands apart.
        apart = thing.number in self.forged or thing.person in self.asked
        if others and thing.order is None and not apart:
            self.breaks(f"{what}: left as two actions")
        if any(w[2] > word[2] and self.frozen.get(w, 0) < self.frozen.get(word, self.step) for w in others):
            self.breaks(f"{what}: a lower tier's word was made behind a higher one's")
        ids = self.ids[word[:2]]
        if ids and event_id not in ids and thing.person not in self.asked:
            self.breaks(f"{what}: left as {event_id} behind {sorted(ids)}")
        ids.add(event_id)

    def word_of(self, platform: str, thing: Thing, event: dict[str, Any]) -> Word:
        """Whose word an event is: the shop's webhook's lists what was bought, every other has its copy's mark."""
        data = event["custom_data"]
        if thing.sold and data.get("contents"):
            return thing.number, platform, WEBHOOK
        mark = int(data["content_name"].removeprefix("mark-").removesuffix("."))
        return thing.number, platform, self.copies[mark].tier

    def _is_silent(self, n: int, tier: int) -> bool:
        """True for what was there when a withdrawal was taken back, and is there still: of what is erased nobody knows that it was, and a
        browser that nothing proves to be an order's buyer cannot silence it."""
        silence = self.unsent.get(n)
        if silence is None or (tier == WEBHOOK and silence.tier < SERVER and not self.orders_name_browsers):
            return False
        since = self.erased.get(n)
        mine = [c for c in self.copies if c.thing == n and c.begun < silence.back]
        return since is None or any(self.is_behind(c, since) for c in mine)

    def _is_anew(self, thing: Thing, event: dict[str, Any], asked: int) -> bool:
        """True for what the person did after the erasure."""
        mark = event["custom_data"].get("content_name")
        if mark is not None and not thing.sold:
            return self.is_behind(self.copies[int(mark[5:-1])], asked)
        return any(c.thing == thing.number and self.is_behind(c, asked) for c in self.copies)

    def _may_be_sold(self, thing: Thing) -> bool:
        """A webhook that may have said paid, or no webhook's word at all and a server's."""
        words = {word for t, word in self.told if t == thing.number}
        if "paid" in words:
            return True
        known = any(known for n, (word, known) in self.news.items() if n == thing.number)
        return not known and any(c.tier >= SERVER for c in self.copies if c.thing == thing.number)

    def arrives(self, platform: str, bodies: list[bytes]) -> None:
        for event in map(json.loads, bodies):
            thing = self.thing_of(platform, event)
            if thing is not None:
                self.arrived[thing.number, platform] += 1

    def crashed(self, at_s: int) -> None:
        """What came of open requests, nobody will know; what was answered with a no did not arrive, whoever wrote that down."""
        for platform, body in self.open:
            event = json.loads(body)
            thing = self.thing_of(platform, event)
            if thing is not None:
                word = self.word_of(platform, thing, event)
                self.unwritten.add(word)
                self._maybe_since.setdefault(word, at_s)
        self.open.clear()
        # What was answered may have been forgotten, or was not to be written before the rest of its company had been asked about: to
        # the next process it may have arrived.
        self.maybe |= self.unwritten | self.halved
        self.halved.clear()
        self.unwritten.clear()

    def claimed_at_its_end(self, words: set[Word]) -> None:
        """What a process that is gone had claimed and not settled: to the next one it may have left, whether it did or not."""
        self.maybe |= words

    def unreached(self, platform: str, bodies: list[bytes]) -> None:
        """The platform was away: nothing left."""
        for event in map(json.loads, bodies):
            thing = self.thing_of(platform, event)
            if thing is not None:
                self.unwritten.add(self.word_of(platform, thing, event))

    def written(self) -> None:
        """Nobody is in the middle of anything: what came of requests stands in the folder."""
        self.unwritten.clear()

    def kept_for_sure(self) -> set[Word]:
        """What was taken, and of which that must stand in the folder: of the erased nothing says whose word it was."""
        return {word for word in self.settled if self.things[word[0]].person not in self.asked}

    def tried(self, tries: dict[int, tuple[int, int]]) -> None:
        """What stands in the folder of each delivery's attempts: it only grows."""
        back = {n: (now, then) for n, then in self.tries.items() if (now := tries.get(n, (0, 0))) < then}
        if back and not self.forgot:
            self.breaks(f"attempts that were counted are not any more: {back}")
        self.tries = tries

    def written_down(self, platform: str, attempts: int, counted: int) -> None:
        """``attempts``: rows of the folder about requests that left; ``counted``: what stands beside the deliveries."""
        for number in (attempts, counted):
            if number > self.left[platform]:
                self.breaks(f"{number} attempts of events for {platform}, which left {self.left[platform]} times")

    def answered(
        self, platform: str, bodies: list[bytes], at_s: int, *, taken: bool, unknown: bool, failed: bool, refused: bool
    ) -> None:
        """``unknown``: after such an answer nobody can say whether they are there; ``failed``: the platform says that it could not;
        ``refused``: it is for one of them, of which it does not say which."""
        for body in bodies:
            event = json.loads(body)
            if (platform, body) in self.open:
                self.open.remove((platform, body))
            thing = self.thing_of(platform, event)
            if thing is not None:
                word = self.word_of(platform, thing, event)
                self.unwritten.add(word)
                if taken:
                    self.settled.add(word)
                if taken or unknown:
                    self.maybe.add(word)
                if taken or (unknown and not failed):
                    self._maybe_since.setdefault(word, at_s)
                if refused and len(bodies) > 1:
                    self.halved.add(word)
                else:
                    self.halved.discard(word)

    def thing_of(self, platform: str, event: dict[str, Any]) -> Thing | None:
        """What an event is of; None for a stranger's."""
        data = event.get("custom_data")
        data = data if isinstance(data, dict) else {}
        if float(str(data.get("value", 0))) == float(FORGED_VALUE):
            return None
        who = event.get("user_data")
        if isinstance(who, dict) and who.get("client_user_agent") == FORGED_AGENT and "content_name" not in data:
            return None  # by whom the id of something erased was named: its money is what is left of it
        dataset = DATASET_OF[platform]
        by_order = self._by_order.get((dataset, str(data.get("order_id"))))
        found = by_order or self._by_id.get((dataset, event["event_name"], str(event["event_id"])))
        if found is None:
            self.breaks(f"{platform} got what nobody said: {event['event_id']}")
        return found

    # -- on lists of people

    def put_on_list(self, dataset: str, hashes: Iterable[str]) -> None:
        """A platform is told of them."""
        for person in self._whose(hashes):
            why = self._not_listed(dataset, person)
            if why:
                self.breaks(f"person {person.number} is put on the list of {dataset}: {why}")

    def lists_at_the_end(self, there: Mapping[str, Iterable[str]], *, aged: bool) -> None:
        """After a round that nothing was in the way of. ``aged``: what names people may have been emptied."""
        for dataset, hashes in there.items():
            found = self._whose(hashes)
            for person in found:
                why = self._not_listed(dataset, person)
                if why:
                    self.breaks(f"person {person.number} is still on the list of {dataset}: {why}")
            for person in self.people:
                if self._belongs(dataset, person) and person not in found and not aged:
                    self.breaks(f"person {person.number} is not on the list of {dataset}")

    def _whose(self, hashes: Iterable[str]) -> list[Person]:
        by_hash = {person.hash: person for person in self.people}
        strangers = sorted(set(hashes) - by_hash.keys())
        if strangers:
            self.breaks(f"nobody's digests are on a list: {strangers}")
        return [by_hash[one] for one in sorted(set(hashes) & by_hash.keys())]

    def _not_listed(self, dataset: str, person: Person) -> str:
        """Why nobody may tell a platform of a person; empty where somebody may."""
        n = person.number
        own = [c for c in self.copies if self.things[c.thing].person == n and self.things[c.thing].dataset == dataset]
        if (dataset, n) in self.denied:
            return "consent was withdrawn"
        if n in self.cleared and not any(self.is_behind(c, self.cleared[n]) for c in own):
            return "erased"
        if not any(c.tier >= SERVER for c in own):
            return "no server ever told of a yes"
        return "" if says_yes(person) else "never said yes"

    def _belongs(self, dataset: str, person: Person) -> bool:
        """True for who surely bought once, where no shop's word stands behind the sale, and said nothing against it."""
        bought = {
            c.thing for c in self.copies if (t := self.things[c.thing]).person == person.number and t.dataset == dataset
        }
        sure = {c.thing for c in self.copies if c.known and c.tier == SERVER and not c.odd}
        things = [self.things[n] for n in bought if self.things[n].order is not None]
        undisturbed = not any(c.odd for c in self.copies if self.things[c.thing].person == person.number)
        silent = (dataset, person.number) not in self.ever_denied and person.number not in self.asked
        return (
            dataset == PLAIN and says_yes(person) and silent and undisturbed and len(things) == 1
            and things[0].number in sure and things[0].number not in self.forged
        )  # fmt: skip

    # -- as days go by

    def is_named(self, thing: Thing) -> bool:
        """True where nobody asked that anything be taken out of it."""
        return thing.person not in self.asked and (thing.dataset, thing.person) not in self.ever_denied

    def is_over(self, thing: Thing, now_ms: int) -> bool:
        """True once a copy of it was sent so long ago that the platform takes no other any more, nor does the fold know it."""
        return any(c.thing == thing.number and now_ms - c.at_ms > LATEST_MS for c in self.copies)

    def kept(self, bodies: Iterable[tuple[int, str]], waiting: set[int], now_ms: int) -> None:
        """``bodies``: mark and text of each copy in the journal; ``waiting``: things of which something may still leave.

        What has its days says who it was, what is past them and waits for nothing does not.
        """
        for mark, body in bodies:
            copy = self.copies[mark]
            if copy.odd:
                continue
            thing, age = self.things[copy.thing], now_ms - copy.at_ms
            person = self.people[thing.person]
            there = [text for text in (person.fbp, person.address, person.agent, person.hash) if text in body]
            if there and age > KEPT_MS + SLACK_MS and thing.number not in waiting:
                self.breaks(f"mark {mark} of thing {thing.number} still has {there} after {age // HOUR} hours")
            if self.is_named(thing) and len(there) < 4 and age < KEPT_MS - SLACK_MS:
                self.breaks(f"mark {mark} of thing {thing.number} has {there} only after {age // HOUR} hours")

    # -- after a crash

    def reopened(self, delivered: set[Word], frozen: set[Word]) -> None:
        """``delivered``, ``frozen``: what stands in the folder that a new process has opened."""
        self.settled &= delivered
        if self.forgot:
            self.first = {word: body for word, body in self.first.items() if word in frozen}
            self.ids.clear()

    def lost(self, marks: set[int]) -> None:
        """Somebody accepted that all but these marks are gone, and what was said behind the last of them.

        A disk loses an end: a no is still there where a copy is that was answered in a later step.
        """
        for copy in self.copies:
            copy.known = copy.known and copy.mark in marks
        last = max((c.step for c in self.copies if c.known), default=-1)
        self.denied = {whose: step for whose, step in self.denied.items() if step < last}
        self.unsent = {thing: silence for thing, silence in self.unsent.items() if silence.step < last}
        self.rows = sum(c.known for c in self.copies)
        self.refused = 0
        self.news = {thing: (word, False) for thing, (word, _) in self.news.items()}
        self.cancelled_at.clear()
        self.erasing.clear()
        self.forgot = True

    # -- at the end

    def excused(self, thing: Thing) -> bool:
        """True for what need not leave."""
        n = thing.number
        spoilt = n in self.forged and not any(c.known and c.tier >= SERVER for c in self.copies if c.thing == n)
        said_no = (thing.dataset, thing.person) in self.ever_denied or thing.person in self.asked
        word, known = self.news.get(n, ("", True))
        not_sold = thing.sold and (word in ("unpaid", "cancelled") or not known or (n, "cancelled") in self.told)
        return thing.poison or spoilt or said_no or not_sold

    def must_leave(self, thing: Thing) -> bool:
        tiers = {c.tier for c in self.copies if c.known and c.thing == thing.number}
        if thing.sold and not any(t >= SERVER for t in tiers):
            return False
        return bool(tiers) and not self.excused(thing)

    def at_the_end(self, why: dict[Place, str], *, aged: bool) -> None:
        """``why``: how each delivery stands in the folder, in words. ``aged``: days passed, after which nobody repeats what may have
        arrived: the platform would not know it for a repeat."""
        for tries in {n for n, _, _ in self.waits}:
            waits = [wait for (n, _, _), wait in self.waits.items() if n == tries]
            if len(waits) > 2 and len(set(waits)) == 1:
                self.breaks(f"{len(waits)} requests that failed at different times all waited {waits[0]} ms")
        for thing in self.things:
            for platform in PLATFORMS[thing.dataset]:
                place = (thing.number, platform)
                doubtful = aged and any(word[:2] == place for word in self.maybe)
                # With the words of its namesakes, where there are any.
                too_late = any(word in why.get(place, "") for word in ("dead too_old", "dead horizon:2"))
                if aged and platform in self.down_for_days and too_late:
                    continue
                if self.must_leave(thing) and not self.arrived[place] and not doubtful:
                    self.breaks(f"thing {thing.number} never came to {platform}: {why.get(place, 'no delivery')}")


def _texts_in(user_data: dict[str, Any]) -> set[str]:
    return {text for value in user_data.values() for text in (value if isinstance(value, list) else [value])}
