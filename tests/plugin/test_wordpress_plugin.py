"""The WordPress plugin in Debian's PHP, with WordPress's own hooks and escaping: paired by a code, and what it prints and keeps."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import invoke
from twofold import __version__
from twofold.config import load_settings, secrets_of
from twofold.setup.topics import WANTED
from twofold.sources import SOURCES
from twofold.sources.contract import SourceOptions
from twofold.sources.purchase_ids import secret_id

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORDPRESS = HERE / "wordpress" / "usr" / "share" / "wordpress"
KEY = "wc_order_AbCdEfGhIjKlM"
pytestmark = pytest.mark.php


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked from the zip that `make plugin` makes, as WordPress would."""
    folder = tmp_path_factory.mktemp("plugin")
    zipped = folder / "twofold.zip"
    subprocess.run([sys.executable, ROOT / "plugins" / "wordpress" / "make.py", zipped], check=True, timeout=60)
    with zipfile.ZipFile(zipped) as made:
        made.extractall(folder)
    return folder / "twofold"


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """The code that the command prints for a configuration that `init` wrote, and those settings."""
    folder = tmp_path_factory.mktemp("side")
    given = ["--yes", "--shop", "shop.example", "--address", "https://gateway.shop.example"]
    assert invoke(["init", str(folder), *given], env={"META_TOKEN": None}).exit_code == 0
    config = str(folder / "twofold.toml")
    done = invoke(["connect", "woocommerce", "--code", "--config", config])  # the site is in the configuration already
    assert done.exit_code == 0, done.output
    (code,) = re.findall(r"^twofold1\.\S+$", done.output, re.M)
    return code, load_settings(config, environ={})


def php(
    plugin: Path,
    scenario: str,
    options: dict[str, Any] | None = None,
    woocommerce: str = "with",
    file: str = "twofold.php",
) -> Any:
    """What a scenario answers with `echo json_encode(...)`."""
    arguments = [str(WORDPRESS), str(plugin / file), json.dumps(options or {}), woocommerce]
    done = subprocess.run(
        ["php", "-d", "display_errors=stderr", str(HERE / "host.php"), *arguments],
        input=scenario, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_the_zip_is_whole_and_the_same_each_time(plugin: Path, tmp_path: Path) -> None:
    """Every file is PHP that parses; the shared one is the snippet's; the version is the program's."""
    again = tmp_path / "again.zip"
    subprocess.run([sys.executable, ROOT / "plugins" / "wordpress" / "make.py", again], check=True, timeout=60)
    assert again.read_bytes() == (plugin.parent / "twofold.zip").read_bytes()
    files = sorted(p.relative_to(plugin).as_posix() for p in plugin.rglob("*.php"))
    assert files == [
        "includes/functions.php", "includes/pairing.php", "includes/settings-page.php", "includes/webhooks.php", "twofold.php",
        "uninstall.php",
    ]  # fmt: skip
    for name in files:
        subprocess.run(["php", "-l", plugin / name], check=True, capture_output=True, timeout=60)
    assert f"Version:              {__version__}\n" in (plugin / "twofold.php").read_text()
    assert f"Stable tag: {__version__}\n" in (plugin / "readme.txt").read_text()
    shared = (ROOT / "twofold" / "setup" / "snippets" / "functions.php").read_bytes()
    assert (plugin / "includes" / "functions.php").read_bytes() == shared


def test_a_code_makes_the_webhooks_and_keeps_no_secret(plugin: Path, paired: tuple[str, Any]) -> None:
    """With the gateway's own secret and address, for the topics that the gateway wants; entered twice they stay four."""
    code, settings = paired
    (source,) = settings.source
    answer = php(
        plugin,
        f"""
        WC_Webhook::$saved[7] = array( 'id' => 7, 'topic' => 'order.created', 'delivery_url' => 'https://other.example/', 'status' => 'active' );
        $first = twofold_handle( array( 'twofold_code' => wp_slash( "{code[:40]}\\n{code[40:]}" ) ) );
        $again = twofold_handle( array( 'twofold_code' => '{code}' ) );
        echo json_encode( array( $first, $again, array_values( WC_Webhook::$saved ), all_options() ) );
        """,
    )
    first, again, webhooks, options = answer
    assert first == again
    ((sentence, kind),) = first.items()
    assert (sentence.startswith("Paired."), kind) == (True, "success")
    assert webhooks[0]["delivery_url"] == "https://other.example/"
    made = webhooks[1:]
    assert [w["topic"] for w in made] == list(WANTED["woocommerce"])
    secret = secrets_of(source)[0]
    address = f"{settings.server.address}{source.path}"
    assert {(w["delivery_url"], w["secret"], w["status"], w["api_version"], w["user_id"]) for w in made} == {
        (address, secret, "active", "wp_api_v3", 5)
    }
    assert secret not in json.dumps(options)
    assert options["twofold_pairing"] == {
        "tag": "https://gateway.shop.example/t/twofold.js", "dataset": "1234567890", "shop": "shop.example", "ids": "secret",
        "webhook": address,
    }  # fmt: skip


PAIRING = {
    "tag": "https://gateway.shop.example/t/twofold.js", "dataset": "1234567890", "shop": "shop.example", "ids": "secret",
    "webhook": "https://gateway.shop.example/webhooks/woocommerce/shop.example",
}  # fmt: skip
OPTIONS = {"twofold_pairing": PAIRING}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (lambda code: "", "begins with"),
        (lambda code: code.replace("twofold1", "twofold2"), "begins with"),
        (lambda code: code[:-12] + code[-9:], "not whole"),
        (lambda code: code[:30] + ("A" if code[30] != "A" else "B") + code[31:], "not whole"),
    ],
)
def test_a_code_that_is_none_changes_nothing(plugin: Path, paired: tuple[str, Any], changed: Any, says: str) -> None:
    """One sentence, without the code, and what was paired before stays."""
    code = changed(paired[0])
    said, options, webhooks = php(
        plugin,
        f"$said = twofold_handle( array( 'twofold_code' => '{code}' ) ); echo json_encode( array( $said, all_options(), WC_Webhook::$saved ) );",
        OPTIONS,
    )
    ((sentence, kind),) = said.items()
    assert (says in sentence, kind) == (True, "error")
    assert not code or code not in sentence
    assert (options, webhooks) == (OPTIONS, [])


