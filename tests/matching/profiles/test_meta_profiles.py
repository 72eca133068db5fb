"""The profiles against the originals: every messy value in every field, in the languages the originals are written in."""

from __future__ import annotations

import datetime
import hashlib

import pytest

from tests.matching.profiles.meta_tools import REFUSED, node_tools, python_sdk
from tests.messy_values import values
from twofold.matching.normalise import FORMS
from twofold.matching.profiles import FormOutcome, Given, form

GIVEN = Given(year=datetime.date.today().year)


def sent(profile: str, field: str, text: str) -> object:
    """What leaves by our profile, in the terms of the originals."""
    answer = form(profile, field, text, GIVEN)
    if answer.outcome is FormOutcome.REFUSED:
        return REFUSED
    if answer.outcome is FormOutcome.HASHED:
        hexes = hashlib.sha256(answer.value.encode()).hexdigest()
    else:
        hexes = answer.value
    return f"{hexes}.{answer.appendix}" if answer.appendix else hexes


@pytest.fixture(scope="module")
def node():
    return node_tools([(field, text) for field in FORMS for text in values()])


@pytest.mark.parametrize("field", FORMS)
def test_the_python_sdk(field):
    """`meta_python` sends, drops and refuses exactly what facebook_business does."""
    wrong = [
        (t, sent("meta_python", field, t)) for t in values() if sent("meta_python", field, t) != python_sdk(field, t)
    ]
    assert wrong == []


@pytest.mark.node
@pytest.mark.parametrize("field", FORMS)
@pytest.mark.parametrize(("profile", "tool"), [("meta_node", "node"), ("meta_builder", "builder")])
def test_the_node_tools(field, profile, tool, node):
    """`meta_node` and `meta_builder` send, drop and refuse exactly what the two Node packages do."""
    wrong = [
        (t, form(profile, field, t, GIVEN), node[field, t][tool])
        for t in values()
        if sent(profile, field, t) != node[field, t][tool]
    ]
    assert wrong == []
