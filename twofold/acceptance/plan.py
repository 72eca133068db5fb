"""A plan: which events a test order has to bring, by which side, and what each must carry.

Owns the shape of plan files and how one is refused. The usual plan is `shop.toml` beside it; others are in `examples/acceptance`.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.errors import ConfigError
from twofold.event.contact import holds_contact

MOST_BYTES = 65_536
MOST_EVENTS = 20
USUAL = "shop"
FIELDS = ("page", "content_ids", "value", "currency", "num_items", "order_id", "content_type")
"""What a plan may ask of a copy by name; any other name is one of its custom properties, as ``other.NAME``."""


class Side(StrEnum):
    """Whether a copy of a side has to come."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


class Again(StrEnum):
    """What a second load of the page may bring."""

    NOTHING = "nothing"  # no copy at all
    SAME_ID = "same_id"  # copies under the same id, counted once
    MAY = "may"  # it is another action, such as a second view of a product


class Money(StrEnum):
    """What the value of the deciding event is held against."""

    ORDER = "order"  # the order, line by line
    STATED = "stated"  # the value that the plan states
    NONE = "none"  # nobody may give it one


class PlannedEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event of a plan. ``again``: what a second load of its page may bring; ``cart``: its value is that of the goods."""

    name: str
    action: str = ""
    evidence: str = ""
    browser: Side = Side.REQUIRED
    server: Side = Side.OPTIONAL
    needs: tuple[str, ...] = ()
    again: Again = Again.NOTHING
    cart: bool = False


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a walk: open an address, choose, fill, click; then wait until the gateway has the event."""

    open: str = ""
    fill: dict[str, str] = {}
    choose: dict[str, str] = {}
    click: str = ""
    event: str = ""


class Drive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to walk a test order without a person. Selectors are CSS."""

    test_gateway: bool = False  # the shop takes no real money: only then it is walked
    accept: str = ""  # the button that agrees to measuring; empty where the shop asks nobody
    refuse: str = ""
    order_in_address: str = ""  # what of the last page's address is the order's number
    step: tuple[Step, ...] = ()


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``decides``: the event whose copies have to be one and whose money is held against the order."""

    name: str
    event: tuple[PlannedEvent, ...]
    about: str = ""
    decides: str = "Purchase"
    money: Money = Money.ORDER
    value: str = ""  # with money = "stated": such as "25.00"
    currency: str = ""
    witnesses: tuple[str, ...] = ()  # of `twofold day`; none: what others counted is a person's step
    drive: Drive | None = None

    @property
    def deciding(self) -> PlannedEvent:
        return next(e for e in self.event if e.name == self.decides)

    @property
    def has_pages(self) -> bool:
        """Whether a browser has a part in it: then there is a page that can be loaded again, and a consent to refuse."""
        return any(e.browser is not Side.NONE for e in self.event)


def read_plan(path: Path | None = None) -> Plan:
    """A plan file, or the usual plan. Raises `ConfigError` with what was expected."""
    if path is None:
        return _decoded(resources.files("twofold.acceptance").joinpath("shop.toml").read_text(encoding="utf-8"), USUAL)
    try:
        content = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"--plan {path}: cannot be read: {err.strerror}") from None
    if len(content) > MOST_BYTES:
        raise ConfigError(f"--plan {path}: expected at most {MOST_BYTES} bytes, got {len(content)}")
    try:
        return _decoded(content.decode("utf-8"), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"--plan {path}: expected UTF-8") from None


def plan_of(tree: object) -> Plan:
    """A plan as a run keeps it."""
    return msgspec.convert(tree, Plan)


def _decoded(text: str, where: str) -> Plan:
    try:
        plan = msgspec.convert(tomllib.loads(text), Plan)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as err:
        raise ConfigError(f"--plan {where}: {err}") from None
    problem = _problem(plan)
    if problem:
        raise ConfigError(f"--plan {where}: {problem}")
    return plan


def _problem(plan: Plan) -> str:
    names = [e.name for e in plan.event]
    if not 1 <= len(names) <= MOST_EVENTS or len(set(names)) != len(names):
        return f"expected 1 to {MOST_EVENTS} events, each once, got {', '.join(names) or 'none'}"
    if plan.decides not in names:
        return f"decides: expected one of {', '.join(names)}, got {plan.decides}"
    for event in plan.event:
        if event.browser is Side.NONE and event.server is Side.NONE:
            return f"{event.name}: expected a copy of the browser or of the server"
        for need in event.needs:
            if need not in FIELDS and not need.startswith("other."):
                return f"{event.name}.needs: expected one of {', '.join(FIELDS)} or other.NAME, got {need}"
    if plan.money is Money.STATED and not (re.fullmatch(r"\d{1,12}(\.\d{1,4})?", plan.value) and plan.currency):
        return f'money = "stated": expected value as decimal text and currency, got {plan.value or "nothing"}'
    unknown = [w for w in plan.witnesses if w not in ("meta", "shop", "ga4", "log")]
    if unknown:
        return f"witnesses: expected meta, shop, ga4 or log, got {', '.join(unknown)}"
    texts = [plan.name, plan.about, *(t for e in plan.event for t in (e.name, e.action, e.evidence))]
    if any(holds_contact(t) or not t.isprintable() for t in texts):
        return "a text holds contact data or what cannot be shown; the log keeps it for good"
    return _drive_problem(plan)


def _drive_problem(plan: Plan) -> str:
    drive = plan.drive
    if drive is None:
        return ""
    for number, step in enumerate(drive.step, 1):
        if step.event and step.event not in {e.name for e in plan.event}:
            return f"drive.step {number}: event: expected one of the plan, got {step.event}"
        if step.open and not step.open.startswith("/"):
            return f"drive.step {number}: open: expected a path of the shop, such as /products/mug, got {step.open}"
    if not drive.step or not drive.step[0].open:
        return "drive: expected a first step that opens a page"
    try:
        re.compile(drive.order_in_address)
    except re.error as err:
        return f"drive.order_in_address: {err}"
    return ""
