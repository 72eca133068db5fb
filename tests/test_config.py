"""The configuration: what is read from where, what wins, what is refused and how that is said."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from twofold.config import describe_settings, load_settings, secrets_of, settings_from
from twofold.config.checks.sources import check_source
from twofold.config.faults import Faults
from twofold.config.sources import SOURCE_TYPES, SourceSettings
from twofold.errors import ConfigError
from twofold.sources import SOURCES

# The smallest useful configuration, as the README shows it.
SMALLEST = """
[server]
data = "data"
port = 8400

[[dataset]]
id = "1234567890"
key = "env:TWOFOLD_KEY"
origins = ["https://shop.example"]

[[destination]]
platform = "meta"
dataset = "1234567890"
endpoint = "https://graph.facebook.com"
token = "env:META_TOKEN"

[[source]]
type = "shopify"
dataset = "1234567890"
shop = "demo.myshopify.com"
secret = "env:SHOPIFY_SECRET"
"""
ENVIRONMENT = {"TWOFOLD_KEY": "key", "META_TOKEN": "token", "SHOPIFY_SECRET": "a-secret-of-16-or-more"}


def read(text: str, environ: dict[str, str] | None = None, **given: Any) -> Any:
    return settings_from(tomllib.loads(text), environ=ENVIRONMENT if environ is None else environ, **given)


def test_the_smallest_useful_configuration() -> None:
    """Every value arrives, secrets from the environment, and the rest has its default."""
    settings = read(SMALLEST)
    (dataset,), (destination,), (source,) = settings.dataset, settings.destination, settings.source
    assert (settings.server.data, settings.server.port, settings.server.host) == ("data", 8400, "127.0.0.1")
    assert (settings.server.tag_path, settings.server.strict, settings.server.proxies) == ("/t", False, 0)
    assert (settings.server.window_days, settings.server.max_body_bytes) == (8, 4 * 1024 * 1024)
    assert (dataset.id, dataset.key, dataset.origins) == ("1234567890", "key", ("https://shop.example",))
    assert (dataset.hold_s, dataset.consent.require) == ({"Purchase": 20.0}, False)
    assert (destination.token, destination.remote_dataset) == ("token", "1234567890")
    assert destination.name == "meta-1234567890"
    assert source.path == "/webhooks/shopify/demo.myshopify.com"
    assert secrets_of(source) == ("a-secret-of-16-or-more",)


def test_nothing_at_all_is_a_configuration() -> None:
    """So that `twofold serve` starts and `check` can say what is missing."""
    assert settings_from({}, environ={}).dataset == ()


PRECEDENCE: list[tuple[str, dict[str, str], dict[str, Any], int]] = [
    ("", {}, {}, 8400),
    ("[server]\nport = 1", {}, {}, 1),
    ("[server]\nport = 1", {"TWOFOLD_PORT": "2"}, {}, 2),
    ("[server]\nport = 1", {"TWOFOLD_PORT": "2"}, {"port": 3}, 3),
    ("[server]\nport = 1", {"TWOFOLD_PORT": ""}, {}, 1),
    ("[server]\nport = 1", {"TWOFOLD_PORT": "2"}, {"port": 0}, 0),
]


@pytest.mark.parametrize(("text", "environ", "given", "port"), PRECEDENCE)
def test_what_wins(text: str, environ: dict[str, str], given: dict[str, Any], port: int) -> None:
    """Command line before environment before file before default."""
    assert read(text, environ, **given).server.port == port


def test_the_file_itself_may_come_from_the_environment(tmp_path: Path) -> None:
    """TWOFOLD_CONFIG names it, TWOFOLD_DATA and _HOST are twins of the options."""
    file = tmp_path / "t.toml"
    file.write_text("[server]\nport = 9")
    environ = {"TWOFOLD_CONFIG": str(file), "TWOFOLD_DATA": "/d", "TWOFOLD_HOST": "::1"}
    server = load_settings(None, environ=environ).server
    assert (server.port, server.data, server.host) == (9, "/d", "::1")


def changed(old: str, new: str) -> str:
    assert old in SMALLEST
    return SMALLEST.replace(old, new)


ADYEN = """[[dataset]]
id = "1"
[[source]]
type = "adyen"
dataset = "1"
shop = "shop.example"
secret = "{}"
stages = {{ AUTHORISATION = "{}" }}
"""
PROVIDER = """[[dataset]]
id = "1"
[[source]]
type = "{}"
dataset = "1"
shop = "shop.example"
secret = {}
{}
"""
REFUSED: list[tuple[str, str, list[str]]] = [
    # claim, file, what the message must name
    ("an unknown setting", changed("port = 8400", "prot = 8400"), ["prot", "server", "docs/settings.md"]),
    ("an unknown section", SMALLEST + "[[datasets]]\nid = '2'", ["datasets"]),
    ("a port that is text", changed("8400", '"8400"'), ["int", "$.server.port"]),
    ("a port that is none", changed("8400", "65536"), ["65535", "$.server.port"]),
    ("a section that is a value", "server = 5", ["server", "table"]),
    ("a list that is a table", "[dataset]\nid = '1'", ["array", "$.dataset"]),
    ("a dataset without an id", "[[dataset]]\nkey = 'x'", ["id", "$.dataset[0]"]),
    ("one dataset twice", "[[dataset]]\nid = '1'\n[[dataset]]\nid = '1'", ["dataset.id", "1", "once"]),
    ("a missing environment variable", changed("env:META_TOKEN", "env:NOT_THERE"), ["NOT_THERE", "token", "not set"]),
    ("a destination of no dataset", changed('dataset = "1234567890"\nendpoint', 'dataset = "9"\nendpoint'), ["dataset", "1234567890", "'9'"]),
    ("an unknown platform", changed('platform = "meta"', 'platform = "meat"'), ["platform", "meta", "'meat'"]),
    ("an unknown source", changed('type = "shopify"', 'type = "shop"'), ["source.type", "shopify", "'shop'"]),
    ("an endpoint that is no address", changed("https://graph.facebook.com", "graph.facebook.com"), ["endpoint", "http"]),
    ("an origin with a path", changed("https://shop.example", "https://shop.example/"), ["origins", "scheme and host"]),
    ("an origin without a scheme", changed("https://shop.example", "shop.example"), ["origins", "scheme and host"]),
    ("a short secret", changed("env:SHOPIFY_SECRET", "short"), ["secret", "16"]),
    ("a version that is none", changed('token = "env:META_TOKEN"', 'version = "25"'), ["version", "25", "v\\d+"]),
    ("a hold that is negative", "[[dataset]]\nid = '1'\nhold_s = {Lead = -1}", ["hold_s.Lead", "0 to 86400", "-1"]),
    ("a hold past the platform's age", "[[dataset]]\nid = '1'\n[[destination]]\nplatform = 'meta'\ndataset = '1'\nhold_s = {'*' = 518401}", ["hold_s.*", "0 to 518400", "518401"]),
    ("a station that no order has", "[[dataset]]\nid = '1'\n[[destination]]\nplatform = 'meta'\ndataset = '1'\ncounts_when = 'sent'", ["counts_when", "delivered", "'sent'"]),
    ("a hold that is text", "[[dataset]]\nid = '1'\nhold_s = {Lead = '5'}", ["float", "hold_s.Lead"]),
    ("a word that is none", "[[dataset]]\nid = '1'\n[dataset.orders]\ntold_value = 'profit'", ["orders.told_value", "one of revenue, margin", "'profit'"]),
    ("a type that is none", "[[schema.event]]\nname = 'A'\nowner = 'o'\npurpose = 'p'\n[schema.event.properties.seats]\ntype = 'integer'", ["properties.seats.type", "one of text, number, boolean", "'integer'"]),
    ("a setting that its source does not read", PROVIDER.format("own", '"0123456789abcdef"', 'only = { a = ["b"] }'), ["only", "own"]),
    ("a provider's stages that are not read", PROVIDER.format("mollie", '"0123456789abcdef"', 'stages = { paid = "paid" }'), ["stages", "mollie"]),
    ("parcels whose list is not a place", PROVIDER.format("courier", '"0123456789abcdef"', 'fields = { "parcels[]" = "all[]" }'), ["parcels[]", "without []", "'all[]'"]),
    ("a hold of two days", "[[dataset]]\nid = '1'\nhold_s = {Lead = 172800}", ["hold_s.Lead"]),
    ("a country that is none", "[[dataset]]\nid = '1'\ncountry = 'Georgia'", ["country", "two letters"]),
    ("a window shorter than Meta's", "[server]\nwindow_days = 7", ["$.server.window_days", "8"]),
    ("an Adyen key that is none", ADYEN.format("Hush-0123456789abcdef", "paid"), ["secret", "hexadecimal"]),
    ("an Adyen account that says not who captures", ADYEN.format("DFB1EB5485895CFA84146406857104AB", ""), ["stages", "AUTHORISATION", "captures by itself"]),
    ("a field that Mollie has not", "[[dataset]]\nid = '1'\n[[source]]\ntype = 'mollie'\ndataset = '1'\nshop = 's'\nsecret = '0123456789abcdef'\n"
     "fields = {order = 'x'}", ["fields", "order_id"]),
    ("PayPal's webhook without its certificate", PROVIDER.format("paypal", "['9XL90610J3647323C']", ""), ["secret", "certificate"]),
    ("a place at PayPal that no order stands in", PROVIDER.format("paypal", "['9XL90610J3647323C', '-----BEGIN CERTIFICATE-----']", "fields = {order_id = 'id'}"),
     ["fields.order_id", "invoice_id", "custom_id"]),
    ("the bank's callbacks of everybody", PROVIDER.format("bog", "'-----BEGIN PUBLIC KEY-----'", ""), ["only", "body.client.id"]),
    ("a bank's key that is a password", PROVIDER.format("bog", "'0123456789abcdef'", "only = {'body.client.id' = ['1']}"), ["secret", "public key"]),
    ("a receiver of another dataset", "[[dataset]]\nid = '1'\n[dataset.ways_in]\nintegrations = {Ads = 'outlet'}\n[[dataset]]\nid = '2'\n"
     "[[destination]]\nplatform = 'meta'\ndataset = '2'\nname = 'outlet'", ["integrations.Ads", "'outlet'"]),
    ("a page's key that lets servers in, too", "[[dataset]]\nid = '1'\n[dataset.ways_in]\nsegment_key = 'one-and-the-same'\n"
     "segment_page_key = 'one-and-the-same'", ["segment_page_key", "a key of its own"]),
    ("two destinations of one name", "[[dataset]]\nid = '1'\n" + "[[destination]]\nplatform = 'meta'\ndataset = '1'\n" * 2, ["destination.name", "meta-1"]),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "text", "names"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_is_refused(claim: str, text: str, names: list[str]) -> None:
    """Each mistake stops the start with one sentence that names the setting, and tells no secret."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    message = str(caught.value)
    for name in names:
        assert name in message
    assert not any(secret in message for secret in ENVIRONMENT.values() if len(secret) > 5)
    assert caught.value.exit_code == 2


