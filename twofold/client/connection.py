"""One kept connection to the gateway, for the sending thread alone.

Owns HTTP. It answers with what came back as a whole, or with None: whatever went wrong, nothing is known then.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import time
from typing import NamedTuple
from urllib.parse import SplitResult

log = logging.getLogger("twofold.client")

_IDLE_S = 5.0  # a kept connection older than this is not used again; gateways close idle ones after 15 s
_MAX_ANSWER = 4 << 20
_ERRORS = (OSError, http.client.HTTPException)  # refused, reset, timed out, cut short, not HTTP


class Answer(NamedTuple):
    status: int
    body: bytes
    retry_after: str | None


class Connection:
    """Opens itself when it is needed. ``forget`` is for the child of a fork, which must not end the parent's."""

    def __init__(self, address: SplitResult, timeout_s: float, context: ssl.SSLContext | None) -> None:
        self._address, self._timeout_s, self._context = address, timeout_s, context
        self._open: http.client.HTTPConnection | None = None
        self._used = 0.0

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer | None:
        """One request. Redirects are not followed: the key would go where nobody configured it."""
        fields = {**headers, "Content-Type": "application/json", "User-Agent": "twofold-client-python"}
        try:
            connection = self._connect()
            connection.request("POST", path, body, fields)
            answer = connection.getresponse()
            content = answer.read(_MAX_ANSWER)
            if answer.length:  # the connection ended before the answer did
                raise http.client.IncompleteRead(content, answer.length)
            if answer.will_close or not answer.isclosed():
                self.close()
            self._used = time.monotonic()
            return Answer(answer.status, content, answer.getheader("Retry-After"))
        except _ERRORS as err:
            self.close()
            log.debug("no answer: %s", type(err).__name__)
            return None

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def forget(self) -> None:
        if self._open is not None and self._open.sock is not None:
            self._open.sock.close()  # this process's copy only
        self._open = None

    def _connect(self) -> http.client.HTTPConnection:
        if time.monotonic() - self._used > _IDLE_S:
            self.close()
        if self._open is None:
            host, port = self._address.hostname or "", self._address.port
            if self._address.scheme == "https":
                context = self._context or ssl.create_default_context()
                self._open = http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
            else:
                self._open = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        return self._open
