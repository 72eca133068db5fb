"""The systems that can be asked, one file each. The table below is closed."""

from __future__ import annotations

from twofold.fetching.contract import System
from twofold.fetching.systems.bigcommerce import BIGCOMMERCE
from twofold.fetching.systems.mollie import MOLLIE

SYSTEMS: dict[str, System] = {system.name: system for system in (MOLLIE, BIGCOMMERCE)}
