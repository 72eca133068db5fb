"""One message to one address: an HTTP POST or a mail, tried a few times.

Owns the sockets. An address is the operator's own; a redirect is not followed, as it would lead a secret elsewhere.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import uuid
from typing import Protocol

import aiohttp

from twofold.alerts import message
from twofold.alerts.book import News
from twofold.alerts.weekly import Weekly
from twofold.destinations.webhook import signed_headers

TRIES, WAIT_S, TIMEOUT_S = 3, 2.0, 10.0


class Address(Protocol):
    """The fields of `config.AlertSettings` that sending reads."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def smtp(self) -> str: ...
    @property
    def smtp_user(self) -> str: ...
    @property
    def smtp_password(self) -> str: ...
    @property
    def sender(self) -> str: ...


async def send(address: Address, told: News | Weekly, now: int, shop: str) -> str:
    """Empty when somebody has it, else what went wrong the last time, without address or secret."""
    lines = message.text_of(told, shop)
    ident, problem = f"msg_{uuid.uuid4().hex}", ""
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(WAIT_S * 2 ** (attempt - 1))
        try:
            if address.type == "email":
                await asyncio.get_running_loop().run_in_executor(None, _mail, address, lines)
                return ""
            problem = await _post(address, told, lines, now, ident)
        except (aiohttp.ClientError, OSError, smtplib.SMTPException, TimeoutError) as err:
            problem = type(err).__name__
        if not problem:
            return ""
    return problem


async def _post(address: Address, told: News | Weekly, lines: list[str], now: int, ident: str) -> str:
    headers = {"content-type": "application/json"}
    if address.type == "webhook":
        body = message.body_of(told, now)
        headers = signed_headers(body, ident, now, [address.secret])
    else:
        body = message.slack_body(lines) if address.type == "slack" else message.teams_body(lines)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(address.to, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        return "" if 200 <= answer.status < 300 else f"answered {answer.status}"


def _mail(address: Address, lines: list[str]) -> None:
    host, _, port = address.smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=TIMEOUT_S) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        elif address.smtp_user:
            raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS, and a password is not sent without")
        if address.smtp_user:
            server.login(address.smtp_user, address.smtp_password)
        server.send_message(message.mail_of(lines, address.sender, address.to))
