"""The words of an event, by which a search finds the few rows that can hold a text without reading the others.

Owns one promise: where `subject.tokens` of any text of an event yields a wanted text, or one of the event's marks is a
wanted one, there each of the words that `sought` names for it is among `words_of` the event. More may be there; less is a
person who is not found. `sought` answers None for a text that has no word to go by: then every row has to be read.

Words of fewer than `SHORTEST` characters are left out: they stand everywhere. What is made of such words alone is found by
`triples` of neighbours: phone numbers written in pairs of digits, and short addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

from twofold.event.contact import EMAIL
from twofold.event.model import Channel, Consent, Content, CustomData, Event, UserData

SHORTEST = 4
LONGEST = 16_384  # characters; longer than anything that is journalled
WORD = re.compile(r"[0-9a-z\u0080-\U0010ffff]+")
_LONG_WORD = re.compile(r"[0-9a-z]{4,}")
_GROUP = r"[0-9]{1,3}(?![0-9a-z\u0080-\U0010ffff])"
_GROUPS = re.compile(rf"(?<![0-9a-z\u0080-\U0010ffff]){_GROUP}(?:[^0-9a-z\u0080-\U0010ffff]+{_GROUP}){{2,}}")
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){2,3}")
_EVERYWHERE = frozenset(
    word
    for said in (
        *(name for s in (Event, UserData, CustomData, Content) for name in s.__struct_encode_fields__),
        *Channel,
        *Consent,
    )
    for word in WORD.findall(said)
)
"""Words that bodies spell out anyway: no row is told from another by them, so they are not kept."""

_EXACT = ("order", "visitor", "link")


class Words:
    """Collects the words of many events. What is said again costs nothing: texts are taken apart once, at `taken`."""

    def __init__(self) -> None:
        self._texts: set[str | None] = set()
        self._numbers: set[Any] = set()
        self._words: set[str] = set()

    def add(self, event: Event) -> None:
        """Takes one event in."""
        texts, user, custom = self._texts, event.user_data, event.custom_data
        texts.update((
            event.dataset, event.event_name, event.event_id, event.sender, event.action_source, event.event_source_url,
            event.referrer_url, event.visitor, event.region, event.locale, event.bot, event.held_back, event.test_event_code,
            event.messaging_channel, event.customer_segmentation, event.advanced_measurement_table,
            user.client_user_agent, user.client_ip_address, user.fbc, user.fbp,
            custom.order_id, custom.content_type, custom.currency,
        ))  # fmt: skip
        self._numbers.update((
            event.event_time, event.received_at, custom.value, custom.num_items, event.data_processing_options_country,
            event.data_processing_options_state,
        ))  # fmt: skip
        for hashes in (
            user.em, user.ph, user.external_id, user.fn, user.ln, user.zp, user.ct, user.st, user.db, user.ge, user.country,
        ):  # fmt: skip
            for one in hashes:
                texts.add(one.hex)
                texts.add(one.rule)
        for content in custom.contents:
            texts.add(content.id)
            self._numbers.update((content.quantity, content.item_price))
            self._add_tree(content.other)
        for listed in (
            custom.content_ids, event.granted, event.denied, event.links, event.warnings, event.click_ids,
            event.click_ids.values(), event.data_processing_options,
        ):  # fmt: skip
            if listed:
                texts.update(listed)
        for tree in (user.other, custom.other, event.app_data, event.original_event_data, event.attribution_data):
            self._add_tree(tree)
        for kind, value in _exact_marks(event):
            self._words.add(f"{kind}\0{value}")

    def _add_tree(self, tree: Any) -> None:
        """An open structure as the journal's reader sees it: through JSON, with its own idea of a number."""
        if tree:
            self._texts.update(texts_in(msgspec.json.decode(_as_json(tree))))

    def taken(self) -> set[str]:
        """All words so far; what was collected is forgotten."""
        texts, words = self._texts, self._words
        texts.discard(None)
        for number in self._numbers:
            if number is not None and not (-1000 < number < 1000 and len(str(number)) < 6):
                texts.add(str(msgspec.json.decode(_as_json(number))))
        plain = [text for text in texts if text is not None and _is_plain(text)]
        lines = "\n".join(text for text in plain if not text.isalnum()).lower()
        words.update(text.lower() for text in plain if text.isalnum() and len(text) >= SHORTEST)
        words.update(_LONG_WORD.findall(lines))
        for groups in _GROUPS.findall(lines):
            for line in groups.split("\n"):
                words.update(_group_triples(line))
        for text in texts.difference(plain):
            words.update(_words_of_text(text or ""))
        self._texts, self._numbers, self._words = set(), set(), set()
        return words - _EVERYWHERE


def words_of(event: Event) -> set[str]:
    """The words of one event."""
    words = Words()
    words.add(event)
    return words.taken()


@lru_cache(maxsize=4096)
def sought(text: str) -> frozenset[str] | None:
    """Words that all stand where `subject.tokens` finds this text; None when it has none to go by."""
    parts = WORD.findall(text.lower())
    long = frozenset(p for p in parts if len(p) >= SHORTEST) - _EVERYWHERE
    if long:
        return long
    if len(parts) < 3 or not _EVERYWHERE.isdisjoint(parts):
        return None
    if "@" in text or "%40" in text:
        return frozenset(_triples(parts))
    return frozenset(_group_triples(text.lower())) or None


def sought_mark(kind: str, value: str) -> frozenset[str] | None:
    """The same for a mark that an event carries as it is."""
    if kind == "order" or (kind in _EXACT and sought(value) is None):
        return frozenset({f"{kind}\0{value}"})
    return sought(value)


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys and numbers included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


_as_json = msgspec.json.Encoder(decimal_format="number").encode


def _is_plain(text: str) -> bool:
    """Without anything that asks for more than its own words."""
    return text.isascii() and "%" not in text and "@" not in text and "\n" not in text and len(text) <= LONGEST


def _words_of_text(text: str) -> set[str]:
    found: set[str] = set()
    for spelt in {text, unquote(text)} if "%" in text else (text,):
        low = spelt[:LONGEST].lower()
        mail = "@" in low or "%40" in low
        for part in (low, *EMAIL.findall(low)) if mail else (low,):
            words = WORD.findall(part)
            found.update(w for w in words if len(w) >= SHORTEST)
            found.update(_triples(words) if mail else _group_triples(part))
    return found


def _group_triples(low: str) -> Iterator[str]:
    """Triples of neighbours among short groups of digits, as phone numbers are written; an IP address is none."""
    for run in _GROUPS.findall(low):
        if not _ADDRESS.fullmatch(run):
            yield from _triples(WORD.findall(run))


def _triples(parts: Sequence[str]) -> Iterator[str]:
    for at in range(len(parts) - 2):
        yield ".".join(parts[at : at + 3])


def _exact_marks(event: Event) -> Iterator[tuple[str, str]]:
    """Marks that are found by their whole value: all orders, and what has no word to go by."""
    if event.custom_data.order_id:
        yield "order", event.custom_data.order_id
    if event.visitor and sought(event.visitor) is None:
        yield "visitor", event.visitor
    for link in event.links:
        kind, _, value = link.partition(":")
        if kind == "order":
            yield "order", value
        elif sought(link) is None:
            yield "link", link
