"""A path that is a device's or a pipe's is refused by every command that takes one: a device may be read for ever, and a pipe
waits for somebody who writes into it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

from tests.command_line import invoke
from twofold.cli import app
from twofold.config import load_settings
from twofold.errors import ConfigError

ENDLESS = Path("/dev/zero")


def functions(commands: typer.Typer) -> Iterator[Callable[..., Any]]:
    """What is behind each command, also those of groups."""
    own = commands.registered_callback
    for one in (*commands.registered_commands, *([own] if own is not None else [])):
        if one.callback is not None:
            yield one.callback
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            yield from functions(group.typer_instance)


def paths_of(function: Callable[..., Any]) -> list[str]:
    """Its parameters that take a path, or several."""
    hints = get_type_hints(function)
    return [name for name in inspect.signature(function).parameters if Path in (hints[name], *_inside(hints[name]))]


def _inside(hint: Any) -> set[Any]:
    return {part for one in get_args(hint) for part in (one, *_inside(one))}


TAKEN = [(function, name) for function in functions(app) for name in paths_of(function)]


def test_there_are_commands_that_take_paths():
    assert len(TAKEN) > 60
    assert {name for _, name in TAKEN} >= {"config", "file", "plan", "calls", "out", "report"}


@pytest.mark.parametrize(("function", "name"), TAKEN, ids=[f"{f.__name__}-{name}" for f, name in TAKEN])
def test_no_command_begins_with_a_device(function, name):
    """Nothing else is given, so a command that began would say what it lacks."""
    several = list[Path] in (hint := get_type_hints(function)[name], *get_args(hint))
    with pytest.raises(typer.BadParameter, match="expected a file or a folder, got a device: /dev/zero"):
        function(**{name: [ENDLESS] if several else ENDLESS})


def test_a_person_is_told_which_of_the_words_it_was(tmp_path):
    pipe = tmp_path / "twofold.toml"
    os.mkfifo(pipe)
    for words, said in (
        (["check", "--config", "/dev/full"], "--config: expected a file or a folder, got a device: /dev/full"),
        (["import", "orders", "/dev/urandom"], "FILE: expected a file or a folder, got a device: /dev/urandom"),
        (["destinations", "--all", "--explain", "/dev/zero"], "--explain: expected a file, got a device: /dev/zero"),
        (["shopify-senders", str(pipe)], "FILE: expected a file, got a pipe: "),
        (["verify", "-c", str(pipe)], "--config: expected a file or a folder, got a pipe:"),
    ):
        found = invoke(words, env={"COLUMNS": "300"})
        assert found.exit_code == 2
        assert said in found.output


def test_neither_the_environment_nor_a_private_file_names_one(tmp_path):
    with pytest.raises(ConfigError, match=r"/dev/zero: expected a file, got a device"):
        load_settings(None, environ={"TWOFOLD_CONFIG": str(ENDLESS)})
    config = tmp_path / "twofold.toml"
    config.write_text("")
    (tmp_path / "twofold.env").symlink_to(ENDLESS)
    with pytest.raises(ConfigError, match=r"private file .*: expected a file, got a device"):
        load_settings(config)
