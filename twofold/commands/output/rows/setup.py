"""Lines about setting up: files that were written, snippets, webhooks at a platform."""

from __future__ import annotations

from twofold.commands.output.rows.row import About, Row, Text
from twofold.commands.output.rows.running import Line


class Written(Row, kw_only=True, tag="written"):
    """A file that was written."""

    file: Text
    what: Text


class Snippet(Row, kw_only=True, tag="snippet"):
    """What goes into a shop's pages or server."""

    kind: Text
    where: Text
    content: Text


class Webhook(Row, kw_only=True, tag="webhook"):
    """One webhook at a platform: `made`, `kept`, `mended`, `left` (somebody else's), `removed`, `refused`."""

    topic: Text
    address: Text
    state: Text
    text: Text | None = None


class PairingCode(Row, kw_only=True, tag="pairing"):
    """The code by which a plugin is paired. It holds a secret."""

    code: Text
    where: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "init": (Written, Line),
    "warehouse": (Written,),
    "doctor": (About, Line),
    "snippet": (Snippet,),
    **{
        f"{act} {shop}": (Line, Webhook)
        for act in ("connect", "disconnect")
        for shop in ("shopify", "woocommerce", "stripe", "bigcommerce")
    },
    **{
        f"{act} {system}": (Line,)
        for act in ("connect", "disconnect")
        for system in ("magento", "prestashop", "shopware", "mollie", "klarna", "tbc")
    },
    "connect woocommerce": (Line, Webhook, PairingCode),
    "connect meta": (Line,),
    "disconnect meta": (Line,),
}
