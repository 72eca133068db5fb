"""What the house promises to who works in it: the tools' cures, the maps and the recipes are true."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.test_imports import LAYERS
from twofold import __version__

ROOT = Path(__file__).parents[1]
NODE_TEST = "tests/matching/profiles/test_meta_profiles.py"

# -- a missing tool is named with its cure


def _pytest(test: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a test file with a search path on which no tool is."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "TWOFOLD_RUN_ALL", "PYTEST_ADDOPTS")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-x", "-p", "no:cacheprovider", "-k", "node_tools", test],
        cwd=ROOT, env=kept | {"PATH": str(tmp_path)} | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.process
def test_without_node_the_tests_are_skipped_and_say_the_cure(tmp_path: Path) -> None:
    """A developer who ran `make dev` only reads what to run, and not a failed call of node."""
    done = _pytest(NODE_TEST, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "make system-packages" in done.stdout
    assert "CalledProcessError" not in done.stdout


@pytest.mark.process
@pytest.mark.parametrize("where", ["CI", "TWOFOLD_RUN_ALL"])
def test_where_everything_has_to_run_nothing_is_skipped(tmp_path: Path, where: str) -> None:
    """In a CI and under `make test` the same absence is a failure, with the same cure."""
    done = _pytest(NODE_TEST, tmp_path, **{where: "1"})
    assert done.returncode == 1, done.stdout
    assert "make system-packages" in done.stdout


def test_make_test_lets_nothing_be_skipped() -> None:
    """The recipe of `make test`, as make would run it, asks for everything."""
    done = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "TWOFOLD_RUN_ALL=1 .venv/bin/pytest" in done.stdout


# -- maps, recipes and decisions

FOLDERS = {name for layer in LAYERS for name in layer if (ROOT / "twofold" / name).is_dir()}


def test_every_room_is_on_the_maps() -> None:
    """The package's first page and the README name each folder of the layers' table, and no other."""
    package = (ROOT / "twofold" / "__init__.py").read_text(encoding="utf-8")
    assert {name.rstrip("/") for name in re.findall(r"``(\w+/)``", package)} - {"sqlite"} == FOLDERS
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = "".join(line for line in readme.splitlines() if line.startswith("| [twofold/"))
    assert set(re.findall(r"\[twofold/(\w+)\]", rows)) == FOLDERS


def test_the_line_of_imports_in_the_design_is_the_layers_table() -> None:
    """Floor by floor; `client` stands apart, and what starts the program needs no mention."""
    design = " ".join((ROOT / "docs" / "design.md").read_text(encoding="utf-8").split())
    line = design.partition("Imports go downward only:")[2].partition(". `client`")[0]
    floors = [set(re.findall(r"`(\w+)`", part)) for part in line.split("←")]
    assert floors == [layer - {"client"} for layer in LAYERS if layer != {"__main__"}]


def recipes() -> dict[str, str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))


def test_the_six_recipes_are_short_and_name_real_files() -> None:
    """Each has about five lines; every path in them, linked or not, exists."""
    found = recipes()
    assert list(found) == ["A source", "A destination", "A step", "A setting", "A statement", "A migration"]
    for name, recipe in found.items():
        assert 4 <= len(re.findall(r"^\d\. ", recipe, re.M)) <= 6, name
        assert len(re.findall(r"\]\((?:twofold|tests|docs)/[^)]+\)", recipe)) >= 2, name
        for path in re.findall(r"(?<![\w/])((?:twofold|tests|docs)/[\w/.-]*\w/?)", recipe):
            assert (ROOT / path).exists(), f"{name}: {path}"


def test_every_make_target_that_is_named_exists() -> None:
    """In the pages for developers."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page in ("CONTRIBUTING.md", "docs/developers.md"):
        assert set(re.findall(r"`make ([a-z-]+)`", (ROOT / page).read_text(encoding="utf-8"))) <= targets


def test_decisions_are_dated_and_listed() -> None:
    """Each says when, what was rejected and when to look again, and stands in the list."""
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(p for p in folder.glob("*.md") if p.name != "README.md")
    assert len(pages) == index.count("](20")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        (day,) = re.findall(r"^Decided (\d{4}-\d\d-\d\d)", text, re.M)
        assert page.name.startswith(day[:7])
        assert f"| {day} |" in next(line for line in index.splitlines() if page.name in line)
        assert "rejected" in text.lower(), page.name
        assert "**Look again**" in text, page.name


