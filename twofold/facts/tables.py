"""The derived tables that reports read: names, columns, types, and by which day a row is filed.

Owns the shape and nothing else: what fills a table is its builder's, what asks it is a named statement in `sql/`. Types are
those that DuckDB, PostgreSQL and Spark share. A row's ``day`` is a text in UTC, ``YYYY-MM-DD``: it says in which file the row
lies: an order by when it was placed, an action by when its first copy came, a line by its own day. It is not the shop's or the
platform's day, which reports work out from the time and the zone beside it. The tables of lives alone (`lives`) are filed by the
reporting zone's days.

Money has four decimals (`MONEY`). A value with more of them, or too large, is rounded half even (or empty) in its column and
stands exactly in ``exact``: a JSON object of column to text, null in every other row. Times are Unix s. Nothing in a table is
contact data: counterparts and buyers are keyed digests.

Standing: what depends on today is not in a table. ``orders.standing`` is what the policy of the settings says without regard
to age; a ``not_yet`` becomes ``never`` once ``expires_at`` is past.
"""

from __future__ import annotations

from twofold.facts.lives import LIVES
from twofold.facts.shape import Group, Table
from twofold.facts.shape import table as _table

ORDERS = _table(
    "orders", Group.ORDERS, "One row an order, as it stands now.", "dataset order_row",
    """
    dataset text the dataset whose Purchases its orders are
    order_row int the order's number in this folder: the key to every other table of orders
    order_id text the id that platforms are told
    number text the number people use, where a source told one; else the id
    placed_at int when it was placed
    known bool somebody reported the order itself, not only money or parcels of it
    sale text where it was made: web, app, store, phone, chat, staff, crm, renewal, api
    method text how it is paid, by the policy: card, wallet, later, cod, bank_transfer, gift_card, manual, other
    channel text the channel it is attributed to; empty as long as nothing attributes
    currency text the shop's currency; null where no total was told
    total money what the buyer owes in all, after edits
    tax money tax contained in the total; null where not told
    shipping money shipping contained in the total
    shipping_tax money tax of the shipping
    tip money tip contained in the total
    duties money duties contained in the total
    gift_cards money gift cards that were sold with it
    discount money what was taken off already
    tax_included bool shipping is told with its tax
    after_refunds bool the total has refunds taken off already
    shown_currency text the buyer's currency, where it is another
    shown_total money the total in the buyer's currency
    value money what it is worth as a Purchase, by the policy
    value_currency text in which currency
    refunded money given back, in the order's currency: the largest of the sums told
    refunded_other text given back in other currencies: JSON of currency to text; null without
    received money payments that came in, in the order's currency: the largest of the sums told
    received_other text payments in other currencies: JSON of currency to text; null without
    paid text unpaid, authorised, part, paid, part_refunded, refunded, voided; null where nobody said
    disputed bool a payment of it is disputed
    test bool a test
    deleted bool deleted by its source
    confirmed_at int when it was confirmed, by the policy: also by what implies it (money reserved, parcel left)
    authorised_at int when money was reserved
    paid_at int when the money was first reported whole, since the shop last said that it was not
    shipped_at int when a parcel left
    delivered_at int when the last parcel arrived
    refused_at int when a parcel was refused
    returned_at int when the whole order was on its way back
    lost_at int when the last of its parcels was lost, and none arrived
    cancelled_at int when it was cancelled
    cancel_reason text the source's word for why
    standing text not_yet, counts, never: as a Purchase, by the policy, without regard to age
    reason text the word for it: placed, not_paid, order_cancelled, …
    milestone text the station at which it counts: placed, confirmed, paid, delivered
    since int since when it stands so, where known
    expires_at int from when a not_yet is a never; null for others
    parcels int parcels told, without cancelled ones
    parcels_delivered int of them delivered
    source text who reported it first; empty where nobody did
    sources text who reported it, comma between
    replaces text order id of the order that this one replaces; empty without
    left_out sum what the policy leaves out of its value as a Purchase, refunds apart, in value_currency
    edited money what edits changed of the total since it was first told
    given_back text its refunds in the order's currency, each once, JSON: a list of Unix s and amount; null without
    given_back_first int when the first of these was
    given_back_last int when the last of these was
    country text ISO 3166-1 of the delivery address; empty where not told
    region text its ISO 3166-2 subdivision; empty where not told
    action int the Purchase action it stands for: key to purchases
    changed_at int when something new was last told
    exact text columns with more digits than they can hold, JSON; null without
    """,
)  # fmt: skip

