"""A test order without a person: a browser on this machine walks the steps that a plan names, and refuses consent in another visit.

Owns the way (the order, the second load of its pages, the visit that refuses) and what is noted of it, in the name of whoever started it.
The browser, its limits, what it may open and who called whom are `senders.browser`'s. What the platform's pages show it never
sees, and never says.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twofold.acceptance.plan import Drive, Plan, Step
from twofold.acceptance.run import Run, note_walk, tick
from twofold.acceptance.seen.trail import PARAMETER, trail_of
from twofold.acceptance.seen.walked import LOADED_AGAIN, MOST_CALLS, ORDERING, REFUSING, Walked
from twofold.config import Settings
from twofold.errors import ConfigError
from twofold.policies import doors_seen
from twofold.senders.browser.trace import clean_page
from twofold.senders.browser.visit import Visit, said
from twofold.senders.browser.walk import Order, Walk, hosts_of, require_browser, take_walk

STEP_MS = 15_000
ARRIVES_S = 30.0
QUIET_S = 3.0
"""So long nothing may come after a page was loaded again."""
RESTS_S = 0.5
WALK_S = 285.0
"""From the start of the browser; with its end it is less than five minutes."""

Say = Callable[[str], None] | None


def require_walk(settings: Settings, plan: Plan, dataset: str) -> Drive:
    """What has to be so before a walk. Raises `ConfigError` with what is missing."""
    drive = plan.drive
    if drive is None or not drive.step:
        raise ConfigError(
            "--drive: expected a plan with [drive] and its steps, got one without; docs/acceptance.md has an example"
        )
    if not drive.test_gateway:
        raise ConfigError(
            "--drive: expected a shop that takes no real money (drive.test_gateway = true in the plan), got one of which nobody says so"
        )
    if not _origins(settings, dataset):
        raise ConfigError(f"--drive: expected `origins` of dataset {dataset}, the only pages that are opened, got none")
    require_browser()
    return drive


def walk(
    settings: Settings, run: Run, by: str, say: Say, *, most_s: float = WALK_S, arguments: tuple[str, ...] = ()
) -> Walked:
    """The order, the second load of its pages, and the visit that refuses, as far as the site lets it; what was seen is kept
    in every case. Raises `ConfigError` for what has to be so before."""
    drive = require_walk(settings, run.plan, run.dataset)
    hosts = hosts_of(tuple(_origins(settings, run.dataset)))
    order = Order(
        hosts=hosts, doors=doors_seen(settings, hosts), most_s=most_s, quiet_s=RESTS_S, arguments=arguments,
        # A test order's copies must leave, which those of a robot do not.
        way=_TestOrder(settings, run, drive, by).go, as_shopper=True,
    )  # fmt: skip
    took = take_walk(order, say or (lambda _: None))
    walked = _kept(took, run.dataset)
    note_walk(settings, run, walked, took.calls, by)
    return walked


def _kept(took: Walk, dataset: str) -> Walked:
    return Walked(
        dataset=dataset, ended=took.ended, took_s=took.took_s, notes=took.notes, calls=took.calls[:MOST_CALLS],
        libraries=took.libraries[:MOST_CALLS],
        steps=took.steps,
        more=max(0, len(took.calls) - MOST_CALLS),
    )  # fmt: skip


class _TestOrder:
    """The three parts of a walk. A part that cannot be taken ends it: what comes after would prove nothing."""

    def __init__(self, settings: Settings, run: Run, drive: Drive, by: str) -> None:
        self._settings, self._run, self._drive, self._by = settings, run, drive, by
        self._origin = _origins(settings, run.dataset)[0]
        self._addresses: list[str] = []

    async def go(self, visit: Visit) -> None:
        drive = self._drive
        number = await self._order(visit, ORDERING, self._run.code, drive.accept)
        if number is None:
            return
        if number:
            await self._tick("order", order=number)
        await self._again(visit)
        if visit.refused or not drive.refuse:
            return
        refused = await self._order(visit, REFUSING, self._run.wanted.refusal_code, drive.refuse)
        if refused is not None:
            await self._tick("refusal", order=refused)
            await asyncio.sleep(QUIET_S)
            await visit.rest()

    async def _order(self, visit: Visit, part: str, code: str, answer: str) -> str | None:
        """Walks the steps; the order's number, where the last address tells it, and None where a step could not be taken."""
        from playwright.async_api import Error

        await visit.begin_anew()
        visit.page.set_default_timeout(STEP_MS)
        first = self._drive.step[0].open
        visit.begin(f"before {part}")
        opened = await visit.open(f"{self._origin}{first}{'&' if '?' in first else '?'}{PARAMETER}={code}")
        if not opened or (answer and not await visit.press(answer)):
            self._stop(visit, visit.refused or f"the button that answers the banner was not found: {answer}")
            return None
        visit.end(done=True)
        for place, step in enumerate(self._drive.step):
            visit.begin(f"{part}: {step.event or f'step {place + 1}'}")
            try:
                taken = await self._take(visit, step, is_first=place == 0)
            except Error as err:
                self._stop(visit, f"step {place + 1} could not be taken: {said(err)}")
                return None
            if not taken:
                self._stop(visit, visit.refused)
                return None
            visit.end(done=True)
            if step.event and part == ORDERING:
                self._addresses.append(visit.page.url)
                await self._wait_for(step.event)
        found = re.search(self._drive.order_in_address, visit.page.url) if self._drive.order_in_address else None
        return "" if found is None else found[1] if found.groups() else found[0]

    async def _take(self, visit: Visit, step: Step, *, is_first: bool) -> bool:
        page = visit.page
        if step.open and not is_first and not await visit.open(f"{self._origin}{step.open}"):
            return False
        for selector, text in step.fill.items():
            await page.fill(selector, text)
        for selector, choice in step.choose.items():
            await page.select_option(selector, choice)
        if step.click:
            await page.click(step.click)
        await page.wait_for_load_state("domcontentloaded")
        await visit.rest()
        return True

    async def _again(self, visit: Visit) -> None:
        """Each page that had an event is loaded a second time, when all that came of the first has come."""
        await asyncio.sleep(QUIET_S)
        await self._tick("reload")
        for address in dict.fromkeys(self._addresses):
            visit.begin(f"{LOADED_AGAIN}: {clean_page(address)}")
            visit.end(done=await visit.open(address))
        await asyncio.sleep(QUIET_S)
        await visit.rest()

    def _stop(self, visit: Visit, why: str) -> None:
        visit.end(done=False)
        visit.ended = why

    async def _tick(self, step: str, **facts: Any) -> None:
        await asyncio.to_thread(tick, self._settings, self._run, step, self._by, **facts)

    async def _wait_for(self, event: str) -> None:
        """The gateway has it, or it does not come: then the run says so, and not this walk."""
        end = time.monotonic() + ARRIVES_S
        while time.monotonic() < end:
            if await asyncio.to_thread(self._has_come, event):
                return
            await asyncio.sleep(0.2)

    def _has_come(self, event: str) -> bool:
        folder, run = Path(self._settings.server.data), self._run
        seen = trail_of(folder, run.dataset, run.code, run.wanted.position, run.wanted.started_ms).seen
        return any(s.name == event for s in seen)


def _origins(settings: Settings, dataset: str) -> list[str]:
    found = next((d.origins for d in settings.dataset if d.id == dataset), ())
    return [o.rstrip("/") for o in found if urlsplit(o).scheme in ("http", "https")]
