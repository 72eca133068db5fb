"""``twofold trace``: the request that an answer's id belongs to, and how the log is written.

Owns words and the log's two forms; what is kept under an id is the store's.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import Clock, clock_of, plain, print_rows, say

MOST = 50
REPEATED_S = 60.0
"""A warning that is said again within this time, word for word, is counted instead of written."""
_KEPT_LINES = 256  # of which it is known when they were written last


def trace(
    number: Annotated[
        str, typer.Argument(metavar="ID", help="`fbtrace_id` of an answer, or `trace` of a line of the log.")
    ],
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Find the request that an answer belongs to, by the id that its sender got.

    Whatever was refused is kept under the id of its answer. Of what was taken, the answers that the log has a line of are: one
    a kind of request and minute; the copies shown are those that came in at that moment. Exit code 5 for an id that is unknown.
    """
    from twofold.commands.lists import print_table
    from twofold.commands.output.rows.journal import Event, Refused, Traced
    from twofold.config import load_settings
    from twofold.errors import NotHere
    from twofold.store.lists import Reader

    settings = load_settings(config, data=data)
    with Reader(settings.server.data) as reader:
        kept = reader.trace(number)
        refused = list(reader.rows("refused", {"trace": number}, limit=MOST))
        if kept is None and not refused:
            raise NotHere(
                f"no answer {plain(number)[:64]} is kept here; taken requests are kept by one a kind and minute"
            )
        copies: list[dict[str, Any]] = []
        if kept is not None and kept["events"]:
            copies = list(reader.rows("events", limit=min(kept["events"], MOST), before=kept["position"] + 1))
    if json:
        print_rows(Traced, [kept or {"trace": number}])
        print_rows(Event, copies)
        print_rows(Refused, refused)
        return
    clock = clock_of(settings)
    if kept is not None:
        say(_words(kept, clock))
    if copies:
        say("What came in at that moment, newest last:")
        print_table(
            ("position", "received_at", "event_name", "event_id", "channel", "sender", "verdict", "action"),
            copies,
            clock,
        )
    if refused:
        say("Refused of it:")
        print_table(
            ("id", "received_at", "entry", "event_name", "event_id", "reason", "index", "path", "expected", "got"),
            refused,
            clock,
        )


def _words(kept: dict[str, Any], clock: Clock) -> str:
    door = f"door {kept['entry']}" if kept["entry"] else "no door"
    more = f", one of {kept['requests']} of its kind since the line before" if kept["requests"] > 1 else ""
    return f"{clock.said(kept['at'] // 1000)}, {door}: {kept['outcome']}, HTTP {kept['status']}, {kept['events']} events{more}"


class JsonLog(logging.Formatter):
    """One object a line: `at`, `level`, `logger`, and the line's own fields, or its `text`."""

    def format(self, record: logging.LogRecord) -> str:
        import msgspec

        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        fields = getattr(record, "fields", None)
        said |= fields if isinstance(fields, dict) else {"text": record.getMessage()}
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__  # never its message: it could quote contact data
        return msgspec.json.encode(said).decode()


class Repeated(logging.Filter):
    """Lets the same warning through once a minute: what is tried again each half second would fill the disk with one sentence.

    The next one that is written says how many were not. Lines with fields of their own are few already.
    """

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[tuple[str, int, str], list[float]] = {}  # when (Unix s), and how many were not since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or hasattr(record, "fields"):
            return True
        said = record.getMessage()
        line = (record.name, record.levelno, said)
        known = self._written.pop(line, None)
        if known is not None and 0 <= record.created - known[0] < REPEATED_S:
            known[1] += 1
            self._written[line] = known
            return False
        self._written[line] = [record.created, 0]
        if len(self._written) > _KEPT_LINES:
            del self._written[next(iter(self._written))]
        if known is not None and known[1]:
            record.msg, record.args = f"{said} (and {int(known[1])} times more since this was written)", None
        return True


def set_up_log(form: str) -> None:
    """The log of a serving program, on standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(Repeated())
    handler.setFormatter(
        JsonLog() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
