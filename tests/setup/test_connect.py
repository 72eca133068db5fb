"""Connecting a shop: one gateway that is never restarted, and platforms that deliver with the secret they were given or gave."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance.gateway_process import Program

from tests.command_line import invoke
from tests.ports import free_port
from tests.pulling.stand_in import Asked, Reply, StandIn, standing_in
from tests.setup.platforms import MetaStandIn, ShopifyStandIn, StripeStandIn, WooCommerceStandIn
from twofold.config import load_settings
from twofold.config.private import read_private
from twofold.setup.topics import WANTED

ORDER = json.dumps({"id": 1001, "name": "#1001"}).encode()
SHOP = "teashop.myshopify.com"
ELSEWHERE = "https://other.example/hook"


class Side:
    """Our side: the two files and the gateway on them."""

    def __init__(self, config: Path, gateway: Program) -> None:
        self.config, self.gateway = config, gateway
        self.written = config.read_text()

    def run(self, *arguments: str, **variables: str) -> tuple[int, list[dict[str, Any]]]:
        """One command; every line that it printed, none of which holds a credential."""
        names = ("SHOPIFY_CLIENT_ID", "SHOPIFY_CLIENT_SECRET", "WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET",
                 "STRIPE_API_KEY", "META_TOKEN")  # fmt: skip
        environment: dict[str, str | None] = {**dict.fromkeys(names), **variables}
        done = invoke([*arguments, "--config", str(self.config), "--json"], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        hidden = [
            *(v for n, v in variables.items() if not n.endswith("_ID")),
            *read_private(self.config.with_suffix(".env")).values(),
        ]
        assert not any(secret in done.output for secret in hidden)
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def secret(self, name: str) -> str | None:
        return read_private(self.config.with_suffix(".env")).get(name)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("connect")
    port = free_port()
    made = invoke(["init", str(folder), "--yes", "--address", f"http://127.0.0.1:{port}"], env={"META_TOKEN": None})
    assert made.exit_code == 0
    config = folder / "twofold.toml"
    config.write_text(config.read_text().replace("port = 8400", f"port = {port}").replace("[console]", "# [console]"))
    loaded = read_private(config.with_suffix(".env"))  # as a unit's EnvironmentFile has it
    with contextlib.closing(Program(["serve", "--config", str(config)], port=port, env=loaded)) as program:
        program.start()
        yield Side(config, program)
        assert program.stop() == 0


@contextlib.contextmanager
def platform(there: Callable[[Asked], Reply]) -> Iterator[StandIn]:
    with standing_in(there) as running:
        yield running


def states(rows: list[dict[str, Any]]) -> list[str]:
    return [row["state"] for row in rows if row["row"] == "webhook"]


def lines(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["name"]: row["state"] for row in rows if row["row"] == "line"}


# -- Shopify


def test_shopify_from_nothing_and_back(side: Side) -> None:
    """Made, used at once by the gateway that runs, made again to no effect, and undone to the letter."""
    there = ShopifyStandIn()
    there.hooks["x"] = {"id": "x", "topic": "ORDERS_CREATE", "uri": ELSEWHERE}
    given = {"SHOPIFY_CLIENT_ID": there.client_id, "SHOPIFY_CLIENT_SECRET": there.client_secret}
    with platform(there) as running:
        code, rows = side.run("connect", "shopify", "--shop", SHOP, "--endpoint", running.url, **given)
        assert code == 0, rows
        assert states(rows) == ["left"] + ["made"] * len(WANTED["shopify"])
        assert lines(rows)["gateway"] == "ok", rows
        assert side.secret("SHOPIFY_SECRET") == there.client_secret
        assert there.deliver("orders/create", ORDER) == [200]

        code, rows = side.run("connect", "shopify", "--endpoint", running.url, **given)
        assert (code, set(states(rows))) == (0, {"left", "kept"})
        assert len(there.hooks) == len(WANTED["shopify"]) + 1

        kept = dict(there.hooks)
        code, rows = side.run("disconnect", "shopify", "--endpoint", running.url, **given)
        assert (code, set(states(rows))) == (0, {"left", "removed"})
        assert list(there.hooks) == ["x"]
        told = {row["name"]: row["text"] for row in rows if row["row"] == "line"}
        assert told["gateway"] == "has let go of it, without a restart"
        code, rows = side.run("disconnect", "shopify", "--shop", SHOP, "--endpoint", running.url, **given)
        told = {row["name"]: row["text"] for row in rows if row["row"] == "line"}
        assert (code, told) == (
            0,
            {"configuration": f"the source shopify {SHOP} is not in it: nothing was to be taken out"},
        )
        there.hooks = kept
        assert there.deliver("orders/create", ORDER) == [404], "its door is gone, without a restart"
    assert side.config.read_text() == side.written
    assert side.secret("SHOPIFY_SECRET") is None


def test_shopify_that_refuses_a_topic_or_the_app(side: Side) -> None:
    """A refused topic is told in Shopify's words, and fails the command only where orders would be wrong without it."""
    there = ShopifyStandIn(scopes=("read_orders",), refuses={"RETURNS_REQUEST": "You do not have permission"})
    given = {"SHOPIFY_CLIENT_ID": there.client_id, "SHOPIFY_CLIENT_SECRET": there.client_secret}
    with platform(there) as running:
        at = ("--shop", SHOP, "--endpoint", running.url)
        code, rows = side.run("connect", "shopify", *at, **given)
        assert (code, lines(rows)["scopes"]) == (0, "look")
        assert [r["text"] for r in rows if r.get("state") == "refused"] == ["You do not have permission"]
        there.hooks.clear()
        there.refuses["ORDERS_CREATE"] = "not approved for protected customer data"
        assert side.run("connect", "shopify", *at, **given)[0] == 1
        before = side.config.read_text()
        code, rows = side.run(
            "connect", "shopify", *at, **{**given, "SHOPIFY_CLIENT_SECRET": "shpss_of_another_app_0123456789"}
        )
        assert (code, lines(rows)) == (1, {"not connected": "do"})
        assert "dev.shopify.com" in rows[0]["command"]
        assert (side.config.read_text(), side.secret("SHOPIFY_SECRET")) == (before, there.client_secret), (
            "nothing was changed"
        )
        there.refuses.clear()
        assert side.run("disconnect", "shopify", *at, **given)[0] == 0
    assert side.config.read_text() == side.written


