"""What buyers answered to "how did you hear about us?", beside what the last touch of their orders says.

Owns which channel an answer means, the table of four fields a channel, and when answers may stand for the orders that gave none. An answer
credits nobody: it has a denominator of its own, the orders that were answered. Which answer is an order's is in the named statements
(`sql/surveys.sql`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.attribution.paths import DAY_S
from twofold.attribution.reading import ROOM
from twofold.attribution.table import Asked
from twofold.attribution.verdicts import NORMAL
from twofold.facts.engine import Answer
from twofold.facts.engine import Asked as TableQuestion
from twofold.facts.questions import questions_of
from twofold.touch.channels import CHANNELS

LEAST_ANSWERS = 100
LEAST_ANSWERED = Decimal("0.3")
"""Fewer answers, or a smaller part of the orders, say nothing of the orders that gave none."""


class Said(Struct, frozen=True, kw_only=True):
    """One answer, as it was given: by how many orders, and the channel that it means; None where nobody said which."""

    answer: str
    channel: str | None
    orders: int


class Fourfold(Struct, frozen=True, kw_only=True):
    """Orders whose answer means a channel, by two questions: does the answer mean this one, and is the last touch of it.

    ``told``: orders whose answer means it. ``estimate``, ``low``, ``high``: of all orders, with the interval at 95 %; None where answers may
    not stand for the others."""

    channel: str
    both: int
    said_only: int
    clicked_only: int
    neither: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def told(self) -> int:
        return self.both + self.said_only


class Survey(Struct, frozen=True, kw_only=True):
    """``orders``: of the period; ``answers``: of these; ``meant``: of these whose answer means a channel; ``clicked``: of these with a last touch
    that counts; ``agreed``: of these where it is of the same channel. ``said``: the most given first; ``channels``: those that any answer means."""

    orders: int
    answers: int
    meant: int
    clicked: int
    agreed: int
    said: Sequence[Said]
    channels: Sequence[Fourfold]

    @property
    def stands_for_all(self) -> bool:
        """Whether there are enough answers to say something of the orders that gave none."""
        return self.answers >= LEAST_ANSWERS and self.answers >= self.orders * LEAST_ANSWERED


def read_survey(
    asked: Asked,
    meanings: Mapping[str, str],
    as_of: int,
    ask: Callable[[Sequence[TableQuestion]], list[Answer]],
    dataset: str | None = None,
) -> Survey:
    """The answers of the orders of a period, by their own day whatever `Asked` credits. ``meanings``: answer to channel."""
    given = {
        "since": asked.since, "until": asked.until, "as_of": as_of, "dataset": dataset or "", "window": asked.click_days * DAY_S,
        "chat": min(asked.click_days, asked.chat_days) * DAY_S,
    }  # fmt: skip
    questions = [questions_of(ROOM)[name] for name in ("survey_answers", "survey_orders")]
    told, counted = ask(
        [TableQuestion(question=q, parameters={name: given[name] for name in q.asks}) for q in questions]
    )
    return survey_of(((row.answer, row.channel, row.orders) for row in told.rows), counted.rows[0].orders, meanings)


def survey_of(told: Iterable[tuple[str, str, int]], orders: int, meanings: Mapping[str, str]) -> Survey:
    """``told``: answer, channel of the last touch (empty for none), and how many orders have both."""
    channel_of = channels_of(meanings)
    said: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for answer, clicked, count in told:
        said[answer] += count
        meant = channel_of(answer)
        if meant is not None:
            pairs[meant, clicked] += count
    answers, meant_by = said.total(), pairs.total()
    found = Survey(
        orders=orders, answers=answers, meant=meant_by, clicked=sum(n for (_, clicked), n in pairs.items() if clicked),
        agreed=sum(n for (meant, clicked), n in pairs.items() if meant == clicked),
        said=[Said(answer=a, channel=channel_of(a), orders=n) for a, n in sorted(said.items(), key=lambda one: (-one[1], one[0]))],
        channels=[],
    )  # fmt: skip
    channels = [_fourfold(channel, pairs, found) for channel in {meant for meant, _ in pairs}]
    channels.sort(key=lambda one: (-one.told, one.channel))
    return replace(found, channels=channels)


def channels_of(meanings: Mapping[str, str]) -> Callable[[str], str | None]:
    """Which channel an answer means: that which was said for it, whatever its case and blanks; else the channel of that name."""
    known = {channel: channel for channel in CHANNELS}
    known |= {_folded(answer): channel for answer, channel in meanings.items()}
    return lambda answer: known.get(_folded(answer))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _fourfold(channel: str, pairs: Mapping[tuple[str, str], int], of: Survey) -> Fourfold:
    both = pairs.get((channel, channel), 0)
    told = sum(count for (meant, _), count in pairs.items() if meant == channel)
    clicked = sum(count for (_, one), count in pairs.items() if one == channel)
    cells = Fourfold(
        channel=channel, both=both, said_only=told - both, clicked_only=clicked - both, neither=of.meant - told - clicked + both
    )  # fmt: skip
    if not of.stands_for_all:
        return cells
    low, high = share_interval(told, of.answers)
    return replace(cells, estimate=told / of.answers * of.orders, low=low * of.orders, high=high * of.orders)


def share_interval(count: int, of: int) -> tuple[float, float]:
    """Where the true share lies in nineteen of twenty such samples (Wilson)."""
    share, z2 = count / of, NORMAL**2
    middle = share + z2 / (2 * of)
    half = NORMAL * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = (middle - half) / (1 + z2 / of), (middle + half) / (1 + z2 / of)
    return low if count else 0.0, high if count < of else 1.0


# -- as commands and pages have it


def survey_rows(survey: Survey) -> tuple[dict[str, object], list[dict[str, object]], list[dict[str, object]]]:
    """The whole, a row a channel, a row an answer. Shares are of four places; estimates whole orders."""
    whole: dict[str, object] = {
        "orders": survey.orders, "answers": survey.answers, "answered": _share(survey.answers, survey.orders), "meant": survey.meant,
        "unmapped": survey.answers - survey.meant, "clicked": survey.clicked, "agreed": survey.agreed,
        "agreement": _share(survey.agreed, survey.clicked), "stands_for_all": survey.stands_for_all,
    }  # fmt: skip
    channels: list[dict[str, object]] = [
        {
            "channel": one.channel, "answers": one.told, "share": _share(one.told, survey.answers), "both": one.both,
            "said_only": one.said_only, "clicked_only": one.clicked_only, "neither": one.neither,
            **{name: None if value is None else round(value) for name, value in
               (("estimate", one.estimate), ("estimate_low", one.low), ("estimate_high", one.high))},
        }
        for one in survey.channels
    ]  # fmt: skip
    said: list[dict[str, object]] = [
        {"answer": one.answer, "channel": one.channel, "answers": one.orders, "share": _share(one.orders, survey.answers)} for one in survey.said
    ]  # fmt: skip
    return whole, channels, said


def _share(count: int, of: int) -> str | None:
    return f"{Decimal(count) / of:.4f}" if of else None
