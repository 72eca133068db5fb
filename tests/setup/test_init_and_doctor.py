"""From an empty folder: six answers, two files, a gateway that runs on them, and a doctor who sees what is so and nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from acceptance.gateway_process import Program, clean_environment, run_twofold, sandbox_process
from click.testing import Result

from tests.command_line import invoke
from tests.ports import free_port
from tests.pulling.stand_in import Asked, Reply, standing_in
from twofold.config import load_settings

PATIENCE_S = 60
QUESTIONS = ["1. ", "2. ", "3. ", "4. ", "5. ", "6. "]
META_KNOWS = {"error": {"code": 100, "message": "(#100) param data must be non-empty."}}
META_DOES_NOT = {"error": {"code": 190, "message": "Invalid OAuth access token"}}


def init(folder: Path, *arguments: str, typed: str = "") -> Result:
    return invoke(["init", str(folder), *arguments], given=typed, env={"META_TOKEN": None})


def test_six_questions_and_no_more(tmp_path: Path) -> None:
    """Answered by a person; a token that Meta does not know is asked for again, and never shown."""

    def meta(asked: Asked) -> Reply:
        known = asked.method == "POST" and asked.form["access_token"] == "the-right-one"
        return Reply(status=400, body=META_KNOWS if known else META_DOES_NOT)

    with standing_in(meta) as there:
        typed = "my shop\nhttps://www.shop.example/\n\n9876543210\nwrong-token\nthe-right-one\nn\ny\n"
        done = init(tmp_path / "new", "--endpoint", there.url, typed=typed)
    assert done.exit_code == 0, done.output
    asked = [line for line in done.output.splitlines() if line[:3] in QUESTIONS]
    assert [line[:3] for line in asked] == ["1. ", "1. ", "2. ", "3. ", "4. ", "4. ", "5. ", "6. "]
    assert "expected a name as shop.example" in done.output
    assert "does not know the token" in done.output
    assert "the-right-one" not in done.output
    settings = load_settings(tmp_path / "new" / "twofold.toml", environ={})
    assert settings.server.address == "https://gateway.shop.example"
    assert settings.destination[0].token == "the-right-one"
    assert settings.dataset[0].orders.when == {"cod": "paid"}
    assert settings.dataset[0].consent.require_in == ("EEA",)


def test_flags_answer_and_nothing_is_asked(tmp_path: Path) -> None:
    """`--yes` without a single answer is a set-up for the sandbox; the private file is for its owner alone."""
    done = init(tmp_path / "new", "--yes")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "twofold.env").stat().st_mode & 0o777 == 0o600
    settings = load_settings(tmp_path / "new" / "twofold.toml", environ={})
    assert settings.destination[0].endpoint == "http://127.0.0.1:8401"
    assert not any(line[:3] in QUESTIONS for line in done.output.splitlines())


@pytest.mark.parametrize("words", [("check",), ("doctor",), ("snippet", "tag"), ("destinations",)])
def test_each_command_finds_what_was_set_up_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Nothing but the folder is named, as `connect` has it; what is named by the variable or the option wins over what lies there."""
    monkeypatch.delenv("TWOFOLD_CONFIG", raising=False)
    assert init(tmp_path, "--yes").exit_code == 0
    (tmp_path / "other").mkdir()
    assert init(tmp_path / "other", "--yes", "--dataset", "2222222222").exit_code == 0
    monkeypatch.chdir(tmp_path)
    named = tmp_path / "other" / "twofold.toml"
    found = {
        "of the folder": _datasets(invoke(list(words)).output),
        "by the variable": _datasets(invoke(list(words), env={"TWOFOLD_CONFIG": str(named)}).output),
        "by the option": _datasets(invoke([*words, "--config", str(named)]).output),
    }
    assert found == {"of the folder": "1234567890", "by the variable": "2222222222", "by the option": "2222222222"}


def _datasets(output: str) -> str:
    """The one that an answer is about."""
    (only,) = {number for number in ("1234567890", "2222222222") if number in output}
    return only


