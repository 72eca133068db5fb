"""The container's files without a daemon: what a linter would say of them, and the very steps of the Dockerfile in a folder."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from acceptance.gateway_process import clean_environment

from tests.ports import free_port
from twofold.commands.running.units import Service, caddy_snippet
from twofold.config import load_settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
WHOLE = bool(os.environ.get("TWOFOLD_LONG"))
"""The libraries are fetched, as the Dockerfile does; else those of this environment stand in for them."""


def steps() -> list[tuple[str, str]]:
    """Each instruction with its words, lines joined and comments left out."""
    text = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")).replace("\\\n", "")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def of(name: str) -> list[str]:
    return [words for step, words in steps() if step == name]


# -- as a linter reads it


def test_the_image_is_what_a_linter_asks_for() -> None:
    """Tagged bases, a numbered user that is not root and comes last, absolute folders, commands without a shell, a health check."""
    known = {"FROM", "ENV", "WORKDIR", "RUN", "COPY", "LABEL", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
             "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {name for name, _ in steps()} <= known, "ADD, MAINTAINER and the like have no place"
    for base in of("FROM"):
        image = base.split()[0]
        assert re.fullmatch(r"[a-z]+:\d+\.\d+-[a-z-]+(@sha256:[0-9a-f]{64})?", image), image
    assert of("USER") == ["10001"], "a number, so that a cluster can tell that it is not root"
    last = [name for name, _ in steps()][-8:]
    assert "USER" in last
    assert not {"RUN", "COPY"} & set(last[last.index("USER") :]), "nothing is done after it"
    assert any("--uid 10001" in words for words in of("RUN"))
    assert all(words.startswith("/") for words in of("WORKDIR"))
    for name in ("ENTRYPOINT", "CMD", "VOLUME"):
        (words,) = of(name)
        assert isinstance(json.loads(words), list), name
    (health,) = of("HEALTHCHECK")
    assert json.loads(health.partition("CMD ")[2])
    assert of("STOPSIGNAL") == ["SIGTERM"]


def test_nothing_is_fetched_that_is_not_locked() -> None:
    """Every pip either holds hashes or fetches nothing; no package manager, no shell that fetches, no secret."""
    for words in of("RUN"):
        for call in re.findall(r"pip install[^&]*", words):
            assert "--require-hashes -r requirements.lock" in call or {"--no-deps", "--no-index"} <= set(
                call.split()
            ), call
        assert not re.search(r"curl|wget|apt|sudo|chmod 777|\|\s*sh", words), words
    assert not re.search(r"(?i)(secret|token|password|_key)\s*=", DOCKERFILE)


def test_what_is_copied_exists_and_nothing_else_is_sent() -> None:
    """The context leaves out data folders, private files and the history."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    for words in of("COPY"):
        if words.startswith("--from="):
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.removeprefix("./") in allowed, source
    for private in ("twofold.env", "data", ".git", ".venv"):
        assert not any(fnmatch.fnmatch(private, name) for name in allowed)


