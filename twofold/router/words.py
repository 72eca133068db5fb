"""What each kind of finding says to people: its name, what is probably broken, what to look at first, what not to do yet.

Owns the words, whose work it is, and under which symptom somebody looks for it. Nothing here decides whether a finding is there.
"""

from __future__ import annotations

from types import MappingProxyType

from msgspec import Struct

from twofold.router.finding import Kind


class Said(Struct, frozen=True):
    """``command``: a line to paste, where a page does not answer it."""

    title: str
    failure: str
    check: str
    not_yet: str
    owner: str  # developer, buyer, owner
    command: str = ""


WORDS: MappingProxyType[Kind, Said] = MappingProxyType(
    {
        Kind.GIVEN_UP: Said(
            "Events were given up: the platform did not take them",
            "The token has no right to this dataset or has ended, or the platform refuses what these events hold.",
            "Open the newest of them and read the platform's answer.",
            "Do not send all of them again before one of them was taken.",
            "developer",
        ),
        Kind.STUCK: Said(
            "Events wait that should have left",
            "The platform cannot be reached, or asked for a pause; nothing is lost yet.",
            "Look at the last answer of the destination.",
            "Do not restart or empty anything: what waits is kept and goes by itself.",
            "developer",
            "twofold check",
        ),
        Kind.NO_PURCHASE: Said(
            "Orders of which no Purchase was made",
            "The shop reports these orders, but no destination is configured for their dataset, or their webhook says too little.",
            "Look at one of these orders: which copies and reports there are of it.",
            "Do not import the orders again as events: they would count twice.",
            "developer",
            "twofold check",
        ),
        Kind.KEPT_BACK: Said(
            "Purchases are kept back",
            "A browser told a Purchase for which the shop's server does not speak, or a limit or robot rule holds it.",
            "Look at one of them: is there an order of this number in the shop?",
            "Do not raise limits or switch the rule off before you know that these are real orders.",
            "developer",
        ),
        Kind.WRONG_VALUE: Said(
            "Purchases were told with another value than the order's",
            "Another sender computes the value by another rule (tax, shipping, cents), or before a discount.",
            "Compare one order: its total, and what was sent.",
            "Do not change budgets by the return that is shown until it is mended.",
            "developer",
            "twofold orders check",
        ),
        Kind.NOT_MEETING: Said(
            "Browser and server tell one event under two ids",
            "Each side makes its own event id, so the platform cannot tell that it is one and counts it twice.",
            "Compare the ids of the two senders on the page of senders.",
            "Do not switch one side off: first make one id and give it to both.",
            "developer",
        ),
        Kind.TWO_OWNERS: Said(
            "Two senders tell the same event",
            "A second tag, app or plugin sends what another already sends; each has ids of its own.",
            "Look at the two senders and decide which one owns the event.",
            "Do not remove the older one before the other is complete.",
            "buyer",
        ),
        Kind.OTHER_CONTENT: Said(
            "Copies of one event say different things",
            "Browser and server compute money or goods in two places, or an id is used again for another order.",
            "Open one of them and compare its copies.",
            "Do not average: decide which side is right.",
            "developer",
        ),
        Kind.NO_BROWSER: Said(
            "Most purchases were seen by no browser",
            "The tag or pixel is not on the page after payment, or its consent or a blocker keeps it away.",
            "Make a test purchase and see which rows do not tick.",
            "Do not add a second pixel: first find out why the one there is silent.",
            "developer",
        ),
        Kind.NO_SERVER: Said(
            "Many purchases were told by the browser only",
            "The shop's webhook does not come, or comes for some kinds of orders only.",
            "Look at the list of first steps: which topics were seen last?",
            "Do not let unconfirmed purchases through: anybody can send one.",
            "developer",
        ),
        Kind.STOPPED: Said(
            "An event comes no more",
            "A page of the shop was changed, or the sender was taken off it.",
            "Load the page and look whether it arrives on the page Live.",
            "Do not change campaigns that learn from it before it is back or replaced.",
            "developer",
        ),
        Kind.NEW_SENDER: Said(
            "Somebody new sends events",
            "An app, a plugin or a tag manager was added; or somebody else uses your pixel's number.",
            "Ask who added it, and look which events it owns.",
            "Do not block it before you know: an order may rest on it.",
            "buyer",
            "twofold senders",
        ),
        Kind.WEBHOOK_SECRET: Said(
            "Webhooks come with a wrong signature",
            "The secret in the configuration is not the shop's: it was changed on one side, or belongs to another app.",
            "Compare the secret of the app in the shop with the one in the private file.",
            "Do not switch the check off: a signature is the only proof that an order is real.",
            "developer",
        ),
        Kind.NOT_LET_IN: Said(
            "A sender is not let in",
            "It shows another dataset's key, an old one, or a dataset that is not configured here.",
            "Look at the refusals: from which door, for which dataset?",
            "Do not give the key to a browser: it belongs on servers only.",
            "developer",
        ),
        Kind.FOREIGN_SITE: Said(
            "Events of a site that is not listed were refused",
            "The shop has a further domain, or somebody copied the page with the tag on it.",
            "Look at which site it is; if it is yours, add it to `origins`.",
            "Do not allow every origin.",
            "developer",
        ),
        Kind.MALFORMED: Said(
            "Events were refused because of how they are written",
            "The sender's version or mapping is wrong.",
            "Read what was expected and what came.",
            "Do not loosen the rules: the platform would refuse the same.",
            "developer",
        ),
        Kind.KEY_LOST: Said(
            "A match key comes much less often than before",
            "A form, a cookie or a consent banner was changed, or a sender was replaced.",
            "Look which sender carries the key no more.",
            "Do not judge campaigns by the days since: less is recognised.",
            "developer",
        ),
        Kind.SCORE_FELL: Said(
            "Match quality fell",
            "Several keys come a little less often.",
            "Look at the keys of the event by week.",
            "Do not add contact data without asking whether consent allows it.",
            "buyer",
        ),
        Kind.PERSON_UNKNOWN: Said(
            "Purchases leave without anything that names a person",
            "The order's contact data is not passed on, or consent does not allow it.",
            "Look at Match quality: which keys do the senders lack?",
            "Do not send contact data in the clear, nor without consent.",
            "developer",
        ),
        Kind.VISIT_MISSING: Said(
            "Events leave without the shopper's address or browser",
            "A server sends them without what the browser told, or a proxy hides the address.",
            "Look at one action: which copy brings the address, and from where?",
            "Do not fill in the server's own address.",
            "developer",
        ),
        Kind.SERVER_ADDRESS: Said(
            "The address is not a shopper's",
            "A proxy stands in front and its address, or one of your own network, is taken for the shopper's.",
            "Set `server.proxies` to the number of proxies in front, then look at one action.",
            "Do not trust the header of everybody: only as many proxies as there are.",
            "developer",
            "twofold check",
        ),
        Kind.LATE: Said(
            "Events reach the platform hours late",
            "A sender collects and sends in portions, or its queue was stuck.",
            "Look which sender's copies are late.",
            "Do not shorten the hold: it is seconds, not hours.",
            "developer",
        ),
        Kind.CLOCK: Said(
            "Events come from the future",
            "The clock of a sender's machine is wrong, or its time zone is taken for UTC.",
            "Compare the sender's clock with yours.",
            "Do not correct times by hand.",
            "developer",
            "twofold clock show",
        ),
        Kind.CLICK_BROKEN: Said(
            "Click ids are damaged",
            "Something on the way shortens, lower-cases or makes up the click id or the browser's number.",
            "Open one action and compare the id with the address of its first page.",
            "Do not build a click id yourself from anything but the address.",
            "developer",
        ),
        Kind.FILLER: Said(
            "Contact values that stand for nobody",
            "A form, import or test fills in an empty or default value, and it is hashed like a real one.",
            "Open one action and look which sender brings the key.",
            "Do not hash what a person did not give.",
            "developer",
        ),
        Kind.MONEY_UNCLEAR: Said(
            "Values without a currency, or currencies without a value",
            "The page or mapping gives one of the two only.",
            "Open one action and look at its value and currency.",
            "Do not set a default currency.",
            "developer",
        ),
        Kind.GOODS_BROKEN: Said(
            "The goods of an event cannot be read",
            "Ids, kind or quantity of the goods are missing or of another form than the catalogue's.",
            "Open one action and compare its content ids with the catalogue's.",
            "Do not change the catalogue's ids for it.",
            "developer",
        ),
        Kind.IN_THE_CLEAR: Said(
            "Contact data stands in the clear in an address or a property",
            "A form sends its fields in the page's address, or a tag copies them into the event.",
            "Open one action and find the field.",
            "Do not hash it where it stands: take it out at its source.",
            "developer",
        ),
        Kind.MISSPELT: Said(
            "An event's name is almost a standard one",
            "It is written with other capitals or spaces, so it counts as an event of your own.",
            "Look which sender writes it so.",
            "Do not rename it while a campaign learns from the wrong name: move the campaign first.",
            "developer",
        ),
        Kind.PAGE_MISSING: Said(
            "Events leave without the address of their page",
            "A server sends them without the page that they happened on.",
            "Open one action and look which copies it has.",
            "Do not fill in the front page for all.",
            "developer",
        ),
        Kind.ORDER_NUMBER: Said(
            "Purchases leave without the order's number",
            "The page or mapping does not pass it on, so nothing else can find the order again.",
            "Open one action and look which sender has the number.",
            "Do not use a number that is given twice.",
            "developer",
        ),
        Kind.BLOCKED: Said(
            "Far fewer browsers tell anything at all",
            "A blocker's list knows the tag's address, the tag was taken off the pages, or the banner never lets it load.",
            "Load a page of the shop with a common blocker, and look whether its first event arrives on the page Live.",
            "Do not change budget or creative: the sales are there, only the browsers' word for them is missing.",
            "developer",
        ),
        Kind.CONSENT: Said(
            "Many more orders come without consent than before",
            "The banner counts who has not chosen as a refusal, or its settings or version were changed.",
            "Open the shop as a new visitor, accept, and look what the order's consent says.",
            "Do not send what was refused, and do not compare campaigns across the change.",
            "developer",
        ),
        Kind.BUTTON: Said(
            "Purchases are told by pages before the checkout",
            "A button or a click rule of a tag manager is bound to the event Purchase.",
            "Look on which pages these Purchases happened, and which tag fires there.",
            "Do not let unconfirmed Purchases through, and judge no return until it is gone.",
            "developer",
        ),
        Kind.ORDER_UNKNOWN: Said(
            "Pages tell order numbers that the shop does not know",
            "The page tells a number of the theme, the cart or the payment instead of the order's own.",
            "Compare the number of one page event with the order's in the shop.",
            "Do not join them by time or value: give the page the order's own number.",
            "developer",
        ),
        Kind.RELOADED: Said(
            "The thank-you page tells its Purchase again and again",
            "The page fires at every load, and mails or bookmarks lead back to it.",
            "Load the thank-you page of a test order twice, and look whether the second load tells a Purchase.",
            "Do not trust a pixel beside it: without the same id it counts each load.",
            "developer",
        ),
        Kind.FUNNEL: Said(
            "A later step is told more often than the one before it",
            "The page of the earlier step was changed, or the later one is told twice or by a button.",
            "Walk from product to order and see which of the steps arrives.",
            "Do not optimise for the later step until both are right.",
            "developer",
        ),
        Kind.FEWER: Said(
            "An event comes much less often beside the others",
            "The page or button that tells it was changed for some visitors: one template, one language, one device.",
            "Walk from product to order on a phone and on a computer, and see on which of them it does not arrive.",
            "Do not change campaigns that learn from it: fewer are told, not fewer done.",
            "developer",
        ),
        Kind.PAGE_MONEY: Said(
            "Pages tell another value than the order's",
            "The page computes the value by a rule of its own: before a discount, without tax or shipping, in cents, or in another currency.",
            "Compare one order with what its page said: the difference names the part.",
            "Do not change bidding or value rules: the platform's pixel tells the wrong value as long as the page does.",
            "developer",
            "twofold orders check",
        ),
        Kind.LATE_SENDER: Said(
            "A sender's events come hours after they happened",
            "Its queue is stuck, it sends in portions, or the shop delivers its webhooks late.",
            "Look at the sender's own log of deliveries, and when its last one was on time.",
            "Do not add another sender: the late one would still come, and count twice where ids differ.",
            "developer",
        ),
        Kind.ZONE: Said(
            "A sender's times are off by whole hours",
            "It writes local time and calls it UTC, or reads UTC as local time.",
            "Compare the time of one order in the shop with the time of its event.",
            "Do not correct it with an offset here: summer time would break it again.",
            "developer",
        ),
        Kind.TOKEN: Said(
            "The platform takes the token no more",
            "The token has ended, was withdrawn, or its owner lost the right to it. What waits is kept.",
            "Make a new token for the dataset, put it into the private file, and let `twofold doctor` try it.",
            "Do not make a new dataset or send by another tool: what waits leaves by itself with the new token.",
            "developer",
            "twofold doctor",
        ),
        Kind.TOKEN_ENDS: Said(
            "A token of the platform is about to end",
            "It was made for a time. On the day of its end nothing leaves any more; what waits is kept.",
            "Make a new token for the dataset before that day, put it into the private file, and let `twofold doctor` try it.",
            "Do not begin or scale a campaign that runs past that day with the token that ends.",
            "developer",
            "twofold doctor",
        ),
        Kind.DATASET_DENIED: Said(
            "The token may not write to this dataset",
            "The dataset's number is another one's, or the dataset was moved to another business.",
            "Compare the dataset's number with the one in the platform's own list, and who it is shared with.",
            "Do not send to another dataset to be rid of it: its history would be split.",
            "buyer",
            "twofold doctor",
        ),
        Kind.TEST_CODE: Said(
            "What leaves carries a test code",
            "A code of the platform's test page was left in the configuration or in a sender.",
            "Take `test_event_code` out of the destination, and look at the platform's overview an hour later.",
            "Do not judge the days since: what was marked as a test may be missing there.",
            "developer",
        ),
        Kind.TEST_ORDERS: Said(
            "Tests of the shop are told like orders",
            "Somebody tries the checkout with the shop's own tags on; the platform's pixel counts it.",
            "Ask who placed these orders, and try with a marked link instead.",
            "Do not take these days as a rise.",
            "owner",
        ),
        Kind.TOPIC_SILENT: Said(
            "A webhook topic comes no more",
            "The shop stopped it after errors, or somebody deleted the subscription.",
            "Look at the list of first steps: which topics came last, and when; then connect the shop again.",
            "Do not import the missing orders as events: they come with the topic, or by a file as orders.",
            "developer",
            "twofold connect",
        ),
        Kind.CLICK_STRIPPED: Said(
            "Paid visits come without a click id",
            "A redirect, a link shortener or a rule of the server takes the parameters off the landing address.",
            "Open one advertisement's link and look at the address in the browser after the last redirect.",
            "Do not make up click ids, and do not compare with days on which they were there.",
            "developer",
            "twofold explain-source",
        ),
        Kind.ROBOTS: Said(
            "Robots go through the shop",
            "A crawler, a monitor or a test runs through product, cart and checkout; none of it is sent.",
            "Look by which name they call themselves, and whether one of them is yours.",
            "Do not judge visits and carts of these days; Purchases are not touched.",
            "developer",
        ),
        Kind.RESTATED: Said(
            "A platform says something else of days that were over",
            "It took conversions back or added some days later, or somebody imported figures of another window.",
            "Compare one of these days in the platform's own report with what was imported: same window, same zone, same account?",
            "Do not decide on the platform's figures of days that are younger than its last changes; the orders' own money stands.",
            "buyer",
            "twofold pull",
        ),
        Kind.IDS_ANEW: Said(
            "A server tells what the browser told, under ids of its own",
            "A server container makes a new event id instead of handing on the browser's.",
            "Compare the id of one event in the browser with the one that the server sent.",
            "Do not judge return or scale anything: the platform counts both.",
            "developer",
        ),
        Kind.PROPERTY_TYPE: Said(
            "A property comes as another type than before",
            "A sender was changed: a number became a text, or a text a list.",
            "Look at one event of the sender that changed last, and at what is declared of the property.",
            "Do not build rules or reports on this property until it is one type again.",
            "developer",
            "twofold schema --undeclared",
        ),
        Kind.PROPERTY_LOST: Said(
            "A property of an event comes no more",
            "A sender was changed, or replaced by another that does not know the property.",
            "Ask who answers for the event what changed on that day.",
            "Do not read reports or audiences that rest on this property.",
            "developer",
        ),
        Kind.UNDECLARED: Said(
            "An event comes that nobody has declared",
            "Somebody has begun to send an event of their own, or its name is written otherwise.",
            "Find out who sends it and what for; then declare it, or have it sent no more.",
            "Do not let it leave for platforms before somebody answers for it.",
            "developer",
            "twofold schema --undeclared",
        ),
    }
)

