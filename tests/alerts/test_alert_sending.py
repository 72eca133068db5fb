"""Messages as their addresses get them, over real sockets; and a gateway that tells what it found."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import generate_latest

import twofold.alerts.sending
import twofold.duties.notices
from tests.fakes.smtp import FakeSmtp
from twofold.alerts.book import News, decode_book
from twofold.alerts.sending import TRIES, send
from twofold.app import Gateway
from twofold.commands.router.signal_world import play
from twofold.config import load_settings, settings_from
from twofold.config.alerts import AlertSettings
from twofold.console.queries.standing import not_yet
from twofold.destinations.webhook import signed_headers
from twofold.errors import ConfigError
from twofold.router.task import Standing
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWS = News(
    began=(Standing(name="two_owners:Purchase: tag, ana@shop.example", since=1_700_000_000, do_not_yet="Wait."),),
    ended=(Standing(name="token:meta-1", since=1, do_not_yet=""),),
)


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test in a loop of its own."""

    @wraps(test)
    def run(*given: Any, **named: Any) -> None:
        asyncio.run(test(*given, **named))

    return run


@asynccontextmanager
async def listening(*statuses: int) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that answers these statuses, then 200; its address and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        status = statuses[len(got) - 1] if len(got) <= len(statuses) else 200
        return web.Response(status=status, headers={"location": "/elsewhere"} if status == 302 else {})

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", got
    finally:
        await runner.cleanup()


def test_the_signature_is_that_of_the_standard():
    """The example in the documents of Standard Webhooks."""
    headers = signed_headers(b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, [SECRET])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("kind", ["webhook", "slack", "teams"])
@in_loop
async def test_a_web_address_gets_its_form(kind):
    async with listening() as (url, got):
        assert await send(AlertSettings(type=kind, to=url, secret=SECRET), NEWS, 1_700_000_100, "Mugs & <Co>") == ""
    ((headers, body),) = got
    said = json.loads(body)
    assert b"ana@" not in body  # who names a sender so is not handed on
    if kind == "webhook":
        assert set(said) == {"type", "timestamp", "data"}
        assert [one["finding"] for one in said["data"]["began"]] == ["two_owners"]
        assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= {name.lower() for name in headers}
    elif kind == "slack":
        assert said["text"].startswith("Twofold (Mugs &amp; &lt;Co&gt;): 1 began, 1 ended\n")
    else:
        (card,) = said["attachments"]
        assert (said["type"], card["content"]["type"]) == ("message", "AdaptiveCard")
        assert any("Ended" in block["text"] for block in card["content"]["body"])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between tries."""
    monkeypatch.setattr(twofold.alerts.sending, "WAIT_S", 0.0)


@pytest.mark.usefixtures("at_once")
@in_loop
async def test_it_is_tried_again_under_the_same_number():
    async with listening(500, 503) as (url, got):
        assert await send(AlertSettings(type="webhook", to=url, secret=SECRET), NEWS, 1_700_000_100, "") == ""
    assert len(got) == TRIES
    assert len({headers["webhook-id"] for headers, _ in got}) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [302, 404])
@in_loop
async def test_what_nobody_takes_is_said(status):
    """And a redirect is not followed."""
    async with listening(*[status] * TRIES) as (url, got):
        problem = await send(AlertSettings(type="slack", to=url), NEWS, 1_700_000_100, "")
    assert problem == f"answered {status}"
    assert len(got) == TRIES


@pytest.mark.usefixtures("at_once")
@in_loop
async def test_a_mail():
    async with FakeSmtp() as server:
        to = AlertSettings(type="email", to="ops@shop.example", sender="twofold@shop.example", smtp=server.address)
        assert await send(to, NEWS, 1_700_000_100, "Mugs\r\nBcc: all@shop.example") == ""
        server.refusing = True
        assert await send(to, NEWS, 1_700_000_100, "Mugs") == "SMTPRecipientsRefused"
        locked = AlertSettings(
            type="email", to=to.to, sender=to.sender, smtp=server.address, smtp_user="u", smtp_password="p"
        )
        assert await send(locked, NEWS, 1_700_000_100, "Mugs") == "SMTPNotSupportedError"
        assert server.logins == 0  # no password in the clear, though the server would take one
    ((recipient, text),) = server.mails
    assert recipient == "ops@shop.example"
    assert (
        "Subject: Twofold (Mugs  Bcc: all@shop.example): 1 began, 1 ended" in text
    )  # one line, and no header of its own


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "pager", "to": "https://a.example"}, "type"),
        ({"type": "slack", "to": "a.example"}, "web address"),
        ({"type": "webhook", "to": "https://a.example"}, "whsec_"),
        ({"type": "webhook", "to": "https://a.example", "secret": "whsec_short"}, "whsec_"),
        ({"type": "email", "to": "ops@shop.example", "sender": "t@shop.example"}, "server and port"),
        ({"type": "email", "to": "ops", "sender": "t@shop.example", "smtp": "m.example:25"}, "e-mail address"),
        ({"type": "slack", "to": "https://a.example", "quiet": "25:00-07:00"}, "quiet"),
        ({"type": "slack", "to": "https://a.example", "quiet": "22:00-07:75"}, "quiet"),
    ],
)
def test_a_setting_that_cannot_be_is_named(given: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        settings_from({"alert": [given]}, environ={})


@pytest.mark.process
@in_loop
async def test_a_gateway_tells_what_it_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A shop whose webhooks are signed with another secret; its gateway is started, and again. What was refused at first is told the
    next time that it looks."""
    faults = (Fault(kind=FaultKind.SECRET, day=9),)
    config = await play(SignalScenario(seed=5, faults=faults), tmp_path, int(time.time() * 1000))
    monkeypatch.setattr(twofold.duties.notices, "FIRST_S", 0.1)
    monkeypatch.setattr(twofold.duties.notices, "EVERY_S", 0.1)
    async with listening(500, 500, 500) as (url, got):
        hour = datetime.now(UTC).hour  # at which it is quiet by UTC, and half a day from it where the shop is
        quiet = f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00"
        with config.open("a", encoding="utf-8") as more:
            more.write(
                f'\n[[alert]]\ntype = "slack"\nto = "{url}"\nquiet = "{quiet}"\n[chain]\ntimezone = "Etc/GMT-12"\n'
            )
        for _ in range(2):
            gateway = Gateway(load_settings(config, port=0))
            ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            running = asyncio.create_task(gateway.run(ready.set_result))
            await ready
            for _ in range(2_400):
                book = decode_book(await gateway.store.note("alerts_told"))
                if gateway.health.findings is not None and any(
                    one.told_at for of in book.values() for one in of.values()
                ):
                    break
                await asyncio.sleep(0.05)
            assert gateway.health.findings is not None
            assert any("webhook_secret" in one["name"] for one in gateway.health.findings["do_not_yet"])
            standing = len(gateway.health.findings["do_not_yet"])
            assert f"\ntwofold_do_not_yet {standing:.1f}\n" in generate_latest(gateway.registry).decode()
            gateway._stop.set()
            await running
    told = not_yet(tmp_path / "data", int(time.time()))
    assert told == ["Webhooks come with a wrong signature"]
    assert not_yet(tmp_path / "data", int(time.time()) + 3_700) == []  # an hour later it is no news
    assert len(got) == 4  # three refused, one taken
    assert "signature" in json.loads(got[-1][1])["text"]