def test_compose_opens_only_the_proxy() -> None:
    """The gateway is reached through Caddy alone, the console from the machine itself; no rights, no writable file system."""
    told = yaml.safe_load((ROOT / "compose.yaml").read_text())
    gateway, proxy = told["services"]["gateway"], told["services"]["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in gateway["ports"])
    assert proxy["ports"] == ["80:80", "443:443"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in gateway["security_opt"]
    assert proxy["depends_on"]["gateway"]["condition"] == "service_healthy"
    assert ":" in proxy["image"]
    assert not proxy["image"].endswith(":latest")
    assert int(gateway["stop_grace_period"].rstrip("s")) >= 15
    named = {
        volume.partition(":")[0]
        for s in (gateway, proxy)
        for volume in s["volumes"]
        if not volume.startswith(("$", "."))
    }
    assert named == set(told["volumes"])
    places = {volume.split(":")[1] for volume in gateway["volumes"] if not volume.startswith("$")}
    assert places == set(json.loads(of("VOLUME")[0]))


def test_its_proxy_says_what_the_service_says() -> None:
    """One snippet, with the name that the gateway has in compose."""
    shipped = (ROOT / "examples" / "container" / "Caddyfile").read_text()
    service = Service(program=("twofold",), config=Path("/c"), env=Path("/e"), user="twofold", port=8400,
                      max_body=4 << 20, domain="{$SIGNAL_DOMAIN}")  # fmt: skip
    written = caddy_snippet(service).replace("127.0.0.1:8400", "gateway:8400")
    assert shipped.partition("\n")[2] == written.partition("\n")[2]
    settings = load_settings(ROOT / "examples" / "container" / "twofold.toml", environ={"TWOFOLD_KEY": "k" * 20})
    assert settings.server.proxies == 1
    assert settings.console is not None


# -- as a builder runs it


def _lend_libraries(place: Path, libraries: Path) -> None:
    """The new environment has this one's libraries, but not what this one says of the sources, nor its own older tools."""
    libraries.mkdir()
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if not found.name.startswith(("twofold", "__editable__")):
            (libraries / found.name).symlink_to(found)
    (site,) = (place / "lib").glob("python*/site-packages")
    for name in ("setuptools", "pkg_resources", "_distutils_hack"):
        for old in site.glob(f"{name}*"):
            shutil.rmtree(old)
    (site / "distutils-precedence.pth").unlink(missing_ok=True)
    (site / "libraries.pth").write_text(f"{libraries}\n")


@pytest.mark.process
def test_the_steps_build_a_program_that_serves_and_is_healthy(tmp_path: Path) -> None:
    """Copy and run of the first stage, in this order, in a folder; then entry point, command and health check of the second."""
    source, place = tmp_path / "src", tmp_path / "opt" / "twofold"
    source.mkdir()
    environment = clean_environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | ({} if WHOLE else {"PIP_NO_INDEX": "1"}))

    def here(words: str) -> str:
        return words.replace("/opt/twofold", str(place))

    build = steps()[: [n for n, (name, _) in enumerate(steps()) if name == "FROM"][1]]
    for name, words in build:
        if name == "COPY":
            *sources, target = words.split()
            for one in sources:
                into = source / (one if (ROOT / one).is_dir() else target) if target != "./" else source / one
                if (ROOT / one).is_dir():
                    shutil.copytree(ROOT / one, into, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / one, into)
        if name == "RUN":
            done = subprocess.run(
                ["sh", "-ec", here(words)], cwd=source, env=environment, capture_output=True, text=True, timeout=280
            )
            assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
            if "-m venv" in words and not WHOLE:
                _lend_libraries(place, tmp_path / "libraries")
    port = free_port()
    config = tmp_path / "twofold.toml"
    shipped = (ROOT / "examples" / "container" / "twofold.toml").read_text()
    config.write_text(shipped.replace('host = "0.0.0.0"', "port = 0"))
    told = {
        "TWOFOLD_CONFIG": str(config),
        "TWOFOLD_DATA": str(tmp_path / "data"),
        "TWOFOLD_HOST": "127.0.0.1",
        "TWOFOLD_KEY": "k" * 20,
    }
    (own,) = [words for words in of("ENV") if "TWOFOLD_CONFIG" in words]
    assert set(re.findall(r"TWOFOLD_\w+", own)) == set(told) - {"TWOFOLD_KEY"}
    told |= {"TWOFOLD_PORT": str(port), "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    command = json.loads(of("ENTRYPOINT")[0]) + json.loads(of("CMD")[0])
    health = [w.replace("8400", str(port)) for w in json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])]
    process = subprocess.Popen(
        [shutil.which(command[0], path=told["PATH"]) or command[0], *command[1:]],
        env=clean_environment(told), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "listening on" in process.stdout.readline()

        def healthy() -> bool:
            program = str(place / "bin" / health[0])
            return (
                subprocess.run(
                    [program, *health[1:]], env=clean_environment(told), capture_output=True, timeout=60
                ).returncode
                == 0
            )

        assert healthy()
        process.terminate()
        assert process.wait(60) == 0
        assert not healthy()
    finally:
        process.kill()
        process.wait(60)
        if process.stdout:
            process.stdout.close()
    assert shlex.join(command) == "twofold serve"
    shown = {p.name for p in (place / "share" / "twofold" / "docs").glob("*.md")}
    assert shown == {p.name for p in (ROOT / "docs").glob("*.md")}, "the console shows them"
