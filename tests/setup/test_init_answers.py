"""What a configuration is written from: what people type, and that the file is one the program reads, with what was answered."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import invoke
from twofold.config import DestinationSettings, load_settings, settings_from
from twofold.config.private import private_file, write_private
from twofold.errors import ConfigError
from twofold.setup.answers import (
    GRAPH,
    KEY,
    STATUS,
    TOKEN,
    Answers,
    configuration,
    default_address,
    origins_of,
    private_values,
    read_address,
    read_dataset,
    read_shop,
)


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("shop.example", "shop.example"),
        ("  https://WWW.Shop.example/de/?x=1 ", "www.shop.example"),
        ("demo.myshopify.com", "demo.myshopify.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("localhost:3000", "localhost:3000"),
        ("", ""),
    ],
)
def test_a_shops_address_as_people_type_it(typed: str, host: str) -> None:
    assert read_shop(typed) == host


@pytest.mark.parametrize(
    ("read", "typed"),
    [
        (read_shop, "my shop"), (read_shop, "-shop.example"), (read_shop, 'a"b.example'), (read_shop, "a..b"),
        (read_address, "gateway shop"), (read_address, "ftp://gateway.example"), (read_address, "https://g.example/path"),
        (read_address, "https://user@g.example"), (read_dataset, "pixel"), (read_dataset, "12"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_is_expected(read: Callable[[str], str], typed: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        read(typed)


def test_an_address_without_scheme_is_https() -> None:
    assert read_address("Gateway.Shop.example/") == "https://gateway.shop.example"
    assert read_address("http://127.0.0.1:8400") == "http://127.0.0.1:8400"


@pytest.mark.parametrize(
    ("shop", "address"),
    [
        ("www.shop.example", "https://gateway.shop.example"),
        ("demo.myshopify.com", "http://127.0.0.1:8400"),  # nobody but Shopify can name anything there
        ("localhost:3000", "http://127.0.0.1:8400"),
        ("", "http://127.0.0.1:8400"),
    ],
)
def test_the_default_is_a_name_below_the_shops(shop: str, address: str) -> None:
    assert default_address(shop) == address


def test_the_shop_is_let_in_with_and_without_www() -> None:
    assert (
        origins_of("www.shop.example")
        == origins_of("shop.example")
        == ["https://shop.example", "https://www.shop.example"]
    )
    assert origins_of("localhost:3000") == ["http://localhost:3000"]
    assert origins_of("") == []


SHOPS = ("", "shop.example", "xn--bcher-kva.example", "localhost:3000")
ALL = [
    Answers(shop=shop, address=address, dataset=dataset, cod_placed=placed, europe=europe, system=system, shop_name=name)
    for shop, address, dataset, placed, europe, (system, name) in itertools.product(
        SHOPS, ("", "https://gateway.shop.example"), ("", "9876543210"), (True, False), (True, False),
        (("", ""), ("shopify", "demo.myshopify.com"), ("woocommerce", "shop.example"), ("stripe", "s"), ("own", "s")),
    )
]  # fmt: skip


def test_every_set_of_answers_is_a_configuration_that_says_them(tmp_path: Path) -> None:
    """All 320: the program reads the two files and finds each answer where it belongs."""
    count = itertools.count()
    for given in ALL:
        config = tmp_path / f"{next(count)}.toml"
        config.write_text(configuration(given))
        keys = itertools.count()
        write_private(private_file(config), private_values(given, "", lambda n=keys: f"{next(n):032d}"))
        settings = load_settings(config, environ={})
        (dataset,), (destination,) = settings.dataset, settings.destination
        assert settings.server.address == given.address
        assert settings.server.proxies == (1 if given.address.startswith("https") else 0)
        assert dataset.id == destination.dataset == (given.dataset or "1234567890")
        assert list(dataset.origins) == origins_of(given.shop)
        assert dataset.orders.when == {"cod": "placed" if given.cod_placed else "paid"}
        assert dataset.consent.require_in == (("EEA",) if given.europe else ())
        assert destination.endpoint == (GRAPH if given.dataset else "http://127.0.0.1:8401")
        assert [(s.type, s.shop) for s in settings.source] == (
            [(given.system, given.shop_name)] if given.system else []
        )
        secrets = {
            dataset.key,
            destination.token,
            settings.server.status_token,
            *(str(s.secret) for s in settings.source),
        }
        assert len(secrets) == 3 + bool(given.system), "each key is drawn for itself"
        assert not any(secret in config.read_text() for secret in secrets)


def test_what_a_configuration_names_is_there() -> None:
    """The commands and pages in its comments, whichever shop was said: one's own has no `twofold connect`."""
    root = Path(__file__).parents[2]
    written = {configuration(given) for given in ALL}
    pages = {page for text in written for page in re.findall(r"docs/[a-z-]+\.md", text)}
    calls = {call for text in written for call in re.findall(r"`twofold ([a-z]+(?: [a-z]+)?)[`| ]", text)}
    assert {"docs/settings.md", "docs/own-shop.md"} <= pages
    assert {"connect shopify", "connect woocommerce", "connect stripe", "connect meta"} <= calls
    assert [page for page in pages if not (root / page).is_file()] == []
    assert [call for call in calls if invoke([*call.split(), "--help"]).exit_code] == []


def test_metas_address_is_the_setting_own_default() -> None:
    (one,) = settings_from(
        {"dataset": [{"id": "1"}], "destination": [{"platform": "meta", "dataset": "1"}]}, environ={}
    ).destination
    assert isinstance(one, DestinationSettings)
    assert one.endpoint == GRAPH


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("http://127.0.0.1:9000", 9000), ("http://localhost:9000", 9000), ("http://127.0.0.1", 8400),
        ("https://gateway.shop.example:8443", 8400), ("http://10.0.0.5:9000", 8400), ("", 8400),
    ],
)  # fmt: skip
def test_a_gateway_listens_where_its_own_address_says(address: str, port: int) -> None:
    """Behind a proxy the proxy's port is not its own."""
    assert (
        settings_from(
            tomllib.loads(configuration(Answers(address=address))),
            environ=dict.fromkeys((KEY, STATUS, TOKEN), "k" * 20),
        ).server.port
        == port
    )