# -- WooCommerce


def test_woocommerce_gets_our_secret_and_keeps_it(side: Side) -> None:
    """Pings are answered; a webhook whose secret was changed there, or that was switched off, is mended by doing it again."""
    there = WooCommerceStandIn()
    there.hooks[77] = {
        "id": 77,
        "topic": "order.created",
        "delivery_url": ELSEWHERE,
        "status": "active",
        "secret": "theirs",
    }
    given = {"WOOCOMMERCE_CONSUMER_KEY": "ck_0123", "WOOCOMMERCE_CONSUMER_SECRET": "cs_0123"}
    with platform(there) as running:
        at = ("--shop", "shop.example", "--endpoint", running.url)
        code, rows = side.run("connect", "woocommerce", *at, **given)
        assert (code, states(rows)) == (0, ["left", "made", "made", "made", "made"]), rows
        assert there.pings == [200, 200, 200, 200]
        assert there.deliver("order.updated", b"[]") == [200]
        (one,) = [h for h in there.hooks.values() if h["topic"] == "order.updated"]
        one["secret"], one["status"] = "changed there", "disabled"
        assert there.deliver("order.updated", b"[]") == [401]
        code, rows = side.run("connect", "woocommerce", *at, **given)
        assert (code, sorted(states(rows))) == (0, ["kept", "kept", "kept", "left", "mended"])
        assert there.deliver("order.updated", b"[]") == [200]
        assert one["id"] not in there.hooks  # made anew: the count of its failures begins again
        code, rows = side.run("connect", "woocommerce", *at, **{**given, "WOOCOMMERCE_CONSUMER_SECRET": "cs_wrong"})
        assert (code, lines(rows)) == (1, {"not connected": "do"})
        code, rows = side.run("disconnect", "woocommerce", *at, **given)
        assert (code, sorted(states(rows))) == (0, ["left", "removed", "removed", "removed", "removed"])
        assert list(there.hooks) == [77]
    assert side.config.read_text() == side.written


def test_a_consumer_secret_does_not_go_in_the_clear(side: Side) -> None:
    """Basic over plain http is everybody's on the way."""
    done = invoke(
        [
            "connect",
            "woocommerce",
            "--shop",
            "shop.example",
            "--endpoint",
            "http://shop.example",
            "--config",
            str(side.config),
        ],
    )
    assert "https://" in str(done.exception)


# -- Stripe


CHARGE = {"id": "ch_1", "object": "charge", "amount": 4250, "currency": "eur"}


def test_stripes_secret_is_taken_from_the_answer(side: Side) -> None:
    """Once told, kept; lost here, the endpoint is made anew; changed there, brought up to date."""
    there = StripeStandIn()
    there.endpoints["we_x"] = {"id": "we_x", "url": ELSEWHERE, "enabled_events": ["*"], "status": "enabled"}
    with platform(there) as running:
        at = ("--shop", "tea", "--endpoint", running.url)
        code, rows = side.run("connect", "stripe", *at, STRIPE_API_KEY=there.key)
        assert (code, states(rows)) == (0, ["left", "made"]), rows
        (secret,) = there.secrets.values()
        assert side.secret("STRIPE_SECRET") == secret
        assert there.deliver("charge.refunded", CHARGE) == [200]

        assert states(side.run("connect", "stripe", *at, STRIPE_API_KEY=there.key)[1]) == ["left", "kept"]
        (ours,) = [e for e in there.endpoints.values() if e["url"] != ELSEWHERE]
        ours["status"], ours["enabled_events"] = "disabled", ["charge.failed", "customer.created"]
        assert states(side.run("connect", "stripe", *at, STRIPE_API_KEY=there.key)[1]) == ["left", "mended"]
        assert ours["status"] == "enabled"
        assert set(ours["enabled_events"]) == {*WANTED["stripe"], "customer.created"}, "what somebody added stays"

        env = side.config.with_suffix(".env")
        env.write_text(env.read_text().replace(secret, "0123456789abcdef-lost"))
        there.full = True
        code, rows = side.run("connect", "stripe", *at, STRIPE_API_KEY=there.key)
        assert (code, states(rows)) == (1, ["left", "refused"])
        assert "maximum" in next(row["text"] for row in rows if row["row"] == "webhook" and row["state"] == "refused")
        assert len(there.endpoints) == 2, "the old one stays until there is a new one"
        there.full = False
        assert states(side.run("connect", "stripe", *at, STRIPE_API_KEY=there.key)[1]) == ["left", "made", "removed"]
        assert side.secret("STRIPE_SECRET") != secret
        assert there.deliver("charge.refunded", CHARGE) == [200]

        code, rows = side.run("connect", "stripe", *at, STRIPE_API_KEY="rk_wrong")
        assert (code, lines(rows)) == (1, {"not connected": "do"})
        assert states(side.run("disconnect", "stripe", *at, STRIPE_API_KEY=there.key)[1]) == ["left", "removed"]
        assert list(there.endpoints) == ["we_x"]
    assert side.config.read_text() == side.written


