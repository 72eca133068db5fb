"""pytest plugin: the fixture ``twofold_sandbox``, a running receiver with questions and assertions for a shop's CI.

Owns starting, emptying and stopping, and the words of the assertions. It is loaded into every pytest run of an
environment that has Twofold, so it imports nothing but the standard library and pytest until the fixture is used.

    def test_checkout(twofold_sandbox):
        my_shop.checkout(order="1001", graph=twofold_sandbox.address)
        twofold_sandbox.assert_one_purchase("1001", "42.50", "EUR")
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, build_opener

import pytest

TOKEN = "twofold-sandbox-token"
DATASET = "1000000000000001"
VERSION = "v25.0"
START_S = 30
POLL_S = 0.02
ANSWER_S = 30


class RunningSandbox:
    """One sandbox on a free port of this machine. Amounts are read and compared as exact decimals."""

    token = TOKEN
    dataset = DATASET

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        """``settings`` are fields of `twofold.sandbox.server.SandboxSettings`."""
        self.address = ""  # e.g. http://127.0.0.1:41234; Graph and pixel in one
        self._ahead_ms = 0
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._opener = build_opener()
        self._thread = threading.Thread(target=self._run, args=(settings or {},), daemon=True)
        self._thread.start()
        if not self._ready.wait(START_S):
            raise RuntimeError(f"the sandbox did not start within {START_S} s")
        if self._failure is not None:
            raise self._failure

    @property
    def events_url(self) -> str:
        """Where a server sends events of `dataset`; any other dataset id works as well."""
        return f"{self.address}/{VERSION}/{self.dataset}/events"

    @property
    def pixel_url(self) -> str:
        """Where a browser sends hits; the genuine library: ``fbq('set', 'endpoint', pixel_url)``."""
        return f"{self.address}/tr/"

    # ------------------------------------------------------------------ what was received

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """Every copy received, oldest first. Filters: dataset, event_name, event_id, state, source, code."""
        return self.read("events", **filters)

    def actions(self, **filters: Any) -> list[dict[str, Any]]:
        """What counts after deduplication, one row each, with how many copies stand behind it."""
        return self.read("actions", **filters)

    def refused(self) -> list[dict[str, Any]]:
        """Requests of which nothing was kept, and why."""
        return self.read("refused")

    def diagnostics(self, **filters: Any) -> list[dict[str, Any]]:
        """What Events Manager would comment on. Filters: dataset, event_name, diagnostic, status."""
        return self.read("diagnostics", **filters)

    def read(self, name: str, **filters: Any) -> list[dict[str, Any]]:
        """Any list under ``/sandbox``."""
        rows: list[dict[str, Any]] = self._call("GET", f"/sandbox/{name}?{urlencode(filters)}")[name]
        return rows

    def wait_for(self, count: int = 1, *, within_s: float = 10, **filters: Any) -> list[dict[str, Any]]:
        """The copies that fit, as soon as there are ``count`` of them; an assertion error when they do not come."""
        rows = self._until(lambda: self.events(**filters), lambda rows: len(rows) >= count, within_s)
        assert len(rows) >= count, f"expected {count} events{_said(filters)} within {within_s} s, got {len(rows)}"
        return rows

    # ------------------------------------------------------------------ what should happen

    def reset(self) -> None:
        """Forgets everything received and scripted; the clock is right again."""
        self._ahead_ms = 0
        self._call("POST", "/sandbox/reset")

    def fault(self, **fault: Any) -> None:
        """Scripts the next answer, e.g. ``status=500``, ``code=4``, ``delay_ms=2000``, ``reset=True``, ``times=3``."""
        self._call("POST", "/sandbox/faults", fault)

    def move_clock(self, seconds: float) -> None:
        """Lets the sandbox's clock go ahead, for windows of minutes and days."""
        self._ahead_ms += round(seconds * 1000)

    # ------------------------------------------------------------------ assertions

    def assert_one_purchase(
        self, order_id: str, value: Any, currency: str, *, within_s: float = 5, settle_s: float = 0
    ) -> dict[str, Any]:
        """Exactly one counted Purchase for the order, every copy of it with this value and currency; returns it.

        A copy that does not count is looked at too: with other money it is only luck that it was the one dropped.
        Waits up to ``within_s`` for the first copy; then, when more may be on their way, ``settle_s`` for the others.
        """

        def purchases() -> list[dict[str, Any]]:
            rows = self.actions(event_name="Purchase")
            return [row for row in rows if str(order_id) in (row["order_id"], row["event_id"])]

        rows = self._until(purchases, bool, within_s)
        if settle_s:
            time.sleep(settle_s)
            rows = purchases()
        assert len(rows) == 1, (
            f"expected 1 counted Purchase for order {order_id}, got {len(rows)}{_numbers(rows)}{self._why_none()}"
        )
        expected = (Decimal(str(value)), currency.upper())
        for copy in self.events(event_name="Purchase"):
            if str(order_id) not in (copy["order_id"], copy["event_id"]):
                continue
            got = (None if copy["value"] is None else Decimal(copy["value"]), copy["currency"])
            assert got == expected, (
                f"order {order_id}, {copy['source']} copy: expected {expected[0]} {expected[1]}, got {got[0]} {got[1]}"
            )
        return rows[0]

    def assert_no_duplicates(self, event_name: str | None = None) -> None:
        """No order counts twice, and no page fired one event again within seconds."""
        wanted = {} if event_name is None else {"event_name": event_name}
        rows = [row for row in self.actions(**wanted) if row["order_id"]]
        orders = Counter((row["dataset"], row["event_name"], row["order_id"]) for row in rows)
        twice = [
            f"{name} of order {order} counts {count} times" for (_, name, order), count in orders.items() if count > 1
        ]
        for found in self.diagnostics(**wanted):
            if found["diagnostic"] in REPEATS:
                twice.append(f"{found['event_name']}: {found['diagnostic']} ({found['affected']} events)")
        assert not twice, "expected no duplicates, got: " + "; ".join(sorted(twice))

    def assert_match_keys(self, *keys: str, event_name: str = "Purchase", source: str = "Server") -> None:
        """Every copy of the event from this source carries all the keys of user_data, e.g. "em", "fbp"."""
        rows = self.events(event_name=event_name, source=source)
        assert rows, f"expected a {source} {event_name}, got none{self._why_none()}"
        for row in rows:
            missing = [key for key in keys if key not in row["user_data_keys"]]
            assert not missing, (
                f"{source} {event_name} number {row['number']}: expected the keys {', '.join(keys)}, "
                f"missing {', '.join(missing)}"
            )

    def assert_nothing_refused(self) -> None:
        """Every request was accepted."""
        rows = self.refused()
        assert not rows, f"expected no refused request, got {len(rows)}{self._why_none()}"

    def assert_no_diagnostics(self, *, besides: tuple[str, ...] = ()) -> None:
        """Events Manager would have nothing to comment on, except for the identifiers in ``besides``."""
        rows = [row for row in self.diagnostics() if row["diagnostic"] not in besides]
        lines = sorted(f"{row['event_name'] or 'unnamed'}: {row['diagnostic']} ({row['what_to_do']})" for row in rows)
        assert not lines, "expected no diagnostics, got: " + "; ".join(lines)

    # ------------------------------------------------------------------ inside

    def close(self) -> None:
        """Stops the server; a second call does nothing."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(START_S)

    def _why_none(self) -> str:
        rows = self.refused()
        return f"; last refusal: {rows[-1]['title']} {rows[-1]['detail']}" if rows else ""

    def _until(
        self, look: Callable[[], list[dict[str, Any]]], done: Callable[[list[dict[str, Any]]], bool], within_s: float
    ) -> list[dict[str, Any]]:
        deadline = time.monotonic() + within_s
        while not done(found := look()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, {"content-type": "application/json"}, method=method)
        with self._opener.open(request, timeout=ANSWER_S) as answer:
            return json.load(answer)

    def _run(self, settings: dict[str, Any]) -> None:
        from twofold.clock import now_ms
        from twofold.sandbox.server import SandboxSettings, serve

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            task = asyncio.current_task()
            assert task is not None, "a coroutine runs in a task"
            self._task = task
            await serve(
                SandboxSettings(**({"port": 0} | settings)),
                clock=lambda: now_ms() + self._ahead_ms,
                on_ready=self._announce,
                handle_signals=False,
            )

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            pass
        except BaseException as err:
            self._failure = err
        finally:
            self._ready.set()

    def _announce(self, address: str) -> None:
        self.address = address
        self._ready.set()


REPEATS = frozenset({
    "s2s_redundant_events_not_deduped", "website_event_session_multiple_events_fire",
    "website_event_session_multiple_purchase_events_fire",
})  # fmt: skip


@pytest.fixture(scope="session")
def twofold_sandbox_settings() -> dict[str, Any]:
    """Fields of `SandboxSettings`; override this fixture to change them."""
    return {}


@pytest.fixture(scope="session")
def twofold_sandbox_server(twofold_sandbox_settings: dict[str, Any]) -> Iterator[RunningSandbox]:
    """One server for the whole run; tests use `twofold_sandbox`."""
    running = RunningSandbox(twofold_sandbox_settings)
    yield running
    running.close()


@pytest.fixture
def twofold_sandbox(twofold_sandbox_server: RunningSandbox) -> RunningSandbox:
    """Meta's receiving side on this machine, empty at the start of every test."""
    twofold_sandbox_server.reset()
    return twofold_sandbox_server


def _numbers(rows: list[dict[str, Any]]) -> str:
    return f" (copies {', '.join(str(row['number']) for row in rows)})" if rows else ""


def _said(filters: dict[str, Any]) -> str:
    return " with " + ", ".join(f"{key}={value}" for key, value in filters.items()) if filters else ""
