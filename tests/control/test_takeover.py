"""What a running gateway takes over of a configuration that was changed, and what it says needs a start."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.config import Settings, settings_from
from twofold.control.secrets import digest_of, held, take_over

SECRET, OTHER = "a-secret-of-16-or-more", "another-secret-of-16"


def settings(**changed: Any) -> Settings:
    tree = {
        "server": {"data": "data"},
        "dataset": [{"id": "1"}],
        "destination": [{"platform": "meta", "dataset": "1", "token": SECRET}],
        "source": [{"type": "shopify", "dataset": "1", "shop": "a", "secret": SECRET}],
        **changed,
    }
    return settings_from(tree, environ={})


def source(**changed: Any) -> dict[str, Any]:
    return {"type": "shopify", "dataset": "1", "shop": "a", "secret": SECRET, **changed}


def destination(**changed: Any) -> dict[str, Any]:
    return {"platform": "meta", "dataset": "1", "token": SECRET, **changed}


@pytest.mark.parametrize(
    ("changed", "restart"),
    [
        ({}, []),
        ({"source": [source(secret=[OTHER, SECRET])]}, []),
        ({"source": []}, []),
        ({"source": [source(), source(type="stripe")]}, []),
        (
            {
                "destination": [
                    destination(token=OTHER, endpoint="https://e.example", test_event_code="T1", version="v24.0")
                ]
            },
            [],
        ),
        ({"source": [source(), source(shop="b")]}, ["source"]),  # two shops of one system tell orders apart
        ({"dataset": [{"id": "1"}, {"id": "2"}], "source": [source(dataset="2")]}, ["dataset", "source"]),
        ({"destination": [destination(name="other")]}, ["destination"]),
        ({"destination": [destination(), destination(name="b")]}, ["destination"]),
        ({"destination": [destination(batch=7)]}, ["destination"]),
        ({"server": {"data": "data", "proxies": 1}}, ["server"]),
        ({"console": {}, "source": [source(secret=OTHER)]}, ["console"]),
    ],
)
def test_what_is_taken_over_and_what_needs_a_start(changed: dict[str, Any], restart: list[str]) -> None:
    """What is not taken over stays as it runs, and is named; the rest is taken over all the same."""
    old, new = settings(), settings(**changed)
    taken = take_over(old, new)
    assert list(taken.restart) == restart
    assert taken.settings.source == (old if "source" in restart else new).source
    assert taken.settings.destination == (old if "destination" in restart else new).destination
    assert (taken.settings.server, taken.settings.dataset) == (old.server, old.dataset)


def test_a_secret_is_told_by_its_digest() -> None:
    """The newest of a source's, and a destination's token."""
    told = held(settings(source=[source(secret=[OTHER, SECRET])]))
    assert told == {"/webhooks/shopify/a": digest_of(OTHER), "meta-1": digest_of(SECRET)}
    assert SECRET not in str(told)
