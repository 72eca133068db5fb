"""Commands on pages: each starts as it is pasted, and names the configuration for whoever sets up."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import typer

from twofold.cli import app
from twofold.console.commands import NO_FILE, Pasted, with_file

TEMPLATES = sorted(
    (p.name, p.read_text(encoding="utf-8")) for p in Path(str(resources.files("twofold.console"))).rglob("*.html")
)
WRITTEN = re.compile(r'"(twofold [^"]+)"\|command|`(twofold [^`]+)`')
FOUND = sorted({(name, found[0] or found[1]) for name, text in TEMPLATES for found in WRITTEN.findall(text)})


@pytest.mark.parametrize(("template", "line"), FOUND)
def test_a_command_on_a_page_is_one_and_takes_the_configuration(template: str, line: str) -> None:
    """Its words lead to a command, whose options are those that it is written with and, where it is added, --config."""
    command: Any = typer.main.get_command(app)
    words = line.replace("{kind}", "orders").split()[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, (template, line)
    assert ("--config" in known) == (line not in NO_FILE), (template, line)


def test_templates_show_no_command_without_these() -> None:
    bare = [
        name
        for name, text in TEMPLATES
        if re.search(r"<code>twofold|(?<![`\"\w])twofold (import|money|check|connect) ", text)
    ]
    assert bare == []
    assert len(FOUND) > 20


def test_who_sets_up_sees_the_file_and_nobody_else_does(tmp_path: Path) -> None:
    config = tmp_path / "a shop" / "twofold.toml"
    owner, buyer = {"rights": frozenset({"setup", "signal"})}, {"rights": frozenset({"signal"})}
    pasted = Pasted(config)
    assert pasted.command(owner, "twofold check") == f"<code>twofold check --config &#39;{config}&#39;</code>"
    assert pasted.command(buyer, "twofold check") == "<code>twofold check</code>"
    assert pasted.command({}, "twofold check") == "<code>twofold check</code>"
    assert pasted.command(owner, "df -h <b>") == "<code>df -h &lt;b&gt;</code>"
    assert pasted.ticked(buyer, "<i> `twofold check` says") == "&lt;i&gt; <code>twofold check</code> says"
    assert f"--config &#39;{config}&#39;</code> says" in pasted.ticked(owner, "`twofold check` says")
    assert with_file("twofold init", config) == "twofold init"
    assert with_file("twofold check --config other.toml", config) == "twofold check --config other.toml"
    assert with_file("twofold check", None) == "twofold check"
