"""The tools that list things: one for each kind that people list, with its facets as arguments."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

from pydantic import Field

from hfm_kg.agents.answers import Table
from hfm_kg.agents.citing import table
from hfm_kg.agents.tools import Limit, Name, Offset
from hfm_kg.api import KnowledgeGraph
from hfm_kg.kinds import KINDS, Asks, Facet, Kind

HOLDS: Final = {
    "models": "The models that the survey reviews and that have all of this; broader concepts hold the narrower ones.",
    "datasets": "The datasets and databases that the survey reviews and that have all of this.",
    "references": "The works in the survey's reference list that have all of this.",
    "concepts": "The concepts with their definitions: the values that the facets of models and datasets take.",
}
"""What is said of each tool."""
NAMES: Final = Name | Annotated[list[Name], Field(max_length=20)] | None
NUMBER: Final = Annotated[int, Field(ge=0, le=10**15)] | None
SCHEMES: Final = sorted({facet.scheme for kind in KINDS.values() for facet in kind.facets if facet.scheme})
"""Whose concepts are values of facets."""
LARGEST: Final = 20
"""Rows that are given unless more are asked for."""


def tools(graph: KnowledgeGraph) -> dict[str, Callable[..., Table]]:
    """The tools by name."""
    return {f"list_{kind.name}": _tool(graph, kind) for kind in KINDS.values()}


def _tool(graph: KnowledgeGraph, kind: Kind) -> Callable[..., Table]:
    def listed(*, order: str, limit: int, offset: int, **given: Any) -> Table:
        chosen = {_argument(name): value for name, value in given.items()}
        return table(graph, getattr(graph, kind.name)(**chosen, order=order), limit, offset, "name more facets")

    columns = ", ".join(("name", *(column.name for column in kind.columns)))
    ordering = Field(max_length=40, description=f"One of {columns}; with - before it for the greatest first")
    listed.__name__ = f"list_{kind.name}"
    listed.__doc__ = HOLDS[kind.name]
    listed.__signature__ = Signature(  # type: ignore[attr-defined] # PEP 362: what the function is shown to take
        [
            *(Parameter(_argument(one.name), Parameter.KEYWORD_ONLY, default=None, annotation=_values(one))
              for one in kind.facets),
            Parameter("order", Parameter.KEYWORD_ONLY, default="", annotation=Annotated[str, ordering]),
            Parameter("limit", Parameter.KEYWORD_ONLY, default=LARGEST, annotation=Limit),
            Parameter("offset", Parameter.KEYWORD_ONLY, default=0, annotation=Offset),
        ],
        return_annotation=Table,
    )  # fmt: skip
    return listed


def _argument(facet: str) -> str:
    """The name of a facet as Python takes it."""
    return f"{facet}_" if keyword.iskeyword(facet) else facet


def _values(facet: Facet) -> Any:
    """What a facet is narrowed by, with what is said of it."""
    taken = bool | None if facet.asks is Asks.THERE else NAMES if facet.asks is Asks.ANY else NUMBER
    known = SCHEMES if facet.name == "scheme" else facet.texts
    few = f": {', '.join(known)}" if known else f"; list_concepts scheme={facet.scheme}" if facet.scheme else ""
    told = f"{facet.label}: {facet.asks.value}{few}"
    return Annotated[taken, Field(alias=facet.name, description=told)]
