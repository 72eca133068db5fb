"""The documents against the program: nothing undocumented, nothing stale, no command shown that does not run."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from acceptance.gateway_process import clean_environment
from test_config import ENVIRONMENT, SMALLEST

from tests.command_line import whole_command
from tests.ports import free_port
from twofold import errors
from twofold.cli import app
from twofold.collect.doors.router import MAX_HEADERS, MAX_URL
from twofold.collect.doors.tag import MAX_TAG_EVENTS
from twofold.config import describe_settings, settings_from
from twofold.event.json import MAX_DEPTH, MAX_DIGITS, MAX_KEYS, MAX_STRING
from twofold.event.refusal import DropReason
from twofold.event.vocabulary import MAX_CUSTOM_NAME, MAX_EVENTS, MAX_ID
from twofold.simulate.truth import consented_truth, make_orders, whole_truth

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PATIENCE_S = 240
"""A command that takes a second takes half a minute on a machine with much else to do, and some lines have several."""


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(language: str, source: str = README) -> list[str]:
    """The fenced code of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", source, re.M | re.S)


# -- generated pages


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.mark.parametrize("page", GENERATOR.PAGES)
def test_the_page_is_fresh(page: str) -> None:
    """What `python docs/generate.py` would write is what is there."""
    assert text(page) == GENERATOR.PAGES[page]()


def test_every_setting_is_documented() -> None:
    """By its name, with its default and its sentence."""
    page = text("settings.md")
    for section, name, default, sentence in describe_settings():
        part = page[page.index(f"## `{section}`") :].partition("\n## ")[0]
        (row,) = [line for line in part.splitlines() if line.startswith(f"| `{name}` |")]
        assert default in row
        assert sentence.replace("|", "\\|") in row


def test_every_command_and_option_is_documented() -> None:
    """Each command has its section, each option its row."""
    page = text("commands.md")
    named = list(_commands(typer.main.get_command(app)))
    assert len(named) == page.count("\n## `twofold ")
    for name, command in named:
        section = page[page.index(f"## `twofold {name}`") :].partition("\n## ")[0]
        for option in (o for p in command.params for o in p.opts if o != "--help"):
            assert f"`{option}`" in section


def _commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command and group with the words that lead to it."""
    for name, command in group.commands.items():
        words = (*before, name)
        yield " ".join(words), command
        yield from _commands(command, words) if hasattr(command, "commands") else ()


def test_every_error_is_documented() -> None:
    """By its name, with the sentence a user sees."""
    page = text("errors.md")
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, errors.TwofoldError)]
    assert len(kinds) == page.count("\n| `")
    for kind in kinds:
        assert f"| `{kind.__name__}` | `{kind.exit_code}` | {inspect.cleandoc(kind.__doc__ or '')} |" in page


def test_every_drop_reason_is_documented() -> None:
    """Each has its row, and no row is left of one that is gone."""
    assert re.findall(r"^\| `(\w+)` \|", text("drop-reasons.md"), re.M) == [str(reason) for reason in DropReason]


@pytest.mark.process
def test_stale_pages_are_named(tmp_path: Path) -> None:
    """`--check` finds a page that was changed by hand, says which, and changes nothing."""
    copy = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", copy, ignore=shutil.ignore_patterns("__pycache__"))
    rows = tmp_path / "tests/sources"  # of which a page is written
    rows.mkdir(parents=True)
    shutil.copy(ROOT / "tests/sources/bodies.toml", rows)
    with (copy / "errors.md").open("a") as file:
        file.write("by hand\n")
    done = run(f"{sys.executable} docs/generate.py --check", tmp_path)
    assert (done.returncode, done.stdout) == (1, "docs/errors.md is stale; run python docs/generate.py\n")
    assert (copy / "errors.md").read_text().endswith("by hand\n")
    assert run(f"{sys.executable} docs/generate.py", tmp_path).stdout == "docs/errors.md written\n"
    assert (copy / "errors.md").read_text() == text("errors.md")


# -- pages written by hand


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path) -> None:
    """Every link inside the project leads to a file or folder, and a fragment to a heading."""
    content = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", content):
        if target.startswith(("http://", "https://")):
            continue
        file, _, fragment = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), f"{page.name}: {target}"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert fragment in slugs, f"{page.name}: {target}"


def test_the_readme_leads_to_every_page() -> None:
    """A page that nobody can find from the first one is not written."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        found = {(page.parent / link).resolve() for link in links if not link.startswith("http")}
        waiting += found - reached
    assert {p.resolve() for p in PAGES if p.name in OURS} <= reached


