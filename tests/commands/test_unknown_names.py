"""A name that is nowhere is refused with the known ones: "nothing" must mean that there is nothing of a name that exists."""

from __future__ import annotations

import pytest

from tests.acceptance.gateway_process import run_twofold
from tests.store.copies import appended, copy
from twofold.event.model import Channel

CONFIG = """
[[dataset]]
id = "1"
key = "a-key-of-the-shop"
[[destination]]
platform = "meta"
dataset = "1"
endpoint = "http://127.0.0.1:9"
token = "token-of-the-platform"
"""
PERSON = ("--email", "nobody@shop.example")
REFUSED = [
    (("revive", "--dataset", "7"), "--dataset", "1"),
    (("revive", "--name", "Purchas"), "--name", "Purchase"),
    (("revive", "--destination", "elsewhere"), "--destination", "meta-1"),
    (("quarantine", "list", "--dataset", "7"), "--dataset", "1"),
    (("erase", *PERSON, "--dataset", "7", "--yes"), "--dataset", "1"),
    (("erase", *PERSON, "--country", "XX", "--yes"), "--country", "ISO 3166"),
    (("export-subject", *PERSON, "--dataset", "7"), "--dataset", "1"),
    (("export-subject", *PERSON, "--country", "DE,XX"), "--country", "ISO 3166"),
    (("shared", "--dataset", "7"), "--dataset", "1"),
    (("shared", *PERSON, "--dataset", "7"), "--dataset", "1"),
    (("shared", "--order", "5", "--dataset", "7"), "--dataset", "1"),
]


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    """A folder with an event of a configured dataset and one of a dataset that is configured no more."""
    folder = tmp_path_factory.mktemp("folder")
    appended(folder / "data", [copy("a", Channel.SERVER), copy("b", Channel.SERVER, dataset="2")])
    (folder / "t.toml").write_text(CONFIG)
    return ("--config", str(folder / "t.toml"), "--data", str(folder / "data"))


@pytest.mark.parametrize(("command", "option", "known"), REFUSED, ids=[" ".join(r[0]) for r in REFUSED])
def test_a_name_that_is_nowhere(where, command, option, known):
    done = run_twofold(*command, *where)
    assert done.returncode == 2, done.stdout
    assert option in done.stderr
    assert known in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", [("export-subject",), ("erase", "--yes")])
def test_a_dataset_of_which_only_the_folder_knows(where, command):
    """It is asked about like any other: nobody of that name is there."""
    assert run_twofold(*command, *PERSON, "--dataset", "2", *where).returncode == 5


@pytest.mark.parametrize("command", [("erase", "--yes"), ("export-subject",)])
def test_a_request_that_is_not_there(where, command):
    """Exit code 5, as for a person or an order, and where the requests are listed."""
    done = run_twofold(*command, "--request", "99", *where)
    assert done.returncode == 5
    assert "twofold privacy-requests" in done.stderr
