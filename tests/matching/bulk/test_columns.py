"""Columns against single values: both ways must make the same of every text, and the table must stay in order."""

from __future__ import annotations

import random

import duckdb
import phonenumbers
import pytest

from tests.messy_values import values
from twofold.event.model import Hashed
from twofold.matching.bulk.columns import hash_columns
from twofold.matching.normalise import FORMS
from twofold.matching.user_data import hash_user_data

COUNTRIES = ["US", "us", "United States", "DE", "gb", "IT", "GE", "Japan", "BR", "AR", "nowhere", "", None]


def table(columns: dict[str, list[str | None]]) -> duckdb.DuckDBPyConnection:
    """A database in memory with table ``people``: the columns, and ``row`` counting from 0."""
    connection = duckdb.connect()
    names = ", ".join(f"{name} VARCHAR" for name in columns)
    connection.execute(f"CREATE TABLE people (row BIGINT, {names})")
    lists = ", ".join(f"unnest(${n + 2}::VARCHAR[])" for n in range(len(columns)))
    rows = len(next(iter(columns.values())))
    connection.execute(
        f"INSERT INTO people SELECT unnest($1::BIGINT[]), {lists}", [list(range(rows)), *columns.values()]
    )
    return connection


def alone(field: str, text: str | None, country: str | None, default: str) -> str | None:
    """The hash that one event with this value alone gets."""
    raw = {"country": country, field: text} if field != "country" else {field: text}
    found: tuple[Hashed, ...] = getattr(hash_user_data(raw, default_country=default, lenient=True)[0], field)
    return found[0].hex if found else None


def differences(connection, field: str, texts, countries, default="") -> list[object]:
    made = connection.execute(f"SELECT row, {field}_sha256 FROM hashed").fetchall()
    assert [row for row, _ in made] == list(range(len(texts)))
    return [
        (text, country, hexes)
        for (_, hexes), text, country in zip(made, texts, countries, strict=True)
        if hexes != alone(field, text, country, default)
    ]


@pytest.mark.parametrize("default", ["", "de"])
@pytest.mark.parametrize("field", sorted(FORMS.keys() - {"country"}))
def test_messy_texts_as_one_by_one(field, default):
    """Every messy text with any country gets the hash, or none, that it would get in an event of its own."""
    chance = random.Random(7)
    texts = [*values(2000), None, *values(0)]
    countries = [chance.choice(COUNTRIES) for _ in texts]
    connection = table({"text": texts, "where_": countries})
    [report] = hash_columns(
        connection, "people", {field: "text"}, into="hashed", country_column="where_", default_country=default
    )
    assert differences(connection, field, texts, countries, default) == []
    assert report.given == sum(bool(t) for t in texts)
    assert report.given == report.hashed + report.already + report.unusable + report.broken


def test_the_country_column_itself():
    """Country names and codes become codes, and the hash of the code."""
    connection = table({"text": values(500)})
    hash_columns(connection, "people", {"country": "text"}, into="hashed")
    assert differences(connection, "country", values(500), [None] * len(values(500))) == []


def many_phones() -> list[tuple[str, str]]:
    """15,000 different numbers as written at home and abroad, right and slightly wrong, in twelve countries."""
    chance = random.Random(11)
    found = {}
    while len(found) < 15_000:
        region = chance.choice(["US", "US", "DE", "GB", "IT", "GE", "JP", "BR", "AR", "TR", "IN", "FR", "RU"])
        example = phonenumbers.example_number_for_type(region, chance.choice([0, 1]))
        national = list(phonenumbers.national_significant_number(example))
        for _ in range(4):
            national[chance.randrange(len(national))] = chance.choice("0123456789")
        digits = "".join(national)
        code = str(example.country_code)
        text = chance.choice([f"0{digits}", digits, f"1{digits}", f"+{code} {digits}", f"00{code}{digits}", f"{code}{digits}",
                              f"({digits[:3]}) {digits[3:]}", f"0{digits[:3]}/{digits[3:]}", f"+{code} (0){digits}"])  # fmt: skip
        found[text] = region.lower()
    return list(found.items())


def test_many_different_phones():
    """Numbers hashed in SQL are those that `event` makes, country by country."""
    texts, countries = zip(*many_phones(), strict=True)
    connection = table({"text": list(texts), "where_": list(countries)})
    [report] = hash_columns(connection, "people", {"ph": "text"}, into="hashed", country_column="where_")
    assert differences(connection, "ph", texts, countries) == []
    assert report.apart < report.given * 0.6  # many went the short way, or this test proves nothing about it


