"""From a file, the environment and the command line to checked settings, or to everything that is wrong with them.

Owns precedence (command line, ``TWOFOLD_DATA``, ``_HOST``, ``_PORT``, ``_CONFIG``, file, default), secrets written as
``env:NAME`` (the environment first, then the private file beside the configuration), settings by their older names, and what a
relative data folder is relative to: the file. All faults are found in one go. What a value may be beyond its type is `check`'s
to say.
"""

from __future__ import annotations

import copy
import logging
import os
import re
import tomllib
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from twofold.config.check import check_settings
from twofold.config.defaults import with_defaults
from twofold.config.faults import Faults, Place
from twofold.config.private import odd_kind, private_file, read_private
from twofold.config.settings import ServerSettings, Settings
from twofold.errors import ConfigError

log = logging.getLogger("twofold.config")

RENAMED = {
    ("server", "path"): "tag_path",
    ("dataset", "hold"): "hold_s",
    ("dataset", "variants"): "hash_variants",
    ("dataset", "orders", "wait"): "wait_s",
    ("dataset", "orders", "alone"): "unmatched",
    ("dataset", "trust", "confirm"): "confirm_s",
    ("dataset", "trust", "rate"): "events_per_minute",
    ("dataset", "trust", "rate_name"): "name_events_per_minute",
}
"""Names of older versions to those of today; see `UNDERSTOOD_UNTIL`."""

UNDERSTOOD_UNTIL = {"rate_name": "0.5.0"}
"""The version that knows an older name no more, where it is not 0.4.0: those have other names since 0.3.0, this one since 0.4.0."""


Warn = Callable[[str, int], None]
"""Is told of something to look at in the file, and its line, 0 where it stands nowhere."""
FORM_OF_0_2 = 5
"""The form of a data folder that 0.2.0 left, as bytes 60 to 63 of its database say it (`user_version`)."""


STORE_OF = "TWOFOLD_STORE_OF"


def load_settings(
    path: str | Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
    warn: Warn | None = None,
) -> Settings:
    """Reads, resolves and checks the configuration. Raises `ConfigError` naming every setting that is wrong, and the cure.

    ``warn`` is told of what is understood and called otherwise now, with its line; without it the log is.
    """
    path = path or environ.get("TWOFOLD_CONFIG") or None
    if not path:
        return settings_from({}, environ=environ, data=data, host=host, port=port)
    text = _read_text(Path(path))
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(
            f"configuration file {path} is not TOML: {err}", [(f"is not TOML: {err}", _line_in(str(err), text))]
        ) from None
    beside = Path(path).absolute().parent
    own = read_private(private_file(path)) if Path(path).suffix != ".env" else {}
    return _settings_from(tree, Faults(text, str(path)), environ, (data, host, port), beside, warn or _log_warning, own)


def settings_from(
    tree: dict[str, Any],
    *,
    environ: Mapping[str, str] = os.environ,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """The same from an already parsed TOML tree, which lies nowhere: a relative data folder stays as it is."""
    return _settings_from(tree, Faults(), environ, (data, host, port), None, _log_warning)


def _settings_from(
    tree: dict[str, Any],
    faults: Faults,
    environ: Mapping[str, str],
    given: tuple[str | None, str | None, int | None],
    beside: Path | None,
    warn: Warn,
    private: Mapping[str, str] = types.MappingProxyType({}),
) -> Settings:
    tree = _with_todays_names(tree, faults, warn)
    tree = _resolve(tree, {**private, **{name: value for name, value in environ.items() if value}}, faults, ())
    tree["server"] = _server(tree.get("server", {}), environ, given, beside, faults)
    settings: Settings | None = _convert_table(Settings, tree, (), faults)
    if settings is not None:
        settings = with_defaults(settings, faults)
        check_settings(settings, faults)
    if faults or settings is None:
        raise faults.error()
    _tell_store(settings.server)
    return settings


def _tell_store(server: ServerSettings) -> None:
    """Where the data of this folder are: rooms know a folder only, and children of this process read no settings. The
    variable is `store/engines`'s; what stands in it is seen by this user alone."""
    if server.store:
        os.environ[STORE_OF] = f"{Path(server.data).resolve()}\n{server.store}"
    else:
        os.environ.pop(STORE_OF, None)


def _read_text(path: Path) -> str:
    if got := odd_kind(path):
        raise ConfigError(f"configuration file {path}: expected a file, got {got}; name another with --config")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"configuration file {path.absolute()} does not exist; name another with --config") from None
    except UnicodeDecodeError as err:
        raise ConfigError(f"configuration file {path} is not TOML: {err}") from None
    except OSError as err:
        raise ConfigError(f"configuration file {path} cannot be read: {err.strerror}") from None


