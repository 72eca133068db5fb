"""``twofold day``: one day as Meta, the shop, GA4 and our own log report it, each bridged to the ledger.

Owns what is typed and printed. What is worked out is `reconcile`'s.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.printing import clock_of, make_table, plain, print_about, print_rows, print_wide, say
from twofold.commands.reconcile.chain import AsOfDay, asking_of, moment_of, start_of, zone_of
from twofold.commands.reconcile.words import LINKS, words

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.reconcile.day.values import Bridge, Term
    from twofold.reconcile.reading.witnesses import Answer

NAMES = {"meta": "Meta claims", "shop": "the shop says", "ga4": "GA4 counted", "log": "our log has"}
WHO = {"pixel": "pixel", "crm": "shop and CRM", "courier": "courier", "bank": "bank", "books": "left over (CM3)"}
REASONS = {
    "test_order": "tests", "time_zone": "another day there", "source_not_connected": "no Purchase of it came here: only a file or the shop's books tell it",
    "not_yet": "not a Purchase yet", "cancelled_before_sent": "cancelled before it was sent", "voided": "never paid",
    "emptied": "emptied", "returned": "came back before it was sent", "renewal": "renewals, told as Subscribe",
    "consent": "no consent", "no_browser": "no browser: chat, phone, till, …", "page_not_reached": "page not reached",
    "no_trace": "no trace of the page", "blocked_there": "seen by us, not there", "late": "event of another day",
    "rejected": "refused by the platform", "dead": "given up", "waiting": "not sent yet", "duplicate_there": "told twice",
    "merged_there": "ids lost there", "value_parts": "sent without parts of the total", "discount": "discount",
    "margin_told": "told what the order leaves, not what it costs", "price_differs": "another price there", "edited_after": "edited later", "refunded_after": "given back later",
    "refund_day": "given back that day", "return_day": "came back that day, of other days", "cancelled": "cancelled",
    "edited": "edited", "gift_card": "gift cards", "currency_rate": "another rate", "no_meta_click": "no click of Meta's known",
    "outside_window": "click older than its window", "view_through": "by a view, as reported",
    "engaged_view": "by an engaged view, as reported", "other_account": "by an ad of another account",
    "click_day": "on the day of the click there", "cod_undelivered": "cash on delivery that was never taken",
}  # fmt: skip
MAY_BE = {
    "clicks_unseen": "clicks that we did not see", "click_not_credited": "clicks that it does not credit",
    "unmatched_there": "buyers that it does not recognise", "modelled": "purchases that it estimates",
    "rate_unknown": "its rate of exchange", "not_final": "a day that may still change there",
    "threshold": "rows that it holds back", "other_row": "rows that it put together", "sampled": "a count of a sample",
}  # fmt: skip
"""What a residual may be where nothing of it can be measured; others are called as in `REASONS`."""
WINDOWS = {"by_return_day": "less what came back that day", "purchases": "", "setting": "the account's own setting"}
"""Of the ways of counting that are no words of the platform's own."""
FLAGS = {
    "threshold": "it holds rows back for fear that they name people: its count may be too small, and it does not say by how much",
    "other_row": "it put rows together as (other): purchases may stand without their ids",
    "sampled": "it counted a sample and scaled it up: its figures are estimates",
}
"""What GA4 says of its own report; no size can be told from it."""


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter("expected a day, such as 2026-03-10") from None


