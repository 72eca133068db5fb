"""Recorded steps: the JSON that Chrome DevTools' Recorder exports, checked before a browser starts, then played.

Owns which steps are known and how their selectors are found. A file that does not fit is refused with the step's number, what was
expected and what was got; a step of another kind is never passed over in silence. What is typed into the page is not kept.
Format: `@puppeteer/replay`'s schema (steps of types `navigate`, `click`, `change`, ...), seen November 2026.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from twofold.errors import ConfigError

MOST_BYTES = 1 << 20
MOST_STEPS = 200
STEP_MS = 10_000

Selector = str | list[str]


class Step(Struct, frozen=True, rename="camel", kw_only=True):
    """One step; which of the fields it has, its type says."""

    type: str
    url: str = ""
    selectors: list[Selector] = field(default_factory=list)
    value: str = ""
    key: str = ""
    expression: str = ""
    button: str = "primary"
    target: str = "main"
    x: float = 0
    y: float = 0
    width: int = 1280
    height: int = 900
    timeout: float = 0
    operator: str = ">="
    count: int = 1
    visible: bool | None = None


class Recording(Struct, frozen=True, kw_only=True):
    """A recording as it is played."""

    title: str = ""
    steps: list[Step]


_ON_SELECTORS = ("click", "doubleClick", "change", "hover", "waitForElement")
_OTHERS = (
    "setViewport",
    "emulateNetworkConditions",
    "navigate",
    "keyDown",
    "keyUp",
    "scroll",
    "waitForExpression",
    "close",
)
PASSED_OVER = ("emulateNetworkConditions", "close")
"""They change how the network feels, or end it: a walk has no use for them."""


def starts_at(path: Path | None) -> str:
    """The first page of a recording; empty for none. Raises as `read_recording` does."""
    return next((s.url for s in _decoded(path).steps if s.type == "navigate"), "") if path is not None else ""


def read_recording(path: Path, hosts: frozenset[str]) -> Recording:
    """The steps of a file. Raises `ConfigError` with the place, what was expected and what was got."""
    found = _decoded(path)
    if not 0 < len(found.steps) <= MOST_STEPS:
        raise ConfigError(f"--steps {path}: steps: expected 1 to {MOST_STEPS}, got {len(found.steps)}")
    for number, step in enumerate(found.steps):
        fault = _fault(step, hosts)
        if fault:
            raise ConfigError(f"--steps {path}: steps[{number}]{fault}")
    if not any(s.type == "navigate" for s in found.steps):
        raise ConfigError(f"--steps {path}: expected a step of type navigate, got none: where does it begin?")
    return found


def _decoded(path: Path) -> Recording:
    try:
        text = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"--steps {path}: cannot be read: {err.strerror}") from None
    if len(text) > MOST_BYTES:
        raise ConfigError(f"--steps {path}: expected at most {MOST_BYTES} bytes, got {len(text)}")
    try:
        return msgspec.json.decode(text, type=Recording)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"--steps {path}: expected the JSON of Chrome DevTools' Recorder, got: {_said(err)}"
        ) from None


def _said(err: Exception) -> str:
    """Where and what, without the text around: what people type into forms stands in such files."""
    return str(err)[:200] if isinstance(err, msgspec.ValidationError) else "text that is no JSON"


def _fault(step: Step, hosts: frozenset[str]) -> str:
    if step.type not in (*_ON_SELECTORS, *_OTHERS):
        known = ", ".join(sorted((*_ON_SELECTORS, *_OTHERS)))
        return f".type: expected one of {known}, got {step.type[:40]!r}"
    if step.type in _ON_SELECTORS and not any(step.selectors):
        return ".selectors: expected one or more, got none"
    if step.type == "navigate" and urlsplit(step.url).netloc.lower() not in hosts:
        return f".url: expected a page of {', '.join(sorted(hosts))}, got {urlsplit(step.url).netloc[:80]!r}"
    if step.type in ("keyDown", "keyUp") and not step.key:
        return ".key: expected a key's name, got none"
    return "" if step.target == "main" else _target_fault(step.target)


def _target_fault(target: str) -> str:
    return f".target: expected main (pop-ups are closed), got {urlsplit(target).netloc[:80] or 'another page'!r}"


# -- playing


async def play(page: Any, step: Step) -> None:
    """One step in the page. Raises Playwright's error when it cannot be taken."""
    wait_ms = min(step.timeout or STEP_MS, STEP_MS)
    if step.type == "navigate":
        await page.goto(step.url, wait_until="domcontentloaded", timeout=30_000)
    elif step.type == "setViewport":
        await page.set_viewport_size(
            {"width": max(200, min(step.width, 4000)), "height": max(200, min(step.height, 4000))}
        )
    elif step.type == "keyDown":
        await page.keyboard.down(step.key)
    elif step.type == "keyUp":
        await page.keyboard.up(step.key)
    elif step.type == "waitForExpression":
        await page.wait_for_function(step.expression, timeout=wait_ms)
    elif step.type == "scroll" and not step.selectors:
        await page.evaluate("([x, y]) => window.scrollTo(x, y)", [step.x, step.y])
    elif step.type not in PASSED_OVER:
        await _on_element(page, step, wait_ms)


