"""The law of the statements: what the tables answer is what is worked out order by order, whatever is asked.

Nor does it matter in which parts of days and customers it is asked: these are drawn, too.

Small ledgers of two currencies with paths of every kind, spend with ids, without and renamed; every model, grouping, window, kind of
repeats and day of credit. Amounts are equal to the last digit; counts of orders to the ninth. The orders behind a row add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.attribution.reference import Credited, credited, table
from tests.attribution.rule_models import MODELS
from tests.attribution.test_attribution_law import ADS, SALES, SPRING, desk, ledger
from tests.attribution.test_table import ASKED, day_of
from tests.reconcile.tables import Tables
from tests.reconcile.test_chain_example import march
from tests.strategies import law_of
from twofold.attribution.paths import DAY_S, PathTouch
from twofold.attribution.reading import (
    BUCKET_ROWS,
    PART_ROWS,
    Parts,
    _Answers,
    _costs,
    _until,
    credits_asked,
    parts_of,
    shifted,
)
from twofold.attribution.report import credited_orders
from twofold.attribution.spend import Adverts
from twofold.attribution.table import BY, OF_ORDERS, Asked, Line, judged
from twofold.facts.engines.duckdb import view_of
from twofold.facts.tables import BY_NAME
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Spend
from twofold.ledger.spend import channel_of_spend, claimed, counted, platform_of_spend
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import customers, first_delivered
from twofold.reconcile.chain.report import accounts_of
from twofold.reconcile.chain.rows import closed
from twofold.reconcile.chain.told import Asked as ChainAsked
from twofold.reconcile.chain.told import Told
from twofold.reconcile.exchange import day_number, day_text
from twofold.reconcile.reading.whole import bought_of
from twofold.touch.channels import channel_of, is_paid
from twofold.touch.model import Touch, TouchKind

D = Decimal
AS_OF = march(12)
HISTORY_DAYS = 3
YOUNG = "2026-03-06"
WORDS = ["facebook", "google", "mail", "unattributed:no_browser", "paid:meta", "(small)", ""]
TOUCHES = st.lists(
    st.builds(
        dict,
        age=st.sampled_from([0, 1, 3599, DAY_S, 3 * DAY_S, 3 * DAY_S, 7 * DAY_S, 7 * DAY_S + 1, 12 * DAY_S, 40 * DAY_S]),
        kind=st.sampled_from([TouchKind.VISIT, TouchKind.VISIT, TouchKind.CHAT, TouchKind.CLICK]),
        source=st.sampled_from(WORDS), medium=st.sampled_from(["", "cpc", "cpc", "referral"]),
        campaign=st.sampled_from(["Spring", " Spring", "Autumn", "Nowhere", ""]),
        campaign_id=st.sampled_from(["", "", "11111", "99999"]), click=st.sampled_from(["", "", "gclid", "fbclid"]),
        landing=st.sampled_from(["", "/a"]), device=st.sampled_from(["phone", "unknown"]),
    ),
    max_size=6,
)  # fmt: skip
SAID = st.sampled_from([None, None, {"source": "google", "medium": "cpc"}, {"source": "", "medium": ""}])
ITEMS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", "none"]), st.integers(0, 5)), max_size=3, unique_by=lambda i: i[0]
)
ALL = "all"
ASKS = st.builds(
    dict, by=st.sampled_from([*BY, "campaign", "campaign"]), model=st.sampled_from([ALL, ALL, *sorted(MODELS)]),
    click_days=st.sampled_from([1, 7, 30, 60]), chat_days=st.sampled_from([3, 7]),
    repeats=st.sampled_from(["all", "collapse", "unique"]), credit_day=st.sampled_from(["order", "order", "touch"]),
    half_life_days=st.sampled_from([1, 7]), since=st.sampled_from(["2026-03-01", "2026-03-05"]),
    cuts=st.sampled_from([[], [], [1], [4], [3, 20]]), buckets=st.sampled_from([1, 1, 1, 2]),
)  # fmt: skip
"""``model``: one alone, or all in one question. ``cuts``: after so many days a part ends."""


def touches_of(placed_at: int, words: list[dict[str, Any]]) -> list[PathTouch]:
    told = [Touch(at=placed_at - w["age"], **{k: v for k, v in w.items() if k != "age"}) for w in words]
    return [PathTouch(touch, channel_of(touch)) for touch in sorted(told, key=lambda t: t.at)]


def spoken_of(placed_at: int, said: dict[str, Any] | None) -> list[Touch]:
    """What the shop says: another word first, and the last one counts."""
    words = [] if said is None else [{"source": "newsletter", "medium": "email"}, said]
    return [Touch(at=placed_at, kind=TouchKind.SHOP_SAYS, **one) for one in words]


def cut(asked: Asked, cuts: list[int], buckets: int) -> Parts:
    until = _until(asked)
    firsts = [asked.since, *(day for n in sorted(cuts) if (day := shifted(asked.since, n)) <= until)]
    return Parts(days=tuple(zip(firsts, [*(shifted(f, -1) for f in firsts[1:]), until], strict=True)), buckets=buckets)


def orders_of(told: Told, asked: Asked, paths: list[Any], desk: Desk) -> list[Credited]:
    until = asked.until if asked.credit_day == "order" or asked.by in OF_ORDERS else "2026-05-31"
    accounts, _ = accounts_of(told, ChainAsked(since=asked.since, until=until, as_of=AS_OF), desk)
    kinds, first = customers(told.bought, HISTORY_DAYS), first_delivered(told.bought)
    found = []
    for a in accounts:
        words, said, items = paths[int(a.order.order_id)]
        spoken = spoken_of(a.order.placed_at, said)
        found.append(credited(
            a, touches_of(a.order.placed_at, words), kinds, first, said=tuple(PathTouch(t, channel_of(t)) for t in spoken),
            items=tuple((sku, D(weight)) for sku, weight in sorted(items)), country="GE" if words else "",
            reason="no_touch_kept" if said else "no_browser",
        ))  # fmt: skip
    return found


def row_of_touch(touch: Touch, desk: Desk) -> dict[str, Any]:
    sourced, day = channel_of(touch), desk.days.of(touch.at)
    same = {name: getattr(touch, name) for name in (
        "source", "medium", "campaign", "content", "term", "utm_id", "campaign_id", "adset_id", "ad_id", "device", "country")}  # fmt: skip
    return {
        **same, "happened_at": touch.at, "touch_day": day_text(day), "kind": str(touch.kind), "click_kind": touch.click,
        "referrer_host": touch.referrer, "landing_path": touch.landing, "source_of": sourced.source, "medium_of": sourced.medium,
        "campaign_of": sourced.campaign, "platform": sourced.platform, "channel": sourced.channel, "paid": is_paid(sourced),
        "rule": sourced.rule, "conflict": sourced.conflict,
    }  # fmt: skip


def rows_of(told: Told, paths: list[Any], ads: Sequence[Spend], desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables beside those of lives."""
    rows: dict[str, list[dict[str, Any]]] = {"paths": [], "orders": [], "order_lines": [], "spend": []}
    for order in told.orders:
        words, said, items = paths[int(order.order_id)]
        common = {"day": day_of(order.placed_at), "dataset": "1", "order_row": order.row}
        touches = [touch.touch for touch in touches_of(order.placed_at, words)]
        for place, touch in enumerate([*touches, *spoken_of(order.placed_at, said)]):
            own = {"place": place, "age": order.placed_at - touch.at, "reason": ""}
            rows["paths"].append({**common, **row_of_touch(touch, desk), **own})
        if not touches:
            nobody = row_of_touch(Touch(at=order.placed_at, kind=TouchKind.VISIT), desk)
            reason = "no_touch_kept" if said else "no_browser"
            rows["paths"].append({**common, **nobody, "place": -1, "age": 0, "kind": "", "reason": reason})
        rows["orders"].append({**common, "country": "GE" if words else ""})
        rows["order_lines"] += [
            {**common, "line": n, "sku": sku, "price": D(weight), "quantity": D(1), "gift_card": False}
            for n, (sku, weight) in enumerate(items)
        ]
        # a gift card is no article: what it is paid for is bought with it later
        card = {"line": len(items), "sku": "CARD", "price": D(50), "quantity": D(1), "gift_card": True}
        rows["order_lines"].append({**common, **card})
    stand = {name_of(row) for row in counted(ads)}
    for row in ads:
        claim = claimed(row)
        rows["spend"].append({
            "day": row.day, "line": name_of(row).hex(), "source": row.source, "account": row.account, "level": row.level,
            "local_day": row.day, "campaign_id": row.campaign_id, "campaign": row.campaign.strip(), "adset_id": "", "adset": "",
            "ad_id": "", "ad": "", "currency": row.currency, "amount": row.amount, "platform": platform_of_spend(row.source),
            "channel": channel_of_spend(row), "claimed_value": claim and claim.value, "counts": name_of(row) in stand,
        })  # fmt: skip
    return rows


