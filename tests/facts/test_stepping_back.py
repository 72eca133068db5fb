"""Processes that work beside the gateway: how far behind it they step, and that nobody steps further than asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

CODE = """
import json, os
from twofold.facts.child import BEHIND, FURTHEST, step_back
steps = []
for by in (BEHIND, BEHIND, FURTHEST, BEHIND):
    step_back(by)
    steps.append(os.nice(0))
print(json.dumps([steps, os.sched_getscheduler(0)]))
"""


def test_a_process_steps_behind_once_and_never_to_the_front() -> None:
    """From wherever it began: this test may run behind others itself."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True, timeout=60)
    steps, scheduler = json.loads(done.stdout)
    began = os.nice(0)
    assert steps == [max(began, 10), max(began, 10), max(began, 15), max(began, 15)]
    assert scheduler == os.SCHED_BATCH
