"""The null handler: reads the body, answers fixed bytes, on the gateway's own server settings."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from twofold.listening import make_server, port_of

BODY = b'{"events_received":1,"messages":[],"fbtrace_id":"AAAAAAAAAAAAAAAAAAAAAAA"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def null(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def main() -> None:
    server = make_server(null, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(f"null listening on http://127.0.0.1:{port_of(server)}", flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(main())