@pytest.mark.parametrize("words", [("check",), ("doctor",), ("snippet", "tag"), ("connect", "stripe")])
def test_where_a_configuration_was_looked_for_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.delenv("TWOFOLD_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    done = invoke(list(words))
    said = " ".join(f"{done.output} {done.exception}".split())
    assert f"neither --config nor TWOFOLD_CONFIG names one, and {tmp_path} has no twofold.toml; `twofold init`" in said
    missing = invoke([*words, "--config", "missing.toml"])
    assert f"configuration file {tmp_path}/missing.toml does not exist" in f"{missing.output}{missing.exception}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["twofold.toml", "twofold.env"])
def test_nothing_is_ever_written_over(tmp_path: Path, there: str) -> None:
    """Neither file, and neither alone: what is there stays, byte for byte."""
    (tmp_path / there).write_text("mine\n")
    done = init(tmp_path, "--yes")
    assert "nothing was written" in str(done.exception)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(there, "mine\n")]


def test_a_shopify_shop_needs_shopifys_own_name(tmp_path: Path) -> None:
    """It is part of every Purchase's id; by its own domain it is known at once."""
    done = init(tmp_path, "--yes", "--shop", "shop.example", "--system", "shopify")
    assert "--shop-name" in str(done.exception)
    assert init(tmp_path, "--yes", "--shop", "demo.myshopify.com").exit_code == 0
    (source,) = load_settings(tmp_path / "twofold.toml", environ={}).source
    assert (source.type, source.shop) == ("shopify", "demo.myshopify.com")


# -- and the gateway on it, one for all looks


