"""Hosts that are no source: the shop itself, where one pays or logs in, and web mail.

Owns the lists (commerce practice: payment providers of Europe, America, the Caucasus; identity providers; web mail) and
what one site is. A visitor who comes back from such a page goes on with the visit.
"""

from __future__ import annotations

from functools import lru_cache

# Each with its subdomains.
PAYMENT = (
    "paypal.com", "stripe.com", "klarna.com", "shop.app", "checkout.shopify.com", "pay.shopify.com", "shopifypayments.com",
    "adyen.com", "mollie.com", "worldpay.com", "checkout.com", "braintreegateway.com", "authorize.net", "squareup.com",
    "afterpay.com", "clearpay.co.uk", "affirm.com", "sezzle.com", "zip.co", "pay.amazon.com",
    "payments.amazon.com", "pay.google.com", "payu.com", "przelewy24.pl", "paysera.com", "sofort.com", "giropay.de",
    "ideal.nl", "bancontact.com", "2checkout.com", "paddle.com", "mercadopago.com", "razorpay.com", "cloudpayments.ru",
    "yookassa.ru", "robokassa.ru", "tbcpayments.ge", "tbcbank.ge", "ecommerce.ufc.ge", "ufc.ge", "bog.ge", "ipay.ge",
    "payze.io", "payze.ge", "unipay.com", "unipay.ge", "keepz.me", "liberty.ge", "credo.ge", "quipu.de", "cardinalcommerce.com",
    "arcot.com", "3dsecure.io", "3ds.visa.com",
)  # fmt: skip
LOGIN = (
    "accounts.google.com", "appleid.apple.com", "login.microsoftonline.com", "login.live.com", "auth0.com", "okta.com",
    "accounts.shopify.com", "login.yahoo.com", "id.vk.com", "oauth.vk.com", "passport.yandex.ru",
)  # fmt: skip
WEBMAIL = (
    "mail.google.com", "inbox.google.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com",
    "mail.yahoo.com", "mail.aol.com", "mail.ru", "e.mail.ru", "mail.yandex.ru", "mail.yandex.com", "mail.proton.me",
    "mail.zoho.com", "webmail.gmx.net", "navigator.gmx.net", "3c.gmx.net", "web.de", "icloud.com", "roundcube.net",
    "com.google.android.gm",
)  # fmt: skip
_NO_SOURCE = frozenset((*PAYMENT, *LOGIN, *WEBMAIL))

# Under these each name is another's: two shops of one platform are two sites.
_SHARED = frozenset({
    "myshopify.com", "wixsite.com", "wordpress.com", "blogspot.com", "github.io", "herokuapp.com", "vercel.app", "netlify.app",
    "pages.dev", "web.app", "firebaseapp.com", "tilda.ws", "squarespace.com", "webflow.io", "business.site",
})  # fmt: skip
_SECOND = frozenset({"co", "com", "org", "net", "gov", "edu", "ac", "or", "ne", "gob", "gen", "ltd", "plc", "me"})


@lru_cache(maxsize=4_096)
def site_of_host(host: str) -> str:
    """The name under which one owner's pages stand: ``shop.ge`` of ``www.shop.ge``, ``shop.co.uk`` of ``m.shop.co.uk``."""
    labels = host.rstrip(".").split(".")
    if len(labels) < 3 or labels[-1].isdigit():
        return host
    two = ".".join(labels[-2:])
    if two in _SHARED or (len(labels[-1]) == 2 and labels[-2] in _SECOND):
        return ".".join(labels[-3:])
    return two


@lru_cache(maxsize=4_096)
def is_no_source(host: str) -> bool:
    """True for hosts where people pay, log in or read their mail."""
    labels = host.split(".")
    if labels[0] in ("webmail", "roundcube"):
        return True
    return any(".".join(labels[at:]) in _NO_SOURCE for at in range(len(labels)))
