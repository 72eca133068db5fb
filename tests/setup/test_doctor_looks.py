"""Each look of the doctor by itself: a way in that is broken in one place, a page as shops serve it, a token as Meta answers it."""

from __future__ import annotations

import ast
import contextlib
import json
import shlex
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import twofold
from tests.command_line import whole_command
from tests.pulling.stand_in import Asked, Reply, standing_in
from twofold import tag
from twofold.backup.state import note_backup
from twofold.collect.doors.seen import Seen, decode_seen
from twofold.commands.setup.doctor import COMMAND, with_file
from twofold.config import Settings, settings_from
from twofold.pulling.exchange import Exchange
from twofold.report.period import journal_of
from twofold.setup.doctor.arrivals import ago, asked, webhooks
from twofold.setup.doctor.machine import backup, files
from twofold.setup.doctor.outside import STRANGER, certificate, look_outside, name_of
from twofold.setup.doctor.platform import token
from twofold.setup.doctor.storefront import judge_page, look_at_pages
from twofold.setup.finding import Finding, do, secrets_in, without_secrets
from twofold.store.fetches import book
from twofold.store.sqlite.database import Engine

ROOM = Path(twofold.__file__).parent
TLS = Path(__file__).parents[1] / "fakes" / "tls"
NOW = 1_790_000_000.0
NOW_MS = int(NOW * 1000)
DAY, HOUR = 86_400, 3_600
SECRET = "a-secret-of-16-or-more"


def settings(address: str = "", proxies: int = 0, **dataset: Any) -> Settings:
    return settings_from(
        {
            "server": {"address": address, "proxies": proxies, "status_token": SECRET},
            "dataset": [{"id": "1234567890", "key": "k", **dataset}],
            "destination": [{"platform": "meta", "dataset": "1234567890", "token": "EAAB-token-of-the-shop"}],
            "source": [{"type": "shopify", "dataset": "1234567890", "shop": "demo.myshopify.com", "secret": SECRET}],
        },
        environ={},
    )


def asking() -> Exchange:
    return Exchange(timeout_s=60, tries=1)


def states(found: Iterator[Finding] | list[Finding]) -> dict[str, str]:
    return {f.name.split(" ")[0]: str(f.state) for f in found}


# -- the way in


def gateway(seen_by: Any = None, **changed: Reply) -> Any:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/t/twofold.js":
            return changed.get("tag", Reply(body=tag.source()))
        if asked.headers.get("authorization") == f"Bearer {SECRET}":
            return Reply(body={"status": "ok", "client": seen_by(asked.headers["x-forwarded-for"])})
        return changed.get("health", Reply(body=b"ok\n"))

    return answer


def hops(*appended: str, kept: bool = True, configured: int = 0) -> Any:
    """What a gateway behind proxies that append these says, as `collect.access` reads it."""

    def seen(sent: str) -> dict[str, Any]:
        every = [*([sent] if kept else []), *appended]
        address = every[-min(configured, len(every))] if configured else "127.0.0.1"
        return {"address": address, "hops": every}

    return seen


@pytest.mark.parametrize(
    ("appended", "kept", "configured", "state", "says"),
    [
        ((), True, 0, "ok", "0 hops"),
        (("203.0.113.9",), True, 1, "ok", "1 hops"),
        (("203.0.113.9",), False, 1, "ok", "1 hops"),  # a proxy that writes the header anew
        (("203.0.113.9", "10.0.0.1"), True, 2, "ok", "2 hops"),
        (("203.0.113.9",), True, 0, "do", "own addresses"),
        (("203.0.113.9", "10.0.0.1"), True, 1, "do", "own addresses"),
        (("203.0.113.9",), True, 2, "do", "any address that a stranger writes"),
        ((), True, 1, "do", "any address that a stranger writes"),
    ],
)
def test_how_deep_forwarded_for_is_read(
    appended: tuple[str, ...], kept: bool, configured: int, state: str, says: str
) -> None:
    """As deep as there are proxies; what mends it names their number."""
    with standing_in(gateway(hops(*appended, kept=kept, configured=configured))) as there:
        found = list(look_outside(settings(there.url, configured), asking(), NOW))
    (one,) = [f for f in found if f.name.startswith("X-Forwarded-For")]
    assert one.state == state, one
    assert says in one.text
    assert state == "ok" or f"proxies = {len(appended)}" in one.mend
    assert STRANGER not in one.text


