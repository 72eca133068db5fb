"""Files that are dropped: seen before anything is kept, never on a disk, refused with their place, and only their person's.

Each file is read by a process of its own, which is what is tried: about twenty of them, at most a second each.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import signal
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_console import HOSTILE, Answer, Client, Running

from tests.importing.statements.test_camt import entry
from tests.importing.statements.test_import_lines import HEAD, Folder, payout, statement
from twofold.console.dropped.form import Malformed, TooLarge, Upload
from twofold.console.dropped.held import plain_name
from twofold.console.forms import CHANGE
from twofold.report.kept import kept

ORDERS = "order_id,placed_at,total,currency\n1001,2026-03-10,120.00,GEL\n1002,2026-03-10,12.00,GEL\n"
BOUNDARY = "----boundary"


def body_of(fields: dict[str, str], name: str, content: bytes) -> bytes:
    lines = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    shown = name.replace("\\", "\\\\").replace('"', '\\"')
    lines.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\nContent-Type: text/csv\r\n\r\n'
    )
    return "".join(lines).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(client: Client, body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    headers = {"cookie": client.cookie, "content-type": kind, "sec-fetch-site": "same-origin"}
    connection.request("POST", "/console/imports/drop", body, headers)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def drop(client: Client, name: str, content: str | bytes) -> str:
    """The address of the file's page, once it is read."""
    data = content if isinstance(content, bytes) else content.encode()
    answer = post(client, body_of({"csrf": client.csrf()}, name, data))
    assert answer.status == 303, answer.text
    path = answer.headers["location"].removeprefix("/console")
    wait(client, path)
    return path


def wait(client: Client, path: str) -> dict[str, Any]:
    for _ in range(600):
        about = about_of(client, path)
        if about["state"] not in ("taken", "reading", "keeping"):
            return about
        page = client.get(path)
        assert ("refresh" in page.headers) is ("asks again by itself" in page.text)
        time.sleep(0.1)
    raise AssertionError(path)


def about_of(client: Client, path: str) -> dict[str, Any]:
    first: dict[str, Any] = json.loads(client.get(f"{path}.json").text.splitlines()[0])
    return first