EVIDENCE: MappingProxyType[str, str] = MappingProxyType(
    {
        "before": "Share before",
        "since_then": "Share since then",
        "seen_in": "Seen in",
        "page_id": "An id that a page made",
        "page_order": "An order number that a page told",
        "repeats": "Loads that told it again",
        "page_says": "What the page said, for one order",
        "order_says": "What the order is worth",
        "late_copies": "More than an hour late",
        "early_copies": "From the future",
        "by_whole_hours": "Off by whole hours",
        "ends": "Ends on (UTC)",
        "days_left": "Whole days until then",
        "told_by": "Who says so",
        "said_then": "Said three days after each day",
        "says_now": "Says now",
        "days": "Days on which it changed",
        "latest_after": "Days after which it still changed",
        "orders_since": "Orders since it came last",
        "declared_as": "Declared as",
        "was_of_type": "Type before",
        "comes_as": "Comes as, and how often",
    }
)
"""What the names of a finding's evidence say."""

SYMPTOMS: MappingProxyType[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "server-without-browser": (
            Kind.NO_BROWSER, Kind.BLOCKED, Kind.CONSENT, Kind.FOREIGN_SITE, Kind.STOPPED, Kind.FEWER, Kind.FUNNEL,
        ),
        "browser-without-server": (
            Kind.NO_SERVER, Kind.WEBHOOK_SECRET, Kind.TOPIC_SILENT, Kind.TOKEN, Kind.TOKEN_ENDS, Kind.DATASET_DENIED, Kind.STUCK, Kind.GIVEN_UP,
            Kind.LATE_SENDER, Kind.LATE, Kind.ZONE, Kind.CLOCK, Kind.NO_PURCHASE, Kind.KEPT_BACK, Kind.TEST_CODE,
        ),
        "without-merging": (Kind.NOT_MEETING, Kind.ORDER_UNKNOWN, Kind.IDS_ANEW, Kind.TWO_OWNERS, Kind.RELOADED, Kind.NEW_SENDER),
        "money-unlike-order": (Kind.PAGE_MONEY, Kind.WRONG_VALUE, Kind.OTHER_CONTENT, Kind.MONEY_UNCLEAR, Kind.RESTATED),
        "too-many": (Kind.BUTTON, Kind.ROBOTS, Kind.TEST_ORDERS),
        "badly-matched": (
            Kind.CLICK_STRIPPED, Kind.CLICK_BROKEN, Kind.SERVER_ADDRESS, Kind.KEY_LOST, Kind.SCORE_FELL, Kind.PERSON_UNKNOWN,
            Kind.VISIT_MISSING, Kind.FILLER,
        ),
        "refused": (
            Kind.NOT_LET_IN, Kind.MALFORMED, Kind.MISSPELT, Kind.PAGE_MISSING, Kind.ORDER_NUMBER, Kind.GOODS_BROKEN,
            Kind.IN_THE_CLEAR, Kind.PROPERTY_TYPE, Kind.PROPERTY_LOST, Kind.UNDECLARED,
        ),
    }
)  # fmt: skip
"""What somebody sees, and which findings may be behind it. Each kind stands under one."""
SYMPTOM_OF: MappingProxyType[Kind, str] = MappingProxyType(
    {kind: name for name, kinds in SYMPTOMS.items() for kind in kinds}
)
