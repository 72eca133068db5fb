"""The real programs as processes: start, wait until they listen, ask their commands, stop, kill -9, start again.

Owns processes, ports and commands only; what is sent to them and what must come out is the tests' own.

    with gateway(TOML, tmp_path / "data") as g:
        requests.post(f"{g.url}/v25.0/1234567890/events", ...)
        g.kill()
        g.start()                     # same folder, same port
        assert g.run("verify").returncode == 0
        g.rows("actions", name="Purchase")

    with sandbox_process() as s: ...
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.command_line import invoke
from tests.ports import free_port
from twofold.errors import TwofoldError

START_S = 120
STOP_S = 60  # a gateway stops within ten seconds where it has a processor to itself
COMMAND_S = 120
BEHIND = ("nice", "-n", "19")
"""What a test kills in the middle steps behind it: on a busy machine it would be over before the test looks again."""
SERVING = {"serve", "sandbox", "demo", "console"}
_ADDRESS = re.compile(r"listening on (http://\S+)")


class Program:
    """One program that serves. ``start`` may follow ``kill`` or ``stop``: same arguments, same port."""

    def __init__(self, arguments: list[str], *, port: int | None = None, env: Mapping[str, str] | None = None) -> None:
        self.port = port or free_port()
        self.url = ""
        self._command = [sys.executable, "-m", "twofold", *arguments, "--port", str(self.port)]
        self._env = clean_environment(env)
        self._process: subprocess.Popen[bytes] | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`

    def start(self) -> None:
        """Returns once the program says that it listens; fails with its output when it ends or stays silent."""
        assert not self.running, "it runs already"
        begin = self._output.seek(0, os.SEEK_END)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, env=self._env
        )
        deadline = time.monotonic() + START_S
        while (found := _ADDRESS.search(self.output(begin))) is None:
            ended = self._process.poll()
            assert ended is None, f"ended with {ended}:\n{self.output(begin)}"
            assert time.monotonic() < deadline, f"does not listen after {START_S} s:\n{self.output(begin)}"
            time.sleep(0.01)
        self.url = found[1].rstrip("/")

    def load(self, env: Mapping[str, str]) -> None:
        """Its environment at the next start."""
        self._env = clean_environment(env)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to end; its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(STOP_S)

    def kill(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_S)

    def output(self, since: int = 0) -> str:
        """Everything it printed and logged, over all its starts."""
        return os.pread(self._output.fileno(), 16 << 20, since).decode("utf-8", "replace")

    def close(self) -> None:
        if self.running:
            self.kill()
        self._output.close()


class Gateway(Program):
    """`twofold serve` on one folder. Its file is beside the folder, so that a test can change it between starts."""

    def __init__(self, toml: str, data: Path, *, port: int | None = None, env: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.config = data.parent / f"{data.name}.toml"
        self.config.write_text(toml, encoding="utf-8")
        self._given = env
        super().__init__(["serve", *self._where()], port=port, env=env)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same file and folder, whether this gateway runs or not."""
        return run_twofold(*arguments, *self._where(), env=self._given)

    def rows(self, kind: str, **filters: str) -> list[dict[str, Any]]:
        """All rows of events, actions, deliveries or refused, as ``--json`` gives them."""
        options = [part for name, value in filters.items() for part in (f"--{name}", value)]
        done = self.run(kind, "--json", "--limit", "0", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _where(self) -> list[str]:
        return ["--config", str(self.config), "--data", str(self.data)]


class Meanwhile(threading.Thread):
    """What talks to a gateway while the test runs commands. Clients look through the environment for proxies at each request."""


@contextlib.contextmanager
def gateway(
    toml: str, data: Path, *, port: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """A listening gateway; killed at the end if it still runs."""
    with contextlib.closing(Gateway(toml, data, port=port, env=env)) as program:
        program.start()
        yield program


@contextlib.contextmanager
def sandbox_process(
    *, data: Path | None = None, tokens: tuple[str, ...] = (), port: int | None = None
) -> Iterator[Program]:
    """A listening `twofold sandbox`; without ``data`` it keeps what it gets in memory."""
    arguments = ["sandbox", *(["--data", str(data)] if data else [])]
    arguments += [part for token in tokens for part in ("--token", token)]
    with contextlib.closing(Program(arguments, port=port)) as program:
        program.start()
        yield program


def run_twofold(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command run to its end, with its output as text; inside this process, as to start one takes longer than most commands do.

    One that serves gets a process of its own, and so does one that is asked on another thread: a process has one output. It
    has one environment too, which is changed for the command: not while a thread of the test's own may be reading it.
    """
    beside = any(isinstance(thread, Meanwhile) for thread in threading.enumerate())
    if arguments[0] in SERVING or beside or threading.current_thread() is not threading.main_thread():
        return run_alone(*arguments, env=env)
    wanted = clean_environment(env)
    done = invoke(arguments, given="", env={name: None for name in os.environ if name not in wanted} | wanted)
    if isinstance(done.exception, TwofoldError):  # as `twofold.cli.main` says it
        said = f"{done.stderr}twofold: {done.exception}\n"
        return subprocess.CompletedProcess(arguments, done.exception.exit_code, done.stdout, said)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def run_alone(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "twofold", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=clean_environment(env),
        timeout=COMMAND_S,
    )


def clean_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without the gateway's own variables, with those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD_")}
    return inherited | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"} | dict(env or {})
