"""Connecting systems that are asked: their access is tried by the gateway's own questions, kept, used at once, and forgotten again."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from acceptance.gateway_process import Program

from tests.ports import free_port

sys.path += [str(Path(__file__).parents[1] / name) for name in ("fetching", "collect", "pulling", "sources/payments")]
from asked_shops import TOKEN, BigCommerce, bigcommerce_order, bigcommerce_product, mail, notice
from listing_shops import Magento, PrestaShop, magento_order, prestashop_order
from test_fetched_payments import KEY, NAME, WORD, Klarna, Shopware, Tbc, shopware_order

from tests.command_line import invoke
from tests.pulling.stand_in import Asked, Reply, StandIn, standing_in
from twofold.config import load_settings
from twofold.config.private import read_private

SHOP, ELSEWHERE = "shop.example", "https://other.example/hooks/secret-of-another"
PATIENCE_S = 60
VARIABLES = [f"{system}_{name}" for system in ("BIGCOMMERCE", "MAGENTO", "PRESTASHOP", "SHOPWARE", "MOLLIE", "KLARNA", "TBC")
             for name in ("ENDPOINT", "TOKEN", "ID", "SECRET")]  # fmt: skip


class Side:
    """Our side: the two files and the gateway on them, which is never restarted."""

    def __init__(self, config: Path) -> None:
        self.config, self.written = config, config.read_text()

    def run(self, *arguments: str, **variables: str) -> tuple[int, dict[str, str], list[dict[str, Any]]]:
        """One command: exit code, the state of each line, its webhooks. No line holds a secret."""
        environment: dict[str, str | None] = {**dict.fromkeys(VARIABLES), **variables}
        done = invoke([*arguments, "--config", str(self.config), "--json"], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        hidden = {*variables.values(), *self.secrets().values(), "secret-of-another"}
        assert not any(secret in done.output for secret in hidden if "://" not in secret), done.output
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        lines = {row["name"]: row["state"] for row in rows if row["row"] == "line"}
        return done.exit_code, lines, [row for row in rows if row["row"] == "webhook"]

    def secrets(self) -> dict[str, str]:
        return read_private(self.config.with_suffix(".env"))


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder, port = tmp_path_factory.mktemp("connect-asked"), free_port()
    made = invoke(["init", str(folder), "--yes", "--address", f"http://127.0.0.1:{port}"], env={"META_TOKEN": None})
    assert made.exit_code == 0
    config = folder / "twofold.toml"
    config.write_text(config.read_text().replace("port = 8400", f"port = {port}").replace("[console]", "# [console]"))
    loaded = read_private(config.with_suffix(".env"))
    with contextlib.closing(Program(["serve", "--config", str(config)], port=port, env=loaded)) as program:
        program.start()
        yield Side(config)
        assert program.stop() == 0


def await_that(done: Callable[[], Any], why: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, why
        time.sleep(0.05)


# -- BigCommerce


@dataclass
class WithHooks:
    """BigCommerce's orders, and its `/v3/hooks` after webhooks.v3: a second one of the same scope and destination is refused."""

    shop: BigCommerce = field(default_factory=BigCommerce)
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(18_048_287))

    def __call__(self, asked: Asked) -> Reply:
        base, sign, number = asked.path.partition("/v3/hooks")
        if not sign:
            return self.shop(asked)
        if base != "/stores/abc123" or asked.headers.get("x-auth-token") != TOKEN:
            return Reply(status=401, body={"status": 401, "title": "X-Auth-Token header is required"})
        if asked.method == "GET":
            size, page = int(asked.query["limit"]), int(asked.query["page"])
            return Reply(body={"data": list(self.hooks.values())[size * (page - 1) : size * page], "meta": {}})
        if asked.method == "POST":
            if any(self._names(one) == self._names(asked.json) for one in self.hooks.values()):
                return Reply(status=422, body={"status": 422, "title": "This webhook exists already."})
            one = next(self._ids)
            self.hooks[one] = {"id": one, "client_id": "c", "headers": None, **asked.json}
            return Reply(body={"data": self.hooks[one], "meta": {}})
        one = int(number.strip("/"))
        if one not in self.hooks:
            return Reply(status=404, body={"status": 404, "title": "Not found"})
        if asked.method == "DELETE":
            return Reply(body={"data": self.hooks.pop(one), "meta": {}})
        self.hooks[one] |= asked.json
        return Reply(body={"data": self.hooks[one], "meta": {}})

    @staticmethod
    def _names(one: dict[str, Any]) -> tuple[Any, Any]:
        return one["scope"], one["destination"]

    def tell(self, number: int) -> list[int]:
        """To everybody whose webhook is on."""
        ours = [one for one in self.hooks.values() if one["is_active"] and one["destination"] != ELSEWHERE]
        return [requests.post(one["destination"], data=notice(number), timeout=60).status_code for one in ours]


