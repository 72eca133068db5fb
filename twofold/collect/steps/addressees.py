"""The step that says which destinations a copy may be told to, where its sender names them.

Owns only where it stands in a copy; what the names stand for is `event.addressees`, whose word counts the store's gate.
"""

from __future__ import annotations

from twofold.collect.steps.draft import Draft
from twofold.event.refusal import Refusal, describe
from twofold.event.scalars import as_object


def put_destinations(draft: Draft) -> Refusal | None:
    """``destinations``, an object of names with yes or no. What is no object says nothing, and that it was there is a warning."""
    given = draft.raw.destinations
    if given is None:
        return None
    told = as_object(given)
    if told is None:
        draft.warnings.append(
            f"destinations: expected an object of names with true or false, got {describe(given)}; left out"
        )
        return None
    words = draft.origin.policy.addressees.read(told)
    if words:
        draft.fields["destinations"] = words
    return None
