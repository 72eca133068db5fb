"""What a shell offers after TAB: commands, options and known values, as Typer's own scripts ask for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.gateway_process import clean_environment


def offered(line: str, shell: str = "bash") -> set[str]:
    """What is offered for the last word of a line."""
    words = line.split(" ")
    asked = {
        "bash": {"_TWOFOLD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TWOFOLD_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line},
        "fish": {
            "_TWOFOLD_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    }[shell]
    program = Path(sys.executable).with_name("twofold")
    done = subprocess.run([str(program)], env=clean_environment(asked), capture_output=True, text=True, timeout=60)
    if shell == "zsh":
        return {part.split('"')[1].partition(":")[0] for part in done.stdout.splitlines() if part.count('"') >= 2}
    return {row.split("\t")[0].split(":")[0] for row in done.stdout.splitlines()}


@pytest.mark.process
def test_commands_options_and_values_are_offered() -> None:
    """A command by its beginning, a group's own commands, an option, and the values that an option knows."""
    assert {"backup", "bank"} <= offered("twofold ba")
    assert {"accept", "show"} <= offered("twofold watermark ")
    assert "--erasures" in offered("twofold backup --e")
    assert offered("twofold events --state t") == {"twin"}
    assert {"caddy", "nginx"} <= offered("twofold install-service --proxy ")


@pytest.mark.process
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same(shell: str) -> None:
    """Typer knows bash, zsh, fish and PowerShell."""
    assert "install-service" in offered("twofold install", shell)


@pytest.mark.process
def test_a_script_for_the_shell_can_be_written(tmp_path: Path) -> None:
    """As docs/deploy.md says: printed, and loaded by a bash that then completes."""
    program = Path(sys.executable).with_name("twofold")
    told = clean_environment({"_TWOFOLD_COMPLETE": "source_bash"})
    script = subprocess.run([str(program)], env=told, capture_output=True, text=True, timeout=60).stdout
    (tmp_path / "twofold.bash").write_text(script)
    asked = (
        f"source {tmp_path}/twofold.bash; COMP_WORDS=(twofold verif); COMP_CWORD=1; COMP_LINE='twofold verif'; "
        "_twofold_completion twofold verif twofold; echo ${COMPREPLY[@]}"
    )
    path = f"{program.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", asked],
        env=clean_environment({"PATH": path}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["verify"], done.stderr
