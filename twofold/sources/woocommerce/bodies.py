"""Opening a WooCommerce body: the fields that are read, each within the limits of any event, the rest never looked at.

Owns the list of fields. Order meta is the reason for reading by field: any plugin writes there what it likes (whole
documents, deep trees), and an order must not be refused for a value that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import msgspec

from twofold.event.json import read_json
from twofold.event.mending import Mender
from twofold.event.model import encode
from twofold.event.refusal import DropReason, Refusal, describe, describe_key
from twofold.event.scalars import read_time_ms
from twofold.sources import lenient

FIELDS = (
    "id", "number", "order_key", "created_via", "status", "currency", "total", "total_tax", "discount_total",
    "shipping_total", "shipping_tax", "prices_include_tax", "customer_id", "customer_ip_address", "customer_user_agent",
    "payment_method", "payment_method_title", "transaction_id", "payment_url", "date_created", "date_created_gmt",
    "date_modified", "date_modified_gmt", "date_paid", "date_paid_gmt", "date_completed", "date_completed_gmt",
    "billing", "shipping", "meta_data", "line_items", "refunds",
    # by which other bodies are told apart
    "action", "arg", "code", "message", "order", "billing_period", "next_payment_date_gmt", "regular_price",
    "discount_type", "is_paying_customer",
)  # fmt: skip
"""The names, as the REST API v3 writes them (woocommerce-rest-api-docs, "Order properties")."""

_LISTS = frozenset({"meta_data", "line_items", "refunds"})
_META = frozenset({"key", "value"})
_MAX_ITEMS = 1_000

_open = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_open_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def open_body(body: bytes, mender: Mender) -> dict[str, Any] | Refusal:
    """The fields of ``FIELDS`` that the body has. Refused are only a body that is no JSON object.

    ``mender``: hears what was mended. One broken text of the billing address must not cost the e-mail beside it.
    """
    try:
        raw = _open(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = read_json(body)  # says what is wrong
        if isinstance(tree, Refusal):
            return tree
        return Refusal(reason=DropReason.WRONG_TYPE, expected="a JSON object", got=describe(tree))
    found: dict[str, Any] = {}
    for name in FIELDS:
        if name in raw:
            value = list(_items(raw[name], name, mender)) if name in _LISTS else _value(raw[name], name, mender)
            if value is not None:
                found[name] = value
    return found


def moment(order: dict[str, Any], name: str) -> int | None:
    """Unix seconds of ``name``_gmt, which is UTC without saying so."""
    value = order.get(f"{name}_gmt")
    return _seconds(value)


def site_moment(order: dict[str, Any], name: str) -> int | None:
    """The time in the site's own zone, which the body does not name, read as if it were UTC: hours off."""
    return _seconds(order.get(name))


def meta_of(order: dict[str, Any]) -> list[tuple[str, str]]:
    """Order meta that is text or a whole number, in the order of writing."""
    pairs = []
    for entry in order.get("meta_data", ()):
        given = entry.get("value")
        # PHP's arrays come as objects; one may be what the buyer said about purposes.
        value = encode(given).decode() if isinstance(given, dict) else lenient.text(entry, "value")
        name = lenient.text(entry, "key")
        if name and value:
            pairs.append((name, value))
    return pairs


def _items(raw: msgspec.Raw, name: str, mender: Mender) -> Iterator[dict[str, Any]]:
    for place, item in enumerate(_entries(raw)):
        try:
            fields = _open(item)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        # A line has meta of its own, which nobody reads; of order meta only name and value are.
        wanted = _META if name == "meta_data" else fields.keys() - {"meta_data", "taxes", "image"}
        where = f"{name}[{place}]"
        yield {key: _value(fields[key], f"{where}.{describe_key(key)}", mender) for key in fields if key in wanted}


def _entries(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The entries of a list, each still unread, in the shapes that PHP makes of one."""
    body = bytes(raw).lstrip()
    try:
        if body.startswith(b'"'):
            body = msgspec.json.decode(body, type=str).strip().encode()
        if body.startswith(b"{"):
            entries = _open(body)
            return list(entries.values())[:_MAX_ITEMS] if all(map(str.isdecimal, entries)) else []
        return _open_list(body)[:_MAX_ITEMS]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []


def _value(raw: msgspec.Raw, where: str, mender: Mender) -> Any:
    inner = Mender()
    value = read_json(bytes(raw), mender=inner)
    if type(value) is str and not inner.is_whole(value):
        value = inner.text("", value)
    if inner.notes:
        mender.adopt(inner, where)
    return None if isinstance(value, Refusal) else value


def _seconds(value: Any) -> int | None:
    found = read_time_ms(value, zone=UTC) if isinstance(value, str) else None
    return found // 1000 or None if found is not None else None
