"""The European Central Bank: the file of the last 90 days, or for older days the whole history in its zip. Public."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import MAX_ANSWER, Exchange, Unreached
from twofold.pulling.questions import refused, unexpected, unreached

ENDPOINT = "https://www.ecb.europa.eu"
RECENT = "/stats/eurofxref/eurofxref-hist-90d.csv"
ALL = "/stats/eurofxref/eurofxref-hist.zip"
_RECENT_DAYS = 85  # of its 90, for what is a day here and not yet there


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    today = datetime.fromtimestamp(exchange.now, UTC).date()
    path = RECENT if span.since > today - timedelta(days=_RECENT_DAYS) else ALL
    try:
        answer = exchange.get((account.endpoint or ENDPOINT) + path)
    except Unreached as err:
        raise unreached(account, err) from None
    if answer.status != 200:
        raise refused(account, answer)
    table = _unpacked(answer.content)
    if table is None or not table.startswith(b"Date"):
        raise unexpected(account, "a table of rates")
    content = _of_span(table, span)
    if content is not None:
        yield Portion(span=span, kind="rates", format="ecb", content=content, suffix=".csv")


def _unpacked(content: bytes) -> bytes | None:
    """The table, also out of its zip; None for a damaged or far too large one."""
    if not content.startswith(b"PK"):
        return content.removeprefix(b"\xef\xbb\xbf")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (member,) = (part for part in archive.infolist() if part.filename.lower().endswith(".csv"))
            if member.file_size > MAX_ANSWER:
                return None
            return archive.read(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        return None


def _of_span(table: bytes, span: Span) -> bytes | None:
    """The header and the days that were asked for; None when none of them has rates, as on holidays."""
    header, *rows = table.splitlines(keepends=True)
    since, until = str(span.since).encode(), str(span.until).encode()
    wanted = [row for row in rows if since <= row[:10] <= until]
    return header + b"".join(wanted) if wanted else None


ECB = Platform(name="ecb", source="ecb", fetch=fetch)
