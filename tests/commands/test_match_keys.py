"""`explain-match` and `hash`, run as commands on their own, with what an operator gives them and sees."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import duckdb
import pytest

# As `twofold.cli.main` does: errors of ours become one sentence and an exit code.
RUN = """
import sys, typer
from twofold.commands.match_keys import {0}
from twofold.errors import TwofoldError
try:
    typer.run({0})
except TwofoldError as err:
    print(f"twofold: {{err}}", file=sys.stderr)
    sys.exit(err.exit_code)
"""


def run(command: str, *arguments: object, given: str = "", cwd: object = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN.format(command), *map(str, arguments)],
        input=given, capture_output=True, text=True, timeout=60, cwd=cwd, check=False,
    )  # fmt: skip


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_local_number_with_its_country():
    """The documented form, its hash, the differing tools, and what is sent; one JSON object for each key."""
    done = run("explain_match", '{"ph": "0555 00 00 07", "country": "GE"}', "--json")
    phone, country = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, phone["key"], phone["given"], phone["reason"]) == (0, "ph", "0555 00 00 07", "")
    assert (phone["rules"]["meta"]["outcome"], phone["rules"]["meta"]["value"]) == ("hashed", "995555000007")
    assert phone["rules"]["tiktok"]["value"] == "+995555000007"
    assert phone["sent"] == [phone["rules"]["meta"]["hash"]] == [sha256("995555000007")]
    assert ["meta_python", "meta_node", "meta_builder", "meta_pixel"] in phone["agree"]
    assert country["sent"] == [sha256("ge")]


def test_a_local_number_without_a_country():
    """Nothing is sent, the reason says what to do, and the exit code is 1."""
    done = run("explain_match", '{"ph": "0555 00 00 07"}', "--json")
    [row] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, row["sent"], row["rules"]["meta"]["outcome"]) == (1, [], "dropped")
    assert "no country is known" in row["reason"]
    assert run("explain_match", '{"ph": "0555 00 00 07"}', "--country", "Georgia").returncode == 0


def test_the_three_ways_not_to_send():
    """Dropped, refused and sent as typed are told apart."""
    done = run("explain_match", '{"em": "john doe@example.com", "fbp": "fb.1.1596403881668.1116446470"}', "--json")
    email, fbp = [json.loads(line) for line in done.stdout.splitlines()]
    outcomes = {rule: email["rules"][rule]["outcome"] for rule in ("meta", "meta_python", "meta_node", "meta_builder")}
    assert outcomes == {"meta": "dropped", "meta_python": "hashed", "meta_node": "refused", "meta_builder": "dropped"}
    assert email["rules"]["meta_node"]["value"] is None
    assert (fbp["rules"], fbp["sent"]) == ({}, ["fb.1.1596403881668.1116446470"])


def test_variants_and_chosen_profiles():
    """The named profiles only, and the further hashes that the setting would send."""
    done = run("explain_match", '{"fn": ["Mary-Ann"]}', "--json", "--variants", "fn", "--profile", "meta_builder")
    row = json.loads(done.stdout)
    assert list(row["rules"]) == ["meta", "meta_builder"]
    assert row["rules"]["meta_builder"]["appendix"] == "AQQCAQMC"
    assert row["sent"] == [sha256("maryann"), sha256("mary-ann")]


def test_a_broken_hash():
    """A cut hash is refused, not hashed again."""
    row = json.loads(run("explain_match", json.dumps({"em": "ab" * 31}), "--json").stdout)
    assert (row["sent"], row["rules"]["meta"]["outcome"]) == ([], "refused")


def test_many_from_stdin():
    """JSON lines, each answered with the number of its line."""
    done = run("explain_match", "-", "--json", given='{"fn": "Mary"}\n\n{"fn": "Ann"}\n')
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["line"], row["given"]) for row in rows] == [(1, "Mary"), (3, "Ann")]


def test_for_people():
    """Tables name the rules, show invisible characters, and say what is sent."""
    done = run("explain_match", '{"fn": "Ja\\u200bne", "ge": "divers"}')
    assert "Ja\\u200bne" in done.stdout
    assert f"sent: {sha256('jane')}" in done.stdout
    assert "not sent: expected female or male" in done.stdout
    assert done.returncode == 1


WRONG = [
    ('{"fone": "1"}', (), "unknown key fone"),
    ('{"em": ', (), "expected a JSON object"),
    ("[1]", (), "got list"),
    ('{"event_name": "Lead", "user_data": {"em": "a@b.example"}}', (), "expected the user_data object itself"),
    ('{"fn": "x"}', ("--profile", "meta_ruby"), "unknown name meta_ruby"),
    ('{"fn": "x"}', ("--variants", "fn,mail"), "unknown name mail"),
    ('{"fn": "x"}', ("--country", "Narnia"), "expected an ISO 3166-1 code"),
]


@pytest.mark.parametrize(("text", "options", "expected"), WRONG)
def test_what_is_wrong_is_said(text, options, expected):
    """Exit code 2 and one sentence that says what was expected."""
    done = run("explain_match", text, *options)
    words = " ".join(done.stderr.replace("│", " ").split())
    assert (done.returncode, expected in words) == (2, True), words


def test_nothing_is_written(tmp_path):
    """The folder it runs in stays empty."""
    run("explain_match", '{"em": "jane@example.com"}', cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- files

PEOPLE = 'order,Email,tel,land,note\n1, Jane@Example.com,030 901820,Germany,"a, b"\n2,nobody,+1 650 555 1212,,c\n3,,0555,GE,\n'


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_is_hashed(tmp_path, ending):
    """Named and mapped columns become hashes, the others stay, and the report counts what was unusable."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    target = tmp_path / f"hashed.{ending}"
    done = run(
        "hash_file", tmp_path / "people.csv", "--out", target, "--map", "ph=tel", "--map", "country=land", "--json"
    )
    assert done.returncode == 0, done.stderr
    rows = duckdb.sql(f"FROM '{target}'").fetchall()
    assert [tuple(str(v) if v is not None else None for v in row) for row in rows] == [
        ("1", "a, b", sha256("jane@example.com"), sha256("4930901820"), sha256("de")),
        ("2", "c", None, sha256("16505551212"), None),
        ("3", None, None, None, sha256("ge")),
    ]
    reports = {r["field"]: r for r in map(json.loads, done.stdout.splitlines())}
    assert {f: (r["given"], r["unusable"]) for f, r in reports.items()} == {
        "em": (2, 1),
        "ph": (3, 1),
        "country": (2, 0),
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["people.csv", f"hashed.{ending}"])


def test_the_table_for_people(tmp_path):
    """Counts a column a line, and where the file is."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    done = run("hash_file", tmp_path / "people.csv", "--out", tmp_path / "out.csv")
    assert "Email" in done.stdout
    assert "written:" in done.stdout
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert header.split(",") == ["order", "tel", "land", "note", "em_sha256"]


REFUSED = [
    ("people.xls", (), "expected a name that ends in .csv"),
    ("missing.csv", (), "no such file"),
    ("people.csv", ("--map", "em=mail"), "has no column mail"),
    ("people.csv", ("--map", "mail=Email"), "mail is no contact field"),
    ("plain.csv", (), "no column is named as a contact field"),
    ("broken.parquet", (), "cannot be read as PARQUET"),
]


@pytest.mark.parametrize(("name", "options", "expected"), REFUSED)
def test_what_cannot_be_hashed_is_said(tmp_path, name, options, expected):
    """One sentence that names the file or column and what was expected; no output file."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.parquet").write_text("jane@example.com")
    done = run("hash_file", tmp_path / name, "--out", tmp_path / "out.csv", *options)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "jane@example.com" not in done.stderr.lower()
    assert not (tmp_path / "out.csv").exists()
