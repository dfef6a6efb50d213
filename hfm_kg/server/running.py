"""How the server is run: its address, its processes, its log."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from typing import Final, cast

import click
import prometheus_client
import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from hfm_kg import store
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.server import logs, metrics
from hfm_kg.server.connection import Connection
from hfm_kg.server.current import Current, Inputs
from hfm_kg.server.evaluator import die_with_parent
from hfm_kg.server.metrics import Metrics
from hfm_kg.server.records import Record, Recorded
from hfm_kg.server.site import static

GARBAGE: Final = 50_000
"""Objects that are made before the collector looks for circles among the youngest. By default it does so every 700: at
thousands of requests a second it would take a tenth of the time, and find next to nothing."""
SPARE_FILES: Final = 500
"""Files beside the connections: those of two snapshots, and evaluators."""

logger = logging.getLogger("hfm_kg.server")


@dataclass(frozen=True)
class Deployment:
    """How an operator runs the server."""

    host: str = "127.0.0.1"
    port: int = 7878
    processes: int = 1
    """Processes that share the port, each with evaluators, queue and cache of its own."""
    connections: int = 1000
    """Connections of one process at once; more are sent away."""
    metrics_port: int | None = None
    """Where the metrics are, if they are not to be at the same port as all else."""
    log_level: str = "warning"
    log_format: str = "text"
    drain: float = 0
    """Seconds that the server, told to stop, still answers while it calls itself unready."""
    grace: int = 2
    """Seconds that running queries then have to end; without a limit one query could hold it up."""
    trusted: tuple[str, ...] = ()
    """Addresses of proxies that are believed when they tell for whom they ask (X-Forwarded-For and -Proto)."""


def run(inputs: Inputs, deployment: Deployment) -> None:
    """Serve the current snapshot until told to stop.

    Raises UsageError if an address cannot be had, and HfmError if the snapshot cannot be opened.
    """
    _allow_files(deployment.connections + SPARE_FILES)
    with listening(deployment.host, deployment.port) as listener:
        if missing := static.missing():
            click.echo(f"pages go without {', '.join(missing)}: the build could not fetch third-party code", err=True)
        if deployment.processes == 1:
            _serve(inputs, deployment, listener)
        else:
            _supervise(inputs, deployment, listener)


def application(inputs: Inputs, deployment: Deployment, figures: Metrics) -> Recorded:
    """The whole application of one process. Raises HfmError if the snapshot cannot be opened."""
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])
    current = Current(inputs, figures, drain=deployment.drain, shows_metrics=deployment.metrics_port is None)

    def tell(record: Record) -> None:
        figures.tell(record)
        logs.tell(record)

    return Recorded(current, figures.in_flight.inc, tell)


class Server(uvicorn.Server):
    """Tells its address when it answers, and Ctrl-C is its to handle: not before, and not later."""

    def __init__(self, config: uvicorn.Config, welcome: str) -> None:
        super().__init__(config)
        self.welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        await super().startup(sockets)
        click.echo(self.welcome, err=True)


def _serve(inputs: Inputs, deployment: Deployment, listener: socket.socket) -> None:
    """Serve in this process."""
    figures = Metrics()
    app = application(inputs, deployment, figures)
    with _metrics_at(deployment, figures.registry) as metrics_address:
        config = _config(lambda: app, inputs, deployment)
        server = Server(config, _welcome(deployment, listener, metrics_address))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
        except SystemExit:  # the reason is logged
            sys.exit(1)


class Supervisor(Multiprocess):
    """Keeps processes running that share a port. Only it hears Ctrl-C; they are told by it."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, welcome: str, folder: str) -> None:
        super().__init__(config, [listener])
        self.welcome, self.folder = welcome, folder

    def init_processes(self) -> None:
        """Start the processes, and tell the address when all of them answer."""
        resource_tracker.ensure_running()  # which lets Ctrl-C through again when it starts
        with _without_interrupts():
            super().init_processes()
        while not self.should_exit.wait(0.05) and all(process.process.is_alive() for process in self.processes):
            if all(process.is_ready(timeout=0.5) for process in self.processes):
                click.echo(self.welcome, err=True)
                return
            self.handle_signals()

    def keep_subprocess_alive(self) -> None:
        """Replace what has ended, whose gauges no longer count."""
        before = {process.pid for process in self.processes}
        with _without_interrupts():
            super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, self.folder)  # type: ignore[no-untyped-call] # the library's

    def handle_hup(self) -> None:
        """Have each process look for a new snapshot; none needs to be started anew for that."""
        for process in self.processes:
            if process.pid is not None and process.process.is_alive():
                os.kill(process.pid, signal.SIGHUP)


