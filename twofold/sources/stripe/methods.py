"""Stripe's payment method types in our words.

Owns the table. Which types confirm the money days later: docs.stripe.com/payments/payment-methods/payment-method-support,
"Payment notification: delayed", read October 2026. A type that is not named here is `OTHER`.
"""

from __future__ import annotations

from typing import Any

from twofold.ledger.model import Method
from twofold.sources import lenient

_WORDS = {
    Method.CARD: "card card_present interac_present kr_card",
    Method.WALLET: "link paypal alipay wechat_pay grabpay cashapp amazon_pay revolut_pay mobilepay samsung_pay "
    "kakao_pay naver_pay payco twint vipps satispay",
    Method.LATER: "klarna afterpay_clearpay affirm zip alma billie scalapay",
    Method.BANK_TRANSFER: "customer_balance sepa_debit us_bank_account ach_debit ach_credit_transfer bacs_debit "
    "au_becs_debit nz_bank_account acss_debit sepa_credit_transfer sofort boleto oxxo konbini multibanco",
}
METHODS = {word: method for method, words in _WORDS.items() for word in words.split()}
IN_PERSON = frozenset({"card_present", "interac_present"})


def types_of(payment: dict[str, Any]) -> tuple[str, ...]:
    """The type that was used; for an object that only lists what could be used, that list when it has one entry."""
    details = lenient.part(payment, "payment_method_details")
    used = lenient.token(details, "type")
    if used:
        wallet = lenient.token(lenient.part(lenient.part(details, used), "wallet"), "type")
        return (used, wallet) if wallet else (used,)
    allowed = payment.get("payment_method_types")
    first = allowed[0] if isinstance(allowed, list) and len(allowed) == 1 else None
    return (first,) if isinstance(first, str) and 0 < len(first) <= 60 else ()


def method_of(types: tuple[str, ...]) -> Method | None:
    if not types:
        return None
    if len(types) == 2 and METHODS.get(types[0]) is Method.CARD:  # a card inside Apple Pay, Google Pay, …
        return Method.WALLET
    return METHODS.get(types[0], Method.OTHER)
