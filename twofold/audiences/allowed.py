"""Whether a person may be on a platform's list: what they said, and what they took back.

Owns the rule, which is stricter than for an event. A yes is needed, to the use of data for ads and to personal ads; silence is none.
Of each mark of a person the last word counts, and of several marks the strictest: whoever said no on one browser and yes on another
is on no list. A yes takes back a no only of a sender that is trusted as much. A no to one platform by name keeps a person from its
lists alone, until the same sender says something without it. So does a no to the platform's lists (`integrations` of a message), until
the same sender says yes to them by name: a message that does not speak of them says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from twofold.audiences.persons import People, Person
from twofold.audiences.reading import Said
from twofold.consent.state import PLATFORM

NEEDED = ("ad_user_data", "personalization")
LIMITS = "sale_of_data"
NO_CONSENT, UNSTATED, LIMITED, WITHDRAWN = "consent_denied", "consent_unstated", "limited_use", "consent_withdrawn"
"""Why somebody is on no list."""
PLATFORM_DENIED, LISTS_REFUSED = "consent_denied_platform", "lists_not_addressed"


class Word(Struct, frozen=True):
    """What holds for a person. ``reason``: why for no platform; empty: for all but those that were refused by name, or whose lists were."""

    reason: str
    refused: frozenset[str]
    unlisted: frozenset[str]

    def why_not(self, platform: str) -> str:
        """Empty where the person may be on this platform's lists."""
        if self.reason or platform in self.refused:
            return self.reason or PLATFORM_DENIED
        return LISTS_REFUSED if platform in self.unlisted else ""


def word_of(people: People, person: Person) -> Word:
    """What a person's last words come to."""
    marks = [_MarkWord.of(_told(people, person, mark)) for mark in sorted(person.marks)]
    refused = frozenset(platform for mark in marks for platform in mark.refused)
    unlisted = frozenset(platform for mark in marks for platform in mark.unlisted)
    return Word(_reason_of(marks), refused, unlisted)


def _reason_of(marks: Sequence[_MarkWord]) -> str:
    """Why for no platform; empty where nothing stands against all."""
    if any(mark.limited for mark in marks):
        return LIMITED
    if any(purpose in mark.denied for mark in marks for purpose in (*NEEDED, "marketing")):
        return NO_CONSENT
    if any(LIMITS in mark.denied for mark in marks):
        return LIMITED
    granted = {purpose for mark in marks for purpose in mark.granted}
    return "" if granted.issuperset(NEEDED) else UNSTATED


def _told(people: People, person: Person, mark: int) -> Iterable[tuple[Said, int]]:
    """What was said with a mark: by the person, and by nobody in particular; not what another person said there."""
    for tie in people.ties_of[mark]:
        if people.whose.get(tie, person.number) == person.number:
            yield from people.said_of.get(tie, ())


class _MarkWord(Struct, frozen=True):
    granted: frozenset[str]
    denied: frozenset[str]
    limited: bool
    refused: frozenset[str]
    unlisted: frozenset[str]

    @classmethod
    def of(cls, told: Iterable[tuple[Said, int]]) -> _MarkWord:
        """The last words of all that was said."""
        yes: dict[str, dict[int, int]] = defaultdict(dict)  # purpose to tier to when
        no: dict[str, list[tuple[int, int]]] = defaultdict(list)  # purpose to when and tier
        free: dict[str, int] = {}  # sender to when it last said something without limits
        limited: dict[str, int] = {}
        spoke: dict[str, int] = {}  # sender to when it said something
        platforms: dict[tuple[str, str], int] = {}
        lists: dict[
            tuple[str, str], tuple[int, bool]
        ] = {}  # sender and platform to its last word and whether that was a no
        for said, at in told:
            for word in said.lists:
                key, answer = (said.sender, word[1:]), (at, word[0] == "-")
                lists[key] = max(answer, lists.get(key, answer))
            state, granted, denied = _read(said.text)
            known = limited if said.limited else free
            known[said.sender] = max(at, known.get(said.sender, 0))
            for purpose in granted:
                yes[purpose][said.tier] = max(at, yes[purpose].get(said.tier, 0))
            for purpose in denied:
                if purpose.startswith(PLATFORM):
                    key = said.sender, purpose.removeprefix(PLATFORM)
                    platforms[key] = max(at, platforms.get(key, 0))
                else:
                    no[purpose].append((at, said.tier))
            if state:
                spoke[said.sender] = max(at, spoke.get(said.sender, 0))
        stands = {
            purpose
            for purpose, words in no.items()
            if any(not _taken_back(yes[purpose], at, tier) for at, tier in words)
        }
        return cls(
            frozenset(purpose for purpose, when in yes.items() if when and purpose not in stands),
            frozenset(stands),
            any(at >= free.get(sender, 0) for sender, at in limited.items()),
            frozenset(name for (sender, name), at in platforms.items() if at >= spoke.get(sender, 0)),
            frozenset(name for (_, name), (_, no) in lists.items() if no),
        )


def _taken_back(yes: dict[int, int], at: int, tier: int) -> bool:
    """True when a yes came after this no, from a sender trusted as much."""
    return any(when > at and of >= tier for of, when in yes.items())


def _read(text: str) -> tuple[bool, set[str], set[str]]:
    """Whether anything was said of purposes, which were granted and which denied; a word for all stands for each that is needed."""
    state, *parts = text.split(";")
    granted = {part[1:] for part in parts if part[0] == "+"}
    denied = {part[1:] for part in parts if part[0] == "-"}
    everything = {"marketing", *NEEDED}
    if state == "denied":
        denied |= everything
    elif state == "granted":
        granted |= everything - denied
    return state != "unstated" or bool(granted | denied), granted - denied, denied