@pytest.mark.parametrize(
    ("changed", "name", "state"),
    [
        ({}, "tag", "ok"),
        ({"tag": Reply(body=b"// twofold, of another year")}, "tag", "look"),
        ({"tag": Reply(body=b"<html>welcome</html>")}, "tag", "do"),
        ({"tag": Reply(status=404)}, "tag", "do"),
        ({}, "gateway", "ok"),
        ({"health": Reply(body=b"degraded\n")}, "gateway", "look"),
        ({"health": Reply(body=b"stuck\n", status=503)}, "gateway", "do"),
        ({"health": Reply(body=b"<html>")}, "gateway", "do"),
    ],
)
def test_what_answers_at_the_public_address(changed: dict[str, Reply], name: str, state: str) -> None:
    """The tag byte for byte, and one word of health."""
    with standing_in(gateway(hops(), **changed)) as there:
        assert states(look_outside(settings(there.url), asking(), NOW))[name] == state


def test_nothing_is_asked_of_a_name_that_is_not_known() -> None:
    """RFC 6761: .invalid never is."""
    found = list(look_outside(settings("https://gateway.invalid"), asking(), NOW))
    assert [f.state for f in found] == ["do"]
    assert "A or AAAA" in found[0].mend
    assert name_of("127.0.0.1").state == "ok"


@contextlib.contextmanager
def tls_port(certificate_file: str) -> Iterator[int]:
    """A server that only shakes hands."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / certificate_file)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                context.wrap_socket(plain, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(60)


ENDS = 4_733_510_400.0  # 2120-01-01 00:00 UTC, by the certificate


def test_days_of_a_certificate() -> None:
    """Three bands, and the date."""
    trusted = ssl.create_default_context(cafile=TLS / "ca.pem")
    with tls_port("good.pem") as port:
        for days, state in ((400, "ok"), (22, "ok"), (20, "look"), (8, "look"), (6, "do")):
            found = certificate("localhost", port, ENDS - days * DAY - HOUR, trusted)
            assert (found.state, f"{days} days" in found.text, "2120-01-01" in found.text) == (state, True, True), found


@pytest.mark.parametrize(("file", "says"), [("expired.pem", "expired"), ("other.pem", "mismatch")])
def test_a_certificate_that_browsers_refuse(file: str, says: str) -> None:
    """By its own reason."""
    with tls_port(file) as port:
        found = certificate("localhost", port, NOW, ssl.create_default_context(cafile=TLS / "ca.pem"))
    assert found.state == "do"
    assert says in found.text


# -- the shop's page

TAG = '<script src="https://gateway.shop.example/t/twofold.js"></script>'
PIXEL = "<script>!function(f,b,e,v,n,t,s){}(window,document,'script','https://connect.facebook.net/en_US/fbevents.js');fbq('init', '1234567890');</script>"


@pytest.mark.parametrize(
    ("html", "state", "says"),
    [
        (TAG + PIXEL, "ok", "before Meta's"),
        (TAG, "ok", "not in the source"),
        (PIXEL + TAG, "do", "behind Meta's"),
        (TAG.replace("<script ", "<script async ") + PIXEL, "do", "async"),
        (TAG + TAG + PIXEL, "do", "2 times"),
        (PIXEL, "do", "not in the page's source"),
        (f"<!-- {TAG} -->{PIXEL}", "do", "not in the page's source"),
        ('<script src="https://www.googletagmanager.com/gtm.js?id=GTM-ABCD12"></script>', "look", "tag manager"),
        (TAG.replace("gateway.shop.example", "gateway.old.example") + PIXEL, "do", "gateway.old.example"),
        ("<script defer src=/t/twofold.js></script>", "do", "loaded from shop.example"),
    ],
)
def test_the_tag_on_the_shops_page(html: str, state: str, says: str) -> None:
    """First in the head, once, from the gateway's own address."""
    first = next(iter(judge_page(html, "https://shop.example", "https://gateway.shop.example", "/t", "1234567890")))
    assert (first.state, says in first.text) == (state, True), first