def day(
    day: Annotated[str, typer.Argument(help="The day, such as 2026-03-10, of `[chain] timezone`.", callback=_day)],
    as_of: AsOfDay = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See one day as four report it, and why they differ: Meta, the shop, GA4, our own log.

    Each has its own zone, window and currency. Each is bridged to the orders of the shop's day, reason by reason, with the
    orders behind it; what no reason explains is the residual, with the band in which it usually lies. Under the four stands
    where the same orders' money is by now. What was said 1, 3, 7 and 28 days after is kept. See docs/day.md.
    """
    from twofold.config import load_settings
    from twofold.reconcile.reading.witnesses import witnesses_of

    settings = load_settings(config, data=data)
    asked = question(settings, day, as_of, dataset)
    answer = witnesses_of(Path(settings.server.data), asked, asking_of(settings, json))
    if json:
        _print_json(answer, settings, as_of, dataset)
    else:
        _print(answer, settings)


def question(settings: Settings, day: str, as_of: str, dataset: str | None) -> Any:
    """What is asked, from the settings."""
    from twofold.policies import day_question

    return day_question(settings, day, moment_of(as_of, zone_of(settings)), dataset, keep=not as_of)


# -- for machines


def _print_json(answer: Answer, settings: Settings, as_of: str, dataset: str | None) -> None:
    from twofold.commands.output.rows import reconcile as shapes
    from twofold.reconcile.day.report import share_of
    from twofold.reconcile.day.values import Sum

    report, zone = answer.report, zone_of(settings)
    print_about(
        "day", dataset=dataset, since=start_of(report.day, zone), until=start_of(report.day, zone, days=1),
        timezone=settings.chain.timezone, currency=report.currency, as_of=moment_of(as_of, zone),
    )  # fmt: skip
    for one in report.reports:
        link = "signalled" if one.source in ("meta", "ga4", "log") else "placed"
        print_rows(shapes.Witness, [{
            "source": one.source, "role": "truth" if one.source == "shop" else "signal", "link": link, "count": one.count,
            "amount": one.amount, "original_amount": one.original_amount, "original_currency": one.original_currency,
            "timezone": one.zone, "window": one.window, "fetched_at": one.fetched_at,
        }])  # fmt: skip
    for bridge in report.bridges:
        for line in bridge.lines:
            told = {"bridge": bridge.witness, "count": line.count, "amount": line.amount}
            if isinstance(line, Sum):
                print_rows(shapes.Sum, [{**told, "name": line.name}])
            else:
                more = {
                    "reason": line.reason,
                    "way": line.way,
                    "orders": list(line.orders),
                    "second": dict(line.second),
                }
                print_rows(shapes.Reason, [{**told, **more}])
        band = answer.bands[bridge.witness]
        print_rows(shapes.DayResidual, [{
            "bridge": bridge.witness, "count": bridge.residual_count, "amount": bridge.residual, "share": share_of(bridge),
            "band_low": band.low, "band_high": band.high, "band_own": band.own, "alarm": band.alarm,
            "possible": list(bridge.possible),
        }])  # fmt: skip
    if report.undelivered is not None:
        line = report.undelivered
        print_rows(shapes.Reason, [{"bridge": "bank", "reason": line.reason, "count": line.count, "amount": line.amount,
                                    "orders": list(line.orders), "second": {}}])  # fmt: skip
    print_rows(shapes.Claim, report.claims)
    print_rows(shapes.Cohort, report.cohort)
    for version in answer.versions:
        print_rows(shapes.Version, (
            {"age": version.age, "as_of": version.as_of, "bridge": s.witness, "count": s.count, "amount": s.amount,
             "residual_count": s.residual_count, "residual": s.residual} for s in version.said
        ))  # fmt: skip
    print_rows(shapes.DayFinding, ({"name": n, "bridge": b, "words": w} for n, b, w in _findings(answer)))


def _findings(answer: Answer) -> list[tuple[str, str, str]]:
    found = [("note", "meta", note) for note in answer.report.notes]
    found += [("not_final", w, "young: its figures may still move") for w in answer.report.young]
    for one in answer.report.reports:
        found += [(flag, one.source, FLAGS.get(flag, flag.replace("_", " "))) for flag in one.flags]
    for witness in ("meta", "ga4"):
        if answer.bands[witness].same_writer:
            found.append(("same_writer", witness, "no difference at all for many days: is it fed by the shop itself?"))
    return found


# -- for people


def _print(answer: Answer, settings: Settings) -> None:
    report = answer.report
    say(f"{report.day} ({settings.chain.timezone}), in {report.currency or 'no currency'}")
    table = make_table(
        "witness", "orders", "amount", "its own", "zone", "window", right=("orders", "amount", "its own")
    )
    for one in report.reports:
        if one.is_here:
            own = "" if one.original_amount is None else f"{one.original_amount:,f} {plain(one.original_currency)}"
            table.add_row(
                NAMES[one.source],
                f"{one.count:,}",
                f"{one.amount:,.2f}",
                own,
                plain(one.zone),
                plain(WINDOWS.get(one.window, one.window)),
            )
        else:
            table.add_row(NAMES[one.source], "", "nothing imported", "", "", "")
    print_wide(table)
    for bridge in report.bridges:
        if bridge.count is not None:
            say("")
            _print_bridge(bridge, answer)
    for claim in report.claims:
        say(
            f"Meta claims {claim.claimed:f} by {claim.window}: {claim.confirmed} confirmed by a click of ours, "
            f"{claim.unconfirmed:f} not; {claim.unclaimed} with a click that it does not claim"
        )
    if report.cohort:
        say("\nThe same orders by now")
        table = make_table("", "orders", "amount", "role", right=("orders", "amount"))
        for money in report.cohort:
            amount = "" if money.amount is None else f"{money.amount:,.2f}"
            name = f"{WHO[money.who]}: {words(LINKS, money.link)}" if money.who != "books" else WHO[money.who]
            table.add_row(name, "" if money.count is None else f"{money.count:,}", amount, money.role)
        print_wide(table)
    if report.undelivered is not None:
        line = report.undelivered
        which = ", ".join(plain(o) for o in line.orders[:12]) + (" …" if len(line.orders) > 12 else "")
        say(f"{words(REASONS, line.reason)}: {line.count:+,}, {line.amount:+,.2f} ({which})")
    for version in answer.versions:
        residuals = ", ".join(f"{s.witness} {s.residual:+,f}" for s in version.said if s.residual is not None)
        say(
            f"said {version.age} days after, at {clock_of(settings).said(version.as_of)}: residual {residuals or 'none'}"
        )
    for _, bridge_name, text in _findings(answer):
        say(f"{bridge_name}: {plain(text)}")


STRAY = "a Purchase of no order that is known here"
"""The same reason from the other side."""


def _reason(line: Term) -> str:
    is_stray = line.reason == "source_not_connected" and line.way == "in"
    return STRAY if is_stray else words(REASONS, line.reason)


def _print_bridge(bridge: Bridge, answer: Answer) -> None:
    from twofold.reconcile.day.values import Sum

    table = make_table(f"to what {NAMES[bridge.witness]}", "orders", "amount", "which", right=("orders", "amount"))
    for line in bridge.lines:
        if isinstance(line, Sum):
            table.add_row(line.name.replace("_", " "), f"{line.count:,}", f"{line.amount:,f}", "")
        else:
            name = _reason(line) + (f" ({line.way})" if line.way else "")
            which = ", ".join(plain(o) for o in line.orders[:12]) + (" …" if len(line.orders) > 12 else "")
            table.add_row("  " + name, f"{line.count:+,}" if line.count else "", f"{line.amount:+,f}", which)
    table.add_row(NAMES[bridge.witness], f"{bridge.count:,}", f"{bridge.amount:,f}", "")
    band = answer.bands[bridge.witness]
    usual = (
        "" if band.low is None else f"usual {band.low:+.0%} to {band.high:+.0%}" + ("" if band.own else " elsewhere")
    )
    table.add_row("residual", f"{bridge.residual_count:+,}", f"{bridge.residual:+,f}", usual)
    print_wide(table)
    if bridge.residual and bridge.possible:
        say("  the residual may be: " + ", ".join(words(REASONS | MAY_BE, one) for one in bridge.possible))
