"""The Python client: events and orders from a shop's server to a gateway, in the background. Standard library only.

    from twofold.client import Client

    client = Client("https://collect.shop.example", dataset="1234567890", key="…")
    client.track("AddToCart", event_id="cart-5f3a", user={"email": "a@b.example"}, custom={"value": 9.5, "currency": "EUR"})
    client.close()

Start reading in `client`; `lane` is what is sent together, `answer` what an answer means, `spool` the file that
survives a crash, `contact` what of a person may stand in it, `connection` the socket.
"""

from __future__ import annotations

from twofold.client.client import Client
from twofold.client.problem import Kind, Problem

__all__ = ["Client", "Kind", "Problem"]