def shown(lines: list[Line], named: bool) -> list[object]:
    """All that a row is made of. ``named``: with single amounts, which the tables give of advertising only."""
    return [
        (
            one.group, round(one.orders, 9), round(one.by_shop, 9), one.amounts, one.open, one.young, one.expected, one.final_due,
            one.costed_due, one.new, one.unsure, one.new_delivered, one.returning, one.cost, {m: a for m, a in one.open_by_method.items() if a},
            *((one.verdict, one.true_interval, one.margins.n, sorted(one.margins.values), one.trues.n, sorted(one.trues.values))
              if named and not one.group.key.startswith(("unattributed:", "channel:")) else ()),
        )
        for one in lines
    ]  # fmt: skip


ONE = (5, D("100.00"), "GEL", D(0), "delivered", False, False, [])
PATH = [{"age": age, "kind": TouchKind.VISIT, "source": s, "medium": "cpc", "campaign": "Spring", "campaign_id": "", "click": "",
         "landing": "", "device": "phone"} for age, s in ((12 * DAY_S, "facebook"), (9, "google"), (4, "mail"))]  # fmt: skip
ODD, TWO, THREE = ((5, D(total), *ONE[2:]) for total in ("100.01", "100.02", "100.03"))
BACK = (*ONE[:4], "refused", *ONE[5:])
SAYS = {"source": "google", "medium": "cpc"}
UNPAID = [{**touch, "medium": "referral"} for touch in PATH]
EDGE = [{**PATH[0], "age": 7 * DAY_S + 1}, {**PATH[1], "age": 7 * DAY_S}]
ALIKE = [{**touch, "age": 60} for touch in PATH]
SEVEN = [{**PATH[0], "age": n * DAY_S + 31 * n, "source": source}
         for n, source in zip((13, 11, 8, 8, 5, 2, 1), ("facebook", "google", "mail", "tiktok", "bing", "x", "y"), strict=True)]  # fmt: skip
