"""The table of attribution against the worked example of eight orders, and its laws."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.attribution.reference import Credited, credited, table
from tests.attribution.rule_models import MODELS
from tests.reconcile.test_chain_example import EARLIER, MOVES, ORDERS, desk, march
from tests.strategies import law
from twofold.attribution.figures import closed_column, figures_of
from twofold.attribution.markov import Outcome
from twofold.attribution.paths import PathTouch, touches_from
from twofold.attribution.period import paths_of_nobody, share_period
from twofold.attribution.spend import Adverts
from twofold.attribution.table import BY, LINKS, OF_ORDERS, Asked, Cost, Line, verdict_word
from twofold.ledger.lines import Spend
from twofold.reconcile.chain.customers import Bought, customers, first_delivered
from twofold.reconcile.chain.report import accounts_of
from twofold.reconcile.chain.told import Asked as ChainAsked
from twofold.reconcile.chain.told import Told
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen

D = Decimal
ZONE = timezone(timedelta(hours=4))
SPEND = [
    Spend(source="meta", account="act_1", level="campaign", day="2026-03-05", campaign_id="120001", campaign="Spring",
          currency="GEL", amount=D("108.00")),
]  # fmt: skip
ASKED = Asked(since="2026-03-01", until="2026-03-12", model="last_paid", click_days=30, currency="GEL")


def day_of(at: int) -> str:
    return datetime.fromtimestamp(at, ZONE).date().isoformat()


def came_by(at: int, who: str = "a", **told: str) -> list[PathTouch]:
    return touches_from([Seen(who, repr(told), Touch(at=at, kind=TouchKind.VISIT, **told))])  # type: ignore[arg-type]


META = {"source": "facebook", "medium": "paid_social", "campaign": "Spring", "campaign_id": "120001"}


@pytest.fixture(scope="module")
def orders() -> list[Credited]:
    """The example's accounts; Meta's click is the last paid one of A1, A2, A4, A5 and A8, the others came by themselves."""
    bought = [
        Bought(key=o.key, buyer=o.buyer, placed_at=o.placed_at, counts=o.cancelled_at is None,
               delivered=o.order_id in ("A1", "A2", "A3", "A6", "A8"))
        for o in ORDERS
    ]  # fmt: skip
    told = Told(orders=ORDERS, moves=MOVES, bought=[*bought, *EARLIER])
    accounts, _ = accounts_of(told, ChainAsked(since=ASKED.since, until=ASKED.until, as_of=march(12)), desk())
    kinds, first = customers(told.bought, 90), first_delivered(told.bought)
    by_meta = {"A1", "A2", "A4", "A5", "A8"}
    return [
        credited(a, came_by(a.order.placed_at - 3600, **META) if a.order.order_id in by_meta else (), kinds, first)
        for a in accounts
    ]


def lines_of(orders: list[Credited], asked: Asked = ASKED, costs: dict[str, Cost] | None = None) -> dict[str, Line]:
    return {line.group.key: line for line in table(orders, asked, Adverts(SPEND), costs or {}, day_of)}


def test_the_worked_example(orders: list[Credited]) -> None:
    cost = Cost(spend=D("108.00"), claimed_value=D("486.00"))  # 180.00 USD at 2.7000
    lines = lines_of(orders, costs={"meta:120001": cost})
    meta, rest = lines["meta:120001"], lines["unattributed:no_browser"]
    assert {link: str(meta.amounts[link]) for link in LINKS} == {
        "placed": "555.00", "confirmed": "460.00", "delivered": "310.00", "true": "200.00", "banked": "180.00", "margin": "106.51",
    }  # fmt: skip
    assert meta.orders == 5
    found = figures_of(meta, "GEL", D("0.95"))
    expected = {
        "platform_roas": "4.5000", "placed_roas": "5.1389", "delivered_roas": "2.8704", "true_roas": "1.8519",
        "banked_roas": "1.6667", "poas": "0.9862", "cm4": "-1.49", "break_even_roas": "2.9105", "cac_placed": "27.00", "cac": "54.00",
    }  # fmt: skip
    assert {name: str(getattr(found, name)) for name in expected} == expected
    assert meta.verdict is not None
    assert meta.verdict.says == "unsure"  # five orders decide nothing
    assert sum((line.amounts["placed"] for line in lines.values()), D(0)) == D("885.00")
    assert str(rest.amounts["banked"]) == "198.80"
    assert rest.open == D("70.00")


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_grouping_adds_up_to_the_chain(orders: list[Credited], by: str, model: str) -> None:
    with_items = [replace(o, items=(("a", D("1.00")), ("b", D("2.00"))), country="GE") for o in orders]
    lines = lines_of(with_items, replace(ASKED, by=by, model=model)).values()
    for link, whole in (("placed", "885.00"), ("delivered", "520.00"), ("banked", "378.80"), ("margin", "170.28")):
        assert sum((line.amounts[link] for line in lines), D(0)) == D(whole), link
    assert sum(line.orders for line in lines) == 8


def order(n: int, at: int, *touches: PathTouch, **more: object) -> Credited:
    amounts = dict.fromkeys(LINKS, D("100.00"))
    return Credited(key=str(n), placed_at=at, day=day_of(at), amounts=amounts, touches=touches, **more)  # type: ignore[arg-type]


def test_a_campaign_by_id_by_name_and_by_nothing() -> None:
    noon = march(10)
    spend = [
        *SPEND,
        Spend(source="meta", level="campaign", day="2026-03-10", campaign_id="120002", campaign="Old name", currency="GEL", amount=D(5)),
        Spend(source="meta", level="campaign", day="2026-03-11", campaign_id="120002", campaign="New name", currency="GEL", amount=D(5)),
        Spend(source="meta", level="campaign", day="2026-03-11", campaign_id="120003", campaign="Old name", currency="GEL", amount=D(5)),
    ]  # fmt: skip
    paid = {"source": "facebook", "medium": "paid_social"}
    cases = [
        ({**paid, "campaign_id": "120001"}, "meta:120001", ""),
        ({**paid, "campaign": "Spring"}, "meta:120001", "by_name"),
        ({**paid, "campaign": "Old name"}, "meta:120002", "by_name"),  # on its day the name is one campaign's
        ({**paid, "campaign": "spring"}, "meta:", "no_tag"),  # exact, never guessed
        ({**paid, "campaign": "{{campaign.name}}"}, "meta:", "no_tag"),
        ({**paid, "campaign_id": "99999"}, "meta:99999", "id_without_spend"),
        ({"source": "newsletter", "medium": "email"}, "channel:email", ""),
    ]
    told = [order(n, noon, *came_by(noon - 60, **words)) for n, (words, _, _) in enumerate(cases)]
    adverts = Adverts(spend)
    asked = replace(ASKED, model="last", by="campaign")
    for one, (words, key, mark) in zip(told, cases, strict=True):
        (line,) = table([one], asked, adverts, {}, day_of)
        assert (line.group.key, line.group.mark) == (key, mark), words
    (renamed,) = table([told[2]], asked, adverts, {}, day_of)
    assert renamed.group.name == "New name"


def test_windows_and_reasons() -> None:
    noon = march(10)
    early, late = came_by(noon - 8 * 86_400, **META), came_by(noon + 60, **META)
    week = replace(ASKED, click_days=7)
    assert set(lines_of([order(1, noon, *early)], week)) == {"unattributed:no_touch_in_window"}
    assert set(lines_of([order(1, noon, *late)], week)) == {"unattributed:no_touch_in_window"}
    assert set(lines_of([order(1, noon, reason="consent")], week)) == {"unattributed:consent"}
    friend = came_by(noon - 60, referrer="blog.example")
    assert set(lines_of([order(1, noon, *friend)], week)) == {"unattributed:no_paid_touch"}


def test_a_cost_that_is_known_in_part_makes_no_figure() -> None:
    """Of two rows of spend one has no rate: the return would be that of the other's money alone."""
    cost = Cost(spend=D("10.00"), claimed_value=D("50.00"), unrated=True)
    noon = march(10)
    line = lines_of([order(1, noon, *came_by(noon - 3600, **META))], costs={"meta:120001": cost})["meta:120001"]
    found = figures_of(line, "GEL", D("0.95"))
    assert (found.true_roas, found.platform_roas, found.overclaim, found.poas, found.cm4, found.cac) == (None,) * 6
    assert verdict_word(line) == "no_costs"