class Shop:
    """A gateway on the files that `init` wrote, at free ports, its receiver, and the shop's page."""

    def __init__(self, folder: Path, gateway: Program, page: list[str]) -> None:
        self.config = folder / "twofold.toml"
        self.settings = load_settings(self.config, environ={})
        self.gateway = gateway
        self.page = page

    def doctor(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        done = run_twofold("doctor", "--config", str(self.config), "--json", *arguments)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert rows, done.stderr
        assert (rows[0]["row"], rows[0]["command"]) == ("about", "doctor")
        assert {row["row"] for row in rows[1:]} == {"line"}
        return done.returncode, rows[1:]

    def webhook(self, topic: str, secret: str) -> int:
        body = b'{"id": 1, "name": "#1001"}'
        sign = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        (source,) = self.settings.source
        headers = {"X-Shopify-Hmac-Sha256": sign, "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": source.shop}
        return requests.post(f"{self.gateway.url}{source.path}", body, headers=headers, timeout=PATIENCE_S).status_code


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("set-up")
    page = [""]
    with sandbox_process() as receiver, standing_in(lambda _: Reply(body=page[0].encode())) as storefront:
        port = free_port()
        arguments = ["--yes", "--shop", "demo.myshopify.com", "--address", f"http://127.0.0.1:{port}"]
        assert init(folder, *arguments).exit_code == 0
        text = (folder / "twofold.toml").read_text()
        for written, here in (
            ("http://127.0.0.1:8401", receiver.url),
            ('"https://demo.myshopify.com"', f'"{storefront.url}"'),
        ):
            assert written in text
            text = text.replace(written, here)
        text, console, named = text.partition("[console]")  # its process is for other tests
        assert console
        assert 'name = "demo.myshopify.com"' in named
        (folder / "twofold.toml").write_text(text)
        with contextlib.closing(Program(["serve", "--config", str(folder / "twofold.toml")], port=port)) as program:
            program.start()
            page[0] = f'<script src="{program.url}/t/twofold.js"></script>'
            yield Shop(folder, program, page)
            assert program.stop() == 0


def until_found(shop: Shop, name: str, says: str) -> tuple[int, list[dict[str, Any]]]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, rows = shop.doctor()
        if any(row["name"].startswith(name) and says in row["text"] for row in rows):
            return code, rows
        assert time.monotonic() < deadline, rows
        time.sleep(1)


def test_a_doctor_from_the_page_to_the_platform(shop: Shop) -> None:
    """What is missing of a new shop is told as DO, and done; then what is left is right."""
    code, rows = shop.doctor()
    found = {row["name"]: row for row in rows}
    assert code == 1
    assert {name for name, row in found.items() if row["state"] == "do"} == {
        "webhooks of shopify demo.myshopify.com", "browser copies of dataset 1234567890",
    }  # fmt: skip
    assert found["test event to meta-1234567890"]["text"].startswith(
        "arrived as website with client_ip_address, client_user_agent"
    )
    assert found["X-Forwarded-For, server.proxies = 0"]["state"] == "ok"
    assert shop.webhook("orders/create", str(shop.settings.source[0].secret)) == 200
    assert shop.webhook("orders/updated", str(shop.settings.source[0].secret)) == 200
    assert shop.webhook("orders/updated", "a-secret-of-somebody-else") == 401
    assert shop.webhook("orders/updated", str(shop.settings.source[0].secret)) == 200
    event = {"dataset": "1234567890", "event_name": "PageView", "event_id": "one", "event_time": int(time.time())}
    origin = shop.settings.dataset[0].origins[0]
    told = requests.post(
        f"{shop.gateway.url}/t/events", json={"events": [event]}, headers={"Origin": origin}, timeout=PATIENCE_S
    )
    assert told.status_code == 200, told.text
    code, rows = until_found(shop, "webhooks of shopify", "orders/updated")
    assert code == 0, [row for row in rows if row["state"] == "do"]
    looks = {row["name"]: row["text"] for row in rows if row["state"] == "look"}
    assert "a signature did not fit" in looks["webhooks of shopify demo.myshopify.com"]


def test_what_is_remembered_of_webhooks_outlives_a_start(shop: Shop) -> None:
    """A topic that fell silent before the last start is not new to anybody."""
    assert shop.webhook("refunds/create", str(shop.settings.source[0].secret)) == 200
    until_found(shop, "webhooks of shopify", "refunds/create")
    shop.gateway.kill()
    shop.gateway.start()
    _, rows = shop.doctor()
    (line,) = [row for row in rows if row["name"].startswith("webhooks of shopify") and row["state"] == "ok"]
    assert "refunds/create" in line["text"]


def test_a_page_without_the_tag_is_a_failure_with_its_cure(shop: Shop) -> None:
    """Exit code 1, and the snippet to put there."""
    kept, shop.page[0] = shop.page[0], "<title>shop</title>"
    code, rows = shop.doctor()
    shop.page[0] = kept
    (line,) = [row for row in rows if row["name"].startswith("tag on ")]
    assert (code, line["state"]) == (1, "do")
    assert "twofold snippet" in line["command"]


def test_a_report_holds_no_secret(shop: Shop) -> None:
    """It is made to be pasted into a report of a defect."""
    done = run_twofold("doctor", "--config", str(shop.config), "--json")
    values = [line.partition("=")[2] for line in (shop.config.with_suffix(".env")).read_text().splitlines()]
    assert len(values) == 4
    assert not any(value in done.stdout + done.stderr for value in values)


def test_faults_of_a_configuration_are_findings_with_their_line(tmp_path: Path) -> None:
    """All of them, and nothing else is looked at: it would rest on them."""
    (tmp_path / "c.toml").write_text('[server]\naddress = "gateway"\nprots = 1\n')
    done = run_twofold("doctor", "--config", str(tmp_path / "c.toml"), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [(row["line"], row["state"]) for row in rows if row.get("name") == "configuration"] == [(2, "do"), (3, "do")]
    assert not any(row.get("name", "").startswith("gateway") for row in rows)


def test_watching_ends_with_ctrl_c(tmp_path: Path) -> None:
    """In order, with the code of what it saw last."""
    (tmp_path / "c.toml").write_text("[server]\nprots = 1\n")
    command = [sys.executable, "-m", "twofold", "doctor", "--watch", "--config", str(tmp_path / "c.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as watching:
        assert watching.stdout is not None
        lines = iter(watching.stdout.readline, "")
        assert any("unknown field" in line for line in lines)
        time.sleep(0.5)  # the first round is over, and it waits
        watching.send_signal(signal.SIGINT)
        try:
            assert watching.wait(PATIENCE_S) == 1
        finally:
            watching.kill()