LONG = (5, D("123456789012.34"), *ONE[2:])
# What is left of these goes to whom no other of the five would do instead: every two of them are told apart.
FIVES = [(SEVEN[:5], D(cents) / 100) for cents in (10007, 10014, 10030, 10035, 10269)]
FIVES += [([{**touch, "age": 60} for touch in SEVEN[:5]], D(cents) / 100) for cents in (10001, 10002, 10003, 10004)]
FIVES += [
    ([{**touch, "age": 60} for touch in SEVEN], D("100.00"))
]  # of more, too, the first of alike ones is the largest


@law_of(45)  # most of its time goes into the plans of its questions, and each question answers for every model
@example([ONE], [SPRING], [(EDGE, None, [])], {"by": "source", "model": "linear", "click_days": 7})
@example([(12, *ONE[1:])], [SPRING], [(PATH, None, [])], {"by": "source", "model": "linear", "click_days": 30})
@example([ONE, (9, *ONE[1:])], [SPRING], [(PATH, None, [])] * 2, {"by": "new_or_returning", "model": "linear"})
@example(
    [ONE],
    [SPRING, replace(SPRING, campaign_id="22222")],
    [([{**PATH[0], "age": 60}], None, [])],
    {"by": "campaign", "model": "last", "click_days": 30},
)  # two had the name before: it is neither's
@example([ONE], [SPRING], [(ALIKE, None, [])], {"by": "source", "model": "time_decay", "click_days": 30})
@example(
    [ONE],
    [SPRING],
    [(PATH, None, [])],
    {"by": "campaign", "model": "linear", "click_days": 30, "cuts": [5], "buckets": 2},
)
@example([ONE], [SPRING], [(PATH, None, [])], {"by": "source", "model": "time_decay", "click_days": 30})
@example(
    [ODD, ODD],
    [SPRING],
    [(PATH[:2], None, []), (ALIKE[:2], None, [])],
    {"by": "source", "model": "time_decay", "click_days": 30},
)  # of two who is nearer to the cent that is left, and of two alike the first
@example(
    [TWO, THREE], [SPRING], [(PATH, None, [])] * 2, {"by": "source", "model": "position", "click_days": 30}
)  # two cents are left for the ends; one for who stands between
@example(
    [ODD, TWO, THREE, LONG, LONG],
    [SPRING],
    [(SEVEN, None, []), (SEVEN[2:6], None, []), (SEVEN[:5], None, []), (PATH, None, []), (SEVEN[:5], None, [])],
    {"by": "source", "model": "time_decay", "click_days": 30},
)  # more than five share one; four and five; and amounts that are too long for numbers of 64 bits
@example(
    [(5, total, *ONE[2:]) for _, total in FIVES],
    [SPRING],
    [(path, None, []) for path, _ in FIVES],
    {"by": "source", "model": "time_decay", "click_days": 30},
)
@example([ONE], [SPRING], [(UNPAID, None, [])], {"by": "source", "model": "last_paid", "click_days": 30})
@example([BACK], [SPRING], [(PATH, None, [])], {"by": "campaign", "model": "last_paid", "click_days": 30})
@example([ONE], [SPRING], [([], SAYS, [("a", 5)])], {"by": "product", "model": "last", "click_days": 7})
@example([ONE], [SPRING], [([], SAYS, [])], {"by": "source", "model": "linear", "click_days": 7})
@given(SALES, ADS, st.lists(st.tuples(TOUCHES, SAID, ITEMS), min_size=6, max_size=6), ASKS)
def test_tables_answer_what_orders_add_up_to(
    sales: list[Any], ads: list[Spend], paths: list[Any], words: dict[str, Any]
) -> None:
    words = {"cuts": [], "buckets": 1} | words
    cuts, buckets, model = words.pop("cuts"), words.pop("buckets"), words.pop("model")
    office, asked = desk(), replace(ASKED, **words)
    told = ledger(sales)
    # the second is told when keys of earlier orders were forgotten
    orders = [replace(one, row=n, unsure=n == 2) for n, one in enumerate(told.orders, 1)]
    told = replace(told, orders=orders, bought=[bought_of(one) for one in orders])
    ads = list({name_of(row): row for row in ads}.values())
    tables = Tables(told, office, day_number("2026-02-20"), day_number("2026-04-10"), rows_of(told, paths, ads, office))
    adverts, costs = Adverts(counted(ads)), _costs(counted(ads), asked.by, office)
    models = sorted(MODELS) if model == ALL else [model]
    answers = _Answers(tables.ask, asked, models, AS_OF, "", HISTORY_DAYS, cut(asked, cuts, buckets), YOUNG)
    credited = orders_of(told, asked, paths, office)
    for name, under in zip(answers.models, models, strict=False):
        of_model = replace(asked, model=under)
        got = judged(answers.lines(name, adverts, costs), of_model, answers.usual(), None, lambda _: True)
        expected = table(credited, of_model, adverts, costs, day_of, young_since=YOUNG)
        named = asked.by not in OF_ORDERS
        assert [line.group.key for line in got] == [line.group.key for line in expected]
        for one, other in zip(shown(got, named), shown(expected, named), strict=True):
            assert one == other, (under, one, other)
    for line in [line for line in expected if line.orders][:2]:
        behind = credited_orders(
            of_model, line.group.key, "orders", AS_OF, tables.ask, history_days=HISTORY_DAYS, most=99
        )
        whole = sum((D(row["amount"]) for row in behind.rows), D(0))
        assert behind.part == f"{D(line.orders.numerator) / line.orders.denominator:.4f}"
        assert D(behind.amount) == closed(line.amounts["placed"], asked.currency)
        assert abs(whole - line.amounts["placed"]) <= D("0.01") * len(behind.rows)
        assert len({row["order_id"] for row in behind.rows}) == behind.orders == len(behind.rows) >= line.orders


