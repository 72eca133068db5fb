"""``make payloads``: the two tables of docs/destinations.md, and each differing field with an example (``--fields``).

``--cases FILE`` compares other cases, a JSON object a line: ``{"platform", "message", "body"}``, and where they need it ``events`` (our
names to those there) and ``cookies``. The bodies that RudderStack's tests expect can be written down so from its repository, which is
not copied here. ``--speed`` measures processor time for one Order Completed: theirs from the message to the finished request, ours from the
message to the frozen bytes, in turn.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.payloads.compare import Score, builder_for, event_of, one_event, payload_of, worths_of
from bench.payloads.messages import messages

HERE = Path(__file__).parent
ROUNDS, CALLS = 15, 100


def main() -> int:
    """1 where a difference has no kind."""
    asked = argparse.ArgumentParser(prog="python -m bench.payloads")
    asked.add_argument("--cases", type=Path)
    asked.add_argument("--fields", action="store_true")
    asked.add_argument("--speed", action="store_true")
    options = asked.parse_args()
    if options.speed:
        return _speed()
    score = Score()
    told = list(_cases(options.cases) if options.cases else _by_segment())
    worth: dict[str, set[Decimal]] = defaultdict(set)
    for case in told:
        if case["platform"] == "linkedin":
            continue  # segment.js says itself which property is the value there
        worth[case["message"].get("messageId", "")] |= worths_of(case["platform"], case["body"])
    for case in told:
        event = event_of(case["message"], case.get("cookies"))
        platform, name = case["platform"], case["message"].get("event", "page")
        ours = payload_of(platform, event, case.get("events")) if event is not None else "refused"
        elsewhere = worth[case["message"].get("messageId", "")]
        score.add(platform, name, one_event(platform, case["body"]), ours, elsewhere)
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


def _speed() -> int:
    """1 where we are less than five times as fast for all of their platforms together."""
    message = next(one for one in messages() if one.get("event") == "Order Completed")
    done = _segment([message], "--time")
    theirs = {row["platform"]: float(row["us"]) for row in map(json.loads, done.splitlines())}
    event = event_of(message)
    assert event is not None
    read = _best_us(lambda: event_of(message))
    built = {platform: _best_us(builder_for(platform, event)) for platform in theirs}
    for platform, us in theirs.items():
        print(f"{platform:10} theirs {us:7.1f} us, our bytes {built[platform]:5.1f} us")
    ours = read + sum(built.values())
    ratio = sum(theirs.values()) / ours
    print(
        f"all        theirs {sum(theirs.values()):7.1f} us, ours {ours:5.1f} us, {read:.1f} of it once for all of them: {ratio:.1f} times"
    )
    return 0 if ratio >= 5 else 1


def _best_us(work: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            work()
        best = min(best, (time.process_time() - began) / CALLS)
    return best * 1e6


def _segment(told: Iterable[dict[str, Any]], *flags: str) -> str:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        sys.exit("Segment's mappings are not installed; run: make payloads")
    text = "".join(json.dumps(message) + "\n" for message in told)
    return subprocess.run(
        [node, "segment.js", *flags], cwd=HERE, input=text, capture_output=True, text=True, check=True
    ).stdout


def _by_segment() -> Iterator[dict[str, Any]]:
    """Our messages, and what Segment's mappings make of each. Several of its actions may tell GA4 of one message: the one counts whose
    name is Google's, as the others make a lead or a login of everything."""
    told = {message["messageId"]: message for message in messages()}
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for line in _segment(told.values()).splitlines():
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
