"""One question to one platform and its answer, whatever happens on the way.

Owns the only socket of the room and every limit on it: time, size, no redirects, no proxies from the environment, TLS
always verified; and patience: how often a question is put again, and how long it waits when it is told to. It knows no
platform: what a status or an error means is the platform's own file.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from twofold import __version__

MAX_ANSWER = 64 << 20  # bytes of one answer
TIMEOUT_S = 60.0  # for one read of the socket; a report can take long to begin
DEADLINE_S = 600.0  # for one answer in all
TRIES = 5
FIRST_WAIT_S = 2.0
MAX_WAIT_S = 300.0  # in all, for one question: what asks for more is left to the next pull
_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # no figure passes through a float
_AGAIN = frozenset({429, 500, 502, 503, 504})


encode_answer = msgspec.json.Encoder(decimal_format="number").encode
"""An answer, or a part of one, as it is handed on: its figures with every digit."""


class Answer(Struct, frozen=True):
    """What came back. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def value(self) -> Any:
        """The answer as JSON; None for anything else."""
        try:
            return _decode(self.content)
        except (msgspec.DecodeError, RecursionError, ArithmeticError):
            return None

    def document(self) -> dict[str, Any]:
        """The answer as a JSON object; empty for anything else."""
        found = self.value()
        return found if isinstance(found, dict) else {}


def basic(name: str, secret: str) -> dict[str, str]:
    """The head by which a name and its secret have access."""
    return {"Authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    """The head by which a token has access."""
    return {"Authorization": f"Bearer {token}"}


class Unreached(Exception):
    """No answer came. The message says why, in words of our own."""


class Exchange:
    """Asks. ``sleep`` and ``clock`` (Unix s) are handed in, so that a test need not wait; ``tries``: how often in all."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
        tries: int = TRIES,
        tls: ssl.SSLContext | None = None,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._timeout_s = timeout_s
        self._tries = tries
        if tls is not None:
            self._tls = tls
        self._watch = watch
        self.asked = 0  # how many questions left
        self.waited_s = 0.0

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made for the first question that needs it: reading the machine's certificates takes 20 ms."""
        return ssl.create_default_context()

    @property
    def now(self) -> float:
        return self._clock()

    def get(
        self,
        url: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        again: Callable[[Answer], float | None] | None = None,
    ) -> Answer:
        """GET, put again while it is told to wait. ``again``: seconds to wait before the next try, for answers whose
        status alone does not say it; None when the answer is one. Raises `Unreached`."""
        return self._patiently("GET", f"{url}?{urlencode(query)}" if query else url, headers or {}, None, again)

    def post(
        self,
        url: str,
        body: Any,
        headers: Mapping[str, str] | None = None,
        *,
        form: bool = False,
        again: Callable[[Answer], float | None] | None = None,
    ) -> Answer:
        """POST of JSON, or of a form. Only for questions: it is put again like GET."""
        content = urlencode(body).encode() if form else msgspec.json.encode(body)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        return self._patiently("POST", url, {"Content-Type": kind, **(headers or {})}, content, again)

    def change(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        form: bool = False,
    ) -> Answer:
        """A request that changes something there, sent once: what became of it without an answer nobody knows. Raises `Unreached`."""
        content = None if body is None else urlencode(body).encode() if form else msgspec.json.encode(body)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        given = {"Content-Type": kind} if content is not None else {}
        return self._ask(method, url, {**given, **(headers or {})}, content)

    def _patiently(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        again: Callable[[Answer], float | None] | None,
    ) -> Answer:
        waited, wait = 0.0, FIRST_WAIT_S
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            try:
                answer = self._ask(method, url, headers, body)
            except Unreached:
                if last:
                    raise
                told = None
            else:
                asked = again(answer) if again is not None else None
                if answer.status not in _AGAIN and asked is None:
                    return answer
                told = retry_after(answer, self._clock()) if asked is None or asked == 0 else asked
                if last:
                    return answer
            pause = wait if told is None else told
            if waited + pause > MAX_WAIT_S:
                if told is None:
                    pause = max(MAX_WAIT_S - waited, 0)
                else:
                    return answer  # it asks for more patience than one pull has
            self._sleep(pause)
            waited += pause
            self.waited_s += pause
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        self.asked += 1
        if self._watch is not None:
            self._watch(self.asked)
        try:
            connection.request(method, target, body=body, headers={
                "User-Agent": f"twofold/{__version__}", "Accept": "application/json, text/csv, */*",
                "Accept-Encoding": "identity", **headers,
            })  # fmt: skip
            response = connection.getresponse()
            content = _read(response, time.monotonic() + DEADLINE_S)
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
        except (http.client.HTTPException, OSError, ValueError) as err:
            raise Unreached(_why(err)) from None
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(1 << 18):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise Unreached(f"the answer is larger than {MAX_ANSWER >> 20} MiB")
        if time.monotonic() > deadline:
            raise Unreached("no answer in time")
    if response.length:
        raise Unreached("the answer ended in the middle")
    return b"".join(parts)


def retry_after(answer: Answer, now: float) -> float | None:
    """Seconds that the answer asks us to wait; None where it does not say."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    moment: datetime = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(moment.timestamp() - now, 0.0)


def _why(err: Exception) -> str:
    """Never the error's own message: it can quote what was asked, and with it a token."""
    match err:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLError():
            return "the connection is not the platform's: its certificate is not valid"
        case socket.gaierror():
            return "its name is not known"
        case ConnectionRefusedError():
            return "nobody listens there"
        case http.client.IncompleteRead():
            return "the answer ended in the middle"
        case _:
            return f"the connection failed ({type(err).__name__})"
