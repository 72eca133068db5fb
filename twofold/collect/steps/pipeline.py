"""One copy's way from raw to journal-ready: the ordered list of steps, and what runs it.

This list is the architecture of the collector. A step gets a `Draft`, changes it, and answers None or the
`Refusal` that ends the run; it does no I/O. Start reading here, then `required`. A copy of which no step would have
anything to say takes the short way of `shortcut`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from twofold.collect.steps import addressees, bots, browser_tokens, clicks, consent, links, required, sensitive
from twofold.collect.steps.draft import Draft, Origin, raw_event
from twofold.collect.steps.shortcut import read_ordinary, read_ordinary_fields
from twofold.errors import place_of
from twofold.event.model import Channel, Event, RawEvent
from twofold.event.refusal import DropReason, Refusal

log = logging.getLogger("twofold.collect")

STEPS: tuple[Callable[[Draft], Refusal | None], ...] = (
    required.put_event_name,
    required.put_event_time,
    required.put_action_source,
    required.put_event_id,
    required.put_urls,
    required.put_locale,
    required.put_match_keys,
    clicks.put_browser_facts,
    clicks.put_click_ids,
    links.put_links,
    addressees.put_destinations,
    required.put_messaging,
    required.drop_too_broad,
    required.put_custom_data,
    required.drop_purchase_without_money,
    required.put_processing_options,
    required.put_opaque_parts,
    consent.put_consent,
    consent.put_limits,
    browser_tokens.put_trust,
    bots.put_bot,
    sensitive.drop_sensitive,
)


def run(raw: RawEvent, origin: Origin, mended: Sequence[str] = ()) -> Event | Refusal:
    """One raw event through its steps; ``mended``: what its door had to mend in it already.

    A bug in a step refuses this copy only, with reason ``internal``.
    """
    try:
        event = None if mended else read_ordinary(raw, origin)
        schema = origin.policy.schema
        if event is not None and event.custom_data.other and schema is not None:
            return schema.judge(event)
        return event if event is not None else _run_steps(raw, origin, mended)
    except Exception as err:
        return _failed(err)


def run_fields(
    fields: dict[str, Any], origin: Origin, mended: Sequence[str] = ()
) -> tuple[Event | Refusal, RawEvent | None, Sequence[str]]:
    """The same of one event as it stands in the JSON, with the `RawEvent` (None where none had to be made) and the names
    that are no documented fields."""
    try:
        event = None if mended else read_ordinary_fields(fields, origin)
        if event is not None:
            schema = origin.policy.schema
            return event if schema is None or not event.custom_data.other else schema.judge(event), None, ()
        raw, unknown = raw_event(fields)
        return _run_steps(raw, origin, mended), raw, unknown
    except Exception as err:
        return _failed(err), None, ()


def _run_steps(raw: RawEvent, origin: Origin, mended: Sequence[str]) -> Event | Refusal:
    draft = Draft(raw, origin, origin.tier, origin.channel is Channel.BROWSER)
    if mended:
        draft.warnings += mended
    for step in STEPS:
        refusal = step(draft)
        if refusal is not None:
            return refusal
    event, schema = draft.event(), origin.policy.schema
    return schema.judge(event) if schema is not None and schema.needed(event) else event


def _failed(err: Exception) -> Refusal:
    # The type and place only: the message could quote contact data.
    log.error("a step failed: %s in %s", type(err).__name__, place_of(err))
    return Refusal(reason=DropReason.INTERNAL, got=type(err).__name__)
