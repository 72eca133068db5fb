"""Whether a person may be on a platform's list: what they said, and what they took back.

Owns the rule, which is stricter than for an event. A yes is needed, to the use of data for ads and to personal ads; silence is none.
Of each mark of a person the last word counts, and of several marks the strictest: whoever said no on one browser and yes on another
is on no list. A yes takes back a no only of a sender that is trusted as much. A no to one platform by name keeps a person from its
lists alone, until the same sender, trusted as much, says something without it. So does a no to the platform's lists (`integrations` of a
message), until that sender says yes to them by name: a message that does not speak of them says nothing.
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
        heard = _Heard()
        for said, at in told:
            heard.add(said, at)
        denied = {purpose for purpose, words in heard.no.items() if _stands(words, heard.yes[purpose])}
        return cls(
            frozenset(purpose for purpose, when in heard.yes.items() if when and purpose not in denied),
            frozenset(denied),
            any(_stands(words, heard.free[sender]) for sender, words in heard.limited.items()),
            frozenset(name for (sender, name), words in heard.refused.items() if _stands(words, heard.spoke[sender])),
            frozenset(key[1] for key, words in heard.unlisted.items() if _stands(words, heard.listed[key])),
        )


_Yes = dict[int, int]
"""Tier to when it last said yes."""
_No = list[tuple[int, int]]
"""When and by which tier a no was said."""


class _Heard:
    """Each no with the yes that can take it back: of a purpose anybody's; of limits, one platform and its lists the same sender's."""

    def __init__(self) -> None:
        self.yes, self.no = defaultdict[str, _Yes](dict), defaultdict[str, _No](list)  # by purpose
        self.free, self.limited = defaultdict[str, _Yes](dict), defaultdict[str, _No](list)  # by sender
        self.spoke = defaultdict[str, _Yes](dict)  # by sender: of purposes
        self.refused = defaultdict[tuple[str, str], _No](list)  # by sender and platform
        self.listed, self.unlisted = defaultdict[tuple[str, str], _Yes](dict), defaultdict[tuple[str, str], _No](list)

    def add(self, said: Said, at: int) -> None:
        state, granted, denied = _read(said.text)
        word = (at, said.tier)
        for purpose in granted:
            _put(self.yes[purpose], word)
        for purpose in denied:
            if purpose.startswith(PLATFORM):
                self.refused[said.sender, purpose.removeprefix(PLATFORM)].append(word)
            else:
                self.no[purpose].append(word)
        for text in said.lists:
            if text[0] == "-":
                self.unlisted[said.sender, text[1:]].append(word)
            else:
                _put(self.listed[said.sender, text[1:]], word)
        if said.limited:
            self.limited[said.sender].append(word)
        else:
            _put(self.free[said.sender], word)
        if state:
            _put(self.spoke[said.sender], word)


def _put(yes: _Yes, word: tuple[int, int]) -> None:
    at, tier = word
    yes[tier] = max(at, yes.get(tier, 0))


def _stands(no: _No, yes: _Yes) -> bool:
    """True where a no was not taken back: by a yes after it, of a tier that is trusted as much."""
    return any(not any(when > at and of >= tier for of, when in yes.items()) for at, tier in no)


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
