"""How a sender limits the use of an event: limited data use, and no use for optimisation. The event counts all the same.

Source: Meta for Developers, "Data processing options" and "Server event parameters", read September 2026.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Flag(StrEnum):
    """One limit."""

    LDU = "LDU"  # limited data use, by the laws of some states
    OPT_OUT = "opt_out"  # attribution only, not for the optimisation of delivery


def flags_of(event: dict[str, Any]) -> tuple[str, ...]:
    """The limits one event carries, whether a server wrote it or a pixel hit stands for it."""
    options = event.get("data_processing_options")
    limited = (Flag.LDU,) if isinstance(options, list) and "LDU" in options else ()
    return (*limited, Flag.OPT_OUT) if str(event.get("opt_out")).lower() in ("true", "1") else limited
