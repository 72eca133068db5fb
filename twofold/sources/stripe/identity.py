"""Which order a Stripe object belongs to.

Owns the choice. One sale is several objects (session, intent, charge, invoice), and each names some of the others. The
order's id is the shop's own where the object carries it, else the id of the object by which all of them can be found:
the invoice of a subscription, else the payment intent, else what there is. All other ids are aliases, by which the
ledger finds that two reports are of one order.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twofold.sources import lenient
from twofold.sources.schema import read_id
from twofold.sources.stripe.deliveries import Delivery

ORDER_ID_NAMES = ("order_id", "order_number")
TEST_PREFIX = "test."

# alias kind -> (how its ids begin, the fields that name it)
_ALIASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "invoice": (("in_",), ("invoice",)),
    "payment": (("pi_",), ("payment_intent",)),
    "charge": (("ch_", "py_"), ("charge", "latest_charge")),
    "session": (("cs_",), ()),
}
_FALL_BACK = ("payment", "invoice", "session", "charge")
_FALL_BACK_OF_INVOICES = ("invoice", "payment", "session", "charge")


class Identity(Struct, frozen=True, kw_only=True):
    """``named``: the shop itself put the order's id there."""

    order_id: str
    named: bool
    aliases: tuple[str, ...]
    metadata: dict[str, Any]
    invoice: str | None


def identify(delivery: Delivery, *, own: bool = True) -> Identity | None:
    """None for an object that names no payment at all. ``own`` is False for a refund or dispute, whose metadata is not
    the order's.

    A payment made in test mode never names a live order: the shop's id gets a prefix then.
    """
    thing = delivery.object
    ids = _ids(thing)
    metadata = metadata_of(thing)
    named = _named(thing, metadata, delivery.options.fields.get("order_id")) if own else None
    order = _FALL_BACK_OF_INVOICES if _by_invoice(thing) else _FALL_BACK
    fall_back = next((ids[kind] for kind in order if kind in ids), None)
    if named is None and fall_back is None:
        return None
    live = delivery.envelope.live
    aliases = [f"{kind}:{value}" for kind, value in ids.items()]
    if named and live:
        other = read_id(metadata.get("order_number"))
        aliases += [f"number:{other}"] if other and " " not in other else []
    order_id = fall_back or "" if named is None else named if live else f"{TEST_PREFIX}{named}"
    return Identity(
        order_id=order_id,
        named=named is not None,
        aliases=tuple(dict.fromkeys(aliases)),
        metadata=metadata,
        invoice=ids.get("invoice"),
    )


def _by_invoice(thing: dict[str, Any]) -> bool:
    """Is the invoice what is sold? A one-time checkout can have one too, made after its payment, which is found first."""
    mode = thing.get("mode")
    return mode == "subscription" if mode else bool(thing.get("billing_reason") or _invoice_of(thing))


def metadata_of(thing: dict[str, Any]) -> dict[str, Any]:
    """The object's metadata by lower-case name."""
    return {name.strip().lower(): value for name, value in lenient.part(thing, "metadata").items()}


def _named(thing: dict[str, Any], metadata: dict[str, Any], configured: str | None) -> str | None:
    names = (configured.strip().lower(),) if configured else ORDER_ID_NAMES
    found = next((value for name in names if (value := read_id(metadata.get(name)))), None)
    return found or (None if configured else read_id(thing.get("client_reference_id")))


def _ids(thing: dict[str, Any]) -> dict[str, str]:
    """The ids of the objects of this sale that this one names, its own among them."""
    candidates = [lenient.token(thing, "id"), _invoice_of(thing), *_references(thing)]
    found: dict[str, str] = {}
    for kind, (prefixes, names) in _ALIASES.items():
        named = [_id_of(thing, name) for name in names]
        value = next((v for v in (*candidates, *named) if v and v.startswith(prefixes)), None)
        if value:
            found[kind] = value
    return found


def _invoice_of(thing: dict[str, Any]) -> str | None:
    """The invoice a payment is for; since API version 2025-03-31 it stands in payment_details.order_reference."""
    given = _id_of(thing, "invoice") or lenient.token(lenient.part(thing, "payment_details"), "order_reference")
    return given if given and given.startswith("in_") else None


def _references(thing: dict[str, Any]) -> list[str | None]:
    details = lenient.token(lenient.part(thing, "payment_details"), "order_reference")
    # An invoice's payments, where the endpoint's version has them; an invoice payment names its intent inside.
    payments = [lenient.part(item, "payment") for item in lenient.parts(lenient.part(thing, "payments"), "data")]
    payments.append(lenient.part(thing, "payment"))
    return [details, *(_id_of(payment, name) for payment in payments for name in ("payment_intent", "charge"))]


def _id_of(thing: dict[str, Any], name: str) -> str | None:
    """An id, or the id of an object that was expanded in its place."""
    value = thing.get(name)
    return lenient.token(value, "id") if isinstance(value, dict) else lenient.token(thing, name)
