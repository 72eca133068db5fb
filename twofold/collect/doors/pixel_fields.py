"""What the genuine pixel and image tags send to ``/tr``, as a raw event.

Owns the names of that wire (fbevents.js 2.9.178 and Meta's image tag page, read 2024 to 2026); ours begin at
RawEvent. Contact fields arrive hashed by the pixel; an image tag may carry them plain, they are hashed later.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from twofold.event.contact import names_somebody
from twofold.event.model import RawEvent

_DAY_S = 86_400
_OPTIONS = {"dpoco": "data_processing_options_country", "dpost": "data_processing_options_state"}


def dataset_of(fields: dict[str, Any]) -> str:
    """The dataset (pixel) id a hit names; empty when none."""
    return str(fields.get("id") or "")


def sender_of(fields: dict[str, Any]) -> str:
    """``fbevents`` with its agent, or ``image`` for a plain image tag."""
    if fields.get("noscript") == "1" or "v" not in fields:
        return "image"
    agent = str(fields.get("a") or "")
    return f"fbevents:{agent[:40]}" if agent.isprintable() and agent and not names_somebody(agent) else "fbevents"


def raw_from_hit(fields: dict[str, Any], received_at: int) -> RawEvent:
    """One hit to one raw event; absent times become the time of receipt (ms)."""
    user = {**_group(fields, "udff["), **_group(fields, "ud[")}
    for name in ("fbp", "fbc"):
        if fields.get(name):
            user[name] = fields[name]
    options = fields.get("dpo")
    time_s = _seconds(fields.get("ts"), received_at)
    return RawEvent(
        event_name=fields.get("ev") or None,
        event_time=time_s,
        age=0 if _is_of_another_day(time_s, received_at) else None,
        event_id=fields.get("eid") or None,
        action_source="website",
        event_source_url=fields.get("dl") or None,
        referrer_url=fields.get("rl") or None,
        user_data=user,
        custom_data=_group(fields, "cd["),
        data_processing_options=[options] if options else None,
        **{ours: fields.get(theirs) for theirs, ours in _OPTIONS.items()},
    )


def _group(fields: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k[len(prefix) : -1]: v for k, v in fields.items() if k.startswith(prefix) and k.endswith("]") and v != ""}


def _is_of_another_day(time_s: int | str, received_at: int) -> bool:
    """True where the device's clock is wrong: the pixel keeps nothing for later, so a hit is of now."""
    return isinstance(time_s, int) and abs(time_s - received_at // 1000) > _DAY_S


def _seconds(ts: Any, received_at: int) -> int | str:
    """``ts`` is in milliseconds; anything unreadable is passed on, so that the step can refuse it by name."""
    if ts in (None, ""):
        return received_at // 1000
    try:
        number = Decimal(str(ts)[:24])
        return int(number) // 1000 if number.is_finite() else str(ts)
    except InvalidOperation:
        return str(ts)
