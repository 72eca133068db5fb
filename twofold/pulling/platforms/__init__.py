"""Who can be asked: one file a platform, shop or bank. Owns the closed tuple; what a platform is to the run is `contract`'s."""

from __future__ import annotations

from twofold.pulling.contract import Platform
from twofold.pulling.platforms.bog import BOG
from twofold.pulling.platforms.ecb import ECB
from twofold.pulling.platforms.ga4 import GA4
from twofold.pulling.platforms.google_ads import GOOGLE_ADS
from twofold.pulling.platforms.meta import META
from twofold.pulling.platforms.nbg import NBG
from twofold.pulling.platforms.shopify import SHOPIFY
from twofold.pulling.platforms.stripe import STRIPE
from twofold.pulling.platforms.tbc import TBC
from twofold.pulling.platforms.tiktok import TIKTOK

PLATFORMS: tuple[Platform, ...] = (NBG, ECB, META, GOOGLE_ADS, TIKTOK, GA4, STRIPE, SHOPIFY, BOG, TBC)
BY_NAME = {platform.name: platform for platform in PLATFORMS}
