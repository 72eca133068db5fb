"""The password again: an open browser is not its person."""

from __future__ import annotations

from twofold.console.access.register import Refused
from twofold.console.acts.act import Act


def prove(act: Act) -> None:
    """Raises `Refused` for a wrong password or none, and `Throttled` after too many tries. None is no try: nobody guesses by it."""
    if not act.given.get("password"):
        raise Refused("Your password is wanted for this, so nothing was changed.")
    if not act.register.prove(act.session, act.given.get("password", ""), act.address, act.now):
        raise Refused("Your password is wrong, so nothing was changed.")
