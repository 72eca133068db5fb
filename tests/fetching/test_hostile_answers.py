"""Whatever a system answers: each field of each answer replaced by what no document allows. Nothing raises, nothing of a person is in a refusal."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from asked_shops import SHOP, bigcommerce_order, bigcommerce_product
from listing_shops import magento_order, prestashop_order
from test_fetched_payments import CAPTURE, REFUND, klarna_order, shopware_order, tbc_payment

from twofold.config import SourceSettings
from twofold.event.refusal import Refusal
from twofold.fetching.answers import judged
from twofold.fetching.contract import Access, Wait
from twofold.pulling.contract import Problem
from twofold.pulling.exchange import Answer, Exchange
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, Named, Reading, SourceOptions

OPTIONS = SourceOptions(shop=SHOP)
ANSWERS: dict[str, dict[str, Any]] = {
    "bigcommerce": {"order": bigcommerce_order(1), "products": [bigcommerce_product()]},
    "magento": {"order": magento_order(1)},
    "prestashop": {
        "order": prestashop_order(1), "state": {"paid": "1", "shipped": "0", "template": "payment", "name": "Paid"}, "currency": {"iso_code": "EUR"},
        "customer": {"email": "john_smith@gmail.com", "birthday": "1990-01-01"}, "address": {"city": "Berlin", "phone": "+49 30 1234567"},
        "country": {"iso_code": "DE"}, "region": {"iso_code": "BE"},
    },
    "shopware": shopware_order(),
    "klarna": klarna_order(status="CAPTURED", captures=[CAPTURE], refunds=[REFUND]),
    "tbc": tbc_payment(merchantPaymentId="1001"),
}  # fmt: skip
ODD: list[Any] = [
    None,
    True,
    -1,
    10**30,
    "",
    "john_smith@gmail.com",
    "9" * 400,
    "\u202e\u0000",
    [],
    {},
    [None, 7, "x"],
    {"a": {"b": []}},
]


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a tree, objects and lists too."""
    if path:
        yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


def with_odd(tree: Any, path: tuple[Any, ...], odd: Any) -> Any:
    changed = copy.deepcopy(tree)
    here = changed
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = odd
    return changed


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_no_answer_breaks_a_reader(name: str) -> None:
    source, read = SOURCES[name], 0
    assert isinstance(source.read(json.dumps(ANSWERS[name]).encode(), {}, OPTIONS, 5_000), Reading)
    for path in places(ANSWERS[name]):
        for odd in ODD:
            found = source.read(json.dumps(with_odd(ANSWERS[name], path, odd)).encode(), {}, OPTIONS, 5_000)
            assert isinstance(found, (Reading, Refusal, Ignored)), (path, odd)
            if isinstance(found, Refusal):
                assert "@" not in f"{found.got}{found.expected}{found.path}", (path, odd)
            read += isinstance(found, Reading)
    assert read > 50  # most fields are not worth an order


@pytest.mark.parametrize("name", sorted(ANSWERS))
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"1", b"{", b"\xff\xfe", b'{"order": []}', b'{"order": {"id": {}}}', b"[" * 9_000]
)
def test_no_body_breaks_a_reader_or_names(name: str, body: bytes) -> None:
    source = SOURCES[name]
    assert isinstance(source.read(body, {}, OPTIONS, 5_000), (Refusal, Ignored))
    if source.names is not None:
        for headers in ({}, {":path": "/x?klarna_order_id=%ff&&&=&order_id"}, {":path": "http://[x"}):
            assert isinstance(source.names(body, headers), (Named, Ignored))


@pytest.mark.parametrize(
    ("status", "headers", "code", "who"),
    [
        (200, {}, "", ""),
        (204, {}, "", ""),
        (301, {"location": "https://attacker.example"}, "unexpected_answer", "operator"),
        (302, {}, "unexpected_answer", "operator"),
        (400, {}, "unexpected_answer", "operator"),
        (401, {}, "expired_token", "operator"),
        (403, {}, "no_permission", "operator"),
        (404, {}, "not_found", "operator"),
        (410, {}, "not_found", "operator"),
        (429, {"retry-after": "90"}, "throttled", "nobody"),
        (500, {}, "unreachable", "platform"),
        (503, {}, "unreachable", "platform"),
    ],
)
def test_what_each_status_means(status: int, headers: dict[str, str], code: str, who: str) -> None:
    """As the table of docs/fetching.md: who has to act; of one thing 404 and 410 say that it is not known, and a token that is refused is
    thrown away."""
    access = Access(
        source=SourceSettings(type="bigcommerce", dataset="1", shop=SHOP, token="token-0123"),
        base="https://shop.example",
    )
    access.memory["/token"] = ("kept", 10.0**10)
    told = Answer(status, headers, b"{}")
    if not code:
        assert judged(access, told, Exchange()) is told
        return
    with pytest.raises(Problem) as refused:
        judged(access, told, Exchange())
    assert (refused.value.code, refused.value.who.value) == (code, who)
    assert (refused.value.wait_s if isinstance(refused.value, Wait) else None) == (
        90.0 if code == "throttled" else None
    )
    assert bool(access.memory) is (status != 401)
    if status in (404, 410):
        assert judged(access, told, Exchange(), may_lack=True) is None
