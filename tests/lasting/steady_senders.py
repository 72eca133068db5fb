"""Senders that keep a gateway busy, and what they were told.

Owns the load and one side of the books: which events were answered with success, by number. An event's id is its number, so
that everybody can count. Senders do not give up: what got no answer is sent again under the same id.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field

DATASET, KEY = "1234567890", "key-of-the-shop"


@dataclass
class Shoppers:
    """``senders`` threads with batches of ``batch`` events to a port. ``answered``: numbers that were acknowledged, and the name
    of that answer."""

    port: int
    senders: int = 4
    batch: int = 5
    rate: float = 0.0  # requests a second of each sender; 0: as many as are answered
    answered: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _next: int = 0
    _cuts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        for _ in range(self.senders):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def told(self) -> frozenset[int]:
        """What was acknowledged until now."""
        with self._lock:
            return frozenset(self.answered)

    def told_before_a_cut(self) -> frozenset[int]:
        """The same; an answer that is heard later to what was asked before counts for nothing: a file system that shuts down
        may answer a sync under way with yes."""
        with self._lock:
            self._cuts += 1
            return frozenset(self.answered)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                numbers = range(self._next, self._next + self.batch)
                self._next = numbers.stop
            began = time.monotonic()
            while not self._stop.is_set() and not self._send(numbers):
                self._stop.wait(0.02)
            if self.rate:
                self._stop.wait(max(0.0, 1 / self.rate - (time.monotonic() - began)))

    def _send(self, numbers: range) -> bool:
        """True once they were answered for good."""
        cuts = self._cuts
        body = json.dumps({"data": [event_of(n) for n in numbers], "access_token": KEY})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("POST", f"/v25.0/{DATASET}/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status == 200:
                trace = _trace_in(said, len(numbers))
                with self._lock:
                    if cuts == self._cuts:
                        self.answered.update(dict.fromkeys(numbers, trace))
                    return cuts == self._cuts
            if answer.status not in (429, 503):
                self.refused.append(f"{answer.status} {said[:300]!r}")
        return False


def _trace_in(said: bytes, sent: int) -> str:
    """The name that a gateway gave its answer. Raises `HTTPException` where somebody else answered on its port."""
    tree = json.loads(said)
    trace = str(tree.get("fbtrace_id"))
    if tree.get("events_received") != sent or re.fullmatch("A[0-9a-f]{22}", trace) is None:
        raise http.client.HTTPException(f"nobody's answer: {said[:200]!r}")
    return trace


def event_of(number: int) -> dict[str, object]:
    """Every third is a purchase."""
    custom: dict[str, object] = {"value": number + 0.5, "currency": "EUR"}
    if number % 3 == 0:
        custom["order_id"] = f"order-{number}"
    return {
        "event_name": "Purchase" if number % 3 == 0 else "AddToCart",
        "event_time": int(time.time()) - 60,
        "event_id": f"event-{number}",
        "action_source": "website",
        "user_data": {"external_id": f"customer-{number}", "fbp": f"fb.1.1789999000000.{1_000_000_000 + number}"},
        "custom_data": custom,
    }


def number_of(event_id: str) -> int:
    return int(event_id.removeprefix("event-"))
