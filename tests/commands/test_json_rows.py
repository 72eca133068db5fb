"""What ``--json`` promises, held against the commands: each line is of a shape that docs/json.md names, and exact."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from tests.acceptance.gateway_process import run_twofold
from tests.commands.test_order_commands import day
from tests.strategies import law
from twofold.cli import app
from twofold.commands.output.payload import masked_payload
from twofold.commands.output.rows import COMMANDS
from twofold.commands.output.rows.row import About, OpenRow, encode_rows, row_of
from twofold.commands.output.rows.running import Measure
from twofold.matching.profiles import PROFILES


def every_command(group: Any, before: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += every_command(command, f"{before}{name} ")
        if not hasattr(command, "commands") or getattr(command, "invoke_without_command", False):
            found.append((f"{before}{name}", command))
    return found


def test_every_command_has_json_and_its_lines_are_described() -> None:
    """No command without the option, none whose lines are described nowhere, and no description without a command."""
    commands = dict(every_command(typer.main.get_command(app)))
    assert {n for n, c in commands.items() if any("--json" in p.opts for p in c.params)} == set(commands)
    assert set(commands) == set(COMMANDS)


def test_the_profiles_of_the_help_are_the_profiles() -> None:
    """Spelt in the command so that its help reads no rule."""
    from twofold.commands.match_keys import PROFILE_NAMES

    assert tuple(PROFILES) == PROFILE_NAMES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five orders of the last hour, delivered, refunded, cancelled and unpaid."""
    made = tmp_path_factory.mktemp("rows")
    day(made)
    return made


# Words of a command line -> the command they call.
RUNS: list[tuple[tuple[str, ...], str]] = [
    (("version",), "version"),
    (("check",), "check"),
    (("verify",), "verify"),
    (("events",), "events"),
    (("actions",), "actions"),
    (("deliveries",), "deliveries"),
    (("deliveries", "show", "purchase.1003"), "deliveries show"),
    (("refused",), "refused"),
    (("revive",), "revive"),
    (("orders", "list"), "orders list"),
    (("orders", "show", "1002"), "orders show"),
    (("orders", "check", "--all"), "orders check"),
    (("quality",), "quality"),
    (("stitching",), "stitching"),
    (("shared", "--order", "1001"), "shared"),
    (("privacy-requests",), "privacy-requests"),
    (("explain-match", '{"em": "mary@example.com", "fbp": "fb.1.1596403881668.1"}'), "explain-match"),
]
WITHOUT_FOLDER = ("version", "explain-match")


@pytest.mark.parametrize(("words", "command"), RUNS, ids=[command for _, command in RUNS])
def test_every_line_is_what_its_command_promises(folder: Path, words: tuple[str, ...], command: str) -> None:
    """The first field names the line, its fields are the described ones, no number is a float, each time is a second."""
    where = () if command in WITHOUT_FOLDER else ("--data", str(folder))
    done = run_twofold(*words, "--json", *where)
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    kinds = {str(k.__struct_config__.tag): k for k in COMMANDS[command]}
    for number, line in enumerate(lines):
        tree = json.loads(line, parse_float=_no_float)
        assert next(iter(tree)) == "row"
        kind = kinds[tree["row"]]
        assert (kind is About) == (number == 0 and About in kinds.values())
        if not issubclass(kind, OpenRow):
            assert set(tree) - {"row"} == {f.encode_name for f in msgspec.structs.fields(kind)}
        assert all(v is None or v < 10**10 for k, v in tree.items() if k.endswith("_at"))
    assert lines or command in ("refused", "privacy-requests", "stitching")


def _no_float(text: str) -> Any:
    raise AssertionError(f"a float: {text}")


EXACT = [("0.1", 0.1), ("4.2", 4.2), ("1000000000000000000000", 1e21), ("0.0000001", 1e-7), ("-0.5", -0.5)]


@pytest.mark.parametrize(("text", "given_value"), EXACT)
def test_what_was_a_float_is_decimal_text(text: str, given_value: float) -> None:
    """Written out, never with an exponent, at any depth."""
    row = row_of(Measure, {"measured_by": "x", "purchases": 1, "value": given_value, "currency": "EUR"})
    (line,) = encode_rows([row])
    assert json.loads(line)["value"] == text


@law
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_amount_changes_on_the_way(amount: Decimal) -> None:
    """Read again it is the amount that was told."""
    row = row_of(Measure, {"measured_by": "x", "purchases": 1, "value": amount, "currency": "EUR"})
    (line,) = encode_rows([row])
    assert Decimal(json.loads(line)["value"]) == amount


ADDRESSES = [
    ("203.0.113.9", "203.0.113.…"),
    ("2001:db8:aa:bb::1", "2001:0db8:00aa:…"),
    ("unknown", "…"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_the_address_of_a_visitor_is_shown_in_part(address: str, shown: str) -> None:
    """At any depth, and nothing else of the payload changes."""
    payload = {"user_data": {"client_ip_address": address, "em": ["ab" * 32]}, "custom_data": {"value": "1.50"}}
    expected = {**payload, "user_data": {"client_ip_address": shown, "em": ["ab" * 32]}}
    assert masked_payload(msgspec.json.encode(payload)) == expected
    assert masked_payload(b"\xff{") == "\ufffd{"