def test_what_stands_on_few_paths_is_folded_with_its_cost() -> None:
    """Forty paths by mail and five each of two campaigns: the two are one row, with what both cost and what is open of them."""
    noon = march(10)
    orders = [order(n, noon, *came_by(noon - 3600, source="a"), open=D("10.00")) for n in range(8)]
    paths = {("mail",): Outcome(4, 36), ("a",): Outcome(2, 3), ("b",): Outcome(2, 3)}
    costs = {"a": Cost(spend=D(7), claimed_count=D(1)), "b": Cost(spend=D(5)), "c": Cost(spend=D(3))}
    asked = replace(ASKED, model="shapley_sum")
    told = table([*orders[:7], replace(orders[7], touches=())], replace(ASKED, model="last"), Adverts([]), {}, day_of)
    lines = {line.group.key: line for line in share_period(paths, told, asked, costs, {})}
    assert {key: (line.cost.spend, line.cost.claimed_count) for key, line in lines.items() if line.cost.spend} == {
        "(small)": (12, 1), "c": (3, None),
    }  # fmt: skip
    assert {key: line.amounts["placed"] for key, line in lines.items() if line.orders} == {
        "mail": 350, "(small)": 350, "unattributed:no_browser": 100,
    }  # fmt: skip
    assert {key: line.open for key, line in lines.items() if line.open} == {
        "mail": 35, "(small)": 35, "unattributed:no_browser": 10,
    }  # fmt: skip


