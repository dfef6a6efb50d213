"""The knowledge graph of healthcare foundation models.

>>> from hfm_kg import open_graph
>>> graph = open_graph()
>>> graph.query("SELECT (COUNT(?model) AS ?models) { ?model a hfm:FoundationModel }")[0].models
200
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hfm_kg.api import KnowledgeGraph, open_graph
    from hfm_kg.result import Result, Row
    from hfm_kg.values import Iri

__all__ = ["Iri", "KnowledgeGraph", "Result", "Row", "__version__", "open_graph"]


def __getattr__(name: str) -> Any:
    """What the package offers to programs, imported when it is asked for: the command line needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hfm_kg import api, result, values

    return getattr({"Iri": values, "Result": result, "Row": result}.get(name, api), name)
