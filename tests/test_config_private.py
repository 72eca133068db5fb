"""The private file beside the configuration: what wins, what is refused, and that a change leaves the rest as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from twofold.config import load_settings
from twofold.config.private import private_file, read_private, without_copies, write_private
from twofold.errors import ConfigError

TOML = '[[dataset]]\nid = "1"\nkey = "env:THE_KEY"\n'
SECRET = "never-in-a-message"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    (folder / "twofold.toml").write_text(TOML)
    path = folder / "twofold.env"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("THE_KEY=plain", "plain"),
        ("  THE_KEY = spaced  ", "spaced"),
        ("export THE_KEY=shell", "shell"),
        ("THE_KEY=a=b#c", "a=b#c"),
        ("THE_KEY='single \"$x'", 'single "$x'),
        (r'THE_KEY="two \"words\" \$5 \\ and \n"', r'two "words" $5 \ and \n'),
        ("# THE_KEY=old\n\nTHE_KEY=first\nTHE_KEY=last", "last"),
    ],
)
def test_a_name_is_found_in_the_file(tmp_path: Path, line: str, value: str) -> None:
    """As systemd and shells read such lines."""
    written(tmp_path, line + "\n")
    assert load_settings(tmp_path / "twofold.toml", environ={}).dataset[0].key == value


def test_the_environment_wins_and_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    """Who sets a variable for one start means it."""
    written(tmp_path, "THE_KEY=of-the-file\n")
    config = tmp_path / "twofold.toml"
    assert load_settings(config, environ={"THE_KEY": "of-the-shell"}).dataset[0].key == "of-the-shell"
    assert load_settings(config, environ={"THE_KEY": ""}).dataset[0].key == "of-the-file"


def test_the_file_holds_secrets_and_no_settings(tmp_path: Path) -> None:
    """A name that the environment would be asked for by the program itself is not taken from it."""
    written(tmp_path, "THE_KEY=k\nTWOFOLD_PORT=1\n")
    assert load_settings(tmp_path / "twofold.toml", environ={}).server.port == 8400


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o644, 0o602])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it, and nothing of what is in it."""
    written(tmp_path, f"THE_KEY={SECRET}\n", mode)
    with pytest.raises(ConfigError, match="chmod 600") as found:
        load_settings(tmp_path / "twofold.toml", environ={})
    assert SECRET not in str(found.value)


def test_the_group_of_a_service_may_read_it(tmp_path: Path) -> None:
    """As systemd units have it: root owns, the service's group reads."""
    written(tmp_path, "THE_KEY=k\n", 0o640)
    assert load_settings(tmp_path / "twofold.toml", environ={}).dataset[0].key == "k"


@pytest.mark.parametrize(
    "line", [SECRET, f"9KEY={SECRET}", f"THE-KEY={SECRET}", f'THE_KEY="{SECRET}', f"THE_KEY='{SECRET}"]
)
def test_a_line_that_is_none_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    """Never by what it holds."""
    path = written(tmp_path, f"# of the shop\n{line}\n")
    with pytest.raises(ConfigError, match="line 2") as found:
        read_private(path)
    assert SECRET not in str(found.value)


@pytest.mark.parametrize("value", ["plain", "with space", 'q"uo\\te', "$HOME `id`", "'", "ünï", "a#b", ""])
def test_what_was_written_is_read_again(tmp_path: Path, value: str) -> None:
    """By us, and by a shell that loads the file."""
    path = tmp_path / "twofold.env"
    write_private(path, {"THE_KEY": value})
    assert read_private(path) == {"THE_KEY": value}
    assert path.stat().st_mode & 0o777 == 0o600
    shell = subprocess.run(["sh", "-c", f'. {path}; printf %s "$THE_KEY"'], capture_output=True, text=True, check=True)
    assert shell.stdout == value


def test_a_change_leaves_every_other_line(tmp_path: Path) -> None:
    """Comments, order and other names; a doubled name is one afterwards, a name set to nothing is gone."""
    path = tmp_path / "twofold.env"
    path.write_text("# mine\nA=1\n\nexport B=2\n# B=old\nC=3\nB=4\n")
    path.chmod(0o600)
    write_private(path, {"B": "new", "C": None, "D": "d"})
    assert path.read_text() == "# mine\nA=1\n\nB=new\n# B=old\nD=d\n"


@pytest.mark.parametrize(("name", "value"), [("A B", "x"), ("A", "two\nlines"), ("A", "nul\0")])
def test_what_cannot_be_one_line_is_refused_and_changes_nothing(tmp_path: Path, name: str, value: str) -> None:
    """A secret with a line's end would be cut in silence."""
    path = tmp_path / "twofold.env"
    path.write_text("A=1\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        write_private(path, {name: value})
    assert path.read_text() == "A=1\n"
    assert [p.name for p in tmp_path.iterdir()] == ["twofold.env"]


def test_a_copy_in_the_environment_is_none_of_its_own() -> None:
    """systemd's EnvironmentFile, or a shell that loaded the file: what the file says now is what counts."""
    kept = {"A": "1", "B": "2"}
    assert without_copies({"A": "1", "B": "of the shell", "C": "3"}, kept) == {"B": "of the shell", "C": "3"}


def test_its_name_is_the_configurations() -> None:
    """So that two shops in one folder have one each."""
    assert private_file("/etc/twofold/one.toml") == Path("/etc/twofold/one.env")
