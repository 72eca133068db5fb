"""``twofold money match|unmatch``: a person's word about what a line of money pays.

Owns options and output. What a word is, and how it is kept, is `control.word`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption
from twofold.commands.output.printing import plain, print_rows, say

LineArgument = Annotated[
    str, typer.Argument(help="The line's name, the beginning of it, or its source's own id or reference.")
]
ToArgument = Annotated[
    str, typer.Argument(help="What it pays: order:ID, batch:SOURCE/ID, or line:NAME of the line it belongs to.")
]
WhyOption = Annotated[str, typer.Option("--why", help="Why; it is kept with the word.")]
ByOption = Annotated[str, typer.Option("--by", help="Who says so. Default: the login name.")]
AmountOption = Annotated[str, typer.Option("--amount", help="How much of the line. Default: as much as fits.")]


def match(
    line: LineArgument,
    to: ToArgument,
    why: WhyOption,
    amount: AmountOption = "",
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say that a line of money pays an order or a batch, or belongs to another line.

    The word is kept with who said it and why, stands before what rules find, and is taken back with `twofold money unmatch`.
    """
    _say(line, to, why, by, amount, False, json, config, data)


def unmatch(
    line: LineArgument,
    to: ToArgument,
    why: WhyOption,
    by: ByOption = "",
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say that a line of money does not pay this, whoever said that it does: a person or a rule."""
    _say(line, to, why, by, "", True, json, config, data)


def _say(
    line: str,
    to: str,
    why: str,
    by: str,
    amount: str,
    undo: bool,
    json: bool,
    config: Path | None,
    data: str | None,
) -> None:
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.control.word import Unclear, keep_word, make_word

    settings, now = load_settings(config, data=data), now_ms()
    try:
        word = make_word(settings, line, to, why=why, by=by or _login(), amount=amount, undo=undo, now_ms=now)
    except Unclear as err:
        raise typer.BadParameter(str(err)) from None
    keep_word(settings, word, now)
    row = {n: getattr(word, n) for n in word.__struct_fields__}
    if json:
        from twofold.commands.output.rows.money import MatchWord

        print_rows(MatchWord, [row])
    else:
        verb = "does not pay" if undo else "pays"
        say(plain(f"{word.by}: line {word.line} {verb} {word.to}: {word.why}"))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("--by: expected a name, as this login has none") from None
