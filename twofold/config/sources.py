"""The settings of one webhook, and what is known of each type of source: its words, and by what it is asked.

Owns the table `[[source]]`. What is refused is in `checks/sources`; how a body is read is the room `sources`'.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class SourceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(description="What sends the webhook: `shopify`, `woocommerce`, `stripe`, `own`, `hubspot`, `pipedrive`, "
             "`chat`, `mapped` (any system's, by `fields`), of payments `adyen`, `mollie`, `paypal`, `bog` (docs/payments.md), or of parcels `easypost`, `shippo`, "
             "`aftership`, `courier` (docs/couriers.md). What only names its orders, or is asked from time to time: docs/fetching.md."),
    ]  # fmt: skip
    dataset: Annotated[str, Meta(description="The dataset its orders belong to.")]
    shop: Annotated[str, Meta(description="Shop name in the webhook path, e.g. `demo.myshopify.com`.", min_length=1)]
    secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Signing secret, 16 characters or more; a list of two while it is being rotated. Only a source that is asked "
             "and never sends needs none."),
    ] = ""  # fmt: skip
    path: Annotated[
        str,
        Meta(description="Webhook path. Default: `/webhooks/{type}/{shop}`; of `shippo` and `courier`, which may be unable "
             "to sign, with `/{secret}` behind it."),
    ] = ""  # fmt: skip
    event_id: Annotated[
        str,
        Meta(description="Id of the Purchase: `secret`, from the checkout's token or the order's key, which nobody can "
             "guess; `order`, from the order's id; `native`, the id that the platform's own app uses, where the order "
             "carries it. Left out: `secret`, and `order` in a data folder of version 0.2 (`twofold check` says when to "
             "change it)."),
    ] = ""  # fmt: skip
    signature: Annotated[
        str,
        Meta(description="For `mapped`, how the system signs: `hmac-sha256-hex`, `hmac-sha256-base64`, `hmac-sha1-hex`, "
             "`hmac-sha512-hex`, `hmac-sha512-base64` (of the body, in `signature_header`), `jws-rs256` (a detached JSON Web Signature there; the secret is the public key), `standard` (Standard Webhooks), `twofold` (as a shop "
             "of its own), `path` (not at all: the secret stands in the address). For `mollie`: `path` for its older webhooks."),
    ] = ""  # fmt: skip
    signature_header: Annotated[
        str,
        Meta(description="For `mapped` with an `hmac-…` or `jws-rs256`: the header field that holds the signature."),
    ] = ""
    only: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description='For `mapped`: what must stand where in a body for it to be read, e.g. `{ "event" = ["order.paid"] }`. For `bog`: '
             'whose payments count, `{ "body.client.id" = ["10000"] }`.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    fields: Annotated[
        dict[str, str],
        Meta(description='Where a system has custom fields: our name to theirs, e.g. `fbc = "fb_click_id"`. For `mapped`: our field to the '
             "place of theirs (docs/ways-in.md)."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    stages: Annotated[
        dict[str, str],
        Meta(
            description="For a CRM or `chat`: their stage or status to the event it stands for. For `woocommerce`: a status of the shop's own to a state of ours (docs/woocommerce.md). For a `courier`: their word to "
            "a state of ours. For `mapped`: their word or number to ours, where a word stands (docs/ways-in.md). For `adyen`: what an `AUTHORISATION` is, `paid` or `authorised`."
        ),
    ] = msgspec.field(default_factory=dict)
    currency: Annotated[
        str,
        Meta(description="Currency of a system whose records have none (ISO 4217): of a CRM, a `courier`, `mapped`."),
    ] = ""
    endpoint: Annotated[
        str,
        Meta(description="Where a source is asked (docs/fetching.md): the shop's own base address, or a provider's other than its usual. "
             "Nobody else is ever asked, whatever a notice says."),
    ] = ""  # fmt: skip
    token: Annotated[str, Meta(description="What lets us in there, as `env:NAME`: access token or key of the API.")] = (
        ""
    )
    client_id: Annotated[str, Meta(description="Or the name of the access, where it has a name and a secret.")] = ""
    client_secret: Annotated[str, Meta(description="And its secret, as `env:NAME`.")] = ""
    timezone: Annotated[
        str,
        Meta(
            description="Of a shop that tells its times without their zone (`magento`, `prestashop`): the shop's own, e.g. `Europe/Paris`."
        ),
    ] = "UTC"
    every_minutes: Annotated[
        int,
        Meta(description="How often a source that lists its changes is asked for them; -1 as its page says, 0 never.", ge=-1, le=1_440),
    ] = -1  # fmt: skip
    asks_per_minute: Annotated[int, Meta(description="Questions to a source in a minute, at most.", ge=1, le=6_000)] = (
        120
    )
    verify_token: Annotated[
        str, Meta(description="For `chat`: the word you also enter at Meta, so that it can connect its webhooks.")
    ] = ""


SOURCE_TYPES = ("shopify", "woocommerce", "stripe", "own", "hubspot", "pipedrive", "chat", "easypost", "shippo",
                "aftership", "courier", "mapped", "adyen", "mollie", "paypal", "bog", "bigcommerce", "magento",
                "prestashop", "shopware", "klarna", "tbc")  # fmt: skip
MAPPED_KINDS = ("order", "payment", "refund", "parcel", "event")
"""What a body of a `mapped` source may stand for."""
MAPPED_HMACS = ("hmac-sha256-hex", "hmac-sha256-base64", "hmac-sha1-hex", "hmac-sha512-hex", "hmac-sha512-base64")
MAPPED_JWS = "jws-rs256"
MAPPED_SIGNATURES = (*MAPPED_HMACS, MAPPED_JWS, "standard", "twofold", "path")
COURIER_FIELDS = ("parcel", "order", "status", "at", "amount", "currency", "method", "parcels[]", "states[]")
"""What `fields` of a `courier` may name."""
BOG_MERCHANT = "body.client.id"
"""Where a callback of the Bank of Georgia says whose it is."""
PAYPAL_REFERENCES = ("invoice_id", "custom_id")
"""Where a shop may put its order at PayPal."""
AUTHORISATIONS = ("paid", "authorised")
"""What an authorisation of `adyen` may be: the money, where the account captures by itself, or money that is reserved."""
PARCEL_STATES = ("created", "in_transit", "out_for_delivery", "pickup_point", "attempt_failed", "refused", "returning",
                 "returned", "delivered", "lost", "cancelled")  # fmt: skip
"""What `stages` of a `courier` may say."""
IN_PATH = frozenset({"shippo", "courier", "bigcommerce", "shopware", "klarna", "tbc"})
"""Sources whose secret stands in the webhook's address, unless `path` says another and they sign. So does that of a `mapped` or a `mollie`
one with `signature` `path`."""
ACCESS: dict[str, tuple[str, ...]] = {
    "mollie": ("token",),
    "bigcommerce": ("endpoint", "token"),
    "magento": ("endpoint", "token"),
    "prestashop": ("endpoint", "token"),
    "shopware": ("endpoint", "client_id", "client_secret"),
    "klarna": ("client_id", "client_secret"),
    "tbc": ("token", "client_id", "client_secret"),
}
"""By type of source what lets us ask it."""
MAY_ASK = frozenset({"mollie"})
"""Sources that say things themselves as well, so that they need no access."""
LISTS = frozenset({"bigcommerce", "magento", "prestashop", "shopware"})
"""Sources that list their changes, and can be asked for them from time to time."""
NEVER_SENDS = frozenset({"magento", "prestashop", "shopware"})
"""Sources whose list tells all, so that they need no webhook and no secret; Magento and PrestaShop have none."""


def secrets_of(source: SourceSettings) -> tuple[str, ...]:
    """A source's signing secrets, newest first; none of one that never sends."""
    return ((source.secret,) if source.secret else ()) if isinstance(source.secret, str) else source.secret


def can_ask(source: SourceSettings) -> bool:
    """Is there what lets us ask it?"""
    needed = ACCESS.get(source.type, ())
    return bool(needed) and all(getattr(source, name) for name in needed)


def stands_in_path(s: SourceSettings) -> bool:
    return s.type in IN_PATH or (s.type in ("mapped", "mollie") and s.signature == "path")
