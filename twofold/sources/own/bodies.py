"""The documented bodies of a shop's own webhook: every field, how it is read and what it means.

Owns the tables that docs/own-shop.md prints and `own` reads by. A change here is a change of a promise to shops.
"""

from __future__ import annotations

from twofold.event.vocabulary import MESSAGING_CHANNELS
from twofold.ledger.model import Method, Paid, ParcelState, Sale
from twofold.sources.schema import (
    CONSENT,
    COUNT,
    CURRENCY,
    FIGURE,
    ID,
    LABEL,
    LABELS,
    LINKS,
    MONEY,
    NAME,
    OBJECT,
    TEXT,
    TEXTS,
    TIME,
    WORDS,
    YES,
    Field,
    list_of,
    object_of,
    one_of,
)

STATUSES = ("placed", "confirmed", "shipped", "delivered", "cancelled")

_PAID_ALIASES = {"authorized": "authorised", "pending": "unpaid", "partially_paid": "part",
                 "partially_refunded": "part_refunded"}  # fmt: skip

AMOUNTS = (
    Field("currency", CURRENCY, "The currency of every amount beside it.", True),
    Field("total", MONEY, "What the buyer pays in all, after discounts.", True),
    Field("tax", FIGURE, "Tax contained in the total."),
    Field("shipping", FIGURE, "Shipping contained in the total, without its tax unless `tax_included`."),
    Field("shipping_tax", FIGURE, "Tax on shipping, contained in `tax`."),
    Field("tip", FIGURE, "Tip contained in the total."),
    Field("duties", FIGURE, "Duties contained in the total."),
    Field("gift_cards", FIGURE, "Gift cards that were sold, contained in the total."),
    Field("discount", FIGURE, "What was taken off already."),
    Field("tax_included", YES, "The lines' prices contain tax."),
    Field("after_refunds", YES, "Refunds are taken off the total already."),
)

LINE = (
    Field("id", ID, "Id of the product in the catalogue that the ads use."),
    Field("sku", ID, "The shop's article number."),
    Field("quantity", COUNT, "Pieces. 1 when left out."),
    Field("price", FIGURE, "Price of one piece before discounts, in the currency of `totals`."),
    Field("discount", FIGURE, "Discount on the whole line."),
    Field("gift_card", YES, "The line is a gift card: money for later, not revenue."),
)

PAYMENT = (
    Field("id", ID, "Id of this movement of money.", True),
    Field("kind", one_of(("sale", "authorisation", "capture", "refund", "void", "dispute"),
                         {"authorization": "authorisation"}), "What moved.", True),
    Field("amount", MONEY, "How much, positive.", True),
    Field("currency", CURRENCY, "In which currency.", True),
    Field("state", one_of(("success", "pending", "failure")), "`success` when left out."),
    Field("at", TIME, "When.", True),
    Field("gateway", LABEL, "The payment provider, as the shop calls it."),
)  # fmt: skip

REFUND = (
    Field("id", ID, "Id of the refund; the same refund sent twice is one.", True),
    Field("amount", MONEY, "How much was given back, positive.", True),
    Field("currency", CURRENCY, "In an order: the currency of `totals` when left out."),
    Field("at", TIME, "When.", True),
    Field("reason", LABEL, "A short word of your own; no personal data."),
)

PARCEL = (
    Field("id", ID, "Tracking number or your own id; one order can have several parcels.", True),
    Field("state", one_of([s.value for s in ParcelState], {"canceled": "cancelled"}), "Where it is.", True),
    Field("at", TIME, "Since when.", True),
)

CUSTOMER = (
    Field("id", ID, "Your id of the customer: `external_id`. Use the same text in the browser."),
    Field("email", TEXTS, "E-mail address."),
    Field("phone", TEXTS, "Phone, best with its country code."),
    Field("first_name", TEXT, "First name."),
    Field("last_name", TEXT, "Last name."),
    Field("birth_date", TEXT, "As YYYYMMDD or YYYY-MM-DD."),
    Field("gender", TEXT, "`f` or `m`."),
    Field("city", TEXT, "City."),
    Field("state", TEXT, "State or region."),
    Field("zip", TEXT, "Post code."),
    Field("country", TEXT, "Country, ISO 3166 code or name."),
)

BROWSER = (
    Field("event_id", NAME, "The id that the thank-you page's Purchase had. Left out: made from the order's id."),
    Field("fbp", TEXT, "Cookie `_fbp`."),
    Field("fbc", TEXT, "Cookie `_fbc`."),
    Field("ip", TEXT, "The buyer's address, not your server's."),
    Field("user_agent", TEXT, "The buyer's user agent."),
    Field("url", TEXT, "Page on which the order was made."),
    Field("referrer", TEXT, "Page before it."),
    Field("visitor", ID, "Cookie of the Twofold tag."),
    Field("click_ids", WORDS, "Other platforms' click ids by name, e.g. `gclid`."),
)

