"""How good the customer information of some events is: which keys come, whether they are usable, what they match.

Owns the weights and the estimates made of them, which are **ours** (see `quality`); the shapes of answers are not here.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.click_ids import parse_fbc, parse_fbp, strip_appendix
from twofold.sandbox.wire.received import Received
from twofold.sandbox.wire.rules import HASHED_KEYS, is_hash, meta_keys
from twofold.sandbox.world.world import World

FULL = 12  # ours: e-mail, click id, phone, external_id and fbp together

# key -> (its name in the answer, its weight in our score)
KEYS: dict[str, tuple[str, int]] = {
    "em": ("email", 3),
    "fbc": ("fbc", 3),
    "ph": ("phone", 2),
    "external_id": ("external_id", 2),
    "fbp": ("fbp", 2),
    "fb_login_id": ("fb_login_id", 2),
    "db": ("date_of_birth", 2),
    "country": ("country", 2),
    "fn": ("first_name", 1),
    "ln": ("last_name", 1),
    "ct": ("city", 1),
    "zp": ("zip_code", 1),
    "st": ("state", 1),
    "ge": ("gender", 1),
    "lead_id": ("lead_id", 1),
    "client_ip_address": ("ip_address", 1),
    "client_user_agent": ("user_agent", 1),
}


class KeySurvey(Struct, frozen=True):
    """Of some events: how many, how many carried each key, and how many of these belong to an account."""

    events: int
    score: float  # 0 to 10
    sent: Counter[str]
    matched_with: Counter[str]
    matched: int | None  # None while the register is empty

    def percentage(self, key: str) -> float:
        return round(100 * self.sent[key] / self.events, 1)

    def potential(self, key: str) -> float:
        """Percentage of events that would newly match if a key were sent as often as the best-covered one.

        The events it would be added to, times the share unmatched among those without it, times its chance: the share
        matched among those with it or, while nobody is registered, its weight over `FULL`.
        """
        added = max(self.sent.values()) - self.sent[key]
        if not added:
            return 0.0
        if self.matched is None:
            unmatched, chance = 1.0, KEYS[key][1] / FULL
        else:
            unmatched = 1 - (self.matched - self.matched_with[key]) / (self.events - self.sent[key])
            chance = self.matched_with[key] / self.sent[key]
        return round(100 * added / self.events * unmatched * chance, 1)


def survey_keys(world: World, copies: list[Received]) -> KeySurvey:
    """Of at least one copy."""
    sent: Counter[str] = Counter()
    matched_with: Counter[str] = Counter()
    shares, matched = [], 0
    for copy in copies:
        keys = valid_keys(msgspec.json.decode(copy.arrival.event).get("user_data"))
        sent.update(keys)
        shares.append(min(1.0, sum(KEYS[key][1] for key in keys) / FULL))
        if len(world.people) and world.matcher.person_of(copy) is not None:
            matched += 1
            matched_with.update(keys)
    score = 10 * statistics.fmean(shares)
    if not len(world.people):
        return KeySurvey(len(copies), score, sent, matched_with, None)
    return KeySurvey(len(copies), (score + 10 * matched / len(copies)) / 2, sent, matched_with, matched)


def valid_keys(user_data: Any) -> list[str]:
    """The keys of `KEYS` that one event carries with at least one usable value."""
    if not isinstance(user_data, dict):
        return []
    return [key for key, value in meta_keys(user_data).items() if key in KEYS and _usable(key, value)]


def share_matched(world: World, copies: Iterable[Received]) -> float | None:
    """Share of copies that belong to an account of the register; None while the register is empty."""
    if not len(world.people):
        return None
    rows = [world.matcher.person_of(copy) is not None for copy in copies]
    return statistics.fmean(rows) if rows else None


def _usable(key: str, value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    if key in HASHED_KEYS:
        return any(is_hash(item) for item in values)
    if key in ("fbc", "fbp"):
        parse = parse_fbc if key == "fbc" else parse_fbp
        return any(isinstance(item, str) and parse(item) for item in values)
    if key == "client_ip_address":
        return any(
            isinstance(item, str) and re.fullmatch(r"[0-9a-fA-F.:]{2,45}", strip_appendix(item)) for item in values
        )
    return True
