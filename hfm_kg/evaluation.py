"""A query with a deadline: it runs in a process of its own, for the engine does not stop when it is asked to.

Run as ``python -m hfm_kg.evaluation STORE FORMAT``, with the query on standard input.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pyoxigraph import Store

from hfm_kg import sparql
from hfm_kg.errors import DeadlineError, EvaluationError


def evaluate(store: Path, query: str, format_name: str, seconds: float) -> bytes:
    """The serialised result of a query over a store on disk.

    Raises DeadlineError if it is not there after so many seconds, EvaluationError if the query breaks its process.
    """
    command = [sys.executable, "-m", "hfm_kg.evaluation", str(store), format_name]
    try:
        done = subprocess.run(command, input=query.encode(), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise DeadlineError(f"the query took longer than {seconds:g} seconds and was stopped") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise EvaluationError(f"the process that evaluated the query has ended: {last or done.returncode}")
    return done.stdout


def main(store: str, format_name: str) -> None:
    """Answer the query of standard input on standard output."""
    result = sparql.evaluate(Store.read_only(store), sys.stdin.buffer.read().decode())
    sparql.write_to(result, sparql.named_format(result, format_name), sys.stdout.buffer)


if __name__ == "__main__":
    main(*sys.argv[1:])
