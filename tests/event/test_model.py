"""Events to journal bytes and back: nothing is lost, money keeps its text."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given

from tests.strategies import events, law
from twofold.event.model import CustomData, decode_event, encode


@law
@given(event=events())
def test_journal_bytes_read_back_equal(event):
    """decode(encode(event)) is the event, for any event the journal can hold."""
    assert decode_event(encode(event)) == event


@law
@given(event=events())
def test_journal_bytes_are_json_that_others_read(event):
    """Standard JSON, with money as exact numbers."""
    tree = json.loads(encode(event), parse_float=Decimal, parse_int=int)
    value = tree["custom_data"].get("value")
    assert (None if value is None else Decimal(value)) == event.custom_data.value


@pytest.mark.parametrize("text", ["0", "0.10", "42.50", "19.999999999999999999", "123456789012345678", "1E+5", "1E-20"])
def test_money_is_never_a_float(text):
    """The digits that came are the digits that are kept, trailing zeros included."""
    assert encode(CustomData(value=Decimal(text))) == f'{{"value":{text}}}'.encode()
