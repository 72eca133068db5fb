"""Which policy holds for a dataset's orders, as today's settings say."""

from __future__ import annotations

from twofold.collect.policy import order_policy_of
from twofold.config import Settings
from twofold.ledger.policy import OrderPolicy
from twofold.report.told import PolicyOf


def policy_of(settings: Settings) -> PolicyOf:
    """Dataset to policy; the usual one for a dataset that is not configured any more."""
    known = {d.id: order_policy_of(d.orders) for d in settings.dataset}
    return lambda dataset: known.get(dataset) or OrderPolicy()
