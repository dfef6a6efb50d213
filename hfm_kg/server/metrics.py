"""What the server counts and measures, for Prometheus. With several processes, any of them tells of all."""

from __future__ import annotations

import os
from collections import Counter as Tally
from functools import cache
from typing import Final
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from hfm_kg.server.answers import Answers
from hfm_kg.server.records import Record

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which processes share their figures; the library reads it when imported."""
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; between a ready-made answer and the default deadline."""


def of_all_processes(folder: str) -> CollectorRegistry:
    """The figures of all processes that share a folder."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call] # which registers itself
    return registry


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        self.requests = Counter(
            "hfm_kg_http_requests", "Requests answered.", ["route", "method", "status"], registry=own
        )
        self.bytes = Counter("hfm_kg_http_response_bytes", "Bytes of bodies sent.", registry=own)
        self.in_flight = Gauge(
            "hfm_kg_http_requests_in_flight", "Requests being answered.", registry=own, multiprocess_mode="livesum"
        )
        self.queries = Histogram(
            "hfm_kg_query_duration_seconds",
            "Seconds that queries took from the request's head to the answer's end, by what became of them.",
            ["outcome"],
            registry=own,
            buckets=BUCKETS,
        )
        self.evaluators = Gauge(
            "hfm_kg_evaluators", "Evaluators alive.", ["state"], registry=own, multiprocess_mode="livesum"
        )
        self.waiting = Gauge(
            "hfm_kg_queries_waiting", "Queries in the queue.", registry=own, multiprocess_mode="livesum"
        )
        self.kills = Counter(
            "hfm_kg_evaluator_kills", "Evaluators that were killed or broke, by cause.", ["cause"], registry=own
        )
        self.cut = Counter("hfm_kg_results_cut", "Results that were broken off on the way.", registry=own)
        self.cache_bytes = Gauge(
            "hfm_kg_cache_bytes", "Bytes of answers kept.", registry=own, multiprocess_mode="livesum"
        )
        self.cache_answers = Gauge("hfm_kg_cache_answers", "Answers kept.", registry=own, multiprocess_mode="livesum")
        self.cache_hits = Counter("hfm_kg_cache_hits", "Queries whose answer was there.", registry=own)
        self.cache_misses = Counter("hfm_kg_cache_misses", "Queries whose answer was not there.", registry=own)
        self.switches = Counter("hfm_kg_snapshot_switches", "Changes to a new snapshot.", ["result"], registry=own)
        # the library checks and looks for labels each time, which takes longer than to count
        self._like = cache(lambda route, method, status: self.requests.labels(route, method, str(status)))
        self._ended = cache(self.queries.labels)
        self.seen: WeakKeyDictionary[object, Tally[str]] = WeakKeyDictionary()
        if FOLDER not in os.environ:
            ProcessCollector(registry=own)

    def tell(self, record: Record) -> None:
        """A request has been answered."""
        self._like(record.route or "none", _method(record.method), record.status).inc()
        self.bytes.inc(record.size)
        if record.outcome == "cut":
            self.cut.inc()
        if record.query is not None:
            self._ended(record.outcome).observe(record.seconds)

    def observe(self, answers: Answers, *, is_current: bool = True) -> None:
        """Take over what pool and cache of a snapshot tell; the counters alone if it is no longer the current one."""
        pool, cache = answers.pool, answers.cache
        for cause, number in pool.kills.items():
            self.kills.labels(cause).inc(self._more(pool, cause, number))
        self.cache_hits.inc(self._more(cache, "hits", cache.hits))
        self.cache_misses.inc(self._more(cache, "misses", cache.misses))
        if is_current:
            self.evaluators.labels("idle").set(len(pool.idle))
            self.evaluators.labels("busy").set(max(0, pool.alive - len(pool.idle)))
            self.waiting.set(len(pool.waiting))
            self.cache_bytes.set(cache.size)
            self.cache_answers.set(len(cache.answers))

    def _more(self, counting: object, name: str, number: int) -> int:
        """How much has come to a count of an object's since it was last seen."""
        seen = self.seen.setdefault(counting, Tally())
        more, seen[name] = number - seen[name], number
        return more

    def exposition(self) -> bytes:
        """All figures, of all processes, in Prometheus' text format."""
        folder = os.environ.get(FOLDER)
        return generate_latest(of_all_processes(folder) if folder else self.registry)


def _method(name: str) -> str:
    """The method's name, if it is one that is known: a client must not make as many time series as it likes."""
    return name if name in ("GET", "HEAD", "POST", "OPTIONS") else "other"
