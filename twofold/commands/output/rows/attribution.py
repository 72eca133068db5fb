"""Lines about where orders came from."""

from __future__ import annotations

from typing import Any

from twofold.commands.output.rows.row import About, Amount, Ratio, Row, Text


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


class AttributionRow(Row, kw_only=True, tag="attribution"):
    """What one group is credited with. Orders are a fraction where a model splits them; ``by_shop``: of them by the shop's own word. ``customers_new_unsure``:
    so many of ``customers_new`` of whom earlier orders may be unknown, which is not for certain new.

    Truth: ``placed``, ``confirmed``, ``delivered`` (after refunds), ``true`` (delivered and collected), ``banked``, ``margin``
    (contribution before ads) and what is made of them with ``spend``. Signal: ``claimed_count``, ``claimed_value``,
    ``platform_roas``, ``overclaim``. ``open``: the total of orders whose outcome is open; ``expected``: an estimate of what of it comes
    to be delivered and collected, with its band. ``young``: what of ``placed`` is of days whose money is usually still to come. ``mark``: why a row stands apart (``by_name``, ``id_without_spend``, ``no_tag``, the reason
    of ``unattributed``). ``few``: fewer than twenty orders. ``verdict``: ``earns``, ``loses``, ``unsure``, ``no_costs``,
    ``no_touches``."""

    by: Text
    group: Text
    id: Text
    platform: Text
    mark: Text
    model: Text
    window_days: int
    credit_day: Text
    repeats: Text
    orders: Ratio
    by_shop: Ratio
    customers_new: int
    customers_new_unsure: int
    customers_returning: int
    placed: Amount
    confirmed: Amount
    delivered: Amount
    true: Amount
    banked: Amount
    margin: Amount
    spend: Amount
    claimed_count: Ratio | None
    claimed_value: Amount | None
    platform_roas: Ratio | None
    placed_roas: Ratio | None
    delivered_roas: Ratio | None
    true_roas: Ratio | None
    true_roas_low: Ratio | None
    true_roas_high: Ratio | None
    banked_roas: Ratio | None
    poas: Ratio | None
    cm4: Amount | None
    break_even_roas: Ratio | None
    overclaim: Ratio | None
    cost_per_order: Amount | None
    cac_placed: Amount | None
    cac: Amount | None
    open: Amount
    young: Amount
    expected: Amount | None
    expected_low: Amount | None
    expected_high: Amount | None
    few: bool
    verdict: Text | None
    more_orders: int | None
    compared_model: Text | None
    compared: Amount | None


class AttributionTotal(Row, kw_only=True, tag="attribution_total"):
    """What all rows come to. ``claimed_of_placed``: what all platforms together claim over all that was placed; above 1 it is a finding.
    ``young_since``: the first day that is young, as nine tenths of the money take ``young_days`` days; null where no day is known to be."""

    orders: Ratio
    placed: Amount
    confirmed: Amount
    delivered: Amount
    true: Amount
    banked: Amount
    margin: Amount
    spend: Amount
    open: Amount
    young: Amount
    compared: Amount | None
    claimed_value: Amount | None
    claimed_of_placed: Ratio | None
    young_since: Text | None
    young_days: int


class AttributionPath(Row, kw_only=True, tag="attribution_path"):
    """A path that the rows of Markov or Shapley stand on, asked for with ``--paths``. ``ids`` and ``groups``: what was touched, in its order, by the
    rows' own ids and names; ``orders``: so many times it led to an order, ``nowhere``: so many times to none."""

    ids: list[Text]
    groups: list[Text]
    orders: int
    nowhere: int


class AttributionFinding(Row, kw_only=True, tag="attribution_finding"):
    """What is wrong with how campaigns are named or claimed, and what mends it."""

    kind: Text
    of: Text
    text: Text


class AttributionSurvey(Row, kw_only=True, tag="attribution_survey"):
    """What buyers answered to "how did you hear about us?", asked for with ``--survey``; it credits nobody. ``orders``: of the period;
    ``answers``: of these; ``answered``: their share; ``meant``: answers that mean a channel; ``unmapped``: those that mean none; ``clicked``:
    of ``meant``, those with a last touch that counts; ``agreed``: of these where both are of one channel; ``agreement``: their share.
    ``stands_for_all``: whether at least 100 orders and three of ten were answered; only then there are estimates."""

    orders: int
    answers: int
    answered: Ratio | None
    meant: int
    unmapped: int
    clicked: int
    agreed: int
    agreement: Ratio | None
    stands_for_all: bool


class AttributionSurveyChannel(Row, kw_only=True, tag="attribution_survey_channel"):
    """A channel that answers mean, against the last touch, over the orders whose answer means any. ``both``: answer and last touch are of it;
    ``said_only``: the answer alone; ``clicked_only``: the last touch alone; ``neither``. ``share``: of all answers. ``estimate``: of all orders
    if those that gave no answer are like the others, with its interval at 95 %."""

    channel: Text
    answers: int
    share: Ratio
    both: int
    said_only: int
    clicked_only: int
    neither: int
    estimate: int | None
    estimate_low: int | None
    estimate_high: int | None


class AttributionSurveyAnswer(Row, kw_only=True, tag="attribution_survey_answer"):
    """One answer as it was given, and the channel that it means by ``[chain] answers``; null where nobody said which."""

    answer: Text
    channel: Text | None
    answers: int
    share: Ratio


class CohortRow(Row, kw_only=True, tag="cohort"):
    """The customers whose first delivered order was in ``month``. ``amounts``: what all of them brought in month 0, 1, 2 …; ``value``: one of
    them, up to and with each month; ``cac``: the month's spend over them; ``ltv_to_cac``: value over it."""

    month: Text
    customers: int
    of: Text
    amounts: list[Text]
    value: list[Text]
    spend: Amount | None
    cac: Amount | None
    ltv_to_cac: list[Text] | None
    paid_back_in_month: int | None


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "attribution": (
        About, AttributionRow, AttributionTotal, AttributionPath, AttributionSurvey, AttributionSurveyChannel, AttributionSurveyAnswer,
        AttributionFinding,
    ),
    "customers": (About, CohortRow),
    "explain-source": (ExplainedSource,),
    "experiment plan": (ExperimentPlan,),
    "experiment read": (ExperimentReading,),
    "experiment list": (Experiment,),
}  # fmt: skip
"""Every command of this family with ``--json`` and the lines it prints."""
