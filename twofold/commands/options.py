"""The options that commands have in common, and what is read from them: the data folder, a period.

Owns an option only where two modules declare it in the same words; one whose help differs stays beside its command.
Prints nothing and knows no settings but the file they are in. Whatever path any command is given is a file's or a folder's, also one
that is not there yet: a device may have no end, and a pipe nobody who writes into it (`over_paths`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

EVERYDAY, LOOK, ACT, PEOPLE, TRY = "Run", "Look", "Act", "People's rights", "Try and check"
"""The panels of the help."""

USUAL = Path("twofold.toml")
"""The configuration that a command takes where none is named: of the folder in which it is given, as `init` writes it there."""


def none_found() -> str:
    """Where a configuration was looked for, of a command that found none."""
    return f"no configuration: neither --config nor TWOFOLD_CONFIG names one, and {Path.cwd()} has no {USUAL}"


def named(config: Path | None) -> Path | None:
    """The configuration that somebody named; None where one was only found in this folder. For a command that can do without any."""
    return None if config == USUAL else config


def _found(given: Path | None) -> Path | None:
    return given or (USUAL if USUAL.exists() else None)


def _required(given: Path) -> Path:
    if given == USUAL and not USUAL.exists():
        from twofold.errors import ConfigError

        raise ConfigError(f"{none_found()}; `twofold init` writes one")
    return given


_HELP = f"Configuration file (TOML). Default: {USUAL} of this folder."
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help=_HELP, envvar="TWOFOLD_CONFIG", show_default=False, callback=_found),
]
ConfigNeeded = Annotated[
    Path, typer.Option("--config", "-c", help=_HELP, envvar="TWOFOLD_CONFIG", show_default=False, callback=_required)
]
"""Of a command that can do nothing without one; its default is `USUAL`."""
DataOption = Annotated[
    str | None, typer.Option("--data", help="Data folder; wins over the file.", envvar="TWOFOLD_DATA")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")]
DatasetOrAllOption = Annotated[str | None, typer.Option("--dataset", help="Only this dataset. Default: all of them.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Only this event name, e.g. Purchase.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Only this event id.")]
DestinationOption = Annotated[str | None, typer.Option("--destination", help="Only this destination.")]
ByOption = Annotated[str, typer.Option("--by", help="Who says so. Default: the login name.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="The last so many rows; 0 for all.")]

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def over_paths(commands: typer.Typer) -> None:
    """Each of these commands, and of the groups among them, refuses a path that is neither a file's nor a folder's before it runs."""
    own = commands.registered_callback  # of a group that does something by itself
    if own is not None and own.callback is not None:
        own.callback = _of_files(own.callback)
    for one in commands.registered_commands:
        if one.callback is not None:
            one.callback = _of_files(one.callback)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            over_paths(group.typer_instance)


def _of_files(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        for name, value in given.items():
            for path in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(path, Path):
                    _require_file(path, command, name)
        return command(*args, **given)

    return run


def _require_file(path: Path, command: Callable[..., Any], name: str) -> None:
    from twofold.config.private import odd_kind

    if got := odd_kind(path):
        raise typer.BadParameter(f"{_shown_name(command, name)}: expected a file or a folder, got {got}: {path}")


def _shown_name(command: Callable[..., Any], name: str) -> str:
    """A parameter as it is written: ``--config``, ``FILE``."""
    for known in getattr(get_type_hints(command, include_extras=True).get(name), "__metadata__", ()):
        if isinstance(known, typer.models.OptionInfo):
            # The first of its words stands where a default would, were the option not annotated.
            words = [str(word) for word in (known.default, *(known.param_decls or ())) if str(word).startswith("-")]
            return max(words, key=len, default=f"--{name.replace('_', '-')}")
    return name.upper()


def read_or_piped(where: str, option: str, most: int = -1) -> bytes:
    """The content of a file that is named in words, or of what is piped in where they are ``-``; ``most`` bytes of it. ``option``: as
    the word is written. Raises `BadParameter` for what is no file and for what cannot be read."""
    from twofold.commands.output.printing import plain
    from twofold.config.private import odd_kind

    if where != "-" and (got := odd_kind(Path(where))):
        raise typer.BadParameter(f"{option}: expected a file, got {got}: {plain(where)}; - reads what is piped in")
    try:
        with sys.stdin.buffer if where == "-" else Path(where).open("rb") as file:
            return file.read(most)
    except OSError as err:
        raise typer.BadParameter(f"{option}: {plain(where)} cannot be read: {err.strerror}") from None


def who_says(by: str) -> str:
    """The name that an entry of the log carries."""
    import getpass

    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("--by: expected a name, as this login has none") from None


def folder_of(config: Path | None, data: str | None) -> Path:
    """The data folder that the two options, or the defaults, name."""
    from twofold.config import load_settings

    return Path(load_settings(config, data=data).server.data)


def completing(names: Iterable[str]) -> Callable[[str], list[str]]:
    """What the shell offers for an option with closed values."""
    known = list(names)

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return complete


def known_value(option: str, value: str | None, known: Iterable[str]) -> None:
    """Refuses a value that cannot be: an empty answer has to mean that there is nothing."""
    names = list(dict.fromkeys(known))
    if value is not None and value not in names:
        shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "") or "(none yet)"
        raise typer.BadParameter(f"{option}: unknown value {value}; expected one of {shown}")


def country_code(text: str) -> str:
    """The code of a country that an option names, empty for none; refuses one that does not exist."""
    from twofold.matching.normalise import normalise_country

    code = normalise_country(text) if text else ""
    if code is None:
        raise typer.BadParameter("--country: expected an ISO 3166-1 code or an English name of a country")
    return code


def period_such_as(examples: str) -> Callable[[str | None], str | None]:
    """The check of an option that takes a period; the examples stand in what it says of anything else."""

    def check(text: str | None) -> str | None:
        if text is not None and not re.fullmatch(r"[1-9]\d{0,4}[mhd]", text):
            raise typer.BadParameter(f"expected a number with m, h or d, such as {examples}")
        return text

    return check


def period_ms(period: str) -> int:
    """A checked period, such as 48h, in milliseconds."""
    return int(period[:-1]) * _UNITS_MS[period[-1]]
