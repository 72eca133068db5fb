"""What `twofold install-service` writes: systemd's own judgement of the units, and a gateway behind a real nginx and Caddy."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shlex
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.gateway_process import Gateway, gateway
from tests.command_line import invoke
from tests.conftest import PROGRAMS
from tests.ports import free_port
from twofold.store.engines import open_reader

KEY, DATASET, DOMAIN = "key-Gq7pZr2mXw9key", "1234567890", "signal.shop.example"
TLS = Path(__file__).parents[1] / "fakes" / "tls"
TOML = f"""
[server]
proxies = 1
max_body_bytes = 65536
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
"""


def run(*arguments: object, code: int = 0) -> str:
    done = invoke(["install-service", *map(str, arguments)])
    failed = done.exception if done.exception is not None and not isinstance(done.exception, SystemExit) else None
    if failed is not None:
        assert code == getattr(failed, "exit_code", None), repr(failed)
        return str(failed)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "twofold.toml"
    path.write_text(TOML)
    return path


def written(config: Path, *more: object) -> dict[str, str]:
    """Name of each file to its text."""
    into = config.parent / "units"
    run("--config", config, "--into", into, *more)
    return {p.name: p.read_text() for p in into.iterdir()}


def values(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit, re.M)


# -- units


@pytest.mark.service
def test_systemd_takes_the_units_and_finds_them_hard(config: Path) -> None:
    """Nothing to complain of; what the service is exposed to is at most 2 of 10, as systemd counts it."""
    keep = ("--backup", "/var/lib/b b%", "--erasures", "/mnt/e", "--user", "fold")
    written(config, *keep)
    folder = config.parent / "units"
    names = ["twofold.service", "twofold-backup.service", "twofold-backup.timer"]
    for name in names:
        done = subprocess.run(
            ["systemd-analyze", "verify", f"./{name}"], cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), name
    for name in names[:2]:
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", f"./{name}"],
            cwd=folder, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert judged.returncode == 0, judged.stdout


def test_the_unit_says_what_was_promised(config: Path) -> None:
    """Own user, own folder, private file, an end within ten seconds of its own, and no start again where it cannot help."""
    unit = written(config, "--user", "fold")["twofold.service"]
    assert values(unit, "User") == values(unit, "Group") == ["fold"]
    assert values(unit, "StateDirectory") == ["twofold"]
    assert values(unit, "StateDirectoryMode") == ["0700"]
    assert values(unit, "EnvironmentFile") == [f"-{config.with_suffix('.env')}"]
    assert values(unit, "RestartPreventExitStatus") == ["2 3 4"]
    assert 10 < int(values(unit, "TimeoutStopSec")[0]) <= 15
    (command,) = values(unit, "ExecStart")
    assert shlex.split(command)[-5:] == ["serve", "--config", str(config), "--data", "/var/lib/twofold"]
    assert Path(shlex.split(command)[0]).is_absolute()
    assert values(unit, "SystemCallFilter") == ["@system-service", "~@privileged"]
    assert "@resources" not in unit, "the children that make tables lower their own priority and limits"


@pytest.mark.process
def test_what_the_unit_starts_runs_and_ends(config: Path, tmp_path: Path) -> None:
    """The very command of the unit, with the data folder of this test: it serves, and ends in order when it is told to."""
    (command,) = values(written(config)["twofold.service"], "ExecStart")
    words = [str(tmp_path / "data") if w == "/var/lib/twofold" else w for w in shlex.split(command)]
    port = free_port()
    with subprocess.Popen([*words, "--port", str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "listening on" in process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0


def test_nothing_that_differs_is_written_over(config: Path) -> None:
    """Twice is once; a file that somebody changed stays, is named, and the command ends with 1 until it is told to."""
    into = config.parent / "units"
    end = ("--config", config, "--into", into)
    assert "written" in run(*end)
    assert "unchanged" in run(*end)
    unit = into / "twofold.service"
    unit.write_text("mine")
    assert "LEFT" in run(*end, code=1)
    assert unit.read_text() == "mine"
    run(*end, "--force")
    assert unit.read_text() != "mine"
    before = unit.read_text()
    assert before in run("--config", config, "--dry-run")


def test_what_cannot_be_is_refused(config: Path) -> None:
    """Before a file is written: half of a backup, both in one place, a proxy without a name, a wrong configuration."""
    into = config.parent / "units"
    end = ("--config", config, "--into", into)
    for words, said in (
        (("--backup", "/mnt/b"), "go together"),
        (("--backup", "/mnt/b", "--erasures", "/mnt/b"), "guessed address"),
        (("--proxy", "nginx"), "--domain"),
        (("--proxy", "caddy", "--domain", "a.example; evil"), "--domain"),
        (("--user", "a b"), "--user"),
    ):
        assert said in " ".join(run(*end, *words, code=2).split())
    config.write_text("[server]\nports = 1")
    run(*end, code=2)
    assert not into.exists()


def test_what_to_look_at_is_said(config: Path) -> None:
    """Without `proxies` every sender would have the proxy's address."""
    config.write_text(TOML.replace("proxies = 1", ""))
    end = ("--config", config, "--into", config.parent / "u", "--proxy", "nginx", "--domain", DOMAIN)
    assert "server.proxies is 0" in run(*end)
    rows = [json.loads(line) for line in run(*end, "--json").splitlines()]
    assert {r["did"] for r in rows} == {"unchanged", "look"}


