"""What all wires of other systems have in common: a message that is left out, goods, and words that name a person.

Owns these shapes. What a wire calls its fields is its own file's. Sources of facts: docs/ways-in.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.scalars import lenient_amount, read_integer
from twofold.sources.lenient import part, text, token


class LeftOut(Struct, frozen=True):
    """A message that is understood and of which nothing is kept: answered, counted under ``kind``, no fault of anybody's."""

    kind: str


# Of a person, as Segment's traits and most systems write them -> Meta's field. camelCase and snake_case are both common.
_PERSON: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("em", ("email",)),
    ("ph", ("phone",)),
    ("fn", ("firstName", "first_name", "firstname")),
    ("ln", ("lastName", "last_name", "lastname")),
    ("db", ("birthday",)),
    ("ge", ("gender",)),
)
_PLACE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ct", ("city",)),
    ("st", ("state",)),
    ("zp", ("postalCode", "postal_code", "zip")),
    ("country", ("country",)),
)
_BETWEEN = re.compile(r"[\W_]+")
_SPELT = {
    name.replace("_", "").lower(): name
    for _, names in (*_PERSON, *_PLACE, ("", ("address",)))
    for name in reversed(names)
}
# Of goods. A shop's own properties stay out: of these alone something follows at a platform.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("title", ("name", "item_name")),
    ("brand", ("brand", "item_brand")),
    ("category", ("category", "item_category")),
    ("variant", ("variant", "item_variant")),
    *((name, (name,)) for name in (
        "item_category2", "item_category3", "item_category4", "item_category5", "coupon", "affiliation", "item_list_id",
        "item_list_name", "location_id", "currency", "promotion_id", "promotion_name", "creative_name", "creative_slot",
    )),
)  # fmt: skip
CONTACT = frozenset(name for _, names in _PERSON for name in names) | {"name", "address", "username"}
"""Names of properties under which contact data stands: they become match keys, or nothing, and are no properties."""


def person_of(traits: Sequence[Mapping[str, Any]], properties: Mapping[str, Any]) -> dict[str, str]:
    """Match keys, still plain. Of several places the first that says something counts. In traits a name is known by its letters:
    `Email` and `First Name` are common. What an event's ``properties`` call a state or a city can be the goods', so of them only what
    names a person is taken, as it is spelt."""
    found: dict[str, str] = {}
    for tree in traits:
        plain = _spelt(tree)
        _fill(found, _PERSON, plain)
        _fill(found, _PLACE, _spelt(part(plain, "address")))
        _fill(found, _PLACE, plain)
    _fill(found, _PERSON, dict(properties))
    if "db" in found:
        found["db"] = found["db"][:10]  # a birthday is often a moment: 1990-04-01T00:00:00.000Z
    return found


def _spelt(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with its names of a person or place as the tables spell them; what is spelt so already and says something comes first."""
    plain = {name: value for name, value in tree.items() if value is not None and value != ""}
    for name, value in list(plain.items()):
        spelt = _SPELT.get(_BETWEEN.sub("", name).lower())
        if spelt is not None:
            plain.setdefault(spelt, value)
    return plain


def _fill(found: dict[str, str], table: Iterable[tuple[str, tuple[str, ...]]], tree: dict[str, Any]) -> None:
    for ours, names in table:
        value = _first(tree, names)
        if value is not None:
            found.setdefault(ours, value)


def _first(tree: dict[str, Any], names: Sequence[str]) -> str | None:
    """The first of these names that says anything. Most stand in no message, and are not read."""
    for name in names:
        if name in tree and (value := text(tree, name)):
            return value
    return None


def goods_of(
    rows: Iterable[Mapping[str, Any]], ids: Sequence[str], piece: str, notes: list[str], where: str
) -> list[dict[str, Any]]:
    """``contents``. ``ids``: names of a product's id, the catalogue's first. A price that is none is left out."""
    found = []
    for n, row in enumerate(rows):
        plain = dict(row)
        item = next(filter(None, (token(plain, name) for name in ids)), None)
        if item is None:
            notes.append(f"{where}[{n}] names no product; left out")
            continue
        content: dict[str, Any] = {"id": item, **words_of(plain)}
        count = read_integer(plain.get("quantity"))
        if count is not None and count > 0:
            content["quantity"] = count
        elif plain.get("quantity") not in (None, ""):
            notes.append(f"{where}[{n}].quantity is no whole number above nought; left out")
        place = read_integer(plain.get("position", plain.get("index")))
        if place is not None and place >= 0:
            content["position"] = place  # in the list in which it was shown
        off = lenient_amount(plain.get("discount"))
        if off is not None and off >= 0:
            content["discount"] = off
        price = lenient_amount(plain.get(piece))
        if price is not None and price >= 0:
            content["item_price"] = price
        elif plain.get(piece) not in (None, ""):
            notes.append(f"{where}[{n}].{piece} is no amount; left out")
        found.append(content)
    return found


def words_of(row: dict[str, Any]) -> dict[str, str]:
    """What a row calls its goods, under Meta's names where it has them, else under the wire's own."""
    return {ours: value for ours, names in _WORDS if (value := _first(row, names)) is not None}


def worth_of(contents: Sequence[Mapping[str, Any]]) -> Decimal | None:
    """What the goods come to; None where one of them has no price, or says how many in a way that is no number."""
    worth = Decimal(0)
    for line in contents:
        price, count = lenient_amount(line.get("item_price")), read_integer(line.get("quantity", 1))
        if price is None or count is None:
            return None
        worth += price * count
    return worth if contents else None


def pieces_of(contents: Sequence[Mapping[str, Any]]) -> int:
    """How many; 0 where one of the lines says it in a way that is no number."""
    counts = [read_integer(line.get("quantity", 1)) for line in contents]
    return sum(n for n in counts if n is not None) if None not in counts else 0
