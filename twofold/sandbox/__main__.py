"""``python -m twofold.sandbox``: the sandbox alone, for tests of any sender. Prints one line when it is ready."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

import uvloop

from twofold.errors import ConfigError, TwofoldError
from twofold.sandbox.judge.diagnostics import CATALOGUE
from twofold.sandbox.server import SandboxSettings, serve
from twofold.sandbox.wire.dedup import ORDER_WINDOWS_MS, DedupOptions

ORDER_WINDOWS = dict(zip(("48h", "28d"), ORDER_WINDOWS_MS, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m twofold.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8401, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--data", help="folder that keeps what was received (default: memory only)")
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="TOKEN[=DATASET,...]",
        help="a known access token, with the datasets it may write to; repeat for more (default: any of 8 or more "
        "characters)",
    )
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="TOKEN=SCOPE,...",
        help="the only scopes of a token, e.g. read_ads_dataset_quality; repeat for more (default: all)",
    )
    parser.add_argument(
        "--order-id-rule",
        choices=ORDER_WINDOWS,
        help="deduplicate a Purchase by user and order id in this window, as for a few of Meta's partners (default: off)",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="DATASET=NAME",
        help="what people call a dataset; repeat for more (default: its id)",
    )
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="DIAGNOSTIC",
        help="a diagnostic that is meant so here: listed last, counted nowhere; repeat for more",
    )
    parser.add_argument("--app-secret", default="", help="require a fitting appsecret_proof")
    options = parser.parse_args()
    settings = settings_from(**vars(options))
    try:
        uvloop.run(serve(settings, on_ready=_announce))
    except TwofoldError as err:
        print(err, file=sys.stderr)
        return err.exit_code
    return 0


def settings_from(
    *,
    host: str,
    port: int,
    data: str | None,
    token: Iterable[str],
    scope: Iterable[str],
    order_id_rule: str | None,
    app_secret: str,
    name: Iterable[str] = (),
    accept: Iterable[str] = (),
) -> SandboxSettings:
    """Settings of the options as typed; ``order_id_rule`` is one of `ORDER_WINDOWS` or None."""
    return SandboxSettings(
        host=host,
        port=port,
        data=data,
        tokens=dict(map(parse_token, token)),
        scopes=dict(map(parse_token, scope)),
        app_secret=app_secret,
        names={dataset: text for dataset, _, text in (pair.partition("=") for pair in name)},
        accepted=_known(accept),
        dedup=DedupOptions(order_window_ms=None if order_id_rule is None else ORDER_WINDOWS[order_id_rule]),
    )


def _known(diagnostics: Iterable[str]) -> tuple[str, ...]:
    given = tuple(diagnostics)
    for name in given:
        if name not in CATALOGUE:
            raise ConfigError(f"--accept: unknown diagnostic {name}; docs/sandbox.md says where they are listed")
    return given


def parse_token(text: str) -> tuple[str, tuple[str, ...]]:
    """``TOKEN`` or ``TOKEN=DATASET,DATASET``, and the same with scopes."""
    token, _, rest = text.partition("=")
    return token, tuple(part for part in rest.split(",") if part)


def _announce(address: str) -> None:
    print(f"sandbox listening on {address}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