OPTIONS = ("event_id", "fields", "stages", "only", "currency")


def read_in(module: str, seen: set[str]) -> set[str]:
    """Which options of a source any code reads that its reader could reach, by the text of the modules that it imports."""
    if not module.startswith("twofold.sources") or module in seen:
        return set()
    seen.add(module)
    text = inspect.getsource(sys.modules[module])
    found = {name for name in OPTIONS if f"options.{name}" in text}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                found |= read_in(name, seen) if name in sys.modules else set()
    return found


@pytest.mark.parametrize("kind", SOURCE_TYPES)
def test_a_source_refuses_what_nothing_of_its_type_reads(kind: str) -> None:
    """A setting that is accepted and does nothing is a promise nobody keeps."""
    given = SourceSettings(
        type=kind, dataset="1", shop="s", event_id="order", fields={"a": "b"}, stages={"a": "b"}, only={"a": ("b",)}, currency="EUR",
    )  # fmt: skip
    faults = Faults()
    check_source(("source", 0), given, ["1"], faults)
    refused = {name for name in OPTIONS if f"{name}: a source of type {kind} does not read it" in str(faults.error())}
    assert set(OPTIONS) - read_in(SOURCES[kind].read.__module__, set()) <= refused


@pytest.mark.parametrize(
    ("kind", "line"),
    [("shopify", 'timezone = "Asia/Tbilisi"'), ("shopware", 'timezone = "Asia/Tbilisi"'), ("own", "asks_per_minute = 5"),
     ("chat", 'event_id = "order"'), ("stripe", 'stages = { paid = "Purchase" }'), ("woocommerce", 'currency = "EUR"')],
)  # fmt: skip
def test_a_setting_of_another_type_is_named(kind: str, line: str) -> None:
    """Each stops the start, with the setting and the type: docs/settings.md says whose they are."""
    with pytest.raises(ConfigError, match=f"{line.split()[0]}: a source of type {kind} does not read it"):
        read(PROVIDER.format(kind, '"0123456789abcdef"', line))


