"""The register and the matching: which account an event belongs to, and the rates that follow, counted by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from running_sandbox import DATASET, EMAIL, Running, purchase

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0"
# From the hash examples of Meta's customer information parameters page
MARY, SMITH, BORN, ZIP, CITY, US = (
    "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
    "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd",
    "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c",
    "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7",
    "0007a3d64c01e23d5075203c5977c14e4f7e01a3fc570686fcc50b5e1dd42685",
    "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
)
PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
APPENDIX = "AQICAQMC"  # the official Python builder 1.3.2, "net new"
FBP = "fb.1.1596403881668.1116446470"
FBC = "fb.1.1554763741205.AbCdEfGhIj"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


FAMILY = sha("family@example.com")
# Mary and Max share a telephone; Mary and Mia a full name; Mia and Max a mailbox.
PEOPLE = [
    {
        "id": "mary",
        "em": [EMAIL],
        "ph": PHONE,
        "fn": MARY,
        "ln": SMITH,
        "db": BORN,
        "zp": ZIP,
        "country": US,
        "fbp": [FBP],
        "fbc": FBC,
        "devices": [{"client_ip_address": "2001:db8::1", "client_user_agent": AGENT}],
    },
    {
        "id": "mia",
        "fn": MARY,
        "ln": SMITH,
        "zp": ZIP,
        "ct": CITY,
        "country": US,
        "lead_id": 123456789012345,
        "em": FAMILY,
    },
    {"id": "max", "em": [sha("max@example.com"), sha("max.old@example.com"), FAMILY], "ph": PHONE},
]


def load(sandbox: Running, people: object) -> requests.Response:
    return sandbox.http.post(f"{sandbox.base}/sandbox/people", json={"people": people}, timeout=60)


def rates(sandbox: Running, **query: str) -> dict[str, dict]:
    return {row["event_name"]: row for row in sandbox.read("match_rate", **query)}


def keys(row: dict) -> dict[str, tuple[int, int, int]]:
    return {key["key"]: (key["sent"], key["matched"], key["decided"]) for key in row["keys"]}


# what the event carries, who it is, which key decided
MATCHES = [
    ("hashed e-mail", {"em": EMAIL}, "em"),
    ("upper-case hash", {"em": [EMAIL.upper()]}, "em"),
    ("hash with the builder's suffix", {"em": f"{EMAIL}.{APPENDIX}"}, "em"),
    ("one of two values is known", {"em": [sha("nobody@example.com"), EMAIL]}, "em"),
    ("an old e-mail", {"em": sha("max.old@example.com")}, "em"),
    ("older spelling of the key", {"email": EMAIL}, "em"),
    ("fbp", {"fbp": FBP}, "fbp"),
    ("fbp with suffix", {"fbp": f"{FBP}.{APPENDIX}"}, "fbp"),
    ("fbc", {"fbc": FBC}, "fbc"),
    ("fbc with suffix", {"fbc": f"{FBC}.{APPENDIX}"}, "fbc"),
    ("fbc of the same click, stored at another time", {"fbc": "fb.2.1700000000000.AbCdEfGhIj"}, "fbc"),
    ("a click id in another case is another click", {"fbc": "fb.1.1554763741205.abcdefghij"}, None),
    ("lead id as a number", {"lead_id": 123456789012345}, "lead_id"),
    ("address and user agent together", {"client_ip_address": "2001:db8::1", "client_user_agent": AGENT}, "device"),
    (
        "the address in another spelling, with suffix",
        {"client_ip_address": f"2001:0db8:0:0::1.{APPENDIX}", "client_user_agent": AGENT},
        "device",
    ),
    ("address and another user agent", {"client_ip_address": "2001:db8::1", "client_user_agent": "curl/8"}, None),
    ("a shared telephone names nobody", {"ph": PHONE}, None),
    ("a shared telephone with a birth date", {"ph": PHONE, "db": BORN}, "db"),
    ("full name and birth date", {"fn": MARY, "ln": SMITH, "db": BORN}, "name"),
    ("full name and postcode of two people", {"fn": MARY, "ln": SMITH, "zp": ZIP}, None),
    ("full name, postcode and city of one of them", {"fn": MARY, "ln": SMITH, "zp": ZIP, "ct": CITY}, "name"),
    ("a full name alone", {"fn": MARY, "ln": SMITH, "country": US}, None),
    ("one describing key fits nobody", {"fn": MARY, "ln": SMITH, "db": BORN, "ct": sha("paris")}, None),
    ("the stronger key wins a contradiction", {"em": EMAIL, "lead_id": 123456789012345}, "lead_id"),
    ("a shared mailbox and a shared telephone have one in common", {"em": FAMILY, "ph": PHONE}, "ph"),
    ("a weaker key does not overrule a shared stronger one", {"em": FAMILY, "fbp": FBP}, None),
    ("an external id that nobody taught", {"external_id": "u1"}, None),
    ("a stranger", {"em": sha("nobody@example.com")}, None),
]


@pytest.mark.parametrize(("user_data", "by"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_each_key(sandbox: Running, user_data: dict, by: str | None) -> None:
    """One event with these keys is matched by this one, or by none."""
    assert load(sandbox, PEOPLE).status_code == 200
    assert sandbox.post([purchase(user_data=user_data)]).status_code == 200

    row = rates(sandbox)["Purchase"]
    assert (row["events"], row["matched"]) == (1, 1 if by else 0)
    assert [key for key, (_, _, decided) in keys(row).items() if decided] == ([by] if by else [])


def test_rate_per_event_and_key(sandbox: Running) -> None:
    """Four purchases, three matched; one lead, none; each key's own numbers; datasets and sources apart."""
    load(sandbox, PEOPLE)
    sandbox.post(
        [
            purchase(event_id="1", user_data={"em": EMAIL, "fbp": FBP}),
            purchase(event_id="2", user_data={"em": sha("nobody@example.com"), "fbp": FBP}),
            purchase(event_id="3", user_data={"em": sha("nobody@example.com"), "ph": PHONE}),
            purchase(event_name="Lead", event_id="4", user_data={"em": sha("nobody@example.com")}),
        ]
    )
    sandbox.pixel(ev="Purchase", eid="5", fbp=FBP)
    sandbox.post([purchase(user_data={"em": sha("nobody@example.com")})], dataset="77")

    found = rates(sandbox, dataset=DATASET)
    assert (found["Purchase"]["events"], found["Purchase"]["matched"], found["Purchase"]["match_rate"]) == (4, 3, 0.75)
    counted = keys(found["Purchase"])
    assert counted["em"] == (3, 1, 1)  # the second event is Mary's by fbp, and its e-mail is not hers
    assert counted["fbp"] == (3, 3, 2)
    assert counted["ph"] == (1, 0, 0)
    assert (found["Lead"]["events"], found["Lead"]["match_rate"]) == (1, 0.0)
    browser = rates(sandbox, dataset=DATASET, source="Browser")
    assert (browser["Purchase"]["events"], browser["Purchase"]["matched"]) == (1, 1)
    assert rates(sandbox, dataset="77")["Purchase"]["match_rate"] == 0.0


