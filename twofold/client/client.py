"""`Client`: takes events and orders without waiting, sends them from one thread, and loses none quietly.

Owns the thread and the promises: the caller is never kept waiting, an event keeps its id and its first time through
every attempt, and whatever is given up is told to ``on_error``.
"""

from __future__ import annotations

import atexit
import logging
import os
import random
import ssl
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Union
from urllib.parse import quote, urlsplit

from twofold.client.answer import Verdict, judge
from twofold.client.connection import Connection
from twofold.client.contact import hashed_customer, hashed_user, masked, meta_names, safe_id
from twofold.client.lane import MAX_EVENTS, Item, Lane, build_events, delay_s, signing, to_json
from twofold.client.problem import Kind, Problem
from twofold.client.spool import Spool

log = logging.getLogger("twofold.client")

_CLIENTS: weakref.WeakSet[Client] = weakref.WeakSet()

Time = Union[int, float, datetime, None]  # noqa: UP007 - the client runs on Python 3.9


class Client:
    """Sends to one dataset, and with ``shop`` and ``secret`` to one shop's webhook. Safe in threads and after a fork.

    ``address`` is the gateway's, e.g. ``https://collect.shop.example``. ``batch`` events make a request, or as many as
    there are after ``wait_s``. ``queue`` is how many may wait; then events are turned away and told as `Kind.FULL`.
    ``spool`` is a folder on a local disk: what waits there survives a crash. ``on_error`` gets a `Problem` in the
    sending thread (`Kind.FULL`: in the caller's); without it problems are logged as warnings.
    """

    def __init__(
        self,
        address: str,
        dataset: str,
        key: str,
        *,
        shop: str = "",
        secret: str = "",
        batch: int = 100,
        wait_s: float = 1.0,
        queue: int = 10_000,
        timeout_s: float = 10.0,
        most_wait_s: float = 60.0,
        spool: str | None = None,
        on_error: Callable[[Problem], None] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("address: expected http:// or https://, a host, and a port if it is not the usual one")
        if not dataset or not key:
            raise ValueError("dataset and key: expected the dataset's id and its key")
        if bool(shop) != bool(secret):
            raise ValueError("shop and secret: expected both or neither")
        if not 1 <= batch <= MAX_EVENTS or queue < 1:
            raise ValueError(f"batch: expected 1 to {MAX_EVENTS}; queue: expected 1 or more")
        self._timeout_s = timeout_s
        self._connection = Connection(parts, timeout_s, context)
        self._key, self._queue, self._wait_s, self._most_wait_s = key, queue, wait_s, most_wait_s
        self._on_error, self._spool_folder = on_error, spool
        base = parts.path.rstrip("/")
        self._lanes = [Lane("events", f"{base}/{quote(dataset, safe='')}/events", batch, build_events)]
        if shop:
            path = f"{base}/webhooks/own/{quote(shop, safe='')}"
            self._lanes.append(Lane("orders", path, 1, signing(secret)))
        self._thread: threading.Thread | None = None
        self._spool: Spool | None = None
        self._closed = False
        self._reset()
        self._open_spool()
        _CLIENTS.add(self)
        atexit.register(_close_at_exit, weakref.ref(self))
        if any(self._lanes):
            with self._changed:
                self._start()

    # -- what the shop's code calls

    def track(
        self,
        event_name: str,
        *,
        event_id: str | None = None,
        user: Mapping[str, Any] | None = None,
        custom: Mapping[str, Any] | None = None,
        consent: Any = None,
        url: str | None = None,
        referrer: str | None = None,
        event_time: Time = None,
        action_source: str = "website",
        **more: Any,
    ) -> str | None:
        """Takes one event and returns at once with its id, for the page to use; None when it was turned away.

        ``user`` may use Meta's names or plain ones (email, phone, first_name, …). ``event_time`` defaults to now and
        is kept through every attempt. ``more`` are further fields of the Conversions API. Raises TypeError or
        ValueError for values that JSON cannot hold.
        """
        event: dict[str, Any] = {
            "event_name": event_name,
            "event_time": _unix(event_time),
            "event_id": event_id or str(uuid.uuid4()),
            "action_source": action_source,
            "event_source_url": url,
            "referrer_url": referrer,
            "user_data": meta_names(user or {}),
            "custom_data": custom,
            "consent": consent,
            **more,
        }
        event = {name: value for name, value in event.items() if value is not None}
        id = str(event["event_id"])
        on_disk = dict(masked(event), user_data=hashed_user(event["user_data"]), event_id=safe_id(id))
        return self._put(self._lanes[0], event, on_disk, event_name, id)

    def order(self, body: Mapping[str, Any], *, type: str = "order") -> str | None:
        """Takes one body of docs/own-shop.md and returns at once with its id; None when it was turned away.

        ``type`` is `order`, `payment`, `refund`, `parcel`, `deletion`, `event` or `privacy`.
        """
        if len(self._lanes) < 2:
            raise ValueError("order: expected a Client with shop and secret")
        whole = {"type": type, **body}
        on_disk: dict[str, Any] | None = masked(whole)
        if type == "privacy":
            on_disk = None  # it is made of contact data only, which must not be on disk
        elif on_disk is not None:
            if isinstance(whole.get("customer"), Mapping):
                on_disk["customer"] = hashed_customer(whole["customer"])
            if isinstance(whole.get("user_data"), Mapping):
                on_disk["user_data"] = hashed_user(whole["user_data"])
        name = str(body.get("id") or body.get("order_id") or body.get("event_id") or uuid.uuid4())
        return self._put(self._lanes[1], whole, on_disk, type, name)

    def flush(self, timeout: float = 10.0) -> bool:
        """Sends what waits without waiting for more. True when all of it is settled: delivered, refused or told."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._hurried += 1
            if any(self._lanes) and not self._closed:
                self._start()
            self._hurry()
            while any(self._lanes):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._hurried -= 1
            return not any(self._lanes)

    def close(self, timeout: float = 5.0) -> bool:
        """Sends what waits, at most so long, and ends. What is left stays in the spool, or is told as `Kind.LOST`."""
        with self._changed:
            if self._closed:
                return not any(self._lanes)
            self._closed = True
            self._until = time.monotonic() + timeout
            self._hurry()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout + self._timeout_s)
        with self._changed:
            left = [item for lane in self._lanes for item in (*lane.taken, *lane.items)]
            for lane in self._lanes:
                lane.items.clear()
                lane.taken = []
            spool, self._spool = self._spool, None
        for item in left:
            if item.spooled is None:
                self._tell(Problem(Kind.LOST, "closed before it could be sent", item.name, item.id))
        if spool is not None:
            _quietly(spool.close)
        return not left

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hurry(self) -> None:
        """What waits is tried at once, unless the gateway itself asked for a pause."""
        for lane in self._lanes:
            lane.not_before = lane.asked_until
        self._changed.notify_all()

    # -- the queue

    def _put(
        self, lane: Lane, item: Mapping[str, Any], on_disk: dict[str, Any] | None, name: str, id: str
    ) -> str | None:
        text, line = to_json(item), None if on_disk is None else to_json(on_disk)
        problem = None
        with self._changed:
            if self._closed:
                problem = Problem(Kind.FULL, "the client is closed", name, id)
            elif sum(map(len, self._lanes)) >= self._queue:
                problem = Problem(Kind.FULL, f"{self._queue} are waiting already", name, id)
            else:
                number = None
                try:
                    if self._spool is not None and line is not None:
                        number = self._spool.put(lane.name, {"text": line, "name": name, "id": safe_id(id)})
                except OSError as err:
                    why = err.strerror or type(err).__name__
                    problem = Problem(Kind.SPOOL, f"the spool cannot be written: {why}", name, id)
                lane.items.append(Item(text, name, id, number))
                self._start()
                if len(lane.items) == 1 or lane.is_full_request:
                    self._changed.notify_all()
        if problem is not None:
            self._tell(problem)
        return id if problem is None or problem.kind is Kind.SPOOL else None

    def _open_spool(self) -> None:
        if self._spool_folder is None:
            return
        self._spool = Spool(self._spool_folder)  # a folder that cannot be used is told at once, by OSError
        lanes = {lane.name: lane for lane in self._lanes}
        for name, item, number in self._spool.adopt():
            if name in lanes:
                lanes[name].items.append(Item(item["text"], item["name"], item["id"], number))

    # -- the thread

    def _reset(self) -> None:
        """Everything that belongs to this process alone."""
        self._changed = threading.Condition()
        self._thread = None
        self._hurried = 0  # how many calls of flush wait
        self._until = 0.0
        self._spool = None

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            # A daemon, so that a gateway that is down never keeps the program from ending; atexit closes it in time.
            thread = threading.Thread(target=self._run, name="twofold-client", daemon=True)
            try:
                thread.start()
            except RuntimeError as err:  # no threads left, or the program is ending: the next call tries again
                log.warning("no sending thread: %s", err)
            else:
                self._thread = thread

    def _run(self) -> None:
        while True:
            with self._changed:
                lane = self._next()
                items = lane.take() if lane is not None else []
            if lane is None:
                self._connection.close()
                return
            try:
                verdict = self._send(lane, items)
            except Exception as err:  # a bug must not end the thread, or nothing would ever be sent again
                log.error("sending failed: %s", type(err).__name__)
                verdict = Verdict(False)
            with self._changed:
                problems = self._settle(lane, items, verdict)
                self._changed.notify_all()
            for problem in problems:
                self._tell(problem)
            for note in verdict.notes:
                log.info("the gateway took it, with a note: %s", note)

    def _next(self) -> Lane | None:
        """Waits for a lane whose time has come; None when the client is closed and there is nothing left to try."""
        ready_at: dict[str, float] = {}
        while True:
            now = time.monotonic()
            waiting = [lane for lane in self._lanes if lane.items]
            if self._closed and (not waiting or now >= self._until):
                return None
            for lane in waiting:
                ready_at.setdefault(lane.name, now + self._wait_s)  # when its first item was seen
            sleep = None
            for lane in waiting:
                soon = self._hurried or self._closed or lane.failures or lane.is_full_request
                due = max(lane.not_before, now if soon else ready_at[lane.name])
                if due <= now:
                    return lane
                sleep = min(due - now, sleep if sleep is not None else due - now)
            if self._closed and sleep is not None:
                sleep = min(sleep, self._until - now)
            self._changed.wait(sleep)

    def _settle(self, lane: Lane, items: list[Item], verdict: Verdict) -> list[Problem]:
        """Applies a verdict; what is to be told about it, once the lock is free."""
        if lane.taken is not items:
            return []  # `close` gave up waiting for this answer
        problems = [Problem(Kind.REFUSED, reason, items[place].name, items[place].id, place)
                    for place, reason in verdict.refused]  # fmt: skip
        if verdict.taken:
            self._forget(lane.settle())
        elif verdict.refused:
            self._forget(lane.drop([place for place, _ in verdict.refused]))
        elif verdict.divide:
            lane.divide()
        else:
            now = time.monotonic()
            wait = delay_s(lane.failures, verdict.retry_after_s, self._most_wait_s, random.random())
            if verdict.denied:
                problems.append(Problem(Kind.DENIED, verdict.denied))
                wait = max(wait, self._most_wait_s)
            lane.put_back(now + wait, now + verdict.retry_after_s)
        return problems

    def _forget(self, items: Sequence[Item]) -> None:
        numbers = [item.spooled for item in items if item.spooled is not None]
        if self._spool is not None and numbers:
            spool = self._spool
            _quietly(lambda: spool.settle(numbers))  # a line that cannot be written means one repeat after a crash

    def _send(self, lane: Lane, items: list[Item]) -> Verdict:
        """One attempt. Whatever goes wrong on the way, half an answer included, means that nothing is known."""
        now_s = time.time()
        body, headers = lane.build(items, now_s)
        counted = lane.name == "events"
        if counted:
            headers["Authorization"] = f"Bearer {self._key}"
        answer = self._connection.post(lane.path, body, headers)
        if answer is None:
            return Verdict(False)
        return judge(answer.status, answer.body, len(items), answer.retry_after, now_s, counted)

    # -- telling

    def _tell(self, problem: Problem) -> None:
        if self._on_error is None:
            log.warning("%s %s %s: %s", problem.kind.value, problem.event_name, problem.event_id, problem.reason)
            return
        try:
            self._on_error(problem)
        except Exception as err:  # the shop's own function; its bug must not stop the events
            log.error("on_error raised %s", type(err).__name__)

    def _after_fork(self) -> None:
        """A child begins empty: the parent still has its events, its thread and its file."""
        spool = self._spool
        self._reset()
        self._connection.forget()
        for lane in self._lanes:
            lane.items.clear()
            lane.taken = []
            lane.failures, lane.not_before, lane.asked_until = 0, 0.0, 0.0
        if spool is not None:
            _quietly(spool.forget)
            if not self._closed:
                _quietly(self._open_spool)


def _unix(when: Time) -> int:
    if when is None:
        return int(time.time())
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError("event_time: expected a datetime with its time zone, e.g. datetime.now(timezone.utc)")
        return int(when.timestamp())
    return int(when)


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as err:
        log.warning("spool: %s", err.strerror or type(err).__name__)


def _close_at_exit(client: weakref.ref[Client]) -> None:
    found = client()
    if found is not None:
        found.close()


def _reset_children() -> None:
    for client in list(_CLIENTS):
        client._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_children)
