"""The parent of the evaluators as the front sees it: a process that holds the graph, and the way to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from hfm_kg.errors import SnapshotError
from hfm_kg.server import seccomp
from hfm_kg.server.bounds import Limits
from hfm_kg.server.frames import FORK, READY
from hfm_kg.store import Snapshot


@dataclass(frozen=True)
class Born:
    """An evaluator is there."""

    process: int
    connection: socket.socket


@dataclass(frozen=True)
class Died:
    """An evaluator has ended."""

    process: int
    signal: int
    """That ended it; 0 if it ended by itself."""


class Parent:
    """A process that holds a snapshot and forks evaluators. It begins to read as soon as it is made."""

    def __init__(self, snapshot: Snapshot, limits: Limits) -> None:
        self.snapshot = snapshot
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setblocking(False)
        data = snapshot.path / "store" if is_on_disk(snapshot, limits) else snapshot.dump
        command = [sys.executable, "-m", "hfm_kg.server.evaluator", str(data), str(theirs.fileno()), str(limits.memory)]
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])

    async def ready(self) -> None:
        """Wait until it has read the snapshot. Raises SnapshotError if it cannot."""
        if await asyncio.get_running_loop().sock_recv(self.control, 64) != READY:
            raise SnapshotError(f"cannot read the snapshot {self.snapshot.path}; build it anew: hfm-kg build")

    def listen(self, heard: Callable[[Born | Died | None], None]) -> None:
        """Have what it says handed on from now on; None once it has died."""

        def hear() -> None:
            message, descriptors = b"", [0]
            try:
                message, descriptors, _, _ = socket.recv_fds(self.control, 256, 1)
            except BlockingIOError:
                return
            except ConnectionError:
                pass  # it died before it had read all orders
            told = json.loads(message) if message else {}
            if "born" in told:
                heard(Born(told["born"], socket.socket(fileno=descriptors[0])))
            else:
                heard(Died(told["died"], told["signal"]) if told else None)

        asyncio.get_running_loop().add_reader(self.control, hear)

    def order(self) -> None:
        """Ask it for another evaluator, unless it is about to end or has died, which is heard soon."""
        if self.control.fileno() >= 0:
            with contextlib.suppress(ConnectionError):
                self.control.send(FORK)

    def leave(self) -> None:
        """Hear it no longer, and have it end; it would notice only after it has read the snapshot."""
        if self.control.fileno() >= 0:
            with contextlib.suppress(RuntimeError):  # nobody listens where no loop runs
                asyncio.get_running_loop().remove_reader(self.control)
        self.control.close()
        self.process.kill()


def is_on_disk(snapshot: Snapshot, limits: Limits) -> bool:
    """Whether a snapshot is read from disk; not where evaluators would need files to be kept from the network."""
    dump = snapshot.dump
    return seccomp.is_known() and dump.exists() and dump.stat().st_size > limits.in_memory
