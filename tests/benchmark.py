"""How long the program takes: ``python -m tests.benchmark [RUNS]``.

Each figure is the whole command as a person waits for it, start of the interpreter included; the median of RUNS runs
(3 by default) is printed with the lowest and the highest. Times depend on the machine: compare runs of one machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parent.parent

COMMANDS: dict[str, tuple[str, ...]] = {
    "build, with SHACL and reasoning": ("build",),
    "build, without SHACL and reasoning": ("build", "--no-shacl", "--no-reasoning"),
    "snapshot to first answer (query counts)": ("query", "counts"),
    "check": ("check",),
}


def seconds(arguments: tuple[str, ...], output: Path) -> float:
    """Wall time of one command in a process of its own."""
    folder = () if arguments[0] == "check" else ("--output", str(output))
    command = [sys.executable, "-c", "from hfm_kg.cli import main; main()", *arguments, "--root", str(ROOT), *folder]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - started


def measured(runs: int) -> Iterator[tuple[str, list[float]]]:
    """Each command's times."""
    with tempfile.TemporaryDirectory() as output:
        for name, arguments in COMMANDS.items():
            repeated = track(range(runs), description=name, console=Console(stderr=True), transient=True)
            yield name, [seconds(arguments, Path(output)) for _ in repeated]


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    table = Table("command", "median s", "lowest s", "highest s", title=f"{runs} runs each")
    for name, times in measured(runs):
        table.add_row(name, *(f"{figure:.2f}" for figure in (statistics.median(times), min(times), max(times))))
    Console().print(table)


if __name__ == "__main__":
    main()
