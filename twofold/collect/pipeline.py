"""One copy's way from raw to journal-ready: the ordered list of steps, and what runs it.

This list is the architecture of the collector. A step gets a `Draft`, changes it, and answers None or the
`Refusal` that ends the run; it does no I/O. Start reading here, then `steps`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from operator import attrgetter

from twofold.collect import bots, clicks, consenting, linking, privacy, steps, tokens
from twofold.collect.steps import Draft, Origin
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.event.refusal import DropReason, Refusal

log = logging.getLogger("twofold.collect")

STEPS: tuple[Callable[[Draft], Refusal | None], ...] = (
    steps.put_event_name,
    steps.put_event_time,
    steps.put_action_source,
    steps.put_event_id,
    steps.put_urls,
    steps.put_match_keys,
    clicks.put_browser_facts,
    clicks.put_click_ids,
    linking.put_links,
    steps.put_messaging,
    steps.drop_too_broad,
    steps.put_custom_data,
    steps.drop_purchase_without_money,
    steps.put_processing_options,
    steps.put_opaque_parts,
    consenting.put_consent,
    consenting.put_limits,
    tokens.put_trust,
    bots.put_bot,
    privacy.put_privacy,
)

# What a server's ordinary copy has nothing for: these steps read only `_RARE` fields, the browser's side and rules.
_ONLY_FOR_RARE = frozenset({
    linking.put_links,
    steps.put_processing_options,
    steps.put_opaque_parts,
    consenting.put_consent,
    consenting.put_limits,
    tokens.put_trust,
})  # fmt: skip
_RARE = (
    "links", "visitor", "token", "consent", "region", "opt_out", "data_processing_options",
    "data_processing_options_country", "data_processing_options_state", "app_data", "original_event_data",
    "attribution_data", "customer_segmentation", "advanced_measurement_table",
)  # fmt: skip
_rare_values = attrgetter(*_RARE)
_NOTHING_RARE = (None,) * len(_RARE)
ORDINARY_STEPS = tuple(step for step in STEPS if step not in _ONLY_FOR_RARE)


def steps_for(raw: RawEvent, origin: Origin) -> tuple[Callable[[Draft], Refusal | None], ...]:
    """All steps, or `ORDINARY_STEPS` where the others would find nothing to do: a quarter of a common event's time."""
    if _rare_values(raw) != _NOTHING_RARE or origin.gpc or origin.tier < Tier.T2 or origin.channel is Channel.BROWSER:
        return STEPS
    rules = origin.policy.consent
    return STEPS if rules.require_in or rules.limited_in else ORDINARY_STEPS


def run(raw: RawEvent, origin: Origin) -> Event | Refusal:
    """One raw event through its steps. A bug in a step refuses this copy only, with reason ``internal``."""
    draft = Draft(raw, origin, origin.tier, origin.channel is Channel.BROWSER)
    try:
        for step in steps_for(raw, origin):
            refusal = step(draft)
            if refusal is not None:
                return refusal
        return draft.event()
    except Exception as err:
        # The type and place only: the message could quote contact data.
        log.error("a step failed: %s in %s", type(err).__name__, place_of(err))
        return Refusal(reason=DropReason.INTERNAL, got=type(err).__name__)


def place_of(err: Exception) -> str:
    """File and line of an error, for the log; never its message, which could quote contact data."""
    trace = err.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
