"""What Meta and GA4 were told to have counted on a day, out of the tables' rows.

Owns the way from these rows to a witness's own figure. Which rows count of several that tell the same is decided where the tables
are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from twofold.ledger.identity import name_of
from twofold.ledger.lines import Claim, SiteDay, Spend
from twofold.ledger.spend import counted, counted_purchases
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.day.values import GA4, META, Report
from twofold.reconcile.exchange import day_number

WINDOWS = ("7d_click", "1d_view", "1d_ev")


def held(row: Any, name: str, exact: str | None) -> Decimal | None:
    """An amount of a row: as its column holds it, or where it has more digits than that, as ``exact`` says."""
    if exact:
        told = msgspec.json.decode(exact, type=dict[str, str])
        if name in told:
            return Decimal(told[name])
    found: Decimal | None = getattr(row, name)
    return found


def _bare(number: Decimal | None) -> Decimal | None:
    """A count, which is a whole number but where a platform shares one out."""
    return number.quantize(Decimal(1)) if number is not None and number == number.to_integral_value() else number


def spend_of(rows: Iterable[Any], claims: Iterable[Any]) -> list[tuple[Spend, int]]:
    """Rows of advertising with when each was told."""
    claimed: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        claimed[claim.local_day, claim.line].append(
            Claim(
                window=claim.window_name,
                count=_bare(held(claim, "claimed_count", claim.exact)),
                value=held(claim, "claimed_value", claim.exact),
            )
        )
    return [
        (
            Spend(
                source=META, account=row.account, level=row.level, day=row.local_day, zone=row.zone, campaign_id=row.campaign_id,
                campaign=row.campaign, adset_id=row.adset_id, adset=row.adset, ad_id=row.ad_id, ad=row.ad, currency=row.currency,
                amount=held(row, "amount", row.exact) or ZERO, setting=row.setting,
                claims=tuple(claimed[row.local_day, row.line]),
            ),
            row.fetched_at,
        )
        for row in rows
    ]  # fmt: skip


def sites_of(rows: Iterable[Any]) -> list[tuple[SiteDay, int]]:
    """Rows of what counters said, with when each was told."""
    return [
        (
            SiteDay(
                source=row.source, account=row.account, day=row.local_day, zone=row.zone, currency=row.currency,
                transaction=row.transaction_id, medium_source=row.session_source, medium=row.medium, campaign=row.campaign,
                channel=row.channel, purchases=_bare(held(row, "purchases", row.exact)), revenue=held(row, "revenue", row.exact),
                gross_revenue=held(row, "gross_revenue", row.exact), refunds=held(row, "refunds", row.exact),
                flags=tuple(f for f in row.flags.split(",") if f),
            ),
            row.fetched_at,
        )
        for row in rows
    ]  # fmt: skip


def meta_report(
    rows: Sequence[tuple[Spend, int]],
    day: str,
    desk: Desk,
    zones: Mapping[str, str],
    home: str,
    by_click_day: bool = False,
    ads: Iterable[tuple[str, str]] = (),
) -> tuple[Report, list[str]]:
    """Meta's own figure of its day. ``rows``: spend with when it was told; ``zones``: of accounts that tell none; ``ads``: every
    account and ad that is known.

    Beside it what has to be said: accounts in other zones, a zone that was assumed.
    """
    told = {name_of(row): at for row, at in rows if row.source == META and row.day == day}
    mine = [(row, told[name_of(row)]) for row in counted(r for r, _ in rows if name_of(r) in told)]
    if not mine:
        return Report(source=META), []
    notes = []
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for row, _ in mine:
        zone = row.zone or zones.get(row.account, "")
        spent[zone] += row.amount
    zone = min(spent, key=lambda z: (-spent[z], z))
    if len(spent) > 1:
        notes.append(f"accounts are in several zones; the day of {zone or home} is taken")
    if not zone:
        notes.append(f"the ad account's zone is not told: {home} is assumed")
    currency = min(row.currency for row, _ in mine)
    windows: dict[str, tuple[Decimal, Decimal]] = {}
    original = ZERO
    setting = any(c.window in WINDOWS for row, _ in mine for c in row.claims)
    total = (ZERO, ZERO)
    for row, _ in mine:
        rate = desk.rates.rate(row.currency, desk.rules.currency, day_number(day)) or ZERO
        for claim in row.claims:
            if claim.window in WINDOWS or (not setting and claim.window == "setting"):
                count, value = claim.count or ZERO, claim.value or ZERO
                total = total[0] + count, total[1] + value * rate
                original += value
                if claim.window in WINDOWS:
                    old = windows.get(claim.window, (ZERO, ZERO))
                    windows[claim.window] = old[0] + count, old[1] + value * rate
    return Report(
        source=META, count=int(total[0]), amount=total[1], original_amount=original, original_currency=currency,
        zone=zone or home, window="+".join(w for w in WINDOWS if w in windows) or min((r.setting for r, _ in mine if r.setting), default="setting"),
        fetched_at=max(at for _, at in mine), windows={w: windows[w] for w in WINDOWS if w in windows},
        other_ads=other_ads(ads, {r.account for r, _ in mine}), by_click_day=by_click_day,
    ), notes  # fmt: skip


def other_ads(ads: Iterable[tuple[str, str]], accounts: set[str]) -> frozenset[str]:
    """Ads that only accounts have which are not in the figure. Ads of no known account are nobody's."""
    theirs: set[str] = set()
    ours: set[str] = set()
    for account, ad in ads:
        if ad and account:
            (ours if account in accounts else theirs).add(ad)
    return frozenset(theirs - ours)


def ga4_report(rows: Iterable[tuple[SiteDay, int]], day: str, desk: Desk, home: str) -> Report:
    """GA4's own figure: by single purchases where it tells them, else the sums of one kind of report."""
    told_at = {row: at for row, at in rows if row.day == day and row.purchases is not None}
    mine = [(row, told_at[row]) for row in counted_purchases(told_at)]
    if not mine:
        return Report(source=GA4)
    single = [(row, at) for row, at in mine if row.transaction]
    taken = single or _one_kind(mine)
    currency = min(row.currency for row, _ in taken)
    total, refunds, original, count = ZERO, ZERO, ZERO, ZERO
    told = []
    for row, _ in taken:
        rate = desk.rates.rate(row.currency, desk.rules.currency, day_number(day)) or ZERO
        gross = row.gross_revenue if row.gross_revenue is not None else row.revenue
        value = gross or ZERO
        if row.gross_revenue is None and row.refunds:
            refunds += row.refunds * rate
        purchases = row.purchases or ZERO
        count += purchases
        original += value
        total += value * rate
        if row.transaction:
            told.append((row.transaction, purchases, value * rate))
    return Report(
        source=GA4, count=int(count), amount=total, original_amount=original, original_currency=currency,
        zone=next((r.zone for r, _ in taken if r.zone), home), window="purchases", fetched_at=max(at for _, at in taken),
        rows=tuple(sorted(told)), refunds=refunds, flags=tuple(sorted({f for r, _ in taken for f in r.flags})),
    )  # fmt: skip


def _one_kind(rows: Sequence[tuple[SiteDay, int]]) -> list[tuple[SiteDay, int]]:
    """Of several reports of one day (by channel, by source) the one with the fewest dimensions: they hold the same."""
    kinds: dict[tuple[bool, ...], list[tuple[SiteDay, int]]] = defaultdict(list)
    for row, at in rows:
        kinds[tuple(bool(v) for v in (row.medium_source, row.medium, row.campaign, row.channel))].append((row, at))
    return kinds[min(kinds, key=lambda k: (sum(k), k))]
