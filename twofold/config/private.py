"""The private file beside the configuration: `twofold.env` beside `twofold.toml`, one NAME=value a line, for its owner only.

Owns the form of that file, who may read it, and how a value is put into it. What a NAME stands for is the configuration's to
say (``"env:NAME"``). The form is the part that systemd's EnvironmentFile and shells read alike: no variables, no lines that go
on. A message here never holds a value.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from twofold.errors import ConfigError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_.:/+=,@%~|-]*")
_ESCAPED = re.compile(r'\\(["\\$`])')
OTHERS = 0o027  # the group may read it, as a service's own; nobody else may


def private_file(config: Path | str) -> Path:
    """Where the secrets of a configuration file lie: beside it, under its name."""
    return Path(config).with_suffix(".env")


def odd_kind(path: Path) -> str:
    """What a path is that can be no file of settings or data; empty for a file, a folder, or nothing. A device may have no end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    kinds = (
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a disk"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((word for is_it, word in kinds if is_it(mode)), "")


def read_private(path: Path) -> dict[str, str]:
    """Its names and values; empty where there is none. Raises `ConfigError` for one that others can read, or a line that is none."""
    if got := odd_kind(path):
        raise ConfigError(f"private file {path}: expected a file, got {got}")
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError(f"private file {path} is not text in UTF-8") from None
    except OSError as err:
        raise ConfigError(f"private file {path} cannot be read: {err.strerror}") from None
    if mode & OTHERS:
        raise ConfigError(f"private file {path} can be read or changed by others; run `chmod 600 {path}`")
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, value = _read_line(path, number, line)
            found[name] = value
    return found


def without_copies(environ: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """An environment without what was loaded into it from the private file, as systemd and shells do: ``kept`` is the file as it
    was then. A copy must not win over what the file says now."""
    return {name: value for name, value in environ.items() if kept.get(name) != value}


def _read_line(path: Path, number: int, line: str) -> tuple[str, str]:
    name, sign, value = line.strip().removeprefix("export ").partition("=")
    name, value = name.strip(), value.strip()
    if not sign or not _NAME.fullmatch(name):
        raise ConfigError(f"private file {path}, line {number}: expected NAME=value, or a comment that begins with #")
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return name, value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return name, _ESCAPED.sub(r"\1", value[1:-1])
    if value[:1] in ("'", '"'):
        raise ConfigError(
            f"private file {path}, line {number}: the value of {name} begins with a quote and does not end with it"
        )
    return name, value


def write_private(path: Path, changes: Mapping[str, str | None]) -> None:
    """Sets names, and takes out those whose value is None; every other line stays. The file is whole at every moment, and
    only its owner can read it. Raises `ConfigError` for what cannot be written."""
    read_private(path)  # what cannot be read is not written over
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except OSError as err:
        raise ConfigError(f"private file {path} cannot be read: {err.strerror}") from None
    left = {name: _line(name, value) for name, value in changes.items() if value is not None}
    kept = []
    for line in lines:
        name = line.strip().removeprefix("export ").partition("=")[0].strip()
        if line.lstrip().startswith("#") or name not in changes:
            kept.append(line)
        elif name in left:
            kept.append(left.pop(name))
    replace_file(path, "\n".join([*kept, *left.values()]) + "\n", mode=0o600)


def _line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name of a variable; expected letters, digits and _")
    if not value.isprintable():
        raise ConfigError(
            f"the value of {name} holds a line's end or another character that cannot be written in one line"
        )
    if _BARE.fullmatch(value):
        return f"{name}={value}"
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'{name}="{escaped}"'


def replace_file(path: Path, text: str, *, mode: int | None = None) -> None:
    """Writes a file beside it and puts it in its place. ``mode`` None: that of the file which is there.

    Raises `ConfigError` when the folder does not let us.
    """
    target = path.resolve()  # a link goes on pointing where it points
    try:
        kept = target.stat() if target.exists() else None
        wanted = mode if mode is not None else kept.st_mode & 0o777 if kept is not None else 0o644
        handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, wanted)
            if kept is not None and (kept.st_uid, kept.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(beside, kept.st_uid, kept.st_gid)  # root mends what a service's own user reads
            os.replace(beside, target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as err:
        raise ConfigError(f"{path} cannot be written: {err.strerror}") from None
