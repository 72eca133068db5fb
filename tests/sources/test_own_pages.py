"""The configurations that the set-up pages show can be used as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from twofold.config import SourceSettings
from twofold.sources.chat import CHAT_SOURCE
from twofold.sources.crm.deals import FIELDS
from twofold.sources.crm.hubspot import HUBSPOT
from twofold.sources.crm.pipedrive import PIPEDRIVE
from twofold.sources.own.webhook import OWN

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {source.name for source in (OWN, CHAT_SOURCE, HUBSPOT, PIPEDRIVE)}


@pytest.mark.parametrize("page", ["own-shop.md", "chat.md", "crm.md"])
def test_the_pages_configuration_is_one(page):
    """Every TOML block is a source of a type that exists, with settings that exist."""
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```$", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    for block in blocks:
        sources = msgspec.convert(tomllib.loads(block)["source"], list[SourceSettings])
        assert {source.type for source in sources} <= NAMES
        assert all(set(source.fields) <= set(FIELDS) for source in sources)


def test_the_crm_page_names_every_field_that_can_be_mapped():
    """`fields` has a closed list of our names."""
    page = (DOCS / "crm.md").read_text(encoding="utf-8")
    assert [name for name in FIELDS if f"`{name}`" not in page] == []
