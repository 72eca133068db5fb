"""``custom_data`` as received to typed `CustomData`, field by field.

Owns what each documented field may look like and what becomes of a value that does not: money that is no money
refuses the copy, everything else is left out with a warning. Unknown keys are custom properties and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from twofold.event.contact import has_sign, mask_id
from twofold.event.identity import bare_order
from twofold.event.json import MAX_DIGITS
from twofold.event.model import Content, CustomData
from twofold.event.refusal import DropReason, Refusal, describe, describe_code
from twofold.event.scalars import (
    CURRENCIES,
    PLACES,
    as_list,
    as_object,
    id_text,
    is_no_id,
    read_currency,
    read_decimal,
    read_integer,
    says_nothing,
)
from twofold.event.scrub import scrub_custom
from twofold.event.vocabulary import MAX_ID

_MAX_PLAIN_MONEY = 10**15
_MAX_COUNT = 10**15
_MIN_COUNT = -_MAX_COUNT
_PLAIN_DIGITS = 15  # of an amount, with the point; so few are within every limit
_LISTS = (list, tuple)
_NO_GOODS = frozenset({"", "undefined", "null", "None", "none", "NaN", "[object Object]", "Undefined", "NULL"})


def read_custom_data(raw: Any, warnings: list[str]) -> CustomData | Refusal:
    """The typed value, with warnings appended for what was left out; a `Refusal` for impossible money."""
    if raw is None or type(raw) is CustomData:  # the latter was checked while it was decoded
        return raw or CustomData()
    if not raw and type(raw) is dict:  # as a page view has it
        return CustomData()
    if not isinstance(raw, dict):
        tree = as_object(raw)
        if tree is None:
            return Refusal(reason=DropReason.WRONG_TYPE, path="custom_data", expected="an object", got=describe(raw))
        raw = tree
    plain = _read_plain(raw)
    if plain is not None:
        return plain
    known: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for key, value in raw.items():
        if value is None:
            continue
        read = _FIELDS.get(key)
        if read is None:
            other[key] = value
            continue
        result = read(value, warnings)
        if isinstance(result, Refusal):
            return result
        if result is not None:
            known[key] = result
    if other:
        other, scrubbed = scrub_custom(other)
        if scrubbed:
            warnings.append("custom_data carried contact-like values; masked")
    return CustomData(**known, other=other)


def is_plain(data: CustomData | None) -> bool:
    """True when a value that was decoded into its type needs no closer look; puts the currency into upper case."""
    if data is None:
        return True
    value, currency, order_id, kind = data.value, data.currency, data.order_id, data.content_type
    if data.other:
        return False
    amounts = ""  # the short ones, which are looked at together: a call for each costs as much as all
    if value is not None:
        amounts = str(value)
        if len(amounts) > _PLAIN_DIGITS:
            if not _is_plain_money(value):
                return False
            amounts = ""
    if currency is not None and currency not in CURRENCIES:
        known = read_currency(currency)
        if known is None:
            return False
        data.currency = known
    if order_id is not None:
        if not 0 < len(order_id) <= MAX_ID:
            return False
        if is_no_id(order_id) or "://" in order_id:
            return False
    if kind is not None and not 0 < len(kind) <= MAX_ID:
        return False
    if (data.content_ids and not _NO_GOODS.isdisjoint(data.content_ids)) or (
        data.num_items is not None and abs(data.num_items) >= _MAX_COUNT
    ):
        return False
    ids = f"{order_id}{kind}{''.join(data.content_ids)}"
    for line in data.contents:  # a loop, as all() with a generator costs three times as much for an order's few lines
        quantity, price = line.quantity, line.item_price
        item = line.id
        ids += item
        if item in _NO_GOODS or line.other or (quantity is not None and not _MIN_COUNT < quantity < _MAX_COUNT):
            return False
        if price is not None:
            text = str(price)
            if len(text) <= _PLAIN_DIGITS:
                amounts += text
            elif not _is_plain_money(price):
                return False
    if (
        amounts and not amounts.replace(".", "").isdigit()
    ):  # a sign, an exponent, no number: not as an amount is written
        prices = [line.item_price for line in data.contents]
        if not all(_is_plain_money(amount) for amount in (value, *prices) if amount is not None):
            return False
    return not has_sign(ids)  # one look at all of them, as each costs more than the text it looks at


def _is_plain_money(value: Decimal) -> bool:
    """Also not more digits behind the point than an amount has: those may be a float's noise."""
    fits = 0 <= value < _MAX_PLAIN_MONEY and not value.is_signed() and len(str(value)) <= MAX_DIGITS
    return fits and value == round(value, PLACES)


