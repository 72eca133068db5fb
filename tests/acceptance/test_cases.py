"""Bodies, files and hits that other products were wrong about, played against the running gateway.

Each file under `cases/` holds one kind of fault with several members of it, over the sources and doors where it can
come up. Expected values follow from the body itself, or from the sender's documents, as the file says.
"""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    failed = play(case, tmp_path, FOLDER)
    assert not failed, "\n".join(failed)
