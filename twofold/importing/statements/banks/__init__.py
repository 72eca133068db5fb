"""Bank statements to lines: one file a format, and what they share.

`accounts` knows account numbers and days, `book` the statement that closes; `camt`, `swift`, `ofx`, `bog_api` and `table`
are the formats; `grid`, `cells` and `columns` are what tables of banks have in common. `BANK_FORMATS` is the closed list,
beside any bank's table, which an [[import]] can describe.
"""

from __future__ import annotations

from twofold.importing.statements.banks.bog_api import BogApi
from twofold.importing.statements.banks.camt import Camt
from twofold.importing.statements.banks.columns import OF_BANKS
from twofold.importing.statements.banks.ofx import Ofx
from twofold.importing.statements.banks.swift import Swift
from twofold.importing.statements.banks.table import BankTable
from twofold.importing.statements.banks.tbc_api import TbcApi
from twofold.importing.statements.contract import StatementFormat

BANK_FORMATS: tuple[StatementFormat, ...] = (
    Camt(),
    Swift(),
    Ofx(),
    BogApi(),
    TbcApi(),
    *(BankTable(bank) for bank in OF_BANKS),
)