def _read_plain(raw: dict[str, Any]) -> CustomData | None:
    """The usual fields with their documented types, converted in one call; None for anything else."""
    lines = raw.get("contents") or ()
    if type(raw.get("value")) is str or type(lines) not in _LISTS:
        return None
    try:
        for line in lines:
            if type(line.get("item_price")) is str:
                return None
        data = msgspec.convert(raw, CustomData)
    except (msgspec.ValidationError, ArithmeticError, AttributeError):  # the last: a line that is no object
        return None
    return data if is_plain(data) else None


def _money(value: Any, _warnings: list[str], path: str = "custom_data.value") -> Decimal | Refusal | None:
    if value == "":
        return None
    number = read_decimal(value)
    if number is None or number < 0 or abs(number.adjusted()) > 15:
        got = "a negative number" if number is not None and number < 0 else describe(value)
        return Refusal(reason=DropReason.INVALID_VALUE, path=path, expected="a non-negative number", got=got)
    return number


def _currency(value: Any, warnings: list[str]) -> str | Refusal | None:
    if value == "":
        return None
    if isinstance(value, str) and says_nothing(value):
        warnings.append("custom_data.currency says nothing; left out")
        return None
    return read_currency(value) or Refusal(
        reason=DropReason.INVALID_CURRENCY,
        path="custom_data.currency",
        expected="three letters (ISO 4217)",
        got=describe_code(value),
    )


def _order_id(value: Any, warnings: list[str]) -> str | None:
    text = id_text(value)
    if text is not None and is_no_id(text):
        if text:
            warnings.append("custom_data.order_id says nothing; left out")
        return None
    return _identifier(bare_order(text) if text is not None and text.startswith("gid://") else value, warnings)


def _identifier(value: Any, warnings: list[str]) -> str | None:
    text = id_text(value)
    if text is not None and 0 < len(text) <= MAX_ID:
        kept = mask_id(text)
        if kept != text:
            warnings.append("custom_data.order_id or content_type held contact data; masked")
        return kept
    warnings.append("custom_data.order_id or content_type is not a text of 1 to 256 characters; left out")
    return None


def _content_ids(value: Any, warnings: list[str]) -> tuple[str, ...] | None:
    items = as_list(value, alone=True)
    if items is None:
        warnings.append("custom_data.content_ids is not a list; left out")
        return None
    ids = [text for i in items if (text := id_text(i)) is not None]
    if has_sign(" ".join(ids)) and (kept := [mask_id(i) for i in ids]) != ids:
        warnings.append("custom_data.content_ids held contact data; masked")
        ids = kept
    return tuple(i for i in ids if i not in _NO_GOODS)


def _contents(value: Any, warnings: list[str]) -> tuple[Content, ...] | Refusal | None:
    items = as_list(value, alone=True)
    if items is None:
        warnings.append("custom_data.contents is not a list; left out")
        return None
    lines = []
    for n, item in enumerate(items):
        line = _content(item, n, warnings)
        if isinstance(line, Refusal):
            return line
        if line is not None:
            lines.append(line)
    return tuple(lines)


def _content(item: Any, n: int, warnings: list[str]) -> Content | Refusal | None:
    where = f"custom_data.contents[{n}]"
    item = as_object(item) if isinstance(item, str) else item
    text = id_text(item.get("id")) if isinstance(item, dict) else None
    if not isinstance(item, dict) or text is None:
        warnings.append(f"{where} is not an object with an id; left out")
        return None
    if text in _NO_GOODS:
        warnings.append(f"{where}.id says nothing; left out")
        return None
    price = item.get("item_price")
    if price is not None:
        price = _money(price, warnings, f"{where}.item_price")
        if isinstance(price, Refusal):
            return price
    quantity = read_integer(item.get("quantity"))
    if quantity is None and item.get("quantity") is not None:
        warnings.append(f"{where}.quantity is not a whole number; left out")
    other = {k: v for k, v in item.items() if k not in ("id", "quantity", "item_price") and v is not None}
    if other:
        other, masked = scrub_custom(other, is_goods=True)
        if masked:
            warnings.append(f"{where} carried contact-like values; masked")
    kept = mask_id(text)
    if kept != text:
        warnings.append(f"{where}.id held contact data; masked")
    return Content(id=kept, quantity=quantity, item_price=price, other=other)


def _number_of_items(value: Any, warnings: list[str]) -> int | None:
    number = read_integer(value)
    if number is None:
        warnings.append("custom_data.num_items is not a whole number; left out")
    return number


_FIELDS: dict[str, Callable[[Any, list[str]], Any]] = {
    "value": _money,
    "currency": _currency,
    "order_id": _order_id,
    "content_type": _identifier,
    "content_ids": _content_ids,
    "contents": _contents,
    "num_items": _number_of_items,
}
