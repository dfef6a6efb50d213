"""Servers that are measured: found, loaded, started on a free port of loopback, and ended again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from hfm_kg.bench import answers
from hfm_kg.errors import EndpointError, NotInstalledError, UsageError
from hfm_kg.store import Snapshot

try:
    import psutil
except ImportError:
    raise NotInstalledError("the benchmark needs psutil; get it with: pip install 'hfm-kg[bench]'") from None

COUNT = "SELECT (COUNT(*) AS ?triples) WHERE { ?s ?p ?o }"

CONNECTIONS = 128
"""How many clients at once a server is told to expect where it must be told."""

MEGABYTE = 1024 * 1024

QUIET = 1.0
"""Seconds in which a server does nothing once it has made ready, after its first answer, what it will need."""

STOPPING = 10
"""Seconds that a server has to end by itself."""


@dataclass(frozen=True)
class Started:
    """A server that answers at ``url``; ``process`` leads the group of its processes, None if it is not ours to end."""

    name: str
    version: str
    url: str
    process: int | None = None

    def processes(self) -> list[psutil.Process]:
        """All processes of the server."""
        if self.process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process)
            return [first, *first.children(recursive=True)]
        return []

    def memory(self) -> int:
        """Bytes that the server's processes have in memory, what several of them share counted once."""
        used = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                used += process.memory_full_info().pss if sys.platform == "linux" else process.memory_info().rss
        return used

    def seconds(self) -> float:
        """Seconds of processor time that the server has used."""
        used = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def settle(self, patience: float, quiet: float = 0.1) -> bool:
        """Wait until the server does nothing for ``quiet`` seconds; whether that was within ``patience`` seconds."""
        ends = time.monotonic() + patience
        before = self.seconds()
        while time.monotonic() < ends:
            time.sleep(quiet)
            after = self.seconds()
            if after - before < 0.05:
                return True
            before = after
        return False


class Server(ABC):
    """A kind of server."""

    name: ClassVar[str]
    path: ClassVar[str] = "/sparql"
    install: ClassVar[str] = ""
    """How to get it."""

    @abstractmethod
    def version(self) -> str | None:
        """Its version, None if it is not installed."""

    def load(self, data: Snapshot, folder: Path) -> None:  # noqa: B027 # most servers load when they start
        """Load the data into ``folder``, which is empty and the server's own."""

    @abstractmethod
    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """What starts it in the foreground."""

    def fill(self, data: Snapshot, folder: Path, port: int) -> None:  # noqa: B027 # see load()
        """Load the data into the server that was just started. Raises ConnectionError while it does not listen yet."""


def endpoint(text: str) -> Started:
    """A server that runs already, given as NAME=URL. Raises UsageError."""
    name, _, url = text.partition("=")
    parts = urlsplit(url)
    if not name or parts.scheme != "http" or not parts.hostname:
        raise UsageError(f"--endpoint {text}: write NAME=http://HOST:PORT/PATH")
    return Started(name, "(running)", url)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that servers and files that were begun come to an end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def program(name: str) -> str | None:
    """The path of a program: one that came with a Python package beside this one, or one of the system."""
    return shutil.which(name, path=os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", ""))))


def package_version(name: str) -> str | None:
    """The version of a Python package, None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Ours(Server):
    """``hfm-kg serve``, with its own limits but that all the benchmark's clients are one address."""

    name: ClassVar[str] = "hfm-kg"
    options: tuple[str, ...] = ("--per-client", str(CONNECTIONS), "--queue", str(CONNECTIONS))

    def version(self) -> str | None:
        """The version of this package."""
        return package_version("hfm-kg")

    def command(self, data: Snapshot, folder: Path, port: int) -> Sequence[str]:
        """The command as an operator gives it."""
        output = str(data.path.parent.parent)
        return (sys.executable, "-m", "hfm_kg", "serve", "--port", str(port), "--output", output, *self.options)


@contextmanager
def started(server: Server, data: Snapshot, folder: Path, patience: float) -> Iterator[Started]:
    """Load and start a server, wait until it answers and holds as many triples as the data, and end it afterwards.

    ``patience`` is in seconds. Raises EndpointError if it does not come to that.
    """
    version = server.version()
    if version is None:
        raise EndpointError(f"{server.name} is not installed; get it with: {server.install}")
    folder.mkdir()
    log = folder / "log"
    process: subprocess.Popen[bytes] | None = None
    try:
        try:
            server.load(data, folder)
            port = free_port()
            with log.open("wb") as output, _uninterrupted():
                # a session of its own: Ctrl-C is ours to handle, and the server ends when we say so
                process = subprocess.Popen(
                    server.command(data, folder, port), cwd=folder, stdout=output, stderr=output, start_new_session=True
                )
        except (OSError, subprocess.CalledProcessError) as error:
            raise EndpointError(f"{server.name} does not start: {_reason(error)}") from error
        running = Started(server.name, version, f"http://127.0.0.1:{port}{server.path}", process.pid)
        try:
            _await(server, running, process, data, folder, port, patience)
        except EndpointError as error:
            said = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise EndpointError(f"{error}{f': {said}' if said else ''}") from None
        yield running
    finally:
        if process is not None:
            _end(process)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back: a process whose start they interrupt would be nobody's to end."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        raise KeyboardInterrupt


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    said = getattr(error, "stderr", None)
    return said.decode(errors="replace").strip().rpartition("\n")[2] if said else str(error)


def _await(
    server: Server, running: Started, process: subprocess.Popen[bytes], data: Snapshot, folder: Path, port: int,
    patience: float,
) -> None:  # fmt: skip
    """Wait until a server answers, fill it, and see whether it holds the data."""
    ends = time.monotonic() + patience
    filled = False
    while process.poll() is None:
        if time.monotonic() > ends:
            raise EndpointError(f"{server.name} did not answer within {patience:g} seconds")
        try:
            if not filled:
                server.fill(data, folder, port)
                filled = True
        except ConnectionError:
            time.sleep(0.05)
            continue
        try:
            held = answers.ask(running.url, COUNT, max(1.0, ends - time.monotonic()))
        except EndpointError:
            time.sleep(0.05)
            continue
        if held != answers.numbers(triples=data.manifest["triples"]):
            raise EndpointError(f"{server.name} does not hold the {data.manifest['triples']} triples of the data")
        return
    raise EndpointError(f"{server.name} ended with code {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server, and what is left of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOPPING)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
