"""When the tokens of the configured destinations end, as their platforms tell it: for the rule that names it before.

Owns which destinations are asked and what is kept of the answers. Only Meta is known to tell. Where the settings say a day,
nobody is asked; where the platform cannot be reached, what it said of the same token before stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twofold.config import DestinationSettings
from twofold.pulling.exchange import Exchange
from twofold.router.rules.ending import TokenInUse, TokenSaid
from twofold.setup.graph import Graph

TELLS = "meta"
TIMEOUT_S = 8.0


def ask_ends(
    destinations: Sequence[DestinationSettings], tokens: Sequence[TokenInUse], before: Mapping[str, TokenSaid], now: int
) -> dict[str, TokenSaid]:
    """By destination. A question each, one after another; ``now`` in Unix s."""
    by_name = {d.name: d for d in destinations}
    said: dict[str, TokenSaid] = {}
    for token in tokens:
        destination = by_name[token.destination]
        if destination.platform != TELLS or token.ends:
            continue
        graph = Graph(
            exchange=Exchange(timeout_s=TIMEOUT_S, tries=1), endpoint=destination.endpoint, version=destination.version,
            token=destination.token, app_secret=destination.app_secret,
        )  # fmt: skip
        about, known = graph.about_token(), before.get(token.destination)
        if about is not None:
            said[token.destination] = TokenSaid(mark=token.mark, ends=about.expires_at, at=now)
        elif known is not None and known.mark == token.mark:
            said[token.destination] = known
    return said
