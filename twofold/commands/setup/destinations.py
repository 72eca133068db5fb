"""`twofold destinations`: which platforms are told, and what each would get of one event.

Owns the words and tables. An event goes through the same steps as one that is sent to the gateway, and through the same builders;
nothing is stored and nothing leaves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from twofold.commands.options import ConfigOption, DatasetOption, DestinationOption, JsonOption, read_or_piped
from twofold.commands.output.printing import make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.config import DestinationSettings, Settings
    from twofold.destinations.explain import Explained
    from twofold.event.model import Event
    from twofold.reconcile.expected import ExpectedMargins
    from twofold.store.gates.contract import ToldValue
    from twofold.store.opened.routes import Route


def destinations(
    config: ConfigOption = None,
    event: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="FILE",
            help="A JSON file with one event as it is sent to the gateway (- for stdin): what each would get, and what not.",
        ),
    ] = None,
    dataset: DatasetOption = None,
    destination: DestinationOption = None,
    all_known: Annotated[
        bool, typer.Option("--all", help="Every platform that is known, as its defaults would have it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show which platforms are told, and with --explain what each would get of one event, side by side, and why not.

    Nothing is stored and nothing leaves. Exit code 1 when the gateway would refuse the event.
    """
    from twofold.config import load_settings

    settings = load_settings(config)
    told = _chosen(settings, dataset, destination, all_known)
    if event is None:
        _list(told, settings, as_json)
        return
    raw = _read(event)
    copy = _through_steps(settings, dataset or _first_dataset(settings, told), raw, told, as_json)
    from twofold.policies import margins_of, routes_of

    routes, margins = routes_of(settings), margins_of(settings)
    explained, when = [], {}
    for d in told:
        route = routes.get(d.dataset)
        here = _told_value(settings, d, copy, route, margins)
        explained.append((d, _explain(settings, d, copy, route, here)))
        when[d.name] = _when(d, copy, route, here.words)
    _print_json(explained, copy, when) if as_json else _print_tables(explained, copy, when)


class When(NamedTuple):
    """When an event leaves for one destination, and what it is told to be worth."""

    hold_ms: int
    counts_when: str
    worth: str

    def words(self) -> list[str]:
        said = [f"waits {self.hold_ms / 1000:g} s from its first copy"] if self.hold_ms else []
        said += [f"waits until its order is {self.counts_when}"] if self.counts_when else []
        return [*said, f"is told {self.worth}"] if self.worth else said


def _when(d: DestinationSettings, event: Event, route: Route | None, worth: str) -> When:
    from twofold.store.gates.holds import hold_of
    from twofold.store.gates.orders import ORDER_GATED

    hold_ms = hold_of(route.holds.get(d.name, {}), event.event_name) if route else 0
    station = d.counts_when if event.event_name in ORDER_GATED else ""
    return When(hold_ms, station, worth)


def _chosen(
    settings: Settings, dataset: str | None, destination: str | None, all_known: bool
) -> list[DestinationSettings]:
    from twofold.config import DestinationSettings
    from twofold.config.defaults import destination_with_defaults
    from twofold.destinations import DESTINATIONS

    configured = [d for d in settings.destination if dataset in (None, d.dataset)]
    if all_known:
        there = {d.platform for d in configured}
        of = dataset or _first_dataset(settings, configured)
        configured += [
            destination_with_defaults(DestinationSettings(platform=d.platform, dataset=of, name=d.platform))
            for d in DESTINATIONS
            if d.platform not in there
        ]
    found = [d for d in configured if destination in (None, d.name)]
    if destination is not None and not found:
        names = ", ".join(d.name for d in configured) or "none is configured"
        raise typer.BadParameter(f"--destination: expected one of {names}, got {plain(destination)}")
    if not found and dataset is not None and settings.destination:
        names = ", ".join(dict.fromkeys(d.dataset for d in settings.destination))
        raise typer.BadParameter(
            f"--dataset: expected one of {names}, which have a [[destination]], got {plain(dataset)}"
        )
    if not found:
        raise typer.BadParameter("no [[destination]] is configured here; --all shows every platform that is known")
    return found


def _first_dataset(settings: Settings, told: Sequence[DestinationSettings]) -> str:
    return told[0].dataset if told else settings.dataset[0].id if settings.dataset else "1"


