"""A token is named before it ends: by the platform's word or the settings', never by the word about another token."""

from __future__ import annotations

import pytest

from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.policies import tokens_of
from twofold.router.finding import When
from twofold.router.rules.ending import DAY_S, TokenInUse, TokenSaid, decode_said, encode_said, findings_of_tokens

NOW = 1_795_824_000  # 2026-11-28
IN_USE = TokenInUse(destination="meta", dataset="1", mark="a1")


def said(days: float, mark: str = "a1") -> dict[str, TokenSaid]:
    return {"meta": TokenSaid(mark=mark, ends=NOW + int(days * DAY_S), at=NOW)}


def found(token: TokenInUse, known: dict[str, TokenSaid], dataset: str | None = None) -> list[When]:
    return [f.when for f in findings_of_tokens([token], known, NOW, dataset)]


@pytest.mark.parametrize(
    ("days", "when"), [(15, []), (14, [When.WEEK]), (3.1, [When.WEEK]), (3, [When.NOW]), (0.5, [When.NOW]), (-1, [])]
)
def test_two_weeks_before_its_end_and_pressing_in_the_last_days(days, when):
    """One that has ended is named by the pause of its destination."""
    assert found(IN_USE, said(days)) == when


def test_one_that_never_ends_is_none():
    assert found(IN_USE, {"meta": TokenSaid(mark="a1", ends=0, at=NOW)}) == []
    assert found(IN_USE, {}) == []


def test_what_was_said_of_the_token_before_says_nothing():
    assert found(IN_USE, said(2, mark="b2")) == []


def test_the_settings_day_stands_where_the_platform_says_nothing_and_before_its_word():
    dated = TokenInUse(destination="meta", dataset="1", mark="a1", ends=NOW + 10 * DAY_S)
    (one,) = findings_of_tokens([dated], {}, NOW, None)
    assert dict(one.evidence) == {"ends": "2026-12-08", "days_left": "10", "told_by": "settings"}
    assert found(dated, said(1)) == [When.WEEK]
    (other,) = findings_of_tokens([IN_USE], said(1), NOW, None)
    assert dict(other.evidence)["told_by"] == "platform"


def test_another_datasets_token_is_not_this_ones():
    assert found(IN_USE, said(1), "2") == []
    assert found(IN_USE, said(1), "1") == [When.NOW]


def test_a_day_of_the_settings_is_read_and_one_that_is_none_refused():
    given = {
        "dataset": [{"id": "1"}],
        "destination": [{"platform": "meta", "dataset": "1", "token": "the-token", "token_ends": "2026-12-08"}],
    }
    (token,) = tokens_of(settings_from(given, environ={}))
    assert (token.ends, token.dataset, "the-token" in token.mark) == (1_796_688_000, "1", False)
    given["destination"][0]["token_ends"] = "2026-13-08"
    with pytest.raises(ConfigError, match="token_ends: expected a day"):
        settings_from(given, environ={})


def test_what_is_kept_is_read_again_and_a_damaged_memory_is_none():
    assert decode_said(encode_said(said(2)).decode()) == said(2)
    assert decode_said("{") == decode_said(None) == {}