def rows_of(client: Client, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get(f"{path}.json").text.splitlines()[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("dropping"))
    assert (
        made.run("import", "orders", str(made.put("o.csv", ORDERS)), "--dataset", "1", "--ledger-only").returncode == 0
    )
    return made


@pytest.fixture(scope="module")
def running(folder: Folder) -> Iterator[Running]:
    running = Running(folder.data, folder.config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> Client:
    return running.owner()


@pytest.mark.process
def test_a_file_is_seen_first_and_kept_when_somebody_says_so(owner: Client, folder: Folder) -> None:
    """A payout: what it is stands in it; nothing is there before the word; the same file again changes nothing."""
    text = HEAD + payout(1) + payout(2) + payout(3, net="1.00")
    path = drop(owner, "Nino Beridze payout.csv", text)
    about = about_of(owner, path)
    assert (about["state"], about["kind"], about["total"], about["new"], about["known"]) == ("seen", "payouts", 2, 2, 0)
    (refused,) = rows_of(owner, path)
    assert (refused["line"], refused["column"], refused["reason"]) == (4, "net", "unbalanced_row")
    assert "116.22" in refused["expected"]
    assert folder.counts()["line"] == 0
    csrf = owner.csrf()
    assert owner.post(f"{path}/keep", {"csrf": csrf}).status == 303
    about = wait(owner, path)
    assert (about["state"], about["new"]) == ("kept", 2)
    assert folder.counts()["line"] == 2
    assert owner.post(f"{path}/keep", {"csrf": csrf}).status == 409
    assert [row["kind"] for row in rows_of(owner, "/imports")] == ["payouts"]
    again = about_of(owner, drop(owner, "payout.csv", text))
    assert (again["new"], again["known"], again["updated"]) == (0, 2, 0)
    (said,) = [one.facts for one in kept(folder.data, CHANGE) if one.facts["what"] == "imported a file"]
    assert (said["by"], said["kind"], said["sha256"], said["bytes"]) == ("nino", "payouts", about["digest"], len(text))
    assert "Beridze" not in json.dumps(said)
    assert folder.run("verify").returncode == 0


@pytest.mark.process
def test_orders_say_which_are_new_and_are_recorded_only(owner: Client, folder: Folder) -> None:
    """One known as it is, one known with another total, one that is new."""
    path = drop(owner, "o.csv", ORDERS.replace("12.00", "13.00") + "1003,2026-03-11,5.00,GEL\n")
    about = about_of(owner, path)
    assert (about["kind"], about["total"], about["new"], about["known"], about["updated"]) == ("orders", 3, 1, 1, 1)
    assert owner.post(f"{path}/keep", {"csrf": owner.csrf()}).status == 303
    about = wait(owner, path)
    assert (about["new"], about["known"], about["updated"]) == (1, 1, 1)


@pytest.mark.process
def test_what_does_not_close_is_named(owner: Client) -> None:
    path = drop(owner, "b.xml", statement(entry("50.00", ref="B1"), closing="151.00"))
    row = next(row for row in rows_of(owner, path) if row["what"] == "unbalanced")
    assert (row["opening"], row["entries"], row["closing"], row["difference"]) == ("100.00", "50.00", "151.00", "1.00")
    assert "What does not add up" in owner.get(path).text
    assert owner.post(f"{path}/away", {"csrf": owner.csrf()}).status == 303
    assert owner.get(path).status == 404


def bomb() -> bytes:
    """A workbook of some bytes that says of itself that it unpacks into two gigabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 1000)
        archive.infolist()[0].file_size = 2 << 30
    return out.getvalue()


@pytest.mark.process
def test_files_that_cannot_be_taken(owner: Client, folder: Folder) -> None:
    """Each is refused with a sentence, the console stays up, and nothing of any is kept; a formula is a text."""
    before = folder.counts()
    wanted = {
        "bomb.xlsx": (bomb(), "expected a workbook of at most"),
        "cut.xlsx": (b"PK\x03\x04 and nothing else", "expected an Excel workbook"),
        "picture.csv": (bytes(range(9)) * 500, "bytes that are no text"),
        "names.csv": (b"name,mail\nAnna,anna@shop.example\n", "choose the kind"),
        f"{HOSTILE}.csv": (b"a,b\n1,2\n", "choose the kind"),
        "archive.zip": (b"PK\x03\x04" + b"0" * 500, "got an archive"),
    }
    for name, (content, said) in wanted.items():
        path = drop(owner, name, content)
        about = about_of(owner, path)
        assert about["state"] == "unread", name
        page = owner.get(path).text
        assert said in page, (name, about["why"])
        assert "<img src=x" not in page
        assert "/proc/" not in page
        assert "anna@" not in page
    formula = HEAD + payout(9).replace("charge", '"=HYPERLINK(""http://x"")"')
    path = drop(owner, "formula.csv", formula)
    line = owner.get(f"{path}.csv").text.splitlines()[1]
    assert "=HYPERLINK" not in line.replace("'=HYPERLINK", "")
    assert folder.counts() == before
    assert owner.get("/today").status == 200


@pytest.mark.process
def test_forms_that_are_none(owner: Client) -> None:
    csrf = owner.csrf()
    assert post(owner, body_of({"csrf": csrf + "x"}, "a.csv", b"a")).status == 403
    assert post(owner, body_of({}, "a.csv", b"a")).status == 403
    assert post(owner, body_of({"csrf": csrf}, "a.csv", b"")).status == 400
    assert post(owner, b"csrf=" + csrf.encode(), "application/x-www-form-urlencoded").status == 400
    assert post(owner, body_of({"csrf": csrf}, "a.csv", b"0" * ((64 << 20) + 1))).status == 413
    path = drop(owner, "a.csv", ORDERS)
    for act in ("read", "keep", "away"):
        assert owner.post(f"{path}/{act}", {"csrf": "x"}).status == 403
        assert owner.get(f"{path}/{act}").status == 404
    assert owner.post(f"{path}/read", {"csrf": csrf, "kind": "bank"}).status == 303
    assert wait(owner, path)["state"] == "unread"
    assert owner.post(f"{path}/keep", {"csrf": csrf}).status == 409
    assert owner.post(f"{path}/read", {"csrf": csrf, "kind": "orders", "timezone": "Europe/Nowhere"}).status == 303
    assert "timezone" in wait(owner, path)["why"]


@pytest.mark.process
def test_a_file_is_its_person_s_alone(running: Running, owner: Client) -> None:
    path = drop(owner, "a.csv", ORDERS)
    accountant, auditor = running.person(owner, "accountant"), running.person(owner, "auditor")
    assert accountant.get(path).status == 404
    assert accountant.post(f"{path}/keep", {"csrf": accountant.csrf()}).status == 409
    assert drop(accountant, "a.csv", ORDERS)
    assert post(auditor, body_of({"csrf": auditor.csrf()}, "a.csv", b"a")).status == 404
    assert "imports/drop" not in auditor.get("/imports").text
    assert post(running.browser(), body_of({}, "a.csv", b"a")).status == 401


@pytest.mark.process
def test_a_console_that_is_killed_leaves_no_file(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the data folder nor where temporary files are."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for rest in folder.data.glob("console.db*"):
        rest.unlink()
    running = Running(folder.data, folder.config)
    client = running.owner()
    mark = "a-mark-that-is-nowhere-else"
    path = drop(client, "a.csv", ORDERS + f"{mark},2026-03-10,1.00,GEL\n" * 2000)
    assert about_of(client, path)["state"] == "seen"
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.communicate(timeout=60)
    for place in (folder.data, tmp_path):
        for file in place.rglob("*"):
            assert not file.is_file() or mark.encode() not in file.read_bytes(), file


# -- the form itself


async def taken(
    body: bytes, size: int, kind: str = f'multipart/form-data; boundary="{BOUNDARY}"', most: int = 10_000
) -> tuple[Any, ...]:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    found: list[bytes] = []
    named: list[str] = []
    upload = Upload(kind, lambda fields, name: (named.append(name), found.append)[1], most)
    await upload.read(chunks())
    return upload.fields, named, b"".join(found)


FILES = [
    b"",
    b"a",
    b"\r\n",
    f"\r\n--{BOUNDARY[:-1]}\r\n".encode(),
    b"\r\n\r\n--\r\n-",
    bytes(range(256)) * 3,
    f"--{BOUNDARY}".encode(),
]


@pytest.mark.parametrize("content", FILES)
def test_a_form_is_the_same_however_it_is_cut(content: bytes) -> None:
    body = body_of({"csrf": "x", "kind": ""}, "ა.csv", content)
    for size in (1, 2, 3, 7, 61, len(body)):
        fields, (name,), data = asyncio.run(taken(body, size))
        assert (fields, data) == ({"csrf": "x", "kind": ""}, content), size
        assert name


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", None), (b"--" + BOUNDARY.encode() + b"--\r\n", None), (body_of({}, "a", b"x")[:-30], None), (body_of({}, "a", b"x"), "text/plain"),
        (body_of({}, "a", b"x"), "multipart/form-data"), (body_of({"x": "y" * 3000}, "a", b"x"), None),
        (body_of({f"f{n}": "" for n in range(30)}, "a", b"x"), None), (b"x" * 9000, None),
        (f"--{BOUNDARY}\r\nX: y\r\n\r\nz\r\n--{BOUNDARY}--".encode(), None), (f"--{BOUNDARY}\r\n".encode() + b"X" * 9000, None),
    ],
)  # fmt: skip
def test_a_form_that_is_none_is_no_form(body: bytes, kind: str | None) -> None:
    with pytest.raises(Malformed):
        asyncio.run(taken(body, 50, kind or f"multipart/form-data; boundary={BOUNDARY}"))


def test_a_file_that_is_too_large_is_stopped() -> None:
    assert asyncio.run(taken(body_of({}, "a", b"x" * 100), 7, most=100))[2] == b"x" * 100
    with pytest.raises(TooLarge):
        asyncio.run(taken(body_of({}, "a", b"x" * 101), 7, most=100))


@pytest.mark.parametrize(
    ("given", "shown"),
    [("/etc/passwd", "passwd"), ("C:\\bank\\may.csv", "may.csv"), ("", "file"), ("..", ".."), ("a\n\x00b", "a__b"), ("x" * 200 + ".csv", "…" + "x" * 116 + ".csv")],
)  # fmt: skip
def test_a_name_without_its_folders(given: str, shown: str) -> None:
    assert plain_name(given) == shown
