"""The tables of lives: what became of each order and its money, from when until when, in the reporting currency.

Owns their shape. What fills them is `reconcile`'s, which matches money with orders. A life is told in *spans*: stretches of time
in which nothing of it changed, ``from_at`` to ``until_at`` (Unix s; the end is not in it). So one table answers as of any time:
the rows whose span holds it; and what happened in a period is what stood at its end less what stood before it. The last span
ends at `FOREVER`.

Amounts have twelve decimals (`SUM`): they are of one order and are rounded when many are added up. What depends on the asker's
today, an age or whether something is late, is stored as the day it counts from.
"""

from __future__ import annotations

from twofold.facts.shape import Group, Table, table

FOREVER = 1 << 40
"""Unix s: the end of a span that has not ended."""

_GROUPS = """
    week text the week of that day, 2026-W10
    month text its month, 2026-03
    sale text as orders; none of a line that is no order's
    method text as orders; none of a line that is no order's
    source text who reported the order first; none where nobody
    channel text as orders; none as long as nothing attributes
    currency text the order's; none of a line that is no order's
    courier text who carried its parcels; empty where not known"""

ORDER_LIVES = table(
    "lives", Group.LIVES, "One row an order that counts and span; filed by the day it was placed.", "order_row from_at",
    f"""
    dataset text as orders
    order_row int key to orders; an order that another replaces has none, its money is the other's
    order_key text dataset and order id
    order_id text as orders
    number text as orders
    placed_at int when it was placed{_GROUPS}
    from_at int since when it stands so
    until_at int from when on it does not any more
    station text where it is, the larger part of it: delivered, returned, refused, lost, cancelled, unconfirmed, …
    confirmed bool it was confirmed
    shipped bool a parcel left
    confirmed_at int when
    shipped_at int when
    is_delivered bool its station is delivered
    is_collected bool a third party took money for it
    is_banked bool some of that stands on the bank
    is_final bool its outcome is final: a margin can be told
    total sum what its buyer owes
    delivered sum what of it arrived, before refunds
    refunds sum what of that was given back
    due sum what arrived and was not given back
    taken sum what was taken
    collected sum taken less given back and lost in disputes
    banked sum what stands on the bank for it
    at_stake sum as the matrix of delivered and collected counts it
    receivable sum due and not taken, or taken and not on the bank, and not lost
    net_revenue sum of a final order; null where it is open
    cm1 sum contribution less goods; null where a cost is unknown
    cm2 sum less freight and handling
    cm3 sum less fees of payment: before advertising
    """,
)  # fmt: skip

LIFE_TERMS = table(
    "life_terms", Group.LIVES,
    "One row an order (or a line that is no order's), span and reason: what it is less, or waits for. Filed as lives; a line by its "
    "own day.",
    "order_row from_at bridge reason days",
    f"""
    dataset text as orders; empty of a line
    order_row int key to lives; below 0 for a line that is no order's{_GROUPS}
    from_at int as lives
    until_at int as lives
    bridge text link on whose way it is: delivered, collected, banked; else what it is: link, cash, habit, …
    reason text the reason's word
    days int of cash and of a courier's habit: how long it took; 0 of others
    amount sum as it changes the sum
    orders int by how much it changes the count
    concerned int 1 where it is a reason of its own
    since_first int the day since which it waits, the earliest, in days from 1970-01-01; null where nothing waits
    since_last int the latest
    expected int the day by which it is expected, the latest; null where nobody knows
    """,
)  # fmt: skip

WAITING = table(
    "waiting", Group.LIVES,
    "One row an order (or a line that is no order's), span, and sum that somebody has for the shop. Filed as life_terms.",
    "order_row from_at who place since expected",
    """
    dataset text as orders; empty of a line
    order_row int as life_terms
    from_at int as lives
    until_at int as lives
    who text the courier, or the source of the line
    place text courier_holds; else how far the line came on its way to the bank: payout_pending, in_flight, not_arrived, batch_open
    since int the day since which, in days from 1970-01-01
    expected int the day by which it should be here; null where that follows from the courier's habit
    amount sum in the reporting currency
    pieces int how many
    """,
)  # fmt: skip

OPEN_CREDITS = table(
    "open_credits", Group.LIVES, "What is left of credits on the bank that pay nothing known. Filed by their own day.", "line",
    """
    line text its name; key to money
    happened_at int when it was booked
    amount sum what is left, in its own currency
    currency text of it
    """,
)  # fmt: skip

UNRATED_LIVES = table(
    "unrated_lives", Group.LIVES, "One row a span of an order for which a rate is missing: it is in no sum.", "order_row from_at",
    """
    dataset text as orders
    order_row int key to orders
    placed_at int when it was placed
    from_at int as lives
    until_at int as lives
    """,
)  # fmt: skip