def test_other_senders_and_another_pixel_are_named() -> None:
    """With what to do; the theme's own pixel behind the tag is none."""
    foreign = PIXEL.replace("1234567890", "5555555555")
    found = list(judge_page(TAG + foreign, "https://shop.example", "https://gateway.shop.example", "/t", "1234567890"))
    assert [(f.name.split(" ")[0], str(f.state)) for f in found] == [("tag", "ok"), ("pixel", "do")]
    page = (
        TAG
        + PIXEL
        + '<script>"webPixelsConfigList":[{"id":"1","apiClientId":2329312,"runtimeContext":"OPEN","configuration":"{}","type":"APP"}],</script>'
    )
    found = list(judge_page(page, "https://shop.example", "https://gateway.shop.example", "/t", "1234567890"))
    assert ("other sender: Meta's app for Shopify (Facebook & Instagram)", "do") in [(f.name, f.state) for f in found]


def test_a_page_is_followed_where_it_moves_and_never_for_ever() -> None:
    """From the bare name to www, as shops do; a circle ends as something to look at."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/":
            return Reply(status=301, headers={"Location": "/en"})
        return (
            Reply(body=(TAG + PIXEL).encode())
            if asked.path == "/en"
            else Reply(status=302, headers={"Location": asked.path})
        )

    with standing_in(answer) as there:
        whole = settings("https://gateway.shop.example", origins=[there.url])
        assert states(look_at_pages(whole, asking()))["tag"] == "ok"
    with standing_in(lambda asked: Reply(status=302, headers={"Location": asked.path})) as there:
        assert states(look_at_pages(settings("", origins=[there.url]), asking()))["page"] == "look"


# -- webhooks that came


def test_topics_are_remembered_and_what_is_no_topic_is_not() -> None:
    """What is kept is read again; a header that nobody signs cannot fill it."""
    seen = Seen(["/a", "/b"])
    seen.signed("/a", "orders/create", 1_000)
    seen.signed("/a", "orders/create", 2_000)
    for number in range(200):
        seen.signed("/a", f"invented.{number}", 3_000)
    seen.signed("/b", "x" * 500, 4_000)
    seen.unsigned("/b", 5_000)
    again = Seen(["/a", "/b"], decode_seen(seen.encode())).paths
    assert again["/a"].topics["orders/create"] == 2_000
    assert len(again["/a"].topics) == 64
    assert (again["/b"].topics, again["/b"].unsigned, again["/b"].unsigned_at) == ({"": 4_000}, 1, 5_000)
    assert Seen(["/b"], again).paths.keys() == {"/b"}, "a path that is configured no more is forgotten"
    assert decode_seen("{damaged") == decode_seen(None) == {}


@pytest.mark.parametrize(
    ("topics", "unsigned_ago_s", "verdicts"),
    [
        ({}, None, [("do", "none has ever come")]),
        ({"orders/create": HOUR, "orders/updated": 60}, None, [("ok", "orders/updated 1 minute ago, orders/create 1 hour ago")]),
        ({"orders/create": HOUR}, None, [("look", "never yet: orders/updated")]),
        ({"orders/create": 4 * DAY, "orders/updated": 4 * DAY}, None, [("do", "silent")]),
        ({}, 60, [("do", "1 did not fit"), ("do", "none has ever come")]),
        ({"orders/create": 60, "orders/updated": 60}, HOUR, [("look", "did not fit 1 hour ago"), ("ok", "")]),
        ({"orders/create": 60, "orders/updated": 60}, 2 * DAY, [("ok", "")]),
    ],
)  # fmt: skip
def test_what_is_said_of_a_sources_webhooks(
    topics: dict[str, int], unsigned_ago_s: int | None, verdicts: list[tuple[str, str]]
) -> None:
    """Silence, a topic that never came, signatures: each with `twofold connect` as the cure."""
    (source,) = settings().source
    seen = Seen([source.path])
    for topic, ago_s in topics.items():
        seen.signed(source.path, topic, NOW_MS - ago_s * 1000)
    if unsigned_ago_s is not None:
        seen.unsigned(source.path, NOW_MS - unsigned_ago_s * 1000)
    found = list(webhooks(source, seen.paths[source.path], NOW_MS))
    assert [str(f.state) for f in found] == [state for state, _ in verdicts]
    assert all(says in f.text for f, (_, says) in zip(found, verdicts, strict=True)), found
    assert all("connect shopify" in f.mend for f in found if f.state == "do")


def test_times_as_people_say_them() -> None:
    assert [ago(NOW_MS - s * 1000, NOW_MS) for s in (0, 1, 59, 60, 7_199, 86_400)] == [
        "0 seconds ago", "1 second ago", "59 seconds ago", "1 minute ago", "1 hour ago", "1 day ago",
    ]  # fmt: skip


# -- the platform's token


def graph(error: dict[str, Any] | None, **objects: Any) -> Any:
    """As Graph answers an empty list of events, and a few reads."""

    def answer(asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2]
        if asked.method == "POST":
            return Reply(status=400, body={"error": error}) if error else Reply(body={"events_received": 0})
        return Reply(body=objects[name]) if name in objects else Reply(status=400, body={"error": {"code": 100}})

    return answer


EMPTY = {"code": 100, "message": "(#100) param data must be non-empty."}


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (EMPTY, "ok", "may send"),
        ({"code": 190, "message": "Invalid OAuth access token"}, "do", "does not know the token"),
        ({"code": 100, "error_subcode": 33, "message": "Unsupported post request"}, "do", "no dataset"),
        ({"code": 100, "message": "(#100) Missing Permission"}, "do", "may not send"),
        ({"code": 200, "message": "Permissions error"}, "do", "may not send"),
        ({"code": 2, "message": "temporary"}, "look", "tells neither"),
    ],
)
def test_a_token_by_the_refusal_of_nothing(error: dict[str, Any], state: str, says: str) -> None:
    """meta.md 1.7: an empty list is refused after token, dataset and right were looked at."""
    with standing_in(graph(error)) as there:
        one = (
            settings()
            .destination[0]
            .__class__(
                platform="meta", dataset="1", remote_dataset="1", name="meta-1", endpoint=there.url, token="T" * 20
            )
        )
        found, _ = token(one, asking(), NOW)
        assert [a.form["data"] for a in there.asked if a.method == "POST"] == ["[]"]
    assert (found[0].state, says in found[0].text) == (state, True), found


@pytest.mark.parametrize(
    ("scopes", "expires_at", "state", "says"),
    [
        (["read_ads_dataset_quality"], 0, "ok", "never ends"),
        (["ads_management"], int(NOW) + 60 * DAY, "ok", "60 days"),
        (["ads_management"], int(NOW) + 3 * DAY, "do", "3 days"),
        (["pages_show_list"], 0, "do", "needs one of"),
    ],
)
def test_scopes_and_end_of_a_token(scopes: list[str], expires_at: int, state: str, says: str) -> None:
    """Where the token may say it of itself; the dataset's name and owner with it."""
    about = {"data": {"is_valid": True, "scopes": scopes, "expires_at": expires_at, "user_id": "7"}}
    dataset = {"id": "1234567890", "name": "Shop", "owner_business": {"id": "9", "name": "Shop Ltd"}}
    with standing_in(graph(EMPTY, debug_token=about, **{"1234567890": dataset})) as there:
        (given,) = settings().destination
        found, _ = token(
            given.__class__(
                platform="meta",
                dataset="1234567890",
                remote_dataset="1234567890",
                name="meta",
                endpoint=there.url,
                token="T" * 20,
            ),
            asking(),
            NOW,
        )
    assert (found[1].state, says in found[1].text) == (state, True), found
    assert "Shop, owned by Shop Ltd" in found[2].text


