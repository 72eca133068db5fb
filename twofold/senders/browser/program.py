"""Where Chromium is on this machine.

Owns the names under which it is looked for. Starting it is `wire`'s, and for a page's print `acceptance`'s.
"""

from __future__ import annotations

import shutil

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The program's path; None where there is none."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
