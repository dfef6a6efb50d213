"""The processes that evaluate queries: a parent that holds the store, and evaluators forked from it.

Started as ``python -m hfm_kg.server.evaluator DATA CONTROL MEMORY``. The parent reads a snapshot's N-Quads into memory,
or opens its store on disk if that is what DATA names, says so on its control socket, and from then on forks an
evaluator whenever it is asked for one: that takes about a millisecond, since parent and evaluators share the store's
memory until one of them writes to it. An evaluator answers one query after the other; whoever holds its socket may kill
it at any time. It can make no sockets and start no programs, and open no files unless the store is on disk; it may not
use more memory than it was given, and leaves no core dump.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from pyoxigraph import DefaultGraph, RdfFormat, Store, parse

from hfm_kg import sparql
from hfm_kg.errors import HfmError
from hfm_kg.server import seccomp
from hfm_kg.server.frames import FORK, HEADER, READY, Job, Kind, error_frame, pack

CHUNK: Final = 64 * 1024
"""Bytes of the result that are sent at once."""
NICE: Final = 3
"""By how much an evaluator's priority is below the front's, which hands out work and takes it back without delay."""
RETRY: Final = 1
"""Seconds after which an evaluator that could not be made is tried again."""


class Output:
    """A file that sends what is written to it as frames: one if the result is small."""

    def __init__(self, connection: socket.socket, content_type: str) -> None:
        self.connection, self.content_type, self.buffer, self.is_small = connection, content_type, bytearray(), True

    def write(self, data: bytes) -> int:
        """Take a part of the result."""
        self.buffer += data
        if len(self.buffer) >= CHUNK:
            if self.is_small:
                self.is_small = False
                self.connection.sendall(pack(Kind.FORM, self.content_type.encode()))
            self.connection.sendall(pack(Kind.BODY, self.buffer))
            self.buffer.clear()
        return len(data)

    def flush(self) -> None:
        """Nothing: what is held is sent with what follows it."""

    def close(self) -> None:
        """Send what is held, and that it was the last."""
        if self.is_small:
            self.connection.sendall(pack(Kind.WHOLE, self.content_type.encode() + b"\0" + self.buffer))
        else:
            self.connection.sendall(pack(Kind.BODY, self.buffer) + pack(Kind.END))


@dataclass(frozen=True)
class Stores:
    """The graph for queries that name graphs, and its default graph alone for the others.

    The engine looks through the triples of all graphs even if a query is about one; with half of them gone, most
    queries take two thirds of the time.
    """

    whole: Store
    default: Store

    @property
    def is_on_disk(self) -> bool:
        """Whether what is asked for is read from files."""
        return self.whole is self.default

    @classmethod
    def read(cls, data: str) -> Stores:
        """Read a snapshot's N-Quads into memory, or open its store, which is a folder."""
        if Path(data).is_dir():
            opened = Store.read_only(data)
            return cls(opened, opened)
        whole, default = Store(), Store()
        whole.bulk_extend(parse(path=data, format=RdfFormat.N_QUADS, lenient=True))
        default.bulk_extend(whole.quads_for_pattern(None, None, None, DefaultGraph()))
        return cls(whole, default)

    def of(self, job: Job) -> Store:
        """The smallest store that holds what a job may ask for."""
        names_graphs = job.default_graph or job.named_graphs or sparql.may_name_graphs(job.query)
        return self.whole if names_graphs else self.default


def evaluate(stores: Stores, job: Job, connection: socket.socket) -> None:
    """Answer one job."""
    try:
        store = stores.of(job)
        result = sparql.evaluate(store, job.query, default_graph=job.default_graph, named_graphs=job.named_graphs)
        form = (
            sparql.named_format(result, job.format_name)
            if job.format_name
            else sparql.negotiate(sparql.formats(result), job.accept)
        )
        output = Output(connection, form.content_type)
        sparql.write_to(result, form, cast(IO[bytes], output))
        output.close()
    except HfmError as error:
        connection.sendall(error_frame(error))


def serve(stores: Stores, connection: socket.socket) -> None:
    """Answer jobs until the other side has gone."""
    with connection, connection.makefile("rb") as requests:
        while header := requests.read(HEADER.size):
            _, length = HEADER.unpack(header)
            evaluate(stores, Job.from_payload(requests.read(length)), connection)


LIBC: Final = ctypes.CDLL(None)
PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that a process gets when its parent ends."""


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, however that ends."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, number)


def confine(memory: int, needs_files: bool) -> None:
    """Take from this process what no query needs: sockets, programs, files, core dumps, memory beyond so many bytes."""
    die_with_parent(signal.SIGKILL)
    os.nice(NICE)
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = used + memory if hard == resource.RLIM_INFINITY else min(used + memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not needs_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # those that are open stay so
    if seccomp.is_known():
        seccomp.refuse_sockets()


def fork(stores: Stores, control: socket.socket, memory: int) -> bool:
    """Make an evaluator, and send its number and its socket to the front; tells whether the machine had room for it."""
    try:
        ours, theirs = socket.socketpair()
        process = os.fork()
    except OSError:
        return False
    if process == 0:
        code = 0
        try:
            control.close()
            ours.close()
            with Path(os.devnull).open("wb") as nothing:  # the engine's last words before it aborts are for nobody
                os.dup2(nothing.fileno(), sys.stderr.fileno())
            confine(memory, stores.is_on_disk)
            serve(stores, theirs)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the front has lost interest
        except BaseException:
            code = 1
        finally:
            os._exit(code)
    theirs.close()
    socket.send_fds(control, [json.dumps({"born": process}).encode()], [ours.fileno()])
    ours.close()
    return True


def reap(control: socket.socket) -> None:
    """Tell the front how each evaluator ended that has ended."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        control.send(json.dumps({"died": process, "signal": ended}).encode())


def main(data: str, descriptor: str, memory: str) -> None:
    """Hold the store and fork evaluators, until the front closes the control socket."""
    for ending in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # sent to the whole group; the front handles it, and closes the socket
        signal.signal(ending, signal.SIG_IGN)
    control = socket.socket(fileno=int(descriptor))
    with ThreadPoolExecutor(1) as loader:  # it leaves its heap in pieces, and queries would look through them for room
        stores = loader.submit(Stores.read, data).result()
    gc.freeze()  # the collector of a child must not touch, and so copy, what it shares
    wakeup, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    try:
        control.send(READY)
        owed = 0
        while True:
            readable, _, _ = select.select([control.fileno(), wakeup], [], [], RETRY if owed else None)
            if wakeup in readable:
                os.read(wakeup, 4096)
                reap(control)
            if control.fileno() in readable:
                if control.recv(16) != FORK:
                    return
                owed += 1
            while owed and fork(stores, control, int(memory)):
                owed -= 1
    except (BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
