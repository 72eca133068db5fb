"""Foreign webhook bodies to raw events, one file per shop system (pure). The tuple below is closed."""

from __future__ import annotations

from twofold.sources.chat import CHAT_SOURCE
from twofold.sources.contract import Source
from twofold.sources.couriers.aftership import AFTERSHIP
from twofold.sources.couriers.easypost import EASYPOST
from twofold.sources.couriers.mapped import COURIER
from twofold.sources.couriers.shippo import SHIPPO
from twofold.sources.crm.hubspot import HUBSPOT
from twofold.sources.crm.pipedrive import PIPEDRIVE
from twofold.sources.fetched.bigcommerce import BIGCOMMERCE
from twofold.sources.fetched.magento import MAGENTO
from twofold.sources.fetched.prestashop import PRESTASHOP
from twofold.sources.fetched.shopware import SHOPWARE
from twofold.sources.own.mapping import MAPPED
from twofold.sources.own.webhook import OWN
from twofold.sources.payments.adyen import ADYEN
from twofold.sources.payments.bog import BOG
from twofold.sources.payments.klarna import KLARNA
from twofold.sources.payments.mollie import MOLLIE
from twofold.sources.payments.paypal import PAYPAL
from twofold.sources.payments.tbc import TBC
from twofold.sources.shopify import SHOPIFY
from twofold.sources.stripe import STRIPE
from twofold.sources.woocommerce import WOOCOMMERCE

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        SHOPIFY,
        WOOCOMMERCE,
        STRIPE,
        OWN,
        MAPPED,
        HUBSPOT,
        PIPEDRIVE,
        CHAT_SOURCE,
        EASYPOST,
        SHIPPO,
        AFTERSHIP,
        COURIER,
        ADYEN,
        MOLLIE,
        PAYPAL,
        BOG,
        BIGCOMMERCE,
        MAGENTO,
        PRESTASHOP,
        SHOPWARE,
        KLARNA,
        TBC,
    )
}

SHOP_SOURCES = frozenset(
    {"shopify", "woocommerce", "stripe", "own", "bigcommerce", "magento", "prestashop", "shopware"}
)
"""Sources that report the orders of a website; the others report sales that no page saw. So does a `mapped` one of orders."""
