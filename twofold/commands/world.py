"""``twofold world``: a scenario to files, the files through the commands, the chain beside the truth."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

from msgspec import structs
from rich.console import Console

from twofold.commands.output.printing import print_rows
from twofold.commands.output.rows.running import ChainFigure
from twofold.errors import ConfigError
from twofold.scratch import scratch_folder
from twofold.simulate.signal.scenario import SignalScenario, is_signal, read_signal
from twofold.simulate.world.fates import today_of
from twofold.simulate.world.folder import COMMANDS, KEY, write_world
from twofold.simulate.world.play import chain_rows, chain_table, chain_verdict, is_exact, play_world
from twofold.simulate.world.scenario import DEMO, read_scenario


def play(scenario: Path | None, *, into: Path | None, seed: int | None, write_only: bool, json: bool) -> int:
    """The exit code. Raises `ConfigError` for a scenario that is none, or a folder that holds something else."""
    if scenario is not None and is_signal(scenario):
        return _play_signal(read_signal(scenario), into=into, seed=seed, write_only=write_only, json=json)
    told = read_scenario(scenario or DEMO)
    if seed is not None:
        told = structs.replace(told, seed=seed)
    _refuse_folders(into, write_only=write_only)
    out = Console(stderr=json)
    with ExitStack() as stack:
        folder = into or stack.enter_context(scratch_folder("twofold-world-"))
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


def _play_signal(told: SignalScenario, *, into: Path | None, seed: int | None, write_only: bool, json: bool) -> int:
    """A world of signal: played through a gateway of its own, then looked at as ``twofold why`` does."""
    from rich.progress import Progress

    from twofold.commands.output.rows.signal import PlantedFault
    from twofold.commands.router.planted import false_alarms, judge
    from twofold.commands.router.signal_world import CONFIG, play
    from twofold.config import load_settings
    from twofold.policies import router_task
    from twofold.router.task import ask

    if write_only:
        raise ConfigError("--write-only: expected a world of files; this one is played as requests")
    _refuse_folders(into, write_only=False)
    if seed is not None:
        told = structs.replace(told, seed=seed)
    until = int(time.time()) // 86_400 * 86_400
    out = Console(stderr=json)
    with ExitStack() as stack:
        folder = into or stack.enter_context(scratch_folder("twofold-signal-"))
        folder.mkdir(parents=True, exist_ok=True)
        with Progress(console=out, transient=True) as bar:
            task = bar.add_task(f"{told.days} days of signal", total=None)
            config = asyncio.run(
                play(told, folder, until * 1000, lambda done, of: bar.update(task, completed=done, total=of))
            )
        asked = structs.replace(router_task(load_settings(config), until), tested=False)
        found = ask(asked)
    kinds = [fault.kind for fault in told.faults]
    judged, wrong = judge(kinds, found), false_alarms(kinds, found)
    rows = [{"fault": j.fault.value, "rank": j.rank, "first": j.first, "finding": j.named} for j in judged]
    rows += [{"fault": "", "rank": found.index(f) + 1, "first": False, "finding": f.key} for f in wrong]
    if json:
        print_rows(PlantedFault, rows)
    else:
        for row in rows:
            said = f"named by {row['finding']}, rank {row['rank']}" if row["rank"] else "not found"
            out.print(f"{row['fault'] or 'nothing planted'}: {said}", highlight=False)
        if not rows:
            out.print("Nothing was planted, and nothing was found.")
        if into is not None:
            out.print(f"twofold why --config {into / CONFIG}", highlight=False)
    return 0 if all(j.first for j in judged) and not wrong else 1


def _refuse_folders(into: Path | None, *, write_only: bool) -> None:
    if write_only and into is None:
        raise ConfigError("--write-only: expected --into FOLDER, where the files are to be kept")
    if into is not None and into.exists() and any(into.iterdir()):
        raise ConfigError(f"--into: expected a folder that is empty or not there yet, got {into}")
