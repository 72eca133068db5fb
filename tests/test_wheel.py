"""What is built is what is installed: every file of the package, every library that it imports, a program that runs from it.

One wheel for all tests; it is installed into an environment of its own, whose libraries are those of this one.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from acceptance.gateway_process import clean_environment

from tests.ports import free_port
from twofold import __version__

ROOT = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of it is left in the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "twofold", source / "twofold", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in PARTS:
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "-w", str(folder), str(source)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path) -> Path:
    """`twofold` as pip, pipx and uvx install it: from the wheel alone, outside of the sources."""
    place = wheel.parent / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=60)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, timeout=120)
    # The libraries of this environment, without what it says of the sources: a .pth named in a .pth is not read.
    (site,) = (place / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return place / "bin" / "twofold"


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *words], capture_output=True, text=True, timeout=90, env=clean_environment(), cwd=program.parent
    )


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    """Statements, pages, styles, words, dictionaries: what is missing would be missed on the first machine without sources."""
    mine = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "twofold").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("twofold/")}
        pages = {Path(name).name for name in archive.namelist() if "/share/twofold/docs/" in name}
    assert held == mine
    assert pages == {p.name for p in (ROOT / "docs").glob("*.md")}, "the console shows them"


def test_every_library_that_is_imported_is_asked_for(wheel: Path) -> None:
    """The wheel names what requirements.in names; what the package imports is one of these, or an extra's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements.in").read_text().splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")} - {"setuptools", "wheel"}
    assert set(project["dependencies"]) == wanted
    extras = {re.split(r"\W", name)[0] for names in project["optional-dependencies"].values() for name in names}
    providers = metadata.packages_distributions()
    for path in (ROOT / "twofold").rglob("*.py"):
        for name in _imported(path) - sys.stdlib_module_names - {"twofold", "pytest"}:
            owners = {owner.lower().replace("_", "-") for owner in providers.get(name, [name])}
            known = {w.lower() for w in wanted | extras}
            assert owners & known or name in BROUGHT, f"{path}: {name}"


BROUGHT = {"anyio", "click", "markupsafe"}
"""What a library that is asked for brings along and shows in its own interface."""


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.process
def test_it_runs_where_it_is_installed(program: Path, tmp_path: Path) -> None:
    """Version, check, a gateway that takes an event, its verification: all from the wheel, none of it from the sources."""
    assert run(program, "version").stdout == f"{__version__}\n"
    where = subprocess.run(
        [str(program.parent / "python"), "-c", "import twofold; print(twofold.__file__)"],
        capture_output=True, text=True, check=True, env=clean_environment(), cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(program.parents[1])
    config = tmp_path / "twofold.toml"
    config.write_text('[[dataset]]\nid = "1"\nkey = "key-Gq7pZr2mXw9key"\n[console]\nport = 0\n')
    port = free_port()
    checked = run(program, "check", "--config", str(config), "--json")
    assert "Traceback" not in checked.stderr
    assert any(json.loads(line)["name"].startswith("SQLite") for line in checked.stdout.splitlines())
    serving = subprocess.Popen(
        [str(program), "serve", "--config", str(config), "--port", str(port)],
        stdout=subprocess.PIPE, text=True, env=clean_environment(), cwd=tmp_path,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        assert "listening on" in serving.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        for path in ("/t/twofold.js", "/openapi.json", "/health"):
            with urllib.request.urlopen(url + path, timeout=60) as answer:
                assert answer.read()
        console = serving.stdout.readline()
        found = re.search(r"(http://\S+)/console", console)
        assert found is not None, console
        with pytest.raises(
            urllib.error.HTTPError
        ) as page:  # nobody is logged in: the page to log in, made of templates
            urllib.request.urlopen(f"{found[1]}/console", timeout=60)
        assert page.value.code == 401
        assert b"<form" in page.value.read()
        page.value.close()
    finally:
        serving.terminate()
        serving.wait(60)
        serving.stdout.close() if serving.stdout else None
    assert run(program, "verify", "--config", str(config)).returncode == 0
