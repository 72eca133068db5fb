"""The derived tables, brought up to date beside the pages that ask them.

Owns how long a page waits for that, and how often it is done: what took a second is done again after twenty, as the machine is the
gateway's. The work itself is the owner's of the folder (`control.tables`). A page that did not wait says of when its figures are.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from twofold.config import Settings
from twofold.control.tables import are_current, make_tables
from twofold.errors import FactsError, StoreError
from twofold.store.beside.folder import is_open

FIRST_S, WAIT_S = 30.0, 0.5
"""So long a page waits for tables to be made: for the first ones, and where there are older ones to be shown meanwhile."""
TIMES, MOST_PAUSE_S = 20, 600.0
LEFT = "No gateway runs, and this console waits for the next one: start twofold serve, which makes the tables of reports anew."
UNDER_WAY = "The tables of reports are being made; load the page again in a moment."


class Making:
    """One data folder's. Each call of `bring` is a page's. ``gateway``: the process that started the console, 0 for a person. Where that
    is gone the folder is left for the next gateway, whose start would find it taken."""

    def __init__(self) -> None:
        self.gateway = 0
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again_at = 0.0
        self._error = ""

    def bring(self, settings: Settings, wait_s: float) -> str:
        """Why the tables are not of now, as far as it waited; empty where they are."""
        if self.gateway and os.getppid() != self.gateway and not is_open(Path(settings.server.data)):
            return "" if _are_current(settings) else LEFT
        with self._turn:
            thread = self._thread
            if thread is None or not thread.is_alive():
                if time.monotonic() < self._again_at:
                    return self._error or ("" if _are_current(settings) else UNDER_WAY)
                thread = self._thread = threading.Thread(
                    target=self._make, args=(settings,), name="tables", daemon=True
                )
                thread.start()
        thread.join(wait_s)
        return UNDER_WAY if thread.is_alive() else self._error

    def _make(self, settings: Settings) -> None:
        began, error, did = time.monotonic(), "", False
        try:
            did = make_tables(settings, turn_s=0.0)  # the page says who has the folder, and is there all the same
        except (FactsError, StoreError, OSError) as err:
            error = str(err)
        took = time.monotonic() - began
        self._error = error
        self._again_at = began + took + (min(TIMES * took, MOST_PAUSE_S) if did else 0.0)


def _are_current(settings: Settings) -> bool:
    try:
        return are_current(settings)
    except (FactsError, StoreError, OSError):
        return False


_of_folders: dict[str, Making] = {}
_registry = threading.Lock()


def bring_tables(settings: Settings, are_there: bool, patience_s: float = FIRST_S) -> str:
    """Before a page asks the tables: why they are not of now, empty where they are. ``patience_s``: the page waits no longer."""
    return _making(settings).bring(settings, min(patience_s, WAIT_S if are_there else FIRST_S))


def begun_by(settings: Settings, gateway: int) -> None:
    """Once, at the console's start: which gateway it belongs to."""
    _making(settings).gateway = gateway


def _making(settings: Settings) -> Making:
    with _registry:
        return _of_folders.setdefault(settings.server.data, Making())