# -- in front


@contextlib.contextmanager
def nginx(snippet: str, folder: Path, port: int) -> Iterator[None]:
    """The snippet as it is, with another port, our certificate, and no port 80."""
    for name in ("listen [::]:443 ssl http2;", "listen [::]:80;"):
        assert name in snippet
        snippet = snippet.replace(name, "")
    snippet = snippet.replace("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2")
    snippet = snippet.replace("listen 80", f"listen 127.0.0.1:{free_port()}")
    snippet = re.sub(r"(ssl_certificate(_key)?) \S+;", rf"\1 {TLS / 'good.pem'};", snippet)
    assert "server_name signal.shop.example" in snippet
    main = folder / "nginx.conf"
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}} http {{ {temp} {snippet} }}"
    )
    with served([_tool("nginx"), "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(main)], port, folder):
        yield


@contextlib.contextmanager
def caddy(snippet: str, folder: Path, port: int) -> Iterator[None]:
    """The snippet as it is, with another address and our certificate."""
    site = f"https://localhost:{port} {{\n\ttls {TLS / 'good.pem'} {TLS / 'good.pem'}\n"
    assert f"{DOMAIN} {{\n" in snippet
    options = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n\thttp_port {free_port()}\n}}\n"
    file = folder / "Caddyfile"
    file.write_text(options + snippet.replace(f"{DOMAIN} {{\n", site))
    with served([_tool("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"], port, folder):
        yield


@contextlib.contextmanager
def served(command: list[str], port: int, folder: Path) -> Iterator[None]:
    output = folder / "proxy.log"
    environment = {"HOME": str(folder), "PATH": PROGRAMS, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not _takes(port):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _takes(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tool(name: str) -> str:
    found = shutil.which(name, path=PROGRAMS)
    assert found is not None
    return found


SENDER = "127.0.0.5"
"""Who asks: another address than the proxy's own, which the gateway would see without the header."""


def ask(port: int, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers, body."""
    context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context, source_address=(SENDER, 0))
    with contextlib.closing(connection):
        given = {"Content-Type": "application/json", **headers}
        connection.request("GET" if body is None else "POST", path, body=body, headers=given)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def bodies(folder: Path) -> dict[str, str]:
    """Event id to what is journalled of it."""
    with contextlib.closing(open_reader(folder)) as db:
        return {name: bytes(body).decode() for name, body in db.execute("select event_id, plain_body(body) from event")}


def _event(name: str, pad: int = 0) -> bytes:
    event = {"event_name": "Lead", "event_time": int(time.time()), "event_id": name, "action_source": "website",
             "user_data": {"external_id": "7"}}  # fmt: skip
    return json.dumps({"data": [event], "access_token": KEY, "padding": "x" * pad}).encode()


@pytest.mark.service
@pytest.mark.process
@pytest.mark.parametrize("proxy", [nginx, caddy], ids=lambda p: p.__name__)
def test_behind_a_real_proxy(proxy, tmp_path: Path) -> None:
    """TLS, the sender's own address whatever it claims, the body's limit, what is closed, and 503 while the gateway is down."""
    with gateway(TOML, tmp_path / "data") as g:
        _story(g, proxy, tmp_path)


def _story(g: Gateway, proxy, tmp_path: Path) -> None:
    config = tmp_path / "twofold.toml"
    config.write_text(TOML.replace("[server]", f"[server]\nport = {g.port}"))
    texts = written(config, "--proxy", proxy.__name__, "--domain", DOMAIN)
    snippet = texts["twofold.nginx.conf" if proxy is nginx else "twofold.caddyfile"]
    folder = tmp_path / "front"
    folder.mkdir()
    port = free_port()
    events = f"/v25.0/{DATASET}/events"
    with proxy(snippet, folder, port):
        assert ask(port, events, _event("through"))[0] == 200
        forged = {"X-Forwarded-For": "203.0.113.77", "Forwarded": "for=203.0.113.78"}
        assert ask(port, f"/tr?id={DATASET}&ev=PageView&eid=seen&dl=https://shop.example/", **forged)[0] == 200
        found = bodies(g.data)
        assert set(found) == {"through", "seen"}
        assert SENDER in found["seen"]
        assert "203.0.113.7" not in found["seen"]

        assert ask(port, events, _event("large", pad=80_000))[0] == 413
        for path in ("/metrics", "/console", "/console/login", "/console/orders?x=1"):
            assert ask(port, path)[0] == 404, path
        assert ask(port, "/health")[2] == b"ok\n"
        assert ask(port, "/t/twofold.js")[0] == 200

        g.kill()
        status, headers, _ = ask(port, events, _event("down"))
        assert (status, headers.get("Retry-After")) == (503, "5")
        g.start()
        assert ask(port, events, _event("again"))[0] == 200
    log = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert b"access_token" not in log
    assert KEY.encode() not in log
