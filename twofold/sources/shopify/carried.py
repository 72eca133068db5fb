"""What the browser left on an order: note attributes (the cart's attributes) and the landing page.

Owns the names under which they are found and the shapes that are believed; a buyer can write any cart attribute.
Values keep their exact case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twofold.consent.state import read_consent
from twofold.event.click_ids import ClickId, build_fbc, fbclid_of, parse_fbc, parse_fbp
from twofold.event.identity import read_event_id
from twofold.event.json import read_json
from twofold.event.model import Consent
from twofold.sources.shopify.bodies import MAX_TEXT, Part

# Names are compared without regard to case; a leading underscore hides an attribute from the buyer and is optional.
EVENT_ID = "twofold_event_id"
CONSENT = "twofold_consent"
NATIVE_IDS = ("sh_event_id", "shopify_event_id")

# attribute or query parameter, lower-case and without leading underscore -> its own name
CLICK_IDS = {
    name.lstrip("_").lower(): name
    for name in (
        "gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "_ttp", "epik", "ScCid", "_scid", "rdt_cid",
        "_rdt_uuid", "li_fat_id", "twclid", "_ga", "irclickid",
    )
}  # fmt: skip
_ATTRIBUTE_ALIASES = {"ga client id": "_ga", "ga_client_id": "_ga", "ga": "_ga"}
_CLICK_ID = re.compile(r"[!-~]{1,500}")
# The form of the id that Shopify gives its pixel events, seen in captures; upper-case hex in groups.
_NATIVE = re.compile(r"shu?-[0-9A-Za-z-]{8,64}")


def attributes_of(order: Part) -> dict[str, str]:
    """Note attributes by lower-case name without a leading underscore, the first of a name; only those that are text."""
    found: dict[str, str] = {}
    for attribute in order.parts("note_attributes"):
        name, value = attribute.values.get("name"), attribute.values.get("value")
        if isinstance(name, str) and isinstance(value, str) and value.strip() and len(value) <= MAX_TEXT:
            found.setdefault(name.strip().lower().lstrip("_"), value.strip())
    return found


def event_id_of(attributes: Mapping[str, str], native: bool) -> str | None:
    """The id that the browser's copy has, where the order carries it."""
    if native:
        theirs = next((attributes[name] for name in NATIVE_IDS if _NATIVE.fullmatch(attributes.get(name, ""))), None)
        if theirs:
            return theirs
    return read_event_id(attributes.get(EVENT_ID))


def consent_of(attributes: Mapping[str, str]) -> str | dict[str, Any] | None:
    """A word, or an object of purposes written as JSON. What is stated but not understood counts as denied."""
    given = attributes.get(CONSENT, "")
    if given.startswith("{"):
        purposes = read_json(given)
        return purposes if isinstance(purposes, dict) else Consent.DENIED.value
    consent = read_consent(given)
    return None if consent is Consent.UNSTATED else consent.value


def fbp_of(attributes: Mapping[str, str]) -> str | None:
    return _shaped(attributes.get("fbp"), parse_fbp)


def fbc_of(attributes: Mapping[str, str], order: Part) -> str | None:
    """The kept cookie; else made from the landing page's fbclid, as Meta describes for servers ("fbp and fbc").

    The moment of the click is not in the order; its creation is the earliest time we know the click id by.
    The subdomain index is 1, as for any value made without a cookie.
    """
    kept = _shaped(attributes.get("fbc"), parse_fbc)
    if kept:
        return kept
    fbclid = fbclid_of(order.text("landing_site"))
    created_ms = order.moment_ms("created_at")
    return build_fbc(fbclid, created_ms) if fbclid and created_ms else None


def click_ids_of(attributes: Mapping[str, str], order: Part) -> dict[str, str]:
    """Other platforms' click ids and cookies by their own names. An attribute is newer than the landing page."""
    pairs = [(name.lstrip("_").lower(), value) for name, value in _query(order.text("landing_site"))]
    pairs += list(attributes.items())
    found: dict[str, str] = {}
    for name, value in pairs:
        own = CLICK_IDS.get(name) or _ATTRIBUTE_ALIASES.get(name)
        if own and _CLICK_ID.fullmatch(value) and "@" not in value:
            found[own] = value
    return found


def _query(address: str | None) -> Iterable[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address or "").query, max_num_fields=200)
    except ValueError:
        return ()


def _shaped(value: str | None, parse: Callable[[str], ClickId | None]) -> str | None:
    return value if value and parse(value) else None
