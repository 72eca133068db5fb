"""What asks for the password again, beside a running gateway: a secret is replaced, a person erased, a restore made ready."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_console import HOSTILE, PASSWORD, Client, configuration, order_body
from test_console_beside_gateway import Serving

from tests.ports import free_port
from twofold.console.forms import CHANGE
from twofold.report.kept import kept

OLD, NEW = "a-secret-of-sixteen", "another-secret-of-sixteen"
ANNA = "anna@shop.example"


class World:
    """A gateway with its console, and the owner's browser."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, configuration(folder)
        self.secret = OLD  # the one that the gateway knows now
        text = self.config.read_text(encoding="utf-8").replace(f'"{OLD}"', '"env:SHOP_SECRET"')
        self.config.write_text(text, encoding="utf-8")
        self.private = folder / "twofold.env"
        self.private.touch(0o600)
        self.private.write_text(f"# ours\nSHOP_SECRET={OLD}\n", encoding="utf-8")
        self._port = free_port()
        self.owner = Client(self._port)
        path = self.serve()["link"].partition("/console")[2]
        assert self.owner.post(path, {"name": "nino", "password": PASSWORD}).status == 303

    def serve(self) -> dict[str, Any]:
        """Starts the gateway, at first and after a test that ended it; what its console says of itself."""
        self.serving = Serving(self.config, self._port)
        return dict(self.serving.row())

    def webhook(self, number: str, secret: str = "") -> int:
        now = int(time.time())
        order = {"id": number, "number": f"#{number}", "paid": True, "test": False, "total": "10.00"}
        body = json.dumps(order_body(order, now)).encode()
        sign = hmac.new((secret or self.secret).encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Twofold-Signature": f"t={now},v1={sign}", "content-type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.serving.gateway}/webhooks/own/mugs", body, headers), timeout=60
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as err:
            return err.code

    def ask(self, path: str, **given: str) -> Any:
        return self.owner.post(path, {"csrf": self.owner.csrf(), "password": PASSWORD, **given})

    def said(self, what: str) -> list[dict[str, Any]]:
        return [one.facts for one in kept(self.folder / "data", CHANGE) if one.facts["what"] == what]

    def rows(self, path: str) -> list[dict[str, Any]]:
        answer = self.owner.get(f"{path}.json")
        assert answer.status == 200
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    one = World(tmp_path_factory.mktemp("care"))
    yield one
    one.serving.stop()


@pytest.fixture
def world(made: World) -> World:
    """With its gateway running, whichever test came before."""
    if made.serving.process.poll() is not None:
        made.serve()
    return made


@pytest.mark.process
def test_a_secret_is_replaced_without_a_restart(world: World) -> None:
    """The next webhook wants the new one; the file keeps its other lines; the secret is in no page and no log."""
    assert world.webhook("7001") == 200
    before = world.private.read_text()
    for given in (
        {"password": "wrong wrong wrong"}, {"name": "PATH"}, {"value": "two\nlines"}, {"value": " "}, {"value": "x" * 5000},
        {"name": HOSTILE},
    ):  # fmt: skip
        answer = world.ask("/engine-room/secret", **{"name": "SHOP_SECRET", "value": NEW, **given})
        assert answer.status == 409, given
        assert world.private.read_text() == before
    shown = world.ask("/engine-room/secret", name="SHOP_SECRET", value=NEW)
    assert shown.status == 200
    assert "has the new secret, without a restart" in shown.text
    assert "source.1.secret" in shown.text
    assert world.private.read_text() == f"# ours\nSHOP_SECRET={NEW}\n"
    assert world.private.stat().st_mode & 0o777 == 0o600
    world.secret = NEW
    assert world.webhook("7002") == 200
    assert world.webhook("7003", OLD) != 200
    assert world.said("replaced a secret") == [{"what": "replaced a secret", "name": "SHOP_SECRET", "by": "nino"}]
    for path in ("/engine-room", "/people"):
        assert NEW not in world.owner.get(path).text + shown.text


@pytest.mark.process
def test_a_person_is_erased_after_the_password(world: World) -> None:
    """Looked at first; the receipt stands on the page; the log knows which kind was named, and no value."""
    assert world.webhook("7004") == 200
    looked = world.ask("/rights/look", what="email", value=ANNA)
    assert looked.status == 200
    assert "Found:" in looked.text
    assert ANNA in looked.text  # to be erased with one more click
    assert ANNA not in looked.text.partition("<main")[0]
    assert "Nobody of that name is here" in world.ask("/rights/look", what="email", value="nobody@shop.example").text
    assert world.ask("/rights/erase", what="email", value=ANNA, password="wrong wrong wrong").status == 409
    assert world.ask("/rights/erase", what="name", value="Anna").status == 409
    assert not [row for row in world.rows("/rights") if row.get("kind") == "erase"]
    assert world.ask("/rights/erase", what="email", value=ANNA).status == 303
    for _ in range(600):
        done = [row for row in world.rows("/rights")[1:] if row.get("kind") == "erase" and row["done_at"]]
        if done:
            break
        time.sleep(0.1)
    assert done[0]["counts"]["orders"] >= 1
    (said,) = world.said("erased a person")
    assert (said["by"], said["named"]) == ("nino", "em=1")
    assert "Nobody of that name is here" in world.ask("/rights/look", what="email", value=ANNA).text
    assert world.ask("/rights/no-such-request/erase").status == 409


@pytest.mark.process
def test_a_restore_is_made_ready(world: World, tmp_path: Path) -> None:
    """The page says every line to run, with its values, and how much would be missing; the log knows who and why."""
    assert "never kept elsewhere" in world.owner.get("/engine-room/restore").text
    place, other = tmp_path / "a place", tmp_path / "other"
    done = subprocess.run(
        [sys.executable, "-m", "twofold", "backup", str(place), "--erasures", str(other), "--config", str(world.config)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.webhook("7005") == 200
    about, one = world.rows("/engine-room/restore")
    assert about["position"] - one["position"] == one["missing"] == 1
    why = "the disk's gone; rm -rf"
    assert world.ask("/engine-room/restore", set=one["set"], reason=why, password="wrong wrong wrong").status == 409
    assert world.ask("/engine-room/restore", set="another", reason=why).status == 409
    assert world.ask("/engine-room/restore", set=one["set"], reason="").status == 409
    page = world.ask("/engine-room/restore", set=one["set"], reason=why).text
    line = f"twofold restore '{place}' --set {one['set']} --erasures {other} --reason 'the disk'\"'\"'s gone; rm -rf'"
    assert line.replace("'", "&#39;").replace('"', "&#34;") in page
    assert page.index("systemctl stop twofold") < page.index("twofold restore") < page.index("systemctl start twofold")
    (said,) = world.said("restore prepared")
    assert (said["by"], said["set"], said["reason"]) == ("nino", one["set"], why)
    world.serving.stop()  # the line is one that works
    done = subprocess.run(
        [sys.executable, "-m", "twofold", "restore", str(place), "--set", one["set"], "--erasures", str(other), "--reason", why, "--yes",
         "--config", str(world.config)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
