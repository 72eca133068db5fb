"""Charts: one definition gives shapes whose sizes are its values, words as text, and the same values as a table."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from twofold.console.charts import definitions
from twofold.console.charts.drawing import HIGH, Drawn, draw

HOSTILE = '"><script>alert(1)</script>'


def say(text: str, **values: object) -> str:
    return text.format(**values) if values else text


def drawn(definition: definitions.Definition) -> Drawn:
    return draw(definition, lambda v: f"{v:g}", lambda v: f"{100 * v:g} %")


def bars(chart: Drawn) -> list[list[tuple[str, float, float]]]:
    """For each place on the axis its bars: class, top and height."""
    slots = ET.fromstring(str(chart.svg)).iter("g")
    return [
        [(r.get("class") or "", float(r.get("y") or 0), float(r.get("height") or 0)) for r in slot.iter("rect") if r.get("class") != "hit"]
        for slot in slots
    ]  # fmt: skip


def test_bars_stand_on_each_other_and_are_as_high_as_their_values() -> None:
    """Ten orders of which six were accepted: the axis ends at ten, so they are six and four tenths of it."""
    days = [{"label": "1 Nov", "orders": 10, "accepted": 6}, {"label": "2 Nov", "orders": 0, "accepted": 0}]
    chart = drawn(definitions.orders_by_day(say, days))
    first, second = bars(chart)
    assert first == [("accepted", 0.4 * HIGH, 0.6 * HIGH), ("placed", 0.0, 0.4 * HIGH)]
    assert second == []
    assert chart.ticks == ("10", "5", "0")
    assert chart.rows == (("1 Nov", "6", "4"), ("2 Nov", "0", "0"))
    assert "1 Nov: accepted 6, not accepted (yet) 4" in str(chart.svg)


def test_a_bridge_ends_at_what_is_left() -> None:
    """156 placed, 26 not told, 4 that wait: 126 stand on the ground, and each step begins where the one before ended."""
    steps = [("Orders", 156, "whole"), ("no consent", 26, "lost"), ("waiting", 4, "open"), ("accepted", 126, "end")]
    chart = drawn(definitions.bridge(say, "Bridge", steps, "Orders"))
    whole, lost, still, left = (slot[0] for slot in bars(chart))
    scale = HIGH / 200
    assert [h for _, _, h in (whole, lost, still, left)] == pytest.approx(
        [156 * scale, 26 * scale, 4 * scale, 126 * scale], abs=0.01
    )
    assert lost[1] == pytest.approx(whole[1], abs=0.01)
    assert still[1] == pytest.approx(lost[1] + lost[2], abs=0.01)
    assert left[1] == pytest.approx(still[1] + still[2], abs=0.01)
    assert [kind for kind, _, _ in (whole, lost, still, left)] == ["both", "refused", "waiting", "accepted"]
    assert chart.rows[1] == ("no consent", "is lost or not told", "26")


def test_a_line_goes_through_its_values() -> None:
    rows = [{"label": d, "name": "Purchase", "count": n} for d, n in (("Mon", 5), ("Tue", 10), ("Wed", 0))]
    chart = drawn(definitions.events_by_day(say, rows, ["Purchase"]))
    path = next(p for p in ET.fromstring(str(chart.svg)).iter("path")).get("d") or ""
    heights = [float(point.split()[1]) for point in path.lstrip("M").split("L")]
    assert heights == [HIGH / 2, 0.0, HIGH]
    assert chart.rows[1] == ("Tue", "10")


def test_a_residual_stands_beside_its_band() -> None:
    """Below zero, too: the ground is where zero is."""
    chart = drawn(definitions.bands(say, [{"name": "Meta", "low": -0.1, "high": 0.1, "share": 0.05}]))
    root = ET.fromstring(str(chart.svg))
    ((kind, top, height),) = bars(chart)[0]
    assert (kind, top, height) == ("usual", 0.0, HIGH)
    dot = next(p for p in root.iter("path") if "dot" in (p.get("class") or "")).get("d") or ""
    assert float(dot.split()[1].removesuffix("h0")) == pytest.approx(HIGH / 4)
    assert float(next(root.iter("line")).get("y1") or 0) == pytest.approx(HIGH / 2)


def test_a_dot_stands_at_what_was_claimed_and_at_what_was_true() -> None:
    """Both axes end at eight; a tick at the return with which each breaks even; where no costs are known there is none."""
    words = {"loses": "loses", "": "unsure"}
    rows = [
        {"name": HOSTILE, "claimed": 8.0, "true": 2.0, "even": 3.0, "verdict": "loses"},
        {"name": "Spring", "claimed": 4.0, "true": 6.0, "even": None, "verdict": "unsure"},
    ]
    chart = drawn(definitions.dots(say, rows, words))
    paths = [(p.get("class"), p.get("d")) for p in ET.fromstring(str(chart.svg)).iter("path")]
    assert [p for p in paths if p[0] != "even"] == [
        ("dot refused", "M1000.00 150.00h0"), ("dot waiting", "M500.00 50.00h0"),
    ]  # fmt: skip
    assert [d for kind, d in paths if kind == "even"] == ["M1000.00 150.00V125.00M988.00 125.00h24"]
    assert chart.ticks == ("8", "4", "0")
    assert chart.labels == ("0", "4", "8")
    assert chart.rows == ((HOSTILE, "8", "2", "3", "loses"), ("Spring", "4", "6", "–", "unsure"))
    assert HOSTILE not in str(chart.svg)


def test_fields_are_as_strong_as_their_amounts() -> None:
    cells = [
        {"row": r, "column": c, "amount": a}
        for r, c, a in (("yes", "yes", 100), ("yes", "no", 50), ("no", "yes", 1), ("no", "no", 0))
    ]
    chart = drawn(definitions.matrix(say, "Square", cells, "Amount"))
    assert [slot[0][0] for slot in bars(chart)] == ["field s5", "field s3", "field s1", "field s0"]
    assert chart.rows == (("yes", "100", "50"), ("no", "1", "0"))


def test_hostile_words_are_words() -> None:
    """In titles, labels and the table's texts: nothing of them is markup, and no style or script is in the drawing."""
    chart = drawn(definitions.bridge(say, HOSTILE, [(HOSTILE, 1, "whole"), ("a", 1, "end")], HOSTILE))
    text = str(chart.svg)
    assert "<script" not in text
    assert "style=" not in text
    ET.fromstring(text)
    assert chart.rows[0][0] == HOSTILE  # the template escapes it


@pytest.mark.parametrize(
    "values", [[], [("a", 0.0, "whole")], [("a", 0.004, "whole"), ("b", 0.004, "end")], [("a", 9e12, "whole")]]
)
def test_little_and_much_are_drawn(values: list[tuple[str, float, str]]) -> None:
    chart = drawn(definitions.bridge(say, "Any", values, "Amount"))
    ET.fromstring(str(chart.svg))
    assert all(0 <= top <= HIGH and height <= HIGH + 0.01 for slot in bars(chart) for _, top, height in slot)


def test_a_definition_is_vega_lite() -> None:
    """Values in it, fields that are there, no more than the parts that are said: so that other programs draw it, too."""
    days = [{"label": "1 Nov", "orders": 10, "accepted": 6}]
    found = definitions.orders_by_day(say, days)
    assert set(found) == {"$schema", "title", "data", "mark", "encoding", "usermeta"}
    fields = {channel["field"] for channel in found["encoding"].values()}
    assert all(fields <= set(value) for value in found["data"]["values"])
    assert found["encoding"]["color"]["scale"]["domain"] == ["accepted", "not accepted (yet)"]