def test_a_code_with_other_values_is_refused_by_name(plugin: Path) -> None:
    """Whoever hands out a code cannot put a script's end into the pages with it."""
    bad = {**PAIRING, "secret": "a-secret-of-16-or-more", "tag": 'https://x.example/"></script>twofold.js'}
    scenario = """
        $part = rtrim( strtr( base64_encode( json_encode( $values ) ), '+/', '-_' ), '=' );
        echo json_encode( twofold_read_code( "twofold1.$part." . substr( hash( 'sha256', $part ), 0, 8 ) ) );
    """
    assert "its tag" in php(plugin, f"$values = json_decode( '{json.dumps(bad)}', true );" + scenario)


def test_the_page_of_an_order_carries_the_webhooks_id(plugin: Path) -> None:
    """The tag first in the head; the Purchase under the id that the gateway makes of the same order's webhook."""
    head, foot = php(
        plugin,
        f"$_GET['key'] = '{KEY}'; echo json_encode( array( printed( 'wp_head' ), printed( 'wp_footer' ) ) );",
        OPTIONS,
    )
    assert head.startswith('<script src="https://gateway.shop.example/t/twofold.js"></script>')
    assert "fbq('init', \"1234567890\")" in head
    (purchase, options) = re.findall(r"fbq\('track', 'Purchase', (\{.*?\}), (\{[^{}]*\})\)", foot)[0]
    body = {"id": 1001, "number": "1001", "order_key": KEY, "status": "processing", "currency": "EUR", "total": "42.50",
            "date_created_gmt": "2026-11-01T10:00:00", "payment_method": "cod", "line_items": [], "billing": {}}  # fmt: skip
    reading = SOURCES["woocommerce"].read(
        json.dumps(body).encode(), {}, SourceOptions(shop="shop.example"), 1_790_000_000_000
    )
    assert json.loads(options)["eventID"] == reading.copy.event_id == secret_id([f"order_key:{KEY}"])
    assert json.loads(purchase) == {
        "value": 42.5, "currency": "EUR", "order_id": "1001", "content_type": "product",
        "contents": [{"id": "42", "quantity": 2, "item_price": 21.25}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("situation", "printed"),
    [
        ("", False),  # nobody who has not the order's key
        ("$_GET['key'] = 'wc_order_of_somebody_else';", False),
        (f"$_GET['key'] = '{KEY}'; $order->status = 'failed';", False),
        (f"$_GET['key'] = '{KEY}'; function facebook_for_woocommerce() {{}}", False),  # Meta's plugin tracks it
        (f"$_GET['key'] = '{KEY}';", True),
    ],
)
def test_when_a_purchase_is_printed(plugin: Path, situation: str, printed: bool) -> None:
    """Only for whom the order is, and only where nobody else reports it."""
    foot = php(plugin, f"{situation} echo json_encode( printed( 'wp_footer' ) );", OPTIONS)
    assert ("Purchase" in foot) is printed


def test_an_order_keeps_what_its_browser_knows_as_far_as_it_may(plugin: Path) -> None:
    """Cookies with a yes, the refusal alone with a no; nothing that has not the form of a cookie."""
    scenario = """
        $_COOKIE = array( '_fbp' => 'fb.1.1.2', '_fbc' => 'x"><script>', '_ga' => 'GA1.1.1.2' );
        function wp_get_consent_type() { return 'optin'; }
        function wp_has_consent( $what ) { global $agreed; return $agreed; }
        $agreed = true;  printed( 'woocommerce_checkout_create_order', $order );  $with = $order->meta;
        $agreed = false; printed( 'woocommerce_store_api_checkout_update_order_from_request', $order );
        echo json_encode( array( $with, $order->meta ) );
    """
    assert php(plugin, scenario, OPTIONS) == [
        {"_twofold_consent": "granted", "_fbp": "fb.1.1.2", "_twofold__ga": "GA1.1.1.2"},
        {"_twofold_consent": "denied"},
    ]


def test_nothing_is_printed_before_it_is_paired_or_for_an_option_of_somebody_elses(plugin: Path) -> None:
    """A page of a shop without a gateway is what it was."""
    for options in ({}, {"twofold_pairing": "x"}, {"twofold_pairing": {**PAIRING, "tag": ""}}):
        assert php(plugin, "echo json_encode( printed( 'wp_head' ) . printed( 'wp_footer' ) );", options) == ""


def test_the_page_of_settings(plugin: Path, paired: tuple[str, Any]) -> None:
    """Needs the right and the page's own nonce; shows each webhook's state, no secret, and nothing unescaped."""
    hostile = {"twofold_pairing": {**PAIRING, "shop": "<b>x</b>"}}
    page, menu = php(
        plugin,
        """
        ( new WC_Webhook() )->save();
        twofold_make_webhooks( get_option( 'twofold_pairing' )['webhook'], 'a-secret-of-16-or-more' );
        foreach ( WC_Webhook::$saved as $id => $one ) { if ( ( $one['topic'] ?? '' ) === 'order.deleted' ) { WC_Webhook::$saved[ $id ]['status'] = 'disabled'; } }
        do_action( 'admin_menu' ); ob_start(); twofold_print_page(); echo json_encode( array( ob_get_clean(), $menu ) );
        """,
        hostile,
    )
    assert (menu[0][0], menu[0][3]) == ("woocommerce", "manage_woocommerce")
    assert "&lt;b&gt;x" in page
    assert "disabled: enter the code again" in page
    assert "a-secret-of-16-or-more" not in page
    assert page.count("nonce-of-twofold") == 2
    first = php(plugin, "ob_start(); twofold_print_page(); echo json_encode( ob_get_clean() );")
    assert "<code>twofold connect woocommerce --code --shop shop.example</code>" in first  # of https://www.shop.example
    code = paired[0]
    said = php(plugin, f"$may = false; echo json_encode( twofold_handle( array( 'twofold_code' => '{code}' ) ) );")
    assert said == {"You may not change this.": "error"}
    refused = php(
        plugin,
        f"$_POST = array( 'twofold_nonce' => 'of another page', 'twofold_code' => '{code}' );"
        "try { twofold_print_page(); } catch ( Exception $e ) { echo json_encode( array( $e->getMessage(), all_options() ) ); }",
    )
    assert refused == ["the link has expired", []]


def test_unpairing_and_deleting_take_away_what_is_ours(plugin: Path) -> None:
    """Webhooks that lead elsewhere stay; without WooCommerce nothing breaks."""
    setup = """
        define( 'WP_UNINSTALL_PLUGIN', true );
        WC_Webhook::$saved[7] = array( 'id' => 7, 'topic' => 'order.created', 'delivery_url' => 'https://other.example/', 'status' => 'active' );
        twofold_make_webhooks( get_option( 'twofold_pairing' )['webhook'], 'a-secret-of-16-or-more' );
    """
    for act in ("twofold_handle( array( 'twofold_unpair' => '1' ) );", f"require '{plugin}/uninstall.php';"):
        assert php(
            plugin,
            f"{setup} {act} echo json_encode( array( array_keys( WC_Webhook::$saved ), all_options() ) );",
            OPTIONS,
        ) == [[7], []]
    without = php(
        plugin,
        "twofold_unpair(); echo json_encode( array( all_options(), twofold_make_webhooks( 'https://g.example/w', 'x' ) ) );",
        OPTIONS,
        "without",
    )
    assert without[0] == []
    assert "WooCommerce is not active" in without[1][0]


def test_beside_the_snippet_it_prints_nothing_twice(plugin: Path, tmp_path: Path) -> None:
    """A shop that had the file in mu-plugins and installs the plugin."""
    shutil.copytree(plugin, tmp_path / "twofold")
    (tmp_path / "both.php").write_text(
        f"<?php require '{tmp_path}/twofold/includes/functions.php'; require '{tmp_path}/twofold/twofold.php';"
    )
    head = php(tmp_path, "echo json_encode( printed( 'wp_head' ) );", OPTIONS, file="both.php")
    assert head.count("twofold.js") == 1