def test_paths_that_led_nowhere_are_as_long_as_others_and_of_the_period() -> None:
    """Somebody whose first visit was nine days before the period; one whose last was before it, one who came after it too."""
    visits = {"long": (-9, 2), "before": (-9, -1), "later": (2, 12), "young": (11,)}
    start = march(1)
    signs = [
        SimpleNamespace(dataset="1", who=who, source_key=str(days), happened_at=start + days * 86_400, kind="visit",
                        source="google" if days < 0 else "news", medium="", campaign="", content="", term="", utm_id="",
                        click_kind="", campaign_id="", adset_id="", ad_id="", referrer_host="", landing_path="", device="")
        for who, all_ in visits.items() for days in all_
    ]  # fmt: skip
    told: dict[str, object] = {}

    def ask(_question: object, parameters: dict[str, object]) -> list[object]:
        told.update(parameters)
        return list(signs)

    found = paths_of_nobody(replace(ASKED, click_days=14), ask, lambda t: t.sourced.source, march(31), day_of, "1")
    assert found == {("google", "news"): 1, ("news",): 2}  # long; later and young
    assert told == {"since": "2026-02-14", "until": "2026-03-13", "dataset": "1"}
    early = paths_of_nobody(replace(ASKED, click_days=14), ask, lambda t: t.sourced.source, march(12), day_of)
    assert early == {}  # all may still lead to an order


def test_the_day_of_the_touch() -> None:
    """An order after the period is credited to a touch inside it, and one inside to none before it."""
    noon = march(13)
    inside, outside = came_by(noon - 86_400, **META), came_by(march(1) - 86_400, **META)
    asked = replace(ASKED, credit_day="touch", model="linear", by="channel")
    assert set(lines_of([order(1, noon, *inside)], asked)) == {"paid_social"}
    assert lines_of([order(1, noon, *inside)], replace(asked, credit_day="order")) == {}
    assert lines_of([order(2, march(1), *outside)], asked) == {}
    assert lines_of([order(3, noon)], asked) == {}


def test_customers_are_won_by_the_largest_credit() -> None:
    noon = march(10)
    touches = came_by(noon - 9 * 86_400, **META) + came_by(noon - 3600, source="google", medium="cpc", who="b")
    asked = replace(ASKED, model="linear", by="source")
    lines = lines_of([order(1, noon, *touches, kind="new", first_delivered=True, buyer="x")], asked)
    assert {key: (line.new, line.new_delivered) for key, line in lines.items()} == {
        "paid:meta": (1, 1),
        "paid:google": (0, 0),
    }
    again = [order(n, noon, *touches[1:], kind="returning", buyer="y") for n in range(3)]
    assert {key: line.returning for key, line in lines_of(again, asked).items()} == {"paid:google": 1}


MOVES_OF = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["facebook", "google", "news", ""])), max_size=5)


@law
@given(st.lists(st.tuples(MOVES_OF, st.decimals(0, 999, places=2)), max_size=6), st.sampled_from(sorted(MODELS)),
       st.sampled_from(["all", "collapse", "unique"]), st.sampled_from([b for b in BY if b not in OF_ORDERS]))  # fmt: skip
def test_credits_add_up_to_the_orders(
    told: list[tuple[list[tuple[int, str]], Decimal]], model: str, repeats: str, by: str
) -> None:
    """Under every model, grouping and reading of repeats; and a second look in another order gives the same."""
    noon = march(10)
    orders = []
    for n, (moves, amount) in enumerate(told):
        touches = touches_from([
            Seen("a", (days, source), Touch(at=noon - days * 86_400, kind=TouchKind.VISIT, source=source, medium="cpc" if source else ""))
            for days, source in moves
        ])  # fmt: skip
        orders.append(replace(order(n, noon, *touches), amounts=dict.fromkeys(LINKS, amount)))
    asked = replace(ASKED, model=model, repeats=repeats, by=by, click_days=30)
    lines = table(orders, asked, Adverts([]), {}, day_of)
    for link in LINKS:
        assert sum((line.amounts[link] for line in lines), D(0)) == sum((o.amounts[link] for o in orders), D(0))
    assert sum(line.orders for line in lines) == len(orders)
    again = table(orders[::-1], asked, Adverts([]), {}, day_of)
    assert [(line.group, line.amounts) for line in again] == [(line.group, line.amounts) for line in lines]


@law
@given(st.lists(st.decimals(-99, 99, places=4), max_size=8))
def test_a_column_adds_up_to_its_closed_sum(amounts: list[Decimal]) -> None:
    found = closed_column(amounts, "EUR")
    assert sum(found, D(0)) == sum(amounts, D(0)).quantize(D("0.01"))
    assert all(abs(a - b) < D("0.01") for a, b in zip(found, amounts, strict=True))
