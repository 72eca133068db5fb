"""Every conversion that an ad is credited with, worked out in order of arrival and kept as bare numbers.

Owns what counts as a conversion and the list of credits; which touch gets one is in `attribution`. A credit is kept
as the copy's number and the places of its touches, 28 bytes: 100,000 of them as objects would take 25 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from twofold.sandbox.wire.dedup import State
from twofold.sandbox.wire.received import Inbox, Received
from twofold.sandbox.wire.rules import APPEND_EVENTS
from twofold.sandbox.world.ads import Ads, Touch
from twofold.sandbox.world.attribution import COLUMNS, Conversion, Credit, credit
from twofold.sandbox.world.matching import Matcher

WIDTH = 1 + len(COLUMNS)  # numbers of one credit: the copy's, then the place of a touch for each column
NO_TOUCH = -1


class Crediting:
    """Credits what the matcher matched. Forgotten as a whole when people or ads change."""

    def __init__(self, inbox: Inbox, ads: Ads, matcher: Matcher) -> None:
        self._inbox = inbox
        self._ads = ads
        self._matcher = matcher
        self.forget()

    def forget(self) -> None:
        """Starts over at the next question."""
        self._done = 0  # number of the last copy looked at
        self._rows = array("i")
        # Oldest first, by person and dataset: people buy more than once.
        self._touches: dict[tuple[str, str], array[int]] = {}

    def work_off(self, at_most: int) -> bool:
        """Credits some of what has come; False when nothing is left."""
        if self._done > len(self._inbox):
            self.forget()  # the inbox was emptied
        end = min(self._done + at_most, len(self._inbox)) if self._ads.touches else self._done
        while self._done < end:
            self._done += 1
            self._take(self._inbox.copy(self._done))
        return bool(self._ads.touches) and end < len(self._inbox)

    def credits(self) -> Iterator[Credit]:
        """Every conversion that at least one window credits to an ad, in order of arrival."""
        self.work_off(len(self._inbox))
        rows, touches = self._rows, self._ads.touches
        for start in range(0, len(rows), WIDTH):
            if rows[start] > len(self._inbox):
                return  # emptied while somebody was reading
            copy = self._inbox.copy(rows[start])
            # A browser copy that came later may have taken this one's place.
            if not is_conversion(copy):
                continue
            places = rows[start + 1 : start + WIDTH]
            by_column = tuple(None if place == NO_TOUCH else touches[place] for place in places)
            person = next(touch.person for touch in by_column if touch is not None)
            yield Credit(conversion=conversion_of(copy, person or ""), by_column=by_column)

    def _take(self, copy: Received) -> None:
        if not is_conversion(copy) or (person := self._matcher.person_of(copy)) is None:
            return
        key = (person, copy.arrival.dataset)
        if key not in self._touches:
            self._touches[key] = self._touches_for(*key)
        places = self._touches[key]
        if not places:
            return
        touches = [self._ads.touches[place] for place in places]
        found = credit(conversion_of(copy, person), touches, self._ads.adset_of)
        if found is not None:
            self._rows.append(copy.number)
            self._rows.extend(_place(touch, touches, places) for touch in found.by_column)

    def _touches_for(self, person: str, dataset: str) -> array[int]:
        """Places of the person's touches of ads whose account gets this dataset's conversions."""
        ads = self._ads
        return array(
            "i",
            (
                place
                for place in ads.places_of(person)
                if not (datasets := ads.account_of(ads.touches[place].ad_id).datasets) or dataset in datasets
            ),
        )


def _place(touch: Touch | None, touches: list[Touch], places: array[int]) -> int:
    """Equal touches are one and the same to every reader, so the first will do."""
    return NO_TOUCH if touch is None else places[touches.index(touch)]


def is_conversion(copy: Received) -> bool:
    """Only what counts once and happened on a website: ads of this sandbox lead nowhere else."""
    arrival = copy.arrival
    return (
        copy.state is State.PROCESSED and arrival.action_source == "website" and arrival.event_name not in APPEND_EVENTS
    )


def conversion_of(copy: Received, person: str) -> Conversion:
    arrival = copy.arrival
    return Conversion(
        number=copy.number,
        dataset=arrival.dataset,
        event_name=arrival.event_name,
        person=person,
        time=arrival.event_time,
        value=arrival.value,
        currency=arrival.currency,
    )
