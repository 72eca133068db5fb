"""Who can be asked. Owns the closed tuple; what a platform is to the run is `contract`'s."""

from __future__ import annotations

from twofold.pulling.contract import Platform
from twofold.pulling.ecb import ECB
from twofold.pulling.nbg import NBG

PLATFORMS: tuple[Platform, ...] = (NBG, ECB)
BY_NAME = {platform.name: platform for platform in PLATFORMS}
