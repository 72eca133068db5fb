"""A mail server on this machine: takes what it is given, and keeps it. RFC 5321 as far as a client needs it; no STARTTLS."""

from __future__ import annotations

import asyncio


class FakeSmtp:
    """``mails``: recipient and text of each. ``refusing``: answers 451 to every recipient. ``logins``: how often somebody began to
    log in; it offers that, unencrypted as it is."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.refusing = False
        self.logins = 0
        self.address = ""

    async def __aenter__(self) -> FakeSmtp:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        to = ""
        say("220 fake")
        while line := (await reader.readline()).decode().strip():
            word = line.split(":")[0].upper()
            if word.startswith(("EHLO", "HELO")):
                say("250-fake\r\n250 AUTH PLAIN LOGIN")
            elif word.startswith("AUTH"):
                self.logins += 1
                say("235 in")
            elif word == "RCPT TO":
                to = line.partition("<")[2].partition(">")[0]
                say("451 later" if self.refusing else "250 ok")
            elif word == "DATA":
                say("354 go")
                text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                self.mails.append((to, text))
                say("250 kept")
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
            await writer.drain()
        writer.close()
