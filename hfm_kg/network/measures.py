"""Measures of the field as a network, each a table with its definition and what chance gives beside it.

All random numbers come from one seed; ``samples`` random networks (or dealings-out) stand behind every z and p. p is
empirical and one-sided unless a definition says otherwise; q is the false discovery rate over the rows of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hfm_kg.errors import UsageError
from hfm_kg.network import centrality, growth, likeness, structure
from hfm_kg.network.source import Measure, Network
from hfm_kg.tables import nearest

__all__ = ["MEASURES", "Measure", "Network", "chosen", "measure"]

MEASURES: Final[Mapping[str, Callable[[Network], Measure]]] = {
    "backbones": centrality.backbones,
    "bridges": centrality.bridges,
    "communities": structure.communities,
    "lineage": structure.lineage,
    "cores": structure.cores,
    "co-occurrence": likeness.co_occurrence,
    "similar-models": likeness.similar_models,
    "similar-datasets": likeness.similar_datasets,
    "growth": growth.growth,
    "growth-rate": growth.growth_rate,
}
"""The measures by name."""


def chosen(names: Sequence[str]) -> list[str]:
    """The measures of those names, all if none is named. Raises UsageError, with the nearest name."""
    for name in names:
        if name not in MEASURES:
            raise UsageError(f"no measure {name!r}; there are {', '.join(MEASURES)}{nearest(name, list(MEASURES))}")
    return list(dict.fromkeys(names)) or list(MEASURES)


def measure(network: Network, name: str) -> Measure:
    """The measure of that name. Raises UsageError, or NotInstalledError without the packages that it needs."""
    (known,) = chosen([name])
    if not network.subfield:
        raise UsageError("the source has no models with a sub-field, so there is nothing to measure")
    return MEASURES[known](network)
