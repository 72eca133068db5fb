"""Which side fell silent, where two faults are at once: two weeks of a shop's Purchases, its last three days struck.

Each day has twenty orders, told by page and server under one id. What is struck is counted by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, SERVER, appended, copy
from twofold.report.period import journal_of
from twofold.router.finding import Kind
from twofold.router.rules.reading import Copies, Purchase, Signals, ToldPurchase, read_signals
from twofold.router.rules.sides import findings_of_shares

AT, DAY_MS, DAYS, ORDERS = NOW // 1000, 86_400_000, 3, 20
CART, THANKS = "https://shop.example/cart", "https://shop.example/thanks"
PAGES = {True: 40, False: 16}


def purchases(channels: int, count: int, day: int, *, order: bool, number: str | None = None) -> list[Purchase]:
    at = NOW - day * DAY_MS - 1_000
    first = sum(map(ord, f"{channels}{day}{order}{number}")) * 10_000
    return [
        Purchase(first + n, at, "1", channels, "granted", number, first + n if order else None, "10", "EUR", "website")
        for n in range(count)
    ]


def told(page: str, count: int, number: str | None = None) -> list[ToldPurchase]:
    event = replace(copy("of-the-page", BROWSER, order=number), event_source_url=page)
    return [ToldPurchase(n, NOW - 1_000, "1", "tag", "browser", event, None, None) for n in range(count)]


def kinds(
    *,
    silent: int = 0,
    unseen: int = 0,
    apart: int = 0,
    button: int = 0,
    number: str | None = None,
    pages_fell: bool = False,
) -> list[Kind]:
    """Of a day's orders: ``silent`` that the server does not tell, of the rest ``unseen`` that no page tells, and ``apart`` that
    pages tell under an id and ``number`` of their own; ``button``: Purchases of cart pages besides."""
    rows, copies = list[Purchase](), list[ToldPurchase]()
    for day in range(14):
        struck = day < DAYS
        s, u, a, b = (silent, unseen, apart, button) if struck else (0, 0, 0, 0)
        rows += purchases(3, ORDERS - s - u - a, day, order=True, number="5001") + purchases(2, u + a, day, order=True)
        rows += purchases(1, s, day, order=False, number="5002") + purchases(
            1, a, day, order=False, number=number or ""
        )
        rows += purchases(1, b, day, order=False)
        if struck:
            copies += told(THANKS, s, "5002") + told(THANKS, a, number) + told(CART, b)
    cells = [Copies("1", "AddToCart", "tag", "browser", day, n, 0, 0, 0, 0, n, 0)
             for day in range(14) if (n := PAGES[not (pages_fell and day < DAYS)])]  # fmt: skip
    signals = Signals(
        now=AT, purchases=rows, copies=cells, told=copies, carts=frozenset({"/cart"}), codes=[], visits=[]
    )
    return [f.kind for f in findings_of_shares(signals)]


@pytest.mark.parametrize(
    ("struck", "found"),
    [
        ({}, []),
        ({"silent": 13}, [Kind.NO_SERVER]),
        ({"unseen": 13}, [Kind.NO_BROWSER]),
        ({"apart": 13}, [Kind.NOT_MEETING]),
        ({"apart": 13, "number": "T9"}, [Kind.ORDER_UNKNOWN]),
        ({"button": 13}, [Kind.BUTTON]),
        ({"silent": 13, "apart": 7, "number": "T9"}, [Kind.NO_SERVER, Kind.ORDER_UNKNOWN]),
        ({"silent": 8, "unseen": 9}, [Kind.NO_SERVER, Kind.NO_BROWSER]),
        ({"button": 13, "unseen": 12}, [Kind.BUTTON, Kind.NO_BROWSER]),
        ({"button": 13, "unseen": 12, "pages_fell": True}, [Kind.BUTTON, Kind.BLOCKED]),
        ({"button": 13, "apart": 12}, [Kind.NOT_MEETING, Kind.BUTTON]),
    ],
)  # fmt: skip
def test_each_side_that_is_struck_is_named_and_no_other(struck, found):
    assert kinds(**struck) == found


def test_a_robots_purchase_that_waits_for_an_order_is_no_shoppers(tmp_path):
    """Nothing was kept back as a robot's yet: its copies say so. One that a shopper's browser told too is the shopper's."""
    told_ = [
        replace(copy(event_id, channel, at=NOW - 60_000 + n, value=None), bot=bot)
        for n, (event_id, channel, bot) in enumerate(
            [("robot", BROWSER, "crawler"), ("robot", BROWSER, "crawler"), ("shopper", BROWSER, None), ("both", BROWSER, "crawler"),
             ("both", BROWSER, None), ("of-a-server", SERVER, "crawler")]
        )
    ]  # fmt: skip
    folder: Path = tmp_path / "data"
    appended(folder, told_, at=NOW - DAY_MS, destinations=())
    with journal_of(folder) as journal:
        signals = read_signals(journal, AT, None)
    assert [p.channels for p in signals.purchases] == [1, 1, 2]
    assert sorted(t.event.event_id for t in signals.told) == ["of-a-server", "shopper"]
