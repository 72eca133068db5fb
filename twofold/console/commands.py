"""Commands as pages show them: as they are pasted anywhere, with the configuration that this console reads.

Owns which name it and for whom: who sets up. Anybody else sees the command without a path of the machine. What a command does is its own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from twofold.console.access.roles import Right

NO_FILE = ("twofold init", "twofold experiment")
"""One writes the file, the other is a family of commands."""
_TICKS = re.compile(r"`([^`]+)`")


def with_file(command: str, config: Path | None) -> str:
    """What begins with another word is no command of ours and stays as it is, and so does one that names its file."""
    if config is None or not command.startswith("twofold ") or command in NO_FILE or " --config " in command:
        return command
    return f"{command} --config {shlex.quote(str(config.resolve()))}"


def marked(text: object) -> Markup:
    """A sentence in which what stands between backticks is code, as it stands there: of the docs, which are about any configuration."""
    return Markup(_TICKS.sub(r"<code>\1</code>", str(escape(text))))


class Pasted:
    """How templates write commands, of one console: two filters that know who looks."""

    def __init__(self, config: Path | None) -> None:
        self._config = config

    def command(self, context: Mapping[str, object], text: object) -> Markup:
        """A command alone."""
        return Markup(f"<code>{escape(self._named(context, str(text)))}</code>")

    def ticked(self, context: Mapping[str, object], text: object) -> Markup:
        """A sentence in which what stands between backticks is a command, or other code."""
        return Markup(_TICKS.sub(lambda found: self.command(context, Markup(found[1]).unescape()), str(escape(text))))

    def _named(self, context: Mapping[str, object], command: str) -> str:
        rights = context.get("rights")
        sets_up = isinstance(rights, frozenset) and Right.SETUP.value in rights
        return with_file(command, self._config) if sets_up else command
