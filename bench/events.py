"""Ready events for benches that start behind the collector."""

from __future__ import annotations

import itertools
import time
from decimal import Decimal

from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData

_number = itertools.count(time.time_ns())
_USER = UserData(
    em=(Hashed("sent", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),),
    client_ip_address="203.0.113.7",
    client_user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
    fbp="fb.1.1790000000000.1234567890",
)
_CUSTOM = CustomData(value=Decimal("21.25"), currency="USD", content_ids=("sku-1",), content_type="product")


def stored_event() -> Event:
    """One ViewContent that no other is a copy of."""
    now_ms = time.time_ns() // 1_000_000
    return Event(
        dataset="1",
        event_name="ViewContent",
        event_id=f"view-{next(_number)}",
        event_time=now_ms // 1000,
        received_at=now_ms,
        channel=Channel.SERVER,
        sender="api",
        tier=Tier.T2,
        event_source_url="https://shop.example/product/1",
        user_data=_USER,
        custom_data=_CUSTOM,
    )
