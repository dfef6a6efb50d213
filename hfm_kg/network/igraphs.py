"""igraph, which only some measures need and which takes random numbers from one generator for all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hfm_kg.errors import NotInstalledError


def igraph() -> Any:
    """The package. Raises NotInstalledError."""
    try:
        import igraph as package
    except ImportError:
        raise NotInstalledError("this measure needs igraph: pip install 'hfm-kg[network]'") from None
    return package


@contextmanager
def seeded(generator: random.Random) -> Iterator[None]:
    """Let igraph take its random numbers from a generator for a while."""
    igraph().set_random_number_generator(generator)
    try:
        yield
    finally:
        igraph().set_random_number_generator(random)