def _supervise(inputs: Inputs, deployment: Deployment, listener: socket.socket) -> None:
    """Serve in processes that share the port."""
    if inputs.upstream is None:
        store.current(inputs.folder).open()  # lest each process stumbles over it
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hfm-kg-"))
        os.environ[metrics.FOLDER] = folder
        stack.callback(os.environ.pop, metrics.FOLDER)
        address = stack.enter_context(_metrics_at(deployment, metrics.of_all_processes(folder)))
        config = _config(partial(_worker, inputs, deployment), inputs, deployment)
        supervisor = Supervisor(config, listener, _welcome(deployment, listener, address), folder)
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            sys.exit(1)  # the reason is logged


def _worker(inputs: Inputs, deployment: Deployment) -> Recorded:
    """The application in one of several processes, which ends if it cannot be made and is tried again."""
    die_with_parent(signal.SIGTERM)
    try:
        return application(inputs, deployment, Metrics())
    except HfmError as error:
        logger.error("a process cannot start: %s", error)
        sys.exit(error.exit_code)


def _config(make: Callable[[], Recorded], inputs: Inputs, deployment: Deployment) -> uvicorn.Config:
    return uvicorn.Config(
        make,
        factory=True,
        lifespan="on",
        workers=deployment.processes,
        http=cast(
            type[asyncio.Protocol], partial(Connection, patience=inputs.limits.patience, most=deployment.connections)
        ),
        log_config=logs.config(deployment.log_level, deployment.log_format),
        access_log=False,
        proxy_headers=bool(deployment.trusted),
        forwarded_allow_ips=list(deployment.trusted),
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=deployment.grace,
    )


def _welcome(deployment: Deployment, listener: socket.socket, metrics_address: str) -> str:
    address = f"http://{shown(deployment.host)}:{listener.getsockname()[1]}"
    figures = f", metrics {metrics_address}" if metrics_address else ""
    return f"SPARQL endpoint {address}/sparql, start page {address}/{figures} (Ctrl-C stops)"


def shown(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def listening(host: str, port: int, command: str = "hfm-kg serve") -> socket.socket:
    """A socket that listens. Raises UsageError if the address cannot be had."""
    if not host:
        raise UsageError("--host is empty; to listen on all addresses say --host 0.0.0.0")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that is none
        taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        raise _unavailable(host, port, error, f"; another port: {command} --port 0" if taken else "") from None


@contextmanager
def _metrics_at(deployment: Deployment, registry: CollectorRegistry) -> Iterator[str]:
    """Tell figures at a port of their own, if that is wanted; gives the address. Raises UsageError."""
    host, port = deployment.host, deployment.metrics_port
    if port is None:
        yield ""
        return
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise _unavailable(host, port, error, "") from None
    try:
        yield f"http://{shown(host)}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _unavailable(host: str, port: int, error: Exception, hint: str) -> UsageError:
    reason = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]
    return UsageError(f"cannot listen on {host}:{port}: {reason}{hint}")


def _allow_files(number: int) -> None:
    """Let this process and its children have so many files open, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the end; processes that are started meanwhile never hear of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