def _read(where: str) -> dict[str, Any]:
    from twofold.event.json import read_json
    from twofold.event.refusal import Refusal

    tree = read_json(read_or_piped(where, "--explain"))
    if isinstance(tree, Refusal):
        raise typer.BadParameter(
            f"--explain: expected a JSON object of one event: expected {tree.expected}, got {tree.got}"
        )
    for key in ("data", "events"):
        if isinstance(tree, dict) and isinstance(tree.get(key), list):
            if len(tree[key]) != 1:
                raise typer.BadParameter(f"--explain: expected one event in {key}, got {len(tree[key])}")
            tree = tree[key][0]
    if not isinstance(tree, dict):
        raise typer.BadParameter(f"--explain: expected an object of one event, got {type(tree).__name__}")
    return tree


def _through_steps(
    settings: Settings, dataset: str, raw: dict[str, Any], told: Sequence[DestinationSettings], as_json: bool
) -> Event:
    """The copy as the gateway would journal it, hashed for every platform that is shown."""
    from msgspec.structs import replace

    from twofold.collect.policy import DatasetPolicy
    from twofold.collect.steps.draft import Origin
    from twofold.collect.steps.pipeline import run_fields
    from twofold.destinations import BY_PLATFORM
    from twofold.destinations.terms import hash_rules_of
    from twofold.event.model import Channel, Tier
    from twofold.event.refusal import Refusal
    from twofold.matching.other_forms import wanted_forms
    from twofold.policies import policies_of

    policy = policies_of(settings).get(dataset) or DatasetPolicy(id=dataset)
    origin = Origin(
        dataset=dataset, channel=Channel.SERVER, sender="explain", tier=Tier.T2, received_at=int(time.time() * 1000),
        policy=replace(policy, forms=wanted_forms(hash_rules_of(BY_PLATFORM[d.platform] for d in told))),
    )  # fmt: skip
    found = run_fields(raw, origin)[0]
    if isinstance(found, Refusal):
        said = (
            f"The gateway would refuse it: {found.reason} at {found.path}: expected {found.expected}, got {found.got}"
        )
        print(said, file=sys.stderr if as_json else sys.stdout)
        raise typer.Exit(1)
    return found


def _explain(
    settings: Settings, d: DestinationSettings, event: Event, route: Route | None, told: ToldHere
) -> Explained:
    from twofold.consent.state import consent_text, why_not_send
    from twofold.destinations import BY_PLATFORM
    from twofold.destinations.explain import explain
    from twofold.destinations.terms import terms_of
    from twofold.event.addressees import is_addressed
    from twofold.policies import declared_in
    from twofold.store.gates.addressees import NOT_ADDRESSED
    from twofold.store.gates.values import with_told

    platform = BY_PLATFORM[d.platform]
    purposes = route.purposes.get(d.name, d.purposes or ()) if route else d.purposes or ()
    refused = why_not_send(consent_text(event), purposes, route.require_consent if route else False)
    if not is_addressed(event.destinations, d.name, d.platform):
        refused = refused or NOT_ADDRESSED
    if told.refused:
        refused = refused or told.refused
    return explain(
        platform,
        terms_of(platform, d, declared_in(settings).withheld()),
        with_told(event, told.value),
        refused or event.held_back,
    )


class ToldHere(NamedTuple):
    """What one destination is told that an order is worth. ``words``: why, where it is not its revenue."""

    value: ToldValue | None = None
    refused: str = ""
    words: str = ""


def _told_value(
    settings: Settings, d: DestinationSettings, event: Event, route: Route | None, margins: ExpectedMargins | None
) -> ToldHere:
    """As the gate of values would say it now, by the data folder's own order and costs."""
    from twofold.reconcile.expected import margin_of_order
    from twofold.store.gates.contract import ToldValue
    from twofold.store.gates.orders import ORDER_GATED
    from twofold.store.gates.values import MARGIN, UNKNOWN, told_margin

    data = event.custom_data
    rule = route.values.get(d.name) if route else None
    if (
        rule is None
        or margins is None
        or event.event_name not in ORDER_GATED
        or data.value is None
        or not data.currency
    ):
        return ToldHere()
    margin = None
    if data.order_id and (Path(settings.server.data) / "twofold.db").exists():
        margin = margin_of_order(settings.server.data, margins, d.dataset, data.order_id, data.currency)
    if margin is not None:
        value = told_margin(margin, data.value, below_zero=rule.below_zero)
        return ToldHere(
            ToldValue(MARGIN, value, data.currency), words=f"its expected margin, of {data.value} {data.currency}"
        )
    words = {
        "revenue": "its revenue: the order or one of its costs is not known here",
        "wait": "nothing for two days at most: the order or one of its costs is not known here",
        "refuse": "nothing: the order or one of its costs is not known here",
    }
    return ToldHere(refused="" if rule.unknown == "revenue" else UNKNOWN, words=words[rule.unknown])


