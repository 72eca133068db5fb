"""Models of a period: Markov and Shapley share out what all orders with a path came to, by the weight of each channel.

Owns how paths are asked for, and the way from them to rows of a table. No order by itself has a credit under these models; each row says how many paths
it stands on. Groups on fewer than thirty paths are folded into one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import erfc, sqrt
from typing import Any

from twofold.attribution.markov import Outcome, Path, Refused, collapsed, markov
from twofold.attribution.paths import DAY_S, PathTouch, path_of, touches_from
from twofold.attribution.reading import ROOM, shifted
from twofold.attribution.shapley import MOST_CHANNELS, shapley
from twofold.attribution.shares import split
from twofold.attribution.table import LINKS, SMALL, UNATTRIBUTED, ZERO, Asked, Cost, Group, Line, added
from twofold.facts.questions import Question, questions_of
from twofold.touch.channels import DIRECT, Sourced, channel_of
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen as Sign

_EPOCH = date(1970, 1, 1)
PERIOD_MODELS = ("markov", "shapley_sum", "shapley_rate")
LEAST_PATHS = 30
Ask = Callable[[Question, dict[str, Any]], list[Any]]


def share_period(
    paths: Mapping[Path, Outcome],
    credited: Sequence[Line],
    asked: Asked,
    costs: Mapping[str, Cost],
    names: Mapping[str, Group],
    order: int = 1,
) -> list[Line]:
    """Rows by their share, the largest first. Raises `Refused` where the model cannot answer.

    ``credited``: the rows of any rule model, of which those without a path stay as they are and the others are shared out together.
    """
    small = _small(paths, asked.model)
    folded = _folded(paths, small)
    shares = _shares(folded, asked.model, order)
    groups = sorted(shares, key=str)
    lines = {g: Line(group=names.get(g, Group(g, g))) for g in map(str, groups)}
    fractions = [Fraction(shares[group]) for group in groups]
    fractions[-1] += 1 - sum(fractions)  # what floating point left
    told = [line for line in credited if not line.group.key.startswith(f"{UNATTRIBUTED}:")]
    for link in LINKS:
        whole = sum((one.amounts[link] for one in told), ZERO)
        for group, part in zip(groups, split(whole, asked.currency, fractions), strict=True):
            lines[str(group)].amounts[link] = part
    orders = sum((one.orders for one in told), Fraction(0))
    for group, share in zip(groups, fractions, strict=True):
        lines[str(group)].orders = share * orders
    for name in ("open", "young"):
        whole = sum((getattr(one, name) for one in told), ZERO)
        for group, part in zip(groups, split(whole, asked.currency, fractions), strict=True):
            setattr(lines[str(group)], name, part)
    for one in credited:
        if one.group.key.startswith(f"{UNATTRIBUTED}:"):
            lines[one.group.key] = Line(
                group=one.group, orders=one.orders, amounts=one.amounts, open=one.open, young=one.young
            )
    for key, cost in costs.items():
        named = SMALL if key in small else key
        line = lines.setdefault(named, Line(group=names.get(named, Group(named, named))))
        line.cost = added(line.cost, cost)
    return sorted(lines.values(), key=lambda one: (-one.amounts["placed"], -one.cost.spend, one.group))


def paths_behind(
    paths: Mapping[Path, Outcome], model: str, names: Mapping[str, Group]
) -> list[tuple[list[Group], Outcome]]:
    """The paths that a model's rows stand on, by the rows' own groups: the most orders first, then the most that led nowhere."""
    folded = _folded(paths, _small(paths, model))
    found = [
        ([names.get(str(key), Group(str(key), str(key))) for key in path], outcome) for path, outcome in folded.items()
    ]
    return sorted(found, key=lambda one: (-one[1].orders, -one[1].none, one[0]))


def tells_apart(paths: Mapping[Path, Outcome], least: Decimal = Decimal("0.05")) -> bool:
    """Whether having some channel on the path goes with ordering or not, beyond chance (chi-square of one degree)."""
    whole = sum(f.orders + f.none for f in paths.values())
    won = sum(f.orders for f in paths.values())
    for channel in {channel for path in paths for channel in path}:
        having = [f for path, f in paths.items() if channel in path]
        own, own_won = sum(f.orders + f.none for f in having), sum(f.orders for f in having)
        expected = own * (whole - own) * won * (whole - won)
        if expected:
            chi = whole * (own_won * (whole - own) - (won - own_won) * own) ** 2 / expected
            if erfc(sqrt(chi / 2)) <= least:
                return True
    return False


def _shares(paths: Mapping[Path, Outcome], model: str, order: int) -> Mapping[object, Fraction | float]:
    if model == "markov":
        return dict(markov(paths, order).shares)
    return dict(shapley(paths, "sum" if model == "shapley_sum" else "rate").shares)


def _small(paths: Mapping[Path, Outcome], model: str) -> set[object]:
    """Groups with too few paths, which become one; with Shapley's rate worth so many of the smallest that twelve are left."""
    many: dict[object, int] = defaultdict(int)
    for path, found in paths.items():
        for group in set(path):
            many[group] += found.orders + found.none
    by_size = sorted(many, key=lambda g: (many[g], str(g)))
    small = {group for group in by_size if many[group] < LEAST_PATHS}
    if model == "shapley_rate" and len(by_size) > MOST_CHANNELS:
        small |= set(by_size[: len(by_size) - MOST_CHANNELS + 1])
    return small if len(small) > 1 else set()


