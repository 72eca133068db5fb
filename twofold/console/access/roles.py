"""Roles and what each may do: the one table, which the pages' rights, the docs and the tests are all made of.

Owns the table. Every address of the console names one right; who has it not gets the answer of an address that there is
not.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What a page or an act needs."""

    SIGNAL = "signal"  # pages for the algorithm: events, orders as told, deliveries, refusals
    PAYLOADS = "payloads"  # what was sent and answered, byte by byte (hashed), and refused bodies (masked)
    REPLAY = "replay"  # sending again what is dead
    MONEY = "money"  # the chain, cash, imports, and where an order's money is
    BOOKS = "books"  # saying what a line of money pays, dropping a file
    CAMPAIGNS = "campaigns"  # what campaigns brought and customers are worth; without money, ratios and contribution
    DAY = "day"  # one day as its witnesses tell it
    SETUP = "setup"  # whether it runs: the engine room, and what people asked to be done with their data
    ERASE = "erase"  # erasing a person
    SECRETS = "secrets"  # replacing a secret of the configuration
    RESTORE = "restore"  # getting ready to put a backup back
    DECIDE = "decide"  # saying what becomes of a finding, a decision, a figure that the platform shows
    TEST = "test"  # test purchases, acceptance runs and their evidence
    SIGN = "sign"  # overruling what an acceptance run found, and signing its packet
    PEOPLE = "people"  # who may log in


class Role(StrEnum):
    """Who a person is here."""

    OWNER = "owner"
    BUYER = "buyer"
    DEVELOPER = "developer"
    ACCOUNTANT = "accountant"
    AUDITOR = "auditor"


class Guest(StrEnum):
    """Whoever opens a link to one page: nobody's role, and nothing that can be changed."""

    SIGNAL = "guest"
    MONEY = "guest who is shown money"


RIGHTS: MappingProxyType[Role | Guest, frozenset[Right]] = MappingProxyType(
    {
        Guest.SIGNAL: frozenset({Right.SIGNAL, Right.DAY}),
        Guest.MONEY: frozenset({Right.SIGNAL, Right.DAY, Right.MONEY, Right.CAMPAIGNS}),
        Role.OWNER: frozenset(Right),
        Role.BUYER: frozenset({Right.SIGNAL, Right.DAY, Right.CAMPAIGNS, Right.DECIDE, Right.TEST}),
        Role.DEVELOPER: frozenset(
            {Right.SIGNAL, Right.PAYLOADS, Right.REPLAY, Right.SETUP, Right.SECRETS, Right.DECIDE, Right.TEST}
        ),
        Role.ACCOUNTANT: frozenset({Right.SIGNAL, Right.MONEY, Right.BOOKS, Right.DAY, Right.CAMPAIGNS}),
        Role.AUDITOR: frozenset(
            {Right.SIGNAL, Right.PAYLOADS, Right.MONEY, Right.DAY, Right.CAMPAIGNS, Right.SETUP, Right.TEST, Right.SIGN}
        ),
    }
)

MEANING: MappingProxyType[Right, str] = MappingProxyType(
    {
        Right.SIGNAL: "Every page for the algorithm and the list of first steps, without what was sent.",
        Right.PAYLOADS: "What was sent and answered of a delivery, and refused bodies with contact data masked.",
        Right.REPLAY: "Sending deliveries again that were given up; more than 100 at once ask for the password.",
        Right.MONEY: "Chain, cash and imports, and an order's whole life down to the line of the bank.",
        Right.BOOKS: "Saying what a line of money pays, and importing files by dropping them.",
        Right.CAMPAIGNS: "What campaigns brought and customers are worth; without money no sum of the bank and no margin of a line.",
        Right.DAY: "One day as Meta, the shop, GA4 and our log tell it; what the bank has of it needs money, too.",
        Right.SETUP: "The engine room, and what people asked to be done with their data.",
        Right.ERASE: "Erasing a person, which asks for the password.",
        Right.SECRETS: "Replacing a secret of the configuration, which asks for the password; none is ever shown.",
        Right.RESTORE: "Getting ready to put a backup back, which asks for the password.",
        Right.DECIDE: "Saying what becomes of a finding, noting decisions, typing in what the platform shows.",
        Right.TEST: "Starting a test purchase or an acceptance run, and keeping what shows what came of it.",
        Right.SIGN: "Overruling what an acceptance run found, with a reason that stays, and signing its packet.",
        Right.PEOPLE: "Inviting people, changing their roles, ending their access.",
    }
)


def guest_of(role: Role | Guest) -> Guest:
    """What a link shows that somebody of this role has made: no more than they see themselves."""
    return Guest.MONEY if may(role, Right.MONEY) else Guest.SIGNAL


def may(role: Role | Guest, right: Right) -> bool:
    """Whether a role has a right."""
    return right in RIGHTS[role]
