"""Shops whose orders are fetched from their API: each one file. `order` is what they share: an order in the words of a shop's own webhook.

How a shop is asked is `fetching`'s; here is what its notices name and what its orders mean.
"""
