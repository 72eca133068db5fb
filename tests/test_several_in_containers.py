"""The examples for several gateways on one database, in containers and in a cluster: every flag, setting, port and address they name
exists, and the commands that they run do, as processes, what the files say: four gateways, one database, one leaves.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from acceptance.gateway_process import clean_environment

from tests.facts.postgres import server
from tests.fakes.graph import in_thread
from tests.ports import free_port
from tests.store.several_gateways import Delivered
from twofold.app import DRAIN_S, LEAVE_S
from twofold.cli import app
from twofold.config import ConsoleSettings, load_settings
from twofold.config.settings import ServerSettings

FOLDER = Path(__file__).parents[1] / "examples" / "several"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
CLUSTER = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
GATEWAYS = {name: one for name, one in COMPOSE["services"].items() if one.get("image") == "twofold:local"}
SETS = {one["metadata"]["name"]: one for one in CLUSTER if one["kind"] == "StatefulSet"}
SECRETS = {
    "TWOFOLD_DATABASE": "postgresql://twofold:secret@database/twofold",
    "TWOFOLD_KEY": "k" * 24,
    "META_TOKEN": "token-of-meta",
}
WITHIN_S = 90


def pod_of(name: str) -> dict[str, Any]:
    return dict(SETS[name]["spec"]["template"]["spec"])


def container_of(name: str) -> dict[str, Any]:
    (one,) = pod_of(name)["containers"]
    return dict(one)


def options_of(words: list[str]) -> dict[str, Any]:
    """What the program makes of them. Fails on a flag or a value that it does not know."""
    group: Any = typer.main.get_command(app)
    name, *rest = words
    command = group.commands[name]
    return dict(command.make_context(name, list(rest)).params)


# -- what they name


@pytest.mark.parametrize("words", [one["command"] for one in GATEWAYS.values()], ids=list(GATEWAYS))
def test_each_container_runs_a_command_that_exists(words: list[str]) -> None:
    """Its name among the others is the service's; so nobody takes another's place."""
    options = options_of(words)
    (service,) = [name for name, one in GATEWAYS.items() if one["command"] == words]
    assert options["name"] == service
    assert str(options["role"].value) == service.partition("-")[0]


@pytest.mark.parametrize("name", SETS)
def test_each_pod_runs_a_command_that_exists(name: str) -> None:
    """Under the pod's own name, which a set keeps over restarts."""
    container = container_of(name)
    options = options_of(container["args"])
    assert options["name"] == "$(POD_NAME)"
    assert f"twofold-{options['role'].value}" == name
    told = {one["name"]: one for one in container["env"]}
    assert told["POD_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_the_configuration_is_right_and_its_secrets_are_given() -> None:
    """By name from the environment, in both; a typing error in one is a missing secret here."""
    text = (FOLDER / "twofold.toml").read_text()
    named = set(re.findall(r'"env:(\w+)"', text))
    assert named == set(SECRETS)
    settings = load_settings(FOLDER / "twofold.toml", environ=SECRETS)
    assert settings.server.store == SECRETS["TWOFOLD_DATABASE"]
    assert settings.console is not None
    for one in GATEWAYS.values():
        assert set(one["environment"]) == named
    created = (FOLDER / "kubernetes.yaml").read_text().partition("apiVersion")[0]
    assert set(re.findall(r"--from-literal=(\w+)=", created)) == named
    assert not re.search(r"(?i)(password|token|key): *[\"']?[a-z0-9]{6,}", text)


def test_ports_and_addresses_exist() -> None:
    """Where the gateway and its console listen by themselves, and where it says that it leaves."""
    http, console = ServerSettings().port, ConsoleSettings().port
    for name in SETS:
        ports = {one["name"]: one["containerPort"] for one in container_of(name)["ports"]}
        assert ports["http"] == http
        assert ports.get("console", console) == console
        assert container_of(name)["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
        assert container_of(name)["livenessProbe"]["tcpSocket"] == {"port": "http"}
    for service in (one for one in CLUSTER if one["kind"] == "Service"):
        selected = service["spec"]["selector"]
        (of,) = [n for n, s in SETS.items() if s["spec"]["template"]["metadata"]["labels"] == selected]
        known = {one["name"] for one in container_of(of)["ports"]}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= known
        assert service["metadata"]["name"] in {s["spec"]["serviceName"] for s in SETS.values()}
    caddy = (FOLDER / "Caddyfile").read_text()
    collectors = [name for name, one in GATEWAYS.items() if "collect" in one["command"]]
    assert f"reverse_proxy {' '.join(f'{name}:{http}' for name in collectors)} {{" in caddy
    assert "health_uri /health" in caddy
    assert COMPOSE["services"]["deliver-1"]["ports"] == [f"127.0.0.1:{console}:{console}"]
    assert [
        n for n, one in COMPOSE["services"].items() if any(not p.startswith("127.") for p in one.get("ports", []))
    ] == ["proxy"]


def test_there_is_time_to_leave_and_to_drain() -> None:
    """A balancer looks often enough to see it, and nobody is killed before what is under way has ended."""
    for one in GATEWAYS.values():
        assert int(one["stop_grace_period"].rstrip("s")) > LEAVE_S + DRAIN_S
    for name in SETS:
        assert pod_of(name)["terminationGracePeriodSeconds"] > LEAVE_S + DRAIN_S
    probe = container_of("twofold-collect")["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < LEAVE_S
    interval = re.search(r"health_interval (\d+)s", (FOLDER / "Caddyfile").read_text())
    assert interval is not None
    assert int(interval[1]) < LEAVE_S


def test_each_gateway_has_a_folder_of_its_own() -> None:
    """And sees the first one's only to read; in a cluster a claim of each pod."""
    own = [volume for one in GATEWAYS.values() for volume in one["volumes"] if volume.endswith(":/data")]
    assert len(set(own)) == len(GATEWAYS)
    for one in GATEWAYS.values():
        for volume in set(one["volumes"]) - set(own):
            assert volume.endswith(":ro"), volume
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
    named = {
        v.partition(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", []) if v[0] not in "./"
    }
    assert named == set(COMPOSE["volumes"])
    for name in SETS:
        pod = pod_of(name)
        claims = {one["metadata"]["name"] for one in SETS[name]["spec"]["volumeClaimTemplates"]}
        there = claims | {one["name"] for one in pod["volumes"]}
        for container in (*pod["initContainers"], *pod["containers"]):
            assert {one["name"] for one in container["volumeMounts"]} <= there
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["securityContext"]["runAsUser"] == 10_001
        assert "data" in claims


# -- what they do


class Started:
    """A service of compose.yaml as a process: its entry point and command, with folders of this machine in place of its volumes."""

    def __init__(self, name: str, place: Path, config: Path, told: dict[str, str]) -> None:
        one = GATEWAYS[name]
        folders = {}
        for volume in one["volumes"]:
            source, target = volume.split(":")[:2]
            folders[target] = place / source
        folders["/data"].mkdir(mode=0o700, exist_ok=True)
        words = [*one.get("entrypoint", ["twofold"]), *one["command"]]
        for target in ("/first", "/data"):
            if target in folders:
                words = [word.replace(f"{target}/", f"{folders[target]}/") for word in words]
        self.port = free_port()
        environ = clean_environment(
            told | {"TWOFOLD_CONFIG": str(config), "TWOFOLD_DATA": str(folders["/data"]), "TWOFOLD_PORT": str(self.port),
                    "TWOFOLD_HOST": "127.0.0.1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        )  # fmt: skip
        self.process = subprocess.Popen([word.replace("$$", "$") for word in words], env=environ, cwd=place)
        until = time.monotonic() + WITHIN_S
        while self.health() != 200:
            assert self.process.poll() is None, f"{name} ended with {self.process.returncode}"
            assert time.monotonic() < until, f"{name} is not healthy"
            time.sleep(0.1)

    def health(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as err:
            return err.code
        except OSError:
            return 0

    def send(self, number: str) -> int:
        event = {"event_name": "PageView", "event_time": int(time.time()), "event_id": number, "action_source": "website",
                 "event_source_url": "https://shop.example/", "user_data": {"em": ["anna@shop.example"]}}  # fmt: skip
        body = json.dumps({"access_token": SECRETS["TWOFOLD_KEY"], "data": [event]}).encode()
        url = f"http://127.0.0.1:{self.port}/v25.0/1234567890/events"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"}), timeout=60) as got:  # fmt: skip
                return int(got.status)
        except urllib.error.HTTPError as err:
            return err.code
        except OSError:
            return 0


def leaves_in_order(one: Started) -> bool:
    """Told to end, it says so, and takes what comes as long as it said; False where the machine let that time go by."""
    until = time.monotonic() + LEAVE_S
    one.process.terminate()
    while (said := one.health()) == 200 and time.monotonic() < until:
        time.sleep(0.02)
    taken = one.send("while it leaves")
    was_in_time = time.monotonic() < until
    assert one.process.wait(60) == 0
    if was_in_time:
        assert (said, taken) == (503, 200), "it does not say that it leaves, or takes nothing meanwhile"
    return was_in_time


@contextmanager
def ended(one: Started) -> Iterator[Started]:
    try:
        yield one
    finally:
        end(one)


def end(one: Started) -> None:
    """In order, as one that is killed leaves its console behind."""
    one.process.terminate()
    try:
        one.process.wait(60)
    finally:
        one.process.kill()
        one.process.wait(60)


@pytest.mark.postgres
@pytest.mark.process
def test_four_gateways_from_the_file_share_the_work(tmp_path: Path) -> None:
    """Each comes up by its own entry point, the others with the first one's secret; what two collect two deliver; one that is told to
    end says so first, still takes what comes, and ends in order within its time."""
    with server(flushed=True, in_memory=True) as address, in_thread() as graph:
        told = SECRETS | {"TWOFOLD_DATABASE": address}
        config = tmp_path / "twofold.toml"
        text = (FOLDER / "twofold.toml").read_text().replace('host = "0.0.0.0"', "port = 0")
        config.write_text(text + f'endpoint = "{graph.url}"\n')
        order = sorted(GATEWAYS, key=lambda name: name != "deliver-1")
        with ended(Started(order[0], tmp_path, config, told)) as first:
            secret = (tmp_path / "deliver-1" / "erasures").read_bytes()
            others = {name: Started(name, tmp_path, config, told) for name in order[1:]}
            try:
                for name in others:
                    assert (tmp_path / name / "erasures").read_bytes() == secret
                    assert (tmp_path / name / "erasures").stat().st_mode & 0o777 == 0o600
                assert first.send("x") in (404, 503)  # takes nothing in
                assert [others[name].send(name) for name in ("collect-1", "collect-2")] == [200, 200]
                until = time.monotonic() + WITHIN_S
                delivered = Delivered(graph)
                while not {"collect-1", "collect-2"} <= delivered.look():
                    assert time.monotonic() < until, delivered.ids
                    time.sleep(0.1)
                while not leaves_in_order(
                    others["collect-1"]
                ):  # what it promises holds for so long only: it is asked again
                    others["collect-1"] = Started("collect-1", tmp_path, config, told)
            finally:
                for one in others.values():
                    end(one)


@pytest.mark.parametrize(("pod", "has_secret", "copies"), [("twofold-deliver-0", False, False), ("twofold-deliver-1", True, True),
                                                         ("twofold-collect-0", True, True)])  # fmt: skip
def test_a_pod_takes_the_secret_before_its_first_start(
    tmp_path: Path, pod: str, has_secret: bool, copies: bool
) -> None:
    """The script of its init container, run here; a second start changes nothing, and whoever has none to take does not start."""
    (init,) = pod_of(pod.rpartition("-")[0])["initContainers"]
    data, first = tmp_path / "data", tmp_path / "first"
    data.mkdir()
    first.mkdir()
    if has_secret:
        (first / "erasures").write_bytes(b"the first one's")
    words = [word.replace("/data/", f"{data}/").replace("/first/", f"{first}/") for word in init["command"]]

    def run() -> int:
        return subprocess.run(words, env={"POD_NAME": pod, "PATH": os.environ["PATH"]}, capture_output=True).returncode

    assert run() == 0
    assert (data / "own" / "erasures").exists() is copies
    if copies:
        assert (data / "own" / "erasures").stat().st_mode & 0o777 == 0o600
        assert (data / "own").stat().st_mode & 0o777 == 0o700
        (data / "own" / "erasures").write_bytes(b"with an erasure of its own")
        assert run() == 0
        assert (data / "own" / "erasures").read_bytes() == b"with an erasure of its own"
        (data / "own" / "erasures").unlink()
        (first / "erasures").unlink()
        assert run() != 0
