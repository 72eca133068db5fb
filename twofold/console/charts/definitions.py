"""What each chart shows, as data: a Vega-Lite specification with its values in it, which other programs draw, too.

Owns the definitions. Colours are those of the light theme; ``usermeta`` names the classes by which a page colours them in both.
Texts are in the reader's language already. Marks that are used: bar (stacked, or from ``y`` to ``y2``), line, rect, point, tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = {
    "placed": "#8d97ab", "accepted": "#3f9a6b", "browser": "#d08a1c", "both": "#1f4fd8", "refused": "#a11b1b", "waiting": "#d08a1c",
    "one": "#1f4fd8", "two": "#3f9a6b", "three": "#d08a1c", "four": "#8d97ab", "five": "#a11b1b", "usual": "#dcdfe6",
}  # fmt: skip
KINDS = ("one", "two", "three", "four", "five")

Definition = dict[str, Any]
Say = Callable[..., str]


def chart(
    title: str, mark: str, values: Sequence[Mapping[str, Any]], *, x: tuple[str, str], y: tuple[str, str],
    series: Sequence[tuple[str, str]] = (), of: str = "", y2: str = "",
) -> Definition:  # fmt: skip
    """``x``, ``y``: field and heading. ``series``: (word, class) in the order of their layers, by the field ``of``."""
    encoding: dict[str, Any] = {
        "x": {"field": x[0], "type": "ordinal", "title": x[1], "sort": None},
        "y": {"field": y[0], "type": "quantitative", "title": y[1]},
    }
    if y2:
        encoding["y2"] = {"field": y2}
    if series:
        encoding["color"] = {
            "field": of, "type": "nominal",
            "scale": {"domain": [word for word, _ in series], "range": [COLOURS[kind] for _, kind in series]},
        }  # fmt: skip
    return {
        "$schema": SCHEMA, "title": title, "data": {"values": [dict(v) for v in values]}, "mark": {"type": mark, "tooltip": True},
        "encoding": encoding, "usermeta": {"classes": dict(series)},
    }  # fmt: skip


def orders_by_day(say: Say, days: Sequence[Mapping[str, Any]]) -> Definition:
    """Orders of each day, and those of them that the platform accepted."""
    accepted, others = say("accepted"), say("not accepted (yet)")
    values = [
        {"day": d["label"], "what": what, "orders": count}
        for d in days
        for what, count in ((accepted, d["accepted"]), (others, d["orders"] - d["accepted"]))
    ]
    return chart(
        say("Orders and those accepted, by day"), "bar", values, x=("day", say("Day")), y=("orders", say("Orders")),
        series=((accepted, "accepted"), (others, "placed")), of="what",
    )  # fmt: skip


def bridge(say: Say, title: str, steps: Sequence[tuple[str, float, str]], y: str) -> Definition:
    """A way from a whole to what is left of it: (word, amount, kind); a kind of ``whole`` stands on the ground, another one is
    what is taken off."""
    values, level = [], 0.0
    kinds = {"whole": "both", "lost": "refused", "open": "waiting", "end": "accepted"}
    words = {
        "whole": say("is there"),
        "lost": say("is lost or not told"),
        "open": say("is not here yet"),
        "end": say("is left"),
    }
    used = []
    for word, amount, kind in steps:
        if kind in ("whole", "end"):
            low, high, level = 0.0, amount, amount
        else:
            low, high, level = level - amount, level, level - amount
        used.append(kind)
        values.append({"step": word, "from": low, "to": high, "amount": amount, "what": words[kind]})
    return chart(
        title, "bar", values, x=("step", say("Link")), y=("to", y), y2="from",
        series=[(words[k], kinds[k]) for k in dict.fromkeys(used)], of="what",
    )  # fmt: skip


def events_by_day(say: Say, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Definition:
    """A line an event name: how many a day, as a share of its own best day, as PageViews are a thousand times Purchases."""
    most = {name: max((r["count"] for r in rows if r["name"] == name), default=0) or 1 for name in names}
    values = [
        {"day": r["label"], "event": r["name"], "share": round(r["count"] / most[r["name"]], 4), "count": r["count"]}
        for r in rows
    ]
    return chart(
        say("Events by day, each against its own best day"), "line", values, x=("day", say("Day")), y=("share", say("Share of the best day")),
        series=list(zip(names, KINDS, strict=False)), of="event",
    )  # fmt: skip


def tries(say: Say, slots: Sequence[Mapping[str, Any]], outcomes: Sequence[tuple[str, str]]) -> Definition:
    """Attempts in each five minutes, by outcome."""
    values = [
        {"time": slot["label"], "outcome": word, "tries": slot["counts"].get(word, 0)}
        for slot in slots
        for word, _ in outcomes
    ]
    return chart(
        say("Tries in each five minutes, by outcome"), "bar", values, x=("time", say("Time")), y=("tries", say("Tries")),
        series=outcomes, of="outcome",
    )  # fmt: skip


def matrix(say: Say, title: str, cells: Sequence[Mapping[str, Any]], y: str) -> Definition:
    """A square of fields: ``row``, ``column``, ``amount``."""
    found = chart(title, "rect", cells, x=("column", say("Money")), y=("row", say("Goods")))
    found["encoding"]["y"]["type"] = "ordinal"
    found["encoding"]["color"] = {"field": "amount", "type": "quantitative", "title": y}
    return found


def bands(say: Say, rows: Sequence[Mapping[str, Any]]) -> Definition:
    """For each witness the residual as a share, and between what it usually lies. ``low``, ``high``, ``share``."""
    usual, now = say("usual"), say("this day")
    values = [{"witness": r["name"], "what": usual, "from": r["low"], "to": r["high"]} for r in rows]
    points = [{"witness": r["name"], "what": now, "to": r["share"]} for r in rows]
    found = chart(
        say("Residual of each witness against its usual band"), "bar", values, x=("witness", say("Who")), y=("to", say("Residual")),
        y2="from", series=((usual, "usual"), (now, "refused")), of="what",
    )  # fmt: skip
    encoding = found.pop("encoding")
    mark = found.pop("mark")
    found["layer"] = [
        {"mark": mark, "encoding": encoding},
        {"mark": {"type": "point", "filled": True, "tooltip": True}, "data": {"values": points},
         "encoding": {k: v for k, v in encoding.items() if k != "y2"}},
    ]  # fmt: skip
    return found


def dots(say: Say, rows: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> Definition:
    """A dot a row: to the right what its platform claims that it returned, upwards what it truly did. On the diagonal both are one;
    the tick above or below a dot is where that row breaks even. ``words``: of verdicts, by their names; "" for any other."""
    kinds = {"earns": "accepted", "loses": "refused"}
    values = [
        {"name": r["name"], "claimed": r["claimed"], "true": r["true"], "even": r["even"], "what": words.get(r["verdict"], words[""])}
        for r in rows
    ]  # fmt: skip
    series = {v["what"]: kinds.get(r["verdict"], "waiting") for r, v in zip(rows, values, strict=True)}
    most = max((v for r in rows for v in (r["claimed"], r["true"], r["even"] or 0.0)), default=1.0)
    x = {"field": "claimed", "type": "quantitative", "title": say("Claimed return")}
    y = {"field": "true", "type": "quantitative", "title": say("True return")}
    detail = {"field": "name", "type": "nominal", "title": say("Of what")}
    scale = {"domain": list(series), "range": [COLOURS[kind] for kind in series.values()]}
    return {
        "$schema": SCHEMA, "title": say("Claimed return and true return"), "data": {"values": values},
        "layer": [
            {"mark": {"type": "point", "filled": True, "tooltip": True},
             "encoding": {"x": x, "y": y, "detail": detail, "color": {"field": "what", "type": "nominal", "scale": scale}}},
            {"mark": {"type": "tick"}, "encoding": {"x": x, "y": {**y, "field": "even", "title": say("Breaks even at")}, "detail": detail}},
            {"mark": {"type": "line"}, "data": {"values": [{"claimed": at, "true": at} for at in (0.0, most)]}, "encoding": {"x": x, "y": y}},
        ],
        "usermeta": {"classes": series, "lines": {"diagonal": say("claimed and true are one"), "even": say("breaks even")}},
    }  # fmt: skip