# -- for people and for machines


def _list(told: Sequence[DestinationSettings], settings: Settings, as_json: bool) -> None:
    from twofold.commands.output.rows.signal import DestinationRow
    from twofold.destinations import BY_PLATFORM
    from twofold.destinations.terms import terms_of

    configured = {d.name for d in settings.destination}
    rows: list[dict[str, Any]] = []
    for d in told:
        platform = BY_PLATFORM[d.platform]
        rows.append({
            "destination": d.name, "platform": d.platform, "title": platform.title, "dataset": d.dataset,
            "endpoint": d.endpoint, "version": d.version, "version_ends": platform.sunsets.get(d.version),
            "only": sorted(d.events if platform.needs_names else terms_of(platform, d).only), "purposes": list(d.purposes or ()), "configured": d.name in configured,
            "hold_s": {name: f"{s:g}" for name, s in d.hold_s.items()}, "counts_when": d.counts_when, "value": _worth(settings, d),
        })  # fmt: skip
    if as_json:
        print_rows(DestinationRow, rows)
        return
    own = any(row["hold_s"] or row["counts_when"] or row["value"] != "revenue" for row in rows)
    table = make_table(
        "destination", "platform", "dataset", "to", "events", "needs", *(("when and what",) if own else ())
    )
    for row in rows:
        version = f"/{row['version']}" if row["version"] else ""
        ends = f", ends {row['version_ends']}" if row["version_ends"] else ""
        events = ", ".join(row["only"]) or "all"
        table.add_row(
            plain(str(row["destination"])), str(row["title"]), plain(str(row["dataset"])), f"{row['endpoint']}{version}{ends}",
            events if row["configured"] else f"{events} (not configured)", ", ".join(row["purposes"]),
            *([plain(_its_own(row))] if own else []),
        )  # fmt: skip
    print_wide(table)


def _worth(settings: Settings, d: DestinationSettings) -> str:
    """What orders are told to be worth there: its own word, else its dataset's."""
    of = next((one.orders.told_value for one in settings.dataset if one.id == d.dataset), "revenue")
    return d.value or of


def _its_own(row: Mapping[str, Any]) -> str:
    said = [f"{name} waits {seconds} s" for name, seconds in row["hold_s"].items()]
    said += [f"orders when {row['counts_when']}"] if row["counts_when"] else []
    return "; ".join([*said, "margins"] if row["value"] == "margin" else said)


def _print_json(
    explained: Sequence[tuple[DestinationSettings, Explained]], event: Event, when: Mapping[str, When]
) -> None:
    from twofold.commands.output.payload import masked_payload
    from twofold.commands.output.rows.signal import DestinationPart, DestinationTold

    for d, one in explained:
        print_rows(DestinationTold, [{
            "destination": d.name, "platform": d.platform, "event_name": event.event_name, "name": one.name,
            "reason": one.reason, "meaning": one.meaning,
            "payload": masked_payload(one.payload) if one.payload else None, **when[d.name]._asdict(),
        }])  # fmt: skip
        print_rows(
            DestinationPart,
            [
                {"destination": d.name, "platform": d.platform, "part": p.name, "leaves": p.leaves, "why": p.why}
                for p in one.parts
            ],
        )


def _print_tables(
    explained: Sequence[tuple[DestinationSettings, Explained]], event: Event, when: Mapping[str, When]
) -> None:
    import json

    from twofold.commands.output.payload import masked_payload

    table = make_table(plain(event.event_name), *(plain(d.name) for d, _ in explained))
    table.add_row("as", *(plain(one.name) if not one.reason else "-" for _, one in explained))
    for place, part in enumerate(explained[0][1].parts):
        table.add_row(plain(part.name), *("leaves" if one.parts[place].leaves else "-" for _, one in explained))
    print_wide(table)
    for warning in event.warnings:
        say(f"repaired or left out: {plain(warning)}")
    for d, one in explained:
        say("")
        if one.reason:
            say(f"{plain(d.name)}: nothing leaves: {one.reason}{f' ({one.meaning})' if one.meaning else ''}")
            continue
        say(f"{plain(d.name)}:")
        for words in when[d.name].words():
            say(f"  {words}")
        for part in one.parts:
            if not part.leaves:
                say(f"  {plain(part.name)} stays: {part.why}")
        say(plain(json.dumps(masked_payload(one.payload), ensure_ascii=False, default=str)))
