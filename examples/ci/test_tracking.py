"""The shop's own test: it needs nothing but `pip install twofold`, which brings the fixture `twofold_sandbox`."""

from shop import checkout


def test_one_order_is_one_purchase(twofold_sandbox):
    checkout("1001", "42.50", "EUR", meta=twofold_sandbox)
    twofold_sandbox.assert_one_purchase("1001", "42.50", "EUR")
    twofold_sandbox.assert_match_keys("em", "fbp", "client_ip_address")


def test_two_orders_are_two(twofold_sandbox):
    for order in ("1001", "1002"):
        checkout(order, "10.00", "EUR", meta=twofold_sandbox)
    assert len(twofold_sandbox.actions(event_name="Purchase")) == 2
    twofold_sandbox.assert_nothing_refused()
