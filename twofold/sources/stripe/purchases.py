"""The Purchase that a payment stands for, as one raw event.

Owns where Stripe keeps a person's data, and the metadata names for what a browser knows. Hashing, limits and the fold
are not here; whether and when the order counts is the policy's question.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from twofold.event.contact import names_somebody
from twofold.event.model import RawEvent
from twofold.ledger.model import Sale
from twofold.sources import lenient
from twofold.sources.browser_ids import KeptIds, name_of, without_empty
from twofold.sources.contract import SourceOptions
from twofold.sources.stripe.identity import Identity

ACTION_SOURCES = {Sale.STORE: "physical_store", Sale.RENEWAL: "system_generated"}

_COUNTRY = re.compile(r"[A-Z]{2}")
_STATE = re.compile(r"[A-Z0-9]{1,3}")
_OF_ONE_ORDER = frozenset({"event_id"})


def build_purchase(
    thing: dict[str, Any],
    identity: Identity,
    options: SourceOptions,
    *,
    value: Decimal,
    currency: str,
    placed_at: int,
    sale: Sale,
) -> RawEvent:
    """``value`` in ``currency`` is what the buyer pays for the order as a whole, as far as the object says it."""
    metadata = identity.metadata
    if thing.get("billing_reason"):
        metadata = _with_subscription(thing, metadata, new=sale is not Sale.RENEWAL)
    kept = KeptIds(metadata.items(), options.fields)
    source = ACTION_SOURCES.get(sale, "website")
    landing = kept.get("landing_page") or kept.get("landing_site")
    home = _home(thing)
    return RawEvent(
        event_name="Purchase",
        event_time=placed_at,
        event_id=kept.event_id or f"purchase.{options.shop}.{identity.order_id}",
        action_source=source,
        event_source_url=_page(thing, kept, options.shop) if source == "website" else None,
        user_data=_user_data(thing, kept, home, landing, placed_at),
        custom_data={"value": value, "currency": currency, "order_id": identity.order_id},
        consent=kept.consent,
        links=[f"order:{identity.order_id}", *identity.aliases],
        click_ids=kept.click_ids(landing) or None,
        visitor=kept.visitor,
        region=_region(home),
    )


def _with_subscription(thing: dict[str, Any], own: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """An invoice's metadata with its subscription's below it, of which a renewal takes nothing that names one order."""
    details = lenient.part(lenient.part(thing, "parent"), "subscription_details") or lenient.part(
        thing, "subscription_details"
    )
    inherited = {name.strip().lower(): value for name, value in lenient.part(details, "metadata").items()}
    return {name: value for name, value in inherited.items() if new or name_of(name) not in _OF_ONE_ORDER} | own


def _person(thing: dict[str, Any]) -> dict[str, Any]:
    """Who pays, by the object: customer_details of a session, billing_details of a charge or of an old intent's."""
    charge = next(iter(lenient.parts(lenient.part(thing, "charges"), "data")), {})
    latest = lenient.part(thing, "latest_charge")  # where the endpoint expands it
    for found in (
        lenient.part(thing, "customer_details"),
        lenient.part(thing, "billing_details"),
        lenient.part(latest, "billing_details"),
        lenient.part(charge, "billing_details"),
    ):
        if any(found.values()):
            return found
    return {}


def _shipping(thing: dict[str, Any]) -> dict[str, Any]:
    return (
        lenient.part(thing, "shipping")
        or lenient.part(lenient.part(thing, "collected_information"), "shipping_details")
        or lenient.part(thing, "shipping_details")
        or lenient.part(thing, "customer_shipping")
    )


def shipped_to(thing: dict[str, Any]) -> tuple[str | None, str | None]:
    """Country and state of the delivery address."""
    address = lenient.part(_shipping(thing), "address")
    return lenient.text(address, "country"), lenient.text(address, "state")


def _home(thing: dict[str, Any]) -> dict[str, Any]:
    """One address, never parts of two: the payer's own first, since the parcel may go to somebody else."""
    places = (
        lenient.part(_person(thing), "address"),
        lenient.part(thing, "customer_address"),
        lenient.part(_shipping(thing), "address"),
    )
    return next((place for place in places if any(place.values())), {})


def _user_data(
    thing: dict[str, Any], kept: KeptIds, home: dict[str, Any], landing: str | None, placed_at: int
) -> dict[str, Any]:
    person, shipping = _person(thing), _shipping(thing)
    emails = [
        lenient.text(person, "email"),
        *(lenient.text(thing, name) for name in ("customer_email", "receipt_email")),
        kept.get("customer_email") or kept.get("email"),
    ]
    phones = [lenient.text(person, "phone"), lenient.text(thing, "customer_phone"), lenient.text(shipping, "phone")]
    first, last = _names(
        lenient.text(person, "name") or lenient.text(thing, "customer_name") or lenient.text(shipping, "name")
    )
    ids = (kept.get("external_id"), kept.get("customer_id"), kept.get("user_id"), _customer(thing))
    return without_empty(
        {
            "em": list(dict.fromkeys(filter(None, emails))),
            "ph": list(dict.fromkeys(filter(None, phones))),
            "fn": first,
            "ln": last,
            "ct": lenient.text(home, "city"),
            "st": lenient.text(home, "state"),
            "zp": lenient.text(home, "postal_code"),
            "country": lenient.text(home, "country"),
            "external_id": next(filter(None, ids), None),
            "client_ip_address": kept.get("client_ip_address") or kept.get("client_ip"),
            "client_user_agent": kept.get("client_user_agent") or kept.get("user_agent"),
            "fbp": kept.fbp,
            "fbc": kept.fbc(landing, placed_at * 1000),
        }
    )


def _names(name: str | None) -> tuple[str | None, str | None]:
    """Stripe asks for one name. Its first and its last word are taken, so that middle names harm neither; a single
    word is a first name."""
    words = (name or "").split()
    return (words[0] if words else None), (words[-1] if len(words) > 1 else None)


def _customer(thing: dict[str, Any]) -> str | None:
    value = thing.get("customer")
    return lenient.token(value, "id") if isinstance(value, dict) else lenient.token(thing, "customer")


def _region(home: dict[str, Any]) -> str | None:
    """The country, in the United States with the state: rules on consent differ between its states."""
    country, state = (lenient.text(home, "country") or "").upper(), (lenient.text(home, "state") or "").upper()
    if not _COUNTRY.fullmatch(country):
        return None
    return f"US-{state}" if country == "US" and _STATE.fullmatch(state) else country


def _page(thing: dict[str, Any], kept: KeptIds, shop: str) -> str:
    """The page that the metadata names, else the thank-you page; both without query, which may hold a session's id."""
    for given in (kept.get("event_source_url"), kept.get("url"), lenient.text(thing, "success_url")):
        address = lenient.address_of(given)
        if address.hostname and not names_somebody(address.path):
            return f"https://{address.hostname}{address.path or '/'}"
    return f"https://{shop}/"
