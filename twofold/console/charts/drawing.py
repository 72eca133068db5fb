"""Draws a definition: an SVG for a page or a report, its legend, its axes as texts, and the same values as a table.

Owns the marks of `definitions` and no others. Shapes are stretched to the width they get, so texts stand beside them and stay
readable on a phone. Each place on the axis carries its values as a title, which browsers show; a script shows it at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from twofold.console.charts.definitions import Definition

WIDE, HIGH = 1000.0, 200.0
MOST_LABELS, MOST_EACH, SHORT = 5, 8, 8
_PERCENT = {"share"}

Number = Callable[[float], str]


class Drawn(Struct, frozen=True, kw_only=True):
    """A chart as a page puts it together. ``ticks``: texts of the axis, the highest first."""

    title: str
    svg: Markup
    ticks: tuple[str, ...]
    labels: tuple[str, ...]
    each: bool  # places are few enough for a label under each
    legend: tuple[tuple[str, str], ...]  # word, class
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    axes: tuple[str, str] | None = None  # what is told to the right and upwards, where places are no words


def draw(definition: Definition, number: Number, share: Number) -> Drawn:
    """``number``, ``share``: how the reader's language writes them."""
    layers: list[Mapping[str, Any]] = definition.get("layer", [definition])
    values = [v for layer in layers for v in layer.get("data", definition["data"])["values"]]
    encoding = layers[0]["encoding"]
    if layers[0]["mark"]["type"] == "rect":
        return _matrix(definition, encoding, values, number)
    if encoding["x"]["type"] == "quantitative":
        return _dots(definition, layers[0], number)
    x, y = encoding["x"], encoding["y"]
    said = share if y["field"] in _PERCENT or "layer" in definition else number
    places = list(dict.fromkeys(str(v[x["field"]]) for v in values))
    classes: Mapping[str, str] = definition["usermeta"]["classes"]
    low, high = _span(layers, definition)
    scale = _Scale(low=low, high=high, slot=WIDE / max(len(places), 1))
    groups = []
    for at, place in enumerate(places):
        shapes, words = [], []
        for layer in layers:
            mine = [v for v in layer.get("data", definition["data"])["values"] if str(v[x["field"]]) == place]
            shapes += _shapes(layer, mine, at, scale, classes)
            words += _words(layer, mine, said, number)
        hit = Markup('<rect class="hit" x="{:.2f}" y="0" width="{:.2f}" height="{:.0f}"></rect>').format(
            at * scale.slot, scale.slot, HIGH
        )
        title = Markup("<title>{}</title>").format(f"{place}: {', '.join(words)}")
        groups.append(Markup('<g class="slot">{}{}{}</g>').format(title, hit, Markup("").join(shapes)))
    lines = [
        line
        for layer in layers
        if layer["mark"]["type"] == "line"
        for line in _lines(layer, definition, places, scale, classes)
    ]
    ground = Markup('<line class="ground" x1="0" x2="{:.0f}" y1="{:.2f}" y2="{:.2f}"></line>').format(
        WIDE, scale.y(0), scale.y(0)
    )
    svg = Markup(
        '<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(WIDE, HIGH, definition["title"], ground, Markup("").join(groups), Markup("").join(lines))
    return Drawn(
        title=definition["title"], svg=svg, ticks=(said(high), said((high + low) / 2), said(low)), labels=_labels(places), each=len(places) <= MOST_EACH,
        legend=tuple(classes.items()), **_table(layers, definition, places, said, number),
    )  # fmt: skip


class _Scale(Struct, frozen=True, kw_only=True):
    low: float
    high: float
    slot: float

    def y(self, value: float) -> float:
        return HIGH * (1 - (value - self.low) / (self.high - self.low))


def _values(layer: Mapping[str, Any], definition: Definition) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = layer.get("data", definition["data"])["values"]
    return found


def _span(layers: Sequence[Mapping[str, Any]], definition: Definition) -> tuple[float, float]:
    """From the lowest to the highest value, with nothing in it; round at the top."""
    found = [0.0]
    for layer in layers:
        encoding = layer["encoding"]
        values, field = _values(layer, definition), encoding["y"]["field"]
        if layer["mark"]["type"] == "bar" and "y2" not in encoding:
            sums: dict[str, float] = {}
            for v in values:
                place = str(v[encoding["x"]["field"]])
                sums[place] = sums.get(place, 0.0) + float(v[field])
            found += sums.values()
        else:
            found += [
                float(v[f])
                for v in values
                for f in (field, encoding.get("y2", {}).get("field", field))
                if v.get(f) is not None
            ]
    return _round_down(min(found)), _round_up(max(found)) or 1.0


def _round_up(value: float) -> float:
    """The next number of which people know at once how large it is."""
    if value <= 0:
        return 0.0
    step: float = 10.0 ** math.floor(math.log10(value))
    return next(step * n for n in (1, 2, 3, 4, 5, 6, 8, 10) if step * n >= value * 0.999999)


def _round_down(value: float) -> float:
    return 0.0 - _round_up(-value)


def _shapes(
    layer: Mapping[str, Any], values: Sequence[Mapping[str, Any]], at: int, scale: _Scale, classes: Mapping[str, str]
) -> list[Markup]:
    encoding, kind = layer["encoding"], layer["mark"]["type"]
    field, of, below = (
        encoding["y"]["field"],
        encoding.get("color", {}).get("field", ""),
        encoding.get("y2", {}).get("field"),
    )
    left, width = (at + 0.12) * scale.slot, 0.76 * scale.slot
    found, level = [], 0.0
    for v in values:
        if v.get(field) is None:
            continue
        name = classes.get(str(v.get(of, "")), "one")
        if kind == "bar":
            start, end = (float(v[below]), float(v[field])) if below else (level, level + float(v[field]))
            level = end
            top, bottom = scale.y(max(start, end)), scale.y(min(start, end))
            if bottom - top > 0:
                shape = '<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"></rect>'
                found.append(Markup(shape).format(name, left, top, width, bottom - top))
        elif kind == "point":
            # A line without length and a round end: it stays round, however the drawing is stretched.
            middle, height = (at + 0.5) * scale.slot, scale.y(float(v[field]))
            found.append(Markup('<path class="dot {}" d="M{:.2f} {:.2f}h0"></path>').format(name, middle, height))
    return found


def _lines(
    layer: Mapping[str, Any], definition: Definition, places: Sequence[str], scale: _Scale, classes: Mapping[str, str]
) -> list[Markup]:
    encoding = layer["encoding"]
    at = {place: n for n, place in enumerate(places)}
    found = []
    for word, name in classes.items():
        points = [
            ((at[str(v[encoding["x"]["field"]])] + 0.5) * scale.slot, scale.y(float(v[encoding["y"]["field"]])))
            for v in _values(layer, definition)
            if v[encoding["color"]["field"]] == word
        ]
        path = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
        found.append(Markup('<path class="line {}" d="M{}"></path>').format(name, path))
    return found


def _words(layer: Mapping[str, Any], values: Sequence[Mapping[str, Any]], said: Number, number: Number) -> list[str]:
    encoding = layer["encoding"]
    of = encoding.get("color", {}).get("field", "")
    found = []
    for v in values:
        name = f"{v[of]} " if of in v else ""
        if "amount" in v or "count" in v:
            found.append(f"{name}{number(float(v.get('amount', v.get('count', 0))))}")
        elif "y2" in encoding:
            found.append(f"{name}{said(float(v[encoding['y2']['field']]))} … {said(float(v[encoding['y']['field']]))}")
        elif v.get(encoding["y"]["field"]) is not None:
            found.append(f"{name}{said(float(v[encoding['y']['field']]))}")
    return found


def _table(
    layers: Sequence[Mapping[str, Any]], definition: Definition, places: Sequence[str], said: Number, number: Number
) -> dict[str, Any]:
    """A row a place on the axis. Series that stand side by side are columns; else what the title says."""
    encoding = layers[0]["encoding"]
    words = list(definition["usermeta"]["classes"])
    rows = []
    is_way = "y2" in encoding and len(layers) == 1
    for place in places:
        cells = {}
        for layer in layers:
            for v in _values(layer, definition):
                if str(v[encoding["x"]["field"]]) == place:
                    cells[str(v.get(encoding["color"]["field"], ""))] = ", ".join(
                        _words(
                            {**layer, "encoding": {k: e for k, e in layer["encoding"].items() if k != "color"}},
                            [v],
                            said,
                            number,
                        )
                    )
        rows.append(
            (place, *next(iter(cells.items()))) if is_way else (place, *(cells.get(word, "–") for word in words))
        )
    heads = (encoding["x"]["title"], "", encoding["y"]["title"]) if is_way else (encoding["x"]["title"], *words)
    return {"columns": tuple(heads), "rows": tuple(rows)}


def _labels(places: Sequence[str]) -> tuple[str, ...]:
    """One a place where there is room for it, else an empty text; of many long ones the first and the last."""
    if len(places) <= MOST_EACH:
        return tuple(places)
    if max(map(len, places)) > SHORT:
        return places[0], places[-1]
    step = (len(places) - 1) / (MOST_LABELS - 1)
    named = {round(n * step) for n in range(MOST_LABELS)}
    return tuple(place if n in named else "" for n, place in enumerate(places))


def _matrix(
    definition: Definition, encoding: Mapping[str, Any], values: Sequence[Mapping[str, Any]], number: Number
) -> Drawn:
    """Fields whose strength is their amount: five steps, as a page has no colours but its classes."""
    rows = list(dict.fromkeys(str(v[encoding["y"]["field"]]) for v in values))
    columns = list(dict.fromkeys(str(v[encoding["x"]["field"]]) for v in values))
    most = max((abs(float(v["amount"])) for v in values), default=0.0) or 1.0
    wide, high = WIDE / max(len(columns), 1), HIGH / max(len(rows), 1)
    cells = []
    for v in values:
        row, column = rows.index(str(v[encoding["y"]["field"]])), columns.index(str(v[encoding["x"]["field"]]))
        strength = math.ceil(5 * abs(float(v["amount"])) / most)
        title = f"{rows[row]}, {columns[column]}: {number(float(v['amount']))}"
        cells.append(
            Markup(
                '<g class="slot"><title>{}</title><rect class="field s{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"></rect></g>'
            ).format(title, strength, column * wide + 4, row * high + 2, wide - 8, high - 4)
        )
    svg = Markup(
        '<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(WIDE, HIGH, definition["title"], Markup("").join(cells))
    at = {(str(v[encoding["y"]["field"]]), str(v[encoding["x"]["field"]])): number(float(v["amount"])) for v in values}
    return Drawn(
        title=definition["title"], svg=svg, ticks=tuple(rows), labels=tuple(columns), each=True, legend=(),
        columns=(encoding["y"]["title"], *columns), rows=tuple((row, *(at.get((row, c), "–") for c in columns)) for row in rows),
    )  # fmt: skip


def _dots(definition: Definition, layer: Mapping[str, Any], number: Number) -> Drawn:
    """Points on two axes of one length, so that the diagonal is where both values are one; a tick at each point's third value."""
    encoding, meta = layer["encoding"], definition["usermeta"]
    x, y, name, of = (encoding[part]["field"] for part in ("x", "y", "detail", "color"))
    even = definition["layer"][1]["encoding"]["y"]
    values = _values(layer, definition)
    most = (
        _round_up(max((float(v[f]) for v in values for f in (x, y, even["field"]) if v[f] is not None), default=1.0))
        or 1.0
    )
    groups, rows = [], []
    for v in values:
        across, up = WIDE * float(v[x]) / most, HIGH * (1 - float(v[y]) / most)
        told = [(encoding["x"]["title"], v[x]), (encoding["y"]["title"], v[y]), (even["title"], v[even["field"]])]
        words = ", ".join(f"{word} {number(float(value))}" for word, value in told if value is not None)
        shapes = [
            Markup('<rect class="hit" x="{:.2f}" y="{:.2f}" width="30" height="30"></rect>').format(
                across - 15, up - 15
            )
        ]
        if v[even["field"]] is not None:
            level = HIGH * (1 - float(v[even["field"]]) / most)
            tick = '<path class="even" d="M{0:.2f} {1:.2f}V{2:.2f}M{3:.2f} {2:.2f}h24"></path>'
            shapes.append(Markup(tick).format(across, up, level, across - 12))
        shape = '<path class="dot {}" d="M{:.2f} {:.2f}h0"></path>'
        shapes.append(Markup(shape).format(meta["classes"][v[of]], across, up))
        title = Markup("<title>{}</title>").format(f"{v[name]}: {words}; {v[of]}")
        groups.append(Markup('<g class="slot">{}{}</g>').format(title, Markup("").join(shapes)))
        rows.append((str(v[name]), *("–" if value is None else number(float(value)) for _, value in told), str(v[of])))
    svg = Markup(
        '<svg class="plot" viewBox="0 0 {0:.0f} {1:.0f}" preserveAspectRatio="none" role="img" aria-label="{2}">'
        '<line class="diagonal" x1="0" y1="{1:.0f}" x2="{0:.0f}" y2="0"></line>{3}</svg>'
    ).format(WIDE, HIGH, definition["title"], Markup("").join(groups))
    ticks = (number(most), number(most / 2), number(0.0))
    return Drawn(
        title=definition["title"], svg=svg, ticks=ticks, labels=ticks[::-1], each=False,
        legend=(*meta["classes"].items(), *((word, kind) for kind, word in meta["lines"].items())),
        columns=(encoding["detail"]["title"], encoding["x"]["title"], encoding["y"]["title"], even["title"], ""), rows=tuple(rows),
        axes=(encoding["x"]["title"], encoding["y"]["title"]),
    )  # fmt: skip
