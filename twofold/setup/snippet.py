"""Snippets with their values filled in: what goes into a theme, a pixel, a tag manager, a server, from the configuration alone.

Owns which there are, where each belongs and which examples in its file stand for which value. A value that could leave its place
in somebody's code is refused. No secret is in any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from msgspec import Struct

from twofold.config import Settings, SourceSettings
from twofold.errors import ConfigError

_SAFE = re.compile(r"[A-Za-z0-9._~:/\[\]-]{1,300}")


class Snippet(Struct, frozen=True, kw_only=True):
    """``values``: an example in the file to the value that takes its place, in this order; each occurs."""

    parts: tuple[str, ...]  # files, one after the other
    where: str
    values: Mapping[str, str]
    system: str = ""  # of the source whose shop it names


_TAG = {"https://gateway.shop.example/t/": "tag_folder", "1234567890": "dataset"}
_SDK = {"https://gateway.shop.example": "address", "1234567890": "dataset"}

SNIPPETS = {
    "theme": Snippet(
        parts=("theme.html", "cart.html"), values=_TAG,
        where="Shopify: Online Store > Themes > Edit code > layout/theme.liquid, at the two places that it names",
    ),
    "pixel": Snippet(
        parts=("shopify-pixel.js",), system="shopify",
        values={**_TAG, "demo.myshopify.com": "shop", "inTheme: []": "in_theme", "secretIds: true": "secret_ids",
                "nativeIds: false": "native_ids"},
        where="Shopify: Settings > Customer events > Add custom pixel; paste, save, connect",
    ),
    "tag": Snippet(parts=("tag.html",), values=_TAG, where="first in the <head> of every page"),
    "woocommerce": Snippet(
        parts=("functions.php",), system="woocommerce", values={**_TAG, "'TWOFOLD_SHOP', 'shop.example'": "shop_constant"},
        where="WordPress: wp-content/mu-plugins/twofold.php",
    ),
    "gtm": Snippet(
        parts=("gtm.html",), values=_TAG,
        where='Google Tag Manager: a Custom HTML tag, trigger "Initialization - All Pages"',
    ),
    "headless": Snippet(parts=("headless.mjs",), values=_TAG, where="beside the code of your front end, as twofold.mjs"),
    "sdk-python": Snippet(parts=("sdk_python.txt",), values=_SDK, where="your server, with TWOFOLD_KEY in its environment"),
    "sdk-node": Snippet(parts=("sdk_node.cjs",), values=_SDK, where="your server, with TWOFOLD_KEY in its environment"),
}  # fmt: skip


def fill(kind: str, settings: Settings, dataset: str = "", in_theme: tuple[str, ...] = ("PageView",)) -> str:
    """The text of a snippet. Raises `ConfigError` for what the configuration does not say."""
    snippet = SNIPPETS[kind]
    values = _values(settings, _dataset(settings, dataset), snippet.system, in_theme)
    text = "".join(
        files("twofold.setup").joinpath("snippets", part).read_text(encoding="utf-8") for part in snippet.parts
    )
    missing = [example for example in snippet.values if example not in text]
    if missing:
        raise ConfigError(f"the snippet {kind} is damaged: {missing[0]} does not occur in it")
    examples = re.compile("|".join(map(re.escape, snippet.values)))  # in one pass: a value may look like an example
    return examples.sub(lambda found: values[snippet.values[found[0]]], text)


def _dataset(settings: Settings, dataset: str) -> str:
    ids = [d.id for d in settings.dataset]
    if not ids:
        raise ConfigError("the configuration has no [[dataset]]; `twofold init` writes one that has")
    if dataset and dataset not in ids:
        raise ConfigError(f"there is no dataset {dataset}; expected one of {', '.join(ids)}")
    if not dataset and len(ids) > 1:
        raise ConfigError(f"there are several datasets; name one with --dataset: {', '.join(ids)}")
    return dataset or ids[0]


def _values(settings: Settings, dataset: str, system: str, in_theme: tuple[str, ...]) -> dict[str, str]:
    address = settings.server.address
    if not address:
        raise ConfigError(
            'server.address is not set: set address = "https://…" under [server], where browsers reach the gateway'
        )
    values = {"address": address, "tag_folder": f"{address}{settings.server.tag_path}/", "dataset": dataset}
    if system:
        source = _source(settings, dataset, system)
        names = ", ".join(f"'{_safe('the event name', name)}'" for name in in_theme)
        shop = _safe("the shop", source.shop)
        written = {
            "shop": shop,
            "shop_constant": f"'TWOFOLD_SHOP', '{shop}'" + (_ORDER_IDS if source.event_id == "order" else ""),
            "in_theme": f"inTheme: [{names}]",
            "secret_ids": f"secretIds: {'false' if source.event_id == 'order' else 'true'}",
            "native_ids": f"nativeIds: {'true' if source.event_id == 'native' else 'false'}",
        }
        return {name: _safe(name, value) for name, value in values.items()} | written
    return {name: _safe(name, value) for name, value in values.items()}


_ORDER_IDS = " );\ndefine( 'TWOFOLD_IDS', 'order'"


def _source(settings: Settings, dataset: str, system: str) -> SourceSettings:
    found = [s for s in settings.source if s.type == system and s.dataset == dataset]
    if not found:
        raise ConfigError(f"dataset {dataset} has no source of the type {system}: `twofold connect {system}` adds it")
    if len(found) > 1:
        raise ConfigError(
            f"dataset {dataset} has several sources of the type {system}; give each shop a dataset of its own"
        )
    return found[0]


def _safe(name: str, value: str) -> str:
    """What stands in somebody's code must not be able to end the text it stands in."""
    if not _SAFE.fullmatch(value):
        raise ConfigError(f"{name} {value!r} cannot stand in a snippet; expected letters, digits and . _ ~ : / -")
    return value
