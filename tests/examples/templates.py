"""A Tag Manager template as its parts: sections of the file, the tests' YAML, and a run of them in Node."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "examples" / "tag-manager"
RUNNER = HERE / "tag_manager.js"
_SECTION = re.compile(r"^___([A-Z_]+)___$", re.M)


def sections(name: str) -> dict[str, str]:
    """Section -> its text."""
    pieces = _SECTION.split((FOLDER / name).read_text(encoding="utf-8"))
    return {head: text.strip("\n") for head, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def template(name: str) -> dict[str, Any]:
    """What the runner needs of the file."""
    found = sections(name)
    (code,) = (text for head, text in found.items() if head.startswith("SANDBOXED_JS"))
    (permissions,) = (text for head, text in found.items() if head.endswith("_PERMISSIONS"))
    tests = yaml.safe_load(found["TESTS"])
    return {
        "code": code,
        "permissions": json.loads(permissions),
        "scenarios": tests["scenarios"],
        "setup": tests["setup"],
    }


def play(*made: dict[str, Any]) -> list[dict[str, Any]]:
    """Of each template its own tests, and its ``runs``: of a server template with real requests."""
    jobs = [{"template": one, "runs": one.get("runs", [])} for one in made]
    done = subprocess.run(
        ["node", str(RUNNER)],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
