"""Options that every file takes, of orders or of money: how it is written, and what is done with what is not understood.

Owns their words. What each means for a kind of file is `importing`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

MappingOption = Annotated[str, typer.Option("--mapping", help="Name of an [[import]] of the configuration.")]
DecimalOption = Annotated[str, typer.Option("--decimal", help="Decimal sign, . or , when the file leaves it open.")]
DatesOption = Annotated[
    Literal["", "dmy", "mdy"], typer.Option("--dates", help="Days like 05/04/2026, when the file leaves it open.")
]
EncodingOption = Annotated[str, typer.Option("--encoding", help="Text encoding. Default: found from the file.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", help="Write each row that was not understood there: .csv, else JSON lines.")
]