async def _on_element(page: Any, step: Step, wait_ms: float) -> None:
    element = await _find(page, step, wait_ms)
    button = {"secondary": "right", "auxiliary": "middle"}.get(step.button, "left")
    if step.type == "click":
        await element.click(timeout=wait_ms, button=button)
    elif step.type == "doubleClick":
        await element.dblclick(timeout=wait_ms, button=button)
    elif step.type == "hover":
        await element.hover(timeout=wait_ms)
    elif step.type == "scroll":
        await element.evaluate("(e, [x, y]) => e.scrollTo(x, y)", [step.x, step.y])
    elif step.type == "change":
        await _change(element, step.value, wait_ms)


async def _change(element: Any, value: str, wait_ms: float) -> None:
    """A choice of a list, a box to tick, or a text."""
    kind = await element.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type || ''")
    if kind == "select":
        await element.select_option(value, timeout=wait_ms)
    elif kind in ("checkbox", "radio"):
        await element.set_checked(value not in ("", "false", "off"), timeout=wait_ms)
    else:
        await element.fill(value, timeout=wait_ms)


async def _find(page: Any, step: Step, wait_ms: float) -> Any:
    """The first of its selectors that is in the page; the Recorder writes several for one element."""
    from playwright.async_api import Error

    locators = [found for s in step.selectors if (found := _locator(page, s)) is not None]
    if not locators:
        raise Error(f"no selector of this {step.type} can be read")
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_ms / 1000
    while True:
        for locator in locators:
            count = await locator.count()
            if count and (step.type != "waitForElement" or _enough(count, step)):
                return locator.first
        if loop.time() > end:
            raise Error(f"nothing in the page for {step.type} on {str(step.selectors[0])[:80]}")
        await asyncio.sleep(0.1)


def _enough(count: int, step: Step) -> bool:
    return {">=": count >= step.count, "==": count == step.count, "<=": count <= step.count}.get(step.operator, True)


_ARIA = re.compile(r'(?P<name>.*?)(?:\[role="(?P<role>[a-z]+)"\])?')


def _locator(page: Any, selector: Selector) -> Any:
    """Playwright's for the Recorder's; None for one that it cannot say. Parts of a list look into each other."""
    found = page
    for part in [selector] if isinstance(selector, str) else selector:
        kind, bar, rest = part.partition("/")
        if not bar or kind not in ("aria", "xpath", "text", "pierce"):
            found = found.locator(part)
        elif kind == "aria":
            match = _ARIA.fullmatch(rest)
            if match is None or not match["role"]:
                return None  # a name alone may be anything's; the other selectors say what
            found = (
                found.get_by_role(match["role"], name=match["name"], exact=True)
                if match["name"]
                else found.get_by_role(match["role"])
            )
        elif kind == "xpath":
            found = found.locator(f"xpath={rest}")
        elif kind == "text":
            found = found.get_by_text(rest)
        else:
            found = found.locator(rest)
    return found