def test_an_environment_port_that_is_none() -> None:
    """The variable is named, not only its value."""
    with pytest.raises(ConfigError, match="TWOFOLD_PORT"):
        read("", {"TWOFOLD_PORT": "http"})


@pytest.mark.parametrize(
    ("content", "message"), [(b"[server", "not TOML"), (b"\xff\xfe", "not TOML"), (None, "does not exist")]
)
def test_files_that_cannot_be_read(content: bytes | None, message: str, tmp_path: Path) -> None:
    """The file's name is in the sentence."""
    file = tmp_path / "t.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(file, environ={})
    assert str(file) in str(caught.value)


def test_a_secret_may_be_any_text_that_does_not_begin_with_env(tmp_path: Path) -> None:
    """Also inside lists: two secrets while one is rotated, each from where it is."""
    text = changed('"env:SHOPIFY_SECRET"', '["env:SHOPIFY_SECRET", "another-old-secret-1"]')
    assert secrets_of(read(text).source[0]) == ("a-secret-of-16-or-more", "another-old-secret-1")


def test_every_setting_is_described() -> None:
    """A name, a default and a sentence for each; required only where nothing works without."""
    rows = describe_settings()
    assert all(help_text.endswith((".", "`.")) for *_, help_text in rows)
    required = {(section, name) for section, name, default, _ in rows if default == "required"}
    assert required == {
        ("[[dataset]]", "id"), ("[[destination]]", "platform"), ("[[destination]]", "dataset"),
        ("[[source]]", "type"), ("[[source]]", "dataset"), ("[[source]]", "shop"),
        ("[[import]]", "name"), ("[[import]]", "columns"), ("[[account]]", "platform"),
        ("[[alert]]", "type"), ("[[alert]]", "to"), ("[[audience]]", "name"), ("[[audience]]", "dataset"), ("[[audience]]", "rule"),
        ("[[schema.event]]", "name"), ("[[schema.event]]", "owner"), ("[[schema.event]]", "purpose"),
        ("[schema.event.properties.NAME]", "type"),
    }  # fmt: skip
    assert len(rows) == len({(section, name) for section, name, *_ in rows})


def test_reading_changes_nothing_around_it() -> None:
    """No file is made and no variable set by looking at a configuration."""
    before = dict(os.environ)
    read(SMALLEST)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ('"—" = "meta"', "got '—', by which no message is known"),
        ('" _ " = "meta"', "got ' _ ', by which no message is known"),
        ('"ALL" = "meta"', "got 'ALL', which messages say of all"),
        ('"Outlet ads" = "meta"\n"outlet-ads" = "ga4"', "got 'outlet-ads' and 'Outlet ads', which are read as one"),
    ],
)
def test_a_name_that_no_message_can_be_matched_by_is_said(names: str, said: str) -> None:
    table = f"\n[dataset.ways_in.integrations]\n{names}\n"
    with pytest.raises(ConfigError) as refused:
        read(SMALLEST.replace("\n[[destination]]", f"{table}\n[[destination]]"))
    assert "dataset 1234567890: ways_in.integrations: expected " in str(refused.value)
    assert said in str(refused.value)


def test_names_in_any_script_may_be_matched() -> None:
    table = '\n[dataset.ways_in.integrations]\n"Магазин" = "meta"\n"Ads 2" = "meta-1234567890"\n'
    read(SMALLEST.replace("\n[[destination]]", f"{table}\n[[destination]]"))
