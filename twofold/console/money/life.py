"""The whole life of single orders, goods and money, as `twofold orders show` tells it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.money.chain import policy_of
from twofold.console.money.task import Task
from twofold.reconcile.reading.lives import lives_of


def life(task: Task) -> dict[str, Any]:
    """By dataset and order id; an order whose money has no rate is not in it."""
    zone = ZoneInfo(task.base.zone)
    return dict(lives_of(task.base.data, policy_of(task), task.orders, task.base.rules, zone, task.as_of))
