"""What cheap queries of some clients take while others send the worst queries there are.

The hostile clients ask with no pause, each from an address of its own; the others ask as people and pages do, with a
pause, and each of their requests is another one, so that no cache spares them the wait.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hfm_kg.bench import load
from hfm_kg.bench.answers import SOLUTIONS
from hfm_kg.bench.client import Sample, Task
from hfm_kg.bench.servers import QUIET, Ours, started
from hfm_kg.bench.workload import Workload
from hfm_kg.store import Snapshot

CHEAP: Final = ("iri-lookup", "year-filter", "two-hop-join")
"""The shapes that the other clients ask for."""

CLIENTS: Final = 4
"""Hostile clients, and as many others."""

PAUSE: Final = 0.02
"""Seconds that a client waits between an answer and its next question."""

HEAD_START: Final = 1.0
"""Seconds that the hostile clients are at work before the others are measured, and afterwards."""

ASKED: Final = 5.0
"""What the 99th percentile may grow by."""


def _nested(opening: str, closing: str, depth: int, core: str) -> str:
    return opening * depth + core + closing * depth


HOSTILE: Final[Mapping[str, str]] = {
    # these exhaust the engine's stack
    "EXISTS nested 900 deep": "ASK " + _nested("{ ?s ?p ?o FILTER EXISTS ", "}", 900, "{ ?s ?p ?o }"),
    "STR() nested 1,000 deep": f"ASK {{ ?s ?p ?o FILTER({_nested('STR(', ')', 1000, '?s')} = 'x') }}",
    "groups nested 2,300 deep": "ASK " + _nested("{", "}", 2300, " ?s ?p ?o "),
    "parentheses nested 4,800 deep": f"ASK {{ ?s ?p ?o FILTER{_nested('(', ')', 4800, '?s = 1')} }}",
    # these keep it planning for ten seconds to a minute
    "( ) nested 250 deep": f"ASK {{ ?s ?p {_nested('(', ')', 250, '1')} }}",
    "[ ] nested 250 deep": f"ASK {{ ?s ?p {_nested('[ ?p ', ']', 250, '1')} }}",
    "300 OPTIONAL": f"SELECT * {{ ?s ?p ?o {''.join(f'OPTIONAL {{ ?s ?p{n} ?o{n} }} ' for n in range(300))}}}",
    "path of 1,000 steps": f"ASK {{ ?s {'/'.join(['<urn:p>'] * 1000)} ?o }}",
    "1,000 triple patterns": f"ASK {{ {' . '.join(f'?s{n} ?p ?o{n}' for n in range(1000))} }}",
    "4,000 UNION": f"ASK {{ {' UNION '.join(f'{{ ?s <urn:p{n}> ?o }}' for n in range(4000))} }}",
    # these are small, and take all the time or memory there is
    "Cartesian product, counted": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "Cartesian product, sorted": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?a ?f",
    "REPLACE bomb": (
        "SELECT (STRLEN(?h) AS ?n) { BIND('xxxxxxxxxxxxxxxx' AS ?a) "
        + " ".join(
            f"BIND(REPLACE(?{was}, 'x', ?{was}) AS ?{now})" for was, now in zip("abcdefg", "bcdefgh", strict=True)
        )
        + " }"
    ),
    # these stay just below the limits that a server like ours may have
    "48 OPTIONAL": f"SELECT * {{ ?s a ?c {''.join(f'OPTIONAL {{ ?s ?p{n} ?o{n} }} ' for n in range(48))}}}",
    "path of 90 steps": f"ASK {{ ?s {'/'.join(['<https://w3id.org/hfm/task>'] * 90)} ?o }}",
    "110 triple patterns": f"ASK {{ {' . '.join(f'?s{n} ?p ?o{n}' for n in range(110))} }}",
}
"""Queries that crash an engine, or make it take all time or memory; the thresholds are those of pyoxigraph 0.5.13."""


@dataclass(frozen=True)
class Outcome:
    """Cheap queries without and with hostile ones beside them."""

    idle: Sample
    attacked: Sample
    hostile: Sample
    """What became of the hostile queries: failures are what a server should make of them."""

    @property
    def ratio(self) -> float:
        """How much the 99th percentile grew; NaN where there was no answer at all."""
        return self.attacked.p99 / self.idle.p99

    @property
    def is_passed(self) -> bool:
        """Whether no other request failed, and the 99th percentile stayed below what is asked."""
        return not self.idle.failures and not self.attacked.failures and self.ratio < ASKED


def run(
    snapshot: Snapshot, cheap: Sequence[Workload], seconds: float, patience: float, progress: Callable[[str], None]
) -> Outcome:
    """Start our server as ``hfm-kg serve`` starts it, and measure ``seconds`` without and with the attack."""
    queries = [query for workload in cheap for query in workload.queries]
    with tempfile.TemporaryDirectory(prefix="hfm-kg-") as folder:
        progress("starting hfm-kg")
        with started(Ours(options=()), snapshot, Path(folder) / "hfm-kg", patience) as server:
            server.settle(patience, QUIET)
            progress("cheap queries alone")
            idle = load.Python().run(_cheap(server.url, queries, seconds))
            progress("cheap queries beside hostile ones")
            with ThreadPoolExecutor() as threads:
                hostile = threads.submit(load.Python().run, _hostile(server.url, seconds + 2 * HEAD_START))
                time.sleep(HEAD_START)
                attacked = load.Python().run(_cheap(server.url, queries, seconds))
                return Outcome(idle, attacked, hostile.result())


def _cheap(url: str, queries: Sequence[str], seconds: float) -> Task:
    """The cheap queries, each time other ones."""
    parts = urlsplit(url)
    requests = load.requests(url, queries, cold=True)
    return Task(
        parts.hostname or "", parts.port or 80, requests, CLIENTS, seconds, next(load.NUMBERS), PAUSE, finishes=True
    )


def _hostile(url: str, seconds: float) -> Task:
    """The hostile queries in turn, by POST since some are longer than an address may be."""
    parts = urlsplit(url)
    requests = [
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {SOLUTIONS}\r\n"
        f"Content-Type: application/sparql-query\r\nContent-Length: {len(query.encode())}\r\n\r\n{query}"
        for query in HOSTILE.values()
    ]
    sources = [f"127.0.0.{2 + number}" for number in range(CLIENTS)]
    return Task(
        parts.hostname or "", parts.port or 80, [[one, ""] for one in requests], CLIENTS, seconds, sources=sources
    )
