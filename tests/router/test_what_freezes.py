"""Which findings hold decisions back, which are told beside them, and what people's words about one do to it."""

from __future__ import annotations

import pytest

from twofold.report.kept import Kept
from twofold.router.finding import ACCEPTED_S, Finding, Kind, When, with_states
from twofold.router.task import notices, standing
from twofold.router.words import WORDS

SEEN = 1_795_000_000


def finding(kind: Kind = Kind.NO_SERVER, **more: object) -> Finding:
    given = {"when": When.NOW, "events": 5, "of": 10, "since": SEEN - 100, "last": SEEN, "link": "/senders", **more}
    return Finding(kind=kind, **given)  # type: ignore[arg-type]


def said(act: str, at: int) -> Kept:
    facts = {"cause": "no_server", "act": act, "by": "Nino", "why": "known"}
    return Kept(number=1, at=at, facts=facts)


def frozen(*found: Finding) -> list[str]:
    return [one.name for one in standing(found)]


def test_what_presses_freezes_with_the_words_of_its_kind():
    (one,) = standing([finding(), finding(Kind.NEW_SENDER, when=When.WEEK)])
    assert (one.name, one.since, one.do_not_yet) == ("no_server", SEEN - 100, WORDS[Kind.NO_SERVER].not_yet)


def test_what_follows_from_another_freezes_nothing():
    assert frozen(finding(because="webhook_secret:x")) == []


@pytest.mark.parametrize(
    ("act", "at", "now", "state"),
    [
        ("mended", SEEN, SEEN + 1, "mended"),
        ("mended", SEEN - 1, SEEN + 1, "again"),  # it was seen after somebody called it mended
        ("accepted", SEEN - 1, SEEN + 1, "accepted"),
        ("accepted", SEEN - ACCEPTED_S, SEEN, "again"),  # it is asked about again
        ("open", SEEN, SEEN, "open"),
    ],
)
def test_peoples_words_hold_while_they_are_true(act, at, now, state):
    (one,) = with_states([finding()], [said(act, at)], now)
    assert (one.state, one.said_by) == (state, "Nino")
    assert frozen(one) == (["no_server"] if state in ("open", "again") else [])


def test_the_newest_word_counts_and_one_about_another_finding_does_not():
    (one,) = with_states([finding()], [said("mended", SEEN), said("open", SEEN + 1)], SEEN + 2)
    assert one.state == "open"
    (other,) = with_states([finding(about="1")], [said("mended", SEEN)], SEEN + 2)
    assert other.state == "open"


def test_a_near_end_is_told_and_freezes_nothing_until_it_presses():
    far, near = finding(Kind.TOKEN_ENDS, when=When.WEEK), finding(Kind.TOKEN_ENDS)
    assert (frozen(far), [n.name for n in notices([far])]) == ([], ["token_ends"])
    assert (frozen(near), notices([near])) == (["token_ends"], [])
    assert notices([finding(Kind.NEW_SENDER, when=When.WEEK)]) == []
