"""When events came: a row of bars over time, drawn as a picture that needs no script.

Owns how wide a bar is and how high; what is counted is given. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

STEPS_S = (1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800)
MOST_BARS = 60
WIDTH, HEIGHT = 960, 96


class Bar(Struct, frozen=True):
    """One stretch of time. Places in the picture's own units."""

    at: int  # ms
    browser: int
    server: int
    x: float
    width: float
    browser_y: float
    browser_height: float
    server_y: float
    server_height: float


class Timeline(Struct, frozen=True):
    bars: tuple[Bar, ...]
    since: int  # ms
    until: int  # ms; the end of the last bar
    step_s: int
    most: int  # events in the highest bar

    @property
    def step_words(self) -> str:
        for seconds, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
            if self.step_s % seconds == 0:
                n = self.step_s // seconds
                return word if n == 1 else f"{n} {word}s"
        return ""


def timeline(seen: Iterable[tuple[int, bool]]) -> Timeline | None:
    """Bars of (received at ms, was it a server's); None when nothing came."""
    rows = sorted(seen)
    if not rows:
        return None
    first, last = rows[0][0], rows[-1][0]
    step = next((s for s in STEPS_S if (last - first) // (s * 1000) < MOST_BARS), STEPS_S[-1])
    step_ms = step * 1000
    begin = first // step_ms
    count = max(last // step_ms - begin + 1, 12)
    sums = {n: [0, 0] for n in range(begin, begin + count)}
    for at, of_server in rows:
        sums[at // step_ms][int(of_server)] += 1
    most = max(map(sum, sums.values()))
    width = WIDTH / count
    bars = []
    for n, (browser, server) in sums.items():
        high, low = HEIGHT * server / most, HEIGHT * browser / most
        bars.append(
            Bar(
                at=n * step_ms, browser=browser, server=server, x=round((n - begin) * width, 2), width=round(width * 0.8, 2),
                browser_y=round(HEIGHT - low, 2), browser_height=round(low, 2),
                server_y=round(HEIGHT - low - high, 2), server_height=round(high, 2),
            )
        )  # fmt: skip
    return Timeline(bars=tuple(bars), since=begin * step_ms, until=(begin + count) * step_ms, step_s=step, most=most)
