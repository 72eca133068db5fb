"""(h, i) Contact values to hashes, against Meta's own Python SDK: one event at a time, and a whole table at once.

Both sides normalise and hash the same fields of the same invented shoppers. Every shopper is another one: e-mails, phones
and ids all differ, names, places and dates repeat as they do in life, half of the phones are written locally. Processor
time, best of several rounds of both sides in turn: the machine's other work only ever adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import duckdb
from facebook_business.adobjects.serverside.gender import Gender
from facebook_business.adobjects.serverside.user_data import UserData

from bench import Row, sized
from bench.purchase import shopper
from twofold.matching.bulk.columns import hash_columns
from twofold.matching.user_data import hash_user_data

ROUNDS, EVENTS, ROWS, CORES = sized(8, 1), sized(4_000, 8), sized(400_000, 100), 2
FIELDS = ("em", "ph", "fn", "ln", "db", "ge", "ct", "zp", "country")


def bench_normalising() -> list[Row]:
    """The ratio of shoppers per processor second for single events, and of rows per second for columns on two cores."""
    people = [_person(n) for n in range(EVENTS)]
    ours, theirs = _best(lambda: [hash_user_data(p) for p in people], lambda: [_sdk(p) for p in people])
    seconds_a_row = theirs / EVENTS
    columns = _columns() / ROWS / CORES
    return [
        Row(
            name="(h) nine contact fields of one event to hashes, against the official Python SDK",
            ratio=theirs / ours,
            target=3.0,
            detail=f"events per processor second; {EVENTS:,} different shoppers, half of the phones written locally",
        ),
        Row(
            name="(i) nine contact columns of a table to hashes on two cores, against the official Python SDK",
            ratio=seconds_a_row / columns,
            target=10.0,
            detail=f"rows per second, from processor time shared by two cores; {ROWS:,} different shoppers in memory, "
            "the SDK row by row on one core, which is all it uses; 20 is the stretch",
        ),
    ]


def _person(n: int) -> dict[str, str]:
    person = shopper(n)
    line = f"{2_000_000 + n * 37 % 7_999_999:07}"
    person["ph"] = (
        f"+1 650 {line[:3]} {line[3:]}",
        f"(415) {line[:3]}-{line[3:]}",
        f"+49 171 {line}",
        f"1-650-{line[:3]}-{line[3:]}",
    )[n % 4]
    person["ln"] += str(n * 7919 % 20_000)
    return person


def _sdk(person: dict[str, str]) -> object:
    user = UserData(
        email=person["em"], phone=person["ph"], first_name=person["fn"], last_name=person["ln"],
        date_of_birth=person["db"], gender=Gender.FEMALE, city=person["ct"], zip_code=person["zp"],
        country_code=person["country"],
    )  # fmt: skip
    return user.normalize()


def _best(*calls: Callable[[], object]) -> list[float]:
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for side, call in enumerate(calls):
            started = time.process_time()
            call()
            best[side] = min(best[side], time.process_time() - started)
    return best


def _columns() -> float:
    """Processor seconds for the table, the best of a few rounds."""
    with duckdb.connect(":memory:", config={"threads": CORES}) as connection:
        _fill(connection)
        best = float("inf")
        for _ in range(4):
            started = time.process_time()
            hash_columns(connection, "people", {f: f for f in FIELDS}, into="hashed")
            best = min(best, time.process_time() - started)
            connection.execute("DROP TABLE hashed")
    return best


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE people ({', '.join(f'{f} VARCHAR' for f in FIELDS)})")
    lists = ", ".join(f"unnest(${n + 1}::VARCHAR[])" for n in range(len(FIELDS)))
    for start in range(0, ROWS, 20_000):
        people = [_person(n) for n in range(start, min(start + 20_000, ROWS))]
        connection.execute(f"INSERT INTO people SELECT {lists}", [[p[f] for p in people] for f in FIELDS])
