"""docs/import.md against the tables it tells of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twofold.importing.readers.formats import ORDER_FORMATS
from twofold.importing.readers.own_table import FIELDS
from twofold.importing.readers.sales_table import SALE_FIELDS

PAGE = (Path(__file__).parents[3] / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "fields"), [("## Any other table", FIELDS), ("## Sales without a page", SALE_FIELDS)]
)
def test_every_field_is_on_the_page(heading: str, fields: dict[str, tuple[tuple[str, ...], str]]) -> None:
    """Each with its meaning, in its order, and none that the program does not know."""
    part = PAGE.partition(heading)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.M)
    assert rows == [(name, meaning) for name, (_, meaning) in fields.items()]


@pytest.mark.parametrize("form", ORDER_FORMATS, ids=lambda form: form.name)
def test_every_format_is_on_the_page(form) -> None:
    """By its name, as --format takes it."""
    assert f"| `{form.name}` |" in PAGE
