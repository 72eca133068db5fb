"""``twofold attribution``: what each campaign, channel or article brought, at every link, beside what it cost and claims.

Owns options and what is shown. What is worked out is `attribution`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.files import OutOption, columns_of, write_rows
from twofold.commands.output.printing import make_table, plain, print_about, print_rows, print_wide, say
from twofold.commands.reconcile.chain import (
    AsOfDay,
    SinceDay,
    UntilDay,
    asking_of,
    moment_of,
    rules_of,
    start_of,
    zone_of,
)

if TYPE_CHECKING:
    from datetime import tzinfo

    from twofold.attribution.reading import AskAll
    from twofold.attribution.report import Report
    from twofold.attribution.table import Asked
    from twofold.config import Settings

    Told = tuple[
        dict[str, object], list[dict[str, object]], list[dict[str, object]]
    ]  # of `attribution.surveys.survey_rows`

Model = Literal[
    "last", "last_paid", "first", "linear", "position", "time_decay", "markov", "shapley_sum", "shapley_rate"
]
By = Literal[
    "channel", "source", "campaign", "adset", "ad", "landing", "country", "device", "new_or_returning", "product", "day"
]
Link = Literal["placed", "confirmed", "delivered", "true", "banked", "margin"]

CreditDay = Literal["order", "touch"]
Repeats = Literal["all", "collapse", "unique"]

ModelOption = Annotated[Model, typer.Option("--model", help="How credit is shared; the last three share out a period.")]
WindowOption = Annotated[
    int, typer.Option("--window", min=1, max=400, help="Days before an order in which a touch counts.")
]
ByOption = Annotated[By, typer.Option("--by", help="What is credited.")]
LinkOption = Annotated[Link, typer.Option("--link", help="The link of the chain whose amount stands first.")]
CompareOption = Annotated[Model | None, typer.Option("--compare", help="A second model beside it.")]
CreditDayOption = Annotated[CreditDay, typer.Option("--credit-day", help="Whose day lies in the period.")]
RepeatsOption = Annotated[
    Repeats,
    typer.Option("--repeats", help="Of touches that are credited alike: all, without equal neighbours, or each once."),
]
HalfLifeOption = Annotated[int, typer.Option("--half-life", min=1, max=90, help="Days, for time_decay.")]
ChatDaysOption = Annotated[
    int, typer.Option("--chat-days", min=1, max=400, help="The window of a chat, if it is smaller.")
]
MarkovOrderOption = Annotated[int, typer.Option("--order", min=1, max=4, help="How many touches Markov remembers.")]
BehindOption = Annotated[
    str,
    typer.Option(
        "--paths", metavar="ROW", help="The paths behind a row of Markov or Shapley, by its name or id, or all."
    ),
]
SurveyOption = Annotated[
    bool, typer.Option("--survey", help="Also what buyers answered, beside the last touch of their orders.")
]

MOST_PATHS = 30
"""Paths that are shown to people; machines get all."""


def attribution(
    since: SinceDay,
    until: UntilDay,
    model: ModelOption = "last",
    window: WindowOption = 7,
    by: ByOption = "campaign",
    link: LinkOption = "true",
    compare: CompareOption = None,
    credit_day: CreditDayOption = "order",
    repeats: RepeatsOption = "all",
    half_life: HalfLifeOption = 7,
    chat_days: ChatDaysOption = 7,
    markov_order: MarkovOrderOption = 1,
    behind: BehindOption = "",
    survey: SurveyOption = False,
    out: OutOption = None,
    as_of: AsOfDay = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See what each campaign really brought: delivered and collected money beside its cost and its platform's claim.

    From the shop's own records. A model shares out credit and does not measure cause (`twofold experiment` does). The
    verdict is silent inside the noise. Orders without a path are a row with the reason. Figures: docs/attribution.md.
    Exit code 1 when the model refuses, with why.
    """
    from twofold.attribution.markov import Refused
    from twofold.attribution.report import report_attribution
    from twofold.attribution.table import Asked
    from twofold.commands.output.rows.attribution import AttributionRow
    from twofold.config import load_settings

    _refuse_at_odds(since, until, model, behind)
    settings = load_settings(config, data=data)
    zone, rules = zone_of(settings), rules_of(settings)
    asked = Asked(
        since=since, until=until, by=by, model=model, click_days=window, chat_days=chat_days, half_life_days=half_life,
        repeats=repeats, credit_day=credit_day, currency=rules.currency, least_costed=rules.least_costed,
    )  # fmt: skip
    moment, ask = moment_of(as_of, zone), asking_of(settings, json)
    try:
        report = report_attribution(
            settings.server.data, asked, rules, zone, moment, ask,
            dataset=dataset, link=link, compare=compare, markov_order=markov_order,
        )  # fmt: skip
    except Refused as err:
        say(f"{model if not compare else f'{model} or {compare}'} says nothing: {err}.")
        raise typer.Exit(1) from None
    paths = _behind(report, behind) if behind else []
    told = _answered(asked, settings, moment, ask, dataset) if survey else None
    if out is not None:
        write_rows(out, report.rows, columns_of(AttributionRow))
    if json:
        _print_heading(report, asked, dataset, zone, moment)
        _print(report, paths, told)
    else:
        _show(report, asked, link, compare)
        _show_besides(paths, behind, told)


