"""Settings of consent, trust and privacy: what is refused, and that the same words are known where they are used."""

from __future__ import annotations

from typing import Any

import pytest

from twofold import config
from twofold.collect.policy import DatasetPolicy, dataset_policy
from twofold.config import DatasetSettings, settings_from
from twofold.consent.state import PURPOSES
from twofold.errors import ConfigError
from twofold.event.sensitive import CATEGORIES
from twofold.policies import routes_of

WRONG = [
    ({"bots": "block"}, "bots: expected one of suppress, send"),
    ({"consent": {"require_in": ["Germany"]}}, "require_in: expected EEA or two letters"),
    ({"consent": {"limited_in": ["CA"]}}, "limited_in: expected US or a state"),
    ({"consent": {"limited_when": "never"}}, "limited_when: expected one of always, unconsented"),
    ({"consent": {"opt_out_when_denied": ["ads"]}}, "opt_out_when_denied: expected one of marketing"),
    ({"trust": {"token_secret": "short"}}, "token_secret: expected 16 characters"),
    ({"trust": {"token_secret": ["a-secret-of-16-or-more", "short"]}}, "token_secret: expected 16 characters"),
    ({"trust": {"confirm_s": {"Purchase": 0}}}, "confirm_s.Purchase: expected 1 to 518400 seconds"),
    ({"trust": {"confirm_s": {"Purchase": 600_000}}}, "confirm_s.Purchase: expected 1 to 518400 seconds"),
    ({"trust": {"unconfirmed": "keep"}}, "unconfirmed: expected one of send, drop"),
    ({"trust": {"value_caps": {"EURO": 5}}}, "expected currencies of three letters"),
    ({"trust": {"value_caps": {"EUR": -1}}}, "value_caps.EUR: expected a value above 0"),
    ({"trust": {"currencies": ["€"]}}, "expected currencies of three letters"),
    ({"privacy": {"sensitive": ["politics"]}}, "privacy.sensitive: expected one of health"),
]


@pytest.mark.parametrize(("dataset", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_stops_the_start(dataset: dict[str, Any], message: str) -> None:
    """The setting and the words that are known are named; a secret is not shown."""
    with pytest.raises(ConfigError) as refused:
        settings_from({"dataset": [{"id": "1", **dataset}]}, environ={})
    assert message in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_destinations_purposes_are_known_words() -> None:
    tree = {"dataset": [{"id": "1"}], "destination": [{"platform": "meta", "dataset": "1", "purposes": ["ads"]}]}
    with pytest.raises(ConfigError, match="purposes: expected one of marketing"):
        settings_from(tree, environ={})


def test_the_words_are_the_same_everywhere() -> None:
    """Settings import nothing, so the lists stand twice."""
    assert (config.PURPOSES, config.SENSITIVE) == (PURPOSES, CATEGORIES)


def test_a_policy_has_the_settings_defaults() -> None:
    """A dataset of which only the id is configured is one whose policy was left alone."""
    assert dataset_policy(DatasetSettings(id="1")) == DatasetPolicy(id="1")


def test_a_no_that_meta_hears_as_measurement_only_stops_every_other_platform() -> None:
    """No other platform has a word for it: there the purpose is asked as if the setting were not there."""
    told = [
        {"platform": platform, "name": platform, "dataset": "1", "token": "t", "purposes": ["marketing"]}
        for platform in ("meta", "tiktok")
    ]
    dataset = {"id": "1", "consent": {"opt_out_when_denied": ["marketing"]}}
    route = routes_of(settings_from({"dataset": [dataset], "destination": told}, environ={}))["1"]
    assert ("marketing" in route.purposes["meta"], "marketing" in route.purposes["tiktok"]) == (False, True)