def _line_in(message: str, text: str) -> int:
    """Where the reader stopped: the line that it names, or the last one (it says "at end of document")."""
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else len(text.splitlines())


def _server(
    server: Any,
    environ: Mapping[str, str],
    given: tuple[str | None, str | None, int | None],
    beside: Path | None,
    faults: Faults,
) -> Any:
    """The table [server] with what stands above the file."""
    if not isinstance(server, dict):
        faults.add(("server",), "server: expected a table, [server], got a value")
        server = {}
    server = dict(server)
    if beside is not None and isinstance(server.get("data", "data"), str):
        relative = server.get("data", "data")
        server["data"] = str(beside / relative)
        left = None if given[0] or environ.get("TWOFOLD_DATA") else _left_behind(Path(relative), beside)
        if left is not None:
            faults.add(
                ("server", "data"),
                f"server.data: a relative folder lies beside the file now; nothing is in {beside / relative}, and a folder of "
                f"version 0.2 or older is in {left}. Move it there, or name it with --data",
            )
    for name, value in zip(("data", "host", "port"), given, strict=True):
        twin = environ.get(f"TWOFOLD_{name.upper()}")
        if value is not None:
            server[name] = value
        elif twin:
            server[name] = _port(twin, faults) if name == "port" else twin
    return server


def _left_behind(relative: Path, beside: Path) -> Path | None:
    """The folder that 0.2 would have taken, in the directory of the command, where today's place is empty: a gateway that
    began anew there would be without everything it has ever been told."""
    here = Path.cwd() / relative
    if (beside / relative / "twofold.db").exists() or relative.is_absolute():
        return None
    try:
        with (here / "twofold.db").open("rb") as file:
            head = file.read(64)
    except OSError:
        return None
    is_older = head.startswith(b"SQLite format 3") and 0 < int.from_bytes(head[60:64], "big") <= FORM_OF_0_2
    return here if is_older else None


def _port(text: str, faults: Faults) -> int:
    try:
        return int(text)
    except ValueError:
        faults.add((), f"TWOFOLD_PORT: expected a number, got {text!r}")
        return 0


# -- older names


def _log_warning(text: str, line: int) -> None:
    log.warning("configuration%s: %s", f", line {line}" if line else "", text)


def _with_todays_names(tree: dict[str, Any], faults: Faults, warn: Warn) -> dict[str, Any]:
    """A copy of the tree with today's names; each older one is warned about, both at once is a fault."""
    tree = copy.deepcopy(tree)
    for (*tables, old), new in RENAMED.items():
        for place, table in _tables(tree, tables):
            if old not in table:
                continue
            value = table.pop(old)
            if new in table:
                text = f"{_shown((*place, old))}: is the older name of {new}, which is set too; remove the older one"
                faults.add((*place, old), text)
                continue
            table[new] = value
            faults.written[(*place, new)] = old
            text = f"{_shown((*place, old))} is called {new} now; the older name is understood until {UNDERSTOOD_UNTIL.get(old, '0.4.0')}"
            warn(text, faults.line_of((*place, new)))
    return tree


def _tables(tree: dict[str, Any], names: list[str]) -> list[tuple[Place, dict[str, Any]]]:
    """Every table at these names; a list holds one table an entry."""
    found: list[tuple[Place, Any]] = [((), tree)]
    for name in names:
        inner = [((*place, name), t.get(name)) for place, t in found]
        found = [
            one
            for place, value in inner
            for one in (
                [((*place, n), v) for n, v in enumerate(value)] if isinstance(value, list) else [(place, value)]
            )
            if isinstance(one[1], dict)
        ]
    return found


