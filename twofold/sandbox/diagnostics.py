"""What Meta keeps but comments on: diagnostic identifiers of one server event.

Owns a table of identifier and test. The identifiers are Meta's own (public archive of the Ads Manager front end,
2026); when exactly Meta raises them is not published, so each test here is our reading of the name. Only the
thresholds of 2 and 24 hours are documented. The first version covers what one event shows by itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from twofold.event.click_ids import parse_fbc, parse_fbp, strip_appendix
from twofold.event.vocabulary import PIXEL_CURRENCIES, STANDARD_EVENTS
from twofold.sandbox.rules import Checked

HOUR_S = 3_600
_SQUEEZED = {name.lower(): name for name in STANDARD_EVENTS}


def diagnose(event: Checked, received_at: int) -> tuple[str, ...]:
    """Identifiers that hold for one event received at ``received_at`` (ms), in the table's order."""
    return tuple(name for name, holds in DIAGNOSTICS if holds(event, received_at // 1000))


def _delay(event: Checked, now_s: int) -> int:
    return now_s - event.event_time


def _invalid_ip(event: Checked) -> bool:
    value = event.user_data.get("client_ip_address")
    if value is None:
        return False
    try:
        ipaddress.ip_address(strip_appendix(value) if isinstance(value, str) else "")
    except ValueError:
        return True
    return False


def _reads_as(event: Checked, key: str, parse: Callable[[str], object]) -> bool:
    value = event.user_data.get(key)
    return value is None or (isinstance(value, str) and parse(value) is not None)


def _almost_standard(name: str) -> bool:
    standard = _SQUEEZED.get("".join(ch for ch in name if ch.isalnum()).lower())
    return standard is not None and standard != name


DIAGNOSTICS: tuple[tuple[str, Callable[[Checked, int], bool]], ...] = (
    ("s2s_malformed_standard_event_name", lambda e, _: _almost_standard(e.event_name)),
    (
        "s2s_missing_event_source_url",
        lambda e, _: e.action_source == "website" and not e.event.get("event_source_url"),
    ),
    ("s2s_missing_ua", lambda e, _: e.action_source == "website" and "client_user_agent" not in e.user_data),
    ("s2s_missing_ip", lambda e, _: e.action_source == "website" and "client_ip_address" not in e.user_data),
    ("s2s_invalid_ip_address", lambda e, _: _invalid_ip(e)),
    ("s2s_invalid_fbp_cookie", lambda e, _: not _reads_as(e, "fbp", parse_fbp)),
    ("s2s_invalid_click_id", lambda e, _: not _reads_as(e, "fbc", parse_fbc)),
    ("s2s_delay_greater_than_two_hours", lambda e, now: 2 * HOUR_S < _delay(e, now) <= 24 * HOUR_S),
    ("s2s_delay_greater_than_twenty_four_hours", lambda e, now: _delay(e, now) > 24 * HOUR_S),
    ("s2s_event_time_in_future", lambda e, now: _delay(e, now) < 0),
    ("s2s_event_id_in_custom_data", lambda e, _: "event_id" in e.custom_data or "eventID" in e.custom_data),
    ("s2s_extern_id_in_custom_data", lambda e, _: "external_id" in e.custom_data),
    ("s2s_missing_currency_for_value_or_item_price", lambda e, _: e.value is not None and e.currency is None),
    ("s2s_missing_value_for_currency", lambda e, _: e.value is None and e.currency is not None),
    ("invalid_currency", lambda e, _: e.currency is not None and e.currency not in PIXEL_CURRENCIES),
)