# -- backups


@pytest.mark.parametrize(
    ("known", "verdicts"),
    [
        ({}, [("backup", "look")]),
        ({"at": int(NOW) - DAY, "erasures_at": int(NOW)}, [("backup", "ok")]),
        ({"at": int(NOW) - DAY}, [("backup", "ok"), ("backup of erasures", "look")]),
        ({"at": int(NOW) - 4 * DAY, "erasures_at": int(NOW)}, [("backup", "do")]),
    ],
)
def test_the_age_of_a_backup(tmp_path: Path, known: dict[str, int], verdicts: list[tuple[str, str]]) -> None:
    """Never, old, and without the file of who was erased."""
    if known:
        note_backup(tmp_path, **known)
    assert [(f.name, str(f.state)) for f in backup(tmp_path, NOW)] == verdicts


# -- nothing secret


def test_no_finding_holds_a_secret(tmp_path: Path) -> None:
    """Whatever a text quotes; the longest first, so that no rest of one is left."""
    hidden = secrets_in(settings())
    assert {SECRET, "EAAB-token-of-the-shop"} <= set(hidden)
    shown = without_secrets(do(f"a {SECRET}", f"GET /?t=EAAB-token-of-the-shop {SECRET}", SECRET), hidden)
    assert not any(secret in json.dumps([shown.name, shown.text, shown.mend]) for secret in hidden)


