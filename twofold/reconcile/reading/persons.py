"""Who bought: orders that share an address, a telephone or a customer number are one customer's.

Owns the joining. A name alone joins nobody. The customer is named by the least of its digests, so that the same orders give
the same names in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

JOINING = ("email:", "phone:", "customer:")


def customers_of(digests: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Order to its customer. ``digests``: order to "kind:hex" of its buyer; who has none is nobody."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while root.setdefault(key, key) != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for found in digests.values():
        joining = [d for d in found if d.startswith(JOINING)]
        for other in joining[1:]:
            one, two = sorted((find(joining[0]), find(other)))
            root[two] = one
    return {
        order: find(next(d for d in found if d.startswith(JOINING)))
        for order, found in digests.items()
        if any(d.startswith(JOINING) for d in found)
    }
