"""Who bought: orders that certainly share an address, a customer number or a telephone are one customer's.

Owns the joining, by the people rules of stitching: only what is unambiguous joins. An e-mail address always does. A customer
number joins the orders that carry it as long as they name one e-mail address at most, and is its own dataset's: shops number
alike. A telephone joins them as long as they name one address and one customer at most: a till's, or a family's, joins nobody.
A name joins nobody ever. An order of which only ambiguous things are known is nobody's, like one of which nothing is known.

The customer is named by the least of its digests, so that the same orders give the same names in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

EMAIL, CUSTOMER, PHONE = "email", "customer", "phone"
JOINING = (EMAIL, CUSTOMER, PHONE)
"""Kinds of digests that join orders, the surest first."""


def customers_of(orders: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Order to its customer; who cannot be told is not in it. ``orders``: order to its dataset and its buyer's digests, as
    "kind:hex"."""
    kinds = {order: _by_kind(dataset, digests) for order, (dataset, digests) in orders.items()}
    groups = _Groups()
    for found in kinds.values():
        groups.join(found[EMAIL])
    unclear: set[str] = set()
    for kind, sure in ((CUSTOMER, (EMAIL,)), (PHONE, (EMAIL, CUSTOMER))):
        named: dict[str, set[str]] = {}
        for found in kinds.values():
            for key in found[kind]:
                named.setdefault(key, set()).update(groups.of(k) for s in sure for k in found[s] if k not in unclear)
        unclear |= {key for key, others in named.items() if len(others) > 1}
        for found in kinds.values():
            groups.join(k for of in (*sure, kind) for k in found[of] if k not in unclear)
    told = {order: [k for k in JOINING for k in found[k] if k not in unclear] for order, found in kinds.items()}
    return {order: groups.of(keys[0]) for order, keys in told.items() if keys}


class _Groups:
    """Digests that hang together, each named by the least of them."""

    def __init__(self) -> None:
        self._root: dict[str, str] = {}

    def of(self, key: str) -> str:
        root = self._root
        while root.setdefault(key, key) != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    def join(self, keys: Iterable[str]) -> None:
        roots = sorted({self.of(key) for key in keys})
        for other in roots[1:]:
            self._root[other] = roots[0]


def _by_kind(dataset: str, digests: Sequence[str]) -> dict[str, list[str]]:
    """The joining ones; a customer number with its dataset behind it."""
    found: dict[str, list[str]] = {kind: [] for kind in JOINING}
    for digest in digests:
        kind = digest.partition(":")[0]
        if kind in found:
            found[kind].append(f"{digest}/{dataset}" if kind == CUSTOMER else digest)
    return found
