"""When each kind of finding speaks, and when it is wrong to: for docs/router.md and for whoever doubts one.

Owns these two sentences a kind. The numbers in them are those of the rules.
"""

from __future__ import annotations

from types import MappingProxyType

from twofold.router.finding import Kind

LIMITS: MappingProxyType[Kind, tuple[str, str]] = MappingProxyType(
    {
        Kind.GIVEN_UP: ("A delivery of the last seven days is dead.", "A single event that the platform refuses for itself."),
        Kind.STUCK: ("A due delivery was not tried for five minutes, or its destination is paused.", "A pause that the platform asked for and that ends by itself."),
        Kind.NO_PURCHASE: ("An order counts and no Purchase was made of it.", "Orders of a dataset that is meant to have no destination."),
        Kind.KEPT_BACK: ("A Purchase waits for an order, or is over a limit.", "Forged Purchases: then keeping back is right, and nothing is lost."),
        Kind.WRONG_VALUE: ("A delivered value differs from the order's by the policy, and nothing known explains it.", "A policy that was changed by more than two settings at once."),
        Kind.NOT_MEETING: ("Two senders of one event meet in less than half of it; or the Purchases that each side alone tells both rise.", "Two shops that share a dataset."),
        Kind.TWO_OWNERS: ("Two senders on one channel tell an event, and less than half of it is the same.", "An old and a new tag side by side while one is exchanged."),
        Kind.OTHER_CONTENT: ("At least three copies, and 2 % of an event's, say other money or goods than the copy before.", "Orders that are edited on the thank-you page."),
        Kind.NO_BROWSER: ("The share of consented Purchases that no browser told rose, of all or of those that the shop's server tells, or is over a half.", "A rise of phone or chat orders in the same dataset."),
        Kind.NO_SERVER: ("The share of Purchases that no server of the shop told rose and fewer are told by it, or it is over a half.", "Purchases of somebody else who uses the pixel's number."),
        Kind.STOPPED: ("An event with ten copies in the week has none for a day, nor for so long that nine would have come, while others come.", "A shop that sells on some days only."),
        Kind.NEW_SENDER: ("A sender of this week had no copy in the week before; where somebody said who is expected (`twofold senders expect`), any other sender, at once, also one that only pages or a browser showed.", "A version of a tool that names itself otherwise."),
        Kind.WEBHOOK_SECRET: ("A webhook's signature did not fit.", "Somebody who tries the address without a secret."),
        Kind.NOT_LET_IN: ("A key or dataset was refused.", "Scanners that try addresses."),
        Kind.FOREIGN_SITE: ("Events came from a site that is not listed.", "A translation service or an archive that shows the page."),
        Kind.MALFORMED: ("Bodies were refused for their form.", "Scanners."),
        Kind.KEY_LOST: ("A key's share fell by 20 points against the week before, with 50 events, and by more than four times what chance makes of so few.", "A campaign that brings another kind of visitor."),
        Kind.SCORE_FELL: ("The estimate fell by half a point, and no single key did.", "The same."),
        Kind.PERSON_UNKNOWN: ("At least three events and 5 % leave without anything that names a person.", "Shops that sell without contact data."),
        Kind.VISIT_MISSING: ("The same share leaves without address or browser.", "Orders of phones and chats, which have no browser."),
        Kind.SERVER_ADDRESS: ("5 % of what leaves carries a private or made-up address.", "A test on one machine (left out where everything stays on it)."),
        Kind.LATE: ("5 % of what leaves is two hours old or more.", "A gateway that was off for a while; a destination whose `hold_s` or `counts_when` says so."),
        Kind.CLOCK: ("The share of a sender's copies that are ten minutes ahead or more rose, or is over 20 %; or 5 % of what leaves is from the future.", "A clock that was wrong once and is right again."),
        Kind.CLICK_BROKEN: ("5 % of what leaves with a click id carries one that cannot be one, or 5 % of what leaves a browser id that cannot.", "Test links with made-up click ids."),
        Kind.FILLER: ("5 % of what leaves carries a hash of an empty or default value.", "Tests by the shop's own people."),
        Kind.MONEY_UNCLEAR: ("5 % of what leaves has a value without currency, or the other way.", "Events that are meant to have none."),
        Kind.GOODS_BROKEN: ("5 % of what leaves has goods that cannot be read.", "Services, which are no goods of a catalogue."),
        Kind.IN_THE_CLEAR: ("One event is enough.", "A word that looks like an address."),
        Kind.MISSPELT: ("5 % of events have a name that is a standard one but for capitals or spaces.", "A name of one's own that is meant so."),
        Kind.PAGE_MISSING: ("5 % of website events leave without the address of their page.", "Server events that belong to no page."),
        Kind.ORDER_NUMBER: ("5 % of Purchases leave without an order number.", "Shops that have none."),
        Kind.BLOCKED: ("The share of Purchases that no browser told rose, and pages before the checkout are told by a fifth less a day.", "Fewer visitors at the same time as more phone orders."),
        Kind.CONSENT: ("The share of Purchases with denied consent rose.", "A campaign in a country where more people refuse."),
        Kind.BUTTON: ("Purchases that browsers alone tell rose or are over a half, and 60 % of those without an order come from pages where carts are filled (25 % where fewer are told by servers too).", "Shops that sell on the product page itself."),
        Kind.ORDER_UNKNOWN: ("Both sides tell Purchases and do not meet, and 60 % of the browsers' have a number that no order has.", "A second shop in the same dataset whose webhook is not connected."),
        Kind.RELOADED: ("The share of Purchases that browsers told more than once rose, or is over 40 %.", "Single-page shops that fire twice within a second."),
        Kind.FUNNEL: ("A step is told more often than the one before it, and was not before.", "Links that lead into the checkout directly."),
        Kind.FEWER: ("A step's share of what browsers tell before an order fell by three tenths or more.", "A shop that takes a step out of its way to the order."),
        Kind.PAGE_MONEY: ("At least five copies and 5 % of a sender's differ from their order's total by the same reason; four and 2 % where it is exactly a part of the order.", "Orders that are edited after the page was shown (their reason is *other*)."),
        Kind.LATE_SENDER: ("The share of a sender's copies that come more than an hour after they happened rose, or is over 20 %.", "A file of past orders that is sent as events."),
        Kind.ZONE: ("80 % of those that are off are off by whole hours, within five minutes.", "A sender that runs once an hour."),
        Kind.TOKEN: ("The destination is paused and the platform's code is 190, 102 or 104.", "None known."),
        Kind.TOKEN_ENDS: ("The end that the platform tells, or `token_ends`, is within fourteen days; within three it is pressing.", "A token whose new one is in place and not yet read by the gateway."),
        Kind.DATASET_DENIED: ("The destination is paused for another code of permission or address.", "A permission that the platform took away for an hour."),
        Kind.TEST_CODE: ("A destination's settings have a test code, or half of a day's events carry one of their sender's.", "A destination that is meant for tests."),
        Kind.TEST_ORDERS: ("Three orders that the shop calls tests were told by pages.", "A day of acceptance tests."),
        Kind.TOPIC_SILENT: ("A topic of orders is silent for 36 hours and 20 orders, while another of the same shop came within 12.", "A shop that takes no payment of a kind any more."),
        Kind.CLICK_STRIPPED: ("Of visits that say they were paid for at Meta, the share without a click id rose, or is over a half, with ten of them.", "Links in a newsletter with the tags of an advertisement."),
        Kind.ROBOTS: ("A tenth of all actions was told by robots.", "A monitor of one's own."),
        Kind.RESTATED: ("What an account says now of three days or more is another than three days after each, by a tenth of their sum.", "An import of another window or of fewer campaigns over the same days."),
        Kind.IDS_ANEW: ("A server's sender tells two events or more of a browser's, and less than half of each is the same.", "A second shop."),
        Kind.PROPERTY_TYPE: ("The share of a property's values that are of another type than before rose within a week; or of a declared type, eight values and 5 % of the week's are of another.", "Two senders of one event that write a number as text and as a number, and whose shares shift; somebody who makes events up."),
        Kind.PROPERTY_LOST: ("A property that half of an event's copies or more had is in less than 5 % of those of whole days since, 20 before and 8 after at least.", "A sender that never had it takes over the whole event."),
        Kind.UNDECLARED: ("Where `[[schema.event]]` declares anything: an event of the last week that is neither documented nor declared, three times from a server or fifty from browsers.", "A trial by the shop's own developers."),
    }
)  # fmt: skip
"""When it speaks; when it may be a false alarm."""
