"""A shop with a known truth: who bought what, what reached whom, and what each way of measuring then counts.

`truth` invents the orders (pure, seeded), `shop` is the shop a person can click through, `drive` plays all orders
over real HTTP, `demo` runs everything and prints the comparison. Nothing here is part of the gateway.
"""
