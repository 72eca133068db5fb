"""`twofold doctor`: everything that can be wrong between a shop's page and the platform, each with what mends it.

Owns how it is printed and how often it is asked; what is looked at is `setup.doctor`'s, the configuration's faults are `check`'s.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import plain, print_about, print_rows, say

if TYPE_CHECKING:
    from twofold.setup.finding import Finding

WATCH_S = 15.0
NO_FILE = ("twofold init", "twofold sandbox")
"""Commands that read no configuration: one that names it would not start."""
COMMAND = re.compile(r"twofold [a-z]+( [a-z]+)*( --[a-z-]+ [^ ();,]+)*")
SHOWN = {"ok": "OK  ", "look": "LOOK", "do": "DO  "}


def doctor(
    config: ConfigOption = None,
    data: DataOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every 15 seconds and print what changed, until Ctrl-C.")
    ] = False,
    test_code: Annotated[
        str,
        typer.Option(
            help="Send one test event to each platform under this code of its Test Events page. It counts there."
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Look at everything from outside in, and say what mends what is wrong.

    Faults of the configuration with their line, disk, clock, who can read the secrets; the public address, its certificate, the
    tag through it, how deep X-Forwarded-For is read; the shop's page: order of scripts, other senders; each webhook topic,
    signatures that did not fit, browser copies and how many merge, late deliveries; the platform's token, scopes and dataset.
    OK is in order, DO must be mended, LOOK works or cannot be told from here. Exit code 1 while there is a DO. Without
    `--test-code` nothing is sent but to a stand-in on this machine. What `--json` prints holds no secret and no contact data:
    it is what a report of a defect needs.
    """
    if json:
        from twofold import __version__
        from twofold.clock import now_ms

        print_about("doctor", version=__version__, as_of=now_ms() // 1000)
    if watch:  # also where whoever started it had Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    said: dict[str, tuple[str, str]] = {}
    failed = False
    try:
        while True:
            failed = _round(examine(config, data, test_code), said, watch, json)
            if not watch:
                break
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        if not watch:
            raise
    raise typer.Exit(1 if failed else 0)


def _round(found: Iterator[Finding], said: dict[str, tuple[str, str]], watch: bool, json: bool) -> bool:
    """One visit; while it is watched only what is new. True when something must be done."""
    failed = False
    for finding in found:
        failed |= finding.state == "do"
        now = (finding.state, finding.text)
        if not watch or said.get(finding.name) != now:
            show(finding, json)
            sys.stdout.flush()
        said[finding.name] = now
    return failed


def examine(config: Path | None, data: str | None, test_code: str = "") -> Iterator[Finding]:
    """What `check` finds, and where there are settings everything else."""
    from msgspec import structs

    from twofold.commands.check import run_checks
    from twofold.config import load_settings
    from twofold.errors import ConfigError
    from twofold.setup.doctor.visit import visit
    from twofold.setup.finding import Finding, State

    for one in run_checks(config, data):
        state = State.LOOK if one.look else State.DO if one.problem else State.OK
        yield Finding(name=one.name, state=state, text=one.problem or "", file=one.file or "", line=one.line)
    try:
        settings = load_settings(config, data=data, warn=lambda _text, _line: None)
    except ConfigError:
        return
    for finding in visit(settings, config, time.time(), test_code=test_code):
        yield structs.replace(finding, mend=with_file(finding.mend, config))


def with_file(mend: str, config: Path | None) -> str:
    """A command that can be pasted names the file that was looked at."""
    if config is None or " --config " in mend or not COMMAND.fullmatch(mend) or mend in NO_FILE:
        return mend
    return f"{mend} --config {config}"


def show(finding: Finding, json: bool) -> None:
    """One line for machines; for people one, and one with what mends it."""
    if json:
        from twofold.commands.output.rows.running import Line

        row = {"name": finding.name, "state": str(finding.state), "text": finding.text, "command": finding.mend or None}
        print_rows(Line, [{**row, "file": finding.file or None, "line": finding.line or None}])
        return
    at = f" {finding.file}" if finding.file else ""
    at += f", line {finding.line}" if finding.line else ""
    said = f": {finding.text}" if finding.text else ""
    say(plain(f"{SHOWN[finding.state]} {finding.name}{at}{said}"))
    if finding.mend and finding.state != "ok":
        say(plain(f"     -> {finding.mend}"))
