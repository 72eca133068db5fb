"""The search box: an order by number, an event by id, a person by address, and nothing of what was typed kept anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_console import HOSTILE, Client, Running, configuration


@pytest.fixture(scope="module")
def running(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = tmp_path_factory.mktemp("search")
    shutil.copytree(
        filled.parent / "data", made / "data", ignore=shutil.ignore_patterns("console.db*", "lock", "*.sock")
    )
    config = configuration(made)
    config.write_text(
        config.read_text().replace("[[dataset]]\n", '[[dataset]]\nname = "Mugs of Tbilisi"\n'), encoding="utf-8"
    )
    one = Running(made / "data", config)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> Client:
    return running.owner()


@pytest.mark.process
@pytest.mark.parametrize("text", ["5001", "#5001", " 5001 "])
def test_an_order_by_the_number_its_people_know(owner: Client, text: str) -> None:
    answer = owner.post("/find", {"csrf": owner.csrf(), "q": text})
    assert (answer.status, answer.headers["location"]) == (303, "/console/orders/5001?dataset=1001")


@pytest.mark.process
def test_an_event_by_its_id(owner: Client) -> None:
    answer = owner.post("/find", {"csrf": owner.csrf(), "q": "e0"})
    assert answer.status == 303
    assert "e0" in owner.get(answer.headers["location"].removeprefix("/console")).text


@pytest.mark.process
def test_a_person_by_address_and_nothing_of_it_is_kept(owner: Client, running: Running) -> None:
    """All three orders are Anna's; an address that nobody has finds nothing; neither stands in a page, an address or a file."""
    answer = owner.post("/find", {"csrf": owner.csrf(), "q": "Anna@shop.example"})
    assert answer.status == 200
    for number in ("5001", "5002", "5003"):
        assert f"/orders/{number}?" in answer.text
    other = owner.post("/find", {"csrf": owner.csrf(), "q": "nobody-has-this@shop.example"})
    assert "Nothing is kept of this" in other.text
    assert "shop.example" not in answer.text + other.text
    kept = b"".join(p.read_bytes() for p in running.folder.iterdir() if p.is_file())
    assert b"nobody-has-this" not in kept


@pytest.mark.process
@pytest.mark.parametrize(
    ("text", "status"), [("", 409), ("x" * 201, 409), ("a\x00b", 409), (HOSTILE, 200), ("nothing-like-it", 200)]
)
def test_what_finds_nothing(owner: Client, text: str, status: int) -> None:
    answer = owner.post("/find", {"csrf": owner.csrf(), "q": text})
    assert answer.status == status or (text == HOSTILE and answer.status == 303)  # an order has this number
    assert "<script>alert" not in answer.text


@pytest.mark.process
def test_a_form_without_its_token_finds_nothing(owner: Client, running: Running) -> None:
    assert owner.post("/find", {"csrf": "wrong", "q": "5001"}).status == 403
    assert running.browser().post("/find", {"q": "5001"}).status == 401


@pytest.mark.process
def test_every_page_says_how_old_its_data_are(owner: Client) -> None:
    owner.get("/events")
    assert "Last event" in owner.get("/orders").text
