"""Changes of a configuration that a person wrote: what is meant changes, everything else stays, and nothing unreadable is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from twofold.config import load_settings
from twofold.errors import ConfigError
from twofold.setup.answers import source_table
from twofold.setup.editing import Edited, secret_name

MINE = """# mine
[server]
port = 8400   # of old
[[dataset]]
  id   =  '1'   # the pixel
[[destination]]
platform = "meta"
dataset = "1"
endpoint = "https://graph.facebook.com" # Meta's
token = "env:THE_TOKEN"
"""
TOKEN = {"THE_TOKEN": "a-token-of-the-platform"}


def edited(folder: Path, text: str = MINE) -> Edited:
    path = folder / "twofold.toml"
    path.write_text(text)
    return Edited(path)


def test_one_value_changes_and_its_comment_stays(tmp_path: Path) -> None:
    """However it was quoted and indented."""
    file = edited(tmp_path)
    file.set_value(("destination", 0, "endpoint"), "http://127.0.0.1:8401")
    file.set_value(("dataset", 0, "id"), "2")
    file.set_value(("destination", 0, "dataset"), "2")
    file.save(TOKEN)
    assert (tmp_path / "twofold.toml").read_text() == (
        MINE.replace('"https://graph.facebook.com"', '"http://127.0.0.1:8401"')
        .replace("'1'", '"2"')
        .replace('dataset = "1"', 'dataset = "2"')
    )


@pytest.mark.parametrize(
    "text", ['[[destination]]\ntoken = """\nlong"""\n', 'destination = [{token = "x", platform = "meta"}]\n', ""]
)
def test_a_value_that_has_no_line_of_its_own_is_left_to_its_owner(tmp_path: Path, text: str) -> None:
    """Named, with what to write; the file stays."""
    file = edited(tmp_path, text)
    with pytest.raises(ConfigError, match="yourself"):
        file.set_value(("destination", 0, "token"), "y")
    assert (tmp_path / "twofold.toml").read_text() == text


def test_a_table_comes_and_goes_without_a_trace(tmp_path: Path) -> None:
    """Two of them, in any order; what stands behind stays; once gone it is not found again."""
    file = edited(tmp_path)
    for shop in ("a", "b"):
        file.append(f"own {shop}", source_table("own", "1", shop, "THE_TOKEN"))
    file.save(TOKEN)
    later = Edited(file.path)
    later._take(later.text + "\n[money]\ntext_days = 3\n")
    assert later.remove("own a")
    assert not later.remove("own a")
    assert [s["shop"] for s in later.tree["source"]] == ["b"]
    assert later.remove("own b")
    later.save(TOKEN)
    assert later.path.read_text().split() == (MINE + "\n[money]\ntext_days = 3\n").split()


def test_what_the_program_could_not_read_is_never_written(tmp_path: Path) -> None:
    """A source of a dataset that is not there, or an endpoint that is none: refused before the file is touched."""
    for change in (
        lambda file: file.append("own x", source_table("own", "9", "x", "THE_TOKEN")),
        lambda file: file.set_value(("destination", 0, "endpoint"), "nowhere"),
    ):
        file = edited(tmp_path)
        change(file)
        with pytest.raises(ConfigError):
            file.save(TOKEN)
        assert file.path.read_text() == MINE
        assert [p.name for p in tmp_path.iterdir()] == ["twofold.toml"]


def test_a_list_in_one_line_cannot_be_added_to(tmp_path: Path) -> None:
    """TOML allows no second form of one list."""
    text = "source = []\n" + MINE
    file = edited(tmp_path, text)
    with pytest.raises(ConfigError, match="nothing was changed"):
        file.append("own x", source_table("own", "1", "x", "THE_TOKEN"))
    assert file.text == text


def test_the_mode_and_the_link_of_the_file_stay(tmp_path: Path) -> None:
    """A file that is kept elsewhere and linked is changed where it lies."""
    real = tmp_path / "kept" / "shop.toml"
    real.parent.mkdir()
    real.write_text(MINE)
    real.chmod(0o640)
    (tmp_path / "twofold.toml").symlink_to(real)
    file = Edited(tmp_path / "twofold.toml")
    file.set_value(("destination", 0, "endpoint"), "http://127.0.0.1:8401")
    file.save(TOKEN)
    assert (tmp_path / "twofold.toml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert load_settings(tmp_path / "twofold.toml", environ=TOKEN).destination[0].endpoint == "http://127.0.0.1:8401"


def test_the_name_behind_a_secret(tmp_path: Path) -> None:
    """Of a list the newest; none where the secret itself stands there."""
    tree = {"source": [{"secret": "env:A"}, {"secret": ["env:B", "env:C"]}, {"secret": "plain"}, {}]}
    assert [secret_name(tree, ("source", n, "secret")) for n in range(5)] == ["A", "B", "", "", ""]