ORDER_LINES = _table(
    "order_lines", Group.ORDERS, "One row a line of an order's goods.", "order_row line",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    line int its place among the order's lines, from 1
    item text the catalogue's id
    sku text the article's number
    quantity int pieces
    price money per piece before discounts, shop's currency
    shown_price money per piece in the buyer's currency, where told
    discount money for the whole line
    gift_card bool money for later, not revenue
    currency text the shop's currency
    exact text as orders
    """,
)  # fmt: skip

ORDER_NAMES = _table(
    "order_names", Group.ORDERS, "The keys by which money, parcels and people find an order; one row a key.",
    "order_row kind value",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    kind text order, number, checkout, payment_intent, charge, transaction, refund, parcel, …; see ledger.references. called: what events call it
    value text the key in its one spelling
    match_key text by which it is compared with the keys of money; see ledger.references
    """,
)  # fmt: skip

ORDER_PEOPLE = _table(
    "order_people", Group.ORDERS, "Who bought, as keyed digests; one row a digest. Orders that share one are one customer's.",
    "order_row kind digest",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    kind text email, phone, customer, name, …
    digest text keyed digest, hex; the same as the counterparts of money
    """,
)  # fmt: skip

PAYMENTS = _table(
    "payments", Group.ORDERS, "Payments as shops and payment systems tell them with orders; one row a source and payment.",
    "order_row source payment",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    source text who told it
    payment text its id there
    kind text sale, authorisation, capture, refund, void, dispute
    amount money as told, positive
    currency text its currency
    state text success, pending, failure
    happened_at int when
    gateway text the gateway's name as the shop writes it
    exact text as orders
    """,
)  # fmt: skip

