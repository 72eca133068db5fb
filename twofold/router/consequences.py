"""Which finding follows from which: who mends the first has mended the second.

Owns these pairs. A consequence stays a finding, behind its cause, and says what it follows from: when it stands alone it is
one of its own. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from twofold.router.finding import Finding, Kind

OF_BROWSERS = frozenset({"fbp", "fbc", "client_ip_address", "client_user_agent", "ip", "user agent"})
"""Match keys that only a browser has."""


def _any(_cause: Finding, _effect: Finding) -> bool:
    return True


def _no_order(_cause: Finding, effect: Finding) -> bool:
    return effect.about == "no_order"


def _browser_key(_cause: Finding, effect: Finding) -> bool:
    return effect.about in OF_BROWSERS


def _click_key(_cause: Finding, effect: Finding) -> bool:
    return effect.about == "fbc"


def _same_sender(cause: Finding, effect: Finding) -> bool:
    return bool(_senders(cause) & _senders(effect))


def _by_sender_or_whole(cause: Finding, effect: Finding) -> bool:
    """Of these senders, or of all Purchases of the dataset."""
    return ": " not in effect.about or _same_sender(cause, effect)


def _same_purchases(cause: Finding, effect: Finding) -> bool:
    """The Purchases of a dataset, once by their orders and once by the senders that tell them."""
    return ": " not in cause.about and effect.about.startswith("Purchase: ")


def _of_purchases(_cause: Finding, effect: Finding) -> bool:
    """The few that the shop still tells meet by chance more or less often."""
    return effect.about.startswith("Purchase: ")


def _whole(cause: Finding, effect: Finding) -> bool:
    """What left from the future is what this sender told."""
    return bool(cause.about) and not effect.about


def _senders(finding: Finding) -> set[str]:
    """Those that a finding is about: `Purchase: shopify, tag` or `tag`."""
    return {name.strip() for name in finding.about.rpartition(": ")[2].split(",")}


_Rule = Callable[[Finding, Finding], bool]
_SILENT: dict[Kind, _Rule] = {
    Kind.STOPPED: _any,
    Kind.NO_BROWSER: _any,
    Kind.KEY_LOST: _browser_key,
    Kind.SCORE_FELL: _any,
    Kind.FUNNEL: _any,
    Kind.FEWER: _any,
}
"""What follows when browsers tell nothing."""
FOLLOWS: dict[Kind, dict[Kind, _Rule]] = {
    Kind.CONSENT: {**_SILENT, Kind.BLOCKED: _any},
    Kind.FOREIGN_SITE: {**_SILENT, Kind.BLOCKED: _any},
    Kind.BLOCKED: _SILENT,
    Kind.NO_BROWSER: {Kind.KEY_LOST: _browser_key, Kind.SCORE_FELL: _any},
    Kind.STOPPED: {Kind.FUNNEL: _any, Kind.FEWER: _any},
    Kind.FEWER: {Kind.FUNNEL: _any},
    Kind.WEBHOOK_SECRET: {Kind.NO_SERVER: _any, Kind.PERSON_UNKNOWN: _any, Kind.KEPT_BACK: _no_order, Kind.TOPIC_SILENT: _any, Kind.STOPPED: _any},
    Kind.NO_SERVER: {Kind.NOT_MEETING: _of_purchases, Kind.KEPT_BACK: _no_order, Kind.KEY_LOST: _any, Kind.SCORE_FELL: _any, Kind.PERSON_UNKNOWN: _any},
    Kind.LATE_SENDER: {Kind.ORDER_UNKNOWN: _any, Kind.NOT_MEETING: _any, Kind.PERSON_UNKNOWN: _any, Kind.NO_SERVER: _any, Kind.KEPT_BACK: _no_order, Kind.LATE: _any},
    Kind.CLOCK: {Kind.CLOCK: _whole},
    Kind.ZONE: {Kind.CLOCK: _any, Kind.LATE: _any, Kind.KEPT_BACK: _no_order},
    Kind.ORDER_UNKNOWN: {Kind.NOT_MEETING: _any, Kind.KEPT_BACK: _no_order, Kind.NO_BROWSER: _any, Kind.TWO_OWNERS: _any},
    Kind.NOT_MEETING: {Kind.NOT_MEETING: _same_purchases, Kind.KEPT_BACK: _no_order, Kind.NO_BROWSER: _any, Kind.FUNNEL: _any},
    Kind.TWO_OWNERS: {Kind.NOT_MEETING: _by_sender_or_whole, Kind.NEW_SENDER: _same_sender, Kind.KEPT_BACK: _no_order,
                      Kind.NO_SERVER: _any, Kind.FUNNEL: _any, Kind.KEY_LOST: _click_key},
    Kind.IDS_ANEW: {Kind.TWO_OWNERS: _same_sender, Kind.NOT_MEETING: _by_sender_or_whole, Kind.NEW_SENDER: _same_sender,
                    Kind.PAGE_MONEY: _same_sender, Kind.KEY_LOST: _any, Kind.SCORE_FELL: _any, Kind.PERSON_UNKNOWN: _any},
    Kind.NEW_SENDER: {Kind.PAGE_MONEY: _same_sender},
    Kind.ROBOTS: {Kind.FEWER: _any, Kind.FUNNEL: _any, Kind.KEPT_BACK: _no_order, Kind.KEY_LOST: _any, Kind.SCORE_FELL: _any, Kind.NO_SERVER: _any, Kind.BUTTON: _any},
    Kind.BUTTON: {Kind.KEPT_BACK: _no_order, Kind.FUNNEL: _any, Kind.NOT_MEETING: _any},
    Kind.CLICK_STRIPPED: {Kind.KEY_LOST: _click_key, Kind.SCORE_FELL: _any},
    Kind.CLICK_BROKEN: {Kind.KEY_LOST: _click_key, Kind.SCORE_FELL: _any},
    Kind.SERVER_ADDRESS: {Kind.KEY_LOST: _browser_key, Kind.SCORE_FELL: _any, Kind.VISIT_MISSING: _any},
    Kind.PAGE_MONEY: {Kind.OTHER_CONTENT: _any},
    Kind.TOKEN: {Kind.STUCK: _any, Kind.GIVEN_UP: _any},
    Kind.DATASET_DENIED: {Kind.STUCK: _any, Kind.GIVEN_UP: _any},
    Kind.TOPIC_SILENT: {Kind.NO_PURCHASE: _any, Kind.KEPT_BACK: _no_order},
}  # fmt: skip


def with_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, each with the key of the one that it follows from, where there is one."""
    told = []
    for effect in findings:
        cause = next((c for c in findings if c is not effect and _follows(c, effect)), None)
        told.append(replace(effect, because=cause.key) if cause is not None else effect)
    return told


def _follows(cause: Finding, effect: Finding) -> bool:
    rule = FOLLOWS.get(cause.kind, {}).get(effect.kind)
    return rule is not None and rule(cause, effect)
