"""What was noted of browsers already, so that the next page view of the same visit writes nothing.

Owns two tables of fixed size in memory. Each may forget, and then something is written once more; neither ever takes one
thing for another, but for equal hashes of 64 bits. Fixed arrays, because a shop has more browsers than a dictionary of
theirs may cost: 100,000 entries took what these take for a million.
"""

from __future__ import annotations

from array import array

_FACTS = 1 << 20  # 8 MB
_BROWSERS = 1 << 18  # 4 MB


class Noted:
    """Both tables are sets of pairs of places: what is seen again moves to the front, the one behind is overwritten."""

    def __init__(self) -> None:
        self._epoch = 0
        self.clear()

    def clear(self) -> None:
        """Nothing was noted."""
        self._facts = array("q", bytes(8 * _FACTS))
        self._browsers = array("q", bytes(8 * _BROWSERS))
        self._words = array("q", bytes(8 * _BROWSERS))

    def is_new(self, facts: int) -> bool:
        """False for facts that were asked for before; notes them."""
        table = self._facts
        first = facts & (_FACTS - 2)
        known = table[first]
        if known == facts:
            return False
        found = table[first + 1] == facts
        table[first + 1], table[first] = known, facts
        return not found

    def mind(self, browser: int, word: int | None) -> int:
        """A number that changes when a browser says something else about consent than before: all that it shows then is
        news again. ``word``: the hash of what it says; None when it says nothing, which changes nothing.
        """
        at = browser & (_BROWSERS - 2)
        if self._browsers[at] != browser:
            if self._browsers[at + 1] == browser:
                self._swap(at)
            elif word is None:
                return 0
            else:
                self._browsers[at + 1], self._words[at + 1] = self._browsers[at], self._words[at]
                self._browsers[at], self._words[at] = browser, self._new_word(word)
        known = self._words[at]
        if word is not None and known & _WORD != word & _WORD:
            known = self._words[at] = self._new_word(word)
        return known

    def _swap(self, at: int) -> None:
        for table in (self._browsers, self._words):
            table[at], table[at + 1] = table[at + 1], table[at]

    def _new_word(self, word: int) -> int:
        self._epoch += 1
        return (self._epoch << 24) | (word & _WORD)


_WORD = (1 << 24) - 1
