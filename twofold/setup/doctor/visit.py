"""The order of a visit, and that one look that fails ends none of the others.

Owns the sequence only: the machine, the way in, the shop's page, what came, the platforms, the backup.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from twofold.config import Settings
from twofold.pulling.exchange import Exchange
from twofold.setup.doctor.arrivals import look_at_arrivals
from twofold.setup.doctor.machine import look_at_machine
from twofold.setup.doctor.outside import look_outside
from twofold.setup.doctor.platform import look_at_platforms
from twofold.setup.doctor.storefront import look_at_pages
from twofold.setup.finding import Finding, do, look, secrets_in, without_secrets

TIMEOUT_S = 8.0


def visit(
    settings: Settings, config: Path | None, now: float, *, test_code: str = "", tls: ssl.SSLContext | None = None
) -> Iterator[Finding]:
    """Everything, as it is found. ``now``: Unix s. No secret of the settings is in any finding."""
    exchange = Exchange(timeout_s=TIMEOUT_S, tries=1, tls=tls)
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("machine", lambda: look_at_machine(settings, config, now)),
        ("outside", lambda: look_outside(settings, exchange, now, tls)),
        ("pages", lambda: look_at_pages(settings, exchange)),
        ("arrivals", lambda: look_at_arrivals(settings, int(now * 1000))),
        ("platforms", lambda: look_at_platforms(settings, exchange, now, test_code)),
    )
    hidden = secrets_in(settings)
    for name, one in looks:
        try:
            for finding in one():
                yield without_secrets(finding, hidden)
        except PermissionError as err:
            yield do(name, f"{err.filename} may not be read by this user", "run this as the user of the gateway")
        except Exception as err:  # a doctor who falls over says so, and looks at the rest
            yield look(name, f"this look failed itself ({type(err).__name__}): please report it")
