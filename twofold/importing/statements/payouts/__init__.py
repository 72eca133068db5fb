"""What payment providers say they paid out: files and saved answers to money lines and batches, one file a provider.

`FORMATS` is the closed list.
"""

from __future__ import annotations

from twofold.importing.statements.contract import StatementFormat
from twofold.importing.statements.payouts import adyen_settlement, klarna_settlement, shopify_answers, stripe_answers
from twofold.importing.statements.payouts.paypal_activity import ACTIVITY
from twofold.importing.statements.payouts.paypal_settlement import SettlementFormat
from twofold.importing.statements.payouts.shopify_tables import PAYOUTS, TRANSACTIONS
from twofold.importing.statements.payouts.stripe_tables import BALANCE, REPORT

FORMATS: tuple[StatementFormat, ...] = (
    REPORT,
    BALANCE,
    stripe_answers.ANSWERS,
    TRANSACTIONS,
    PAYOUTS,
    shopify_answers.ANSWERS,
    ACTIVITY,
    SettlementFormat(),
    adyen_settlement.SETTLEMENT,
    klarna_settlement.ReportFormat(),
    klarna_settlement.ANSWERS,
)
"""Every format of payouts but our own table."""
