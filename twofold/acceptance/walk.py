"""A test order without a person: a browser on this machine walks the steps that a plan names, and refuses consent in another visit.

Owns the browser (Chromium through Playwright, an optional extra), its limits and what it may open: pages of the dataset's own
origins, of a shop that takes no real money, as the plan has to say. What it did is noted as a person's steps are, in the name of
whoever started it; what the platform's pages show it never sees, and never says.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twofold.acceptance.packet.finish import CHROMIUMS
from twofold.acceptance.plan import Drive, Plan, Step
from twofold.acceptance.run import Run, tick
from twofold.acceptance.seen.trail import PARAMETER, trail_of
from twofold.config import Settings
from twofold.errors import ConfigError

STEP_MS = 15_000
ARRIVES_S = 30.0
QUIET_S = 3.0
"""So long nothing may come after a page was loaded again."""
WALK_S = 300.0
EXTRA = "twofold accept start --drive needs a browser: pip install 'twofold[browser]', and Chromium"

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
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        raise ConfigError(EXTRA) from None
    if _program() is None:
        raise ConfigError(EXTRA)
    return drive


def walk(settings: Settings, run: Run, by: str, say: Say) -> None:
    """The order, the second load of its pages, and the visit that refuses. Raises `ConfigError` where a step cannot be taken."""
    from playwright.sync_api import Error, sync_playwright

    drive = require_walk(settings, run.plan, run.dataset)
    program, end = _program(), time.monotonic() + WALK_S
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            buyer = _Visit(settings, run, browser.new_context(), run.code, end, say)
            order = buyer.order(drive, drive.accept)
            if order:
                tick(settings, run, "order", by, order=order)
            buyer.again(by)
            stranger = _Visit(settings, run, browser.new_context(), run.wanted.refusal_code, end, say)
            if drive.refuse:
                refused = stranger.order(drive, drive.refuse, waits=False)
                tick(settings, run, "refusal", by, order=refused)
                time.sleep(QUIET_S)
        except Error as err:
            said = str(err).splitlines()[0] if str(err) else type(err).__name__
            raise ConfigError(f"--drive: a step could not be taken: {said}") from None
        finally:
            browser.close()


class _Visit:
    """One browser's way through the shop."""

    def __init__(self, settings: Settings, run: Run, context: Any, code: str, end: float, say: Say) -> None:
        self._settings, self._run, self._code, self._end, self._say = settings, run, code, end, say
        self._origin = _origins(settings, run.dataset)[0]
        self._hosts = {urlsplit(o).netloc for o in _origins(settings, run.dataset)}
        context.set_default_timeout(STEP_MS)
        context.route("**/*", self._only_here)
        self._page = context.new_page()
        self._addresses: list[str] = []

    def order(self, drive: Drive, answer: str, *, waits: bool = True) -> str:
        """Walks the steps; the order's number, where the last address tells it."""
        self._open(drive.step[0].open)
        if answer:
            self._page.click(answer)
            self._page.wait_for_load_state()
        for number, step in enumerate(drive.step):
            self._take(step, is_first=number == 0)
            if step.event and waits:
                self._wait_for(step.event)
        found = re.search(drive.order_in_address, self._page.url) if drive.order_in_address else None
        return found[1] if found and found.groups() else found[0] if found else ""

    def again(self, by: str) -> None:
        """Each page that had an event is loaded a second time, when all that came of the first has come."""
        time.sleep(QUIET_S)
        tick(self._settings, self._run, "reload", by)
        for address in dict.fromkeys(self._addresses):
            self._page.goto(address)
            self._page.wait_for_load_state()
            self._tell(f"  loaded again: {urlsplit(address).path}")
        time.sleep(QUIET_S)

    def _tell(self, text: str) -> None:
        if self._say is not None:
            self._say(text)

    def _take(self, step: Step, *, is_first: bool) -> None:
        if time.monotonic() > self._end:
            raise ConfigError(f"--drive: the walk takes longer than {int(WALK_S)} s")
        if step.open and not is_first:
            self._page.goto(f"{self._origin}{step.open}")
        for selector, text in step.fill.items():
            self._page.fill(selector, text)
        for selector, choice in step.choose.items():
            self._page.select_option(selector, choice)
        if step.click:
            self._page.click(step.click)
        self._page.wait_for_load_state()
        if step.event:
            self._addresses.append(self._page.url)
            self._tell(f"  {step.event}: {urlsplit(self._page.url).path}")

    def _open(self, path: str) -> None:
        mark = f"{'&' if '?' in path else '?'}{PARAMETER}={self._code}"
        self._page.goto(f"{self._origin}{path}{mark}")
        self._page.wait_for_load_state()

    def _wait_for(self, event: str) -> None:
        """The gateway has it, or it does not come: then the run says so, and not this walk."""
        folder, run = Path(self._settings.server.data), self._run
        end = time.monotonic() + ARRIVES_S
        while time.monotonic() < end:
            seen = trail_of(folder, run.dataset, run.code, run.wanted.position, run.wanted.started_ms).seen
            if any(s.name == event for s in seen):
                return
            time.sleep(0.2)

    def _only_here(self, route: Any, request: Any) -> None:
        """It navigates nowhere but in the shop; what the pages load by themselves they load as for anybody."""
        if (
            request.is_navigation_request()
            and request.frame == self._page.main_frame
            and urlsplit(request.url).netloc not in self._hosts
        ):
            route.abort()
        else:
            route.continue_()


def _origins(settings: Settings, dataset: str) -> list[str]:
    found = next((d.origins for d in settings.dataset if d.id == dataset), ())
    return [o.rstrip("/") for o in found if urlsplit(o).scheme in ("http", "https")]


def _program() -> str | None:
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