BUYERS = table(
    "buyers", Group.LIVES, "Whose each order is, of all orders: tests and cancelled ones too.", "order_row",
    """
    dataset text as orders
    order_row int key to orders
    placed_at int when it was placed
    place text by which orders are sorted: time and key
    customer int a random number that all orders of one customer have; null where nobody can be told
    unsure bool first told when keys of earlier orders had been forgotten: where it would be new, that is not sure
    counts bool it is an earlier order for a later one: neither cancelled nor a test, and confirmed
    delivered bool it arrived and was kept
    """,
)  # fmt: skip

SETTLEMENTS = table(
    "settlements", Group.LIVES, "One row a payout or remittance: what became of it. Filed by the day it was issued.", "batch",
    """
    batch text its key
    source text who pays
    number text its number there
    kind text payout or remittance, as its source calls it
    currency text in which
    happened_at int when it was issued
    net sum what the bank should see, in its own currency
    lines sum what its lines add up to
    paid sum what stands on the bank for it; null until then
    closes bool its lines add up to what it declares, and to what the bank got, if it did
    failed bool it came back and nobody has paid it since
    expected int the day by which it should be on the bank, from 1970-01-01
    late_after int the last day on which it is still in time
    banked_at int when it was booked; null until then
    """,
)  # fmt: skip

TWICE_TOLD = table(
    "twice_told", Group.LIVES, "Lines of money that tell what another line tells, and count as that one. Filed by the day of the one that counts.",
    "line",
    """
    line text its name; key to money
    counts_as text the line that counts
    """,
)  # fmt: skip

PATHS = table(
    "paths", Group.LIVES,
    "What led to an order; one row an order and touch, all that are known before it: which of them count is the window's, by their age. An "
    "order without a touch of ours has one with the reason. Filed by the day it was placed.",
    "order_row place",
    """
    dataset text as orders
    order_row int key to orders
    place int 0 for the oldest; what shop and buyer say stands behind the order's own; -1: there is none of ours, see reason
    age int seconds before the order; 0 of what is said after it
    happened_at int when it was
    touch_day text the day of that in the reporting zone
    kind text click, visit, chat: the order's own; shop_says, survey: what shop and buyer say; empty where the row is a reason
    source text utm_source, as it was written
    medium text utm_medium
    campaign text utm_campaign
    content text utm_content
    term text utm_term
    utm_id text utm_id
    click_kind text which click id came with it, without its value
    campaign_id text the platform's id
    adset_id text the platform's id
    ad_id text the platform's id
    referrer_host text where it came from
    landing_path text where it landed, without query
    device text phone, tablet, computer, unknown
    country text ISO 3166-1
    source_of text the source that was made of these
    medium_of text the medium
    campaign_of text the campaign
    platform text whose advertising or network it is; empty where none is known
    channel text its marketing channel; empty of a survey's answer
    paid bool somebody paid a platform for it
    rule text by which rule it has its channel
    reason text no_browser, ambiguous_person, no_touch_kept, consent; erased: a nameless row has them; empty in all other rows
    conflict bool a click id proves one platform and the address names another
    """,
)  # fmt: skip

NAMELESS = table(
    "nameless", Group.LIVES,
    "One row a past order whose buyer was erased, or took consent back: what it had come to by then. Nothing leads from it to an order.",
    "nameless",
    """
    nameless int its number, drawn
    dataset text the dataset
    placed sum what its buyer owed
    confirmed sum of that, confirmed
    delivered sum of that, delivered and not given back
    delivered_collected sum of that, collected, too
    banked sum what stood on the bank for it
    margin sum contribution before advertising; null where it was open or a cost unknown
    open sum its total while its outcome was open
    method text as orders
    final bool its outcome was final
    back bool it came back
    buyer_kind text new, new_unsure, returning, unknown
    first_delivered bool it was its buyer's first delivered order
    path_reason text as reason of paths
    """,
)  # fmt: skip

NAMELESS_PATHS = table(
    "nameless_paths", Group.LIVES, "The touches of nameless rows: channels and campaigns.", "nameless place",
    """
    nameless int key to nameless
    place int 0 for the oldest
    age int seconds before the order
    touch_day text as paths
    kind text as paths
    channel text as paths
    platform text as paths
    source_of text as paths
    medium_of text as paths
    campaign text as paths
    campaign_id text as paths
    adset_id text as paths
    ad_id text as paths
    paid bool as paths
    """,
)  # fmt: skip

LIVES: tuple[Table, ...] = (
    ORDER_LIVES, LIFE_TERMS, WAITING, UNRATED_LIVES, BUYERS, PATHS, SETTLEMENTS, OPEN_CREDITS, TWICE_TOLD, NAMELESS, NAMELESS_PATHS,
)  # fmt: skip