MESSAGING = (
    Field("channel", one_of(sorted(MESSAGING_CHANNELS)), "Where the chat was.", True),
    Field("ctwa_clid", ID, "WhatsApp: the ad click's id, from the `referral` of the first message."),
    Field("whatsapp_business_account_id", ID, "WhatsApp: id of your business account."),
    Field("page_id", ID, "Messenger: id of your page. WhatsApp: instead of the account."),
    Field("page_scoped_user_id", ID, "Messenger: the person's id for your page."),
    Field("ig_account_id", ID, "Instagram: id of your professional account."),
    Field("instagram_business_account_id", ID, "Instagram: older name of the same."),
    Field("ig_sid", ID, "Instagram: the person's id for your account."),
)

ORDER = (
    Field("id", ID, "The order's id. The platform is told it as `order_id`.", True),
    Field("number", ID, "The number that the buyer sees, when it is another."),
    Field("placed_at", TIME, "When the buyer placed it.", True),
    Field("updated_at", TIME, "When it last changed. An older state that arrives late changes nothing.", True),
    Field("status", one_of(STATUSES, {"canceled": "cancelled"}),
          "Where it is; `shipped` and `delivered` mean confirmed too."),
    Field("cancelled_at", TIME, "When it was cancelled. Left out with status `cancelled`: `updated_at`."),
    Field("cancel_reason", LABEL, "A short word of your own; no personal data."),
    Field("delivered_at", TIME, "When all of it arrived. Left out with status `delivered`: `updated_at`."),
    Field("test", YES, "A test order: kept, never counted."),
    Field("sale", one_of([s.value for s in Sale]), "Where it was sold; `web` when left out."),
    Field("payment", object_of((
        Field("method", one_of([m.value for m in Method]), "How it is paid; left out, the gateway decides."),
        Field("status", one_of([p.value for p in Paid], _PAID_ALIASES), "Whether it is paid."),
        Field("gateway", LABEL, "The payment provider, as the shop calls it."),
    )), "How it is paid."),
    Field("totals", object_of(AMOUNTS), "The order's money as it stands now.", True),
    Field("presentment", object_of(AMOUNTS), "The same in the currency the buyer saw, when it is another."),
    Field("lines", list_of(LINE), "What was bought."),
    Field("payments", list_of(PAYMENT), "Movements of money so far."),
    Field("refunds", list_of(REFUND), "Refunds so far."),
    Field("parcels", list_of(PARCEL), "Parcels so far."),
    Field("customer", object_of(CUSTOMER), "Contact data. Hashed on arrival, then forgotten."),
    Field("browser", object_of(BROWSER), "What the buyer's browser had. It multiplies the match rate."),
    Field("messaging", object_of(MESSAGING), "For `sale` `chat`: the conversation's ids."),
    Field("consent", CONSENT, "What the buyer said about advertising."),
    Field("region", TEXT, "Where the buyer is, ISO 3166: `DE`, `US-CA`."),
    Field("links", LINKS, "Other names of the order or cart that a browser knows, e.g. `cart:5f3a`."),
    Field("tags", LABELS, "The shop's own labels."),
    Field("replaces", ID, "Id of the order that this one was made from."),
)  # fmt: skip

_OF_ORDER = Field("order_id", ID, "The order it belongs to.", True)
EVENT = tuple(
    Field(name, kind, meaning, required)
    for name, kind, meaning, required in (
        ("event_name", TEXT, "Meta's name or your own, at most 50 characters. Not Purchase: send the order.", True),
        ("event_time", TIME, "When it happened.", True),
        ("event_id", NAME, "The browser's id of the same action, or one of your own.", False),
        ("action_source", TEXT, "Where it happened: `website`, `phone_call`, `physical_store`, …", True),
        ("event_source_url", TEXT, "The page.", False),
        ("referrer_url", TEXT, "The page before it.", False),
        ("messaging_channel", TEXT, "With `business_messaging`.", False),
        ("customer_segmentation", TEXT, "As in the Conversions API.", False),
        ("user_data", OBJECT, "As in the Conversions API; contact data may be plain or hashed.", True),
        ("custom_data", OBJECT, "As in the Conversions API.", False),
        ("consent", CONSENT, "What the person said about advertising.", False),
        ("links", LINKS, 'What it is bound to, as "kind:value".', False),
        ("click_ids", WORDS, "Other platforms' click ids by name.", False),
        ("visitor", ID, "Cookie of the Twofold tag.", False),
        ("region", TEXT, "Where the person is, ISO 3166.", False),
    )
)
PRIVACY = (
    Field("request", one_of(("erase", "export")), "What the person asked for.", True),
    Field("emails", TEXTS, "By e-mail address."),
    Field("phones", TEXTS, "By phone."),
    Field("external_ids", TEXTS, "By your id of the customer."),
    Field("order_ids", TEXTS, "By order."),
)

# type -> its fields; the page prints them in this order
BODIES: dict[str, tuple[Field, ...]] = {
    "order": ORDER,
    "payment": (_OF_ORDER, *PAYMENT),
    "refund": (_OF_ORDER, *(Field(f.name, f.kind, "In which currency." if f.name == "currency" else f.meaning,
                                  f.required or f.name == "currency") for f in REFUND)),
    "parcel": (_OF_ORDER, *PARCEL),
    "deletion": (_OF_ORDER, Field("at", TIME, "When it was deleted.", True)),
    "event": EVENT,
    "privacy": PRIVACY,
}  # fmt: skip
