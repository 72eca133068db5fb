"""The paths behind rows of Markov and Shapley, added up by hand."""

from __future__ import annotations

from twofold.attribution.markov import Outcome
from twofold.attribution.period import paths_behind
from twofold.attribution.table import SMALL, Group

ADS, MAIL, CHAT, POST = "ads", "mail", "chat", "post"
NAMES = {ADS: Group(ADS, "Spring ads", "meta"), MAIL: Group(MAIL, "Mail")}


def test_few_paths_are_those_of_the_small_row() -> None:
    """Chat and post are on fewer than thirty paths: their paths are one with each other's, and neighbours of the small row are one touch."""
    paths = {
        (ADS,): Outcome(20, 100), (ADS, MAIL): Outcome(20, 0), (MAIL,): Outcome(5, 40), (CHAT,): Outcome(2, 1), (POST,): Outcome(1, 3),
        (ADS, CHAT, POST): Outcome(1, 2), (ADS, POST): Outcome(3, 0),
    }  # fmt: skip
    found = [([g.name for g in groups], outcome) for groups, outcome in paths_behind(paths, "markov", NAMES)]
    assert found == [
        (["Spring ads"], Outcome(20, 100)), (["Spring ads", "Mail"], Outcome(20, 0)), (["Mail"], Outcome(5, 40)),
        (["Spring ads", SMALL], Outcome(4, 2)), ([SMALL], Outcome(3, 4)),
    ]  # fmt: skip
