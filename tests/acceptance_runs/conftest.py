"""One gateway, one stand-in for the platform and one shop for all runs of a module."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from acceptance_scene import Scene
from PIL import Image
from playing_shop import PlayedShop, settings_text

from tests.acceptance.gateway_process import gateway
from tests.fakes.graph import in_thread
from twofold.config import load_settings


@pytest.fixture(scope="module")
def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 200), (200, 220, 240)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, picture: bytes) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("acceptance")
    with in_thread() as graph:
        text = settings_text(folder, graph.url)
        with gateway(text, folder / "data") as running:
            settings = load_settings(running.config)
            shop = PlayedShop(running.url)
            yield Scene(settings, running, shop, graph, picture)
