"""A list of parcels says to an order what the courier's webhook would have said, whichever of list and order came first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.importing.statements.test_import_lines import Folder
from tests.importing.statements.test_read_couriers import table

HEADER = "AWB No,Order ID,Status,Updated at"
ORDER = "id,placed_at,total,currency,status\n1001,2026-03-10 10:00,42.50,EUR,paid\n"


def shown(folder: Folder) -> list[dict]:
    done = folder.run("orders", "show", "1001", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in rows if row["row"] != "about"]


def states(folder: Folder) -> str:
    return json.dumps(shown(folder))


@pytest.mark.parametrize(
    ("word", "first", "state"),
    [("delivered", "order", ""), ("refused", "list", "order_returned"), ("lost", "order", "")],
)  # fmt: skip
def test_the_order_knows_what_became_of_its_parcel(tmp_path: Path, word: str, first: str, state: str) -> None:
    folder = Folder(tmp_path)
    parcels = folder.put("parcels.csv", table(f"T1,1001,{word},2026-03-12 10:00", header=HEADER))
    orders = folder.put("orders.csv", ORDER)
    for part in ("list", "order") if first == "list" else ("order", "list"):
        if part == "list":
            code, _, err = folder.take("parcels", parcels, "--source", "quick")
        else:
            code, _, err = folder.take("orders", orders, "--dataset", "1")
        assert code == 0, err
    before = states(folder)
    assert f"parcel T1 {word}" in before
    (order,) = [row for row in shown(folder) if row["row"] == "order"]
    assert state in ("", order["state"])
    code, _, err = folder.take("parcels", parcels, "--source", "quick")
    assert (code, states(folder)) == (0, before)
