"""Content codings (RFC 9110, section 8.4.1): which one a client wants, and how a body is put into it."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "zstd": lambda body: zstd.compress(body, level=6),
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
"""Content codings (RFC 9110, section 8.4.1); of those that a client likes equally, the first: the fastest to make."""

LONGEST: Final = 200
"""Characters of an Accept-Encoding header whose reading is remembered; browsers send some twenty."""


def coding_for(header: str) -> str:
    """The content coding that an Accept-Encoding header asks for (RFC 9110, section 12.5.3), "" for none.

    >>> coding_for("gzip, deflate, br;q=0.9"), coding_for("*;q=0.5, gzip;q=0"), coding_for("identity")
    ('gzip', 'zstd', '')
    """
    return _remembered(header) if len(header) <= LONGEST else _coding_for(header)


def _coding_for(header: str) -> str:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, *parameters = (text.strip() for text in part.split(";"))
        if coding:
            weights[coding.removeprefix("x-")] = _weight(parameters)
    others = weights.get("*", 0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, others))  # the first of equals
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get("identity", 0) else ""


_remembered = lru_cache(maxsize=256)(_coding_for)


def _weight(parameters: list[str]) -> float:
    """The quality value (RFC 9110, section 12.4.2); 0 for one that is none."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0
            return weight if 0 <= weight <= 1 else 0
    return 1
