"""What each platform wants and how its answers read. Pure. See `contract` first.

A new destination is one file and one entry here.
"""

from __future__ import annotations

from typing import Final

from twofold.destinations.contract import Destination
from twofold.destinations.ga4 import GA4
from twofold.destinations.google import GOOGLE_ADS
from twofold.destinations.meta import META
from twofold.destinations.microsoft import MICROSOFT
from twofold.destinations.social.linkedin import LINKEDIN
from twofold.destinations.social.pinterest import PINTEREST
from twofold.destinations.social.reddit import REDDIT
from twofold.destinations.social.snap import SNAP
from twofold.destinations.social.tiktok import TIKTOK
from twofold.destinations.social.x import X
from twofold.destinations.webhook import WEBHOOK

DESTINATIONS: Final[tuple[Destination, ...]] = (
    META,
    GA4,
    GOOGLE_ADS,
    TIKTOK,
    PINTEREST,
    SNAP,
    REDDIT,
    LINKEDIN,
    MICROSOFT,
    X,
    WEBHOOK,
)

BY_PLATFORM: Final[dict[str, Destination]] = {d.platform: d for d in DESTINATIONS}
