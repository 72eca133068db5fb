"""An acceptance run is begun, ticked, overruled and signed: the same entries of the log as the command `twofold accept` makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from twofold.acceptance.packet.body import GOOD_DAYS, yesterday
from twofold.acceptance.packet.finish import finish
from twofold.acceptance.plan import read_plan
from twofold.acceptance.run import About, Run, run_of, start, status
from twofold.acceptance.run import overrule as keep_word
from twofold.acceptance.run import tick as keep_tick
from twofold.acceptance.seen.assets import assets, pages_of
from twofold.console.access.register import Refused
from twofold.console.acts.act import Act, Done
from twofold.errors import TwofoldError

T = TypeVar("T")


def begin(act: Act) -> Done:
    """A run of the usual plan: what comes from now on is looked at."""
    known = [d.id for d in act.settings.dataset]
    about = About(
        decision=act.given.get("for", ""), owner=act.given.get("owner", "").strip(), review=act.given.get("review", ""),
        business=act.given.get("business", "").strip(), ad_account=act.given.get("ad_account", "").strip(),
    )  # fmt: skip
    dataset = act.given.get("dataset") or (known[0] if known else "")
    run = _done(lambda: start(act.settings, read_plan(), dataset, about, act.session.person.name, act.now))
    return Done(to=f"/acceptance/{run.code}")


def tick(act: Act) -> Done:
    """What somebody did or saw; a file comes by a form of its own."""
    return show(act, None)


def show(act: Act, file: bytes | None) -> Done:
    """The same, with what shows it."""
    run = run_here(act)
    _done(
        lambda: keep_tick(
            act.settings, run, act.given.get("step", ""), act.session.person.name, note=act.given.get("note", "").strip(),
            order=act.given.get("order", "").strip(), event=act.given.get("event", ""), event_id=act.given.get("id", "").strip(),
            file=file,
        )
    )  # fmt: skip
    return Done(to=f"/acceptance/{run.code}")


def overrule(act: Act) -> Done:
    """A word against what was found, which stays visible."""
    run = run_here(act)
    _done(
        lambda: keep_word(
            act.settings, run, act.given.get("criterion", ""), act.given.get("reason", ""), act.session.person.name
        )
    )
    return Done(to=f"/acceptance/{run.code}")


def sign(act: Act) -> Done:
    """The packet: everything is looked at once more, and frozen."""
    run = run_here(act)

    def freeze() -> None:
        day = act.given.get("day", "") or yesterday(ZoneInfo(act.settings.chain.timezone), act.now)
        found = status(act.settings, run, act.now, day=day)
        owned = assets(act.settings, run, pages_of(found.gathered))
        finish(act.settings, found, owned, act.session.person.name, act.now, good_days=GOOD_DAYS)

    _done(freeze)
    return Done(to=f"/acceptance/{run.code}")


def run_here(act: Act) -> Run:
    """The run that the address names."""
    return _done(lambda: run_of(Path(act.settings.server.data), act.path["code"]))


def _done(change: Callable[[], T]) -> T:
    """What cannot be done is said as it is: the command says the same."""
    try:
        return change()
    except TwofoldError as err:
        raise Refused(str(err).removeprefix("--")) from err