MANY = {
    "em": lambda n, c: c.choice([f" Jane.{n}@Example.com", f"jane{n}@exam ple.com", f"jörg{n}@example.de", f"{n}@b", f"{n:064x}", f"{n:064X}"]),
    "ln": lambda n, c: c.choice([f"Smith-{n}", f"Мюллер {n}", f"O’{n}", f"{n:x} (née Łoś)", f"{n:060x}"]),
    "db": lambda n, c: c.choice([f"{1900 + n % 120}-0{1 + n % 9}-{10 + n % 25}", f"{n}", f"1/{n % 40}/{n}", f"{20000101 + n}"]),
    "zp": lambda n, c: c.choice([f"{n:05}", f"{n:05}-{n % 10_000:04}", f"AB{n} 1cd", f"{n % 1000:03}-{n:04}"]),
    "external_id": lambda n, c: c.choice([f"Customer-{n}", f"customer {n}", f"İd{n}", f"{n:032x}", f"{n:064x}.AQICAQMC"]),
}  # fmt: skip


@pytest.mark.parametrize("field", MANY)
def test_many_different_texts(field):
    """Columns of many distinct texts, which are not looked up but computed, get the same hashes and true counts."""
    chance = random.Random(13)
    texts = [MANY[field](n, chance) for n in range(16_000)]
    countries = [chance.choice(["us", "gb", None]) for _ in texts]
    connection = table({"text": texts, "where_": countries})
    [report] = hash_columns(connection, "people", {field: "text"}, into="hashed", country_column="where_")
    assert differences(connection, field, texts, countries) == []
    kinds = [alone(field, t, c, "") for t, c in zip(texts, countries, strict=True)]
    assert report.unusable + report.broken == kinds.count(None)
    assert report.given == report.hashed + report.already + report.unusable + report.broken == len(texts)


def test_nothing_in_the_clear_is_left():
    """The new table has no contact column, and the temporary tables and types are gone."""
    connection = table({"mail": values(50), "note": ["kept"] * len(values(50)), "land": values(50)})
    hash_columns(connection, "people", {"em": "mail", "country": "land"}, into="hashed")
    assert [row[0] for row in connection.execute("DESCRIBE hashed").fetchall()] == [
        "row",
        "note",
        "em_sha256",
        "country_sha256",
    ]
    left = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION SELECT type_name FROM duckdb_types() WHERE NOT internal"
    ).fetchall()
    assert {name for (name,) in left} == {"people", "hashed"}


def test_an_empty_table():
    """No rows, no error, no hashes."""
    connection = table({"mail": ["x"]})
    connection.execute("DELETE FROM people")
    [report] = hash_columns(connection, "people", {"em": "mail"}, into="hashed", country_column="mail")
    assert (report.given, connection.execute("SELECT count(*) FROM hashed").fetchone()) == (0, (0,))


def test_whole_numbers_are_their_digits():
    """A column of numbers is read as text."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE people AS SELECT 16505551212 AS phone, 94025 AS zip")
    hash_columns(connection, "people", {"ph": "phone", "zp": "zip"}, into="hashed", default_country="us")
    assert connection.execute("FROM hashed").fetchone() == (
        "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
        "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7",
    )


@pytest.mark.parametrize("field", ["em", "external_id", "fn", "ph"])
def test_the_hash_of_nothing_is_nobodys(field):
    """SHA-256 of the empty text, as many programs send it; another hash beside it is kept as it is."""
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    texts = [nothing, nothing.upper(), "a" * 64]
    connection = table({"text": texts})
    [report] = hash_columns(connection, "people", {field: "text"}, into="hashed")
    assert connection.execute(f"SELECT {field}_sha256 FROM hashed ORDER BY row").fetchall() == [
        (None,),
        (None,),
        ("a" * 64,),
    ]
    assert (report.given, report.hashed, report.already) == (3, 0, 1)


def test_an_unknown_field():
    """The error names the field and the known ones."""
    with pytest.raises(KeyError, match="unknown field mail; expected any of em"):
        hash_columns(duckdb.connect(), "people", {"mail": "mail"}, into="hashed")
