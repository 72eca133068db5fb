"""Tables for people show what others wrote as they wrote it."""

from __future__ import annotations

import pytest

from twofold.commands.output.printing import cell, make_table, plain, print_wide

TYPED = ["[/red]", "[bold]Spring", "sale :fire:", "a\\[b]", "\x1b[31mred", "x" * 300]


def test_a_name_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    table = make_table("plain", "cell")
    for text in TYPED:
        table.add_row(plain(text), cell(text))
    print_wide(table)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    expected = ["[/red]", "[bold]Spring", "sale :fire:", "a\\[b]", "\\x1b[31mred", "x" * 300]
    assert shown == [(text + " " + text).split() for text in expected]
