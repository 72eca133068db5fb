"""What a token may see of its datasets: with the owner where it may see him, and without where he is refused."""

from __future__ import annotations

import pytest

from tests.pulling.stand_in import standing_in
from tests.setup.platforms import MetaStandIn
from twofold.pulling.exchange import Exchange
from twofold.setup.graph import Graph


@pytest.mark.parametrize(("hides_owner", "owner"), [(False, "Tea Ltd"), (True, "")])
def test_a_token_that_may_not_see_the_owner_sees_its_datasets(hides_owner: bool, owner: str) -> None:
    there = MetaStandIn(hides_owner=hides_owner)
    with standing_in(there) as running:
        graph = Graph(
            exchange=Exchange(timeout_s=60, tries=1), endpoint=running.url, version="v25.0", token=there.token
        )
        found = graph.about_dataset("9876543210")
        assert found is not None
        assert (found.name, found.business) == ("Tea shop", owner)
        assert [(one.name, one.business) for one in graph.datasets()] == [("Tea shop", owner), ("Old shop", owner)]
        assert graph.about_dataset("1") is None