def _folded(paths: Mapping[Path, Outcome], small: set[object]) -> dict[Path, Outcome]:
    folded: dict[Path, Outcome] = {}
    for path, found in paths.items():
        named = collapsed([SMALL if group in small else group for group in path])
        before = folded.get(named, Outcome(0, 0))
        folded[named] = Outcome(before.orders + found.orders, before.none + found.none)
    return folded


# -- paths


def period_paths(won: Mapping[Path, int], nobody: Mapping[Path, int]) -> dict[Path, Outcome]:
    """All paths of a period with how many of each led to an order."""
    return {path: Outcome(won.get(path, 0), nobody.get(path, 0)) for path in sorted({*won, *nobody})}


def paths_of_orders(
    asked: Asked, ask: Ask, key_of: Callable[[PathTouch], str], as_of: int, dataset: str | None = None
) -> dict[Path, int]:
    """Paths of the period's orders, with how many there are of each."""
    given = {
        "since": asked.since, "until": asked.until, "as_of": as_of, "dataset": dataset or "", "window": asked.click_days * DAY_S,
        "chat": min(asked.click_days, asked.chat_days) * DAY_S,
    }  # fmt: skip
    by_order: dict[int, list[PathTouch]] = defaultdict(list)
    for row in ask(questions_of(ROOM)["touches_credited"], given):
        touch = _touch(row)
        by_order[row.order_row].append(PathTouch(touch, channel_of(touch)))
    nameless = {name: value for name, value in given.items() if name != "as_of"}
    for row in ask(questions_of(ROOM)["nameless_touches"], nameless):
        by_order[-1 - row.nameless].append(_nameless(row))
    found: dict[Path, int] = defaultdict(int)
    for touches in by_order.values():
        own = [one for one in touches if one.touch.kind is not TouchKind.SHOP_SAYS] or touches[-1:]
        found[_keys(own, key_of)] += 1
    return dict(found)


def _nameless(row: Any) -> PathTouch:
    """A touch without an address; of its time the day is known."""
    at = (date.fromisoformat(row.touch_day) - _EPOCH).days * DAY_S + DAY_S // 2
    touch = Touch(
        at=at, kind=TouchKind(row.kind), source=row.source_of, medium=row.medium_of, campaign=row.campaign, campaign_id=row.campaign_id,
        adset_id=row.adset_id, ad_id=row.ad_id,
    )  # fmt: skip
    sourced = Sourced(
        source=row.source_of,
        medium=row.medium_of,
        campaign=row.campaign,
        platform=row.platform,
        channel=row.channel,
        rule="",
    )
    return PathTouch(touch, sourced)


def paths_of_nobody(
    asked: Asked, ask: Ask, key_of: Callable[[PathTouch], str], ends_at: int, day_of: Callable[[int], str],
    dataset: str | None = None,
) -> dict[Path, int]:  # fmt: skip
    """Paths that led nowhere, with how many there are: as long as those of orders, and ended in the period. Those that may still
    lead to an order within the window are left out."""
    question = questions_of(ROOM)["touches_of_nobody"]
    days = {"since": shifted(asked.since, -asked.click_days - 1), "until": shifted(asked.until, 1)}
    by_who: dict[tuple[str, str], list[Sign]] = defaultdict(list)
    for row in ask(question, {**days, "dataset": dataset or ""}):
        by_who[row.dataset, row.who].append(_seen(row))
    found: dict[Path, int] = defaultdict(int)
    for signs in by_who.values():
        touches = [touch for touch in touches_from(signs) if day_of(touch.at) <= asked.until]
        if touches and day_of(touches[-1].at) >= asked.since and touches[-1].at + asked.click_days * DAY_S < ends_at:
            path = path_of(touches, touches[-1].at, asked.click_days, asked.chat_days)
            found[_keys(path, key_of)] += 1
    return dict(found)


def _keys(path: Iterable[PathTouch], key_of: Callable[[PathTouch], str]) -> Path:
    """Keys of a path without direct, unless it has nothing else; neighbours that are equal are one."""
    touches = list(path)
    told = [t for t in touches if t.sourced.channel != DIRECT] or touches
    return collapsed([key_of(touch) for touch in told])


def _seen(row: Any) -> Sign:
    return Sign(row.who, row.source_key, _touch(row))


def _touch(row: Any) -> Touch:
    return Touch(
        at=row.happened_at, kind=TouchKind(row.kind), source=row.source, medium=row.medium, campaign=row.campaign,
        content=row.content, term=row.term, utm_id=row.utm_id, click=row.click_kind, campaign_id=row.campaign_id,
        adset_id=row.adset_id, ad_id=row.ad_id, referrer=row.referrer_host, landing=row.landing_path, device=row.device,
    )  # fmt: skip


__all__ = ["PERIOD_MODELS", "Refused", "share_period", "tells_apart"]
