"""A run's outcome as rows, Markdown, JSON and a plot: ratios rather than seconds, which are a machine's own."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import click

from hfm_kg import present
from hfm_kg.bench import attack
from hfm_kg.bench.load import LoadClient
from hfm_kg.bench.measure import Cell, Outcome, Plan
from hfm_kg.bench.servers import MEGABYTE, Ours
from hfm_kg.store import Snapshot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison:
    """What servers achieved, and under what conditions."""

    outcome: Outcome
    conditions: Mapping[str, str]
    is_passed: ClassVar[bool] = True
    """Nothing is asked of a comparison."""


def conditions(
    snapshot: Snapshot, times: int, plan: Plan, client: LoadClient, outcome: Outcome, before: float
) -> dict[str, str]:
    """Under what conditions the figures were had; ``before`` is the load average when the run began."""
    held = snapshot.manifest
    servers = (f"{server.name} {server.version}" for server in outcome.servers)
    memory = (f"{name} {used // MEGABYTE} MB" for name, used in outcome.memory.items())
    return {
        "data": f"{held['quads']:,} quads, {held['triples']:,} triples in the default graph, {times} times the graph",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "servers": ", ".join(servers),
        "memory": ", ".join(memory),
        "client": f"{client.name}, on the same machine",
        "measured": f"median of {plan.rounds} rounds of {plan.seconds:g} seconds, the servers in turn",
        "load average before": f"{before:.1f}",
    }


def rows(outcome: Outcome) -> list[dict[str, str]]:
    """Our figures for each workload, mode and number of clients, and how many times each peer's throughput that is."""
    peers = [server.name for server in outcome.servers if server.name != Ours.name]
    cells = {(cell.workload, cell.mode, cell.clients, cell.server): cell for cell in outcome.cells}
    found = []
    for ours in (cell for cell in outcome.cells if cell.server == Ours.name):
        row = {
            "query": ours.workload,
            "mode": ours.mode,
            "clients": str(ours.clients),
            "requests/s": f"{ours.rate:.0f}",
            "p50 ms": f"{ours.p50:.2f}",
            "p99 ms": f"{ours.p99:.2f}",
            "failed": str(ours.failures),
        }
        others = {peer: cells.get((ours.workload, ours.mode, ours.clients, peer)) for peer in peers}
        found.append(row | {f"x {peer}": _ratio(ours, theirs) for peer, theirs in others.items()})
    return found


def _ratio(ours: Cell, theirs: Cell | None) -> str:
    """Our throughput by theirs; a lower bound where they gave no answer in all the time, a dash where none is right."""
    if theirs is None:
        return "-"
    if not theirs.rate:
        return f">{ours.rate * sum(sample.seconds for sample in theirs.samples):.3g}"
    return f"{ours.rate / theirs.rate:.3g}"


def write(format_name: str, found: Comparison | attack.Outcome) -> None:
    """Print what came of a run: JSON and Markdown whole, a table or TSV with the conditions on standard error."""
    if isinstance(found, Comparison):
        _write_comparison(format_name, found.outcome, found.conditions)
    else:
        _write_attack(format_name, found)


def _write_comparison(format_name: str, outcome: Outcome, told: Mapping[str, str]) -> None:
    problems = [vars(problem) for problem in outcome.problems]
    if format_name == "json":
        cells = [
            {
                "query": cell.workload, "queries": outcome.sizes[cell.workload], "mode": cell.mode,
                "clients": cell.clients, "server": cell.server, "requests/s": cell.rate, "p50 ms": cell.p50,
                "p99 ms": cell.p99, "failed": cell.failures, "rounds": [vars(sample) for sample in cell.samples],
            }
            for cell in outcome.cells
        ]  # fmt: skip
        click.echo(json.dumps({"conditions": told, "cells": cells, "problems": problems}, indent=1))
        return
    notes = [": ".join(filter(None, vars(problem).values())) for problem in outcome.problems]
    _print(format_name, rows(outcome), told, notes)


def _write_attack(format_name: str, outcome: attack.Outcome) -> None:
    samples = {"cheap, alone": outcome.idle, "cheap, attacked": outcome.attacked, "hostile": outcome.hostile}
    found = [
        {
            "queries": name,
            "answered": str(sample.requests),
            "p50 ms": f"{sample.p50:.2f}",
            "p99 ms": f"{sample.p99:.2f}",
            "other answers": ", ".join(f"{count} x {reason}" for reason, count in sorted(sample.failures.items())),
        }
        for name, sample in samples.items()
    ]
    told = {"99th percentile": f"{outcome.ratio:.3g} times what it is alone; asked is less than {attack.ASKED:g}"}
    if format_name == "json":
        click.echo(json.dumps({"conditions": told, "rows": found}, indent=1))
    else:
        _print(format_name, found, told, [])


def _print(format_name: str, found: Sequence[Mapping[str, str]], told: Mapping[str, str], notes: Iterable[str]) -> None:
    lines = [
        *(f"{name}: {value}" for name, value in told.items() if value),
        *(f"not measured: {note}" for note in notes),
    ]
    if format_name == "markdown":
        click.echo(present.markdown(found))
        click.echo("\n".join(f"- {line}" for line in lines))
        return
    present.records(found, format_name)
    click.echo("\n".join(lines), err=True)


def figure(comparison: Comparison) -> Figure:
    """Our throughput as a multiple of each peer's, a panel for each mode and number of clients."""
    from matplotlib.figure import Figure

    outcome = comparison.outcome
    cells = {(cell.workload, cell.mode, cell.clients, cell.server): cell for cell in outcome.cells}
    names = list(dict.fromkeys(cell.workload for cell in outcome.cells))
    modes = list(dict.fromkeys(cell.mode for cell in outcome.cells))
    clients = list(dict.fromkeys(cell.clients for cell in outcome.cells))
    peers = [server.name for server in outcome.servers if server.name != Ours.name]
    drawn = Figure(figsize=(2 + 4 * len(clients), 2 + 0.4 * len(names) * len(modes)), layout="constrained")
    panels: Any = drawn.subplots(len(modes), len(clients), sharex=True, sharey=True, squeeze=False)
    for panel_row, mode in zip(panels, modes, strict=True):
        for panel, number in zip(panel_row, clients, strict=True):
            for place, peer in enumerate(peers):
                ratios = {
                    y: ours.rate / theirs.rate
                    for y, name in enumerate(names)
                    if (ours := cells.get((name, mode, number, Ours.name)))
                    and (theirs := cells.get((name, mode, number, peer)))
                    and ours.rate
                    and theirs.rate
                }
                height = 0.8 / len(peers)
                places = [y + (place - (len(peers) - 1) / 2) * height for y in ratios]
                # bars that begin at 1 show who is the faster
                widths = [ratio - 1 for ratio in ratios.values()]
                panel.barh(places, widths, height, left=1, label=peer)
            panel.set_xscale("log")
            panel.axvline(1, color="black", linewidth=0.8)
            panel.set_title(f"{mode}, {number} client{'' if number == 1 else 's'}")
            panel.set_yticks(range(len(names)), names)
    panels[0][0].invert_yaxis()
    drawn.supxlabel(
        f"requests a second of {Ours.name} as a multiple of the other server's\n{comparison.conditions['data']}"
    )
    handles, labels = panels[0][0].get_legend_handles_labels()
    if labels:
        drawn.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return drawn
