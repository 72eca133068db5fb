"""Meta's own tools, asked in their own languages: the independent judges of the profiles. Knows nothing of ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from facebook_business.adobjects.serverside.normalize import Normalize
from facebook_business.adobjects.serverside.user_data import UserData

NODE = Path(__file__).parents[2] / "clients" / "node"
REFUSED = object()


def python_sdk(field: str, text: str) -> Any:
    """What the Python SDK sends, None for nothing, REFUSED for an error."""
    try:
        if field == "external_id":
            found = UserData(external_id=text).normalize().get("external_id")
            return found[0] if found else None
        return Normalize.normalize_field(field, text)
    except (TypeError, ValueError):
        return REFUSED


def node_tools(asked: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What the Node SDK and the parameter builder send, in one process for all values."""
    done = subprocess.run(
        ["node", "normalise.js"],
        cwd=NODE,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answers = json.loads(done.stdout)
    assert len(answers) == len(asked)
    return {
        key: {tool: REFUSED if "error" in a else a["sent"] for tool, a in answer.items()}
        for key, answer in zip(asked, answers, strict=True)
    }
