"""The platforms' side: is the token alive, may it send to the dataset, when does it end, whose is the dataset, does an event arrive.

Owns how these answers are judged; the questions are `graph`'s and `trial`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from twofold.config import DestinationSettings, Settings
from twofold.destinations import BY_PLATFORM
from twofold.pulling.exchange import Exchange
from twofold.setup.doctor.machine import clock_against
from twofold.setup.doctor.outside import is_local
from twofold.setup.finding import Finding, do, look, ok
from twofold.setup.graph import NEW_TOKEN, SENDS, Graph
from twofold.setup.trial import Trial, try_event

DAY_S = 86_400
SOON_DAYS = 14
SUNSET_DAYS = 90
TEST_CODE = "Events Manager > your dataset > Test events shows the code: twofold doctor --test-code TEST12345"


def look_at_platforms(settings: Settings, exchange: Exchange, now: float, test_code: str) -> Iterator[Finding]:
    """Each destination's own answer, then one event through the gateway where that is asked for."""
    told = False
    for destination in settings.destination:
        if destination.platform != "meta":
            yield unasked(destination, now)
            continue
        found, ahead_s = token(destination, exchange, now)
        yield from found
        doubt = None if told else clock_against(urlsplit(destination.endpoint).hostname or "the platform", ahead_s)
        if doubt is not None:
            told = True
            yield doubt
    for destination in (d for d in settings.destination if d.platform == "meta"):
        yield from one_event(settings, destination, exchange, now, test_code)


def unasked(destination: DestinationSettings, now: float) -> Finding:
    """What can be said of a platform that tells nothing of its tokens without an event: what is set, and when its version ends."""
    platform = BY_PLATFORM[destination.platform]
    name = f"{platform.title} as {destination.name}"
    secrets = [destination.token, *(destination.options.get(n, "") for n, o in platform.options.items() if o.secret)]
    if not any(secrets):
        return do(name, "has neither a token nor a secret", "docs/destinations.md says what the platform wants")
    ends = platform.sunsets.get(destination.version)
    if ends is not None:
        days = (datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp() - now) / DAY_S
        if days < SUNSET_DAYS:
            said = f"version {destination.version} {'ended' if days < 0 else 'ends'} on {ends}"
            return (do if days < SOON_DAYS else look)(name, said, f"set version, newest known {platform.version}")
    return look(
        name, "not asked: it answers nothing about a token", "twofold deliveries --destination " + destination.name
    )


def token(destination: DestinationSettings, exchange: Exchange, now: float) -> tuple[list[Finding], float | None]:
    """Token and dataset of one destination, and how far our clock is ahead of the platform's."""
    name = f"token of {destination.name}"
    graph = graph_of(destination, exchange)
    if not destination.token:
        return [do(name, "is not set", f"{NEW_TOKEN}; then twofold connect meta")], None
    access = graph.try_dataset(destination.remote_dataset)
    if access.works is None:
        here = is_local(urlsplit(destination.endpoint).hostname or "")
        return [look(name, access.said, "twofold sandbox" if here and access.mend else access.mend)], access.ahead_s
    if not access.works:
        return [do(name, access.said, f"{access.mend}; then twofold connect meta")], access.ahead_s
    found = [ok(name, f"{access.said} {destination.remote_dataset}")]
    about = graph.about_token()
    if about is not None:
        found.append(_about(name, about.scopes, about.expires_at, now))
    dataset = graph.about_dataset(destination.remote_dataset)
    if dataset is not None:
        owner = f", owned by {dataset.business}" if dataset.business else ""
        found.append(ok(f"dataset {dataset.id}", f"{dataset.name or 'without a name'}{owner}"))
    return found, access.ahead_s


def _about(name: str, scopes: tuple[str, ...], expires_at: int, now: float) -> Finding:
    said = f"scopes {', '.join(scopes) or 'none'}"
    if scopes and SENDS.isdisjoint(scopes):
        return do(f"scopes of the {name}", f"{said}; needs one of {', '.join(sorted(SENDS))}", NEW_TOKEN)
    days = (expires_at - now) / DAY_S
    if expires_at and days < SOON_DAYS:
        return do(
            f"scopes of the {name}",
            f"{said}; it ends in {max(0, int(days))} days",
            f"{NEW_TOKEN} makes one without an end",
        )
    return ok(f"scopes of the {name}", f"{said}; {'never ends' if not expires_at else f'ends in {int(days)} days'}")


def one_event(
    settings: Settings, destination: DestinationSettings, exchange: Exchange, now: float, test_code: str
) -> Iterator[Finding]:
    """Not without a code: what Meta gets as a test counts there all the same."""
    name = f"test event to {destination.name}"
    code = (
        test_code
        or destination.test_event_code
        or ("TWOFOLD" if is_local(urlsplit(destination.endpoint).hostname or "") else "")
    )
    if destination.test_event_code:
        yield look(f"test code of {destination.name}", "test_event_code is set: every event is sent with it",
                   "take test_event_code out of [[destination]] when you go live")  # fmt: skip
    if not code:
        yield look(name, "not tried", TEST_CODE)
        return
    yield finding_of(name, try_event(settings, destination, exchange, now, code))


def finding_of(name: str, trial: Trial) -> Finding:
    """How the trial went, with what arrived."""
    if trial.state == "delivered":
        return ok(name, f"arrived as {trial.action_source} with {', '.join(trial.identifiers)}")
    return (look if trial.state == "waiting" else do)(name, trial.said, trial.mend)


def graph_of(destination: DestinationSettings, exchange: Exchange) -> Graph:
    return Graph(
        exchange=exchange, endpoint=destination.endpoint, version=destination.version, token=destination.token,
        app_secret=destination.app_secret,
    )  # fmt: skip
