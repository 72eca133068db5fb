"""Lines about where orders came from."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import Amount, Ratio, Row, Text


class ExplainedSource(Row, kw_only=True, tag="explained_source"):
    """Where a visit to one address came from. ``url`` is the page without its query, since a click id names a person.
    ``touch`` is false where the visit only goes on; ``rule`` says why, or which rule gave the channel; ``lists`` is the
    date of the lists; ``findings`` are faults of the address, each with what to do."""

    url: Text
    touch: bool
    rule: Text
    lists: Text
    findings: list[Text]
    channel: Text | None = None
    source: Text | None = None
    medium: Text | None = None
    campaign: Text | None = None
    platform: Text | None = None
    conflict: bool | None = None
    click_ids: list[Text] | None = None
    campaign_id: Text | None = None
    adset_id: Text | None = None
    ad_id: Text | None = None
    referrer_host: Text | None = None


class Experiment(Row, kw_only=True, tag="experiment"):
    """One registered experiment. ``state``: ``planned``, ``runs``, ``over``. ``promised``: the lift that it said to see."""

    name: Text
    over: Text
    measure: Text
    since: Text
    until: Text
    campaign: Text
    promised: Ratio
    state: Text


class ExperimentPlan(Row, kw_only=True, tag="experiment_plan"):
    """What was drawn. ``on`` and ``off``: regions, or days; ``left_out``: regions in neither. ``promised``: the smallest lift
    that will be seen; ``power``: lift -> the chance that it is told from nothing. ``before``: the first day compared with."""

    name: Text
    over: Text
    measure: Text
    since: Text
    until: Text
    before: Text
    campaign: Text
    seed: Text
    on: list[Text]
    off: list[Text]
    left_out: list[Text]
    promised: Ratio
    power: dict[str, Any]
    without_region: int
    registered: bool


class ExperimentReading(Row, kw_only=True, tag="experiment_reading"):
    """What an experiment shows. ``lift``: sales with ads over sales without, less 1, and its interval at 95 %; ``on``, ``off``:
    the measure where ads were on and off; ``incremental``: what ads brought where they were on; ``says``: ``brings``,
    ``costs``, ``unsure``."""

    name: Text
    over: Text
    measure: Text
    since: Text
    until: Text
    campaign: Text
    lift: Ratio
    lift_low: Ratio
    lift_high: Ratio
    on: Amount
    off: Amount
    incremental: Amount
    incremental_low: Amount
    incremental_high: Amount
    promised: Ratio
    without_region: int
    says: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "explain-source": (ExplainedSource,),
    "experiment plan": (ExperimentPlan,),
    "experiment read": (ExperimentReading,),
    "experiment list": (Experiment,),
}
"""Every command of this family with ``--json`` and the lines it prints."""
