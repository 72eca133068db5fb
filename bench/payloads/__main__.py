"""``make payloads``: the two tables of docs/destinations.md, and each differing field with an example (``--fields``).

``--cases FILE`` compares other cases, a JSON object a line: ``{"platform", "message", "body"}``, and where they need it ``events`` (our
names to those there) and ``cookies``. The bodies that RudderStack's tests expect can be written down so from its repository, which is
not copied here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.payloads.compare import Score, event_of, one_event, payload_of
from bench.payloads.messages import messages

HERE = Path(__file__).parent


def main() -> int:
    """1 where a difference has no kind."""
    asked = argparse.ArgumentParser(prog="python -m bench.payloads")
    asked.add_argument("--cases", type=Path)
    asked.add_argument("--fields", action="store_true")
    options = asked.parse_args()
    score = Score()
    for case in _cases(options.cases) if options.cases else _by_segment():
        event = event_of(case["message"], case.get("cookies"))
        platform, name = case["platform"], case["message"].get("event", "page")
        ours = payload_of(platform, event, case.get("events")) if event is not None else "refused"
        score.add(platform, name, one_event(platform, case["body"]), ours)
    rows = list(score.table())
    for row in rows:
        share = 100 * int(row["same"]) / max(1, int(row["comparable"]))
        print(f"{json.dumps(row)}  same of comparable {share:.1f} %")
    for (platform, kind, field), found in sorted(score.fields.items()) if options.fields else ():
        print(f"{platform:10} {kind:11} {field:45} {len(found):4}  {str(found[0])[:150]}")
    return 1 if rows[-1]["unexplained"] else 0


def _cases(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        if line.strip():
            yield json.loads(line)


def _by_segment() -> Iterator[dict[str, Any]]:
    """Our messages, and what Segment's mappings make of each. Several of its actions may tell GA4 of one message: the one counts whose
    name is Google's, as the others make a lead or a login of everything."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        sys.exit("Segment's mappings are not installed; run: make payloads")
    told = {message["messageId"]: message for message in messages()}
    text = "".join(json.dumps(message) + "\n" for message in told.values())
    done = subprocess.run([node, "segment.js"], cwd=HERE, input=text, capture_output=True, text=True, check=True)
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for line in done.stdout.splitlines():
        case = json.loads(line)
        key = case["platform"], case["message"]
        if case["platform"] != "ga4" or _counts(case["body"], last.get(key)):
            last[key] = case
    for (platform, message), case in last.items():
        yield {"platform": platform, "message": told[message], "body": case["body"]}


def _counts(body: dict[str, Any], before: dict[str, Any] | None) -> bool:
    name = body["events"][0]["name"]
    if name in ("generate_lead", "login", "custom"):
        return False
    return before is None or name.islower()


if __name__ == "__main__":
    raise SystemExit(main())