WORDS = ("fast path", "shortcut", "turn", "read batch", "share", "told", "portion", "standing of consent", "mark", "origin",
         "reading")  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_of_the_code_are_in_the_glossary(word: str) -> None:
    """Each once, as a word that is explained."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    explained = [w.strip() for head in re.findall(r"^\| \*\*(.+?)\*\*", glossary, re.M) for w in head.split(",")]
    assert explained.count(word) == 1


# -- licence and version


def test_the_licence_is_whole_and_named() -> None:
    """The text, its notice and the metadata of the package say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert all((ROOT / name).is_file() for name in project["license-files"])
    for part in ("Version 2.0, January 2004", "3. Grant of Patent License.", "END OF TERMS AND CONDITIONS"):
        assert part in licence


def test_files_of_others_are_in_the_notice() -> None:
    """A file of the package that carries somebody's copyright line is named in NOTICE."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for path in (ROOT / "twofold").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".js", ".css", ".html", ".sql", ".svg"):
            foreign = re.search(r"copyright \(c\)|©|SPDX-License|@license", path.read_text(encoding="utf-8"), re.I)
            assert not foreign or path.relative_to(ROOT).as_posix() in notice, path


def test_one_version_everywhere() -> None:
    """Package, program, changelog and the table of mended versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[0] == __version__
    minor = __version__.rpartition(".")[0]
    assert re.search(rf"^\| {re.escape(minor)} \| yes \|$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.M)


# -- the program starts with what it needs


HEAVY = ("apsw", "asyncio", "aiohttp", "duckdb", "jinja2", "msgspec", "phonenumbers", "prometheus_client", "pycountry",
         "rich.table", "starlette", "uvicorn", "twofold.app", "twofold.collect", "twofold.config", "twofold.matching",
         "twofold.report", "twofold.store")  # fmt: skip


def test_the_version_waits_for_nothing() -> None:
    """`twofold version` imports neither the store nor a server nor a reader of files."""
    code = (
        "import sys; from twofold.cli import main; sys.argv = ['twofold', 'version']\n"
        "try: main()\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    version, modules = done.stdout.splitlines()
    assert version == __version__
    assert set(HEAVY) & set(modules.split()) == set()


def test_no_two_files_of_tests_have_one_name() -> None:
    """They share one namespace: the second would stop the whole run while it is collected, not when it is written."""
    files = [p.name for p in (ROOT / "tests").rglob("*.py") if "node_modules" not in p.parts]
    names = [name for name in files if name not in ("conftest.py", "__init__.py")]
    assert sorted(names) == sorted(set(names))


WAITS = re.compile(
    r"(?<![\w.])timeout=(?P<told>\d+)\b|asyncio\.timeout\((?P<cut>\d+)\)|\.(?:wait|result|join|flush)\((?P<ends>\d+)\)"
    r"|monotonic\(\) \+ (?P<until>\d+)$|^(?:PATIENCE|DEADLINE|WITHIN)_S = (?P<named>\d+)\b",
    re.M,
)


def test_whoever_waits_in_a_test_has_a_minute() -> None:
    """Programs, browsers and databases stand still for seconds where others use the machine. A wait of under two seconds is there to be
    over, one of a minute or more in order that a test which will never pass ends: between the two lies only hope."""
    short = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if not {"node_modules", "lasting", "world"} & set(path.parts)
        for found in WAITS.finditer(path.read_text(encoding="utf-8"))
        if 2 <= int(next(filter(None, found.groups()))) < 60
    ]
    assert short == []


MOST_FILES, MOST_LINES = 14, 60
DEFINED = re.compile(r"(?: {4})?(?:async )?def ").match


def test_a_room_has_at_most_fourteen_files() -> None:
    rooms = Counter(path.parent for path in (ROOT / "twofold").rglob("*.py") if path.name != "__init__.py")
    assert [str(room.relative_to(ROOT)) for room, files in rooms.items() if files > MOST_FILES] == []


def test_a_function_is_read_on_one_screen() -> None:
    """A longer one does several things, which have names of their own. Read as a tree is only what may hold one: all of them would
    take three seconds."""
    long = [
        f"{path.relative_to(ROOT)}: {node.name}, {(node.end_lineno or 0) - node.lineno + 1} lines"
        for path in sorted((ROOT / "twofold").rglob("*.py"))
        if _may_be_long(text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= MOST_LINES
    ]
    assert long == []


def _may_be_long(text: str) -> bool:
    """Whether two functions of a file or a class begin further apart than one may be long, or one holds others."""
    lines = text.split("\n")
    starts = [n for n, line in enumerate(lines) if DEFINED(line)]
    return any(end - start > MOST_LINES for start, end in zip(starts, [*starts[1:], len(lines)], strict=False))


def test_no_page_has_the_marks_of_a_merge_in_it() -> None:
    """Two who wrote at one place: whoever joined them left nothing of it behind."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    marks = re.compile(r"(?m)^(<{7}|\|{7}|={7}|>{7})( |$)")
    assert [str(page.relative_to(ROOT)) for page in pages if marks.search(page.read_text(encoding="utf-8"))] == []
