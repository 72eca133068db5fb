"""What a process still knows in plain: bounded, never what points to one person, and gone when it is to be forgotten."""

from __future__ import annotations

import gc

from twofold.matching.user_data import forget_known, hash_user_data, known_values

PERSON = {
    "em": "quentin.zzyzx@example.com", "ph": "16505550188", "external_id": "cust-zzyzx-1", "fn": "Quentinzz", "ln": "Zzyzxson",
    "db": "19710203", "ge": "m", "ct": "Zzyzxville", "st": "ca", "zp": "94099", "country": "us",
}  # fmt: skip


def remembered() -> set[str]:
    """Which values of the person are keys of the tables that are kept from request to request."""
    gc.unfreeze()  # what was loaded before the tests is seen, too
    tables = [o for o in gc.get_objects() if type(o).__name__ == "_Known"]
    return {name for name, text in PERSON.items() if any(text in table for table in tables)}


def test_what_is_remembered_is_forgotten() -> None:
    forget_known()
    assert known_values() == 0
    first = hash_user_data(PERSON, default_country="us")
    kept = known_values()
    assert kept == 8  # names, date, gender, city, country, state and postal code
    assert remembered() >= {"fn", "ln", "ct", "zp", "db"}
    assert not remembered() & {"em", "ph", "external_id"}
    forget_known()
    assert known_values() == 0
    assert not remembered() & {"fn", "ln", "ct", "st", "zp", "db"}
    assert hash_user_data(PERSON, default_country="us") == first


def test_it_stays_bounded() -> None:
    forget_known()
    for n in range(20_000):
        hash_user_data({"em": "a@b.example", "fn": f"name{n}", "zp": f"{n:05}"}, default_country="us")
    assert known_values() <= 8_192 + 2_048 + 2
    forget_known()
