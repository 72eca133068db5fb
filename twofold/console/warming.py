"""What people ask first is worked out before they ask: the usual period of the pages that take a while, while somebody uses the console.

Owns which questions, in which order, and how much of a core they may take: after each there is a rest of `TIMES` as long. Nothing is
done where nobody looked for a day, nor without a gateway: making tables would take the folder from whoever changes something. Answers are remembered where the pages look for them (`sums.remembered`); other periods, groups and
models are worked out when somebody asks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twofold.console.pages.campaigns import read_campaigns, read_customers
from twofold.console.pages.money import read_cash, read_chain, read_day
from twofold.console.pages.page import LONG_S, Asked
from twofold.console.pages.setup.rights import read_rights
from twofold.console.pages.signal.match_quality import read_match_quality
from twofold.console.pages.signal.senders import read_senders
from twofold.console.pages.signal.to_do import find
from twofold.console.pages.signal.worth import read_worth
from twofold.console.pages.today import two_days
from twofold.console.sums.keeper import NotYet
from twofold.errors import TwofoldError
from twofold.store.beside.folder import is_open

log = logging.getLogger("twofold.console")

Read = Callable[[Asked], Any]
READS: tuple[Read, ...] = (
    find, lambda asked: two_days(asked, LONG_S), read_cash, read_chain, read_campaigns, read_day, read_customers, read_senders,
    read_match_quality, read_rights, read_worth,
)  # fmt: skip
"""What Today shows beside its sums, then the pages of money, then those of the signal."""
TIMES = 10
FIRST_S, ROUND_S = 10.0, 60.0
"""After somebody looked for the first time, and between one round and the next: the one who looks goes first."""
WORTH_S = 26 * 3_600.0
"""Who looks each morning finds it done."""


class Warming:
    """Of one console. ``asked``: as somebody asks who sees everything and chose nothing."""

    def __init__(self, asked: Callable[[], Asked], reads: Sequence[Read] = READS, first_s: float = FIRST_S) -> None:
        self._asked, self._reads, self._first_s = asked, reads, first_s
        self._looked_at = 0.0
        self._stops, self._begun = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None

    def looked(self) -> None:
        """Somebody opened a page."""
        self._looked_at = time.monotonic()
        with self._begun:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="warming", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """The thread ends with its next question."""
        self._stops.set()

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._stops.wait(wait_s):
            wait_s = ROUND_S
            for read in self._reads:
                if time.monotonic() - self._looked_at > WORTH_S or self._stops.wait(TIMES * self._work_out(read)):
                    break

    def _work_out(self, read: Read) -> float:
        """Asks, as a page does; how long it took, in seconds."""
        began, asked = time.monotonic(), self._asked()
        if not is_open(Path(asked.folder)):
            return 0.0
        try:
            read(asked)
        except (NotYet, TwofoldError, OSError) as err:
            log.debug("a usual question was not worked out before somebody asks: %s", err)
        return time.monotonic() - began