# -- what a person wrote


def test_a_source_that_somebody_wrote_stays(side: Side) -> None:
    """Its own name for the secret, its own place; disconnecting takes away what is at the platform only."""
    mine = (
        '\n[[source]]\ntype = "woocommerce"\nshop = "mine.example"\ndataset = "1234567890"\nsecret = ["env:MY_NAME"]\n'
    )
    side.config.write_text(side.written + mine)
    there = WooCommerceStandIn()
    given = {"WOOCOMMERCE_CONSUMER_KEY": "ck_0123", "WOOCOMMERCE_CONSUMER_SECRET": "cs_0123"}
    with platform(there) as running:
        assert side.run("connect", "woocommerce", "--endpoint", running.url, **given)[0] == 0
        assert side.secret("MY_NAME"), "it had none: one was drawn"
        assert there.deliver("order.created", b"[]") == [200]
        code, rows = side.run("disconnect", "woocommerce", "--endpoint", running.url, **given)
        assert code == 0
        assert "stays" in rows[-1]["text"]
    assert side.config.read_text() == side.written + mine
    side.config.write_text(side.written)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            '[[source]]\ntype = "stripe"\nshop = "s"\ndataset = "1234567890"\nsecret = "in-the-file-itself"\n',
            "stands in",
        ),
        ('[[dataset]]\nid = "2"\n', "which dataset"),
        ("# nothing\n", "expected letters"),
    ],
)
def test_what_cannot_be_wired_changes_nothing(side: Side, more: str, says: str) -> None:
    """A secret in the file itself, two datasets, a name that would end its line: said before anybody is asked."""
    shop = "s\n[x]" if "nothing" in more else "s"
    side.config.write_text(side.written + "\n" + more)
    done = invoke(["connect", "stripe", "--shop", shop, "--config", str(side.config)], env={"STRIPE_API_KEY": "k" * 20})
    assert says in str(done.exception)
    assert side.config.read_text() == side.written + "\n" + more
    side.config.write_text(side.written)


# -- Meta, last: it renames the placeholder's dataset


def test_meta_and_one_event_that_is_seen_to_arrive(side: Side) -> None:
    """The token's other datasets, the owner, and what the test event carried."""
    there = MetaStandIn()
    with platform(there) as running:
        at = ("connect", "meta", "--dataset", "9876543210", "--endpoint", running.url)
        code, rows = side.run(*at, META_TOKEN="EAAB-of-somebody-else")
        assert (code, lines(rows)) == (1, {"not connected": "do"})
        assert side.config.read_text() == side.written

        code, rows = side.run(*at, META_TOKEN=there.token)
        told = {row["name"]: row["text"] for row in rows}
        assert told["dataset"] == "9876543210 Tea shop, owned by Tea Ltd"
        assert told["may also use dataset"].startswith("5555555555 Old shop")
        assert (code, lines(rows)["gateway"]) == (1, "do"), (
            "the placeholder's number became a dataset: that needs a start"
        )
        side.gateway.stop()
        side.gateway.load(read_private(side.config.with_suffix(".env")))  # as systemd does at each start
        side.gateway.start()
        there.token = "EAAB-the-next-token-of-the-system-user"

        code, rows = side.run(*at, "--test-code", "TEST12345", META_TOKEN=there.token)
        assert code == 0, rows
        told = {row["name"]: row["text"] for row in rows}
        assert told["gateway"] == "has the new secret, without a restart"
        assert told["test event to meta-9876543210"] == (
            "arrived as website with client_ip_address, client_user_agent, external_id"
        )
        assert [(e["event_name"], e["code"]) for e in there.received] == [("TwofoldTest", "TEST12345")]

        assert side.run("disconnect", "meta")[0] == 0
        assert load_settings(side.config, environ={}).destination[0].endpoint == "http://127.0.0.1:8401"
        assert there.token not in side.config.with_suffix(".env").read_text()
