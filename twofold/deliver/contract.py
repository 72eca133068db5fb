"""What a worker needs of others: the outbox it claims from, and what the configuration says of its destination.

Owns the shapes only. Who keeps them is the store and `config`, and neither is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twofold.destinations.contract import Builder, Target
from twofold.destinations.terms import TermSettings
from twofold.event.delivery import Delivery, Settlement

STORE_RETRY_S = 1.0  # while the store is full or busy


class Outbox(Protocol):
    """What a worker needs of the store. Every awaitable is durable before it returns."""

    async def claim(
        self,
        destination: str,
        now_ms: int,
        limit: int,
        lease_ms: int,
        build: Builder,
        max_age_s: Callable[[str], int],
    ) -> list[Delivery]: ...

    async def settle(self, settlements: Sequence[Settlement], now_ms: int) -> None: ...

    @property
    def consent_changes(self) -> int: ...

    @property
    def alone(self) -> bool: ...

    async def look(self) -> None: ...

    async def pause(self, destination: str, reason: str, until_ms: int, now_ms: int) -> None: ...

    async def resume(self, destination: str, now_ms: int) -> None: ...

    async def next_due(self, destination: str) -> int | None: ...

    def pause_of(self, destination: str) -> tuple[str, int] | None: ...

    def on_enqueued(self, destination: str, callback: Callable[[], None]) -> None: ...

    async def unanswered(
        self, destination: str, since_ms: int, after: int
    ) -> tuple[Sequence[tuple[int, int, str]], int | None]: ...

    async def note_told(self, deliveries: Sequence[int], state: str, note: str, at_ms: int) -> None: ...


class DeliveryTarget(Target, TermSettings, Protocol):
    """The fields of `config.DestinationSettings` that a worker reads besides those of the platform."""

    @property
    def name(self) -> str: ...
    @property
    def test_event_code(self) -> str: ...
    @property
    def batch(self) -> int: ...
    @property
    def timeout_s(self) -> float: ...
