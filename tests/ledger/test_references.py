"""What lines say of their order and what the order's facts hold are written alike, whatever source told the order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from twofold.ledger import references
from twofold.ledger.model import OrderReport, Parcel, ParcelState, Payment, Refund
from twofold.ledger.references import people_number


def report(**parts: object) -> OrderReport:
    return OrderReport(**({"order_id": "5001", "kind": "paid", "at": 1, "reference": "r"} | parts))  # type: ignore[arg-type]


def payment(number: str, kind: str = "sale") -> Payment:
    return Payment(id=number, kind=kind, amount=Decimal("10.00"), currency="EUR", at=1)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "order:5001"),
        ({"order_id": "gid://shopify/Order/5001"}, "order:5001"),
        ({"aliases": ("number:1001",)}, "number:1001"),
        ({"aliases": ("name:SHOP-1001",)}, "number:#SHOP-1001"),
        ({"aliases": ("number:1001",)}, "order:1001"),
        ({"aliases": ("checkout:68683485610367",)}, "checkout:68683485610367"),
        ({"aliases": ("payment:pi_1",)}, "payment_intent:pi_1"),
        ({"aliases": ("payment:pi_1",)}, "payment:pi_1"),
        ({"aliases": ("charge:ch_1",)}, "charge:ch_1"),
        ({"aliases": ("transaction:8RU54321AB123456C",)}, "transaction:8RU54321AB123456C"),
        ({"aliases": ("transaction:8RU54321AB123456C",)}, "payment:8RU54321AB123456C"),
        ({"payments": (payment("pi_2:reserved"),)}, "payment_intent:pi_2"),
        ({"payments": (payment("7128676925696"),)}, "transaction:7128676925696"),
        ({"payments": (payment("re_2", "refund"),)}, "refund:re_2"),
        ({"payments": (payment("dispute.77", "dispute"),)}, "dispute:77"),
        (
            {"refunds": (Refund(id="ch_9:300", amount=Decimal(3), currency="EUR", at=1, total=Decimal(3), payment="ch_9"),)},
            "charge:ch_9",
        ),
        ({"parcels": (Parcel(id="41", state=ParcelState.CREATED, at=1, numbers=("1Z 999",)),)}, "parcel:1Z 999"),
    ],
)  # fmt: skip
def test_a_line_finds_the_order_that_carries_its_id(told: dict[str, object], line: str) -> None:
    keys = {references.key_of(name) for name in references.of_report(report(**told))}
    assert references.key_of(line) in keys


@pytest.mark.parametrize("value", ["", " ", "-", "null", "anna@example.com", "a\x00b", "x" * 300])
def test_what_names_nothing_is_no_reference(value: str) -> None:
    """An e-mail address in the place of a number is contact data and is left out."""
    assert references.reference("order", value) is None


def test_kinds_that_differ_stay_apart() -> None:
    """A parcel's number is no order's number, and a checkout's is none either."""
    keys = {references.key_of(f"{kind}:1001") for kind in ("order", "parcel", "checkout", "transaction", "payout")}
    assert len(keys) == 5


def test_words_that_are_no_kind_are_left_out() -> None:
    """A key of a status page is a secret and no reference; a conversation is no order."""
    told = report(aliases=("order_key:wc_order_secret", "cart:1", "conversation:9", "number:7"))
    assert references.of_report(told) == ("order:5001", "number:7")


def test_all_kinds_are_described_once() -> None:
    for kind, meaning in references.KINDS.items():
        assert references.reference(kind, "value1") == f"{kind}:value1"
        assert meaning


@pytest.mark.parametrize(
    ("aliases", "expected"),
    [
        (("number:1001", "name:#1001"), "#1001"), (("number:1001", "checkout:5f"), "1001"), (("checkout:5f",), "7"),
        (("name:", "number:1001"), "1001"), ((), "7"), (("name:B", "name:A"), "A"),
    ],
)  # fmt: skip
def test_an_order_is_called_what_its_people_call_it(aliases, expected):
    """Its name, else its number, else its id; of several the same one whichever was told first."""
    assert people_number(aliases, "7") == people_number(reversed(aliases), "7") == expected
