"""What the demo loads into the receiver: the shoppers of its orders, hashed, and one set of ads for each way of measuring."""

from __future__ import annotations

import hashlib

from twofold.simulate.demo import WAYS
from twofold.simulate.register import ads_of, people_of
from twofold.simulate.truth import OrderKind, make_orders

NOW_S = 1_790_000_000
ORDERS = make_orders(7)


def test_each_shopper_is_one_person_known_by_hashes() -> None:
    """The e-mail by Meta's documented form, nobody twice, no plain value and nobody of a test order."""
    people = people_of(ORDERS)["people"]
    real = {o.shopper.customer_id: o.shopper for o in ORDERS if o.kind is not OrderKind.TEST}
    assert {int(p["id"]) for p in people} == set(real)
    assert len(people) == len(real)
    for person in people:
        shopper = real[int(person["id"])]
        assert person["em"] == hashlib.sha256(shopper.email.lower().encode()).hexdigest()
        assert set(person) == {"id", "em", "ph"}


def test_the_ways_differ_in_nothing_but_the_way() -> None:
    """Same spend and as many clicks in each account; each click id leads back to one person, before any order."""
    body = ads_of(ORDERS, dict(WAYS), NOW_S, seed=7)
    assert [a["datasets"] for a in body["accounts"]] == [[dataset] for _, dataset in WAYS]
    by_account = {
        a["id"]: (
            sorted(s["amount"] for s in body["spend"] if s["ad_id"].startswith(a["id"])),
            sorted(t["person"] for t in body["touches"] if t["ad_id"].startswith(a["id"])),
        )
        for a in body["accounts"]
    }
    first, *others = by_account.values()
    assert all(other == first for other in others)
    clicks = [t["fbclid"] for t in body["touches"] if "fbclid" in t]
    assert len(clicks) == len(set(clicks)) == len(first[1])
    assert {t["time"] for t in body["touches"]} == {NOW_S - 900}
