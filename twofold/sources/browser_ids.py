"""What a page left beside an order for its webhook: event id, Meta's cookies, other platforms' click ids, consent.

Owns the names and the shapes that are believed, alike for all sources. Where they were kept (order meta, payment
metadata, a cart's attributes) each source knows. Names are compared in lower case, without leading underscores and
without ``twofold_``: ``_fbp``, ``fbp`` and ``_twofold_fbp`` are one name. Values keep their exact case; a buyer may have
written any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twofold.consent.state import is_consent_word, read_consent
from twofold.event.click_ids import (
    COOKIES,
    KNOWN,
    MAX_PARAMETERS,
    PLATFORMS,
    build_fbc,
    click_ids_of,
    fbclid_of,
    parse_fbc,
    parse_fbp,
    read_click_ids,
)
from twofold.event.identity import read_event_id
from twofold.event.json import read_json
from twofold.event.model import Consent
from twofold.event.scalars import is_no_id, names_nobody, says_nothing

_VISITOR = re.compile(r"[A-Za-z0-9._-]{8,80}")
# Cookies first, so that a parameter's name wins where both are written alike.
_LOOSELY = {name.lstrip("_").lower(): name for name in (*sorted(COOKIES), *sorted(KNOWN - COOKIES))}
_PARAMETERS = {name.lower(): name for platform in PLATFORMS for name in platform.parameters}
_PREFIX = re.compile(r"_?twofold_", re.I)
# What shops call Google's client id when they keep it with an order.
_ALIASES = {"ga client id": "_ga", "ga_client_id": "_ga"}


class KeptIds:
    """Named values as found, and what they are worth as ids. ``fields`` are the operator's names: ours to theirs."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]], fields: Mapping[str, str]) -> None:
        self._found: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        self._click_ids: dict[str, str] = {}
        ours = {theirs.strip().lower(): name for name, theirs in fields.items()}
        for given, value in pairs:
            name = ours.get(given.strip().lower(), given) if isinstance(given, str) else None
            if name and isinstance(value, str) and not says_nothing(value):
                self._found.setdefault(name_of(name), value.strip())
                if given != name or _PREFIX.match(name.strip()):
                    self._ours.setdefault(name_of(name), value.strip())
                own = _click_id_name(name)
                if own:
                    self._click_ids.setdefault(own, value.strip())

    def get(self, name: str) -> str | None:
        return self._found.get(name)

    def ours(self, name: str) -> str | None:
        """A value that was written for us: under ``twofold_``, or under the name that the operator said."""
        return self._ours.get(name)

    @property
    def event_id(self) -> str | None:
        return _event_id(self.get("event_id"))

    @property
    def own_event_id(self) -> str | None:
        """Only as written for us: where other apps keep an id of theirs under the bare name."""
        return _event_id(self.ours("event_id"))

    @property
    def fbp(self) -> str | None:
        value = self.get("fbp")
        return value if value and parse_fbp(value) else None

    def fbc(self, landing: str | None, seen_ms: int) -> str | None:
        """The kept cookie, else made from the landing page's fbclid, as Meta describes for servers ("fbp and fbc").

        ``seen_ms`` is the earliest moment by which the click id is known to us; the subdomain index is 1, as for any
        value made without a cookie.
        """
        value = self.get("fbc")
        if value and parse_fbc(value):
            return value
        fbclid = fbclid_of(landing)
        return build_fbc(fbclid, seen_ms) if fbclid else None

    @property
    def consent(self) -> str | dict[str, Any] | None:
        """ "granted", "denied", or an object of purposes that was written as JSON; None when nothing was said.

        What is not understood counts as denied where it was written for us; under a bare name it is about something
        else, such as a shop's terms.
        """
        said = self.ours("consent")
        if said is None:
            said = self.get("consent")
            if said is None or not (said.startswith("{") or is_consent_word(said)):
                return None
        if said.startswith("{"):
            purposes = read_json(said)
            return purposes if isinstance(purposes, dict) else Consent.DENIED.value
        consent = read_consent(said)
        return None if consent is Consent.UNSTATED else consent.value

    @property
    def visitor(self) -> str | None:
        value = self.get("visitor")
        return value if value and _VISITOR.fullmatch(value) and not names_nobody(value) else None

    def click_ids(self, landing: str | None) -> dict[str, str]:
        """Other platforms' click ids and cookies by their own names; what was kept is newer than the landing page."""
        return _of_landing(landing) | read_click_ids(self._click_ids)


def name_of(name: str) -> str:
    """A name in the form it is compared by."""
    return name.strip().lower().lstrip("_").removeprefix("twofold_").lstrip("_")


def without_empty(given: Mapping[str, Any]) -> dict[str, Any]:
    """Only what holds something."""
    return {name: value for name, value in given.items() if value}


def _click_id_name(name: str) -> str | None:
    """A platform's own name of an id. ``_twofold__ttp`` is the cookie ``_ttp``, ``_twofold_gclid`` and ``_gclid`` are
    the parameter ``gclid``."""
    exact = _PREFIX.sub("", name.strip(), count=1)
    return exact if exact in KNOWN else _LOOSELY.get(name_of(name)) or _ALIASES.get(name_of(name))


def _of_landing(landing: str | None) -> dict[str, str]:
    """Of the landing page's address, whose parameters may have lost their case on the way into the shop's database."""
    if not landing or "?" not in landing:
        return {}
    try:
        pairs = parse_qsl(urlsplit(landing).query, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return {}
    loosely = {own: value for name, value in reversed(pairs) if (own := _PARAMETERS.get(name.lower()))}
    return read_click_ids(loosely) | click_ids_of(landing)


def _event_id(value: str | None) -> str | None:
    found = read_event_id(value)
    return None if found is None or is_no_id(found) else found
