"""The command line inside the test's own process.

Owns the one built form of the commands: to build it takes fifty times as long as a short command does, and a runner that is
handed the application builds it for each call. A command that steps behind others on the machine does not take this process along.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from twofold.cli import app


def invoke(
    words: Sequence[str], *, given: str | None = None, env: Mapping[str, str | None] | None = None, raises: bool = False
) -> Result:
    """What ``twofold`` and these words did. ``given``: what is typed; ``raises``: what no command expects is raised here."""
    runner, code = CliRunner(), 0
    failed: BaseException | None = None
    with pytest.MonkeyPatch.context() as patched, runner.isolation(input=given, env=env) as (out, err, both):
        patched.setattr(os, "setpriority", lambda *_: None)
        patched.setattr(os, "sched_setscheduler", lambda *_: None, raising=False)
        try:
            whole_command().main(args=list(words), prog_name="twofold")
        except SystemExit as end:
            code, failed = int(end.code or 0), end if end.code else None
        except Exception as error:
            if raises:
                raise
            code, failed = 1, error
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            texts = out.getvalue(), err.getvalue(), both.getvalue()
    return Result(runner, *texts, None, code, failed)


@cache
def whole_command() -> Any:
    """The commands as they are built from their functions; groups have ``commands``."""
    return typer.main.get_command(app)
