"""`twofold pull` as it is typed: rows, tables, exit codes, what it says of names that do not fit."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.gateway_process import gateway, run_twofold
from tests.pulling.stand_in import TOKEN, Asked, Reply, standing_in
from twofold.commands.output.rows.pulling import Day, Problem
from twofold.config import load_settings
from twofold.errors import ConfigError


def bank(asked: Asked) -> Reply:
    one = {"code": "USD", "quantity": 1, "rate": 2.7, "validFromDate": f"{asked.query['date']}T00:00:00.000Z"}
    return Reply(body=[{"currencies": [one]}])


def closed(_: Asked) -> Reply:
    return Reply(status=400, body={"error": {"code": 190, "message": f"{TOKEN} has expired"}})


def configured(folder, *accounts: str) -> tuple[str, ...]:
    path = folder / "twofold.toml"
    path.write_text(
        '[[dataset]]\nid = "1"\n' + "".join(f"[[account]]\n{account}\n" for account in accounts), encoding="utf-8"
    )
    return "--config", str(path)


def rows(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_rows_and_exit_codes(tmp_path):
    """Each line is of a shape that docs/json.md names; a problem is an answer of no, and holds no token."""
    with standing_in(bank) as open_door, standing_in(closed) as shut:
        where = configured(
            tmp_path, f'platform = "nbg"\nendpoint = "{open_door.url}"',
            f'platform = "meta"\nid = "7"\ntoken = "{TOKEN}"\nendpoint = "{shut.url}"',
        )  # fmt: skip
        span = ("--since", "2026-03-09", "--until", "2026-03-10", "--json")
        done = run_twofold("pull", "nbg", *span, *where)
        assert done.returncode == 0, done.stderr
        assert rows(done) == [
            {
                "row": "day",
                "source": "nbg",
                "account": "nbg",
                "day": day,
                "lines": 1,
                "new": 1,
                "restated": 0,
                "unchanged": 0,
            }
            for day in ("2026-03-09", "2026-03-10")
        ]
        both = run_twofold("pull", "all", *span, *where)

    told = rows(both)
    assert both.returncode == 1
    assert [row["row"] for row in told] == ["day", "day", "problem"]
    assert (told[2]["code"], told[2]["who"], told[2]["account"]) == ("expired_token", "operator", "meta-7")
    assert {frozenset(row) - {"row"} for row in told} == {
        frozenset(Day.__struct_fields__),
        frozenset(Problem.__struct_fields__),
    }
    assert TOKEN not in both.stdout + both.stderr


def test_for_people_and_without_writing(tmp_path):
    with standing_in(bank) as door:
        where = configured(tmp_path, f'platform = "nbg"\nendpoint = "{door.url}"')
        span = ("--since", "2026-03-09", "--until", "2026-03-10")
        dry = run_twofold("pull", "nbg", *span, "--dry-run", *where)
        assert "nothing was written" in dry.stdout
        assert not (tmp_path / "data" / "twofold.db").exists()
        done = run_twofold("pull", "nbg", *span, *where)

    assert done.returncode == 0
    assert "2026-03-09" in done.stdout


@pytest.mark.process
def test_while_the_gateway_runs(tmp_path):
    """The gateway owns the folder: it is asked to keep what was fetched."""
    with standing_in(bank) as door:
        toml = f'[[dataset]]\nid = "1"\n[[account]]\nplatform = "nbg"\nendpoint = "{door.url}"\n'
        with gateway(toml, tmp_path / "data") as running:
            done = running.run("pull", "nbg", "--since", "2026-03-09", "--until", "2026-03-10", "--json")
            assert done.returncode == 0, done.stderr
            assert [row["new"] for row in rows(done)] == [1, 1]
            assert running.run("verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mars",), "expected all or one of nbg"),
        (("meta",), "no [[account]] of meta"),
        (("nbg", "--account", "other"), "expected one of"),
        (("nbg", "--since", "10.03.2026"), "expected a day as 2026-03-10"),
        (("nbg", "--since", "2026-03-11", "--until", "2026-03-10"), "--since before --until"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, words, says):
    done = run_twofold("pull", *words, *configured(tmp_path, 'platform = "nbg"'))

    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ('platform = "mars"', "platform: expected one of nbg"),
        ('platform = "meta"\nid = "7"', "token: expected a value for meta"),
        ('platform = "google_ads"\nid = "7"\ntoken = "t"', "developer_token: expected a value for google_ads"),
        ('platform = "bog"\nid = "GE1"\nclient_id = "a"\nclient_secret = "b"', "currency: expected a value for bog"),
        ('platform = "ga4"\nid = "7"\ntoken = "t"\nclient_id = "a"', "expected client_id and client_secret"),
        ('platform = "nbg"\npull = "5:30"', "pull: expected a time of the day as 05:30"),
        ('platform = "nbg"\npull = "24:00"', "pull: expected a time of the day as 05:30"),
        ('platform = "nbg"\ntimezone = "Tbilisi"', "timezone: expected a name as Asia/Tbilisi"),
        ('platform = "nbg"\nendpoint = "nbg.gov.ge"', "endpoint: expected an address"),
        ('platform = "nbg"\ndays = 0', "days"),
        ('platform = "ga4"\nid = "properties/7"\ntoken = "t"', "id: expected the id alone"),
        ('platform = "nbg"\n[[account]]\nplatform = "nbg"', "name"),
        (
            'platform = "meta"\nid = "7"\ntoken = "env:NOBODY_SET_THIS"',
            "environment variable NOBODY_SET_THIS is not set",
        ),
    ],
)
def test_account_that_cannot_be(tmp_path, account, says):
    """Every fault is named, with its line, before anything is asked."""
    with pytest.raises(ConfigError) as caught:
        load_settings(configured(tmp_path, account)[1], environ={})

    assert says in str(caught.value)
    assert all(line for _, line in caught.value.faults)
