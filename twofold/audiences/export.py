"""A list as a file: digests under a named platform's rule, and what each person is worth where that was asked for.

Owns the form. The file is for its owner alone, and there as a whole or not at all. Nobody is in it who may not be told to that platform.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from twofold.audiences.members import Row
from twofold.destinations import BY_PLATFORM
from twofold.store.beside.durable_file import write_whole

HEADINGS = {"meta": ("email", "phone"), "google_ads": ("Email", "Phone"), "tiktok": ("Email_SHA256", "Phone_SHA256")}
"""As the platforms' own pages for uploads call them. [Meta and Google: help pages, seldom changed; TikTok: help page of September 2025]"""


def export_csv(path: Path, platform: str, rows: Mapping[Row, str], currency: str, *, valued: bool) -> None:
    """Writes the file; one that is there is replaced."""
    write_whole(path, csv_of(platform, rows, currency, valued=valued))


def csv_of(platform: str, rows: Mapping[Row, str], currency: str, *, valued: bool) -> bytes:
    """The same as bytes. Rows are sorted, so that the same list is the same file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*HEADINGS[platform], *(("value", "currency") if valued else ()), "rule"])
    for row, value in sorted(rows.items()):
        writer.writerow([row.em, row.ph, *((value, currency) if valued else ()), rule_text(platform)])
    return out.getvalue().encode()


def rule_text(platform: str) -> str:
    """The rules by which a file's digests were made, best first."""
    known = BY_PLATFORM[platform].identifiers
    return "; ".join(f"{field} {' or '.join(known[field])}" for field in ("em", "ph") if field in known)