def test_bigcommerce_from_nothing_and_back(side: Side) -> None:
    """Made, told through, mended, and undone to the letter; an order that is told of is asked for by the gateway that runs."""
    there = WithHooks()
    there.hooks[7] = {"id": 7, "scope": "store/cart/*", "destination": ELSEWHERE, "is_active": True}
    there.shop.put(
        bigcommerce_order(1001, time.time() - 3_600, date_created=mail(time.time() - 4_000)), [bigcommerce_product()]
    )
    with standing_in(there) as running:
        at = ("connect", "bigcommerce", "--shop", SHOP, "--endpoint", f"{running.url}/stores/abc123")
        code, lines, _ = side.run(*at, BIGCOMMERCE_TOKEN="another-token-0123")
        assert (code, lines, side.config.read_text()) == (1, {"not connected": "do"}, side.written)
        code, lines, hooks = side.run(*at, BIGCOMMERCE_TOKEN=TOKEN)
        assert (code, lines) == (0, {"list of changes": "ok", "one order": "ok", "gateway": "ok", "is asked for": "ok"})
        assert [(one["topic"], one["state"]) for one in hooks] == [("store/cart/*", "left"), ("store/order/*", "made")]
        before = len(running.asked)
        assert there.tell(1001) == [200]
        await_that(lambda: _paths(running, before) >= {"/stores/abc123/v2/orders/1001"}, "the order was not asked for")

        assert [one["state"] for one in side.run("connect", "bigcommerce")[2]] == ["left", "kept"]
        (ours,) = [one for one in there.hooks.values() if one["destination"] != ELSEWHERE]
        ours["is_active"] = False
        assert [one["state"] for one in side.run("connect", "bigcommerce")[2]] == ["left", "mended"]
        assert ours["is_active"] is True
        kept = dict(there.hooks)
        code, lines, hooks = side.run("disconnect", "bigcommerce")
        assert (code, [one["state"] for one in hooks], list(there.hooks)) == (0, ["left", "removed"], [7])
        there.hooks = kept
        assert there.tell(1001) == [404], "its door is gone, without a restart"
    assert side.config.read_text() == side.written
    assert not any(name.startswith("BIGCOMMERCE") for name in side.secrets())


def _paths(running: StandIn, since: int) -> set[str]:
    return {one.path for one in running.asked[since:]}


# -- shops whose list is read


