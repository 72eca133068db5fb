"""Snippets: every value of the configuration in its place, no example left, nothing that could leave its place, no secret."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance.gateway_process import Gateway, clean_environment, gateway, run_twofold

from twofold.config import Settings, settings_from
from twofold.errors import ConfigError
from twofold.setup.snippet import SNIPPETS, fill
from twofold.sources.purchase_ids import secret_id

NODE = Path(__file__).parents[1] / "clients" / "node"
KEY = "key-of-the-shop-and-nobody"
EXAMPLES = ("gateway.shop.example", "1234567890", "demo.myshopify.com", "'shop.example'")


def settings(
    shop: str = "teashop.myshopify.com", address: str = "https://events.teashop.example", **source: Any
) -> Settings:
    return settings_from(
        {
            "server": {"address": address, "tag_path": "/x"},
            "dataset": [{"id": "9876543210", "key": KEY}],
            "source": [
                {"type": "shopify", "dataset": "9876543210", "shop": shop, "secret": KEY, "path": "/in", **source},
                {"type": "woocommerce", "dataset": "9876543210", "shop": "teashop.example", "secret": KEY, **source},
            ],
        },
        environ={},
    )


@pytest.mark.parametrize("kind", SNIPPETS)
def test_every_value_is_in_its_place(kind: str) -> None:
    """The gateway's address with the tag's own path, the dataset, and no example of the file."""
    text = fill(kind, settings())
    assert "9876543210" in text
    assert ("https://events.teashop.example" if kind.startswith("sdk") else "https://events.teashop.example/x/") in text
    assert not [example for example in EXAMPLES if example in text]
    assert KEY not in text


def test_the_pixel_and_the_page_follow_the_source() -> None:
    """Which ids, and what the theme reports already."""
    plain = fill("pixel", settings())
    assert "shop: 'teashop.myshopify.com'" in plain
    assert "secretIds: true" in plain
    assert "inTheme: ['PageView']" in plain
    assert "nativeIds: true" in fill("pixel", settings(event_id="native"))
    assert "secretIds: false" in fill("pixel", settings(event_id="order"), in_theme=("PageView", "ViewContent"))
    assert "inTheme: ['PageView', 'ViewContent']" in fill("pixel", settings(), in_theme=("PageView", "ViewContent"))
    assert "inTheme: []" in fill("pixel", settings(), in_theme=())
    assert "define( 'TWOFOLD_SHOP', 'teashop.example' );" in fill("woocommerce", settings())
    assert "define( 'TWOFOLD_IDS', 'order' );" in fill("woocommerce", settings(event_id="order"))


@pytest.mark.parametrize("shop", ["a'; alert(1); '", "x\ny", "</script>", "a b"])
def test_what_could_leave_its_place_in_code_is_refused(shop: str) -> None:
    """A configuration is not always written by who owns the page."""
    with pytest.raises(ConfigError, match="cannot stand in a snippet"):
        fill("pixel", settings(shop=shop))


@pytest.mark.parametrize(
    ("changed", "kind", "says"),
    [
        ({"server": {}}, "tag", "server.address is not set"),
        ({"dataset": []}, "tag", "no \\[\\[dataset\\]\\]"),
        ({"dataset": [{"id": "1"}, {"id": "2"}]}, "tag", "--dataset: 1, 2"),
        ({}, "pixel", "twofold connect shopify"),
        ({}, "woocommerce", "twofold connect woocommerce"),
    ],
)
def test_what_is_missing_is_named(changed: dict[str, Any], kind: str, says: str) -> None:
    tree = {"server": {"address": "https://g.example"}, "dataset": [{"id": "1"}], **changed}
    with pytest.raises(ConfigError, match=says):
        fill(kind, settings_from(tree, environ={}))


# -- the SDKs, for real


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    toml = f'[[dataset]]\nid = "9876543210"\nkey = "{KEY}"\n'
    with gateway(toml, tmp_path_factory.mktemp("snippets") / "data") as started:
        text = started.config.read_text()
        started.config.write_text(f'[server]\naddress = "{started.url}"\n{text}')
        yield started


def printed(running: Gateway, kind: str) -> str:
    done = run_twofold("snippet", kind, "--config", str(running.config))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("twofold: ")
    return done.stdout


def sent(running: Gateway, event_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (rows := running.rows("actions", id=event_id)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return rows[0]


def test_the_python_sdk_sends_through_the_gateway(running: Gateway, tmp_path: Path) -> None:
    """As it is printed, with a call behind it."""
    code = printed(running, "sdk-python") + textwrap.dedent("""
        send_purchase("1001", "drawn-in-python", 42.5, "EUR", UserData(email="mary@shop.example"))
    """)
    (tmp_path / "send.py").write_text(code)
    subprocess.run(
        [sys.executable, tmp_path / "send.py"], check=True, timeout=60, env=clean_environment() | {"TWOFOLD_KEY": KEY}
    )
    row = sent(running, "drawn-in-python")
    assert (row["event_name"], row["value"], row["order_id"], row["match_keys"]) == ("Purchase", "42.5", "1001", ["em"])


@pytest.mark.node
def test_the_node_sdk_sends_through_the_gateway(running: Gateway, tmp_path: Path) -> None:
    """The same."""
    (tmp_path / "twofold.cjs").write_text(printed(running, "sdk-node"))
    call = """
      require(process.argv[1]).sendPurchase({orderId: '1002', eventId: 'drawn-in-node', value: 42.5, currency: 'EUR',
        email: 'mary@shop.example', address: '203.0.113.7', agent: 'Mozilla/5.0'}).catch((e) => { console.error(e); process.exit(1) });
    """
    environment = clean_environment() | {"TWOFOLD_KEY": KEY, "NODE_PATH": str(NODE / "node_modules")}
    subprocess.run(["node", "-e", call, str(tmp_path / "twofold.cjs")], check=True, timeout=60, env=environment)
    assert sent(running, "drawn-in-node")["order_id"] == "1002"


@pytest.mark.node
def test_the_module_makes_the_webhooks_id(tmp_path: Path) -> None:
    """From the cart's token, as the gateway makes it from the order's link; what can be counted is refused."""
    (tmp_path / "twofold.mjs").write_text(fill("headless", settings()))
    call = """
      import(process.argv[1]).then(async (module) => {
        const refused = await module.purchaseId('1234567890123456').catch((e) => e.message);
        console.log(JSON.stringify([await module.purchaseId('c1-a7f3e2b9d4c6f8'), refused, await module.start(), await module.cartAttributes(false)]));
      });
    """
    done = subprocess.run(
        ["node", "-e", call, str(tmp_path / "twofold.mjs")], capture_output=True, text=True, check=True, timeout=60
    )
    made, refused, started, attributes = json.loads(done.stdout)
    assert made == secret_id(["checkout:c1-a7f3e2b9d4c6f8"])
    assert "not only digits" in refused
    assert started is False, "nothing to load on a server"
    assert attributes == [{"key": "_twofold_consent", "value": "denied"}]


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = run_twofold("snippet", "magento")
    assert done.returncode == 2
    assert "sdk-python" in done.stderr
    with contextlib.suppress(json.JSONDecodeError):
        assert not done.stdout
