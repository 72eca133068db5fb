"""One measure of the untrusted and of the trusted side: its last hour, and the three days before it.

Owns slots of five minutes and the sums over them. What they mean is judged in `shares`. Pure: slots are numbers that
the caller makes from its clock.
"""

from __future__ import annotations

from msgspec import Struct

SLOT_MS = 300_000
HOUR = 12  # slots
DAY = 24 * HOUR
HISTORY = 3 * DAY
MIN_TRUSTED = 24  # trusted copies that a history needs


class _Slot(Struct):
    """Five minutes of one measure."""

    untrusted: float = 0.0
    trusted: float = 0.0
    usual: float | None = None  # counts as ``untrusted`` in the history, where that was a flood


class RollingCounts:
    """One measure, copies or money, in slots of the last hour and the three days before it, as running sums."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}  # in no order: what is read from the journal comes late
        self.began: int | None = None  # first slot ever seen
        self._read_at = -1
        self.hour = (0.0, 0.0)  # (T0, trusted) in the last hour
        self._past = (0.0, 0.0)  # sums over the history
        self._past_hours = 1.0

    def add(self, slot: int, untrusted: float, trusted: float) -> None:
        """Counts in; ``slot`` may be any within the history."""
        found = self._slots.get(slot)
        if found is None:
            found = self._slots[slot] = _Slot()
            self.began = slot if self.began is None else min(self.began, slot)
        found.untrusted += untrusted
        found.trusted += trusted
        if slot == self._read_at:
            self.hour = (self.hour[0] + untrusted, self.hour[1] + trusted)
        else:
            self._read_at = -1

    def flood(self, slot: int, *, begins: bool) -> None:
        """What is untrusted in ``slot``, and at the beginning in its whole hour, is never to count as usual."""
        usual = self._past[0] / self._past_hours / HOUR
        for number in range(slot - HOUR + 1 if begins else slot, slot + 1):
            found = self._slots.get(number)
            if found is not None and found.usual is None:
                found.usual = usual

    def turn(self, slot: int) -> None:
        """Brings the sums to the hour that ends with ``slot``; work only when a new slot has begun."""
        if slot == self._read_at:
            return
        earliest, hour_from = slot - HOUR - HISTORY + 1, slot - HOUR + 1
        hour, past, stale = [0.0, 0.0], [0.0, 0.0], []
        for number, one in self._slots.items():
            if not earliest <= number <= slot:
                stale.append(number)  # too old, or written by a clock that has been set back
            elif number >= hour_from:
                hour[0] += one.untrusted
                hour[1] += one.trusted
            else:
                past[0] += one.untrusted if one.usual is None else one.usual
                past[1] += one.trusted
        for number in stale:
            del self._slots[number]
        began = slot if self.began is None else max(self.began, earliest)
        self.hour = (hour[0], hour[1])
        self._past = (past[0], past[1])
        self._past_hours = max(1.0, (hour_from - began) / HOUR)
        self._read_at = slot

    def has_history(self, slot: int) -> bool:
        """A day of it, with trusted copies."""
        return self.began is not None and slot - self.began >= DAY + HOUR and self._past[1] >= MIN_TRUSTED

    def expected(self) -> float:
        """What T0 may be expected to be in this hour; see the module."""
        untrusted, trusted = (sum_ / self._past_hours for sum_ in self._past)
        growth = max(1.0, self.hour[1] / trusted) if trusted else 1.0
        return max(untrusted, trusted) * growth

    def mean_of(self, count: RollingCounts) -> float:
        """The mean of one copy, where this is the money of what ``count`` counts."""
        copies = sum(count._past)
        return sum(self._past) / copies if copies else 0.0
