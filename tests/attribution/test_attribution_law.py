"""The law of attribution over small ledgers: whatever is asked, credits are the chain's totals of the same orders, whole.

Orders of two currencies, refunded in part or whole, free, partly paid with gift cards, replaced; spend of two accounts with
one campaign name, with ids and without, renamed. Later spend, another order of telling and telling twice move nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.attribution.reference import Credited, credited, path_for, table
from tests.attribution.rule_models import MODELS
from tests.attribution.test_table import ASKED, came_by, day_of
from tests.reconcile.test_chain_example import COSTS, DAYS, march, move, parcel
from tests.reconcile.test_chain_example import order as bought
from tests.strategies import law
from twofold.attribution.figures import closed_column
from twofold.attribution.markov import collapsed
from twofold.attribution.paths import DAY_S, PathTouch
from twofold.attribution.period import PERIOD_MODELS, Refused, period_paths, share_period
from twofold.attribution.reading import _costs
from twofold.attribution.spend import Adverts
from twofold.attribution.table import BY, LINKS, OF_ORDERS, Asked, Group, Line, deductions, group_of
from twofold.ledger.lines import Cost, Rate, Spend
from twofold.ledger.spend import counted
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import customers, first_delivered
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.report import accounts_of, deductions_of, report_chain
from twofold.reconcile.chain.rows import Link
from twofold.reconcile.chain.told import Asked as ChainAsked
from twofold.reconcile.chain.told import Told
from twofold.reconcile.chain.values import ZERO, At, Order, Rules
from twofold.reconcile.exchange import Exchange

D = Decimal
CHAIN = ChainAsked(since="2026-03-01", until="2026-03-12", as_of=march(12))
NAMES = ["Spring", "Autumn", "Nowhere", ""]
SOURCES = ["facebook", "facebook", "facebook", "google", "mail", "unattributed:no_browser", "(small)", ""]
VISITS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(SOURCES), st.sampled_from(NAMES),
                            st.sampled_from(["", "", "11111", "99999"]), st.booleans()), max_size=3)  # fmt: skip
SALES = st.lists(
    st.tuples(
        st.integers(1, 11), st.decimals(0, 1500, places=2), st.sampled_from(["GEL", "USD"]),
        st.sampled_from([ZERO, D("0.5"), D(1)]), st.sampled_from(["open", "delivered", "refused", "cancelled"]),
        st.booleans(), st.booleans(), VISITS,
    ),
    max_size=6,
)  # fmt: skip
ADS = st.lists(
    st.builds(
        Spend, source=st.just("meta"), account=st.sampled_from(["", "act_1", "act_2"]), level=st.just("campaign"),
        day=st.sampled_from([f"2026-03-{day:02}" for day in range(1, 10)]), campaign=st.sampled_from(NAMES[:2]),
        campaign_id=st.sampled_from(["", "11111", "22222"]), currency=st.sampled_from(["GEL", "USD"]),
        amount=st.decimals(0, 99, places=2),
    ),
    max_size=6,
)  # fmt: skip


SPRING = Spend(source="meta", account="act_1", level="campaign", day="2026-03-02", campaign="Spring", campaign_id="11111",
               currency="USD", amount=D("9.00"))  # fmt: skip
NAMED = (5, D("100.00"), "USD", D("0.5"), "delivered", False, False, [(1, "facebook", "Spring", "", True)])
BY_BOTH = (6, D("40.00"), "GEL", ZERO, "open", True, False, [(1, "facebook", "Spring", "11111", True)])


def desk() -> Desk:
    """Of the first four orders it is known what their goods cost, of others not: some contributions are unknown, some below nothing."""
    rates = Exchange.of([Rate(source="nbg", day="2026-03-01", currency="USD", per=3, rate=D("8.1234"), base="GEL")])
    costs = [*COSTS, *(Cost(sku=str(n), since="2026-01-01", amount=D("30.05"), currency="GEL") for n in range(4))]
    return Desk(rules=Rules(currency="GEL", vat=D(18)), rates=rates, costs=Costs(costs, rates), days=DAYS)


def sale(n: int, told: tuple) -> Order:  # type: ignore[type-arg]
    day, total, currency, back, outcome, gift, replaces, _ = told
    words = parcel(str(n), ("in_transit", day), (outcome, day + 1)) if outcome in ("delivered", "refused") else ()
    one = bought(str(n), day, str(total), "card", words=words, refunded=(total * back).quantize(D("0.01")))
    cancelled = march(day, 14) if outcome == "cancelled" else None
    vouchers = (total / 4).quantize(D("0.01")) if gift else ZERO
    return replace(one, currency=currency, cancelled_at=cancelled, vouchers=vouchers,
                   replaces=str(n - 1) if replaces and n else "", buyer=str(n % 2))  # fmt: skip


def ledger(sales: list) -> Told:  # type: ignore[type-arg]
    orders = [sale(n, told) for n, told in enumerate(sales)]
    moves = {
        o.key: [replace(move("charge", str(o.total), DAYS.of(o.placed_at) - DAYS.of(march(1)) + 1, "1.11"), line=o.key, currency=o.currency)]
        for o in orders if o.total and o.cancelled_at is None
    }  # fmt: skip
    return Told(orders=orders, moves=moves, bought=[])


def visits(placed_at: int, told: list) -> list[PathTouch]:  # type: ignore[type-arg]
    words = [
        {"at": placed_at - days * DAY_S - n, "source": source, "medium": "cpc" if paid else "", "campaign": name, "campaign_id": identity}
        for n, (days, source, name, identity, paid) in enumerate(told)
    ]  # fmt: skip
    return sorted((touch for one in words for touch in came_by(**one)), key=lambda t: t.at)  # type: ignore[arg-type]


def credited_of(told: Told, sales: list) -> list[Credited]:  # type: ignore[type-arg]
    accounts, _ = accounts_of(told, CHAIN, desk())
    kinds, first = customers(told.bought, 90), first_delivered(told.bought)
    items = (("none", D(1)), ("", D(2)), ("unattributed:no_order", ZERO))
    return [
        credited(a, visits(a.order.placed_at, sales[int(a.order.order_id)][-1]), kinds, first, items=items)
        for a in accounts
    ]


def lines_of(orders: list[Credited], ads: list[Spend], asked: Asked, memory: int) -> list[Line]:
    rows = counted(ads)
    adverts, costs = Adverts(rows), _costs(rows, asked.by, desk())
    if asked.model not in PERIOD_MODELS:
        return table(orders, asked, adverts, costs, day_of)
    names: dict[str, Group] = {}

    def key_of(touch: PathTouch) -> str:
        group = group_of(touch, asked.by, adverts, day_of(touch.at), "")
        names[group.key] = max(names.get(group.key, group), group)
        return group.key

    won: dict[tuple[Hashable, ...], int] = defaultdict(int)
    for order in orders:
        if path_for(order, asked):
            won[collapsed([key_of(touch) for touch in path_for(order, asked)])] += 1
    paths = period_paths(won, {("mail",): 40, ("meta:11111", "mail"): 33})
    rule = table(orders, replace(asked, model="last"), adverts, costs, day_of)
    return share_period(paths, rule, asked, costs, names, memory)


def shown(lines: list[Line]) -> list[object]:
    return [(one.group, one.orders, one.amounts, one.cost) for one in lines]


@law
@example([NAMED, BY_BOTH], [SPRING], [replace(SPRING, campaign_id="22222")], "last", "campaign", "all", 1)
@given(SALES, ADS, ADS, st.sampled_from([*sorted(MODELS), *PERIOD_MODELS]), st.sampled_from([*BY, *["campaign"] * 6]),
       st.sampled_from(["all", "collapse", "unique"]), st.integers(1, 3))  # fmt: skip
def test_credits_are_the_chain_s_totals_and_stay(
    sales: list,
    ads: list[Spend],
    later: list[Spend],
    model: str,
    by: str,
    repeats: str,
    memory: int,  # type: ignore[type-arg]
) -> None:
    by = "campaign" if model in PERIOD_MODELS and by in (*OF_ORDERS, "day") else by
    asked = replace(ASKED, model=model, by=by, repeats=repeats)
    told = ledger(sales)
    orders = credited_of(told, sales)
    try:
        lines = lines_of(orders, ads, asked, memory)
    except Refused:
        assert model in PERIOD_MODELS
        assert not any(o.touches for o in orders)
        return
    assert len({line.group.key for line in lines}) == len(lines)
    _adds_up(lines, orders, told)
    without = sum(not o.touches for o in orders)
    if by not in OF_ORDERS:
        assert sum(line.orders for line in lines if line.group.mark == "no_browser") == without
    assert shown(lines_of(orders[::-1], ads[::-1], asked, memory)) == shown(lines)
    restated = [replace(row, amount=row.amount + 1) for row in ads]
    known = {row.campaign for row in ads}
    renamed = [replace(row, day="2026-03-12") for row in later if row.campaign in known]  # after the last order
    assert _credits(lines_of(orders, restated + renamed, asked, memory)) == _credits(lines)


def _credits(lines: list[Line]) -> dict[str, object]:
    return {line.group.key: (line.orders, line.amounts) for line in lines if line.orders}


def _adds_up(lines: list[Line], orders: list[Credited], told: Told) -> None:
    for link in LINKS:
        whole = sum((o.amounts.get(link, ZERO) for o in orders), ZERO)
        assert sum((line.amounts[link] for line in lines), ZERO) == whole, link
    assert sum(line.orders for line in lines) == len(orders)
    loose, _ = deductions_of(told, CHAIN, desk())
    all_ = [*lines, deductions(sum((m.net for m in loose if m.place is At.BANKED), ZERO))]
    chain = {row.link: row.amount for row in report_chain(told, CHAIN, desk()).rows if isinstance(row, Link)}
    for link in ("placed", "confirmed", "delivered", "banked"):
        assert sum(closed_column([line.amounts[link] for line in all_], "GEL")) == chain[link], link
