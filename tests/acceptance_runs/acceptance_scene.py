"""What a run of these tests needs, and how one is played through: the order, the second load, the refusal, what persons say."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playing_shop import DATASET, PlayedShop

from tests.acceptance.gateway_process import Gateway
from tests.fakes.graph import FakeGraph
from twofold.acceptance.plan import read_plan
from twofold.acceptance.run import About, Run, Status, run_of, start, status, tick
from twofold.config import Settings


def drawn(of: str) -> bytes:
    """A picture of its own for each run."""
    out = io.BytesIO()
    picture = Image.new("RGB", (64, 40), (200, 220, 240))
    for place, letter in enumerate(of):
        picture.putpixel((place, 0), (ord(letter), 0, 0))
    picture.save(out, "PNG")
    return out.getvalue()


class Scene(NamedTuple):
    """Everything a run needs."""

    settings: Settings
    gateway: Gateway
    shop: PlayedShop
    graph: FakeGraph
    picture: bytes

    @property
    def folder(self) -> Path:
        return Path(self.settings.server.data)

    def begin(self, plan: str = "") -> Run:
        """A run of the usual four events without witnesses, or of a plan file's text."""
        path = self.folder.parent / "plan.toml"
        path.write_text(plan or PLAN, encoding="utf-8")
        about = About(decision="scale", owner="Nino", review="", business="", ad_account="")
        return start(self.settings, read_plan(path), DATASET, about, "tester", int(time.time()))

    def again(self, run: Run) -> Run:
        return run_of(self.folder, run.code)

    def look(self, run: Run, **more: str) -> Status:
        return status(self.settings, self.again(run), int(time.time()) + 1, **more)

    def settled(self, run: Run, order: int | None = None) -> Status:
        """The run once its purchase has left, or was kept back."""
        for _ in range(600):
            found = self.look(run)
            deciding = found.gathered.events[run.plan.decides]
            if (
                deciding
                and all(d.state != "waiting" for a in deciding for d in a.deliveries)
                and all(a.deliveries for a in deciding)
            ):
                return found
            time.sleep(0.1)
        raise AssertionError(f"not settled: {found.gathered.events}")

    def tick(self, run: Run, step: str, **more: object) -> None:
        tick(self.settings, run, step, "tester", **more)  # type: ignore[arg-type]

    def pass_through(self, run: Run, **faults: Any) -> Status:
        """A whole run: the order, the second load, the refusal, what the person saw. ``fires``, ``unrefused``, ``unseen``."""
        order = self.shop.buy(run, **faults)
        if "Purchase" in faults.get("leave_out", ()):  # no browser tells of it: the person names the order
            self.tick(run, "order", order=str(order.number))
        self.settled(run)
        self.tick(run, "reload")
        if not faults.get("not_again"):
            self.shop.load_again(order, fires=str(faults.get("fires", "")), only_cart="only_cart" in faults)
        consent = "granted" if faults.get("unrefused") else "denied"
        refused = self.shop.order("fb.1.1700000000000.9999999999", consent=consent)
        self.tick(run, "refusal", order=str(refused.number))
        if not faults.get("unseen"):
            self.tick(run, "test_events", file=faults.get("picture") or drawn(run.code))
        if not faults.get("unattested"):
            self.tick(run, "gaps", note="Meta shows 12, the shop 13: one without consent")
        for _ in range(600):
            found = self.look(run)
            refusal = found.gathered.refusal
            if refusal and refusal.actions and all(d.state != "waiting" for a in refusal.actions for d in a.deliveries):
                return found
            time.sleep(0.1)
        raise AssertionError("the refusing visit was not decided")


PLAN = """
name = "shop without witnesses"
decides = "Purchase"
money = "order"
[[event]]
name = "ViewContent"
needs = ["page", "content_ids"]
again = "may"
[[event]]
name = "AddToCart"
needs = ["content_ids"]
[[event]]
name = "InitiateCheckout"
needs = ["value", "currency", "num_items"]
again = "may"
cart = true
[[event]]
name = "Purchase"
server = "required"
needs = ["value", "currency"]
"""