def _refuse_at_odds(since: str, until: str, model: str, behind: str) -> None:
    """Options that say nothing together."""
    from twofold.attribution.period import PERIOD_MODELS

    if since > until:
        raise typer.BadParameter("--until: expected a day that is not before --since")
    if behind and model not in PERIOD_MODELS:
        raise typer.BadParameter(
            f"expected it with {', '.join(PERIOD_MODELS)}, which credit a period by its paths; {model} credits orders, and the "
            "console's page Campaigns leads to them",
            param_hint="--paths",
        )


def _print_heading(report: Report, asked: Asked, dataset: str | None, zone: tzinfo, moment: int) -> None:
    """For machines, the first row: what the rows that follow are figures of."""
    print_about(
        "attribution", dataset=dataset, since=start_of(asked.since, zone), until=start_of(asked.until, zone, days=1),
        timezone=str(zone), currency=report.currency, view=f"{asked.model} {asked.click_days} days by {asked.by}",
        as_of=moment, missing={"rate": str(report.missing)},
    )  # fmt: skip


def _print(report: Report, paths: list[dict[str, Any]], told: Told | None) -> None:
    """For machines. ``told``: what buyers answered, where it was asked for."""
    from twofold.commands.output.rows.attribution import (
        AttributionFinding,
        AttributionPath,
        AttributionRow,
        AttributionSurvey,
        AttributionSurveyAnswer,
        AttributionSurveyChannel,
        AttributionTotal,
    )

    print_rows(AttributionRow, report.rows)
    print_rows(AttributionTotal, [report.total])
    print_rows(AttributionPath, paths)
    if told:
        print_rows(AttributionSurvey, [told[0]])
        print_rows(AttributionSurveyChannel, told[1])
        print_rows(AttributionSurveyAnswer, told[2])
    print_rows(AttributionFinding, report.findings)


def _behind(report: Report, row: str) -> list[dict[str, Any]]:
    """Those of a row's paths, or all of them."""
    found = [path for path in report.paths if row in ("all", *path["ids"], *path["groups"])]
    if not found:
        known = ", ".join(dict.fromkeys(name for path in report.paths for name in path["groups"]))[:500]
        raise typer.BadParameter(f"expected one of {known}, or all, got {row}", param_hint="--paths")
    return found


def _answered(asked: Asked, settings: Settings, moment: int, ask: AskAll, dataset: str | None) -> Told:
    """What buyers answered when they were asked how they found the shop."""
    from twofold.attribution.surveys import read_survey, survey_rows

    return survey_rows(read_survey(asked, settings.chain.answers, moment, ask, dataset))


def _show_besides(paths: list[dict[str, Any]], behind: str, told: Told | None) -> None:
    """Below the table: the paths of a row and what buyers answered, each where it was asked for."""
    if behind:
        _show_paths(paths, behind)
    if told:
        from twofold.commands.attribution.answers import show_survey

        show_survey(*told)


def _show_paths(paths: list[dict[str, Any]], row: str) -> None:
    table = make_table("path", "led to an order", "led nowhere", right={"led to an order", "led nowhere"})
    for path in paths[:MOST_PATHS]:
        table.add_row(plain(" > ".join(path["groups"])), f"{path['orders']:,}", f"{path['nowhere']:,}")
    say(
        f"Paths that {'the rows stand' if row == 'all' else f'{plain(row)} stands'} on, neighbours that are equal as one:"
    )
    print_wide(table)
    if len(paths) > MOST_PATHS:
        say(f"and {len(paths) - MOST_PATHS:,} more: --json tells all")


def _show(report: Report, asked: Asked, link: str, compare: str | None) -> None:
    from twofold.attribution.period import PERIOD_MODELS
    from twofold.commands.attribution.layout import Asking, show_table

    say(
        f"Orders of {asked.since} to {asked.until}, credited by {_model_of(asked)} within {asked.click_days} days, in {report.currency}."
    )
    say("A model shares out credit; it does not measure cause: twofold experiment does.")
    show_table(report.rows, report.total, Asking(asked.by, link, compare, asked.model in PERIOD_MODELS))
    for finding in report.findings:
        say(f"LOOK  {plain(finding['of'])}{': ' if finding['of'] else ''}{finding['text']}")


def _model_of(asked: Asked) -> str:
    """The model with all that makes its figures other ones."""
    more = [f"half-life {asked.half_life_days} days"] if asked.model == "time_decay" else []
    more += ["on the day of the touch"] if asked.credit_day == "touch" else []
    more += [f"repeats: {asked.repeats}"] if asked.repeats != "all" else []
    return f"{asked.model} ({', '.join(more)})" if more else asked.model
