"""Each setting of [console] by its effect on a running console."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from running_console import PASSWORD, Running, configuration

from twofold.console.access.register import TRIES


@pytest.mark.process
def test_each_setting_is_heard(filled: Path, tmp_path: Path) -> None:
    """Name, zone, language, further hosts, the number of proxies; host and port by the address that is told."""
    shutil.copytree(
        filled.parent / "data", tmp_path / "data", ignore=shutil.ignore_patterns("console.db*", "lock", "*.sock")
    )
    config = configuration(tmp_path)
    text = config.read_text(encoding="utf-8")
    more = 'language = "ka"\nhosts = ["console.shop.example"]\nproxies = 1\n'
    text = text.replace('timezone = "Asia/Tbilisi"\n', "", 1).replace("[console]\n", f"[console]\n{more}")
    config.write_text(
        f'{text}\n[chain]\ntimezone = "Asia/Tbilisi"\n', encoding="utf-8"
    )  # the pages name no zone of their own
    running = Running(tmp_path / "data", config, "--host", "127.0.0.1")
    try:
        assert running.told["address"].startswith("http://127.0.0.1:")
        owner = running.owner()
        page = owner.get("/today")
        assert "Mugs &amp; more" in page.text
        assert '<html lang="ka">' in page.text
        assert '<html lang="en">' in owner.get("/today", accept_language="en-GB").text
        about = json.loads(owner.get("/orders.json").text.splitlines()[0])
        assert about["timezone"] == "Asia/Tbilisi"
        assert owner.get("/today", host="console.shop.example").status == 200
        assert owner.get("/today", host="shop.example").status == 421
        # Behind one proxy tries are counted by the address that the proxy saw; what stands before it is anybody's word.
        for n in range(TRIES):
            said = running.browser().post(
                "/login", {"name": "nino", "password": "wrong wrong"}, x_forwarded_for=f"203.0.113.{n}, 192.0.2.1"
            )
            assert said.status == 401
        waits = running.browser().post("/login", {"name": "nino", "password": PASSWORD}, x_forwarded_for="192.0.2.1")
        assert waits.status == 429
        comes = running.browser().post("/login", {"name": "nino", "password": PASSWORD}, x_forwarded_for="192.0.2.2")
        assert comes.status == 303
    finally:
        running.stop()
