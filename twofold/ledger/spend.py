"""Which rows of advertising, and of a counter of the site, count: what is told by an export and by an API, or at several
levels, is one.

Owns the rule, pure and independent of order. An export without ids and an answer with them are the same advertisement by
their names; of a campaign's day the finest level counts, with what the campaign cost beyond it; a row of the whole account
counts only where nothing finer is told. Invoices are no spend. Also which platform and channel a row is of, in the words of touches. Which states of one line stand is the store's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from twofold.ledger.identity import name_of
from twofold.ledger.lines import INVOICE, NOT_SET, REST, Claim, SiteDay, Spend
from twofold.touch.channels import channel_of, platform_of
from twofold.touch.model import Touch, TouchKind

LEVELS = ("ad", "adset", "campaign", "account")  # the finest first
_PLATFORMS = {"google_ads": "google", "microsoft": "microsoft", "microsoft_ads": "microsoft"}
_WINDOWS = ("setting", "click_day")
_PARTS = ("7d_click", "1d_view", "1d_ev")


def counted(rows: Iterable[Spend]) -> list[Spend]:
    """The rows whose amounts add up to what was spent, in an order of their own."""
    days: dict[tuple[str, str, str], list[Spend]] = defaultdict(list)
    for row in sorted(rows, key=name_of):
        if row.level != INVOICE:
            days[row.source, row.day, row.currency].append(row)
    return [row for _, told in sorted(days.items()) for row in _of_day(told)]


def counted_purchases(rows: Iterable[SiteDay]) -> list[SiteDay]:
    """Of one purchase that a file tells, which does not name its property, and that the property's own API tells too, the
    latter. Sums of a day have no id and stay as they are."""
    told = sorted(rows, key=name_of)
    named = {_purchase(row) for row in told if row.account and row.transaction}
    return [row for row in told if row.account or not row.transaction or _purchase(row) not in named]


def _purchase(row: SiteDay) -> tuple[str, ...]:
    """Purchases without an id are told apart by where they came from."""
    of = (row.medium_source, row.medium, row.campaign, row.channel) if row.transaction == NOT_SET else ()
    return row.source, row.day, row.currency, row.transaction, *of


def claimed(row: Spend) -> Claim | None:
    """What the platform claims by its own setting, as its own reports show it; else click and view, the pair that may be
    added. None where it claims nothing."""
    by_window = {claim.window: claim for claim in row.claims}
    for window in _WINDOWS:
        if window in by_window:
            return by_window[window]
    parts = [by_window[window] for window in _PARTS if window in by_window]
    if not parts:
        return None
    return Claim(
        window="+".join(part.window for part in parts),
        count=_sum(part.count for part in parts),
        value=_sum(part.value for part in parts),
        alias=parts[0].alias,
    )


def platform_of_spend(source: str) -> str:
    """The platform of a row of spend, in the words of touches; the operator's own channel stays what it is."""
    source = source.strip().lower()
    return _PLATFORMS.get(source) or platform_of(source) or source


def channel_of_spend(row: Spend) -> str:
    """The marketing channel that a campaign's clicks fall into when their address says no more than the platform's own."""
    platform = platform_of_spend(row.source)
    called = {"google": "google", "microsoft": "bing", "meta": "facebook", "x": "twitter", "snap": "snapchat"}.get(
        platform, platform
    )
    return channel_of(Touch(at=0, kind=TouchKind.VISIT, source=called, medium="cpc", campaign=row.campaign)).channel


def _of_day(told: list[Spend]) -> list[Spend]:
    """One source, day and currency."""
    with_ids: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)  # the accounts in which names have ids
    for row in told:
        if _id(row):
            with_ids[_names(row)].add(row.account)
    known = [
        row for row in told if _id(row) or not any(_names(row)[1:]) or not _may_be(row.account, with_ids[_names(row)])
    ]
    known = _of_known_accounts(known)
    campaigns: dict[tuple[str, ...], list[Spend]] = defaultdict(list)
    ids = _ids_by_name(known)
    accounts = _accounts_by_name(known)
    for row in known:
        campaigns[_campaign(row, ids, accounts)].append(row)
    whole = campaigns.pop(("", ""), [])
    found = [row for _, rows in sorted(campaigns.items()) for row in _finest(rows)]
    finer = {row.account for row in found}
    # An account that is not named may be any of them.
    return found + [row for row in whole if not finer or (row.account and "" not in finer and row.account not in finer)]


def _of_known_accounts(rows: list[Spend]) -> list[Spend]:
    """The same advertisement, once with its account and once from an export that does not name it."""
    named = {(row.level, _id(row)) for row in rows if row.account and _id(row)}
    return [row for row in rows if row.account or not _id(row) or (row.level, _id(row)) not in named]


def _finest(rows: list[Spend]) -> list[Spend]:
    rests = [row for row in rows if row.level == REST]
    for level in LEVELS:
        found = [row for row in rows if row.level == level]
        if found and not (level == "campaign" and rests):  # a rest is told beside the ads, or instead of them
            return found + rests
    return rests


def _id(row: Spend) -> str:
    ids = {"ad": row.ad_id, "adset": row.adset_id, "campaign": row.campaign_id, REST: row.campaign_id}
    return ids.get(row.level, "")


def _names(row: Spend) -> tuple[str, str, str, str]:
    return row.level, row.campaign.strip(), row.adset.strip(), row.ad.strip()


def _may_be(account: str, others: set[str]) -> bool:
    """Whether an account is among others: one that is not named may be any of them, and any may be it."""
    return bool(others) and (not account or account in others or "" in others)


def _ids_by_name(rows: list[Spend]) -> dict[str, tuple[str, set[str]]]:
    """Campaigns whose name belongs to one id that day, with its accounts."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.campaign and row.campaign_id:
            found[row.campaign.strip()][row.campaign_id].add(row.account)
    return {name: next(iter(ids.items())) for name, ids in found.items() if len(ids) == 1}


def _accounts_by_name(rows: list[Spend]) -> dict[str, set[str]]:
    """The accounts that name a campaign."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.campaign and row.account:
            found[row.campaign.strip()].add(row.account)
    return found


def _campaign(row: Spend, ids: dict[str, tuple[str, set[str]]], accounts: dict[str, set[str]]) -> tuple[str, ...]:
    """By id, else by name within its account; an ad whose campaign is not told is one by itself. Where no account is named, and
    only one has the name, it is that one."""
    name = row.campaign.strip()
    if row.campaign_id:
        return "id", row.campaign_id
    if name in ids and _may_be(row.account, ids[name][1]):
        return "id", ids[name][0]
    if name:
        only = accounts.get(name, set())
        return "name", name, row.account or (next(iter(only)) if len(only) == 1 else "")
    own = row.adset_id or row.adset or row.ad_id or row.ad
    return ("own", own) if own else ("", "")


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    told = [value for value in values if value is not None]
    return sum(told, Decimal(0)) if told else None