OURS = {
    "README.md", "CHANGELOG.md", "settings.md", "commands.md", "drop-reasons.md", "errors.md", "glossary.md", "wire.md",
    "design.md", "tag.md", "SECURITY.md", "CONTRIBUTING.md", "developers.md", "rooms.md", "json.md",
}  # fmt: skip


def test_the_limits_on_the_wire_page() -> None:
    """The figures there are the figures in the code."""
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", text("wire.md"), re.M))
    figures = {
        "header": [MAX_HEADERS],
        "address": [MAX_URL // 1024],
        "events in a request": [f"{MAX_EVENTS:,}", MAX_TAG_EVENTS],
        "depth of an event's JSON": [MAX_DEPTH],
        "a text": [f"{MAX_STRING:,}"],
        "a number": [MAX_DIGITS],
        "an event id, an order id": [MAX_ID],
        "an event name": [MAX_CUSTOM_NAME],
        "keys of an event written as a text": [MAX_KEYS],
    }
    for name, numbers in figures.items():
        for number in numbers:
            assert re.search(rf"(?<!\d){number}(?!\d)", rows[name]), (name, number)


def test_the_words_of_the_drop_reasons_are_in_no_page_by_another_name() -> None:
    """A reason named in a page exists."""
    for page in PAGES:
        for name in re.findall(r'"reason": "(\w+)"', page.read_text(encoding="utf-8")):
            assert name in set(DropReason)


def _heads(content: str) -> list[str]:
    plain = re.sub(r"^```.*?^```$", "", content, flags=re.M | re.S)
    return re.findall(r"^## (.*)$", plain, re.M)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_a_page_says_whom_it_is_for(page: Path) -> None:
    """In its first lines; and a long one has its contents before its first part."""
    content = page.read_text(encoding="utf-8")
    title, *rest = [line for line in content.splitlines() if line and not line.startswith("<!--")]
    assert title.startswith("# ")
    assert re.match(r"\*For (the|everybody)\b", rest[0]), rest[0]
    heads = _heads(content)
    if len(content.splitlines()) > 100 and len(heads) >= 3:
        before = content.partition("\n## ")[0]
        for head in heads:
            slug = re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")
            assert f"(#{slug})" in before, head


READERS = ("Developer", "Media buyer", "Owner", "Accountant", "Auditor", "Operator")


def test_each_reader_has_a_path_and_no_page_is_on_none() -> None:
    """Six readers; every page stands on a path of at least one, or is led to by a page that does."""
    content = text("README.md")
    assert tuple(_heads(content)) == READERS
    for part in re.split(r"^## ", content, flags=re.M)[1:]:
        assert len(re.findall(r"\]\((?:\.\./)?[\w/.-]+\.md", part)) >= 5, part.splitlines()[0]
    folder = ROOT / "docs"
    reached, waiting = set(), [folder / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([\w-]+\.md)", page.read_text(encoding="utf-8"))
        waiting += {folder / link for link in links} - reached
    assert {p.name for p in folder.glob("*.md")} == {p.name for p in reached}


# -- the README's examples


def test_the_readmes_configuration_is_the_example_and_can_be_used() -> None:
    """Shown, shipped and tested are one configuration."""
    (shown,) = blocks("toml")
    shipped = (ROOT / "examples" / "twofold.toml").read_text(encoding="utf-8")
    assert tomllib.loads(shown) == tomllib.loads(shipped) == tomllib.loads(SMALLEST)
    assert settings_from(tomllib.loads(shipped), environ=ENVIRONMENT).destination


def test_the_readmes_table_is_the_demos() -> None:
    """The truth it shows is the truth of the demo's orders, and Twofold's line equals the consented one."""
    rows = {
        name.strip(): (int(count), value)
        for name, count, value in re.findall(r"^│ ([^│]+?) │ +(\d+) │ +([\d,.]+) │", README, re.M)
    }
    seed = inspect.signature(_command("demo")).parameters["seed"].default
    for name, truth in (("truth: all orders", whole_truth), ("truth: consented", consented_truth)):
        expected = truth(make_orders(seed))
        assert rows[name] == (expected.count, f"{expected.value:,.2f}")
    assert rows["twofold"] == rows["truth: consented"]


def _command(name: str) -> Any:
    return next(c.callback for c in app.registered_commands if c.callback is not None and c.callback.__name__ == name)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=PATIENCE_S,
    )


@contextmanager
def started(command: str, folder: Path) -> Iterator[None]:
    """A command that serves, until it says that it listens."""
    output = (folder / f"output-{time.monotonic_ns()}").open("w+")
    process = subprocess.Popen(["bash", "-euc", f"exec {command}"], cwd=folder, stdout=output, stderr=output, env=clean_environment())  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "listening on" not in Path(output.name).read_text():
            assert process.poll() is None, Path(output.name).read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        output.close()


@pytest.mark.process
@pytest.mark.timeout(1_200)
def test_the_readmes_commands(tmp_path: Path) -> None:
    """In order, as they stand there (other ports, another folder): each runs, and the event shown arrives."""
    ports = {"8400": free_port(), "8401": free_port()}

    def here(command: str) -> str:
        command = command.strip().replace(".venv/bin/twofold", f"{sys.executable} -m twofold")
        command = command.replace("twofold sandbox", f"twofold sandbox --port {ports['8401']}")
        return re.sub(r"\b840[01]\b", lambda port: str(ports[port[0]]), command)

    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    local = tmp_path / "examples" / "local.toml"
    local.write_text(here(local.read_text()))
    commands = blocks("sh")
    makes, rest = [c for c in commands if c.startswith("make ")], [c for c in commands if not c.startswith("make ")]
    assert [c.strip() for c in makes] == ["make run", "make test"]
    for command in makes:  # only looked through: the first serves for ever, the second is what runs this
        done = run(f"{command.strip()} --dry-run --always-make", ROOT)
        assert done.returncode == 0, done.stderr
    sandbox, serve, curl, look, explain, orders = rest
    with started(here(sandbox), tmp_path), started(here(serve), tmp_path):
        done = run(here(curl), tmp_path)
        assert json.loads(done.stdout)["events_received"] == 1, done.stderr
        for line in look.strip().splitlines():
            done = run(here(line), tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "verify" in line or "order-1001" in done.stdout
        explained = run(here(explain), tmp_path)
        assert explained.returncode == 0, explained.stderr
        assert "995555000007" in explained.stdout  # 0555 00 00 07 in Georgia, whose country code is 995
        checked = run(here(orders), tmp_path)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert run(here(".venv/bin/twofold check --config examples/local.toml"), tmp_path).returncode == 0
        (program,) = blocks("python")
        done = subprocess.run([sys.executable, "-"], input=here(program), capture_output=True, text=True, timeout=PATIENCE_S)  # fmt: skip
        assert re.search(r"events_received\W+1\b", done.stdout), done.stdout + done.stderr
        deadline = time.monotonic() + PATIENCE_S
        while (states := deliveries(here, tmp_path)) != {"order-1001": "delivered", "order-1002": "delivered"}:
            assert time.monotonic() < deadline, states
            time.sleep(0.2)


def deliveries(here: Any, folder: Path) -> dict[str, str]:
    done = run(here(".venv/bin/twofold deliveries --json --config examples/local.toml"), folder)
    return {row["event_id"]: row["state"] for row in map(json.loads, done.stdout.splitlines())}


def test_make_targets_named_in_the_readme_exist() -> None:
    """Also those in running text."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


def test_the_first_file_to_open_exists_and_is_short() -> None:
    """A reader can take it in at one sitting."""
    assert "twofold/collect/steps/pipeline.py" in README
    assert len((ROOT / "twofold" / "collect" / "steps" / "pipeline.py").read_text().splitlines()) < 100


def test_documents_speak_of_the_project_alone() -> None:
    """No path of a machine, no address of a package host."""
    for page in [*PAGES, *(ROOT / "examples").rglob("*.toml")]:
        content = page.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w/])/(home|root|Users|work)/", content), page
        assert os.sep + "tmp" + os.sep not in content


NAMED_COMMAND = re.compile(r"`twofold ((?:[a-z][a-z0-9-]*)(?: [a-z][a-z0-9-]*)*)")


def test_each_command_that_is_named_exists() -> None:
    """In pages, in what the program says, and in the console: the first words are commands, as far as there are any below."""
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "twofold").rglob("*.py"), *(ROOT / "twofold").rglob("*.html")]  # fmt: skip
    named = {words for text in texts for words in NAMED_COMMAND.findall(text.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert [words for words in sorted(named) if not _is_command(words.split())] == []


def _is_command(words: list[str]) -> bool:
    node = whole_command()
    for word in words:
        below = getattr(node, "commands", None)
        if below is None:
            return True  # an argument
        if word not in below:
            return False
        node = below[word]
    return True
