"""What each kind of finding says to people: its name, what is probably broken, what to look at first, what not to do yet.

Owns the words and whose work it is. Nothing here decides whether a finding is there.
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
    }
)