def zoned(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def magento() -> Magento:
    shop, at = Magento(), zoned(time.time() - 3_600)
    shop.put(magento_order(101, at, created_at=at))
    return shop


def prestashop() -> PrestaShop:
    shop, at = PrestaShop(), zoned(time.time() - 3_600)
    shop.put(prestashop_order(55, at, date_add=at))
    return shop


def shopware() -> Shopware:
    shop, order = Shopware(), shopware_order()
    shop.orders[order["id"]] = order | {"updatedAt": datetime.now(UTC).isoformat()}
    return shop


@pytest.mark.parametrize(
    ("system", "make", "given", "wrong"),
    [
        ("magento", magento, {"MAGENTO_TOKEN": TOKEN}, {"MAGENTO_TOKEN": "another-token-0123"}),
        ("prestashop", prestashop, {"PRESTASHOP_TOKEN": TOKEN}, {"PRESTASHOP_TOKEN": "another-token-0123"}),
        (
            "shopware", shopware, {"SHOPWARE_ID": NAME, "SHOPWARE_SECRET": WORD},
            {"SHOPWARE_ID": NAME, "SHOPWARE_SECRET": "another-word-0123"},
        ),
    ],
)  # fmt: skip
def test_a_shop_that_is_polled(
    side: Side, system: str, make: Callable[[], Any], given: dict[str, str], wrong: dict[str, str]
) -> None:
    """Its list and one order are read, a wrong access changes nothing, and the running gateway looks at the list from then on."""
    with standing_in(make()) as running:
        at = ("connect", system, "--shop", SHOP, "--endpoint", running.url)
        code, lines, _ = side.run(*at, **wrong)
        assert (code, lines, side.config.read_text()) == (1, {"not connected": "do"}, side.written)
        before = len(running.asked)
        code, lines, _ = side.run(*at, **given)
        assert (code, lines) == (0, {"list of changes": "ok", "one order": "ok", "gateway": "ok", "is asked for": "ok"})
        tried = len(running.asked)
        assert tried > before
        await_that(lambda: len(running.asked) > tried, "the gateway does not look")
        (source,) = load_settings(side.config, environ={}).source
        assert (source.type, source.shop, source.endpoint) == (system, SHOP, running.url)
        assert side.run("connect", system)[0] == 0, "what is known is not asked for"
        assert side.run("disconnect", system)[0] == 0
    assert side.config.read_text() == side.written
    assert not any(name.startswith(system.upper()) for name in side.secrets())


def test_an_order_that_cannot_be_understood_is_named(side: Side) -> None:
    """The access is right; what the shop answers is not what its documents have."""
    shop = magento()
    shop.orders[101]["increment_id"] = None
    with standing_in(shop) as running:
        at = ("connect", "magento", "--shop", SHOP, "--endpoint", running.url)
        code, lines, _ = side.run(*at, MAGENTO_TOKEN=TOKEN)
        assert (code, lines["one order"]) == (0, "look")
        assert side.run("disconnect", "magento")[0] == 0


# -- providers whose key is tried


def mollie(asked: Asked) -> Reply:
    """docs.mollie.com/reference/list-payments."""
    if not asked.headers.get("authorization", "").endswith("-of-the-profile"):
        return Reply(status=401, body={"status": 401, "title": "Unauthorized Request"})
    assert (asked.path, asked.query) == ("/v2/payments", {"limit": "1"})
    return Reply(body={"count": 0, "_embedded": {"payments": []}})


@pytest.mark.parametrize(
    ("system", "there", "given", "wrong", "said"),
    [
        ("mollie", mollie, {"MOLLIE_TOKEN": "live_key-of-the-profile"}, {"MOLLIE_TOKEN": "live_key-of-nobody"}, "ok"),
        ("mollie", mollie, {"MOLLIE_TOKEN": "test_key-of-the-profile"}, {"MOLLIE_TOKEN": "test_key-of-nobody"}, "look"),
        ("klarna", Klarna(), {"KLARNA_ID": NAME, "KLARNA_SECRET": WORD}, {"KLARNA_ID": NAME, "KLARNA_SECRET": "no-word"}, "ok"),
        (
            "tbc", Tbc(), {"TBC_TOKEN": KEY, "TBC_ID": NAME, "TBC_SECRET": WORD},
            {"TBC_TOKEN": KEY, "TBC_ID": NAME, "TBC_SECRET": "no-word-of-it"}, "ok",
        ),
    ],
)  # fmt: skip
def test_a_providers_key(
    side: Side, system: str, there: Callable[[Asked], Reply], given: dict[str, str], wrong: dict[str, str], said: str
) -> None:
    """Tried, kept, and the door of its notices is open at once; the address is printed where it is asked for."""
    with standing_in(there) as running:
        at = ("connect", system, "--shop", SHOP, "--endpoint", running.url)
        code, lines, _ = side.run(*at, **wrong)
        assert (code, lines, side.config.read_text()) == (1, {"not connected": "do"}, side.written)
        code, lines, _ = side.run(*at, **given)
        assert (code, lines["gateway"], lines["is asked for"], lines["next"]) == (0, "ok", "ok", "look")
        assert next(iter(lines.values())) == said
        done = invoke(["connect", system, "--address", "--config", str(side.config)], env=dict.fromkeys(VARIABLES))
        (address,) = [line for line in done.stdout.splitlines() if line.startswith("http")]
        assert address.endswith(f"/webhooks/{system}/{SHOP}/{side.secrets()[f'{system.upper()}_WORD']}")
        assert requests.post(address, data=b"{}", timeout=60).status_code != 404
        assert side.run("disconnect", system)[0] == 0
        assert requests.post(address, data=b"{}", timeout=60).status_code == 404
    assert side.config.read_text() == side.written
    assert not any(name.startswith(system.upper()) for name in side.secrets())


def test_what_a_person_wrote_stays(side: Side) -> None:
    """Its own names for the secrets; disconnecting leaves the table, and a secret in the file itself is refused."""
    mine = (
        '\n[[source]]\ntype = "magento"\nshop = "mine.example"\ndataset = "1234567890"\nendpoint = "http://127.0.0.1:1"\n'
        'token = "env:MY_NAME"\n'
    )
    side.config.write_text(side.written + mine)
    with standing_in(magento()) as running:
        assert side.run("connect", "magento", "--endpoint", running.url, MAGENTO_TOKEN=TOKEN)[0] == 0
        assert side.secrets()["MY_NAME"] == TOKEN
        assert running.url in side.config.read_text()
        assert side.run("disconnect", "magento")[0] == 0
        assert 'token = "env:MY_NAME"' in side.config.read_text()
        side.config.write_text(side.written + mine.replace("env:MY_NAME", "in-the-file-itself"))
        done = invoke(["connect", "magento", "--config", str(side.config)], env=dict.fromkeys(VARIABLES))
        assert "stands in" in str(done.exception)
    side.config.write_text(side.written)
