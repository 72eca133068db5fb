"""One day in March as four report it: the bridges of the worked example, to the cent, with ids and without."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from twofold.reconcile.day.ga4 import bridge_ga4
from twofold.reconcile.day.meta import bridge_meta
from twofold.reconcile.day.own import bridge_log, bridge_shop, log_report, shop_report
from twofold.reconcile.day.values import Bridge, DayOrder, Report, Sent

D = Decimal
TBILISI, LOS_ANGELES = ZoneInfo("Asia/Tbilisi"), ZoneInfo("America/Los_Angeles")
RATE = D("2.7000")


def at(clock: str, day: int = 10) -> int:
    return int(datetime.fromisoformat(f"2026-03-{day:02d}T{clock}").replace(tzinfo=TBILISI).timestamp())


def on(zone: ZoneInfo):
    return lambda when: datetime.fromtimestamp(when, zone).date().isoformat() == "2026-03-10"


UNTIL = at("12:00", 14)


def order(number: str, clock: str, total: str, day: int = 10, *, shipping: str = "7.00", sale: str = "web",
          state: str = "delivered", reason: str = "", browser: bool = True, consent: str = "granted", click: bool = False,
          second: str = "", **more) -> DayOrder:  # fmt: skip
    placed = at(clock, day)
    left_out = {"shipping": D(shipping)} if D(shipping) else {}
    sent = D(total) - D(shipping)
    actions = [
        Sent(action=int(number), at=placed, told=D(total), state=state, reason=reason, browser=browser, consent=consent,
             value=sent if state == "delivered" else None, click_at=placed - 86_400 if click else None, order=number)
    ]  # fmt: skip
    if second:
        actions.append(
            Sent(action=9000 + int(number), at=placed, told=D(second), value=D(second), state="delivered", browser=True,
                 consent=consent, click_at=placed - 86_400 if click else None, order=number)
        )  # fmt: skip
    return DayOrder(key=f"1/{number}", order_id=number, number=number, placed_at=placed, total=D(total), sale=sale,
                    actions=tuple(actions), parts={"shipping": D(shipping)}, left_out=left_out, visited=True, **more)  # fmt: skip


ORDERS = [
    order("1001", "09:12", "120.00"),
    order("1002", "10:40", "80.00"),
    order("1003", "11:05", "200.00", shipping="0", click=True),
    order("1004", "12:30", "60.00", sale="chat", browser=False),
    order("1005", "13:15", "150.00", state="suppressed", reason="consent_denied", consent="denied"),
    order("1006", "14:02", "95.00", state="suppressed", reason="order_cancelled", cancelled_at=at("14:20")),
    order("1007", "15:20", "1.00", state="suppressed", reason="test_order", test=True),
    order("1008", "16:45", "110.00", browser=False),
    order("1009", "18:30", "300.00", shipping="0", click=True, second="300.00"),
    order("1010", "23:40", "70.00"),
    order("1011", "00:30", "90.00"),
    order("1012", "08:10", "130.00", day=11),
]
META_SAYS = Report(
    source="meta", count=4, amount=D("340.00") * RATE, original_amount=D("340.00"), original_currency="USD",
    zone="America/Los_Angeles", window="7d_click+1d_view",
    windows={"7d_click": (D(3), D("295.00") * RATE), "1d_view": (D(1), D("45.00") * RATE)},
)  # fmt: skip
GA4_ROWS = tuple(
    (n, D(1), D(v))
    for n, v in [("1001", "120"), ("1002", "120"), ("1003", "200"), ("1006", "95"), ("1009", "300"), ("1010", "70")]
)


def lines(found: Bridge) -> list[tuple[str, int, str]]:
    return [(getattr(line, "reason", "") or line.name, line.count, f"{line.amount:.2f}") for line in found.lines]


def test_the_bridge_to_meta():
    found, claims = bridge_meta(ORDERS, [], META_SAYS, on(TBILISI), on(LOS_ANGELES), UNTIL)
    assert lines(found) == [
        ("basis", 10, "1275.00"), ("time_zone", -3, "-290.00"),
        ("time_zone", 1, "130.00"), ("cancelled_before_sent", -1, "-95.00"),
        ("consent", -1, "-150.00"), ("no_browser", -1, "-60.00"), ("duplicate_there", 1, "300.00"),
        ("value_parts", 0, "-21.00"), ("accepted", 6, "1089.00"), ("no_meta_click", -3, "-289.00"),
        ("expected_by_click", 3, "800.00"), ("view_through", 1, "121.50"), ("expected", 4, "921.50"),
    ]  # fmt: skip
    assert (found.count, f"{found.amount:.2f}", found.residual_count, f"{found.residual:.2f}") == (
        4,
        "918.00",
        0,
        "-3.50",
    )
    assert "rate_unknown" in found.possible
    assert [(c.window, c.claimed, c.confirmed, c.unconfirmed, c.unclaimed) for c in claims] == [
        ("7d_click", 3, 3, 0, 0), ("1d_view", 1, 0, 1, 0),
    ]  # fmt: skip


def test_orders_stand_behind_each_reason_and_a_second_reason_is_named():
    found, _ = bridge_meta(ORDERS, [], META_SAYS, on(TBILISI), on(LOS_ANGELES), UNTIL)
    behind = {(term.reason, term.way): term.orders for term in found.terms}
    assert behind["time_zone", "out"] == ("1001", "1002", "1011")
    assert behind["time_zone", "in"] == ("1012",)
    assert behind["no_meta_click", ""] == behind["value_parts", ""] == ("1008", "1010", "1012")
    denied = [replace(o, placed_at=at("09:00")) if o.number == "1005" else o for o in ORDERS]
    found, _ = bridge_meta(denied, [], META_SAYS, on(TBILISI), on(LOS_ANGELES), UNTIL)
    assert next(t for t in found.terms if t.way == "out").second == {"1005": "consent"}


@pytest.mark.parametrize(
    ("rows", "expected", "residual"),
    [
        (GA4_ROWS, [("basis", 10, "1275.00"), ("consent", -1, "-150.00"), ("no_browser", -1, "-60.00"),
                    ("page_not_reached", -1, "-110.00"), ("blocked_there", -1, "-90.00"), ("price_differs", 0, "40.00"),
                    ("expected", 6, "905.00")], (0, "0.00")),
        ((), [("basis", 10, "1275.00"), ("consent", -1, "-150.00"), ("no_browser", -1, "-60.00"),
              ("page_not_reached", -1, "-110.00"), ("expected", 7, "955.00")], (-1, "-50.00")),
    ],
    ids=["with ids", "without"],
)  # fmt: skip
def test_the_bridge_to_ga4(rows, expected, residual):
    report = Report(source="ga4", count=6, amount=D("905.00"), rows=rows, zone="Asia/Tbilisi")
    found = bridge_ga4(ORDERS, report, on(TBILISI), on(TBILISI), UNTIL)
    assert lines(found) == expected
    assert (found.residual_count, f"{found.residual:.2f}") == residual


def test_the_log_and_the_shop():
    says = log_report(ORDERS, [], on(TBILISI), "Asia/Tbilisi", "GEL")
    assert (says.count, says.amount) == (12, D("1576.00"))
    found = bridge_log(ORDERS, [], says, on(TBILISI), UNTIL)
    assert lines(found) == [
        ("basis", 10, "1275.00"), ("test_order", 1, "1.00"), ("duplicate_there", 1, "300.00"), ("expected", 12, "1576.00"),
    ]  # fmt: skip
    assert (found.residual_count, found.residual) == (0, 0)
    admin = shop_report(ORDERS, on(TBILISI), "Asia/Tbilisi", "GEL")
    assert (admin.count, admin.amount) == (10, D("1180.00"))
    found = bridge_shop(ORDERS, admin, on(TBILISI))
    assert lines(found) == [("basis", 10, "1275.00"), ("cancelled", 0, "-95.00"), ("expected", 10, "1180.00")]
    assert (found.residual_count, found.residual) == (0, 0)


def test_a_click_of_more_than_seven_days_ago_stands_behind_nothing():
    """Seven days to the second, and an hour more."""
    for age, outside in ((7 * 86_400, []), (7 * 86_400 + 3_600, [("outside_window", -1, "-200.00")])):
        one = order("1003", "11:05", "200.00", shipping="0", click=True)
        sent = replace(one.actions[0], click_at=one.placed_at - age)
        found, _ = bridge_meta([replace(one, actions=(sent,))], [], META_SAYS, on(TBILISI), on(TBILISI), UNTIL)
        assert [row for row in lines(found) if row[0] == "outside_window"] == outside


def test_what_was_given_back_before_is_not_taken_off_again_with_the_cancellation():
    """100.00 of the day before, 30.00 of it given back then: 70.00 go with the cancellation."""
    one = order("1001", "09:12", "100.00", day=9, cancelled_at=at("14:20"), back=((at("15:00", 9), D("30.00")),))
    assert shop_report([one], on(TBILISI), "Asia/Tbilisi", "GEL").amount == D("-70.00")


def test_what_was_given_back_on_the_day_of_the_cancellation_is_taken_off_on_it_too():
    """100.00 of the day before: 30.00 at noon and the other 70.00 at two both belong to this day."""
    one = order("1001", "09:12", "100.00", day=9, cancelled_at=at("14:20"), back=((at("12:00"), D("30.00")),))
    told = shop_report([one], on(TBILISI), "Asia/Tbilisi", "GEL")
    assert told.amount == D("-100.00")
    found = bridge_shop([one], told, on(TBILISI))
    assert ("return_day", 0, "-100.00") in lines(found)
