"""The table of attribution as people read it: several tables of a few columns, each of which a terminal of 80 characters holds.

Owns which figure stands in which of them, the words for marks and verdicts, and what is said of the whole. A name that is too long is broken,
never cut; which figures there are is `attribution`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from shutil import get_terminal_size
from typing import Any, NamedTuple

from twofold.commands.output.printing import make_table, plain, print_wide, say
from twofold.commands.reconcile.words import words

WITHOUT_COST = ("landing", "country", "device", "new_or_returning", "product")
"""Groups to which no spend belongs: what it costs to sell an article or to a country, no platform tells."""
MARKS = {
    "no_browser": "no browser is known of them",
    "consent": "consent was refused",
    "ambiguous_person": "several browsers may have made them",
    "no_touch_kept": "of their browser no visit is kept",
    "no_touch_in_window": "no visit within these days",
    "no_paid_touch": "no paid visit",
    "no_order": "deducted for whole payouts",
    "by_name": "joined by name",
    "id_without_spend": "no spend of it is here",
    "no_tag": "its address names none",
    "erased": "came after their buyers were erased",
    "not_told_apart": "these paths do not tell channels apart",
}
"""What the mark of a row says, for people."""
_CALLED = {
    ("country", "none"): "no country is known",
    ("landing", "none"): "no page is known",
    ("product", "none"): "no article is named",
    ("new_or_returning", "new_unsure"): "new, as far as can be seen",
    ("new_or_returning", "unknown"): "buyer unknown",
    ("device", "unknown"): "device unknown",
}
"""Groups that are words of ours, for people; a page or an article may be called so, and then its id begins with ``told:``."""
_VERDICTS = {
    "earns": "earns",
    "loses": "loses",
    "unsure": "cannot be said yet",
    "no_costs": "costs are missing",
    "no_touches": "no visit names it",
}
_NAME_WIDTHS = 14, 48
"""At least and at most; between them what a wide terminal leaves."""
_FIGURES_WIDTH = 66
_VERDICT_WIDTH = 9
_OF_LINKS = ("placed", "delivered", "true", "banked")

_Row = Mapping[str, Any]


class _Column(NamedTuple):
    """``total``: the name of the figure of all rows, where they add up. ``width``: where its text is broken."""

    heading: str
    cell: Callable[[_Row], str]
    total: str = ""
    width: int = 0


class _Part(NamedTuple):
    """One of the tables: what it says above, its columns beside the name, its rows."""

    title: str
    columns: Sequence[_Column]
    rows: Sequence[_Row]


class Asking(NamedTuple):
    """What was asked for, as far as it decides what is shown."""

    by: str
    link: str
    compare: str | None = None
    of_period: bool = False


def show_table(rows: Sequence[_Row], total: _Row, asked: Asking) -> None:
    """All tables, and beneath them what is to be known of their figures."""
    young_since = total["young_since"]
    for part in _parts(rows, asked):
        if part.rows:
            say("")
            say(part.title)
            _print(part, total, asked.by, young_since if asked.by == "day" else None)
    say("")
    for line in _notes(rows, total, asked):
        say(line)


def called(row: _Row, young_since: str | None = None) -> str:
    """What a row is called, with its mark; of a day also whether it is young."""
    name = _CALLED.get((row["by"], row["id"]), str(row["group"]))
    marks = (
        [words(MARKS, row["mark"])] if row["mark"] else ["young"] if young_since and row["id"] >= young_since else []
    )
    return plain(f"{name} ({marks[0]})" if marks else name)


def money(value: str | Decimal | None) -> str:
    """An amount with its thousands parted; nothing for none."""
    return "" if value is None else f"{Decimal(value):,f}"


def _parts(rows: Sequence[_Row], asked: Asking) -> Iterator[_Part]:
    if asked.by not in WITHOUT_COST:
        cost = [row for row in rows if _costs(row)]
        yield _Part("Does it earn? By what of its orders was delivered and collected.", _earning(asked), cost)
        yield _Part("What its platform claims of it, and returns on what was spent at each link.", _CLAIMS, cost)
    yield _Part("How far the money of its orders has come.", list(_of_links(asked)), rows)
    late = [row for row in rows if Decimal(row["open"]) or Decimal(row["young"])]
    yield _Part("What is still to come: an estimate by how it usually ends.", _OPEN, late)
    yield _Part("Orders and customers.", list(_of_customers(rows, asked)), rows)


def _costs(row: _Row) -> bool:
    return bool(row["verdict"] or Decimal(row["spend"]) or row["claimed_value"] is not None)


# -- columns


def _amount(name: str, heading: str = "", *, adds: bool = True) -> _Column:
    return _Column(heading or name, lambda row: money(row[name]), name if adds else "")


def _ratio(name: str, heading: str) -> _Column:
    return _Column(heading, lambda row: "" if row[name] is None else f"{Decimal(row[name]):,.2f}")


def _count(name: str, heading: str, *, adds: bool = False) -> _Column:
    return _Column(
        heading, lambda row: "" if row[name] is None else f"{Decimal(row[name]).normalize():,f}", name if adds else ""
    )


def _orders(name: str, heading: str, *, adds: bool = False) -> _Column:
    return _Column(heading, lambda row: f"{Decimal(row[name]):,.2f}", name if adds else "")


def _earning(asked: Asking) -> list[_Column]:
    found = [
        _amount("spend", "spent"), _Column("true return", _true_return), _ratio("poas", "POAS"), _amount("cm4", "after ads", adds=False),
    ]  # fmt: skip
    if asked.of_period:
        return found
    more = _Column(
        "more", lambda row: f"{row['more_orders']:,}" if row["verdict"] == "unsure" and row["more_orders"] else ""
    )
    verdict = _Column("verdict", lambda row: _VERDICTS.get(row["verdict"] or "", ""), width=_VERDICT_WIDTH)
    return [*found, verdict, more]


def _true_return(row: _Row) -> str:
    if row["true_roas"] is None:
        return ""
    low, high = row["true_roas_low"], row["true_roas_high"]
    span = "" if low is None else f" ({Decimal(low):,.2f}-{Decimal(high):,.2f})"
    return f"{Decimal(row['true_roas']):,.2f}{span}"


_CLAIMS = (
    _amount("claimed_value", "claimed"), _ratio("overclaim", "over-\nclaim"), _ratio("platform_roas", "claimed\nreturn"),
    _ratio("placed_roas", "placed\nreturn"), _ratio("delivered_roas", "delivered\nreturn"), _ratio("banked_roas", "banked\nreturn"),
    _ratio("break_even_roas", "break\neven"),
)  # fmt: skip
_OPEN = (
    _amount("open"), _amount("expected", "usually\ncomes", adds=False), _amount("expected_low", "at least", adds=False),
    _amount("expected_high", "at most", adds=False), _amount("young", "placed on\nyoung days"),
)  # fmt: skip


def _of_links(asked: Asking) -> Iterator[_Column]:
    for one in (asked.link, *(one for one in _OF_LINKS if one != asked.link)):
        yield _amount(one)
    if asked.compare:
        yield _amount("compared", asked.compare.replace("_", "\n"))


def _of_customers(rows: Sequence[_Row], asked: Asking) -> Iterator[_Column]:
    yield _orders("orders", "orders", adds=True)
    if any(Decimal(row["by_shop"]) for row in rows):
        yield _orders("by_shop", "by the\nshop")
    if not asked.of_period:
        yield _count("customers_new", "new\nbuyers")
        yield _count("customers_returning", "came\nback")
    if asked.by not in WITHOUT_COST:
        yield _count("claimed_count", "orders\nclaimed")
        yield _amount("cost_per_order", "cost\neach", adds=False)
    if asked.by not in WITHOUT_COST and not asked.of_period:
        yield _amount("cac_placed", "CAC\nplaced", adds=False)
        yield _amount("cac", "CAC\ndelivered", adds=False)


# -- printing


def _print(part: _Part, total: _Row, by: str, young_since: str | None) -> None:
    headings = [column.heading for column in part.columns]
    broken = {by: _name_width(), **{column.heading: column.width for column in part.columns if column.width}}
    table = make_table(by, *headings, right=[c.heading for c in part.columns if not c.width], broken=broken)
    for row in part.rows:
        table.add_row(called(row, young_since), *(column.cell(row) for column in part.columns))
    if any(column.total for column in part.columns):
        table.add_row("total", *(column.cell(total) if column.total else "" for column in part.columns))
    print_wide(table)


def _name_width() -> int:
    least, most = _NAME_WIDTHS
    return min(max(get_terminal_size().columns - _FIGURES_WIDTH, least), most)


def _notes(rows: Sequence[_Row], total: _Row, asked: Asking) -> Iterator[str]:
    """What the figures are, each with its role; then what is to be known of these."""
    if asked.by not in WITHOUT_COST:
        if not any(_costs(row) for row in rows):
            yield "Nothing was spent in these days, as far as is known here. Bring it: twofold import spend FILE"
        else:
            yield from _EXPLAINED
    yield "For the business: all but what is claimed, its return and overclaim; these are for the algorithm."
    if total["claimed_of_placed"] is not None:
        share = f"{Decimal(total['claimed_of_placed']):,.2f}"
        yield f"All platforms together claim {money(total['claimed_value'])}: {share} of all that was placed."
    if unsure := sum(row["customers_new_unsure"] for row in rows):
        yield f"Not for certain new: {unsure:,} of {sum(row['customers_new'] for row in rows):,} new buyers; earlier orders of theirs may be unknown."
    if total["young_days"]:
        yield (
            f"Days since {total['young_since']} are young: nine tenths of the money take up to {total['young_days']} days, so what came of "
            "their orders is only so far."
        )


_EXPLAINED = (
    "true return: delivered and collected over spent, with where it would lie in nineteen of twenty such periods. POAS: contribution "
    "before ads over spent. after ads: contribution less spent.",
    "verdict: cannot be said yet inside the noise; more: so many more orders would decide. break even: a delivered return below it loses. "
    "overclaim: claimed over placed. CAC: spent for each new buyer.",
)
