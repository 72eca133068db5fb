"""The systems that can be asked, one file each. The table below is closed."""

from __future__ import annotations

from twofold.fetching.contract import System
from twofold.fetching.systems.bigcommerce import BIGCOMMERCE
from twofold.fetching.systems.klarna import KLARNA
from twofold.fetching.systems.magento import MAGENTO
from twofold.fetching.systems.mollie import MOLLIE
from twofold.fetching.systems.prestashop import PRESTASHOP
from twofold.fetching.systems.shopware import SHOPWARE
from twofold.fetching.systems.tbc import TBC

SYSTEMS: dict[str, System] = {
    system.name: system for system in (MOLLIE, BIGCOMMERCE, MAGENTO, PRESTASHOP, SHOPWARE, KLARNA, TBC)
}
