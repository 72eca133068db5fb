"""Shoppers by a letter, what they did days ago and what they said, on a store; and their lists, worked out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, SERVER, copy, with_store
from tests.store.order_reports import entry, report, shop_copy
from twofold.audiences.listing import Listed, list_audiences
from twofold.config import Settings, settings_from
from twofold.event.model import Event, Hashed, Tier
from twofold.ledger.model import ParcelState

DAY, HOUR = 86_400_000, 3_600_000
YES = ("ad_user_data", "marketing", "personalization")


def hex_of(letter: str) -> str:
    return letter * 64


def did(
    letter: str, name: str = "ViewContent", *, ago: int = 2 * DAY, said: tuple[str, ...] | None = YES, denied: tuple[str, ...] = (),
    ph: str = "", visitor: str = "", sender: str = "tag", tier: Tier | None = None, n: int = 0, forms: Iterable[Hashed] = (),
    order: str | None = None, destinations: tuple[str, ...] = (), **user: Any,
) -> Event:  # fmt: skip
    """One event of a shopper; an empty letter is nobody known. ``said`` None: no word about consent."""
    if ph:
        user["ph"] = (Hashed("meta", ph * 64),)
    made = copy(
        f"{letter}-{name}-{ago}-{n}-{visitor}", BROWSER if tier is None else SERVER, name=name, at=NOW - ago, em=letter, order=order,
        value="10.00" if name == "Purchase" else None, **user,
    )  # fmt: skip
    return replace(
        made,
        visitor=visitor or None,
        sender=sender,
        tier=made.tier if tier is None else tier,
        granted=said or (),
        denied=denied,
        forms=tuple(forms),
        destinations=destinations,
    )


def ordered(letter: str, order: str, *, ago: int = 5 * DAY, parcel: ParcelState | None = None, **facts: Any) -> Any:
    """A shop's order with its Purchase, whose buyer agreed."""
    at = NOW - ago
    purchase = replace(shop_copy(order, at=at, em=letter), granted=YES)
    return entry(report(order, at=at // 1000, placed=at // 1000, parcel=parcel, **facts), purchase, at=at)


def settings_for(folder: Path, *audiences: dict[str, Any], accounts: Iterable[dict[str, Any]] = ()) -> Settings:
    told = [{"name": a["rule"], "dataset": "1", **a} for a in audiences]
    return settings_from(
        {
            "server": {"data": str(folder)},
            "dataset": [{"id": "1"}, {"id": "2"}],
            "account": list(accounts),
            "audience": told,
        },
        environ={},
    )


def kept(folder: Path, events: Iterable[Event], orders: Iterable[Any] = (), then: Any = None) -> None:
    """Events and orders on disk; ``then`` is done with the open store."""

    async def scenario(store: Any) -> None:
        for event in events:
            await store.append([event])
        for one in orders:
            await store.append_orders([one])
        if then is not None:
            await then(store)

    with_store(folder, scenario)


def listed(folder: Path, rule: str, platforms: tuple[str, ...] = ("meta",), now: int = NOW, **audience: Any) -> Listed:
    settings = settings_for(folder, {"rule": rule, **audience})
    listing = list_audiences(settings, settings.audience, {rule: list(platforms)}, now // 1000)
    return listing.audiences[0]


def letters(told: Listed, platform: str = "meta") -> str:
    """The letters of the addresses on a list, in order."""
    return "".join(sorted(row.em[:1] for row in told.rows.get(platform, {})))
