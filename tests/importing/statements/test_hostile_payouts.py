"""Files of payouts and couriers that are cut, flipped, shuffled or filled with rubbish: refused with words, or read in part."""

from __future__ import annotations

import json
import random

import pytest

from tests.importing.statements.statement_files import read, written
from tests.importing.statements.test_lines_meet_orders import GRAPHQL
from tests.importing.statements.test_read_couriers import ROWS, table
from tests.importing.statements.test_read_payout_answers import all_of, klarna, listed
from tests.importing.statements.test_read_payouts import (
    ADYEN,
    ADYEN_ROWS,
    KLARNA_ROWS,
    KLARNA_SUMMARY,
    STL,
    paypal,
    report,
    shopify,
)
from twofold.errors import FileRefused
from twofold.importing.statements.formats import formats_of
from twofold.ledger.lines import MoneyLine

PAYPAL_ROW = ("03/13/2026", "10:00:00", "PDT", "Anna", "Express Checkout Payment", "Completed", "USD", "45.00", "-1.00", "44.00",
              "a@example.com", "b@example.com", "8RU54321AB1234560", "", "1001", '{"order_id":1}', "Credit")  # fmt: skip
FILES = {
    "stripe-payouts": (report(), "a.csv", "payouts"),
    "stripe-json": (listed(*all_of()), "a.json", "payouts"),
    "shopify-transactions": (shopify("2026-03-06 10:00:00 +0400,charge,#1001,visa,online,paid,2026-03-09,9001,2026-03-08,30.00,"
                                     "0.90,29.10,#6868,card,30.00,GEL,GEL"), "a.csv", "payouts"),
    "shopify-json": (json.dumps(GRAPHQL), "a.json", "payouts"),
    "paypal-activity": (paypal(PAYPAL_ROW), "a.csv", "payouts"),
    "paypal-settlement": (STL, "a.csv", "payouts"),
    "adyen-settlement": ("\n".join([ADYEN, *ADYEN_ROWS]) + "\n", "a.csv", "payouts"),
    "klarna-settlement": (KLARNA_SUMMARY + "\n" + KLARNA_ROWS, "a.csv", "payouts"),
    "klarna-json": (klarna(), "a.json", "payouts"),
    "remittance": (table(*ROWS), "a.csv", "remittances"),
}  # fmt: skip
RUBBISH = ["", "0", "-", "NaN", "Infinity", "1e999", "9" * 400, "=1+1", '"', "'", ";", "\x00", "٣٤", "🙂", "null", "[]", "{}",
           "2026-13-45", "-0.00", "1,234.5,6", "\ufeff", "anna@example.com"]  # fmt: skip


def broken(text: str, chance: random.Random) -> str:
    """One fault, or a few."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(text)) if text else 0
        match chance.randrange(5):
            case 0:
                text = text[:place]
            case 1:
                text = text[:place] + chance.choice(RUBBISH) + text[place + chance.randint(0, 4) :]
            case 2:
                lines = text.split("\n")
                chance.shuffle(lines)
                text = "\n".join(lines)
            case 3:
                end = place + chance.randint(0, 30)
                text = text[:end] + text[place:end] + text[end:]
            case _:
                cells = text.split(",")
                cells[chance.randrange(len(cells))] = chance.choice(RUBBISH)
                text = ",".join(cells)
    return text


@pytest.mark.parametrize("name", FILES)
def test_no_file_ends_in_anything_but_a_sentence(tmp_path, name):
    """Whatever comes: lines whose net is their gross less their fee, problems with their row, or a refusal of the file."""
    text, file_name, kind = FILES[name]
    chance = random.Random(name)
    for number in range(120):
        path = written(tmp_path, broken(text, chance).encode("utf-8", "replace"), f"{number}-{file_name}")
        try:
            found = read(path, formats_of(kind), name, source="q")
        except FileRefused:
            continue
        for thing in found.things:
            if isinstance(thing, MoneyLine):
                assert thing.gross - thing.fee == thing.net
                assert not any("@" in reference for reference in thing.references)
        assert all(problem.row and problem.expected for problem in found.problems), found.problems
        assert not any("anna" in problem.got for problem in found.problems)


@pytest.mark.parametrize("name", FILES)
def test_the_file_itself_is_read_whole(tmp_path, name):
    text, file_name, kind = FILES[name]
    found = read(written(tmp_path, text, file_name), formats_of(kind), source="q")
    assert (found.format, found.problems, found.unbalanced) == (name, [], [])
    assert found.things
