"""Commands about a Shopify shop. Reads what it is given; fetches nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from twofold.commands.options import JsonOption
from twofold.commands.output.printing import print_rows, say
from twofold.commands.senders.inventory import read_page

if TYPE_CHECKING:
    from twofold.senders.pages.shown import Shown


def shopify_senders(
    page: Annotated[str, typer.Argument(metavar="FILE", help="A saved page of the storefront, or - for stdin.")],
    as_json: JsonOption = False,
) -> None:
    """Say who else sends Purchase for a Shopify shop, from the source of one of its pages. Older name of `senders --page`.

    Save any page of the shop (curl -s https://www.shop.example/ > page.html). Two senders under different event ids
    count one order twice. Exit code 1 when another sender for Meta is certain.
    """
    from twofold.commands.output.rows.signal import Sender as Line
    from twofold.senders.pages.shopify import other_senders

    print(
        "twofold: use `twofold senders --page FILE`, which reads any shop's page; this name goes with 0.5.0.",
        file=sys.stderr,
    )
    senders = other_senders(read_page(page, "FILE"))
    for sender in senders:
        if as_json:
            print_rows(Line, [{name: getattr(sender, name) for name in Line.__struct_fields__}])
        else:
            _show(sender)
    if not senders and not as_json:
        say("No other sender is to be seen in this page's source.")
    if any(sender.certain and sender.platform == "meta" for sender in senders):
        raise typer.Exit(1)


def _show(sender: Shown) -> None:
    accounts = f" ({', '.join(sender.accounts)})" if sender.accounts else ""
    lines = (
        f"{'SENDS' if sender.certain else 'LOOK '}  {sender.who}{accounts}",
        f"       Seen: {sender.evidence}.",
        f"       Event ids: {sender.ids}. {sender.means}",
        f"       Do: {sender.do}",
        "",
    )
    say("\n".join(lines))
