"""SIGKILL at any moment under load, thousands of times: nothing acknowledged is gone, and all of it arrives."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.lasting.counting_platform import Platform
from tests.lasting.folder_books import Broken, FolderBooks
from tests.lasting.forked import Lives
from tests.lasting.results import Progress
from tests.lasting.steady_senders import DATASET, KEY, Shoppers
from tests.ports import free_port

CHAPTER = 200  # kills of one folder; then it is closed, verified and another begun
BATCH = 20
LATEST_S = 0.3  # after it listens
TOML = """
[server]
data = "{data}"
port = {port}
[[dataset]]
id = "{dataset}"
key = "{key}"
hold_s = {{ Purchase = 0.3 }}
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
batch = {batch}
"""


def kill_often(
    progress: Progress, kills: int, until: float, tell: Callable[[], None], defect: str = "", rate: float = 0.0
) -> None:
    """Until so many in all, or that moment. ``rate``: see `Shoppers`. Raises `Broken`."""
    while progress["kills"] < kills and time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="twofold-kills-") as name:
            _chapter(Path(name), progress, min(CHAPTER, kills - progress["kills"]), until, tell, defect, rate)


def _chapter(
    room: Path, progress: Progress, kills: int, until: float, tell: Callable[[], None], defect: str, rate: float
) -> None:
    platform, port = Platform(), free_port()
    shoppers, books = Shoppers(port, rate=rate), FolderBooks(room / "data")
    lives = Lives(config_at(room, port, platform.url), room / "log", defect)
    chance, done = random.Random(progress["kills"]), 0
    try:
        lives.begin()
        shoppers.begin()
        while done < kills and time.monotonic() < until:
            time.sleep(chance.uniform(0, LATEST_S))
            told = shoppers.told()
            lives.kill()
            done += 1
            progress.most(slowest_start_s=round(lives.begin(), 2))
            books.look(told)
            progress.add(kills=1)
            tell()
        shoppers.end()
        books.look(shoppers.told())
        books.await_delivery()
        lives.signal(signal.SIGTERM)
        if code := lives.ended():
            raise Broken(f"ended with {code} when it was asked to")
        repeats = books.close(shoppers.told(), platform, BATCH, done)
        if shoppers.refused:
            raise Broken(f"good events were refused: {shoppers.refused[0]}")
        progress.add(events=len(shoppers.told()), repeats=repeats)
    finally:
        shoppers._stop.set()
        lives.close()
        platform.close()


def config_at(room: Path, port: int, endpoint: str, data: Path | None = None) -> Path:
    config = room / "twofold.toml"
    config.write_text(
        TOML.format(data=data or room / "data", port=port, dataset=DATASET, key=KEY, endpoint=endpoint, batch=BATCH),
        encoding="utf-8",
    )
    return config