# -- secrets


def _resolve(value: Any, environ: Mapping[str, str], faults: Faults, place: Place) -> Any:
    match value:
        case dict():
            return {k: _resolve(v, environ, faults, (*place, k)) for k, v in value.items()}
        case list():
            return [_resolve(v, environ, faults, (*place, n)) for n, v in enumerate(value)]
        case str() if value.startswith("env:"):
            name = value[4:]
            if environ.get(name):
                return environ[name].rstrip("\r\n")  # files that are read into variables end with a line
            faults.add(
                place,
                f"{_shown(place)}: environment variable {name} is not set; set it before starting, or write it into the private "
                "file beside the configuration",
            )
            return "0" * 32  # whatever else is wrong is found all the same
        case _:
            return value


# -- types


def _convert_table(kind: Any, table: Any, place: Place, faults: Faults) -> Any:
    """A struct from a table, field by field, so that every fault is found; None where it cannot be made."""
    if not isinstance(table, dict):
        faults.add(place, f"Expected `object`, got `{_type_of(table)}` - at `{_path(place)}`")
        return None
    known = {f.encode_name: f for f in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    for name in table.keys() - known.keys():
        faults.add((*place, name), f"Object contains unknown field `{name}`{_meant(name, known)} - at `{_path(place)}`")
    made: dict[str, Any] = {}
    for name, field in known.items():
        if name in table:
            value = _convert(hints[field.name], table[name], (*place, name), faults)
            if value is not None:
                made[field.name] = value
                continue
        elif not field.required:
            continue
        else:
            faults.add(place, f"Object missing required field `{name}` - at `{_path(place)}`")
        if field.required:
            return None
    return kind(**made)


def _convert(kind: Any, value: Any, place: Place, faults: Faults) -> Any:
    if get_origin(kind) is types.UnionType:
        structs = [k for k in get_args(kind) if isinstance(k, type) and issubclass(k, Struct)]
        kind = structs[0] if structs else kind  # a table that may be missing
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _convert_table(kind, value, place, faults)
    inner = get_args(plain)
    if get_origin(plain) is tuple and isinstance(inner[0], type) and issubclass(inner[0], Struct):
        if not isinstance(value, list):
            faults.add(place, f"Expected `array`, got `{_type_of(value)}` - at `{_path(place)}`")
            return ()
        made = [_convert_table(inner[0], v, (*place, n), faults) for n, v in enumerate(value)]
        return tuple(one for one in made if one is not None)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as err:
        _explain(kind, value, place, faults, err)
        return None


def _explain(kind: Any, value: Any, place: Place, faults: Faults, err: msgspec.ValidationError) -> None:
    """The fault of one value, with the entry of its table by name, and a form of few words as these words."""
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(plain) is dict and isinstance(value, dict):
        before = len(faults)
        for name, entry in value.items():
            _convert(get_args(plain)[1], entry, (*place, name), faults)
        if len(faults) > before:
            return
    text, _, at = str(err).partition(" - at `$")
    words = _WORDS.search(text)
    if words and not at:
        faults.add(place, f"{_shown(place)}: expected one of {words[1].replace('|', ', ')}, got {value!r}")
    else:
        faults.add(place, f"{text} - at `{_path(place)}{at.rstrip('`')}`")


_WORDS = re.compile(r"matching regex '\^\(([a-z_]+(?:\|[a-z_]+)*)\)\??\$'")
"""A pattern that is nothing but a choice of words."""


def _type_of(value: Any) -> str:
    names = {
        dict: "object",
        list: "array",
        str: "str",
        bool: "bool",
        int: "int",
        float: "float",
        types.NoneType: "null",
    }
    return names.get(type(value), type(value).__name__)


def _meant(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    return f", did you mean `{near[0]}`?" if near else ""


def _path(place: Place) -> str:
    return "$" + "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in place)


def _shown(place: Place) -> str:
    return _path(place)[2:]