# seconds after the lesson, dataset -> is the id known
LESSONS = [(1, DATASET, True), (90 * 86_400, DATASET, True), (90 * 86_400 + 1, DATASET, False), (1, "77", False)]


@pytest.mark.parametrize(("later_s", "dataset", "known"), LESSONS)
@pytest.mark.parametrize("taught", [{"external_id": "u1"}, {"fbp": "fb.1.1600000000000.42"}])
def test_learned_identifiers(sandbox: Running, taught: dict, later_s: int, dataset: str, known: bool) -> None:
    """An event matched by e-mail teaches its dataset the ids beside it, for 90 days and no other dataset."""
    load(sandbox, PEOPLE)
    sandbox.post([purchase(event_id="1", user_data={"em": EMAIL, **taught})])
    sandbox.now += later_s * 1000
    sandbox.post([purchase(event_name="Lead", event_time=sandbox.now // 1000, user_data=taught)], dataset=dataset)

    assert rates(sandbox, dataset=dataset)["Lead"]["matched"] == int(known)


def test_external_id_before_fbp(sandbox: Running) -> None:
    """When both name somebody, the external id decides (documented)."""
    load(sandbox, [*PEOPLE, {"id": "zoe", "fbp": "fb.1.1600000000000.42"}])
    sandbox.post([purchase(event_id="1", user_data={"em": EMAIL, "external_id": "u1"})])
    both = {"external_id": "u1", "fbp": "fb.1.1600000000000.42"}
    sandbox.post([purchase(event_name="Lead", user_data=both)])

    assert keys(rates(sandbox)["Lead"])["external_id"] == (1, 1, 1)


def test_register_counts_as_known_from_the_start(sandbox: Running) -> None:
    """People loaded after their event are matched all the same; a replaced account loses its old values."""
    sandbox.post([purchase(user_data={"em": EMAIL})])
    assert rates(sandbox)["Purchase"]["matched"] == 0
    load(sandbox, PEOPLE)
    assert rates(sandbox)["Purchase"]["matched"] == 1
    load(sandbox, [{"id": "mary", "fbp": FBP}])
    assert rates(sandbox)["Purchase"]["matched"] == 0
    assert len(sandbox.read("people")) == 3


# body -> words of the answer
BAD_PEOPLE = [
    ([{"id": "a", "em": "john_smith@gmail.com"}], "people[0].em: expected SHA-256"),
    ([{"id": "a"}, {"em": EMAIL}], "people[1]"),
    ([{"id": "a", "mail": EMAIL}], "mail"),
    ("nobody", "expected a list"),
    ([{"id": ""}], "people[0].id"),
]


@pytest.mark.parametrize(("people", "words"), BAD_PEOPLE)
def test_refused_loads(sandbox: Running, people: object, words: str) -> None:
    """A bad person refuses the whole load, says where, and repeats no contact data."""
    answer = load(sandbox, people)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert "john_smith" not in answer.text
    assert sandbox.read("people") == []


def test_seeded_people(sandbox: Running) -> None:
    """The same seed makes the same people, all different; an event with one's plain data, hashed as documented, finds
    them."""
    body = {"seed": 7, "count": 300}
    made = sandbox.http.post(f"{sandbox.base}/sandbox/people/seed", json=body, timeout=60).json()["people"]
    again = sandbox.http.post(f"{sandbox.base}/sandbox/people/seed", json=body, timeout=60).json()["people"]
    assert made == again
    for key in ("id", "email", "phone", "fbp", "client_ip_address"):
        assert len({person[key] for person in made}) == 300

    person = made[123]
    sandbox.post([purchase(event_id="1", user_data={"ph": sha(person["phone"])})])
    sandbox.post([purchase(event_id="2", user_data={"em": sha(person["email"])})])
    sandbox.post(
        [
            purchase(
                event_id="3",
                user_data={key: person[key] for key in ("client_ip_address", "client_user_agent")},
            )
        ]
    )
    row = rates(sandbox)["Purchase"]
    assert (row["events"], row["matched"]) == (3, 3)


def test_kept_over_a_restart(start_sandbox: Callable[..., Running], tmp_path: Path) -> None:
    """The register comes back with the data folder, holds no contact data in the clear, and reset clears both."""
    first = start_sandbox(data=str(tmp_path))
    load(first, PEOPLE)
    first.http.post(f"{first.base}/sandbox/people/seed", json={"seed": 1, "count": 3}, timeout=60)
    first.post([purchase(user_data={"em": EMAIL})])
    before = first.read("people")
    first.close()
    assert len(before) == 6
    assert b"@example.com" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())

    second = start_sandbox(data=str(tmp_path))
    assert second.read("people") == before
    assert rates(second)["Purchase"]["matched"] == 1
    second.reset()
    second.close()

    third = start_sandbox(data=str(tmp_path))
    assert third.read("people") == []