def test_secrets_in_a_file_that_others_read_are_named_by_their_setting(tmp_path: Path) -> None:
    """Never by their value; none where they are behind a name, or the file is closed."""
    config = tmp_path / "twofold.toml"
    config.write_text(f'[[dataset]]\nid = "1"\nkey = "{SECRET}"\n[server]\nstatus_token = "env:X"\n')
    config.chmod(0o644)
    (found,) = files(config)
    assert (found.state, "key" in found.text, "status_token" in found.text, SECRET in found.text) == (
        "look",
        True,
        False,
        False,
    )
    config.chmod(0o600)
    assert list(files(config)) == []


def test_other_platforms_are_not_asked_metas_questions() -> None:
    """What is set is said, and when a version ends; nobody's token goes to another platform's host."""
    from msgspec.structs import replace

    from tests.destinations.platform_fixtures import settings_for
    from twofold.destinations import BY_PLATFORM
    from twofold.setup.doctor import platform as looks

    now = 1_790_000_000.0
    google = settings_for(
        "google_ads", events={"Purchase": "9"}, options={"refresh_token": "1//r", "client_secret": "s"}
    )
    assert looks.unasked(google, now).state.value == "look"
    assert looks.unasked(settings_for("ga4"), now).state.value == "do"
    day = {"v1": "2026-10-01"}  # 10 days later
    known = BY_PLATFORM["google_ads"]
    BY_PLATFORM["google_ads"] = replace(known, sunsets=day)
    try:
        found = looks.unasked(google, now)
    finally:
        BY_PLATFORM["google_ads"] = known
    assert (found.state.value, "2026-10-01" in str(found)) == ("do", True)


def test_what_is_said_of_a_source_that_is_asked(tmp_path: Path) -> None:
    """Nothing yet; it answers; a token that is refused, since when, and what waits meanwhile."""
    told = {"type": "magento", "dataset": "1", "shop": "shop.example", "endpoint": "https://shop.example", "token": "t"}
    (source,) = settings_from({"dataset": [{"id": "1"}], "source": [told]}, environ={}).source
    engine, door = Engine(tmp_path), "magento:shop.example"

    def finding() -> tuple[str, str]:
        with journal_of(tmp_path) as journal:
            found = asked(source, journal, NOW_MS)
        return str(found.state), found.text

    try:
        assert finding() == ("ok", "nothing was asked yet")
        with engine.db:
            book.answered(engine, door, NOW_MS - 60_000)
        assert finding() == ("ok", "answered 1 minute ago")
        with engine.db:
            book.refused(
                engine, door, "expired_token", "operator", "magento does not accept the access", NOW_MS - 7_200_000
            )
            book.refused(engine, door, "expired_token", "operator", "magento does not accept the access", NOW_MS)
            book.want(engine, door, ["order:1", "order:2"], NOW_MS - 3_600_000)
        state, text = finding()
        assert state == "do"
        assert text == (
            "magento does not accept the access (operator must act), since 2 hours ago; 2 things wait to be asked for, the oldest was named "
            "1 hour ago"
        )
    finally:
        engine.close()


def commands_said() -> set[str]:
    """Texts of the doctor's rooms that are a command to paste and nothing else."""
    files = [*(ROOM / "setup" / "doctor").glob("*.py"), ROOM / "setup" / "graph.py"]
    trees = [ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in files]
    texts = {n.value for tree in trees for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {text for text in texts if COMMAND.fullmatch(text)}


def test_a_command_that_mends_is_one_that_the_program_takes() -> None:
    """As it is pasted, with the file that was looked at: each word of it and each option."""
    said = commands_said()
    assert {"twofold sandbox", "twofold snippet tag"} <= said
    for text in said:
        words = shlex.split(with_file(text, Path("twofold.toml")))[1:]
        here: Any = whole_command()
        while words and words[0] in getattr(here, "commands", {}):
            here = here.commands[words.pop(0)]
        options = {option for param in here.params for option in param.opts}
        is_group = bool(getattr(here, "commands", {}))
        assert not is_group or (here.invoke_without_command and words[0].startswith("--")), f"{text}: no such command"
        assert {word for word in words if word.startswith("--")} <= options, text
