"""A shop's pages in the test's own process, and a Chromium that finds them under the shop's name.

Owns the serving and the flags; what stands on a page is its test's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Browser, sync_playwright

OURS = "MAP *.example 127.0.0.1"


class Pages(BaseHTTPRequestHandler):
    """Says nothing to the terminal."""

    def give(self, body: bytes, kind: str = "text/html") -> None:
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def standing(pages: type[Pages]) -> Iterator[str]:
    """The shop's origin while it stands."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://www.shop.example:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium_at(origin: str, *flags: str, hosts: str = OURS) -> Iterator[Browser]:
    """A browser to which the origin is as safe as https would make it: the tag hashes only there. ``hosts``: rules for names."""
    arguments = [
        "--no-sandbox", "--disable-gpu", f"--host-resolver-rules={hosts}", f"--unsafely-treat-insecure-origin-as-secure={origin}", *flags,
    ]  # fmt: skip
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield running
        running.close()
