"""What each platform wants and how its answers read. Pure. See `contract` first.

A new destination is one file and one entry here.
"""

from __future__ import annotations

from typing import Final

from twofold.destinations.contract import Destination
from twofold.destinations.meta import META

DESTINATIONS: Final[tuple[Destination, ...]] = (META,)
