"""``twofold world``: a scenario to files, the files through the commands, the chain beside the truth."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from msgspec import structs
from rich.console import Console

from twofold.commands.output.printing import print_rows
from twofold.commands.output.rows.running import ChainFigure
from twofold.errors import ConfigError
from twofold.simulate.world.fates import today_of
from twofold.simulate.world.folder import COMMANDS, KEY, write_world
from twofold.simulate.world.play import chain_rows, chain_table, chain_verdict, is_exact, play_world
from twofold.simulate.world.scenario import DEMO, read_scenario


def play(scenario: Path | None, *, into: Path | None, seed: int | None, write_only: bool, json: bool) -> int:
    """The exit code. Raises `ConfigError` for a scenario that is none, or a folder that holds something else."""
    told = read_scenario(scenario or DEMO)
    if seed is not None:
        told = structs.replace(told, seed=seed)
    if write_only and into is None:
        raise ConfigError("--write-only: expected --into FOLDER, where the files are to be kept")
    if into is not None and into.exists() and any(into.iterdir()):
        raise ConfigError(f"--into: expected a folder that is empty or not there yet, got {into}")
    out = Console(stderr=json)
    with ExitStack() as stack:
        folder = into or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twofold-world-")))
        written = write_world(folder, told, today_of(told, time.time()), int(time.time()))
        if into is not None:
            out.print(f"{len(written.commands)} files, {COMMANDS} and {KEY} are in {into}")
        if write_only:
            return 0
        with out.status("Importing") as status:
            lines = asyncio.run(play_world(written, lambda done, total: status.update(f"Importing: {done} of {total}")))
        if json:
            print_rows(ChainFigure, chain_rows(written.key, lines))
        else:
            out.print(chain_table(written.key, lines))
            out.print(chain_verdict(lines))
        return 0 if is_exact(lines) else 1
