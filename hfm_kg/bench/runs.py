"""A run as the command line asks for it: chosen, measured, printed and drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hfm_kg.bench import attack, load, measure, peers, report, servers, workload
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UsageError
from hfm_kg.store import Snapshot

SHORTEST_ATTACK = 10
"""Seconds: enough answers for a 99th percentile, and time for a hostile query to do harm."""


@dataclass(frozen=True)
class Options:
    """What a run can be told, as the command's options name it."""

    names: tuple[str, ...]
    peer_names: tuple[str, ...]
    endpoints: tuple[str, ...]
    scale: int
    clients: str
    mode: str | None
    seconds: float
    rounds: int
    patience: float
    client: str | None
    attack: bool
    plot: Path | None

    def numbers(self) -> tuple[int, ...]:
        """How many clients there are at once. Raises UsageError."""
        texts = self.clients.split(",")
        if not all(text.isdecimal() and 0 < int(text) <= servers.CONNECTIONS for text in texts):
            raise UsageError(f"--clients {self.clients}: write numbers up to {servers.CONNECTIONS}, as in 1,8,32")
        return tuple(dict.fromkeys(map(int, texts)))


def run(
    options: Options, queries: Catalog, snapshot: Snapshot, format_name: str, progress: Callable[[str], None]
) -> bool:
    """Do a run and print what came of it; whether an attack, if that was asked for, was withstood.

    Raises UsageError or NotInstalledError before anything is started.
    """
    client = load.client(options.client)
    numbers = options.numbers()
    running = [servers.endpoint(text) for text in options.endpoints]
    if options.plot:
        report.require_plot(options.plot)
    store = snapshot.open()
    names = attack.CHEAP if options.attack else options.names
    chosen = tuple(workload.workloads(names, queries, store))
    with servers.ended_in_order(), measure.data(snapshot, options.scale, progress) as data:
        if options.attack:
            seconds = max(options.seconds, SHORTEST_ATTACK)
            outcome = attack.run(data, chosen, seconds, measure.LOADING, progress)
            report.write_attack(format_name, outcome)
            return outcome.is_withstood
        modes = (options.mode,) if options.mode else measure.MODES
        plan = measure.Plan(chosen, modes, numbers, options.seconds, options.rounds, options.patience)
        measured = measure.run(data, plan, peers.peers(options.peer_names), running, client, progress)
    told = report.conditions(data, options.scale, plan, client, measured)
    report.write(format_name, measured, told)
    if options.plot:
        report.plot(measured, told, options.plot)
    return True
