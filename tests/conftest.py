"""Fixtures of tests in several folders."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def process_as_it_was() -> Iterator[None]:
    """A gateway sets its process up for itself; the tests after it get theirs back."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.unfreeze()
