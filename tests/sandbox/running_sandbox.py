"""A sandbox on a real socket with a clock that the test owns, and a valid event to start from."""

from __future__ import annotations

import asyncio
import threading

import requests

from twofold.sandbox.server import SandboxSettings, serve

DATASET = "1234567890"
TOKEN = "token-of-eight-or-more"
NOW_MS = 1_790_000_000_000
# SHA-256 of john_smith@gmail.com, from Meta's customer information parameters page
EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"


class Running:
    """One sandbox in a thread of its own; `now` is its clock in ms."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.now = NOW_MS
        self.http = requests.Session()
        self.base = ""
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(settings,), daemon=True)
        self._thread.start()
        assert self._ready.wait(60), "the sandbox did not start"
        if self._error:
            raise self._error

    def _run(self, settings: SandboxSettings) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.current_task()
            await serve(settings, clock=lambda: self.now, on_ready=self._announce, handle_signals=False)

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            pass
        except BaseException as err:
            self._error = err
        finally:
            self._ready.set()

    def _announce(self, address: str) -> None:
        self.base = address
        self._ready.set()

    def reset(self) -> None:
        self.now = NOW_MS
        assert self.http.post(f"{self.base}/sandbox/reset", timeout=60).status_code == 200

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self.http.close()
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the sandbox did not stop"

    def post(self, events: object, dataset: str = DATASET, **fields: object) -> requests.Response:
        body = {"data": events, "access_token": TOKEN, **fields}
        return self.http.post(f"{self.base}/v25.0/{dataset}/events", json=body, timeout=60)

    def pixel(self, dataset: str = DATASET, **parameters: object) -> requests.Response:
        return self.http.get(f"{self.base}/tr/", params={"id": dataset, **parameters}, timeout=60)

    def read(self, name: str, **query: object) -> list[dict]:
        answer = self.http.get(f"{self.base}/sandbox/{name}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()[name]

    def fault(self, *faults: dict) -> None:
        answer = self.http.post(f"{self.base}/sandbox/faults", json={"faults": list(faults)}, timeout=60)
        assert answer.status_code == 200, answer.text

    def counted(self) -> int:
        return sum(row["counted"] for row in self.read("counts"))


def purchase(**changes: object) -> dict:
    """A valid Purchase in Meta's documented shape; a change to None removes the key."""
    event = {
        "event_name": "Purchase",
        "event_time": NOW_MS // 1000,
        "action_source": "website",
        "event_id": "order-1001",
        "event_source_url": "https://shop.example/thanks",
        "user_data": {"em": [EMAIL], "client_ip_address": "2001:db8::1", "client_user_agent": "Mozilla/5.0"},
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": "1001"},
    }
    event.update(changes)
    return {key: value for key, value in event.items() if value is not None}
