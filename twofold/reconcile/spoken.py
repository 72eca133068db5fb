"""What is said of an order's money, in words that people know: rules, batches and couriers have names, not keys.

Owns those words. What is said at all is `life`'s, and the keys by which a batch or line is looked up stay beside it as references.
"""

from __future__ import annotations

import re
from decimal import Decimal

RULES = {
    "provider_id": "the payment provider's own id",
    "order_name": "the order's own id or number",
    "creditor_reference": "the reference that the buyer was given",
    "parcel": "the parcel's number",
    "number_in_text": "the order's number in the text and its amount",
    "numbers_in_text_add_up": "the order's number in several lines that add up",
    "number_in_text_near_amount": "the order's number in the text and nearly its amount",
    "given_back_by_number": "given back: the order's number in the text",
    "second_payment_given_back": "a second payment given back under the order's number",
    "known_payer": "who paid before and the amount",
    "buyer_name": "the buyer's name and the amount",
    "amount_only": "nothing but the amount says so",
    "bank_reference": "the batch's own reference",
    "batch_in_text": "the batch's number in the text",
    "batch_amount_and_date": "the batch's sum on the day it was expected",
    "courier_whole_days": "all parcels of whole days of a courier",
    "courier_sum": "parcels of a courier that add up",
    "sent_back": "the bank sent it back under one reference",
    "person": "somebody said so",
}
"""By which rule of the matching a line pays something. No comma in any: the parts of a sentence stand between commas."""

_BATCH = re.compile(r"\bbatch:(courier:)?([^/]+)/(?:[^,]*/)?([^,/)]+)(?=\)?$)")


def evidence_words(evidence: str) -> str:
    """Who says so, and the rule by which a line is taken for the order."""
    head, by, rest = evidence.partition(" by ")
    rule, comma, more = rest.partition(",")
    return named(f"{head}{by}{RULES.get(rule, rule)}{comma}{more}")


def named(text: str) -> str:
    """The same with batches and couriers as people call them."""

    def name(found: re.Match[str]) -> str:
        courier, who, number = found.groups()
        said = f"remittance {number} of courier {who}" if courier else f"payout {number} of {who}"
        return said

    return re.sub(r"\bcourier:(?=\S)", "courier ", _BATCH.sub(name, text))


def money_words(text: str, amount: Decimal) -> str:
    """Where a part of the money is; a negative one on the bank made somebody's payment smaller."""
    told = named(text)
    if amount < 0 and told.startswith("on the bank"):
        said = f"taken off what came to the bank{told.removeprefix('on the bank')}"
        return said
    return told
