"""`twofold snippet`: the file for a theme, a pixel, a tag manager or a server, with its values filled in.

Owns how it is printed: the file alone on stdout, so that it can be redirected, and where it belongs on stderr.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from twofold.commands.options import USUAL, ConfigNeeded, JsonOption, completing
from twofold.commands.output.printing import print_rows

KINDS = ("theme", "pixel", "tag", "woocommerce", "gtm", "headless", "sdk-python", "sdk-node")
IN_THEME = ("PageView",)


def _known(kind: str) -> str:
    """Judged before a configuration is looked for."""
    if kind not in KINDS:
        raise typer.BadParameter(f"unknown value {kind}; expected one of {', '.join(KINDS)}", param_hint="KIND")
    return kind


def snippet(
    kind: Annotated[
        str, typer.Argument(help=f"One of {', '.join(KINDS)}.", autocompletion=completing(KINDS), callback=_known)
    ],
    config: ConfigNeeded = USUAL,
    dataset: Annotated[str, typer.Option("--dataset", help="Of several datasets, the one that it is for.")] = "",
    in_theme: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Of the pixel: an event that the theme reports already, repeated for more. Default: PageView, as the theme's "
            "snippet does. none: no event.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print what goes into a shop's pages or server, with address, dataset and shop filled in.

    `twofold snippet pixel > pixel.js` writes the file; where it belongs is said beside it. No snippet holds a
    secret.
    """
    from twofold.config import load_settings
    from twofold.setup.snippet import SNIPPETS, fill

    names = tuple(name for name in (in_theme or IN_THEME) if name != "none")
    text = fill(kind, load_settings(config), dataset, names)
    if json:
        from twofold.commands.output.rows.setup import Snippet

        print_rows(Snippet, [{"kind": kind, "where": SNIPPETS[kind].where, "content": text}])
        return
    sys.stdout.write(text)
    print(f"twofold: {SNIPPETS[kind].where}", file=sys.stderr)
