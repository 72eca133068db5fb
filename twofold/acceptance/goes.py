"""Which signed goes hold, which end soon, and which hold no more: for the weekly review and for alerts.

Owns which packet counts, and how many days before its end a go is called ending. Why one is over is the packet's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from twofold.acceptance.packet.body import GO, over
from twofold.acceptance.task import GoTask
from twofold.alerts.weekly import ENDING, OVER, Go, Weekly
from twofold.config import Settings
from twofold.event.contact import mask_text
from twofold.policies import router_task
from twofold.report.kept import ACCEPTANCE_PACKET, kept
from twofold.router.finding import Finding
from twofold.router.review import review
from twofold.router.task import ask, told_of

SOON_S = 7 * 86_400
FORGOTTEN_S = 90 * 86_400  # after its end nobody waits for it any more


def answer_of(task: GoTask) -> bytes:
    """The review, or the list of goes."""
    return msgspec.json.encode(weekly_of(task.settings, task.now) if task.weekly else goes_of(task.settings, task.now))


def goes_of(settings: Settings, now: int, dataset: str | None = None) -> list[Go]:
    """The newest packet of each dataset and purpose, where it is a go; a later stop takes its place."""
    newest = {(k.facts["dataset"], k.facts["for"]): k for k in kept(Path(settings.server.data), ACCEPTANCE_PACKET)}
    known = {d.id for d in settings.dataset}
    found = []
    for (of, purpose), entry in sorted(newest.items()):
        expires = entry.facts["expires"]
        if entry.facts["word"] != GO or of not in known or dataset not in (None, of) or now - expires > FORGOTTEN_S:
            continue
        why = tuple(map(mask_text, over(settings, entry, now)))
        state = OVER if why else ENDING if expires - now <= SOON_S else "stands"
        found.append(
            Go(dataset=of, purpose=purpose, run=entry.facts["run"], at=entry.at, expires=expires, state=state, why=why)
        )
    return found


def weekly_of(settings: Settings, now: int) -> Weekly:
    """The review of all datasets."""
    task = router_task(settings, now)
    return Weekly(
        as_of=now,
        figures=tuple(review(task.data, task.policy_of, now)),
        findings=tuple(told_of(_open(ask(task)))),
        goes=tuple(goes_of(settings, now)),
    )


def _open(found: Sequence[Finding]) -> list[Finding]:
    """What nobody called mended or meant so, and what follows from nothing else."""
    return [f for f in found if f.state in ("open", "again") and not f.because]
