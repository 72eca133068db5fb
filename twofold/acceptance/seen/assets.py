"""The platform's assets that a packet is about, and whether the token may use them, as the platform itself answers.

Owns these questions: dataset, business, ad account, domain. What cannot be asked is called so. Changes nothing at the platform.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from twofold.acceptance.criteria import State
from twofold.acceptance.run import Run
from twofold.acceptance.seen.evidence import BROWSER, Gathered
from twofold.config import Settings
from twofold.pulling.exchange import Exchange
from twofold.setup.finding import secrets_in
from twofold.setup.graph import Graph

TIMEOUT_S = 8.0


def assets(settings: Settings, run: Run, pages: frozenset[str], *, offline: bool = False) -> list[dict[str, str]]:
    """A row each. ``pages``: hosts on which the run's copies were seen; ``offline``: the platform is not asked."""
    found = list(_platform(settings, run, offline=offline))
    origins = next((d.origins for d in settings.dataset if d.id == run.dataset), ())
    hosts = {urlsplit(o).hostname or o for o in origins}
    if not hosts:
        found.append(_row("domain", ", ".join(sorted(pages)), None, "the dataset names no origins"))
    else:
        strange = sorted(pages - hosts)
        said = (
            f"copies came from {', '.join(strange)}"
            if strange
            else "copies came from its pages"
            if pages
            else "no page was seen"
        )
        found.append(_row("domain", ", ".join(sorted(hosts)), None if not pages else not strange, said))
    hidden = [s for s in secrets_in(settings) if s]
    return [{k: _without(v, hidden) for k, v in row.items()} for row in found]


def pages_of(gathered: Gathered) -> frozenset[str]:
    """Hosts on which the run's copies of browsers were seen."""
    found = {c.page for actions in gathered.events.values() for a in actions for c in a.of(BROWSER) if c.page}
    return frozenset(host for page in found if (host := urlsplit(page).hostname))


def _platform(settings: Settings, run: Run, *, offline: bool) -> Iterator[dict[str, str]]:
    destinations = [d for d in settings.destination if d.dataset == run.dataset and d.platform == "meta"]
    if not destinations:
        yield _row("dataset", run.dataset, None, "it has no destination")
    for destination in destinations:
        name = destination.remote_dataset
        if offline or not destination.token:
            yield _row("dataset", name, None, "not asked" if offline else "no token is set")
            continue
        graph = Graph(
            exchange=Exchange(timeout_s=TIMEOUT_S, tries=1), endpoint=destination.endpoint, version=destination.version,
            token=destination.token, app_secret=destination.app_secret,
        )  # fmt: skip
        access = graph.try_dataset(name)
        about = graph.about_dataset(name)
        yield _row("dataset", f"{name} {about.name if about else ''}".strip(), access.works, access.said)
        owner = about.business if about else ""
        if run.about.business:
            said = f"the dataset is owned by {owner}" if owner else "the token may not see whose the dataset is"
            fits = None if about is None or not about.business_id else run.about.business == about.business_id
            yield _row("business", run.about.business, fits, said)
        else:
            yield _row("business", owner, None, "not named with --business")
        if run.about.ad_account:
            account = f"act_{run.about.ad_account.removeprefix('act_')}"
            seen = graph.sees(account)
            yield _row(
                "ad account",
                account,
                True if seen else None,
                "the token sees it" if seen else "the token may not see it, or it could not be asked",
            )
        else:
            yield _row("ad account", "", None, "not named with --ad-account")


def _row(what: str, name: str, holds: bool | None, said: str) -> dict[str, str]:
    state = State.UNCHECKED if holds is None else State.PASSED if holds else State.FAILED
    return {"what": what, "name": name, "state": state.value, "said": said}


def _without(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, "…")
    return text
