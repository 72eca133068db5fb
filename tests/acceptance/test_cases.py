"""Bodies, files and hits that other products were wrong about, played against the running gateway.

Each file under `cases/` holds one kind of fault with several members of it, over the sources and doors where it can
come up. Expected values follow from the body itself, or from the sender's documents, as the file says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playing import cases_in, play

FOLDER = Path(os.environ.get("TWOFOLD_CASES", Path(__file__).parent / "cases"))
CASES = [
    pytest.param(case, id=f"{path.stem}-{case.get('id', number)}")
    for path in sorted(FOLDER.glob("*.json"))
    for number, case in enumerate(cases_in(path))
]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    """What failed of each case that is asked for: those that may share a gateway are played against one."""
    mine = [item for item in request.session.items if item.path == request.path]  # others have a `case` of their own
    asked = [params["case"] for item in mine if "case" in (params := _params(item))]
    alone = [[case] for case in asked if case.get("alone")]
    shared = [case for case in asked if not case.get("alone")]
    found = {}
    for cases in filter(None, [shared, *alone]):
        failed = play(cases, tmp_path_factory.mktemp("cases"), FOLDER)
        found |= {id(case): texts for case, texts in zip(cases, failed, strict=True)}
    return found


def _params(item: pytest.Item) -> Mapping[str, Any]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], outcomes: dict[int, list[str]]) -> None:
    failed = outcomes[id(case)]
    assert not failed, "\n".join(failed)
