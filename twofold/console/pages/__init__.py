"""The pages: what each is called, who may see it, what it reads, and what it shows.

Start reading at `page`: one value a page. A page gives rows and figures; how they look is its template's.
"""

from twofold.console.pages.books.drop import DROP
from twofold.console.pages.books.matching import MATCHING, ONE
from twofold.console.pages.campaigns import BEHIND, CAMPAIGNS, CUSTOMERS
from twofold.console.pages.deliveries import DELIVERIES, DELIVERY
from twofold.console.pages.events import EVENTS
from twofold.console.pages.given_up import GIVEN_UP
from twofold.console.pages.imports import IMPORTS
from twofold.console.pages.live import LIVE
from twofold.console.pages.money import CASH, CHAIN, DAY, TERM
from twofold.console.pages.orders import ORDER, ORDERS
from twofold.console.pages.page import Page
from twofold.console.pages.refused import REFUSED
from twofold.console.pages.setup.docs import DOC, DOCS
from twofold.console.pages.setup.engine_room import ENGINE_ROOM
from twofold.console.pages.setup.restore import RESTORE
from twofold.console.pages.setup.rights import RIGHTS
from twofold.console.pages.setup.start import START
from twofold.console.pages.signal.acceptance import ACCEPTANCE, ACCEPTANCES
from twofold.console.pages.signal.action import ACTION
from twofold.console.pages.signal.audiences import AUDIENCES
from twofold.console.pages.signal.decisions import DECISIONS
from twofold.console.pages.signal.match_quality import MATCH_QUALITY
from twofold.console.pages.signal.senders import CELL, SENDERS
from twofold.console.pages.signal.to_do import TO_DO
from twofold.console.pages.signal.trial import TRIAL, TRIALS
from twofold.console.pages.signal.worth import WORTH
from twofold.console.pages.today import TODAY

PAGES: tuple[Page, ...] = (
    TODAY, TO_DO, EVENTS, ORDERS, ORDER, ACTION, DELIVERIES, GIVEN_UP, DELIVERY, REFUSED, LIVE, TRIALS, TRIAL, ACCEPTANCES, ACCEPTANCE, MATCH_QUALITY, SENDERS, CELL, AUDIENCES, DECISIONS, WORTH, CHAIN, TERM, CASH, MATCHING, ONE, DAY, CAMPAIGNS, BEHIND, CUSTOMERS, IMPORTS, DROP,
    START, ENGINE_ROOM, RESTORE, RIGHTS, DOCS, DOC,
)  # fmt: skip
"""Every page, in the order of the navigation."""
