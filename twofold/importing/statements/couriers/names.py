"""Headers that couriers' files have in common, and whose file it is.

Owns the headers, in English and in Georgian, and the courier's name: what the operator says, else a column of the file.
"""

from __future__ import annotations

import re

from twofold.importing.readers.layout import fold_word
from twofold.importing.statements.reading.sheets import Cells

UNNAMED = "courier"

PARCEL = ("parcel", "AWB", "AWB No", "AWB Number", "AWB Code", "Tracking number", "Tracking No", "Tracking ID",
          "Tracking code", "Waybill", "Waybill No", "Waybill number", "Barcode", "Consignment", "Consignment No",
          "Consignment number", "Parcel number", "Parcel No", "Parcel ID", "Shipment ID", "შეკვეთის კოდი")  # fmt: skip
ORDER = ("order", "Order ID", "Order No", "Order number", "Reference", "Reference No", "Merchant reference", "Invoice no",
         "Invoice number", "Client order", "Client reference", "Customer reference")  # fmt: skip
STATUS = ("status", "Parcel status", "Delivery status", "Shipment status", "Current status")
METHOD = ("method", "Payment method", "Payment mode", "Payment type")
CURRENCY = ("currency", "Currency code", "ვალუტა")
COURIER = ("courier", "carrier", "courier name", "carrier name")

METHODS = {"cash": "cash", "cod": "cash", "card": "card", "pos": "card", "terminal": "card", "qr": "qr"}
_NAME = re.compile(r"[\w .&-]{1,40}")


def courier_of(cells: Cells) -> str:
    """The courier's name: of --source, else of the row. Nothing is made up: without both it is "courier"."""
    named = cells.file.options.source or cells.text("courier")
    if named and _NAME.fullmatch(named):
        return " ".join(named.casefold().split())
    cells.file.note("the file does not say whose it is: its lines are of `courier`; name it with --source")
    return UNNAMED


def source_of(courier: str) -> str:
    """The courier as the source of money lines."""
    return courier if courier == UNNAMED else f"{UNNAMED}:{courier}"


def method_of(cells: Cells) -> str:
    word = cells.word("method")
    return METHODS.get(word, METHODS.get(fold_word(word), ""))
