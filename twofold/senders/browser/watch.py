"""What a browser tells over the DevTools protocol while somebody walks: calls, scripts, frames, workers.

Owns what is switched on in each page, frame of another process and worker before its first line runs, and what is kept of what comes.
Who made a call is worked out afterwards, by ``trace``; the line itself is ``wire``. Everything is bounded; bodies and addresses of calls are read at once and forgotten.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from twofold.senders.browser.calls import Doors, Reading, library_of, platform_of, read_call
from twofold.senders.browser.trace import Book, Frame, Place, Script
from twofold.senders.browser.wire import Wire

MOST_OF_A_KIND = 200
MOST_SCRIPTS = 20_000
MOST_PLACES = 2_000
MOST_FRAMES = 64  # of one stack
ASKED_S = 3.0  # for an answer of the browser about what has happened

_KINDS = {
    "page": "page",
    "iframe": "frame",
    "worker": "worker",
    "service_worker": "service worker",
    "shared_worker": "shared worker",
}
_WAYS = {"Image": "image", "Ping": "beacon", "Fetch": "fetch", "XHR": "xhr", "Script": "script", "Document": "form"}


class Call(Struct, kw_only=True):
    """One event of one request, as it was seen; ``stack`` and ``place`` are for ``trace``."""

    reading: Reading
    way: str
    door: str  # host and path, nothing else
    page: str
    stage: str
    at_ms: int
    place: str
    stack: tuple[Frame, ...]
    key: tuple[str, str]  # session and request
    answer: str = ""
    by_worker: bool = False  # a service worker answered: it may have passed the request on
    digest: int = 0


class Watch:
    """What was seen. ``full`` is set with words when more of one kind came than anybody needs."""

    def __init__(self, doors: Doors, hosts: frozenset[str], now_ms: Callable[[], int]) -> None:
        self.book = Book()
        self.calls: list[Call] = []
        self.page, self.stage = "", ""
        self.full = ""
        self.ended = asyncio.Event()
        self.notes: Counter[str] = Counter()
        self.heard = 0.0  # when the last request began, by the loop's clock
        self._doors, self._hosts, self._now_ms = doors, hosts, now_ms
        self._kinds: Counter[str] = Counter()
        self._documents: set[str] = set()
        self._above: dict[str, str] = {}  # session of a worker: the one it was made in
        self._workers: set[str] = set()
        self._own: set[str] = set()
        self._frame_of: dict[str, str] = {}
        self._wire: Wire
        self._expected = False
        self._pages: set[str] = set()
        self._asked: dict[tuple[str, str], tuple[Frame, ...]] = {}
        self._main = ""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._by_request: dict[tuple[str, str], list[Call]] = {}

    def follow(self, wire: Wire) -> None:
        """From now on, over this line."""
        self._wire = wire

    def expect(self) -> None:
        """The next page that comes is the one that is walked."""
        self._main, self._expected = "", True

    # -- sessions

    def hear(self, session: str, method: str, params: dict[str, Any]) -> bool:
        """One event of the browser; True for what Playwright has no use for."""
        hears = _HEARD.get(method)
        if hears is not None:
            try:
                hears(self, session, params)
            except (KeyError, TypeError, ValueError):  # another version of the protocol: the walk goes on, and says so
                self.notes[f"an event of the browser was not understood: {method}"] += 1
        return method.startswith(("Debugger.", "Fetch.")) or session in self._own or (
            method == "Target.attachedToTarget" and params["sessionId"] in self._own
        )  # fmt: skip

    def _attached(self, session: str, params: dict[str, Any]) -> None:
        """A page, a frame or a worker waits to begin. What watches is asked for first, in its own session."""
        target, new = params["targetInfo"], params["sessionId"]
        kind = target["type"]
        if kind == "shared_worker" or session in self._workers:
            self._own.add(new)  # Playwright would go away from them at once, or never let them begin
        if kind not in _KINDS:
            return
        if kind in ("page", "iframe"):
            self._put_place(target["targetId"], Place(_KINDS[kind], target["url"]))
        elif len(self.book.places) < MOST_PLACES:
            self._workers.add(new)
            self._above[new] = session
            above = session if session in self._workers else self._frame_of.get(session, self._main)
            self.book.places[new] = Place(_KINDS[kind], target["url"], (), above)
        if kind == "page":
            self._pages.add(target["targetId"])
            if self._expected:
                self._main, self._expected = target["targetId"], False
        if kind in ("page", "iframe"):
            self._frame_of[new] = target["targetId"]
        self._switch_on(new, kind)

    def _switch_on(self, session: str, kind: str) -> None:
        send = self._wire.send
        send(session, "Network.enable", {"maxPostDataSize": 262_144})
        send(session, "Debugger.enable")
        send(session, "Debugger.setSkipAllPauses", {"skip": True})
        send(session, "Debugger.setAsyncCallStackDepth", {"maxDepth": 32})
        if kind in ("page", "iframe"):
            send(session, "Page.enable")
        if kind == "page":
            send(session, "Fetch.enable", {"patterns": [{"resourceType": "Document"}]})
        send(session, "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True})
        if kind != "page":
            send(session, "Runtime.runIfWaitingForDebugger")

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, quiet_s: float, most_s: float) -> None:
        """Until nothing was asked for ``quiet_s``, or ``most_s`` have gone, or the watch is full."""
        loop = asyncio.get_running_loop()
        end = loop.time() + most_s
        self.heard = max(self.heard, loop.time() - quiet_s / 2)
        while not self.ended.is_set() and loop.time() < min(end, self.heard + quiet_s):
            await asyncio.sleep(0.05)
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=ASKED_S)

    # -- frames and scripts

    def _frame_attached(self, session: str, params: dict[str, Any]) -> None:
        made = self._frames(session, params.get("stack"))
        self._put_place(params["frameId"], Place("frame", "", made, params["parentFrameId"]))

    def _frame_navigated(self, _session: str, params: dict[str, Any]) -> None:
        frame = params["frame"]
        url = frame["url"].partition("#")[0]
        self._note_document(url)
        if frame["id"] in self._pages:
            self.page = url if frame["id"] == self._main and url.startswith("http") else self.page
            self._put_place(frame["id"], Place("page", url))
            return
        self._put_place(frame["id"], Place("frame", url, (), frame.get("parentId", "")))

    def _put_place(self, key: str, place: Place) -> None:
        """What is known of a frame comes in pieces, and out of two processes."""
        before = self.book.places.get(key)
        if before is None and len(self.book.places) >= MOST_PLACES:
            return
        if before is not None and before.kind == place.kind:
            place = Place(place.kind, place.url or before.url, place.made or before.made, place.parent or before.parent)
        self.book.places[key] = place

    def _note_document(self, url: str) -> None:
        if len(self._documents) < MOST_PLACES:
            self._documents.add(url)

    def _parsed(self, session: str, params: dict[str, Any]) -> None:
        if len(self.book.scripts) >= MOST_SCRIPTS:
            return
        url = params.get("url", "").partition("#")[0]
        made = self._frames(session, params.get("stackTrace"))
        self.book.scripts[session, params["scriptId"]] = Script(url, made, url in self._documents)

    def _frames(self, session: str, stack: dict[str, Any] | None) -> tuple[Frame, ...]:
        """A stack as it is kept: its own frames and those before it in time, innermost first."""
        found: list[Frame] = []
        while stack is not None and len(found) < MOST_FRAMES:
            found += [
                Frame(session, f.get("scriptId", ""), f.get("url", "").partition("#")[0], f.get("functionName", "")[:80], f.get("lineNumber", 0))
                for f in stack.get("callFrames", ())[:MOST_FRAMES]
            ]  # fmt: skip
            stack = stack.get("parent")
        return tuple(found[:MOST_FRAMES])

    async def _outside(self, session: str, stack: dict[str, Any] | None) -> tuple[Frame, ...]:
        """What came before in another place: a worker's stack ends with a number that its page knows."""
        while stack is not None and stack.get("parent") is not None:
            stack = stack["parent"]
        number, above = (stack or {}).get("parentId"), self._above.get(session, "")
        if number is None or not above:
            return ()
        key = (str(number.get("debuggerId", "")), str(number["id"]))
        if key not in self._asked:
            answer = await self._wire.ask(above, "Debugger.getStackTrace", {"stackTraceId": number})
            self._asked[key] = self._frames(above, answer.get("stackTrace"))
        return self._asked[key]

    # -- requests

    def _asks(self, session: str, params: dict[str, Any]) -> None:
        self.heard = asyncio.get_running_loop().time()
        request, kind = params["request"], params.get("type", "Other")
        url = request["url"] + request.get("urlFragment", "")
        initiator = params.get("initiator") or {}
        if kind == "Document":
            self._document(params)
        if kind == "Script" and url not in self.book.loads and len(self.book.loads) < MOST_SCRIPTS:
            self.book.loads[url] = self._frames(session, initiator.get("stack"))
        if kind == "Preflight" or params.get("redirectResponse") is not None:
            return  # the browser's own question, and the same call sent on
        if platform_of(url, self._doors) or library_of(url):
            place = session if session in self.book.places else params.get("frameId") or self._main
            self._later(self._keep(session, url, params, str(place), self.page, self.stage))

    def _document(self, params: dict[str, Any]) -> None:
        if params.get("frameId") == self._main:
            self._count("pages")

    async def _keep(self, session: str, url: str, params: dict[str, Any], place: str, page: str, stage: str) -> None:
        request, key = params["request"], (session, params["requestId"])
        at_ms, body = self._now_ms(), request.get("postData") or ""
        if not body and request.get("hasPostData"):
            body = (
                await self._wire.ask(session, "Network.getRequestPostData", {"requestId": params["requestId"]})
            ).get("postData", "")
        initiator = params.get("initiator") or {}
        stack = self._frames(session, initiator.get("stack")) + await self._outside(session, initiator.get("stack"))
        parts = urlsplit(url)
        for reading in read_call(url, body, self._doors):
            if not self._count(f"{reading.platform} {reading.event or reading.what}"):
                return
            call = Call(
                reading=reading, way=_WAYS.get(params.get("type", ""), "other"), door=f"{parts.netloc.rpartition('@')[2]}{parts.path}"[:120],
                page=page, stage=stage, at_ms=at_ms, place=place, stack=stack, key=key, digest=hash((url, body)),
            )  # fmt: skip
            self.calls.append(call)
            self._by_request.setdefault(key, []).append(call)

    def _count(self, kind: str) -> bool:
        """One more of a kind; False once there are too many, and then the walk ends."""
        self._kinds[kind] += 1
        if self._kinds[kind] < MOST_OF_A_KIND:
            return True
        if not self.full:
            self.full = f"{MOST_OF_A_KIND} of one kind came ({kind}): something loops"
            self.ended.set()
        return self._kinds[kind] == MOST_OF_A_KIND

    def _answers(self, session: str, params: dict[str, Any]) -> None:
        response = params.get("response") or {}
        for call in self._by_request.get((session, params["requestId"]), ()):
            call.answer = str(response.get("status", ""))
            call.by_worker = bool(response.get("fromServiceWorker"))

    def _fails(self, session: str, params: dict[str, Any]) -> None:
        for call in self._by_request.get((session, params["requestId"]), ()):
            call.answer = call.answer or str(params.get("blockedReason") or params.get("errorText") or "failed")[:60]

    def _paused(self, session: str, params: dict[str, Any]) -> None:
        """A document is about to be fetched: the page itself stays on the shop's hosts, frames go where they like."""
        url, request = params["request"]["url"], {"requestId": params["requestId"]}
        if params.get("frameId") in self._pages and urlsplit(url).netloc.lower() not in self._hosts:
            self.notes[f"a page of another host was not opened: {urlsplit(url).hostname or '?'}"] += 1
            # "Nothing new": the page stays as it is.
            self._wire.send(session, "Fetch.fulfillRequest", request | {"responseCode": 204})
        else:
            self._wire.send(session, "Fetch.continueRequest", request)


_HEARD: dict[str, Callable[[Watch, str, dict[str, Any]], None]] = {
    "Target.attachedToTarget": Watch._attached,
    "Page.frameAttached": Watch._frame_attached,
    "Page.frameNavigated": Watch._frame_navigated,
    "Debugger.scriptParsed": Watch._parsed,
    "Network.requestWillBeSent": Watch._asks,
    "Network.responseReceived": Watch._answers,
    "Network.loadingFailed": Watch._fails,
    "Fetch.requestPaused": Watch._paused,
}
