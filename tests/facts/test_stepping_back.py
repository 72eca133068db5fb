"""Processes that work beside the gateway: how far behind it they step, and that nobody steps further than asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from twofold.facts.child import NICE, Child

CODE = """
import json, os, sys
from twofold.facts.child import BEHIND, BESIDE, step_back
steps = []
for by in (BESIDE, BESIDE, BEHIND, BESIDE):
    step_back(by, idle=sys.argv[1] == "idle")
    steps.append(os.nice(0))
step_back()
print(json.dumps([steps, os.sched_getscheduler(0)]))
"""


def stepped(kind: str, **environment: str) -> list[object]:
    kept = {name: text for name, text in os.environ.items() if name != NICE}
    done = subprocess.run(
        [sys.executable, "-c", CODE, kind], capture_output=True, check=True, timeout=60, env={**kept, **environment}
    )
    found: list[object] = json.loads(done.stdout)
    return found


def test_a_process_steps_behind_once_and_never_to_the_front() -> None:
    """From wherever it began: this test may run behind others itself. Who makes tables has what others leave."""
    began = os.nice(0)
    steps = [max(began, 10), max(began, 10), max(began, 15), max(began, 15)]
    assert stepped("idle") == [steps, os.SCHED_IDLE]
    assert stepped("batch") == [
        steps,
        os.sched_getscheduler(0) if os.sched_getscheduler(0) == os.SCHED_IDLE else os.SCHED_BATCH,
    ]


def test_nothing_steps_back_where_the_operator_says_so() -> None:
    assert stepped("idle", TWOFOLD_NICE="0") == [[os.nice(0)] * 4, os.sched_getscheduler(0)]


def test_a_child_is_put_back_from_its_start_in_the_session_of_its_parent(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """By sched(7) niceness counts among the processes of one session: in one of its own a child would have the gateway's share."""
    monkeypatch.delenv(NICE, raising=False)
    child = Child(series=True)
    pid = child.start().pid
    try:
        assert os.getsid(pid) == os.getsid(0)
        assert os.getpgid(pid) == pid
        assert os.getpriority(os.PRIO_PROCESS, pid) >= 15
        assert os.sched_getscheduler(pid) in (os.SCHED_BATCH, os.SCHED_IDLE)
    finally:
        child.discard()
    for _ in range(3_000):
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError("something of its group still runs")
