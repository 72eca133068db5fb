"""Who bought: orders that certainly share an address, a customer number or a telephone are one customer's.

Owns the joining, by the people rules of stitching: only what is unambiguous joins. An e-mail address always does. A customer
number joins the orders that carry it as long as they name one e-mail address at most, and is its own dataset's: shops number
alike. A telephone joins them as long as they name one address and one customer at most: a till's, or a family's, joins nobody.
A name joins nobody ever. An order of which only ambiguous things are known is nobody's, like one of which nothing is known.

Addresses, numbers and telephones are forgotten in time. Each order has a random customer number beside them, and those of one
customer share one before that: an order of which nothing else is left is whose its number says.

The customer is named by the least of its digests, so that the same orders give the same names in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

EMAIL, CUSTOMER, PHONE = "email", "customer", "phone"
CONTACTS = (EMAIL, CUSTOMER, PHONE)
"""Kinds of digests that join orders, the surest first."""

NUMBER, LATE_NUMBER = "recognised", "recognised_late"
"""Kinds of random customer numbers; the second of an order that was first told when keys of earlier ones had been forgotten, so that its
buyer may be an old one. Their names sort last: a customer has another name as long as there is one."""
NUMBERS = (NUMBER, LATE_NUMBER)
JOINING = (*CONTACTS, *NUMBERS)
"""All kinds by which orders are one customer's."""


def customers_of(orders: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Order to its customer; who cannot be told is not in it. ``orders``: order to its dataset and its buyer's digests, as
    "kind:hex"."""
    kinds = {order: _by_kind(dataset, digests) for order, (dataset, digests) in orders.items()}
    groups = _Groups()
    for found in kinds.values():
        groups.join(found[EMAIL])
        groups.join(found[NUMBER])
        if found[EMAIL]:
            groups.join([found[EMAIL][0], *found[NUMBER]])
    unclear: set[str] = set()
    for kind, sure in ((CUSTOMER, (EMAIL,)), (PHONE, (EMAIL, CUSTOMER))):
        named: dict[str, set[str]] = {}
        for found in kinds.values():
            for key in found[kind]:
                named.setdefault(key, set()).update(groups.of(k) for s in sure for k in found[s] if k not in unclear)
        unclear |= {key for key, others in named.items() if len(others) > 1}
        for found in kinds.values():
            keys = [k for of in (*sure, kind) for k in found[of] if k not in unclear]
            groups.join([*keys, *found[NUMBER]] if keys else ())
    told = {order: _told(found, unclear) for order, found in kinds.items()}
    return {order: groups.of(keys[0]) for order, keys in told.items() if keys}


def _told(found: Mapping[str, Sequence[str]], unclear: set[str]) -> list[str]:
    """By what a customer is told: what is unambiguous; where all was forgotten, the number."""
    if any(found[kind] for kind in CONTACTS):
        return [k for kind in CONTACTS for k in found[kind] if k not in unclear]
    return list(found[NUMBER])


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
    found: dict[str, list[str]] = {kind: [] for kind in (*CONTACTS, NUMBER)}
    for digest in digests:
        kind, _, value = digest.partition(":")
        if kind in NUMBERS:
            found[NUMBER].append(f"{NUMBER}:{value}")
        elif kind in found:
            found[kind].append(f"{digest}/{dataset}" if kind == CUSTOMER else digest)
    return found
