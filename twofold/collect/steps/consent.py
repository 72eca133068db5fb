"""The steps about consent: what the copy says, whether silence is enough, and with which limits it goes.

Owns the order of these three and what the dataset's rules add. How a statement is read is `consent_signals`; what
follows for sending is decided at send time from the action's united consent (`event.consent`).
"""

from __future__ import annotations

from typing import Any

from twofold.collect.policy import ConsentRules
from twofold.collect.steps.draft import Draft
from twofold.consent.regions import country_of, limits_of, read_region, us_limits
from twofold.consent.signals import SILENCE, read_statement
from twofold.event.model import Consent
from twofold.event.refusal import Refusal
from twofold.matching.normalise import normalise_country

LIMITED_DATA_USE = "LDU"
_SALE = "sale_of_data"


def put_consent(draft: Draft) -> Refusal | None:
    """The copy's own words, the region they were said in, and whether they are needed there."""
    said = draft.raw.consent
    gpc = draft.origin.gpc
    statement = (
        read_statement(said, gpc=gpc, names=draft.origin.policy.addressees) if said is not None or gpc else SILENCE
    )
    fields, rules = draft.fields, draft.origin.policy.consent
    fields["consent"] = statement.state
    if statement.granted:
        fields["granted"] = statement.granted
    if statement.denied:
        fields["denied"] = statement.denied
    draft.warnings += statement.notes
    declared = read_region(draft.raw.region)
    if declared is not None:
        fields["region"] = declared
    elif draft.raw.region not in (None, ""):
        draft.warnings.append("region is not an ISO 3166 code as DE or US-CA; left out")
    if rules.require_in and _is_required(draft, declared, rules):
        fields["consent_required"] = True
    return None


def put_limits(draft: Draft) -> Refusal | None:
    """Limited Data Use and ``opt_out``, by what was denied and where. Runs after `put_consent` and what the sender set.

    A limit is added, never taken away: where the sender asked for one, its own country and state stand.
    """
    fields, rules = draft.fields, draft.origin.policy.consent
    denied = fields.get("denied", ())
    if rules.opt_out_when_denied and not rules.opt_out_when_denied.isdisjoint(denied):
        fields["opt_out"] = True
    if not rules.limited_in and _SALE not in denied:
        return None
    options: tuple[str, ...] = fields.get("data_processing_options") or ()
    if LIMITED_DATA_USE in options:
        return None
    limits = _limits(draft, rules)
    if limits is None:
        return None
    fields["data_processing_options"] = (*options, LIMITED_DATA_USE)
    fields["data_processing_options_country"], fields["data_processing_options_state"] = limits
    if limits[0] == 0 and not draft.user.client_ip_address:
        # Meta, "Data Processing Options": without an address it cannot locate anybody.
        draft.warnings.append("Limited Data Use without region and address: Meta cannot tell where it applies")
    return None


def _limits(draft: Draft, rules: ConsentRules) -> tuple[int, int] | None:
    """Meta's country and state. Who denied the sale of their data is limited wherever they are."""
    region = _region(draft, draft.fields.get("region"))
    if _SALE in draft.fields.get("denied", ()):
        return us_limits(region)
    granted = draft.fields["consent"] is Consent.GRANTED or _SALE in draft.fields.get("granted", ())
    if granted and not rules.limited_always:
        return None
    return limits_of(region, rules.limited_in)


def _is_required(draft: Draft, declared: str | None, rules: ConsentRules) -> bool:
    """Silence is not enough in a listed country; nor where nobody says which country it is."""
    if declared is None and draft.raw.region not in (None, ""):
        return True  # something was said and cannot be read
    region = _region(draft, declared)
    return region is None or country_of(region) in rules.require_in


def _region(draft: Draft, declared: str | None) -> str | None:
    """Where the shopper is: as declared, else by their address if it came in plain, else the dataset's country.

    Only the declared one is kept with the event: an address is contact data.
    """
    if declared is not None:
        return declared
    user: Any = draft.raw.user_data
    country = _plain(user, "country") or _plain(user, "cn")
    code = normalise_country(country) if country else None
    if code is not None:
        state = (_plain(user, "st") or "").strip().upper()
        return f"US-{state}" if code == "us" and len(state) == 2 and state.isalpha() else code.upper()
    return draft.origin.policy.country.upper() or None


def _plain(user: Any, key: str) -> str | None:
    value = user.get(key) if isinstance(user, dict) else None
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) and 0 < len(value) < 60 else None