REFUNDS = _table(
    "refunds", Group.ORDERS, "Refunds as shops and payment systems tell them with orders; one row a source and refund.",
    "order_row source refund",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    source text who told it
    refund text its id there
    amount money given back, positive
    currency text its currency
    happened_at int when
    reason text the source's word
    told_sum money all that was given back of the same payment by then, where the source tells a sum
    payment text of which payment, where told
    exact text as orders
    """,
)  # fmt: skip

PARCELS = _table(
    "parcels", Group.ORDERS, "What was told with orders about their parcels; one row a parcel and state.",
    "order_row parcel happened_at state",
    """
    dataset text as orders
    order_row int key to orders
    order_id text as orders
    parcel text the parcel's number
    state text created, in_transit, out_for_delivery, pickup_point, attempt_failed, refused, returning, returned, delivered, lost, cancelled
    happened_at int since when
    source text who told it first
    """,
)  # fmt: skip

ORDER_SEALS = _table(
    "order_seals", Group.ORDERS, "Which state of an order its rows were made of: for the builder, which makes what changed.", "order_row",
    """
    order_row int as orders
    seal int stands for all that was told of it; 0 where that changed while its rows were made
    buyer text stands for the digests of who bought
    """,
)  # fmt: skip

LINE_SEALS = _table(
    "line_seals", Group.LINES, "The same of lines: one row a state of a line.", "line_state",
    """
    line_state int the number of the line's state in this folder
    seal int as order_seals
    line text the line's name, hex
    """,
)  # fmt: skip

PARCEL_LINES = _table(
    "parcel_lines", Group.LINES, "What couriers say of parcels: states, cash due and taken, fees; one row a line.", "line",
    """
    line text the line's name, hex
    courier text which courier
    parcel text the parcel's number
    order_key text order id or number, as the courier has it; empty where it does not say
    state text as parcels; empty where the line tells money only
    happened_at int when
    due money cash to be taken; null where not told
    taken money what the courier took
    fee money its fee for taking it
    freight money freight it deducts
    currency text their currency; empty where no money is told
    method text cash, card, qr; empty where not told
    batch text remittance that holds it
    event text the courier's id of this message
    received_at int when it came here
    updated_at int the source's own time of this state, where it has one
    exact text as orders
    """,
)  # fmt: skip

MONEY = _table(
    "money", Group.LINES, "Movements of money as their sources wrote them; one row a line, as it stands now.", "line",
    """
    line text the line's name, hex
    source text stripe, shopify_payments, paypal, courier:NAME, bank, …
    account text the merchant's account there; empty where not told
    id text the source's own id; empty where it has none
    kind text charge, refund, fee, dispute, payout, cod_collected, bank_credit, …
    gross money from the merchant's side: money in is positive
    fee money what the source keeps of it
    net money gross less fee
    currency text of the three
    happened_at int when it happened
    zone text the zone it was told in
    local_day text the day in that zone, YYYY-MM-DD
    day_only bool the source tells a day and no time
    available_at int when it can be paid out
    value_at int value date
    batch text payout or remittance that groups it
    status text booked, pending, hold, info: only booked lines move money
    original money the amount before a conversion
    original_currency text its currency
    rate rate units of currency for one of original_currency, where the line says it
    received_at int when it came here first
    updated_at int the source's own time of this state, where it has one
    exact text as orders
    """,
)  # fmt: skip

MONEY_KEYS = _table(
    "money_keys", Group.LINES, "Keys that a line of money carries: references and digests of who stands opposite.",
    "line role kind value",
    """
    line text key to money
    role text reference or counterpart
    kind text order, payment_intent, charge, parcel, creditor, bank_reference, …; of a counterpart name, account, phone, email
    value text the key; of a counterpart a keyed digest
    match_key text as order_names
    """,
)  # fmt: skip

BATCHES = _table(
    "batches", Group.LINES, "Payouts and remittances as declared; one row a batch.", "line",
    """
    line text the batch's name as a line, hex
    source text who pays it
    account text the account there
    batch text its id
    kind text payout or remittance
    net money what it declares; null where its file declares nothing
    currency text of the net
    happened_at int when it was issued
    expected_at int when the money should be on the bank
    bank_reference text what stands on the bank's line
    status text the source's word
    lines int how many lines it should hold, where told
    received_at int when it came here
    updated_at int as money
    exact text as orders
    """,
)  # fmt: skip

STATEMENTS = _table(
    "statements", Group.LINES, "Bank statements; one row a statement or page.", "line",
    """
    line text the statement's name as a line, hex
    source text bank
    account text the account
    statement text the bank's number, else the span
    currency text the account's
    since text first day
    until text last day
    opening money balance before; null where not told
    closing money balance after
    entries money sum of the booked entries that the file holds
    covers_first bool the file holds the whole first day
    covers_last bool the file holds the whole last day
    received_at int when it came here
    updated_at int as money
    exact text as orders
    """,
)  # fmt: skip

DECISIONS = _table(
    "decisions", Group.LINES, "What people said about matches; one row a word.", "line",
    """
    line text the decision's name as a line, hex
    of_line text name of the money line it is about, hex
    target text order:ID, batch:SOURCE/ID or line:HEX
    amount money how much; null: as much as fits
    said_by text who said it
    why text the reason that was given
    happened_at int when it was said
    undo bool it takes an earlier word back
    exact text as orders
    """,
)  # fmt: skip

SPEND = _table(
    "spend", Group.LINES, "What advertising cost; one row the finest level that a source names, a day, and when it was told.",
    "line fetched_at",
    """
    line text the row's name as a line, hex
    source text meta, google_ads, tiktok, … or the operator's own
    account text the account there
    level text ad, adset, campaign, account, rest, invoice
    local_day text the day in the account's zone, YYYY-MM-DD
    zone text the account's zone; empty where not told
    campaign_id text the campaign's id; empty where not told
    campaign text the campaign's name
    adset_id text the ad set's id
    adset text the ad set's name
    ad_id text the ad's id
    ad text the ad's name
    currency text of the amount
    amount sum what it cost
    claimed_count sum purchases that the platform claims by its own setting; null where none
    claimed_value sum their value
    invoiced money what the invoice says; null where not told
    impressions int how many; null where not told
    clicks int how many; null where not told
    setting text attribution setting, as the source writes it
    platform text whose it is, in the words of touches
    channel text the marketing channel of its clicks
    fetched_at int as of when: the source's own time, else when it came here
    received_at int when it came here
    stands bool of several versions of one row this is the newest
    counts bool it stands, and no other row tells the same spend more finely or with its ids: amounts of these add up
    exact text as orders
    """,
)  # fmt: skip

SPEND_CLAIMS = _table(
    "spend_claims", Group.LINES, "Conversions that platforms say they brought; one row a spend row and window.",
    "line fetched_at window_name alias site_only",
    """
    line text key to spend, with fetched_at
    fetched_at int key to spend
    stands bool as spend
    counts bool as spend
    source text as spend
    account text as spend
    local_day text as spend
    currency text of the value
    window_name text 1d_view, 7d_click, setting, …
    claimed_count money how many; null where not told
    claimed_value money of what value
    alias text which of the platform's names for a purchase was taken
    site_only bool the website's part of the same purchases
    exact text as orders
    """,
)  # fmt: skip

SITE_DAYS = _table(
    "site_days", Group.LINES, "What GA4 or another counter says of a day or of one purchase; one row a line.", "line",
    """
    line text the row's name as a line, hex
    source text ga4, …
    account text the property
    local_day text the day in its zone, YYYY-MM-DD
    zone text its zone; empty where not told
    currency text of the money
    transaction_id text the purchase; empty for a sum
    session_source text source of the session; empty where not told
    medium text its medium
    campaign text its campaign
    channel text its channel group
    purchases money how many; null where not told
    revenue money less refunds
    gross_revenue money without that
    refunds money given back
    sessions int how many; null where not told
    flags text sampled, threshold, other_row; comma between
    fetched_at int as spend
    received_at int when it came here
    stands bool as spend
    counts bool it stands, and no other row tells the same purchase with its property
    exact text as orders
    """,
)  # fmt: skip

RATES = _table(
    "rates", Group.LINES, "Rates of exchange; one row a source, day and currency.", "line",
    """
    line text the row's name as a line, hex
    source text ecb, nbg, own
    rate_day text the day it is of, YYYY-MM-DD
    currency text of per
    per money how many units
    rate rate units of base for them
    base text of the rate
    received_at int when it came here
    exact text as orders
    """,
)  # fmt: skip

COSTS = _table(
    "costs", Group.LINES, "What an article or an act costs the merchant from a day on; one row an article or rule and day.",
    "line",
    """
    line text the row's name as a line, hex
    sku text the article; empty for a rule
    rule text packaging, picking, freight, freight_return, cod_fee, psp_fee, …; empty for an article
    applies_to text the courier, provider, zone or method for which it holds
    since text the day from which it is valid, YYYY-MM-DD
    amount money for a piece, an order, a parcel, a minute, a month
    percent rate of the amount that the rule is about
    least money at least
    currency text of amount and least
    received_at int when it came here
    exact text as orders
    """,
)  # fmt: skip

SURVEYS = _table(
    "surveys", Group.LINES, "Answers to how a buyer heard of the shop; one row an order.", "line",
    """
    line text the answer's name as a line, hex
    order_key text order id or number
    match_key text as order_names; empty where it names none
    happened_at int when it was answered
    answer text one of the shop's own choices, masked
    received_at int when it came here
    """,
)  # fmt: skip

TOUCHES = _table(
    "touches", Group.TOUCHES, "First signs of visits and chats; one row a person or browser, half hour and source.",
    "dataset who slot source_key",
    """
    dataset text the dataset
    who text keyed digest of the browser, conversation or order, hex
    happened_at int the earliest time of the sign
    slot int the half hour it is known by
    source_key text what tells two signs of one half hour apart, hex
    kind text click, visit, chat, survey, shop_says
    source text utm_source, or what the click id or referrer says
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
    consent text what the browser had said
    channel text its marketing channel; empty of a survey's answer
    platform text whose advertising or network it is; empty where none is known
    paid bool somebody paid a platform for it
    """,
)  # fmt: skip

PURCHASES = _table(
    "purchases", Group.ACTIONS, "One row a Purchase action.", "action",
    """
    action int its number: the position of its first copy
    dataset text the dataset
    event_id text the id it is sent under
    event_time int when it happened
    came_at int when its first copy came
    value sum as it is sent; of one that waits, as it would be
    currency text of the value
    order_row int the order it stands for; null where none is known
    order_id text the order id in its events; empty without
    called text the name of that order among order_names that are called; empty without
    told_value sum the value that its copy of the highest tier tells; null where none does
    told_currency text the currency of that
    browser_told bool a browser's copy is among those that may be the buyer's word for it, also of an action whose place it took
    clicked_at int when the last click of Meta's that its copies carry came to the site; null without
    browsers text keyed digests of the browsers that its copies name, as touches have them, comma between
    channels text browser, server, both
    tier int highest tier that spoke for it, 0 to 3
    copies int how many
    late_copies int of them after a first platform was told
    merged_into int the action that stands for it; null for all others
    superseded bool another action of a higher tier stands for it
    browser_copy bool a browser's copy is among its copies
    server_copy bool a server's copy is among its copies
    senders text which software made its copies, comma between
    click_kinds text click ids that its events carry, comma between, without values
    consent text what was said about consent, as one text
    sealed_at int when its first payload was fixed
    exact text as orders
    """,
)  # fmt: skip

PURCHASE_DELIVERIES = _table(
    "purchase_deliveries", Group.ACTIONS, "One row a Purchase action and destination.", "action destination",
    """
    action int key to purchases
    destination text its name in the settings
    state text waiting, delivered, suppressed, dead
    reason text the word for it
    sent_value money value in the payload that was fixed; null where none was, or it is emptied by now
    sent_currency text of it
    told_as text margin or revenue, where this destination is told a value of its own; else empty
    sent_event_id text the id it was sent under; null where nothing was
    sent_event_time int the event_time it was sent with
    first_attempt_at int when it was first tried
    settled_at int when it reached its state
    attempts int how often
    code text the platform's code or status in its last answer; empty without
    consent text what consent allowed when it was sent
    exact text as orders
    """,
)  # fmt: skip

PURCHASE_PEOPLE = _table(
    "purchase_people", Group.ACTIONS,
    "Whose touches are a Purchase's; one row a Purchase and browser or chat. A Purchase that came less than two hours ago has "
    "none yet: its thank-you page may still be opened.",
    "action kind who",
    """
    action int key to purchases; of a copy that was merged, its first action
    who text key to touches
    kind text fbp, visitor, stitched: a browser; device: the buyer's other one; conversation and other ids: a chat
    """,
)  # fmt: skip

SIGNALS = _table(
    "signals", Group.ACTIONS, "One row an action of any kind: what was seen, for counts by day and event.", "action",
    """
    action int its number
    dataset text the dataset
    event_name text Purchase, PageView, …
    event_time int when it happened
    channels text browser, server, both
    tier int highest tier that spoke for it, 0 to 3
    copies int how many
    late_copies int of them after a first platform was told
    merged_into int the action that stands for it; null for all others
    value money as it is sent, where it has one
    currency text of the value
    delivered int destinations that took it
    suppressed int destinations it is kept from
    dead int destinations where it was given up
    waiting int destinations where it waits
    exact text as orders
    """,
)  # fmt: skip

TABLES: tuple[Table, ...] = (
    ORDERS, ORDER_LINES, ORDER_NAMES, ORDER_PEOPLE, PAYMENTS, REFUNDS, PARCELS, ORDER_SEALS, LINE_SEALS,
    PARCEL_LINES, MONEY, MONEY_KEYS, BATCHES, STATEMENTS, DECISIONS, SPEND, SPEND_CLAIMS, SITE_DAYS, RATES, COSTS, SURVEYS,
    TOUCHES, PURCHASES, PURCHASE_DELIVERIES, PURCHASE_PEOPLE, SIGNALS,
    *LIVES,
)  # fmt: skip

BY_NAME = {table.name: table for table in TABLES}


def tables_of(group: Group) -> tuple[Table, ...]:
    """The tables that are made together."""
    return tuple(table for table in TABLES if table.group is group)
