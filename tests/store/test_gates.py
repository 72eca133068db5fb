"""The gates as a running gateway has them: all of them, in their order, with the settings of its datasets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twofold.app import Gateway
from twofold.config import settings_from

DATASET = "1234567890"


@contextmanager
def gateway(folder: Path, **dataset: Any) -> Iterator[Gateway]:
    """One that is put together and never started; its connections are closed."""
    tree = {
        "server": {"data": str(folder), "port": 0},
        "dataset": [{"id": DATASET, "key": "key-of-the-first-dataset", **dataset}],
    }
    made = Gateway(settings_from(tree, environ={}))
    try:
        yield made
    finally:
        made.store.watermark.close(clean=False)
        made.store._engine.close()


def names(gates: Any) -> list[str]:
    return [gate.__qualname__ for gate in gates]


def test_a_gateway_names_its_gates(tmp_path: Path) -> None:
    """What is asked before a first attempt and before a further one; the outbox asks these and no others."""
    with gateway(tmp_path) as running:
        assert names(running.store.gates.first) == [
            "StitchGate.stitch",
            "Withdrawals.stops",
            "HoldGate.judge",
            "AddresseeGate.judge",
            "OrderGate.judge",
            "TrustGates.gate_bots",
            "TrustGates.gate_limits",
            "TrustGates.gate_unconfirmed",
            "ValueGate.judge",
            "ErasedGate.judge",
        ]
        assert names(running.store.gates.again) == [
            "Withdrawals.stops",
            "Superseded.stops",
            "StitchGate.recheck",
            "OrderGate.recheck",
        ]
        assert running.store._outbox.gates is running.store.gates


def test_its_gates_know_its_settings(tmp_path: Path) -> None:
    """The rules of the dataset reach the gates that judge by them."""
    with gateway(tmp_path, bots="send", trust={"confirm_s": {"Purchase": 90}, "unconfirmed": "drop"}) as running:
        trust = running.store.gates.first[5].__self__  # type: ignore[attr-defined]
        policy = trust._policies[DATASET]
        assert not policy.suppress_bots
        assert policy.trust.confirm_ms == {"Purchase": 90_000}
        assert policy.trust.drop_unconfirmed
