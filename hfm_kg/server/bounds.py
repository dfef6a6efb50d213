"""What queries may use, as an operator sets it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hfm_kg.admission import NAMES, Shape
from hfm_kg.errors import UsageError
from hfm_kg.tables import nearest

MEGABYTE: Final = 1024 * 1024


def _memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Limits:
    """What queries may use; an operator may set each of them."""

    evaluators: int = 16
    """Queries that are evaluated at once, each in a process of its own. Most are there lest anybody waits for one: as
    many queries as there are processors get nearly all the time."""
    timeout: float = 30
    """Seconds for parsing, planning, evaluating and writing one query; a client may ask for less."""
    memory: int = 1024 * MEGABYTE
    """Bytes that one query may use beyond the graph itself."""
    total_memory: int = field(default_factory=lambda: _memory() // 2)
    """Bytes that all queries may use together."""
    in_memory: int = field(default_factory=lambda: _memory() // 16)
    """Bytes of N-Quads that are read into memory, where they take about five times that; a larger snapshot is read from
    its store on disk, some times more slowly."""
    result: int = 256 * MEGABYTE
    """Bytes of one result."""
    hold: int = MEGABYTE
    """Bytes of a result that are held back, so that an error within them still has its own status."""
    queue: int = 64
    """Queries that may wait for an evaluator."""
    patience: float = 10
    """Seconds in which the head of a request must have arrived, and its body; and in which a client must take something
    of what was written for it."""
    per_client: int = 16
    """Queries of one client that may be under way or wait."""
    cache: int = 64 * MEGABYTE
    """Bytes of answers that are kept ready-made."""
    shape: Shape = field(default_factory=Shape)
    """What a query may be made of."""


def limits(shape: Iterable[str], given: Mapping[str, float]) -> Limits:
    """Limits as an operator gives them: those of a query's shape as NAME=NUMBER, memory, result and cache in megabytes.

    Raises UsageError over one that is no number, and over an unknown one, with the nearest name.
    """
    counts = {}
    for text in shape:
        name, _, number = text.partition("=")
        if name not in NAMES:
            raise UsageError(f"--limit {text}: no limit {name!r}{nearest(name, list(NAMES))}")
        if not number.isdecimal():
            raise UsageError(f"--limit {text}: {number!r} is no number; write {name}={getattr(Shape(), name)}")
        counts[name] = int(number)
    for name in ("timeout", "patience"):
        if not 0 < given.get(name, 1) < float("inf"):
            raise UsageError(f"--{name} {given[name]} is no number of seconds")
    values = {name: value if name in ("timeout", "patience") else int(value) for name, value in given.items()}
    for name in ("memory", "total_memory", "in_memory", "result", "cache"):
        if name in values:
            values[name] = int(values[name]) * MEGABYTE
    return Limits(shape=Shape(**counts), **values)  # type: ignore[arg-type] # all but the seconds are whole numbers
