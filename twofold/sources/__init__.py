"""Foreign webhook bodies to raw events, one file per shop system (pure). The tuple below is closed."""

from __future__ import annotations

from twofold.sources.contract import Source
from twofold.sources.shopify import SHOPIFY

SOURCES: dict[str, Source] = {source.name: source for source in (SHOPIFY,)}