def test_days_are_put_together_by_their_rows() -> None:
    a_day = PART_ROWS // 2
    rows = {"2026-03-02": a_day, "2026-03-03": a_day, "2026-03-04": 1, "2026-03-07": 5 * PART_ROWS, "2026-03-08": 1}
    asked = replace(ASKED, since="2026-03-01", until="2026-03-31")
    parts = parts_of(asked, [SimpleNamespace(day=day, told=told) for day, told in rows.items()])
    assert parts.days == (
        ("2026-03-01", "2026-03-03"), ("2026-03-04", "2026-03-06"), ("2026-03-07", "2026-03-07"), ("2026-03-08", "2026-03-31"),
    )  # fmt: skip
    assert parts.buckets == -(-(6 * PART_ROWS + 2) // BUCKET_ROWS) > 1
    for rest, parted in ((PART_ROWS // 8, 1), (PART_ROWS // 8 + 1, 2)):
        rows = {"2026-03-02": a_day, "2026-03-03": a_day, "2026-03-04": rest}
        found = parts_of(asked, [SimpleNamespace(day=day, told=told) for day, told in rows.items()]).days
        assert (len(found), found[0][0], found[-1][1]) == (parted, "2026-03-01", "2026-03-31")
    assert parts_of(asked, []).buckets == 1
    assert parts_of(asked, []).days == (("2026-03-01", "2026-03-31"),)


def test_a_row_of_more_orders_than_a_small_shop_ever_has_adds_up() -> None:
    """An order is 10^12 parts: some ten thousand in one row are more than an amount of money has digits for."""
    many = 20_000
    told = {"day": "'2026-03-02'", "dataset": "'1'", "order_row": "1 + i", "station": "'delivered'", "method": "'card'", "week": "''",
            "from_at": "0", "until_at": "9999999999", "cm3": "1.25", "confirmed": "true", "is_delivered": "true"}  # fmt: skip
    money = {"total": "9.99", "due": "9.99", "collected": "9.99", "banked": "9.5"}
    columns = ", ".join(
        f"cast({told.get(c.name) or money.get(c.name, 'null')} as {c.type}) as {c.name}"
        for c in BY_NAME["lives"].columns
    )
    asked = replace(ASKED, since="2026-03-01", until="2026-03-31", by="campaign")
    parts = Parts(days=((asked.since, asked.until),))
    with duckdb.connect(":memory:") as db:
        for name, of in BY_NAME.items():
            made = f"create view lives as select {columns} from range({many}) as r(i)"
            db.execute(made if name == "lives" else view_of(of, []))
        for name in ("credit_sums", "credits_by_day"):
            (question,) = credits_asked(asked, ["linear", "time_decay"], AS_OF, name, parts)
            rows = db.execute(question.question.sql, question.parameters).fetchall()
            found = [dict(zip(question.question.answers, row, strict=True)) for row in rows]
            assert [row["grp"] for row in found] == ["unattributed:no_touch_in_window"] * 2
            for row in found:
                assert row["orders"] == many * 10**12
                assert [row[c] for c in ("placed", "delivered", "kept", "banked", "margin")] == [
                    many * each for each in (999, 999, 999, 950, 125)
                ]
