"""The direction of imports: every file of the package is read and held against the order of the rooms."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import twofold

PACKAGE = Path(twofold.__file__).parent

# From the ground up. A room or file may import from lower layers and from itself, never from its own layer or above.
LAYERS = [
    {"errors", "clock", "scratch", "spreadsheet", "client"},
    {"event", "tag"},
    {"touch", "schema"},
    {"ledger", "matching"},  # orders lie below the store: they are journalled in the transaction of their copies
    {"consent"},
    {"sources", "destinations", "store"},
    {"privacy", "collect", "deliver"},
    {"facts", "backup"},  # derived columns; nothing below may rest on what can be made again
    {"reconcile"},
    {"attribution"},
    {"report"},
    {"sandbox", "simulate"},
    {"senders"},
    {"router"},  # its judge of payloads is the sandbox's
    {"alerts"},
    {"config"},  # read by what wires; no room reads settings, each is passed what it needs
    {"policies", "listening", "roles"},
    {"control"},
    {"importing"},
    {"pulling"},  # what was fetched goes through the readers of files and the run that keeps them
    {"audiences", "fetching"},  # ask the outside world by the same exchange
    {"setup"},  # tries the access of systems by fetching's own questions
    {"acceptance"},  # judges what is there; asks the platform by setup's questions
    {"duties"},  # what the gateway does beside accepting and delivering
    {"app"},
    {"console"},  # a process of its own: the gateway never imports it
    {"commands"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Rooms that share less with the rest than their place would allow.
ONLY = {
    "event": {"errors", "clock"},
    "sandbox": {"errors", "clock", "event"},  # it judges any sender, so it must not share the sender's code
    "simulate": {"errors", "clock", "scratch", "event"},
    "config": {
        "errors",
        "event",
        "destinations",
        "touch",
    },  # names of events, platforms and channels, to tell a misspelt one, and platforms' options
    "tag": set(),
    "client": set(),  # installed beside a shop, without the server
}
ROOMS_WITHOUT_IO = {"event", "schema", "touch", "matching", "consent", "sources", "destinations"}
IO_MODULES = {"socket", "asyncio", "sqlite3", "apsw", "aiohttp", "uvicorn", "starlette", "requests", "urllib.request",
              "subprocess", "threading", "os", "pathlib", "time"}  # fmt: skip


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The room or top-level file that a path belongs to; the package's own __init__ is "twofold"."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "twofold" if first == "__init__" else first


@cache
def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def rooms_used(path: Path) -> set[str]:
    """Rooms and files of the package, other than its own, that a file imports."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("twofold.")}
    return {name for name in names if name in RANK or (PACKAGE / name).exists()} - {room_of(path)}


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    """A file uses lower rooms only, and of those only the ones its room may share."""
    room = room_of(path)
    used = rooms_used(path)
    if room == "twofold":
        assert used == set(), "importing the package must import nothing"
        return
    upward = {name for name in used if RANK[name] >= RANK[room]}
    assert not upward, f"{room} imports {upward}"
    if room in ONLY:
        assert used <= ONLY[room], f"{room} may share {ONLY[room] or 'nothing'}"


def test_every_room_has_its_place():
    """A new room or file at the top of the package is entered in the table above before anything is in it."""
    assert {room_of(p) for p in files()} - {"twofold"} <= set(RANK)


def test_collect_and_deliver_meet_in_the_store_only():
    """Neither imports the other, which their common layer forbids; they share the values of a delivery."""
    used = {room: set[str]() for room in ("collect", "deliver")}
    for path in files():
        if room_of(path) in used:
            used[room_of(path)] |= rooms_used(path)
    assert "deliver" not in used["collect"]
    assert "collect" not in used["deliver"]
    assert "store" in used["collect"]
    assert "event" in used["deliver"]


@pytest.mark.parametrize(
    "path",
    [p for p in files() if room_of(p) in ROOMS_WITHOUT_IO and p.parent.name != "bulk"],  # whole files, through DuckDB
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_pure_rooms_have_nothing_to_reach_the_world_with(path):
    """What an event, a source or a destination is does not depend on the clock, the disk or the network."""
    assert not imported(path) & IO_MODULES
